/* SPDX-License-Identifier: Apache-2.0 */
/* The root port: what its registers do. What they are stands in pci_bridge_regs.c. */
#include "pci_bridge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "bits.h"
#include "log.h"
#include "pci_bridge_regs.h"
#include "pci_guard.h"
#include "pci_ide.h"
#include "pci_priv.h"
#include "vm.h"

#define BRIDGE_RESET ((uint32_t)PCI_BRIDGE_CTL_BUS_RESET << 16) /* in the dword of the interrupt line */
#define LINK_UP	     (PCI_EXP_LNKSTA_CLS_16_0GB | BRIDGE_LINK_WIDTH << 4 | PCI_EXP_LNKSTA_DLLLA)
#define LINK_STATE   (PCI_EXP_LNKSTA_CLS | PCI_EXP_LNKSTA_NLW | PCI_EXP_LNKSTA_DLLLA)

static struct pci_bridge *to_bridge(struct pci_function *fn)
{
	return container_of(fn, struct pci_bridge, fn);
}

static bool occupied(const struct pci_bridge *bridge)
{
	for (unsigned i = 0; i < ARRAY_LEN(bridge->children); i++)
		if (bridge->children[i])
			return true;
	return false;
}

static uint16_t get16(const struct pci_bridge *bridge, uint16_t offset)
{
	return (uint16_t)pci_cfg_get(&bridge->fn.cfg, offset, 2);
}

static bool link_up(const struct pci_bridge *bridge)
{
	return get16(bridge, BRIDGE_CAP_EXP + PCI_EXP_LNKSTA) & PCI_EXP_LNKSTA_DLLLA;
}

static void reset_below(struct pci_bridge *bridge)
{
	for (unsigned i = 0; i < ARRAY_LEN(bridge->children); i++)
		if (bridge->children[i])
			pci_function_reset(bridge->children[i]); /* logs; to the guest a reset cannot fail */
}

/* Link status follows occupancy, Link Disable and Secondary Bus Reset; functions below are reset when the link goes
 * down, which both of the latter make it do (PCIe 6.0, 6.6.1: hot reset). */
static void update_link(struct pci_bridge *bridge)
{
	struct pci_cfg *cfg = &bridge->fn.cfg;
	bool was = link_up(bridge);
	bool now = occupied(bridge) && !(get16(bridge, PCI_BRIDGE_CONTROL) & PCI_BRIDGE_CTL_BUS_RESET) &&
		   !(get16(bridge, BRIDGE_CAP_EXP + PCI_EXP_LNKCTL) & PCI_EXP_LNKCTL_LD);
	uint16_t status = get16(bridge, BRIDGE_CAP_EXP + PCI_EXP_LNKSTA) & (uint16_t)~LINK_STATE;
	uint16_t slot = get16(bridge, BRIDGE_CAP_EXP + PCI_EXP_SLTSTA);

	if (was == now)
		return;
	pci_cfg_set(cfg, BRIDGE_CAP_EXP + PCI_EXP_LNKSTA, 2, status | (now ? LINK_UP : 0));
	pci_cfg_set(cfg, BRIDGE_CAP_EXP + PCI_EXP_SLTSTA, 2, slot | PCI_EXP_SLTSTA_DLLSC);
	if (!now)
		reset_below(bridge);
}

void pci_bridge_control_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask)
{
	if ((old ^ now) & BRIDGE_RESET)
		update_link(to_bridge(fn));
}

void pci_bridge_link_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask)
{
	struct pci_bridge *bridge = to_bridge(fn);

	/* 7.5.3.7: Retrain Link reads as 0; the training that it starts is over at once and leaves its mark in the
	 * status. */
	if (now & PCI_EXP_LNKCTL_RL) {
		uint32_t lbms = link_up(bridge) ? (uint32_t)PCI_EXP_LNKSTA_LBMS << 16 : 0;

		pci_cfg_set(&fn->cfg, offset, 4, (now & ~(uint32_t)PCI_EXP_LNKCTL_RL) | lbms);
	}
	update_link(bridge);
}

void pci_bridge_power_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask)
{
	uint32_t state = now & PCI_PM_CTRL_STATE_MASK;

	/* 7.5.2.2: a write of an unsupported state (D1, D2) completes and changes nothing. */
	if (state == 1 || state == 2)
		pci_cfg_set(&fn->cfg, offset, 4,
			    (now & ~(uint32_t)PCI_PM_CTRL_STATE_MASK) | (old & PCI_PM_CTRL_STATE_MASK));
}

void pci_bridge_buses_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask)
{
	if (!((old ^ now) & MASK32(15, 8)))
		return;
	/* The requester ids below are others now, and with them the order of precedence of BARs. */
	pci_irq_notify_below(fn);
	if (fn->host)
		pci_host_remap(fn->host);
}

void pci_bridge_window_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask)
{
	if (old != now && fn->host && pci_function_memory_enabled(fn))
		pci_host_remap(fn->host);
}

/* The end of a stream at one side is its end at the other: what comes is not protected any more. */
static void port_stream_insecure(void *opaque, uint8_t stream)
{
	struct pci_bridge *bridge = opaque;

	for (unsigned i = 0; i < ARRAY_LEN(bridge->children); i++)
		if (bridge->children[i] && bridge->children[i]->ide)
			pci_ide_fail_stream(bridge->children[i]->ide, stream);
}

int pci_bridge_add_ide(struct pci_bridge *bridge)
{
	const struct pci_ide_config config = {
		.offset = BRIDGE_EXT_IDE,
		.link = true,
		.selective = 2,
		.addresses = 1,
		.insecure = port_stream_insecure,
		.opaque = bridge,
	};
	struct pci_ide *ide = calloc(1, sizeof(*ide));
	int err;

	if (!ide)
		return log_fail(-ENOMEM, "%s: no memory for the IDE capability", bridge->fn.name);
	err = pci_ide_add(ide, &bridge->fn, &config);
	if (err)
		free(ide);
	else
		bridge->ide = ide;
	return err;
}

/* The port's own MSI: brings the route in line with what the guest has programmed. */
static void port_irq_changed(struct pci_function *fn)
{
	struct pci_bridge *bridge = to_bridge(fn);
	struct msi_msg msg;

	if (!pci_irq_vector(fn, 0, &msg)) {
		irq_route_disconnect(&bridge->irq);
		return;
	}
	msg.translated = bridge->translated;
	if (irq_route_connect(&bridge->irq, &msg) != 0)
		log_guest("%s: MSI to %#llx goes nowhere", fn->name, (unsigned long long)msg.address);
}

static bool port_pending(struct pci_function *fn, unsigned vector)
{
	return irq_route_pending(&to_bridge(fn)->irq);
}

static int port_reset(struct pci_function *fn)
{
	struct pci_bridge *bridge = to_bridge(fn);

	irq_route_clear(&bridge->irq);
	if (bridge->ide)
		pci_ide_after_reset(bridge->ide, PCI_RESET_CONVENTIONAL);
	pci_irq_notify_below(fn); /* the bus number may be another */
	return 0;
}

static void port_destroy(struct pci_function *fn)
{
	struct pci_bridge *bridge = to_bridge(fn);

	irq_route_fini(&bridge->irq);
	pci_function_fini(fn);
	free(bridge->ide);
	free(bridge);
}

static const struct pci_function_ops port_ops = {
	.irq_changed = port_irq_changed,
	.reset = port_reset,
	.destroy = port_destroy,
};

int pci_bridge_create(struct pci_bridge **out, struct vm *vm, const char *name, uint8_t slot, uint8_t bus)
{
	struct pci_bridge *bridge = calloc(1, sizeof(*bridge));
	int err;

	if (!bridge)
		return log_fail(-ENOMEM, "%s: no memory for a root port", name);
	pci_function_init(&bridge->fn, name, &port_ops);
	bridge->slot = slot;
	bridge->irq.eventfd = -1;
	bridge->fn.irq.pending = port_pending;
	err = pci_bridge_regs_init(&bridge->fn, slot, bus);
	if (err == 0)
		err = irq_route_init(&bridge->irq, vm->irqchip);
	if (err != 0) {
		port_destroy(&bridge->fn);
		return err;
	}
	*out = bridge;
	return 0;
}

struct pci_bridge *pci_bridge_of(struct pci_function *fn)
{
	return fn->ops == &port_ops ? to_bridge(fn) : NULL;
}

uint8_t pci_bridge_secondary(const struct pci_bridge *bridge)
{
	return (uint8_t)pci_cfg_get(&bridge->fn.cfg, PCI_SECONDARY_BUS, 1);
}

bool pci_bridge_reaches(const struct pci_bridge *bridge, uint8_t bus)
{
	return bus == pci_bridge_secondary(bridge) && bus <= pci_cfg_get(&bridge->fn.cfg, PCI_SUBORDINATE_BUS, 1) &&
	       link_up(bridge);
}

void pci_bridge_occupied(struct pci_bridge *bridge)
{
	pci_cfg_own(&bridge->fn.cfg, BRIDGE_CAP_EXP + PCI_EXP_SLTCTL, (uint32_t)PCI_EXP_SLTSTA_PDS << 16,
		    (uint32_t)PCI_EXP_SLTSTA_PDS << 16);
	pci_cfg_own(&bridge->fn.cfg, BRIDGE_CAP_EXP + PCI_EXP_LNKCTL, (uint32_t)LINK_STATE << 16,
		    (uint32_t)LINK_UP << 16);
}

/* [base, limit] of one of the two windows; false when it is closed (base above limit). */
static bool window(uint64_t base, uint64_t limit, struct range *r)
{
	*r = (struct range){.first = base, .last = limit | (BRIDGE_WINDOW_GRANULE - 1)};
	return r->first <= r->last;
}

bool pci_bridge_forwards(const struct pci_bridge *bridge, struct range r)
{
	const struct pci_cfg *cfg = &bridge->fn.cfg;
	uint64_t mem = pci_cfg_get(cfg, PCI_MEMORY_BASE, 4);
	uint64_t pref = pci_cfg_get(cfg, PCI_PREF_MEMORY_BASE, 4);
	uint64_t base_high = pci_cfg_get(cfg, PCI_PREF_BASE_UPPER32, 4);
	uint64_t limit_high = pci_cfg_get(cfg, PCI_PREF_LIMIT_UPPER32, 4);
	struct range w;

	if (window((mem & 0xfff0u) << 16, mem & 0xfff00000u, &w) && range_contains(w, r))
		return true;
	return window(base_high << 32 | (pref & 0xfff0u) << 16, limit_high << 32 | (pref & 0xfff00000u), &w) &&
	       range_contains(w, r);
}

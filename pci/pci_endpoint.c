/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration space that emulated endpoints have in common, and what its registers do. */
#include "pci_endpoint.h"

#include <errno.h>
#include <linux/pci_regs.h>

#include "bits.h"
#include "log.h"
#include "pci_guard.h"
#include "pci_priv.h"
#include "vm.h"

#define EXP(reg) (PCI_ENDPOINT_CAP_EXP + (reg))

/* 7.5.3.3 - 7.5.3.5: 512 byte payloads, extended tags, function level reset; any acceptable latency. */
#define DEVCAP                                                                                                         \
	(0x2u | PCI_EXP_DEVCAP_EXT_TAG | PCI_EXP_DEVCAP_L0S | PCI_EXP_DEVCAP_L1 | PCI_EXP_DEVCAP_RBER |                \
	 PCI_EXP_DEVCAP_FLR)
#define DEVCTL_RESET (PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ_512B)
#define DEVCTL_WRITE                                                                                                   \
	(PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE | PCI_EXP_DEVCTL_URRE |                      \
	 PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_PAYLOAD | PCI_EXP_DEVCTL_EXT_TAG | PCI_EXP_DEVCTL_NOSNOOP_EN |       \
	 PCI_EXP_DEVCTL_READRQ | PCI_EXP_DEVCTL_BCR_FLR)
#define DEVSTA_W1C (PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED | PCI_EXP_DEVSTA_FED | PCI_EXP_DEVSTA_URD)

/* 7.5.3.6 - 7.5.3.8, 7.5.3.18 - 7.5.3.20: 16 lanes at 16 GT/s, up; no ASPM. */
#define LINK_WIDTH   16u
#define LNKCAP	     (PCI_EXP_LNKCAP_SLS_16_0GB | LINK_WIDTH << 4 | BIT32(22))
#define LNKCTL_WRITE (PCI_EXP_LNKCTL_CCC | PCI_EXP_LNKCTL_ES | PCI_EXP_LNKCTL_RCB)
#define LNKSTA	     (PCI_EXP_LNKSTA_CLS_16_0GB | LINK_WIDTH << 4)
#define LNKCAP2	     0x1eu

static struct pci_endpoint *to_endpoint(struct pci_function *fn)
{
	return container_of(fn, struct pci_endpoint, fn);
}

bool pci_endpoint_powered(const struct pci_endpoint *ep)
{
	return (pci_cfg_get(&ep->fn.cfg, PCI_ENDPOINT_CAP_PM + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK) == 0;
}

/* DMA follows bus mastering, of the function and above it, and the power state (PCI PM 1.2, 5.4.1: D3hot). */
static void update_dma(struct pci_endpoint *ep)
{
	bool was = ep->dma.enabled;
	bool now = !ep->gated && !ep->dma_blocked && pci_endpoint_powered(ep) && pci_function_bus_master(&ep->fn);

	if (was == now)
		return;
	dma_space_enable(&ep->dma, now);
	if (ep->ops->bus_master)
		ep->ops->bus_master(ep, now);
}

/* Under another requester id an IOMMU has other translations for it. */
static void update_rid(struct pci_endpoint *ep)
{
	uint16_t rid = pci_function_rid(&ep->fn);

	if (rid == ep->rid)
		return;
	ep->rid = rid;
	dma_space_invalidate(&ep->dma);
	if (ep->fn.guard && ep->fn.guard->ops->renamed)
		ep->fn.guard->ops->renamed(ep->fn.guard);
}

static void endpoint_irq_changed(struct pci_function *fn)
{
	struct pci_endpoint *ep = to_endpoint(fn);

	update_rid(ep);
	update_dma(ep);
	pci_endpoint_irq_reconcile(ep);
}

void pci_endpoint_block_dma(struct pci_endpoint *ep, bool blocked)
{
	if (ep->dma_blocked == blocked)
		return;
	ep->dma_blocked = blocked;
	update_dma(ep);
	pci_endpoint_irq_reconcile(ep);
}

void pci_endpoint_gate(struct pci_endpoint *ep, bool closed)
{
	ep->gated = closed;
	update_dma(ep);
	pci_endpoint_irq_reconcile(ep);
}

/* 7.5.2.2: a write of an unsupported state changes nothing; D3hot to D0 loses the context (No_Soft_Reset is 0). */
static void power_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask)
{
	uint32_t was = old & PCI_PM_CTRL_STATE_MASK, state = now & PCI_PM_CTRL_STATE_MASK;

	if (state == 1 || state == 2) {
		pci_cfg_set(&fn->cfg, offset, 4, (now & ~(uint32_t)PCI_PM_CTRL_STATE_MASK) | was);
		return;
	}
	if (was != 0 && state == 0)
		pci_function_flr(fn);
	else if (was != state)
		endpoint_irq_changed(fn);
}

/* 7.5.3.4: Initiate Function Level Reset reads as 0. */
static void device_control_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask)
{
	if (now & PCI_EXP_DEVCTL_BCR_FLR)
		pci_function_flr(fn);
}

static int endpoint_cfg_read(struct pci_function *fn, uint16_t offset, uint8_t size, uint32_t *value)
{
	struct pci_endpoint *ep = to_endpoint(fn);

	return ep->ops->cfg_read ? ep->ops->cfg_read(ep, offset, size, value) : -ENODEV;
}

static int endpoint_cfg_write(struct pci_function *fn, uint16_t offset, uint8_t size, uint32_t value)
{
	struct pci_endpoint *ep = to_endpoint(fn);

	return ep->ops->cfg_write ? ep->ops->cfg_write(ep, offset, size, value) : -ENODEV;
}

static enum bus_verdict endpoint_bar_access(struct pci_function *fn, unsigned index, struct bus_access *access)
{
	struct pci_endpoint *ep = to_endpoint(fn);

	if (ep->gated || !pci_endpoint_powered(ep))
		return BUS_UNHANDLED;
	return ep->ops->bar_access(ep, index, access);
}

static int endpoint_bar_map(struct pci_function *fn, unsigned index, gpa_t addr)
{
	struct pci_endpoint *ep = to_endpoint(fn);

	if (ep->ops->bar_map)
		ep->ops->bar_map(ep, index, addr);
	return 0;
}

static void endpoint_bar_unmap(struct pci_function *fn, unsigned index)
{
	struct pci_endpoint *ep = to_endpoint(fn);

	if (ep->ops->bar_unmap)
		ep->ops->bar_unmap(ep, index);
}

static int endpoint_reset(struct pci_function *fn)
{
	struct pci_endpoint *ep = to_endpoint(fn);

	ep->resets++;
	if (ep->gate && !ep->gated) {
		pci_endpoint_gate(ep, true);
		ep->gate->was_reset(ep->gate->opaque);
	}
	update_dma(ep);
	ep->ops->reset(ep);
	pci_endpoint_irq_clear(ep);
	return 0;
}

static void endpoint_destroy(struct pci_function *fn)
{
	struct pci_endpoint *ep = to_endpoint(fn);

	ep->ops->destroy(ep);
}

static void endpoint_describe(struct pci_function *fn, struct fdtw *fdt)
{
	struct pci_endpoint *ep = to_endpoint(fn);

	if (ep->ops->describe)
		ep->ops->describe(ep, fdt);
}

static const struct pci_function_ops endpoint_ops = {
	.cfg_read = endpoint_cfg_read,
	.cfg_write = endpoint_cfg_write,
	.irq_changed = endpoint_irq_changed,
	.bar_access = endpoint_bar_access,
	.bar_map = endpoint_bar_map,
	.bar_unmap = endpoint_bar_unmap,
	.reset = endpoint_reset,
	.destroy = endpoint_destroy,
	.describe = endpoint_describe,
};

static void add_header(struct pci_function *fn, const struct pci_endpoint_config *config)
{
	struct pci_cfg *cfg = &fn->cfg;

	pci_cfg_emulate(cfg, PCI_VENDOR_ID, config->vendor | (uint32_t)config->device << 16, 0, 0, NULL);
	pci_cfg_emulate(cfg, PCI_CLASS_REVISION, config->revision | config->class_code << 8, 0, 0, NULL);
	pci_cfg_emulate(cfg, PCI_CACHE_LINE_SIZE, 0, MASK32(7, 0), 0, NULL);
	pci_cfg_emulate(cfg, PCI_SUBSYSTEM_VENDOR_ID, config->subsystem_vendor | (uint32_t)config->subsystem << 16, 0,
			0, NULL);
}

/* An integrated endpoint has no link (7.5.3: those registers are 0). */
static int add_capabilities(struct pci_function *fn, bool integrated)
{
	struct pci_cfg *cfg = &fn->cfg;
	uint16_t type = integrated ? PCI_EXP_TYPE_RC_END : PCI_EXP_TYPE_ENDPOINT;

	if (pci_cfg_add_cap(cfg, PCI_CAP_ID_PM, PCI_ENDPOINT_CAP_PM, 3, 0, NULL) != 0 ||
	    pci_cfg_add_cap(cfg, PCI_CAP_ID_EXP, PCI_ENDPOINT_CAP_EXP, (uint16_t)(2 | type << 4), 0, NULL) != 0)
		return log_fail(-EINVAL, "%s: the endpoint's capabilities overlap; this is a bug of aerie", fn->name);
	pci_cfg_emulate(cfg, PCI_ENDPOINT_CAP_PM + PCI_PM_CTRL, 0, PCI_PM_CTRL_STATE_MASK, 0, power_written);
	pci_cfg_emulate(cfg, EXP(PCI_EXP_DEVCAP), DEVCAP, 0, 0, NULL);
	pci_cfg_emulate(cfg, EXP(PCI_EXP_DEVCTL), DEVCTL_RESET, DEVCTL_WRITE, (uint32_t)DEVSTA_W1C << 16,
			device_control_written);
	pci_cfg_emulate(cfg, EXP(PCI_EXP_DEVCAP2), PCI_EXP_DEVCAP2_COMP_TMOUT_DIS | PCI_EXP_DEVCAP2_EE_PREFIX, 0, 0,
			NULL);
	pci_cfg_emulate(cfg, EXP(PCI_EXP_DEVCTL2), 0, PCI_EXP_DEVCTL2_COMP_TMOUT_DIS, 0, NULL);
	if (integrated)
		return 0;
	pci_cfg_emulate(cfg, EXP(PCI_EXP_LNKCAP), LNKCAP, 0, 0, NULL);
	pci_cfg_emulate(cfg, EXP(PCI_EXP_LNKCTL), (uint32_t)LNKSTA << 16, LNKCTL_WRITE, 0, NULL);
	pci_cfg_emulate(cfg, EXP(PCI_EXP_LNKCAP2), LNKCAP2, 0, 0, NULL);
	pci_cfg_emulate(cfg, EXP(PCI_EXP_LNKCTL2), PCI_EXP_LNKCAP_SLS_16_0GB, 0, 0, NULL);
	return 0;
}

/* A write of 4 bytes by DMA to the doorbell is a message of this requester like any other. */
static bool dma_message(void *opaque, gpa_t pa, uint32_t data)
{
	struct pci_endpoint *ep = opaque;

	return irq_msi_send(ep->vm->irqchip, &(struct msi_msg){
						     .address = pa.v,
						     .data = data,
						     .requester = pci_function_rid(&ep->fn),
					     });
}

int pci_endpoint_init(struct pci_endpoint *ep, struct vm *vm, const struct pci_endpoint_config *config,
		      const struct pci_endpoint_ops *ops)
{
	pci_function_init(&ep->fn, config->name, &endpoint_ops);
	ep->ops = ops;
	ep->vm = vm;
	dma_space_init(&ep->dma, config->name, &vm->gmem, &vm->bus);
	ep->dma.message = dma_message;
	ep->dma.opaque = ep;
	add_header(&ep->fn, config);

	int err = add_capabilities(&ep->fn, config->integrated);

	if (err == 0)
		err = pci_endpoint_irq_init(ep, config->vectors);
	if (err < 0)
		pci_endpoint_fini(ep);
	return err;
}

void pci_endpoint_fini(struct pci_endpoint *ep)
{
	pci_endpoint_irq_fini(ep);
	pci_function_fini(&ep->fn);
}

struct pci_endpoint *pci_endpoint_of(struct pci_function *fn)
{
	return fn->ops == &endpoint_ops ? to_endpoint(fn) : NULL;
}

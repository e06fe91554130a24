/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_pci.h"

#include <stdlib.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "bits.h"

unsigned fake_pci_seq;
unsigned fake_pci_destroyed;

static struct fake_endpoint *to_endpoint(struct pci_function *fn)
{
	return container_of(fn, struct fake_endpoint, fn);
}

static uint32_t lane(uint16_t offset, uint8_t size)
{
	return (size == 4 ? UINT32_MAX : BIT32(size * 8) - 1) << (offset % 4 * 8);
}

static int ep_cfg_read(struct pci_function *fn, uint16_t offset, uint8_t size, uint32_t *value)
{
	struct fake_endpoint *ep = to_endpoint(fn);

	ep->cfg_reads++;
	*value = (ep->device[offset / 4] & lane(offset, size)) >> (offset % 4 * 8);
	return ep->cfg_error;
}

static int ep_cfg_write(struct pci_function *fn, uint16_t offset, uint8_t size, uint32_t value)
{
	struct fake_endpoint *ep = to_endpoint(fn);
	uint32_t mask = lane(offset, size), data = value << (offset % 4 * 8) & mask;
	uint32_t w1c = ep->device_w1c[offset / 4], *reg = &ep->device[offset / 4];

	ep->cfg_writes++;
	ep->last_offset = offset;
	ep->last_size = size;
	*reg = (*reg & (~mask | w1c)) | (data & ~w1c);
	*reg &= ~(data & w1c);
	return ep->cfg_error;
}

static void ep_command(struct pci_function *fn, uint16_t old, uint16_t now)
{
	struct fake_endpoint *ep = to_endpoint(fn);

	ep->commands++;
	ep->command_old = old;
	ep->command_now = now;
}

static int ep_bar_map(struct pci_function *fn, unsigned index, gpa_t addr)
{
	struct fake_endpoint *ep = to_endpoint(fn);
	struct fake_bar *bar = &ep->bar[index];

	if (bar->mapped)
		abort(); /* mapped twice */
	bar->maps++;
	bar->map_seq = ++fake_pci_seq;
	bar->mapped = ep->map_error == 0;
	bar->addr = addr.v;
	return ep->map_error;
}

static void ep_bar_unmap(struct pci_function *fn, unsigned index)
{
	struct fake_bar *bar = &to_endpoint(fn)->bar[index];

	if (!bar->mapped)
		abort(); /* not mapped */
	bar->unmaps++;
	bar->unmap_seq = ++fake_pci_seq;
	bar->mapped = false;
}

static enum bus_verdict ep_bar_access(struct pci_function *fn, unsigned index, struct bus_access *access)
{
	struct fake_endpoint *ep = to_endpoint(fn);

	ep->bar_accesses++;
	ep->last_access = *access;
	ep->last_bar = index;
	if (!access->is_write)
		access->value = 0x1122334455667788u;
	return BUS_HANDLED;
}

static void ep_irq_changed(struct pci_function *fn)
{
	to_endpoint(fn)->irq_changes++;
}

static bool ep_pending(struct pci_function *fn, unsigned vector)
{
	return vector < 64 && (to_endpoint(fn)->pending & BIT64(vector));
}

static int ep_reset(struct pci_function *fn)
{
	to_endpoint(fn)->resets++;
	return 0;
}

static void ep_destroy(struct pci_function *fn)
{
	for (unsigned i = 0; i < PCI_NR_BARS; i++)
		if (to_endpoint(fn)->bar[i].mapped)
			abort(); /* pci_function.h: BARs are off the bus already */
	fake_pci_destroyed++;
	pci_function_fini(fn);
	free(to_endpoint(fn));
}

static const struct pci_function_ops ep_ops = {
	.cfg_read = ep_cfg_read,
	.cfg_write = ep_cfg_write,
	.command = ep_command,
	.bar_map = ep_bar_map,
	.bar_unmap = ep_bar_unmap,
	.bar_access = ep_bar_access,
	.irq_changed = ep_irq_changed,
	.reset = ep_reset,
	.destroy = ep_destroy,
};

struct fake_endpoint *fake_endpoint_new(const char *name)
{
	struct fake_endpoint *ep = calloc(1, sizeof(*ep));

	if (!ep)
		abort();
	pci_function_init(&ep->fn, name, &ep_ops);
	ep->fn.irq.pending = ep_pending;
	pci_cfg_emulate(&ep->fn.cfg, PCI_VENDOR_ID, 0x56781234, 0, 0, NULL);
	pci_cfg_emulate(&ep->fn.cfg, PCI_CLASS_REVISION, 0x01080200, 0, 0, NULL);
	pci_cfg_emulate(&ep->fn.cfg, PCI_CACHE_LINE_SIZE, 0, 0xff, 0, NULL);
	return ep;
}

void fake_endpoint_free(struct fake_endpoint *ep)
{
	ep_destroy(&ep->fn);
}

static void must(int err)
{
	if (err != 0)
		abort();
}

void fake_pci_start(struct fake_pci *world)
{
	static const char *const names[FAKE_PORTS] = {"rp0", "rp1"};
	struct pci_host_config config = {
		.ecam = {FAKE_ECAM, FAKE_ECAM + (256u << 20) - 1},
		.mmio32 = {FAKE_MMIO32, FAKE_MMIO32 + (512u << 20) - 1},
		.mmio64 = {FAKE_MMIO64, FAKE_MMIO64 + (512ull << 30) - 1},
	};

	memset(world, 0, sizeof(*world));
	fake_pci_seq = 0;
	fake_pci_destroyed = 0;
	bus_init(&world->vm.bus);
	for (unsigned i = 0; i < 4; i++)
		config.intx[i] = (struct irq_line){.gsi = 3 + i, .intid = 35 + i, .level = true};
	must(pci_host_create(&world->host, &world->vm, &config));
	for (unsigned i = 0; i < FAKE_PORTS; i++) {
		must(pci_bridge_create(&world->port[i], &world->vm, names[i], (uint8_t)(i + 1), (uint8_t)(i + 1)));
		must(pci_host_place(world->host, NULL, (uint8_t)((i + 1) << 3), &world->port[i]->fn));
	}
}

void fake_pci_stop(struct fake_pci *world)
{
	struct device *dev = pci_host_device(world->host);

	dev->class->destroy(dev);
	if (world->vm.bus.nr_windows != 0)
		abort(); /* something stayed on the bus */
	bus_fini(&world->vm.bus);
}

int fake_pci_place(struct fake_pci *world, unsigned port, uint8_t fn, struct fake_endpoint *ep)
{
	return pci_host_place(world->host, world->port[port], fn, &ep->fn);
}

static uint64_t ecam(unsigned bus, unsigned devfn, unsigned reg)
{
	return FAKE_ECAM + ((uint64_t)bus << 20 | devfn << 12 | reg);
}

uint64_t fake_cfg_read(struct fake_pci *world, unsigned bus, unsigned devfn, unsigned reg, uint8_t size)
{
	uint64_t value;

	bus_read(&world->vm.bus, ecam(bus, devfn, reg), size, &value);
	return value;
}

void fake_cfg_write(struct fake_pci *world, unsigned bus, unsigned devfn, unsigned reg, uint8_t size, uint64_t value)
{
	bus_write(&world->vm.bus, ecam(bus, devfn, reg), size, value);
}

void fake_port_open(struct fake_pci *world, unsigned port, uint32_t base, uint32_t limit, uint64_t pbase,
		    uint64_t plimit)
{
	unsigned devfn = (port + 1) << 3;

	fake_cfg_write(world, 0, devfn, PCI_MEMORY_BASE, 4, (base >> 16 & 0xfff0u) | (limit & 0xfff00000u));
	fake_cfg_write(world, 0, devfn, PCI_PREF_MEMORY_BASE, 4,
		       ((uint32_t)pbase >> 16 & 0xfff0u) | ((uint32_t)plimit & 0xfff00000u));
	fake_cfg_write(world, 0, devfn, PCI_PREF_BASE_UPPER32, 4, pbase >> 32);
	fake_cfg_write(world, 0, devfn, PCI_PREF_LIMIT_UPPER32, 4, plimit >> 32);
	fake_cfg_write(world, 0, devfn, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

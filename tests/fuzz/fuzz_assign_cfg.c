/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device that lies in its configuration space, region sizes and interrupt counts, and a guest that does anything to
 * it. Input: 16 bytes of device shape, a count of patches of the configuration space (offset, value), the patches,
 * accesses.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "assign_priv.h"
#include "fake.h"
#include "fake_vfio.h"
#include "fd.h"
#include "log.h"
#include "pci_host.h"
#include "vm.h"

#define BDF	  "0000:00:05.0"
#define ECAM	  0x4010000000ull
#define MMIO32	  0x10000000ull
#define MMIO64	  0x8000000000ull
#define DEVFN	  0x08u
#define MEM	  0x10000u
#define MAX_SLOTS 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fake_vfio_dev dev;
static uint8_t mem[MEM];
static struct vm vm;
static struct loop loop;
static struct iommufd iommufd;

/* Doubles of the core: slots only while the device decodes memory, routes that count. */
static unsigned nr_slots, nr_routes;

int vm_map_slot(struct vm *v, gpa_t addr, void *host, uint64_t len, uint32_t *slot)
{
	if (!(dev.config[PCI_COMMAND] & PCI_COMMAND_MEMORY) || !host || (addr.v | len) % 4096)
		abort();
	*slot = nr_slots++;
	return 0;
}

void vm_unmap_slot(struct vm *v, uint32_t slot)
{
	if (!(dev.config[PCI_COMMAND] & PCI_COMMAND_MEMORY) || nr_slots-- == 0)
		abort();
}

int irq_route_init(struct irq_route *route, struct irqchip *chip)
{
	route->eventfd = 1000000; /* no more than a number here */
	nr_routes++;
	return 0;
}

void irq_route_fini(struct irq_route *route)
{
	nr_routes -= route->eventfd >= 0;
	route->eventfd = -1;
}

int irq_route_connect(struct irq_route *route, const struct msi_msg *msg)
{
	if (route->eventfd < 0)
		abort();
	route->connected = true;
	return 0;
}

void irq_route_disconnect(struct irq_route *route)
{
	route->connected = false;
}

bool irq_route_pending(const struct irq_route *route)
{
	return !route->connected;
}

void irq_route_clear(struct irq_route *route)
{
}

void irq_route_signal(const struct irq_route *route)
{
}

int irq_line_attach(const struct irq_line *line, int trigger, int resample)
{
	return 0;
}

void irq_line_detach(const struct irq_line *line, int trigger)
{
}

void irq_line_set(const struct irq_line *line, bool high)
{
}

static void must(int err)
{
	if (err)
		abort();
}

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static void start(void)
{
	log_set_sink(quiet, NULL);
	fake_reset();
	fake_sysfs_create();
	atexit(fake_sysfs_remove);
	fake_iommu_install();
	fake_vfio_install();
	fake_vfio_add(&dev, BDF);
	must(iommufd_open(&iommufd, -1));
	must(loop_init(&loop));
	vm.loop = &loop;
	bus_init(&vm.bus);
}

static uint64_t region_size(uint8_t code)
{
	if (code < 128)
		return code < 64 ? 0 : UINT64_C(1) << (code - 64);
	return code < 192 ? (UINT64_C(1) << (code - 128)) + 1 : (uint64_t)code * 0x1000;
}

static void shape(const uint8_t *s)
{
	fake_vfio_nvme(&dev, mem);
	dev.can_reset = s[0] & 1;
	dev.irqs[VFIO_PCI_MSIX_IRQ_INDEX].noresize = s[0] & 2;
	dev.irqs[VFIO_PCI_INTX_IRQ_INDEX].count = s[0] >> 2 & 1;
	if (s[0] & 8)
		dev.regions[VFIO_PCI_CONFIG_REGION_INDEX].size = 256;
	dev.irqs[VFIO_PCI_MSI_IRQ_INDEX].count = s[1] % 33;
	dev.irqs[VFIO_PCI_MSIX_IRQ_INDEX].count = s[2] * 8u;
	dev.vectors_left = s[3] * 8u;
	for (unsigned i = 0; i < 6; i++) {
		struct fake_vfio_region *r = &dev.regions[i];

		if (!s[4 + i])
			continue;
		*r = (struct fake_vfio_region){.size = region_size(s[4 + i]), .flags = s[10 + i % 3] & 7};
		r->mem = r->size <= MEM ? mem : NULL;
		r->nr_sparse = r->size > 0x3000 && s[10 + i % 3] & 8 ? 2 : 0;
		r->sparse[0].size = 0x1000;
		r->sparse[1].offset = 0x1800;
		r->sparse[1].size = (uint64_t)s[13] << 8;
		if (r->size > MEM)
			r->flags &= ~(uint32_t)VFIO_REGION_INFO_FLAG_MMAP;
	}
}

static void cfg(unsigned reg, uint8_t size, uint32_t value)
{
	bus_write(&vm.bus, ECAM + (DEVFN << 12) + reg, size, value);
}

/* What any driver does first, so that random bytes get further: all BARs in their windows, memory and bus mastering on.
 */
static void enable(const struct pci_function *fn)
{
	for (unsigned i = 0; i < PCI_NR_BARS; i++) {
		if (!fn->bars[i].size)
			continue;
		cfg(PCI_BASE_ADDRESS_0 + i * 4, 4, fn->bars[i].is_64 ? 0 : (uint32_t)(MMIO32 + i * 0x4000000u));
		if (fn->bars[i].is_64)
			cfg(PCI_BASE_ADDRESS_0 + i * 4 + 4, 4, (uint32_t)(MMIO64 >> 32) + i * 8);
	}
	cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void guest(struct pci_host *host, const uint8_t *p, size_t len)
{
	for (; len >= 8; p += 8, len -= 8) {
		uint8_t access = (uint8_t)(1u << (p[0] & 3));
		uint64_t value = p[4] | (uint32_t)p[5] << 8 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 24,
			 at = p[2] | p[3] << 8;
		const struct pci_bar *bar = &pci_host_find(host, DEVFN)->bars[p[1] % 6];

		switch (p[0] >> 2 & 3) {
		case 0:
			bus_write(&vm.bus, ECAM + (DEVFN << 12) + at % 4096, access, value);
			break;
		case 1:
			bus_read(&vm.bus, ECAM + (DEVFN << 12) + at % 4096, access, &value);
			break;
		default:
			if (p[0] & 0x80)
				enable(bar->fn);
			if (!bar->decoding)
				break;
			if (p[0] & 4)
				bus_write(&vm.bus, bar->addr + at, access, value * 0x100000001ull);
			else
				bus_read(&vm.bus, bar->addr + at, access, &value);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pci_host_config config = {
		.ecam = {ECAM, ECAM + (256u << 20) - 1},
		.mmio32 = {MMIO32, MMIO32 + (512u << 20) - 1},
		.mmio64 = {MMIO64, MMIO64 + (512ull << 30) - 1},
	};
	struct assign_config assign = {.bdf = BDF, .iommufd = &iommufd, .translated = true};
	struct pci_host *host;
	struct assigned *a;
	size_t patches;

	if (size < 17)
		return 0;
	if (!vm.loop)
		start();
	memset(dev.config, 0, sizeof(dev.config));
	memset(dev.regions, 0, sizeof(dev.regions));
	shape(data);
	patches = data[16];
	data += 17;
	size -= 17;
	for (; patches && size >= 6; patches--, data += 6, size -= 6)
		memcpy(dev.config + (((data[0] | data[1] << 8) & 4095) < 4092 ? (data[0] | data[1] << 8) & 4095 : 4092),
		       data + 2, 4);
	must(pci_host_create(&host, &vm, &config));
	if (assigned_create(&a, &vm, &assign) == 0) {
		if (pci_host_place(host, NULL, DEVFN, assigned_function(a)))
			abort();
		guest(host, data, size);
	}
	pci_host_device(host)->class->destroy(pci_host_device(host));
	if (nr_slots || nr_routes || dev.open || vm.bus.nr_windows)
		abort();
	return 0;
}

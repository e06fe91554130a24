/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An assigned NVMe-like device on the root bus of a VM that is nothing but a bus and a PCI host bridge. The kernel is
 * tests/fake; memory slots and interrupt routes of the core are doubles here, which stand before those of the library.
 */
#ifndef AERIE_TEST_ASSIGN_RIG_H
#define AERIE_TEST_ASSIGN_RIG_H

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "assign_priv.h"
#include "capture.h"
#include "fake.h"
#include "fake_vfio.h"
#include "fd.h"
#include "pci_host.h"
#include "vm.h"

#define RIG_BDF	   "0000:00:05.0"
#define RIG_ECAM   0x4010000000ull
#define RIG_MMIO32 0x10000000ull
#define RIG_MMIO64 0x8000000000ull
#define RIG_DEVFN  0x08u
#define RIG_BAR	   0x8000100000ull
#define RIG_SLOTS  32u
#define RIG_BAR0   0x40000u

static struct vm vm;
static struct loop loop;
static struct pci_host *host;
static struct iommufd iommufd;
static struct fake_vfio_dev *dev;
static struct assigned *a;
static uint8_t *bar0;

/* Doubles of vm.h and irq.h */

static struct {
	bool used;
	uint64_t addr, len;
	void *host;
} slots[RIG_SLOTS];
static unsigned nr_slots;	  /* in use */
static int slot_err;		  /* what vm_map_slot() returns */
static bool slot_with_memory_off; /* a slot existed or was made while the device's memory decoding was off */

static inline bool device_memory(void)
{
	return dev->config[PCI_COMMAND] & PCI_COMMAND_MEMORY;
}

int vm_map_slot(struct vm *v, gpa_t addr, void *mem, uint64_t len, uint32_t *slot)
{
	ck_assert_ptr_eq(v, &vm);
	ck_assert_uint_eq((addr.v | len) % 4096, 0);
	slot_with_memory_off |= !device_memory();
	if (slot_err)
		return slot_err;
	for (uint32_t i = 0; i < RIG_SLOTS; i++)
		if (!slots[i].used) {
			slots[i].used = true;
			slots[i].addr = addr.v;
			slots[i].len = len;
			slots[i].host = mem;
			nr_slots++;
			*slot = i;
			return 0;
		}
	ck_abort_msg("out of slots");
	return -ENOSPC;
}

void vm_unmap_slot(struct vm *v, uint32_t slot)
{
	ck_assert_ptr_eq(v, &vm);
	ck_assert(slot < RIG_SLOTS && slots[slot].used);
	slot_with_memory_off |= !device_memory();
	slots[slot].used = false;
	nr_slots--;
}

static struct {
	unsigned routes, connected, connects, attached;
	int init_err, connect_err, attach_err;
	const struct irq_line *line;
	int trigger, resample;
	struct msi_msg last;
} irqs;

int irq_route_init(struct irq_route *route, struct irqchip *chip)
{
	*route = (struct irq_route){.chip = chip, .eventfd = irqs.init_err ? irqs.init_err : fd_eventfd()};
	if (route->eventfd < 0) {
		int err = route->eventfd;

		route->eventfd = -1;
		return err;
	}
	irqs.routes++;
	return 0;
}

void irq_route_fini(struct irq_route *route)
{
	irq_route_disconnect(route);
	irqs.routes -= route->eventfd >= 0;
	fd_close(&route->eventfd);
}

int irq_route_connect(struct irq_route *route, const struct msi_msg *msg)
{
	ck_assert_int_ge(route->eventfd, 0);
	irqs.connects++;
	irqs.last = *msg;
	if (irqs.connect_err) {
		irq_route_disconnect(route);
		return irqs.connect_err;
	}
	irqs.connected += !route->connected;
	route->connected = true;
	route->msg = *msg;
	return 0;
}

void irq_route_disconnect(struct irq_route *route)
{
	irqs.connected -= route->connected;
	route->connected = false;
}

bool irq_route_pending(const struct irq_route *route)
{
	uint64_t n = route->connected ? 0 : fd_drain(route->eventfd);

	if (n)
		fd_signal(route->eventfd);
	return n != 0;
}

void irq_route_clear(struct irq_route *route)
{
	fd_drain(route->eventfd);
}

void irq_route_signal(const struct irq_route *route)
{
	fd_signal(route->eventfd);
}

int irq_line_attach(const struct irq_line *line, int trigger, int resample)
{
	if (irqs.attach_err)
		return irqs.attach_err;
	ck_assert_ptr_null(irqs.line);
	ck_assert_int_ge(trigger, 0);
	ck_assert_int_ge(resample, 0);
	irqs.line = line;
	irqs.trigger = trigger;
	irqs.resample = resample;
	irqs.attached++;
	return 0;
}

void irq_line_detach(const struct irq_line *line, int trigger)
{
	ck_assert_ptr_eq(irqs.line, line);
	ck_assert_int_eq(irqs.trigger, trigger);
	irqs.line = NULL;
}

void irq_line_set(const struct irq_line *line, bool high)
{
}

/* Life */

static inline void rig_begin(void)
{
	struct pci_host_config config = {
		.ecam = {RIG_ECAM, RIG_ECAM + (256u << 20) - 1},
		.mmio32 = {RIG_MMIO32, RIG_MMIO32 + (512u << 20) - 1},
		.mmio64 = {RIG_MMIO64, RIG_MMIO64 + (512ull << 30) - 1},
	};

	fake_reset();
	fake_sysfs_create();
	fake_iommu_install();
	fake_vfio_install();
	memset(slots, 0, sizeof(slots));
	memset(&irqs, 0, sizeof(irqs));
	nr_slots = 0;
	slot_err = 0;
	slot_with_memory_off = false;
	memset(&vm, 0, sizeof(vm));
	ck_assert_int_eq(loop_init(&loop), 0);
	vm.loop = &loop;
	bus_init(&vm.bus);
	for (unsigned i = 0; i < 4; i++)
		config.intx[i] = (struct irq_line){.gsi = 3 + i, .intid = 35 + i, .level = true};
	ck_assert_int_eq(pci_host_create(&host, &vm, &config), 0);
	ck_assert_int_eq(iommufd_open(&iommufd, -1), 0);
	dev = calloc(1, sizeof(*dev));
	bar0 = aligned_alloc(65536, RIG_BAR0);
	memset(bar0, 0, RIG_BAR0);
	a = NULL;
	capture_begin();
}

/* Creates and places the device; config space, regions and interrupts are set by now. */
static inline int rig_create(bool translated)
{
	struct assign_config config = {
		.bdf = RIG_BDF, .iommufd = &iommufd, .translated = translated, .nested = translated};

	return assigned_create(&a, &vm, &config);
}

static inline void rig_place(void)
{
	ck_assert_int_eq(pci_host_place(host, NULL, RIG_DEVFN, assigned_function(a)), 0);
}

static inline void rig_start(bool translated)
{
	rig_begin();
	fake_vfio_nvme(dev, bar0);
	fake_vfio_add(dev, RIG_BDF);
	ck_assert_int_eq(rig_create(translated), 0);
	rig_place();
}

static inline void rig_end(void)
{
	struct device *d = pci_host_device(host);

	d->class->destroy(d); /* and the device, when it was placed */
	ck_assert_uint_eq(vm.bus.nr_windows, 0);
	bus_fini(&vm.bus);
	loop_fini(&loop);
	iommufd_close(&iommufd);
	ck_assert_uint_eq(nr_slots, 0);
	ck_assert(!slot_with_memory_off);
	ck_assert_uint_eq(irqs.routes, 0);
	ck_assert_uint_eq(irqs.connected, 0);
	ck_assert_ptr_null(irqs.line);
	ck_assert(!dev->open);
	ck_assert_uint_eq(dev->config[PCI_COMMAND], 0);
	ck_assert_uint_eq(fake_leaks(), 0);
	fake_sysfs_remove();
	free(bar0);
	free(dev);
	log_set_sink(NULL, NULL);
}

/* What the guest does */

static inline uint32_t cfg_read(unsigned reg, uint8_t size)
{
	uint64_t value;

	bus_read(&vm.bus, RIG_ECAM + (RIG_DEVFN << 12) + reg, size, &value);
	return (uint32_t)value;
}

static inline void cfg_write(unsigned reg, uint8_t size, uint32_t value)
{
	bus_write(&vm.bus, RIG_ECAM + (RIG_DEVFN << 12) + reg, size, value);
}

static inline uint64_t mem_read(uint64_t addr, uint8_t size)
{
	uint64_t value;

	bus_read(&vm.bus, addr, size, &value);
	return value;
}

static inline void mem_write(uint64_t addr, uint8_t size, uint64_t value)
{
	bus_write(&vm.bus, addr, size, value);
}

/* Offset of a capability in the list that the guest sees, 0: none. */
static inline unsigned find_cap(uint32_t id)
{
	unsigned at = cfg_read(PCI_CAPABILITY_LIST, 1);

	for (unsigned i = 0; at && i < 48; i++) {
		if (cfg_read(at, 1) == id)
			return at;
		at = cfg_read(at + 1, 1);
	}
	return 0;
}

static inline unsigned find_ext_cap(uint32_t id)
{
	unsigned at = 0x100;

	for (unsigned i = 0; at && i < 960; i++) {
		uint32_t header = cfg_read(at, 4);

		if (PCI_EXT_CAP_ID(header) == id)
			return at;
		at = PCI_EXT_CAP_NEXT(header);
	}
	return 0;
}

/* Places BAR 0 and turns memory and bus mastering on. */
static inline void guest_enable(void)
{
	cfg_write(PCI_BASE_ADDRESS_0, 4, (uint32_t)RIG_BAR);
	cfg_write(PCI_BASE_ADDRESS_1, 4, RIG_BAR >> 32);
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

#define RIG_MAIN(name, add_tests)                                                                                      \
	int main(void)                                                                                                 \
	{                                                                                                              \
		Suite *s = suite_create(name);                                                                         \
		TCase *t = tcase_create(name);                                                                         \
		SRunner *r = srunner_create(s);                                                                        \
                                                                                                                       \
		add_tests(t);                                                                                          \
		suite_add_tcase(s, t);                                                                                 \
		srunner_run_all(r, CK_ENV);                                                                            \
		int failed = srunner_ntests_failed(r);                                                                 \
                                                                                                                       \
		srunner_free(r);                                                                                       \
		return failed != 0;                                                                                    \
	}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machines with devices that aerie plays: one of each kind that needs nothing of the host but files, below one port,
 * and two devices of the pretended host beside them.
 */
#ifndef AERIE_TEST_MACHINE_EMULATED_FIXTURE_H
#define AERIE_TEST_MACHINE_EMULATED_FIXTURE_H

#include <fcntl.h>

#include "dma.h"
#include "machine_assigned_fixture.h"

#define DISK_SIZE (1u << 20)

/* Functions below the port, and so of bus 1. */
enum {
	FN_BLK,
	FN_RNG,
	FN_CONSOLE,
	FN_BALLOON,
	FN_TEST,
	NR_EMULATED,
};

/* Of blk, rng, a console with one port, and a balloon with reporting. Each has an ioeventfd once its BAR decodes. */
#define NR_QUEUES (1u + 1u + 4u + 5u)

static char disk[] = "/tmp/aerie-test-disk-XXXXXX";
static char port_log[] = "/tmp/aerie-test-port-XXXXXX";
static char emulated_yaml[3072];

static inline void temp_file(char *name, off_t size)
{
	int fd = mkstemp(name);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, size), 0);
	close(fd);
}

/** The devices, behind @iommu ("smmuv3", "virtio-iommu", or NULL for none), with @nr_assigned of the host behind the
 *  same; @more is said of the IOMMU. */
static inline void emulated(const char *iommu, const char *more, unsigned nr_assigned)
{
	const char *behind = iommu ? ", iommu: mmu" : "";
	size_t used = 0;

	if (iommu)
		used = (size_t)snprintf(emulated_yaml, sizeof(emulated_yaml), "iommus: [{ id: mmu, type: %s%s }]\n",
					iommu, more);
	used += (size_t)snprintf(emulated_yaml + used, sizeof(emulated_yaml) - used,
				 "pci:\n"
				 "  - root-port: rp0\n%s"
				 "    devices:\n"
				 "      - { id: root, blk: { path: %s, queues: 1, serial: x } }\n"
				 "      - { function: 1, rng: {} }\n"
				 "      - { function: 2, console: { ports: [{ type: file, path: %s }] } }\n"
				 "      - { function: 3, balloon: { reporting: true } }\n"
				 "      - { function: 4, test: { vectors: 8, memory: 64K, serial: 1 } }\n",
				 iommu ? "    iommu: mmu\n" : "", disk, port_log);
	for (unsigned i = 0; i < nr_assigned; i++)
		used += (size_t)snprintf(emulated_yaml + used, sizeof(emulated_yaml) - used,
					 "  - { root-port: rp%u%s, devices: [{ assign: \"%s\" }] }\n", i + 1, behind,
					 bdfs[i]);
	machine_yaml("16M", emulated_yaml);
}

static inline void emulated_setup(void)
{
	assigned_setup();
	temp_file(disk, DISK_SIZE);
	temp_file(port_log, 0);
}

static inline void emulated_teardown(void)
{
	unlink(disk);
	unlink(port_log);
	assigned_teardown();
}

/* ---- what a guest does ---- */

static inline uint64_t emulated_bars(struct machine *m)
{
	return arch_pci_mmio64(&m->vm).first;
}

/* Where BAR 4 of a virtio function is: registers and notifications. */
static inline uint64_t emulated_bar(struct machine *m, unsigned fn)
{
	return emulated_bars(m) + UINT64_C(0x100000) * fn;
}

/** Opens the port above the emulated devices, places all their BARs, and lets them decode and do DMA. */
static inline void drive_emulated(struct machine *m)
{
	const uint64_t first = emulated_bars(m);
	const uint32_t window = (uint32_t)((first + 0xf00000) >> 16 & 0xfff0) << 16 | (uint32_t)(first >> 16 & 0xfff0);

	cfg_write(m, 0, 1 << 3, PCI_PREF_MEMORY_BASE, 4, window);
	cfg_write(m, 0, 1 << 3, PCI_PREF_BASE_UPPER32, 4, (uint32_t)(first >> 32));
	cfg_write(m, 0, 1 << 3, PCI_PREF_LIMIT_UPPER32, 4, (uint32_t)(first >> 32));
	cfg_write(m, 0, 1 << 3, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	for (unsigned fn = 0; fn < NR_EMULATED; fn++) {
		uint64_t next = emulated_bar(m, fn);

		for (unsigned reg = PCI_BASE_ADDRESS_0; reg <= PCI_BASE_ADDRESS_5; reg += 4) {
			uint32_t size, type = cfg_read(m, 1, fn, reg, 4);

			cfg_write(m, 1, fn, reg, 4, UINT32_MAX);
			size = ~(cfg_read(m, 1, fn, reg, 4) & (uint32_t)PCI_BASE_ADDRESS_MEM_MASK) + 1;
			if (!(type & PCI_BASE_ADDRESS_MEM_TYPE_64) || size == 0)
				continue;
			cfg_write(m, 1, fn, reg, 4, (uint32_t)next);
			cfg_write(m, 1, fn, reg + 4, 4, (uint32_t)(next >> 32));
			next += size < 0x20000 ? 0x20000 : size;
			reg += 4;
		}
		cfg_write(m, 1, fn, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	}
}

/** Whether the function reaches guest RAM at its guest physical address, as its own DMA would. */
static inline int emulated_dma(struct machine *m, unsigned fn)
{
	static struct dma_user user;
	uint64_t value = 0x5aa5;

	dma_user_init(&user, &pci_endpoint_of(m->endpoints[fn].fn)->dma, NULL);
	int err = dma_write(&user, DRIVER_AT(8), &value, sizeof(value));

	return err ? err : dma_read(&user, DRIVER_AT(8), &value, sizeof(value));
}

#endif

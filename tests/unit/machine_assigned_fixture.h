/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machines with two host devices on the pretended kernel, and the least that a guest's SMMU driver does: a linear
 * stream table in guest memory, a command queue, CMD_CFGI_STE and CMD_SYNC.
 */
#ifndef AERIE_TEST_MACHINE_ASSIGNED_FIXTURE_H
#define AERIE_TEST_MACHINE_ASSIGNED_FIXTURE_H

#include <linux/pci_regs.h>
#include <sys/resource.h>

#include "fake_vfio.h"
#include "machine_fixture.h"
#include "machine_priv.h"
#include "smmu_regs.h"
#include "smmu_tables.h"

#define NR_DEVS	   2u
#define BAR0_SIZE  0x4000u
#define MSIX_TABLE 0x2000u
#define MSIX_CAP   0xb0u
#define HOST_SMMU2 "smmu3.0x0000000009070000"

/* Where the guest's driver keeps its tables, above the kernel. */
#define DRIVER_AT(n) (arch_layout.ram_base + UINT64_C(0x400000) + (n)*UINT64_C(0x80000))
#define DRIVER_CMDQ  0x00000u
#define DRIVER_TABLE 0x10000u
#define DRIVER_CD    0x40000u
#define LOG2_STREAMS 10u

static const char *const bdfs[NR_DEVS] = {"0000:01:00.0", "0000:02:00.0"};

static const char two_smmus[] = "iommus: [{ id: smmu0, type: smmuv3 }, { id: smmu1, type: smmuv3 }]\n"
				"pci:\n"
				"  - { root-port: rp0, iommu: smmu0, devices: [{ assign: \"0000:01:00.0\" }] }\n"
				"  - { root-port: rp1, iommu: smmu1, devices: [{ assign: \"0000:02:00.0\" }] }\n";
static const char one_smmu_and_none[] =
	"iommus: [{ id: smmu0, type: smmuv3 }]\n"
	"pci:\n"
	"  - { root-port: rp0, iommu: smmu0, devices: [{ assign: \"0000:01:00.0\" }] }\n"
	"  - { root-port: rp1, devices: [{ assign: \"0000:02:00.0\" }] }\n";
static const char shared_smmu[] = "iommus: [{ id: smmu0, type: smmuv3 }]\n"
				  "pci:\n"
				  "  - { root-port: rp0, iommu: smmu0, devices: [{ assign: \"0000:01:00.0\" }] }\n"
				  "  - { root-port: rp1, iommu: smmu0, devices: [{ assign: \"0000:02:00.0\" }] }\n";

static struct fake_vfio_dev *devs[NR_DEVS];
static uint8_t *bars[NR_DEVS];
static bool host_stalls;	     /* the host's SMMU stalls, and the first device can */
static const char *second_host_smmu; /* the IOMMU of the second device; NULL: that of the first */

/* A fresh host with both devices. */
static inline void assigned_host(void)
{
	fake_reset();
	fake_kvm_install();
	fake_iommu_install();
	fake_vfio_install();
	if (host_stalls)
		fake_iommu.idr[0] &= ~IDR0_STALL_MODEL;
	for (unsigned i = 0; i < NR_DEVS; i++) {
		memset(devs[i], 0, sizeof(*devs[i]));
		memset(bars[i], 0, BAR0_SIZE);
		fake_vfio_nvme(devs[i], bars[i]);
		devs[i]->can_stall = host_stalls && i == 0;
		if (i == 1 && second_host_smmu)
			snprintf(devs[i]->iommu, sizeof(devs[i]->iommu), "%s", second_host_smmu);
		fake_vfio_add(devs[i], bdfs[i]);
	}
}

static inline void assigned_setup(void)
{
	machine_fixture_begin();
	fake_sysfs_create();
	second_host_smmu = NULL;
	host_stalls = false;
	for (unsigned i = 0; i < NR_DEVS; i++) {
		devs[i] = calloc(1, sizeof(*devs[i]));
		bars[i] = aligned_alloc(65536, 65536);
		ck_assert(devs[i] && bars[i]);
	}
	assigned_host();
	machine_yaml("8M", two_smmus);
}

/* What the host sees of a VM that has ended. */
static inline void all_given_back(void)
{
	ck_assert_uint_eq(fake_leaks(), 0);
	for (unsigned i = 0; i < NR_DEVS; i++) {
		ck_assert_msg(!devs[i]->kvm_late, "KVM is told of %s after it was bound", bdfs[i]);
		ck_assert_msg(!devs[i]->open && !devs[i]->dev && !devs[i]->attached, "%s is still in use", bdfs[i]);
		ck_assert_int_eq(devs[i]->active, -1);
	}
}

static inline void assigned_teardown(void)
{
	all_given_back();
	machine_fixture_end();
	fake_sysfs_remove();
	for (unsigned i = 0; i < NR_DEVS; i++) {
		free(devs[i]);
		free(bars[i]);
	}
}

/* Cfg of the STE that the host's SMMU has for device @i: STE_CFG_*, or -1 for none and -2 for an IOAS or stage 2 alone.
 */
static inline int host_cfg(unsigned i)
{
	const struct fake_obj *to = devs[i]->attached;

	if (!to)
		return -1;
	if (to->type != FAKE_HWPT_NESTED)
		return -2;
	return (int)field_get(STE0_CFG, to->ste[0]);
}

/* The driver */

static inline void smmu_write(struct machine *m, unsigned smmu, uint32_t offset, uint8_t size, uint64_t value)
{
	bus_write(&m->vm.bus, arch_layout.smmu_base + smmu * arch_layout.smmu_stride + offset, size, value);
}

static inline uint32_t smmu_read(struct machine *m, unsigned smmu, uint32_t offset)
{
	uint64_t value;

	bus_read(&m->vm.bus, arch_layout.smmu_base + smmu * arch_layout.smmu_stride + offset, 4, &value);
	return (uint32_t)value;
}

static inline void guest_put(struct machine *m, uint64_t addr, const void *data, size_t len)
{
	ck_assert_int_eq(gmem_write(&m->vm.gmem, gpa(addr), data, len), 0);
}

static inline void driver_command(struct machine *m, unsigned smmu, uint64_t dw0, uint64_t dw1)
{
	uint32_t prod = smmu_read(m, smmu, SMMU_CMDQ_PROD);
	const uint64_t cmd[2] = {dw0, dw1};

	guest_put(m, DRIVER_AT(smmu) + DRIVER_CMDQ + prod % 16 * CMD_SIZE, cmd, sizeof(cmd));
	smmu_write(m, smmu, SMMU_CMDQ_PROD, 4, (prod + 1) % 32);
}

static inline void driver_start(struct machine *m, unsigned smmu)
{
	smmu_write(m, smmu, SMMU_CMDQ_BASE, 8, (DRIVER_AT(smmu) + DRIVER_CMDQ) | 4);
	smmu_write(m, smmu, SMMU_CMDQ_PROD, 4, 0);
	smmu_write(m, smmu, SMMU_CMDQ_CONS, 4, 0);
	smmu_write(m, smmu, SMMU_STRTAB_BASE, 8, DRIVER_AT(smmu) + DRIVER_TABLE);
	smmu_write(m, smmu, SMMU_STRTAB_BASE_CFG, 4, LOG2_STREAMS);
	smmu_write(m, smmu, SMMU_CR0, 4, CR0_CMDQEN);
	smmu_write(m, smmu, SMMU_CR0, 4, CR0_CMDQEN | CR0_SMMUEN);
}

static inline void driver_stop(struct machine *m, unsigned smmu)
{
	smmu_write(m, smmu, SMMU_CR0, 4, 0);
}

/* Stream table entry of @sid, then CMD_CFGI_STE and CMD_SYNC. */
static inline void driver_install(struct machine *m, unsigned smmu, uint32_t sid, uint64_t dw0)
{
	const uint64_t ste[STE_DWORDS] = {dw0};

	guest_put(m, DRIVER_AT(smmu) + DRIVER_TABLE + sid * STE_SIZE, ste, sizeof(ste));
	driver_command(m, smmu, CMD_CFGI_STE | field_prep(CMD0_SID, sid), CMD1_LEAF);
	driver_command(m, smmu, CMD_SYNC, 0);
}

static inline uint64_t driver_s1(unsigned smmu)
{
	return STE0_V | field_prep(STE0_CFG, STE_CFG_S1) | (DRIVER_AT(smmu) + DRIVER_CD);
}

/* PCI, through ECAM */

static inline uint64_t ecam(struct machine *m, unsigned bus, unsigned devfn, unsigned reg)
{
	return arch_pci_ecam(&m->vm).first + ((uint64_t)bus << 20) + (devfn << 12) + reg;
}

static inline void cfg_write(struct machine *m, unsigned bus, unsigned devfn, unsigned reg, uint8_t size, uint32_t v)
{
	bus_write(&m->vm.bus, ecam(m, bus, devfn, reg), size, v);
}

static inline uint32_t cfg_read(struct machine *m, unsigned bus, unsigned devfn, unsigned reg, uint8_t size)
{
	uint64_t value;

	bus_read(&m->vm.bus, ecam(m, bus, devfn, reg), size, &value);
	return (uint32_t)value;
}

/* Offset of a capability of the function that the guest sees at @bus:00.0. */
static inline unsigned find_cap(struct machine *m, unsigned bus, uint32_t id)
{
	unsigned at = cfg_read(m, bus, 0, PCI_CAPABILITY_LIST, 1);

	for (unsigned i = 0; at && i < 48; i++) {
		if (cfg_read(m, bus, 0, at, 1) == id)
			return at;
		at = cfg_read(m, bus, 0, at + 1, 1);
	}
	ck_abort_msg("bus %u: no capability 0x%x", bus, id);
	return 0;
}

static inline uint64_t guest_bar(struct machine *m, unsigned i)
{
	return arch_pci_mmio64(&m->vm).first + (UINT64_C(0x100000) << i);
}

/* Opens the port of device @i, places BAR 0, enables MSI-X and unmasks vector @vector. The port's slot is i + 1 and so
 * is its bus. */
static inline void driver_msix(struct machine *m, unsigned i, unsigned vector)
{
	const uint64_t bar = guest_bar(m, i), entry = bar + MSIX_TABLE + vector * PCI_MSIX_ENTRY_SIZE;
	const uint32_t window = (uint32_t)(bar >> 16 & 0xfff0);
	const unsigned bus = i + 1, port = (i + 1) << 3;

	cfg_write(m, 0, port, PCI_PREF_MEMORY_BASE, 4, window << 16 | window);
	cfg_write(m, 0, port, PCI_PREF_BASE_UPPER32, 4, (uint32_t)(bar >> 32));
	cfg_write(m, 0, port, PCI_PREF_LIMIT_UPPER32, 4, (uint32_t)(bar >> 32));
	cfg_write(m, 0, port, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	cfg_write(m, bus, 0, PCI_BASE_ADDRESS_0, 4, (uint32_t)bar);
	cfg_write(m, bus, 0, PCI_BASE_ADDRESS_1, 4, (uint32_t)(bar >> 32));
	cfg_write(m, bus, 0, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	cfg_write(m, bus, 0, find_cap(m, bus, PCI_CAP_ID_MSIX) + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	bus_write(&m->vm.bus, entry + PCI_MSIX_ENTRY_LOWER_ADDR, 4, arch_layout.msi_window.first + 0x40);
	bus_write(&m->vm.bus, entry + PCI_MSIX_ENTRY_UPPER_ADDR, 4, 0);
	bus_write(&m->vm.bus, entry + PCI_MSIX_ENTRY_DATA, 4, vector);
	bus_write(&m->vm.bus, entry + PCI_MSIX_ENTRY_VECTOR_CTRL, 4, 0);
}

#endif

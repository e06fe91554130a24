/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The in-kernel interrupt controller back to what it was after creation. KVM has no reset for the GIC itself (and
 * resetting a vCPU leaves its GIC CPU interface alone, kvm_vgic_vcpu_reset() runs in vgic_init() only), so the
 * registers are written one by one. All vCPUs are paused: KVM refuses these accesses with -EBUSY else.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "arch_vm.h"
#include "gic_regs.h"
#include "kvm.h"
#include "log.h"
#include "vm.h"

#define PRIBITS_WITH_2_APR 6u /* AP0R1 and AP1R1 exist from here on; with 7 priority bits there are 4 of each */
#define PRIBITS_WITH_4_APR 7u

struct reset_row {
	uint32_t offset;
	uint32_t value;
};

/* Arrays of the distributor: @bits for each interrupt. Private interrupts are in the redistributors. */
static const struct {
	uint32_t offset;
	uint32_t bits;
	uint32_t value;
} dist_arrays[] = {
	{GICD_ICENABLER, 1, UINT32_MAX},
	{GICD_ISPENDR, 1, 0}, /* from user space this replaces the pending state (vgic_v3_uaccess_write_pending()) */
	{GICD_ICACTIVER, 1, UINT32_MAX},
	{GICD_IGROUPR, 1, UINT32_MAX}, /* KVM starts with all interrupts in group 1 */
	{GICD_IPRIORITYR, 8, 0},
	{GICD_ICFGR, 2, 0},
	{GICD_IROUTER, 64, 0},
};

/* LPIs first: the table addresses are writable only while LPIs are disabled. */
static const struct reset_row redist_rows[] = {
	{GICR_CTLR, 0},
	{GICR_PROPBASER, 0},
	{GICR_PROPBASER + 4, 0},
	{GICR_PENDBASER, 0},
	{GICR_PENDBASER + 4, 0},
	{GICR_ICENABLER0, UINT32_MAX},
	{GICR_ISPENDR0, 0},
	{GICR_ICACTIVER0, UINT32_MAX},
	{GICR_IGROUPR0, UINT32_MAX},
	{GICR_IPRIORITYR + 0, 0},
	{GICR_IPRIORITYR + 4, 0},
	{GICR_IPRIORITYR + 8, 0},
	{GICR_IPRIORITYR + 12, 0},
	{GICR_IPRIORITYR + 16, 0},
	{GICR_IPRIORITYR + 20, 0},
	{GICR_IPRIORITYR + 24, 0},
	{GICR_IPRIORITYR + 28, 0},
};

/* Aff3.Aff2.Aff1.Aff0 in bits 63:32 of an attribute (KVM devices/arm-vgic-v3.rst). */
static uint64_t attr_of(uint64_t mpidr, uint64_t low)
{
	uint64_t packed = field_get(MASK64(39, 32), mpidr) << 24 | (mpidr & MASK64(23, 0));

	return packed << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT | low;
}

static int write_reg(struct vm *vm, uint32_t group, uint64_t attr, uint32_t value)
{
	int err = kvm_set_device_attr(vm->arch->gic_fd, group, attr, &value);

	if (err)
		return log_fail(err, "cannot reset the interrupt controller: group %u, register %#" PRIx64 ": %s",
				group, attr, strerror(-err));
	return 0;
}

static int reset_distributor(struct vm *vm)
{
	int err = write_reg(vm, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, GICD_CTLR, 0);

	for (size_t i = 0; i < ARRAY_LEN(dist_arrays); i++) {
		uint32_t first = dist_arrays[i].offset + SPI_FIRST * dist_arrays[i].bits / 8;
		uint32_t end = first + IRQ_MAX_LINES * dist_arrays[i].bits / 8;

		for (uint32_t offset = first; !err && offset < end; offset += 4)
			err = write_reg(vm, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, offset, dist_arrays[i].value);
	}
	return err;
}

static int reset_redistributor(struct vm *vm, uint64_t mpidr)
{
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_LEN(redist_rows); i++)
		err = write_reg(vm, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, attr_of(mpidr, redist_rows[i].offset),
				redist_rows[i].value);
	return err;
}

static int access_icc(struct vm *vm, uint64_t mpidr, uint64_t reg, uint64_t *value, bool write)
{
	uint64_t attr = attr_of(mpidr, reg);
	int fd = vm->arch->gic_fd;
	int err = write ? kvm_set_device_attr(fd, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, attr, value)
			: kvm_get_device_attr(fd, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, attr, value);

	if (err)
		return log_fail(err, "cannot reset the interrupt controller's CPU interface: register %#" PRIx64 ": %s",
				attr, strerror(-err));
	return 0;
}

static int clear_icc(struct vm *vm, uint64_t mpidr, uint64_t reg)
{
	uint64_t zero = 0;

	return access_icc(vm, mpidr, reg, &zero, true);
}

static int reset_cpu_interface(struct vm *vm, uint64_t mpidr)
{
	/* BPR1 is writable only while ICC_CTLR_EL1.CBPR is 0, which comes first. */
	static const uint64_t cleared[] = {ICC_PMR_EL1, ICC_BPR0_EL1, ICC_BPR1_EL1, ICC_IGRPEN0_EL1, ICC_IGRPEN1_EL1};
	uint64_t ctlr;
	int err = access_icc(vm, mpidr, ICC_CTLR_EL1, &ctlr, false);

	if (err)
		return err;
	uint64_t pri_bits = field_get(ICC_CTLR_EL1_PRIBITS, ctlr) + 1;
	unsigned nr_apr = pri_bits >= PRIBITS_WITH_4_APR ? 4 : pri_bits >= PRIBITS_WITH_2_APR ? 2 : 1;

	ctlr &= ~(ICC_CTLR_EL1_CBPR | ICC_CTLR_EL1_EOIMODE);
	err = access_icc(vm, mpidr, ICC_CTLR_EL1, &ctlr, true);
	for (size_t i = 0; !err && i < ARRAY_LEN(cleared); i++)
		err = clear_icc(vm, mpidr, cleared[i]);
	for (unsigned n = 0; !err && n < nr_apr; n++) {
		err = clear_icc(vm, mpidr, ICC_AP0R_EL1(n));
		if (!err)
			err = clear_icc(vm, mpidr, ICC_AP1R_EL1(n));
	}
	return err;
}

int arch_irqchip_reset(struct vm *vm)
{
	struct arch_vm *arch = vm->arch;
	/* The ITS first, so that no translation is left when the redistributors drop their LPIs. */
	int err = kvm_set_device_attr(arch->its_fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_CTRL_RESET, NULL);

	if (err)
		return log_fail(err, "cannot reset the interrupt translation service (ITS): %s", strerror(-err));
	err = reset_distributor(vm);
	for (unsigned i = 0; !err && i < vm->nr_vcpus; i++) {
		err = reset_redistributor(vm, arch->mpidr[i]);
		if (!err)
			err = reset_cpu_interface(vm, arch->mpidr[i]);
	}
	return err;
}

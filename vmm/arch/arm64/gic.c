/* SPDX-License-Identifier: Apache-2.0 */
/* Creation of the in-kernel GICv3 with its ITS, and of the PMUs, whose interrupt needs it. */
#include <errno.h>
#include <string.h>

#include "arch_vm.h"
#include "kvm.h"
#include "log.h"
#include "vm.h"

/* Interrupts of the distributor: private ones and one SPI for each wired line. */
#define GIC_NR_IRQS (SPI_FIRST + IRQ_MAX_LINES)

_Static_assert(GIC_NR_IRQS % 32 == 0 && GIC_NR_IRQS >= 64, "KVM_DEV_ARM_VGIC_GRP_NR_IRQS");

/* Value of KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION (KVM devices/arm-vgic-v3.rst): count 63:52, base 51:16, index 11:0. */
#define REDIST_COUNT MASK64(63, 52)
#define REDIST_INDEX MASK64(11, 0)

static int set_attr(int fd, uint32_t group, uint64_t attr, const void *value, const char *what)
{
	int err = kvm_set_device_attr(fd, group, attr, value);

	if (err)
		return log_fail(err, "cannot set up the interrupt controller: %s: %s", what, strerror(-err));
	return 0;
}

static int add_redistributors(struct vm *vm, uint64_t index, uint64_t base, unsigned count)
{
	uint64_t value = field_prep(REDIST_COUNT, count) | base | field_prep(REDIST_INDEX, index);

	return set_attr(vm->arch->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &value,
			"address of the redistributors");
}

static int create_gic(struct vm *vm)
{
	struct arch_vm *arch = vm->arch;
	const uint64_t dist = GICD_BASE;
	const uint32_t nr_irqs = GIC_NR_IRQS, maintenance = PPI_VGIC;
	unsigned low = vm->nr_vcpus < GICR_LOW_MAX ? vm->nr_vcpus : GICR_LOW_MAX;
	int fd = kvm_create_device(vm->vm_fd, KVM_DEV_TYPE_ARM_VGIC_V3);

	if (fd == -ENODEV)
		return log_fail(
			fd, "the host cannot emulate a GICv3; its own interrupt controller must be a GICv3 or later");
	if (fd < 0)
		return log_fail(fd, "cannot create the interrupt controller (GICv3): %s", strerror(-fd));
	arch->gic_fd = fd;
	int err = set_attr(fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &dist,
			   "address of the distributor");
	if (!err)
		err = add_redistributors(vm, 0, GICR_BASE, low);
	if (!err && vm->nr_vcpus > low)
		err = add_redistributors(vm, 1, arch->high.gicr.first, vm->nr_vcpus - low);
	if (!err)
		err = set_attr(fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &nr_irqs, "number of interrupts");
	if (!err && vm->nested)
		err = set_attr(fd, KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ, 0, &maintenance, "maintenance interrupt");
	if (!err)
		err = set_attr(fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL, "initialization");
	return err;
}

static int create_its(struct vm *vm)
{
	const uint64_t base = ITS_BASE;
	int fd = kvm_create_device(vm->vm_fd, KVM_DEV_TYPE_ARM_VGIC_ITS);

	if (fd < 0)
		return log_fail(fd, "cannot create the interrupt translation service (ITS): %s", strerror(-fd));
	vm->arch->its_fd = fd;
	int err = set_attr(fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &base, "address of the ITS");
	if (!err)
		err = set_attr(fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL,
			       "initialization of the ITS");
	return err;
}

/* KVM wants the GIC initialized before the PMU that interrupts through it. */
static int init_pmu(struct vcpu *vcpu)
{
	const int irq = PPI_PMU;
	int err = kvm_set_device_attr(vcpu->fd, KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_IRQ, &irq);

	if (!err)
		err = kvm_set_device_attr(vcpu->fd, KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_INIT, NULL);
	if (err)
		return log_fail(err, "cannot set up the performance monitor of vCPU %u: %s", vcpu->index,
				strerror(-err));
	return 0;
}

int arch_irqchip_create(struct vm *vm)
{
	int err = create_gic(vm);

	if (!err)
		err = create_its(vm);
	if (!arm64_has_feature(vm->arch, KVM_ARM_VCPU_PMU_V3))
		return err;
	for (unsigned i = 0; !err && i < vm->nr_vcpus; i++)
		err = init_pmu(&vm->vcpus[i]);
	return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * There is no x86-64 machine in this version. These functions let the commands that look at the host (check, devices,
 * bind) build and work there; making a VM is refused before any of the others can be reached.
 */
#include <errno.h>
#include <linux/kvm.h>

#include "arch.h"
#include "irq.h"
#include "log.h"

const struct arch_layout arch_layout = {
	.machine = "aerie,none",
	.ram_base = 0x40000000,
	.smmu_stride = 0x20000,
	.msi_doorbell = {.first = 0xfee00000, .last = 0xfeefffff},
	.msi_window = {.first = 0xfee00000, .last = 0xfeefffff}, /* Intel SDM 3A, 12.11.1 */
};

static int refuse(void)
{
	return log_fail(-ENOTSUP,
			"this build of aerie runs arm64 guests on arm64 hosts; an x86-64 machine is not part of "
			"this version");
}

int arch_check_host(int kvm_fd)
{
	return refuse();
}

int arch_vm_create(struct vm *vm, uint64_t memory)
{
	return refuse();
}

void arch_vm_destroy(struct vm *vm)
{
}

struct range arch_pci_ecam(const struct vm *vm)
{
	return (struct range){0};
}

struct range arch_pci_mmio64(const struct vm *vm)
{
	return (struct range){0};
}

int arch_vcpus_init(struct vm *vm)
{
	return -ENOTSUP;
}

int arch_irqchip_create(struct vm *vm)
{
	return -ENOTSUP;
}

int arch_irqchip_reset(struct vm *vm)
{
	return -ENOTSUP;
}

int arch_vcpu_reset(struct vcpu *vcpu, const struct arch_boot *boot)
{
	return -ENOTSUP;
}

bool arch_vcpu_exit(struct vcpu *vcpu, struct kvm_run *run)
{
	return false;
}

int arch_msi_route(const struct vm *vm, const struct msi_msg *msg, struct kvm_irq_routing_entry *entry)
{
	return -EINVAL;
}

bool arch_msi_shares_doorbell(uint64_t address)
{
	return false;
}

void arch_line_route(const struct vm *vm, uint32_t gsi, struct kvm_irq_routing_entry *entry)
{
}

void arch_line_number(unsigned index, struct irq_line *line)
{
	line->gsi = index;
	line->intid = index;
}

int arch_line_set(struct vm *vm, const struct irq_line *line, bool high)
{
	return -ENOTSUP;
}

void arch_describe(struct vm *vm, struct fdtw *fdt)
{
}

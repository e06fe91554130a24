/* SPDX-License-Identifier: Apache-2.0 */
/* The VM's address space, and what the host must be able to do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch_vm.h"
#include "fd.h"
#include "kvm.h"
#include "log.h"
#include "vm.h"

static const struct {
	unsigned cap;
	const char *name;
	const char *remedy;
} needed_caps[] = {
	{KVM_CAP_ONE_REG, "KVM_CAP_ONE_REG (registers of guest CPUs)", "use a newer host kernel"},
	{KVM_CAP_ARM_PSCI_0_2, "KVM_CAP_ARM_PSCI_0_2 (guest CPUs are switched on and off by PSCI)",
	 "use a newer host kernel"},
	{KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP (in-kernel interrupt controller)",
	 "boot the host's kernel with its GICv3 described in the firmware tables"},
	{KVM_CAP_SIGNAL_MSI, "KVM_CAP_SIGNAL_MSI (messages to the virtual ITS)",
	 "use a host whose GIC is version 3 or later"},
};

int arch_check_host(int kvm_fd)
{
	for (unsigned i = 0; i < ARRAY_LEN(needed_caps); i++) {
		if (kvm_check_extension(kvm_fd, needed_caps[i].cap) <= 0)
			return log_fail(-ENOTSUP, "the host's KVM lacks %s; %s", needed_caps[i].name,
					needed_caps[i].remedy);
	}
	return 0;
}

/* KVM on arm64 is hardware virtualization, or it is not there. */
int arch_try_guest(int kvm_fd, char *why, size_t cap)
{
	return 0;
}

struct range arch_pci_ecam(const struct vm *vm)
{
	return vm->arch->high.ecam;
}

struct range arch_pci_mmio64(const struct vm *vm)
{
	return vm->arch->high.mmio64;
}

/* A load or store to a device that the CPU does not decode for us (KVM_EXIT_ARM_NISV) is the guest's fault, not ours.
 */
static void enable_nisv_exits(int vm_fd)
{
	if (kvm_check_extension(vm_fd, KVM_CAP_ARM_NISV_TO_USER) <= 0 ||
	    kvm_check_extension(vm_fd, KVM_CAP_ARM_INJECT_EXT_DABT) <= 0)
		return;
	int err = kvm_enable_cap(vm_fd, KVM_CAP_ARM_NISV_TO_USER, 0);
	if (err)
		log_warn(
			"cannot have undecodable device accesses reported (%s); a guest that makes one will be stopped",
			strerror(-err));
}

int arch_vm_create(struct vm *vm, uint64_t memory)
{
	int limit = kvm_check_extension(vm->kvm_fd, KVM_CAP_ARM_VM_IPA_SIZE);
	struct arch_vm *arch = calloc(1, sizeof(*arch));
	int err;

	if (!arch)
		return log_fail(-ENOMEM, "cannot create the VM: out of memory");
	arch->gic_fd = -1;
	arch->its_fd = -1;
	/* Without the capability the address space has 40 bits and type must be 0 (KVM api.rst, KVM_CREATE_VM). */
	err = layout_high(&arch->high, memory, limit > 0 ? (unsigned)limit : 40);
	if (err)
		goto fail;
	int fd = kvm_create_vm(vm->kvm_fd, limit > 0 ? KVM_VM_TYPE_ARM_IPA_SIZE(arch->high.ipa_bits) : 0);
	if (fd < 0) {
		err = log_fail(fd, "cannot create a VM with %u address bits: %s", arch->high.ipa_bits, strerror(-fd));
		goto fail;
	}
	vm->vm_fd = fd;
	vm->arch = arch;
	enable_nisv_exits(fd);
	return 0;

fail:
	free(arch);
	return err;
}

void arch_vm_destroy(struct vm *vm)
{
	if (vm->arch) {
		fd_close(&vm->arch->its_fd);
		fd_close(&vm->arch->gic_fd);
		free(vm->arch);
		vm->arch = NULL;
	}
	fd_close(&vm->vm_fd);
}

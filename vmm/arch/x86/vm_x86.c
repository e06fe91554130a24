/* SPDX-License-Identifier: Apache-2.0 */
/* The VM, its interrupt controllers, and what the host must be able to do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch_vm.h"
#include "cpuid.h"
#include "fd.h"
#include "kvm.h"
#include "log.h"
#include "snapshot.h"
#include "vm.h"
#include "x86_kvm.h"

static const struct {
	unsigned cap;
	const char *name;
	const char *remedy;
} needed_caps[] = {
	{KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP (in-kernel APICs)", "use a host kernel with CONFIG_KVM_IOAPIC"},
	{KVM_CAP_SIGNAL_MSI, "KVM_CAP_SIGNAL_MSI (messages to the APICs)", "use a newer host kernel"},
	{KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID (features of guest CPUs)", "use a newer host kernel"},
	{KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR", "use a newer host kernel"},
	{KVM_CAP_SET_IDENTITY_MAP_ADDR, "KVM_CAP_SET_IDENTITY_MAP_ADDR", "use a newer host kernel"},
	{KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE (vCPUs that wait to be started)", "use a newer host kernel"},
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

struct range arch_pci_ecam(const struct vm *vm)
{
	return (struct range){.first = ECAM_BASE, .last = ECAM_BASE + ECAM_SIZE - 1};
}

struct range arch_pci_mmio64(const struct vm *vm)
{
	return vm->arch->mmio64;
}

/* The ids of APICs have 32 bits, and a message to id 255 reaches CPU 255 alone (KVM api.rst, KVM_CAP_X2APIC_API). */
static bool enable_wide_destinations(int vm_fd)
{
	const uint64_t flags = KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK;
	int have = kvm_check_extension(vm_fd, KVM_CAP_X2APIC_API);

	return have > 0 && ((uint64_t)have & flags) == flags && kvm_enable_cap(vm_fd, KVM_CAP_X2APIC_API, flags) == 0;
}

/* Without a PIT. KVM wants them before the first vCPU. */
static int create_irqchips(struct vm *vm)
{
	struct arch_vm *arch = vm->arch;
	int err = kvm_x86_create_irqchip(vm->vm_fd);

	if (err)
		return log_fail(err, "cannot create the interrupt controllers (I/O APIC, local APICs): %s",
				strerror(-err));
	arch->pic[0].chip_id = KVM_IRQCHIP_PIC_MASTER;
	arch->pic[1].chip_id = KVM_IRQCHIP_PIC_SLAVE;
	arch->ioapic.chip_id = KVM_IRQCHIP_IOAPIC;
	err = kvm_x86_get_irqchip(vm->vm_fd, &arch->pic[0]);
	if (!err)
		err = kvm_x86_get_irqchip(vm->vm_fd, &arch->pic[1]);
	if (!err)
		err = kvm_x86_get_irqchip(vm->vm_fd, &arch->ioapic);
	if (err)
		return log_fail(err, "cannot read the state of the interrupt controllers: %s", strerror(-err));
	return 0;
}

int arch_vm_create(struct vm *vm, uint64_t memory)
{
	struct arch_vm *arch = calloc(1, sizeof(*arch));
	int err, fd = -1;

	if (!arch)
		return log_fail(-ENOMEM, "cannot create the VM: out of memory");
	vm->arch = arch;
	err = kvm_x86_supported_cpuid(vm->kvm_fd, &arch->cpuid);
	if (err) {
		log_fail(err, "cannot learn which CPU features this host's KVM has: %s", strerror(-err));
		goto fail;
	}
	err = layout_mmio64(&arch->mmio64, memory, cpuid_physical_bits(arch->cpuid));
	if (err)
		goto fail;
	fd = kvm_create_vm(vm->kvm_fd, 0);
	if (fd < 0) {
		err = log_fail(fd, "cannot create a VM: %s", strerror(-fd));
		goto fail;
	}
	vm->vm_fd = fd;
	err = kvm_x86_set_tss(fd, TSS_BASE, IDENTITY_MAP);
	if (err) {
		log_fail(err, "cannot place KVM's own pages in the guest's address space: %s", strerror(-err));
		goto fail;
	}
	arch->wide_destinations = enable_wide_destinations(fd);
	err = create_irqchips(vm);
	if (!err)
		return 0;

fail:
	arch_vm_destroy(vm);
	return err;
}

void arch_vm_destroy(struct vm *vm)
{
	struct arch_vm *arch = vm->arch;

	if (arch) {
		for (unsigned i = 0; i < arch->nr_power_on; i++)
			snapshot_free(arch->power_on[i]);
		free(arch->power_on);
		free(arch->cpuid);
		free(arch);
		vm->arch = NULL;
	}
	fd_close(&vm->vm_fd);
}

/*
 * The controllers were made with the VM: KVM takes no vCPU before them that has an in-kernel local APIC. What is left
 * is to take the PIC off the lines: KVM's first table leads them there too, and after power-on it interrupts at vectors
 * of exceptions.
 */
int arch_irqchip_create(struct vm *vm)
{
	struct kvm_irq_routing *table = calloc(1, sizeof(*table) + IOAPIC_LINES * sizeof(table->entries[0]));
	int err;

	if (!table)
		return log_fail(-ENOMEM, "cannot set up the interrupt routing table: out of memory");
	table->nr = IOAPIC_LINES;
	for (unsigned i = 0; i < IOAPIC_LINES; i++)
		arch_line_route(vm, IOAPIC_FIRST_PIN + i, &table->entries[i]);
	err = kvm_set_gsi_routing(vm->vm_fd, table);
	free(table);
	if (err)
		return log_fail(err, "cannot set KVM's interrupt routing table: %s", strerror(-err));
	return 0;
}

/* The local APICs are reset with their vCPUs. */
int arch_irqchip_reset(struct vm *vm)
{
	struct arch_vm *arch = vm->arch;
	int err = kvm_x86_set_irqchip(vm->vm_fd, &arch->pic[0]);

	if (!err)
		err = kvm_x86_set_irqchip(vm->vm_fd, &arch->pic[1]);
	if (!err)
		err = kvm_x86_set_irqchip(vm->vm_fd, &arch->ioapic);
	if (err)
		return log_fail(err, "cannot reset the interrupt controllers: %s", strerror(-err));
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a vCPU is, its reset, and where the boot vCPU starts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch_vm.h"
#include "cpuid.h"
#include "kvm.h"
#include "log.h"
#include "snapshot.h"
#include "vm.h"
#include "x86_kvm.h"
#include "x86_regs.h"

static int set_cpuids(struct vm *vm)
{
	const struct cpuid_policy policy = {
		.nr_vcpus = vm->nr_vcpus,
		.deadline_timer = kvm_check_extension(vm->vm_fd, KVM_CAP_TSC_DEADLINE_TIMER) > 0,
		.wide_messages = vm->arch->wide_destinations,
	};

	cpuid_filter(vm->arch->cpuid, &policy);
	for (unsigned i = 0; i < vm->nr_vcpus; i++) {
		int err;

		cpuid_personal(vm->arch->cpuid, &policy, i);
		err = kvm_x86_set_cpuid(vm->vcpus[i].fd, vm->arch->cpuid);
		if (err)
			return log_fail(err, "cannot set the features of vCPU %u (KVM_SET_CPUID2): %s", i,
					strerror(-err));
	}
	return 0;
}

static int take_snapshots(struct vm *vm)
{
	struct arch_vm *arch = vm->arch;
	struct kvm_msr_list *msrs;
	int err = kvm_x86_msr_index_list(vm->kvm_fd, &msrs);

	if (err)
		return log_fail(err, "cannot learn which MSRs this host's KVM has: %s", strerror(-err));
	arch->power_on = calloc(vm->nr_vcpus, sizeof(struct vcpu_snapshot *));
	if (!arch->power_on)
		err = log_fail(-ENOMEM, "cannot keep the state of %u vCPUs: out of memory", vm->nr_vcpus);
	for (unsigned i = 0; !err && i < vm->nr_vcpus; i++) {
		err = snapshot_take(&arch->power_on[i], &vm->vcpus[i], msrs);
		if (!err)
			arch->nr_power_on++;
	}
	free(msrs);
	return err;
}

int arch_vcpus_init(struct vm *vm)
{
	int err;

	if (vm->nr_vcpus > VCPUS_MAX || (vm->nr_vcpus > 255 && !vm->arch->wide_destinations))
		return log_fail(-EINVAL, "cannot create %u vCPUs: the machine has room for %u on this host",
				vm->nr_vcpus, vm->arch->wide_destinations ? VCPUS_MAX : 255);
	if (vm->nested)
		return log_fail(-ENOTSUP, "virtual machines inside the guest are not offered on x86-64; take "
					  "machine.nested out of the configuration");
	err = set_cpuids(vm);
	return err ? err : take_snapshots(vm);
}

/* Flat segments of 32 bits. */
static struct kvm_segment flat(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){
		.limit = UINT32_MAX, .selector = selector, .type = type, .present = 1, .db = 1, .s = 1, .g = 1};
}

#define TYPE_DATA 3u  /* read, write, accessed */
#define TYPE_CODE 11u /* execute, read, accessed */
#define TYPE_TSS  11u /* busy; of 32 or 64 bits, as the CPU's mode is */

#define CODE_SELECTOR 0x10
#define DATA_SELECTOR 0x18
#define TSS_SELECTOR  0x20

/* PVH boot ABI (Xen docs/misc/pvh.pandoc): protected mode, no paging. */
static void enter_pvh(struct kvm_sregs *sregs, struct kvm_regs *regs, const struct arch_boot *boot)
{
	regs->rbx = boot->tables.v;
	sregs->gdt = (struct kvm_dtable){0};
	sregs->cr0 = CR0_PE | CR0_ET;
	sregs->cr3 = sregs->cr4 = sregs->efer = 0;
}

/* 64-bit boot protocol (Linux Documentation/arch/x86/boot.rst): long mode on page tables that map all to itself. */
static void enter_linux64(struct kvm_sregs *sregs, struct kvm_regs *regs, const struct arch_boot *boot)
{
	regs->rsi = boot->tables.v;
	sregs->cs.l = 1;
	sregs->cs.db = 0;
	sregs->gdt = (struct kvm_dtable){.base = boot->gdt.v, .limit = (uint16_t)(boot->gdt_size - 1)};
	sregs->cr0 = CR0_PE | CR0_ET | CR0_PG;
	sregs->cr3 = boot->page_tables.v;
	sregs->cr4 = CR4_PAE;
	sregs->efer = EFER_LME | EFER_LMA;
}

static int enter(struct vcpu *vcpu, const struct arch_boot *boot)
{
	struct kvm_regs regs = {.rip = boot->entry.v, .rflags = RFLAGS_SET};
	struct kvm_segment data = flat(DATA_SELECTOR, TYPE_DATA);
	struct kvm_sregs sregs;
	int err = kvm_x86_get_sregs(vcpu->fd, &sregs);

	sregs.cs = flat(CODE_SELECTOR, TYPE_CODE);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.tr = (struct kvm_segment){.limit = 0x67, .selector = TSS_SELECTOR, .type = TYPE_TSS, .present = 1};
	sregs.idt = (struct kvm_dtable){0};
	if (boot->protocol == ARCH_BOOT_LINUX64)
		enter_linux64(&sregs, &regs, boot);
	else
		enter_pvh(&sregs, &regs, boot);
	if (!err)
		err = kvm_x86_set_sregs(vcpu->fd, &sregs);
	if (!err)
		err = kvm_x86_set_regs(vcpu->fd, &regs);
	if (err)
		return log_fail(err, "cannot set the registers of the boot vCPU: %s", strerror(-err));
	return 0;
}

int arch_vcpu_reset(struct vcpu *vcpu, const struct arch_boot *boot)
{
	int err = snapshot_restore(vcpu->vm->arch->power_on[vcpu->index], vcpu);

	/* The others wait for INIT and SIPI, as KVM made them. */
	return err || vcpu->index != 0 ? err : enter(vcpu, boot);
}

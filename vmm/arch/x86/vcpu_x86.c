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
	err = set_cpuids(vm);
	return err ? err : take_snapshots(vm);
}

/* Flat segments for the start (PVH boot ABI: Xen docs/misc/pvh.pandoc). */
static struct kvm_segment flat(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){
		.limit = UINT32_MAX, .selector = selector, .type = type, .present = 1, .db = 1, .s = 1, .g = 1};
}

#define TYPE_DATA 3u  /* read, write, accessed */
#define TYPE_CODE 11u /* execute, read, accessed */
#define TYPE_TSS  11u /* 32 bits, busy */

static int enter_pvh(struct vcpu *vcpu, const struct arch_boot *boot)
{
	struct kvm_regs regs = {.rip = boot->entry.v, .rbx = boot->tables.v, .rflags = RFLAGS_SET};
	struct kvm_segment data = flat(0x18, TYPE_DATA);
	struct kvm_sregs sregs;
	int err = kvm_x86_get_sregs(vcpu->fd, &sregs);

	sregs.cs = flat(0x10, TYPE_CODE);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.tr = (struct kvm_segment){.limit = 0x67, .selector = 0x20, .type = TYPE_TSS, .present = 1};
	sregs.gdt = sregs.idt = (struct kvm_dtable){0};
	sregs.cr0 = CR0_PE | CR0_ET;
	sregs.cr3 = sregs.cr4 = sregs.efer = 0;
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
	return err || vcpu->index != 0 ? err : enter_pvh(vcpu, boot);
}

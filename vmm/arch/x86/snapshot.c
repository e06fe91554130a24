/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "vcpu.h"
#include "vm.h"
#include "x86_kvm.h"
#include "x86_regs.h"

struct vcpu_snapshot {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_lapic_state lapic;
	struct kvm_mp_state mp_state;
	struct kvm_vcpu_events events;
	struct kvm_debugregs debugregs;
	struct kvm_xcrs xcrs;
	struct kvm_fpu fpu;   /* where there is no xsave */
	void *xsave;	      /* owned; NULL: KVM has no such call */
	struct kvm_msrs msrs; /* last: entries follow */
};

void snapshot_free(struct vcpu_snapshot *s)
{
	if (s)
		free(s->xsave);
	free(s);
}

static struct kvm_msrs *one_msr(uint32_t index)
{
	static _Thread_local union {
		struct kvm_msrs msrs;
		uint8_t room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
	} one;

	memset(&one, 0, sizeof(one));
	one.msrs.nmsrs = 1;
	one.msrs.entries[0].index = index;
	return &one.msrs;
}

/* KVM lists MSRs that this vCPU may not have, and some of those it has take no value back: one by one. */
static void take_msrs(struct vcpu_snapshot *s, struct vcpu *vcpu, const struct kvm_msr_list *list)
{
	for (uint32_t i = 0; i < list->nmsrs; i++) {
		struct kvm_msrs *one = one_msr(list->indices[i]);

		if (list->indices[i] != MSR_TSC && kvm_x86_get_msrs(vcpu->fd, one) == 1 &&
		    kvm_x86_set_msrs(vcpu->fd, one) == 1)
			s->msrs.entries[s->msrs.nmsrs++] = one->entries[0];
	}
}

static int failed(const struct vcpu *vcpu, const char *what, int err)
{
	return log_fail(err, "cannot %s of vCPU %u: %s", what, vcpu->index, strerror(-err));
}

/* Registers of floating point and vectors. */
static int take_xsave(struct vcpu_snapshot *s, struct vcpu *vcpu)
{
	uint32_t size = kvm_x86_xsave_size(vcpu->vm->vm_fd);

	if (size == 0)
		return kvm_x86_get_fpu(vcpu->fd, &s->fpu);
	s->xsave = calloc(1, size);
	return s->xsave ? kvm_x86_get_xsave(vcpu->fd, s->xsave, size) : -ENOMEM;
}

int snapshot_take(struct vcpu_snapshot **out, struct vcpu *vcpu, const struct kvm_msr_list *msrs)
{
	struct vcpu_snapshot *s = calloc(1, sizeof(*s) + msrs->nmsrs * sizeof(s->msrs.entries[0]));
	int err;

	*out = NULL;
	if (!s)
		return log_fail(-ENOMEM, "cannot keep the state of vCPU %u: out of memory", vcpu->index);
	err = kvm_x86_get_regs(vcpu->fd, &s->regs);
	if (!err)
		err = kvm_x86_get_sregs(vcpu->fd, &s->sregs);
	if (!err)
		err = kvm_x86_get_lapic(vcpu->fd, &s->lapic);
	if (!err)
		err = kvm_x86_get_mp_state(vcpu->fd, &s->mp_state);
	if (!err)
		err = kvm_x86_get_events(vcpu->fd, &s->events);
	if (!err)
		err = kvm_x86_get_debugregs(vcpu->fd, &s->debugregs);
	if (!err)
		err = kvm_x86_get_xcrs(vcpu->fd, &s->xcrs);
	if (!err)
		err = take_xsave(s, vcpu);
	if (err) {
		snapshot_free(s);
		return failed(vcpu, "read the state after power-on", err);
	}
	take_msrs(s, vcpu, msrs);
	*out = s;
	return 0;
}

static int restore_msrs(const struct vcpu_snapshot *s, struct vcpu *vcpu)
{
	for (uint32_t i = 0; i < s->msrs.nmsrs; i++) {
		struct kvm_msrs *one = one_msr(s->msrs.entries[i].index);
		int n;

		one->entries[0] = s->msrs.entries[i];
		n = kvm_x86_set_msrs(vcpu->fd, one);
		if (n != 1)
			return log_fail(n < 0 ? n : -EIO, "cannot reset MSR 0x%x of vCPU %u", one->entries[0].index,
					vcpu->index);
	}
	return 0;
}

int snapshot_restore(const struct vcpu_snapshot *s, struct vcpu *vcpu)
{
	/* The APIC's mode is in the special registers, and its state must suit it. */
	int err = kvm_x86_set_sregs(vcpu->fd, &s->sregs);

	if (!err)
		err = kvm_x86_set_lapic(vcpu->fd, &s->lapic);
	if (!err)
		err = kvm_x86_set_regs(vcpu->fd, &s->regs);
	if (!err)
		err = kvm_x86_set_debugregs(vcpu->fd, &s->debugregs);
	if (!err && s->xcrs.nr_xcrs)
		err = kvm_x86_set_xcrs(vcpu->fd, &s->xcrs);
	if (!err)
		err = s->xsave ? kvm_x86_set_xsave(vcpu->fd, s->xsave) : kvm_x86_set_fpu(vcpu->fd, &s->fpu);
	if (!err)
		err = kvm_x86_set_events(vcpu->fd, &s->events);
	if (!err)
		err = kvm_x86_set_mp_state(vcpu->fd, &s->mp_state);
	if (err)
		return failed(vcpu, "reset the state", err);
	return restore_msrs(s, vcpu);
}

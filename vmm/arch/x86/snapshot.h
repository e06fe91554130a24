/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a vCPU as KVM made it, which is the state after power-on (Intel SDM 3A, 10.1.1): taken once, put back at
 * each reset. Time goes on over resets: the time stamp counter is not part of it.
 */
#ifndef AERIE_X86_SNAPSHOT_H
#define AERIE_X86_SNAPSHOT_H

struct kvm_msr_list;
struct vcpu;
struct vcpu_snapshot;

/** Takes it, with those of @msrs that the vCPU has. *@out is freed by snapshot_free(). 0 or -errno (logged). */
int snapshot_take(struct vcpu_snapshot **out, struct vcpu *vcpu, const struct kvm_msr_list *msrs);

void snapshot_free(struct vcpu_snapshot *snapshot); /* NULL is fine */

/** Puts it back. 0 or -errno (logged). */
int snapshot_restore(const struct vcpu_snapshot *snapshot, struct vcpu *vcpu);

#endif

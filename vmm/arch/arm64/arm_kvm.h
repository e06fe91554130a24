/* SPDX-License-Identifier: Apache-2.0 */
/* The KVM ioctls of this architecture, in the manner of kvm.h: 0 or -errno, nothing logged. */
#ifndef AERIE_ARM_KVM_H
#define AERIE_ARM_KVM_H

#include <linux/kvm.h>

/** The target that suits the host's CPU; features are zero. */
int kvm_arm_preferred_target(int vm_fd, struct kvm_vcpu_init *init);

/** Initializes the vCPU, or resets it: power-on state of all registers. */
int kvm_arm_vcpu_init(int vcpu_fd, const struct kvm_vcpu_init *init);

/** Freezes @feature (KVM_ARM_VCPU_SVE); the vCPU does not run before. */
int kvm_arm_vcpu_finalize(int vcpu_fd, int feature);

/** Asks for pending events, e.g. an external abort. */
int kvm_set_vcpu_events(int vcpu_fd, const struct kvm_vcpu_events *events);

#endif

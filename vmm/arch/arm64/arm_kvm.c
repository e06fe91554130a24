/* SPDX-License-Identifier: Apache-2.0 */
#include "arm_kvm.h"

#include "kvm_call.h"

int kvm_arm_preferred_target(int vm_fd, struct kvm_vcpu_init *init)
{
	*init = (struct kvm_vcpu_init){0};
	return kvm_call(vm_fd, KVM_ARM_PREFERRED_TARGET, init);
}

int kvm_arm_vcpu_init(int vcpu_fd, const struct kvm_vcpu_init *init)
{
	struct kvm_vcpu_init copy = *init;

	return kvm_call(vcpu_fd, KVM_ARM_VCPU_INIT, &copy);
}

int kvm_arm_vcpu_finalize(int vcpu_fd, int feature)
{
	return kvm_call(vcpu_fd, KVM_ARM_VCPU_FINALIZE, &feature);
}

int kvm_set_vcpu_events(int vcpu_fd, const struct kvm_vcpu_events *events)
{
	struct kvm_vcpu_events copy = *events;

	return kvm_call(vcpu_fd, KVM_SET_VCPU_EVENTS, &copy);
}

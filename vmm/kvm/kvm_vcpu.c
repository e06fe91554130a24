/* SPDX-License-Identifier: Apache-2.0 */
#include "kvm.h"
#include "kvm_call.h"

int kvm_vcpu_run(int vcpu_fd)
{
	return kvm_call_n(vcpu_fd, KVM_RUN, 0);
}

int kvm_get_one_reg(int vcpu_fd, uint64_t id, void *value)
{
	struct kvm_one_reg reg = {.id = id, .addr = (uintptr_t)value};

	return kvm_call(vcpu_fd, KVM_GET_ONE_REG, &reg);
}

int kvm_set_one_reg(int vcpu_fd, uint64_t id, const void *value)
{
	struct kvm_one_reg reg = {.id = id, .addr = (uintptr_t)value};

	return kvm_call(vcpu_fd, KVM_SET_ONE_REG, &reg);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "kvm.h"
#include "kvm_call.h"

int kvm_enable_cap(int vm_fd, unsigned cap, uint64_t arg0)
{
	struct kvm_enable_cap enable = {.cap = cap, .args = {arg0}};

	return kvm_call(vm_fd, KVM_ENABLE_CAP, &enable);
}

int kvm_create_vcpu(int vm_fd, unsigned id)
{
	return kvm_call_n(vm_fd, KVM_CREATE_VCPU, id);
}

int kvm_set_memory(int vm_fd, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t len, void *host)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = len,
		.userspace_addr = (uintptr_t)host,
	};

	return kvm_call(vm_fd, KVM_SET_USER_MEMORY_REGION, &region);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "kvm.h"
#include "kvm_call.h"

int kvm_api_version(int kvm_fd)
{
	return kvm_call_n(kvm_fd, KVM_GET_API_VERSION, 0);
}

int kvm_check_extension(int fd, unsigned cap)
{
	return kvm_call_n(fd, KVM_CHECK_EXTENSION, cap);
}

int kvm_vcpu_mmap_size(int kvm_fd)
{
	return kvm_call_n(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
}

int kvm_create_vm(int kvm_fd, unsigned long type)
{
	return kvm_call_n(kvm_fd, KVM_CREATE_VM, type);
}

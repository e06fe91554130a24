/* SPDX-License-Identifier: Apache-2.0 */
#include "kvm.h"
#include "kvm_call.h"

int kvm_create_device(int vm_fd, uint32_t type)
{
	struct kvm_create_device create = {.type = type};
	int ret = kvm_call(vm_fd, KVM_CREATE_DEVICE, &create);

	return ret < 0 ? ret : (int)create.fd;
}

int kvm_set_device_attr(int fd, uint32_t group, uint64_t attr, const void *value)
{
	struct kvm_device_attr args = {.group = group, .attr = attr, .addr = (uintptr_t)value};

	return kvm_call(fd, KVM_SET_DEVICE_ATTR, &args);
}

int kvm_get_device_attr(int fd, uint32_t group, uint64_t attr, void *value)
{
	struct kvm_device_attr args = {.group = group, .attr = attr, .addr = (uintptr_t)value};

	return kvm_call(fd, KVM_GET_DEVICE_ATTR, &args);
}

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

int kvm_has_device_attr(int fd, uint32_t group, uint64_t attr)
{
	struct kvm_device_attr args = {.group = group, .attr = attr};

	return kvm_call(fd, KVM_HAS_DEVICE_ATTR, &args);
}

int kvm_vfio_add_file(int device_fd, int file_fd)
{
	const int32_t fd = file_fd;

	return kvm_set_device_attr(device_fd, KVM_DEV_VFIO_FILE, KVM_DEV_VFIO_FILE_ADD, &fd);
}

int kvm_vfio_del_file(int device_fd, int file_fd)
{
	const int32_t fd = file_fd;

	return kvm_set_device_attr(device_fd, KVM_DEV_VFIO_FILE, KVM_DEV_VFIO_FILE_DEL, &fd);
}

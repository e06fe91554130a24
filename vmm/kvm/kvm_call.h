/* SPDX-License-Identifier: Apache-2.0 */
/* The seam's -1-and-errno turned into the tree's -errno. Private to the wrappers of KVM's ioctls. */
#ifndef AERIE_KVM_CALL_H
#define AERIE_KVM_CALL_H

#include <errno.h>

#include "sys.h"

static inline int kvm_call(int fd, unsigned long request, void *arg)
{
	int ret = sys_ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

/** For ioctls whose argument is a number. */
static inline int kvm_call_n(int fd, unsigned long request, unsigned long arg)
{
	int ret = sys_ioctl_n(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

#endif

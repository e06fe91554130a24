/* SPDX-License-Identifier: Apache-2.0 */
/* The five functions of libcap that the kernel's selftests use, for a build without that library. */
#ifndef AERIE_LAB_CAPABILITY_H
#define AERIE_LAB_CAPABILITY_H

#include <linux/capability.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

struct lab_caps {
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[2];
};

typedef struct lab_caps *cap_t;
typedef int cap_value_t;
typedef enum { CAP_EFFECTIVE, CAP_PERMITTED, CAP_INHERITABLE } cap_flag_t;
typedef enum { CAP_CLEAR, CAP_SET } cap_flag_value_t;

static inline cap_t cap_get_proc(void)
{
	cap_t caps = calloc(1, sizeof(*caps));

	caps->header.version = _LINUX_CAPABILITY_VERSION_3;
	if (syscall(SYS_capget, &caps->header, caps->data) == 0)
		return caps;
	free(caps);
	return NULL;
}

static inline int cap_set_flag(cap_t caps, cap_flag_t flag, int n, const cap_value_t *list, cap_flag_value_t value)
{
	for (int i = 0; i < n; i++) {
		struct __user_cap_data_struct *d = &caps->data[list[i] / 32];
		__u32 *word = flag == CAP_EFFECTIVE   ? &d->effective
			      : flag == CAP_PERMITTED ? &d->permitted
						      : &d->inheritable;

		if (value == CAP_SET)
			*word |= 1u << list[i] % 32;
		else
			*word &= ~(1u << list[i] % 32);
	}
	return 0;
}

static inline int cap_set_proc(cap_t caps)
{
	return (int)syscall(SYS_capset, &caps->header, caps->data);
}

static inline int cap_free(void *caps)
{
	free(caps);
	return 0;
}

#endif

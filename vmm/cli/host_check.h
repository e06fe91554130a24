/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings about this host, with or without a configuration. `aerie check` prints all of them; `aerie run` takes the
 * first error of the cheap ones as its refusal. Everything runs on the main thread before any VM exists and leaves
 * nothing open.
 */
#ifndef AERIE_HOST_CHECK_H
#define AERIE_HOST_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "host_dev.h"

enum check_level {
	CHECK_OK,
	CHECK_WARNING,
	CHECK_ERROR,
};

struct check {
	void (*report)(struct check *check, enum check_level level, const char *what, const char *text);
	unsigned errors, warnings;
	char first_error[1024];	     /* "what: text" */
	const struct config *config; /* NULL: the host alone */
};

/** One finding about @what: what is the case; the remedy. */
__attribute__((format(printf, 4, 5))) void check_add(struct check *check, enum check_level level, const char *what,
						     const char *fmt, ...);

/* Between the two, error messages go into the capture instead of to the user: other boxes' refusals become findings. */
struct check_capture {
	char text[1024]; /* the first error, "" when there was none */
};
void check_capture_begin(struct check_capture *capture);
void check_capture_end(void);

/** True when this process has the capability CAP_* @number now. */
bool check_has_capability(unsigned number);

/** Text after `key` of a /proc file like meminfo or self/status; false when it is not there. */
bool check_proc_field(const char *path, const char *key, char *value, size_t cap);

/* The checks; those that need a configuration do nothing without one. */
void check_kvm(struct check *check);		/* /dev/kvm, its version, the architecture's needs, number of vCPUs */
void check_iommufd(struct check *check);	/* /dev/iommu, VFIO character devices, vfio-pci */
void check_kernel_options(struct check *check); /* /proc/config.gz, when there is one */
void check_files(struct check *check);		/* kernel, initrd, console file */
void check_control(struct check *check);	/* the place of the control socket */
void check_memory(struct check *check);		/* free memory, huge pages, RLIMIT_MEMLOCK */
void check_iommus(struct check *check);		/* whether the machine has room for the guest's IOMMUs */
void check_devices(struct check *check);  /* each assigned device: there, bound, alone, translated, free, nesting */
void check_tsm(struct check *check);	  /* security managers of the kernel, mailboxes of devices with `trust` */
void check_emulated(struct check *check); /* each device that aerie plays: what of the host it stands on */
void check_trust(struct check *check);	  /* what devices have to prove: roots, policies */
void check_limits(struct check *check);	  /* open files, io_uring */

/** Without a configuration only: the kernel's devices that networks and sockets of guests use. */
void check_host_devices(struct check *check);

/** Why @info cannot be assigned now, in a few words with the remedy; false when nothing stands in the way that sysfs
 *  knows of. */
bool check_device_obstacle(const struct host_dev_info *info, char *text, size_t cap);

/** The process that has @cdev open: "qemu-system-aar (pid 123)"; false when none can be seen. */
bool check_cdev_user(const char *cdev, char *text, size_t cap);

/** All but the first argument of the list of group members, "0000:01:00.1, 0000:01:00.2". */
void check_group_members(const struct host_dev_info *info, char *text, size_t cap);

#endif

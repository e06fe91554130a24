/* SPDX-License-Identifier: Apache-2.0 */
/* What the host allows a process: open files, io_uring. */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "fd.h"
#include "host_check.h"
#include "sys.h"

#define FILES_BASE   24u /* the VM, its memory, console, signals and loop */
#define URING_TRIAL  4u	 /* entries */
#define URING_SYSCTL "/proc/sys/kernel/io_uring_disabled"

/* Each queue has an eventfd for notifications and one for its vector; one vector is for configuration changes. */
static unsigned virtio_files(unsigned queues)
{
	return 2 * queues + 1;
}

/* Files that @device has open at least. */
static unsigned device_files(const struct config_device *device)
{
	switch (device->kind) {
	case DEVICE_ASSIGN:
		return 2; /* and one for each vector, which only the open device tells */
	case DEVICE_BLK:
		return 1 + virtio_files(device->blk->queues) +
		       2 * device->blk->queues; /* image; ring and its wake-up */
	case DEVICE_NET:
		return device->net->queues + virtio_files(2 * device->net->queues + 1); /* taps */
	case DEVICE_CONSOLE:
		return device->console->ports_count + virtio_files(2 * device->console->ports_count + 2);
	case DEVICE_RNG:
		return virtio_files(1);
	case DEVICE_VSOCK:
		return 1 + virtio_files(3);
	case DEVICE_FS:
		return 2 + virtio_files(2);
	case DEVICE_BALLOON:
		return virtio_files(3);
	case DEVICE_VHOST_USER:
		return 1 + virtio_files(device->vhost_user->queues);
	case DEVICE_TEST:
		return device->test->vectors;
	case DEVICE_KINDS:
		break;
	}
	return 0;
}

/* aerie raises the soft limit to the hard one by itself. */
static void check_open_files(struct check *check)
{
	const struct config *config = check->config;
	unsigned need = FILES_BASE + config->machine.cpus;
	struct rlimit limit;

	for (unsigned i = 0; i < config->pci_count; i++)
		for (unsigned d = 0; d < config->pci[i].devices_count; d++)
			need += device_files(&config->pci[i].devices[d]);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		check_add(check, CHECK_WARNING, "open files", "the limit cannot be read; see `ulimit -Hn`");
	else if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < need)
		check_add(check, CHECK_ERROR, "open files",
			  "the vectors and queues of the devices take %u or more, the limit is %llu; raise it with "
			  "`ulimit -Hn %u`, or give the devices fewer",
			  need, (unsigned long long)limit.rlim_max, 2 * need);
	else
		check_add(check, CHECK_OK, "open files", "the limit allows the %u or more that the devices take", need);
}

static bool has_disk(const struct config *config)
{
	for (unsigned i = 0; i < config->pci_count; i++)
		for (unsigned d = 0; d < config->pci[i].devices_count; d++)
			if (config->pci[i].devices[d].kind == DEVICE_BLK)
				return true;
	return false;
}

/* Linux Documentation/admin-guide/sysctl/kernel.rst: 1: for members of io_uring_group only, 2: for nobody. */
static const char *uring_remedy(int err)
{
	char text[16];

	if (err == EPERM && fd_read_text(URING_SYSCTL, text, sizeof(text)) > 0 && strcmp(text, "0") != 0)
		return strcmp(text, "1") == 0 ? "`sysctl kernel.io_uring_disabled=0`, or put your user into the group "
						"of the sysctl kernel.io_uring_group"
					      : "`sysctl kernel.io_uring_disabled=0`";
	if (err == ENOSYS)
		return "use a kernel with CONFIG_IO_URING, and allow it in the container's system call filter";
	if (err == ENOMEM)
		return "raise the limit on locked memory (`ulimit -l`)";
	return "allow it in the container's system call filter";
}

static void check_uring(struct check *check)
{
	/* Without a configuration nothing says that there will be a disk. */
	enum check_level level = check->config ? CHECK_ERROR : CHECK_WARNING;
	struct io_uring_params params = {.flags = IORING_SETUP_R_DISABLED};
	struct io_uring ring;

	if (sys_uring_init(URING_TRIAL, &ring, &params) < 0) {
		check_add(check, level, "io_uring", "disks need it, this host refuses it: %s; %s", strerror(errno),
			  uring_remedy(errno));
		return;
	}
	sys_uring_exit(&ring);
	check_add(check, CHECK_OK, "io_uring", "available");
}

void check_limits(struct check *check)
{
	if (check->config)
		check_open_files(check);
	if (!check->config || has_disk(check->config))
		check_uring(check);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_tsm.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake.h"
#include "fake_vfio.h"
#include "sys.h"

#define BELOW  FAKE_TSM_BRIDGE "/0000:00:01.0"
#define STREAM FAKE_TSM_BRIDGE "/stream0.1.0"

struct fake_tsm fake_tsm;

static char prefix[64];

void fake_tsm_stream(bool there)
{
	char target[64], path[PATH_MAX];

	snprintf(target, sizeof(target), "0000:00:01.0/%s", fake_tsm.bdf);
	snprintf(path, sizeof(path), "%s" STREAM, sys_root);
	if (there)
		fake_sysfs_link(STREAM, target);
	else
		unlink(path);
}

static int open_attribute(struct fake_file *file, const char *path)
{
	static char names[][16] = {"connect", "disconnect", "dsm"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(strrchr(path, '/') + 1, names[i]) == 0) {
			file->state = names[i];
			return 0;
		}
	return -ENOENT;
}

static ssize_t show(struct fake_file *file, void *buf, size_t len, off_t offset)
{
	const char *value =
		strcmp(file->state, "dsm") == 0 && fake_tsm.connected[0] ? fake_tsm.bdf : fake_tsm.connected;

	return snprintf(buf, len, "%s\n", fake_tsm.forgets ? "" : value);
}

static int connect_store(const char *name)
{
	if (fake_tsm.connect_err)
		return fake_tsm.connect_err;
	if (strncmp(name, "tsm", 3) != 0)
		return -EINVAL;
	if (fake_tsm.connected[0])
		return -EBUSY;
	if (fake_tsm.takes && strcmp(fake_tsm.takes, name) != 0)
		return -ENXIO;
	snprintf(fake_tsm.connected, sizeof(fake_tsm.connected), "%s", name);
	fake_tsm.connects++;
	fake_tsm_stream(!fake_tsm.no_stream);
	return 0;
}

static int disconnect_store(const char *name)
{
	if (fake_tsm.disconnect_err)
		return fake_tsm.disconnect_err;
	if (!fake_tsm.connected[0])
		return -ENXIO;
	if (strcmp(fake_tsm.connected, name) != 0)
		return -EINVAL;
	fake_tsm.connected[0] = '\0';
	fake_tsm.disconnects++;
	fake_tsm_stream(false);
	return 0;
}

static ssize_t store(struct fake_file *file, const void *buf, size_t len, off_t offset)
{
	char name[16];
	int err;

	snprintf(name, sizeof(name), "%.*s", (int)(len < 15 ? len : 15), (const char *)buf);
	err = strcmp(file->state, "connect") == 0 ? connect_store(name) : disconnect_store(name);
	return err < 0 ? err : (ssize_t)len;
}

static const struct fake_type attributes = {
	.prefix = prefix,
	.open = open_attribute,
	.pread = show,
	.pwrite = store,
};

/* In the kernel's sysfs a device's folder is below its host bridge, and the one on the bus a link. */
static void move_below_bridge(const char *bdf)
{
	char from[PATH_MAX], to[PATH_MAX], path[128], target[128];

	snprintf(from, sizeof(from), "%s/sys/bus/pci/devices/%s", sys_root, bdf);
	snprintf(to, sizeof(to), "%s" BELOW "/%s", sys_root, bdf);
	fake_sysfs_file(BELOW "/vendor", "0x1b36\n");
	if (rename(from, to) < 0) {
		perror(from);
		abort();
	}
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", bdf);
	snprintf(target, sizeof(target), "../../../devices/pci0000:00/0000:00:01.0/%s", bdf);
	fake_sysfs_link(path, target);
}

void fake_tsm_install(const char *bdf)
{
	fake_tsm = (struct fake_tsm){.connected = ""};
	snprintf(fake_tsm.bdf, sizeof(fake_tsm.bdf), "%s", bdf);
	snprintf(prefix, sizeof(prefix), "/sys/bus/pci/devices/%s/tsm/", bdf);
	fake_sysfs_file("/sys/class/tsm/tsm0/uevent", "");
	move_below_bridge(bdf);
	fake_register(&attributes);
}

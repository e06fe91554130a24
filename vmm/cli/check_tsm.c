/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this host's kernel offers for device security: TEE security managers (/sys/class/tsm), which of the assigned
 * devices they could or do speak for, and which devices have a mailbox that speaks SPDM at all.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fd.h"
#include "host_check.h"
#include "sys.h"

#define MAX_MANAGERS 8u

/* Names below /sys/class/tsm, blank between them. Returns how many. */
static unsigned managers(char *names, size_t cap)
{
	char path[256];
	struct dirent *entry;
	unsigned n = 0;
	DIR *dir;

	names[0] = '\0';
	snprintf(path, sizeof(path), "%s/sys/class/tsm", sys_root);
	dir = opendir(path);
	while (dir && n < MAX_MANAGERS && (entry = readdir(dir)) != NULL) {
		size_t used = strlen(names);

		if (entry->d_name[0] == '.')
			continue;
		snprintf(names + used, cap - used, "%s%.24s", n ? " " : "", entry->d_name);
		n++;
	}
	if (dir)
		closedir(dir);
	return n;
}

/* An attribute of the device; false when it is not there. */
static bool attribute(const char *bdf, const char *name, char *value, size_t cap)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", bdf, name);
	return fd_read_text(path, value, cap) >= 0;
}

static void check_device(struct check *check, const struct config_device *device, const char *names)
{
	const char *bdf = device->assign;
	char what[96], value[128];
	bool mailbox = attribute(bdf, "doe_features/doe_discovery", value, sizeof(value));
	bool spdm = attribute(bdf, "doe_features/0001:01", value, sizeof(value)) &&
		    attribute(bdf, "doe_features/0001:02", value, sizeof(value));

	snprintf(what, sizeof(what), "device %s", bdf);
	if (device->trust && !mailbox)
		check_add(
			check, CHECK_WARNING, what,
			"the kernel knows no DOE mailbox of it (doe_features is not there); without one it cannot prove "
			"what \"trust\" requires");
	else if (device->trust && !spdm)
		check_add(check, CHECK_ERROR, what,
			  "its DOE mailboxes do not speak SPDM (doe_features lists no 0001:01 and 0001:02); it cannot "
			  "prove what \"trust\" requires");
	if (!attribute(bdf, "tsm/connect", value, sizeof(value)))
		return;
	if (value[0] && device->trust)
		check_add(
			check, CHECK_ERROR, what,
			"the kernel has connected it to %s and uses its mailbox, which aerie needs for \"trust\"; write "
			"%s to tsm/disconnect",
			value, value);
	else if (value[0])
		check_add(check, CHECK_OK, what, "connected to %s: its link is protected by the host", value);
	else
		check_add(check, CHECK_OK, what,
			  "can be connected to a security manager of the host (%s) by tsm/connect", names);
}

void check_tsm(struct check *check)
{
	const struct config *config = check->config;
	char names[256];
	unsigned n = managers(names, sizeof(names));

	if (n > 0)
		check_add(check, CHECK_OK, "device security",
			  "the kernel has a TEE security manager (%s): it can connect devices, but offers no call to "
			  "bind them to a guest",
			  names);
	for (unsigned p = 0; config && p < config->pci_count; p++)
		for (unsigned d = 0; d < config->pci[p].devices_count; d++)
			if (config->pci[p].devices[d].kind == DEVICE_ASSIGN)
				check_device(check, &config->pci[p].devices[d], names);
}

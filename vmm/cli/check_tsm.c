/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this host's kernel offers for device security: TEE security managers (/sys/class/tsm), which of the assigned
 * devices they could or do speak for, and which devices have a mailbox that speaks SPDM at all.
 */
#include <stdio.h>
#include <string.h>

#include "attest_tsm.h"
#include "fd.h"
#include "host_check.h"

/* What tsm_names() finds, blank between them. Returns how many. */
static unsigned managers(char *text, size_t cap)
{
	char names[TSM_MAX][TSM_NAME];
	unsigned n = tsm_names(names);

	text[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		size_t used = strlen(text);

		snprintf(text + used, cap - used, "%s%s", i ? " " : "", names[i]);
	}
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
	char what[96], value[128], tsm[TSM_NAME], dsm[TSM_NAME];
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
	if (tsm_connected(bdf, tsm, dsm) && device->trust)
		check_add(
			check, CHECK_ERROR, what,
			"the kernel has connected %s to %s and uses its mailbox, which aerie needs for \"trust\"; write "
			"%s to tsm/disconnect of %s",
			dsm, tsm, tsm, dsm);
	else if (tsm[0])
		check_add(check, CHECK_OK, what, "connected to %s: its link is protected by the host", tsm);
	else if (tsm_offered(bdf))
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

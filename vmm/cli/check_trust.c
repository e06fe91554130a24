/* SPDX-License-Identifier: Apache-2.0 */
/* aerie check: what devices have to prove before a guest gets them. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host_check.h"
#include "policy_load.h"
#include "spdm.h"
#include "sys.h"

/* The kernel lists what mailboxes speak as files (drivers/pci/doe.c): vendor and type. "": whether it lists anything.
 */
static bool has_feature(const char *bdf, const char *feature)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/doe_features/%s", sys_root, bdf, feature);
	return access(path, F_OK) == 0;
}

static void check_roots(struct check *check, const char *what, const struct config_trust *trust)
{
	struct check_capture capture;
	struct spdm_roots *roots = NULL;
	int err;

	check_capture_begin(&capture);
	err = spdm_roots_load(trust->roots, &roots);
	check_capture_end();
	spdm_roots_free(roots);
	if (err < 0)
		check_add(check, CHECK_ERROR, what, "%s", capture.text);
	else
		check_add(check, CHECK_OK, what, "trusts the certificates of %s", trust->roots);
}

static void check_policy(struct check *check, const char *what, const struct config_trust *trust)
{
	struct check_capture capture;
	struct policy *policy = NULL;
	int err;

	if (!trust->measurements)
		return;
	check_capture_begin(&capture);
	err = policy_load(&policy, trust->measurements);
	check_capture_end();
	if (err < 0)
		check_add(check, CHECK_ERROR, what, "%s", capture.text);
	else
		check_add(check, CHECK_OK, what, "%s has %u measurements%s", trust->measurements,
			  policy->measurements_count, policy->others ? ", others may be anything" : "");
	policy_free(policy);
}

static void check_mailbox(struct check *check, const char *what, const struct config_device *dev)
{
	struct host_dev_info info;

	if (!dev->assign || host_dev_probe(dev->assign, &info) < 0)
		return; /* check_devices() has said so */
	if (has_feature(info.bdf, "0001:01") && has_feature(info.bdf, "0001:02"))
		check_add(check, CHECK_OK, what, "has a mailbox that speaks SPDM; `aerie attest %s` asks it", info.bdf);
	else if (!has_feature(info.bdf, ""))
		check_add(
			check, CHECK_WARNING, what,
			"the kernel knows no mailbox of it (no doe_features in sysfs; a kernel without CONFIG_PCI_DOE "
			"knows none of any device); `aerie attest %s` tells",
			info.bdf);
	else
		check_add(
			check, CHECK_ERROR, what,
			"has no mailbox that speaks SPDM (no doe_features/0001:01 and 0001:02 in sysfs; CONFIG_PCI_DOE): "
			"it cannot prove anything");
	if ((dev->trust->requires & 1u << REQUIRE_IDE))
		check_add(
			check, CHECK_WARNING, what,
			"the keys of its link are given to the device alone: this host's root port is not keyed by aerie, "
			"so that an encrypted link is the device's promise");
}

void check_trust(struct check *check)
{
	const struct config *config = check->config;

	for (unsigned i = 0; config && i < config->pci_count; i++)
		for (unsigned d = 0; d < config->pci[i].devices_count; d++) {
			const struct config_device *dev = &config->pci[i].devices[d];
			char what[80];

			if (!dev->trust)
				continue;
			snprintf(what, sizeof(what), "trust %.63s", dev->id);
			check_roots(check, what, dev->trust);
			check_policy(check, what, dev->trust);
			check_mailbox(check, what, dev);
		}
}

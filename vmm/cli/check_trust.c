/* SPDX-License-Identifier: Apache-2.0 */
/* aerie check: what devices have to prove before a guest gets them. Mailboxes: check_tsm.c. */
#include <stdio.h>

#include "attest_tsm.h"
#include "host_check.h"
#include "policy_load.h"
#include "spdm.h"

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

/* The same choice as attest_keys.c makes. */
static bool keyed_by_host(const struct config_device *dev)
{
	const struct config_trust *trust = dev->trust;

	if (trust->link_keys != LINK_KEYS_AUTO)
		return trust->link_keys == LINK_KEYS_HOST;
	return dev->kind == DEVICE_ASSIGN && !(trust->requires & 1u << REQUIRE_TDISP) && tsm_offered(dev->assign);
}

static void check_link(struct check *check, const char *what, const struct config_device *dev)
{
	char names[TSM_MAX][TSM_NAME];

	if (!(dev->trust->requires & 1u << REQUIRE_IDE))
		return;
	if (!keyed_by_host(dev))
		check_add(
			check, CHECK_WARNING, what,
			"the keys of its link are given to the device alone: this host's root port is not keyed by aerie, "
			"so that an encrypted link is the device's promise");
	else if (!tsm_offered(dev->assign))
		check_add(check, CHECK_ERROR, what,
			  "the kernel offers no tsm/connect for %s, by which link-keys: host has its link keyed: %s",
			  dev->assign,
			  tsm_names(names) ? "it is not function 0 of a device with IDE"
					   : "there is no security manager (/sys/class/tsm)");
	else if (tsm_streams_left(dev->assign) == 0)
		check_add(
			check, CHECK_ERROR, what,
			"no IDE stream is left on its host bridge (available_secure_streams); disconnect another device");
	else
		check_add(
			check, CHECK_OK, what,
			"once it has proven itself, both ends of its link are keyed by the host's kernel (tsm/connect)");
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
			check_link(check, what, dev);
		}
}

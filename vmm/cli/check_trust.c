/* SPDX-License-Identifier: Apache-2.0 */
/* aerie check: what devices have to prove before a guest gets them. Mailboxes: check_tsm.c. */
#include <stdio.h>

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

static void check_link(struct check *check, const char *what, const struct config_trust *trust)
{
	if (trust->requires & 1u << REQUIRE_IDE)
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
			check_link(check, what, dev->trust);
		}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of measurement policies. What is accepted must hold together, and survive being written and read again. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "policy_load.h"

static unsigned errors;

static void sink(enum log_level level, const char *line, void *opaque)
{
	errors++;
}

static void require(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "violated: %s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct policy_measurement m = {
		.index = 1, .type = 0x80, .value = data, .len = size > 64 ? 64 : (uint16_t)size};
	char why[POLICY_WHY];
	struct policy *policy;
	int err;

	errors = 0;
	log_set_sink(sink, NULL);
	err = policy_parse(&policy, "fuzz", (const char *)data, size);
	require((err == 0) == (policy != NULL), "a result or an error");
	require(errors == (err < 0 ? 1u : 0u), "exactly one message");
	for (unsigned i = 0; policy && i < policy->measurements_count; i++) {
		const struct policy_entry *entry = &policy->measurements[i];

		require(entry->index >= 1 && entry->index <= 254 && entry->allowed_count >= 1, "an entry");
		for (unsigned a = 0; a < entry->allowed_count; a++)
			require(!policy_value_wrong(entry->allowed[a]), "a value");
	}
	if (policy && policy_holds(policy, &m, 1, "sha384", why))
		require(policy->others || policy->measurements_count == 1, "an unknown index is let through");
	policy_free(policy);
	return 0;
}

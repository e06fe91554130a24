/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TYPE_RAW  0x80u
#define TYPE_MASK 0x7fu

static const char *const kinds[] = {"raw", "sha256", "sha384", "sha512"};
#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Digits of a digest by kind; 0: any even number. */
static const size_t digits_of[NR_KINDS] = {0, 64, 96, 128};

const char *policy_type_name(uint8_t type)
{
	static const char *const names[] = {
		"immutable ROM",	   "mutable firmware",
		"hardware configuration",  "firmware configuration",
		"measurement manifest",	   "device mode",
		"version of the firmware", "security version of the firmware",
	};
	unsigned plain = type & TYPE_MASK;

	return plain < sizeof(names) / sizeof(names[0]) ? names[plain] : "of an unknown kind";
}

char *policy_value(const struct policy_measurement *m, const char *hash)
{
	const char *kind = m->type & TYPE_RAW ? "raw" : hash;
	size_t cap = strlen(kind) + 2 + (size_t)m->len * 2;
	char *text = malloc(cap);
	size_t at;

	if (!text)
		return NULL;
	at = (size_t)snprintf(text, cap, "%s:", kind);
	for (unsigned i = 0; i < m->len; i++)
		at += (size_t)snprintf(text + at, cap - at, "%02x", m->value[i]);
	return text;
}

const char *policy_value_wrong(const char *text)
{
	const char *colon = strchr(text, ':');
	size_t digits;

	if (!colon)
		return "must be a kind, a colon and hexadecimal digits";
	digits = strlen(colon + 1);
	for (size_t k = 0; k < NR_KINDS; k++) {
		if (strlen(kinds[k]) != (size_t)(colon - text) || strncmp(kinds[k], text, strlen(kinds[k])) != 0)
			continue;
		if (strspn(colon + 1, "0123456789abcdefABCDEF") != digits || digits % 2 != 0)
			return "must have an even number of hexadecimal digits after the colon";
		if (digits_of[k] && digits != digits_of[k])
			return "is shorter or longer than a digest of its kind";
		return NULL;
	}
	return "has an unknown kind; known are raw, sha256, sha384 and sha512";
}

static const struct policy_entry *entry_of(const struct policy *policy, uint8_t index)
{
	for (unsigned i = 0; i < policy->measurements_count; i++)
		if (policy->measurements[i].index == index)
			return &policy->measurements[i];
	return NULL;
}

static bool measured(const struct policy_measurement *m, unsigned n, uint8_t index)
{
	for (unsigned i = 0; i < n; i++)
		if (m[i].index == index)
			return true;
	return false;
}

static bool one_holds(const struct policy *policy, const struct policy_measurement *m, const char *hash, char *why)
{
	const struct policy_entry *entry = entry_of(policy, m->index);
	char *value;
	bool holds = false;

	if (!entry) {
		snprintf(why, POLICY_WHY, "measurement %u (%s) is not in the policy", m->index,
			 policy_type_name(m->type));
		return policy->others;
	}
	value = policy_value(m, hash);
	for (unsigned i = 0; value && i < entry->allowed_count && !holds; i++)
		holds = strcasecmp(entry->allowed[i], value) == 0;
	if (!holds)
		snprintf(why, POLICY_WHY, "measurement %u (%s) has a value that the policy does not allow: %.120s%s",
			 m->index, policy_type_name(m->type), value ? value : "out of memory",
			 value && strlen(value) > 120 ? "..." : "");
	free(value);
	return holds;
}

bool policy_holds(const struct policy *policy, const struct policy_measurement *m, unsigned n, const char *hash,
		  char why[POLICY_WHY])
{
	for (unsigned i = 0; i < n; i++) {
		if (measured(m, i, m[i].index)) {
			snprintf(why, POLICY_WHY, "measurement %u is reported twice", m[i].index);
			return false;
		}
		if (!one_holds(policy, &m[i], hash, why))
			return false;
	}
	for (unsigned i = 0; i < policy->measurements_count; i++) {
		if (measured(m, n, policy->measurements[i].index))
			continue;
		snprintf(why, POLICY_WHY, "measurement %u of the policy is not reported by the device",
			 policy->measurements[i].index);
		return false;
	}
	why[0] = '\0';
	return true;
}

/* @device comes from a certificate: printable characters only, and none that YAML's double quotes would take. */
static void put_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++)
		fputc(*text >= ' ' && *text < 0x7f && *text != '"' && *text != '\\' ? *text : '?', out);
	fputc('"', out);
}

int policy_record(FILE *out, const char *device, const struct policy_measurement *m, unsigned n, const char *hash)
{
	fprintf(out,
		"# Recorded by aerie attest: what this device measured. Add further allowed values by hand.\n"
		"version: %u\n",
		POLICY_VERSION);
	if (device) {
		fputs("device: ", out);
		put_quoted(out, device);
		fputc('\n', out);
	}
	fputs(n ? "measurements:\n" : "measurements: []\n", out);
	for (unsigned i = 0; i < n; i++) {
		char *value = policy_value(&m[i], hash);

		if (!value)
			return -ENOMEM;
		fprintf(out, "  - index: %u\n    type: \"%s\"\n    allowed:\n      - \"%s\"\n", m[i].index,
			policy_type_name(m[i].type), value);
		free(value);
	}
	return ferror(out) ? -EIO : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A measurement policy: which values each measurement of a device may have (docs/device-security.md). The file is read
 * by policy_load.c against a schema; here is what it means, and the writer behind `aerie attest --record`.
 *
 * A value is text: the kind, a colon, hexadecimal digits. Kinds: "raw" (a bit stream) and the names of measurement
 * hashes ("sha256", "sha384", "sha512").
 */
#ifndef AERIE_POLICY_H
#define AERIE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define POLICY_VERSION	   1u
#define POLICY_MAX_ENTRIES 239u /* indices 1 .. 0xef; DSP0274 1.2, table "measurement index assigned range" */
#define POLICY_MAX_ALLOWED 64u
#define POLICY_MAX_VALUE   8192u /* bytes of a measurement */
#define POLICY_WHY	   256u

struct policy_entry {
	uint8_t index;
	char *type;	/* as measured; for the reader of the file. NULL: not said */
	char **allowed; /* at least one */
	unsigned allowed_count;
};

struct policy {
	uint32_t version;
	char *device; /* what was recorded; for the reader of the file. NULL: not said */
	bool others;  /* indices without an entry may have any value */
	struct policy_entry *measurements;
	unsigned measurements_count;
};

/* One DMTF measurement block (DSP0274 10.11.1). */
struct policy_measurement {
	uint8_t index;
	uint8_t type; /* DMTFSpecMeasurementValueType, bit 7 (raw) included */
	const uint8_t *value;
	uint16_t len; /* bytes */
};

/** What a measurement is of, in words; @type without regard to bit 7. Never NULL. */
const char *policy_type_name(uint8_t type);

/** Writes "sha384:0123.." of @m; @hash is the negotiated measurement hash ("sha384"). The caller frees; NULL: no
 * memory. */
char *policy_value(const struct policy_measurement *m, const char *hash);

/** NULL when @text is a well-formed value, else what is wrong with it. */
const char *policy_value_wrong(const char *text);

/**
 * Holds the @n measurements against the policy: each entry must be measured, once, with an allowed value, and nothing
 * else measured unless `others`. True when all is as the policy says; else @why says the first thing that is not.
 */
bool policy_holds(const struct policy *policy, const struct policy_measurement *m, unsigned n, const char *hash,
		  char why[POLICY_WHY]);

/** Writes a policy that allows exactly what was measured. 0 or -errno (not logged). */
int policy_record(FILE *out, const char *device, const struct policy_measurement *m, unsigned n, const char *hash);

#endif

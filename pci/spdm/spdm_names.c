/* SPDX-License-Identifier: Apache-2.0 */
/* Names for people and scripts. */
#include <string.h>

#include "spdm.h"
#include "spdm_responder.h"

struct name_row {
	uint32_t value;
	const char *name;
};

static const char *name_of(const struct name_row *rows, size_t count, uint32_t value)
{
	if (value == 0)
		return "none";
	for (size_t i = 0; i < count; i++)
		if (rows[i].value == value)
			return rows[i].name;
	return "unknown";
}

const char *spdm_version_name(uint8_t version)
{
	static const struct name_row rows[] = {
		{SPDM_VERSION_10, "1.0"},
		{SPDM_VERSION_12, "1.2"},
		{SPDM_VERSION_13, "1.3"},
		{SPDM_VERSION_14, "1.4"},
	};

	return name_of(rows, ARRAY_LEN(rows), version);
}

const char *spdm_asym_name(uint32_t bit)
{
	static const struct name_row rows[] = {
		{SPDM_ASYM_RSASSA_3072, "RSASSA-3072"}, {SPDM_ASYM_RSAPSS_3072, "RSAPSS-3072"},
		{SPDM_ASYM_P256, "ECDSA P-256"},	{SPDM_ASYM_P384, "ECDSA P-384"},
		{SPDM_ASYM_ED25519, "Ed25519"},
	};

	return name_of(rows, ARRAY_LEN(rows), bit);
}

const char *spdm_hash_name(uint32_t bit)
{
	static const struct name_row rows[] = {
		{SPDM_HASH_SHA256, "SHA-256"},
		{SPDM_HASH_SHA384, "SHA-384"},
		{SPDM_HASH_SHA512, "SHA-512"},
	};

	return name_of(rows, ARRAY_LEN(rows), bit);
}

const char *spdm_dhe_name(uint32_t bit)
{
	static const struct name_row rows[] = {
		{SPDM_DHE_FFDHE2048, "ffdhe2048"}, {SPDM_DHE_FFDHE3072, "ffdhe3072"}, {SPDM_DHE_FFDHE4096, "ffdhe4096"},
		{SPDM_DHE_P256, "secp256r1"},	   {SPDM_DHE_P384, "secp384r1"},
	};

	return name_of(rows, ARRAY_LEN(rows), bit);
}

const char *spdm_aead_name(uint32_t bit)
{
	static const struct name_row rows[] = {
		{SPDM_AEAD_AES128, "AES-128-GCM"},
		{SPDM_AEAD_AES256, "AES-256-GCM"},
		{SPDM_AEAD_CHACHA20, "ChaCha20-Poly1305"},
	};

	return name_of(rows, ARRAY_LEN(rows), bit);
}

struct word {
	const char *name, *text;
};

static const struct word reasons[] = {
#define X(id, name, text) {name, text},
	SPDM_REASONS(X)
#undef X
};

const char *spdm_reason_name(enum spdm_reason reason)
{
	return (size_t)reason < ARRAY_LEN(reasons) ? reasons[reason].name : "unknown";
}

const char *spdm_reason_text(enum spdm_reason reason)
{
	return (size_t)reason < ARRAY_LEN(reasons) ? reasons[reason].text : "unknown";
}

static const struct word faults[] = {
#define X(id, name, text) {name, text},
	SPDM_FAULTS(X)
#undef X
};

const char *spdm_fault_name(enum spdm_fault fault)
{
	return (size_t)fault < ARRAY_LEN(faults) ? faults[fault].name : "unknown";
}

const char *spdm_fault_text(enum spdm_fault fault)
{
	return (size_t)fault < ARRAY_LEN(faults) ? faults[fault].text : "unknown";
}

enum spdm_fault spdm_fault_find(const char *name)
{
	for (unsigned i = 0; i < SPDM_FAULT_COUNT; i++)
		if (!strcmp(faults[i].name, name))
			return (enum spdm_fault)i;
	return SPDM_FAULT_COUNT;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name of a PCI function in a leaf certificate (PCIe 6.31.3, CMA): an
 * otherName of the subject alternative name with text such as
 * "Vendor=1b36:Device=0010:CC=010802:REV=02:SSVID=1af4:SSID=1100", perhaps with
 * ":SN=" and the device's serial number. What it says must be what
 * configuration space says.
 */
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spdm_cert.h"

#define OID_PCI_NAME "2.23.147"
#define MAX_NAME     256

struct part {
	const char *key;
	bool needed;
	uint64_t value;
};

/* Hexadecimal digits and nothing else, also without a sign or "0x". */
static bool parse_hex(const char *text, uint64_t *value)
{
	size_t len = strlen(text);

	if (len == 0 || len > 16 || strspn(text, "0123456789abcdefABCDEF") != len)
		return false;
	*value = strtoull(text, NULL, 16);
	return true;
}

/* One "KEY=VALUE" of the name; marks the part as seen. */
static bool part_matches(char *word, const struct part *parts, size_t count, uint32_t *seen)
{
	char *sep = strchr(word, '=');
	uint64_t value;

	if (!sep || !parse_hex(sep + 1, &value))
		return false;
	*sep = 0;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(word, parts[i].key))
			continue;
		if ((*seen & BIT32(i)) || value != parts[i].value)
			return false;
		*seen |= BIT32(i);
		return true;
	}
	return false;
}

static bool name_matches(const char *name, const struct spdm_device_id *device)
{
	const struct part parts[] = {
		{"Vendor", true, device->vendor},
		{"Device", true, device->device},
		{"CC", true, device->class_code},
		{"REV", true, device->revision},
		{"SSVID", false, device->subsystem_vendor},
		{"SSID", false, device->subsystem},
		{"SN", false, device->serial},
	};
	size_t count = ARRAY_LEN(parts) - (device->has_serial ? 0 : 1);
	char copy[MAX_NAME + 1], *save = NULL;
	uint32_t seen = 0;

	snprintf(copy, sizeof(copy), "%s", name);
	for (char *word = strtok_r(copy, ":", &save); word; word = strtok_r(NULL, ":", &save))
		if (!part_matches(word, parts, count, &seen))
			return false;
	for (size_t i = 0; i < count; i++)
		if (parts[i].needed && !(seen & BIT32(i)))
			return false;
	return true;
}

/* The text of a PCI name; false: @name is something else. Unprintable
 * characters do not reach a log. */
static bool pci_name(const GENERAL_NAME *name, char *text)
{
	const ASN1_TYPE *value;
	char oid[32];
	int len;

	if (name->type != GEN_OTHERNAME)
		return false;
	OBJ_obj2txt(oid, sizeof(oid), name->d.otherName->type_id, 1);
	value = name->d.otherName->value;
	if (strcmp(oid, OID_PCI_NAME) || value->type != V_ASN1_UTF8STRING)
		return false;
	len = ASN1_STRING_length(value->value.utf8string);
	if (len < 0 || len > MAX_NAME)
		return false;
	memcpy(text, ASN1_STRING_get0_data(value->value.utf8string), (size_t)len);
	text[len] = 0;
	for (int i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '?';
	return true;
}

enum spdm_reason spdm_cert_name(X509 *leaf, const struct spdm_device_id *device, char *why, size_t why_len)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	enum spdm_reason reason = SPDM_NAME_MISSING;
	char text[MAX_NAME + 1];

	snprintf(why, why_len, "no subject alternative name of kind " OID_PCI_NAME);
	for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
		if (!pci_name(sk_GENERAL_NAME_value(names, i), text))
			continue;
		if (name_matches(text, device)) {
			reason = SPDM_OK;
			break;
		}
		reason = SPDM_NAME_MISMATCH;
		snprintf(why, why_len, "the certificate says \"%s\"", text);
	}
	GENERAL_NAMES_free(names);
	return reason;
}

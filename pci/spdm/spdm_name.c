/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name of a PCI function in a leaf certificate (PCIe 6.31.3, CMA): an
 * otherName of the subject alternative name with text such as
 * "Vendor=1b36:Device=0010:CC=010802:REV=02:SSVID=1af4:SSID=1100", perhaps with
 * the device's serial number behind it, ":SN=0123456789abcdef" or the digits alone, as Linux writes it. What it says
 * must be what configuration space says, with all the leading zeroes.
 */
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spdm_cert.h"

#define OID_PCI_NAME "2.23.147"
#define MAX_NAME     256
#define SERIAL	     "SN"

struct part {
	const char *key;
	bool needed;
	unsigned digits;
	uint64_t value;
};

/* @digits hexadecimal ones and nothing else, also without a sign or "0x". */
static bool parse_hex(const char *text, unsigned digits, uint64_t *value)
{
	if (strlen(text) != digits || strspn(text, "0123456789abcdefABCDEF") != digits)
		return false;
	*value = strtoull(text, NULL, 16);
	return true;
}

/* One "KEY=VALUE" of the name, or the bare digits of the serial number; marks the part as seen. */
static bool part_matches(char *word, const struct part *parts, size_t count, uint32_t *seen)
{
	char *sep = strchr(word, '=');
	const char *key = sep ? word : SERIAL, *text = sep ? sep + 1 : word;
	uint64_t value;

	if (sep)
		*sep = 0;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(key, parts[i].key))
			continue;
		if ((*seen & BIT32(i)) || !parse_hex(text, parts[i].digits, &value) || value != parts[i].value)
			return false;
		*seen |= BIT32(i);
		return true;
	}
	return false;
}

static bool name_matches(const char *name, const struct spdm_device_id *device)
{
	const struct part parts[] = {
		{"Vendor", true, 4, device->vendor},	       {"Device", true, 4, device->device},
		{"CC", true, 6, device->class_code},	       {"REV", true, 2, device->revision},
		{"SSVID", false, 4, device->subsystem_vendor}, {"SSID", false, 4, device->subsystem},
		{SERIAL, false, 16, device->serial},
	};
	size_t count = ARRAY_LEN(parts) - (device->has_serial ? 0 : 1);
	char copy[MAX_NAME + 1], *rest = copy, *word;
	uint32_t seen = 0;

	snprintf(copy, sizeof(copy), "%s", name);
	while ((word = strsep(&rest, ":"))) /* an empty part is no part */
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists inside messages: opaque data in the general format (DSP0274, "General
 * opaque data format"; DSP0277, "Secured message opaque element") and the
 * tables of algorithms.
 */
#include <errno.h>
#include <string.h>

#include "spdm_link.h"

#define OPAQUE_HDR	4u /* number of elements, reserved */
#define ELEMENT_HDR	4u /* registry, vendor length (0), u16 data length */
#define REGISTRY_DMTF	0u
#define SM_DATA_VERSION 1u

void spdm_opaque_request(uint8_t out[SPDM_OPAQUE_REQ_LEN])
{
	memset(out, 0, SPDM_OPAQUE_REQ_LEN);
	out[0] = 1;
	out[4] = REGISTRY_DMTF;
	spdm_put_le(out + 6, 2, 5);
	out[8] = SM_DATA_VERSION;
	out[9] = SPDM_OPAQUE_VERSIONS;
	out[10] = 1;
	spdm_put_le(out + 11, 2, SPDM_SECURED_VERSION_11);
}

void spdm_opaque_response(uint8_t out[SPDM_OPAQUE_RSP_LEN])
{
	memset(out, 0, SPDM_OPAQUE_RSP_LEN);
	out[0] = 1;
	out[4] = REGISTRY_DMTF;
	spdm_put_le(out + 6, 2, 4);
	out[8] = SM_DATA_VERSION;
	out[9] = SPDM_OPAQUE_SELECTION;
	spdm_put_le(out + 10, 2, SPDM_SECURED_VERSION_11);
}

/* Major and minor version; the update number in the low byte may be any. */
static bool is_our_version(const uint8_t *p)
{
	return (spdm_get_le(p, 2) & 0xff00) == SPDM_SECURED_VERSION_11;
}

static bool element_offers(const uint8_t *data, size_t len)
{
	if (len < 3 || data[0] != SM_DATA_VERSION || data[1] != SPDM_OPAQUE_VERSIONS || len < 3 + 2u * data[2])
		return false;
	for (unsigned i = 0; i < data[2]; i++)
		if (is_our_version(data + 3 + 2 * i))
			return true;
	return false;
}

static bool element_selects(const uint8_t *data, size_t len)
{
	return len >= 4 && data[0] == SM_DATA_VERSION && data[1] == SPDM_OPAQUE_SELECTION && is_our_version(data + 2);
}

/* Whether some element of DMTF passes @test, and the list holds together. */
static bool find(const uint8_t *opaque, size_t len, bool (*test)(const uint8_t *data, size_t len))
{
	size_t at = OPAQUE_HDR;
	bool found = false;

	if (len < OPAQUE_HDR)
		return false;
	for (unsigned i = 0; i < opaque[0]; i++) {
		size_t vendor, data, total;

		if (len - at < ELEMENT_HDR)
			return false;
		vendor = opaque[at + 1];
		if (len - at < ELEMENT_HDR + vendor)
			return false;
		data = spdm_get_le(opaque + at + 2 + vendor, 2);
		total = (ELEMENT_HDR + vendor + data + 3) & ~(size_t)3;
		if (len - at < total)
			return false;
		if (opaque[at] == REGISTRY_DMTF && vendor == 0 && test(opaque + at + ELEMENT_HDR, data))
			found = true;
		at += total;
	}
	return found && at == len;
}

bool spdm_opaque_offers(const uint8_t *opaque, size_t len)
{
	return find(opaque, len, element_offers);
}

bool spdm_opaque_selects(const uint8_t *opaque, size_t len)
{
	return find(opaque, len, element_selects);
}

int spdm_tables_read(const uint8_t *tables, size_t len, unsigned count, uint16_t masks[8], unsigned *present)
{
	size_t at = 0;
	int last = 0;

	memset(masks, 0, 8 * sizeof(*masks));
	*present = 0;
	for (unsigned i = 0; i < count; i++) {
		unsigned fixed, external;
		size_t size;

		if (len - at < SPDM_ALG_TABLE_LEN)
			return -EBADMSG;
		fixed = tables[at + 1] >> 4;
		external = tables[at + 1] & 0xf;
		size = 2 + fixed + 4 * external;
		if (tables[at] <= last || fixed < 2 || (2 + fixed) % 4 || size > len - at)
			return -EBADMSG;
		last = tables[at];
		if (last >= (int)SPDM_ALG_TABLE_DHE && last <= (int)SPDM_ALG_TABLE_SCHEDULE) {
			masks[last] = (uint16_t)spdm_get_le(tables + at + 2, 2);
			*present |= 1u << last;
		}
		at += size;
	}
	return at == len ? 0 : -EBADMSG;
}

size_t spdm_table_write(uint8_t *out, uint8_t type, uint16_t mask)
{
	out[0] = type;
	out[1] = SPDM_ALG_TABLE_COUNT;
	spdm_put_le(out + 2, 2, mask);
	return SPDM_ALG_TABLE_LEN;
}

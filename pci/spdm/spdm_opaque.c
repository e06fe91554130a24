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

/*
 * The versions of secured messages that aerie speaks, ascending. They differ in one thing: 1.2 says that the sequence
 * number goes into the IV little-endian, and 1.0 and 1.1 leave it to the ends, which all do it so.
 */
static const uint16_t versions[] = {SPDM_SECURED_VERSION_10, SPDM_SECURED_VERSION_11, SPDM_SECURED_VERSION_12};

void spdm_opaque_request(uint8_t out[SPDM_OPAQUE_REQ_LEN])
{
	memset(out, 0, SPDM_OPAQUE_REQ_LEN);
	out[0] = 1;
	out[4] = REGISTRY_DMTF;
	spdm_put_le(out + 6, 2, 3 + 2 * ARRAY_LEN(versions));
	out[8] = SM_DATA_VERSION;
	out[9] = SPDM_OPAQUE_VERSIONS;
	out[10] = ARRAY_LEN(versions);
	for (size_t i = 0; i < ARRAY_LEN(versions); i++)
		spdm_put_le(out + 11 + 2 * i, 2, versions[i]);
}

void spdm_opaque_response(uint16_t version, uint8_t out[SPDM_OPAQUE_RSP_LEN])
{
	memset(out, 0, SPDM_OPAQUE_RSP_LEN);
	out[0] = 1;
	out[4] = REGISTRY_DMTF;
	spdm_put_le(out + 6, 2, 4);
	out[8] = SM_DATA_VERSION;
	out[9] = SPDM_OPAQUE_SELECTION;
	spdm_put_le(out + 10, 2, version);
}

/* Major and minor version; the update number may be any, but a draft (alpha, the lowest four bits) is another thing. */
static bool is_our_version(uint16_t version)
{
	for (size_t i = 0; i < ARRAY_LEN(versions); i++)
		if ((version & 0xff0f) == versions[i])
			return true;
	return false;
}

/* The highest common version, as it is offered; 0: none. */
static uint16_t element_offers(const uint8_t *data, size_t len)
{
	uint16_t best = 0;

	if (len < 3 || data[0] != SM_DATA_VERSION || data[1] != SPDM_OPAQUE_VERSIONS || len < 3 + 2u * data[2])
		return 0;
	for (unsigned i = 0; i < data[2]; i++) {
		uint16_t version = (uint16_t)spdm_get_le(data + 3 + 2 * i, 2);

		if (is_our_version(version) && version > best)
			best = version;
	}
	return best;
}

static uint16_t element_selects(const uint8_t *data, size_t len)
{
	uint16_t version;

	if (len < 4 || data[0] != SM_DATA_VERSION || data[1] != SPDM_OPAQUE_SELECTION)
		return 0;
	version = (uint16_t)spdm_get_le(data + 2, 2);
	return is_our_version(version) ? version : 0;
}

/* What @test finds in some element of DMTF; 0: nothing, or the list does not hold together. */
static uint16_t find(const uint8_t *opaque, size_t len, uint16_t (*test)(const uint8_t *data, size_t len))
{
	size_t at = OPAQUE_HDR;
	uint16_t found = 0;

	if (len < OPAQUE_HDR)
		return 0;
	for (unsigned i = 0; i < opaque[0]; i++) {
		size_t vendor, data, total;

		if (len - at < ELEMENT_HDR)
			return 0;
		vendor = opaque[at + 1];
		if (len - at < ELEMENT_HDR + vendor)
			return 0;
		data = spdm_get_le(opaque + at + 2 + vendor, 2);
		total = (ELEMENT_HDR + vendor + data + 3) & ~(size_t)3;
		if (len - at < total)
			return 0;
		if (opaque[at] == REGISTRY_DMTF && vendor == 0 && !found)
			found = test(opaque + at + ELEMENT_HDR, data);
		at += total;
	}
	return at == len ? found : 0;
}

uint16_t spdm_opaque_offers(const uint8_t *opaque, size_t len)
{
	return find(opaque, len, element_offers);
}

uint16_t spdm_opaque_selects(const uint8_t *opaque, size_t len)
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
			if (fixed != 2)
				return -EBADMSG;
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

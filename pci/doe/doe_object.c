/* SPDX-License-Identifier: Apache-2.0 */
#include "doe_object.h"

#include <errno.h>
#include <string.h>

#include "doe_regs.h"
#include "wire.h"

int doe_object_size(const uint8_t *header)
{
	struct wire_in in = wire_in(header + 4, 4);
	uint32_t dwords = field_get32(DOE_OBJECT_LENGTH, wire_u32(&in));

	if (dwords == 0)
		return (int)DOE_OBJECT_MAX_BYTES;
	return dwords < 2 ? -EBADMSG : (int)(dwords * 4);
}

int doe_object_parse(const void *buf, size_t len, struct doe_object *out)
{
	struct wire_in in = wire_in(buf, len);
	uint32_t id = wire_u32(&in);

	*out = (struct doe_object){0};
	if (len < DOE_OBJECT_HEADER_BYTES || len > DOE_OBJECT_MAX_BYTES || doe_object_size(buf) != (int)len)
		return -EBADMSG;
	out->vendor = (uint16_t)field_get32(DOE_OBJECT_VENDOR, id);
	out->type = (uint8_t)field_get32(DOE_OBJECT_TYPE, id);
	out->payload = (const uint8_t *)buf + DOE_OBJECT_HEADER_BYTES;
	out->len = len - DOE_OBJECT_HEADER_BYTES;
	return 0;
}

int doe_object_write(uint8_t *buf, size_t cap, uint16_t vendor, uint8_t type, const void *payload, size_t len)
{
	size_t padded = align_up(len, 4), size = DOE_OBJECT_HEADER_BYTES + padded;
	struct wire_out out = wire_out(buf, DOE_OBJECT_HEADER_BYTES);

	if (len > DOE_OBJECT_MAX_BYTES || size > DOE_OBJECT_MAX_BYTES || size > cap)
		return -EMSGSIZE;
	if (len > 0)
		memmove(buf + DOE_OBJECT_HEADER_BYTES, payload, len);
	memset(buf + DOE_OBJECT_HEADER_BYTES + len, 0, padded - len);
	wire_put_u32(&out, field_prep32(DOE_OBJECT_VENDOR, vendor) | field_prep32(DOE_OBJECT_TYPE, type));
	wire_put_u32(&out, field_prep32(DOE_OBJECT_LENGTH, (uint32_t)(size / 4)));
	return (int)size;
}

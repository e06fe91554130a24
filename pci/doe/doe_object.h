/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Framing of DOE data objects (PCIe 6.2, 6.30.1): a header of two DWs, then the payload, padded with zeroes to a DW.
 * The object's length counts DWs, so that a receiver learns how long the payload is only up to the padding.
 */
#ifndef AERIE_DOE_OBJECT_H
#define AERIE_DOE_OBJECT_H

#include <stddef.h>
#include <stdint.h>

struct doe_object {
	uint16_t vendor;
	uint8_t type;
	const uint8_t *payload; /* inside the buffer that was parsed */
	size_t len;		/* of the payload in bytes, padding included: a multiple of 4 */
};

/** Bytes of the whole object that begins with @header (DOE_OBJECT_HEADER_BYTES bytes), 8 .. DOE_OBJECT_MAX_BYTES; or
 * -EBADMSG: a length of 1 DW, which not even the header fits in. */
int doe_object_size(const uint8_t *header);

/** Takes apart the object that is exactly @len bytes at @buf. Reserved bits are ignored.
 *  0, or -EBADMSG: not a multiple of 4, shorter than a header, or of another length than the header says. */
int doe_object_parse(const void *buf, size_t len, struct doe_object *out);

/** Writes an object with @len bytes of @payload (may be NULL when @len is 0, may already lie in place at @buf + 8).
 *  Returns the bytes of the object, a multiple of 4; -EMSGSIZE: it does not fit in @cap or in an object. */
int doe_object_write(uint8_t *buf, size_t cap, uint16_t vendor, uint8_t type, const void *payload, size_t len);

#endif

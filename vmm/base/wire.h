/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded little-endian reader and writer for messages of foreign origin. A read or write beyond the end does nothing,
 * yields zeroes and marks the cursor `bad`, so that a parser reads a whole message straight through and asks once.
 */
#ifndef AERIE_WIRE_H
#define AERIE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wire_in {
	const uint8_t *at;
	size_t left;
	bool bad; /* something was asked for that is not there */
};

struct wire_out {
	uint8_t *buf;
	size_t cap, len;
	bool bad; /* something did not fit */
};

static inline struct wire_in wire_in(const void *buf, size_t len)
{
	return (struct wire_in){.at = buf, .left = len};
}

static inline struct wire_out wire_out(void *buf, size_t cap)
{
	return (struct wire_out){.buf = buf, .cap = cap};
}

/** The next @len bytes in place, or NULL (and `bad`) when they are not all there. @len 0 is never bad. */
static inline const uint8_t *wire_bytes(struct wire_in *in, size_t len)
{
	const uint8_t *p = in->at;

	if (in->bad || len > in->left) {
		in->bad = true;
		return NULL;
	}
	in->at += len;
	in->left -= len;
	return p;
}

/** A little-endian number of @len (1 .. 8) bytes. */
static inline uint64_t wire_number(struct wire_in *in, unsigned len)
{
	const uint8_t *p = wire_bytes(in, len);
	uint64_t value = 0;

	for (unsigned i = 0; p && i < len; i++)
		value |= (uint64_t)p[i] << i * 8;
	return value;
}

static inline uint8_t wire_u8(struct wire_in *in)
{
	return (uint8_t)wire_number(in, 1);
}

static inline uint16_t wire_u16(struct wire_in *in)
{
	return (uint16_t)wire_number(in, 2);
}

static inline uint32_t wire_u32(struct wire_in *in)
{
	return (uint32_t)wire_number(in, 4);
}

static inline uint64_t wire_u64(struct wire_in *in)
{
	return wire_number(in, 8);
}

/** Copies @len bytes to @to, which is zeroed when they are not there. */
static inline void wire_copy(struct wire_in *in, void *to, size_t len)
{
	const uint8_t *p = wire_bytes(in, len);

	if (len == 0)
		return;
	if (p)
		memcpy(to, p, len);
	else
		memset(to, 0, len);
}

/** True when all has been read, and nothing that is not there. */
static inline bool wire_done(const struct wire_in *in)
{
	return !in->bad && in->left == 0;
}

static inline void wire_put(struct wire_out *out, const void *from, size_t len)
{
	if (out->bad || len > out->cap - out->len) {
		out->bad = true;
		return;
	}
	if (len > 0)
		memcpy(out->buf + out->len, from, len);
	out->len += len;
}

static inline void wire_put_number(struct wire_out *out, uint64_t value, unsigned len)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < len; i++)
		bytes[i] = (uint8_t)(value >> i * 8);
	wire_put(out, bytes, len);
}

static inline void wire_put_u8(struct wire_out *out, uint8_t value)
{
	wire_put_number(out, value, 1);
}

static inline void wire_put_u16(struct wire_out *out, uint16_t value)
{
	wire_put_number(out, value, 2);
}

static inline void wire_put_u32(struct wire_out *out, uint32_t value)
{
	wire_put_number(out, value, 4);
}

static inline void wire_put_u64(struct wire_out *out, uint64_t value)
{
	wire_put_number(out, value, 8);
}

static inline void wire_put_zeroes(struct wire_out *out, size_t len)
{
	while (len-- > 0 && !out->bad)
		wire_put_u8(out, 0);
}

#endif

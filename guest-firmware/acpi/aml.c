/* SPDX-License-Identifier: Apache-2.0 */
#include "aml.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"

/* Byte codes that have no operands of their own (ACPI 6.3, 20.3). */
enum {
	ZERO_OP = 0x00,
	ONE_OP = 0x01,
	NAME_OP = 0x08,
	BYTE_PREFIX = 0x0a,
	WORD_PREFIX = 0x0b,
	DWORD_PREFIX = 0x0c,
	STRING_PREFIX = 0x0d,
	QWORD_PREFIX = 0x0e,
	SCOPE_OP = 0x10,
	BUFFER_OP = 0x11,
	PACKAGE_OP = 0x12,
	METHOD_OP = 0x14,
	DUAL_NAME_PREFIX = 0x2e,
	MULTI_NAME_PREFIX = 0x2f,
	EXT_OP_PREFIX = 0x5b,
	EXT_DEVICE_OP = 0x82,
	LOCAL0_OP = 0x60,
	ARG0_OP = 0x68,
	IF_OP = 0xa0,
	ELSE_OP = 0xa1,
};

#define METHOD_ARGS	  MASK32(2, 0)
#define METHOD_SERIALIZED BIT32(3)

#define SEGMENT	     4u
#define MAX_SEGMENTS 255u
#define UUID_SIZE    16u

void aml_start(struct aml *a, struct acpi_buf *buf)
{
	*a = (struct aml){.buf = buf};
}

static void begin(struct aml *a, bool is_buffer)
{
	if (a->depth == AML_MAX_DEPTH) {
		acpi_buf_fail(a->buf, -EINVAL);
		return;
	}
	a->open[a->depth].at = a->buf->len;
	a->open[a->depth++].is_buffer = is_buffer;
}

/* PkgLength (20.2.4): of itself and of @body bytes. */
static uint32_t package_length(uint8_t out[4], uint32_t body)
{
	uint32_t n = 1, len;

	if (body + n > 0x3f)
		for (n = 2; n < 4 && body + n >= BIT32(4 + 8 * (n - 1)); n++)
			;
	len = body + n;
	out[0] = (uint8_t)(n == 1 ? len : (n - 1) << 6 | (len & 0xf));
	for (uint32_t i = 1; i < n; i++)
		out[i] = (uint8_t)(len >> (4 + 8 * (i - 1)));
	return n;
}

/* An integer's shortest form (20.2.3). Returns its number of bytes. */
static uint32_t integer(uint8_t out[9], uint64_t value)
{
	uint32_t width;

	if (value <= 1) {
		out[0] = value ? ONE_OP : ZERO_OP;
		return 1;
	}
	width = value <= UINT8_MAX ? 1 : value <= UINT16_MAX ? 2 : value <= UINT32_MAX ? 4 : 8;
	out[0] = width == 1 ? BYTE_PREFIX : width == 2 ? WORD_PREFIX : width == 4 ? DWORD_PREFIX : QWORD_PREFIX;
	for (uint32_t i = 0; i < width; i++)
		out[1 + i] = (uint8_t)(value >> (8 * i));
	return 1 + width;
}

void aml_end(struct aml *a)
{
	struct acpi_buf *b = a->buf;
	uint8_t length[4], size[9];
	uint32_t at;

	if (a->depth == 0) {
		acpi_buf_fail(b, -EINVAL);
		return;
	}
	at = a->open[--a->depth].at;
	if (b->error)
		return;
	if (a->open[a->depth].is_buffer)
		acpi_buf_insert(b, at, size, integer(size, b->len - at));
	acpi_buf_insert(b, at, length, package_length(length, b->len - at));
}

/* One segment of a name, the @len characters at @text, filled up. */
static void segment(struct aml *a, const char *text, size_t len)
{
	char name[SEGMENT] = {'_', '_', '_', '_'};

	if (len == 0 || len > SEGMENT || isdigit((unsigned char)text[0])) {
		acpi_buf_fail(a->buf, -EINVAL);
		return;
	}
	memcpy(name, text, len);
	for (unsigned i = 0; i < SEGMENT; i++)
		if (!isupper((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) && name[i] != '_')
			acpi_buf_fail(a->buf, -EINVAL);
	acpi_bytes(a->buf, name, sizeof(name));
}

/* NameString (20.2.2) */
void aml_path(struct aml *a, const char *path)
{
	unsigned n = 1;

	if (*path == '\\')
		acpi_u8(a->buf, (uint8_t)*path++);
	for (const char *dot = path; (dot = strchr(dot, '.')) != NULL; dot++)
		n++;
	if (n > MAX_SEGMENTS)
		acpi_buf_fail(a->buf, -EINVAL);
	if (n == 2)
		acpi_u8(a->buf, DUAL_NAME_PREFIX);
	if (n > 2) {
		acpi_u8(a->buf, MULTI_NAME_PREFIX);
		acpi_u8(a->buf, (uint8_t)n);
	}
	for (;; path++) {
		size_t len = strcspn(path, ".");

		segment(a, path, len);
		path += len;
		if (*path == '\0')
			return;
	}
}

void aml_scope(struct aml *a, const char *name)
{
	acpi_u8(a->buf, SCOPE_OP);
	begin(a, false);
	aml_path(a, name);
}

void aml_device(struct aml *a, const char *name)
{
	acpi_u8(a->buf, EXT_OP_PREFIX);
	acpi_u8(a->buf, EXT_DEVICE_OP);
	begin(a, false);
	aml_path(a, name);
}

void aml_method(struct aml *a, const char *name, unsigned args)
{
	acpi_u8(a->buf, METHOD_OP);
	begin(a, false);
	aml_path(a, name);
	acpi_u8(a->buf, (uint8_t)(field_prep32(METHOD_ARGS, args) | METHOD_SERIALIZED));
}

void aml_package(struct aml *a, uint8_t elements)
{
	acpi_u8(a->buf, PACKAGE_OP);
	begin(a, false);
	acpi_u8(a->buf, elements);
}

void aml_buffer(struct aml *a)
{
	acpi_u8(a->buf, BUFFER_OP);
	begin(a, true);
}

void aml_if(struct aml *a)
{
	acpi_u8(a->buf, IF_OP);
	begin(a, false);
}

void aml_else(struct aml *a)
{
	acpi_u8(a->buf, ELSE_OP);
	begin(a, false);
}

void aml_int(struct aml *a, uint64_t value)
{
	uint8_t bytes[9];

	acpi_bytes(a->buf, bytes, integer(bytes, value));
}

void aml_string(struct aml *a, const char *text)
{
	acpi_u8(a->buf, STRING_PREFIX);
	acpi_bytes(a->buf, text, strlen(text) + 1);
}

void aml_bytes(struct aml *a, const void *bytes, uint8_t len)
{
	aml_buffer(a);
	acpi_bytes(a->buf, bytes, len);
	aml_end(a);
}

void aml_uuid(struct aml *a, const char *text)
{
	/* The first three groups are little-endian numbers. */
	static const uint8_t place[UUID_SIZE] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	uint8_t uuid[UUID_SIZE] = {0};
	unsigned n = 0;

	while (n < UUID_SIZE) {
		char digits[3] = {0};

		if (*text == '-')
			text++;
		memcpy(digits, text, strnlen(text, 2));
		if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1]))
			break;
		uuid[place[n++]] = (uint8_t)strtoul(digits, NULL, 16);
		text += 2;
	}
	if (n != UUID_SIZE || *text)
		acpi_buf_fail(a->buf, -EINVAL);
	aml_bytes(a, uuid, sizeof(uuid));
}

void aml_arg(struct aml *a, unsigned n)
{
	acpi_u8(a->buf, (uint8_t)(ARG0_OP + n));
}

void aml_local(struct aml *a, unsigned n)
{
	acpi_u8(a->buf, (uint8_t)(LOCAL0_OP + n));
}

void aml_op(struct aml *a, enum aml_op op)
{
	acpi_u8(a->buf, (uint8_t)op);
}

void aml_name(struct aml *a, const char *name)
{
	acpi_u8(a->buf, NAME_OP);
	aml_path(a, name);
}

void aml_name_int(struct aml *a, const char *name, uint64_t value)
{
	aml_name(a, name);
	aml_int(a, value);
}

void aml_name_string(struct aml *a, const char *name, const char *text)
{
	aml_name(a, name);
	aml_string(a, text);
}

/* Three letters of 5 bits, four hexadecimal digits; big-endian (19.3.4, EISAID). */
void aml_name_eisaid(struct aml *a, const char *name, const char *id)
{
	uint32_t value = 0;
	char *end;

	if (strlen(id) != 7 || !isupper((unsigned char)id[0]) || !isupper((unsigned char)id[1]) ||
	    !isupper((unsigned char)id[2])) {
		acpi_buf_fail(a->buf, -EINVAL);
		return;
	}
	for (unsigned i = 0; i < 3; i++)
		value = value << 5 | (uint32_t)(id[i] - 'A' + 1);
	value = value << 16 | (uint32_t)strtoul(id + 3, &end, 16);
	if (*end)
		acpi_buf_fail(a->buf, -EINVAL);
	aml_name_int(a, name, __builtin_bswap32(value));
}

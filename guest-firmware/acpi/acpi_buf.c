/* SPDX-License-Identifier: Apache-2.0 */
#include "acpi_buf.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 1024u

void acpi_buf_free(struct acpi_buf *b)
{
	free(b->data);
	*b = (struct acpi_buf){0};
}

void acpi_buf_fail(struct acpi_buf *b, int error)
{
	if (!b->error)
		b->error = error;
}

/* True when @n more bytes fit. */
static int reserve(struct acpi_buf *b, size_t n)
{
	uint32_t cap = b->cap ? b->cap : FIRST_CAP;
	uint8_t *data;

	if (b->error)
		return 0;
	if (n > ACPI_BUF_MAX - b->len) {
		acpi_buf_fail(b, -ENOSPC);
		return 0;
	}
	while (cap - b->len < n)
		cap *= 2;
	if (cap == b->cap)
		return 1;
	data = realloc(b->data, cap);
	if (!data) {
		acpi_buf_fail(b, -ENOMEM);
		return 0;
	}
	b->data = data;
	b->cap = cap;
	return 1;
}

void acpi_bytes(struct acpi_buf *b, const void *bytes, size_t len)
{
	if (len == 0 || !reserve(b, len))
		return;
	memcpy(b->data + b->len, bytes, len);
	b->len += (uint32_t)len;
}

void acpi_text(struct acpi_buf *b, const char *text, uint32_t width)
{
	size_t len = strnlen(text, width);

	acpi_bytes(b, text, len);
	acpi_zeros(b, width - (uint32_t)len);
}

void acpi_zeros(struct acpi_buf *b, uint32_t n)
{
	if (!reserve(b, n))
		return;
	if (n)
		memset(b->data + b->len, 0, n);
	b->len += n;
}

void acpi_u8(struct acpi_buf *b, uint8_t value)
{
	acpi_bytes(b, &value, sizeof(value));
}

void acpi_u16(struct acpi_buf *b, uint16_t value)
{
	value = htole16(value);
	acpi_bytes(b, &value, sizeof(value));
}

void acpi_u32(struct acpi_buf *b, uint32_t value)
{
	value = htole32(value);
	acpi_bytes(b, &value, sizeof(value));
}

void acpi_u64(struct acpi_buf *b, uint64_t value)
{
	value = htole64(value);
	acpi_bytes(b, &value, sizeof(value));
}

static void put(struct acpi_buf *b, uint32_t at, const void *bytes, uint32_t n)
{
	if (b->error)
		return;
	if (at > b->len || n > b->len - at)
		acpi_buf_fail(b, -EINVAL);
	else
		memcpy(b->data + at, bytes, n);
}

void acpi_put_u8(struct acpi_buf *b, uint32_t at, uint8_t value)
{
	put(b, at, &value, sizeof(value));
}

void acpi_put_u16(struct acpi_buf *b, uint32_t at, uint16_t value)
{
	value = htole16(value);
	put(b, at, &value, sizeof(value));
}

void acpi_put_u32(struct acpi_buf *b, uint32_t at, uint32_t value)
{
	value = htole32(value);
	put(b, at, &value, sizeof(value));
}

void acpi_buf_insert(struct acpi_buf *b, uint32_t at, const void *bytes, uint32_t n)
{
	uint32_t len = b->len;

	if (at > len)
		acpi_buf_fail(b, -EINVAL);
	acpi_zeros(b, n);
	if (b->error)
		return;
	memmove(b->data + at + n, b->data + at, len - at);
	memcpy(b->data + at, bytes, n);
}

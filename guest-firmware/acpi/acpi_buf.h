/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of an ACPI table while it is written: a buffer that grows up to a limit. Numbers are little-endian. The first
 * error sticks and nothing is written after it; acpi_finish() reports it, so that tables are described without a check
 * of each field.
 */
#ifndef AERIE_ACPI_BUF_H
#define AERIE_ACPI_BUF_H

#include <stddef.h>
#include <stdint.h>

#define ACPI_BUF_MAX (UINT32_C(256) << 10) /* bytes of one table */

struct acpi_buf {
	uint8_t *data; /* owned */
	uint32_t len, cap;
	int error; /* -ENOMEM, -ENOSPC (beyond ACPI_BUF_MAX), -EINVAL (a call that makes no sense); 0: none */
};

/** Frees the bytes; the buffer is empty and without error again. */
void acpi_buf_free(struct acpi_buf *b);

/** Remembers @error unless there was one before. */
void acpi_buf_fail(struct acpi_buf *b, int error);

void acpi_bytes(struct acpi_buf *b, const void *bytes, size_t len);
/** @text without its end, cut or filled up with zeros to @width bytes. */
void acpi_text(struct acpi_buf *b, const char *text, uint32_t width);
void acpi_zeros(struct acpi_buf *b, uint32_t n);
void acpi_u8(struct acpi_buf *b, uint8_t value);
void acpi_u16(struct acpi_buf *b, uint16_t value);
void acpi_u32(struct acpi_buf *b, uint32_t value);
void acpi_u64(struct acpi_buf *b, uint64_t value);

/** Writes over what is there already: @at + width <= len, else -EINVAL sticks. */
void acpi_put_u8(struct acpi_buf *b, uint32_t at, uint8_t value);
void acpi_put_u16(struct acpi_buf *b, uint32_t at, uint16_t value);
void acpi_put_u32(struct acpi_buf *b, uint32_t at, uint32_t value);

/** Makes room for @n bytes at @at, moving what follows. */
void acpi_buf_insert(struct acpi_buf *b, uint32_t at, const void *bytes, uint32_t n);

#endif

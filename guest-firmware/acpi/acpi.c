/* SPDX-License-Identifier: Apache-2.0 */
#include "acpi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acpi_regs.h"
#include "log.h"

/* Who made the tables: OEM id, OEM table id, creator (ACPI 6.3, table 5-28). */
#define OEM_ID	     "AERIE"
#define OEM_TABLE_ID "AERIEVM"
#define CREATOR_ID   "AERI"
#define REVISION     1u

#define DSDT_REVISION 2u /* integers have 64 bits */
#define XSDT_REVISION 1u
#define TABLE_ALIGN   8u

static struct acpi_buf *begin_table(struct acpi *acpi, const char *signature, uint8_t revision)
{
	struct acpi_buf *b = &acpi->tables[acpi->nr_tables++];

	acpi_bytes(b, signature, ACPI_SIGNATURE_SIZE);
	acpi_u32(b, 0); /* length */
	acpi_u8(b, revision);
	acpi_u8(b, 0); /* checksum */
	acpi_text(b, OEM_ID, 6);
	acpi_text(b, OEM_TABLE_ID, 8);
	acpi_u32(b, REVISION);
	acpi_text(b, CREATOR_ID, 4);
	acpi_u32(b, REVISION);
	return b;
}

void acpi_start(struct acpi *acpi)
{
	*acpi = (struct acpi){0};
	aml_start(&acpi->dsdt, begin_table(acpi, "DSDT", DSDT_REVISION));
	aml_scope(&acpi->dsdt, "\\_SB");
}

void acpi_free(struct acpi *acpi)
{
	for (unsigned i = 0; i < acpi->nr_tables; i++)
		acpi_buf_free(&acpi->tables[i]);
	acpi->nr_tables = 0;
}

struct acpi_buf *acpi_table(struct acpi *acpi, const char *signature, uint8_t revision)
{
	for (unsigned i = 0; i < acpi->nr_tables; i++) {
		struct acpi_buf *b = &acpi->tables[i];

		if (b->len >= ACPI_HEADER_SIZE && memcmp(b->data, signature, ACPI_SIGNATURE_SIZE) == 0)
			return b;
	}
	/* The last one is kept for the XSDT. More tables than that are a mistake of ours. */
	if (acpi->nr_tables == ACPI_MAX_TABLES - 1) {
		acpi_buf_fail(&acpi->tables[0], -ENOSPC);
		return &acpi->tables[0];
	}
	return begin_table(acpi, signature, revision);
}

uint32_t acpi_uid(struct acpi *acpi)
{
	return acpi->next_uid++;
}

/* Generic address structure of a register of one byte in memory. */
static void byte_register(struct acpi_buf *b, uint64_t address)
{
	acpi_u8(b, ACPI_GAS_MEMORY);
	acpi_u8(b, address ? 8 : 0);
	acpi_u8(b, 0);
	acpi_u8(b, address ? ACPI_GAS_ACCESS_BYTE : 0);
	acpi_u64(b, address);
}

/* Hardware-reduced: no register of the fixed hardware, no SCI, no FACS. */
static void write_fadt(struct acpi *acpi)
{
	const struct acpi_fadt *f = &acpi->fadt;
	struct acpi_buf *b = acpi_table(acpi, "FACP", ACPI_FADT_REVISION);
	uint32_t flags = ACPI_FADT_HW_REDUCED | ACPI_FADT_WBINVD | ACPI_FADT_SLP_BUTTON;

	if (f->power_button)
		flags |= ACPI_FADT_PWR_BUTTON;
	if (f->reset)
		flags |= ACPI_FADT_RESET_REG;
	acpi_zeros(b, 109 - b->len);
	acpi_u16(b, f->pc_boot);
	acpi_u8(b, 0);
	acpi_u32(b, flags);
	byte_register(b, f->reset);
	acpi_u8(b, f->reset_value);
	acpi_u16(b, f->arm_boot);
	acpi_u8(b, ACPI_FADT_MINOR);
	acpi_u64(b, 0);	       /* X_FIRMWARE_CTRL */
	acpi_u64(b, 0);	       /* X_DSDT, a link */
	acpi_zeros(b, 8 * 12); /* PM1a_EVT .. GPE1 */
	byte_register(b, f->sleep_control);
	byte_register(b, f->sleep_status);
	acpi_text(b, OEM_ID, 8); /* hypervisor vendor identity */
	if (!b->error && b->len != ACPI_FADT_SIZE)
		acpi_buf_fail(b, -EINVAL);
}

/* Everything but DSDT, which the FADT names; the entries are links. */
static void write_xsdt(struct acpi *acpi)
{
	unsigned others = acpi->nr_tables - 1;

	acpi_zeros(begin_table(acpi, "XSDT", XSDT_REVISION), others * 8);
}

static int check_tables(const struct acpi *acpi)
{
	if (acpi->iommus.overflow)
		return log_fail(-ENOSPC, "cannot build the ACPI tables: more IOMMUs or devices behind them than fit");
	if (acpi->dsdt.depth != 0)
		return log_fail(-EINVAL, "cannot build the ACPI tables: the DSDT is not complete");
	for (unsigned i = 0; i < acpi->nr_tables; i++)
		if (acpi->tables[i].error)
			return log_fail(acpi->tables[i].error, "cannot build the ACPI table %.4s: %s",
					acpi->tables[i].data ? (const char *)acpi->tables[i].data : "????",
					strerror(-acpi->tables[i].error));
	return 0;
}

static uint32_t aligned(uint32_t len)
{
	return (uint32_t)align_up(len, TABLE_ALIGN);
}

static uint8_t *blob_bytes(struct acpi_blobs *blobs, enum acpi_blob blob)
{
	return blob == ACPI_BLOB_RSDP ? blobs->rsdp : blobs->tables;
}

static void link_to(struct acpi_blobs *out, enum acpi_blob from, uint32_t at, uint32_t target)
{
	uint8_t *field = blob_bytes(out, from) + at;

	for (unsigned i = 0; i < 8; i++)
		field[i] = (uint8_t)((uint64_t)target >> (8 * i));
	out->links[out->nr_links++] = (struct acpi_link){.from = from, .at = at, .size = 8};
}

static void sum_up(struct acpi_blobs *out, enum acpi_blob blob, uint32_t at, uint32_t start, uint32_t len)
{
	out->checksums[out->nr_checksums++] =
		(struct acpi_checksum){.blob = blob, .at = at, .start = start, .len = len};
}

static void write_rsdp(struct acpi_blobs *out, uint32_t xsdt)
{
	memcpy(out->rsdp, "RSD PTR ", 8);
	memcpy(out->rsdp + 9, OEM_ID, sizeof(OEM_ID));
	out->rsdp[15] = ACPI_RSDP_REVISION;
	out->rsdp[20] = ACPI_RSDP_SIZE;
	link_to(out, ACPI_BLOB_RSDP, ACPI_RSDP_XSDT, xsdt);
	sum_up(out, ACPI_BLOB_RSDP, ACPI_RSDP_CHECKSUM, 0, ACPI_RSDP_FIRST_PART);
	sum_up(out, ACPI_BLOB_RSDP, ACPI_RSDP_CHECKSUM_WHOLE, 0, ACPI_RSDP_SIZE);
}

/* Puts the tables one behind the other: DSDT, others, XSDT. */
static int join(struct acpi *acpi, struct acpi_blobs *out)
{
	uint32_t at[ACPI_MAX_TABLES], len = 0;
	unsigned last = acpi->nr_tables - 1;

	for (unsigned i = 0; i < acpi->nr_tables; i++) {
		at[i] = len;
		len += aligned(acpi->tables[i].len);
	}
	out->tables = calloc(1, len);
	if (!out->tables)
		return log_fail(-ENOMEM, "cannot build the ACPI tables: out of memory");
	out->tables_len = len;
	for (unsigned i = 0; i < acpi->nr_tables; i++) {
		struct acpi_buf *b = &acpi->tables[i];

		acpi_put_u32(b, ACPI_HEADER_LENGTH, b->len);
		memcpy(out->tables + at[i], b->data, b->len);
	}
	for (unsigned i = 1; i < last; i++) {
		link_to(out, ACPI_BLOB_TABLES, at[last] + ACPI_HEADER_SIZE + (i - 1) * 8, at[i]);
		if (memcmp(acpi->tables[i].data, "FACP", ACPI_SIGNATURE_SIZE) == 0)
			link_to(out, ACPI_BLOB_TABLES, at[i] + ACPI_FADT_X_DSDT, at[0]);
	}
	for (unsigned i = 0; i < acpi->nr_tables; i++)
		sum_up(out, ACPI_BLOB_TABLES, at[i] + ACPI_HEADER_CHECKSUM, at[i], acpi->tables[i].len);
	write_rsdp(out, at[last]);
	return 0;
}

/* Power-off (7.4.2.6): the values for two registers, of which reduced hardware has one. Two more are reserved. */
static void write_s5(struct acpi *acpi)
{
	struct aml *a = &acpi->dsdt;

	if (!acpi->fadt.sleep_control)
		return;
	aml_name(a, "\\_S5");
	aml_package(a, 4);
	aml_int(a, acpi->fadt.sleep_type);
	for (unsigned i = 1; i < 4; i++)
		aml_int(a, 0);
	aml_end(a);
}

int acpi_finish(struct acpi *acpi, struct acpi_blobs *out)
{
	int err;

	*out = (struct acpi_blobs){0};
	aml_end(&acpi->dsdt);
	write_s5(acpi);
	write_fadt(acpi);
	acpi_write_iort(acpi);
	acpi_write_viot(acpi);
	write_xsdt(acpi);
	err = check_tables(acpi);
	return err ? err : join(acpi, out);
}

void acpi_blobs_free(struct acpi_blobs *blobs)
{
	free(blobs->tables);
	*blobs = (struct acpi_blobs){0};
}

void acpi_blobs_place(struct acpi_blobs *blobs, uint64_t tables)
{
	for (unsigned i = 0; i < blobs->nr_links; i++) {
		const struct acpi_link *l = &blobs->links[i];
		uint8_t *field = blob_bytes(blobs, l->from) + l->at;
		uint64_t value = tables;

		for (unsigned byte = 0; byte < l->size; byte++)
			value += (uint64_t)field[byte] << (8 * byte);
		for (unsigned byte = 0; byte < l->size; byte++)
			field[byte] = (uint8_t)(value >> (8 * byte));
	}
	for (unsigned i = 0; i < blobs->nr_checksums; i++) {
		const struct acpi_checksum *c = &blobs->checksums[i];
		uint8_t *bytes = blob_bytes(blobs, c->blob), sum = 0;

		for (uint32_t n = 0; n < c->len; n++)
			sum = (uint8_t)(sum + bytes[c->start + n]);
		bytes[c->at] = (uint8_t)(bytes[c->at] - sum);
	}
}

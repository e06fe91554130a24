/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ACPI tables of a machine (ACPI 6.3). Like the device tree they are written by those whom they describe: the
 * architecture and each device write into the tables that concern them, from the same data as their nodes. All tables
 * are open until acpi_finish(); what several tables must agree on (which IOMMU translates what) is collected as facts
 * and written there.
 *
 * acpi_start -> arch_describe_acpi(), devices -> acpi_finish -> acpi_blobs_place() or a fw_cfg loader script
 */
#ifndef AERIE_ACPI_H
#define AERIE_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acpi_buf.h"
#include "acpi_iommu.h"
#include "aml.h"

#define ACPI_MAX_TABLES	    16u
#define ACPI_HEADER_SIZE    36u /* of every table but the RSDP (ACPI 6.3, 5.2.6) */
#define ACPI_RSDP_SIZE	    36u
#define ACPI_SIGNATURE_SIZE 4u

/* What the FADT says; each field is set by whoever knows. */
struct acpi_fadt {
	uint16_t pc_boot;  /* IAPC_BOOT_ARCH */
	uint16_t arm_boot; /* ARM_BOOT_ARCH */
	/* Registers of one byte in memory; 0: none, the CPUs have calls for that. */
	uint64_t sleep_control, sleep_status, reset;
	uint8_t reset_value;
	uint8_t sleep_type; /* of power-off, for \\_S5; used when there is a sleep control register */
	bool power_button;  /* there is a device for it; else the OS looks for a fixed one, which is never there */
};

struct acpi {
	struct acpi_buf tables[ACPI_MAX_TABLES]; /* the first one is the DSDT */
	unsigned nr_tables;
	struct aml dsdt; /* inside of \_SB */
	struct acpi_fadt fadt;
	struct acpi_iommus iommus;
	uint8_t interrupt_type; /* ACPI_SPCR_INTERRUPT_*, set with the interrupt controller */
	uint32_t next_uid;	/* for devices of the same kind */
};

/* The pieces of the finished set. */
enum acpi_blob {
	ACPI_BLOB_RSDP,
	ACPI_BLOB_TABLES,
};

/* A pointer: @size bytes at offset @at of @from hold the offset of their target within ACPI_BLOB_TABLES, to which its
 * address is to be added. */
struct acpi_link {
	enum acpi_blob from;
	uint32_t at;
	uint8_t size;
};

/* A checksum: the byte at @at of @blob is to make the sum of @len bytes at @start 0. It holds 0 now. In order: those of
 * a blob may only be computed when its pointers are complete. */
struct acpi_checksum {
	enum acpi_blob blob;
	uint32_t at, start, len;
};

/*
 * The finished tables, not yet at an address. A fw_cfg loader script (QEMU docs/specs/acpi_*, EDK2 QemuLoader.h) is:
 * ALLOCATE both blobs, ADD_POINTER for each link (pointee: the tables), ADD_CHECKSUM for each checksum.
 */
struct acpi_blobs {
	uint8_t rsdp[ACPI_RSDP_SIZE];
	uint8_t *tables; /* owned */
	uint32_t tables_len;
	struct acpi_link links[ACPI_MAX_TABLES + 3u];
	unsigned nr_links;
	struct acpi_checksum checksums[ACPI_MAX_TABLES + 3u];
	unsigned nr_checksums;
};

#define ACPI_BLOB_ALIGN                                                                                                \
	64u /* what ACPI_BLOB_TABLES wants for its address: the FACS' alignment, more than any other's */

/** Starts a set with an open DSDT; the writer acpi->dsdt is in \_SB. */
void acpi_start(struct acpi *acpi);

/** Frees what the set holds; also after acpi_finish(). */
void acpi_free(struct acpi *acpi);

/** Begins table @signature, or goes on with it when it has begun. It stays open; the pointer is good until
 * acpi_free(). A caller that begins it (*@len is ACPI_HEADER_SIZE) writes its fixed part first. */
struct acpi_buf *acpi_table(struct acpi *acpi, const char *signature, uint8_t revision);

/** A number that is no other's, for a _UID. */
uint32_t acpi_uid(struct acpi *acpi);

/** Completes all tables. Returns 0 or -errno (logged), then @out is empty. Free @out with acpi_blobs_free(). */
int acpi_finish(struct acpi *acpi, struct acpi_blobs *out);

void acpi_blobs_free(struct acpi_blobs *blobs);

/** Resolves the pointers for tables at @tables (a multiple of ACPI_BLOB_ALIGN) and computes the checksums. Once. */
void acpi_blobs_place(struct acpi_blobs *blobs, uint64_t tables);

#endif

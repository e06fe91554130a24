/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What direct boot on x86 puts below 1 MiB, whichever protocol the kernel speaks, and the memory map that it is told.
 *
 *	0x6000   the protocol's own table: hvm_start_info or boot_params, one page
 *	0x7000   command line
 *	0x8000   descriptor table, one page (64-bit entry only)
 *	0x9000   page tables, six pages (64-bit entry only)
 *	0xa0000  not for use by an OS; from 0xe0000 on the ACPI tables, RSDP first
 *	0xffff0  where a BIOS starts: what is there resets the machine
 *	0x100000 the kernel, at the lowest
 */
#ifndef AERIE_BOOT_LOW_H
#define AERIE_BOOT_LOW_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "gmem.h"
#include "range.h"

struct acpi_blobs;

#define BOOT_LOW_TABLE	     UINT64_C(0x6000)
#define BOOT_LOW_CMDLINE     UINT64_C(0x7000)
#define BOOT_LOW_GDT	     UINT64_C(0x8000)
#define BOOT_LOW_PAGE_TABLES UINT64_C(0x9000)
#define BOOT_LOW_FIRMWARE    UINT64_C(0xa0000)
#define BOOT_LOW_RSDP	     UINT64_C(0xe0000)
#define BOOT_LOW_ACPI	     UINT64_C(0xe0040)
#define BOOT_LOW_BIOS	     UINT64_C(0xffff0) /* F000:FFF0 in real mode */
#define BOOT_LOW_MEMORY	     UINT64_C(0x100000)

#define BOOT_LOW_CMDLINE_MAX 4096u /* with its terminating 0 */

/* What a boot protocol needs to know of the machine. */
struct boot_info {
	const char *cmdline;
	struct range initrd; /* 0, 0: none */
	struct range dtb;    /* the machine's device tree; for protocols that pass one on */
	gpa_t rsdp;	     /* 0: no ACPI */
	struct range ecam;   /* told to be reserved, so that an OS may use it before it has ACPI */
};

enum boot_memory_type { /* as in ACPI 6.3, table 15-374 */
			BOOT_MEMORY_RAM = 1,
			BOOT_MEMORY_RESERVED = 2,
};

#define BOOT_MEMORY_MAX (GMEM_MAX_REGIONS + 4u)
struct boot_memory {
	unsigned nr;
	struct {
		uint64_t first, size;
		enum boot_memory_type type;
	} entries[BOOT_MEMORY_MAX]; /* ascending */
};

/** The memory map: RAM but for the firmware's part, and what is reserved. */
void boot_low_memory(const struct gmem *mem, const struct boot_info *info, struct boot_memory *map);

/** Writes the command line. 0 or -errno (logged). */
int boot_low_cmdline(const struct gmem *mem, const char *cmdline);

/** Writes @bytes; 0 or -errno (logged). */
int boot_low_write(const struct gmem *mem, uint64_t at, const void *bytes, size_t len);

/** Code for kernels that reset a machine by a jump into its BIOS: writes @command to @port. 0 or -errno (logged). */
int boot_low_bios(const struct gmem *mem, uint8_t port, uint8_t command);

/** Puts ACPI tables in their place; *@rsdp is where they begin. 0 or -errno (logged). */
int boot_low_acpi(const struct gmem *mem, struct acpi_blobs *blobs, gpa_t *rsdp);

#endif

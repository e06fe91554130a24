/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads finished ACPI tables back the way an OS finds them, and has iasl (acpica-tools) take them apart and put them
 * together again.
 */
#ifndef AERIE_TEST_ACPI_READER_H
#define AERIE_TEST_ACPI_READER_H

#include <check.h>
#include <endian.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acpi.h"

#define ACPI_TEST_BASE UINT64_C(0x12345640) /* where the tables are put */

static struct acpi_blobs acpi_set;

static inline uint64_t le(const uint8_t *p, unsigned width)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < width; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static inline void check_sum(const uint8_t *bytes, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + bytes[i]);
	ck_assert_msg(sum == 0, "%.4s: the sum is 0x%x", (const char *)bytes, sum);
}

/* What lies at a guest physical address; complete tables only. */
static inline const uint8_t *table_at(uint64_t address)
{
	uint64_t at = address - ACPI_TEST_BASE, len;

	ck_assert_uint_le(at, acpi_set.tables_len - ACPI_HEADER_SIZE);
	len = le(acpi_set.tables + at + 4, 4);
	ck_assert_uint_ge(len, ACPI_HEADER_SIZE);
	ck_assert_uint_le(len, acpi_set.tables_len - at);
	check_sum(acpi_set.tables + at, len);
	return acpi_set.tables + at;
}

static inline const uint8_t *xsdt(void)
{
	check_sum(acpi_set.rsdp, 20);
	check_sum(acpi_set.rsdp, 36);
	ck_assert_mem_eq(acpi_set.rsdp, "RSD PTR ", 8);
	return table_at(le(acpi_set.rsdp + 24, 8));
}

static inline unsigned nr_tables(void)
{
	return (unsigned)((le(xsdt() + 4, 4) - ACPI_HEADER_SIZE) / 8);
}

static inline const uint8_t *nth_table(unsigned n)
{
	return table_at(le(xsdt() + ACPI_HEADER_SIZE + 8 * n, 8));
}

/* NULL: there is none. */
static inline const uint8_t *find_table(const char *signature)
{
	for (unsigned i = 0; i < nr_tables(); i++)
		if (memcmp(nth_table(i), signature, 4) == 0)
			return nth_table(i);
	if (strcmp(signature, "DSDT") == 0)
		return table_at(le(find_table("FACP") + 140, 8));
	return NULL;
}

static inline uint32_t table_len(const uint8_t *table)
{
	return (uint32_t)le(table + 4, 4);
}

/* Runs @command in @dir; fails with its output. */
static inline void run_tool(const char *dir, const char *command, const char *must_say)
{
	char line[512], out[8192] = {0};
	FILE *pipe;
	int status;

	snprintf(line, sizeof(line), "cd %s && %s 2>&1", dir, command);
	pipe = popen(line, "r");
	ck_assert_ptr_nonnull(pipe);
	(void)!fread(out, 1, sizeof(out) - 1, pipe);
	while (fgetc(pipe) != EOF)
		;
	status = pclose(pipe);
	ck_assert_msg(status != 127 << 8, "iasl is not there: install acpica-tools");
	ck_assert_msg(status == 0 && strstr(out, must_say), "%s: status %d\n%s", command, status, out);
}

static inline void write_file(const char *dir, const char *name, const uint8_t *bytes, size_t len)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
}

/* The date that iasl has for a version: 20200925 in Debian 12, 20250404 in Debian 13. */
static inline unsigned iasl_version(void)
{
	static unsigned version;
	char line[256];
	FILE *pipe;

	if (version)
		return version;
	pipe = popen("iasl -v 2>&1", "r");
	ck_assert_ptr_nonnull(pipe);
	while (fgets(line, sizeof(line), pipe))
		if (strstr(line, "version "))
			version = (unsigned)strtoul(strstr(line, "version ") + 8, NULL, 10);
	pclose(pipe);
	ck_assert_msg(version != 0, "iasl is not there: install acpica-tools");
	return version;
}

static inline bool is_table(const uint8_t *table, const char *signature)
{
	return memcmp(table, signature, ACPI_SIGNATURE_SIZE) == 0;
}

/* Reserved ranges of IORT and all of VIOT are younger than the iasl of Debian 12. That of Debian 13 does not compile
 * its own listing of an SPCR of revision 2, and makes MADT's GICC structures those of ACPI 6.5, two bytes longer. */
#define IASL_2022 20220331u
static inline bool iasl_knows(const uint8_t *table)
{
	if (is_table(table, "IORT") || is_table(table, "VIOT"))
		return iasl_version() >= IASL_2022;
	return !is_table(table, "SPCR") || iasl_version() < IASL_2022;
}

static inline bool iasl_changes(const uint8_t *table)
{
	return is_table(table, "APIC") && iasl_version() >= IASL_2022;
}

/* iasl takes a table apart and compiles what it got to the same bytes, without an error, a warning or a remark. Only
 * the creator in the header is its own then. */
static inline void check_with_iasl(const uint8_t *table)
{
	static uint8_t again[ACPI_BUF_MAX];
	char dir[] = "/tmp/aerie-test-acpi-XXXXXX", path[64], command[128];
	size_t len;
	FILE *f;

	if (!iasl_knows(table))
		return;
	ck_assert_ptr_nonnull(mkdtemp(dir));
	write_file(dir, "table.dat", table, table_len(table));
	run_tool(dir, "iasl -vs -d table.dat", "table.dsl - ");
	run_tool(dir, "iasl -vs -oa -p again table.dsl", "0 Errors, 0 Warnings, 0 Remarks");
	snprintf(path, sizeof(path), "%s/again.aml", dir);
	f = fopen(path, "rb");
	ck_assert_msg(f != NULL, "iasl wrote nothing for %.4s", (const char *)table);
	len = fread(again, 1, sizeof(again), f);
	fclose(f);
	if (!iasl_changes(table)) {
		ck_assert_uint_eq(len, table_len(table));
		ck_assert_mem_eq(again, table, 9);
		ck_assert_mem_eq(again + ACPI_HEADER_SIZE, table + ACPI_HEADER_SIZE, len - ACPI_HEADER_SIZE);
	}
	snprintf(command, sizeof(command), "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The writers of AML and of tables: encodings at their limits, errors that stick, links and checksums. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "acpi_cpu.h"
#include "acpi_reader.h"
#include "aml.h"
#include "aml_resource.h"
#include "bits.h"
#include "log.h"
#include "run_suite.h"

static struct acpi_buf buf;
static struct aml a;
static struct acpi acpi;
static unsigned nr_logged;

static void sink(enum log_level level, const char *line, void *opaque)
{
	nr_logged++;
}

static void setup(void)
{
	nr_logged = 0;
	log_set_sink(sink, NULL);
	aml_start(&a, &buf);
	acpi_start(&acpi);
}

static void teardown(void)
{
	acpi_buf_free(&buf);
	acpi_free(&acpi);
	acpi_blobs_free(&acpi_set);
	log_set_sink(NULL, NULL);
}

#define WROTE(...)                                                                                                     \
	do {                                                                                                           \
		const uint8_t want_[] = {__VA_ARGS__};                                                                 \
		ck_assert_int_eq(buf.error, 0);                                                                        \
		ck_assert_uint_eq(buf.len, sizeof(want_));                                                             \
		ck_assert_mem_eq(buf.data, want_, sizeof(want_));                                                      \
		buf.len = 0;                                                                                           \
	} while (0)

START_TEST(integers)
{
	aml_int(&a, 0), aml_int(&a, 1), aml_int(&a, 2), aml_int(&a, 0xff);
	WROTE(0, 1, 0x0a, 2, 0x0a, 0xff);
	aml_int(&a, 0x100), aml_int(&a, 0x10000);
	WROTE(0x0b, 0, 1, 0x0c, 0, 0, 1, 0);
	aml_int(&a, UINT64_C(0x123456789abcdef0));
	WROTE(0x0e, 0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12);
}
END_TEST

START_TEST(names)
{
	aml_path(&a, "_HID"), aml_path(&a, "X");
	WROTE('_', 'H', 'I', 'D', 'X', '_', '_', '_');
	aml_path(&a, "\\_SB.PCI0");
	WROTE('\\', 0x2e, '_', 'S', 'B', '_', 'P', 'C', 'I', '0');
	aml_path(&a, "\\A.B.C");
	WROTE('\\', 0x2f, 3, 'A', '_', '_', '_', 'B', '_', '_', '_', 'C', '_', '_', '_');
	aml_name_eisaid(&a, "_HID", "PNP0A08");
	WROTE(8, '_', 'H', 'I', 'D', 0x0c, 0x41, 0xd0, 0x0a, 0x08);
}
END_TEST

/* ACPI 6.3, 19.6.142: the example's order of bytes. */
START_TEST(uuid)
{
	aml_uuid(&a, "33db4d5b-1ff7-401c-9657-7441c03dd766");
	WROTE(0x11, 0x13, 0x0a, 0x10, 0x5b, 0x4d, 0xdb, 0x33, 0xf7, 0x1f, 0x1c, 0x40, 0x96, 0x57, 0x74, 0x41, 0xc0,
	      0x3d, 0xd7, 0x66);
}
END_TEST

/* Lengths of one to four bytes (20.2.4), each at its limits. */
START_TEST(package_lengths)
{
	static const struct {
		uint32_t body, bytes;
		uint8_t first, second, third;
	} lengths[] = {{0, 1, 1, 0, 0},		  {62, 1, 63, 0, 0},	  {63, 2, 0x41, 4, 0},
		       {0xffd, 2, 0x4f, 0xff, 0}, {0xffe, 3, 0x81, 0, 1}, {0x1ffff, 3, 0x82, 0, 0x20}};

	for (unsigned i = 0; i < ARRAY_LEN(lengths); i++) {
		aml_if(&a);
		acpi_zeros(&buf, lengths[i].body);
		aml_end(&a);
		ck_assert_int_eq(buf.error, 0);
		ck_assert_uint_eq(buf.len, 1 + lengths[i].bytes + lengths[i].body);
		ck_assert_uint_eq(buf.data[1], lengths[i].first);
		if (lengths[i].bytes > 1)
			ck_assert_uint_eq(buf.data[2], lengths[i].second);
		if (lengths[i].bytes > 2)
			ck_assert_uint_eq(buf.data[3], lengths[i].third);
		buf.len = 0;
	}
}
END_TEST

START_TEST(resources)
{
	aml_resources(&a, "_CRS");
	aml_memory(&a, (struct range){0xfe000000, 0xfe000fff});
	aml_ports(&a, 0x3f8, 8);
	aml_interrupt(&a, 9, AML_EDGE);
	aml_resources_end(&a);
	WROTE(8, '_', 'C', 'R', 'S', 0x11, 0x22, 0x0a, 0x1f, 0x86, 9, 0, 1, 0, 0, 0, 0xfe, 0, 0x10, 0, 0, 0x47, 1, 0xf8,
	      3, 0xf8, 3, 1, 8, 0x89, 6, 0, 3, 1, 9, 0, 0, 0, 0x79, 0);
}
END_TEST

static void too_deep(void)
{
	for (unsigned i = 0; i <= AML_MAX_DEPTH; i++)
		aml_if(&a);
}

static void not_begun(void)
{
	aml_end(&a);
}

static void long_name(void)
{
	aml_path(&a, "ABCDE");
}

static void lower_case(void)
{
	aml_path(&a, "abc");
}

static void digit_first(void)
{
	aml_path(&a, "0ABC");
}

static void bad_uuid(void)
{
	aml_uuid(&a, "33db4d5b-1ff7-401c-9657-7441c03dd7");
}

static void long_uuid(void)
{
	aml_uuid(&a, "33db4d5b-1ff7-401c-9657-7441c03dd766aa");
}

static void bad_eisaid(void)
{
	aml_name_eisaid(&a, "_HID", "PNPXYZW");
}

static void behind_the_end(void)
{
	acpi_u32(&buf, 0);
	acpi_put_u16(&buf, 3, 0);
}

static void (*const mistakes[])(void) = {too_deep, not_begun, long_name,  lower_case,	 digit_first,
					 bad_uuid, long_uuid, bad_eisaid, behind_the_end};

START_TEST(sticky)
{
	uint32_t len;

	mistakes[_i]();
	ck_assert_int_eq(buf.error, -EINVAL);
	len = buf.len;
	acpi_u32(&buf, 1);
	ck_assert_uint_eq(buf.len, len);
}
END_TEST

START_TEST(too_large)
{
	acpi_zeros(&buf, ACPI_BUF_MAX);
	ck_assert_int_eq(buf.error, 0);
	acpi_u8(&buf, 0);
	ck_assert_int_eq(buf.error, -ENOSPC);
	ck_assert_uint_eq(buf.len, ACPI_BUF_MAX);
}
END_TEST

/* Every table once, each reachable, sums right; links are offsets before they are placed. */
START_TEST(set)
{
	acpi_u32(acpi_table(&acpi, "MCFG", 1), 1);
	acpi_u32(acpi_table(&acpi, "MCFG", 1), 2);
	ck_assert_int_eq(acpi_finish(&acpi, &acpi_set), 0);
	for (unsigned i = 0; i < acpi_set.nr_links; i++) {
		const struct acpi_link *l = &acpi_set.links[i];
		const uint8_t *field = (l->from == ACPI_BLOB_RSDP ? acpi_set.rsdp : acpi_set.tables) + l->at;

		ck_assert_uint_lt(le(field, l->size), acpi_set.tables_len);
	}
	acpi_blobs_place(&acpi_set, ACPI_TEST_BASE);
	ck_assert_uint_eq(nr_tables(), 2);
	ck_assert_uint_eq(table_len(find_table("MCFG")), 36 + 8);
	ck_assert_uint_eq(table_len(find_table("FACP")), 276);
	ck_assert_mem_eq(find_table("DSDT"), "DSDT", 4);
	ck_assert_uint_eq(nr_logged, 0);
}
END_TEST

/* The structure of APIC ids below 255 ends there (5.2.12.12). */
START_TEST(apic_ids)
{
	const uint8_t *madt;

	acpi_madt_begin(&acpi, 0xfee00000);
	acpi_madt_apic(&acpi, 254, 254);
	acpi_madt_apic(&acpi, 255, 255);
	ck_assert_int_eq(acpi_finish(&acpi, &acpi_set), 0);
	acpi_blobs_place(&acpi_set, ACPI_TEST_BASE);
	madt = find_table("APIC");
	ck_assert_uint_eq(table_len(madt), 44 + 8 + 16);
	ck_assert_uint_eq(madt[44], 0);
	ck_assert_uint_eq(madt[47], 254);
	ck_assert_uint_eq(madt[52], 9);
	ck_assert_uint_eq(le(madt + 56, 4), 255);
	ck_assert_uint_eq(le(madt + 60, 4), 1);
	ck_assert_uint_eq(le(madt + 64, 4), 255);
}
END_TEST

START_TEST(failures)
{
	static const struct acpi_viommu viommu;

	for (unsigned i = 0; i < ACPI_MAX_IOMMUS; i++)
		acpi_add_viommu(&acpi, &viommu);
	ck_assert(!acpi.iommus.overflow);
	acpi_add_viommu(&acpi, &viommu);
	ck_assert_int_eq(acpi_finish(&acpi, &acpi_set), -ENOSPC);
	ck_assert_ptr_null(acpi_set.tables);
	ck_assert_uint_eq(nr_logged, 1);

	acpi_free(&acpi);
	acpi_start(&acpi);
	aml_if(&acpi.dsdt);
	ck_assert_int_eq(acpi_finish(&acpi, &acpi_set), -EINVAL);

	acpi_free(&acpi);
	acpi_start(&acpi);
	for (unsigned i = 0; i < ACPI_MAX_TABLES; i++)
		acpi_table(&acpi, (const char[]){'T', 'A', 'B', (char)('A' + i)}, 1);
	ck_assert_int_eq(acpi_finish(&acpi, &acpi_set), -ENOSPC);
	ck_assert_uint_eq(nr_logged, 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("acpi");
	TCase *tc = tcase_create("acpi");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, integers);
	tcase_add_test(tc, names);
	tcase_add_test(tc, uuid);
	tcase_add_test(tc, package_lengths);
	tcase_add_test(tc, resources);
	tcase_add_loop_test(tc, sticky, 0, ARRAY_LEN(mistakes));
	tcase_add_test(tc, too_large);
	tcase_add_test(tc, set);
	tcase_add_test(tc, apic_ids);
	tcase_add_test(tc, failures);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

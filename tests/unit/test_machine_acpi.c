/* SPDX-License-Identifier: Apache-2.0 */
/* The ACPI tables of the arm64 machine, compared with its device tree. */
#include <libfdt.h>

#include "acpi_reader.h"
#include "machine_emulated_fixture.h"
#include "machine_priv.h"

static struct machine *m;
static struct config *config;

static void build(const char *rest)
{
	if (rest)
		machine_yaml("8M", rest);
	ck_assert_int_eq(machine_make(&m, &config), 0);
	ck_assert_int_eq(machine_acpi(m, &acpi_set), 0);
	acpi_blobs_place(&acpi_set, ACPI_TEST_BASE);
}

static void finish(void)
{
	acpi_blobs_free(&acpi_set);
	machine_unmake(&m, config);
}

START_TEST(compiles)
{
	build(two_smmus);
	for (unsigned i = 0; i < nr_tables(); i++)
		if (memcmp(nth_table(i), "IORT", 4) != 0)
			check_with_iasl(nth_table(i));
	check_with_iasl(find_table("DSDT"));
	finish();
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, emulated_setup, emulated_teardown);
	tcase_add_test(tc, compiles);
}

MACHINE_MAIN("machine_acpi", add_tests)

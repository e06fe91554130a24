/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "stats.h"
#include "run_suite.h"

static char *printed(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	stats_print(out);
	fclose(out);
	return text;
}

START_TEST(print_skips_zero)
{
	stats_add(&stats.exit_mmio, 41);
	stats_inc(&stats.exit_mmio);
	stats_stamp(&stats.phase.process_start);
	char *text = printed();
	ck_assert_ptr_nonnull(strstr(text, " 42  vCPU exits: MMIO read or write\n"));
	ck_assert_ptr_null(strstr(text, "SMMU"));
	ck_assert_ptr_nonnull(strstr(text, " 0 us  process start\n"));
	ck_assert_ptr_null(strstr(text, "guest stopped"));
	free(text);
}
END_TEST

START_TEST(peak)
{
	stats_peak(&stats.msi_routes_peak, 5);
	stats_peak(&stats.msi_routes_peak, 3);
	ck_assert_uint_eq(stats.msi_routes_peak, 5);
	stats_peak(&stats.msi_routes_peak, 6);
	ck_assert_uint_eq(stats.msi_routes_peak, 6);
}
END_TEST

START_TEST(stamp_once)
{
	stats_stamp(&stats.phase.vm_built);
	uint64_t first = stats.phase.vm_built;
	ck_assert_uint_ne(first, 0);
	usleep(2000);
	stats_stamp(&stats.phase.vm_built);
	ck_assert_uint_eq(stats.phase.vm_built, first);
	stats_stamp(&stats.phase.guest_stopped);
	ck_assert_uint_ge(stats.phase.guest_stopped, first + 2000000);
}
END_TEST

START_TEST(json)
{
	char path[] = "/tmp/aerie-test-XXXXXX", text[8192];

	close(mkstemp(path));
	stats.phase.process_start = 1000000;
	stats.phase.vm_built = 3500000;
	stats.phase.config_read = 500; /* before the start: no negative numbers */
	stats_inc(&stats.resets);
	ck_assert_int_eq(stats_write_json(path), 0);
	FILE *in = fopen(path, "r");
	text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
	fclose(in);
	unlink(path);
	ck_assert_int_eq(strncmp(text, "{\"counters\": {\"exit_mmio\": 0, ", 30), 0);
	ck_assert_ptr_nonnull(strstr(text, "\"resets\": 1, "));
	ck_assert_ptr_nonnull(strstr(text, "\"console_bytes_out\": 0}, \"phases_us\": {"));
	ck_assert_str_eq(strstr(text, "\"phases_us\""),
			 "\"phases_us\": {\"process_start\": 0, \"config_read\": 0, \"vm_built\": 2500}}\n");
}
END_TEST

static unsigned nr_lines;

static void sink(enum log_level level, const char *line, void *opaque)
{
	nr_lines++;
	ck_assert_ptr_nonnull(strstr(line, "cannot write statistics to /"));
}

START_TEST(json_errors)
{
	log_set_sink(sink, NULL);
	ck_assert_int_eq(stats_write_json("/nonexistent/x"), -ENOENT);
	ck_assert_uint_eq(nr_lines, 1);
	ck_assert_int_eq(stats_write_json("/dev/full"), -ENOSPC);
	ck_assert_uint_eq(nr_lines, 2);
	log_set_sink(NULL, NULL);
}
END_TEST

static void setup(void)
{
	memset(&stats, 0, sizeof(stats));
}

int main(void)
{
	Suite *suite = suite_create("stats");
	TCase *tc = tcase_create("stats");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, print_skips_zero);
	tcase_add_test(tc, peak);
	tcase_add_test(tc, stamp_once);
	tcase_add_test(tc, json);
	tcase_add_test(tc, json_errors);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Measurement policies: what they mean, what is written, and what files are refused. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "logged.h"
#include "policy_load.h"
#include "run_suite.h"

#define D64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void setup(void)
{
	logged_begin();
}

static void teardown(void)
{
	log_set_sink(NULL, NULL);
}

static const uint8_t digest[32] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45,
				   0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
				   0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
static const struct policy_measurement measured[] = {
	{.index = 1, .type = 0, .value = digest, .len = 32},
	{.index = 6, .type = 0x86, .value = (const uint8_t *)"1.0", .len = 3},
};

static struct policy *parse(const char *text)
{
	struct policy *policy;

	ck_assert_msg(policy_parse(&policy, "p.yaml", text, strlen(text)) == 0, "%s", logged);
	return policy;
}

static const char good[] = "version: 1\nmeasurements:\n"
			   "  - {index: 1, allowed: [\"sha256:" D64 "\"]}\n"
			   "  - {index: 6, allowed: [\"raw:00\", \"raw:312E30\"]}\n";

START_TEST(holds)
{
	struct policy *policy = parse(good);
	char why[POLICY_WHY] = "?";

	ck_assert(policy_holds(policy, measured, 2, "sha256", why));
	ck_assert_str_eq(why, "");
	/* the same digits of another hash are another value */
	ck_assert(!policy_holds(policy, measured, 2, "sha384", why));
	ck_assert_ptr_nonnull(strstr(why, "measurement 1 (immutable ROM)"));
	policy_free(policy);
}
END_TEST

START_TEST(one_bit_off)
{
	struct policy *policy = parse(good);
	struct policy_measurement m[2] = {measured[0], measured[1]};
	char why[POLICY_WHY];
	uint8_t other[32];

	for (unsigned bit = 0; bit < 256; bit++) {
		memcpy(other, digest, sizeof(other));
		other[bit / 8] ^= (uint8_t)(1u << bit % 8);
		m[0].value = other;
		ck_assert(!policy_holds(policy, m, 2, "sha256", why));
	}
	m[0].value = digest;
	m[0].len = 31;
	ck_assert(!policy_holds(policy, m, 2, "sha256", why));
	policy_free(policy);
}
END_TEST

START_TEST(missing_twice_and_others)
{
	const struct policy_measurement twice[] = {measured[0], measured[1], measured[0]};
	const struct policy_measurement more[] = {
		measured[0], measured[1], {.index = 9, .type = 1, .value = digest, .len = 32}};
	struct policy *policy = parse(good);
	char why[POLICY_WHY];

	ck_assert(!policy_holds(policy, measured, 1, "sha256", why));
	ck_assert_str_eq(why, "measurement 6 of the policy is not reported by the device");
	ck_assert(!policy_holds(policy, twice, 3, "sha256", why));
	ck_assert_str_eq(why, "measurement 1 is reported twice");
	ck_assert(!policy_holds(policy, more, 3, "sha256", why));
	ck_assert_str_eq(why, "measurement 9 (mutable firmware) is not in the policy");
	policy->others = true;
	ck_assert(policy_holds(policy, more, 3, "sha256", why));
	policy_free(policy);
}
END_TEST

/* What is recorded is read again and holds for what was measured, and for nothing else. */
START_TEST(record)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	char why[POLICY_WHY];
	struct policy *policy;

	ck_assert_int_eq(policy_record(f, "Vendor=1b36:\"\\\n#", measured, 2, "sha256"), 0);
	fclose(f);
	policy = parse(text);
	ck_assert_str_eq(policy->device, "Vendor=1b36:???#");
	ck_assert(policy_holds(policy, measured, 2, "sha256", why));
	ck_assert(!policy_holds(policy, measured, 1, "sha256", why));
	policy_free(policy);
	free(text);

	f = open_memstream(&text, &len);
	ck_assert_int_eq(policy_record(f, NULL, NULL, 0, "sha256"), 0);
	fclose(f);
	policy = parse(text);
	ck_assert(policy_holds(policy, NULL, 0, "sha256", why));
	ck_assert(!policy_holds(policy, measured, 1, "sha256", why));
	policy_free(policy);
	free(text);
}
END_TEST

static const struct {
	const char *text, *message;
} bad[] = {
	{"version: 2\nmeasurements: []\n", "p.yaml:1:10: schema version 2 is not known"},
	{"version: 0\nmeasurements: []\n", "p.yaml:1:10: "},
	{"measurements: []\n", "\"version\" is missing"},
	{"version: 1\n", "\"measurements\" is missing"},
	{"version: 1\nmeasurments: []\n", "p.yaml:2:1: unknown key \"measurments\" at the top level"},
	{"version: 1\nmeasurements:\n  - {index: 1, allow: []}\n", "p.yaml:3:16: unknown key \"allow\""},
	{"version: 1\nmeasurements:\n  - {index: 1}\n", "lacks the key \"allowed\""},
	{"version: 1\nmeasurements:\n  - {index: 1, allowed: []}\n", "p.yaml:3:25: no value is allowed"},
	{"version: 1\nmeasurements:\n  - {index: 0, allowed: [\"raw:00\"]}\n", "must be from 1 to 254, not 0"},
	{"version: 1\nmeasurements:\n  - {index: 255, allowed: [\"raw:00\"]}\n", "must be from 1 to 254, not 255"},
	{"version: 1\nmeasurements:\n  - {index: 256, allowed: [\"raw:00\"]}\n", "too large"},
	{"version: 1\nmeasurements:\n  - {index: 1, allowed: [\"raw:0\"]}\n",
	 "p.yaml:3:26: the value \"raw:0\" must have"},
	{"version: 1\nmeasurements:\n  - {index: 1, allowed: [\"raw:0g\"]}\n", "hexadecimal"},
	{"version: 1\nmeasurements:\n  - {index: 1, allowed: [\"00\"]}\n", "must be a kind, a colon"},
	{"version: 1\nmeasurements:\n  - {index: 1, allowed: [\"md5:00\"]}\n", "unknown kind"},
	{"version: 1\nmeasurements:\n  - {index: 1, allowed: [\"sha384:" D64 "\"]}\n", "shorter or longer"},
	{"version: 1\nmeasurements:\n  - {index: 1, allowed: [\"raw:00\"]}\n  - {index: 1, allowed: [\"raw:01\"]}\n",
	 "p.yaml:4:13: measurement 1 has an entry already, measurements.0"},
	{"", "the file is empty"},
	{"version: 1\nmeasurements: &a []\n", "an anchor"},
};

START_TEST(refused)
{
	struct policy *policy;

	ck_assert_int_lt(policy_parse(&policy, "p.yaml", bad[_i].text, strlen(bad[_i].text)), 0);
	ck_assert_ptr_null(policy);
	ck_assert_uint_eq(nr_logged, 1);
	ck_assert_msg(strstr(logged, bad[_i].message) != NULL, "%s: %s", bad[_i].message, logged);
}
END_TEST

START_TEST(no_file)
{
	struct policy *policy;

	ck_assert_int_eq(policy_load(&policy, "/nowhere/p.yaml"), -ENOENT);
	ck_assert_ptr_null(policy);
	ck_assert_ptr_nonnull(strstr(logged, "cannot open the measurement policy /nowhere/p.yaml"));
	policy_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy");
	TCase *tc = tcase_create("policy");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, holds);
	tcase_add_test(tc, one_bit_off);
	tcase_add_test(tc, missing_twice_and_others);
	tcase_add_test(tc, record);
	tcase_add_loop_test(tc, refused, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tc, no_file);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

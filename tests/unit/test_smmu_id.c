/* SPDX-License-Identifier: Apache-2.0 */
/* Identification registers: what the model does AND what the host reports. */
#include <check.h>

#include "smmu_fixture.h"
#include "run_suite.h"

static struct smmu_host_caps host;
static uint32_t idr[6];

static void fresh(void)
{
	log_set_sink(drop_log, NULL);
	host = host_usual();
}

static void init(void)
{
	ck_assert_int_eq(smmu_id_init(idr, &host, false, "smmu0"), 0);
}

/* Every bit of the host's registers set: nothing may come through that the table does not allow. */
START_TEST(test_host_with_everything)
{
	for (unsigned i = 0; i < 6; i++)
		host.idr[i] = UINT32_MAX;
	init();
	ck_assert_uint_eq(idr[0], IDR0_S1P | IDR0_TTF_AARCH64 | IDR0_COHACC | IDR0_ASID16 | IDR0_MSI | IDR0_CD2L |
					  IDR0_TTENDIAN | (1u << 24) | IDR0_TERM_MODEL | (1u << 27));
	ck_assert_uint_eq(idr[1], 16u | 20u << 6 | 10u << 16 | 10u << 21);
	ck_assert_uint_eq(idr[2], 0);
	ck_assert_uint_eq(idr[3], IDR3_RIL | IDR3_BBML);
	ck_assert_uint_eq(idr[4], 0);
	ck_assert_uint_eq(idr[5], 6u | IDR5_GRAN4K | IDR5_GRAN16K | IDR5_GRAN64K | 1u << 10);
}
END_TEST

/* The least that can serve: AArch64 tables and one granule. */
START_TEST(test_host_with_the_least)
{
	host = (struct smmu_host_caps){.idr = {IDR0_TTF_AARCH64, 0, 0, 0, 0, IDR5_GRAN64K}};
	init();
	ck_assert_uint_eq(idr[0], IDR0_S1P | IDR0_TTF_AARCH64 | IDR0_COHACC | IDR0_MSI | 1u << 24 | 1u << 27);
	ck_assert_uint_eq(idr[1], 16u | 10u << 16 | 10u << 21);
	ck_assert_uint_eq(idr[3], 0);
	ck_assert_uint_eq(idr[5], IDR5_GRAN64K);
}
END_TEST

START_TEST(test_host_that_cannot)
{
	host.idr[0] &= ~IDR0_TTF_AARCH64;
	ck_assert_int_eq(smmu_id_init(idr, &host, false, "smmu0"), -ENOTSUP);
	host = host_usual();
	host.idr[5] &= ~(IDR5_GRAN4K | IDR5_GRAN16K | IDR5_GRAN64K);
	ck_assert_int_eq(smmu_id_init(idr, &host, false, "smmu0"), -ENOTSUP);
}
END_TEST

/* Fields that follow the host, each value; one loop per field. */
static const struct {
	unsigned reg;
	uint32_t mask;
	uint32_t max; /* offered at most */
} follows[] = {
	{0, IDR0_TTENDIAN, 3},	    {0, IDR0_TERM_MODEL, 1}, {0, IDR0_ASID16, 1},  {0, IDR0_CD2L, 1},
	{1, IDR1_SSIDSIZE, 20},	    {3, IDR3_RIL, 1},	     {3, IDR3_BBML, 3},	   {5, IDR5_OAS, 6},
	{5, IDR5_VAX, IDR5_VAX_52}, {5, IDR5_GRAN4K, 1},     {5, IDR5_GRAN16K, 1},
};

START_TEST(test_field_follows_host)
{
	uint32_t mask = follows[_i].mask;
	uint32_t top = mask >> __builtin_ctz(mask);

	for (uint32_t value = 0; value <= top; value++) {
		uint32_t expect = value < follows[_i].max ? value : follows[_i].max;

		host = host_usual();
		host.idr[follows[_i].reg] = (host.idr[follows[_i].reg] & ~mask) | field_prep32(mask, value);
		init();
		ck_assert_uint_eq(field_get32(mask, idr[follows[_i].reg]), expect);
	}
}
END_TEST

/* Linux 7.2 as guest refuses or misbehaves otherwise. */
START_TEST(test_what_linux_needs)
{
	init();
	ck_assert_uint_eq(idr[0] & (IDR0_S1P | IDR0_COHACC | IDR0_MSI), IDR0_S1P | IDR0_COHACC | IDR0_MSI);
	ck_assert_uint_eq(idr[0] & (IDR0_S2P | IDR0_HYP | IDR0_PRI | IDR0_ATS | IDR0_HTTU | IDR0_BTM | IDR0_SEV), 0);
	ck_assert_uint_gt(field_get32(IDR1_CMDQS, idr[1]), 6);
	ck_assert_uint_ge(field_get32(IDR1_EVENTQS, idr[1]), 7);
	ck_assert_uint_eq(idr[1] & (IDR1_REL | IDR1_QUEUES_PRESET | IDR1_TABLES_PRESET | 3u << 26), 0);
	ck_assert_uint_eq(field_get32(IDR0_STALL_MODEL, idr[0]), 1);
	ck_assert_uint_eq(field_get32(IDR5_STALL_MAX, idr[5]), 0);
}
END_TEST

/* Emulated endpoints only: all that the walker does. */
START_TEST(test_no_host)
{
	ck_assert_int_eq(smmu_id_init(idr, NULL, false, "smmu0"), 0);
	ck_assert_uint_eq(idr[0], IDR0_S2P | IDR0_S1P | IDR0_TTF_AARCH64 | IDR0_COHACC | 2u << 6 | IDR0_HYP | IDR0_ATS |
					  IDR0_PRI | IDR0_ASID16 | IDR0_MSI | IDR0_VMID16 | IDR0_CD2L |
					  IDR0_TERM_MODEL | 1u << 27);
	ck_assert_uint_eq(idr[1], 16u | 20u << 6 | 10u << 11 | 10u << 16 | 10u << 21 | IDR1_ATTR_PERMS_OVR);
	ck_assert_uint_eq(idr[2], 0);
	ck_assert_uint_eq(idr[3], IDR3_HAD | IDR3_XNX | IDR3_FWB | IDR3_STT | IDR3_RIL | 2u << 11);
	ck_assert_uint_eq(idr[4], 0);
	ck_assert_uint_eq(idr[5], 5u | IDR5_GRAN4K | IDR5_GRAN16K | IDR5_GRAN64K | SMMU_STALL_MAX << 16);
	/* what Linux takes amiss: broadcast that nobody sends, stalls without STALL_MAX */
	ck_assert_uint_eq(idr[0] & (IDR0_BTM | IDR0_SEV), 0);
}
END_TEST

/* The host's stalls: offered if it has both models, and reports them. */
START_TEST(test_host_stalls)
{
	for (uint32_t model = 0; model < 4; model++) {
		host = host_usual();
		host.idr[0] = (host.idr[0] & ~IDR0_STALL_MODEL) | field_prep32(IDR0_STALL_MODEL, model);
		ck_assert_int_eq(smmu_id_init(idr, &host, true, "smmu0"), 0);
		ck_assert_uint_eq(field_get32(IDR0_STALL_MODEL, idr[0]), model != 0);
		ck_assert_uint_eq(field_get32(IDR5_STALL_MAX, idr[5]), model == 0 ? SMMU_STALL_MAX : 0);
	}
}
END_TEST

START_TEST(test_oas_bits)
{
	static const unsigned bits[] = {32, 36, 40, 42, 44, 48, 52};

	for (uint32_t i = 0; i < ARRAY_LEN(bits); i++)
		ck_assert_uint_eq(smmu_oas_bits(i), bits[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-id");
	TCase *tc = tcase_create("id");

	tcase_add_checked_fixture(tc, fresh, NULL);
	tcase_add_test(tc, test_host_with_everything);
	tcase_add_test(tc, test_host_with_the_least);
	tcase_add_test(tc, test_host_that_cannot);
	tcase_add_loop_test(tc, test_field_follows_host, 0, ARRAY_LEN(follows));
	tcase_add_test(tc, test_what_linux_needs);
	tcase_add_test(tc, test_no_host);
	tcase_add_test(tc, test_host_stalls);
	tcase_add_test(tc, test_oas_bits);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

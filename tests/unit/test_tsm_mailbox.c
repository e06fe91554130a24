/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's requests to aerie as its security manager. */
#include <string.h>

#include "run_suite.h"
#include "tsm_mailbox.h"
#include "wire.h"

static struct tsm_info now;
static enum tsm_status verdict;
static uint32_t accepted;
static unsigned locks, unlocks;

static enum tsm_status lock(void *opaque)
{
	locks++;
	return verdict;
}

static enum tsm_status accept_(void *opaque, uint32_t generation)
{
	accepted = generation;
	return verdict;
}

static enum tsm_status unlock(void *opaque)
{
	unlocks++;
	return verdict;
}

static void info(void *opaque, struct tsm_info *out)
{
	*out = now;
}

static enum tsm_status evidence(void *opaque, uint32_t kind, uint32_t offset, uint8_t *buf, size_t cap, size_t *len,
				size_t *total)
{
	static const char text[] = "0123456789";

	if (kind != TSM_EVIDENCE_REPORT)
		return TSM_NO_EVIDENCE;
	*total = 10;
	*len = offset > 10 ? 0 : 10 - offset < cap ? 10 - offset : cap;
	memcpy(buf, text + (offset > 10 ? 10 : offset), *len);
	return TSM_OK;
}

static const struct tsm_ops ops = {lock, accept_, unlock, info, evidence};
static uint32_t rsp[16];

static int ask(unsigned nr, const uint32_t *dw)
{
	return tsm_mailbox_respond(&ops, NULL, (const uint8_t *)dw, nr * 4, (uint8_t *)rsp, 32);
}

static void setup(void)
{
	now = (struct tsm_info){TSM_LOCKED, TSM_FLAG_SPDM | TSM_FLAG_REQUIRED, 7};
	verdict = TSM_OK;
	locks = unlocks = 0;
	accepted = 0;
}

START_TEST(actions)
{
	for (uint32_t op = TSM_INFO; op <= TSM_UNLOCK; op++) {
		verdict = op == TSM_INFO ? TSM_OK : TSM_REFUSED;
		ck_assert_int_eq(ask(op == TSM_ACCEPT ? 2 : 1, (uint32_t[]){op | 1 << 8, 7}), 16);
		ck_assert_uint_eq(rsp[0], op | 1 << 8 | (uint32_t)verdict << 16);
		ck_assert_uint_eq(rsp[1], TSM_LOCKED);
		ck_assert_uint_eq(rsp[2], 3);
		ck_assert_uint_eq(rsp[3], 7);
	}
	ck_assert_uint_eq(locks, 1);
	ck_assert_uint_eq(unlocks, 1);
	ck_assert_uint_eq(accepted, 7);
}
END_TEST

START_TEST(bad_requests)
{
	ck_assert_int_eq(ask(0, NULL), 4);
	ck_assert_uint_eq(rsp[0] >> 16, TSM_BAD_REQUEST);
	ck_assert_int_eq(ask(1, (uint32_t[]){TSM_LOCK | 2 << 8}), 4); /* version */
	ck_assert_int_eq(ask(1, (uint32_t[]){TSM_LOCK | 1 << 8 | 1 << 16}), 4);
	ask(2, (uint32_t[]){TSM_LOCK | 1 << 8, 0});
	ck_assert_uint_eq(rsp[0] >> 16, TSM_BAD_REQUEST);
	ask(1, (uint32_t[]){TSM_ACCEPT | 1 << 8});
	ck_assert_uint_eq(rsp[0] >> 16, TSM_BAD_REQUEST);
	ask(1, (uint32_t[]){9 | 1 << 8});
	ck_assert_uint_eq(rsp[0] >> 16, TSM_BAD_REQUEST);
	ask(3, (uint32_t[]){TSM_EVIDENCE | 1 << 8, 2, 0});
	ck_assert_uint_eq(rsp[0] >> 16, TSM_BAD_REQUEST);
	ck_assert_uint_eq(locks + unlocks + accepted, 0);
}
END_TEST

START_TEST(evidence_)
{
	ck_assert_int_eq(ask(4, (uint32_t[]){TSM_EVIDENCE | 1 << 8, TSM_EVIDENCE_REPORT, 3, 4}), 16);
	ck_assert_uint_eq(rsp[0], TSM_EVIDENCE | 1 << 8);
	ck_assert_uint_eq(rsp[1], 10);
	ck_assert_uint_eq(rsp[2], 4);
	ck_assert_int_eq(memcmp(&rsp[3], "3456", 4), 0);
	ck_assert_int_eq(ask(4, (uint32_t[]){TSM_EVIDENCE | 1 << 8, TSM_EVIDENCE_REPORT, 0, UINT32_MAX}), 22);
	ck_assert_int_eq(ask(4, (uint32_t[]){TSM_EVIDENCE | 1 << 8, TSM_EVIDENCE_REPORT, UINT32_MAX, 4}), 12);
	ck_assert_uint_eq(rsp[2], 0);
	ck_assert_int_eq(ask(4, (uint32_t[]){TSM_EVIDENCE | 1 << 8, 99, 0, 4}), 12);
	ck_assert_uint_eq(rsp[0] >> 16, TSM_NO_EVIDENCE);
	ck_assert_uint_eq(rsp[1] + rsp[2], 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tsm_mailbox");
	TCase *tc = tcase_create("mailbox");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, actions);
	tcase_add_test(tc, bad_requests);
	tcase_add_test(tc, evidence_);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

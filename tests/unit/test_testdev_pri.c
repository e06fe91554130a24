/* SPDX-License-Identifier: Apache-2.0 */
/* The test endpoint's page requests, before a real SMMU. */
#include "run_suite.h"
#include "testdev_faults_fixture.h"

static void setup(void)
{
	rig_start(&(struct testdev_config){.name = "test", .ats = true, .pri = true, .pasid = true});
}

static void respond(const uint64_t entry[2], uint64_t resp)
{
	uint64_t ssid = field_get(PRI0_SSID, entry[0]);

	rig_command(of_sid(CMD_PRI_RESP) | (entry[0] & PRI0_SSV ? CMD0_SSV : 0) | field_prep(CMD0_SSID, ssid),
		    field_get(PRI1_PRGI, entry[1]) | field_prep(CMD1_PRI_RESP, resp));
}

/* Page requests of a channel, with a PASID and without, and every response. */
START_TEST(test_page_request)
{
	struct testdev_desc d = fill(VA, 2 * PAGE, 3);
	uint64_t e[2];

	if (_i & 1) {
		d.op |= TESTDEV_F_PASID | TESTDEV_F_PRIV;
		d.pasid = 4;
	}
	begin(1, &d);
	for (unsigned i = 0; i < 2; i++) {
		turns();
		ck_assert_uint_eq(channel_status(1), TESTDEV_STATUS_BUSY | TESTDEV_STATUS_PAGE);
		ck_assert(rig_page_request(e));
		ck_assert_uint_eq(e[0], rig_sid() | PRI0_LAST | PRI0_WRITE |
						(_i & 1 ? PRI0_SSV | PRI0_PRIV | UINT64_C(4) << 32 : 0));
		ck_assert_uint_eq(e[1], (VA + i * PAGE) | 0x101);
		ck_assert_uint_eq(dev_rd(TESTDEV_PREQ_OUTSTANDING), 1);
		rig_map(_i & 1 ? 4 : 0, 5 + i, i);
		respond(e, PRI_RESP_SUCCESS);
	}
	turns();
	ck_assert_uint_eq(channel_code(1), OK);
	ck_assert_uint_eq(ram64(PAGES + PAGE), 3);
	ck_assert_uint_eq(dev_rd(TESTDEV_PRESP_COUNT), 2);
	ck_assert_uint_eq(dev_rd(TESTDEV_PRESP_UNEXPECTED), 0);
}
END_TEST

/* 10.5.2.3: Invalid Request fails the access; Response Failure stops all of it until RF is cleared. */
START_TEST(test_page_refused)
{
	struct testdev_desc d = fill(VA, 8, 3);
	uint64_t e[2];

	begin(0, &d);
	begin(1, &d);
	turns();
	ck_assert(rig_page_request(e));
	respond(e, _i ? PRI_RESP_FAILURE : PRI_RESP_INVALID);
	turns();
	ck_assert_uint_eq(channel_code(0), code(TESTDEV_KIND_FAULT, TESTDEV_AT_DESTINATION));
	if (_i == 0) {
		ck_assert_uint_eq(channel_status(1), TESTDEV_STATUS_BUSY | TESTDEV_STATUS_PAGE);
		ck_assert_uint_eq(get(PRI_CAP + PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_RF, 0);
		return;
	}
	ck_assert_uint_eq(channel_code(1), code(TESTDEV_KIND_FAULT, TESTDEV_AT_DESTINATION));
	ck_assert_uint_ne(get(PRI_CAP + PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_RF, 0);
	ck_assert_uint_eq(run(&d), code(TESTDEV_KIND_FAULT, TESTDEV_AT_DESTINATION));
	ck_assert_uint_eq(dev_rd(TESTDEV_PREQ_SENT), 2);
	ck_assert_uint_eq(dev_rd(TESTDEV_PREQ_OUTSTANDING), 0);
	cfg(PRI_CAP + PCI_PRI_STATUS, 2, PCI_PRI_STATUS_RF);
	begin(0, &d);
	turns();
	ck_assert_uint_eq(channel_status(0), TESTDEV_STATUS_BUSY | TESTDEV_STATUS_PAGE);
}
END_TEST

/* 10.5.2: Stopped, Reset, UPRGI, the allocation. */
START_TEST(test_page_capability)
{
	struct testdev_desc d = fill(VA, 8, 3);
	uint64_t e[2];

	ck_assert_uint_eq(get(PRI_CAP + PCI_PRI_MAX_REQ, 4), 32);
	ck_assert_uint_eq(get(PRI_CAP + PCI_PRI_STATUS, 2), PCI_PRI_STATUS_PASID);
	cfg(PRI_CAP + PCI_PRI_ALLOC_REQ, 4, 1);
	begin(0, &d);
	turns();
	begin(1, &d);
	turns();
	ck_assert_uint_eq(dev_rd(TESTDEV_PREQ_SENT), 1);
	ck_assert_uint_eq(channel_status(1), TESTDEV_STATUS_BUSY | TESTDEV_STATUS_PAGE);
	/* disabled: Stopped only when the last response is there */
	cfg(PRI_CAP + PCI_PRI_CTRL, 2, 0);
	ck_assert_uint_eq(get(PRI_CAP + PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_STOPPED, 0);
	ck_assert(rig_page_request(e));
	rig_map(0, 5, 0);
	respond(e, PRI_RESP_SUCCESS);
	ck_assert_uint_ne(get(PRI_CAP + PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_STOPPED, 0);
	turns();
	ck_assert_uint_eq(channel_code(0), OK);
	ck_assert_uint_eq(channel_code(1), OK);
	/* twice */
	respond(e, PRI_RESP_SUCCESS);
	ck_assert_uint_ne(get(PRI_CAP + PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_UPRGI, 0);
	ck_assert_uint_eq(dev_rd(TESTDEV_PRESP_UNEXPECTED), 1);
	cfg(PRI_CAP + PCI_PRI_STATUS, 2, PCI_PRI_STATUS_UPRGI);
	ck_assert_uint_eq(get(PRI_CAP + PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_UPRGI, 0);
	/* Reset forgets what is outstanding */
	cfg(PRI_CAP + PCI_PRI_CTRL, 2, PCI_PRI_CTRL_ENABLE);
	d.dst = 9 * PAGE;
	begin(0, &d);
	turns();
	cfg(PRI_CAP + PCI_PRI_CTRL, 2, 0);
	cfg(PRI_CAP + PCI_PRI_CTRL, 2, PCI_PRI_CTRL_RESET);
	ck_assert_uint_eq(get(PRI_CAP + PCI_PRI_CTRL, 2), 0);
	ck_assert_uint_eq(dev_rd(TESTDEV_PREQ_OUTSTANDING), 0);
	turns();
	ck_assert_uint_eq(channel_code(0), code(TESTDEV_KIND_FAULT, TESTDEV_AT_DESTINATION));
}
END_TEST

/* Software's own requests: groups, Stop Markers, and what is against the rules. */
START_TEST(test_page_request_by_hand)
{
	uint64_t e[2];

	store(REGS + TESTDEV_PREQ_ADDR, 8, VA);
	dev_wr(TESTDEV_PREQ_PRGI, 7);
	dev_wr(TESTDEV_PREQ_FLAGS, TESTDEV_PREQ_READ);
	dev_wr(TESTDEV_PREQ_GO, 1);
	dev_wr(TESTDEV_PREQ_FLAGS, TESTDEV_PREQ_READ | TESTDEV_PREQ_LAST);
	dev_wr(TESTDEV_PREQ_GO, 1);
	ck_assert_uint_eq(dev_rd(TESTDEV_PREQ_OUTSTANDING), 2);
	ck_assert(rig_page_request(e));
	ck_assert(rig_page_request(e));
	respond(e, PRI_RESP_SUCCESS);
	ck_assert_uint_eq(dev_rd(TESTDEV_PREQ_OUTSTANDING), 0);
	ck_assert_uint_eq(dev_rd(TESTDEV_PRESP_LAST), 7);
	dev_wr(TESTDEV_PREQ_FLAGS, TESTDEV_PREQ_LAST);
	dev_wr(TESTDEV_PREQ_PASID, TESTDEV_PASID_VALID | 5);
	dev_wr(TESTDEV_PREQ_GO, 1);
	ck_assert(rig_page_request(e));
	ck_assert_uint_eq(e[0], rig_sid() | PRI0_LAST | PRI0_SSV | UINT64_C(5) << 32);
	ck_assert_uint_eq(dev_rd(TESTDEV_PREQ_OUTSTANDING), 0);
	/* not enabled: not sent, unless forced */
	cfg(PRI_CAP + PCI_PRI_CTRL, 2, 0);
	dev_wr(TESTDEV_PREQ_FLAGS, TESTDEV_PREQ_READ | TESTDEV_PREQ_LAST);
	dev_wr(TESTDEV_PREQ_GO, 1);
	ck_assert(!rig_page_request(e));
	dev_wr(TESTDEV_PREQ_FLAGS, TESTDEV_PREQ_READ | TESTDEV_PREQ_LAST | TESTDEV_PREQ_FORCE);
	dev_wr(TESTDEV_PREQ_GO, 1);
	ck_assert(rig_page_request(e));
}
END_TEST

/* 10.4.1.1: given up, a request still has its index until the response comes; who asks next waits for that, and then
 * has a response of its own. */
START_TEST(test_page_given_up)
{
	struct testdev_desc d = fill(VA, 8, 3);
	uint64_t e[2];

	begin(0, &d);
	turns();
	store(reg(0, TESTDEV_CH_CONTROL), 4, TESTDEV_CONTROL_ABORT);
	begin(0, &d);
	turns();
	ck_assert_uint_eq(channel_status(0), TESTDEV_STATUS_BUSY | TESTDEV_STATUS_PAGE);
	ck_assert_uint_eq(dev_rd(TESTDEV_PREQ_SENT), 1);
	for (unsigned i = 1; i <= 2; i++) {
		ck_assert(rig_page_request(e));
		if (i == 2)
			rig_map(0, 5, 0);
		respond(e, PRI_RESP_SUCCESS);
		turns();
		ck_assert_uint_eq(dev_rd(TESTDEV_PREQ_SENT), 2);
	}
	ck_assert_uint_eq(channel_status(0), 0);
	ck_assert_uint_eq(channel_code(0), OK);
	ck_assert_uint_eq(dev_rd(TESTDEV_PRESP_UNEXPECTED), 0);
}
END_TEST

/* A page that another channel had asked for, too, and has brought into the ATC: tries are counted for each access. */
START_TEST(test_page_shared)
{
	uint64_t e[2][2];

	for (unsigned i = 0; i < 80; i++) {
		struct testdev_desc d = fill((5 + i) * PAGE, 8, i);

		begin(0, &d);
		begin(1, &d);
		turns();
		ck_assert(rig_page_request(e[0]));
		ck_assert(rig_page_request(e[1]));
		rig_map(0, 5 + i, i % NR_PAGES);
		for (unsigned n = 0; n < 2; n++) {
			/* channel 0 first */
			respond(e[n ^ ((e[0][1] & 0x1ff) != 0x100)], PRI_RESP_SUCCESS);
			turns();
			ck_assert_uint_eq(channel_code(n), OK);
		}
	}
}
END_TEST

/* A credit comes back also with a request that could not be sent. */
START_TEST(test_page_not_sent)
{
	struct testdev_desc d = fill(VA, 8, 3);

	cfg(PRI_CAP + PCI_PRI_ALLOC_REQ, 4, 1);
	dev_wr(TESTDEV_PREQ_FLAGS, TESTDEV_PREQ_READ | TESTDEV_PREQ_FORCE);
	dev_wr(TESTDEV_PREQ_GO, 1);
	begin(0, &d);
	turns();
	ck_assert_uint_eq(channel_status(0), TESTDEV_STATUS_BUSY | TESTDEV_STATUS_PAGE);
	cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	dev_wr(TESTDEV_PREQ_GO, 1);
	ck_assert_uint_eq(dev_rd(TESTDEV_PREQ_OUTSTANDING), 0);
	turns();
	ck_assert_uint_eq(channel_code(0), code(TESTDEV_KIND_DISABLED, TESTDEV_AT_DESTINATION));
}
END_TEST

/* More requests in a group than a small counter holds. */
START_TEST(test_page_group_large)
{
	dev_wr(TESTDEV_PREQ_FLAGS, TESTDEV_PREQ_READ | TESTDEV_PREQ_FORCE);
	for (unsigned i = 0; i < 0x10000; i++)
		dev_wr(TESTDEV_PREQ_GO, 1);
	ck_assert_uint_eq(dev_rd(TESTDEV_PREQ_OUTSTANDING), 0x10000);
	cfg(PRI_CAP + PCI_PRI_CTRL, 2, 0);
	cfg(PRI_CAP + PCI_PRI_CTRL, 2, PCI_PRI_CTRL_RESET);
	ck_assert_uint_eq(dev_rd(TESTDEV_PREQ_OUTSTANDING), 0);
}
END_TEST

/* A queue that overflows answers Success for ever: the access gives up, nothing hangs. */
START_TEST(test_page_overflow)
{
	struct testdev_desc d = fill(VA, 8, 3);
	uint32_t tries;

	for (unsigned i = 0; i < 130; i++) {
		dev_wr(TESTDEV_PREQ_FLAGS, TESTDEV_PREQ_READ | TESTDEV_PREQ_LAST | TESTDEV_PREQ_FORCE);
		dev_wr(TESTDEV_PREQ_GO, 1);
	}
	cfg(PRI_CAP + PCI_PRI_CTRL, 2, 0);
	cfg(PRI_CAP + PCI_PRI_CTRL, 2, PCI_PRI_CTRL_RESET);
	cfg(PRI_CAP + PCI_PRI_CTRL, 2, PCI_PRI_CTRL_ENABLE);
	tries = dev_rd(TESTDEV_PREQ_SENT);
	ck_assert_uint_eq(run(&d), code(TESTDEV_KIND_FAULT, TESTDEV_AT_DESTINATION));
	ck_assert_uint_eq(dev_rd(TESTDEV_PREQ_SENT) - tries, 64);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("testdev_pri");
	TCase *tc = tcase_create("pri");

	tcase_add_checked_fixture(tc, setup, rig_stop);
	tcase_add_loop_test(tc, test_page_request, 0, 2);
	tcase_add_loop_test(tc, test_page_refused, 0, 2);
	tcase_add_test(tc, test_page_capability);
	tcase_add_test(tc, test_page_request_by_hand);
	tcase_add_test(tc, test_page_given_up);
	tcase_add_test(tc, test_page_shared);
	tcase_add_test(tc, test_page_not_sent);
	tcase_add_test(tc, test_page_group_large);
	tcase_add_test(tc, test_page_overflow);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The test endpoint's stalls, before a real SMMU. */
#include "run_suite.h"
#include "testdev_faults_fixture.h"

static void setup(void)
{
	rig_start(&(struct testdev_config){.name = "test", .stall = true, .pasid = true});
}

static void answer(const struct smmu_event *e, bool retry)
{
	rig_command(of_sid(CMD_RESUME) | (retry ? CMD0_RESUME_AC : 0), field_get(EVT1_STAG, e->dw[1]));
}

START_TEST(test_stall_retry)
{
	struct testdev_desc d = fill(VA, 3 * PAGE, 0x1122334455667788);
	struct smmu_event e;

	begin(0, &d);
	for (unsigned i = 0; i < 3; i++) {
		turns();
		ck_assert_uint_eq(channel_status(0), TESTDEV_STATUS_BUSY | TESTDEV_STATUS_STALLED);
		ck_assert_uint_eq(dev_rd(TESTDEV_STALLS), i + 1);
		ck_assert(rig_event(&e));
		ck_assert_uint_eq(e.dw[2], VA + i * PAGE);
		ck_assert(!rig_event(&e));
		rig_map(0, 5 + i, i);
		answer(&e, true);
	}
	turns();
	ck_assert_uint_eq(channel_code(0), OK);
	for (uint64_t i = 0; i < 3 * PAGE; i += 8)
		ck_assert_uint_eq(ram64(PAGES + i), 0x1122334455667788);
}
END_TEST

START_TEST(test_stall_terminate)
{
	struct testdev_desc d = fill(VA, 8, 1);
	struct smmu_event e;

	begin(0, &d);
	turns();
	ck_assert(rig_event(&e));
	answer(&e, false);
	turns();
	ck_assert_uint_eq(channel_code(0), code(TESTDEV_KIND_FAULT, TESTDEV_AT_DESTINATION));
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_FAULT), 8), VA);
	ck_assert_uint_eq(channel_status(0), 0);
}
END_TEST

/* One channel stalls, the others go on; nobody waits with the device lock. */
START_TEST(test_stall_other_channels)
{
	struct testdev_desc d = fill(VA, 8, 1), good = fill(0, 64, 2);
	struct smmu_event e;

	rig_map(0, 0, 9);
	begin(0, &d);
	turns();
	begin(1, &good);
	turns();
	ck_assert_uint_eq(channel_code(1), OK);
	ck_assert_uint_eq(channel_status(0), TESTDEV_STATUS_BUSY | TESTDEV_STATUS_STALLED);
	ck_assert(rig_event(&e));
	answer(&e, false);
	turns();
}
END_TEST

/* Every access of a request may stall: list, source, destination, status record; descriptors of a ring too. */
START_TEST(test_stall_everywhere)
{
	struct testdev_desc d = {
		.op = TESTDEV_OP_COPY | TESTDEV_F_SRC_LIST | TESTDEV_F_STATUS | TESTDEV_F_PASID,
		.pasid = 3,
		.src = 10 * PAGE,
		.dst = 12 * PAGE,
		.len = PAGE,
		.status = 13 * PAGE + 8,
		.cookie = 77,
	};
	static const unsigned order[] = {14, 10, 11, 12, 13};
	struct smmu_event e;

	*(struct testdev_sg *)host(PAGES + 10 * PAGE) = (struct testdev_sg){.addr = 11 * PAGE, .len = PAGE};
	memset(host(PAGES + 11 * PAGE), 0x5a, PAGE);
	memcpy(host(PAGES + 14 * PAGE), &d, sizeof(d));
	store(reg(2, TESTDEV_CH_RING_BASE), 8, 14 * PAGE);
	store(reg(2, TESTDEV_CH_RING_SIZE), 4, 1);
	store(reg(2, TESTDEV_CH_RING_PASID), 4, TESTDEV_RING_PASID_EN | 3);
	store(reg(2, TESTDEV_CH_CONTROL), 4, TESTDEV_CONTROL_ENABLE);
	store(reg(2, TESTDEV_CH_TAIL), 4, 1);
	for (unsigned i = 0; i < ARRAY_LEN(order); i++) {
		turns();
		ck_assert(rig_event(&e));
		ck_assert_uint_eq(e.dw[2] / PAGE, order[i]);
		ck_assert_uint_eq(e.dw[0] & (EVT0_SSV | EVT0_SSID), EVT0_SSV | 3u << 12);
		rig_map(3, order[i], order[i]);
		answer(&e, true);
	}
	turns();
	ck_assert_uint_eq(load(reg(2, TESTDEV_CH_DONE), 4), 1);
	ck_assert_uint_eq(load(reg(2, TESTDEV_CH_FAILED), 4), 0);
	ck_assert_int_eq(memcmp(host(PAGES + 12 * PAGE), host(PAGES + 11 * PAGE), PAGE), 0);
	ck_assert_uint_eq(((struct testdev_status *)host(PAGES + 13 * PAGE + 8))->cookie, 77);
}
END_TEST

/* A descriptor's fetch is terminated, or the descriptor taken back, after GO was written: the request of the registers
 * has nothing to do with that. */
START_TEST(test_stall_of_descriptor)
{
	struct testdev_desc good = fill(0, 64, 2);
	struct smmu_event e;

	rig_map(0, 0, 9);
	store(reg(0, TESTDEV_CH_RING_BASE), 8, VA);
	store(reg(0, TESTDEV_CH_RING_SIZE), 4, 1);
	store(reg(0, TESTDEV_CH_CONTROL), 4, TESTDEV_CONTROL_ENABLE);
	store(reg(0, TESTDEV_CH_TAIL), 4, 1);
	turns();
	ck_assert(rig_event(&e));
	if (_i == 0)
		begin(0, &good);
	else
		store(reg(0, TESTDEV_CH_TAIL), 4, 0);
	answer(&e, false);
	turns();
	ck_assert_uint_eq(channel_status(0), _i == 0 ? TESTDEV_STATUS_HALTED : 0);
	if (_i == 1)
		ck_assert_uint_eq(run(&good), OK);
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_DONE), 4), 1);
	ck_assert_uint_eq(load(reg(0, TESTDEV_CH_FAILED), 4), _i == 0);
	ck_assert_uint_eq(ram64(PAGES + 9 * PAGE), UINT64_C(2));
	ck_assert(!rig_event(&e));
}
END_TEST

/* ABORT, function level reset, bus mastering off, D3hot: the job ends, the tag stays the driver's. */
START_TEST(test_stall_given_up)
{
	struct testdev_desc d = fill(VA, 8, 1);
	struct smmu_event e;

	begin(0, &d);
	turns();
	ck_assert(rig_event(&e));
	switch (_i) {
	case 0:
		store(reg(0, TESTDEV_CH_CONTROL), 4, TESTDEV_CONTROL_ABORT);
		ck_assert_uint_eq(channel_code(0), code(TESTDEV_KIND_ABORTED, TESTDEV_AT_NOTHING));
		break;
	case 1:
		rig_reset_function();
		rig_device_on(false, false);
		break;
	case 2:
		cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
		turns();
		ck_assert_uint_eq(field_get32(TESTDEV_CODE_KIND, channel_code(0)), TESTDEV_KIND_FAULT);
		cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
		break;
	default:
		cfg(PCI_ENDPOINT_CAP_PM + PCI_PM_CTRL, 2, 3);
		cfg(PCI_ENDPOINT_CAP_PM + PCI_PM_CTRL, 2, 0);
		rig_device_on(false, false);
	}
	ck_assert_uint_eq(channel_status(0), 0);
	ck_assert_uint_eq(rig.smmu->stalls.used, 1);
	rig_map(0, 5, 0);
	answer(&e, true);
	ck_assert_uint_eq(rig.smmu->stalls.used, 0);
	turns();
	ck_assert_uint_eq(ram64(PAGES), 0);
	ck_assert_uint_eq(run(&d), OK);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("testdev_stall");
	TCase *tc = tcase_create("stall");

	tcase_add_checked_fixture(tc, setup, rig_stop);
	tcase_add_test(tc, test_stall_retry);
	tcase_add_test(tc, test_stall_terminate);
	tcase_add_test(tc, test_stall_other_channels);
	tcase_add_test(tc, test_stall_everywhere);
	tcase_add_loop_test(tc, test_stall_of_descriptor, 0, 2);
	tcase_add_loop_test(tc, test_stall_given_up, 0, 4);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

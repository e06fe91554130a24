/* SPDX-License-Identifier: Apache-2.0 */
/* The test endpoint's stalls, ATS, page requests and PASIDs, before a real SMMU. */
#include "faults_rig.h"
#include "run_suite.h"

#define VA (5 * PAGE)

static void setup_stall(void)
{
	rig_start(&(struct testdev_config){.name = "test", .stall = true, .pasid = true});
}

static void setup_ats(void)
{
	rig_start(&(struct testdev_config){.name = "test", .ats = true, .pasid = true});
}

static void setup_pri(void)
{
	rig_start(&(struct testdev_config){.name = "test", .ats = true, .pri = true, .pasid = true});
}

static struct testdev_desc fill(uint64_t at, uint64_t len, uint64_t operand)
{
	return (struct testdev_desc){.op = TESTDEV_OP_FILL, .dst = at, .len = len, .operand = operand};
}

static void turns(void)
{
	for (unsigned i = 0; i < 8; i++)
		turn();
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

/* Without `stall` CD.S terminates: PCI Express functions do not stall (3.12.1). */
START_TEST(test_no_stall)
{
	struct testdev_desc d = fill(VA, 8, 1);
	struct smmu_event e;

	rig_stream(true, STE_EATS_NONE);
	cfg(ATS_CAP + PCI_ATS_CTRL, 2, 0);
	ck_assert_uint_eq(run(&d), code(TESTDEV_KIND_FAULT, TESTDEV_AT_DESTINATION));
	ck_assert(rig_event(&e));
	ck_assert_uint_eq(e.dw[1] & EVT1_STALL, 0);
}
END_TEST

/* The ATC caches: what is missing is an invalidation, and the wrong page is written. */
START_TEST(test_atc)
{
	struct testdev_desc d = fill(VA, 8, 1);

	rig_map(0, 5, 1);
	ck_assert_uint_eq(run(&d), OK);
	rig_map(0, 5, 2);
	rig_invalidate(); /* of the IOTLB, which is not enough */
	d.operand = 2;
	ck_assert_uint_eq(run(&d), OK);
	ck_assert_uint_eq(ram64(PAGES + PAGE), 2);
	ck_assert_uint_eq(ram64(PAGES + 2 * PAGE), 0);
	ck_assert_uint_eq(dev_rd(TESTDEV_ATC_REQUESTS), 1);
	ck_assert_uint_eq(dev_rd(TESTDEV_ATC_HITS), 1);
	/* another page's, another PASID's */
	rig_command(of_sid(CMD_ATC_INV), VA + PAGE);
	rig_command(of_sid(CMD_ATC_INV) | CMD0_SSV | 3u << 12, VA);
	ck_assert_uint_eq(run(&d), OK);
	ck_assert_uint_eq(dev_rd(TESTDEV_ATC_REQUESTS), 1);
	rig_command(of_sid(CMD_ATC_INV), VA);
	d.operand = 3;
	ck_assert_uint_eq(run(&d), OK);
	ck_assert_uint_eq(ram64(PAGES + 2 * PAGE), 3);
	ck_assert_uint_eq(dev_rd(TESTDEV_ATS_INVALIDATIONS), 3);
	/* off and on again: empty */
	cfg(ATS_CAP + PCI_ATS_CTRL, 2, 0);
	cfg(ATS_CAP + PCI_ATS_CTRL, 2, PCI_ATS_CTRL_ENABLE);
	ck_assert_uint_eq(run(&d), OK);
	ck_assert_uint_eq(dev_rd(TESTDEV_ATC_REQUESTS), 3);
}
END_TEST

/* PASIDs are apart in the ATC; Global reaches all of them. */
START_TEST(test_atc_pasid)
{
	struct testdev_desc d = fill(VA, 8, 1);

	d.op |= TESTDEV_F_PASID;
	for (d.pasid = 1; d.pasid <= 3; d.pasid++) {
		rig_map(d.pasid, 5, d.pasid);
		ck_assert_uint_eq(run(&d), OK);
		ck_assert_uint_eq(ram64(PAGES + d.pasid * PAGE), 1);
	}
	ck_assert_uint_eq(dev_rd(TESTDEV_ATC_REQUESTS), 3);
	rig_command(of_sid(CMD_ATC_INV) | CMD0_SSV | 2u << 12, VA);
	for (d.pasid = 1; d.pasid <= 3; d.pasid++)
		ck_assert_uint_eq(run(&d), OK);
	ck_assert_uint_eq(dev_rd(TESTDEV_ATC_REQUESTS), 4);
	rig_command(of_sid(CMD_ATC_INV) | CMD0_SSV | CMD0_ATC_GLOBAL, 52);
	for (d.pasid = 1; d.pasid <= 3; d.pasid++)
		ck_assert_uint_eq(run(&d), OK);
	ck_assert_uint_eq(dev_rd(TESTDEV_ATC_REQUESTS), 7);
}
END_TEST

/* Held invalidations: CMD_SYNC waits; released it completes, otherwise it times out. */
START_TEST(test_invalidation_held)
{
	dev_wr(TESTDEV_ATS_CONTROL, TESTDEV_ATS_HOLD);
	rig_command(of_sid(CMD_ATC_INV), VA);
	rig_command(CMD_SYNC, 0);
	ck_assert_uint_eq(dev_rd(TESTDEV_ATS_HELD), 1);
	ck_assert_uint_ne(smmu_rd(SMMU_CMDQ_CONS), rig.cmd);
	ck_assert_uint_ne(rig.timer, 0);
	if (_i == 0) {
		dev_wr(TESTDEV_ATS_RELEASE, 1);
		ck_assert_uint_eq(smmu_rd(SMMU_CMDQ_CONS), rig.cmd);
		return;
	}
	if (_i == 2)
		rig_reset_function();
	smmu_timeout(rig.smmu);
	ck_assert_uint_eq(field_get32(CMDQ_CONS_ERR, smmu_rd(SMMU_CMDQ_CONS)), CERROR_ATC_INV_SYNC);
	smmu_wr(SMMU_GERRORN, smmu_rd(SMMU_GERROR));
	ck_assert_uint_eq(smmu_rd(SMMU_CMDQ_CONS) & QUEUE_INDEX, rig.cmd);
}
END_TEST

/* What the response says, as software sees it. */
START_TEST(test_translation_request)
{
	static const struct {
		uint32_t page, flags, status;
	} cases[] = {
		{5, TESTDEV_TREQ_WRITE, TESTDEV_TREQ_SUCCESS | TESTDEV_TREQ_READ_OK | TESTDEV_TREQ_WRITE_OK},
		{6, 0, TESTDEV_TREQ_SUCCESS},
		{5, TESTDEV_TREQ_EXEC | TESTDEV_TREQ_PRIV,
		 TESTDEV_TREQ_SUCCESS | TESTDEV_TREQ_READ_OK | TESTDEV_TREQ_WRITE_OK},
	};

	rig_map(7, 5, 4);
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		store(REGS + TESTDEV_TREQ_ADDR, 8, cases[i].page * PAGE);
		dev_wr(TESTDEV_TREQ_FLAGS, cases[i].flags);
		dev_wr(TESTDEV_TREQ_PASID, TESTDEV_PASID_VALID | 7);
		dev_wr(TESTDEV_TREQ_GO, 1);
		ck_assert_uint_eq(dev_rd(TESTDEV_TREQ_STATUS), cases[i].status);
		ck_assert_uint_eq(dev_rd(TESTDEV_TREQ_SIZE), 12);
		ck_assert_uint_eq(load(REGS + TESTDEV_TREQ_RESULT, 8),
				  cases[i].status & TESTDEV_TREQ_READ_OK ? PAGES + 4 * PAGE : 0);
	}
	rig_stream(false, STE_EATS_NONE);
	dev_wr(TESTDEV_TREQ_GO, 1);
	ck_assert_uint_eq(dev_rd(TESTDEV_TREQ_STATUS), TESTDEV_TREQ_UR);
	cfg(ATS_CAP + PCI_ATS_CTRL, 2, 0);
	dev_wr(TESTDEV_TREQ_GO, 1);
	ck_assert_uint_eq(dev_rd(TESTDEV_TREQ_STATUS), TESTDEV_TREQ_DISABLED);
}
END_TEST

/* A device that lies about its addresses: stopped where CR0.ATSCHK and EATS say so. */
START_TEST(test_forged)
{
	struct testdev_desc d = fill(PAGES + 3 * PAGE, 8, 9);
	struct smmu_event e;

	d.op |= TESTDEV_F_TRANSLATED;
	ck_assert_uint_eq(run(&d), OK);
	ck_assert_uint_eq(ram64(PAGES + 3 * PAGE), 9);
	rig_stream(false, STE_EATS_NONE);
	ck_assert_uint_eq(run(&d), code(TESTDEV_KIND_FAULT, TESTDEV_AT_DESTINATION));
	ck_assert(rig_event(&e));
	ck_assert_uint_eq(field_get(EVT0_ID, e.dw[0]), EVT_F_TRANSL_FORBIDDEN);
	/* and ordinary accesses go on, also while ATS is enabled */
	d = fill(VA, 8, 7);
	d.op |= TESTDEV_F_UNTRANSLATED;
	rig_map(0, 5, 6);
	ck_assert_uint_eq(run(&d), OK);
	ck_assert_uint_eq(ram64(PAGES + 6 * PAGE), 7);
	d.op |= TESTDEV_F_TRANSLATED;
	ck_assert_uint_eq(run(&d), code(TESTDEV_KIND_BAD_REQUEST, TESTDEV_AT_DESCRIPTOR));
}
END_TEST

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
		if (i == 0)
			continue;
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
	Suite *s = suite_create("testdev-faults");
	TCase *stall = tcase_create("stall"), *ats = tcase_create("ats"), *pri = tcase_create("pri");

	tcase_add_checked_fixture(stall, setup_stall, rig_stop);
	tcase_add_test(stall, test_stall_retry);
	tcase_add_test(stall, test_stall_terminate);
	tcase_add_test(stall, test_stall_other_channels);
	tcase_add_test(stall, test_stall_everywhere);
	tcase_add_loop_test(stall, test_stall_of_descriptor, 0, 2);
	tcase_add_loop_test(stall, test_stall_given_up, 0, 4);
	suite_add_tcase(s, stall);
	tcase_add_checked_fixture(ats, setup_ats, rig_stop);
	tcase_add_test(ats, test_no_stall);
	tcase_add_test(ats, test_atc);
	tcase_add_test(ats, test_atc_pasid);
	tcase_add_loop_test(ats, test_invalidation_held, 0, 3);
	tcase_add_test(ats, test_translation_request);
	tcase_add_test(ats, test_forged);
	suite_add_tcase(s, ats);
	tcase_add_checked_fixture(pri, setup_pri, rig_stop);
	tcase_add_loop_test(pri, test_page_request, 0, 2);
	tcase_add_loop_test(pri, test_page_refused, 0, 2);
	tcase_add_test(pri, test_page_capability);
	tcase_add_test(pri, test_page_request_by_hand);
	tcase_add_test(pri, test_page_given_up);
	tcase_add_test(pri, test_page_shared);
	tcase_add_test(pri, test_page_not_sent);
	tcase_add_test(pri, test_page_group_large);
	tcase_add_test(pri, test_page_overflow);
	suite_add_tcase(s, pri);
	return run_suite(s);
}

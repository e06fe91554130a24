/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of host-backed endpoints: told to the guest, answered once, forgotten when the kernel has answered. */
#include <check.h>

#include "smmu_fixture.h"
#include "run_suite.h"

#define SID 0x100u

/* Endpoint 0 reports its stalls, endpoint 1 does not. */
static void setup_model(uint32_t model)
{
	struct smmu_host_caps host = host_usual();

	host.idr[0] = (host.idr[0] & ~IDR0_STALL_MODEL) | field_prep32(IDR0_STALL_MODEL, model);
	fx.host_stalls = true;
	setup_host(host);
	for (unsigned i = 0; i < 2; i++) {
		fx.eps[i] = (struct fixture_ep){.rid = (uint16_t)(SID + i), .index = i};
		fx.eps[i].ep = (struct viommu_endpoint){
			.name = "ep", .rid = fixture_rid, .owner = &fx.eps[i], .stalls = i == 0};
		ck_assert_int_eq(smmu_add_endpoint(fx.smmu, &fx.eps[i].ep, &fx.eps[i]), 0);
		put_ste(SID + i, ste_s1(CDTAB), 0);
	}
	start_queues(8);
	enable_smmu();
}

static void setup_faults(void)
{
	setup_model(IDR0_STALL_BOTH);
}

static int stall(unsigned ep, uint64_t cookie)
{
	return smmu_host_stall(
		fx.smmu, &fx.eps[ep],
		&(struct smmu_host_fault){
			.pasid = DMA_NO_PASID, .addr = 0x5008, .access = DMA_WRITE | DMA_PRIV, .cookie = cookie});
}

static uint32_t stag(unsigned event)
{
	return (uint32_t)field_get(EVT1_STAG, event_at(event).dw[1]);
}

static void consume(void)
{
	wr32(SMMU_EVENTQ_CONS, rd32(SMMU_EVENTQ_PROD));
}

/* S1STALLD where the kernel could not be answered, and only there. */
START_TEST(test_s1stalld)
{
	ck_assert_uint_eq(fx.smmu->endpoints[0].now.ste[1] & STE1_S1STALLD, 0);
	ck_assert_uint_ne(fx.smmu->endpoints[1].now.ste[1] & STE1_S1STALLD, 0);
	ck_assert_int_eq(stall(1, 1), -ENOENT);
	put_ste(SID, ste_s1(CDTAB), STE1_S1STALLD);
	issue(sid_cmd(CMD_CFGI_STE, SID), 1);
	ck_assert_int_eq(stall(0, 1), -ENOENT);
	put_ste(SID, ste_cfg(STE_CFG_BYPASS), 0);
	issue(sid_cmd(CMD_CFGI_STE, SID), 1);
	ck_assert_int_eq(stall(0, 1), -ENOENT);
	ck_assert_int_eq(smmu_host_stall(fx.smmu, &fx, &(struct smmu_host_fault){0}), -ENOENT);
	ck_assert_uint_eq(nr_events(), 0);
}
END_TEST

/* A host that cannot but stall: the guest, which is offered no stalls and has no CMD_RESUME, is told of none. */
START_TEST(test_not_offered)
{
	teardown();
	setup_model(IDR0_STALL_FORCE);
	ck_assert_uint_eq(field_get32(IDR0_STALL_MODEL, rd32(SMMU_IDR0)), IDR0_STALL_NONE);
	ck_assert_int_eq(stall(0, 1), -ENOENT);
	ck_assert_uint_eq(nr_events(), 0);
	ck_assert_uint_eq(fx.smmu->stalls.used, 0);
}
END_TEST

START_TEST(test_answers)
{
	static const struct {
		uint64_t resp;
		enum smmu_answer answer;
	} answers[] = {
		{0, SMMU_ANSWER_INVALID}, {1, SMMU_ANSWER_RETRY}, {2, SMMU_ANSWER_INVALID}, {3, SMMU_ANSWER_RETRY}};

	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(stall(0, 100 + i), 0);
		ck_assert_uint_eq(event_at(i).dw[0], EVT_F_TRANSLATION | (uint64_t)SID << 32);
		ck_assert_uint_eq(event_at(i).dw[1] & ~EVT1_STAG, EVT1_STALL | EVT1_PNU | field_prep(EVT1_CLASS, 2));
		ck_assert_uint_eq(event_at(i).dw[2], 0x5008);
	}
	for (unsigned i = 0; i < 4; i++) {
		issue(sid_cmd(CMD_RESUME, SID) | answers[i].resp << 12, stag(i));
		issue(sid_cmd(CMD_RESUME, SID) | answers[i].resp << 12, stag(i));
		ck_assert_uint_eq(fx.nr_answers, i + 1);
		ck_assert_uint_eq(fx.answers[i].cookie, 100 + i);
		ck_assert_int_eq(fx.answers[i].answer, answers[i].answer);
	}
}
END_TEST

/* With a PASID, an instruction fetch. */
START_TEST(test_record)
{
	ck_assert_int_eq(
		smmu_host_stall(fx.smmu, &fx.eps[0],
				&(struct smmu_host_fault){.pasid = 7, .addr = 8, .access = DMA_READ | DMA_EXEC}),
		0);
	ck_assert_uint_eq(event_at(0).dw[0], EVT_F_TRANSLATION | EVT0_SSV | 7u << 12 | (uint64_t)SID << 32);
	ck_assert_uint_eq(event_at(0).dw[1] & ~EVT1_STAG, EVT1_STALL | EVT1_IND | EVT1_RNW | field_prep(EVT1_CLASS, 2));
}
END_TEST

/* A full queue: the record waits in its slot, and its tag is nobody's before it is written. */
START_TEST(test_queue_full)
{
	for (unsigned i = 0; i < 18; i++)
		ck_assert_int_eq(stall(0, i), 0);
	ck_assert_uint_eq(nr_events(), 16);
	for (uint32_t tag = 0; tag < 0x10000; tag++)
		if (field_get32(MASK32(7, 0), tag) == 16 || field_get32(MASK32(7, 0), tag) == 17)
			smmu_stall_resume(fx.smmu, SID, tag, true);
	ck_assert_uint_eq(fx.nr_answers, 0);
	wr32(SMMU_EVENTQ_CONS, 1);
	ck_assert_uint_eq(nr_events(), 17);
	consume();
	ck_assert_uint_eq(nr_events(), 18);
	issue(sid_cmd(CMD_RESUME, SID) | CMD0_RESUME_AC, stag(1));
	ck_assert_uint_eq(fx.answers[0].cookie, 17);
}
END_TEST

START_TEST(test_no_room)
{
	for (unsigned i = 0; i < SMMU_STALL_MAX; i++) {
		ck_assert_int_eq(stall(0, i), 0);
		consume();
	}
	issue(sid_cmd(CMD_RESUME, SID), 0xffff);
	ck_assert_uint_eq(fx.nr_room, 0);
	ck_assert_int_eq(stall(0, 999), -ENOSPC);
	issue(sid_cmd(CMD_RESUME, SID), stag(3));
	ck_assert_uint_eq(fx.nr_answers, 1);
	ck_assert_uint_eq(fx.nr_room, 1);
	ck_assert_int_eq(stall(0, 999), 0);
	issue(sid_cmd(CMD_RESUME, SID), stag(4));
	ck_assert_uint_eq(fx.nr_room, 1);
}
END_TEST

/* Whatever replaces the translation has the kernel answer; the tag stays the guest's. The rest is told. */
START_TEST(test_replaced)
{
	static const unsigned answers[] = {0, 1, 1, 1};

	ck_assert_int_eq(stall(0, 1), 0);
	switch (_i) {
	case 0:
		put_ste(SID, ste_cfg(STE_CFG_ABORT), 0);
		issue(sid_cmd(CMD_CFGI_STE, SID), 1);
		ck_assert_uint_eq(fx.smmu->stalls.used, 1);
		issue(sid_cmd(CMD_RESUME, SID), stag(0));
		break;
	case 1:
		issue(sid_cmd(CMD_STALL_TERM, SID), 0);
		break;
	case 2:
		wr32(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN);
		break;
	default:
		smmu_device(fx.smmu)->class->reset(smmu_device(fx.smmu));
	}
	ck_assert_uint_eq(fx.nr_answers, answers[_i]);
	if (answers[_i])
		ck_assert_int_eq(fx.answers[0].answer, SMMU_ANSWER_INVALID);
	ck_assert_uint_eq(fx.smmu->stalls.used, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-host-faults");
	TCase *tc = tcase_create("host-faults");

	tcase_add_checked_fixture(tc, setup_faults, teardown);
	tcase_add_test(tc, test_s1stalld);
	tcase_add_test(tc, test_not_offered);
	tcase_add_test(tc, test_answers);
	tcase_add_test(tc, test_record);
	tcase_add_test(tc, test_queue_full);
	tcase_add_test(tc, test_no_room);
	tcase_add_loop_test(tc, test_replaced, 0, 4);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

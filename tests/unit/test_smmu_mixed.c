/* SPDX-License-Identifier: Apache-2.0 */
/* Host-backed and emulated endpoints behind one instance. */
#include <check.h>

#include "smmu_soft_fixture.h"
#include "run_suite.h"

#define VA 0x123000u

static struct tables t;

/* Host-backed 0x100, emulated 0x10 and 0x11, all at stage 1 with the same CD. */
static void setup_mixed(void)
{
	setup();
	next_table = TABLES;
	add_soft(0, 0x10);
	add_soft(1, 0x11);
	t = new_tables(12, 39);
	map_page(&t, VA, DATA, LEAF_S1);
	stream_s1(0x10, 0, 0, 5, &t);
	stream_s1(0x11, 0, 0, 5, &t);
	stream_s1(0x100, 0, 0, 5, &t);
	start();
	ck_assert_int_eq(fx.eps[0].now, CALL_S1);
	forget();
}

/* The registers offer what the host does too: no stage 2, no EL2, no HTTU. */
START_TEST(test_id_registers)
{
	uint32_t idr0 = rd32(SMMU_IDR0);

	ck_assert_uint_eq(idr0 & (IDR0_S2P | IDR0_HYP | IDR0_HTTU | IDR0_VMID16), 0);
	ck_assert_uint_eq(rd32(SMMU_IDR3) & (IDR3_FWB | IDR3_XNX | IDR3_STT), 0);
	ck_assert_uint_eq(rd32(SMMU_IDR5) & IDR5_GRAN16K, 0);
	wr32(SMMU_CR0, 0);
	wr32(SMMU_CR2, CR2_E2H | CR2_RECINVSID);
	ck_assert_uint_eq(rd32(SMMU_CR2), CR2_RECINVSID);
}
END_TEST

/* ... and the emulated ones hold themselves to it. */
START_TEST(test_soft_obeys_id_registers)
{
	struct tables s2 = identity_s2(), big = new_tables(14, 39);

	stream_s2(0x10, 0, &s2);
	ck_assert_uint_eq(pa_of(0, RAM_BASE), 0);
	ck_assert_uint_eq(field_get(EVT0_ID, event_at(0).dw[0]), EVT_C_BAD_STE);
	/* 16 KiB pages, which this host lacks */
	map_page(&big, 0x10000, DATA, LEAF_S1);
	stream_s1(0x11, 1, 0, 6, &big);
	ck_assert_uint_eq(pa_of(1, 0x10000), 0);
	ck_assert_uint_eq(field_get(EVT0_ID, event_at(1).dw[0]), EVT_C_BAD_CD);
}
END_TEST

/* Each TLB invalidation reaches both kinds; those that the kernel refuses are illegal. */
static const struct both_case {
	uint64_t dw0, dw1;
	bool forwarded, removed;
} both[] = {
	{CMD_TLBI_NH_ALL, 0, true, true},
	{CMD_TLBI_NH_ASID | UINT64_C(5) << 48, 0, true, true},
	{CMD_TLBI_NH_ASID | UINT64_C(6) << 48, 0, true, false},
	{CMD_TLBI_NH_VA | UINT64_C(5) << 48, VA, true, true},
	{CMD_TLBI_NH_VA | UINT64_C(5) << 48, VA + 0x1000, true, false},
	{CMD_TLBI_NH_VAA, VA, true, true},
	{CMD_TLBI_NSNH_ALL, 0, true, true},
	/* VMID is RES0: the same to both */
	{CMD_TLBI_NH_ALL | UINT64_C(7) << 32, 0, true, true},
	{CMD_SYNC, 0, false, false},
};

START_TEST(test_invalidations)
{
	const struct both_case *c = &both[_i];

	ck_assert_uint_eq(pa_of(0, VA), DATA);
	ck_assert_uint_eq(pa_of(1, VA), DATA);
	ck_assert_uint_eq(fx.smmu->tlb.used, 1);
	issue(c->dw0, c->dw1);
	ck_assert_uint_eq(cmdq_err(), 0);
	ck_assert_uint_eq(fx.nr_cmds, c->forwarded);
	ck_assert_uint_eq(fx.smmu->tlb.used, !c->removed);
	ck_assert_uint_eq(soft[0].invalidated, c->removed);
	ck_assert_uint_eq(soft[1].invalidated, c->removed);
}
END_TEST

START_TEST(test_illegal_here)
{
	static const uint8_t ops[] = {CMD_TLBI_EL2_ALL, CMD_TLBI_EL2_VA, CMD_TLBI_S12_VMALL, CMD_TLBI_S2_IPA};

	issue(ops[_i], 0);
	ck_assert_uint_eq(cmdq_err(), CERROR_ILL);
	ck_assert_uint_eq(fx.nr_cmds, 0);
}
END_TEST

/* A CD is invalidated for both; for a stream that the host does not know, here alone. */
START_TEST(test_cds)
{
	ck_assert_uint_eq(pa_of(0, VA), DATA);
	put64(CDTAB, 0);
	issue(sid_cmd(CMD_CFGI_CD, 0x100), 1);
	ck_assert_uint_eq(fx.nr_cmds, 1);
	ck_assert_uint_eq(pa_of(0, VA), DATA);
	issue(sid_cmd(CMD_CFGI_CD, 0x10), 1);
	ck_assert_uint_eq(fx.nr_cmds, 1);
	ck_assert_uint_eq(pa_of(0, VA), 0);
	issue(CMD_CFGI_STE_RANGE, 31);
	ck_assert_uint_eq(pa_of(1, VA), 0);
}
END_TEST

/* The same bad STE: told of at its invalidation for the host-backed one, at each transaction for the emulated one. */
START_TEST(test_bad_ste_of_each)
{
	put_ste(0x100, ste_cfg(STE_CFG_S2), 0);
	put_ste(0x10, ste_cfg(STE_CFG_S2), 0);
	issue(sid_cmd(CMD_CFGI_STE, 0x100), 1);
	issue(sid_cmd(CMD_CFGI_STE, 0x10), 1);
	ck_assert_int_eq(fx.eps[0].now, CALL_ABORT);
	ck_assert_uint_eq(nr_events(), 1);
	ck_assert_uint_eq(event_at(0).dw[0], sid_cmd(EVT_C_BAD_STE, 0x100));
	for (unsigned i = 1; i <= 2; i++) {
		ck_assert_uint_eq(pa_of(0, VA), 0);
		ck_assert_uint_eq(nr_events(), 1 + i);
		ck_assert_uint_eq(event_at(i).dw[0], sid_cmd(EVT_C_BAD_STE, 0x10));
	}
}
END_TEST

/* The host refuses a batch: what was done here stays done, and the repetition is harmless. */
START_TEST(test_host_fails)
{
	ck_assert_uint_eq(pa_of(0, VA), DATA);
	fx.fail[CALL_INVALIDATE] = 1;
	issue(CMD_TLBI_NH_ALL, 0);
	ck_assert_uint_eq(cmdq_err(), CERROR_ABT);
	ck_assert_uint_eq(fx.smmu->tlb.used, 0);
	ck_assert_uint_eq(soft[0].invalidated, 1);
	gerror_ack();
	ck_assert_uint_eq(cmdq_err(), 0);
	ck_assert_uint_eq(fx.nr_cmds, 1);
}
END_TEST

/* GBPA and SMMUEN rule all of them. */
START_TEST(test_disabled)
{
	uint64_t pa;

	wr32(SMMU_CR0, 0);
	ck_assert_int_eq(fx.eps[0].now, CALL_BYPASS);
	ck_assert_uint_eq(pa_of(0, VA), VA);
	wr32(SMMU_GBPA, GBPA_UPDATE | GBPA_ABORT);
	ck_assert_int_eq(fx.eps[0].now, CALL_ABORT);
	ck_assert_int_eq(xlate(0, DMA_NO_PASID, VA, DMA_READ, &pa), -EFAULT);
	smmu_device(fx.smmu)->class->reset(smmu_device(fx.smmu));
	ck_assert_int_eq(fx.eps[0].now, CALL_BYPASS);
	ck_assert_uint_eq(pa_of(0, VA), VA);
}
END_TEST

/* An event of the host is for host-backed streams only. */
START_TEST(test_host_events)
{
	struct smmu_event e = {.dw = {sid_cmd(EVT_F_TRANSLATION, 0x10), 0, 0, 0}};

	smmu_host_event(fx.smmu, &e);
	ck_assert_uint_eq(nr_events(), 0);
	e.dw[0] = sid_cmd(EVT_F_TRANSLATION, 0x100);
	smmu_host_event(fx.smmu, &e);
	ck_assert_uint_eq(nr_events(), 1);
}
END_TEST

/* Without host-backed endpoints nothing is forwarded, whatever the host could do. */
START_TEST(test_nothing_to_forward)
{
	teardown();
	setup_host(host_usual());
	add_soft(0, 0x10);
	start();
	issue(CMD_TLBI_NH_ALL, 0);
	issue(CMD_TLBI_NSNH_ALL, 0);
	issue(CMD_CFGI_STE_RANGE, 31);
	issue_sync(sid_cmd(CMD_CFGI_CD_ALL, 0x10), 0);
	ck_assert_uint_eq(cmdq_err(), 0);
	ck_assert_uint_eq(fx.nr_log, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-mixed");
	TCase *tc = tcase_create("mixed");

	tcase_add_checked_fixture(tc, setup_mixed, teardown);
	tcase_add_test(tc, test_id_registers);
	tcase_add_test(tc, test_soft_obeys_id_registers);
	tcase_add_loop_test(tc, test_invalidations, 0, ARRAY_LEN(both));
	tcase_add_loop_test(tc, test_illegal_here, 0, 4);
	tcase_add_test(tc, test_cds);
	tcase_add_test(tc, test_bad_ste_of_each);
	tcase_add_test(tc, test_host_fails);
	tcase_add_test(tc, test_disabled);
	tcase_add_test(tc, test_host_events);
	tcase_add_test(tc, test_nothing_to_forward);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

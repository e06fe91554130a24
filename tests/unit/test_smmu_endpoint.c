/* SPDX-License-Identifier: Apache-2.0 */
/* From registers and stream table to the backend: every transition, every failure, and what the guest is told. */
#include <check.h>

#include "smmu_fixture.h"
#include "run_suite.h"

static void setup_queues(void)
{
	setup();
	start_queues(8);
	forget();
}

static void cfgi_ste(uint32_t sid)
{
	issue(sid_cmd(CMD_CFGI_STE, sid), 1);
	issue(CMD_SYNC, 0);
}

static void cfgi_all(void)
{
	issue(CMD_CFGI_STE_RANGE, CFGI_RANGE_ALL);
	issue(CMD_SYNC, 0);
}

/* The states that a guest can ask for, and how. */
enum wish {
	W_GBPA_BYPASS,
	W_GBPA_ABORT,
	W_INVALID,
	W_ABORT,
	W_BYPASS,
	W_S1_A,
	W_S1_B,
	W_BAD,
	W_COUNT,
};

static const enum call wish_call[W_COUNT] = {CALL_BYPASS, CALL_ABORT, CALL_ABORT, CALL_ABORT,
					     CALL_BYPASS, CALL_S1,    CALL_S1,	  CALL_ABORT};

static void ask(enum wish wish)
{
	static const struct {
		uint64_t dw0, dw1;
	} ste[W_COUNT] = {
		[W_INVALID] = {STE_CFG_S1 << 1, 0},
		[W_ABORT] = {STE0_V, 0},
		[W_BYPASS] = {STE0_V | STE_CFG_BYPASS << 1, 0},
		[W_S1_A] = {STE0_V | STE_CFG_S1 << 1 | CDTAB, 0},
		[W_S1_B] = {STE0_V | STE_CFG_S1 << 1 | (CDTAB + 0x1000), 0x54},
		[W_BAD] = {STE0_V | STE_CFG_S2 << 1, 0},
	};

	if (wish == W_GBPA_BYPASS || wish == W_GBPA_ABORT) {
		wr32(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN);
		wr32(SMMU_GBPA, GBPA_UPDATE | (wish == W_GBPA_ABORT ? GBPA_ABORT : 0));
		return;
	}
	put_ste(0x100, ste[wish].dw0, ste[wish].dw1);
	enable_smmu();
	cfgi_ste(0x100);
}

/* Each state to each other: the backend ends where it should, and a wish that is fulfilled costs no call. */
START_TEST(test_transitions)
{
	enum wish from = (enum wish)(_i / W_COUNT), to = (enum wish)(_i % W_COUNT);

	ask(from);
	ck_assert_int_eq(fx.eps[0].now, wish_call[from]);
	ask(to);
	ck_assert_int_eq(fx.eps[0].now, wish_call[to]);
	if (to == W_S1_A || to == W_S1_B) {
		const struct smmu_stream *now = &fx.smmu->endpoints[0].now;

		ck_assert_uint_eq(now->ste[0], ste_s1(to == W_S1_A ? CDTAB : CDTAB + 0x1000));
		ck_assert_uint_eq(now->ste[1], to == W_S1_A ? 0 : 0x54);
	}
	forget();
	ask(to);
	ck_assert_uint_eq(count(CALL_ABORT) + count(CALL_BYPASS) + count(CALL_S1), 0);
}
END_TEST

/* The wish fails: abort. Abort fails too: no bypass either, and the next invalidation tries again. */
START_TEST(test_failures)
{
	enum wish to = (enum wish)(_i / 2);
	bool abort_fails = _i % 2;
	enum call call = wish_call[to];

	ask(call == CALL_S1 || call == CALL_ABORT ? W_BYPASS : W_S1_A);
	forget();
	fx.fail[call] = 1;
	if (abort_fails)
		fx.fail[CALL_ABORT] = call == CALL_ABORT ? 1 : 2;
	ask(to);
	/* ask() may itself look twice (CR0 and GBPA or CFGI), so the wish can be fulfilled already */
	for (unsigned i = 0; i < 3 && fx.eps[0].now != call; i++) {
		ck_assert_int_eq(fx.eps[0].now, CALL_ABORT);
		ask(to);
	}
	ck_assert_int_eq(fx.eps[0].now, call);
	ck_assert(count(call) >= 1);
	for (unsigned i = 0; i < fx.nr_log; i++)
		ck_assert(fx.log[i].call != CALL_BYPASS || call == CALL_BYPASS);
}
END_TEST

START_TEST(test_s1_failure_is_a_bad_ste)
{
	ask(W_ABORT);
	forget();
	fx.fail[CALL_S1] = 1;
	ask(W_S1_A);
	ck_assert_int_eq(fx.log[0].call, CALL_S1);
	ck_assert_int_eq(fx.log[1].call, CALL_ABORT);
	ck_assert_int_eq(fx.eps[0].now, CALL_ABORT);
	ck_assert_uint_eq(nr_events(), 1);
	ck_assert_uint_eq(event_at(0).dw[0], EVT_C_BAD_STE | UINT64_C(0x100) << 32);
	/* CDs of a stream that the host may not know are not invalidated there */
	forget();
	issue(sid_cmd(CMD_CFGI_CD, 0x100), 0);
	ck_assert_uint_eq(fx.nr_cmds, 0);
	cfgi_ste(0x100);
	ck_assert_int_eq(fx.eps[0].now, CALL_S1);
}
END_TEST

/* A failed change of stage 1 leaves open under which StreamID the host knows the device, if at all. */
START_TEST(test_failed_change_forgets_the_stream)
{
	ask(W_S1_A);
	fx.fail[CALL_S1] = 1;
	ask(W_S1_B);
	ck_assert_int_eq(fx.eps[0].now, CALL_ABORT);
	forget();
	issue(sid_cmd(CMD_CFGI_CD, 0x100), 0);
	ck_assert_uint_eq(fx.nr_cmds, 0);
	ask(W_S1_B);
	ck_assert_int_eq(fx.eps[0].now, CALL_S1);
	issue(sid_cmd(CMD_CFGI_CD, 0x100), 0);
	ck_assert_uint_eq(fx.nr_cmds, 1);
}
END_TEST

START_TEST(test_add_endpoint_follows_state)
{
	wr32(SMMU_GBPA, GBPA_UPDATE | GBPA_ABORT);
	add_endpoint(1, 0x101);
	ck_assert_int_eq(fx.eps[1].now, CALL_ABORT);
	put_ste(0x102, ste_s1(CDTAB), 0);
	enable_smmu();
	add_endpoint(2, 0x102);
	ck_assert_int_eq(fx.eps[2].now, CALL_S1);
	ck_assert_uint_eq(fx.log[fx.nr_log - 1].sid, 0x102);
	/* a device that cannot be attached is not added */
	fx.eps[3] = (struct fixture_ep){.rid = 0x103, .index = 3};
	fx.eps[3].ep = (struct viommu_endpoint){.name = "ep", .rid = fixture_rid, .owner = &fx.eps[3]};
	put_ste(0x103, ste_cfg(STE_CFG_BYPASS), 0);
	fx.fail[CALL_BYPASS] = 1;
	ck_assert_int_eq(smmu_add_endpoint(fx.smmu, &fx.eps[3].ep, &fx.eps[3]), -EIO);
	ck_assert_int_eq(fx.eps[3].now, CALL_ABORT);
	ck_assert_uint_eq(fx.smmu->nr_endpoints, 3);
}
END_TEST

START_TEST(test_endpoint_cap)
{
	unsigned n = 1;

	while (smmu_add_endpoint(fx.smmu, &fx.eps[0].ep, &fx.eps[0]) == 0)
		n++;
	ck_assert_uint_eq(n, SMMU_MAX_ENDPOINTS);
	ck_assert_int_eq(smmu_add_endpoint(fx.smmu, &fx.eps[0].ep, &fx.eps[0]), -ENOSPC);
}
END_TEST

/* GBPA counts only while SMMUEN is 0, and only with UPDATE. */
START_TEST(test_gbpa)
{
	wr32(SMMU_GBPA, GBPA_ABORT);
	ck_assert_int_eq(fx.eps[0].now, CALL_BYPASS);
	wr32(SMMU_GBPA, GBPA_ABORT | GBPA_UPDATE);
	ck_assert_int_eq(fx.eps[0].now, CALL_ABORT);
	put_ste(0x100, ste_cfg(STE_CFG_BYPASS), 0);
	enable_smmu();
	ck_assert_int_eq(fx.eps[0].now, CALL_BYPASS);
	forget();
	wr32(SMMU_GBPA, GBPA_UPDATE);
	wr32(SMMU_GBPA, GBPA_ABORT | GBPA_UPDATE);
	ck_assert_uint_eq(fx.nr_log, 0);
	wr32(SMMU_CR0, 0);
	ck_assert_int_eq(fx.eps[0].now, CALL_ABORT);
}
END_TEST

/* Invalidation reaches the endpoints that it names, and no other. */
START_TEST(test_cfgi_scope)
{
	static const struct {
		uint32_t sid, range;
		bool single;
		bool hit[3];
	} cases[] = {
		{0x100, 0, true, {true, false, false}},		{0x101, 0, true, {false, true, false}},
		{0x1ff, 0, true, {false, false, true}},		{0x102, 0, true, {false, false, false}},
		{0x100, 0, false, {true, true, false}},		{0x101, 0, false, {true, true, false}},
		{0x102, 0, false, {false, false, false}},	{0x103, 1, false, {true, true, false}},
		{0x180, 7, false, {true, true, true}},		{0x10100, 15, false, {false, false, false}},
		{0x10100, 16, false, {true, true, true}},	{UINT32_MAX, 31, false, {true, true, true}},
		{UINT32_MAX, 30, false, {false, false, false}},
	};

	add_endpoint(1, 0x101);
	add_endpoint(2, 0x1ff);
	enable_smmu();
	put_ste(0x100, ste_cfg(STE_CFG_BYPASS), 0);
	put_ste(0x101, ste_cfg(STE_CFG_BYPASS), 0);
	put_ste(0x1ff, ste_cfg(STE_CFG_BYPASS), 0);
	if (cases[_i].single)
		issue(sid_cmd(CMD_CFGI_STE, cases[_i].sid), 0);
	else
		issue(sid_cmd(CMD_CFGI_STE_RANGE, cases[_i].sid), cases[_i].range);
	issue(CMD_SYNC, 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(fx.eps[i].now, cases[_i].hit[i] ? CALL_BYPASS : CALL_ABORT);
}
END_TEST
#define N_SCOPES 13

/* The StreamID is the one of the moment: the guest renumbers the bus, and invalidation follows. */
START_TEST(test_renumbering)
{
	put_ste(0x100, ste_s1(CDTAB), 0);
	enable_smmu();
	fx.eps[0].rid = 0x130;
	put_ste(0x130, ste_s1(CDTAB), 0);
	forget();
	/* until the new STE is read, the host knows the stream by the old name */
	issue(sid_cmd(CMD_CFGI_CD, 0x100), 0);
	ck_assert_uint_eq(fx.nr_cmds, 1);
	cfgi_ste(0x130);
	ck_assert_int_eq(fx.eps[0].now, CALL_S1);
	ck_assert_uint_eq(fx.log[fx.nr_log - 1].sid, 0x130);
	forget();
	issue(sid_cmd(CMD_CFGI_CD, 0x100), 0);
	ck_assert_uint_eq(fx.nr_cmds, 0);
	issue(sid_cmd(CMD_CFGI_CD, 0x130), 0);
	ck_assert_uint_eq(fx.nr_cmds, 1);
}
END_TEST

/* ... but an STE that is withdrawn is so for whoever uses it still. */
START_TEST(test_withdrawn_after_renumbering)
{
	put_ste(0x100, ste_s1(CDTAB), 0);
	enable_smmu();
	ck_assert_int_eq(fx.eps[0].now, CALL_S1);
	fx.eps[0].rid = 0x130;
	forget();
	put_ste(0x100, 0, 0);
	cfgi_ste(0x100);
	ck_assert_int_eq(fx.eps[0].now, CALL_ABORT);
	ck_assert_uint_eq(nr_events(), 0);
	put_ste(0x130, ste_s1(CDTAB), 0);
	cfgi_ste(0x130);
	ck_assert_int_eq(fx.eps[0].now, CALL_S1);
	ck_assert_uint_eq(fx.log[fx.nr_log - 1].sid, 0x130);
}
END_TEST

/* CFGI_STE also drops cached CDs (4.3.1): an unchanged stream needs that from the host. */
START_TEST(test_unchanged_ste_drops_cds)
{
	put_ste(0x100, ste_s1(CDTAB), 0);
	enable_smmu();
	forget();
	cfgi_ste(0x100);
	ck_assert_uint_eq(count(CALL_S1), 0);
	ck_assert_uint_eq(fx.nr_cmds, 1);
	ck_assert_uint_eq(fx.cmds[0].dw[0], sid_cmd(CMD_CFGI_CD_ALL, 0x100));
	/* refused: not forgotten */
	fx.fail[CALL_INVALIDATE] = 2;
	issue(sid_cmd(CMD_CFGI_STE, 0x100), 1);
	ck_assert(gerror_has(GERROR_CMDQ));
	ck_assert_uint_eq(cmdq_err(), CERROR_ABT);
	gerror_ack();
	ck_assert(gerror_has(GERROR_CMDQ));
	forget();
	gerror_ack();
	ck_assert(!gerror_has(GERROR_CMDQ));
	ck_assert_uint_eq(fx.nr_cmds, 1);
}
END_TEST

/* A thousand CFGI_ALL in one run look at the tables once per sync. */
START_TEST(test_invalidations_are_settled_once)
{
	uint32_t prod = rd32(SMMU_CMDQ_PROD);

	put_ste(0x100, ste_s1(CDTAB), 0);
	enable_smmu();
	forget();
	put_ste(0x100, ste_s1(CDTAB + 0x1000), 0);
	for (unsigned i = 0; i < 200; i++)
		prod = queue_cmd(prod, CMD_CFGI_STE_RANGE, CFGI_RANGE_ALL);
	wr32(SMMU_CMDQ_PROD, prod);
	ck_assert_uint_eq(fx.nr_log, 1);
	ck_assert_int_eq(fx.log[0].call, CALL_S1);
}
END_TEST

/* When the host's SMMU can stall, stalls are forbidden in the STE that it gets. */
START_TEST(test_s1stalld)
{
	struct smmu_host_caps host = host_usual();
	uint32_t model = (uint32_t)_i;

	teardown();
	host.idr[0] = (host.idr[0] & ~IDR0_STALL_MODEL) | field_prep32(IDR0_STALL_MODEL, model);
	setup_host(host);
	add_endpoint(0, 0x100);
	start_queues(8);
	put_ste(0x100, ste_s1(CDTAB), 0);
	enable_smmu();
	ck_assert_int_eq(fx.eps[0].now, CALL_S1);
	ck_assert_uint_eq(fx.log[fx.nr_log - 1].ste[1], model == 0 ? STE1_S1STALLD : 0);
}
END_TEST

/* What the guest is told of its own tables. */
START_TEST(test_bad_ste_events)
{
	ask(W_INVALID); /* V = 0 on the way through */
	ck_assert_uint_eq(nr_events(), 0);
	ask(W_ABORT);
	ck_assert_uint_eq(nr_events(), 0);
	ask(W_BAD);
	/* once when it is found, once more because the guest names it */
	ck_assert_uint_eq(event_at(0).dw[0], EVT_C_BAD_STE | UINT64_C(0x100) << 32);
	ck_assert_uint_eq(nr_events(), 1);
	cfgi_all();
	ck_assert_uint_eq(nr_events(), 1);
	cfgi_ste(0x100);
	ck_assert_uint_eq(nr_events(), 2);
	ask(W_S1_A);
	ck_assert_uint_eq(nr_events(), 2);
}
END_TEST

START_TEST(test_bad_streamid_events)
{
	fx.eps[0].rid = 0x200; /* the table has 2^9 entries */
	enable_smmu();
	ck_assert_int_eq(fx.eps[0].now, CALL_ABORT);
	cfgi_all();
	ck_assert_uint_eq(nr_events(), 0); /* streams nobody prepared are no error before they are used */
	cfgi_ste(0x200);
	ck_assert_uint_eq(nr_events(), 1);
	ck_assert_uint_eq(event_at(0).dw[0], EVT_C_BAD_STREAMID | UINT64_C(0x200) << 32);
	/* RECINVSID = 0: not recorded */
	wr32(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN);
	wr32(SMMU_CR2, 0);
	enable_smmu();
	cfgi_ste(0x200);
	ck_assert_uint_eq(nr_events(), 1);
}
END_TEST

START_TEST(test_table_outside_ram)
{
	wr64(SMMU_STRTAB_BASE, OUTSIDE);
	enable_smmu();
	ck_assert_int_eq(fx.eps[0].now, CALL_ABORT);
	ck_assert_uint_eq(nr_events(), 1);
	ck_assert_uint_eq(event_at(0).dw[0], EVT_F_STE_FETCH | UINT64_C(0x100) << 32);
	ck_assert_uint_eq(event_at(0).dw[3], OUTSIDE + 0x100 * 64);
	/* the queue still works, the guest can mend it */
	wr32(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN);
	wr64(SMMU_STRTAB_BASE, STRTAB);
	put_ste(0x100, ste_s1(CDTAB), 0);
	enable_smmu();
	ck_assert_int_eq(fx.eps[0].now, CALL_S1);
}
END_TEST

/* A CD outside RAM: the host's fault would stay in the host's log. */
START_TEST(test_cd_outside_ram)
{
	uint64_t l1cd = CDTAB;

	put_ste(0x100, ste_s1(OUTSIDE), 0);
	enable_smmu();
	ck_assert_int_eq(fx.eps[0].now, CALL_ABORT);
	ck_assert_uint_eq(nr_events(), 1);
	ck_assert_uint_eq(event_at(0).dw[0], EVT_F_CD_FETCH | UINT64_C(0x100) << 32);
	ck_assert_uint_eq(event_at(0).dw[3], OUTSIDE);
	/* a table whose first leaf is outside; mended with CFGI_CD alone */
	put64(l1cd, OUTSIDE | L1CD_V);
	put_ste(0x100, ste_s1(l1cd) | field_prep(STE0_S1CDMAX, 10) | field_prep(STE0_S1FMT, 2), STE_S1DSS_SSID0);
	cfgi_ste(0x100);
	ck_assert_int_eq(fx.eps[0].now, CALL_ABORT);
	put64(l1cd, (CDTAB + 0x10000) | L1CD_V);
	issue(sid_cmd(CMD_CFGI_CD, 0x100), 0);
	ck_assert_int_eq(fx.eps[0].now, CALL_S1);
	/* an L1CD that is not valid yet is the hardware's to report, if it is ever used */
	put64(l1cd, 0);
	cfgi_ste(0x100);
	ck_assert_int_eq(fx.eps[0].now, CALL_S1);
}
END_TEST

/* Without a use for CD 0 its place does not matter. */
START_TEST(test_cd0_unused)
{
	put_ste(0x100, ste_s1(OUTSIDE) | field_prep(STE0_S1CDMAX, 4), STE_S1DSS_BYPASS);
	enable_smmu();
	ck_assert_int_eq(fx.eps[0].now, CALL_S1);
}
END_TEST

/* Guest reset: registers, queue state, and all endpoints back to bypass. */
START_TEST(test_guest_reset)
{
	struct device *dev = smmu_device(fx.smmu);

	add_endpoint(1, 0x101);
	put_ste(0x100, ste_s1(CDTAB), 0);
	enable_smmu();
	issue(0xff, 0);
	ck_assert(gerror_has(GERROR_CMDQ));
	ck_assert_int_eq(dev->class->reset(dev), 0);
	ck_assert_uint_eq(rd32(SMMU_CR0), 0);
	ck_assert_uint_eq(rd32(SMMU_GERROR), 0);
	ck_assert_uint_eq(rd32(SMMU_CMDQ_PROD), 0);
	ck_assert_int_eq(fx.eps[0].now, CALL_BYPASS);
	ck_assert_int_eq(fx.eps[1].now, CALL_BYPASS);
	/* the next guest starts over */
	start_queues(8);
	enable_smmu();
	ck_assert_int_eq(fx.eps[0].now, CALL_S1);
	/* a failure is reported, and blocks */
	fx.fail[CALL_BYPASS] = 1;
	ck_assert_int_eq(dev->class->reset(dev), -EIO);
	ck_assert_int_eq(fx.eps[0].now, CALL_ABORT);
	ck_assert_int_eq(fx.eps[1].now, CALL_BYPASS);
}
END_TEST

/* The sequence of arm_smmu_device_reset() and of a device's attach in Linux. */
START_TEST(test_linux_sequence)
{
	wr32(SMMU_CR0, 0);
	wr32(SMMU_CR1, 0xd75);
	wr32(SMMU_CR2, CR2_PTM | CR2_RECINVSID);
	wr64(SMMU_STRTAB_BASE, STRTAB | STRTAB_BASE_RA);
	wr32(SMMU_STRTAB_BASE_CFG, 16 | 8u << 6 | 1u << 16);
	wr64(SMMU_CMDQ_BASE, CMDQ | 10 | QUEUE_BASE_HINT);
	wr32(SMMU_CMDQ_PROD, 0);
	wr32(SMMU_CMDQ_CONS, 0);
	wr32(SMMU_CR0, CR0_CMDQEN);
	ck_assert_uint_eq(rd32(SMMU_CR0ACK), CR0_CMDQEN);
	cfgi_all();
	issue(CMD_TLBI_NSNH_ALL, 0);
	issue(CMD_SYNC | 1u << 12, CMDQ + 3 * 16);
	wr32(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN);
	wr32(SMMU_IRQ_CTRL, IRQ_CTRL_EVENTQ | IRQ_CTRL_GERROR);
	wr32(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN | CR0_SMMUEN);
	/* no level 2 table yet: abort, silently */
	ck_assert_int_eq(fx.eps[0].now, CALL_ABORT);
	ck_assert_uint_eq(nr_events(), 0);
	/* level 2 table, STE in steps: abort, V = 0, then the real one */
	put64(STRTAB + 8, L2TAB | 9);
	forget();
	put64(L2TAB, STE0_V);
	cfgi_ste(0x100);
	put64(L2TAB, 0);
	cfgi_ste(0x100);
	ck_assert_uint_eq(count(CALL_ABORT) + count(CALL_S1) + count(CALL_BYPASS), 0);
	put64(L2TAB + 8, UINT64_C(0x54) | UINT64_C(1) << 44); /* with SHCFG, which the kernel does not take */
	put64(L2TAB, ste_s1(CDTAB));
	cfgi_ste(0x100);
	ck_assert_int_eq(fx.eps[0].now, CALL_S1);
	ck_assert_uint_eq(fx.log[fx.nr_log - 1].ste[0], ste_s1(CDTAB));
	ck_assert_uint_eq(fx.log[fx.nr_log - 1].ste[1], 0x54);
	ck_assert_uint_eq(nr_events(), 0);
	ck_assert_uint_eq(rd32(SMMU_GERROR), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-endpoint");
	TCase *tc = tcase_create("endpoint");

	tcase_add_checked_fixture(tc, setup_queues, teardown);
	tcase_add_loop_test(tc, test_transitions, 0, W_COUNT * W_COUNT);
	tcase_add_loop_test(tc, test_failures, 0, W_COUNT * 2);
	tcase_add_test(tc, test_s1_failure_is_a_bad_ste);
	tcase_add_test(tc, test_failed_change_forgets_the_stream);
	tcase_add_test(tc, test_add_endpoint_follows_state);
	tcase_add_test(tc, test_endpoint_cap);
	tcase_add_test(tc, test_gbpa);
	tcase_add_loop_test(tc, test_cfgi_scope, 0, N_SCOPES);
	tcase_add_test(tc, test_renumbering);
	tcase_add_test(tc, test_withdrawn_after_renumbering);
	tcase_add_test(tc, test_unchanged_ste_drops_cds);
	tcase_add_test(tc, test_invalidations_are_settled_once);
	tcase_add_loop_test(tc, test_s1stalld, 0, 4);
	tcase_add_test(tc, test_bad_ste_events);
	tcase_add_test(tc, test_bad_streamid_events);
	tcase_add_test(tc, test_table_outside_ram);
	tcase_add_test(tc, test_cd_outside_ram);
	tcase_add_test(tc, test_cd0_unused);
	tcase_add_test(tc, test_guest_reset);
	tcase_add_test(tc, test_linux_sequence);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

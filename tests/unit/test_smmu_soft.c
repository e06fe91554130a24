/* SPDX-License-Identifier: Apache-2.0 */
/* Emulated endpoints: what each configuration does with a transaction, and what is cached until which command. */
#include <check.h>

#include "smmu_soft_fixture.h"
#include "run_suite.h"

#define VA 0x123000u

static struct tables t;

/* Stream 0x10 at stage 1: VA goes to DATA. */
static void setup_s1(void)
{
	setup_soft();
	t = new_tables(12, 39);
	map_page(&t, VA, DATA, LEAF_S1);
	stream_s1(0x10, 0, 1, 5, &t);
	start();
}

/* 6.3.9, 6.3.14: SMMUEN = 0, by GBPA; no events. */
START_TEST(test_disabled)
{
	uint64_t pa;

	start_queues(8);
	ck_assert_uint_eq(pa_of(0, 0x1234), 0x1234);
	ck_assert_int_eq(xlate(0, 7, 0x1234, DMA_WRITE, &pa), 0);
	ck_assert_int_eq(xlate(0, DMA_NO_PASID, BIT64(48) - 1, DMA_READ, &pa), 0);
	ck_assert_int_eq(xlate(0, DMA_NO_PASID, BIT64(48), DMA_READ, &pa), -EFAULT);
	wr32(SMMU_GBPA, GBPA_UPDATE | GBPA_ABORT);
	ck_assert_uint_eq(soft[0].invalidated, 1);
	ck_assert_int_eq(xlate(0, DMA_NO_PASID, 0x1234, DMA_READ, &pa), -EFAULT);
	/* IDR1.ATTR_PERMS_OVR offers the fields that override attributes. */
	wr32(SMMU_GBPA, UINT32_MAX);
	ck_assert_uint_eq(rd32(SMMU_GBPA), GBPA_ABORT | GBPA_INSTCFG | GBPA_PRIVCFG | GBPA_SHCFG);
	wr32(SMMU_GBPA, GBPA_UPDATE);
	ck_assert_uint_eq(soft[0].invalidated, 3);
	ck_assert_uint_eq(pa_of(0, 0x1234), 0x1234);
	enable_smmu();
	ck_assert_uint_eq(soft[0].invalidated, 4);
	ck_assert_uint_eq(nr_events(), 0);
}
END_TEST

/* 5.2, Config. A bypass is one translation for everything. */
START_TEST(test_config_abort_and_bypass)
{
	struct dma_target target;
	uint64_t pa;

	start();
	put_ste(0x10, ste_cfg(STE_CFG_BYPASS), 0);
	put_ste(0x11, ste_cfg(STE_CFG_ABORT), 0);
	ck_assert_int_eq(dma_translate(&soft[0].space, DMA_NO_PASID, 0x1234, DMA_READ, &target), 0);
	ck_assert_uint_eq(target.iovas.first, 0);
	ck_assert_uint_eq(target.iovas.last, BIT64(48) - 1);
	ck_assert_uint_eq(target.pa.v, 0);
	ck_assert_uint_eq(target.perms, DMA_READ | DMA_WRITE | DMA_EXEC);
	ck_assert_int_eq(xlate(1, DMA_NO_PASID, 0x1234, DMA_READ, &pa), -EFAULT);
	ck_assert_uint_eq(nr_events(), 0);
	/* 3.4: beyond OAS */
	ck_assert_int_eq(xlate(0, DMA_NO_PASID, BIT64(48), DMA_READ, &pa), -EFAULT);
	ck_assert_uint_eq(nr_events(), 1);
	ck_assert_uint_eq(field_get(EVT0_ID, event_at(0).dw[0]), EVT_F_ADDR_SIZE);
}
END_TEST

START_TEST(test_stage_1)
{
	struct dma_target target;

	ck_assert_int_eq(dma_translate(&soft[0].space, DMA_NO_PASID, VA + 0x10, DMA_READ, &target), 0);
	ck_assert_uint_eq(target.iovas.first, VA);
	ck_assert_uint_eq(target.iovas.last, VA + 0xfff);
	ck_assert_uint_eq(target.pa.v, DATA);
	ck_assert_uint_eq(target.perms, DMA_READ | DMA_WRITE | DMA_EXEC);
	ck_assert_uint_eq(pa_of(0, VA + 0x1000), 0);
	ck_assert_uint_eq(nr_events(), 1);
}
END_TEST

/* Every granule and leaf. */
static const struct leaf_case {
	unsigned page_bits, level, size_bits;
} leaves[] = {{12, 3, 12}, {12, 2, 21}, {12, 1, 30}, {14, 3, 14}, {14, 2, 25}, {16, 3, 16}, {16, 2, 29}};

START_TEST(test_leaf_sizes)
{
	const struct leaf_case *c = &leaves[_i];
	uint64_t mask = BIT64(c->size_bits) - 1, iova = (UINT64_C(3) << c->size_bits) + 0x1234;
	struct dma_target target;

	t = new_tables(c->page_bits, 39);
	map_at(&t, iova & ~mask, UINT64_C(1) << 40, c->level, LEAF_S1);
	stream_s1(0x10, 0, 1, 5, &t);
	start();
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(dma_translate(&soft[0].space, DMA_NO_PASID, iova, RW, &target), 0);
		ck_assert_uint_eq(target.iovas.first, iova & ~mask);
		ck_assert_uint_eq(target.iovas.last, iova | mask);
		ck_assert_uint_eq(target.pa.v, UINT64_C(1) << 40);
	}
	ck_assert_uint_eq(fx.smmu->tlb.used, 1);
	ck_assert_uint_eq(fx.smmu->tlb.entries[0].level, c->level);
	ck_assert_uint_eq(fx.smmu->tlb.entries[0].page_bits, c->page_bits);
}
END_TEST

START_TEST(test_stage_2_and_nested)
{
	struct tables s2 = identity_s2(), s1 = new_tables(12, 39);
	uint64_t pa;

	map_page(&s2, 0x5000, DATA, LEAF_S2);
	map_page(&s1, VA, 0x5000, LEAF_S1);
	stream_s2(0x10, 3, &s2);
	stream_nested(0x11, 1, 3, 5, &s1, &s2);
	start();
	ck_assert_uint_eq(pa_of(0, 0x5008), DATA + 8);
	ck_assert_uint_eq(pa_of(1, VA + 8), DATA + 8);
	/* 7.3.9: substreams are a matter of stage 1 */
	ck_assert_int_eq(xlate(0, 0, 0x5008, DMA_READ, &pa), -EFAULT);
	ck_assert_uint_eq(field_get(EVT0_ID, event_at(0).dw[0]), EVT_C_BAD_SUBSTREAMID);
}
END_TEST

/* 5.2: S1DSS, S1CDMax and the substream of a transaction; with and without stage 2. */
static const struct dss_case {
	unsigned dss, cdmax;
	uint32_t pasid;
	enum smmu_event_id event;
	unsigned cd; /* of which page; 9: bypass */
} dss[] = {
	{STE_S1DSS_TERMINATE, 2, DMA_NO_PASID, EVT_F_STREAM_DISABLED, 0},
	{STE_S1DSS_TERMINATE, 2, 0, EVT_NONE, 0},
	{STE_S1DSS_TERMINATE, 2, 1, EVT_NONE, 1},
	{STE_S1DSS_BYPASS, 2, DMA_NO_PASID, EVT_NONE, 9},
	{STE_S1DSS_BYPASS, 2, 0, EVT_NONE, 0},
	{STE_S1DSS_BYPASS, 2, 1, EVT_NONE, 1},
	{STE_S1DSS_SSID0, 2, DMA_NO_PASID, EVT_NONE, 0},
	{STE_S1DSS_SSID0, 2, 0, EVT_F_STREAM_DISABLED, 0},
	{STE_S1DSS_SSID0, 2, 1, EVT_NONE, 1},
	{3, 2, DMA_NO_PASID, EVT_F_STREAM_DISABLED, 0},
	{STE_S1DSS_SSID0, 2, 4, EVT_C_BAD_SUBSTREAMID, 0},
	{STE_S1DSS_SSID0, 2, 3, EVT_C_BAD_CD, 0},
	{STE_S1DSS_TERMINATE, 0, DMA_NO_PASID, EVT_NONE, 0},
	{STE_S1DSS_BYPASS, 0, 0, EVT_C_BAD_SUBSTREAMID, 0},
	{STE_S1DSS_BYPASS, 0, 1, EVT_C_BAD_SUBSTREAMID, 0},
};

START_TEST(test_substreams)
{
	const struct dss_case *c = &dss[_i % (int)ARRAY_LEN(dss)];
	bool nested = _i >= (int)ARRAY_LEN(dss);
	struct tables s2 = {0}, cds[2];
	uint64_t cfg = nested ? STE_CFG_NESTED : STE_CFG_S1, pa;
	uint64_t want = c->event | UINT64_C(0x10) << 32;
	int err;

	if (nested)
		s2 = identity_s2();
	for (unsigned i = 0; i < 2; i++) {
		cds[i] = new_tables(12, 39);
		map_page(&cds[i], RAM_BASE + 0x1000, DATA + i * 0x1000, LEAF_S1);
		put_cd(CDTAB + i * CD_SIZE, (uint16_t)(5 + i), &cds[i], 0);
	}
	put_ste_words(0x10, ste_cfg(cfg) | CDTAB | field_prep(STE0_S1CDMAX, c->cdmax), field_prep(STE1_S1DSS, c->dss),
		      nested ? ste2(&s2, 3) : 0, s2.root);
	start();
	err = xlate(0, c->pasid, RAM_BASE + 0x1000, RW, &pa);
	ck_assert_int_eq(err, c->event ? -EFAULT : 0);
	ck_assert_uint_eq(nr_events(), c->event != EVT_NONE);
	if (!c->event) {
		ck_assert_uint_eq(pa, c->cd == 9 ? RAM_BASE + 0x1000 : DATA + c->cd * 0x1000);
		return;
	}
	/* 7.3.7 names the stream alone; 7.3.9 has no bit that says that there is a SubstreamID. */
	if (c->event != EVT_F_STREAM_DISABLED && c->pasid != DMA_NO_PASID)
		want |= (c->event == EVT_C_BAD_SUBSTREAMID ? 0 : EVT0_SSV) | (uint64_t)c->pasid << 12;
	ck_assert_uint_eq(event_at(0).dw[0], want);
	ck_assert_uint_eq(event_at(0).dw[1] | event_at(0).dw[2] | event_at(0).dw[3], 0);
}
END_TEST

/* 5.3: two-level CD tables of both leaf sizes. */
START_TEST(test_cd_tables)
{
	uint64_t fmt = _i ? STE_S1FMT_64K_L2 : STE_S1FMT_4K_L2, l2 = RAM_BASE + 0x210000, pa;
	uint32_t per_leaf = _i ? 1024 : 64, ssid = per_leaf + 3;

	t = new_tables(12, 39);
	map_page(&t, VA, DATA, LEAF_S1);
	put64(CDTAB + L1CD_SIZE, l2 | L1CD_V);
	put_cd(l2 + 3 * CD_SIZE, 7, &t, 0);
	put_ste_words(0x10, ste_cfg(STE_CFG_S1) | CDTAB | field_prep(STE0_S1FMT, fmt) | field_prep(STE0_S1CDMAX, 12), 0,
		      0, 0);
	start();
	ck_assert_int_eq(xlate(0, ssid, VA, DMA_READ, &pa), 0);
	ck_assert_uint_eq(pa, DATA);
	ck_assert_int_eq(xlate(0, 3, VA, DMA_READ, &pa), -EFAULT);
	ck_assert_uint_eq(event_at(0).dw[0], EVT_C_BAD_SUBSTREAMID | 3u << 12 | UINT64_C(0x10) << 32);
	ck_assert_uint_eq(fx.smmu->tlb.entries[0].tag.asid, 7);
}
END_TEST

/* 3.21.3: a changed STE or CD is seen after its invalidation, not before; a device's own cache likewise. */
static const struct cfgi_case {
	bool cd; /* the CD is what changed */
	uint64_t dw0, dw1;
	bool seen;
} cfgi[] = {
	{false, CMD_SYNC, 0, false},
	{false, CMD_CFGI_STE | UINT64_C(0x10) << 32, 1, true},
	{false, CMD_CFGI_STE | UINT64_C(0x11) << 32, 1, false},
	{false, CMD_CFGI_STE_RANGE | UINT64_C(0x1f) << 32, 3, true},
	{false, CMD_CFGI_STE_RANGE | UINT64_C(0x1f) << 32, 2, false},
	{false, CMD_CFGI_STE_RANGE, 31, true},
	{false, CMD_CFGI_CD_ALL | UINT64_C(0x10) << 32, 0, false},
	{false, CMD_TLBI_NSNH_ALL, 0, false},
	{false, CMD_TLBI_EL2_ALL, 0, false},
	{true, CMD_SYNC, 0, false},
	{true, CMD_CFGI_CD | UINT64_C(0x10) << 32, 1, true},
	{true, CMD_CFGI_CD | UINT64_C(0x10) << 32 | 1u << 12, 1, false},
	{true, CMD_CFGI_CD | UINT64_C(0x11) << 32, 1, false},
	{true, CMD_CFGI_CD_ALL | UINT64_C(0x10) << 32, 0, true},
	{true, CMD_CFGI_CD_ALL | UINT64_C(0x11) << 32, 0, false},
	{true, CMD_CFGI_STE | UINT64_C(0x10) << 32, 0, true},
	{true, CMD_CFGI_STE_RANGE, 31, true},
	{true, CMD_TLBI_NSNH_ALL, 0, false},
};

START_TEST(test_configuration_cache)
{
	const struct cfgi_case *c = &cfgi[_i];
	struct tables other = new_tables(12, 39);
	uint64_t value = 0;

	put64(DATA, 1);
	put64(DATA2, 2);
	map_page(&other, VA, DATA2, LEAF_S1);
	ck_assert_int_eq(dma_read(&soft[0].user, VA, &value, sizeof(value)), 0);
	ck_assert_uint_eq(value, 1);
	/* the new tables have an ASID of their own, so that no TLBI is due */
	if (c->cd)
		put_cd(CDTAB, 6, &other, 0);
	else
		stream_s1(0x10, 1, 1, 6, &other);
	issue_sync(c->dw0, c->dw1);
	ck_assert_uint_eq(cmdq_err(), 0);
	ck_assert_uint_eq(pa_of(0, VA), c->seen ? DATA2 : DATA);
	ck_assert_int_eq(dma_read(&soft[0].user, VA, &value, sizeof(value)), 0);
	ck_assert_uint_eq(value, c->seen ? 2 : 1);
}
END_TEST

/* What is invalid is cached too; what could not be fetched is not. */
START_TEST(test_configuration_cache_of_errors)
{
	put_ste(0x11, 0, 0);
	ck_assert_uint_eq(pa_of(1, VA), 0);
	stream_s1(0x11, 0, 1, 5, &t);
	ck_assert_uint_eq(pa_of(1, VA), 0);
	issue_sync(sid_cmd(CMD_CFGI_STE, 0x11), 1);
	ck_assert_uint_eq(pa_of(1, VA), DATA);
	put_ste(0x11, ste_s1(OUTSIDE), 0);
	issue_sync(sid_cmd(CMD_CFGI_STE, 0x11), 1);
	ck_assert_uint_eq(pa_of(1, VA), 0);
	ck_assert_uint_eq(field_get(EVT0_ID, event_at(0).dw[0]), EVT_C_BAD_STE);
	ck_assert_uint_eq(field_get(EVT0_ID, event_at(1).dw[0]), EVT_C_BAD_STE);
	ck_assert_uint_eq(field_get(EVT0_ID, event_at(2).dw[0]), EVT_F_CD_FETCH);
	ck_assert_uint_eq(event_at(2).dw[3], OUTSIDE);
	ck_assert_uint_eq(nr_events(), 3);
}
END_TEST

/* SMMUEN off and on reads everything again; the guest renumbers its bus; a reset forgets all. */
START_TEST(test_configuration_cache_other_ends)
{
	struct smmu_fault fault;
	uint64_t pa;

	ck_assert_uint_eq(pa_of(0, VA), DATA);
	put_ste(0x10, ste_cfg(STE_CFG_ABORT), 0);
	ck_assert_uint_eq(pa_of(0, VA), DATA);
	wr32(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN);
	enable_smmu();
	ck_assert_uint_eq(pa_of(0, VA), 0);
	ck_assert_uint_eq(nr_events(), 0);
	stream_s1(0x20, 0, 1, 5, &t);
	soft[0].rid = 0x20;
	ck_assert_uint_eq(pa_of(0, VA), DATA);
	ck_assert_int_eq(smmu_cached_ste(fx.smmu, &fx.smmu->soft[0], 0x20, &fault), EVT_NONE);
	smmu_device(fx.smmu)->class->reset(smmu_device(fx.smmu));
	ck_assert_uint_eq(fx.smmu->tlb.used, 0);
	ck_assert(!fx.smmu->soft[0].cached);
	ck_assert_int_eq(xlate(0, DMA_NO_PASID, 0x77, DMA_WRITE, &pa), 0);
	ck_assert_uint_eq(pa, 0x77);
}
END_TEST

/* 5.2 PRIVCFG and INSTCFG; the permissions that a device is told are those of its own kinds of access. */
START_TEST(test_overrides)
{
	static const struct {
		uint64_t priv, inst;
		unsigned access;
		int err;
		unsigned perms;
	} cases[] = {
		/* a page of privileged code and data, not executable by others */
		{0, 0, DMA_READ, -EFAULT, 0},
		{0, 0, DMA_READ | DMA_PRIV, 0, DMA_READ | DMA_WRITE | DMA_EXEC},
		{STE_CFG_ON, 0, DMA_READ, 0, DMA_READ | DMA_WRITE | DMA_EXEC},
		{STE_CFG_OFF, 0, DMA_READ | DMA_PRIV, -EFAULT, 0},
		{0, STE_CFG_ON, DMA_READ, 0, DMA_READ | DMA_EXEC},
		{0, STE_CFG_ON, DMA_WRITE, -EFAULT, 0},
		{0, STE_CFG_OFF, DMA_READ | DMA_EXEC, -EFAULT, 0},
	};
	struct dma_target target;

	/* unprivileged: execute only; privileged: all */
	map_page(&t, VA, DATA, PT_AF | PT_S1_NG | 3u << 8);
	put_ste_words(0x10, ste_s1(CDTAB),
		      field_prep(STE1_PRIVCFG, cases[_i].priv) | field_prep(STE1_INSTCFG, cases[_i].inst), 0, 0);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(dma_translate(&soft[0].space, DMA_NO_PASID, VA, cases[_i].access, &target),
				 cases[_i].err);
		if (!cases[_i].err)
			ck_assert_uint_eq(target.perms, cases[_i].perms);
	}
}
END_TEST

START_TEST(test_too_many_endpoints)
{
	struct dma_space space;
	struct viommu_endpoint ep = soft[0].ep;

	while (fx.smmu->nr_soft < SMMU_MAX_ENDPOINTS)
		fx.smmu->soft[fx.smmu->nr_soft++] = fx.smmu->soft[0];
	dma_space_init(&space, "more", &fx.mem, &fx.bus);
	ck_assert_int_eq(smmu_add_emulated(fx.smmu, &ep, &space), -ENOSPC);
	ck_assert_ptr_null(space.translator);
	/* nothing is host-backed here */
	ck_assert_int_eq(smmu_add_endpoint(fx.smmu, &ep, NULL), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-soft");
	TCase *plain = tcase_create("plain"), *tc = tcase_create("stage-1");

	tcase_add_checked_fixture(plain, setup_soft, teardown);
	tcase_add_test(plain, test_disabled);
	tcase_add_test(plain, test_config_abort_and_bypass);
	tcase_add_loop_test(plain, test_leaf_sizes, 0, ARRAY_LEN(leaves));
	tcase_add_test(plain, test_stage_2_and_nested);
	tcase_add_loop_test(plain, test_substreams, 0, 2 * ARRAY_LEN(dss));
	tcase_add_loop_test(plain, test_cd_tables, 0, 2);
	tcase_add_test(plain, test_too_many_endpoints);
	suite_add_tcase(s, plain);
	tcase_add_checked_fixture(tc, setup_s1, teardown);
	tcase_add_test(tc, test_stage_1);
	tcase_add_loop_test(tc, test_configuration_cache, 0, ARRAY_LEN(cfgi));
	tcase_add_test(tc, test_configuration_cache_of_errors);
	tcase_add_test(tc, test_configuration_cache_other_ends);
	tcase_add_loop_test(tc, test_overrides, 0, 7);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

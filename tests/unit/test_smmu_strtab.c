/* SPDX-License-Identifier: Apache-2.0 */
/* Stream table walk, STE decoding, CD lookup: pure functions over real guest memory. */
#include <check.h>

#include "smmu_fixture.h"
#include "run_suite.h"

static struct gmem mem;
static uint32_t idr[6];
static struct smmu_ste ste;
static struct smmu_stream stream;
static uint64_t addr;

static void fresh(void)
{
	struct smmu_host_caps host = host_usual();

	log_set_sink(drop_log, NULL);
	gmem_init(&mem);
	ck_assert_int_eq(gmem_add(&mem, gpa(RAM_BASE), RAM_SIZE, GMEM_PAGES_NORMAL), 0);
	ck_assert_int_eq(smmu_id_init(idr, &host, false, "smmu0"), 0);
	memset(&ste, 0, sizeof(ste));
}

static void done(void)
{
	gmem_fini(&mem);
}

static void mput64(uint64_t at, uint64_t value)
{
	ck_assert_int_eq(gmem_write(&mem, gpa(at), &value, sizeof(value)), 0);
}

static enum smmu_event_id fetch(uint64_t base, uint32_t cfg, uint32_t sid)
{
	struct smmu_strtab tab = {base, cfg};

	return smmu_strtab_fetch(&mem, &tab, sid, &ste, &addr);
}

static uint32_t cfg_2level(uint32_t log2size, uint32_t split)
{
	return log2size | field_prep32(STRTAB_CFG_SPLIT, split) | field_prep32(STRTAB_CFG_FMT, STRTAB_FMT_2LEVEL);
}

/* Linear table of each size: the last StreamID is in, the next is out. */
START_TEST(test_linear_sizes)
{
	uint32_t n = (uint32_t)_i;
	uint64_t base = n <= 9 ? RAM_BASE : 0;

	if (n <= 9) {
		mput64(RAM_BASE + ((UINT64_C(1) << n) - 1) * 64, 0x1234);
		ck_assert_int_eq(fetch(base, n, (1u << n) - 1), EVT_NONE);
		ck_assert_uint_eq(ste.dw[0], 0x1234);
		ck_assert_uint_eq(addr, RAM_BASE + ((UINT64_C(1) << n) - 1) * 64);
	}
	if (n < 32) {
		ck_assert_int_eq(fetch(base, n, UINT32_C(1) << n), EVT_C_BAD_STREAMID);
		ck_assert_int_eq(fetch(base, n, UINT32_MAX), EVT_C_BAD_STREAMID);
	}
}
END_TEST

/* The base is aligned to the table size by the literal LOG2SIZE, up to where nothing of it remains. */
START_TEST(test_linear_alignment)
{
	uint32_t n = (uint32_t)_i;
	uint64_t mask = n + 6 >= 64 ? 0 : ~((UINT64_C(1) << (n + 6)) - 1);

	fetch(UINT64_C(0xfffffffffffc0), n, 0);
	ck_assert_uint_eq(addr, UINT64_C(0xfffffffffffc0) & mask);
}
END_TEST

START_TEST(test_linear_outside_ram)
{
	mput64(RAM_BASE + RAM_SIZE - 64, 7);
	ck_assert_int_eq(fetch(OUTSIDE, 4, 3), EVT_F_STE_FETCH);
	ck_assert_uint_eq(addr, OUTSIDE + 3 * 64);
	ck_assert_int_eq(fetch(RAM_BASE + RAM_SIZE - 1024, 4, 15), EVT_NONE);
	ck_assert_uint_eq(ste.dw[0], 7);
	ck_assert_int_eq(fetch(RAM_BASE + RAM_SIZE, 4, 0), EVT_F_STE_FETCH);
	ck_assert_int_eq(fetch(0, 4, 0), EVT_F_STE_FETCH);
	ck_assert_uint_eq(ste.dw[0], 0);
}
END_TEST

/* FMT 0b10 and 0b11 behave as linear. */
START_TEST(test_reserved_formats)
{
	mput64(RAM_BASE + 5 * 64, 99);
	for (uint32_t fmt = 0; fmt < 4; fmt++) {
		if (fmt == STRTAB_FMT_2LEVEL)
			continue;
		ck_assert_int_eq(fetch(RAM_BASE, 4 | field_prep32(STRTAB_CFG_FMT, fmt), 5), EVT_NONE);
		ck_assert_uint_eq(ste.dw[0], 99);
	}
}
END_TEST

/* Each value of SPLIT: 8 and 10 mean themselves, everything else 6. */
START_TEST(test_splits)
{
	uint32_t split = (uint32_t)_i, eff = split == 8 || split == 10 ? split : 6;
	uint32_t sid = (3u << eff) | 5;

	mput64(STRTAB + 3 * 8, L2TAB | (eff + 1));
	mput64(L2TAB + 5 * 64, 42);
	ck_assert_int_eq(fetch(STRTAB, cfg_2level(16, split), sid), EVT_NONE);
	ck_assert_uint_eq(ste.dw[0], 42);
	ck_assert_uint_eq(addr, L2TAB + 5 * 64);
}
END_TEST

/* Each Span against each legal SPLIT: the level 2 table has 2^(Span - 1) entries, aligned to its size. */
START_TEST(test_spans)
{
	static const uint32_t splits[] = {6, 8, 10};
	uint32_t span = (uint32_t)_i;

	for (unsigned i = 0; i < 3; i++) {
		uint32_t split = splits[i], entries = span >= 1 && span <= 11 ? 1u << (span - 1) : 0;
		bool valid = entries && span <= split + 1;
		/* the pointer's low bits are set on purpose: they are taken as 0 */
		uint64_t l2 = L2TAB | (entries ? ((uint64_t)entries * 64 - 1) & ~UINT64_C(63) : 0);

		mput64(STRTAB, l2 | span);
		if (!valid) {
			ck_assert_int_eq(fetch(STRTAB, cfg_2level(16, split), 0), EVT_C_BAD_STREAMID);
			continue;
		}
		mput64(L2TAB + (uint64_t)(entries - 1) * 64, 0x77);
		ck_assert_int_eq(fetch(STRTAB, cfg_2level(16, split), entries - 1), EVT_NONE);
		ck_assert_uint_eq(ste.dw[0], 0x77);
		if (entries < 1u << split)
			ck_assert_int_eq(fetch(STRTAB, cfg_2level(16, split), entries), EVT_C_BAD_STREAMID);
	}
}
END_TEST

/* 2-level tables of each LOG2SIZE; when it is not above SPLIT there is one descriptor. */
START_TEST(test_2level_sizes)
{
	uint32_t n = (uint32_t)_i;
	uint32_t last = n >= 32 ? UINT32_MAX : (UINT32_C(1) << n) - 1;
	enum smmu_event_id event;

	mput64(STRTAB, L2TAB | 9);
	mput64(L2TAB, 5);
	event = fetch(STRTAB, cfg_2level(n, 8), 0);
	if (n <= 17) { /* STRTAB is aligned enough for the table: 2^20 bytes */
		ck_assert_int_eq(event, EVT_NONE);
		ck_assert_uint_eq(ste.dw[0], 5);
	}
	if (n < 32)
		ck_assert_int_eq(fetch(STRTAB, cfg_2level(n, 8), last + 1), EVT_C_BAD_STREAMID);
	/* no StreamID may make it read outside without saying so */
	event = fetch(STRTAB, cfg_2level(n, 8), last);
	ck_assert(event == EVT_NONE || event == EVT_F_STE_FETCH || event == EVT_C_BAD_STREAMID);
}
END_TEST

START_TEST(test_2level_outside_ram)
{
	mput64(STRTAB, OUTSIDE | 9);
	ck_assert_int_eq(fetch(STRTAB, cfg_2level(16, 8), 1), EVT_F_STE_FETCH);
	ck_assert_uint_eq(addr, OUTSIDE + 64);
	ck_assert_int_eq(fetch(OUTSIDE, cfg_2level(16, 8), 0x100), EVT_F_STE_FETCH);
	ck_assert_uint_eq(addr, OUTSIDE + 8);
	mput64(STRTAB, UINT64_MAX);
	ck_assert_int_eq(fetch(STRTAB, cfg_2level(16, 8), 1), EVT_C_BAD_STREAMID);
	mput64(STRTAB, (UINT64_MAX & ~UINT64_C(31)) | 9);
	ck_assert_int_eq(fetch(STRTAB, cfg_2level(16, 8), 1), EVT_F_STE_FETCH);
}
END_TEST

static enum smmu_event_id decode(uint64_t dw0, uint64_t dw1)
{
	ste.dw[0] = dw0;
	ste.dw[1] = dw1;
	return smmu_ste_decode(idr, &ste, &stream);
}

/* All values of Config, with V = 1 and V = 0. */
START_TEST(test_ste_config)
{
	static const struct {
		enum smmu_event_id event;
		enum smmu_xlate xlate;
	} expect[8] = {
		{EVT_NONE, SMMU_XLATE_ABORT},	   {EVT_NONE, SMMU_XLATE_ABORT},      {EVT_NONE, SMMU_XLATE_ABORT},
		{EVT_NONE, SMMU_XLATE_ABORT},	   {EVT_NONE, SMMU_XLATE_BYPASS},     {EVT_NONE, SMMU_XLATE_S1},
		{EVT_C_BAD_STE, SMMU_XLATE_ABORT}, {EVT_C_BAD_STE, SMMU_XLATE_ABORT},
	};
	uint64_t cfg = (uint64_t)_i;

	ck_assert_int_eq(decode(ste_cfg(cfg), 0), expect[cfg].event);
	ck_assert_int_eq(stream.xlate, expect[cfg].xlate);
	ck_assert(stream.valid);
	ck_assert_int_eq(decode(ste_cfg(cfg) & ~STE0_V, 0), EVT_C_BAD_STE);
	ck_assert_int_eq(stream.xlate, SMMU_XLATE_ABORT);
	ck_assert(!stream.valid);
}
END_TEST

/* Whatever else stands in an STE, only the fields that the kernel accepts come out, and only for stage 1. */
START_TEST(test_ste_masks)
{
	uint64_t dw0 = ste_s1(CDTAB), dw1 = 0xff;

	for (unsigned i = 2; i < STE_DWORDS; i++)
		ste.dw[i] = UINT64_MAX;
	/* SHCFG, STRW, MEV, PPAR, CONT, DRE, PRIVCFG ...: everything but S1STALLD */
	ck_assert_int_eq(decode(dw0 | MASK64(58, 56), ~STE1_S1STALLD), EVT_NONE);
	ck_assert_uint_eq(stream.ste[0], dw0);
	ck_assert_uint_eq(stream.ste[1], dw1 & ~STE1_S1DSS); /* S1DSS means nothing with one CD */
	ck_assert_int_eq(decode(ste_cfg(STE_CFG_BYPASS) | STE0_S1CTXPTR | STE0_S1CDMAX, UINT64_MAX), EVT_NONE);
	ck_assert_int_eq(stream.xlate, SMMU_XLATE_BYPASS);
	ck_assert_uint_eq(stream.ste[0] | stream.ste[1], 0);
}
END_TEST

/* S1CDMax of each value against each SSIDSIZE. */
START_TEST(test_ste_s1cdmax)
{
	uint32_t ssidsize = (uint32_t)_i;

	idr[1] = (idr[1] & ~IDR1_SSIDSIZE) | field_prep32(IDR1_SSIDSIZE, ssidsize);
	for (uint64_t cdmax = 0; cdmax < 32; cdmax++) {
		bool bad = ssidsize != 0 && cdmax > ssidsize;

		ck_assert_int_eq(decode(ste_s1(CDTAB) | cdmax << 59, 0), bad ? EVT_C_BAD_STE : EVT_NONE);
		if (!bad)
			ck_assert_uint_eq(field_get(STE0_S1CDMAX, stream.ste[0]), ssidsize ? cdmax : 0);
		else
			ck_assert_int_eq(stream.xlate, SMMU_XLATE_ABORT);
	}
}
END_TEST

START_TEST(test_ste_s1fmt_and_s1dss)
{
	uint64_t fmt = (uint64_t)_i & 3, dss = (uint64_t)_i >> 2;
	uint64_t one = ste_s1(CDTAB) | field_prep(STE0_S1FMT, fmt), many = one | field_prep(STE0_S1CDMAX, 8);

	/* one CD: both IGNORED */
	ck_assert_int_eq(decode(one, dss), EVT_NONE);
	ck_assert_uint_eq(stream.ste[0], ste_s1(CDTAB));
	ck_assert_uint_eq(stream.ste[1], 0);
	/* many: the reserved values behave as 0 */
	ck_assert_int_eq(decode(many, dss), EVT_NONE);
	ck_assert_uint_eq(field_get(STE0_S1FMT, stream.ste[0]), fmt == 3 ? 0 : fmt);
	ck_assert_uint_eq(field_get(STE1_S1DSS, stream.ste[1]), dss == 3 ? 0 : dss);
	/* two levels need CD2L, and only where the field counts */
	idr[0] &= ~IDR0_CD2L;
	ck_assert_int_eq(decode(one, dss), EVT_NONE);
	ck_assert_int_eq(decode(many, dss), fmt == 1 || fmt == 2 ? EVT_C_BAD_STE : EVT_NONE);
}
END_TEST

/* S1ContextPtr: each address bit against each OAS. */
START_TEST(test_ste_context_pointer)
{
	uint32_t oas = (uint32_t)_i;

	idr[5] = (idr[5] & ~IDR5_OAS) | oas;
	for (unsigned bit = 6; bit < 56; bit++) {
		bool bad = bit >= smmu_oas_bits(oas);

		ck_assert_int_eq(decode(ste_s1(BIT64(bit)), 0), bad ? EVT_C_BAD_STE : EVT_NONE);
	}
}
END_TEST

START_TEST(test_ste_stall_and_ats)
{
	/* offered: STALL_MODEL 0b01 */
	ck_assert_int_eq(decode(ste_s1(CDTAB), STE1_S1STALLD), EVT_C_BAD_STE);
	ck_assert_int_eq(decode(ste_cfg(STE_CFG_BYPASS), STE1_S1STALLD), EVT_NONE);
	idr[0] &= ~IDR0_STALL_MODEL;
	ck_assert_int_eq(decode(ste_s1(CDTAB), STE1_S1STALLD), EVT_NONE);
	ck_assert_uint_eq(stream.ste[1], STE1_S1STALLD);
	/* EATS: IGNORED without ATS */
	for (uint64_t eats = 0; eats < 4; eats++) {
		idr[0] &= ~IDR0_ATS;
		ck_assert_int_eq(decode(ste_s1(CDTAB), field_prep(STE1_EATS, eats)), EVT_NONE);
		ck_assert_uint_eq(stream.ste[1], 0);
		idr[0] |= IDR0_ATS;
		ck_assert_int_eq(decode(ste_s1(CDTAB), field_prep(STE1_EATS, eats)),
				 eats == 2 ? EVT_C_BAD_STE : EVT_NONE);
		if (eats != 2)
			ck_assert_uint_eq(field_get(STE1_EATS, stream.ste[1]), eats == 1);
	}
}
END_TEST

static enum smmu_event_id cd_at(uint64_t table, uint64_t cdmax, uint64_t fmt, uint32_t ssid)
{
	struct smmu_cd cd;

	stream = (struct smmu_stream){
		.xlate = SMMU_XLATE_S1,
		.ste = {ste_s1(table) | field_prep(STE0_S1CDMAX, cdmax) | field_prep(STE0_S1FMT, fmt), 0},
	};
	return smmu_cd_fetch(&mem, &stream, ssid, &cd, &addr);
}

START_TEST(test_cd_linear)
{
	for (uint64_t cdmax = 0; cdmax <= 10; cdmax++) {
		uint32_t last = (1u << cdmax) - 1;

		ck_assert_int_eq(cd_at(CDTAB, cdmax, 0, last), EVT_NONE);
		ck_assert_uint_eq(addr, CDTAB + (uint64_t)last * 64);
		ck_assert_int_eq(cd_at(CDTAB, cdmax, 0, last + 1), EVT_C_BAD_SUBSTREAMID);
	}
	/* aligned to its size */
	ck_assert_int_eq(cd_at(CDTAB + 0x40, 3, 0, 0), EVT_NONE);
	ck_assert_uint_eq(addr, CDTAB);
	ck_assert_int_eq(cd_at(OUTSIDE, 0, 0, 0), EVT_F_CD_FETCH);
	ck_assert_uint_eq(addr, OUTSIDE);
	ck_assert_int_eq(cd_at(RAM_BASE + RAM_SIZE - 64, 0, 0, 0), EVT_NONE);
	ck_assert_int_eq(cd_at(STE0_S1CTXPTR, 31, 0, (1u << 31) - 1), EVT_F_CD_FETCH);
}
END_TEST

START_TEST(test_cd_2level)
{
	uint64_t l2 = CDTAB + 0x20000;

	for (uint64_t fmt = 1; fmt <= 2; fmt++) {
		unsigned leaf = fmt == 1 ? 6 : 10;
		uint32_t ssid = (2u << leaf) | 3;

		mput64(CDTAB + 16, 0);
		ck_assert_int_eq(cd_at(CDTAB, 16, fmt, ssid), EVT_C_BAD_SUBSTREAMID);
		mput64(CDTAB + 16, l2 | L1CD_V);
		ck_assert_int_eq(cd_at(CDTAB, 16, fmt, ssid), EVT_NONE);
		ck_assert_uint_eq(addr, l2 + 3 * 64);
		mput64(CDTAB + 16, OUTSIDE | L1CD_V);
		ck_assert_int_eq(cd_at(CDTAB, 16, fmt, ssid), EVT_F_CD_FETCH);
		ck_assert_uint_eq(addr, OUTSIDE + 3 * 64);
		ck_assert_int_eq(cd_at(OUTSIDE, 16, fmt, ssid), EVT_F_CD_FETCH);
		ck_assert_uint_eq(addr, OUTSIDE + 16);
		/* fewer CDs than a leaf holds: one L1 entry */
		mput64(CDTAB, l2 | L1CD_V);
		ck_assert_int_eq(cd_at(CDTAB, 2, fmt, 3), EVT_NONE);
		ck_assert_int_eq(cd_at(CDTAB, 2, fmt, 4), EVT_C_BAD_SUBSTREAMID);
	}
	/* 64 KiB leaves are aligned to 64 KiB, 4 KiB ones to 4 KiB */
	mput64(CDTAB, (l2 + 0x3000) | L1CD_V);
	ck_assert_int_eq(cd_at(CDTAB, 16, 2, 0), EVT_NONE);
	ck_assert_uint_eq(addr, l2);
	ck_assert_int_eq(cd_at(CDTAB, 16, 1, 0), EVT_NONE);
	ck_assert_uint_eq(addr, l2 + 0x3000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-strtab");
	TCase *tc = tcase_create("strtab");

	tcase_add_checked_fixture(tc, fresh, done);
	tcase_add_loop_test(tc, test_linear_sizes, 0, 64);
	tcase_add_loop_test(tc, test_linear_alignment, 0, 64);
	tcase_add_test(tc, test_linear_outside_ram);
	tcase_add_test(tc, test_reserved_formats);
	tcase_add_loop_test(tc, test_splits, 0, 32);
	tcase_add_loop_test(tc, test_spans, 0, 32);
	tcase_add_loop_test(tc, test_2level_sizes, 0, 64);
	tcase_add_test(tc, test_2level_outside_ram);
	tcase_add_loop_test(tc, test_ste_config, 0, 8);
	tcase_add_test(tc, test_ste_masks);
	tcase_add_loop_test(tc, test_ste_s1cdmax, 0, 21);
	tcase_add_loop_test(tc, test_ste_s1fmt_and_s1dss, 0, 16);
	tcase_add_loop_test(tc, test_ste_context_pointer, 0, 7);
	tcase_add_test(tc, test_ste_stall_and_ats);
	tcase_add_test(tc, test_cd_linear);
	tcase_add_test(tc, test_cd_2level);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

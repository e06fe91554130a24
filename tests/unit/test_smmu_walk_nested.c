/* SPDX-License-Identifier: Apache-2.0 */
/* The walker: hardware updates of descriptors, both stages together, and the CD behind stage 2. */
#include <pthread.h>
#include <stdatomic.h>

#include "smmu_walk_fixture.h"
#include "run_suite.h"

#define VA    UINT64_C(0x123456789)
#define IPA   UINT64_C(0x7654321000) /* 39 bits */
#define PA    UINT64_C(0x89abc000)
#define S2_ON (PT_PAGE | S2_RW | S2_WB)
#define S1_ON (PT_PAGE | PT_S1_USER | field_prep(PT_S1_ATTR, ATTR_WB))

static uint64_t s1_leaf;      /* PA of the stage 1 leaf */
static uint64_t s1_tables[4]; /* PAs of stage 1's tables by level */
static uint64_t s2_tables[4]; /* PAs of the stage 2 leaves that map them */
static uint64_t s2_leaf;      /* PA of the stage 2 leaf of the page */

/* VA to IPA to PA, 4 KiB pages; stage 1's tables lie at IPA_SHIFT from where they are. */
static void nested(void)
{
	uint64_t table;

	fresh();
	new_table(13);
	table = new_table(12);
	cd.dw[1] = table + IPA_SHIFT;
	s1_leaf = map_leaf(&geometries[0], table, 0, VA, 3, IPA | S1_ON, IPA_SHIFT);
	for (unsigned l = 0; l < 4; l++) {
		s1_tables[l] = table;
		table = (get(table + (VA >> geometries[0].shift[l] & 511) * 8) & PT_OA) - IPA_SHIFT;
	}
	for (unsigned l = 0; l < 4; l++)
		s2_tables[l] = map_s2(s1_tables[l] + IPA_SHIFT, 3, s1_tables[l] | S2_ON);
	s2_leaf = map_s2(IPA, 3, PA | S2_ON);
}

static uint64_t desc_ipa(unsigned level)
{
	return s1_tables[level] + IPA_SHIFT + (VA >> geometries[0].shift[level] & 511) * 8;
}

START_TEST(test_nested)
{
	ck_assert_int_eq(walk(VA, DMA_WRITE), EVT_NONE);
	ck_assert_uint_eq(map.pa, PA | (VA & 0xfff));
	ck_assert_uint_eq(map.ipa, IPA | (VA & 0xfff));
	ck_assert_uint_eq(map.size_bits, 12);
	ck_assert_uint_eq(map.perms[0], DMA_READ | DMA_WRITE | DMA_EXEC);
	ck_assert_uint_eq(map.perms[1], DMA_READ | DMA_WRITE);
	ck_assert(map.global);
}
END_TEST

/* The smaller of both entries counts. */
START_TEST(test_sizes)
{
	/* stage 1: 2 MiB; stage 2: 4 KiB, then 1 GiB */
	uint64_t block = IPA & ~MASK64(20, 0), ipa = block | (VA & MASK64(20, 0));

	put(s1_tables[2] + (VA >> 21 & 511) * 8, block | (S1_ON & ~PT_TABLE));
	ck_assert_int_eq(walk(VA, DMA_READ), EVT_F_TRANSLATION);
	ck_assert(fault.s2);
	ck_assert_uint_eq(fault.ipa, ipa);
	map_s2(ipa, 3, PA | S2_ON);
	ck_assert_int_eq(walk(VA, DMA_READ), EVT_NONE);
	ck_assert_uint_eq(map.size_bits, 12);
	ck_assert_uint_eq(map.s1_bits, 21);
	ck_assert_uint_eq(map.s2_bits, 12);
	ck_assert_uint_eq(map.pa, PA | (VA & 0xfff));
	put(RAM_BASE + (ipa >> 30) * 8, BIT64(40) | (S2_ON & ~PT_TABLE));
	ck_assert_int_eq(walk(VA, DMA_READ), EVT_NONE);
	ck_assert_uint_eq(map.size_bits, 21);
	ck_assert_uint_eq(map.s1_bits, 21);
	ck_assert_uint_eq(map.s2_bits, 30);
	ck_assert_uint_eq(map.pa, BIT64(40) | (ipa & MASK64(29, 0)));
	ck_assert_uint_eq(map.ipa, ipa);
}
END_TEST

/* Permissions are those that both stages give; stage 1 is asked first. */
START_TEST(test_permissions_of_both)
{
	put(s2_leaf, PA | PT_PAGE | PT_S2_READ);
	ck_assert_int_eq(walk(VA, DMA_READ), EVT_NONE);
	ck_assert_uint_eq(map.perms[0], DMA_READ | DMA_EXEC);
	ck_assert_int_eq(walk(VA, DMA_WRITE), EVT_F_PERMISSION);
	ck_assert(fault.s2);
	ck_assert_int_eq(fault.class, SMMU_CLASS_IN);
	ck_assert_uint_eq(fault.ipa, IPA | (VA & 0xfff));
	put(s1_leaf, IPA | S1_ON | PT_S1_RO);
	ck_assert_int_eq(walk(VA, DMA_WRITE), EVT_F_PERMISSION);
	ck_assert(!fault.s2);
}
END_TEST

/* What can go wrong with the stage 2 page of each stage 1 table: a fault of class TTD with the descriptor's IPA. */
START_TEST(test_table_faults)
{
	static const struct {
		uint64_t desc;
		enum smmu_event_id event;
	} cases[] = {
		{0, EVT_F_TRANSLATION},
		{BIT64(44) | S2_ON, EVT_F_ADDR_SIZE},
		{S2_ON & ~PT_AF, EVT_F_ACCESS},
		{S2_ON & ~PT_S2_READ, EVT_F_PERMISSION},
	};
	unsigned level = (unsigned)_i;
	uint64_t was = get(s2_tables[level]);

	set(&ste.dw[2], STE2_S2PS, 4); /* 44 bits */
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		put(s2_tables[level], (was & PT_OA) | cases[i].desc);
		ck_assert_int_eq(walk(VA, DMA_WRITE | DMA_PRIV), cases[i].event);
		ck_assert(fault.s2);
		ck_assert_int_eq(fault.class, SMMU_CLASS_TTD);
		ck_assert_uint_eq(fault.ipa, desc_ipa(level));
		ck_assert(fault.ttrnw);
		ck_assert(!fault.rnw);
		ck_assert(!fault.ind);
		ck_assert(fault.pnu);
	}
	/* where stage 2 leads to nothing, it is stage 1's fetch that fails */
	put(s2_tables[level], OUTSIDE | S2_ON);
	ck_assert_int_eq(walk(VA, DMA_READ), EVT_F_WALK_EABT);
	ck_assert(!fault.s2);
	ck_assert_int_eq(fault.class, SMMU_CLASS_TTD);
	ck_assert_uint_eq(fault.fetch_addr, OUTSIDE + (desc_ipa(level) & 0xfff));
	/* and a hole in stage 2's tables is stage 2's */
	put(RAM_BASE + (desc_ipa(level) >> 30) * 8, OUTSIDE | PT_VALID | PT_TABLE);
	ck_assert_int_eq(walk(VA, DMA_READ), EVT_F_WALK_EABT);
	ck_assert(fault.s2);
	ck_assert_int_eq(fault.class, SMMU_CLASS_TTD);
	ck_assert_uint_eq(fault.fetch_addr, OUTSIDE + (desc_ipa(level) >> 21 & 511) * 8);
}
END_TEST

/* A descriptor's IPA beyond S2T0SZ. */
START_TEST(test_table_out_of_range)
{
	cd.dw[1] = BIT64(40);
	ck_assert_int_eq(walk(VA, DMA_READ), EVT_F_TRANSLATION);
	ck_assert(fault.s2);
	ck_assert_int_eq(fault.class, SMMU_CLASS_TTD);
	ck_assert_uint_eq(fault.ipa, BIT64(40));
}
END_TEST

/* S2PTW: tables in Device memory. */
START_TEST(test_ptw)
{
	unsigned level = (unsigned)_i;

	for (unsigned memattr = 0; memattr < 16; memattr++) {
		for (unsigned bits = 0; bits < 4; bits++) {
			bool fwb = bits & 1, ptw = bits & 2;
			bool device = fwb ? !(memattr & 4) : memattr < 4;

			set(&ste.dw[1], STE1_S2FWB, fwb);
			set(&ste.dw[2], STE2_S2PTW, ptw);
			put(s2_tables[level], s1_tables[level] | PT_PAGE | S2_RW | field_prep(PT_S2_ATTR, memattr));
			ck_assert_int_eq(walk(VA, DMA_READ), ptw && device ? EVT_F_PERMISSION : EVT_NONE);
			if (!ptw || !device)
				continue;
			ck_assert(fault.s2);
			ck_assert_int_eq(fault.class, SMMU_CLASS_TTD);
			ck_assert(fault.ttrnw);
			ck_assert_uint_eq(fault.ipa, desc_ipa(level));
		}
	}
	/* the page itself may be Device memory */
	put(s2_tables[level], s1_tables[level] | S2_ON);
	put(s2_leaf, PA | PT_PAGE | S2_RW);
	ste.dw[2] |= STE2_S2PTW;
	ck_assert_int_eq(walk(VA, DMA_WRITE), EVT_NONE);
}
END_TEST

struct httu {
	bool ha, hd, affd, af, dbm, clean, write;
};

static struct httu httu_case(unsigned bits)
{
	return (struct httu){bits & 1, bits & 2, bits & 4, bits & 8, bits & 16, bits & 32, bits & 64};
}

/* HTTU of one stage: every combination. The page is readable; @clean: not writable. */
static void expect_httu(const struct httu *c, uint64_t at, bool s2)
{
	uint64_t clean_bit = s2 ? PT_S2_WRITE : PT_S1_RO, was = get(at), want;
	bool hd = c->ha && c->hd, writable = !c->clean || (hd && c->dbm), dirty;
	enum smmu_event_id event = EVT_NONE;

	was &= ~(PT_AF | PT_DBM | clean_bit);
	was |= (c->af ? PT_AF : 0) | (c->dbm ? PT_DBM : 0) | (c->clean != s2 ? clean_bit : 0);
	put(at, was);
	want = was;
	if (!c->af && !c->ha && !c->affd)
		event = EVT_F_ACCESS;
	else if (c->write && !writable)
		event = EVT_F_PERMISSION;
	dirty = !c->clean || (c->write && writable);
	if (!event && c->ha)
		want |= PT_AF;
	if (!event && dirty)
		want = s2 ? want | PT_S2_WRITE : want & ~PT_S1_RO;
	ck_assert_int_eq(walk(VA, c->write ? DMA_WRITE : DMA_READ), event);
	ck_assert_uint_eq(get(at), want);
	if (event)
		ck_assert_int_eq(fault.s2, s2);
	else
		ck_assert_int_eq(!!(map.perms[0] & DMA_WRITE), dirty);
}

START_TEST(test_httu_s1)
{
	struct httu c = httu_case((unsigned)_i);

	set(&cd.dw[0], CD0_HA, c.ha);
	set(&cd.dw[0], CD0_HD, c.hd);
	set(&cd.dw[0], CD0_AFFD, c.affd);
	expect_httu(&c, s1_leaf, false);
}
END_TEST

START_TEST(test_httu_s2)
{
	struct httu c = httu_case((unsigned)_i);

	/* the pages of the tables are all right as they are */
	set(&ste.dw[2], STE2_S2HA, c.ha);
	set(&ste.dw[2], STE2_S2HD, c.hd);
	set(&ste.dw[2], STE2_S2AFFD, c.affd);
	expect_httu(&c, s2_leaf, true);
}
END_TEST

/* A clean page that hardware manages counts as writable for execution (3.13.8), WXN and PAN. */
START_TEST(test_httu_and_execution)
{
	cd.dw[0] |= CD0_HA | CD0_HD;
	put(s1_leaf, IPA | S1_ON | PT_S1_RO | PT_DBM);
	ck_assert_int_eq(walk(VA, DMA_READ), EVT_NONE);
	ck_assert_uint_eq(map.perms[0], DMA_READ | DMA_EXEC);
	ck_assert_uint_eq(map.perms[1], DMA_READ);
	cd.dw[0] |= CD0_WXN | CD0_PAN;
	ck_assert_int_eq(walk(VA, DMA_READ), EVT_NONE);
	ck_assert_uint_eq(map.perms[0], DMA_READ);
	ck_assert_uint_eq(map.perms[1], 0);
	/* not a page that the tables above make read-only: no update, no write */
	put(s1_tables[2] + (VA >> 21 & 511) * 8, get(s1_tables[2] + (VA >> 21 & 511) * 8) | PT_TABLE_AP_RO);
	ck_assert_int_eq(walk(VA, DMA_WRITE), EVT_F_PERMISSION);
	ck_assert_uint_eq(get(s1_leaf), IPA | S1_ON | PT_S1_RO | PT_DBM);
}
END_TEST

/* An update of a stage 1 descriptor is a write at stage 2, and makes that page dirty in turn. */
START_TEST(test_httu_through_stage2)
{
	bool dirty_s1 = _i;
	uint64_t page = s1_tables[3];

	cd.dw[0] |= CD0_HA | CD0_HD;
	put(s1_leaf, IPA | (dirty_s1 ? S1_ON | PT_S1_RO | PT_DBM : S1_ON & ~PT_AF));
	put(s2_tables[3], page | PT_PAGE | PT_S2_READ | S2_WB);
	ck_assert_int_eq(walk(VA, DMA_WRITE | DMA_READ), EVT_F_PERMISSION);
	ck_assert(fault.s2);
	ck_assert_int_eq(fault.class, SMMU_CLASS_TTD);
	ck_assert(!fault.ttrnw);
	ck_assert(!fault.rnw);
	ck_assert_uint_eq(fault.ipa, desc_ipa(3));
	ck_assert_uint_eq(get(s1_leaf), IPA | (dirty_s1 ? S1_ON | PT_S1_RO | PT_DBM : S1_ON & ~PT_AF));

	ste.dw[2] |= STE2_S2HA | STE2_S2HD;
	put(s2_tables[3], page | (PT_PAGE & ~PT_AF) | PT_S2_READ | PT_DBM | S2_WB);
	ck_assert_int_eq(walk(VA, DMA_WRITE), EVT_NONE);
	ck_assert_uint_eq(get(s1_leaf), IPA | S1_ON | (dirty_s1 ? PT_DBM : 0));
	ck_assert_uint_eq(get(s2_tables[3]), page | PT_PAGE | S2_RW | PT_DBM | S2_WB);
	ck_assert(map.perms[0] & DMA_WRITE);

	/* nothing to update: reading is enough */
	put(s2_tables[3], page | PT_PAGE | PT_S2_READ | PT_DBM | S2_WB);
	ck_assert_int_eq(walk(VA, DMA_WRITE), EVT_NONE);
	ck_assert_uint_eq(get(s2_tables[3]), page | PT_PAGE | PT_S2_READ | PT_DBM | S2_WB);
}
END_TEST

/* Somebody who changes bits that are his own, in both leaves, all the time. */
static void *change_bits(void *stop)
{
	uint64_t *first = gmem_host(&mem, gpa(s1_leaf), 8), *second = gmem_host(&mem, gpa(s2_leaf), 8);

	while (!atomic_load((atomic_bool *)stop)) {
		__atomic_fetch_xor(first, BIT64(55), __ATOMIC_RELAXED);
		__atomic_fetch_xor(second, BIT64(56), __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Updates race with other agents' and lose nothing: every walk succeeds, and what it set is set. */
START_TEST(test_httu_races)
{
	const uint64_t s1_clean = IPA | ((S1_ON | PT_S1_RO | PT_DBM) & ~PT_AF);
	const uint64_t s2_clean = PA | ((PT_PAGE | PT_S2_READ | PT_DBM | S2_WB) & ~PT_AF);
	uint64_t *first = gmem_host(&mem, gpa(s1_leaf), 8), *second = gmem_host(&mem, gpa(s2_leaf), 8);
	atomic_bool stop = false;
	pthread_t thread;

	cd.dw[0] |= CD0_HA | CD0_HD;
	ste.dw[2] |= STE2_S2HA | STE2_S2HD;
	ck_assert_int_eq(pthread_create(&thread, NULL, change_bits, &stop), 0);
	for (unsigned i = 0; i < 5000; i++) {
		__atomic_fetch_and(first, ~PT_AF, __ATOMIC_RELAXED);
		__atomic_fetch_or(first, s1_clean, __ATOMIC_RELAXED);
		__atomic_fetch_and(second, ~(PT_AF | PT_S2_WRITE), __ATOMIC_RELAXED);
		__atomic_fetch_or(second, s2_clean, __ATOMIC_RELAXED);
		ck_assert_int_eq(walk(VA, DMA_WRITE), EVT_NONE);
		ck_assert_uint_eq(__atomic_load_n(first, __ATOMIC_RELAXED) & ~BIT64(55), IPA | S1_ON | PT_DBM);
		ck_assert_uint_eq(__atomic_load_n(second, __ATOMIC_RELAXED) & ~BIT64(56), PA | S2_ON | PT_DBM);
	}
	atomic_store(&stop, true);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

/* Atomics: F_PERMISSION names the access that is missing, write first (13.1.1); other faults are writes. */
START_TEST(test_atomics)
{
	put(s2_leaf, PA | PT_PAGE | PT_S2_WRITE);
	ck_assert_int_eq(walk(VA, DMA_READ | DMA_WRITE), EVT_F_PERMISSION);
	ck_assert(fault.rnw);
	put(s2_leaf, PA | PT_PAGE | PT_S2_READ);
	ck_assert_int_eq(walk(VA, DMA_READ | DMA_WRITE), EVT_F_PERMISSION);
	ck_assert(!fault.rnw);
	put(s2_leaf, PA | PT_PAGE);
	ck_assert_int_eq(walk(VA, DMA_READ | DMA_WRITE), EVT_F_PERMISSION);
	ck_assert(!fault.rnw);
	put(s2_leaf, 0);
	ck_assert_int_eq(walk(VA, DMA_READ | DMA_WRITE), EVT_F_TRANSLATION);
	ck_assert(!fault.rnw);
	ck_assert_int_eq(walk(VA, DMA_READ | DMA_EXEC), EVT_F_TRANSLATION);
	ck_assert(fault.rnw);
	ck_assert(fault.ind);
}
END_TEST

static enum smmu_event_id fetch_cd(uint32_t ssid, struct smmu_cd *out)
{
	struct smmu_request req = {.iova = VA, .access = DMA_WRITE | DMA_PRIV};

	ck_assert_int_eq(decode_ste(), EVT_NONE);
	memset(&fault, 0xa5, sizeof(fault));
	return smmu_cd_fetch_soft(&mem, &stream, ssid, &req, out, &fault);
}

/* CDs behind stage 2: linear and two levels, with everything that can be wrong there. */
START_TEST(test_cd_through_stage2)
{
	uint64_t page = new_table(12), l2 = new_table(12), ipa = page + IPA_SHIFT, leaf, l2_leaf;
	bool two = _i;
	struct smmu_cd got;

	leaf = map_s2(ipa, 3, page | S2_ON);
	l2_leaf = map_s2(l2 + IPA_SHIFT, 3, l2 | S2_ON);
	ste.dw[0] = STE0_V | field_prep(STE0_CFG, STE_CFG_NESTED) | ipa | field_prep(STE0_S1CDMAX, 6 + (two ? 3 : 0));
	set(&ste.dw[0], STE0_S1FMT, two ? STE_S1FMT_4K_L2 : STE_S1FMT_LINEAR);
	put(page + 8, (l2 + IPA_SHIFT) | L1CD_V);
	put((two ? l2 : page) + 5 * 64, 0xcdcd);
	ck_assert_int_eq(fetch_cd(two ? 64 + 5 : 5, &got), EVT_NONE);
	ck_assert_uint_eq(got.dw[0], 0xcdcd);
	ck_assert_int_eq(fetch_cd(two ? 512 : 64, &got), EVT_C_BAD_SUBSTREAMID);

	/* stage 2 faults: class CD, the IPA of the structure, attributes of the transaction */
	put(two ? l2_leaf : leaf, 0);
	ck_assert_int_eq(fetch_cd(two ? 64 + 5 : 5, &got), EVT_F_TRANSLATION);
	ck_assert(fault.s2);
	ck_assert_int_eq(fault.class, SMMU_CLASS_CD);
	ck_assert_uint_eq(fault.ipa, (two ? l2 : page) + IPA_SHIFT + 5 * 64);
	ck_assert(!fault.rnw);
	ck_assert(fault.pnu);
	put(leaf, page | PT_PAGE | S2_RW); /* Device */
	put(l2_leaf, l2 | S2_ON);
	ste.dw[2] |= STE2_S2PTW;
	ck_assert_int_eq(fetch_cd(two ? 64 + 5 : 5, &got), EVT_F_PERMISSION);
	ck_assert_int_eq(fault.class, SMMU_CLASS_CD);
	ste.dw[2] &= ~STE2_S2PTW;
	put(leaf, OUTSIDE | S2_ON);
	ck_assert_int_eq(fetch_cd(two ? 64 + 5 : 5, &got), EVT_F_CD_FETCH);
	ck_assert_uint_eq(fault.fetch_addr, two ? OUTSIDE + 8 : OUTSIDE + 5 * 64);
	/* access flags are set, never dirty state (3.13.3) */
	ste.dw[2] |= STE2_S2HA | STE2_S2HD;
	put(leaf, page | (PT_PAGE & ~PT_AF) | PT_S2_READ | PT_DBM | S2_WB);
	ck_assert_int_eq(fetch_cd(two ? 64 + 5 : 5, &got), EVT_NONE);
	ck_assert_uint_eq(get(leaf), page | PT_PAGE | PT_S2_READ | PT_DBM | S2_WB);
	if (!two)
		return;
	put(page + 8, (l2 + IPA_SHIFT));
	ck_assert_int_eq(fetch_cd(64 + 5, &got), EVT_C_BAD_SUBSTREAMID);
	put(page + 8, BIT64(48) | L1CD_V); /* beyond OAS */
	ck_assert_int_eq(fetch_cd(64 + 5, &got), EVT_C_BAD_SUBSTREAMID);
}
END_TEST

/* Stage 2 alone, for whoever asks. */
START_TEST(test_s2_translate)
{
	struct smmu_request req = {.iova = VA, .access = DMA_WRITE};

	ck_assert_int_eq(decode_ste(), EVT_NONE);
	ck_assert_int_eq(smmu_s2_translate(&mem, &stream.s2cfg, IPA | 5, SMMU_CLASS_IN, &req, &map, &fault), EVT_NONE);
	ck_assert_uint_eq(map.pa, PA | 5);
	ck_assert_uint_eq(map.ipa, IPA | 5);
	ck_assert_uint_eq(map.size_bits, 12);
	put(s2_leaf, PA | PT_PAGE | PT_S2_READ);
	ck_assert_int_eq(smmu_s2_translate(&mem, &stream.s2cfg, IPA, SMMU_CLASS_IN, &req, &map, &fault),
			 EVT_F_PERMISSION);
	ck_assert_int_eq(smmu_s2_translate(&mem, &stream.s2cfg, IPA, SMMU_CLASS_CD, &req, &map, &fault), EVT_NONE);
	ck_assert_int_eq(smmu_s2_translate(&mem, &stream.s2cfg, UINT64_MAX, SMMU_CLASS_CD, &req, &map, &fault),
			 EVT_F_TRANSLATION);
	ck_assert_uint_eq(fault.ipa, UINT64_MAX);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-walk-nested");
	TCase *tc = tcase_create("nested");

	tcase_add_checked_fixture(tc, nested, done);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_nested);
	tcase_add_test(tc, test_sizes);
	tcase_add_test(tc, test_permissions_of_both);
	tcase_add_loop_test(tc, test_table_faults, 0, 4);
	tcase_add_test(tc, test_table_out_of_range);
	tcase_add_loop_test(tc, test_ptw, 0, 4);
	tcase_add_loop_test(tc, test_httu_s1, 0, 128);
	tcase_add_loop_test(tc, test_httu_s2, 0, 128);
	tcase_add_test(tc, test_httu_and_execution);
	tcase_add_loop_test(tc, test_httu_through_stage2, 0, 2);
	tcase_add_test(tc, test_httu_races);
	tcase_add_test(tc, test_atomics);
	tcase_add_loop_test(tc, test_cd_through_stage2, 0, 2);
	tcase_add_test(tc, test_s2_translate);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

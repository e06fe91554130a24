/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lookup of context descriptors (IHI 0070, 3.3.2, 5.2, 5.3) against plain arithmetic on random tables: linear, two
 * levels of either leaf size, S1ContextPtr and L2Ptr that are not aligned, stage 2 with holes or none. The stage 2 here
 * is an array of pages, which the tables in memory repeat. AERIE_MODEL_CASES and AERIE_MODEL_SEED choose another run.
 */
#include <check.h>

#include "rounds.h"
#include "run_suite.h"
#include "smmu_soft_fixture.h"
#include "smmu_walk.h"

#define CASES	  20000u
#define NR_PAGES  (RAM_SIZE >> 12)
#define FIRST	  (RAM_BASE + 0x200000) /* from here on: memory that CD tables are made of */
#define NR_FREE	  ((DATA - FIRST) >> 12)
#define SOME_BITS 18u

static uint64_t seed;
static struct tables s2;
static uint64_t page_to[NR_PAGES]; /* where stage 2 leads; 0: nowhere */

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * UINT64_C(0x2545f4914f6cdd1d);
}

static unsigned below(unsigned n)
{
	return (unsigned)(rnd() >> 32) % n;
}

/* RAM by IPAs: pages change places within FIRST and DATA, and some are not there. */
static void shuffle_stage_2(void)
{
	for (unsigned i = 0; i < NR_PAGES; i++) {
		uint64_t ipa = RAM_BASE + i * UINT64_C(0x1000);

		page_to[i] = ipa >= FIRST && ipa < DATA ? FIRST + below(NR_FREE) * UINT64_C(0x1000) : ipa;
		if (below(8) == 0)
			page_to[i] = 0;
		put64(desc_at(&s2, ipa, 3), page_to[i] ? page_to[i] | LEAF_S2 | 3 : 0);
	}
}

struct expected {
	enum smmu_event_id event;
	bool s2;
	uint64_t ipa, fetch, cd[CD_DWORDS];
};

/* Reads through stage 2, if there is one. */
static bool fetch(struct expected *e, bool nested, uint64_t addr, void *buf, size_t len)
{
	if (nested) {
		uint64_t page = addr >= RAM_BASE && addr < RAM_BASE + RAM_SIZE ? page_to[(addr - RAM_BASE) >> 12] : 0;

		if (!page) {
			e->event = EVT_F_TRANSLATION;
			e->s2 = true;
			e->ipa = addr;
			return false;
		}
		addr = page + addr % 0x1000;
	}
	if (gmem_read(&fx.mem, gpa(addr), buf, len) == 0)
		return true;
	e->event = EVT_F_CD_FETCH;
	e->fetch = addr;
	return false;
}

static uint64_t aligned(uint64_t addr, uint64_t size)
{
	return addr - addr % (size < 64 ? 64 : size);
}

static struct expected lookup(uint64_t ptr, unsigned max, unsigned format, bool nested, uint32_t ssid)
{
	struct expected e = {.event = EVT_NONE};
	unsigned leaf = format == STE_S1FMT_4K_L2 ? 6 : 10;
	uint64_t l1cd, at;

	if (ssid >= UINT64_C(1) << max) {
		e.event = EVT_C_BAD_SUBSTREAMID;
		return e;
	}
	if (max == 0 || (format != STE_S1FMT_4K_L2 && format != STE_S1FMT_64K_L2)) {
		at = aligned(ptr, UINT64_C(64) << max) + ssid * UINT64_C(64);
	} else {
		at = aligned(ptr, max > leaf ? UINT64_C(8) << (max - leaf) : 8) + ssid / (1u << leaf) * UINT64_C(8);
		if (!fetch(&e, nested, at, &l1cd, sizeof(l1cd)))
			return e;
		if (!(l1cd & 1) || (l1cd & MASK64(51, 48))) {
			e.event = EVT_C_BAD_SUBSTREAMID;
			return e;
		}
		at = aligned(l1cd & MASK64(47, 12), UINT64_C(64) << leaf) + ssid % (1u << leaf) * UINT64_C(64);
	}
	fetch(&e, nested, at, e.cd, sizeof(e.cd));
	return e;
}

static uint64_t some_address(void)
{
	return below(12) ? FIRST + rnd() % (DATA - FIRST) : rnd() & MASK64(47, 0);
}

static enum smmu_event_id one_case(void)
{
	const uint32_t ssids[] = {0, below(64), below(1u << SOME_BITS), 1u << 19};
	struct smmu_request req = {.iova = rnd(), .access = DMA_READ};
	bool nested = below(2);
	unsigned max = below(4) ? below(SOME_BITS) : 0, format = below(4);
	uint32_t ssid = ssids[below(4)] & (below(8) ? (1u << max) - 1 : UINT32_MAX), idr[6];
	uint64_t ptr = some_address() & STE0_S1CTXPTR;
	struct smmu_ste ste = {.dw = {ste_cfg(nested ? STE_CFG_NESTED : STE_CFG_S1) | field_prep(STE0_S1FMT, format) |
					      ptr | field_prep(STE0_S1CDMAX, max),
				      0, nested ? ste2(&s2, 1) : 0, nested ? s2.root : 0}};
	struct smmu_stream_cfg stream;
	struct smmu_fault fault;
	struct expected e;
	struct smmu_cd cd;

	smmu_id_get(fx.smmu, idr);
	ck_assert_int_eq(smmu_ste_decode_soft(idr, 0, &ste, &stream), EVT_NONE);
	e = lookup(ptr, max, format, nested, ssid);
	ck_assert_int_eq(smmu_cd_fetch_soft(&fx.mem, &stream, ssid, &req, &cd, &fault), e.event);
	if (e.event == EVT_NONE) {
		ck_assert_mem_eq(cd.dw, e.cd, sizeof(e.cd));
		return EVT_NONE;
	}
	ck_assert_int_eq(fault.event, e.event);
	ck_assert_int_eq(fault.s2, e.s2);
	if (e.s2) {
		ck_assert_int_eq(fault.class, SMMU_CLASS_CD);
		ck_assert_uint_eq(fault.ipa, e.ipa);
	}
	if (e.event == EVT_F_CD_FETCH)
		ck_assert_uint_eq(fault.fetch_addr, e.fetch);
	return e.event;
}

/* Memory that is a level 1 table, wherever one is looked for: pointers, most of them valid. */
static void fill_memory(void)
{
	for (uint64_t at = FIRST; at < DATA; at += 8)
		put64(at, (some_address() & L1CD_L2PTR) | (below(8) ? L1CD_V : 0) | (below(64) ? 0 : BIT64(50)) |
				  (rnd() & MASK64(11, 1)));
}

START_TEST(test_lookup)
{
	uint64_t n = setting("AERIE_MODEL_CASES", CASES);
	unsigned results[0x20] = {0};

	seed = setting("AERIE_MODEL_SEED", 1);
	setup_soft();
	next_table = RAM_BASE + 0x80000; /* where nothing else of the fixture is */
	s2 = new_tables(12, 39);
	fill_memory();
	for (unsigned i = 0; i < n; i++) {
		if (i % 1000 == 0)
			shuffle_stage_2();
		results[one_case()]++;
	}
	teardown();
	ck_assert_uint_gt(results[EVT_NONE], n / 4);
	ck_assert_uint_gt(results[EVT_F_TRANSLATION], n / 100);
	ck_assert_uint_gt(results[EVT_F_CD_FETCH], n / 100);
	ck_assert_uint_gt(results[EVT_C_BAD_SUBSTREAMID], n / 100);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("smmu-cd-model");
	TCase *tc = tcase_create("lookup");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_lookup);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

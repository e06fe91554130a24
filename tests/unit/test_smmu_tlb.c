/* SPDX-License-Identifier: Apache-2.0 */
/* The IOTLB by itself: against a plain list, and when it is full. */
#include <check.h>
#include <stdlib.h>

#include "smmu_tlb.h"
#include "run_suite.h"

/* A plain list, with few names, so that everything collides. */
static struct smmu_tlb_entry list[512];
static unsigned listed;
static uint64_t seed;

static unsigned rnd(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static struct smmu_tlb_tag random_tag(void)
{
	uint8_t world = (uint8_t)rnd(3);

	return (struct smmu_tlb_tag){
		.world = world,
		.stages = (uint8_t)(world ? SMMU_TLB_S1 : 1u << rnd(3)),
		.vmid = world ? 0 : (uint16_t)rnd(2),
		.asid = (uint16_t)rnd(3),
	};
}

static bool same_name(const struct smmu_tlb_entry *a, const struct smmu_tlb_entry *b)
{
	return a->va == b->va && a->size_bits == b->size_bits && a->global == b->global &&
	       a->tag.world == b->tag.world && a->tag.stages == b->tag.stages && a->tag.vmid == b->tag.vmid &&
	       (a->global || a->tag.asid == b->tag.asid);
}

static void model_insert(struct smmu_tlb *tlb)
{
	static const uint8_t sizes[] = {12, 14, 16, 21, 30};
	struct smmu_tlb_entry e = {.tag = random_tag(), .global = rnd(4) == 0, .pa = seed & MASK64(47, 12)};

	e.size_bits = sizes[rnd(ARRAY_LEN(sizes))];
	e.block_bits = (uint8_t)(e.size_bits + (rnd(8) == 0 ? 9 : 0));
	e.page_bits = 12;
	e.level = (uint8_t)(1 + rnd(3));
	e.va = ((uint64_t)rnd(64) << 12) & ~(BIT64(e.size_bits) - 1);
	smmu_tlb_insert(tlb, &e);
	for (unsigned i = 0; i < listed; i++) {
		if (same_name(&list[i], &e))
			list[i--] = list[--listed];
	}
	ck_assert_uint_lt(listed, ARRAY_LEN(list));
	list[listed++] = e;
}

static bool model_hit(const struct smmu_tlb_entry *e, const struct smmu_tlb_scope *s)
{
	uint64_t first = e->va >> e->block_bits << e->block_bits, last = first + BIT64(e->block_bits) - 1;

	if ((s->worlds >> e->tag.world & 1) == 0 || (s->stages & e->tag.stages) == 0)
		return false;
	if (s->by_vmid && s->vmid != e->tag.vmid)
		return false;
	if (s->by_asid && e->global && !s->with_global)
		return false;
	if (s->by_asid && !e->global && s->asid != e->tag.asid)
		return false;
	if (s->page_bits != 0 && s->page_bits != e->page_bits)
		return false;
	if (s->level != 0 && s->level != e->level)
		return false;
	return !s->by_address || (last >= s->first && first <= s->last);
}

static void model_invalidate(struct smmu_tlb *tlb)
{
	struct smmu_tlb_scope s = {
		.worlds = 1 + rnd(7),
		.stages = 1 + rnd(7),
		.by_vmid = rnd(4),
		.by_asid = rnd(4),
		.by_address = rnd(16),
		.with_global = rnd(2),
		.vmid = (uint16_t)rnd(2),
		.asid = (uint16_t)rnd(3),
		.first = (uint64_t)rnd(64) << 12,
		.page_bits = (uint8_t)(rnd(4) ? 0 : 12),
		.level = (uint8_t)(rnd(4) ? 0u : rnd(4)),
	};
	unsigned gone = 0;

	s.last = s.first + (rnd(2) ? 0 : (uint64_t)rnd(8) << 12);
	for (unsigned i = 0; i < listed; i++) {
		if (model_hit(&list[i], &s)) {
			list[i--] = list[--listed];
			gone++;
		}
	}
	ck_assert_uint_eq(smmu_tlb_invalidate(tlb, &s), gone);
}

static void model_find(const struct smmu_tlb *tlb)
{
	struct smmu_tlb_tag tag = random_tag();
	uint64_t va = (uint64_t)rnd(64) << 12;
	const struct smmu_tlb_entry *found = smmu_tlb_find(tlb, &tag, va);
	bool any = false, this = false;

	for (unsigned i = 0; i < listed; i++) {
		struct smmu_tlb_entry want = {.va = va >> list[i].size_bits << list[i].size_bits,
					      .size_bits = list[i].size_bits,
					      .global = list[i].global,
					      .tag = tag};

		if (!same_name(&list[i], &want))
			continue;
		any = true;
		this |= found && same_name(found, &want) && found->pa == list[i].pa;
	}
	ck_assert(any == !!found);
	ck_assert(!found || this);
}

START_TEST(test_against_a_list)
{
	static struct smmu_tlb tlb;

	seed = (uint64_t)_i;
	listed = 0;
	smmu_tlb_reset(&tlb);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned what = rnd(8);

		if (what < 4 && listed < ARRAY_LEN(list) - 1)
			model_insert(&tlb);
		else if (what == 4)
			model_invalidate(&tlb);
		else
			model_find(&tlb);
		ck_assert_uint_eq(tlb.used, listed);
	}
}
END_TEST

/* A full table takes new entries, gives up as many, and says so once. */
START_TEST(test_full)
{
	static struct smmu_tlb tlb;
	struct smmu_tlb_entry e = {.tag = {SMMU_WORLD_EL1, SMMU_TLB_S1, 1, 5}, .size_bits = 12, .block_bits = 12};
	unsigned found = 0;

	smmu_tlb_reset(&tlb);
	for (unsigned i = 0; i < SMMU_TLB_ENTRIES; i++) {
		e.va = (uint64_t)i << 12;
		smmu_tlb_insert(&tlb, &e);
	}
	ck_assert(!smmu_tlb_forgotten(&tlb));
	/* the same again is no loss */
	smmu_tlb_insert(&tlb, &e);
	ck_assert(!smmu_tlb_forgotten(&tlb));
	for (unsigned i = 0; i < 100; i++) {
		e.va = (uint64_t)(SMMU_TLB_ENTRIES + i) << 12;
		smmu_tlb_insert(&tlb, &e);
		ck_assert_ptr_nonnull(smmu_tlb_find(&tlb, &e.tag, e.va + 0xfff));
	}
	ck_assert_uint_eq(tlb.used, SMMU_TLB_ENTRIES);
	for (unsigned i = 0; i < SMMU_TLB_ENTRIES + 100; i++)
		found += !!smmu_tlb_find(&tlb, &e.tag, (uint64_t)i << 12);
	ck_assert_uint_eq(found, SMMU_TLB_ENTRIES);
	ck_assert(smmu_tlb_forgotten(&tlb));
	ck_assert(!smmu_tlb_forgotten(&tlb));
}
END_TEST

/* Of a page and a block for the same address, the smaller is found; after it has gone, the larger. */
START_TEST(test_overlap)
{
	static struct smmu_tlb tlb;
	struct smmu_tlb_entry e = {.tag = {SMMU_WORLD_EL1, SMMU_TLB_S1, 1, 5},
				   .size_bits = 21,
				   .block_bits = 21,
				   .page_bits = 12,
				   .level = 2};
	struct smmu_tlb_scope page = {.worlds = 1, .stages = SMMU_TLB_S1, .by_address = true, .level = 3};

	smmu_tlb_reset(&tlb);
	smmu_tlb_insert(&tlb, &e);
	e.size_bits = e.block_bits = 12;
	e.level = 3;
	smmu_tlb_insert(&tlb, &e);
	ck_assert_uint_eq(smmu_tlb_find(&tlb, &e.tag, 0)->size_bits, 12);
	ck_assert_uint_eq(smmu_tlb_find(&tlb, &e.tag, 0x1000)->size_bits, 21);
	ck_assert_uint_eq(smmu_tlb_invalidate(&tlb, &page), 1);
	ck_assert_uint_eq(smmu_tlb_find(&tlb, &e.tag, 0)->size_bits, 21);
}
END_TEST

START_TEST(test_levels)
{
	static const uint8_t cases[][3] = {{12, 12, 3}, {21, 12, 2}, {30, 12, 1}, {14, 14, 3},
					   {25, 14, 2}, {16, 16, 3}, {29, 16, 2}, {42, 16, 1}};

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert_uint_eq(smmu_tlb_level(cases[i][0], cases[i][1]), cases[i][2]);
}
END_TEST

/* What a device knows by the old entry's level is not found by that level any more. */
START_TEST(test_replaced)
{
	static struct smmu_tlb tlb;
	struct smmu_tlb_entry e = {.va = 0x5000,
				   .pa = 0x1000,
				   .tag = {.stages = SMMU_TLB_S12},
				   .size_bits = 12,
				   .page_bits = 12,
				   .block_bits = 21,
				   .level = 2};

	smmu_tlb_reset(&tlb);
	smmu_tlb_insert(&tlb, &e);
	e.perms[0] = 3;
	smmu_tlb_insert(&tlb, &e);
	ck_assert(!smmu_tlb_forgotten(&tlb));
	e.block_bits = 12;
	e.level = 3;
	smmu_tlb_insert(&tlb, &e);
	ck_assert_uint_eq(tlb.used, 1);
	ck_assert(smmu_tlb_forgotten(&tlb));
	ck_assert(!smmu_tlb_forgotten(&tlb));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-tlb");
	TCase *tc = tcase_create("tlb");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_against_a_list, 0, 8);
	tcase_add_test(tc, test_full);
	tcase_add_test(tc, test_overlap);
	tcase_add_test(tc, test_levels);
	tcase_add_test(tc, test_replaced);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

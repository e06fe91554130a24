/* SPDX-License-Identifier: Apache-2.0 */
/* Every CMD_TLBI_* against every kind of entry. */
#include <check.h>

#include "smmu_soft_fixture.h"
#include "smmu_tlbi.h"
#include "run_suite.h"

#define ADDR_A UINT64_C(0x12345000)
#define ADDR_B UINT64_C(0x54321000)

/* Kinds of entries: one of each lies in the IOTLB. */
enum kind {
	A1_5,	/* EL1, stage 1, VMID 1, ASID 5, address A */
	B1_5,	/* address B */
	A1_6,	/* ASID 6 */
	A1_G,	/* global, made for ASID 6, address A + 1 page */
	A2_5,	/* VMID 2 */
	A2_G,	/* global of VMID 2, address A + 1 page */
	N_A1_5, /* both stages, VMID 1, ASID 5 */
	N_A1_G, /* both stages, global, A + 1 page */
	N_A2_5, /* both stages, VMID 2 */
	S2_A1,	/* stage 2, VMID 1 */
	S2_B1,
	S2_A2, /* VMID 2 */
	EL2_A,
	EL2_B,
	E2H_A_5,
	E2H_B_5,
	E2H_A_6,
	E2H_A_G, /* global, A + 1 page */
	NR_KINDS,
};

#define E(w, st, v, a, g, at)                                                                                          \
	{                                                                                                              \
		.va = (at), .pa = DATA, .tag = {SMMU_WORLD_##w, SMMU_TLB_##st, v, a}, .global = (g)                    \
	}

static const struct smmu_tlb_entry kinds[NR_KINDS] = {
	[A1_5] = E(EL1, S1, 1, 5, false, ADDR_A),	 [B1_5] = E(EL1, S1, 1, 5, false, ADDR_B),
	[A1_6] = E(EL1, S1, 1, 6, false, ADDR_A),	 [A1_G] = E(EL1, S1, 1, 6, true, ADDR_A + 0x1000),
	[A2_5] = E(EL1, S1, 2, 5, false, ADDR_A),	 [A2_G] = E(EL1, S1, 2, 6, true, ADDR_A + 0x1000),
	[N_A1_5] = E(EL1, S12, 1, 5, false, ADDR_A),	 [N_A1_G] = E(EL1, S12, 1, 6, true, ADDR_A + 0x1000),
	[N_A2_5] = E(EL1, S12, 2, 5, false, ADDR_A),	 [S2_A1] = E(EL1, S2, 1, 0, false, ADDR_A),
	[S2_B1] = E(EL1, S2, 1, 0, false, ADDR_B),	 [S2_A2] = E(EL1, S2, 2, 0, false, ADDR_A),
	[EL2_A] = E(EL2, S1, 0, 0, true, ADDR_A),	 [EL2_B] = E(EL2, S1, 0, 0, true, ADDR_B),
	[E2H_A_5] = E(EL2_E2H, S1, 0, 5, false, ADDR_A), [E2H_B_5] = E(EL2_E2H, S1, 0, 5, false, ADDR_B),
	[E2H_A_6] = E(EL2_E2H, S1, 0, 6, false, ADDR_A), [E2H_A_G] = E(EL2_E2H, S1, 0, 6, true, ADDR_A + 0x1000),
};

#define K(k)   (1u << (k))
#define EL1_1  (K(A1_5) | K(B1_5) | K(A1_6) | K(A1_G) | K(N_A1_5) | K(N_A1_G))
#define EL1_2  (K(A2_5) | K(A2_G) | K(N_A2_5))
#define STAGE2 (K(S2_A1) | K(S2_B1) | K(S2_A2))
#define EL2    (K(EL2_A) | K(EL2_B))
#define E2H    (K(E2H_A_5) | K(E2H_B_5) | K(E2H_A_6) | K(E2H_A_G))
#define G      0x1000u /* the page of the global entries */

/* 4.4: a command with VMID 1 and ASID 5, and what it removes. */
static const struct matrix_case {
	uint8_t op;
	uint64_t addr;
	unsigned removed;
} matrix[] = {
	{CMD_TLBI_NH_ALL, 0, EL1_1},
	{CMD_TLBI_NH_ASID, 0, K(A1_5) | K(B1_5) | K(N_A1_5)},
	{CMD_TLBI_NH_VA, ADDR_A, K(A1_5) | K(N_A1_5)},
	{CMD_TLBI_NH_VA, ADDR_A | 1, K(A1_5) | K(N_A1_5)},
	{CMD_TLBI_NH_VA, ADDR_A + G, K(A1_G) | K(N_A1_G)},
	{CMD_TLBI_NH_VA, ADDR_B, K(B1_5)},
	{CMD_TLBI_NH_VA, ADDR_B + G, 0},
	{CMD_TLBI_NH_VAA, ADDR_A, K(A1_5) | K(A1_6) | K(N_A1_5)},
	{CMD_TLBI_NH_VAA, ADDR_A + G, K(A1_G) | K(N_A1_G)},
	{CMD_TLBI_NH_VAA, ADDR_B, K(B1_5)},
	{CMD_TLBI_S12_VMALL, 0, EL1_1 | K(S2_A1) | K(S2_B1)},
	{CMD_TLBI_S2_IPA, ADDR_A, K(S2_A1)},
	{CMD_TLBI_S2_IPA, ADDR_B | 1, K(S2_B1)},
	{CMD_TLBI_S2_IPA, ADDR_A + G, 0},
	{CMD_TLBI_NSNH_ALL, 0, EL1_1 | EL1_2 | STAGE2},
	{CMD_TLBI_EL2_ALL, 0, EL2 | E2H},
	{CMD_TLBI_EL2_ASID, 0, K(E2H_A_5) | K(E2H_B_5)},
	{CMD_TLBI_EL2_VA, ADDR_A, K(EL2_A) | K(E2H_A_5)},
	{CMD_TLBI_EL2_VA, ADDR_A + G, K(E2H_A_G)},
	{CMD_TLBI_EL2_VA, ADDR_B, K(EL2_B) | K(E2H_B_5)},
	{CMD_TLBI_EL2_VAA, ADDR_A, K(EL2_A) | K(E2H_A_5) | K(E2H_A_6)},
	{CMD_TLBI_EL2_VAA, ADDR_B | 1, K(EL2_B) | K(E2H_B_5)},
	/* no invalidations of translations */
	{CMD_CFGI_STE_RANGE, 31, 0},
	{CMD_CFGI_CD_ALL, 0, 0},
	{CMD_PREFETCH_ADDR, ADDR_A, 0},
	{CMD_SYNC, 0, 0},
};

static void insert(const struct smmu_tlb_entry *from, unsigned size_bits)
{
	struct smmu_tlb_entry e = *from;

	e.size_bits = e.block_bits = (uint8_t)size_bits;
	e.page_bits = 12;
	e.level = smmu_tlb_level(size_bits, 12);
	e.perms[0] = e.perms[1] = RW;
	e.va &= ~(BIT64(size_bits) - 1);
	smmu_tlb_insert(&fx.smmu->tlb, &e);
}

static void fill(void)
{
	setup_soft();
	start();
	for (unsigned i = 0; i < NR_KINDS; i++)
		insert(&kinds[i], 12);
	ck_assert_uint_eq(fx.smmu->tlb.used, NR_KINDS);
}

static bool present(unsigned kind)
{
	const struct smmu_tlb_entry *e = smmu_tlb_find(&fx.smmu->tlb, &kinds[kind].tag, kinds[kind].va);

	return e && e->va == kinds[kind].va;
}

START_TEST(test_matrix)
{
	const struct matrix_case *c = &matrix[_i];
	uint64_t removed = counter(&stats.smmu_tlb_removed);
	bool by_address = c->op != CMD_CFGI_STE_RANGE;

	issue(by_address ? asid_cmd(c->op, 1, 5) : c->op, c->addr);
	ck_assert_uint_eq(cmdq_err(), 0);
	for (unsigned k = 0; k < NR_KINDS; k++)
		ck_assert_msg(present(k) == !(c->removed & K(k)), "entry %u", k);
	ck_assert_uint_eq(counter(&stats.smmu_tlb_removed) - removed, (unsigned)__builtin_popcount(c->removed));
	ck_assert_uint_eq(soft[0].invalidated, c->removed || c->op == CMD_CFGI_STE_RANGE || c->op == CMD_CFGI_CD_ALL);
}
END_TEST

/* The same with an IOTLB so full of other things that names are looked up one by one. */
START_TEST(test_matrix_in_a_crowd)
{
	struct smmu_tlb_entry other = E(EL1, S1, 99, 99, false, 0);

	for (unsigned i = 0; i < 1000; i++) {
		other.va = (uint64_t)i << 12;
		insert(&other, 12);
	}
	issue(asid_cmd(matrix[_i].op, matrix[_i].op == CMD_CFGI_STE_RANGE ? 0 : 1, 5), matrix[_i].addr);
	for (unsigned k = 0; k < NR_KINDS; k++)
		ck_assert_msg(present(k) == !(matrix[_i].removed & K(k)), "entry %u", k);
	ck_assert_uint_eq(fx.smmu->tlb.used,
			  matrix[_i].op == CMD_TLBI_NSNH_ALL
				  ? NR_KINDS - (unsigned)__builtin_popcount(matrix[_i].removed)
				  : 1000 + NR_KINDS - (unsigned)__builtin_popcount(matrix[_i].removed));
}
END_TEST

#define TG(n)  ((uint64_t)(n) << 10)
#define TTL(n) ((uint64_t)(n) << 8)
#define NUM(n) ((uint64_t)(n) << 12)
#define SCL(n) ((uint64_t)(n) << 20)

/* 4.4.1.1: entries in tables of 4 KiB pages, of 4K, 2M and 1G, the first at address 1 << 40 (one of each size), and
 * what a command by address finds. */
static const struct range_case {
	uint64_t dw0, dw1;
	uint64_t at; /* of a page, block: where the entry lies */
	unsigned size_bits;
	bool removed;
} ranges[] = {
	/* one address: anywhere in the block */
	{0, 0x10000, 0x10000, 12, true},
	{0, 0x11000, 0x10000, 12, false},
	{0, 0xf000, 0x10000, 12, false},
	{0, 0x3ff000, 0x200000, 21, true},
	{0, 0x400000, 0x200000, 21, false},
	{0, 0x7ffff000, 0x40000000, 30, true},
	{0, 0x80000000, 0x40000000, 30, false},
	/* (NUM + 1) << SCALE pages */
	{NUM(3), 0x10000 | TG(1), 0x13000, 12, true},
	{NUM(3), 0x10000 | TG(1), 0x14000, 12, false},
	{NUM(3), 0x10000 | TG(1), 0xf000, 12, false},
	{NUM(0) | SCL(2), 0x10000 | TG(1), 0x13000, 12, true},
	{NUM(0) | SCL(2), 0x10000 | TG(1), 0x14000, 12, false},
	{NUM(31) | SCL(9), 0 | TG(1), 0x3fff000, 12, true},
	{NUM(31) | SCL(9), 0 | TG(1), 0x4000000, 12, false},
	{NUM(31) | SCL(31), 0 | TG(1), 0xfffffff000, 12, true},
	/* a range that touches a block */
	{NUM(1), 0x1ff000 | TG(1), 0x200000, 21, true},
	{NUM(1), 0x3ff000 | TG(1), 0x200000, 21, true},
	{NUM(1), 0x400000 | TG(1), 0x200000, 21, false},
	/* beyond the end of the address space */
	{NUM(31) | SCL(31), MASK64(63, 12) | TG(1), 0x10000, 12, false},
	/* other granules need not be removed */
	{NUM(3), 0x10000 | TG(2), 0x10000, 12, false},
	{NUM(3), 0x10000 | TG(3), 0x10000, 12, false},
	/* TTL: leaves of that level */
	{0, 0x10000 | TG(1) | TTL(3), 0x10000, 12, true},
	{0, 0x10000 | TG(1) | TTL(2), 0x10000, 12, false},
	{0, 0x200000 | TG(1) | TTL(2), 0x200000, 21, true},
	{0, 0x200000 | TG(1) | TTL(3), 0x200000, 21, false},
	{0, 0x200000 | TG(1) | TTL(1), 0x200000, 21, false},
	{0, 0x40000000 | TG(1) | TTL(1), 0x40000000, 30, true},
	{NUM(0) | SCL(9), 0x200000 | TG(1) | TTL(2), 0x200000, 21, true},
	{NUM(1) | SCL(9), 0x200000 | TG(1) | TTL(2), 0x400000, 21, true},
	{NUM(1) | SCL(9), 0x200000 | TG(1) | TTL(2), 0x600000, 21, false},
	/* TG 0: the rest is RES0 */
	{NUM(31) | SCL(3), 0x10000 | TTL(1), 0x10000, 12, true},
	{NUM(31) | SCL(3), 0x10000 | TTL(1), 0x11000, 12, false},
};

static const uint8_t by_address[] = {CMD_TLBI_NH_VA, CMD_TLBI_NH_VAA, CMD_TLBI_S2_IPA, CMD_TLBI_EL2_VA,
				     CMD_TLBI_EL2_VAA};

START_TEST(test_ranges)
{
	const struct range_case *c = &ranges[_i];

	for (unsigned op = 0; op < ARRAY_LEN(by_address); op++) {
		for (unsigned crowd = 0; crowd < 2; crowd++) {
			struct smmu_tlb_entry e = E(EL1, S1, 1, 5, false, c->at);
			struct smmu_tlb_entry other = E(EL1, S1, 99, 99, false, 0);

			if (by_address[op] == CMD_TLBI_S2_IPA)
				e.tag = (struct smmu_tlb_tag){SMMU_WORLD_EL1, SMMU_TLB_S2, 1, 0};
			if (by_address[op] >= CMD_TLBI_EL2_VA && by_address[op] <= CMD_TLBI_EL2_VAA)
				e.tag = (struct smmu_tlb_tag){SMMU_WORLD_EL2_E2H, SMMU_TLB_S1, 0, 5};
			smmu_tlb_reset(&fx.smmu->tlb);
			for (unsigned i = 0; i < crowd * 100; i++) {
				other.va = (uint64_t)i << 12;
				insert(&other, 12);
			}
			insert(&e, c->size_bits);
			issue(c->dw0 | asid_cmd(by_address[op], 1, 5), c->dw1);
			ck_assert_uint_eq(cmdq_err(), 0);
			ck_assert_msg(!smmu_tlb_find(&fx.smmu->tlb, &e.tag, c->at) == c->removed, "op %x crowd %u",
				      by_address[op], crowd);
		}
	}
}
END_TEST

/* Larger granules: the range begins with a page of theirs; level 1 of 16 KiB pages is no hint. */
START_TEST(test_scope_of_other_granules)
{
	static const struct {
		uint64_t dw0, dw1;
		uint64_t first, last;
		unsigned page_bits, level;
	} cases[] = {
		{NUM(1), 0x15000 | TG(2), 0x14000, 0x1bfff, 14, 0},
		{NUM(0) | SCL(1), 0x1f000 | TG(3), 0x10000, 0x2ffff, 16, 0},
		{NUM(1), 0x14000 | TG(2) | TTL(1), 0x14000, 0x1bfff, 14, 0},
		{NUM(1), 0x14000 | TG(2) | TTL(2), 0x14000, 0x1bfff, 14, 2},
		{0, 0x10000 | TG(3) | TTL(1), 0x10000, 0x1ffff, 16, 1},
		{NUM(1), MASK64(55, 16) | TG(3) | TTL(3), MASK64(63, 16), UINT64_MAX, 16, 3},
	};
	struct smmu_tlb_scope scope;
	uint32_t idr[6];

	smmu_id_get(fx.smmu, idr);
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct smmu_cmd cmd = {.dw = {cases[i].dw0 | CMD_TLBI_NH_VA, cases[i].dw1}};

		smmu_tlbi_scope(idr, &cmd, &scope);
		ck_assert_uint_eq(scope.first, cases[i].first);
		ck_assert_uint_eq(scope.last, cases[i].last);
		ck_assert_uint_eq(scope.page_bits, cases[i].page_bits);
		ck_assert_uint_eq(scope.level, cases[i].level);
	}
}
END_TEST

/* Reserved parameters of the commands of stage 2 and EL2 too. */
START_TEST(test_illegal_ranges)
{
	issue(asid_cmd(by_address[_i], 1, 5), TG(1));
	ck_assert_uint_eq(cmdq_err(), CERROR_ILL);
	skip_bad_command();
	fx.smmu->regs[R_IDR3] &= ~(uint64_t)IDR3_RIL;
	issue(asid_cmd(by_address[_i], 1, 5) | NUM(1), 0);
	ck_assert_uint_eq(cmdq_err(), CERROR_ILL);
	ck_assert_uint_eq(fx.smmu->tlb.used, NR_KINDS);
}
END_TEST

/* Legal exactly where IDR0 has stage 2 or EL2. */
START_TEST(test_needs_features)
{
	static const struct {
		uint8_t op;
		uint32_t bit;
	} needs[] = {
		{CMD_TLBI_EL2_ALL, IDR0_HYP},  {CMD_TLBI_EL2_VA, IDR0_HYP},    {CMD_TLBI_EL2_VAA, IDR0_HYP},
		{CMD_TLBI_EL2_ASID, IDR0_HYP}, {CMD_TLBI_S12_VMALL, IDR0_S2P}, {CMD_TLBI_S2_IPA, IDR0_S2P},
	};

	for (unsigned i = 0; i < ARRAY_LEN(needs); i++) {
		fx.smmu->regs[R_IDR0] |= IDR0_HYP | IDR0_S2P;
		issue(needs[i].op, 0);
		ck_assert_uint_eq(cmdq_err(), 0);
		fx.smmu->regs[R_IDR0] &= ~(uint64_t)needs[i].bit;
		issue(needs[i].op, 0);
		ck_assert_uint_eq(cmdq_err(), CERROR_ILL);
		skip_bad_command();
	}
}
END_TEST

/* 4.4: fields that are RES0 without their features. */
START_TEST(test_narrow_names)
{
	fx.smmu->regs[R_IDR0] &= ~(uint64_t)(IDR0_ASID16 | IDR0_VMID16);
	issue(asid_cmd(CMD_TLBI_NH_ASID, 0xab01, 0xcd05), 0);
	ck_assert(!present(A1_5));
	ck_assert(present(A1_6));
	fx.smmu->regs[R_IDR0] &= ~(uint64_t)IDR0_S2P;
	issue(vmid_cmd(CMD_TLBI_NH_ALL, 2), 0);
	ck_assert(present(A2_5));
	ck_assert(present(A1_6));
}
END_TEST

/* A stage 1 block that stage 2 cut to pieces: each address of the block names each piece. */
START_TEST(test_fragments)
{
	struct tables s2 = identity_s2(), s1 = new_tables(12, 39);

	for (unsigned i = 0; i < 512; i++)
		map_page(&s2, 0x80000000 + i * 0x1000, i % 2 ? DATA : DATA2, LEAF_S2);
	map_at(&s1, 0x400000, 0x80000000, 2, LEAF_S1);
	map_page(&s1, 0x600000, DATA, LEAF_S1);
	stream_nested(0x10, 0, 3, 5, &s1, &s2);
	ck_assert_uint_eq(pa_of(0, 0x400000), DATA2);
	ck_assert_uint_eq(pa_of(0, 0x401000), DATA);
	ck_assert_uint_eq(pa_of(0, 0x600000), DATA);
	put64(desc_at(&s1, 0x400000, 2), 0);
	put64(desc_at(&s1, 0x600000, 3), 0);
	/* not by a level that is stage 2's */
	issue(asid_cmd(CMD_TLBI_NH_VA, 3, 5), 0x400000 | TG(1) | TTL(3));
	ck_assert_uint_eq(pa_of(0, 0x400000), DATA2);
	issue(asid_cmd(CMD_TLBI_NH_VA, 3, 5), 0x5ff000);
	ck_assert_uint_eq(pa_of(0, 0x400000), 0);
	ck_assert_uint_eq(pa_of(0, 0x401000), 0);
	ck_assert_uint_eq(pa_of(0, 0x600000), DATA);
}
END_TEST

/* Where stage 1 has the smaller leaf, or one of the same size, an address names no more than its page. */
START_TEST(test_no_fragments)
{
	struct tables s2 = identity_s2(), s1 = new_tables(12, 39);

	map_page(&s2, 0x5000, DATA, LEAF_S2);
	for (unsigned i = 0; i < 2; i++)
		map_page(&s1, 0x400000 + i * 0x1000, _i ? 0x5000 : DATA, LEAF_S1);
	stream_nested(0x10, 0, 3, 5, &s1, &s2);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_eq(pa_of(0, 0x400000 + i * 0x1000), DATA);
		put64(desc_at(&s1, 0x400000 + i * 0x1000, 3), 0);
	}
	issue(asid_cmd(CMD_TLBI_NH_VA, 3, 5), 0x400000 | TG(1) | TTL(2));
	ck_assert_uint_eq(pa_of(0, 0x400000), DATA);
	issue(asid_cmd(CMD_TLBI_NH_VA, 3, 5), 0x400000 | TG(1) | TTL(3));
	ck_assert_uint_eq(pa_of(0, 0x400000), 0);
	ck_assert_uint_eq(pa_of(0, 0x401000), DATA);
}
END_TEST

/* CMD_TLBI_S2_IPA leaves combined entries alone, as on PEs; drivers follow it with CMD_TLBI_NH_ALL. */
START_TEST(test_combined_entries_and_s2_ipa)
{
	struct tables s2 = identity_s2(), s1 = new_tables(12, 39);

	map_page(&s2, 0x5000, DATA, LEAF_S2);
	map_page(&s1, 0x7000, 0x5000, LEAF_S1);
	stream_nested(0x10, 0, 3, 5, &s1, &s2);
	stream_s2(0x11, 3, &s2);
	ck_assert_uint_eq(pa_of(0, 0x7000), DATA);
	ck_assert_uint_eq(pa_of(1, 0x5000), DATA);
	map_page(&s2, 0x5000, DATA2, LEAF_S2);
	issue(vmid_cmd(CMD_TLBI_S2_IPA, 3), 0x5001);
	ck_assert_uint_eq(pa_of(0, 0x7000), DATA);
	ck_assert_uint_eq(pa_of(1, 0x5000), DATA2);
	issue(vmid_cmd(CMD_TLBI_NH_ALL, 3), 0);
	ck_assert_uint_eq(pa_of(0, 0x7000), DATA2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-tlbi");
	TCase *tc = tcase_create("matrix");

	tcase_add_checked_fixture(tc, fill, teardown);
	tcase_add_loop_test(tc, test_matrix, 0, ARRAY_LEN(matrix));
	tcase_add_loop_test(tc, test_matrix_in_a_crowd, 0, ARRAY_LEN(matrix));
	tcase_add_loop_test(tc, test_ranges, 0, ARRAY_LEN(ranges));
	tcase_add_loop_test(tc, test_illegal_ranges, 0, ARRAY_LEN(by_address));
	tcase_add_test(tc, test_scope_of_other_granules);
	tcase_add_test(tc, test_needs_features);
	tcase_add_test(tc, test_narrow_names);
	tcase_add_test(tc, test_fragments);
	tcase_add_loop_test(tc, test_no_fragments, 0, 2);
	tcase_add_test(tc, test_combined_entries_and_s2_ipa);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

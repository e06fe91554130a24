/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 2 alone and below stage 1. */
#include "rig.h"

#define IPA_CD	  0x5000000000ull /* beyond the RAM that s2_identity() maps */
#define NESTED_VA 0x10000ull

static uint64_t map_data(struct pt *pt, unsigned level, uint64_t attributes)
{
	uint64_t size = pt_leaf_size(pt, level), base = pa(data) & ~(size - 1);
	uint64_t ipa = pt_some_va(pt) & ~(size - 1);

	pt_map(pt, ipa, base, level, attributes);
	return ipa + (pa(data) - base);
}

/* Start levels with and without concatenated tables (DDI 0487, table D8-14 ff.). */
static void geometry(void)
{
	static const struct {
		unsigned shift, bits;
		int start;
	} cases[] = {
		{12, 48, 0}, {12, 44, 0}, {12, 43, 1}, {12, 40, 1}, {12, 39, 1}, {12, 34, 2}, {12, 32, 2}, {12, 32, 1},
		{14, 48, 1}, {14, 40, 2}, {14, 40, 1}, {14, 36, 2}, {14, 26, 2}, {16, 48, 1}, {16, 46, 2}, {16, 42, 2},
		{16, 40, 2}, {16, 32, 2}, {12, 21, 3}, {12, 20, 3}, {14, 24, 3}, {16, 20, 3},
	};

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++)
		for (unsigned level = (unsigned)cases[i].start; level <= 3; level++) {
			struct pt pt;
			uint64_t ipa;

			rig_reset();
			if (!(smmu.idr5 & S_IDR5_GRAN4K << (cases[i].shift - 12) / 2) ||
			    (cases[i].bits < 25 && !(smmu.idr3 & S_IDR3_STT)))
				continue;
			pt_init(&pt, cases[i].shift, cases[i].bits, cases[i].start);
			if (!pt_leaf_ok(&pt, level))
				continue;
			step("granule 2^%u, %u bits from level %d, leaf at %u", cases[i].shift, cases[i].bits,
			     cases[i].start, level);
			ipa = map_data(&pt, level, S2_RW);
			ste_s2(&pt, 0);
			gives(ipa, MAGIC);
			takes(ipa + 8, data + 1, 0, 0);
			if (cases[i].bits < 48)
				FAULTS(.id = E_F_TRANSLATION, .s2 = true, .class = E_CLASS_IN,
				       .iova = ipa ^ 1ull << cases[i].bits);
			STOP_IF_FAILED();
		}
}

static void permissions(void)
{
	for (unsigned ap = 0; ap < 4; ap++) {
		struct pt pt;
		uint64_t ipa;

		step("S2AP %u", ap);
		rig_reset();
		pt_init(&pt, 12, 40, 1);
		ipa = map_data(&pt, 3, P_AF | P_SH | P_S2_WB | (uint64_t)ap << 6);
		ste_s2(&pt, 0);
		if (ap & 1)
			gives(ipa, MAGIC);
		else
			FAULTS(.id = E_F_PERMISSION, .s2 = true, .class = E_CLASS_IN, .iova = ipa,
			       .ipa = ipa & ~0xfffull);
		if (ap & 2)
			takes(ipa, data, 0, 0);
		else
			FAULTS(.id = E_F_PERMISSION, .s2 = true, .class = E_CLASS_IN, .iova = ipa, .write = true,
			       .ipa = ipa & ~0xfffull);
		STOP_IF_FAILED();
	}
}

static void fault_kinds(void)
{
	struct pt pt;
	uint64_t ipa;

	rig_reset();
	pt_init(&pt, 12, 40, 1);
	ipa = map_data(&pt, 3, S2_RW & ~P_AF);
	ste_s2(&pt, 0);
	step("AF");
	FAULTS(.id = E_F_ACCESS, .s2 = true, .class = E_CLASS_IN, .iova = ipa, .ipa = ipa & ~0xfffull);
	step("AFFD");
	ste_s2(&pt, T2_AFFD);
	tlb_clean();
	gives(ipa, MAGIC);
	step("unmapped");
	*pt_entry(&pt, ipa, 3) = 0;
	tlb_clean();
	FAULTS(.id = E_F_TRANSLATION, .s2 = true, .class = E_CLASS_IN, .iova = ipa, .ipa = ipa & ~0xfffull);
	step("S2R 0");
	smmu_set_ste(&smmu, sid, T0_V | T0_CONFIG(T_S2), T1_SHCFG_IN, s2_dw2(&pt, 0) & ~T2_R, pt.root);
	aborts(ipa, false, 0, 0);
	step("table out of RAM");
	ste_s2(&pt, 0);
	*pt_entry(&pt, ipa, 2) = NOWHERE | P_VALID | P_TABLE;
	tlb_clean();
	FAULTS(.id = E_F_WALK_EABT, .s2 = true, .class = E_CLASS_IN, .iova = ipa,
	       .ipa = NOWHERE + (ipa >> 12 & 511) * 8);
	step("address size");
	rig_reset();
	pt_init(&pt, 12, 40, 1);
	ipa = map_data(&pt, 3, S2_RW);
	*pt_entry(&pt, ipa, 3) |= 1ull << 45;
	smmu_set_ste(&smmu, sid, T0_V | T0_CONFIG(T_S2), T1_SHCFG_IN, (s2_dw2(&pt, 0) & ~T2_PS(7)) | T2_PS(2), pt.root);
	FAULTS(.id = E_F_ADDR_SIZE, .s2 = true, .class = E_CLASS_IN, .iova = ipa, .ipa = ipa & ~0xfffull);
}

static void hardware_update(void)
{
	struct pt pt;
	uint64_t ipa, *leaf;

	if (field_get32(S_IDR0_HTTU, smmu.idr0) < 2)
		return;
	rig_reset();
	pt_init(&pt, 12, 40, 1);
	ipa = map_data(&pt, 3, (S2_RW & ~(P_AF | P_S2_WRITE)) | P_DBM);
	leaf = pt_entry(&pt, ipa, 3);
	ste_s2(&pt, T2_HA | T2_HD);
	gives(ipa, MAGIC);
	CHECK_EQ(*(volatile uint64_t *)leaf & (P_AF | P_S2_WRITE), P_AF);
	takes(ipa, data, 0, 0);
	STOP_IF_FAILED();
	CHECK_EQ(*(volatile uint64_t *)leaf & (P_AF | P_S2_WRITE), P_AF | P_S2_WRITE);
}

/* Tables and CD of stage 1 lie in intermediate addresses, the data too. */
static void nested(void)
{
	struct pt *s1, *s2;
	uint64_t *cd;

	rig_reset();
	s1 = s1_simple(NESTED_VA);
	cd = cd_new(s1);
	s2 = s2_identity();
	/* CD and data where 1:1 does not lead */
	pt_map(s2, IPA_CD, pa(cd), 3, S2_RW);
	pt_map(s1, NESTED_VA, IPA_CD + PAGE, 3, S1_RW);
	pt_map(s2, IPA_CD + PAGE, pa(data), 3, S2_RW);
	ste_nested(IPA_CD, s2, 0);
	gives(NESTED_VA, MAGIC);
	takes(NESTED_VA + 8, data + 1, 0, 0);
}

/* Which access of the walk found no stage 2: CLASS, and the IPA (7.3.13 ff.). */
static void nested_faults(void)
{
	struct pt *s1, *s2;
	uint64_t *cd, old;

	rig_reset();
	s1 = s1_simple(NESTED_VA);
	cd = cd_new(s1);
	s2 = s2_identity();
	step("input");
	pt_map(s1, NESTED_VA, IPA_CD + PAGE, 3, S1_RW);
	ste_nested(pa(cd), s2, 0);
	FAULTS(.id = E_F_TRANSLATION, .s2 = true, .class = E_CLASS_IN, .iova = NESTED_VA + 8, .ipa = IPA_CD + PAGE);
	step("table");
	old = *pt_entry(s1, NESTED_VA, 2);
	*pt_entry(s1, NESTED_VA, 2) = IPA_CD | P_VALID | P_TABLE;
	tlb_clean();
	FAULTS(.id = E_F_TRANSLATION, .s2 = true, .class = E_CLASS_TTD, .iova = NESTED_VA + 8, .ipa = IPA_CD);
	*pt_entry(s1, NESTED_VA, 2) = old;
	step("CD");
	ste_nested(IPA_CD + 2 * PAGE, s2, 0);
	FAULTS(.id = E_F_TRANSLATION, .s2 = true, .class = E_CLASS_CD, .iova = NESTED_VA + 8, .ipa = IPA_CD + 2 * PAGE);
	step("stage 1 first");
	ste_nested(pa(cd), s2, 0);
	FAULTS(.id = E_F_TRANSLATION, .class = E_CLASS_IN, .iova = NESTED_VA + 0x20000);
}

/* External aborts below stage 2 (7.3.12), by what was on the way: a CD, a table of stage 1, or the input; and of stage
 * 1 itself, whose IPA translates to nowhere. */
static void nested_aborts(void)
{
	struct pt *s1, *s2;
	uint64_t *cd, old;

	rig_reset();
	s1 = s1_simple(NESTED_VA);
	cd = cd_new(s1);
	s2 = s2_identity();
	*pt_entry(s2, IPA_CD, 2) = NOWHERE | P_VALID | P_TABLE;
	step("input");
	pt_map(s1, NESTED_VA, IPA_CD, 3, S1_RW);
	ste_nested(pa(cd), s2, 0);
	FAULTS(.id = E_F_WALK_EABT, .s2 = true, .class = E_CLASS_IN, .iova = NESTED_VA, .ipa = NOWHERE);
	step("stage 1 table");
	old = *pt_entry(s1, NESTED_VA, 2);
	*pt_entry(s1, NESTED_VA, 2) = IPA_CD | P_VALID | P_TABLE;
	tlb_clean();
	FAULTS(.id = E_F_WALK_EABT, .s2 = true, .class = E_CLASS_TTD, .iova = NESTED_VA, .ipa = NOWHERE);
	*pt_entry(s1, NESTED_VA, 2) = old;
	step("CD");
	ste_nested(IPA_CD, s2, 0);
	FAULTS(.id = E_F_WALK_EABT, .s2 = true, .class = E_CLASS_CD, .iova = NESTED_VA, .ipa = NOWHERE);
	step("stage 1 table, translated to nowhere");
	*pt_entry(s2, IPA_CD, 2) = 0;
	pt_map(s2, IPA_CD, NOWHERE, 3, S2_RW);
	*pt_entry(s1, NESTED_VA, 2) = IPA_CD | P_VALID | P_TABLE;
	ste_nested(pa(cd), s2, 0);
	tlb_clean();
	FAULTS(.id = E_F_WALK_EABT, .class = E_CLASS_TTD, .iova = NESTED_VA + 8,
	       .ipa = NOWHERE + (NESTED_VA >> 12 & 511) * 8);
	step("CD, translated to nowhere");
	ste_nested(IPA_CD, s2, 0);
	FAULTS(.id = E_F_CD_FETCH, .iova = NESTED_VA, .ipa = NOWHERE);
}

/* S2PTW: a table of stage 1 in what stage 2 maps as Device memory is a permission fault (5.2). */
static void protected_walk(void)
{
	struct pt *s1, *s2;
	uint64_t *cd, at;

	rig_reset();
	s1 = s1_simple(NESTED_VA);
	cd = cd_new(s1);
	s2 = s2_identity();
	at = *pt_entry(s1, NESTED_VA, 2) & MASK64(47, 12);
	pt_map(s2, IPA_CD, at, 3, S2_RW & ~P_S2_WB);
	*pt_entry(s1, NESTED_VA, 2) = IPA_CD | P_VALID | P_TABLE;
	ste_nested(pa(cd), s2, 0);
	gives(NESTED_VA, MAGIC);
	ste_nested(pa(cd), s2, T2_PTW);
	tlb_clean();
	FAULTS(.id = E_F_PERMISSION, .s2 = true, .class = E_CLASS_TTD, .iova = NESTED_VA, .ipa = IPA_CD);
}

/* Stage 1 allows what stage 2 forbids. */
static void nested_permissions(void)
{
	struct pt *s1, *s2;
	uint64_t *cd;

	rig_reset();
	s1 = s1_simple(NESTED_VA);
	cd = cd_new(s1);
	s2 = s2_identity();
	pt_map(s1, NESTED_VA, IPA_CD, 3, S1_RW);
	pt_map(s2, IPA_CD, pa(data), 3, S2_RW & ~P_S2_WRITE);
	ste_nested(pa(cd), s2, 0);
	gives(NESTED_VA, MAGIC);
	FAULTS(.id = E_F_PERMISSION, .s2 = true, .class = E_CLASS_IN, .iova = NESTED_VA, .write = true, .ipa = IPA_CD);
}

const struct guest_case s2_cases[] = {
	{"smmu stage 2 geometry", geometry},
	{"smmu stage 2 permissions", permissions},
	{"smmu stage 2 faults", fault_kinds},
	{"smmu stage 2 hardware update", hardware_update},
	{"smmu nested", nested},
	{"smmu nested faults", nested_faults},
	{"smmu nested aborts", nested_aborts},
	{"smmu S2PTW", protected_walk},
	{"smmu nested permissions", nested_permissions},
};
const unsigned nr_s2 = ARRAY_LEN(s2_cases);

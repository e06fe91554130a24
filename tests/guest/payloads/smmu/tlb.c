/* SPDX-License-Identifier: Apache-2.0 */
/* Each TLB invalidation ends what it names (Arm IHI 0070, 4.4); range commands, CFGI_CD, break-before-make levels. */
#include "rig.h"

#define VA	 0x40000ull
#define OTHER	 6u
#define ANY_VMID 0u

static uint64_t vmid(uint64_t v)
{
	return v << 32;
}

static uint64_t asid(uint64_t v)
{
	return v << 48;
}

/* Maps the page at VA to data, uses it, changes it to spare, gives the command; the next access must see spare. */
static void changes_after(struct pt *pt, uint64_t va, uint64_t attributes, uint64_t dw0, uint64_t dw1)
{
	pt_map(pt, va, pa(data), 3, attributes);
	smmu_cmd(&smmu, OP_TLBI_EL2_ALL, 0);
	smmu_do(&smmu, OP_TLBI_NSNH_ALL, 0);
	gives(va, MAGIC);
	pt_map(pt, va, pa(spare), 3, attributes);
	smmu_do(&smmu, dw0, dw1);
	gives(va, ~MAGIC);
}

static void stage1(void)
{
	static const struct {
		const char *name;
		uint64_t dw0;
		bool leaf, address;
	} commands[] = {
		{"NSNH_ALL", OP_TLBI_NSNH_ALL, false, false},
		{"NH_ALL", OP_TLBI_NH_ALL, false, false},
		{"NH_ASID", OP_TLBI_NH_ASID | (uint64_t)ASID << 48, false, false},
		{"NH_VA", OP_TLBI_NH_VA | (uint64_t)ASID << 48, false, true},
		{"NH_VA leaf", OP_TLBI_NH_VA | (uint64_t)ASID << 48, true, true},
		{"NH_VAA", OP_TLBI_NH_VAA, false, true},
		{"NH_VAA leaf", OP_TLBI_NH_VAA, true, true},
	};
	struct pt *pt;

	rig_reset();
	pt = s1_simple(VA);
	ste_s1(cd_new(pt));
	for (unsigned i = 0; i < ARRAY_LEN(commands); i++) {
		step("%s", commands[i].name);
		changes_after(pt, VA, S1_RW, commands[i].dw0,
			      (commands[i].address ? VA : 0) | (commands[i].leaf ? 1 : 0));
		step("%s, global page", commands[i].name);
		if (i != 2) /* by ASID: not those that belong to all */
			changes_after(pt, VA, S1_RW & ~P_NG, commands[i].dw0,
				      (commands[i].address ? VA : 0) | (commands[i].leaf ? 1 : 0));
		STOP_IF_FAILED();
	}
}

/* STRW: EL2 and EL2-E2H (5.2) */
static void el2(void)
{
	static const struct {
		const char *name;
		uint64_t dw0;
		bool address, e2h_only;
	} commands[] = {
		{"EL2_ALL", OP_TLBI_EL2_ALL, false, false},
		{"EL2_VA", OP_TLBI_EL2_VA | (uint64_t)ASID << 48, true, false},
		{"EL2_VAA", OP_TLBI_EL2_VAA, true, true},
		{"EL2_ASID", OP_TLBI_EL2_ASID | (uint64_t)ASID << 48, false, true},
	};

	if (!(smmu.idr0 & S_IDR0_HYP))
		return;
	for (unsigned e2h = 0; e2h < 2; e2h++) {
		struct pt *pt;
		uint64_t *cd;

		rig_reset();
		smmu_cr0(&smmu, S_CR0_CMDQEN);
		write32(smmu.base + S_CR2, S_CR2_RECINVSID | (e2h ? S_CR2_E2H : 0));
		smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN | S_CR0_SMMUEN);
		pt = s1_simple(VA);
		cd = cd_new(pt);
		smmu_set_ste(&smmu, sid, pa(cd) | T0_V | T0_CONFIG(T_S1), T1_CACHED | T1_STRW(2), 0, 0);
		for (unsigned i = 0; i < ARRAY_LEN(commands); i++) {
			if (commands[i].e2h_only && !e2h)
				continue;
			step("%s%s", commands[i].name, e2h ? " E2H" : "");
			changes_after(pt, VA, S1_RW, commands[i].dw0, commands[i].address ? VA : 0);
			STOP_IF_FAILED();
		}
	}
}

/* 4.4.1.1: TG, SCALE, NUM, TTL. */
static void ranges(void)
{
	static const struct {
		unsigned num, scale;
		uint64_t before; /* pages between the range's start and ours */
	} cases[] = {
		{0, 0, 0}, {3, 0, 3}, {31, 0, 17}, {0, 1, 1}, {1, 1, 3}, {0, 4, 15}, {30, 5, 900}, {31, 20, 63},
	};
	struct pt *pt;

	rig_reset();
	if (!(smmu.idr3 & S_IDR3_RIL))
		return;
	pt = s1_simple(VA);
	ste_s1(cd_new(pt));
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++)
		for (unsigned ttl = 0; ttl < 4; ttl += 3) {
			uint64_t dw0 = OP_TLBI_NH_VA | asid(ASID) | cases[i].num << 12 | cases[i].scale << 20;
			uint64_t va = VA + 1000 * PAGE;

			if (cases[i].num == 0 && cases[i].scale == 0 && ttl == 0)
				continue; /* reserved */
			step("NUM %u SCALE %u TTL %u", cases[i].num, cases[i].scale, ttl);
			changes_after(pt, va, S1_RW, dw0,
				      (va - cases[i].before * PAGE) | 1ull << 10 | (uint64_t)ttl << 8 | (ttl ? 1 : 0));
			STOP_IF_FAILED();
		}
}

/* A block by range and by address of another page in it. */
static void blocks(void)
{
	uint64_t block = 2ull << 20, base = pa(data) & ~(block - 1), other = base + block;
	struct pt pt;
	uint64_t iova;

	rig_reset();
	pt_init(&pt, 12, 48, -1);
	iova = 0x40000000 + (pa(data) - base);
	*(volatile uint64_t *)(other + (pa(data) - base)) = 0x1234;
	ste_s1(cd_new(&pt));
	for (unsigned i = 0; i < 2; i++) {
		pt_map(&pt, 0x40000000, base, 2, S1_RW);
		tlb_clean();
		gives(iova, MAGIC);
		pt_map(&pt, 0x40000000, other, 2, S1_RW);
		if (i == 0)
			smmu_do(&smmu, OP_TLBI_NH_VA | asid(ASID), 0x40000000 + 0x1ff000);
		else
			smmu_do(&smmu, OP_TLBI_NH_VA | asid(ASID) | 1 << 12, 0x40000000 | 1 << 10 | 2 << 8 | 1);
		gives(iova, 0x1234);
	}
}

/* 4.4.4: stage 2 by IPA, then the VM's stage 1 entries that lead through it; all of a VM. */
static void stage2(void)
{
	uint64_t ipa = 0x5000000000ull;
	struct pt *s1, *s2;

	rig_reset();
	s2 = s2_identity();
	ste_s2(s2, 0);
	step("S2_IPA");
	changes_after(s2, ipa, S2_RW, OP_TLBI_S2_IPA | vmid(VMID), ipa | 1);
	step("S12_VMALL");
	changes_after(s2, ipa, S2_RW, OP_TLBI_S12_VMALL | vmid(VMID), 0);
	step("NSNH_ALL");
	changes_after(s2, ipa, S2_RW, OP_TLBI_NSNH_ALL, 0);
	if (smmu.idr3 & S_IDR3_RIL) {
		step("S2_IPA range");
		changes_after(s2, ipa, S2_RW, OP_TLBI_S2_IPA | vmid(VMID) | 1 << 12 | 1 << 20,
			      (ipa - PAGE) | 1 << 10 | 1);
	}
	s1 = s1_simple(VA);
	pt_map(s1, VA, ipa, 3, S1_RW);
	pt_map(s2, ipa, pa(data), 3, S2_RW);
	ste_nested(pa(cd_new(s1)), s2, 0);
	tlb_clean();
	step("nested");
	gives(VA, MAGIC);
	pt_map(s2, ipa, pa(spare), 3, S2_RW);
	smmu_cmd(&smmu, OP_TLBI_S2_IPA | vmid(VMID), ipa);
	smmu_do(&smmu, OP_TLBI_NH_ALL | vmid(VMID), 0);
	gives(VA, ~MAGIC);
	step("nested, stage 1 changed");
	pt_map(s1, VA, pa(data), 3, S1_RW);
	smmu_do(&smmu, OP_TLBI_NH_VA | vmid(VMID) | asid(ASID), VA);
	gives(VA, MAGIC);
}

/* Entries of one ASID or VMID do not serve another. */
static void tags(void)
{
	struct pt *a, *b, *s2;
	uint64_t *cd;

	rig_reset();
	a = s1_simple(VA);
	b = s1_simple(VA);
	pt_map(b, VA, pa(spare), 3, S1_RW);
	cd = cd_new(a);
	ste_s1(cd);
	gives(VA, MAGIC);
	step("other ASID");
	cd_set(cd, b, NULL, OTHER, 0);
	smmu_do(&smmu, OP_CFGI_CD | (uint64_t)sid << 32, 1);
	gives(VA, ~MAGIC);
	step("first ASID again");
	cd_set(cd, a, NULL, ASID, 0);
	smmu_do(&smmu, OP_CFGI_CD_ALL | (uint64_t)sid << 32, 0);
	gives(VA, MAGIC);
	step("other VMID");
	s2 = s2_identity();
	ste_nested(pa(cd), s2, 0);
	gives(VA, MAGIC);
	cd_set(cd, b, NULL, ASID, 0);
	smmu_set_ste(&smmu, sid, pa(cd) | T0_V | T0_CONFIG(T_NESTED), T1_CACHED | T1_SHCFG_IN,
		     (s2_dw2(s2, 0) & ~T2_VMID(0xffff)) | T2_VMID(VMID + 1), s2->root);
	gives(VA, ~MAGIC);
}

/* BBML 2 (6.3.4): a block and the table that replaces it may both be cached; the result is one of them, no fault, and
 * after the invalidation the new one. */
static void break_before_make(void)
{
	uint64_t block = 2ull << 20, base = pa(data) & ~(block - 1), iova, table;
	struct pt pt, fine;

	rig_reset();
	if (field_get32(S_IDR3_BBML, smmu.idr3) < 1)
		return;
	pt_init(&pt, 12, 48, -1);
	pt_init(&fine, 12, 48, -1);
	iova = 0x40000000 + (pa(data) - base);
	ste_s1(cd_new(&pt));
	pt_map(&pt, 0x40000000, base, 2, S1_RW);
	for (unsigned i = 0; i < 512; i++)
		pt_map(&fine, 0x40000000 + i * PAGE, base + i * PAGE, 3, S1_RW);
	table = *pt_entry(&fine, 0x40000000, 2);
	gives(iova, MAGIC);
	*pt_entry(&pt, 0x40000000, 2) = table;
	barrier();
	gives(iova, MAGIC);
	gives(iova + PAGE, 0);
	pt_map(&pt, 0x40000000 + (iova & (block - 1)), pa(spare), 3, S1_RW);
	smmu_do(&smmu, OP_TLBI_NH_VA | asid(ASID), iova & ~0xfffull);
	gives(iova, ~MAGIC);
}

/* What is not mapped may not be remembered as such (no invalidation is due when a descriptor becomes valid). */
static void no_negative_entries(void)
{
	struct pt *pt;

	rig_reset();
	pt = s1_simple(VA);
	ste_s1(cd_new(pt));
	FAULTS(.id = E_F_TRANSLATION, .class = E_CLASS_IN, .iova = VA + 0x20000);
	pt_map(pt, VA + 0x20000, pa(spare), 3, S1_RW);
	gives(VA + 0x20000, ~MAGIC);
	FAULTS(.id = E_F_TRANSLATION, .class = E_CLASS_IN, .iova = VA + 0x40000000);
	pt_map(pt, VA + 0x40000000, pa(spare), 3, S1_RW);
	gives(VA + 0x40000000, ~MAGIC);
}

const struct guest_case tlb_cases[] = {
	{"smmu TLBI stage 1", stage1},
	{"smmu TLBI EL2", el2},
	{"smmu TLBI by range", ranges},
	{"smmu TLBI of blocks", blocks},
	{"smmu TLBI stage 2", stage2},
	{"smmu ASID and VMID", tags},
	{"smmu block replaced by table", break_before_make},
	{"smmu no negative entries", no_negative_entries},
};
const unsigned nr_tlb = ARRAY_LEN(tlb_cases);

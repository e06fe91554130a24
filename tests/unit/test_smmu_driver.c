/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A correct driver that does a bit of everything, at random: it changes tables, CDs, STEs, registers and StreamIDs, and
 * follows each change by an invalidation that is enough for it, no more than that if the dice say so. After every step
 * each device must reach exactly what memory says now: devices keep translations, the SMMU keeps translations and
 * configurations, and none of these may outlive the command that removes it. What memory says is found out by a walk
 * that caches nothing. AERIE_DRIVER_STEPS and AERIE_DRIVER_SEED choose another run.
 */
#include <check.h>
#include <stdio.h>

#include "rounds.h"
#include "run_suite.h"
#include "smmu_soft_fixture.h"
#include "smmu_walk.h"

#define STEPS	  20000u
#define S1_TABLES 3u /* table 0 is for stage 1 alone and may have global pages, 1 manages dirty state in hardware */
#define S2_TABLES 2u
#define BLOCKS	  2u
#define PAGES	  8u /* of a block */
#define BLOCK	  UINT64_C(0x200000)
#define IN_BLOCK  (DATA - (RAM_BASE + BLOCK)) /* where the pages begin: a block leads to DATA there, too */

static uint64_t seed;
static struct tables s1[S1_TABLES], s2[S2_TABLES];
static bool e2h;

/* What a device keeps by itself: the answer to a question, like the route of an interrupt. */
static struct kept {
	uint64_t generation, pa;
	bool ok;
} kept[MAX_SOFT];

static unsigned below(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static uint64_t va_of(unsigned block, unsigned page)
{
	return (1 + block) * BLOCK + IN_BLOCK + page * 0x1000;
}

/* ---- what memory says ---- */

static bool truth(unsigned i, uint64_t iova, unsigned access, uint64_t *pa)
{
	struct smmu_strtab tab = {fx.smmu->regs[R_STRTAB_BASE], smmu_reg32(fx.smmu, R_STRTAB_BASE_CFG)};
	struct smmu_request req = {.iova = iova, .access = access};
	struct smmu_walk_cfg walk = {0};
	struct smmu_stream_cfg stream;
	struct smmu_s1_cfg cfg;
	struct smmu_mapping map;
	struct smmu_fault fault;
	struct smmu_ste ste;
	struct smmu_cd cd;
	uint32_t idr[6];
	uint64_t at;

	*pa = iova;
	smmu_id_get(fx.smmu, idr);
	if (!(rd32(SMMU_CR0) & CR0_SMMUEN))
		return !(rd32(SMMU_GBPA) & GBPA_ABORT);
	if (smmu_strtab_fetch(&fx.mem, &tab, soft[i].rid, &ste, &at) ||
	    smmu_ste_decode_soft(idr, rd32(SMMU_CR2), &ste, &stream) || stream.abort)
		return false;
	walk.oa_bits = stream.oa_bits;
	walk.s2 = stream.s2 ? &stream.s2cfg : NULL;
	if (stream.s1) {
		if (smmu_cd_fetch_soft(&fx.mem, &stream, 0, &req, &cd, &fault) ||
		    smmu_cd_decode(idr, &stream, &cd, &cfg))
			return false;
		walk.s1 = &cfg;
	}
	if (smmu_walk(&fx.mem, &walk, &req, &map, &fault))
		return false;
	*pa = map.pa;
	return true;
}

/* In RAM; all ones: nowhere. */
static unsigned long long offset_of(const void *host)
{
	return host ? (unsigned long long)((const char *)host - (const char *)fx.mem.regions[0].host) : ~0ull;
}

static void look(unsigned i, uint64_t iova, unsigned access, const char *after)
{
	void *got = dma_host(&soft[i].user, iova, 1, access, NULL);
	uint64_t pa;
	void *want = truth(i, iova, access, &pa) ? gmem_host(&fx.mem, gpa(pa), 1) : NULL;

	if (got != want)
		ck_abort_msg("after %s: endpoint %u, 0x%llx, access %u: leads to offset 0x%llx, and should to 0x%llx",
			     after, i, (unsigned long long)iova, access, offset_of(got), offset_of(want));
}

/* Each device's kept answer holds until its space has been made void. */
static void look_at_kept(const char *after)
{
	for (unsigned i = 0; i < MAX_SOFT; i++) {
		uint64_t iova = va_of(0, 0), pa;
		struct dma_target t;

		/* A failed one is asked again whenever it is needed. */
		if (kept[i].ok && kept[i].generation == soft[i].space.generation) {
			ck_assert_msg(truth(i, iova, DMA_READ, &pa) && pa == kept[i].pa,
				      "after %s: endpoint %u keeps an answer that is wrong", after, i);
			continue;
		}
		kept[i].generation = soft[i].space.generation;
		kept[i].ok = dma_translate(&soft[i].space, DMA_NO_PASID, iova, DMA_READ | DMA_PROBE, &t) == 0;
		if (kept[i].ok)
			kept[i].pa = t.pa.v + (iova - t.iovas.first);
	}
}

/* ---- the driver ---- */

static uint16_t vmid_s1(unsigned t)
{
	return (uint16_t)(0x40 + t);
}

static uint16_t vmid_s2(unsigned u)
{
	return (uint16_t)(0x80 + u);
}

static uint16_t asid_of(unsigned t)
{
	return (uint16_t)(10 + t);
}

/* What was there: a leaf at @level, or (@pages) a block's worth of leaves at level 3. */
struct gone {
	uint64_t va;
	unsigned level;
	bool pages, global;
};

/* By address: any in a leaf, or a range of 4 KiB pages, with the level of the leaves or without. */
static void tlbi_address(uint64_t dw0, const struct gone *g)
{
	uint64_t va = g->va, dw1, ttl = below(2) ? g->level : 0;

	if (g->pages)
		va &= ~(BLOCK - 1);
	else if (g->level == 2)
		va = (va & ~(BLOCK - 1)) + below(512) * 0x1000u;
	dw1 = va & CMD1_ADDR;
	if (!g->pages && below(2)) {
		issue(dw0, dw1);
		return;
	}
	dw1 |= field_prep(CMD1_TLBI_TG, 1) | field_prep(CMD1_TLBI_TTL, ttl);
	if (g->pages)
		dw0 |= below(2) ? field_prep(CMD0_TLBI_SCALE, 9)
				: field_prep(CMD0_TLBI_SCALE, 5) | field_prep(CMD0_TLBI_NUM, 15);
	else if (ttl == 0)
		dw0 |= field_prep(CMD0_TLBI_NUM, below(3) + 1);
	issue(dw0, dw1);
}

/* The ASID that a command by address has to name: any, if all own the page. */
static uint16_t asid_for(unsigned t, const struct gone *g)
{
	return g->global && !g->pages ? (uint16_t)below(20) : asid_of(t);
}

/* Removes what table @t said, under one VMID. */
static void tlbi_s1(uint16_t vmid, unsigned t, const struct gone *g)
{
	switch (below(g->global ? 5 : 6)) {
	case 0:
	case 1:
		tlbi_address(asid_cmd(CMD_TLBI_NH_VA, vmid, asid_for(t, g)), g);
		return;
	case 2:
		tlbi_address(vmid_cmd(CMD_TLBI_NH_VAA, vmid), g);
		return;
	case 3:
		issue(vmid_cmd(CMD_TLBI_NH_ALL, vmid), 0);
		return;
	case 4:
		issue(below(4) ? vmid_cmd(CMD_TLBI_S12_VMALL, vmid) : CMD_TLBI_NSNH_ALL, 0);
		return;
	default:
		issue(asid_cmd(CMD_TLBI_NH_ASID, vmid, asid_of(t)), 0);
	}
}

/* Without E2H there are no ASIDs, and every entry is as good as global. */
static void tlbi_el2(unsigned t, const struct gone *g)
{
	switch (below(g->global || !e2h ? 4 : 5)) {
	case 0:
	case 1:
		tlbi_address(asid_cmd(CMD_TLBI_EL2_VA, 0, e2h ? asid_for(t, g) : 0), g);
		return;
	case 2:
		tlbi_address(CMD_TLBI_EL2_VAA, g);
		return;
	case 3:
		issue(CMD_TLBI_EL2_ALL, 0);
		return;
	default:
		issue(asid_cmd(CMD_TLBI_EL2_ASID, 0, asid_of(t)), 0);
	}
}

static uint64_t random_leaf(unsigned t)
{
	uint64_t leaf = LEAF_S1 | (below(4) ? 0 : PT_S1_RO) | (t == 1 && below(2) ? PT_S1_RO | PT_DBM : 0);

	if (t == 1 && below(3) == 0)
		leaf &= ~PT_AF;
	return t == 0 && below(3) == 0 ? leaf & ~PT_S1_NG : leaf;
}

static void change_s1(void)
{
	static uint64_t tables[S1_TABLES][BLOCKS]; /* of level 3, while a block stands in their place */
	unsigned t = below(S1_TABLES);
	struct gone g = {.va = va_of(below(BLOCKS), below(PAGES)), .level = 3};
	uint64_t at = desc_at(&s1[t], g.va, 2), old = get64(at), *table = &tables[t][g.va / BLOCK - 1];

	if ((old & 3) == 1) {
		g.level = 2;
		g.global = !(old & PT_S1_NG);
		put64(at, *table);
	} else if (below(10) == 0) {
		*table = old;
		g.pages = true;
		g.global = t == 0; /* some may have been */
		put64(at, (RAM_BASE + BLOCK) | random_leaf(t) | 1);
	} else {
		at = desc_at(&s1[t], g.va, 3);
		g.global = !(get64(at) & PT_S1_NG);
		put64(at, below(4) ? (DATA + below(16) * 0x1000) | random_leaf(t) | 3 : 0);
	}
	tlbi_s1(vmid_s1(t), t, &g);
	for (unsigned u = 0; t != 0 && u < S2_TABLES; u++)
		tlbi_s1(vmid_s2(u), t, &g);
	tlbi_el2(t, &g);
}

static void change_s2(void)
{
	unsigned u = below(S2_TABLES);
	uint64_t ipa = DATA + below(16) * 0x1000;

	put64(desc_at(&s2[u], ipa, 3), below(5) ? (DATA + below(16) * 0x1000) | LEAF_S2 | 3 : 0);
	if (below(2)) {
		tlbi_address(vmid_cmd(CMD_TLBI_S2_IPA, vmid_s2(u)), &(struct gone){.va = ipa, .level = 3});
		issue(vmid_cmd(CMD_TLBI_NH_ALL, vmid_s2(u)), 0);
	} else {
		issue(below(4) ? vmid_cmd(CMD_TLBI_S12_VMALL, vmid_s2(u)) : CMD_TLBI_NSNH_ALL, 0);
	}
}

static uint64_t httu(unsigned t)
{
	return t == 1 ? CD0_HA | CD0_HD : 0;
}

static void cfgi_ste(uint32_t sid)
{
	if (below(2))
		issue(sid_cmd(CMD_CFGI_STE, sid), below(2));
	else
		issue(sid_cmd(CMD_CFGI_STE_RANGE, sid), below(2) ? CFGI_RANGE_ALL : below(4));
}

static void change_stream(void)
{
	uint32_t n = below(MAX_SOFT), sid = 0x10 + n;
	unsigned t = below(S1_TABLES), u = below(S2_TABLES);

	switch (below(6)) {
	case 0:
		put_ste_words(sid, below(2) ? ste_cfg(STE_CFG_ABORT) : ste_cfg(STE_CFG_BYPASS), 0, 0, 0);
		break;
	case 1:
		stream_s2(sid, vmid_s2(u), &s2[u]);
		break;
	case 2:
	case 3:
		stream_s1(sid, n, vmid_s1(t), asid_of(t), &s1[t]);
		put_cd(CDTAB + n * 0x1000, asid_of(t), &s1[t], httu(t));
		break;
	case 4:
		/* Without E2H there are no ASIDs that would tell tables apart; global pages are so for all ASIDs. */
		t = e2h ? 1 + below(S1_TABLES - 1) : 2;
		put_cd(CDTAB + n * 0x1000, asid_of(t), &s1[t], httu(t));
		put_ste_words(sid, ste_s1(CDTAB + n * 0x1000), field_prep(STE1_STRW, STE_STRW_EL2), 0, 0);
		break;
	default:
		t = 1 + below(S1_TABLES - 1);
		stream_nested(sid, n, vmid_s2(u), asid_of(t), &s1[t], &s2[u]);
		put_cd(CDTAB + n * 0x1000, asid_of(t), &s1[t], httu(t));
	}
	cfgi_ste(sid);
}

/* Another address space for a stream that keeps its STE: VMIDs of stage 1 alone belong to a table, so not there. */
static void change_cd(void)
{
	uint32_t n = below(MAX_SOFT);
	unsigned t = 1 + below(S1_TABLES - 1);
	uint64_t ste = get64(STRTAB + (0x10 + n) * STE_SIZE);

	if (field_get(STE0_CFG, ste) != STE_CFG_NESTED)
		return;
	put_cd(CDTAB + n * 0x1000, asid_of(t), &s1[t], httu(t));
	issue(sid_cmd(below(2) ? CMD_CFGI_CD : CMD_CFGI_CD_ALL, 0x10 + n), 0);
}

static void change_registers(void)
{
	uint32_t cr0 = rd32(SMMU_CR0);

	if (below(2))
		wr32(SMMU_GBPA, GBPA_UPDATE | (below(2) ? GBPA_ABORT : 0));
	else
		wr32(SMMU_CR0, cr0 & CR0_SMMUEN && below(2) ? cr0 & ~CR0_SMMUEN : cr0 | CR0_SMMUEN);
}

/* As struct pci_endpoint does it. */
static void renumber(void)
{
	unsigned a = below(MAX_SOFT), b = below(MAX_SOFT);
	uint16_t rid = soft[a].rid;

	soft[a].rid = soft[b].rid;
	soft[b].rid = rid;
	dma_space_invalidate(&soft[a].space);
	dma_space_invalidate(&soft[b].space);
}

static void build(void)
{
	setup_soft();
	add_soft(2, 0x12);
	add_soft(3, 0x13);
	memset(kept, 0, sizeof(kept));
	for (unsigned t = 0; t < S1_TABLES; t++) {
		s1[t] = new_tables(12, 39);
		for (unsigned b = 0; b < BLOCKS; b++)
			for (unsigned p = 0; p < PAGES; p++)
				map_page(&s1[t], va_of(b, p), DATA + p * 0x1000, LEAF_S1);
	}
	for (unsigned u = 0; u < S2_TABLES; u++) {
		s2[u] = new_tables(12, 39);
		for (uint64_t at = RAM_BASE; at < RAM_BASE + RAM_SIZE; at += 0x1000)
			map_page(&s2[u], at, at, LEAF_S2);
	}
	start_queues(8);
	wr32(SMMU_CR2, e2h ? CR2_E2H : 0);
	enable_smmu();
}

START_TEST(test_driver)
{
	static const struct {
		void (*act)(void);
		const char *name;
	} acts[] = {
		{change_s1, "a change of stage 1"},	     {change_s1, "a change of stage 1"},
		{change_s1, "a change of stage 1"},	     {change_s2, "a change of stage 2"},
		{change_stream, "a change of an STE"},	     {change_cd, "a change of a CD"},
		{change_registers, "a change of registers"}, {renumber, "a change of StreamIDs"},
	};
	uint64_t n = setting("AERIE_DRIVER_STEPS", STEPS);

	seed = setting("AERIE_DRIVER_SEED", 1);
	e2h = _i;
	build();
	for (unsigned step = 0; step < n; step++) {
		unsigned act = below(8 * 4 - 2) / 4; /* the last one more seldom */

		if (act >= 6 && below(8)) /* ... and those two */
			act = below(6);
		acts[act].act();
		if (below(2))
			issue(CMD_SYNC, 0);
		ck_assert_uint_eq(cmdq_err(), CERROR_NONE);
		look_at_kept(acts[act].name);
		for (unsigned i = 0; i < 12; i++)
			look(below(MAX_SOFT), va_of(below(BLOCKS), below(PAGES)), below(3) ? DMA_READ : DMA_WRITE,
			     acts[act].name);
		look(below(MAX_SOFT), DATA + below(16) * 0x1000, DMA_READ, acts[act].name);
	}
	teardown();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("smmu-driver");
	TCase *tc = tcase_create("driver");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_driver, 0, 2);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory with translation tables, and the structures that lead to them. For the tests of the walker; each
 * includes it once. Geometry is written down here as the tables of DDI 0487 D8.2 have it, not as the model computes it.
 */
#ifndef AERIE_SMMU_WALK_FIXTURE_H
#define AERIE_SMMU_WALK_FIXTURE_H

#include <check.h>
#include <string.h>

#include "gmem.h"
#include "log.h"
#include "smmu_pt_regs.h"
#include "smmu_walk.h"

#define FIX	 __attribute__((unused)) static
#define RAM_BASE UINT64_C(0x40000000)
#define RAM_SIZE UINT64_C(0x4000000)
#define OUTSIDE	 UINT64_C(0x80000000)

/* Where stage 1 tables seem to be in nested tests. */
#define IPA_SHIFT UINT64_C(0x100000000)

#define PT_PAGE	  (PT_VALID | PT_TABLE | PT_AF)
#define PT_BLOCK  (PT_VALID | PT_AF)
#define S2_RW	  (PT_S2_READ | PT_S2_WRITE)
#define S2_WB	  PT_S2_ATTR /* MemAttr 0b1111 */
#define MAIR_TEST UINT64_C(0x00440cf4bbff0400)
#define ATTR_WB	  2u /* index of 0xff in it */

static struct gmem mem;
static uint32_t idr[6];
static uint32_t cr2;
static struct smmu_ste ste;
static struct smmu_cd cd;
static struct smmu_stream_cfg stream;
static struct smmu_s1_cfg s1;
static struct smmu_mapping map;
static struct smmu_fault fault;
static uint64_t next_table;

FIX void set(uint64_t *dw, uint64_t mask, uint64_t value)
{
	*dw = (*dw & ~mask) | field_prep(mask, value);
}

FIX void set32(uint32_t *reg, uint32_t mask, uint32_t value)
{
	*reg = (*reg & ~mask) | field_prep32(mask, value);
}

FIX void put(uint64_t addr, uint64_t value)
{
	ck_assert_int_eq(gmem_write(&mem, gpa(addr), &value, sizeof(value)), 0);
}

FIX uint64_t get(uint64_t addr)
{
	uint64_t value;

	ck_assert_int_eq(gmem_read(&mem, gpa(addr), &value, sizeof(value)), 0);
	return value;
}

/* Zeroed memory of 2^bits bytes, aligned to that. */
FIX uint64_t new_table(unsigned bits)
{
	uint64_t at;

	if (bits < 12)
		bits = 12;
	at = align_up(next_table, BIT64(bits));
	next_table = at + BIT64(bits);
	ck_assert_uint_le(next_table, RAM_BASE + RAM_SIZE);
	return at;
}

/* Everything that the walker can do, a valid STE for both stages and a valid CD, no tables. */
FIX void fresh(void)
{
	gmem_init(&mem);
	ck_assert_int_eq(gmem_add(&mem, gpa(RAM_BASE), RAM_SIZE, GMEM_PAGES_NORMAL), 0);
	next_table = RAM_BASE;
	cr2 = 0;
	idr[0] = IDR0_S1P | IDR0_S2P | IDR0_TTF_AARCH64 | IDR0_COHACC | IDR0_HYP | IDR0_ATS | IDR0_ASID16 |
		 IDR0_VMID16 | IDR0_CD2L | field_prep32(IDR0_HTTU, IDR0_HTTU_AF_DIRTY);
	idr[1] = IDR1_ATTR_PERMS_OVR | field_prep32(IDR1_SSIDSIZE, 20);
	idr[2] = 0;
	idr[3] = IDR3_HAD | IDR3_XNX | IDR3_FWB | IDR3_STT | IDR3_E0PD;
	idr[4] = 0;
	idr[5] = IDR5_GRAN4K | IDR5_GRAN16K | IDR5_GRAN64K | field_prep32(IDR5_OAS, IDR5_OAS_48);

	memset(&ste, 0, sizeof(ste));
	ste.dw[0] = STE0_V | field_prep(STE0_CFG, STE_CFG_NESTED) | (RAM_BASE + IPA_SHIFT);
	ste.dw[2] = STE2_S2AA64 | STE2_S2R | field_prep(STE2_S2VMID, 7);
	set(&ste.dw[2], STE2_S2T0SZ, 24); /* 40 bits, level 1, two tables */
	set(&ste.dw[2], STE2_S2SL0, 1);
	set(&ste.dw[2], STE2_S2TG, TG0_4K);
	set(&ste.dw[2], STE2_S2PS, IDR5_OAS_48);
	ste.dw[3] = RAM_BASE;

	memset(&cd, 0, sizeof(cd));
	cd.dw[0] = CD0_V | CD0_AA64 | CD0_R | CD0_A;
	set(&cd.dw[0], CD0_T0SZ, 16);
	set(&cd.dw[0], CD0_TG0, TG0_4K);
	set(&cd.dw[0], CD0_T1SZ, 16);
	set(&cd.dw[0], CD0_TG1, TG1_4K);
	set(&cd.dw[0], CD0_IPS, IDR5_OAS_48);
	set(&cd.dw[0], CD0_ASID, 9);
	cd.dw[1] = RAM_BASE;
	cd.dw[2] = RAM_BASE;
	cd.dw[3] = MAIR_TEST;
}

FIX void done(void)
{
	gmem_fini(&mem);
}

FIX enum smmu_event_id decode_ste(void)
{
	return smmu_ste_decode_soft(idr, cr2, &ste, &stream);
}

/* The STE must be valid. */
FIX enum smmu_event_id decode_cd(void)
{
	ck_assert_int_eq(decode_ste(), EVT_NONE);
	return smmu_cd_decode(idr, &stream, &cd, &s1);
}

/* Decodes both, which must be valid, and translates. */
FIX enum smmu_event_id walk(uint64_t iova, unsigned access)
{
	struct smmu_request req = {.iova = iova, .access = access};
	struct smmu_walk_cfg cfg = {0};
	enum smmu_event_id event;

	ck_assert_int_eq(decode_ste(), EVT_NONE);
	if (stream.s1)
		ck_assert_int_eq(smmu_cd_decode(idr, &stream, &cd, &s1), EVT_NONE);
	cfg.s1 = stream.s1 ? &s1 : NULL;
	cfg.s2 = stream.s2 ? &stream.s2cfg : NULL;
	cfg.oa_bits = stream.oa_bits;
	memset(&map, 0xa5, sizeof(map));
	memset(&fault, 0xa5, sizeof(fault));
	event = smmu_walk(&mem, &cfg, &req, &map, &fault);
	if (event)
		ck_assert_int_eq(fault.event, event);
	return event;
}

/* D8.2: what one entry of each level maps, for each granule. */
static const struct geometry {
	unsigned page_bits, table_bits, tg0, tg1;
	unsigned shift[4];
} geometries[3] = {
	{12, 12, TG0_4K, TG1_4K, {39, 30, 21, 12}},
	{14, 14, TG0_16K, TG1_16K, {47, 36, 25, 14}},
	{16, 16, TG0_64K, TG1_64K, {99, 42, 29, 16}},
};

/*
 * Builds tables from @root, of the @start level, down to @level, and writes @desc as the leaf for @ia there. @shift is
 * added to the addresses of tables. Returns where the leaf is.
 */
FIX uint64_t map_leaf(const struct geometry *g, uint64_t root, unsigned start, uint64_t ia, unsigned level,
		      uint64_t desc, uint64_t shift)
{
	uint64_t table = root;

	for (unsigned l = start;; l++) {
		uint64_t index = ia >> g->shift[l], at, next;

		if (l != start)
			index &= BIT64(g->table_bits - 3) - 1;
		at = table + index * 8;
		if (l == level) {
			put(at, desc);
			return at;
		}
		next = get(at);
		if (!(next & PT_VALID)) {
			next = new_table(g->table_bits) + shift;
			put(at, (next & PT_OA) | PT_VALID | PT_TABLE);
		}
		table = (next & PT_OA) - shift;
	}
}

/* Stage 1 alone, 4 KiB granule, 48 bits: the leaf for @va at @level. */
FIX uint64_t map_s1(uint64_t va, unsigned level, uint64_t desc)
{
	if (next_table == RAM_BASE)
		new_table(12);
	set(&ste.dw[0], STE0_CFG, STE_CFG_S1);
	return map_leaf(&geometries[0], RAM_BASE, 0, va & MASK64(47, 0), level, desc, 0);
}

/* Stage 2, 4 KiB granule, 40 bits from level 1, root at the beginning of RAM: the leaf for @ipa. */
FIX uint64_t map_s2(uint64_t ipa, unsigned level, uint64_t desc)
{
	if (next_table == RAM_BASE)
		new_table(13);
	return map_leaf(&geometries[0], RAM_BASE, 1, ipa, level, desc, 0);
}

#endif

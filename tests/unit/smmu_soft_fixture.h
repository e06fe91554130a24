/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Emulated endpoints behind the SMMU of smmu_fixture.h, and what their driver writes: translation tables, CDs, STEs.
 * Each test or fuzzer includes it once, instead of smmu_fixture.h.
 */
#ifndef AERIE_SMMU_SOFT_FIXTURE_H
#define AERIE_SMMU_SOFT_FIXTURE_H

#include "dma.h"
#include "smmu_fixture.h"
#include "smmu_pt_regs.h"
#include "stats.h"

#define TABLES	 (RAM_BASE + 0x220000) /* translation tables, up to DATA */
#define DATA	 (RAM_BASE + 0x380000)
#define DATA2	 (RAM_BASE + 0x390000)
#define RW	 (DMA_READ | DMA_WRITE)
#define MAX_SOFT 4u

/* Leaves that permit everything, with access flag. */
#define LEAF_S1	   (PT_AF | PT_S1_USER | PT_S1_NG | 3u << 8)
#define LEAF_S1_RO (LEAF_S1 | PT_S1_RO)
#define LEAF_S2	   (PT_AF | PT_S2_READ | PT_S2_WRITE | 3u << 8 | 0xfu << 2)

struct soft_ep {
	struct viommu_endpoint ep;
	uint16_t rid;
	struct dma_space space;
	struct dma_user user;
	unsigned invalidated;
};

static struct soft_ep soft[MAX_SOFT];

/* A set of tables: what a TTB points to. */
struct tables {
	uint64_t root;
	unsigned page_bits, ia_bits, start_level;
};

static uint64_t next_table;

static uint16_t soft_rid(void *owner)
{
	return ((struct soft_ep *)owner)->rid;
}

static void soft_invalidated(void *opaque)
{
	((struct soft_ep *)opaque)->invalidated++;
}

FIX void add_soft(unsigned i, uint16_t rid)
{
	struct soft_ep *s = &soft[i];

	*s = (struct soft_ep){.rid = rid};
	s->ep = (struct viommu_endpoint){.name = "soft", .rid = soft_rid, .owner = s};
	dma_space_init(&s->space, "soft", &fx.mem, &fx.bus);
	s->space.invalidated = soft_invalidated;
	s->space.opaque = s;
	dma_space_enable(&s->space, true);
	if (smmu_add_emulated(fx.smmu, &s->ep, &s->space))
		abort();
	dma_user_init(&s->user, &s->space, NULL);
	s->invalidated = 0;
}

/* An SMMU for emulated endpoints only, with two: StreamIDs 0x10 and 0x11. */
FIX void setup_soft(void)
{
	setup_with(NULL);
	next_table = TABLES;
	add_soft(0, 0x10);
	add_soft(1, 0x11);
}

/* One translation, past the caches of dma.h: 0 and *@pa, or -errno. */
FIX int xlate(unsigned i, uint32_t pasid, uint64_t iova, unsigned access, uint64_t *pa)
{
	struct dma_target t;
	int err = dma_translate(&soft[i].space, pasid, iova, access, &t);

	*pa = err ? 0 : t.pa.v + (iova - t.iovas.first);
	return err;
}

/* The same for a plain read; 0 stands for a fault. */
FIX uint64_t pa_of(unsigned i, uint64_t iova)
{
	uint64_t pa;

	xlate(i, DMA_NO_PASID, iova, DMA_READ, &pa);
	return pa;
}

/* @size bytes (a power of two) of zeroes, aligned to their size. */
FIX uint64_t new_table(uint64_t size)
{
	uint64_t at = align_up(next_table, size);

	next_table = at + size;
	if (next_table > DATA)
		abort();
	return at;
}

FIX struct tables new_tables(unsigned page_bits, unsigned ia_bits)
{
	unsigned stride = page_bits - 3;
	unsigned levels = (ia_bits - page_bits + stride - 1) / stride;

	return (struct tables){
		.root = new_table(BIT64(page_bits)),
		.page_bits = page_bits,
		.ia_bits = ia_bits,
		.start_level = 4 - levels,
	};
}

/* Address of the descriptor of @level for @ia; tables on the way are made. */
FIX uint64_t desc_at(const struct tables *t, uint64_t ia, unsigned level)
{
	unsigned stride = t->page_bits - 3;
	uint64_t table = t->root;

	ia &= BIT64(t->ia_bits) - 1;
	for (unsigned l = t->start_level;; l++) {
		unsigned shift = t->page_bits + (3 - l) * stride;
		uint64_t at = table + ((ia >> shift) & (BIT64(stride) - 1)) * 8;
		uint64_t desc;

		if (l == level)
			return at;
		desc = get64(at);
		if ((desc & 3) != 3) {
			desc = new_table(BIT64(t->page_bits)) | 3;
			put64(at, desc);
		}
		table = desc & MASK64(47, 12);
	}
}

FIX void map_at(const struct tables *t, uint64_t ia, uint64_t oa, unsigned level, uint64_t leaf)
{
	put64(desc_at(t, ia, level), oa | leaf | (level == 3 ? 3 : 1));
}

FIX void map_page(const struct tables *t, uint64_t ia, uint64_t oa, uint64_t leaf)
{
	map_at(t, ia, oa, 3, leaf);
}

FIX uint64_t tg0(unsigned page_bits)
{
	return page_bits == 12 ? TG0_4K : page_bits == 14 ? TG0_16K : TG0_64K;
}

/* A CD for TTB0 = @t with @more in double word 0. */
FIX void put_cd(uint64_t at, uint16_t asid, const struct tables *t, uint64_t more)
{
	struct smmu_cd cd = {.dw = {
				     field_prep(CD0_T0SZ, 64 - t->ia_bits) | field_prep(CD0_TG0, tg0(t->page_bits)) |
					     CD0_EPD1 | CD0_V | field_prep(CD0_IPS, 5) | CD0_AA64 | CD0_R | CD0_A |
					     field_prep(CD0_ASID, asid) | more,
				     t->root,
				     0,
				     0xff,
			     }};

	put(at, &cd, sizeof(cd));
}

FIX void put_ste_words(uint32_t sid, uint64_t dw0, uint64_t dw1, uint64_t dw2, uint64_t dw3)
{
	struct smmu_ste ste = {.dw = {dw0, dw1, dw2, dw3}};

	put(STRTAB + (uint64_t)sid * STE_SIZE, &ste, sizeof(ste));
}

/* Double word 2 of an STE whose stage 2 is @t. */
FIX uint64_t ste2(const struct tables *t, uint16_t vmid)
{
	unsigned sl0 = t->page_bits == 12 ? 2 - t->start_level : 3 - t->start_level;

	return field_prep(STE2_S2VMID, vmid) | field_prep(STE2_S2T0SZ, 64 - t->ia_bits) | field_prep(STE2_S2SL0, sl0) |
	       field_prep(STE2_S2TG, tg0(t->page_bits)) | field_prep(STE2_S2PS, 5) | STE2_S2AA64 | STE2_S2R;
}

/* Stream @sid at stage 1: @t by a CD of its own at the @n-th page of CDTAB. */
FIX void stream_s1(uint32_t sid, unsigned n, uint16_t vmid, uint16_t asid, const struct tables *t)
{
	put_cd(CDTAB + n * 0x1000, asid, t, 0);
	put_ste_words(sid, ste_s1(CDTAB + n * 0x1000), 0, field_prep(STE2_S2VMID, vmid), 0);
}

/* Stream @sid at stage 2 alone. */
FIX void stream_s2(uint32_t sid, uint16_t vmid, const struct tables *t)
{
	put_ste_words(sid, ste_cfg(STE_CFG_S2), 0, ste2(t, vmid), t->root);
}

/* Stream @sid at both stages. */
FIX void stream_nested(uint32_t sid, unsigned n, uint16_t vmid, uint16_t asid, const struct tables *s1,
		       const struct tables *s2)
{
	put_cd(CDTAB + n * 0x1000, asid, s1, 0);
	put_ste_words(sid, ste_cfg(STE_CFG_NESTED) | (CDTAB + n * 0x1000), 0, ste2(s2, vmid), s2->root);
}

/* All RAM to itself in 2 MiB blocks, as a stage 2 that lets stage 1 tables be where they are. */
FIX struct tables identity_s2(void)
{
	struct tables t = new_tables(12, 39);

	for (uint64_t at = RAM_BASE; at < RAM_BASE + RAM_SIZE; at += 0x200000)
		map_at(&t, at, at, 2, LEAF_S2);
	return t;
}

FIX void start(void)
{
	start_queues(8);
	enable_smmu();
	for (unsigned i = 0; i < MAX_SOFT; i++)
		soft[i].invalidated = 0;
}

/* Issues a command and a CMD_SYNC. */
FIX void issue_sync(uint64_t dw0, uint64_t dw1)
{
	issue(dw0, dw1);
	issue(CMD_SYNC, 0);
}

FIX uint64_t vmid_cmd(uint64_t op, uint16_t vmid)
{
	return op | field_prep(CMD0_TLBI_VMID, vmid);
}

FIX uint64_t asid_cmd(uint64_t op, uint16_t vmid, uint16_t asid)
{
	return vmid_cmd(op, vmid) | field_prep(CMD0_TLBI_ASID, asid);
}

FIX uint64_t counter(_Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

#endif

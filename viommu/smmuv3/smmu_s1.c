/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 1: VMSAv8-64 tables of a context descriptor, fetched through stage 2 if that translates. */
#include "smmu_walk_priv.h"

#include <errno.h>

#define HIERARCHY (PT_TABLE_PXN | PT_TABLE_UXN | PT_TABLE_AP_USER | PT_TABLE_AP_RO)

/* A leaf and how it was reached. */
struct leaf {
	uint64_t desc;
	uint64_t addr; /* of desc: PA, or IPA when stage 2 translates */
	uint64_t pa;   /* of desc */
	uint64_t oa;
	uint64_t tables; /* HIERARCHY bits of all table descriptors */
	unsigned level;
};

static enum smmu_event_id fail(struct smmu_walk_ctx *ctx, enum smmu_event_id event)
{
	return smmu_walk_fail(ctx, event, false, SMMU_CLASS_IN, 0);
}

/* The table for the address; NULL: out of range or disabled (3.4.1, D8.2.1). */
static const struct smmu_ttb_cfg *select_ttb(const struct smmu_s1_cfg *s1, const struct smmu_request *req)
{
	bool upper = s1->world != SMMU_WORLD_EL2 && (req->iova & BIT64(55));
	const struct smmu_ttb_cfg *ttb = &s1->ttb[upper];
	uint64_t sign = MASK64(ttb->tbi ? 55 : 63, ttb->ia_bits);

	if (!ttb->walk || (req->iova & sign) != (upper ? sign : 0))
		return NULL;
	/* E0PD: as if there were nothing. */
	if (ttb->e0pd && !(req->access & DMA_PRIV))
		return NULL;
	return ttb;
}

static enum smmu_event_id fetch(struct smmu_walk_ctx *ctx, struct leaf *leaf)
{
	leaf->pa = leaf->addr;
	if (ctx->s2) {
		struct smmu_stage s2;
		enum smmu_event_id event = smmu_s2_stage(ctx, leaf->addr, SMMU_CLASS_TTD, DMA_READ, &s2);

		if (event)
			return event;
		leaf->pa = s2.oa;
	}
	if (smmu_pt_read(ctx->mem, leaf->pa, ctx->s1->big_endian, &leaf->desc))
		return smmu_walk_abort(ctx, false, SMMU_CLASS_TTD, 0, leaf->pa);
	return EVT_NONE;
}

/* From the first table to a leaf. */
static enum smmu_event_id find_leaf(struct smmu_walk_ctx *ctx, const struct smmu_ttb_cfg *ttb, struct leaf *leaf)
{
	const struct smmu_pt pt = {
		.ia_bits = ttb->ia_bits,
		.page_bits = ttb->page_bits,
		.start_level = ttb->start_level,
		.oa_bits = ctx->s1->oa_bits,
		.wide = ctx->s1->wide && ttb->page_bits == 16,
	};
	uint64_t table = ttb->base;

	*leaf = (struct leaf){0};
	for (leaf->level = pt.start_level; leaf->level <= PT_LAST_LEVEL; leaf->level++) {
		enum smmu_event_id event;

		leaf->addr = smmu_pt_entry(&pt, table, leaf->level, ctx->req->iova);
		event = fetch(ctx, leaf);
		if (event)
			return event;
		switch (smmu_pt_decode(&pt, leaf->level, leaf->desc, &leaf->oa)) {
		case SMMU_PT_INVALID:
			return fail(ctx, EVT_F_TRANSLATION);
		case SMMU_PT_TOO_LARGE:
			return fail(ctx, EVT_F_ADDR_SIZE);
		case SMMU_PT_LEAF:
			return EVT_NONE;
		case SMMU_PT_TABLE:
			leaf->tables |= leaf->desc & HIERARCHY;
			table = leaf->oa;
		}
	}
	return fail(ctx, EVT_F_TRANSLATION); /* level 3 has no tables, so this is never reached */
}

/* D8.4.1, one privilege level: AP[1] and APTable[0] mean nothing, XN and XNTable are where UXN is. */
static void perms_el2(const struct smmu_s1_cfg *s1, const struct leaf *leaf, bool read_only, uint8_t perms[2])
{
	unsigned p = DMA_READ;

	if (!read_only && !(leaf->tables & PT_TABLE_AP_RO))
		p |= DMA_WRITE;
	if (!(leaf->desc & PT_S1_UXN) && !(leaf->tables & PT_TABLE_UXN) && !(s1->wxn && (p & DMA_WRITE)))
		p |= DMA_EXEC;
	perms[0] = perms[1] = (uint8_t)p;
}

/* D8.4.1, two privilege levels. */
static void perms_el1(const struct smmu_s1_cfg *s1, const struct leaf *leaf, bool read_only, uint8_t perms[2])
{
	bool write = !read_only && !(leaf->tables & PT_TABLE_AP_RO);
	bool user = (leaf->desc & PT_S1_USER) && !(leaf->tables & PT_TABLE_AP_USER);
	unsigned u = 0, p = DMA_READ;

	if (user)
		u |= DMA_READ;
	if (user && write)
		u |= DMA_WRITE;
	if (write)
		p |= DMA_WRITE;
	if (!(leaf->desc & PT_S1_UXN) && !(leaf->tables & PT_TABLE_UXN) && !(s1->wxn && (u & DMA_WRITE)))
		u |= DMA_EXEC;
	/* What unprivileged code may write, privileged code never executes. */
	if (!(leaf->desc & PT_S1_PXN) && !(leaf->tables & PT_TABLE_PXN) && !(u & DMA_WRITE) &&
	    !(s1->wxn && (p & DMA_WRITE)))
		p |= DMA_EXEC;
	/* PAN: no privileged data access to what unprivileged code can read or write. */
	if (s1->pan && user)
		p &= ~(DMA_READ | DMA_WRITE);
	perms[0] = (uint8_t)u;
	perms[1] = (uint8_t)p;
}

/* What HTTU makes of the descriptor for an access that is permitted (3.13, D8.5). */
static uint64_t updated(const struct smmu_s1_cfg *s1, uint64_t desc, unsigned need)
{
	if (s1->ha)
		desc |= PT_AF;
	if (s1->hd && (desc & PT_DBM) && (need & DMA_WRITE))
		desc &= ~PT_S1_RO;
	return desc;
}

/* Writes the descriptor back: a write of stage 2's input where that translates (3.13.5). */
static enum smmu_event_id write_back(struct smmu_walk_ctx *ctx, struct leaf *leaf, uint64_t desc)
{
	int err;

	if (desc == leaf->desc)
		return EVT_NONE;
	if (ctx->s2) {
		struct smmu_stage s2;
		enum smmu_event_id event = smmu_s2_stage(ctx, leaf->addr, SMMU_CLASS_TTD, DMA_READ | DMA_WRITE, &s2);

		if (event)
			return event;
		leaf->pa = s2.oa;
	}
	err = smmu_pt_update(ctx->mem, leaf->pa, ctx->s1->big_endian, leaf->desc, desc);
	if (err) {
		ctx->raced = err == -EAGAIN;
		return smmu_walk_abort(ctx, false, SMMU_CLASS_TTD, 0, leaf->pa);
	}
	leaf->desc = desc;
	return EVT_NONE;
}

/* Permissions of the leaf, with a writable-clean page as writable if hardware manages that: the check, for @need, is
 * to be done on these (D8.5.4). */
static enum smmu_event_id check(struct smmu_walk_ctx *ctx, const struct leaf *leaf, unsigned need, uint8_t perms[2])
{
	const struct smmu_s1_cfg *s1 = ctx->s1;
	bool read_only = (leaf->desc & PT_S1_RO) && !(s1->hd && (leaf->desc & PT_DBM));
	unsigned lacks;

	/* D8.5.3: an access flag fault comes before a permission fault. */
	if (!(leaf->desc & PT_AF) && !s1->ha && !s1->af_ignored)
		return fail(ctx, EVT_F_ACCESS);
	if (s1->world == SMMU_WORLD_EL2)
		perms_el2(s1, leaf, read_only, perms);
	else
		perms_el1(s1, leaf, read_only, perms);
	lacks = smmu_walk_lacks(perms[!!(ctx->req->access & DMA_PRIV)], need);
	if (!lacks)
		return EVT_NONE;
	fail(ctx, EVT_F_PERMISSION);
	ctx->fault->rnw = lacks != DMA_WRITE;
	return EVT_F_PERMISSION;
}

enum smmu_event_id smmu_s1_stage(struct smmu_walk_ctx *ctx, struct smmu_stage *out)
{
	const struct smmu_s1_cfg *s1 = ctx->s1;
	const struct smmu_ttb_cfg *ttb = select_ttb(s1, ctx->req);
	unsigned need = smmu_walk_need(ctx->req->access);
	enum smmu_event_id event;
	struct leaf leaf;

	if (!ttb)
		return fail(ctx, EVT_F_TRANSLATION);
	event = find_leaf(ctx, ttb, &leaf);
	if (event)
		return event;
	if (ttb->had)
		leaf.tables = 0;
	event = check(ctx, &leaf, need, out->perms);
	if (event)
		return event;
	event = write_back(ctx, &leaf, updated(s1, leaf.desc, need));
	if (event)
		return event;
	/* E0PD: an unprivileged access is another fault, which only a walk finds. */
	if (ttb->e0pd)
		out->perms[0] = 0;
	/* A page that is clean now: the first write must come here again. */
	if (leaf.desc & PT_S1_RO) {
		out->perms[0] &= (uint8_t)~DMA_WRITE;
		out->perms[1] &= (uint8_t)~DMA_WRITE;
	}
	out->size_bits = (uint8_t)smmu_pt_shift(ttb->page_bits, leaf.level);
	out->oa = leaf.oa | (ctx->req->iova & (BIT64(out->size_bits) - 1));
	out->attr = smmu_attr_mair(s1->mair, (unsigned)field_get(PT_S1_ATTR, leaf.desc));
	out->sh = smmu_attr_sh(out->attr, (unsigned)field_get(PT_SH, leaf.desc));
	out->global = s1->world == SMMU_WORLD_EL2 || !(leaf.desc & PT_S1_NG);
	return EVT_NONE;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 2: VMSAv8-64 tables of an STE. */
#include "smmu_walk_priv.h"

#include <errno.h>

/* One access to an IPA, and the leaf that translates it. */
struct s2_access {
	uint64_t ipa;
	enum smmu_class class;
	unsigned need;
	uint64_t desc;
	uint64_t desc_pa;
	uint64_t oa;
	unsigned level;
};

static enum smmu_event_id fail(struct smmu_walk_ctx *ctx, const struct s2_access *a, enum smmu_event_id event)
{
	return smmu_walk_fail(ctx, event, true, a->class, a->ipa);
}

static enum smmu_event_id find_leaf(struct smmu_walk_ctx *ctx, struct s2_access *a)
{
	const struct smmu_s2_cfg *s2 = ctx->s2;
	const struct smmu_pt pt = {
		.ia_bits = s2->ia_bits,
		.page_bits = s2->page_bits,
		.start_level = s2->start_level,
		.oa_bits = s2->oa_bits,
		.wide = s2->wide && s2->page_bits == 16,
	};
	uint64_t table = s2->base;

	/* 3.4, stage 2 check 1 */
	if (a->ipa >> s2->ia_bits != 0)
		return fail(ctx, a, EVT_F_TRANSLATION);
	for (a->level = pt.start_level; a->level <= PT_LAST_LEVEL; a->level++) {
		a->desc_pa = smmu_pt_entry(&pt, table, a->level, a->ipa);
		if (smmu_pt_read(ctx->mem, a->desc_pa, s2->big_endian, &a->desc))
			return smmu_walk_abort(ctx, true, a->class, a->ipa, a->desc_pa);
		switch (smmu_pt_decode(&pt, a->level, a->desc, &a->oa)) {
		case SMMU_PT_INVALID:
			return fail(ctx, a, EVT_F_TRANSLATION);
		case SMMU_PT_TOO_LARGE:
			return fail(ctx, a, EVT_F_ADDR_SIZE);
		case SMMU_PT_LEAF:
			return EVT_NONE;
		case SMMU_PT_TABLE:
			table = a->oa;
		}
	}
	return fail(ctx, a, EVT_F_TRANSLATION); /* level 3 has no tables, so this is never reached */
}

/* D8.4.2. [0]: unprivileged, [1]: privileged. A writable-clean page is writable if hardware manages that. */
static void leaf_perms(const struct smmu_s2_cfg *s2, uint64_t desc, uint8_t perms[2])
{
	unsigned xn = (unsigned)field_get(PT_S2_XN, desc);
	unsigned p = 0;

	if (!s2->xnx)
		xn = desc & PT_S2_XN_ALL ? PT_XN_BOTH : PT_XN_NONE;
	if (desc & PT_S2_READ)
		p |= DMA_READ;
	if ((desc & PT_S2_WRITE) || (s2->hd && (desc & PT_DBM)))
		p |= DMA_WRITE;
	perms[0] = perms[1] = (uint8_t)p;
	if (xn == PT_XN_NONE || xn == PT_XN_PRIV)
		perms[0] |= DMA_EXEC;
	if (xn == PT_XN_NONE || xn == PT_XN_UNPRIV)
		perms[1] |= DMA_EXEC;
}

static enum smmu_event_id fail_permission(struct smmu_walk_ctx *ctx, const struct s2_access *a, unsigned lacks)
{
	fail(ctx, a, EVT_F_PERMISSION);
	if (a->class == SMMU_CLASS_TTD)
		ctx->fault->ttrnw = lacks != DMA_WRITE;
	else if (a->class == SMMU_CLASS_IN)
		ctx->fault->rnw = lacks != DMA_WRITE;
	return EVT_F_PERMISSION;
}

static enum smmu_event_id check(struct smmu_walk_ctx *ctx, const struct s2_access *a, uint8_t perms[2])
{
	const struct smmu_s2_cfg *s2 = ctx->s2;
	unsigned lacks;

	if (!(a->desc & PT_AF) && !s2->ha && !s2->af_ignored)
		return fail(ctx, a, EVT_F_ACCESS);
	leaf_perms(s2, a->desc, perms);
	lacks = smmu_walk_lacks(perms[!!(ctx->req->access & DMA_PRIV)], a->need);
	if (lacks)
		return fail_permission(ctx, a, lacks);
	/* 5.2, S2PTW */
	if (a->class != SMMU_CLASS_IN && s2->ptw &&
	    smmu_attr_s2_device(s2->fwb, (unsigned)field_get(PT_S2_ATTR, a->desc)))
		return fail_permission(ctx, a, a->need & DMA_WRITE ? DMA_WRITE : DMA_READ);
	return EVT_NONE;
}

/* 3.13, D8.5: the same at stage 2, where the dirty state is S2AP[1] = 1. */
static enum smmu_event_id write_back(struct smmu_walk_ctx *ctx, struct s2_access *a)
{
	const struct smmu_s2_cfg *s2 = ctx->s2;
	uint64_t desc = a->desc;
	int err;

	if (s2->ha)
		desc |= PT_AF;
	if (s2->hd && (desc & PT_DBM) && (a->need & DMA_WRITE))
		desc |= PT_S2_WRITE;
	if (desc == a->desc)
		return EVT_NONE;
	err = smmu_pt_update(ctx->mem, a->desc_pa, s2->big_endian, a->desc, desc);
	if (err) {
		ctx->raced = err == -EAGAIN;
		return smmu_walk_abort(ctx, true, a->class, a->ipa, a->desc_pa);
	}
	a->desc = desc;
	return EVT_NONE;
}

enum smmu_event_id smmu_s2_stage(struct smmu_walk_ctx *ctx, uint64_t ipa, enum smmu_class class, unsigned need,
				 struct smmu_stage *out)
{
	struct s2_access a = {.ipa = ipa, .class = class, .need = need};
	enum smmu_event_id event = find_leaf(ctx, &a);

	if (event)
		return event;
	event = check(ctx, &a, out->perms);
	if (event)
		return event;
	event = write_back(ctx, &a);
	if (event)
		return event;
	/* A page that is clean now: the first write must come here again. */
	if (!(a.desc & PT_S2_WRITE)) {
		out->perms[0] &= (uint8_t)~DMA_WRITE;
		out->perms[1] &= (uint8_t)~DMA_WRITE;
	}
	out->size_bits = (uint8_t)smmu_pt_shift(ctx->s2->page_bits, a.level);
	out->oa = a.oa | (ipa & (BIT64(out->size_bits) - 1));
	out->attr = (uint8_t)field_get(PT_S2_ATTR, a.desc);
	out->sh = (uint8_t)field_get(PT_SH, a.desc);
	out->global = false;
	return EVT_NONE;
}

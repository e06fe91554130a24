/* SPDX-License-Identifier: Apache-2.0 */
/* A whole translation: both stages, their combination, and the record of a fault. */
#include "smmu_walk.h"

#include "smmu_walk_priv.h"

/* How often a walk starts again because a descriptor changed under its update. */
#define WALK_TRIES 64u

unsigned smmu_walk_need(unsigned access)
{
	/* 13.1.2: writes, and atomics, are data. */
	if (access & DMA_WRITE)
		return access & (DMA_READ | DMA_WRITE);
	return access & DMA_EXEC ? DMA_EXEC : DMA_READ;
}

unsigned smmu_walk_lacks(unsigned perms, unsigned need)
{
	static const unsigned order[] = {DMA_WRITE, DMA_READ, DMA_EXEC};

	for (unsigned i = 0; i < ARRAY_LEN(order); i++)
		if ((need & order[i]) && !(perms & order[i]))
			return order[i];
	return 0;
}

enum smmu_event_id smmu_walk_fail(struct smmu_walk_ctx *ctx, enum smmu_event_id event, bool s2, enum smmu_class class,
				  uint64_t ipa)
{
	unsigned access = ctx->req->access;

	*ctx->fault = (struct smmu_fault){
		.event = event,
		.class = class,
		.s2 = s2,
		.rnw = !(access & DMA_WRITE),
		.ind = smmu_walk_need(access) == DMA_EXEC,
		.pnu = access & DMA_PRIV,
		.ttrnw = true,
		.ipa = ipa,
	};
	return event;
}

enum smmu_event_id smmu_walk_abort(struct smmu_walk_ctx *ctx, bool s2, enum smmu_class class, uint64_t ipa,
				   uint64_t fetch_addr)
{
	smmu_walk_fail(ctx, EVT_F_WALK_EABT, s2, class, ipa);
	ctx->fault->fetch_addr = fetch_addr;
	return EVT_F_WALK_EABT;
}

unsigned smmu_override_access(const struct smmu_stream_cfg *stream, unsigned access)
{
	if (stream->priv != SMMU_INCOMING)
		access = stream->priv == SMMU_SET ? access | DMA_PRIV : access & ~DMA_PRIV;
	/* INSTCFG only reaches reads. */
	if (access & DMA_WRITE)
		return access & ~DMA_EXEC;
	if (stream->inst != SMMU_INCOMING)
		access = stream->inst == SMMU_SET ? access | DMA_EXEC : (access | DMA_READ) & ~DMA_EXEC;
	return access;
}

/* Stage 1 bypassed: the address as it is, if there can be such an address (3.4); Normal memory (13.1.3). */
static enum smmu_event_id bypass(struct smmu_walk_ctx *ctx, unsigned oa_bits, struct smmu_stage *out)
{
	if (ctx->req->iova >> oa_bits != 0)
		return smmu_walk_fail(ctx, EVT_F_ADDR_SIZE, false, SMMU_CLASS_IN, 0);
	*out = (struct smmu_stage){
		.oa = ctx->req->iova,
		.size_bits = (uint8_t)oa_bits,
		.perms = {DMA_READ | DMA_WRITE | DMA_EXEC, DMA_READ | DMA_WRITE | DMA_EXEC},
		.attr = MAIR_NORMAL_WB,
		.sh = PT_SH_NONE,
	};
	return EVT_NONE;
}

/* The mapping that both stages make; @s2 counts if stage 2 translates. */
static void combine(const struct smmu_walk_ctx *ctx, const struct smmu_stage *s1, const struct smmu_stage *s2,
		    struct smmu_mapping *map)
{
	*map = (struct smmu_mapping){
		.pa = s1->oa,
		.ipa = s1->oa,
		.size_bits = s1->size_bits,
		.s1_bits = ctx->s1 ? s1->size_bits : 0,
		.perms = {s1->perms[0], s1->perms[1]},
		.global = s1->global,
		.attr = s1->attr,
		.sh = s1->sh,
	};
	if (!ctx->s2)
		return;
	map->pa = s2->oa;
	map->s2_bits = s2->size_bits;
	if (s2->size_bits < map->size_bits)
		map->size_bits = s2->size_bits;
	map->perms[0] &= s2->perms[0];
	map->perms[1] &= s2->perms[1];
	smmu_attr_combine(ctx->s2->fwb, s2->attr, s2->sh, &map->attr, &map->sh);
}

static enum smmu_event_id walk_once(struct smmu_walk_ctx *ctx, unsigned oa_bits, struct smmu_mapping *map)
{
	struct smmu_stage s1, s2 = {0};
	enum smmu_event_id event = ctx->s1 ? smmu_s1_stage(ctx, &s1) : bypass(ctx, oa_bits, &s1);

	if (!event && ctx->s2)
		event = smmu_s2_stage(ctx, s1.oa, SMMU_CLASS_IN, smmu_walk_need(ctx->req->access), &s2);
	if (!event)
		combine(ctx, &s1, &s2, map);
	return event;
}

enum smmu_event_id smmu_walk(const struct gmem *mem, const struct smmu_walk_cfg *cfg, const struct smmu_request *req,
			     struct smmu_mapping *map, struct smmu_fault *fault)
{
	struct smmu_walk_ctx ctx = {.mem = mem, .s1 = cfg->s1, .s2 = cfg->s2, .req = req, .fault = fault};
	enum smmu_event_id event;
	unsigned tries = 0;

	do {
		ctx.raced = false;
		event = walk_once(&ctx, cfg->oa_bits, map);
	} while (ctx.raced && ++tries < WALK_TRIES);
	return event;
}

enum smmu_event_id smmu_s2_translate(const struct gmem *mem, const struct smmu_s2_cfg *s2, uint64_t ipa,
				     enum smmu_class class, const struct smmu_request *req, struct smmu_mapping *map,
				     struct smmu_fault *fault)
{
	struct smmu_walk_ctx ctx = {.mem = mem, .s2 = s2, .req = req, .fault = fault};
	unsigned need = class == SMMU_CLASS_IN ? smmu_walk_need(req->access) : DMA_READ;
	const struct smmu_stage s1 = {
		.oa = ipa,
		.size_bits = 64,
		.perms = {DMA_READ | DMA_WRITE | DMA_EXEC, DMA_READ | DMA_WRITE | DMA_EXEC},
		.attr = MAIR_NORMAL_WB,
		.sh = PT_SH_NONE,
	};
	struct smmu_stage out;
	enum smmu_event_id event;
	unsigned tries = 0;

	do {
		ctx.raced = false;
		event = smmu_s2_stage(&ctx, ipa, class, need, &out);
	} while (ctx.raced && ++tries < WALK_TRIES);
	if (!event)
		combine(&ctx, &s1, &out, map);
	return event;
}

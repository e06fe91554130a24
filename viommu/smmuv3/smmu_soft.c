/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Translation for emulated endpoints: configuration, IOTLB, walk, and the event of what fails (3.3, 5.2, 7.3). The
 * translator of dma.h; runs with the device lock held, on the thread of whoever does the DMA.
 *
 * Devices keep translations of their own (struct dma_user). Their spaces are made void before commands that remove
 * something count as complete; which ones is not tracked, all of the instance's are. What the IOTLB lost for want of
 * room, or never had, is out of reach of its commands, so after that the next TLBI makes them void whatever it names.
 */
#include <errno.h>

#include "log.h"
#include "smmu_priv.h"
#include "smmu_tlbi.h"
#include "smmu_transaction.h"
#include "stats.h"

static enum smmu_event_id fail(struct smmu_transaction *t, enum smmu_event_id event)
{
	t->fault = (struct smmu_fault){.event = event};
	return event;
}

/* Stage 1 of a stream that has one: by which CD, or none (5.2, S1CDMax and S1DSS; 3.3.2). */
static enum smmu_event_id choose_cd(struct smmu_transaction *t)
{
	bool substreams = t->stream->cd_bits != 0;
	uint32_t ssid = 0;

	if (t->pasid != DMA_NO_PASID) {
		/* 7.3.9. */
		if (!substreams)
			return fail(t, EVT_C_BAD_SUBSTREAMID);
		/* The CD of substream 0 is that of transactions without one. */
		if (t->pasid == 0 && t->stream->s1dss == STE_S1DSS_SSID0)
			return fail(t, EVT_F_STREAM_DISABLED);
		ssid = t->pasid;
	} else if (substreams && t->stream->s1dss == STE_S1DSS_BYPASS) {
		return EVT_NONE;
	} else if (substreams && t->stream->s1dss != STE_S1DSS_SSID0) {
		return fail(t, EVT_F_STREAM_DISABLED);
	}
	return smmu_cached_cd(t->smmu, t->soft, ssid, &t->req, &t->walk.s1, &t->fault);
}

static inline enum smmu_event_id configure(struct smmu_transaction *t)
{
	enum smmu_event_id event = smmu_cached_ste(t->smmu, t->soft, t->sid, &t->fault);

	if (event)
		return event;
	t->stream = &t->soft->stream;
	if (t->stream->abort)
		return EVT_NONE;
	t->req.access = smmu_override_access(t->stream, t->access);
	t->walk.oa_bits = t->stream->oa_bits;
	if (t->stream->s2)
		t->walk.s2 = &t->stream->s2cfg;
	if (t->stream->s1)
		return choose_cd(t);
	/* 7.3.9: substreams are a matter of stage 1. */
	return t->pasid == DMA_NO_PASID ? EVT_NONE : fail(t, EVT_C_BAD_SUBSTREAMID);
}

/* True when the guest wants to know (6.3.12 RECINVSID, 5.4 CD.R, 5.2 S2R). Configuration errors and failed fetches are
 * always recorded. */
static bool recorded(const struct smmu_transaction *t)
{
	switch (t->fault.event) {
	case EVT_C_BAD_STREAMID:
		return smmu_reg32(t->smmu, R_CR2) & CR2_RECINVSID;
	case EVT_F_TRANSLATION:
	case EVT_F_ADDR_SIZE:
	case EVT_F_ACCESS:
	case EVT_F_PERMISSION:
		if (t->fault.s2)
			return t->stream->s2cfg.record;
		return !t->walk.s1 || t->walk.s1->record;
	default:
		return true;
	}
}

/* 5.5: CD.S for faults at stage 1, STE.S2S for those at stage 2; 3.12: not for an address too large to bypass stage 1.
 */
static bool stalls(const struct smmu_transaction *t)
{
	switch (t->fault.event) {
	case EVT_F_TRANSLATION:
	case EVT_F_ADDR_SIZE:
	case EVT_F_ACCESS:
	case EVT_F_PERMISSION:
		return t->fault.s2 ? t->stream->s2cfg.stall : t->walk.s1 && t->walk.s1->stall;
	default:
		return false;
	}
}

/* The end of a transaction that is not translated. CD.A = 0, RAZ/WI, is legal only
 * where a host's TERM_MODEL is 0; emulated devices know no such end and see an error. */
int smmu_transaction_fail(struct smmu_transaction *t)
{
	struct smmu_event event;

	if (t->access & DMA_PROBE)
		return -EFAULT;
	smmu_event_fault_record(&event, t->sid, t->pasid, t->req.iova, &t->fault);
	/* 3.12.2. A requester that cannot wait is one for which stalls are treated as terminations (3.12). */
	if (t->stall && stalls(t)) {
		smmu_stall_add(t->smmu, t->soft, &event, t->req.access, t->stall);
		return -EINPROGRESS;
	}
	stats_inc(&stats.smmu_faults);
	if (recorded(t) && t->stream && t->stream->mev)
		smmu_event_write_merged(t->smmu, &event);
	else if (recorded(t))
		smmu_event_write(t->smmu, &event);
	return -EFAULT;
}

/* True when @perms (as in struct smmu_mapping) allow @access. */
static bool permitted(const uint8_t perms[2], unsigned access)
{
	unsigned need = access & DMA_EXEC ? DMA_EXEC : access & (DMA_READ | DMA_WRITE);

	return (need & ~(unsigned)perms[access & DMA_PRIV ? 1 : 0]) == 0;
}

/* What the endpoint may do further with its translation, by the names under which it does it. */
static unsigned permissions(const struct smmu_transaction *t, const uint8_t perms[2])
{
	static const struct {
		unsigned access, perm;
	} kinds[] = {{DMA_READ, DMA_READ}, {DMA_WRITE, DMA_WRITE}, {DMA_READ | DMA_EXEC, DMA_EXEC}};
	unsigned out = 0;

	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
		if (permitted(perms, smmu_override_access(t->stream, kinds[i].access | (t->access & DMA_PRIV))))
			out |= kinds[i].perm;
	}
	return out;
}

/* Which of the two tables @iova belongs to. */
static unsigned half_of(const struct smmu_s1_cfg *s1, uint64_t iova)
{
	return s1->world == SMMU_WORLD_EL2 ? 0 : (unsigned)(iova >> 55) & 1;
}

/* The name under which @t's translation is cached. False: an address that nothing is cached for. */
static bool name(const struct smmu_transaction *t, struct smmu_tlb_tag *tag, uint64_t *va)
{
	const struct smmu_s1_cfg *s1 = t->walk.s1;

	*tag = (struct smmu_tlb_tag){
		.world = (uint8_t)(s1 ? s1->world : SMMU_WORLD_EL1),
		.stages = s1 ? t->walk.s2 ? SMMU_TLB_S12 : SMMU_TLB_S1 : SMMU_TLB_S2,
		.vmid = t->stream->has_vmid ? t->stream->vmid : 0,
		.asid = s1 ? s1->asid : 0,
	};
	*va = t->req.iova;
	if (!s1)
		return true;
	*va = smmu_tlbi_va(t->req.iova);
	return *va == t->req.iova || s1->ttb[half_of(s1, t->req.iova)].tbi;
}

static inline const struct smmu_tlb_entry *lookup(const struct smmu_transaction *t)
{
	struct smmu_tlb_tag tag;
	uint64_t va;

	return name(t, &tag, &va) ? smmu_tlb_find(&t->smmu->tlb, &tag, va) : NULL;
}

void smmu_transaction_remember(struct smmu_transaction *t, const struct smmu_mapping *map)
{
	const struct smmu_s1_cfg *s1 = t->walk.s1;
	uint64_t mask = BIT64(map->size_bits) - 1, va;
	struct smmu_tlb_entry entry = {
		.pa = map->pa & ~mask,
		.global = map->global,
		.size_bits = map->size_bits,
		/* Stage 2 may have cut a stage 1 block to pieces, each of which any address in that block names. */
		.block_bits = s1 ? map->s1_bits : map->s2_bits,
		.page_bits = s1 ? s1->ttb[half_of(s1, t->req.iova)].page_bits : t->walk.s2->page_bits,
		.perms = {map->perms[0], map->perms[1]},
	};

	if (!name(t, &entry.tag, &va)) {
		smmu_tlb_passed_by(&t->smmu->tlb);
		return;
	}
	entry.va = va & ~mask;
	entry.level = smmu_tlb_level(entry.block_bits, entry.page_bits);
	smmu_tlb_insert(&t->smmu->tlb, &entry);
}

static inline void answer(struct dma_target *out, uint64_t iova, unsigned size_bits, uint64_t pa, unsigned perms)
{
	uint64_t mask = BIT64(size_bits) - 1;

	*out = (struct dma_target){
		.iovas = {iova & ~mask, iova | mask},
		.pa = {pa & ~mask},
		.perms = perms,
	};
}

/* 3.4: addresses that fit go through as they are. */
static enum smmu_event_id bypass(struct smmu_transaction *t, struct dma_target *out)
{
	struct smmu_mapping map;
	enum smmu_event_id event = smmu_walk(t->smmu->gmem, &t->walk, &t->req, &map, &t->fault);

	if (!event)
		answer(out, 0, t->walk.oa_bits, 0, DMA_READ | DMA_WRITE | DMA_EXEC);
	return event;
}

/* A walk that leaves no trace in the tables. A page that a write would make dirty counts as not writable. */
static enum smmu_event_id walk_probe(struct smmu_transaction *t, struct smmu_mapping *map)
{
	struct smmu_walk_cfg cfg = t->walk;
	struct smmu_s1_cfg s1;
	struct smmu_s2_cfg s2;

	if (cfg.s1) {
		s1 = *cfg.s1;
		s1.af_ignored |= s1.ha;
		s1.ha = s1.hd = false;
		cfg.s1 = &s1;
	}
	if (cfg.s2) {
		s2 = *cfg.s2;
		s2.af_ignored |= s2.ha;
		s2.ha = s2.hd = false;
		cfg.s2 = &s2;
	}
	return smmu_walk(t->smmu->gmem, &cfg, &t->req, map, &t->fault);
}

/*
 * An entry that does not permit the access is no reason for a fault: its page may have been clean, or its permissions
 * have been raised, which needs no invalidation to be seen at once.
 */
static int translate_walk(struct smmu_transaction *t, struct dma_target *out)
{
	const struct smmu_tlb_entry *entry = lookup(t);
	struct smmu_mapping map;

	if (entry && permitted(entry->perms, t->req.access)) {
		stats_inc(&stats.smmu_tlb_hits);
		answer(out, t->req.iova, entry->size_bits, entry->pa, permissions(t, entry->perms));
		return 0;
	}
	stats_inc(&stats.smmu_tlb_misses);
	stats_inc(&stats.smmu_walks);
	if (t->access & DMA_PROBE) {
		if (walk_probe(t, &map))
			return -EFAULT;
		/* The answer to a question may be kept as well: as the route of an interrupt. */
		smmu_tlb_passed_by(&t->smmu->tlb);
	} else {
		if (smmu_walk(t->smmu->gmem, &t->walk, &t->req, &map, &t->fault))
			return smmu_transaction_fail(t);
		smmu_transaction_remember(t, &map);
	}
	answer(out, t->req.iova, map.size_bits, map.pa, permissions(t, map.perms));
	return 0;
}

/* SMMUEN = 0: by GBPA, and without events (6.3.9, 6.3.14). */
static int translate_disabled(struct smmu_transaction *t, struct dma_target *out)
{
	if (smmu_reg32(t->smmu, R_GBPA) & GBPA_ABORT)
		return -EFAULT;
	t->walk.oa_bits = (uint8_t)smmu_oas_bits(field_get32(IDR5_OAS, smmu_reg32(t->smmu, R_IDR5)));
	return bypass(t, out) ? -EFAULT : 0;
}

/* t->fault stays as it is: whatever fails fills it in. */
static inline void begin(struct smmu_transaction *t, struct smmu_soft *soft, uint32_t pasid, uint64_t iova,
			 unsigned access)
{
	t->smmu = soft->smmu;
	t->soft = soft;
	t->stall = NULL;
	t->sid = viommu_endpoint_sid(&soft->ep);
	t->pasid = pasid;
	t->access = access;
	t->req = (struct smmu_request){.iova = iova, .access = access};
	t->stream = NULL;
	t->walk = (struct smmu_walk_cfg){0};
}

static int translate_or_stall(void *owner, uint32_t pasid, uint64_t iova, unsigned access, struct dma_target *out,
			      struct dma_stall *stall)
{
	struct smmu_transaction t;

	begin(&t, owner, pasid, iova, access);
	t.stall = stall;
	if (!(smmu_reg32(t.smmu, R_CR0) & CR0_SMMUEN))
		return translate_disabled(&t, out);
	if (configure(&t))
		return smmu_transaction_fail(&t);
	/* 5.2, Config 0b0xx: without an event. */
	if (t.stream->abort)
		return -EFAULT;
	if (!t.walk.s1 && !t.walk.s2)
		return bypass(&t, out) ? smmu_transaction_fail(&t) : 0;
	return translate_walk(&t, out);
}

/* The same steps for ATS. They are inline above: an ordinary translation that the IOTLB knows takes 40 ns in all. */
struct smmu_transaction smmu_transaction_of(struct smmu_soft *soft, uint32_t pasid, uint64_t iova, unsigned access)
{
	struct smmu_transaction t = {0};

	begin(&t, soft, pasid, iova, access);
	return t;
}

enum smmu_event_id smmu_transaction_configure(struct smmu_transaction *t)
{
	return configure(t);
}

const struct smmu_tlb_entry *smmu_transaction_lookup(const struct smmu_transaction *t)
{
	return lookup(t);
}

void smmu_transaction_answer(struct dma_target *out, uint64_t iova, unsigned size_bits, uint64_t pa, unsigned perms)
{
	answer(out, iova, size_bits, pa, perms);
}

static void cancel(void *owner, struct dma_stall *stall)
{
	smmu_stall_cancel(((struct smmu_soft *)owner)->smmu, owner, stall);
}

static const struct dma_translator translator = {
	.translate_or_stall = translate_or_stall,
	.cancel = cancel,
	.ats_translate = smmu_ats_translate,
	.ats_access = smmu_ats_access,
	.ats_invalidated = smmu_ats_invalidated,
	.page_request = smmu_pri_request,
};

struct smmu_soft *smmu_soft_of(struct smmu *smmu, uint32_t sid)
{
	for (unsigned i = 0; i < smmu->nr_soft; i++) {
		if (viommu_endpoint_sid(&smmu->soft[i].ep) == sid)
			return &smmu->soft[i];
	}
	return NULL;
}

int smmu_add_emulated(struct smmu *smmu, const struct viommu_endpoint *ep, struct dma_space *space)
{
	struct smmu_soft *soft = &smmu->soft[smmu->nr_soft];

	if (smmu->nr_soft == SMMU_MAX_ENDPOINTS)
		return log_fail(-ENOSPC, "SMMU %s: cannot take %s: it serves %u devices already; use another SMMU",
				smmu->dev.id, ep->name, SMMU_MAX_ENDPOINTS);
	*soft = (struct smmu_soft){.ep = *ep, .smmu = smmu, .space = space};
	smmu->nr_soft++;
	dma_space_set_translator(space, &translator, soft);
	return 0;
}

void smmu_soft_settle(struct smmu *smmu)
{
	if (!smmu->soft_stale)
		return;
	smmu->soft_stale = false;
	for (unsigned i = 0; i < smmu->nr_soft; i++)
		dma_space_invalidate(smmu->soft[i].space);
}

void smmu_soft_reconfigure(struct smmu *smmu)
{
	smmu_cache_drop_ste(smmu, 0, 32);
	smmu_soft_settle(smmu);
}

void smmu_soft_reset(struct smmu *smmu)
{
	smmu_tlb_reset(&smmu->tlb);
	smmu_soft_reconfigure(smmu);
}

void smmu_soft_tlbi(struct smmu *smmu, const struct smmu_cmd *cmd)
{
	struct smmu_tlb_scope scope;
	uint32_t idr[6];
	unsigned removed;

	smmu_id_get(smmu, idr);
	smmu_tlbi_scope(idr, cmd, &scope);
	removed = smmu_tlb_invalidate(&smmu->tlb, &scope);
	stats_add(&stats.smmu_tlb_removed, removed);
	if (smmu_tlb_forgotten(&smmu->tlb) || removed != 0)
		smmu->soft_stale = true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ATS of emulated endpoints (3.9.1, 13.6, 13.7): Translation Requests, translated accesses and CMD_ATC_INV.
 *
 * Invalidations are sent as the commands are consumed. A CMD_SYNC behind them waits until all are answered: the command
 * queue stands still until the last answer comes, or the timeout, which is CERROR_ATC_INV_SYNC (3.9.1.4).
 */
#include <errno.h>

#include "smmu_priv.h"
#include "smmu_transaction.h"
#include "stats.h"

bool smmu_ats_offered(const struct smmu *smmu)
{
	return smmu_reg32(smmu, R_IDR0) & IDR0_ATS;
}

static bool enabled(const struct smmu *smmu)
{
	return smmu_reg32(smmu, R_CR0) & CR0_SMMUEN;
}

static bool checked(const struct smmu *smmu)
{
	return smmu_reg32(smmu, R_CR0) & CR0_ATSCHK;
}

/* 5.2, EATS: 0b10 counts only with CR0.ATSCHK. Not decoded, so 0b00, where nothing translates. */
static unsigned effective_eats(const struct smmu_transaction *t)
{
	if (t->stream->eats == STE_EATS_SPLIT && !checked(t->smmu))
		return STE_EATS_NONE;
	return t->stream->eats;
}

/* 7.3.6: what was asked for, before overrides; one translation unit. */
static int bad_request(const struct smmu_transaction *t)
{
	struct smmu_event event = {
		.dw = {field_prep(EVT0_ID, EVT_F_BAD_ATS_TREQ) | field_prep(EVT0_SID, t->sid), 0,
		       t->req.iova & ~UINT64_C(0xfff), 0},
	};

	if (t->pasid != DMA_NO_PASID)
		event.dw[0] |= EVT0_SSV | field_prep(EVT0_SSID, t->pasid);
	smmu_event_write(t->smmu, &event);
	return -EOPNOTSUPP;
}

/* 7.3.8 */
static int forbidden(const struct smmu_transaction *t)
{
	struct smmu_event event = {
		.dw = {field_prep(EVT0_ID, EVT_F_TRANSL_FORBIDDEN) | field_prep(EVT0_SID, t->sid),
		       t->access & DMA_WRITE ? 0 : EVT1_RNW, t->req.iova, 0},
	};

	if (t->stream && t->stream->mev)
		smmu_event_write_merged(t->smmu, &event);
	else
		smmu_event_write(t->smmu, &event);
	return -EFAULT;
}

/* 13.7.1: what @perms, of one privilege level, give to a request. */
static unsigned granted(const struct smmu_transaction *t, unsigned perms)
{
	unsigned out = perms & DMA_WRITE;
	bool exec = perms & DMA_EXEC, read = perms & DMA_READ, wants_exec = t->access & DMA_EXEC;

	switch (t->stream->inst) {
	case SMMU_SET:
		read = exec;
		break;
	case SMMU_CLEAR:
		exec = read;
		break;
	default:
		exec = exec && read;
	}
	if (read)
		out |= DMA_READ;
	if (exec && wants_exec)
		out |= DMA_EXEC;
	return out;
}

static unsigned level_perms(const struct smmu_transaction *t, const uint8_t perms[2])
{
	return perms[!!(t->req.access & DMA_PRIV)];
}

/* A denial: one translation unit without permissions. */
static int denied(const struct smmu_transaction *t, struct dma_target *out)
{
	smmu_transaction_answer(out, t->req.iova, 12, 0, 0);
	return 0;
}

/* 3.9.1.2: by what an ordinary transaction would have been told. */
static int refused(const struct smmu_transaction *t, struct dma_target *out)
{
	switch (t->fault.event) {
	case EVT_F_TRANSLATION:
	case EVT_F_ADDR_SIZE:
	case EVT_F_ACCESS:
	case EVT_F_PERMISSION:
		return denied(t, out);
	default:
		return -EIO;
	}
}

/* 13.7: write intent is tried first, so that hardware marks the page dirty only for it; then what is left. */
static enum smmu_event_id walk(struct smmu_transaction *t, struct smmu_mapping *map)
{
	static const unsigned kinds[] = {DMA_READ | DMA_WRITE, DMA_READ, DMA_WRITE};
	enum smmu_event_id event = EVT_F_PERMISSION;

	for (unsigned i = 0; i < ARRAY_LEN(kinds) && event == EVT_F_PERMISSION; i++) {
		if ((kinds[i] & DMA_WRITE) && !(t->access & DMA_WRITE))
			continue;
		t->req.access = smmu_override_access(t->stream, kinds[i] | (t->access & DMA_PRIV));
		stats_inc(&stats.smmu_walks);
		event = smmu_walk(t->smmu->gmem, &t->walk, &t->req, map, &t->fault);
	}
	return event;
}

static int translate(struct smmu_transaction *t, bool split, struct dma_target *out)
{
	unsigned wanted = t->access & (DMA_READ | DMA_WRITE | DMA_EXEC), perms;
	const struct smmu_tlb_entry *entry;
	struct smmu_mapping map;

	/* A request may be served by the IOTLB, which knows no IPAs. */
	entry = split || (!t->walk.s1 && !t->walk.s2) ? NULL : smmu_transaction_lookup(t);
	if (entry) {
		perms = granted(t, level_perms(t, entry->perms));
		if ((wanted & ~perms) == 0) {
			stats_inc(&stats.smmu_tlb_hits);
			smmu_transaction_answer(out, t->req.iova, entry->size_bits, entry->pa, perms);
			return 0;
		}
	}
	if (walk(t, &map))
		return refused(t, out);
	perms = granted(t, level_perms(t, map.perms));
	if (!t->walk.s1 && !t->walk.s2)
		perms = DMA_READ | DMA_WRITE; /* 13.6.4 */
	else if (!split)
		smmu_transaction_remember(t, &map);
	if (perms == 0)
		return denied(t, out);
	smmu_transaction_answer(out, t->req.iova, map.size_bits, split ? map.ipa : map.pa, perms);
	return 0;
}

int smmu_ats_translate(void *owner, uint32_t pasid, uint64_t iova, unsigned access, struct dma_target *out)
{
	struct smmu_soft *soft = owner;
	struct smmu_transaction t = smmu_transaction_of(soft, pasid, iova, access | DMA_READ);
	enum smmu_event_id event;

	stats_inc(&stats.smmu_ats_requests);
	if (!smmu_ats_offered(t.smmu))
		return -EOPNOTSUPP;
	if (!enabled(t.smmu))
		return bad_request(&t);
	/* The STE comes first: whether ATS is enabled matters more than what is wrong with the CD. */
	event = smmu_cached_ste(t.smmu, soft, t.sid, &t.fault);
	if (event)
		return -EIO;
	t.stream = &soft->stream;
	if (t.stream->abort)
		return -EOPNOTSUPP;
	if (effective_eats(&t) == STE_EATS_NONE)
		return bad_request(&t);
	if (smmu_transaction_configure(&t))
		return refused(&t, out);
	return translate(&t, effective_eats(&t) == STE_EATS_SPLIT, out);
}

/* 3.9.1.3, 13.6.3: the address is an IPA, and stage 2 translates it as of an ordinary transaction. */
static int access_split(struct smmu_transaction *t, struct dma_target *out)
{
	struct smmu_mapping map;

	t->req.access = smmu_override_access(t->stream, t->access);
	t->walk = (struct smmu_walk_cfg){.s2 = &t->stream->s2cfg, .oa_bits = t->stream->oa_bits};
	stats_inc(&stats.smmu_walks);
	if (smmu_walk(t->smmu->gmem, &t->walk, &t->req, &map, &t->fault))
		return smmu_transaction_fail(t);
	smmu_transaction_answer(out, t->req.iova, map.size_bits, map.pa,
				t->req.access & (DMA_READ | DMA_WRITE | DMA_EXEC));
	return 0;
}

int smmu_ats_access(void *owner, uint64_t addr, unsigned access, struct dma_target *out)
{
	struct smmu_soft *soft = owner;
	struct smmu_transaction t = smmu_transaction_of(soft, DMA_NO_PASID, addr, access);
	unsigned oa_bits = smmu_oas_bits(field_get32(IDR5_OAS, smmu_reg32(t.smmu, R_IDR5)));

	if (!smmu_ats_offered(t.smmu))
		return -EFAULT;
	if (!enabled(t.smmu))
		return forbidden(&t);
	if (checked(t.smmu)) {
		/* Without IDR0.ATSRECERR nothing is recorded of a wrong configuration. */
		if (smmu_cached_ste(t.smmu, soft, t.sid, &t.fault))
			return -EFAULT;
		t.stream = &soft->stream;
		if (t.stream->abort)
			return -EFAULT;
		if (effective_eats(&t) == STE_EATS_NONE)
			return forbidden(&t);
	}
	/* 3.9.1.1: too large an address is aborted, without an event. */
	if (addr >> oa_bits != 0)
		return -EFAULT;
	if (t.stream && effective_eats(&t) == STE_EATS_SPLIT)
		return access_split(&t, out);
	smmu_transaction_answer(out, 0, oa_bits, 0, DMA_READ | DMA_WRITE | DMA_EXEC);
	return 0;
}

static struct range span_of(uint64_t dw1)
{
	uint64_t bits = 12 + field_get(CMD1_ATC_SIZE, dw1), addr = dw1 & CMD1_ADDR;
	uint64_t mask = bits >= 64 ? UINT64_MAX : BIT64(bits) - 1;

	return (struct range){addr & ~mask, addr | mask};
}

void smmu_ats_invalidate(struct smmu *smmu, const struct smmu_cmd *cmd)
{
	bool ssv = cmd->dw[0] & CMD0_SSV;
	struct dma_ats_invalidation inv = {
		.pasid = ssv ? (uint32_t)field_get(CMD0_SSID, cmd->dw[0]) : DMA_NO_PASID,
		.iovas = span_of(cmd->dw[1]),
		.global = ssv && (cmd->dw[0] & CMD0_ATC_GLOBAL),
		.tag = smmu->atc.epoch,
	};
	struct smmu_soft *soft = smmu_soft_of(smmu, (uint32_t)field_get(CMD0_SID, cmd->dw[0]));

	if (!soft || !soft->space->ats)
		return;
	stats_inc(&stats.smmu_atc_invalidations);
	if (soft->space->ats->invalidate(soft->space->ats_opaque, &inv) == -EINPROGRESS)
		smmu->atc.pending++;
}

static void set_timer(struct smmu *smmu, unsigned ms)
{
	if (smmu->config.timer)
		smmu->config.timer(smmu->config.timer_opaque, ms);
}

/* With the last answer, not with the CMD_SYNC: software may have stopped the queue, or put something else there. */
static void stop_waiting(struct smmu *smmu)
{
	if (smmu->atc.waiting)
		set_timer(smmu, 0);
	smmu->atc.waiting = false;
}

void smmu_ats_invalidated(void *owner, uint32_t tag)
{
	struct smmu *smmu = ((struct smmu_soft *)owner)->smmu;

	/* Too late, or never asked for. */
	if (tag != smmu->atc.epoch || smmu->atc.pending == 0)
		return;
	smmu->atc.pending--;
	if (smmu->atc.pending == 0 && smmu->atc.waiting) {
		stop_waiting(smmu);
		smmu_cmdq_run(smmu);
	}
}

/* Whatever is under way counts no more. */
static void new_epoch(struct smmu *smmu)
{
	smmu->atc.epoch++;
	smmu->atc.pending = 0;
}

enum smmu_cerror smmu_ats_sync(struct smmu *smmu)
{
	if (smmu->atc.failed) {
		smmu->atc.failed = false;
		return CERROR_ATC_INV_SYNC;
	}
	if (smmu->atc.pending > 0) {
		if (!smmu->atc.waiting)
			set_timer(smmu, SMMU_ATC_TIMEOUT_MS);
		smmu->atc.waiting = true;
		return CERROR_WAIT;
	}
	return CERROR_NONE;
}

void smmu_timeout(struct smmu *smmu)
{
	if (!smmu->atc.waiting)
		return;
	stats_inc(&stats.smmu_atc_timeouts);
	new_epoch(smmu);
	smmu->atc.waiting = false;
	smmu->atc.failed = true;
	smmu_cmdq_run(smmu);
}

void smmu_ats_reset(struct smmu *smmu)
{
	stop_waiting(smmu);
	new_epoch(smmu);
	smmu->atc.failed = false;
}

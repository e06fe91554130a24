/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PRI queue (chapter 8): page requests of endpoints for software, and the responses, software's and those that the
 * SMMU makes itself for requests that cannot be queued. Emulated endpoints only: the kernel has no page requests for us
 * (arm_smmu_handle_ppr()), so with devices of the host IDR0.PRI is 0.
 */
#include <errno.h>

#include "log.h"
#include "smmu_priv.h"
#include "stats.h"

bool smmu_pri_offered(const struct smmu *smmu)
{
	return smmu_reg32(smmu, R_IDR0) & IDR0_PRI;
}

static void respond(struct smmu_soft *soft, uint32_t pasid, uint16_t prgi, enum dma_page_answer answer)
{
	struct dma_page_response response = {.pasid = pasid, .prgi = prgi, .answer = answer};

	if (soft->space->ats)
		soft->space->ats->page_response(soft->space->ats_opaque, &response);
}

/* 8: LWR = 0b100 with a PASID. */
static bool is_stop_marker(const struct dma_page_request *r)
{
	return r->last && !r->read && !r->write && r->pasid != DMA_NO_PASID;
}

/* 8.2: the effective PRIQEN is 0 without SMMUEN. */
static bool disabled(const struct smmu *smmu)
{
	uint32_t both = CR0_SMMUEN | CR0_PRIQEN;

	return (smmu_reg32(smmu, R_CR0) & both) != both || smmu_gerror_active(smmu, GERROR_PRIQ_ABT);
}

static bool overflowed(const struct smmu *smmu)
{
	return (smmu->regs[R_PRIQ_PROD] ^ smmu->regs[R_PRIQ_CONS]) & QUEUE_OVERFLOW;
}

/* 8.1: Success, with the request's PASID if STE.PPAR says so; Failure if there is no STE that could (IDR3.PPS is 0). */
static void respond_overflow(struct smmu_soft *soft, const struct dma_page_request *r)
{
	struct smmu_fault ignored;
	uint32_t pasid = DMA_NO_PASID;
	enum dma_page_answer answer = DMA_PAGE_SUCCESS;

	if (r->pasid != DMA_NO_PASID) {
		if (smmu_cached_ste(soft->smmu, soft, viommu_endpoint_sid(&soft->ep), &ignored))
			answer = DMA_PAGE_FAILURE;
		else if (soft->stream.ppar)
			pasid = r->pasid;
	}
	respond(soft, pasid, r->prgi, answer);
}

static struct smmu_queue pri_queue(const struct smmu *smmu)
{
	return smmu_queue_of(smmu->regs[R_PRIQ_BASE], SMMU_PRIQS, PRI_SIZE);
}

static uint32_t pending(const struct smmu *smmu, const struct smmu_queue *q)
{
	uint32_t mask = smmu_queue_mask(q);

	return ((smmu_reg32(smmu, R_PRIQ_PROD) & mask) - (smmu_reg32(smmu, R_PRIQ_CONS) & mask)) & mask;
}

static void make_entry(uint64_t entry[2], uint32_t sid, const struct dma_page_request *r)
{
	bool ssv = r->pasid != DMA_NO_PASID;

	entry[0] = field_prep(PRI0_SID, sid) | (r->last ? PRI0_LAST : 0) | (r->write ? PRI0_WRITE : 0) |
		   (r->read ? PRI0_READ : 0);
	if (ssv)
		entry[0] |= PRI0_SSV | field_prep(PRI0_SSID, r->pasid) | (r->exec ? PRI0_EXEC : 0) |
			    (r->priv ? PRI0_PRIV : 0);
	entry[1] = (r->page & PRI1_ADDR) | field_prep(PRI1_PRGI, r->prgi);
}

/* 6.3.36, LO: at each Last, also of messages lost to overflow; else when the queue becomes non-empty. */
static void notify(struct smmu *smmu, bool became_nonempty, bool last)
{
	if (smmu_reg32(smmu, R_PRIQ_IRQ_CFG2) & PRIQ_IRQ_CFG2_LO ? last : became_nonempty)
		smmu_irq_priq(smmu);
}

/* Into the queue: 0; -ENOSPC: full; -EFAULT: the write aborted. */
static int append(struct smmu *smmu, uint32_t sid, const struct dma_page_request *r)
{
	struct smmu_queue q = pri_queue(smmu);
	uint32_t prod = smmu_reg32(smmu, R_PRIQ_PROD), used = pending(smmu, &q);
	uint64_t entry[2];

	if (overflowed(smmu))
		return -ENOSPC;
	if (used >= BIT32(q.log2size)) {
		smmu->regs[R_PRIQ_PROD] ^= QUEUE_OVERFLOW;
		return -ENOSPC;
	}
	make_entry(entry, sid, r);
	if (gmem_write(smmu->gmem, gpa(smmu_queue_addr(&q, prod, PRI_SIZE)), entry, sizeof(entry))) {
		log_guest("SMMU %s: PRI queue at 0x%llx is not in RAM", smmu->dev.id, (unsigned long long)q.base);
		smmu_gerror_raise(smmu, GERROR_PRIQ_ABT);
		return -EFAULT;
	}
	smmu->regs[R_PRIQ_PROD] = (prod & QUEUE_OVERFLOW) | smmu_queue_next(&q, prod & smmu_queue_mask(&q));
	stats_inc(&stats.smmu_page_requests);
	notify(smmu, used == 0, r->last);
	return 0;
}

void smmu_pri_request(void *owner, const struct dma_page_request *r)
{
	struct smmu_soft *soft = owner;
	struct smmu *smmu = soft->smmu;
	bool marker = is_stop_marker(r);
	int err;

	if (!smmu_pri_offered(smmu) || disabled(smmu)) {
		stats_inc(&stats.smmu_page_requests_refused);
		if (!marker)
			respond(soft, DMA_NO_PASID, r->prgi, DMA_PAGE_FAILURE);
		return;
	}
	err = append(smmu, viommu_endpoint_sid(&soft->ep), r);
	if (err == 0)
		return;
	stats_inc(&stats.smmu_page_requests_refused);
	if (err == -ENOSPC)
		notify(smmu, false, r->last);
	if (marker)
		return;
	if (err == -EFAULT)
		respond(soft, DMA_NO_PASID, r->prgi, DMA_PAGE_FAILURE);
	else if (r->last)
		respond_overflow(soft, r);
}

enum smmu_cerror smmu_pri_respond(struct smmu *smmu, const struct smmu_cmd *cmd)
{
	static const enum dma_page_answer answers[] = {
		[PRI_RESP_FAILURE] = DMA_PAGE_FAILURE,
		[PRI_RESP_INVALID] = DMA_PAGE_INVALID,
		[PRI_RESP_SUCCESS] = DMA_PAGE_SUCCESS,
	};
	uint64_t resp = field_get(CMD1_PRI_RESP, cmd->dw[1]);
	uint16_t prgi = (uint16_t)field_get(CMD1_PRI_PRGI, cmd->dw[1]);
	struct smmu_soft *soft = smmu_soft_of(smmu, (uint32_t)field_get(CMD0_SID, cmd->dw[0]));

	if (resp >= ARRAY_LEN(answers))
		return CERROR_ILL;
	if (!(smmu_reg32(smmu, R_CR0) & CR0_SMMUEN))
		return CERROR_NONE;
	stats_inc(&stats.smmu_page_responses);
	if (soft)
		respond(soft, cmd->dw[0] & CMD0_SSV ? (uint32_t)field_get(CMD0_SSID, cmd->dw[0]) : DMA_NO_PASID, prgi,
			answers[resp]);
	return CERROR_NONE;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A transaction of an emulated endpoint on its way, and the steps that its kinds (ordinary, ATS) share. */
#ifndef AERIE_SMMU_TRANSACTION_H
#define AERIE_SMMU_TRANSACTION_H

#include "smmu_priv.h"

struct smmu_transaction {
	struct smmu *smmu;
	struct smmu_soft *soft;
	struct dma_stall *stall; /* NULL: the endpoint cannot wait */
	uint32_t sid, pasid;
	unsigned access; /* as the endpoint sent it */
	struct smmu_request req;
	const struct smmu_stream_cfg *stream; /* NULL before there is a valid STE */
	struct smmu_walk_cfg walk;
	struct smmu_fault fault;
};

/** A transaction of @soft to @iova. */
struct smmu_transaction smmu_transaction_of(struct smmu_soft *soft, uint32_t pasid, uint64_t iova, unsigned access);

/** Finds STE, and CD if there is one. EVT_NONE, also for Config 0b000 (t->stream->abort), or the event. */
enum smmu_event_id smmu_transaction_configure(struct smmu_transaction *t);

/** Its end by t->fault: stalled (-EINPROGRESS) or terminated with the event that the guest asked for (-EFAULT). */
int smmu_transaction_fail(struct smmu_transaction *t);

/** The IOTLB's entry for it, NULL if there is none. */
const struct smmu_tlb_entry *smmu_transaction_lookup(const struct smmu_transaction *t);
/** Puts what a walk has found into the IOTLB. */
void smmu_transaction_remember(struct smmu_transaction *t, const struct smmu_mapping *map);

/** Describes the translation of the 2^@size_bits bytes around @iova. */
void smmu_transaction_answer(struct dma_target *out, uint64_t iova, unsigned size_bits, uint64_t pa, unsigned perms);

#endif

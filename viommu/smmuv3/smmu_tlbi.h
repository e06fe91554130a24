/* SPDX-License-Identifier: Apache-2.0 */
/* From CMD_TLBI_* (4.4) to the IOTLB entries that each of them names. Pure. */
#ifndef AERIE_SMMU_TLBI_H
#define AERIE_SMMU_TLBI_H

#include "smmu_backend.h"
#include "smmu_tlb.h"

/** What @cmd, a CMD_TLBI_* that is legal for an SMMU with IDR0 .. IDR5 = @idr, removes. */
void smmu_tlbi_scope(const uint32_t *idr, const struct smmu_cmd *cmd, struct smmu_tlb_scope *scope);

/** A VA as entries and commands name it: the top byte is what bit 55 says. */
static inline uint64_t smmu_tlbi_va(uint64_t addr)
{
	return addr & BIT64(55) ? addr | MASK64(63, 56) : addr & MASK64(55, 0);
}

#endif

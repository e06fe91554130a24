/* SPDX-License-Identifier: Apache-2.0 */
#include "smmu_tables.h"

/* log2 of the CDs in a level 2 table (5.2, S1Fmt). */
#define CD_4K_LEAF_BITS	 6u
#define CD_64K_LEAF_BITS 10u

static uint64_t align_to_size(uint64_t addr, uint64_t size)
{
	return align_down(addr, size < 64 ? 64 : size);
}

enum smmu_event_id smmu_cd_fetch(const struct gmem *mem, const struct smmu_stream *stream, uint32_t ssid,
				 struct smmu_cd *cd, uint64_t *fetch_addr)
{
	unsigned cdmax = (unsigned)field_get(STE0_S1CDMAX, stream->ste[0]);
	unsigned fmt = (unsigned)field_get(STE0_S1FMT, stream->ste[0]);
	uint64_t table = stream->ste[0] & STE0_S1CTXPTR;

	*fetch_addr = 0;
	*cd = (struct smmu_cd){0};
	if (ssid >> cdmax != 0)
		return EVT_C_BAD_SUBSTREAMID;
	if (fmt == STE_S1FMT_LINEAR) {
		*fetch_addr = align_to_size(table, (uint64_t)CD_SIZE << cdmax) + (uint64_t)ssid * CD_SIZE;
	} else {
		unsigned leaf = fmt == STE_S1FMT_4K_L2 ? CD_4K_LEAF_BITS : CD_64K_LEAF_BITS;
		uint64_t l1_size = (uint64_t)L1CD_SIZE << (cdmax > leaf ? cdmax - leaf : 0);
		uint64_t l1cd;

		*fetch_addr = align_to_size(table, l1_size) + (uint64_t)(ssid >> leaf) * L1CD_SIZE;
		if (gmem_read(mem, gpa(*fetch_addr), &l1cd, sizeof(l1cd)))
			return EVT_F_CD_FETCH;
		if (!(l1cd & L1CD_V))
			return EVT_C_BAD_SUBSTREAMID;
		*fetch_addr = align_to_size(l1cd & L1CD_L2PTR, (uint64_t)CD_SIZE << leaf) +
			      (uint64_t)(ssid & (BIT32(leaf) - 1)) * CD_SIZE;
	}
	return gmem_read(mem, gpa(*fetch_addr), cd, sizeof(*cd)) ? EVT_F_CD_FETCH : EVT_NONE;
}

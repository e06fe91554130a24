/* SPDX-License-Identifier: Apache-2.0 */
/* Geometry of VMSAv8-64 tables and their descriptors, for both stages (DDI 0487, D8.2 and D8.3). */
#include "smmu_walk_priv.h"

#define DESC_BITS 3u /* log2 of PT_DESC_SIZE */

unsigned smmu_pt_shift(unsigned page_bits, unsigned level)
{
	return page_bits + (PT_LAST_LEVEL - level) * (page_bits - DESC_BITS);
}

unsigned smmu_pt_root_bits(const struct smmu_pt *pt)
{
	return pt->ia_bits - smmu_pt_shift(pt->page_bits, pt->start_level) + DESC_BITS;
}

uint64_t smmu_pt_entry(const struct smmu_pt *pt, uint64_t table, unsigned level, uint64_t ia)
{
	uint64_t index = (ia & (BIT64(pt->ia_bits) - 1)) >> smmu_pt_shift(pt->page_bits, level);

	/* The first table has as many entries as ia_bits asks for, others fill a page. */
	if (level != pt->start_level)
		index &= BIT64(pt->page_bits - DESC_BITS) - 1;
	return table + index * PT_DESC_SIZE;
}

/* D8.3.1: at which levels there are blocks; level 1 of 64 KiB tables needs 52-bit addresses. */
static bool has_blocks(const struct smmu_pt *pt, unsigned level)
{
	switch (pt->page_bits) {
	case 12:
		return level == 1 || level == 2;
	case 14:
		return level == 2;
	default:
		return level == 2 || (level == 1 && pt->wide);
	}
}

enum smmu_pt_kind smmu_pt_decode(const struct smmu_pt *pt, unsigned level, uint64_t desc, uint64_t *oa)
{
	bool leaf = level == PT_LAST_LEVEL || !(desc & PT_TABLE);
	uint64_t addr;

	*oa = 0;
	if (!(desc & PT_VALID))
		return SMMU_PT_INVALID;
	/* Level 3: 0b01 is reserved and invalid. */
	if (level == PT_LAST_LEVEL ? !(desc & PT_TABLE) : leaf && !has_blocks(pt, level))
		return SMMU_PT_INVALID;
	addr = align_down(desc & PT_OA, BIT64(leaf ? smmu_pt_shift(pt->page_bits, level) : pt->page_bits));
	if (pt->wide)
		addr |= field_get(PT_OA_HIGH, desc) << PT_OA_HIGH_LSB;
	if (addr >> pt->oa_bits != 0)
		return SMMU_PT_TOO_LARGE;
	*oa = addr;
	return leaf ? SMMU_PT_LEAF : SMMU_PT_TABLE;
}

int smmu_pt_read(const struct gmem *mem, uint64_t addr, bool big_endian, uint64_t *desc)
{
	int err = gmem_read_le64(mem, gpa(addr), desc);

	if (big_endian)
		*desc = __builtin_bswap64(*desc);
	return err;
}

int smmu_pt_update(const struct gmem *mem, uint64_t addr, bool big_endian, uint64_t desc, uint64_t with)
{
	if (big_endian) {
		desc = __builtin_bswap64(desc);
		with = __builtin_bswap64(with);
	}
	return gmem_cmpxchg_le64(mem, gpa(addr), desc, with);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Memory attributes of a translation: decoding and combination of both stages (13.1; DDI 0487, D8.6). */
#include "smmu_walk_priv.h"

/* How cacheable a half of a MAIR byte is, in the order of strength of figure 13.1 and MemAttr. */
static unsigned cacheability(unsigned half)
{
	unsigned cache = field_get32(MAIR_CACHE, half);

	if (half == MAIR_NC)
		return PT_S2_CACHE_NC;
	return cache == MAIR_CACHE_WB || cache == MAIR_CACHE_WB_TR ? PT_S2_CACHE_WB : PT_S2_CACHE_WT;
}

static bool is_device(unsigned attr)
{
	return (attr & MAIR_OUTER) == 0;
}

uint8_t smmu_attr_mair(uint64_t mair, unsigned index)
{
	unsigned attr = (unsigned)(mair >> (8 * index)) & 0xff;

	if (is_device(attr))
		return (uint8_t)(attr & MAIR_DEVICE);
	/* Inner 0 is Write-Through, transient, Read- and Write-Allocate. */
	return (uint8_t)((attr & MAIR_INNER) ? attr : attr | MAIR_HINTS);
}

uint8_t smmu_attr_sh(uint8_t attr, unsigned sh)
{
	if (is_device(attr) || attr == MAIR_NORMAL_NC)
		return PT_SH_OUTER;
	return sh == PT_SH_OUTER || sh == PT_SH_INNER ? (uint8_t)sh : PT_SH_NONE;
}

bool smmu_attr_s2_device(bool fwb, unsigned memattr)
{
	return fwb ? !(memattr & PT_S2_FWB_NORMAL) : field_get32(PT_S2_OUTER, memattr) == 0;
}

/* A half of a MAIR byte, made as weakly cacheable as @limit; the hints are stage 1's. */
static unsigned limit_half(unsigned half, unsigned limit)
{
	unsigned have = cacheability(half);

	/* MemAttr's inner 0 is reserved; taken as Non-cacheable. */
	if (limit <= PT_S2_CACHE_NC || have == PT_S2_CACHE_NC)
		return MAIR_NC;
	if (limit == PT_S2_CACHE_WT && have == PT_S2_CACHE_WB) {
		bool transient = field_get32(MAIR_CACHE, half) == MAIR_CACHE_WB_TR;

		return field_prep32(MAIR_CACHE, transient ? MAIR_CACHE_WT_TR : MAIR_CACHE_WT) | (half & MAIR_HINTS);
	}
	return half;
}

/* The stronger of two Device types: nGnRnE is 0. */
static unsigned stronger_device(unsigned attr, unsigned type)
{
	unsigned have = field_get32(MAIR_DEVICE, attr);

	return field_prep32(MAIR_DEVICE, is_device(attr) && have < type ? have : type);
}

static unsigned combine(unsigned memattr, unsigned attr)
{
	if (field_get32(PT_S2_OUTER, memattr) == 0)
		return stronger_device(attr, field_get32(PT_S2_DEVICE, memattr));
	if (is_device(attr))
		return attr;
	return field_prep32(MAIR_OUTER, limit_half(field_get32(MAIR_OUTER, attr), field_get32(PT_S2_OUTER, memattr))) |
	       limit_half(attr & MAIR_INNER, field_get32(PT_S2_INNER, memattr));
}

/* Write-Back with the hints of stage 1 where it has some. */
static unsigned force_wb(unsigned half)
{
	unsigned hints = half != MAIR_NC ? half & MAIR_HINTS : MAIR_HINTS;
	bool transient = half != MAIR_NC && field_get32(MAIR_CACHE, half) <= MAIR_CACHE_WB_TR;

	return field_prep32(MAIR_CACHE, transient ? MAIR_CACHE_WB_TR : MAIR_CACHE_WB) | hints;
}

static unsigned combine_fwb(unsigned memattr, unsigned attr)
{
	unsigned kind = field_get32(PT_S2_FWB_KIND, memattr);

	if (!(memattr & PT_S2_FWB_NORMAL))
		return stronger_device(attr, kind);
	if (kind == PT_S2_FWB_S1)
		return attr;
	if (kind == PT_S2_FWB_WB) {
		if (is_device(attr))
			return MAIR_NORMAL_WB;
		return field_prep32(MAIR_OUTER, force_wb(field_get32(MAIR_OUTER, attr))) | force_wb(attr & MAIR_INNER);
	}
	/* Non-cacheable unless stage 1 says Device. */
	return is_device(attr) ? attr : MAIR_NORMAL_NC;
}

void smmu_attr_combine(bool fwb, unsigned memattr, unsigned s2_sh, uint8_t *attr, uint8_t *sh)
{
	unsigned s = PT_SH_NONE;

	/* Outer is stronger than inner, which is stronger than none. */
	if (*sh == PT_SH_OUTER || s2_sh == PT_SH_OUTER)
		s = PT_SH_OUTER;
	else if (*sh == PT_SH_INNER || s2_sh == PT_SH_INNER)
		s = PT_SH_INNER;
	*attr = (uint8_t)(fwb ? combine_fwb(memattr, *attr) : combine(memattr, *attr));
	*sh = smmu_attr_sh(*attr, s);
}

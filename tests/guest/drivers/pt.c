/* SPDX-License-Identifier: Apache-2.0 */
#include "pt.h"

#include "smmu_hw.h"

#define LAST 3u

static unsigned level_shift(const struct pt *pt, unsigned level)
{
	return pt->shift + (LAST - level) * (pt->shift - 3);
}

void pt_init(struct pt *pt, unsigned shift, unsigned bits, int start)
{
	unsigned per_level = shift - 3, levels = (bits - shift + per_level - 1) / per_level;
	uint64_t size;

	*pt = (struct pt){.shift = shift, .bits = bits, .start = start < 0 ? LAST + 1 - levels : (unsigned)start};
	/* With concatenation (stage 2) the first table has more entries than a granule holds. */
	size = 8ull << (bits - level_shift(pt, pt->start));
	pt->root = pa(aligned(size < PAGE ? PAGE : size));
}

uint64_t pt_leaf_size(const struct pt *pt, unsigned level)
{
	return 1ull << level_shift(pt, level);
}

bool pt_leaf_ok(const struct pt *pt, unsigned level)
{
	return level == LAST || level == 2 || (level == 1 && pt->shift == 12);
}

uint64_t *pt_entry(struct pt *pt, uint64_t va, unsigned level)
{
	uint64_t table = pt->root;
	uint64_t offset = pt->bits == 64 ? va : va & ((1ull << pt->bits) - 1);

	for (unsigned l = pt->start;; l++) {
		uint64_t index = offset >> level_shift(pt, l);

		if (l > pt->start)
			index &= (1ull << (pt->shift - 3)) - 1;
		uint64_t *entry = (uint64_t *)table + index;

		if (l == level)
			return entry;
		if (!(*entry & P_VALID))
			*entry = pa(aligned(1ull << pt->shift)) | P_VALID | P_TABLE;
		table = *entry & MASK64(47, 12) & ~((1ull << pt->shift) - 1);
	}
}

uint64_t *pt_map(struct pt *pt, uint64_t va, uint64_t to, unsigned level, uint64_t attributes)
{
	uint64_t *entry = pt_entry(pt, va, level);

	*entry = to | attributes | P_VALID | (level == LAST ? P_TABLE : 0);
	barrier();
	return entry;
}

uint64_t pt_some_va(const struct pt *pt)
{
	uint64_t va = 0;

	for (unsigned l = pt->start; l <= LAST; l++)
		va |= (uint64_t)(l + 2 - pt->start) << level_shift(pt, l);
	/* A small first level may have two entries only. */
	va &= (1ull << pt->bits) - 1;
	return pt->high ? va | ~((1ull << pt->bits) - 1) : va;
}

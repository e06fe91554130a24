/* SPDX-License-Identifier: Apache-2.0 */
#include "viommu_regions.h"

#include <errno.h>

/* True when @a ends before @b begins, with room between them. */
static bool apart(struct range a, struct range b)
{
	return a.last < b.first && b.first - a.last > 1;
}

static int append(struct viommu_regions *set, struct range range)
{
	if (set->n == VIOMMU_MAX_REGIONS)
		return -ENOSPC;
	set->r[set->n++] = range;
	return 0;
}

int viommu_regions_add(struct viommu_regions *set, struct range range)
{
	struct viommu_regions out = {.n = 0};
	bool placed = false;
	int err = 0;

	for (unsigned i = 0; err == 0 && i < set->n; i++) {
		struct range r = set->r[i];

		if (apart(r, range)) {
			err = append(&out, r);
		} else if (apart(range, r)) {
			if (!placed)
				err = append(&out, range);
			placed = true;
			if (err == 0)
				err = append(&out, r);
		} else {
			range.first = r.first < range.first ? r.first : range.first;
			range.last = r.last > range.last ? r.last : range.last;
		}
	}
	if (err == 0 && !placed)
		err = append(&out, range);
	if (err == 0)
		*set = out;
	return err;
}

int viommu_regions_sub(struct viommu_regions *set, struct range range)
{
	struct viommu_regions out = {.n = 0};
	int err = 0;

	for (unsigned i = 0; err == 0 && i < set->n; i++) {
		struct range r = set->r[i];

		if (!range_overlaps(r, range)) {
			err = append(&out, r);
			continue;
		}
		if (r.first < range.first)
			err = append(&out, (struct range){r.first, range.first - 1});
		if (err == 0 && r.last > range.last)
			err = append(&out, (struct range){range.last + 1, r.last});
	}
	if (err == 0)
		*set = out;
	return err;
}

int viommu_regions_add_holes(struct viommu_regions *set, const struct range *usable, unsigned n, struct range within)
{
	struct viommu_regions out = *set, holes = {.r = {within}, .n = 1};
	int err = 0;

	for (unsigned i = 0; err == 0 && i < n; i++)
		err = viommu_regions_sub(&holes, usable[i]);
	for (unsigned i = 0; err == 0 && i < holes.n; i++)
		err = viommu_regions_add(&out, holes.r[i]);
	if (err == 0)
		*set = out;
	return err;
}

bool viommu_regions_overlap(const struct viommu_regions *set, struct range range)
{
	for (unsigned i = 0; i < set->n; i++)
		if (range_overlaps(set->r[i], range))
			return true;
	return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A small set of I/O virtual addresses, as sorted ranges with gaps between them: what a vIOMMU must not map. */
#ifndef AERIE_VIOMMU_REGIONS_H
#define AERIE_VIOMMU_REGIONS_H

#include <stdbool.h>

#include "range.h"

#define VIOMMU_MAX_REGIONS 32u

/* All zeroes is the empty set. */
struct viommu_regions {
	struct range r[VIOMMU_MAX_REGIONS]; /* ascending, neither overlapping nor touching */
	unsigned n;
};

/** Adds @range. 0 or -ENOSPC (not logged), then the set is as before. */
int viommu_regions_add(struct viommu_regions *set, struct range range);

/** Takes @range out. 0 or -ENOSPC (it would fall into too many pieces), then the set is as before. */
int viommu_regions_sub(struct viommu_regions *set, struct range range);

/** Adds all that lies in @within and in none of the @n ranges of @usable, which are ascending and disjoint. */
int viommu_regions_add_holes(struct viommu_regions *set, const struct range *usable, unsigned n, struct range within);

bool viommu_regions_overlap(const struct viommu_regions *set, struct range range);

#endif

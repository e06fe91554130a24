/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An interval map: disjoint ranges of I/O virtual addresses, each with where it goes. A balanced tree (AVL); every
 * operation takes time logarithmic in the number of mappings. Knows nothing of any front end.
 */
#ifndef AERIE_VIOMMU_MAP_H
#define AERIE_VIOMMU_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "range.h"

struct viommu_mapping {
	struct range iova;
	uint64_t pa;	/* of iova.first; pa + length does not wrap */
	uint32_t flags; /* the front end's */
};

struct viommu_node;

/* All zeroes is an empty map. */
struct viommu_map {
	struct viommu_node *root;
	size_t count;
};

/** Adds a copy of @mapping. 0; -EEXIST: overlaps one that is there; -ENOMEM (both not logged). */
int viommu_map_insert(struct viommu_map *map, const struct viommu_mapping *mapping);

/** The lowest mapping that overlaps @range, or NULL. Valid until the map changes. */
const struct viommu_mapping *viommu_map_first(const struct viommu_map *map, struct range range);

/** The next one after @mapping that overlaps @range, or NULL. */
const struct viommu_mapping *viommu_map_next(const struct viommu_map *map, const struct viommu_mapping *mapping,
					     struct range range);

/** The highest mapping that overlaps @range, or NULL. */
const struct viommu_mapping *viommu_map_last(const struct viommu_map *map, struct range range);

/** Removes all mappings that overlap @range. Returns their number. */
size_t viommu_map_remove(struct viommu_map *map, struct range range);

/** Removes everything. */
void viommu_map_clear(struct viommu_map *map);

/** True when order, balance and count are right; for tests. */
bool viommu_map_valid(const struct viommu_map *map);

#endif

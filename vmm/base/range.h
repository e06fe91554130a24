/* SPDX-License-Identifier: Apache-2.0 */
/* Closed address ranges. The end is inclusive, so that the whole 64-bit space is one valid range. */
#ifndef AERIE_RANGE_H
#define AERIE_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct range {
	uint64_t first;
	uint64_t last; /* inclusive, >= first */
};

/** Builds [start, start + len - 1]. Returns false, and [0, 0], for len 0 or an end beyond 2^64 - 1. */
static inline bool range_make(struct range *r, uint64_t start, uint64_t len)
{
	*r = (struct range){0};
	if (len == 0 || start + (len - 1) < start)
		return false;
	*r = (struct range){.first = start, .last = start + (len - 1)};
	return true;
}

static inline bool range_overlaps(struct range a, struct range b)
{
	return a.first <= b.last && b.first <= a.last;
}

/** True when @inner lies wholly inside @outer. */
static inline bool range_contains(struct range outer, struct range inner)
{
	return outer.first <= inner.first && inner.last <= outer.last;
}

static inline bool range_has(struct range r, uint64_t addr)
{
	return r.first <= addr && addr <= r.last;
}

/** Length in bytes; 0 stands for 2^64. */
static inline uint64_t range_len(struct range r)
{
	return r.last - r.first + 1;
}

#endif

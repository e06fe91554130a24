/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three address spaces of the field as C types that do not convert into each other silently:
 * gpa_t  - guest physical address (what a CPU of the guest puts on its bus),
 * iova_t - I/O virtual address (what a device puts on its bus, before any translation),
 * void * - host virtual address; never derived from the other two outside gmem.
 */
#ifndef AERIE_ADDR_H
#define AERIE_ADDR_H

#include <stdint.h>

typedef struct gpa {
	uint64_t v;
} gpa_t;

typedef struct iova {
	uint64_t v;
} iova_t;

static inline gpa_t gpa(uint64_t v)
{
	return (gpa_t){.v = v};
}

static inline iova_t iova(uint64_t v)
{
	return (iova_t){.v = v};
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Register tables: a device's MMIO registers as data. The dispatcher alone knows about sizes, alignment, 64-bit halves,
 * access rights and reset; a device adds only the effects (hooks).
 *
 * A table is sorted by offset and does not overlap; regtable_check() proves that in the unit tests. Values live in an
 * array parallel to the table, so that a model reads its own state as values[INDEX].
 */
#ifndef AERIE_REGTABLE_H
#define AERIE_REGTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus.h"

enum reg_width {
	REG32 = 4,
	REG64 = 8, /* accessed whole or as two aligned 32-bit halves */
};

struct reg_row {
	uint32_t offset;
	enum reg_width width;
	const char *name;
	uint64_t reset;
	uint64_t rw;  /* bits that a write stores */
	uint64_t w1c; /* bits that a write of 1 clears */
	/** Value seen by a read; NULL: the stored value. */
	uint64_t (*read)(void *dev, unsigned index, uint64_t stored);
	/** Called after a write changed (or tried to change) the stored value. For a half write @old and @now are
	 * whole. */
	void (*written)(void *dev, unsigned index, uint64_t old, uint64_t now);
	uint8_t min_size; /* smallest access allowed, 1, 2 or 4; 0 means 4 */
};

/** Sets all @values to their reset values; hooks are not called. */
void regtable_reset(const struct reg_row *rows, size_t n, uint64_t *values);

/** Performs @access. BUS_UNHANDLED when no register lives at the offset, BUS_BAD for a size, alignment or register
 *  boundary that the row does not allow. Bits outside rw and w1c keep their value, and so do all bytes of the register
 *  that a narrow access does not reach. A read hook sees and returns the whole register, whatever part is read. */
enum bus_verdict regtable_access(const struct reg_row *rows, size_t n, uint64_t *values, void *dev,
				 struct bus_access *access);

/** True when the table is sorted, aligned and free of overlap and contradictory masks. For tests. */
bool regtable_check(const struct reg_row *rows, size_t n);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "regtable.h"

#define NOT_FOUND SIZE_MAX

void regtable_reset(const struct reg_row *rows, size_t n, uint64_t *values)
{
	for (size_t i = 0; i < n; i++)
		values[i] = rows[i].reset;
}

/* Index of the row that holds @offset, or NOT_FOUND. */
static size_t find(const struct reg_row *rows, size_t n, uint64_t offset)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (rows[mid].offset + (uint64_t)rows[mid].width <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && rows[low].offset <= offset ? low : NOT_FOUND;
}

static bool size_allowed(const struct reg_row *row, const struct bus_access *access)
{
	unsigned min = row->min_size ? row->min_size : 4;

	return access->size >= min && access->size <= (unsigned)row->width && access->offset % access->size == 0;
}

static void do_write(const struct reg_row *row, unsigned index, uint64_t *stored, void *dev, uint64_t value,
		     uint64_t lane)
{
	uint64_t old = *stored;
	uint64_t rw = row->rw & lane;
	uint64_t w1c = row->w1c & lane;

	*stored = ((old & ~rw) | (value & rw)) & ~(value & w1c);
	if (row->written)
		row->written(dev, index, old, *stored);
}

enum bus_verdict regtable_access(const struct reg_row *rows, size_t n, uint64_t *values, void *dev,
				 struct bus_access *access)
{
	size_t index = find(rows, n, access->offset);

	if (index == NOT_FOUND)
		return BUS_UNHANDLED;
	const struct reg_row *row = &rows[index];
	/* A naturally aligned access that is not wider than its register cannot cross the register's end. */
	if (!size_allowed(row, access))
		return BUS_BAD;
	unsigned shift = (unsigned)(access->offset - row->offset) * 8;
	uint64_t mask = access->size == 8 ? UINT64_MAX : (UINT64_C(1) << (access->size * 8)) - 1;

	if (access->is_write) {
		do_write(row, (unsigned)index, &values[index], dev, (access->value & mask) << shift, mask << shift);
		return BUS_HANDLED;
	}
	uint64_t value = values[index];
	if (row->read)
		value = row->read(dev, (unsigned)index, value);
	access->value = (value >> shift) & mask;
	return BUS_HANDLED;
}

bool regtable_check(const struct reg_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct reg_row *row = &rows[i];
		uint64_t valid = row->width == REG64 ? UINT64_MAX : UINT32_MAX;

		if (row->width != REG32 && row->width != REG64)
			return false;
		if (row->offset % row->width || !row->name)
			return false;
		if (i > 0 && rows[i - 1].offset + (uint64_t)rows[i - 1].width > row->offset)
			return false;
		if ((row->rw & row->w1c) || ((row->rw | row->w1c | row->reset) & ~valid))
			return false;
		if (row->min_size != 0 && row->min_size != 1 && row->min_size != 2 && row->min_size != 4)
			return false;
	}
	return true;
}

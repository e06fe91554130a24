/* SPDX-License-Identifier: Apache-2.0 */
#include "rt.h"

static uint64_t next, end;

void memory_init(uint64_t first, uint64_t last)
{
	next = (first + PAGE - 1) & ~(PAGE - 1);
	end = last;
}

void *aligned(uint64_t size)
{
	uint64_t at = (next + size - 1) & ~(size - 1);

	if (at + size - 1 > end) {
		print("FAIL memory: there is no more\n");
		power_off();
	}
	next = at + size;
	return memset((void *)at, 0, size);
}

void *pages(unsigned n)
{
	uint64_t size = PAGE;

	while (size < n * PAGE)
		size *= 2;
	return aligned(size);
}

uint64_t memory_mark(void)
{
	return next;
}

void memory_release(uint64_t mark)
{
	next = mark;
}

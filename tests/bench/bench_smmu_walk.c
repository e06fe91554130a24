/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a translation of the SMMU in software costs, in ns: stage 1, stage 2, and nested, 4 KiB pages, four levels of
 * stage 1 and three of stage 2, at addresses that walk through a table of 2 MiB.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "smmu_pt_regs.h"
#include "smmu_walk.h"

#define RAM_BASE UINT64_C(0x40000000)
#define RAM_SIZE UINT64_C(0x1000000)
#define S1_ROOT	 RAM_BASE
#define S2_ROOT	 (RAM_BASE + 0x10000)
#define ROUNDS	 2000000u
#define REPEATS	 5u

static struct gmem mem;

static void put(uint64_t addr, uint64_t value)
{
	if (gmem_write(&mem, gpa(addr), &value, sizeof(value)))
		abort();
}

/* Stage 1: 2 MiB of pages at VA 0 to IPA RAM_BASE. Stage 2: all of RAM to itself, in pages. */
static void build(void)
{
	uint64_t table = S1_ROOT;

	for (unsigned level = 0; level < 3; level++, table += 0x1000)
		put(table, (table + 0x1000) | PT_VALID | PT_TABLE);
	for (uint64_t i = 0; i < 512; i++)
		put(table + i * 8, (RAM_BASE + i * 0x1000) | PT_VALID | PT_TABLE | PT_AF | PT_S1_USER);
	table = S2_ROOT + 0x2000;
	put(S2_ROOT + (RAM_BASE >> 30) * 8, table | PT_VALID | PT_TABLE);
	for (uint64_t i = 0; i < RAM_SIZE >> 21; i++) {
		uint64_t leaf = table + 0x1000 * (i + 1);

		put(table + i * 8, leaf | PT_VALID | PT_TABLE);
		for (uint64_t j = 0; j < 512; j++)
			put(leaf + j * 8, (RAM_BASE + (i << 21) + j * 0x1000) | PT_VALID | PT_TABLE | PT_AF |
						  PT_S2_READ | PT_S2_WRITE | PT_S2_ATTR);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The best of a few runs: ns for one translation. */
static double measure(const struct smmu_walk_cfg *cfg, uint64_t base)
{
	double best = 0;

	for (unsigned r = 0; r < REPEATS; r++) {
		double start = now(), ns;

		for (unsigned i = 0; i < ROUNDS; i++) {
			struct smmu_request req = {.iova = base + (i % 512) * 0x1000, .access = DMA_READ};
			struct smmu_mapping map;
			struct smmu_fault fault;

			if (smmu_walk(&mem, cfg, &req, &map, &fault) || map.pa != RAM_BASE + (i % 512) * 0x1000)
				abort();
		}
		ns = (now() - start) / ROUNDS;
		if (r == 0 || ns < best)
			best = ns;
	}
	return best;
}

int main(void)
{
	const struct smmu_s1_cfg s1 = {
		.ttb[0] = {.walk = true, .ia_bits = 48, .page_bits = 12, .start_level = 0, .base = S1_ROOT},
		.oa_bits = 48,
	};
	const struct smmu_s2_cfg s2 = {
		.base = S2_ROOT,
		.ia_bits = 40,
		.page_bits = 12,
		.start_level = 1,
		.oa_bits = 48,
	};
	const struct smmu_walk_cfg only1 = {.s1 = &s1, .oa_bits = 48}, only2 = {.s2 = &s2, .oa_bits = 48},
				   both = {.s1 = &s1, .s2 = &s2, .oa_bits = 48};

	if (gmem_add(&mem, gpa(RAM_BASE), RAM_SIZE, GMEM_PAGES_NORMAL))
		return EXIT_FAILURE;
	build();
	printf("smmu walk, stage 1: %.1f ns\n", measure(&only1, 0));
	printf("smmu walk, stage 2: %.1f ns\n", measure(&only2, RAM_BASE));
	printf("smmu walk, nested: %.1f ns\n", measure(&both, 0));
	gmem_fini(&mem);
	return EXIT_SUCCESS;
}

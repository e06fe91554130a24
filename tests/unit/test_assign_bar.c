/* SPDX-License-Identifier: Apache-2.0 */
/* BARs of assigned devices: how they are cut for 4K and 64K host pages, slots through life, trapped accesses. */
#include "assign_rig.h"

#define RW  (VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE)
#define RWM (RW | VFIO_REGION_INFO_FLAG_MMAP)
#define K4  0x1000u
#define K64 0x10000u

/* Ranges as {first, last}; first > last: none. */
#define NONE                                                                                                           \
	{                                                                                                              \
		1, 0                                                                                                   \
	}

static const struct {
	uint64_t page;
	struct range areas[2], traps[2], want[4];
} splits[] = {
	/* nothing to trap */
	{K4, {{0, 0x3fff}, NONE}, {NONE, NONE}, {{0, 0x3fff}, NONE}},
	/* NVMe: table and PBA on pages of their own */
	{K4, {{0, 0x3fff}, NONE}, {{0x2000, 0x240f}, {0x3000, 0x300f}}, {{0, 0x1fff}, NONE}},
	/* the same with 64K pages: nothing can be mapped */
	{K64, {{0, 0x3fff}, NONE}, {{0x2000, 0x240f}, {0x3000, 0x300f}}, {NONE}},
	/* table in the middle */
	{K4, {{0, 0xffff}, NONE}, {{0x4010, 0x411f}, NONE}, {{0, 0x3fff}, {0x5000, 0xffff}, NONE}},
	{K64, {{0, 0x3ffff}, NONE}, {{0x14010, 0x1411f}, NONE}, {{0, 0xffff}, {0x20000, 0x3ffff}, NONE}},
	/* PBA below the table, given in that order too */
	{K4,
	 {{0, 0xffff}, NONE},
	 {{0x8000, 0x8fff}, {0x2000, 0x2007}},
	 {{0, 0x1fff}, {0x3000, 0x7fff}, {0x9000, 0xffff}, NONE}},
	/* both in one page, and across a page border */
	{K4, {{0, 0x3fff}, NONE}, {{0x1000, 0x10ff}, {0x1800, 0x1807}}, {{0, 0xfff}, {0x2000, 0x3fff}, NONE}},
	{K4, {{0, 0x3fff}, NONE}, {{0xff0, 0x100f}, NONE}, {{0x2000, 0x3fff}, NONE}},
	/* first and last page */
	{K4, {{0, 0x3fff}, NONE}, {{0, 15}, {0x3ff8, 0x3fff}}, {{0x1000, 0x2fff}, NONE}},
	/* smaller than a page */
	{K4, {{0, 0x7ff}, NONE}, {NONE, NONE}, {NONE}},
	{K64, {{0, 0xfff}, NONE}, {NONE, NONE}, {NONE}},
	/* areas that do not begin or end with a page */
	{K4, {{0x800, 0x2fff}, {0x4000, 0x5fff}}, {{0x4000, 0x400f}, NONE}, {{0x1000, 0x2fff}, {0x5000, 0x5fff}, NONE}},
	{K64, {{0, 0x17fff}, NONE}, {NONE, NONE}, {{0, 0xffff}, NONE}},
	/* traps outside */
	{K4, {{0, 0xfff}, NONE}, {{0x1000, 0x100f}, {0xfffff000, 0xffffffff}}, {{0, 0xfff}, NONE}},
	/* the largest BAR that can be */
	{K4,
	 {{0, (1ull << 62) - 1}, NONE},
	 {{0xfffffff8, 0x100007ff7}, NONE},
	 {{0, 0xffffefff}, {0x100008000, (1ull << 62) - 1}, NONE}},
};

static unsigned count(const struct range *r, unsigned max)
{
	unsigned n = 0;

	while (n < max && r[n].first <= r[n].last)
		n++;
	return n;
}

START_TEST(split)
{
	struct assign_piece pieces[ASSIGN_MAX_PIECES];
	unsigned want = count(splits[_i].want, 4);
	unsigned n = assign_bar_split(splits[_i].areas, count(splits[_i].areas, 2), splits[_i].traps,
				      count(splits[_i].traps, 2), splits[_i].page, pieces);

	ck_assert_uint_eq(n, want);
	for (unsigned i = 0; i < n; i++) {
		ck_assert_uint_eq(pieces[i].range.first, splits[_i].want[i].first);
		ck_assert_uint_eq(pieces[i].range.last, splits[_i].want[i].last);
	}
}
END_TEST

/* For every place of a table in a BAR of six pages: whole pages, no trap inside, nothing lost. */
START_TEST(split_exhaustive)
{
	const uint64_t page = 4096, size = 6 * page;
	const struct range area = {0, size - 1};

	for (uint64_t t = 0; t < size; t += 0x100)
		for (uint64_t p = 0; p < size; p += 0x180) {
			struct range traps[2] = {{t, t + 0x10f}, {p, p + 7}};
			struct assign_piece pieces[ASSIGN_MAX_PIECES];
			bool mapped[6] = {0};
			unsigned n = assign_bar_split(&area, 1, traps, 2, page, pieces);

			for (unsigned i = 0; i < n; i++) {
				ck_assert_uint_eq(pieces[i].range.first % page, 0);
				ck_assert_uint_eq((pieces[i].range.last + 1) % page, 0);
				ck_assert_uint_lt(pieces[i].range.last, size);
				for (uint64_t at = pieces[i].range.first; at < pieces[i].range.last; at += page)
					mapped[at / page] = true;
			}
			for (uint64_t i = 0; i < 6; i++) {
				struct range whole = {i * page, i * page + page - 1};

				ck_assert_int_eq(mapped[i],
						 !range_overlaps(whole, traps[0]) && !range_overlaps(whole, traps[1]));
			}
		}
}
END_TEST

static void start(void)
{
	fake_vfio_add(dev, RIG_BDF);
	ck_assert_int_eq(rig_create(true), 0);
	rig_place();
}

static void setup(void)
{
	rig_begin();
	fake_vfio_nvme(dev, bar0);
}

static void teardown(void)
{
	rig_end();
}

static bool has_slot(uint64_t addr, uint64_t len, void *mem)
{
	for (unsigned i = 0; i < RIG_SLOTS; i++)
		if (slots[i].used && slots[i].addr == addr && slots[i].len == len && slots[i].host == mem)
			return true;
	return false;
}

START_TEST(slots_follow_the_guest)
{
	start();
	ck_assert_uint_eq(nr_slots, 0);
	guest_enable();
	ck_assert_uint_eq(nr_slots, 1);
	ck_assert(has_slot(RIG_BAR, 0x2000, bar0));
	/* move while decoding */
	cfg_write(PCI_BASE_ADDRESS_0, 4, (uint32_t)RIG_BAR + 0x10000);
	ck_assert_uint_eq(nr_slots, 1);
	ck_assert(has_slot(RIG_BAR + 0x10000, 0x2000, bar0));
	/* out of every window, and back */
	cfg_write(PCI_BASE_ADDRESS_1, 4, 0);
	ck_assert_uint_eq(nr_slots, 0);
	cfg_write(PCI_BASE_ADDRESS_1, 4, RIG_BAR >> 32);
	ck_assert_uint_eq(nr_slots, 1);
	cfg_write(PCI_COMMAND, 2, 0);
	ck_assert_uint_eq(nr_slots, 0);
	ck_assert_uint_eq(dev->config[PCI_COMMAND], 0);
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(nr_slots, 1);
	ck_silent();
}
END_TEST

START_TEST(trapped_parts)
{
	start();
	guest_enable();
	bar0[0x2800] = 0x11; /* behind the table, on its page */
	bar0[0x2801] = 0x22;
	bar0[0x3ff8] = 0x33;
	ck_assert_uint_eq(mem_read(RIG_BAR + 0x2800, 2), 0x2211);
	ck_assert_uint_eq(mem_read(RIG_BAR + 0x3ff8, 8), 0x33);
	mem_write(RIG_BAR + 0x2804, 4, 0xa1b2c3d4);
	ck_assert_uint_eq(bar0[0x2804], 0xd4);
	ck_assert_uint_eq(bar0[0x2807], 0xa1);
	/* the table itself is ours */
	mem_write(RIG_BAR + 0x2000, 8, 0x1122334455667788);
	ck_assert_uint_eq(bar0[0x2000], 0);
	ck_assert_uint_eq(mem_read(RIG_BAR + 0x2000, 8), 0x1122334455667788);
	/* at the very end, and beyond */
	ck_assert_uint_eq(mem_read(RIG_BAR + 0x3fff, 1), 0);
	struct bus_access access = {.offset = 0x3ffc, .size = 8};
	ck_assert_int_eq(assign_bar_access(&a->fn, 0, &access), BUS_UNHANDLED);
	access = (struct bus_access){.offset = UINT64_MAX - 1, .size = 4};
	ck_assert_int_eq(assign_bar_access(&a->fn, 0, &access), BUS_UNHANDLED);
	access = (struct bus_access){.offset = 0, .size = 4};
	ck_assert_int_eq(assign_bar_access(&a->fn, 3, &access), BUS_UNHANDLED);
	ck_silent();
}
END_TEST

START_TEST(slots_cannot_be_had)
{
	start();
	slot_err = -ENOSPC;
	guest_enable();
	ck_assert_uint_eq(nr_slots, 0);
	bar0[0x100] = 0x5a; /* slower, but right */
	ck_assert_uint_eq(mem_read(RIG_BAR + 0x100, 1), 0x5a);
	slot_err = 0;
	cfg_write(PCI_COMMAND, 2, 0);
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(nr_slots, 1);
}
END_TEST

START_TEST(sparse_areas)
{
	dev->regions[0].sparse[0].offset = 0x1000;
	dev->regions[0].sparse[0].size = 0x1000;
	dev->regions[0].sparse[1].offset = 0x3000; /* the PBA's page: trapped */
	dev->regions[0].sparse[1].size = 0x1000;
	dev->regions[0].sparse[2].offset = 0x3000; /* beyond the region: ignored */
	dev->regions[0].sparse[2].size = 0x2000;
	dev->regions[0].nr_sparse = 3;
	start();
	guest_enable();
	ck_assert_uint_eq(nr_slots, 1);
	ck_assert(has_slot(RIG_BAR + 0x1000, 0x1000, bar0 + 0x1000));
	bar0[4] = 9;
	ck_assert_uint_eq(mem_read(RIG_BAR + 4, 1), 9);
}
END_TEST

START_TEST(unmappable_and_read_only)
{
	dev->regions[0].flags = VFIO_REGION_INFO_FLAG_READ;
	start();
	guest_enable();
	ck_assert_uint_eq(nr_slots, 0);
	bar0[8] = 0x77;
	ck_assert_uint_eq(mem_read(RIG_BAR + 8, 1), 0x77);
	mem_write(RIG_BAR + 8, 1, 0x11);
	ck_assert_uint_eq(bar0[8], 0x77);
	ck_said("write of 1 bytes at 0x8 of BAR 0");
}
END_TEST

START_TEST(sub_page_bar)
{
	fake_vfio_set(dev, PCI_BASE_ADDRESS_2, 4, 0xfebf0000);
	dev->regions[2] = (struct fake_vfio_region){.size = 0x100, .flags = RWM, .mem = bar0 + 0x8000};
	start();
	guest_enable();
	cfg_write(PCI_BASE_ADDRESS_2, 4, (uint32_t)RIG_MMIO32 + 0x100);
	ck_assert_uint_eq(nr_slots, 1);
	mem_write(RIG_MMIO32 + 0x1fc, 4, 0x01020304);
	ck_assert_uint_eq(bar0[0x80fc], 4);
	ck_assert_uint_eq(mem_read(RIG_MMIO32 + 0x200, 4), UINT32_MAX);
}
END_TEST

START_TEST(big_pages)
{
	start();
	guest_enable();
	cfg_write(PCI_COMMAND, 2, 0);
	assign_bars_munmap(a);
	a->page = 65536;
	ck_assert_int_eq(assign_bars_mmap(a), 0);
	guest_enable();
	ck_assert_uint_eq(nr_slots, 0);
	bar0[0x1000] = 3;
	ck_assert_uint_eq(mem_read(RIG_BAR + 0x1000, 1), 3);
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, split, 0, (int)(sizeof(splits) / sizeof(splits[0])));
	tcase_add_test(t, split_exhaustive);
	tcase_add_test(t, slots_follow_the_guest);
	tcase_add_test(t, trapped_parts);
	tcase_add_test(t, slots_cannot_be_had);
	tcase_add_test(t, sparse_areas);
	tcase_add_test(t, unmappable_and_read_only);
	tcase_add_test(t, sub_page_bar);
	tcase_add_test(t, big_pages);
}

RIG_MAIN("assign_bar", add_tests)

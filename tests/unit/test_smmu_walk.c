/* SPDX-License-Identifier: Apache-2.0 */
/* The walker: geometry of both stages, descriptors, ranges, address sizes, aborts, bypass. */
#include "smmu_walk_fixture.h"
#include "run_suite.h"

#define OA UINT64_C(0x123456780000)

/* D8.2.7: TxSZ up to which (and above the previous one) a stage 1 walk starts at level 0, 1, 2, 3. */
static const unsigned start_limits[3][4] = {
	{24, 33, 42, 48},
	{16, 27, 38, 48},
	{0, 21, 34, 47},
};

static unsigned s1_start(unsigned granule, unsigned tsz)
{
	unsigned level = 0;

	while (tsz > start_limits[granule][level])
		level++;
	return level;
}

/* Leaves exist at these levels (48-bit descriptors). */
static bool leaf_at(unsigned granule, unsigned level)
{
	return level >= 2 || (level == 1 && granule == 0);
}

static uint64_t leaf_desc(unsigned level)
{
	return (level == 3 ? PT_PAGE : PT_BLOCK) | field_prep(PT_S1_ATTR, ATTR_WB);
}

/* Maps one address of a table of one size at each level, and looks at it and around it. */
static void try_s1(const struct geometry *g, unsigned granule, unsigned tsz, bool upper, unsigned level)
{
	unsigned start = s1_start(granule, tsz), ia_bits = 64 - tsz, shift = g->shift[level];
	uint64_t ia = UINT64_C(0x5a5a5a5a5a5a5a5a) & (BIT64(ia_bits) - 1), sign = upper ? ~(BIT64(ia_bits) - 1) : 0;
	uint64_t oa = OA & ~(BIT64(shift) - 1), low = BIT64(shift) - 1;
	unsigned root_bits = ia_bits - g->shift[start] + 3;

	next_table = RAM_BASE;
	memset(gmem_host(&mem, gpa(RAM_BASE), 0x1000000), 0, 0x1000000);
	cd.dw[1 + upper] = new_table(root_bits);
	/* low bits of TTBx are taken as 0 */
	if (root_bits > 4)
		cd.dw[1 + upper] |= BIT64(root_bits) - 16;
	set(&cd.dw[0], upper ? CD0_T1SZ : CD0_T0SZ, tsz);
	set(&cd.dw[0], upper ? CD0_TG1 : CD0_TG0, upper ? g->tg1 : g->tg0);
	map_leaf(g, RAM_BASE, start, ia, level, oa | leaf_desc(level), 0);

	ck_assert_int_eq(walk(sign | ia, DMA_READ | DMA_PRIV), EVT_NONE);
	ck_assert_uint_eq(map.pa, oa | (ia & low));
	ck_assert_uint_eq(map.size_bits, shift);
	ck_assert_uint_eq(map.s1_bits, shift);
	ck_assert_uint_eq(map.s2_bits, 0);
	ck_assert_uint_eq(map.ipa, map.pa);
	ck_assert_int_eq(walk(sign | (ia & ~low), DMA_WRITE | DMA_PRIV), EVT_NONE);
	ck_assert_uint_eq(map.pa, oa);
	ck_assert_int_eq(walk(sign | ia | low, DMA_READ | DMA_PRIV), EVT_NONE);
	ck_assert_uint_eq(map.pa, oa | low);
	/* each other address bit matters */
	for (unsigned bit = shift; bit < 64; bit++) {
		ck_assert_int_eq(walk((sign | ia) ^ BIT64(bit), DMA_READ | DMA_PRIV), EVT_F_TRANSLATION);
		ck_assert(!fault.s2);
		ck_assert_int_eq(fault.class, SMMU_CLASS_IN);
	}
}

START_TEST(test_s1_geometry)
{
	unsigned granule = (unsigned)_i % 3;
	bool upper = _i / 3;
	const struct geometry *g = &geometries[granule];

	set(&ste.dw[0], STE0_CFG, STE_CFG_S1);
	cd.dw[0] |= upper ? CD0_EPD0 : CD0_EPD1;
	for (unsigned tsz = 16; tsz <= (granule == 2 ? 47 : 48); tsz++)
		for (unsigned level = s1_start(granule, tsz); level <= 3; level++)
			if (leaf_at(granule, level))
				try_s1(g, granule, tsz, upper, level);
}
END_TEST

/* VAX 52: 64 KiB tables of up to 52 bits; OAS 52: descriptors of 52 bits and blocks at level 1. */
START_TEST(test_s1_52_bits)
{
	const struct geometry *g = &geometries[2];
	uint64_t va = BIT64(51) | UINT64_C(0x123456789), pa = BIT64(51) | BIT64(48) | UINT64_C(0xabcdef0000);

	set(&ste.dw[0], STE0_CFG, STE_CFG_S1);
	set32(&idr[5], IDR5_VAX, IDR5_VAX_52);
	set32(&idr[5], IDR5_OAS, IDR5_OAS_52);
	set(&cd.dw[0], CD0_IPS, IDR5_OAS_52);
	set(&cd.dw[0], CD0_T0SZ, 12);
	set(&cd.dw[0], CD0_TG0, TG0_64K);
	cd.dw[1] = new_table(13);
	map_leaf(g, cd.dw[1], 1, va, 3, (pa & PT_OA) | field_prep(PT_OA_HIGH, pa >> 48) | leaf_desc(3), 0);
	ck_assert_int_eq(walk(va, DMA_READ | DMA_PRIV), EVT_NONE);
	ck_assert_uint_eq(map.pa, pa | (va & 0xffff));
	/* a block of level 1 */
	pa = BIT64(50) | BIT64(42);
	map_leaf(g, cd.dw[1], 1, va, 1, (pa & PT_OA) | field_prep(PT_OA_HIGH, pa >> 48) | leaf_desc(1), 0);
	ck_assert_int_eq(walk(va, DMA_READ | DMA_PRIV), EVT_NONE);
	ck_assert_uint_eq(map.pa, pa | (va & (BIT64(42) - 1)));
	ck_assert_uint_eq(map.size_bits, 42);
	/* IPS below 52: an address size fault */
	set(&cd.dw[0], CD0_IPS, IDR5_OAS_48);
	ck_assert_int_eq(walk(va, DMA_READ | DMA_PRIV), EVT_F_ADDR_SIZE);
	/* OAS 48: no such block, and no such address bits */
	set32(&idr[5], IDR5_OAS, IDR5_OAS_48);
	ck_assert_int_eq(walk(va, DMA_READ | DMA_PRIV), EVT_F_TRANSLATION);
}
END_TEST

/* S2SL0: start level and the sizes of IPA that go with it, for OAS 48 (D8.2.10). */
static const struct s2_shape {
	unsigned granule, sl0, start, min, max;
} s2_shapes[] = {
	{0, 0, 2, 22, 34}, {0, 1, 1, 31, 43}, {0, 2, 0, 40, 48}, {0, 3, 3, 16, 25}, {1, 0, 3, 16, 29},
	{1, 1, 2, 26, 40}, {1, 2, 1, 37, 48}, {2, 0, 3, 17, 33}, {2, 1, 2, 30, 46}, {2, 2, 1, 43, 48},
};

/* The last address of a stage 2 table of one size, with all tables concatenated that it takes. */
static void try_s2(const struct s2_shape *s, unsigned ia_bits, unsigned level)
{
	const struct geometry *g = &geometries[s->granule];
	unsigned shift = g->shift[level], root_bits = ia_bits - g->shift[s->start] + 3;
	uint64_t ipa = BIT64(ia_bits) - 2, oa = OA & ~(BIT64(shift) - 1), low = BIT64(shift) - 1;

	next_table = RAM_BASE;
	memset(gmem_host(&mem, gpa(RAM_BASE), 0x1000000), 0, 0x1000000);
	ste.dw[3] = new_table(root_bits) | (BIT64(root_bits) - 16);
	map_leaf(g, RAM_BASE, s->start, ipa, level, oa | (level == 3 ? PT_PAGE : PT_BLOCK) | S2_RW | S2_WB, 0);
	ck_assert_int_eq(walk(ipa, DMA_READ), EVT_NONE);
	ck_assert_uint_eq(map.pa, oa | (ipa & low));
	ck_assert_uint_eq(map.size_bits, shift);
	ck_assert_uint_eq(map.s1_bits, 0);
	ck_assert_uint_eq(map.s2_bits, shift);
	ck_assert_uint_eq(map.ipa, ipa);
	for (unsigned bit = shift; bit < 48; bit++) {
		ck_assert_int_eq(walk(ipa ^ BIT64(bit), DMA_READ), EVT_F_TRANSLATION);
		ck_assert(fault.s2);
		ck_assert_uint_eq(fault.ipa, ipa ^ BIT64(bit));
	}
}

START_TEST(test_s2_geometry)
{
	const struct s2_shape *s = &s2_shapes[_i];

	set(&ste.dw[0], STE0_CFG, STE_CFG_S2);
	set(&ste.dw[2], STE2_S2TG, geometries[s->granule].tg0);
	set(&ste.dw[2], STE2_S2SL0, s->sl0);
	for (unsigned ia_bits = 8; ia_bits <= 52; ia_bits++) {
		set(&ste.dw[2], STE2_S2T0SZ, 64 - ia_bits);
		if (ia_bits < s->min || ia_bits > s->max) {
			ck_assert_int_eq(decode_ste(), EVT_C_BAD_STE);
			continue;
		}
		for (unsigned level = s->start; level <= 3; level++)
			if (leaf_at(s->granule, level))
				try_s2(s, ia_bits, level);
	}
}
END_TEST

/* Each type of descriptor at each level: D8.3.1. */
START_TEST(test_descriptor_types)
{
	static const unsigned tsz[3] = {16, 16, 16}, start[3] = {0, 0, 1};
	unsigned granule = (unsigned)_i;
	const struct geometry *g = &geometries[granule];

	set(&ste.dw[0], STE0_CFG, STE_CFG_S1);
	set(&cd.dw[0], CD0_T0SZ, tsz[granule]);
	set(&cd.dw[0], CD0_TG0, g->tg0);
	cd.dw[1] = new_table(g->table_bits);
	for (unsigned level = start[granule]; level <= 3; level++) {
		bool block = level < 3 && leaf_at(granule, level);
		uint64_t at = map_leaf(g, RAM_BASE, start[granule], 0, level, 0, 0);

		put(at, PT_AF);
		ck_assert_int_eq(walk(0, DMA_READ | DMA_PRIV), EVT_F_TRANSLATION);
		put(at, PT_AF | PT_TABLE);
		ck_assert_int_eq(walk(0, DMA_READ | DMA_PRIV), EVT_F_TRANSLATION);
		put(at, PT_AF | PT_VALID);
		ck_assert_int_eq(walk(0, DMA_READ | DMA_PRIV), block ? EVT_NONE : EVT_F_TRANSLATION);
		put(at, PT_AF | PT_VALID | PT_TABLE);
		if (level == 3)
			ck_assert_int_eq(walk(0, DMA_READ | DMA_PRIV), EVT_NONE);
		else /* a table at 0, which is not RAM */
			ck_assert_int_eq(walk(0, DMA_READ | DMA_PRIV), EVT_F_WALK_EABT);
		put(at, 0);
	}
}
END_TEST

/* A table that is its own next table: four levels, then a page. */
START_TEST(test_table_loop)
{
	uint64_t root = new_table(12);

	set(&ste.dw[0], STE0_CFG, STE_CFG_S1);
	for (unsigned i = 0; i < 512; i++)
		put(root + i * 8, root | PT_PAGE);
	ck_assert_int_eq(walk(0x123, DMA_READ | DMA_PRIV), EVT_NONE);
	ck_assert_uint_eq(map.pa, root | 0x123);
}
END_TEST

/* Address size: each IPS against each OAS, each address bit, in leaf and table. */
START_TEST(test_s1_address_size)
{
	static const unsigned bits[7] = {32, 36, 40, 42, 44, 48, 48 /* 4 KiB descriptors have no more */};
	unsigned ips = (unsigned)_i % 8, oas = (unsigned)_i / 8, least;
	uint64_t leaf = map_s1(0, 3, 0), top = RAM_BASE;

	set(&cd.dw[0], CD0_IPS, ips);
	set32(&idr[5], IDR5_OAS, oas);
	set(&ste.dw[0], STE0_S1CTXPTR, 0);
	if (ips == 7)
		ips = 6;
	least = bits[ips < oas ? ips : oas];
	for (unsigned bit = 31; bit < 48; bit++) {
		enum smmu_event_id bad = bit >= least ? EVT_F_ADDR_SIZE : EVT_NONE;

		put(leaf, BIT64(bit) | PT_PAGE);
		ck_assert_int_eq(walk(0, DMA_READ | DMA_PRIV), bad);
		if (bad) {
			ck_assert(!fault.s2);
			ck_assert_int_eq(fault.class, SMMU_CLASS_IN);
		}
	}
	for (unsigned bit = 31; bit < 48; bit++) {
		put(top, BIT64(bit) | PT_VALID | PT_TABLE);
		ck_assert_int_eq(walk(0, DMA_READ | DMA_PRIV), bit >= least ? EVT_F_ADDR_SIZE : EVT_F_WALK_EABT);
	}
	/* bits that are no address: ignored */
	put(top, 0);
	put(map_s1(0, 3, 0), PT_PAGE | MASK64(63, 55) | BIT64(50) | BIT64(49) | BIT64(48));
	ck_assert_int_eq(walk(0, DMA_READ | DMA_PRIV), EVT_NONE);
	ck_assert_uint_eq(map.pa, 0);
}
END_TEST

START_TEST(test_s2_address_size)
{
	static const unsigned bits[7] = {32, 36, 40, 42, 44, 48, 48};
	unsigned ps = (unsigned)_i;
	uint64_t leaf = map_s2(0, 3, 0);

	set(&ste.dw[0], STE0_CFG, STE_CFG_S2);
	set(&ste.dw[2], STE2_S2PS, ps);
	for (unsigned bit = 31; bit < 48; bit++) {
		enum smmu_event_id bad = bit >= bits[ps == 7 ? 6 : ps] ? EVT_F_ADDR_SIZE : EVT_NONE;

		put(leaf, BIT64(bit) | PT_PAGE | S2_RW);
		ck_assert_int_eq(walk(0x10, DMA_READ), bad);
		if (bad) {
			ck_assert(fault.s2);
			ck_assert_int_eq(fault.class, SMMU_CLASS_IN);
			ck_assert_uint_eq(fault.ipa, 0x10);
		}
	}
}
END_TEST

/* TBI: only the top byte, only of the table that has it, and only by VA[55]. */
START_TEST(test_tbi)
{
	uint64_t page = RAM_BASE + 0x10000, top = UINT64_C(0xa5) << 56, high = MASK64(63, 48);
	bool tbi0 = _i & 1, tbi1 = _i & 2;

	map_s1(0x3000, 3, page | PT_PAGE);
	if (tbi0)
		cd.dw[0] |= CD0_TBI0;
	if (tbi1)
		cd.dw[0] |= CD0_TBI1;
	ck_assert_int_eq(walk(0x3000, DMA_READ | DMA_PRIV), EVT_NONE);
	ck_assert_int_eq(walk(0x3000 | high, DMA_READ | DMA_PRIV), EVT_NONE);
	ck_assert_int_eq(walk(0x3000 | top, DMA_READ | DMA_PRIV), tbi0 ? EVT_NONE : EVT_F_TRANSLATION);
	if (tbi0)
		ck_assert_uint_eq(map.pa, page);
	ck_assert_int_eq(walk((0x3000 | high) ^ top, DMA_READ | DMA_PRIV), tbi1 ? EVT_NONE : EVT_F_TRANSLATION);
	if (tbi1)
		ck_assert_uint_eq(map.pa, page);
	/* VA[55:48] are never ignored */
	for (unsigned bit = 48; bit <= 55; bit++) {
		ck_assert_int_eq(walk(0x3000 ^ BIT64(bit), DMA_READ | DMA_PRIV), EVT_F_TRANSLATION);
		ck_assert_int_eq(walk((0x3000 | high) ^ BIT64(bit), DMA_READ | DMA_PRIV), EVT_F_TRANSLATION);
	}
}
END_TEST

/* EL2 has one table: VA[55] is an address bit like others. EL2-E2H has two. */
START_TEST(test_worlds)
{
	uint64_t high = MASK64(63, 48);

	map_s1(0x3000, 3, RAM_BASE | PT_PAGE | PT_S1_NG);
	ck_assert_int_eq(walk(0x3000 | high, DMA_READ | DMA_PRIV), EVT_NONE);
	ck_assert(!map.global);
	set(&ste.dw[1], STE1_STRW, STE_STRW_EL2);
	cd.dw[0] |= CD0_TBI0 | CD0_TBI1;
	ck_assert_int_eq(walk(0x3000 | high, DMA_READ), EVT_F_TRANSLATION);
	ck_assert_int_eq(walk(0x3000 | MASK64(63, 56), DMA_READ), EVT_NONE);
	ck_assert(map.global); /* no ASIDs here */
	cr2 = CR2_E2H;
	ck_assert_int_eq(walk(0x3000 | high, DMA_READ | DMA_PRIV), EVT_NONE);
	ck_assert(!map.global);
}
END_TEST

START_TEST(test_epd)
{
	uint64_t high = MASK64(63, 48);
	bool epd0 = _i & 1, epd1 = _i & 2;

	map_s1(0x3000, 3, RAM_BASE | PT_PAGE);
	if (epd0)
		cd.dw[0] |= CD0_EPD0;
	if (epd1)
		cd.dw[0] |= CD0_EPD1;
	ck_assert_int_eq(walk(0x3000, DMA_READ | DMA_PRIV), epd0 ? EVT_F_TRANSLATION : EVT_NONE);
	ck_assert_int_eq(walk(0x3000 | high, DMA_READ | DMA_PRIV), epd1 ? EVT_F_TRANSLATION : EVT_NONE);
}
END_TEST

START_TEST(test_e0pd)
{
	map_s1(0x3000, 3, RAM_BASE | PT_PAGE | PT_S1_USER);
	cd.dw[1] |= CD1_E0PD0;
	ck_assert_int_eq(walk(0x3000, DMA_READ), EVT_F_TRANSLATION);
	ck_assert_int_eq(walk(0x3000, DMA_READ | DMA_PRIV), EVT_NONE);
	ck_assert_int_eq(walk(0x3000 | MASK64(63, 48), DMA_READ), EVT_NONE);
	cd.dw[2] |= CD2_E0PD1;
	ck_assert_int_eq(walk(0x3000 | MASK64(63, 48), DMA_READ), EVT_F_TRANSLATION);
	idr[3] &= ~IDR3_E0PD;
	ck_assert_int_eq(walk(0x3000, DMA_READ), EVT_NONE);
}
END_TEST

/* Tables outside RAM, at each level of each stage. */
START_TEST(test_walk_aborts)
{
	unsigned level = (unsigned)_i;

	map_s1(0, level, OUTSIDE | PT_VALID | PT_TABLE);
	ck_assert_int_eq(walk(0, DMA_READ | DMA_PRIV), EVT_F_WALK_EABT);
	ck_assert(!fault.s2);
	ck_assert_int_eq(fault.class, SMMU_CLASS_TTD);
	ck_assert_uint_eq(fault.fetch_addr, OUTSIDE);
	ck_assert_int_eq(walk(8 * BIT64(geometries[0].shift[level + 1]), DMA_READ | DMA_PRIV), EVT_F_WALK_EABT);
	ck_assert_uint_eq(fault.fetch_addr, OUTSIDE + 64);
	if (level == 0) {
		cd.dw[1] = OUTSIDE;
		ck_assert_int_eq(walk(0, DMA_READ | DMA_PRIV), EVT_F_WALK_EABT);
		ck_assert_uint_eq(fault.fetch_addr, OUTSIDE);
		return;
	}
	set(&ste.dw[0], STE0_CFG, STE_CFG_S2);
	next_table = RAM_BASE;
	map_s2(0, level, OUTSIDE | PT_VALID | PT_TABLE);
	ck_assert_int_eq(walk(0x123, DMA_READ), EVT_F_WALK_EABT);
	ck_assert(fault.s2);
	ck_assert_int_eq(fault.class, SMMU_CLASS_IN);
	ck_assert_uint_eq(fault.fetch_addr, OUTSIDE);
}
END_TEST

/* 3.4: without stage 1 the address has to fit OAS; with stage 2 also S2T0SZ. */
START_TEST(test_bypass)
{
	static const unsigned bits[7] = {32, 36, 40, 42, 44, 48, 52};
	unsigned oas = (unsigned)_i;

	set32(&idr[5], IDR5_OAS, oas);
	set(&ste.dw[0], STE0_CFG, STE_CFG_BYPASS);
	ck_assert_int_eq(walk(BIT64(bits[oas]) - 1, DMA_WRITE | DMA_EXEC), EVT_NONE);
	ck_assert_uint_eq(map.pa, BIT64(bits[oas]) - 1);
	ck_assert_uint_eq(map.size_bits, bits[oas]);
	ck_assert_uint_eq(map.perms[0], DMA_READ | DMA_WRITE | DMA_EXEC);
	ck_assert_uint_eq(map.perms[1], DMA_READ | DMA_WRITE | DMA_EXEC);
	ck_assert_int_eq(walk(BIT64(bits[oas]), DMA_READ), EVT_F_ADDR_SIZE);
	ck_assert(!fault.s2);
	ck_assert_int_eq(fault.class, SMMU_CLASS_IN);
	ck_assert_int_eq(walk(UINT64_MAX, DMA_READ), EVT_F_ADDR_SIZE);

	set(&ste.dw[0], STE0_CFG, STE_CFG_S2);
	if (bits[oas] < 40) {
		set(&ste.dw[2], STE2_S2T0SZ, 64 - bits[oas]);
	} else if (bits[oas] > 40) {
		ck_assert_int_eq(walk(BIT64(40), DMA_READ), EVT_F_TRANSLATION);
		ck_assert(fault.s2);
		ck_assert_uint_eq(fault.ipa, BIT64(40));
	}
	ck_assert_int_eq(walk(BIT64(bits[oas]), DMA_READ), EVT_F_ADDR_SIZE);
	ck_assert(!fault.s2);
}
END_TEST

/* Big-endian descriptors, if they may be. */
START_TEST(test_big_endian)
{
	uint64_t at = map_s1(0, 1, 0);

	put(RAM_BASE, __builtin_bswap64(get(RAM_BASE)));
	put(at, __builtin_bswap64(BIT64(30) | (PT_BLOCK & ~PT_AF)));
	cd.dw[0] |= CD0_ENDI | CD0_HA;
	ck_assert_int_eq(walk(0x123, DMA_READ | DMA_PRIV), EVT_NONE);
	ck_assert_uint_eq(map.pa, BIT64(30) | 0x123);
	ck_assert_uint_eq(__builtin_bswap64(get(at)), BIT64(30) | PT_BLOCK);

	set(&ste.dw[0], STE0_CFG, STE_CFG_S2);
	ste.dw[2] |= STE2_S2ENDI;
	put(RAM_BASE, __builtin_bswap64(BIT64(30) | PT_BLOCK | PT_S2_READ));
	ck_assert_int_eq(walk(0x123, DMA_READ), EVT_NONE);
	ck_assert_uint_eq(map.pa, BIT64(30) | 0x123);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-walk");
	TCase *tc = tcase_create("walk");

	tcase_add_checked_fixture(tc, fresh, done);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_s1_geometry, 0, 6);
	tcase_add_test(tc, test_s1_52_bits);
	tcase_add_loop_test(tc, test_s2_geometry, 0, (int)ARRAY_LEN(s2_shapes));
	tcase_add_loop_test(tc, test_descriptor_types, 0, 3);
	tcase_add_test(tc, test_table_loop);
	tcase_add_loop_test(tc, test_s1_address_size, 0, 7 * 8);
	tcase_add_loop_test(tc, test_s2_address_size, 0, 8);
	tcase_add_loop_test(tc, test_tbi, 0, 4);
	tcase_add_test(tc, test_worlds);
	tcase_add_loop_test(tc, test_epd, 0, 4);
	tcase_add_test(tc, test_e0pd);
	tcase_add_loop_test(tc, test_walk_aborts, 0, 3);
	tcase_add_loop_test(tc, test_bypass, 0, 7);
	tcase_add_test(tc, test_big_endian);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

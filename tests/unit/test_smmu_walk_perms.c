/* SPDX-License-Identifier: Apache-2.0 */
/* The walker: permissions and attributes of both stages, and how refusals are reported. */
#include "smmu_walk_fixture.h"
#include "run_suite.h"

#define RWX (DMA_READ | DMA_WRITE | DMA_EXEC)

static const unsigned accesses[] = {
	DMA_READ,
	DMA_WRITE,
	DMA_READ | DMA_WRITE,
	DMA_READ | DMA_EXEC,
	DMA_EXEC,
	DMA_WRITE | DMA_EXEC, /* writes are data */
};

/* What @access needs of a page that permits @perms, write before read. */
static unsigned lacking(unsigned access, unsigned perms)
{
	if (access & DMA_WRITE) {
		if (!(perms & DMA_WRITE))
			return DMA_WRITE;
		return (access & DMA_READ) && !(perms & DMA_READ) ? DMA_READ : 0;
	}
	if (access & DMA_EXEC)
		return perms & DMA_EXEC ? 0 : DMA_EXEC;
	return perms & DMA_READ ? 0 : DMA_READ;
}

/* Tries each access with each privilege; @perms by privilege. */
static void expect_perms(uint64_t iova, const unsigned perms[2], bool s2)
{
	for (unsigned i = 0; i < ARRAY_LEN(accesses); i++) {
		for (unsigned priv = 0; priv < 2; priv++) {
			unsigned access = accesses[i], lacks = lacking(access, perms[priv]);

			ck_assert_int_eq(walk(iova, access | (priv ? DMA_PRIV : 0)),
					 lacks ? EVT_F_PERMISSION : EVT_NONE);
			if (!lacks) {
				ck_assert_uint_eq(map.perms[0], perms[0]);
				ck_assert_uint_eq(map.perms[1], perms[1]);
				continue;
			}
			ck_assert_int_eq(fault.s2, s2);
			ck_assert_int_eq(fault.class, SMMU_CLASS_IN);
			ck_assert_int_eq(fault.rnw, lacks != DMA_WRITE);
			ck_assert_int_eq(fault.ind, (access & DMA_EXEC) && !(access & DMA_WRITE));
			ck_assert_int_eq(fault.pnu, priv);
		}
	}
}

/* Rights by AP[2:1], for unprivileged and privileged data accesses (table D8-55). */
static const unsigned ap_rights[4][2] = {
	{0, DMA_READ | DMA_WRITE},
	{DMA_READ | DMA_WRITE, DMA_READ | DMA_WRITE},
	{0, DMA_READ},
	{DMA_READ, DMA_READ},
};
/* What APTable leaves of them (table D8-56). */
static const unsigned aptable_keeps[4][2] = {
	{RWX, RWX},
	{0, RWX},
	{RWX & ~DMA_WRITE, RWX & ~DMA_WRITE},
	{0, RWX & ~DMA_WRITE},
};

struct s1_case {
	unsigned ap, ap_table;
	bool uxn, pxn, uxn_table, pxn_table, had, wxn, pan, el2;
};

static void s1_expected(const struct s1_case *c, unsigned perms[2])
{
	unsigned table = c->had ? 0 : c->ap_table;
	bool uxn = c->uxn || (c->uxn_table && !c->had), pxn = c->pxn || (c->pxn_table && !c->had);

	if (c->el2) {
		/* AP[1], APTable[0], PXN and PAN do not exist; XN is where UXN is. */
		perms[1] = ap_rights[(c->ap & 2) | 1][1] & aptable_keeps[table & 2][1];
		if (!uxn && !(c->wxn && (perms[1] & DMA_WRITE)))
			perms[1] |= DMA_EXEC;
		perms[0] = perms[1];
		return;
	}
	for (unsigned priv = 0; priv < 2; priv++)
		perms[priv] = ap_rights[c->ap][priv] & aptable_keeps[table][priv];
	bool user_writes = perms[0] & DMA_WRITE, priv_writes = perms[1] & DMA_WRITE, user = perms[0] != 0;
	if (!uxn && !(c->wxn && user_writes))
		perms[0] |= DMA_EXEC;
	if (c->pan && user)
		perms[1] = 0;
	if (!pxn && !user_writes && !(c->wxn && priv_writes))
		perms[1] |= DMA_EXEC;
}

static void try_s1(const struct s1_case *c, uint64_t table_at, uint64_t leaf_at)
{
	unsigned perms[2];
	uint64_t table = get(table_at) & (PT_OA | PT_VALID | PT_TABLE);

	s1_expected(c, perms);
	table |= (uint64_t)c->ap_table << 61 | (c->uxn_table ? BIT64(60) : 0) | (c->pxn_table ? BIT64(59) : 0);
	put(table_at, table);
	put(leaf_at, PT_PAGE | (uint64_t)c->ap << 6 | (c->uxn ? BIT64(54) : 0) | (c->pxn ? BIT64(53) : 0) | PT_DBM);
	set(&cd.dw[1], CD1_HAD0, c->had);
	set(&cd.dw[0], CD0_WXN, c->wxn);
	set(&cd.dw[0], CD0_PAN, c->pan);
	expect_perms(0x3000, perms, false);
}

/* All of them, with the hierarchical bits in the table of level _i. */
START_TEST(test_s1_permissions)
{
	unsigned level = (unsigned)_i % 3, world = (unsigned)_i / 3;
	uint64_t leaf = map_s1(0x3000, 3, PT_PAGE), table = RAM_BASE;

	if (world > 0)
		set(&ste.dw[1], STE1_STRW, STE_STRW_EL2);
	cr2 = world == 2 ? CR2_E2H : 0;
	for (unsigned l = 0; l < level; l++)
		table = get(table) & PT_OA;
	for (unsigned bits = 0; bits < 1u << 11; bits++) {
		struct s1_case c = {
			.ap = bits & 3,
			.ap_table = bits >> 2 & 3,
			.uxn = bits >> 4 & 1,
			.pxn = bits >> 5 & 1,
			.uxn_table = bits >> 6 & 1,
			.pxn_table = bits >> 7 & 1,
			.had = bits >> 8 & 1,
			.wxn = bits >> 9 & 1,
			.pan = bits >> 10 & 1,
			.el2 = world == 1,
		};

		try_s1(&c, table, leaf);
	}
	/* without IDR3.HAD the field is IGNORED */
	struct s1_case c = {.ap = 1, .ap_table = 3, .uxn = true, .pxn = true, .el2 = world == 1};
	unsigned perms[2];

	idr[3] &= ~IDR3_HAD;
	try_s1(&c, table, leaf);
	s1_expected(&c, perms);
	cd.dw[1] |= CD1_HAD0;
	expect_perms(0x3000, perms, false);
}
END_TEST

/* The tables of all levels add up. */
START_TEST(test_s1_hierarchy_adds_up)
{
	uint64_t t1;

	map_s1(0x3000, 3, PT_PAGE | PT_S1_USER | PT_S1_UXN | PT_S1_PXN);
	t1 = get(RAM_BASE) & PT_OA;
	put(RAM_BASE, get(RAM_BASE) | PT_TABLE_AP_RO);
	put(t1, get(t1) | PT_TABLE_AP_USER);
	expect_perms(0x3000, (unsigned[2]){0, DMA_READ}, false);
}
END_TEST

START_TEST(test_s2_permissions)
{
	/* XN[1:0]: who may execute, unprivileged and privileged (table D8-62) */
	static const bool exec[4][2] = {{true, true}, {true, false}, {false, false}, {false, true}};
	uint64_t leaf = map_s2(0x3000, 3, 0);

	set(&ste.dw[0], STE0_CFG, STE_CFG_S2);
	for (unsigned bits = 0; bits < 32; bits++) {
		unsigned s2ap = bits & 3, xn = bits >> 2 & 3;
		bool xnx = bits >> 4;
		unsigned data = (s2ap & 1 ? DMA_READ : 0) | (s2ap & 2 ? DMA_WRITE : 0), perms[2];

		idr[3] = xnx ? idr[3] | IDR3_XNX : idr[3] & ~IDR3_XNX;
		for (unsigned priv = 0; priv < 2; priv++)
			perms[priv] = data | ((xnx ? exec[xn][priv] : !(xn & 2)) ? DMA_EXEC : 0);
		put(leaf, PT_PAGE | PT_DBM | (uint64_t)s2ap << 6 | (uint64_t)xn << 53);
		expect_perms(0x3000, perms, true);
	}
}
END_TEST

/* PRIVCFG and INSTCFG, with and without IDR1.ATTR_PERMS_OVR. */
START_TEST(test_overrides)
{
	for (unsigned bits = 0; bits < 16; bits++) {
		unsigned priv = bits & 3, inst = bits >> 2;

		set(&ste.dw[1], STE1_PRIVCFG, priv);
		set(&ste.dw[1], STE1_INSTCFG, inst);
		for (unsigned access = 0; access < 16; access++) {
			unsigned want = access;

			if (priv >= 2)
				want = priv == 3 ? want | DMA_PRIV : want & ~DMA_PRIV;
			if (access & DMA_WRITE)
				want &= ~DMA_EXEC;
			else if (inst == 3)
				want |= DMA_EXEC;
			else if (inst == 2)
				want = (want | DMA_READ) & ~DMA_EXEC;
			idr[1] |= IDR1_ATTR_PERMS_OVR;
			ck_assert_int_eq(decode_ste(), EVT_NONE);
			ck_assert_uint_eq(smmu_override_access(&stream, access), want);
			idr[1] &= ~IDR1_ATTR_PERMS_OVR;
			ck_assert_int_eq(decode_ste(), EVT_NONE);
			ck_assert_uint_eq(smmu_override_access(&stream, access),
					  access & DMA_WRITE ? access & ~DMA_EXEC : access);
		}
	}
}
END_TEST

/* MAIR bytes with their reserved encodings, and shareability that Device and Non-cacheable memory overrule. */
static const struct {
	uint8_t mair, sh, attr, out_sh;
} s1_attrs[] = {
	{0x00, 3, 0x00, 2}, {0x04, 0, 0x04, 2}, {0x08, 0, 0x08, 2}, {0x0c, 3, 0x0c, 2}, {0x01, 0, 0x00, 2},
	{0x0f, 0, 0x0c, 2}, {0x44, 0, 0x44, 2}, {0x44, 3, 0x44, 2}, {0xff, 0, 0xff, 0}, {0xff, 1, 0xff, 0},
	{0xff, 2, 0xff, 2}, {0xff, 3, 0xff, 3}, {0x4f, 3, 0x4f, 3}, {0xbb, 0, 0xbb, 0}, {0xf0, 3, 0xf3, 3},
};

START_TEST(test_s1_attributes)
{
	uint64_t leaf = map_s1(0x3000, 3, 0);

	for (unsigned index = 0; index < 8; index++) {
		cd.dw[3] = ~((uint64_t)0xff << (8 * index)) | (uint64_t)s1_attrs[_i].mair << (8 * index);
		put(leaf, PT_PAGE | field_prep(PT_S1_ATTR, index) | field_prep(PT_SH, s1_attrs[_i].sh));
		ck_assert_int_eq(walk(0x3000, DMA_READ | DMA_PRIV), EVT_NONE);
		ck_assert_uint_eq(map.attr, s1_attrs[_i].attr);
		ck_assert_uint_eq(map.sh, s1_attrs[_i].out_sh);
	}
}
END_TEST

/* Both stages: MAIR and SH of stage 1, MemAttr and SH of stage 2, what comes out. */
static const struct {
	uint8_t mair, s1_sh, memattr, s2_sh, attr, sh;
} plain[] =
	{
		/* the stronger of both */
		{0xff, 3, 0xf, 0, 0xff, 3},
		{0xff, 0, 0xf, 3, 0xff, 3},
		{0xff, 3, 0xf, 2, 0xff, 2},
		{0xff, 2, 0xf, 3, 0xff, 2},
		{0xff, 3, 0x5, 3, 0x44, 2},
		{0x44, 3, 0xf, 3, 0x44, 2},
		{0xff, 3, 0xa, 3, 0xbb, 3},
		{0xbb, 3, 0xf, 3, 0xbb, 3},
		{0xf7, 3, 0xa, 3, 0xb3, 3},
		{0xf4, 3, 0xf, 3, 0xf4, 3},
		{0xff, 3, 0x7, 3, 0x4f, 3},
		{0xef, 3, 0xd, 3, 0xe4, 3},
		/* Device of either */
		{0xff, 3, 0x0, 3, 0x00, 2},
		{0xff, 3, 0x1, 3, 0x04, 2},
		{0xff, 3, 0x2, 3, 0x08, 2},
		{0xff, 3, 0x3, 3, 0x0c, 2},
		{0x08, 0, 0xf, 0, 0x08, 2},
		{0x08, 0, 0x1, 0, 0x04, 2},
		{0x04, 0, 0x3, 0, 0x04, 2},
		{0x00, 0, 0x3, 0, 0x00, 2},
},
  fwb[] = {
	  /* Device types combine, ... */
	  {0xff, 3, 0x0, 3, 0x00, 2},
	  {0xff, 3, 0x3, 3, 0x0c, 2},
	  {0x04, 0, 0x3, 0, 0x04, 2},
	  {0x0c, 0, 0x1, 0, 0x04, 2},
	  /* Non-cacheable unless Device; Write-Back whatever stage 1 says, but for its shareability; as stage 1 says */
	  {0xff, 3, 0x5, 3, 0x44, 2},
	  {0x08, 3, 0x5, 3, 0x08, 2},
	  {0x04, 0, 0x6, 3, 0xff, 2},
	  {0x44, 0, 0x6, 3, 0xff, 2},
	  {0xbb, 3, 0x6, 0, 0xff, 3},
	  {0xe3, 3, 0x6, 0, 0xe7, 3},
	  {0x04, 0, 0x7, 3, 0x04, 2},
	  {0xbb, 3, 0x7, 0, 0xbb, 3},
};

static void try_both(bool with_fwb, unsigned i)
{
	uint64_t s1_leaf, s2_leaf, root;

	new_table(13);
	root = new_table(12);
	cd.dw[1] = root + IPA_SHIFT;
	s1_leaf = map_leaf(&geometries[0], root, 0, 0x3000, 3, 0, IPA_SHIFT);
	for (uint64_t at = root; at < next_table; at += 0x1000)
		map_s2(at + IPA_SHIFT, 3, at | PT_PAGE | S2_RW | S2_WB);
	s2_leaf = map_s2(0x5000, 3, 0);
	set(&cd.dw[3], MASK64(7, 0), with_fwb ? fwb[i].mair : plain[i].mair);
	set(&ste.dw[1], STE1_S2FWB, with_fwb);
	put(s1_leaf, 0x5000 | PT_PAGE | field_prep(PT_SH, with_fwb ? fwb[i].s1_sh : plain[i].s1_sh));
	put(s2_leaf, PT_PAGE | S2_RW | field_prep(PT_S2_ATTR, with_fwb ? fwb[i].memattr : plain[i].memattr) |
			     field_prep(PT_SH, with_fwb ? fwb[i].s2_sh : plain[i].s2_sh));
	ck_assert_int_eq(walk(0x3000, DMA_READ | DMA_PRIV), EVT_NONE);
	ck_assert_uint_eq(map.attr, with_fwb ? fwb[i].attr : plain[i].attr);
	ck_assert_uint_eq(map.sh, with_fwb ? fwb[i].sh : plain[i].sh);
}

START_TEST(test_attributes_combined)
{
	try_both(false, (unsigned)_i);
}
END_TEST

START_TEST(test_attributes_fwb)
{
	try_both(true, (unsigned)_i);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-walk-perms");
	TCase *tc = tcase_create("perms");

	tcase_add_checked_fixture(tc, fresh, done);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_s1_permissions, 0, 9);
	tcase_add_test(tc, test_s1_hierarchy_adds_up);
	tcase_add_test(tc, test_s2_permissions);
	tcase_add_test(tc, test_overrides);
	tcase_add_loop_test(tc, test_s1_attributes, 0, (int)ARRAY_LEN(s1_attrs));
	tcase_add_loop_test(tc, test_attributes_combined, 0, (int)ARRAY_LEN(plain));
	tcase_add_loop_test(tc, test_attributes_fwb, 0, (int)ARRAY_LEN(fwb));
	suite_add_tcase(s, tc);
	return run_suite(s);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 1: every granule, level and size; TTB0 and TTB1; permissions; access flag and dirty state. */
#include "rig.h"

static const unsigned shifts[] = {12, 14, 16}, sizes[] = {48, 42, 40, 39, 36, 33, 32, 28, 25, 24, 20, 17};

/* Maps data by a leaf of @level and returns the address that leads to data[0]. */
static uint64_t map_data(struct pt *pt, unsigned level, uint64_t attributes)
{
	uint64_t size = pt_leaf_size(pt, level), base = pa(data) & ~(size - 1);
	uint64_t va = pt_some_va(pt) & ~(size - 1);

	pt_map(pt, va, base, level, attributes);
	return va + (pa(data) - base);
}

static void walk(unsigned shift, unsigned bits, bool high)
{
	for (unsigned level = 0; level <= 3; level++) {
		uint64_t *cd = pages(1), iova;
		struct pt pt;

		pt_init(&pt, shift, bits, -1);
		pt.high = high;
		if (level < pt.start || !pt_leaf_ok(&pt, level))
			continue;
		step("granule 2^%u, %u bits, leaf at %u, TTB%u", shift, bits, level, high);
		iova = map_data(&pt, level, S1_RW);
		cd_set(cd, high ? NULL : &pt, high ? &pt : NULL, ASID, 0);
		ste_s1(cd);
		tlb_clean();
		gives(iova, MAGIC);
		takes(iova + 8, data + 1, 0, 0);
		/* One bit beyond the range of the table, and the other half, which is switched off */
		if (bits < 48)
			FAULTS(.id = E_F_TRANSLATION, .class = E_CLASS_IN, .iova = iova ^ 1ull << bits);
		FAULTS(.id = E_F_TRANSLATION, .class = E_CLASS_IN, .iova = iova ^ 1ull << 63, .write = true);
		STOP_IF_FAILED();
	}
}

static void geometry(bool high)
{
	for (unsigned s = 0; s < ARRAY_LEN(shifts); s++)
		for (unsigned b = 0; b < ARRAY_LEN(sizes); b++) {
			rig_reset();
			/* 6.3.4: less than 25 bits need STT */
			if ((smmu.idr5 & S_IDR5_GRAN4K << s) && (sizes[b] >= 25 || (smmu.idr3 & S_IDR3_STT)))
				walk(shifts[s], sizes[b], high);
			STOP_IF_FAILED();
		}
}

static void ttb0(void)
{
	geometry(false);
}

static void ttb1(void)
{
	geometry(true);
}

/* Both halves at once, with different granules. */
static void both_halves(void)
{
	struct pt low, high;
	uint64_t *cd, a, b;

	rig_reset();
	pt_init(&low, 16, 42, -1);
	pt_init(&high, 12, 39, -1);
	high.high = true;
	a = map_data(&low, 3, S1_RW);
	b = map_data(&high, 3, S1_RW);
	cd = pages(1);
	cd_set(cd, &low, &high, ASID, 0);
	ste_s1(cd);
	gives(a, MAGIC);
	gives(b, MAGIC);
}

/* DDI 0487, D8.4.1: AP, PXN, UXN; a request is unprivileged data unless its PASID prefix says otherwise. */
static void permissions(void)
{
	static const struct {
		uint64_t ap;
		bool user_r, user_w, priv_r, priv_w;
	} cases[] = {
		{0, false, false, true, true},
		{P_USER, true, true, true, true},
		{P_RO, false, false, true, false},
		{P_RO | P_USER, true, false, true, false},
	};

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++)
		for (unsigned mode = 0; mode < 4; mode++) {
			bool priv = mode & 1, write = mode & 2;
			bool good = priv ? (write ? cases[i].priv_w : cases[i].priv_r)
					 : (write ? cases[i].user_w : cases[i].user_r);
			uint32_t flags = TESTDEV_F_PASID | (priv ? TESTDEV_F_PRIV : 0);
			struct pt pt;
			uint64_t *cds, iova;

			step("AP %llu%s%s", (unsigned long long)cases[i].ap >> 6, priv ? " privileged" : "",
			     write ? " write" : "");
			rig_reset();
			pt_init(&pt, 12, 48, -1);
			iova = map_data(&pt, 3, P_AF | P_SH | P_NG | cases[i].ap);
			cds = pages(1);
			cd_set(cds + 8, &pt, NULL, ASID, 0);
			smmu_set_ste(&smmu, sid, pa(cds) | T0_V | T0_CONFIG(T_S1) | T0_S1CDMAX(2), T1_CACHED, 0, 0);
			if (!good)
				FAULTS(.id = E_F_PERMISSION, .class = E_CLASS_IN, .iova = iova, .write = write,
				       .flags = flags, .pasid = 1);
			else if (write)
				takes(iova, data, flags, 1);
			else
				gives_to(iova, MAGIC, flags, 1);
			STOP_IF_FAILED();
		}
}

static void execution(void)
{
	static const struct {
		const char *name;
		uint64_t attributes, cd;
		bool user, priv; /* may execute */
	} cases[] = {
		{"AP RW", P_USER, 0, true, false}, /* privileged never executes what users write */
		{"AP RO", P_USER | P_RO, 0, true, true},
		{"UXN", P_USER | P_RO | P_UXN, 0, false, true},
		{"PXN", P_USER | P_RO | P_PXN, 0, true, false},
		{"both", P_USER | P_RO | P_PXN | P_UXN, 0, false, false},
		{"WXN", P_USER, D0_WXN, false, false},
		{"WXN, AP RO", P_USER | P_RO, D0_WXN, true, true},
	};

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++)
		for (unsigned priv = 0; priv < 2; priv++) {
			uint32_t flags = TESTDEV_F_PASID | TESTDEV_F_EXEC | (priv ? TESTDEV_F_PRIV : 0);
			struct pt pt;
			uint64_t *cds, iova;

			step("%s%s", cases[i].name, priv ? " privileged" : "");
			rig_reset();
			pt_init(&pt, 12, 48, -1);
			iova = map_data(&pt, 3, P_AF | P_SH | P_NG | cases[i].attributes);
			cds = pages(1);
			cd_set(cds + 8, &pt, NULL, ASID, cases[i].cd);
			smmu_set_ste(&smmu, sid, pa(cds) | T0_V | T0_CONFIG(T_S1) | T0_S1CDMAX(2), T1_CACHED, 0, 0);
			if (priv ? cases[i].priv : cases[i].user)
				gives_to(iova, MAGIC, flags, 1);
			else
				FAULTS(.id = E_F_PERMISSION, .class = E_CLASS_IN, .iova = iova, .flags = flags,
				       .pasid = 1);
			STOP_IF_FAILED();
		}
}

/* D8.4.2: attributes in table descriptors take away, unless CD.HAD0 switches them off. */
static void hierarchical_permissions(void)
{
	for (unsigned had = 0; had < 2; had++) {
		struct pt pt;
		uint64_t *cd, iova;

		step("HAD0 %u", had);
		rig_reset();
		pt_init(&pt, 12, 48, -1);
		iova = map_data(&pt, 3, S1_RW);
		cd = cd_new(&pt);
		cd[1] |= had ? D1_HAD0 : 0;
		*pt_entry(&pt, iova, 1) |= P_TABLE_AP_RO;
		ste_s1(cd);
		gives(iova, MAGIC);
		if (had)
			takes(iova, data, 0, 0);
		else
			FAULTS(.id = E_F_PERMISSION, .class = E_CLASS_IN, .iova = iova, .write = true);
		*pt_entry(&pt, iova, 0) |= P_TABLE_AP_USER;
		tlb_clean();
		if (had)
			takes(iova, data, 0, 0);
		else
			FAULTS(.id = E_F_PERMISSION, .class = E_CLASS_IN, .iova = iova);
		STOP_IF_FAILED();
	}
}

/* 5.4: AFFD, HA. Without either, AF = 0 is F_ACCESS. */
static void access_flag(void)
{
	for (unsigned how = 0; how < 3; how++) {
		struct pt pt;
		uint64_t *cd, iova, *leaf;

		if (how == 2 && field_get32(S_IDR0_HTTU, smmu.idr0) == 0)
			break;
		step("%s", how == 0 ? "neither" : how == 1 ? "AFFD" : "HA");
		rig_reset();
		pt_init(&pt, 12, 48, -1);
		iova = map_data(&pt, 3, S1_RW & ~P_AF);
		leaf = pt_entry(&pt, iova, 3);
		cd = pages(1);
		cd_set(cd, &pt, NULL, ASID, how == 0 ? 0 : how == 1 ? D0_AFFD : D0_HA);
		ste_s1(cd);
		if (how == 0)
			FAULTS(.id = E_F_ACCESS, .class = E_CLASS_IN, .iova = iova);
		else
			gives(iova, MAGIC);
		STOP_IF_FAILED();
		CHECK_EQ(*(volatile uint64_t *)leaf & P_AF, how == 2 ? P_AF : 0);
	}
}

/* HD: a page that is read-only but has DBM becomes writable by the first write, and only by that. */
static void dirty_state(void)
{
	struct pt pt;
	uint64_t *cd, iova, *leaf;

	if (field_get32(S_IDR0_HTTU, smmu.idr0) < 2)
		return;
	rig_reset();
	pt_init(&pt, 12, 48, -1);
	iova = map_data(&pt, 3, S1_RW | P_RO | P_DBM);
	leaf = pt_entry(&pt, iova, 3);
	cd = pages(1);
	cd_set(cd, &pt, NULL, ASID, D0_HA | D0_HD);
	ste_s1(cd);
	gives(iova, MAGIC);
	CHECK_EQ(*(volatile uint64_t *)leaf & P_RO, P_RO);
	takes(iova, data, 0, 0);
	STOP_IF_FAILED();
	CHECK_EQ(*(volatile uint64_t *)leaf & P_RO, 0);
	/* without HD, DBM means nothing */
	*leaf |= P_RO;
	cd_set(cd, &pt, NULL, ASID, D0_HA);
	tlb_clean();
	FAULTS(.id = E_F_PERMISSION, .class = E_CLASS_IN, .iova = iova, .write = true);
}

/* 5.4: TBI, the top byte does not count. */
static void top_byte(void)
{
	struct pt *pt;
	uint64_t *cd;

	rig_reset();
	pt = s1_simple(0x10000);
	cd = pages(1);
	cd_set(cd, pt, NULL, ASID, D0_TBI0);
	ste_s1(cd);
	gives(0x10000 | 0x5aull << 56, MAGIC);
	cd_set(cd, pt, NULL, ASID, 0);
	tlb_clean();
	FAULTS(.id = E_F_TRANSLATION, .class = E_CLASS_IN, .iova = 0x10000 | 0x5aull << 56);
}

/* 5.2: STE.PRIVCFG and INSTCFG override what the request says. */
static void overrides(void)
{
	struct smmu_ev ev;
	struct pt *pt;
	uint64_t *cd;

	rig_reset();
	if (!(smmu.idr1 & BIT32(26)))
		return;
	pt = s1_simple(0x10000);
	*pt_entry(pt, 0x10000, 3) &= ~P_USER;
	cd = cd_new(pt);
	smmu_set_ste(&smmu, sid, pa(cd) | T0_V | T0_CONFIG(T_S1), T1_CACHED | T1_PRIVCFG(3), 0, 0);
	gives(0x10000, MAGIC);
	smmu_set_ste(&smmu, sid, pa(cd) | T0_V | T0_CONFIG(T_S1), T1_CACHED | T1_PRIVCFG(2), 0, 0);
	FAULTS(.id = E_F_PERMISSION, .class = E_CLASS_IN, .iova = 0x10000);
	*pt_entry(pt, 0x10000, 3) |= P_USER | P_UXN;
	tlb_clean();
	gives(0x10000, MAGIC);
	smmu_set_ste(&smmu, sid, pa(cd) | T0_V | T0_CONFIG(T_S1), T1_CACHED | T1_INSTCFG(3), 0, 0);
	CHECK_EQ(tdev_read8(&dev, 0x10000, 0, 0), TESTDEV_KIND_FAULT);
	CHECK(smmu_event(&smmu, &ev), "no event");
	CHECK_EQ(field_get(E0_ID, ev.dw[0]), E_F_PERMISSION);
	CHECK_EQ(ev.dw[1] & E1_IND, E1_IND);
}

const struct guest_case s1_cases[] = {
	{"smmu stage 1 geometry, TTB0", ttb0},
	{"smmu stage 1 geometry, TTB1", ttb1},
	{"smmu TTB0 and TTB1 together", both_halves},
	{"smmu stage 1 AP", permissions},
	{"smmu stage 1 XN", execution},
	{"smmu stage 1 table attributes", hierarchical_permissions},
	{"smmu stage 1 access flag", access_flag},
	{"smmu stage 1 dirty state", dirty_state},
	{"smmu TBI", top_byte},
	{"smmu PRIVCFG, INSTCFG", overrides},
};
const unsigned nr_s1 = ARRAY_LEN(s1_cases);

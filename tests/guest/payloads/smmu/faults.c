/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of stage 1 and their records (Arm IHI 0070, 7.3). */
#include "rig.h"

#define VA 0x10000ull

/* 7.3.13: at each level, for each granule, reads and writes. */
static void translation(void)
{
	for (unsigned shift = 12; shift <= 16; shift += 2)
		for (unsigned level = 0; level <= 3; level++) {
			struct pt pt;
			uint64_t va;

			rig_reset();
			if (!(smmu.idr5 & S_IDR5_GRAN4K << (shift - 12) / 2))
				continue;
			pt_init(&pt, shift, 48, -1);
			if (level < pt.start)
				continue;
			step("granule 2^%u, level %u", shift, level);
			va = pt_some_va(&pt) & ~((1ull << shift) - 1);
			pt_map(&pt, va, pa(data), 3, S1_RW);
			*pt_entry(&pt, va, level) &= ~P_VALID;
			ste_s1(cd_new(&pt));
			FAULTS(.id = E_F_TRANSLATION, .class = E_CLASS_IN, .iova = va + 0x128);
			FAULTS(.id = E_F_TRANSLATION, .class = E_CLASS_IN, .iova = va + 0x128, .write = true);
			STOP_IF_FAILED();
		}
}

/* D8.3: a block where there is none, a page that says block. */
static void reserved_descriptors(void)
{
	struct pt *pt;

	rig_reset();
	pt = s1_simple(VA);
	ste_s1(cd_new(pt));
	step("block at level 3");
	*pt_entry(pt, VA, 3) &= ~P_TABLE;
	FAULTS(.id = E_F_TRANSLATION, .class = E_CLASS_IN, .iova = VA);
	step("block at level 0");
	*pt_entry(pt, VA, 0) = P_VALID | S1_RW;
	FAULTS(.id = E_F_TRANSLATION, .class = E_CLASS_IN, .iova = VA);
}

/* 7.3.14: output beyond IPS, in a leaf, a table, TTB0. */
static void address_size(void)
{
	struct pt *pt;
	uint64_t *cd;

	rig_reset();
	pt = s1_simple(VA);
	cd = pages(1);
	cd_set(cd, pt, NULL, ASID, 0);
	cd[0] &= ~D0_IPS(7);
	ste_s1(cd); /* IPS 32 bits; RAM is below 4 GiB */
	gives(VA, MAGIC);
	step("leaf");
	*pt_entry(pt, VA, 3) |= 1ull << 32;
	tlb_clean();
	FAULTS(.id = E_F_ADDR_SIZE, .class = E_CLASS_IN, .iova = VA);
	step("table");
	*pt_entry(pt, VA, 2) |= 1ull << 32;
	tlb_clean();
	FAULTS(.id = E_F_ADDR_SIZE, .class = E_CLASS_IN, .iova = VA, .write = true);
}

/* 7.3.12 */
static void walk_abort(void)
{
	struct pt *pt;

	rig_reset();
	pt = s1_simple(VA);
	ste_s1(cd_new(pt));
	*pt_entry(pt, VA, 1) = NOWHERE | P_VALID | P_TABLE;
	FAULTS(.id = E_F_WALK_EABT, .class = E_CLASS_TTD, .iova = VA, .ipa = NOWHERE);
}

/* 5.4: R = 0, no record. The access aborts all the same. */
static void not_recorded(void)
{
	struct pt *pt;
	uint64_t *cd;

	rig_reset();
	pt = s1_simple(VA);
	cd = cd_new(pt);
	cd[0] &= ~D0_R;
	ste_s1(cd);
	gives(VA, MAGIC);
	aborts(VA + 0x100000, false, 0, 0);
	aborts(VA + 0x100000, true, 0, 0);
}

/* EPD0 */
static void walks_disabled(void)
{
	struct pt *pt;
	uint64_t *cd;

	rig_reset();
	pt = s1_simple(VA);
	cd = pages(1);
	cd_set(cd, pt, NULL, ASID, D0_EPD0);
	ste_s1(cd);
	FAULTS(.id = E_F_TRANSLATION, .class = E_CLASS_IN, .iova = VA);
}

/* What is translated well, but to where nothing is: the device sees an abort or all ones, the SMMU no fault. */
static void nowhere(void)
{
	struct pt *pt;

	rig_reset();
	pt = s1_simple(VA);
	pt_map(pt, VA, NOWHERE, 3, S1_RW);
	ste_s1(cd_new(pt));
	gives(VA, UINT64_MAX);
}

/* A transfer that faults in its second page has moved the first, and says where it stopped. */
static void in_the_middle(void)
{
	struct pt *pt;
	struct smmu_ev ev;

	rig_reset();
	pt = s1_simple(VA);
	*pt_entry(pt, VA + PAGE, 3) = 0;
	ste_s1(cd_new(pt));
	CHECK_EQ(
		tdev_run(&dev, &(struct testdev_desc){.op = TESTDEV_OP_FILL, .dst = VA, .len = 2 * PAGE, .operand = 3}),
		TESTDEV_KIND_FAULT);
	CHECK_EQ(dev.fault, VA + PAGE);
	CHECK_EQ(dev.bytes, PAGE);
	CHECK_EQ(data[511], 3);
	CHECK_EQ(data[512], 0);
	CHECK(smmu_event(&smmu, &ev), "no event");
	CHECK_EQ(ev.dw[2], VA + PAGE);
	CHECK(!smmu_event(&smmu, &ev), "two events");
}

/* AtomicOps need both permissions; a fault is that of a write or a read by CONSTRAINED choice, so only that it is. */
static void atomics(void)
{
	struct testdev_desc swap = {.op = TESTDEV_OP_SWAP, .dst = VA, .len = 8, .operand = 77};
	struct smmu_ev ev;
	struct pt *pt;

	rig_reset();
	pt = s1_simple(VA);
	ste_s1(cd_new(pt));
	CHECK_EQ(tdev_run(&dev, &swap), TESTDEV_KIND_OK);
	CHECK_EQ(dev.result, MAGIC);
	CHECK_EQ(data[0], 77);
	*pt_entry(pt, VA, 3) |= P_RO;
	tlb_clean();
	CHECK_EQ(tdev_run(&dev, &swap), TESTDEV_KIND_FAULT);
	CHECK(smmu_event(&smmu, &ev), "no event");
	CHECK_EQ(field_get(E0_ID, ev.dw[0]), E_F_PERMISSION);
}

const struct guest_case fault_cases[] = {
	{"smmu F_TRANSLATION", translation}, {"smmu reserved descriptors", reserved_descriptors},
	{"smmu F_ADDR_SIZE", address_size},  {"smmu F_WALK_EABT", walk_abort},
	{"smmu CD.R", not_recorded},	     {"smmu EPD0", walks_disabled},
	{"smmu output to nowhere", nowhere}, {"smmu fault in the middle", in_the_middle},
	{"smmu atomics", atomics},
};
const unsigned nr_fault = ARRAY_LEN(fault_cases);

/* SPDX-License-Identifier: Apache-2.0 */
/* Two streams behind one SMMU, rings with PASIDs, peers. */
#include "rig.h"

#define VA 0x10000ull

static struct tdev other;
static uint32_t other_sid;

static bool begin(void)
{
	uint32_t phandle;

	rig_reset();
	if (!tdev_init(&other, 1) || !pci_map_rid("iommu-map", pci_rid(other.fn), &phandle, &other_sid) ||
	    phandle != smmu.phandle) {
		fail("no second test endpoint behind the SMMU");
		return false;
	}
	tdev_enable(&other);
	return true;
}

static void set_other(const uint64_t *cd)
{
	smmu_set_ste(&smmu, other_sid, pa(cd) | T0_V | T0_CONFIG(T_S1), T1_CACHED, 0, 0);
}

static struct pt *to_spare(void)
{
	struct pt *pt = s1_simple(VA);

	pt_map(pt, VA, pa(spare), 3, S1_RW);
	return pt;
}

/* What one stream may do is nothing to the other. */
static void apart(void)
{
	struct smmu_ev ev;

	if (!begin())
		return;
	ste_s1(cd_new(s1_simple(VA)));
	gives(VA, MAGIC);
	CHECK_EQ(tdev_read8(&other, VA, 0, 0), TESTDEV_KIND_FAULT);
	CHECK(smmu_event(&smmu, &ev), "no event");
	CHECK_EQ(field_get(E0_ID, ev.dw[0]), E_C_BAD_STE);
	CHECK_EQ(field_get(E0_SID, ev.dw[0]), other_sid);
	smmu_set_ste(&smmu, other_sid, T0_V | T0_CONFIG(T_ABORT), 0, 0, 0);
	CHECK_EQ(tdev_read8(&other, VA, 0, 0), TESTDEV_KIND_FAULT);
	CHECK(!smmu_event(&smmu, &ev), "an event");
	gives(VA, MAGIC);
	smmu_set_ste(&smmu, other_sid, T0_V | T0_CONFIG(T_BYPASS), 0, 0, 0);
	CHECK_EQ(tdev_read8(&other, pa(data), 0, 0), TESTDEV_KIND_OK);
	CHECK_EQ(other.result, MAGIC);
	FAULTS(.id = E_F_TRANSLATION, .class = E_CLASS_IN, .iova = pa(data));
}

/* Different ASIDs: different tables; the same ASID: the same table, and one invalidation is for both. */
static void asids(void)
{
	struct pt *shared;
	uint64_t *cd;

	if (!begin())
		return;
	shared = s1_simple(VA);
	ste_s1(cd_new(shared));
	cd = pages(1);
	cd_set(cd, to_spare(), NULL, ASID + 1, 0);
	set_other(cd);
	for (unsigned i = 0; i < 2; i++) {
		gives(VA, MAGIC);
		CHECK_EQ(tdev_read8(&other, VA, 0, 0), TESTDEV_KIND_OK);
		CHECK_EQ(other.result, ~MAGIC);
	}
	step("shared");
	set_other(cd_new(shared));
	CHECK_EQ(tdev_read8(&other, VA, 0, 0), TESTDEV_KIND_OK);
	CHECK_EQ(other.result, MAGIC);
	pt_map(shared, VA, pa(spare), 3, S1_RW);
	smmu_do(&smmu, OP_TLBI_NH_VA | (uint64_t)ASID << 48, VA | 1);
	gives(VA, ~MAGIC);
	CHECK_EQ(tdev_read8(&other, VA, 0, 0), TESTDEV_KIND_OK);
	CHECK_EQ(other.result, ~MAGIC);
}

/* Ring, list and status of a request by the PASID's table; the ring by its own PASID. */
static void ring(void)
{
	uint64_t reg = dev.regs + TESTDEV_CHAN(1), *cds = NULL;
	struct testdev_desc *first;
	struct pt *low, *high;
	struct smmu_ev ev;

	rig_reset();
	cds = pages(1);
	low = s1_simple(VA);
	high = to_spare();
	cd_set(cds + 8, low, NULL, 1, 0);
	cd_set(cds + 16, high, NULL, 2, 0);
	smmu_set_ste(&smmu, sid, pa(cds) | T0_V | T0_CONFIG(T_S1) | T0_S1CDMAX(2), T1_CACHED, 0, 0);
	first = (struct testdev_desc *)data;
	*first = (struct testdev_desc){
		.op = TESTDEV_OP_FILL | TESTDEV_F_PASID | TESTDEV_F_STATUS,
		.pasid = 2,
		.dst = VA + 64,
		.len = 8,
		.operand = 0x5050,
		.status = VA + 128,
	};
	write32(reg + TESTDEV_CH_CONTROL, 0);
	write64(reg + TESTDEV_CH_RING_BASE, VA);
	write32(reg + TESTDEV_CH_RING_SIZE, 6);
	write32(reg + TESTDEV_CH_RING_PASID, TESTDEV_RING_PASID_EN | 1);
	write32(reg + TESTDEV_CH_CONTROL, TESTDEV_CONTROL_ENABLE);
	write32(reg + TESTDEV_CH_TAIL, 1);
	CHECK(WAIT_FOR(*(volatile uint32_t *)(spare + 16) == TESTDEV_KIND_OK, 5000000), "code 0x%x",
	      read32(reg + TESTDEV_CH_CODE));
	CHECK_EQ(spare[8], 0x5050);
	step("the ring's page is gone");
	*pt_entry(low, VA, 3) = 0;
	tlb_clean();
	write32(reg + TESTDEV_CH_TAIL, 2);
	CHECK(WAIT_FOR(read32(reg + TESTDEV_CH_STATUS) & TESTDEV_STATUS_HALTED, 5000000), "it does not halt");
	CHECK(smmu_event(&smmu, &ev), "no event");
	CHECK_EQ(field_get(E0_SSID, ev.dw[0]), 1);
	CHECK_EQ(ev.dw[2], VA + 64);
	write32(reg + TESTDEV_CH_CONTROL, 0);
}

/* A leaf that leads to a BAR: that of the endpoint itself, and that of the other one. */
static void peers(void)
{
	struct testdev_desc fill = {.op = TESTDEV_OP_FILL, .dst = VA + 32, .len = 4, .operand = 9};
	struct pt *pt;

	if (!begin())
		return;
	pt = s1_simple(VA);
	ste_s1(cd_new(pt));
	for (unsigned i = 0; i < 2; i++) {
		struct tdev *target = i ? &other : &dev;

		pt_map(pt, VA, target->port, 3, S1_RW);
		tlb_clean();
		write32(target->regs + TESTDEV_PORT_COUNT, 0);
		CHECK_EQ(tdev_run(&dev, &fill), TESTDEV_KIND_OK);
		CHECK_EQ(read32(target->regs + TESTDEV_PORT_COUNT), 1);
		CHECK_EQ(read64(target->regs + TESTDEV_PORT_VALUE), 9);
	}
	pt_map(pt, VA, other.port, 3, S1_RW | P_RO);
	tlb_clean();
	FAULTS(.id = E_F_PERMISSION, .class = E_CLASS_IN, .iova = VA + 32, .write = true);
}

/* Another bus number is another StreamID. */
static void renumbered(void)
{
	struct pci_fn *port = dev.fn->parent;
	uint32_t numbers, moved = 0x4200 | dev.fn->devfn;
	struct smmu_ev ev;

	rig_reset();
	CHECK(port, "not below a port");
	smmu_set_ste(&smmu, sid, T0_V | T0_CONFIG(T_BYPASS), 0, 0, 0);
	gives(pa(data), MAGIC);
	numbers = pci_get32(port, 0x18);
	pci_set32(port, 0x18, 0x424200);
	enum testdev_kind kind = tdev_read8(&dev, pa(data), 0, 0);

	pci_set32(port, 0x18, numbers);
	CHECK_EQ(kind, TESTDEV_KIND_FAULT);
	CHECK(smmu_event(&smmu, &ev), "no event");
	CHECK_EQ(field_get(E0_SID, ev.dw[0]), moved);
	gives(pa(data), MAGIC);
}

const struct guest_case stream_cases[] = {
	{"smmu two streams", apart}, {"smmu ASIDs of two streams", asids}, {"smmu ring with PASID", ring},
	{"smmu peers", peers},	     {"smmu bus number", renumbered},
};
const unsigned nr_stream = ARRAY_LEN(stream_cases);

/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

struct smmu smmu;
struct tdev dev;
uint32_t sid;
uint64_t *data, *spare;

static uint64_t mark;

void rig_reset(void)
{
	if (mark)
		memory_release(mark);
	else
		mark = memory_mark();
	smmu_reset(&smmu);
	memset(data, 0, 65536);
	data[0] = MAGIC;
	spare[0] = ~MAGIC;
	barrier();
}

uint64_t tg0(unsigned shift)
{
	return shift == 12 ? 0 : shift == 14 ? 2 : 1;
}

uint64_t tg1(unsigned shift)
{
	return shift == 12 ? 2 : shift == 14 ? 1 : 3;
}

void cd_set(uint64_t *cd, const struct pt *low, const struct pt *high, uint32_t asid, uint64_t more)
{
	uint64_t dw0 = D0_V | D0_IPS(5) | D0_AA64 | D0_R | D0_A | D0_ASET | D0_ASID(asid) | more;

	dw0 |= low ? D0_T0SZ(64 - low->bits) | D0_TG0(tg0(low->shift)) | D0_WALK0 : D0_EPD0 | D0_T0SZ(16);
	dw0 |= high ? D0_T1SZ(64 - high->bits) | D0_TG1(tg1(high->shift)) | D0_WALK1
		    : D0_EPD1 | D0_T1SZ(16) | D0_TG1(2);
	memset(cd, 0, 64);
	cd[1] = low ? low->root : 0;
	cd[2] = high ? high->root : 0;
	cd[3] = 0xff;
	barrier();
	cd[0] = dw0;
}

uint64_t *cd_new(const struct pt *low)
{
	uint64_t *cd = pages(1);

	cd_set(cd, low, NULL, ASID, 0);
	return cd;
}

void ste_s1(const uint64_t *cd)
{
	smmu_set_ste(&smmu, sid, pa(cd) | T0_V | T0_CONFIG(T_S1), T1_CACHED | T1_SHCFG_IN, 0, 0);
}

/* Start level of stage 2 by SL0 (5.2): 4K: 0 - level 2, 1 - level 1, 2 - level 0, 3 - level 3 (with STT); 16K and 64K:
 * 0 - level 3 .. 2 - level 1. */
uint64_t s2_dw2(const struct pt *pt, uint64_t more)
{
	unsigned sl0 = (pt->shift == 12 ? 2 - pt->start : 3 - pt->start) & 3;

	return T2_VMID(VMID) | T2_T0SZ(64 - pt->bits) | T2_SL0(sl0) | T2_WALK | T2_TG(tg0(pt->shift)) | T2_PS(5) |
	       T2_AA64 | T2_R | more;
}

void ste_s2(const struct pt *pt, uint64_t more)
{
	smmu_set_ste(&smmu, sid, T0_V | T0_CONFIG(T_S2), T1_SHCFG_IN, s2_dw2(pt, more), pt->root);
}

void ste_nested(uint64_t cd, const struct pt *s2, uint64_t more)
{
	smmu_set_ste(&smmu, sid, cd | T0_V | T0_CONFIG(T_NESTED), T1_CACHED | T1_SHCFG_IN, s2_dw2(s2, more), s2->root);
}

struct pt *s1_simple(uint64_t va)
{
	struct pt *pt = pages(1);

	pt_init(pt, 12, 48, -1);
	for (unsigned i = 0; i < 16; i++)
		pt_map(pt, va + i * PAGE, pa(data) + i * PAGE, 3, S1_RW);
	return pt;
}

struct pt *s2_identity(void)
{
	struct pt *pt = pages(1);
	uint64_t gib = pa(data) & ~MASK64(29, 0); /* all RAM is in it */

	pt_init(pt, 12, 39, 1);
	pt_map(pt, gib, gib, 1, S2_RW);
	return pt;
}

void tlb_clean(void)
{
	smmu_cmd(&smmu, OP_CFGI_STE_RANGE, 31);
	smmu_cmd(&smmu, OP_TLBI_EL2_ALL, 0);
	smmu_do(&smmu, OP_TLBI_NSNH_ALL, 0);
}

static void no_event(void)
{
	struct smmu_ev ev;

	if (smmu_event(&smmu, &ev))
		fail("unexpected event 0x%llx 0x%llx 0x%llx 0x%llx", (unsigned long long)ev.dw[0],
		     (unsigned long long)ev.dw[1], (unsigned long long)ev.dw[2], (unsigned long long)ev.dw[3]);
}

void gives_to(uint64_t iova, uint64_t value, uint32_t flags, uint32_t pasid)
{
	enum testdev_kind kind;

	if (failed())
		return;
	kind = tdev_read8(&dev, iova, flags, pasid);
	no_event();
	if (kind != TESTDEV_KIND_OK)
		fail("read of 0x%llx: code 0x%x", (unsigned long long)iova, dev.code);
	else if (dev.result != value)
		fail("read of 0x%llx gives 0x%llx, not 0x%llx", (unsigned long long)iova,
		     (unsigned long long)dev.result, (unsigned long long)value);
}

void gives(uint64_t iova, uint64_t value)
{
	gives_to(iova, value, 0, 0);
}

void takes(uint64_t iova, uint64_t *where, uint32_t flags, uint32_t pasid)
{
	static uint64_t value = 0x7a6b5c00;
	enum testdev_kind kind;

	if (failed())
		return;
	value++;
	kind = tdev_write8(&dev, iova, value, flags, pasid);
	no_event();
	if (kind != TESTDEV_KIND_OK)
		fail("write to 0x%llx: code 0x%x", (unsigned long long)iova, dev.code);
	else if (*(volatile uint64_t *)where != value)
		fail("write to 0x%llx did not arrive", (unsigned long long)iova);
}

static enum testdev_kind touch(uint64_t iova, bool write, uint32_t flags, uint32_t pasid)
{
	return write ? tdev_write8(&dev, iova, 1, flags, pasid) : tdev_read8(&dev, iova, flags, pasid);
}

static bool has_address(unsigned id)
{
	return id >= E_F_TRANSLATION || id == E_F_WALK_EABT;
}

/* C_BAD_SUBSTREAMID has no SSV, F_STREAM_DISABLED neither (7.3.7, 7.3.9). */
static uint64_t ssid_field(unsigned id, bool present, uint32_t pasid)
{
	if (!present || id == E_F_STREAM_DISABLED)
		return 0;
	return field_prep(E0_SSID, pasid) | (id == E_C_BAD_SUBSTREAMID ? 0 : E0_SSV);
}

/* Which bits of double word 1 say something depends on the event (7.3). */
static void compare(const struct want *want, const struct smmu_ev *ev)
{
	bool pasid = want->flags & TESTDEV_F_PASID;
	uint64_t id = field_get(E0_ID, ev->dw[0]), dw1 = 0, mask = 0;

	if (id != want->id) {
		fail("event 0x%llx instead of 0x%x (0x%llx 0x%llx 0x%llx 0x%llx)", (unsigned long long)id, want->id,
		     (unsigned long long)ev->dw[0], (unsigned long long)ev->dw[1], (unsigned long long)ev->dw[2],
		     (unsigned long long)ev->dw[3]);
		return;
	}
	if (field_get(E0_SID, ev->dw[0]) != sid)
		fail("StreamID 0x%llx instead of 0x%x", (unsigned long long)field_get(E0_SID, ev->dw[0]), sid);
	if ((ev->dw[0] & (E0_SSV | E0_SSID)) != ssid_field(want->id, pasid, want->pasid))
		fail("event 0x%x: SSV, SubstreamID in 0x%llx", want->id, (unsigned long long)ev->dw[0]);
	if (has_address(want->id)) {
		mask = E1_STALL | E1_PNU | E1_IND | E1_RNW | E1_S2 | E1_CLASS;
		dw1 = (want->write ? 0 : E1_RNW) | (want->s2 ? E1_S2 : 0) | field_prep(E1_CLASS, want->class) |
		      (want->flags & TESTDEV_F_PRIV ? E1_PNU : 0) |
		      (want->flags & TESTDEV_F_EXEC && !want->write ? E1_IND : 0);
		if (ev->dw[2] != want->iova)
			fail("input address 0x%llx", (unsigned long long)ev->dw[2]);
	}
	if ((ev->dw[1] & mask) != dw1)
		fail("event 0x%x: double word 1 is 0x%llx, not 0x%llx", want->id, (unsigned long long)ev->dw[1],
		     (unsigned long long)dw1);
	if (want->ipa && (ev->dw[3] & MASK64(51, 3)) != want->ipa)
		fail("event 0x%x: IPA or fetch address 0x%llx, not 0x%llx", want->id, (unsigned long long)ev->dw[3],
		     (unsigned long long)want->ipa);
}

void faults(const struct want *want)
{
	enum testdev_kind kind;
	struct smmu_ev ev;

	if (failed())
		return;
	kind = touch(want->iova, want->write, want->flags, want->pasid);
	if (kind != TESTDEV_KIND_FAULT) {
		fail("no fault 0x%x at 0x%llx: code 0x%x", want->id, (unsigned long long)want->iova, dev.code);
		return;
	}
	if (!smmu_event(&smmu, &ev)) {
		fail("no event 0x%x", want->id);
		return;
	}
	compare(want, &ev);
	no_event();
}

void aborts(uint64_t iova, bool write, uint32_t flags, uint32_t pasid)
{
	if (failed())
		return;
	if (touch(iova, write, flags, pasid) != TESTDEV_KIND_FAULT)
		fail("no abort at 0x%llx: code 0x%x", (unsigned long long)iova, dev.code);
	no_event();
}

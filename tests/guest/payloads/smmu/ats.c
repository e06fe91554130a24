/* SPDX-License-Identifier: Apache-2.0 */
/* ATS (3.9.1, 4.5.1): the endpoint's cache, its invalidation, and who may use it. */
#include "waits.h"

#define EXT_ATS	   0x0fu
#define ATS_ENABLE 0x8000u
#define EATS_FULL  (1ull << 28)

/* @value arrives at page @n of data. */
static void arrives(uint64_t iova, unsigned n, uint64_t value, uint32_t flags, uint32_t pasid)
{
	waits_write(0, iova, value, flags, pasid);
	if (waits_end(0) != TESTDEV_KIND_OK)
		fail("the write of 0x%llx is refused", (unsigned long long)value);
	else if (*(volatile uint64_t *)((uint8_t *)data + n * PAGE) != value)
		fail("the write of 0x%llx is not at page %u", (unsigned long long)value, n);
}

static struct pt *fresh(uint64_t eats)
{
	struct pt *pt;

	rig_reset();
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN | S_CR0_SMMUEN | S_CR0_ATSCHK);
	pt = waits_stream(0, eats);
	pci_set16(dev.fn, pci_ext_cap(dev.fn, EXT_ATS) + 6, 0);
	pci_set16(dev.fn, pci_ext_cap(dev.fn, EXT_ATS) + 6, ATS_ENABLE);
	dev_set(TESTDEV_ATS_CONTROL, 0);
	return pt;
}

static void done(void)
{
	pci_set16(dev.fn, pci_ext_cap(dev.fn, EXT_ATS) + 6, 0);
}

/* What CMD_ATC_INV does not name stays, and the wrong page is written. */
static void cache(void)
{
	struct pt *pt = fresh(EATS_FULL);

	waits_map(pt, 0, true);
	arrives(VA, 0, 1, 0, 0);
	pt_map(pt, VA, pa(data) + PAGE, 3, S1_RW);
	barrier();
	tlb_clean();
	arrives(VA, 0, 2, 0, 0);
	smmu_do(&smmu, OP_ATC_INV | (uint64_t)sid << 32, VA + PAGE);
	smmu_do(&smmu, OP_ATC_INV | (uint64_t)sid << 32 | E0_SSV | 1u << 12, VA);
	arrives(VA, 0, 3, 0, 0);
	smmu_do(&smmu, OP_ATC_INV | (uint64_t)sid << 32, VA);
	arrives(VA, 1, 4, 0, 0);
	/* with PASIDs: one, all */
	arrives(VA, 1, 5, TESTDEV_F_PASID, 1);
	waits_map(pt, 0, true);
	tlb_clean();
	arrives(VA, 1, 6, TESTDEV_F_PASID, 1);
	smmu_do(&smmu, OP_ATC_INV | (uint64_t)sid << 32 | E0_SSV | BIT64(9), 52);
	arrives(VA, 0, 7, TESTDEV_F_PASID, 1);
	arrives(VA, 1, 8, 0, 0);
	smmu_do(&smmu, OP_ATC_INV | (uint64_t)sid << 32, 52);
	arrives(VA, 0, 9, 0, 0);
	done();
}

/* 3.9.1.2, 3.9.1.3 */
static void forbidden(void)
{
	struct smmu_ev ev;
	struct pt *pt = fresh(0);

	waits_map(pt, 0, true);
	waits_write(0, VA, 1, 0, 0);
	if (waits_end(0) != TESTDEV_KIND_FAULT)
		fail("a Translation Request without EATS");
	if (waits_event(&ev) && (ev.dw[0] & E0_ID) != 0x05)
		fail("event 0x%llx instead of F_BAD_ATS_TREQ", (unsigned long long)ev.dw[0]);
	arrives(VA, 0, 2, TESTDEV_F_UNTRANSLATED, 0);
	waits_write(0, pa(data), 3, TESTDEV_F_TRANSLATED, 0);
	if (waits_end(0) != TESTDEV_KIND_FAULT || data[0] == 3)
		fail("a forged translated access with ATSCHK");
	if (waits_event(&ev) && (ev.dw[0] & E0_ID) != 0x07)
		fail("event 0x%llx instead of F_TRANSL_FORBIDDEN", (unsigned long long)ev.dw[0]);
	/* without ATSCHK nobody looks */
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN | S_CR0_SMMUEN);
	arrives(pa(data), 0, 4, TESTDEV_F_TRANSLATED, 0);
	done();
}

/* CMD_SYNC waits, and gives up (3.9.1.4). */
static void completion(void)
{
	fresh(EATS_FULL);
	dev_set(TESTDEV_ATS_CONTROL, TESTDEV_ATS_HOLD);
	smmu_cmd(&smmu, OP_ATC_INV | (uint64_t)sid << 32, VA);
	smmu_cmd(&smmu, OP_SYNC, 0);
	if (smmu_drained(&smmu) || dev_get(TESTDEV_ATS_HELD) != 1)
		fail("CMD_SYNC does not wait");
	dev_set(TESTDEV_ATS_RELEASE, 1);
	if (!WAIT_FOR(smmu_drained(&smmu), 1000000))
		fail("CMD_SYNC still waits");
	smmu_cmd(&smmu, OP_ATC_INV | (uint64_t)sid << 32, VA);
	smmu_cmd(&smmu, OP_SYNC, 0);
	if (!WAIT_FOR((read32(smmu.base + S_GERROR) ^ read32(smmu.base + S_GERRORN)) & S_GERROR_CMDQ, 3000000))
		fail("no time-out");
	if (field_get32(S_CONS_ERR, read32(smmu.base + S_CMDQ_CONS)) != 3)
		fail("error 0x%x", read32(smmu.base + S_CMDQ_CONS));
	write32(smmu.base + S_GERRORN, read32(smmu.base + S_GERROR));
	if (!WAIT_FOR(smmu_drained(&smmu), 1000000))
		fail("the repeated CMD_SYNC waits");
	dev_set(TESTDEV_ATS_CONTROL, 0);
	dev_set(TESTDEV_ATS_RELEASE, 1);
	done();
}

const struct guest_case ats_cases[] = {
	{"ats cache and invalidation", cache},
	{"ats forbidden", forbidden},
	{"ats completion and time-out", completion},
};
const unsigned nr_ats = ARRAY_LEN(ats_cases);

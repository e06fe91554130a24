/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test endpoint behind an SMMU, and a driver for both: what a guest has that lets its devices fault. For unit
 * tests, the soak and the bench; each includes it once.
 */
#ifndef AERIE_FAULTS_RIG_H
#define AERIE_FAULTS_RIG_H

#include "smmu_priv.h"
#include "smmu_pt_regs.h"
#include "stats.h"
#include "testdev_fixture.h"

#define RIG	  __attribute__((unused)) static
#define SMMU_BASE UINT64_C(0x9050000)
#define STRTAB	  (RAM + 0x00000) /* linear, 2^10 entries */
#define CMDQ	  (RAM + 0x10000)
#define EVTQ	  (RAM + 0x14000)
#define PRIQ	  (RAM + 0x18000)
#define CDS	  (RAM + 0x1c000) /* 2^4 */
#define TABLE3	  (RAM + 0x20000) /* of 512 pages: IOVA 0 .. 2 MiB; of substream n at + n * 0x1000 */
#define TABLE2	  (RAM + 0x40000) /* of the level above, likewise */
#define TABLE1	  (RAM + 0x60000)
#define PAGES	  (RAM + 0x80000) /* what is mapped, 64 pages */
#define NR_PAGES  64u
#define ATS_CAP	  0x200u
#define PRI_CAP	  0x210u
#define LEAF	  (PT_AF | PT_S1_USER | PT_S1_NG | 3u << 8 | 3u)
#define RIG_Q	  7u /* log2 of the entries of each queue */

static struct rig {
	struct smmu *smmu;
	struct viommu_endpoint ep;
	uint32_t cmd, evt, pri; /* indexes of the driver */
	unsigned timer;
} rig;

static uint16_t rig_rid(void *owner)
{
	return pci_function_rid(&ep->fn);
}

static void rig_timer(void *opaque, unsigned ms)
{
	rig.timer = ms;
}

RIG uint32_t rig_sid(void)
{
	return pci_function_rid(&ep->fn);
}

RIG uint32_t smmu_rd(uint32_t offset)
{
	return (uint32_t)load(SMMU_BASE + offset, 4);
}

RIG void smmu_wr(uint32_t offset, uint32_t value)
{
	store(SMMU_BASE + offset, 4, value);
}

RIG uint64_t ram64(uint64_t addr)
{
	return *(uint64_t *)host(addr);
}

RIG void set64(uint64_t addr, uint64_t value)
{
	*(uint64_t *)host(addr) = value;
}

/* Puts a command into the queue and starts it. */
RIG void rig_command(uint64_t dw0, uint64_t dw1)
{
	uint64_t at = CMDQ + (rig.cmd & (BIT32(RIG_Q) - 1)) * CMD_SIZE;

	set64(at, dw0);
	set64(at + 8, dw1);
	rig.cmd = (rig.cmd + 1) & (BIT32(RIG_Q + 1) - 1);
	smmu_wr(SMMU_CMDQ_PROD, rig.cmd);
}

RIG uint64_t of_sid(uint64_t op)
{
	return op | field_prep(CMD0_SID, rig_sid());
}

/* The next event; false: none. Consumed. */
RIG bool rig_event(struct smmu_event *e)
{
	uint32_t mask = BIT32(RIG_Q + 1) - 1;

	if ((smmu_rd(SMMU_EVENTQ_PROD) & mask) == rig.evt)
		return false;
	memcpy(e, host(EVTQ + (rig.evt & (BIT32(RIG_Q) - 1)) * EVT_SIZE), sizeof(*e));
	rig.evt = (rig.evt + 1) & mask;
	smmu_wr(SMMU_EVENTQ_CONS, rig.evt | (smmu_rd(SMMU_EVENTQ_PROD) & QUEUE_OVERFLOW));
	return true;
}

RIG bool rig_page_request(uint64_t entry[2])
{
	uint32_t mask = BIT32(RIG_Q + 1) - 1;

	if ((smmu_rd(SMMU_PRIQ_PROD) & mask) == rig.pri)
		return false;
	memcpy(entry, host(PRIQ + (rig.pri & (BIT32(RIG_Q) - 1)) * PRI_SIZE), PRI_SIZE);
	rig.pri = (rig.pri + 1) & mask;
	smmu_wr(SMMU_PRIQ_CONS, rig.pri | (smmu_rd(SMMU_PRIQ_PROD) & QUEUE_OVERFLOW));
	return true;
}

/* IOVA page @n of the substream to page @to of PAGES; ~0u: to nothing. */
RIG void rig_map(unsigned ssid, unsigned n, unsigned to)
{
	set64(TABLE3 + ssid * 0x1000 + n * 8, to == ~0u ? 0 : (PAGES + to * PAGE) | LEAF);
}

RIG void rig_invalidate(void)
{
	rig_command(CMD_TLBI_NSNH_ALL, 0);
	rig_command(CMD_SYNC, 0);
}

/* The stream at stage 1, substreams 0 .. 15 (0 also without one), CD.S = @stall, EATS = @eats. */
RIG void rig_stream(bool stall, unsigned eats)
{
	uint64_t ste = STRTAB + (uint64_t)rig_sid() * STE_SIZE;

	for (unsigned n = 0; n < 16; n++) {
		uint64_t cd = CDS + n * CD_SIZE;

		set64(TABLE1 + n * 0x1000, (TABLE2 + n * 0x1000) | 3);
		set64(TABLE2 + n * 0x1000, (TABLE3 + n * 0x1000) | 3);
		set64(cd, field_prep(CD0_T0SZ, 64 - 39) | CD0_EPD1 | CD0_V | field_prep(CD0_IPS, 5) | CD0_AA64 | CD0_R |
				  CD0_A | field_prep(CD0_ASID, n + 1) | (stall ? CD0_S : 0));
		set64(cd + 8, TABLE1 + n * 0x1000);
		set64(cd + 24, 0xff);
	}
	set64(ste, STE0_V | field_prep(STE0_CFG, STE_CFG_S1) | CDS | field_prep(STE0_S1CDMAX, 4));
	set64(ste + 8, field_prep(STE1_S1DSS, STE_S1DSS_SSID0) | field_prep(STE1_EATS, eats) | STE1_PPAR);
	rig_command(of_sid(CMD_CFGI_STE), 1);
	rig_command(CMD_SYNC, 0);
}

RIG void rig_enable(void)
{
	rig.cmd = rig.evt = rig.pri = 0;
	store(SMMU_BASE + SMMU_CMDQ_BASE, 8, CMDQ | RIG_Q);
	store(SMMU_BASE + SMMU_EVENTQ_BASE, 8, EVTQ | RIG_Q);
	store(SMMU_BASE + SMMU_PRIQ_BASE, 8, PRIQ | RIG_Q);
	store(SMMU_BASE + SMMU_STRTAB_BASE, 8, STRTAB);
	smmu_wr(SMMU_STRTAB_BASE_CFG, 10);
	smmu_wr(SMMU_CR2, CR2_RECINVSID);
	smmu_wr(SMMU_IRQ_CTRL, IRQ_CTRL_EVENTQ | IRQ_CTRL_GERROR | IRQ_CTRL_PRIQ);
	smmu_wr(SMMU_CR0, CR0_CMDQEN | CR0_EVENTQEN | CR0_PRIQEN | CR0_SMMUEN | CR0_ATSCHK);
}

RIG void rig_device_on(bool ats, bool pri)
{
	switch_on();
	if (ats)
		cfg(ATS_CAP + PCI_ATS_CTRL, 2, PCI_ATS_CTRL_ENABLE);
	if (pri) {
		cfg(PRI_CAP + PCI_PRI_ALLOC_REQ, 4, 16);
		cfg(PRI_CAP + PCI_PRI_CTRL, 2, PCI_PRI_CTRL_ENABLE);
	}
	if (get(PASID + 2, 2))
		cfg(PASID + PCI_PASID_CTRL, 2, PCI_PASID_CTRL_ENABLE | PCI_PASID_CTRL_EXEC | PCI_PASID_CTRL_PRIV);
}

RIG void rig_start(const struct testdev_config *config)
{
	struct smmu_config smmu = {
		.id = "smmu0",
		.base = SMMU_BASE,
		.timer = rig_timer,
	};

	start(config);
	ck_assert_int_eq(smmu_create(&rig.smmu, &w.vm.gmem, &w.vm.bus, &smmu), 0);
	rig.ep = (struct viommu_endpoint){.name = "test", .rid = rig_rid};
	ck_assert_int_eq(smmu_add_emulated(rig.smmu, &rig.ep, &ep->dma), 0);
	rig_enable();
	rig_stream(config->stall, config->ats ? STE_EATS_FULL : STE_EATS_NONE);
	rig_device_on(config->ats, config->pri);
}

RIG void rig_stop(void)
{
	struct device *dev = smmu_device(rig.smmu);

	bus_lock(&w.vm.bus);
	dma_space_enable(&ep->dma, false);
	dma_space_set_translator(&ep->dma, NULL, NULL);
	bus_unlock(&w.vm.bus);
	dev->class->destroy(dev);
	stop();
}

RIG void rig_reset_function(void)
{
	cfg(PCI_ENDPOINT_CAP_EXP + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
}

RIG uint32_t dev_rd(uint32_t offset)
{
	return (uint32_t)load(REGS + offset, 4);
}

RIG void dev_wr(uint32_t offset, uint32_t value)
{
	store(REGS + offset, 4, value);
}

RIG uint32_t channel_status(unsigned n)
{
	return (uint32_t)load(reg(n, TESTDEV_CH_STATUS), 4);
}

RIG uint32_t channel_code(unsigned n)
{
	return (uint32_t)load(reg(n, TESTDEV_CH_CODE), 4);
}

RIG uint64_t count_of(_Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The register file (chapter 6): one table, and the effects of writes. A register that may not change while something
 * is enabled ignores writes then: of the behaviours that the architecture allows, the one without surprises.
 */
#include "smmu_priv.h"

static void restore(struct smmu *smmu, unsigned index, uint64_t old, bool locked)
{
	if (locked)
		smmu->regs[index] = old;
}

/* 6.3.9: our enables act at once, so CR0ACK follows before the write returns. */
static void cr0_written(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct smmu *smmu = dev;

	/* RES0 without IDR0.ATS and IDR0.PRI. */
	if (!smmu_ats_offered(smmu))
		now &= ~(uint64_t)CR0_ATSCHK;
	if (!smmu_pri_offered(smmu))
		now &= ~(uint64_t)CR0_PRIQEN;
	smmu->regs[index] = now;
	smmu->regs[R_CR0ACK] = now;
	if (old & ~now & CR0_SMMUEN)
		smmu_stall_terminate_all(smmu);
	if ((old ^ now) & CR0_SMMUEN) {
		smmu_soft_reconfigure(smmu);
		smmu_endpoints_reconcile(smmu);
	}
	if (~old & now & CR0_EVENTQEN)
		smmu_stall_pump(smmu);
	if (~old & now & CR0_CMDQEN)
		smmu_cmdq_run(smmu);
}

/* 6.3.11: TABLE_* belong to SMMUEN, QUEUE_* to the queue enables. */
static void cr1_written(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct smmu *smmu = dev;
	uint32_t cr0 = smmu_reg32(smmu, R_CR0);
	uint64_t keep = 0;

	if (cr0 & CR0_SMMUEN)
		keep |= CR1_TABLE;
	if (cr0 & (CR0_CMDQEN | CR0_EVENTQEN | CR0_PRIQEN))
		keep |= CR1_QUEUE;
	smmu->regs[index] = (old & keep) | (now & ~keep);
}

/* 6.3.12: locked with SMMUEN; E2H is RES0 without IDR0.HYP. */
static void cr2_written(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct smmu *smmu = dev;

	if (!(smmu_reg32(smmu, R_IDR0) & IDR0_HYP))
		smmu->regs[index] = now & ~(uint64_t)CR2_E2H;
	restore(smmu, index, old, smmu_reg32(smmu, R_CR0) & CR0_SMMUEN);
}

/* STRTAB_BASE, STRTAB_BASE_CFG (6.3.23, 6.3.24). */
static void smmuen_locked(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct smmu *smmu = dev;

	restore(smmu, index, old, smmu_reg32(smmu, R_CR0) & CR0_SMMUEN);
}

/* 6.3.14: a write counts only with UPDATE, which reads as 0 once the write has taken effect: at once. What PRIVCFG and
 * INSTCFG make of a transaction nobody looks at who is not translated; they are RES0 without IDR1.ATTR_PERMS_OVR. */
static void gbpa_written(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct smmu *smmu = dev;

	if (!(now & GBPA_UPDATE)) {
		smmu->regs[index] = old;
		return;
	}
	if (!(smmu_reg32(smmu, R_IDR1) & IDR1_ATTR_PERMS_OVR))
		now &= ~(uint64_t)(GBPA_PRIVCFG | GBPA_INSTCFG);
	smmu->regs[index] = now & ~(uint64_t)GBPA_UPDATE;
	if (!(smmu_reg32(smmu, R_CR0) & CR0_SMMUEN)) {
		smmu_soft_reconfigure(smmu);
		smmu_endpoints_reconcile(smmu);
	}
}

static void irq_ctrl_written(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct smmu *smmu = dev;

	if (!smmu_pri_offered(smmu))
		now &= ~(uint64_t)IRQ_CTRL_PRIQ;
	smmu->regs[index] = now;
	smmu->regs[R_IRQ_CTRLACK] = now;
}

/* 6.3.19: acknowledges active errors. Toggling an inactive one is a mistake of the guest and ignored. */
static void gerrorn_written(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct smmu *smmu = dev;
	uint64_t active = smmu->regs[R_GERROR] ^ old;

	smmu->regs[index] = (old & ~active) | (now & active);
	if ((old ^ smmu->regs[index]) & GERROR_EVENTQ_ABT)
		smmu_stall_pump(smmu);
	if ((old ^ smmu->regs[index]) & GERROR_CMDQ)
		smmu_cmdq_run(smmu);
}

/* 6.3.20: locked while the interrupt is enabled. */
static void gerror_irq_locked(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct smmu *smmu = dev;

	restore(smmu, index, old, smmu_reg32(smmu, R_IRQ_CTRL) & IRQ_CTRL_GERROR);
}

static void eventq_irq_locked(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct smmu *smmu = dev;

	restore(smmu, index, old, smmu_reg32(smmu, R_IRQ_CTRL) & IRQ_CTRL_EVENTQ);
}

/* CMDQ_BASE (6.3.26) and CMDQ_CONS (6.3.28), which the consumer owns while it runs. */
static void cmdqen_locked(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct smmu *smmu = dev;

	restore(smmu, index, old, smmu_reg32(smmu, R_CR0) & CR0_CMDQEN);
}

static void cmdq_prod_written(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	smmu_cmdq_run(dev);
}

/* EVENTQ_BASE (6.3.29) and EVENTQ_PROD (6.3.30), which the producer owns while it runs. */
static void eventqen_locked(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct smmu *smmu = dev;

	restore(smmu, index, old, smmu_reg32(smmu, R_CR0) & CR0_EVENTQEN);
}

/* 6.3.32 - 6.3.38: RES0 without IDR0.PRI; the queue's place is locked while it is enabled, whatever SMMUEN (6.3.9.5).
 */
static void priqen_locked(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct smmu *smmu = dev;

	restore(smmu, index, old, !smmu_pri_offered(smmu) || (smmu_reg32(smmu, R_CR0) & CR0_PRIQEN));
}

static void priq_irq_locked(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct smmu *smmu = dev;

	restore(smmu, index, old, !smmu_pri_offered(smmu) || (smmu_reg32(smmu, R_IRQ_CTRL) & IRQ_CTRL_PRIQ));
}

static void priq_cons_written(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct smmu *smmu = dev;

	restore(smmu, index, old, !smmu_pri_offered(smmu));
}

static void eventq_cons_written(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	smmu_stall_pump(dev);
}

#define RO32(idx, off, rst) [R_##idx] = {.offset = (off), .width = REG32, .name = #idx, .reset = (rst)}
#define RW32(idx, mask, rst, fn)                                                                                       \
	[R_##idx] = {.offset = SMMU_##idx, .width = REG32, .name = #idx, .reset = (rst), .rw = (mask), .written = (fn)}
#define RW64(idx, mask, fn)                                                                                            \
	[R_##idx] = {.offset = SMMU_##idx, .width = REG64, .name = #idx, .rw = (mask), .written = (fn)}

/*
 * GBPA resets to bypass (ABORT 0, an IMPLEMENTATION DEFINED choice): a guest without a driver for its SMMU can use its
 * devices, as on most machines. Bypass here means "all RAM of this guest", never host memory, so nothing is lost by it.
 * AIDR says 3.2, the version whose commands are decoded; what a host lacks (RIL) shows in the IDRs, which software
 * reads. The PIDRs name no designer; the CIDRs are the fixed preamble of a CoreSight or PrimeCell component, class 0xf.
 */
const struct reg_row smmu_rows[R_COUNT] = {
	RO32(IDR0, SMMU_IDR0, 0),
	RO32(IDR1, SMMU_IDR1, 0),
	RO32(IDR2, SMMU_IDR2, 0),
	RO32(IDR3, SMMU_IDR3, 0),
	RO32(IDR4, SMMU_IDR4, 0),
	RO32(IDR5, SMMU_IDR5, 0),
	RO32(IIDR, SMMU_IIDR, 0),
	RO32(AIDR, SMMU_AIDR, AIDR_SMMUV3_2),
	RW32(CR0, CR0_SMMUEN | CR0_PRIQEN | CR0_EVENTQEN | CR0_CMDQEN | CR0_ATSCHK, 0, cr0_written),
	RO32(CR0ACK, SMMU_CR0ACK, 0),
	RW32(CR1, CR1_TABLE | CR1_QUEUE, 0, cr1_written),
	RW32(CR2, CR2_E2H | CR2_RECINVSID | CR2_PTM, 0, cr2_written),
	RO32(STATUSR, SMMU_STATUSR, 0),
	RW32(GBPA, GBPA_UPDATE | GBPA_ABORT | GBPA_INSTCFG | GBPA_PRIVCFG | GBPA_SHCFG, GBPA_SHCFG_INCOMING << 12,
	     gbpa_written),
	RO32(AGBPA, SMMU_AGBPA, 0),
	RW32(IRQ_CTRL, IRQ_CTRL_GERROR | IRQ_CTRL_PRIQ | IRQ_CTRL_EVENTQ, 0, irq_ctrl_written),
	RO32(IRQ_CTRLACK, SMMU_IRQ_CTRLACK, 0),
	RO32(GERROR, SMMU_GERROR, 0),
	RW32(GERRORN, GERROR_ALL, 0, gerrorn_written),
	RW64(GERROR_IRQ_CFG0, IRQ_CFG0_ADDR, gerror_irq_locked),
	RW32(GERROR_IRQ_CFG1, UINT32_MAX, 0, gerror_irq_locked),
	RW32(GERROR_IRQ_CFG2, IRQ_CFG2_ATTR, 0, gerror_irq_locked),
	RW64(STRTAB_BASE, STRTAB_BASE_RA | STRTAB_BASE_ADDR, smmuen_locked),
	RW32(STRTAB_BASE_CFG, STRTAB_CFG_LOG2SIZE | STRTAB_CFG_SPLIT | STRTAB_CFG_FMT, 0, smmuen_locked),
	RW64(CMDQ_BASE, QUEUE_BASE_HINT | QUEUE_BASE_ADDR | QUEUE_BASE_LOG2SIZE, cmdqen_locked),
	RW32(CMDQ_PROD, QUEUE_INDEX, 0, cmdq_prod_written),
	RW32(CMDQ_CONS, QUEUE_INDEX | CMDQ_CONS_ERR, 0, cmdqen_locked),
	RW64(EVENTQ_BASE, QUEUE_BASE_HINT | QUEUE_BASE_ADDR | QUEUE_BASE_LOG2SIZE, eventqen_locked),
	RW64(EVENTQ_IRQ_CFG0, IRQ_CFG0_ADDR, eventq_irq_locked),
	RW32(EVENTQ_IRQ_CFG1, UINT32_MAX, 0, eventq_irq_locked),
	RW32(EVENTQ_IRQ_CFG2, IRQ_CFG2_ATTR, 0, eventq_irq_locked),
	RW64(PRIQ_BASE, QUEUE_BASE_HINT | QUEUE_BASE_ADDR | QUEUE_BASE_LOG2SIZE, priqen_locked),
	RW64(PRIQ_IRQ_CFG0, IRQ_CFG0_ADDR, priq_irq_locked),
	RW32(PRIQ_IRQ_CFG1, UINT32_MAX, 0, priq_irq_locked),
	RW32(PRIQ_IRQ_CFG2, PRIQ_IRQ_CFG2_LO | IRQ_CFG2_ATTR, 0, priq_irq_locked),
	RO32(PIDR4, SMMU_PIDR4, 0),
	RO32(PIDR5, SMMU_PIDR4 + 0x4, 0),
	RO32(PIDR6, SMMU_PIDR4 + 0x8, 0),
	RO32(PIDR7, SMMU_PIDR4 + 0xc, 0),
	RO32(PIDR0, SMMU_PIDR0, 0),
	RO32(PIDR1, SMMU_PIDR0 + 0x4, 0),
	RO32(PIDR2, SMMU_PIDR0 + 0x8, 0),
	RO32(PIDR3, SMMU_PIDR0 + 0xc, 0),
	RO32(CIDR0, SMMU_CIDR0, 0x0d),
	RO32(CIDR1, SMMU_CIDR0 + 0x4, 0xf0),
	RO32(CIDR2, SMMU_CIDR0 + 0x8, 0x05),
	RO32(CIDR3, SMMU_CIDR0 + 0xc, 0xb1),
	RW32(EVENTQ_PROD, QUEUE_INDEX | QUEUE_OVERFLOW, 0, eventqen_locked),
	RW32(EVENTQ_CONS, QUEUE_INDEX | QUEUE_OVERFLOW, 0, eventq_cons_written),
	RW32(PRIQ_PROD, QUEUE_INDEX | QUEUE_OVERFLOW, 0, priqen_locked),
	RW32(PRIQ_CONS, QUEUE_INDEX | QUEUE_OVERFLOW, 0, priq_cons_written),
};

enum bus_verdict smmu_mmio(struct bus_window *window, struct bus_access *access)
{
	struct smmu *smmu = container_of(window, struct smmu, window);
	enum bus_verdict verdict = regtable_access(smmu_rows, R_COUNT, smmu->regs, smmu, access);

	/* 6.2: reserved locations are RES0. */
	if (verdict == BUS_UNHANDLED) {
		if (!access->is_write)
			access->value = 0;
		verdict = BUS_HANDLED;
	}
	return verdict;
}

void smmu_mmio_reset(struct smmu *smmu)
{
	uint32_t idr[6];

	smmu_id_get(smmu, idr);
	regtable_reset(smmu_rows, R_COUNT, smmu->regs);
	for (unsigned i = 0; i < 6; i++)
		smmu->regs[R_IDR0 + i] = idr[i];
}

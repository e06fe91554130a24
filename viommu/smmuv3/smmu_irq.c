/* SPDX-License-Identifier: Apache-2.0 */
/* Global errors and interrupts (3.18, 7.5): by wire, or by the SMMU's own MSIs when software gave an address. */
#include <errno.h>

#include "smmu_priv.h"

/* Memory, or a doorbell if the machine has one for us. */
static int msi_write(struct smmu *smmu, uint64_t addr, uint32_t data)
{
	if (!gmem_write_le32(smmu->gmem, gpa(addr), data))
		return 0;
	if (!smmu->config.msi)
		return -EFAULT;
	smmu->config.msi(smmu->config.msi_opaque, addr, data);
	return 0;
}

bool smmu_gerror_active(const struct smmu *smmu, uint32_t bit)
{
	return (smmu_reg32(smmu, R_GERROR) ^ smmu_reg32(smmu, R_GERRORN)) & bit;
}

/* Flips the bits of @bits that are not active. True when there were some. */
static bool gerror_activate(struct smmu *smmu, uint32_t bits)
{
	uint32_t fresh = bits & ~(smmu_reg32(smmu, R_GERROR) ^ smmu_reg32(smmu, R_GERRORN));

	smmu->regs[R_GERROR] ^= fresh;
	return fresh != 0;
}

void smmu_gerror_raise(struct smmu *smmu, uint32_t bits)
{
	uint64_t addr = smmu->regs[R_GERROR_IRQ_CFG0];

	if (!gerror_activate(smmu, bits) || !(smmu_reg32(smmu, R_IRQ_CTRL) & IRQ_CTRL_GERROR))
		return;
	if (addr == 0)
		irq_line_pulse(&smmu->config.gerror);
	else if (msi_write(smmu, addr, smmu_reg32(smmu, R_GERROR_IRQ_CFG1)))
		/* 6.3.18: no further interrupt for this one, it could not arrive either. */
		gerror_activate(smmu, GERROR_MSI_GERROR_ABT);
}

void smmu_irq_eventq(struct smmu *smmu)
{
	uint64_t addr = smmu->regs[R_EVENTQ_IRQ_CFG0];

	if (!(smmu_reg32(smmu, R_IRQ_CTRL) & IRQ_CTRL_EVENTQ))
		return;
	if (addr == 0)
		irq_line_pulse(&smmu->config.evtq);
	else if (msi_write(smmu, addr, smmu_reg32(smmu, R_EVENTQ_IRQ_CFG1)))
		smmu_gerror_raise(smmu, GERROR_MSI_EVENTQ_ABT);
}

void smmu_irq_priq(struct smmu *smmu)
{
	uint64_t addr = smmu->regs[R_PRIQ_IRQ_CFG0];

	if (!(smmu_reg32(smmu, R_IRQ_CTRL) & IRQ_CTRL_PRIQ))
		return;
	if (addr == 0)
		irq_line_pulse(&smmu->config.priq);
	else if (msi_write(smmu, addr, smmu_reg32(smmu, R_PRIQ_IRQ_CFG1)))
		smmu_gerror_raise(smmu, GERROR_MSI_PRIQ_ABT);
}

/* 4.8: needs no enable in IRQ_CTRL. */
void smmu_irq_sync(struct smmu *smmu, uint64_t addr, uint32_t data)
{
	if (addr == 0)
		irq_line_pulse(&smmu->config.sync);
	else if (msi_write(smmu, addr, data))
		smmu_gerror_raise(smmu, GERROR_MSI_CMDQ_ABT);
}

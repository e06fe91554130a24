/* SPDX-License-Identifier: Apache-2.0 */
/* Registers of GICv3 that aerie resets through KVM (Arm IHI 0069: 12.8 distributor, 12.10 redistributor, 12.2 ICC). */
#ifndef AERIE_GIC_REGS_H
#define AERIE_GIC_REGS_H

#include "bits.h"

/* Distributor. The arrays have one bit (2 bits, 8 bits, 64 bits) for each interrupt; SPIs start at 32. */
#define GICD_CTLR	0x0000u
#define GICD_IGROUPR	0x0080u
#define GICD_ICENABLER	0x0180u
#define GICD_ISPENDR	0x0200u
#define GICD_ICACTIVER	0x0380u
#define GICD_IPRIORITYR 0x0400u
#define GICD_ICFGR	0x0c00u
#define GICD_IROUTER	0x6000u

/* Redistributor: RD_base, then SGI_base 64 KiB above. */
#define GICR_CTLR	0x0000u
#define GICR_PROPBASER	0x0070u
#define GICR_PENDBASER	0x0078u
#define GICR_SGI_BASE	0x10000u
#define GICR_IGROUPR0	(GICR_SGI_BASE + 0x0080u)
#define GICR_ICENABLER0 (GICR_SGI_BASE + 0x0180u)
#define GICR_ISPENDR0	(GICR_SGI_BASE + 0x0200u)
#define GICR_ICACTIVER0 (GICR_SGI_BASE + 0x0380u)
#define GICR_IPRIORITYR (GICR_SGI_BASE + 0x0400u)

/* CPU interface, as KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS names registers: op0, op1, CRn, CRm, op2 as in ARM64_SYS_REG. */
#define ICC_REG(op0, op1, crn, crm, op2)                                                                               \
	((uint64_t)(op0) << 14 | (uint64_t)(op1) << 11 | (uint64_t)(crn) << 7 | (uint64_t)(crm) << 3 | (uint64_t)(op2))
#define ICC_PMR_EL1	ICC_REG(3, 0, 4, 6, 0)
#define ICC_BPR0_EL1	ICC_REG(3, 0, 12, 8, 3)
#define ICC_AP0R_EL1(n) ICC_REG(3, 0, 12, 8, 4 + (n))
#define ICC_AP1R_EL1(n) ICC_REG(3, 0, 12, 9, (n))
#define ICC_BPR1_EL1	ICC_REG(3, 0, 12, 12, 3)
#define ICC_CTLR_EL1	ICC_REG(3, 0, 12, 12, 4)
#define ICC_IGRPEN0_EL1 ICC_REG(3, 0, 12, 12, 6)
#define ICC_IGRPEN1_EL1 ICC_REG(3, 0, 12, 12, 7)

#define ICC_CTLR_EL1_CBPR    BIT64(0)
#define ICC_CTLR_EL1_EOIMODE BIT64(1)
#define ICC_CTLR_EL1_PRIBITS MASK64(10, 8) /* priority bits minus 1 */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few fields of an SMMUv3 that the host backend itself looks at (Arm IHI 0070, 6.3.1 SMMU_IDR0, 6.3.4 SMMU_IDR3,
 * 5.2 STE, 4.4 CMD_TLBI). The guest's model has its own, complete list.
 */
#ifndef AERIE_SMMU_HOST_REGS_H
#define AERIE_SMMU_HOST_REGS_H

#include "bits.h"

#define HOST_IDR0_S2P	   BIT32(0)
#define HOST_IDR0_S1P	   BIT32(1)
#define HOST_IDR1_SSIDSIZE MASK32(10, 6)
#define HOST_IDR3_FWB	   BIT32(8)

/* Whether faults stall transactions: as the CD says, never, always. 3: reserved */
#define HOST_IDR0_STALL_MODEL  MASK32(25, 24)
#define HOST_STALL_MODEL_BOTH  0u
#define HOST_STALL_MODEL_FORCE 2u

#define HOST_STE_V	    BIT64(0)
#define HOST_STE_CFG	    MASK64(3, 1)
#define HOST_STE_CFG_ABORT  (UINT64_C(0) << 1)
#define HOST_STE_CFG_BYPASS (UINT64_C(4) << 1)
#define HOST_STE_CFG_S1	    (UINT64_C(5) << 1)

/* CMD_TLBI_*: opcodes 0x10 to 0x3f, of which two have an address; TG 0: one page, else (NUM + 1) << SCALE of them */
#define HOST_CMD0_OP	    MASK64(7, 0)
#define HOST_CMD0_NUM	    MASK64(16, 12)
#define HOST_CMD0_SCALE	    MASK64(24, 20)
#define HOST_CMD1_TG	    MASK64(11, 10)
#define HOST_CMD1_VA	    MASK64(63, 12)
#define HOST_CMD_TLBI_FIRST UINT64_C(0x10)
#define HOST_CMD_TLBI_LAST  UINT64_C(0x3f)
#define HOST_CMD_NH_VA	    UINT64_C(0x12)
#define HOST_CMD_NH_VAA	    UINT64_C(0x13)

#endif

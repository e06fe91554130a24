/* SPDX-License-Identifier: Apache-2.0 */
/* Bit layouts of VMSAv8-64 translation table descriptors (DDI 0487, D8.3), 48-bit and, with 64 KiB pages, 52-bit. */
#ifndef AERIE_SMMU_PT_REGS_H
#define AERIE_SMMU_PT_REGS_H

#include "bits.h"

#define PT_DESC_SIZE  8u
#define PT_LAST_LEVEL 3u

#define PT_VALID       BIT64(0)
#define PT_TABLE       BIT64(1) /* levels 0 - 2: next table; level 3: page; clear: block, or at level 3 invalid */
#define PT_OA	       MASK64(47, 12)
#define PT_OA_HIGH     MASK64(15, 12) /* 64 KiB granule and 52-bit addresses: OA[51:48] */
#define PT_OA_HIGH_LSB 48u

/* Table descriptors of stage 1 */
#define PT_TABLE_PXN	 BIT64(59)
#define PT_TABLE_UXN	 BIT64(60) /* XNTable where there is one privilege level */
#define PT_TABLE_AP_USER BIT64(61) /* APTable[0]: no unprivileged access */
#define PT_TABLE_AP_RO	 BIT64(62) /* APTable[1]: no write access */

/* Leaves of both stages */
#define PT_SH  MASK64(9, 8)
#define PT_AF  BIT64(10)
#define PT_DBM BIT64(51)

/* Leaves of stage 1 */
#define PT_S1_ATTR MASK64(4, 2) /* AttrIndx */
#define PT_S1_USER BIT64(6)	/* AP[1] */
#define PT_S1_RO   BIT64(7)	/* AP[2] */
#define PT_S1_NG   BIT64(11)
#define PT_S1_PXN  BIT64(53)
#define PT_S1_UXN  BIT64(54) /* XN where there is one privilege level */

/* Leaves of stage 2 */
#define PT_S2_ATTR   MASK64(5, 2) /* MemAttr */
#define PT_S2_READ   BIT64(6)	  /* S2AP[0] */
#define PT_S2_WRITE  BIT64(7)	  /* S2AP[1] */
#define PT_S2_XN     MASK64(54, 53)
#define PT_S2_XN_ALL BIT64(54) /* XN without FEAT_XNX */

/* XN[1:0] with FEAT_XNX */
enum pt_s2_xn {
	PT_XN_NONE = 0,	  /* both may execute */
	PT_XN_PRIV = 1,	  /* only unprivileged may */
	PT_XN_BOTH = 2,	  /* nobody may */
	PT_XN_UNPRIV = 3, /* only privileged may */
};

/* MemAttr[3:0] (D8.6.5): [3:2] outer, [1:0] inner cacheability, in the order of strength */
#define PT_S2_OUTER	 MASK32(3, 2)
#define PT_S2_INNER	 MASK32(1, 0)
#define PT_S2_DEVICE	 MASK32(1, 0) /* outer 0: type of Device memory, nGnRnE .. GRE */
#define PT_S2_CACHE_NC	 1u
#define PT_S2_CACHE_WT	 2u
#define PT_S2_CACHE_WB	 3u
/* ... with FWB (D8.6.6) */
#define PT_S2_FWB_NORMAL BIT32(2)
#define PT_S2_FWB_KIND	 MASK32(1, 0)
#define PT_S2_FWB_WB	 2u
#define PT_S2_FWB_S1	 3u

/* A byte of MAIR: [7:4] outer, [3:0] inner; outer 0: Device memory with its type in [3:2] */
#define MAIR_OUTER	 MASK32(7, 4)
#define MAIR_INNER	 MASK32(3, 0)
#define MAIR_DEVICE	 MASK32(3, 2)
#define MAIR_NC		 4u	      /* of a half: Non-cacheable */
#define MAIR_NORMAL_NC	 0x44u	      /* Inner and Outer Non-cacheable */
#define MAIR_NORMAL_WB	 0xffu	      /* Inner and Outer Write-Back, Read- and Write-Allocate */
#define MAIR_HINTS	 MASK32(1, 0) /* of a half: Read-Allocate, Write-Allocate */
#define MAIR_CACHE	 MASK32(3, 2) /* of a half: 0 WT transient, 1 NC or WB transient, 2 WT, 3 WB */
#define MAIR_CACHE_WT_TR 0u
#define MAIR_CACHE_WB_TR 1u
#define MAIR_CACHE_WT	 2u
#define MAIR_CACHE_WB	 3u

/* SH[1:0] */
enum pt_sh {
	PT_SH_NONE = 0, /* 1 is reserved and behaves as this */
	PT_SH_OUTER = 2,
	PT_SH_INNER = 3,
};

#endif

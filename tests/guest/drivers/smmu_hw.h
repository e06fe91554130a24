/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SMMUv3 as Arm IHI 0070 describes it to software: registers, commands, structures, events. Written for the
 * payloads from the specification, not shared with the model: a mask that is wrong in the one is not wrong in the
 * other.
 */
#ifndef GUEST_SMMU_HW_H
#define GUEST_SMMU_HW_H

#include "bits.h"

/* Registers (chapter 6) */
#define S_IDR0		  0x00u
#define S_IDR1		  0x04u
#define S_IDR3		  0x0cu
#define S_IDR5		  0x14u
#define S_CR0		  0x20u
#define S_CR0ACK	  0x24u
#define S_CR1		  0x28u
#define S_CR2		  0x2cu
#define S_GBPA		  0x44u
#define S_IRQ_CTRL	  0x50u
#define S_GERROR	  0x60u
#define S_GERRORN	  0x64u
#define S_STRTAB_BASE	  0x80u
#define S_STRTAB_BASE_CFG 0x88u
#define S_CMDQ_BASE	  0x90u
#define S_CMDQ_PROD	  0x98u
#define S_CMDQ_CONS	  0x9cu
#define S_EVENTQ_BASE	  0xa0u
#define S_PRIQ_BASE	  0xc0u
#define S_PRIQ_PROD	  0x100c8u
#define S_PRIQ_CONS	  0x100ccu
#define S_EVENTQ_PROD	  0x100a8u
#define S_EVENTQ_CONS	  0x100acu

#define S_CR0_SMMUEN	BIT32(0)
#define S_CR0_EVENTQEN	BIT32(2)
#define S_CR0_PRIQEN	BIT32(1)
#define S_CR0_CMDQEN	BIT32(3)
#define S_CR0_ATSCHK	BIT32(4)
#define S_CR1_CACHED	0xd75u /* inner shareable, write-back, tables and queues */
#define S_CR2_E2H	BIT32(0)
#define S_CR2_RECINVSID BIT32(1)
#define S_GBPA_ABORT	BIT32(20)
#define S_GBPA_UPDATE	BIT32(31)
#define S_GERROR_CMDQ	BIT32(0)
#define S_GERROR_EVENTQ BIT32(2)
#define S_CONS_ERR	MASK32(30, 24)
#define S_ERR_ILL	1u
#define S_ERR_ABT	2u
#define S_OVERFLOW	BIT32(31)
#define S_TWO_LEVEL	BIT32(16) /* STRTAB_BASE_CFG.FMT */

/* Features */
#define S_IDR0_S2P    BIT32(0)
#define S_IDR0_S1P    BIT32(1)
#define S_IDR0_HTTU   MASK32(7, 6)
#define S_IDR0_HYP    BIT32(9)
#define S_IDR0_MSI    BIT32(13)
#define S_IDR0_CD2L   BIT32(19)
#define S_IDR1_SSID   MASK32(10, 6)
#define S_IDR3_STT    BIT32(9)
#define S_IDR3_RIL    BIT32(10)
#define S_IDR3_BBML   MASK32(12, 11)
#define S_IDR5_GRAN4K BIT32(4) /* 16K: 5, 64K: 6 */

/* Commands (chapter 4) */
enum {
	OP_CFGI_STE = 0x03,
	OP_CFGI_STE_RANGE = 0x04,
	OP_CFGI_CD = 0x05,
	OP_CFGI_CD_ALL = 0x06,
	OP_TLBI_NH_ALL = 0x10,
	OP_TLBI_NH_ASID = 0x11,
	OP_TLBI_NH_VA = 0x12,
	OP_TLBI_NH_VAA = 0x13,
	OP_TLBI_EL2_ALL = 0x20,
	OP_TLBI_EL2_ASID = 0x21,
	OP_TLBI_EL2_VA = 0x22,
	OP_TLBI_EL2_VAA = 0x23,
	OP_TLBI_S12_VMALL = 0x28,
	OP_TLBI_S2_IPA = 0x2a,
	OP_TLBI_NSNH_ALL = 0x30,
	OP_ATC_INV = 0x40,
	OP_PRI_RESP = 0x41,
	OP_RESUME = 0x44,
	OP_STALL_TERM = 0x45,
	OP_SYNC = 0x46,
};

/* Stream table entry (5.2), double words 0 to 3 */
#define T0_V	      1ull
#define T0_CONFIG(x)  ((uint64_t)(x) << 1)
#define T_ABORT	      0u
#define T_BYPASS      4u
#define T_S1	      5u
#define T_S2	      6u
#define T_NESTED      7u
#define T0_S1FMT(x)   ((uint64_t)(x) << 4)
#define T0_S1CDMAX(x) ((uint64_t)(x) << 59)
#define T1_S1DSS(x)   ((uint64_t)(x))
#define T1_S1STALLD   (1ull << 27)
#define T1_STRW(x)    ((uint64_t)(x) << 30)
#define T1_CACHED     (1ull << 2 | 1ull << 4 | 3ull << 6)
#define T1_SHCFG_IN   (1ull << 44)
#define T1_PRIVCFG(x) ((uint64_t)(x) << 48)
#define T1_INSTCFG(x) ((uint64_t)(x) << 50)
#define T2_VMID(x)    ((uint64_t)(x))
#define T2_T0SZ(x)    ((uint64_t)(x) << 32)
#define T2_SL0(x)     ((uint64_t)(x) << 38)
#define T2_WALK	      (1ull << 40 | 1ull << 42 | 3ull << 44)
#define T2_TG(x)      ((uint64_t)(x) << 46)
#define T2_PS(x)      ((uint64_t)(x) << 48)
#define T2_AA64	      BIT64(51)
#define T2_AFFD	      BIT64(53)
#define T2_PTW	      BIT64(54)
#define T2_HD	      BIT64(55)
#define T2_HA	      BIT64(56)
#define T2_S	      BIT64(57)
#define T2_R	      BIT64(58)

/* Context descriptor (5.4), double words 0 to 3 */
#define D0_T0SZ(x) ((uint64_t)(x))
#define D0_TG0(x)  ((uint64_t)(x) << 6)
#define D0_WALK0   (1ull << 8 | 1ull << 10 | 3ull << 12)
#define D0_EPD0	   BIT64(14)
#define D0_T1SZ(x) ((uint64_t)(x) << 16)
#define D0_TG1(x)  ((uint64_t)(x) << 22)
#define D0_WALK1   (1ull << 24 | 1ull << 26 | 3ull << 28)
#define D0_EPD1	   BIT64(30)
#define D0_V	   BIT64(31)
#define D0_IPS(x)  ((uint64_t)(x) << 32)
#define D0_AFFD	   BIT64(35)
#define D0_WXN	   BIT64(36)
#define D0_UWXN	   BIT64(37)
#define D0_TBI0	   BIT64(38)
#define D0_TBI1	   BIT64(39)
#define D0_PAN	   BIT64(40)
#define D0_AA64	   BIT64(41)
#define D0_HD	   BIT64(42)
#define D0_HA	   BIT64(43)
#define D0_S	   BIT64(44)
#define D0_R	   BIT64(45)
#define D0_A	   BIT64(46)
#define D0_ASET	   BIT64(47)
#define D0_ASID(x) ((uint64_t)(x) << 48)
#define D1_HAD0	   BIT64(1)

/* Event records (7.3) */
enum {
	E_C_BAD_STREAMID = 0x02,
	E_F_STE_FETCH = 0x03,
	E_C_BAD_STE = 0x04,
	E_F_STREAM_DISABLED = 0x06,
	E_C_BAD_SUBSTREAMID = 0x08,
	E_F_CD_FETCH = 0x09,
	E_C_BAD_CD = 0x0a,
	E_F_WALK_EABT = 0x0b,
	E_F_TRANSLATION = 0x10,
	E_F_ADDR_SIZE = 0x11,
	E_F_ACCESS = 0x12,
	E_F_PERMISSION = 0x13,
};
#define E0_ID	    MASK64(7, 0)
#define E0_SSV	    BIT64(11)
#define E0_SSID	    MASK64(31, 12)
#define E0_SID	    MASK64(63, 32)
#define E1_STAG	    MASK64(15, 0)
#define E1_STALL    BIT64(31)
#define E1_PNU	    BIT64(33)
#define E1_IND	    BIT64(34)
#define E1_RNW	    BIT64(35)
#define E1_S2	    BIT64(39)
#define E1_CLASS    MASK64(41, 40)
#define E_CLASS_CD  0u
#define E_CLASS_TTD 1u
#define E_CLASS_IN  2u

/* Translation table descriptors (Arm DDI 0487, D8.3) */
#define P_VALID		BIT64(0)
#define P_TABLE		BIT64(1) /* also of a page */
#define P_USER		BIT64(6) /* AP[1] */
#define P_RO		BIT64(7) /* AP[2] */
#define P_S2_READ	BIT64(6)
#define P_S2_WRITE	BIT64(7)
#define P_S2_WB		(0xfull << 2)
#define P_SH		(3ull << 8)
#define P_AF		BIT64(10)
#define P_NG		BIT64(11)
#define P_DBM		BIT64(51)
#define P_PXN		BIT64(53)
#define P_UXN		BIT64(54) /* stage 2: XN[1] */
#define P_TABLE_PXN	BIT64(59)
#define P_TABLE_UXN	BIT64(60)
#define P_TABLE_AP_USER BIT64(61) /* not accessible unprivileged */
#define P_TABLE_AP_RO	BIT64(62)

#endif

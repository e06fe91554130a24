/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bit layouts of the Arm SMMUv3.2 (Arm IHI 0070): registers (chapter 6), commands (4), in-memory structures (5) and
 * event records (7.3). Shared by the model, its tests and its fuzzers. Double words are numbered as in memory; a mask
 * applies to the double word that its name or comment says.
 */
#ifndef AERIE_SMMU_REGS_H
#define AERIE_SMMU_REGS_H

#include "bits.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "all SMMU structures are little-endian and used in place");

/* Register offsets: page 0, then page 1 at 0x10000 (6.2). */
#define SMMU_IDR0	     0x000u
#define SMMU_IDR1	     0x004u
#define SMMU_IDR2	     0x008u
#define SMMU_IDR3	     0x00cu
#define SMMU_IDR4	     0x010u
#define SMMU_IDR5	     0x014u
#define SMMU_IIDR	     0x018u
#define SMMU_AIDR	     0x01cu
#define SMMU_CR0	     0x020u
#define SMMU_CR0ACK	     0x024u
#define SMMU_CR1	     0x028u
#define SMMU_CR2	     0x02cu
#define SMMU_STATUSR	     0x040u
#define SMMU_GBPA	     0x044u
#define SMMU_AGBPA	     0x048u
#define SMMU_IRQ_CTRL	     0x050u
#define SMMU_IRQ_CTRLACK     0x054u
#define SMMU_GERROR	     0x060u
#define SMMU_GERRORN	     0x064u
#define SMMU_GERROR_IRQ_CFG0 0x068u
#define SMMU_GERROR_IRQ_CFG1 0x070u
#define SMMU_GERROR_IRQ_CFG2 0x074u
#define SMMU_STRTAB_BASE     0x080u
#define SMMU_STRTAB_BASE_CFG 0x088u
#define SMMU_CMDQ_BASE	     0x090u
#define SMMU_CMDQ_PROD	     0x098u
#define SMMU_CMDQ_CONS	     0x09cu
#define SMMU_EVENTQ_BASE     0x0a0u
#define SMMU_EVENTQ_IRQ_CFG0 0x0b0u
#define SMMU_EVENTQ_IRQ_CFG1 0x0b8u
#define SMMU_EVENTQ_IRQ_CFG2 0x0bcu
#define SMMU_PRIQ_BASE	     0x0c0u
#define SMMU_PRIQ_IRQ_CFG0   0x0d0u
#define SMMU_PRIQ_IRQ_CFG1   0x0d8u
#define SMMU_PRIQ_IRQ_CFG2   0x0dcu
#define SMMU_PIDR4	     0xfd0u
#define SMMU_PIDR0	     0xfe0u
#define SMMU_CIDR0	     0xff0u
#define SMMU_EVENTQ_PROD     0x100a8u
#define SMMU_EVENTQ_CONS     0x100acu
#define SMMU_PRIQ_PROD	     0x100c8u
#define SMMU_PRIQ_CONS	     0x100ccu

/* IDR0 (6.3.1) */
#define IDR0_S2P	    BIT32(0)
#define IDR0_S1P	    BIT32(1)
#define IDR0_TTF	    MASK32(3, 2)
#define IDR0_TTF_AARCH64    BIT32(3)
#define IDR0_COHACC	    BIT32(4)
#define IDR0_BTM	    BIT32(5)
#define IDR0_HTTU	    MASK32(7, 6)
#define IDR0_HTTU_NONE	    0u
#define IDR0_HTTU_AF	    1u
#define IDR0_HTTU_AF_DIRTY  2u
#define IDR0_HYP	    BIT32(9)
#define IDR0_ATS	    BIT32(10)
#define IDR0_NS1ATS	    BIT32(11)
#define IDR0_ASID16	    BIT32(12)
#define IDR0_MSI	    BIT32(13)
#define IDR0_SEV	    BIT32(14)
#define IDR0_PRI	    BIT32(16)
#define IDR0_VMID16	    BIT32(18)
#define IDR0_CD2L	    BIT32(19)
#define IDR0_TTENDIAN	    MASK32(22, 21)
#define IDR0_TTENDIAN_LE    2u
#define IDR0_TTENDIAN_BE    3u
#define IDR0_STALL_MODEL    MASK32(25, 24)
#define IDR0_STALL_BOTH	    0u
#define IDR0_STALL_NONE	    1u
#define IDR0_STALL_FORCE    2u
#define IDR0_TERM_MODEL	    BIT32(26)
#define IDR0_ST_LEVEL	    MASK32(28, 27)
#define IDR0_ST_LEVEL_2	    1u
/* IDR1 (6.3.2) */
#define IDR1_SIDSIZE	    MASK32(5, 0)
#define IDR1_SSIDSIZE	    MASK32(10, 6)
#define IDR1_PRIQS	    MASK32(15, 11)
#define IDR1_EVENTQS	    MASK32(20, 16)
#define IDR1_CMDQS	    MASK32(25, 21)
#define IDR1_ATTR_PERMS_OVR BIT32(26)
#define IDR1_ATTR_TYPES_OVR BIT32(27)
#define IDR1_REL	    BIT32(28)
#define IDR1_QUEUES_PRESET  BIT32(29)
#define IDR1_TABLES_PRESET  BIT32(30)
/* IDR3 (6.3.4) */
#define IDR3_HAD	    BIT32(2)
#define IDR3_XNX	    BIT32(4)
#define IDR3_MPAM	    BIT32(7)
#define IDR3_FWB	    BIT32(8)
#define IDR3_STT	    BIT32(9)
#define IDR3_RIL	    BIT32(10)
#define IDR3_BBML	    MASK32(12, 11)
#define IDR3_E0PD	    BIT32(13)
/* IDR5 (6.3.6) */
#define IDR5_OAS	    MASK32(2, 0)
#define IDR5_OAS_48	    5u
#define IDR5_OAS_52	    6u
#define IDR5_GRAN4K	    BIT32(4)
#define IDR5_GRAN16K	    BIT32(5)
#define IDR5_GRAN64K	    BIT32(6)
#define IDR5_VAX	    MASK32(11, 10)
#define IDR5_VAX_52	    1u
#define IDR5_STALL_MAX	    MASK32(31, 16)
/* AIDR (6.3.8): architecture 3.minor */
#define AIDR_SMMUV3_2	    2u

/* CR0 and CR0ACK (6.3.9) */
#define CR0_SMMUEN	      BIT32(0)
#define CR0_PRIQEN	      BIT32(1)
#define CR0_EVENTQEN	      BIT32(2)
#define CR0_CMDQEN	      BIT32(3)
#define CR0_ATSCHK	      BIT32(4)
/* CR1 (6.3.11) */
#define CR1_QUEUE	      MASK32(5, 0)
#define CR1_TABLE	      MASK32(11, 6)
/* CR2 (6.3.12) */
#define CR2_E2H		      BIT32(0)
#define CR2_RECINVSID	      BIT32(1)
#define CR2_PTM		      BIT32(2)
/* GBPA (6.3.14) */
#define GBPA_SHCFG	      MASK32(13, 12)
#define GBPA_SHCFG_INCOMING   1u
#define GBPA_PRIVCFG	      MASK32(17, 16)
#define GBPA_INSTCFG	      MASK32(19, 18)
#define GBPA_ABORT	      BIT32(20)
#define GBPA_UPDATE	      BIT32(31)
/* IRQ_CTRL (6.3.16) */
#define IRQ_CTRL_GERROR	      BIT32(0)
#define IRQ_CTRL_PRIQ	      BIT32(1)
#define IRQ_CTRL_EVENTQ	      BIT32(2)
/* GERROR (6.3.18) */
#define GERROR_CMDQ	      BIT32(0)
#define GERROR_EVENTQ_ABT     BIT32(2)
#define GERROR_PRIQ_ABT	      BIT32(3)
#define GERROR_MSI_CMDQ_ABT   BIT32(4)
#define GERROR_MSI_EVENTQ_ABT BIT32(5)
#define GERROR_MSI_PRIQ_ABT   BIT32(6)
#define GERROR_MSI_GERROR_ABT BIT32(7)
#define GERROR_ALL                                                                                                     \
	(GERROR_CMDQ | GERROR_EVENTQ_ABT | GERROR_PRIQ_ABT | GERROR_MSI_CMDQ_ABT | GERROR_MSI_PRIQ_ABT |               \
	 GERROR_MSI_EVENTQ_ABT | GERROR_MSI_GERROR_ABT)
/* xxx_IRQ_CFG0..2 (6.3.20) */
#define IRQ_CFG0_ADDR	    MASK64(51, 2)
#define IRQ_CFG2_ATTR	    MASK32(5, 0)
#define PRIQ_IRQ_CFG2_LO    BIT32(31)
/* STRTAB_BASE, STRTAB_BASE_CFG (6.3.23, 6.3.24) */
#define STRTAB_BASE_RA	    BIT64(62)
#define STRTAB_BASE_ADDR    MASK64(51, 6)
#define STRTAB_CFG_LOG2SIZE MASK32(5, 0)
#define STRTAB_CFG_SPLIT    MASK32(10, 6)
#define STRTAB_CFG_FMT	    MASK32(17, 16)
#define STRTAB_FMT_LINEAR   0u
#define STRTAB_FMT_2LEVEL   1u
/* CMDQ_BASE, EVENTQ_BASE and indexes (6.3.26 - 6.3.31); bit 62 is RA or WA */
#define QUEUE_BASE_HINT	    BIT64(62)
#define QUEUE_BASE_ADDR	    MASK64(51, 5)
#define QUEUE_BASE_LOG2SIZE MASK64(4, 0)
#define QUEUE_INDEX	    MASK32(19, 0)
#define QUEUE_OVERFLOW	    BIT32(31) /* PROD.OVFLG and CONS.OVACKFLG of the event queue */
#define CMDQ_CONS_ERR	    MASK32(30, 24)

/* CMDQ_CONS.ERR (7.1) */
enum smmu_cerror {
	CERROR_NONE = 0,
	CERROR_ILL = 1,
	CERROR_ABT = 2,
	CERROR_ATC_INV_SYNC = 3,
};

/* Commands (4.1.1). The S_ and EL3 ones exist on the Secure queue only. */
enum smmu_opcode {
	CMD_PREFETCH_CONFIG = 0x01,
	CMD_PREFETCH_ADDR = 0x02,
	CMD_CFGI_STE = 0x03,
	CMD_CFGI_STE_RANGE = 0x04, /* Range 31: CMD_CFGI_ALL */
	CMD_CFGI_CD = 0x05,
	CMD_CFGI_CD_ALL = 0x06,
	CMD_CFGI_VMS_PIDM = 0x07,
	CMD_TLBI_NH_ALL = 0x10,
	CMD_TLBI_NH_ASID = 0x11,
	CMD_TLBI_NH_VA = 0x12,
	CMD_TLBI_NH_VAA = 0x13,
	CMD_TLBI_EL3_ALL = 0x18,
	CMD_TLBI_EL3_VA = 0x1a,
	CMD_TLBI_EL2_ALL = 0x20,
	CMD_TLBI_EL2_ASID = 0x21,
	CMD_TLBI_EL2_VA = 0x22,
	CMD_TLBI_EL2_VAA = 0x23,
	CMD_TLBI_S12_VMALL = 0x28,
	CMD_TLBI_S2_IPA = 0x2a,
	CMD_TLBI_NSNH_ALL = 0x30,
	CMD_ATC_INV = 0x40,
	CMD_PRI_RESP = 0x41,
	CMD_RESUME = 0x44,
	CMD_STALL_TERM = 0x45,
	CMD_SYNC = 0x46,
	CMD_TLBI_S_EL2_ALL = 0x50,
	CMD_TLBI_S_EL2_ASID = 0x51,
	CMD_TLBI_S_EL2_VA = 0x52,
	CMD_TLBI_S_EL2_VAA = 0x53,
	CMD_TLBI_S_S12_VMALL = 0x58,
	CMD_TLBI_S_S2_IPA = 0x5a,
	CMD_TLBI_SNH_ALL = 0x60,
};

#define CMD_SIZE	  16u
/* double word 0 */
#define CMD0_OP		  MASK64(7, 0)
#define CMD0_SSEC	  BIT64(10)
#define CMD0_SSV	  BIT64(11)
#define CMD0_SSID	  MASK64(31, 12)
#define CMD0_SID	  MASK64(63, 32)
#define CMD0_TLBI_NUM	  MASK64(16, 12)
#define CMD0_TLBI_SCALE	  MASK64(24, 20)
#define CMD0_TLBI_VMID	  MASK64(47, 32)
#define CMD0_TLBI_ASID	  MASK64(63, 48)
#define CMD0_ATC_GLOBAL	  BIT64(9)
#define CMD0_SYNC_CS	  MASK64(13, 12)
#define CMD0_SYNC_MSIDATA MASK64(63, 32)
/* double word 1 */
#define CMD1_LEAF	  BIT64(0)
#define CMD1_CFGI_RANGE	  MASK64(4, 0)
#define CMD1_TLBI_TTL	  MASK64(9, 8)
#define CMD1_TLBI_TG	  MASK64(11, 10)
#define CMD0_RESUME_AC	  BIT64(12) /* retry; else terminate */
#define CMD0_RESUME_AB	  BIT64(13) /* ... with abort; IGNORED if IDR0.TERM_MODEL = 1 */
#define CMD1_RESUME_STAG  MASK64(15, 0)
#define CMD1_PRI_PRGI	  MASK64(8, 0)
#define CMD1_PRI_RESP	  MASK64(13, 12)
#define CMD1_ADDR	  MASK64(63, 12)
#define CMD1_IPA	  MASK64(51, 12)
#define CMD1_ATC_SIZE	  MASK64(5, 0)
#define CMD1_SYNC_MSIADDR MASK64(51, 2)

#define ATC_SIZE_ALL   52u
#define CFGI_RANGE_ALL 31u
#define TLBI_TG_16K    2u
#define TLBI_TTL_1     1u
enum smmu_pri_resp {
	PRI_RESP_FAILURE = 0,
	PRI_RESP_INVALID = 1,
	PRI_RESP_SUCCESS = 2,
};
enum smmu_sync_cs {
	SYNC_CS_NONE = 0,
	SYNC_CS_IRQ = 1,
	SYNC_CS_SEV = 2,
	SYNC_CS_RESERVED = 3,
};

/* Level 1 Stream Table Descriptor (5.1) */
#define L1STD_SIZE     8u
#define L1STD_SPAN     MASK64(4, 0)
#define L1STD_SPAN_MAX 11u
#define L1STD_L2PTR    MASK64(51, 6)

/* Stream Table Entry (5.2) */
#define STE_SIZE	    64u
#define STE_DWORDS	    8u
#define STE0_V		    BIT64(0)
#define STE0_CFG	    MASK64(3, 1)
#define STE_CFG_ABORT	    0u /* 0b0xx */
#define STE_CFG_BYPASS	    4u
#define STE_CFG_S1	    5u
#define STE_CFG_S2	    6u
#define STE_CFG_NESTED	    7u
#define STE0_S1FMT	    MASK64(5, 4)
#define STE_S1FMT_LINEAR    0u
#define STE_S1FMT_4K_L2	    1u
#define STE_S1FMT_64K_L2    2u
#define STE0_S1CTXPTR	    MASK64(51, 6)
#define STE0_S1CTXPTR_RES0  MASK64(55, 52) /* address bits of SMMUv3.4 and later */
#define STE0_S1CDMAX	    MASK64(63, 59)
#define STE1_S1DSS	    MASK64(1, 0)
#define STE_S1DSS_TERMINATE 0u
#define STE_S1DSS_BYPASS    1u
#define STE_S1DSS_SSID0	    2u
#define STE1_S1CIR	    MASK64(3, 2)
#define STE1_S1COR	    MASK64(5, 4)
#define STE1_S1CSH	    MASK64(7, 6)
#define STE1_PPAR	    BIT64(18)
#define STE1_MEV	    BIT64(19)
#define STE1_S2FWB	    BIT64(25)
#define STE1_S1STALLD	    BIT64(27)
#define STE1_EATS	    MASK64(29, 28)
#define STE_EATS_NONE	    0u
#define STE_EATS_FULL	    1u
#define STE_EATS_SPLIT	    2u
#define STE1_STRW	    MASK64(31, 30)
#define STE_STRW_NSEL1	    0u
#define STE_STRW_EL2	    2u
#define STE1_PRIVCFG	    MASK64(49, 48)
#define STE1_INSTCFG	    MASK64(51, 50)
#define STE_CFG_OFF	    2u /* PRIVCFG: unprivileged; INSTCFG: data */
#define STE_CFG_ON	    3u /* privileged; instruction */
#define STE2_S2VMID	    MASK64(15, 0)
#define STE2_S2T0SZ	    MASK64(37, 32)
#define STE2_S2SL0	    MASK64(39, 38)
#define STE2_S2TG	    MASK64(47, 46)
#define STE2_S2PS	    MASK64(50, 48)
#define STE2_S2AA64	    BIT64(51)
#define STE2_S2ENDI	    BIT64(52)
#define STE2_S2AFFD	    BIT64(53)
#define STE2_S2PTW	    BIT64(54)
#define STE2_S2HD	    BIT64(55)
#define STE2_S2HA	    BIT64(56)
#define STE2_S2S	    BIT64(57)
#define STE2_S2R	    BIT64(58)
#define STE3_S2TTB	    MASK64(51, 4)

/* Level 1 Context Descriptor and Context Descriptor (5.3, 5.4) */
#define L1CD_SIZE  8u
#define L1CD_V	   BIT64(0)
#define L1CD_L2PTR MASK64(51, 12)
#define CD_SIZE	   64u
#define CD_DWORDS  8u
#define CD0_T0SZ   MASK64(5, 0)
#define CD0_TG0	   MASK64(7, 6)
#define CD0_EPD0   BIT64(14)
#define CD0_ENDI   BIT64(15)
#define CD0_T1SZ   MASK64(21, 16)
#define CD0_TG1	   MASK64(23, 22)
#define CD0_EPD1   BIT64(30)
#define CD0_V	   BIT64(31)
#define CD0_IPS	   MASK64(34, 32)
#define CD0_AFFD   BIT64(35)
#define CD0_WXN	   BIT64(36)
#define CD0_UWXN   BIT64(37)
#define CD0_TBI0   BIT64(38)
#define CD0_TBI1   BIT64(39)
#define CD0_PAN	   BIT64(40)
#define CD0_AA64   BIT64(41)
#define CD0_HD	   BIT64(42)
#define CD0_HA	   BIT64(43)
#define CD0_S	   BIT64(44)
#define CD0_R	   BIT64(45)
#define CD0_A	   BIT64(46)
#define CD0_ASET   BIT64(47)
#define CD0_ASID   MASK64(63, 48)
#define CD1_HAD0   BIT64(1)
#define CD1_E0PD0  BIT64(2)
#define CD1_TTB0   MASK64(51, 4)
#define CD2_HAD1   BIT64(1)
#define CD2_E0PD1  BIT64(2)
#define CD2_TTB1   MASK64(51, 4)

/* Granules: TG0, S2TG and TG1 (5.2, 5.4) */
#define TG0_4K	0u
#define TG0_64K 1u
#define TG0_16K 2u
#define TG1_16K 1u
#define TG1_4K	2u
#define TG1_64K 3u

/* Event records (7.3) */
#define EVT_SIZE 32u
enum smmu_event_id {
	EVT_NONE = 0,
	EVT_C_BAD_STREAMID = 0x02,
	EVT_F_STE_FETCH = 0x03,
	EVT_C_BAD_STE = 0x04,
	EVT_F_BAD_ATS_TREQ = 0x05,
	EVT_F_STREAM_DISABLED = 0x06,
	EVT_F_TRANSL_FORBIDDEN = 0x07,
	EVT_C_BAD_SUBSTREAMID = 0x08,
	EVT_F_CD_FETCH = 0x09,
	EVT_C_BAD_CD = 0x0a,
	EVT_F_WALK_EABT = 0x0b,
	EVT_F_TRANSLATION = 0x10,
	EVT_F_ADDR_SIZE = 0x11,
	EVT_F_ACCESS = 0x12,
	EVT_F_PERMISSION = 0x13,
};
#define EVT0_ID	       MASK64(7, 0)
#define EVT0_SSV       BIT64(11)
#define EVT0_SSID      MASK64(31, 12)
#define EVT0_SID       MASK64(63, 32)
#define EVT1_STAG      MASK64(15, 0)
#define EVT1_STALL     BIT64(31)
#define EVT1_PNU       BIT64(33)
#define EVT1_IND       BIT64(34)
#define EVT1_RNW       BIT64(35)
#define EVT1_S2	       BIT64(39)
#define EVT1_CLASS     MASK64(41, 40)
#define EVT1_TTRNW     BIT64(44) /* F_PERMISSION of class TTD: the descriptor was read */
#define EVT3_IPA       MASK64(51, 12)
#define EVT3_FETCHADDR MASK64(51, 3)

/* Page requests (chapter 8) */
#define PRI_SIZE   16u
#define PRI0_SID   MASK64(31, 0)
#define PRI0_SSID  MASK64(51, 32)
#define PRI0_PRIV  BIT64(58)
#define PRI0_EXEC  BIT64(59)
#define PRI0_READ  BIT64(60)
#define PRI0_WRITE BIT64(61)
#define PRI0_LAST  BIT64(62)
#define PRI0_SSV   BIT64(63)
#define PRI1_PRGI  MASK64(8, 0)
#define PRI1_ADDR  MASK64(63, 12)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SMMU's translation in software: decoded configuration of a stream, stage 1, stage 2 and nested table walks
 * (Arm IHI 0070; VMSAv8-64 of DDI 0487, D8). Pure functions of guest memory, ID registers and configuration: no state,
 * no locks. The one effect is the hardware update of access flag and dirty state (HTTU), an atomic compare-exchange in
 * guest memory.
 *
 * What is CONSTRAINED UNPREDICTABLE or IMPLEMENTATION DEFINED: an S1ContextPtr or an L1CD's pointer out of range is
 * C_BAD_STE, C_BAD_SUBSTREAMID (3.4.3); an access that lacks permission leaves the access flag alone (3.13.2); a block
 * with nT = 1 translates; stage 1 descriptors are updated before stage 2 translates their output.
 *
 * Each descriptor is read once in a walk. A descriptor that somebody changes before its update by HTTU starts the walk
 * again, a few times; then it is F_WALK_EABT. So every call ends whatever stands in memory.
 *
 * Not done, and not to be advertised in the ID registers: VMSAv8-32 (TTF[0]), VMSAv9-128 (D128), 52-bit tables of small
 * granules (DS), access flags in table descriptors (HTTU 0b11), permission indirection and overlays, PBHA, THE, MPAM,
 * AIE. OAS and VAX up to 52 bits are done.
 */
#ifndef AERIE_SMMU_WALK_H
#define AERIE_SMMU_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "dma.h"
#include "gmem.h"
#include "smmu_tables.h"

/* StreamWorld (3.3.3) of a Non-secure stream that stage 1 translates. */
enum smmu_world {
	SMMU_WORLD_EL1,
	SMMU_WORLD_EL2,	    /* one table, no ASID, every access is privileged */
	SMMU_WORLD_EL2_E2H, /* two tables and ASIDs, no VMID */
};

/* One of the two tables of a context descriptor. */
struct smmu_ttb_cfg {
	bool walk;	   /* false: EPD, or a world without this table; addresses for it are F_TRANSLATION */
	bool tbi;	   /* top byte ignored */
	bool had;	   /* hierarchical attributes disabled */
	bool e0pd;	   /* unprivileged accesses are F_TRANSLATION */
	uint8_t ia_bits;   /* of the input address: 64 - TxSZ */
	uint8_t page_bits; /* granule: 12, 14 or 16 */
	uint8_t start_level;
	uint64_t base; /* of the first table, aligned to its size */
};

/* A valid context descriptor (5.4). */
struct smmu_s1_cfg {
	enum smmu_world world;
	struct smmu_ttb_cfg ttb[2];
	uint64_t mair;
	uint16_t asid;	 /* 0 in SMMU_WORLD_EL2 */
	bool aset;	 /* ASID not shared with PEs */
	uint8_t oa_bits; /* effective IPS */
	bool wide;	 /* a granule of 64 KiB gives 52-bit output */
	bool big_endian;
	bool af_ignored; /* AFFD, where HA does not override it */
	bool ha, hd;	 /* effective: hd only with ha */
	bool wxn, pan;
	bool abort, record, stall; /* A, R, S as they take effect (5.5) */
};

/* Stage 2 of a valid STE with Config 0b11x (5.2). */
struct smmu_s2_cfg {
	uint64_t base; /* of the first, maybe concatenated, table; aligned to its size */
	uint16_t vmid;
	uint8_t ia_bits; /* 64 - S2T0SZ */
	uint8_t page_bits;
	uint8_t start_level; /* 0 .. 3 */
	uint8_t oa_bits;     /* effective S2PS */
	bool wide;
	bool big_endian;
	bool af_ignored;
	bool ha, hd;
	bool ptw; /* S2PTW: stage 1 walks and CD fetches to Device memory are F_PERMISSION */
	bool fwb;
	bool xnx;	    /* IDR3.XNX: descriptors have XN[1:0] */
	bool record, stall; /* S2R, S2S */
};

/* How an override field of an STE changes an attribute of a transaction. */
enum smmu_override {
	SMMU_INCOMING,
	SMMU_CLEAR, /* unprivileged; data */
	SMMU_SET,   /* privileged; instruction */
};

/* A valid STE (5.2). */
struct smmu_stream_cfg {
	bool abort;    /* Config 0b0xx: transactions end without an event; nothing below means anything */
	bool s1, s2;   /* which stages translate; neither: bypass */
	bool has_vmid; /* cached translations are tagged with @vmid */
	bool mev;      /* similar events may be merged */
	bool ppar;     /* own responses to page requests carry a PASID; also with Config 0b000 */
	uint8_t eats;  /* effective EATS; STE_EATS_SPLIT counts only with CR0.ATSCHK */
	enum smmu_world world;
	enum smmu_override priv, inst; /* PRIVCFG, INSTCFG */
	uint16_t vmid;
	uint8_t oa_bits;	  /* OAS, which is also the IAS */
	uint8_t s1dss;		  /* STE_S1DSS_*; meaningful where s1 and cd_bits != 0 */
	uint8_t cd_bits;	  /* effective S1CDMax: 0, or log2 of the number of CDs */
	uint8_t cd_fmt;		  /* STE_S1FMT_* */
	bool s1_stall_off;	  /* S1STALLD */
	uint64_t cd_table;	  /* S1ContextPtr; an IPA when s2 */
	struct smmu_s2_cfg s2cfg; /* when s2 */
};

/** Decodes and validates an STE for an SMMU with IDR0 .. IDR5 = @idr and CR2 = @cr2 (for E2H). EVT_C_BAD_STE when it is
 *  invalid or ILLEGAL (5.2.2); @out is abort then. */
enum smmu_event_id smmu_ste_decode_soft(const uint32_t *idr, uint32_t cr2, const struct smmu_ste *ste,
					struct smmu_stream_cfg *out);

/** Decodes and validates a CD that was reached through @stream. EVT_C_BAD_CD when it is invalid or ILLEGAL (5.4.2). */
enum smmu_event_id smmu_cd_decode(const uint32_t *idr, const struct smmu_stream_cfg *stream, const struct smmu_cd *cd,
				  struct smmu_s1_cfg *out);

/* CLASS of an event (7.3): what was being done. */
enum smmu_class {
	SMMU_CLASS_CD = 0,
	SMMU_CLASS_TTD = 1, /* fetch or update of a stage 1 descriptor */
	SMMU_CLASS_IN = 2,  /* the transaction's own address */
};

/* A transaction as it leaves the STE's overrides: @access has DMA_READ and/or DMA_WRITE (both: atomic), DMA_EXEC for an
 * instruction fetch (with DMA_READ only), DMA_PRIV when privileged. */
struct smmu_request {
	uint64_t iova;
	unsigned access;
};

/** @access as @stream's PRIVCFG and INSTCFG make it. */
unsigned smmu_override_access(const struct smmu_stream_cfg *stream, unsigned access);

/* Where a walk failed: what 7.3 wants in the record, besides StreamID, SubstreamID, input address and STAG. */
struct smmu_fault {
	enum smmu_event_id event;
	enum smmu_class class;
	/* Stage 2 fault: @ipa is valid, and STE.S2R and S2S govern; else CD.A, R and S, or, when stage 1 was bypassed
	 * (address size), it is aborted and recorded. Other events than the four of 5.5 always are. */
	bool s2;
	bool rnw, ind, pnu;  /* of the transaction, whatever @class says */
	bool ttrnw;	     /* class TTD: the descriptor access was a read; false: an update by HTTU */
	uint64_t ipa;	     /* input of stage 2, whole; the record holds its bits [51:12] */
	uint64_t fetch_addr; /* EVT_F_WALK_EABT, EVT_F_CD_FETCH */
};

/* A translation. [iova & ~mask, iova | mask] with mask = 2^size_bits - 1 goes to [pa & ~mask, ...] alike. */
struct smmu_mapping {
	uint64_t pa;		  /* of the IOVA asked for */
	uint64_t ipa;		  /* nested: output of stage 1 for it; else pa */
	uint8_t size_bits;	  /* the smaller of the entries of both stages; the contiguous hint is not used */
	uint8_t s1_bits, s2_bits; /* of each stage's entry; 0: that stage does not translate */
	/* DMA_READ, DMA_WRITE, DMA_EXEC that hold until an invalidation, without another walk: no DMA_WRITE on a page
	 * that the walk left clean. [0]: unprivileged, [1]: privileged accesses. */
	uint8_t perms[2];
	bool global;  /* stage 1 entry of all ASIDs (nG = 0); false without stage 1 */
	uint8_t attr; /* memory type in the encoding of one MAIR byte, stages combined */
	uint8_t sh;   /* shareability in the encoding of SH[1:0] */
};

/* What translates: decoded configuration, none of it owned. */
struct smmu_walk_cfg {
	const struct smmu_s1_cfg *s1; /* NULL: stage 1 is bypassed */
	const struct smmu_s2_cfg *s2; /* NULL: stage 2 is bypassed */
	uint8_t oa_bits;	      /* OAS */
};

/**
 * Translates @req. EVT_NONE: @map is valid. Otherwise F_TRANSLATION, F_ADDR_SIZE, F_ACCESS, F_PERMISSION or
 * F_WALK_EABT, and @fault is valid (@fault->event the same). Both stages NULL: bypass with its address size check
 * (3.4).
 */
enum smmu_event_id smmu_walk(const struct gmem *mem, const struct smmu_walk_cfg *cfg, const struct smmu_request *req,
			     struct smmu_mapping *map, struct smmu_fault *fault);

/**
 * Translates one IPA by stage 2 alone for a fetch of @class (SMMU_CLASS_CD: read, no dirty state updates) on behalf of
 * @req, whose attributes are recorded. 0 and @map as smmu_walk().
 */
enum smmu_event_id smmu_s2_translate(const struct gmem *mem, const struct smmu_s2_cfg *s2, uint64_t ipa,
				     enum smmu_class class, const struct smmu_request *req, struct smmu_mapping *map,
				     struct smmu_fault *fault);

/**
 * Fetches the CD of @ssid (0 also for transactions without one that use CD 0) of a stream that stage 1 translates,
 * through stage 2 if that translates too. EVT_C_BAD_SUBSTREAMID; EVT_F_CD_FETCH (@fault->fetch_addr); or a stage 2
 * fault of class CD. S1DSS is the caller's.
 */
enum smmu_event_id smmu_cd_fetch_soft(const struct gmem *mem, const struct smmu_stream_cfg *stream, uint32_t ssid,
				      const struct smmu_request *req, struct smmu_cd *cd, struct smmu_fault *fault);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lookup and decoding of stream tables and context descriptor tables: pure functions of guest memory, register values
 * and ID registers, without state and without effects.
 *
 * Each returns EVT_NONE or the event that a transaction of the stream would cause.
 */
#ifndef AERIE_SMMU_TABLES_H
#define AERIE_SMMU_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "gmem.h"
#include "smmu_regs.h"

struct smmu_ste {
	uint64_t dw[STE_DWORDS];
};

struct smmu_cd {
	uint64_t dw[CD_DWORDS];
};

/* Where stream tables lie: the two registers as written. */
struct smmu_strtab {
	uint64_t base; /* STRTAB_BASE */
	uint32_t cfg;  /* STRTAB_BASE_CFG */
};

enum smmu_xlate {
	SMMU_XLATE_UNKNOWN, /* never a wish: what an endpoint has after its backend failed */
	SMMU_XLATE_ABORT,
	SMMU_XLATE_BYPASS,
	SMMU_XLATE_S1,
};

/* What an STE asks for. */
struct smmu_stream {
	enum smmu_xlate xlate;
	bool valid;	 /* STE.V */
	uint64_t ste[2]; /* S1: only fields that mean something here; 0 otherwise */
};

/** Finds and reads the STE of @sid (3.3.1, 5.1). EVT_C_BAD_STREAMID (beyond the table, L1STD without STEs for it),
 *  EVT_F_STE_FETCH (not RAM; *@fetch_addr says where). */
enum smmu_event_id smmu_strtab_fetch(const struct gmem *mem, const struct smmu_strtab *tab, uint32_t sid,
				     struct smmu_ste *ste, uint64_t *fetch_addr);

/** Decodes and validates an STE (5.2) for an SMMU with the ID registers @idr (IDR0 .. IDR5). EVT_C_BAD_STE when it is
 *  invalid or ILLEGAL; @stream is abort then. */
enum smmu_event_id smmu_ste_decode(const uint32_t *idr, const struct smmu_ste *ste, struct smmu_stream *stream);

/** Reads the CD of @ssid (0 also for transactions without one) of an S1 stream (5.2 S1ContextPtr, 5.3).
 *  EVT_C_BAD_SUBSTREAMID (beyond the table, L1CD invalid), EVT_F_CD_FETCH (not RAM). */
enum smmu_event_id smmu_cd_fetch(const struct gmem *mem, const struct smmu_stream *stream, uint32_t ssid,
				 struct smmu_cd *cd, uint64_t *fetch_addr);

/** Bits of IDR5.OAS's encoding @oas (6.3.6). */
unsigned smmu_oas_bits(uint32_t oas);

#endif

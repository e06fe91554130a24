/* SPDX-License-Identifier: Apache-2.0 */
#include "smmu_tables.h"

/* The STE fields that reach the walker; everything else is RES0, IGNORED or about features that are not offered. */
#define STE0_KEPT (STE0_V | STE0_CFG | STE0_S1FMT | STE0_S1CTXPTR | STE0_S1CDMAX)
#define STE1_KEPT (STE1_S1DSS | STE1_S1CIR | STE1_S1COR | STE1_S1CSH)

/* Clears the low @bits bits; tables are aligned to their size by the SMMU. */
static uint64_t align_to_bits(uint64_t addr, unsigned bits)
{
	return bits >= 64 ? 0 : addr & ~(BIT64(bits) - 1);
}

unsigned smmu_oas_bits(uint32_t oas)
{
	static const uint8_t bits[8] = {32, 36, 40, 42, 44, 48, 52, 52};

	return bits[oas & 7];
}

/* Address of the level 2 table's STE for @sid (3.3.1.2, 5.1). */
static enum smmu_event_id walk_l1(const struct gmem *mem, const struct smmu_strtab *tab, uint32_t sid, uint64_t *addr)
{
	unsigned log2size = field_get32(STRTAB_CFG_LOG2SIZE, tab->cfg);
	unsigned split = field_get32(STRTAB_CFG_SPLIT, tab->cfg);
	uint64_t base = tab->base & STRTAB_BASE_ADDR;
	uint64_t l1std;

	/* 6.3.24: other values of SPLIT are reserved and behave as 6. */
	if (split != 8 && split != 10)
		split = 6;
	/* 6.3.23: ADDR[MAX(5, LOG2SIZE - SPLIT - 1 + 3):0] = 0, by the literal LOG2SIZE. */
	base = align_to_bits(base, log2size >= split + 3 ? log2size - split + 3 : 6);
	*addr = base + (uint64_t)(sid >> split) * L1STD_SIZE;
	if (gmem_read(mem, gpa(*addr), &l1std, sizeof(l1std)))
		return EVT_F_STE_FETCH;

	unsigned span = (unsigned)field_get(L1STD_SPAN, l1std);
	uint32_t index = sid & (BIT32(split) - 1);

	/* 5.1: Span 0 has no level 2 table, 12 to 31 are reserved (as 0), and more than SPLIT + 1 is out of bounds. */
	if (span == 0 || span > L1STD_SPAN_MAX || span > split + 1 || index >= BIT32(span - 1))
		return EVT_C_BAD_STREAMID;
	/* 5.1: L2Ptr[5 + Span - 1:0] are taken as 0. */
	*addr = align_to_bits(l1std & L1STD_L2PTR, 6 + span - 1) + (uint64_t)index * STE_SIZE;
	return EVT_NONE;
}

enum smmu_event_id smmu_strtab_fetch(const struct gmem *mem, const struct smmu_strtab *tab, uint32_t sid,
				     struct smmu_ste *ste, uint64_t *fetch_addr)
{
	unsigned log2size = field_get32(STRTAB_CFG_LOG2SIZE, tab->cfg);

	*fetch_addr = 0;
	*ste = (struct smmu_ste){0};
	/* 7.3.3: the StreamID is outside the table. */
	if (log2size < 32 && sid >> log2size != 0)
		return EVT_C_BAD_STREAMID;
	/* 6.3.24: FMT 0b1x is reserved and behaves as linear. */
	if (field_get32(STRTAB_CFG_FMT, tab->cfg) == STRTAB_FMT_2LEVEL) {
		enum smmu_event_id event = walk_l1(mem, tab, sid, fetch_addr);

		if (event)
			return event;
	} else {
		/* 6.3.23: ADDR[LOG2SIZE + 5:0] = 0. */
		*fetch_addr = align_to_bits(tab->base & STRTAB_BASE_ADDR, log2size + 6) + (uint64_t)sid * STE_SIZE;
	}
	return gmem_read(mem, gpa(*fetch_addr), ste, sizeof(*ste)) ? EVT_F_STE_FETCH : EVT_NONE;
}

/* Stage 1 fields of an STE with Config 0b101 (5.2). */
static enum smmu_event_id decode_s1(const uint32_t *idr, const struct smmu_ste *ste, struct smmu_stream *stream)
{
	uint64_t dw0 = ste->dw[0] & STE0_KEPT, dw1 = ste->dw[1] & STE1_KEPT;
	unsigned ssidsize = field_get32(IDR1_SSIDSIZE, idr[1]);
	unsigned oas = smmu_oas_bits(field_get32(IDR5_OAS, idr[5]));

	/* S1CDMax: IGNORED without substreams, else at most SSIDSIZE. */
	if (ssidsize == 0)
		dw0 &= ~STE0_S1CDMAX;
	if (field_get(STE0_S1CDMAX, dw0) > ssidsize)
		return EVT_C_BAD_STE;
	if (field_get(STE0_S1CDMAX, dw0) == 0) {
		/* S1Fmt and S1DSS are IGNORED. */
		dw0 &= ~STE0_S1FMT;
		dw1 &= ~STE1_S1DSS;
	} else if (field_get(STE0_S1FMT, dw0) == 3) {
		dw0 &= ~STE0_S1FMT; /* reserved, behaves as linear */
	}
	/* S1Fmt: two levels need IDR0.CD2L. */
	if ((dw0 & STE0_S1FMT) && !(idr[0] & IDR0_CD2L))
		return EVT_C_BAD_STE;
	/* S1DSS 0b11 is reserved and behaves as 0b00. */
	if (field_get(STE1_S1DSS, dw1) == 3)
		dw1 &= ~STE1_S1DSS;
	/* S1ContextPtr: within the output address size (3.4.3). */
	if ((ste->dw[0] & STE0_S1CTXPTR_RES0) || (dw0 & STE0_S1CTXPTR) >> oas != 0)
		return EVT_C_BAD_STE;
	/* S1STALLD: ILLEGAL unless both fault models exist. */
	if (ste->dw[1] & STE1_S1STALLD) {
		if (field_get32(IDR0_STALL_MODEL, idr[0]) != IDR0_STALL_BOTH)
			return EVT_C_BAD_STE;
		dw1 |= STE1_S1STALLD;
	}
	/* EATS: IGNORED without ATS; 0b10 needs two stages; 0b11 is reserved and behaves as 0b00. */
	if (idr[0] & IDR0_ATS) {
		if (field_get(STE1_EATS, ste->dw[1]) == 2)
			return EVT_C_BAD_STE;
		if (field_get(STE1_EATS, ste->dw[1]) == 1)
			dw1 |= ste->dw[1] & STE1_EATS;
	}
	stream->xlate = SMMU_XLATE_S1;
	stream->ste[0] = dw0;
	stream->ste[1] = dw1;
	return EVT_NONE;
}

enum smmu_event_id smmu_ste_decode(const uint32_t *idr, const struct smmu_ste *ste, struct smmu_stream *stream)
{
	unsigned cfg = (unsigned)field_get(STE0_CFG, ste->dw[0]);

	*stream = (struct smmu_stream){.xlate = SMMU_XLATE_ABORT, .valid = ste->dw[0] & STE0_V};
	if (!stream->valid)
		return EVT_C_BAD_STE;
	/* 0b0xx: 0b000, and reserved values that behave as it: transactions end without an event. */
	if (cfg < STE_CFG_BYPASS)
		return EVT_NONE;
	/* 0b11x is ILLEGAL without stage 2, which is the host's. */
	if (cfg == STE_CFG_S2 || cfg == STE_CFG_NESTED)
		return EVT_C_BAD_STE;
	if (cfg == STE_CFG_BYPASS) {
		stream->xlate = SMMU_XLATE_BYPASS;
		return EVT_NONE;
	}
	return decode_s1(idr, ste, stream);
}

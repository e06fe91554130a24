/* SPDX-License-Identifier: Apache-2.0 */
/* Validity of STEs (5.2.2) and CDs (5.4.2) for the translation in software: each rule with a good and a bad case. */
#include "smmu_walk_fixture.h"
#include "run_suite.h"

/* A change to the good STE or CD of the fixture and to the ID registers; what follows. */
struct change {
	uint64_t mask; /* 0: none */
	uint64_t value;
	unsigned dw;
};
struct rule {
	const char *name;
	uint32_t idr_mask;
	uint32_t idr_value;
	unsigned idr_reg;
	bool bad;
	struct change changes[4];
};

#define CFG(v)                                                                                                         \
	{                                                                                                              \
		STE0_CFG, v, 0                                                                                         \
	}
#define S1_ONLY	    CFG(STE_CFG_S1)
#define S2_ONLY	    CFG(STE_CFG_S2)
#define BYPASS	    CFG(STE_CFG_BYPASS)
#define ID(r, m, v) .idr_reg = (r), .idr_mask = (m), .idr_value = (v)
#define BAD	    .bad = true
#define DW(n, m, ...)                                                                                                  \
	{                                                                                                              \
		m, __VA_ARGS__, n                                                                                      \
	}

static const struct rule ste_rules[] = {
	{"as it is"},
	{"V", BAD, .changes = {DW(0, STE0_V, 0)}},
	/* Config */
	{"nested without S1P", ID(0, IDR0_S1P, 0), BAD},
	{"nested without S2P", ID(0, IDR0_S2P, 0), BAD},
	{"S1 without S1P", ID(0, IDR0_S1P, 0), BAD, .changes = {S1_ONLY}},
	{"S1 without S2P", ID(0, IDR0_S2P, 0), .changes = {S1_ONLY}},
	{"S2 without S1P", ID(0, IDR0_S1P, 0), .changes = {S2_ONLY}},
	{"S2 without S2P", ID(0, IDR0_S2P, 0), BAD, .changes = {S2_ONLY}},
	{"bypass without S2P", ID(0, IDR0_S2P, 0), .changes = {BYPASS}},
	/* STRW */
	{"STRW EL2", .changes = {S1_ONLY, DW(1, STE1_STRW, 2)}},
	{"STRW 1", BAD, .changes = {S1_ONLY, DW(1, STE1_STRW, 1)}},
	{"STRW 3", BAD, .changes = {S1_ONLY, DW(1, STE1_STRW, 3)}},
	{"STRW 1 without HYP", ID(0, IDR0_HYP, 0), .changes = {S1_ONLY, DW(1, STE1_STRW, 1)}},
	{"STRW 3, nested", .changes = {DW(1, STE1_STRW, 3)}},
	{"STRW 3, S2", .changes = {S2_ONLY, DW(1, STE1_STRW, 3)}},
	{"STRW 3, bypass", .changes = {BYPASS, DW(1, STE1_STRW, 3)}},
	/* EATS */
	{"full ATS", .changes = {DW(1, STE1_EATS, 1)}},
	{"full ATS, S2S", BAD, .changes = {DW(1, STE1_EATS, 1), DW(2, STE2_S2S, 1)}},
	{"full ATS, S2S, no ATS", ID(0, IDR0_ATS, 0), .changes = {DW(1, STE1_EATS, 1), DW(2, STE2_S2S, 1)}},
	{"full ATS, S2S, S1 only", .changes = {S1_ONLY, DW(1, STE1_EATS, 1), DW(2, STE2_S2S, 1)}},
	{"split ATS", .changes = {DW(1, STE1_EATS, 2)}},
	{"split ATS, S2S", BAD, .changes = {DW(1, STE1_EATS, 2), DW(2, STE2_S2S, 1)}},
	{"split ATS, S1 only", BAD, .changes = {S1_ONLY, DW(1, STE1_EATS, 2)}},
	{"split ATS, S2 only", BAD, .changes = {S2_ONLY, DW(1, STE1_EATS, 2)}},
	{"split ATS, bypass", .changes = {BYPASS, DW(1, STE1_EATS, 2)}},
	{"split ATS, NS1ATS", ID(0, IDR0_NS1ATS, 1), BAD, .changes = {DW(1, STE1_EATS, 2)}},
	{"EATS 3", .changes = {DW(1, STE1_EATS, 3), DW(2, STE2_S2S, 1)}},
	/* S1STALLD */
	{"S1STALLD", .changes = {DW(1, STE1_S1STALLD, 1)}},
	{"S1STALLD, terminate only", ID(0, IDR0_STALL_MODEL, 1), BAD, .changes = {DW(1, STE1_S1STALLD, 1)}},
	{"S1STALLD, stall only", ID(0, IDR0_STALL_MODEL, 2), BAD, .changes = {S1_ONLY, DW(1, STE1_S1STALLD, 1)}},
	{"S1STALLD, S2 only", ID(0, IDR0_STALL_MODEL, 1), .changes = {S2_ONLY, DW(1, STE1_S1STALLD, 1)}},
	/* S1CDMax, S1Fmt */
	{"S1CDMax 20 of 20", .changes = {DW(0, STE0_S1CDMAX, 20)}},
	{"S1CDMax 21 of 20", BAD, .changes = {DW(0, STE0_S1CDMAX, 21)}},
	{"S1CDMax 6 of 5", ID(1, IDR1_SSIDSIZE, 5), BAD, .changes = {DW(0, STE0_S1CDMAX, 6)}},
	{"S1CDMax 31, no substreams", ID(1, IDR1_SSIDSIZE, 0), .changes = {DW(0, STE0_S1CDMAX, 31)}},
	{"S1CDMax 31, S2 only", .changes = {S2_ONLY, DW(0, STE0_S1CDMAX, 31)}},
	{"S1Fmt 1", .changes = {DW(0, STE0_S1CDMAX, 8), DW(0, STE0_S1FMT, 1)}},
	{"S1Fmt 1, no CD2L", ID(0, IDR0_CD2L, 0), BAD, .changes = {DW(0, STE0_S1CDMAX, 8), DW(0, STE0_S1FMT, 1)}},
	{"S1Fmt 2, no CD2L", ID(0, IDR0_CD2L, 0), BAD, .changes = {DW(0, STE0_S1CDMAX, 8), DW(0, STE0_S1FMT, 2)}},
	{"S1Fmt 3, no CD2L", ID(0, IDR0_CD2L, 0), .changes = {DW(0, STE0_S1CDMAX, 8), DW(0, STE0_S1FMT, 3)}},
	{"S1Fmt 1, one CD", ID(0, IDR0_CD2L, 0), .changes = {DW(0, STE0_S1FMT, 1)}},
	/* S1ContextPtr */
	{"CD table at 2^47", .changes = {DW(0, BIT64(47), 1)}},
	{"CD table at 2^48", BAD, .changes = {DW(0, BIT64(48), 1)}},
	{"CD table at 2^48, S1", BAD, .changes = {S1_ONLY, DW(0, BIT64(48), 1)}},
	{"CD table at 2^48, S2", .changes = {S2_ONLY, DW(0, BIT64(48), 1)}},
	{"CD table at 2^51, OAS 52", ID(5, IDR5_OAS, 6), .changes = {DW(0, BIT64(51), 1)}},
	/* S2S */
	{"S2S", .changes = {DW(2, STE2_S2S, 1)}},
	{"S2S, terminate only", ID(0, IDR0_STALL_MODEL, 1), BAD, .changes = {DW(2, STE2_S2S, 1)}},
	{"no S2S, stall only", ID(0, IDR0_STALL_MODEL, 2), BAD},
	{"S2S, stall only", ID(0, IDR0_STALL_MODEL, 2), .changes = {DW(2, STE2_S2S, 1)}},
	{"no S2S, stall only, S1", ID(0, IDR0_STALL_MODEL, 2), .changes = {S1_ONLY}},
	/* S2AA64, S2ENDI */
	{"S2AA64 0", BAD, .changes = {DW(2, STE2_S2AA64, 0)}},
	{"S2AA64 0, S1 only", .changes = {S1_ONLY, DW(2, STE2_S2AA64, 0)}},
	{"S2AA64, no TTF[1]", ID(0, IDR0_TTF, 0), BAD},
	{"big-endian", .changes = {DW(2, STE2_S2ENDI, 1)}},
	{"big-endian, little only", ID(0, IDR0_TTENDIAN, 2), BAD, .changes = {DW(2, STE2_S2ENDI, 1)}},
	{"little-endian, big only", ID(0, IDR0_TTENDIAN, 3), BAD},
	{"big-endian, big only", ID(0, IDR0_TTENDIAN, 3), .changes = {DW(2, STE2_S2ENDI, 1)}},
	{"big-endian, little only, S1", ID(0, IDR0_TTENDIAN, 2), .changes = {S1_ONLY, DW(2, STE2_S2ENDI, 1)}},
	/* S2HA, S2HD */
	{"S2HA S2HD", .changes = {DW(2, STE2_S2HA, 1), DW(2, STE2_S2HD, 1)}},
	{"S2HD alone", .changes = {DW(2, STE2_S2HD, 1)}},
	{"S2HA, no HTTU", ID(0, IDR0_HTTU, 0), BAD, .changes = {DW(2, STE2_S2HA, 1)}},
	{"S2HD, no HTTU", ID(0, IDR0_HTTU, 0), BAD, .changes = {DW(2, STE2_S2HD, 1)}},
	{"S2HA, HTTU of AF", ID(0, IDR0_HTTU, 1), .changes = {DW(2, STE2_S2HA, 1)}},
	{"S2HD, HTTU of AF", ID(0, IDR0_HTTU, 1), BAD, .changes = {DW(2, STE2_S2HD, 1)}},
	{"S2HD, no HTTU, S1", ID(0, IDR0_HTTU, 0), .changes = {S1_ONLY, DW(2, STE2_S2HD, 1)}},
	/* S2TG; what it means for the others is in the walker's tests */
	{"S2TG 3", BAD, .changes = {DW(2, STE2_S2TG, 3)}},
	{"4K not there", ID(5, IDR5_GRAN4K, 0), BAD},
	{"16K", .changes = {DW(2, STE2_S2TG, 2)}},
	{"16K not there", ID(5, IDR5_GRAN16K, 0), BAD, .changes = {DW(2, STE2_S2TG, 2)}},
	{"64K", .changes = {DW(2, STE2_S2TG, 1)}},
	{"64K not there", ID(5, IDR5_GRAN64K, 0), BAD, .changes = {DW(2, STE2_S2TG, 1)}},
	{"S2TG 3, S1 only", .changes = {S1_ONLY, DW(2, STE2_S2TG, 3)}},
	/* S2T0SZ, S2SL0 */
	{"40 bits of 40", ID(5, IDR5_OAS, 2)},
	{"40 bits of 36", ID(5, IDR5_OAS, 1), BAD, .changes = {DW(0, MASK64(51, 32), 0)}},
	{"36 bits of 36", ID(5, IDR5_OAS, 1), .changes = {DW(0, MASK64(51, 32), 0), DW(2, STE2_S2T0SZ, 28)}},
	{"39 at level 2, no STT", ID(3, IDR3_STT, 0), .changes = {DW(2, STE2_S2T0SZ, 39), DW(2, STE2_S2SL0, 0)}},
	{"40 at level 2, no STT", ID(3, IDR3_STT, 0), BAD, .changes = {DW(2, STE2_S2T0SZ, 40), DW(2, STE2_S2SL0, 0)}},
	{"48 at level 3", .changes = {DW(2, STE2_S2T0SZ, 48), DW(2, STE2_S2SL0, 3)}},
	{"49 at level 3", BAD, .changes = {DW(2, STE2_S2T0SZ, 49), DW(2, STE2_S2SL0, 3)}},
	{"39 at level 3, no STT", ID(3, IDR3_STT, 0), BAD, .changes = {DW(2, STE2_S2T0SZ, 39), DW(2, STE2_S2SL0, 3)}},
	{"level 0, OAS 44", ID(5, IDR5_OAS, 4), .changes = {DW(2, STE2_S2T0SZ, 20), DW(2, STE2_S2SL0, 2)}},
	{"level 0, OAS 42", ID(5, IDR5_OAS, 3), BAD, .changes = {DW(2, STE2_S2T0SZ, 24), DW(2, STE2_S2SL0, 2)}},
	{"16K level 1, OAS 40", ID(5, IDR5_OAS, 2), BAD,
	 .changes = {DW(2, STE2_S2TG, 2), DW(2, STE2_S2T0SZ, 24), DW(2, STE2_S2SL0, 2)}},
	{"16K level 1, OAS 42", ID(5, IDR5_OAS, 3),
	 .changes = {DW(2, STE2_S2TG, 2), DW(2, STE2_S2T0SZ, 24), DW(2, STE2_S2SL0, 2)}},
	{"16K SL0 3", BAD, .changes = {DW(2, STE2_S2TG, 2), DW(2, STE2_S2T0SZ, 20), DW(2, STE2_S2SL0, 3)}},
	{"64K SL0 3", BAD, .changes = {DW(2, STE2_S2TG, 1), DW(2, STE2_S2T0SZ, 20), DW(2, STE2_S2SL0, 3)}},
	{"64K, 52 bits", ID(5, IDR5_OAS, 6),
	 .changes = {DW(2, STE2_S2TG, 1), DW(2, STE2_S2T0SZ, 12), DW(2, STE2_S2SL0, 2)}},
	{"64K, 53 bits", ID(5, IDR5_OAS, 6), BAD,
	 .changes = {DW(2, STE2_S2TG, 1), DW(2, STE2_S2T0SZ, 11), DW(2, STE2_S2SL0, 2)}},
	{"4K, 49 bits", ID(5, IDR5_OAS, 6), BAD, .changes = {DW(2, STE2_S2T0SZ, 15), DW(2, STE2_S2SL0, 2)}},
	/* S2TTB against S2PS, capped by OAS */
	{"S2TTB 2^47", .changes = {DW(3, BIT64(47), 1)}},
	{"S2TTB 2^48", BAD, .changes = {DW(3, BIT64(48), 1)}},
	{"S2TTB 2^44, S2PS 44", BAD, .changes = {DW(3, BIT64(44), 1), DW(2, STE2_S2PS, 4)}},
	{"S2TTB 2^43, S2PS 44", .changes = {DW(3, BIT64(43), 1), DW(2, STE2_S2PS, 4)}},
	{"S2TTB 2^44, OAS 44", ID(5, IDR5_OAS, 4), BAD, .changes = {DW(3, BIT64(44), 1)}},
	{"S2TTB 2^48, OAS 52, 4K", ID(5, IDR5_OAS, 6), BAD, .changes = {DW(3, BIT64(48), 1), DW(2, STE2_S2PS, 6)}},
	{"S2TTB 2^48, OAS 52, 64K", ID(5, IDR5_OAS, 6),
	 .changes = {DW(3, BIT64(48), 1), DW(2, STE2_S2PS, 7), DW(2, STE2_S2TG, 1)}},
	{"S2TTB 2^48, S1 only", .changes = {S1_ONLY, DW(3, BIT64(48), 1)}},
	/* S2VMID */
	{"VMID 256", .changes = {DW(2, STE2_S2VMID, 256)}},
	{"VMID 256 of 8 bits", ID(0, IDR0_VMID16, 0), BAD, .changes = {DW(2, STE2_S2VMID, 256)}},
	{"VMID 255 of 8 bits", ID(0, IDR0_VMID16, 0), .changes = {DW(2, STE2_S2VMID, 255)}},
	{"VMID 256 of 8 bits, S1", ID(0, IDR0_VMID16, 0), BAD, .changes = {S1_ONLY, DW(2, STE2_S2VMID, 256)}},
	{"VMID 256 of 8 bits, EL2", ID(0, IDR0_VMID16, 0),
	 .changes = {S1_ONLY, DW(2, STE2_S2VMID, 256), DW(1, STE1_STRW, 2)}},
	{"VMID 256 of 8 bits, bypass", ID(0, IDR0_VMID16, 0), .changes = {BYPASS, DW(2, STE2_S2VMID, 256)}},
	{"VMID 256, no S2P", ID(0, IDR0_VMID16 | IDR0_S2P, 0), .changes = {S1_ONLY, DW(2, STE2_S2VMID, 256)}},
};

static const struct rule cd_rules[] = {
	{"as it is"},
	{"V", BAD, .changes = {DW(0, CD0_V, 0)}},
	{"AA64 0", BAD, .changes = {DW(0, CD0_AA64, 0)}},
	/* A, R, S; the STE is adapted to STALL_MODEL */
	{"A 0", .changes = {DW(0, CD0_A, 0)}},
	{"A 0, TERM_MODEL", ID(0, IDR0_TERM_MODEL, 1), BAD, .changes = {DW(0, CD0_A, 0)}},
	{"A 1, TERM_MODEL", ID(0, IDR0_TERM_MODEL, 1)},
	{"S", .changes = {DW(0, CD0_S, 1)}},
	{"S, terminate only", ID(0, IDR0_STALL_MODEL, 1), BAD, .changes = {DW(0, CD0_S, 1)}},
	{"no S, stall only", ID(0, IDR0_STALL_MODEL, 2), BAD},
	{"S, stall only", ID(0, IDR0_STALL_MODEL, 2), .changes = {DW(0, CD0_S, 1)}},
	/* ENDI */
	{"big-endian", .changes = {DW(0, CD0_ENDI, 1)}},
	{"big-endian, little only", ID(0, IDR0_TTENDIAN, 2), BAD, .changes = {DW(0, CD0_ENDI, 1)}},
	{"little-endian, big only", ID(0, IDR0_TTENDIAN, 3), BAD},
	{"little-endian, big only, EPD0", ID(0, IDR0_TTENDIAN, 3), BAD, .changes = {DW(0, CD0_EPD0, 1)}},
	{"little-endian, big only, both EPD", ID(0, IDR0_TTENDIAN, 3),
	 .changes = {DW(0, CD0_EPD0, 1), DW(0, CD0_EPD1, 1)}},
	/* HA, HD */
	{"HA HD", .changes = {DW(0, CD0_HA, 1), DW(0, CD0_HD, 1)}},
	{"HD alone", .changes = {DW(0, CD0_HD, 1)}},
	{"HA, no HTTU", ID(0, IDR0_HTTU, 0), BAD, .changes = {DW(0, CD0_HA, 1)}},
	{"HD, no HTTU", ID(0, IDR0_HTTU, 0), BAD, .changes = {DW(0, CD0_HD, 1)}},
	{"HA, HTTU of AF", ID(0, IDR0_HTTU, 1), .changes = {DW(0, CD0_HA, 1)}},
	{"HD, HTTU of AF", ID(0, IDR0_HTTU, 1), BAD, .changes = {DW(0, CD0_HD, 1)}},
	/* ASID */
	{"ASID 256", .changes = {DW(0, CD0_ASID, 256)}},
	{"ASID 256 of 8 bits", ID(0, IDR0_ASID16, 0), BAD, .changes = {DW(0, CD0_ASID, 256)}},
	{"ASID 255 of 8 bits", ID(0, IDR0_ASID16, 0), .changes = {DW(0, CD0_ASID, 255)}},
	/* T0SZ, T1SZ */
	{"T0SZ 15", BAD, .changes = {DW(0, CD0_T0SZ, 15)}},
	{"T0SZ 15, EPD0", .changes = {DW(0, CD0_T0SZ, 15), DW(0, CD0_EPD0, 1)}},
	{"T1SZ 15", BAD, .changes = {DW(0, CD0_T1SZ, 15)}},
	{"T1SZ 15, EPD0", BAD, .changes = {DW(0, CD0_T1SZ, 15), DW(0, CD0_EPD0, 1)}},
	{"T1SZ 15, EPD1", .changes = {DW(0, CD0_T1SZ, 15), DW(0, CD0_EPD1, 1)}},
	{"T0SZ 39, no STT", ID(3, IDR3_STT, 0), .changes = {DW(0, CD0_T0SZ, 39)}},
	{"T0SZ 40, no STT", ID(3, IDR3_STT, 0), BAD, .changes = {DW(0, CD0_T0SZ, 40)}},
	{"T1SZ 40, no STT", ID(3, IDR3_STT, 0), BAD, .changes = {DW(0, CD0_T1SZ, 40)}},
	{"T0SZ 48", .changes = {DW(0, CD0_T0SZ, 48)}},
	{"T0SZ 49", BAD, .changes = {DW(0, CD0_T0SZ, 49)}},
	{"T0SZ 48, 16K", .changes = {DW(0, CD0_T0SZ, 48), DW(0, CD0_TG0, 2)}},
	{"T0SZ 47, 64K", .changes = {DW(0, CD0_T0SZ, 47), DW(0, CD0_TG0, 1)}},
	{"T0SZ 48, 64K", BAD, .changes = {DW(0, CD0_T0SZ, 48), DW(0, CD0_TG0, 1)}},
	{"T0SZ 12, 64K, VAX", ID(5, IDR5_VAX, 1), .changes = {DW(0, CD0_T0SZ, 12), DW(0, CD0_TG0, 1)}},
	{"T0SZ 11, 64K, VAX", ID(5, IDR5_VAX, 1), BAD, .changes = {DW(0, CD0_T0SZ, 11), DW(0, CD0_TG0, 1)}},
	{"T0SZ 12, 64K", BAD, .changes = {DW(0, CD0_T0SZ, 12), DW(0, CD0_TG0, 1)}},
	{"T0SZ 12, 4K, VAX", ID(5, IDR5_VAX, 1), BAD, .changes = {DW(0, CD0_T0SZ, 12)}},
	{"T1SZ 12, 64K, VAX", ID(5, IDR5_VAX, 1), .changes = {DW(0, CD0_T1SZ, 12), DW(0, CD0_TG1, 3)}},
	/* TG0, TG1 */
	{"TG0 3", BAD, .changes = {DW(0, CD0_TG0, 3)}},
	{"TG0 3, EPD0", .changes = {DW(0, CD0_TG0, 3), DW(0, CD0_EPD0, 1)}},
	{"TG1 0", BAD, .changes = {DW(0, CD0_TG1, 0)}},
	{"TG1 0, EPD1", .changes = {DW(0, CD0_TG1, 0), DW(0, CD0_EPD1, 1)}},
	{"TG0 16K not there", ID(5, IDR5_GRAN16K, 0), BAD, .changes = {DW(0, CD0_TG0, 2)}},
	{"TG1 16K not there", ID(5, IDR5_GRAN16K, 0), BAD, .changes = {DW(0, CD0_TG1, 1)}},
	{"TG0 64K not there", ID(5, IDR5_GRAN64K, 0), BAD, .changes = {DW(0, CD0_TG0, 1)}},
	{"TG1 64K not there", ID(5, IDR5_GRAN64K, 0), BAD, .changes = {DW(0, CD0_TG1, 3)}},
	{"TG1 64K", .changes = {DW(0, CD0_TG1, 3)}},
	{"TG1 16K", .changes = {DW(0, CD0_TG1, 1)}},
	/* TTB0, TTB1 against IPS, capped by OAS */
	{"TTB0 2^47", .changes = {DW(1, BIT64(47), 1)}},
	{"TTB0 2^48", BAD, .changes = {DW(1, BIT64(48), 1)}},
	{"TTB0 2^48, EPD0", .changes = {DW(1, BIT64(48), 1), DW(0, CD0_EPD0, 1)}},
	{"TTB1 2^48", BAD, .changes = {DW(2, BIT64(48), 1)}},
	{"TTB1 2^48, EPD1", .changes = {DW(2, BIT64(48), 1), DW(0, CD0_EPD1, 1)}},
	{"TTB0 2^40, IPS 40", BAD, .changes = {DW(1, BIT64(40), 1), DW(0, CD0_IPS, 2)}},
	{"TTB0 2^39, IPS 40", .changes = {DW(1, BIT64(39), 1), DW(0, CD0_IPS, 2)}},
	{"TTB1 2^40, IPS 40", BAD, .changes = {DW(2, BIT64(40), 1), DW(0, CD0_IPS, 2)}},
	{"TTB0 2^44, OAS 44", ID(5, IDR5_OAS, 4), BAD, .changes = {DW(1, BIT64(44), 1), DW(0, CD0_IPS, 7)}},
	{"TTB0 2^48, OAS 52, 4K", ID(5, IDR5_OAS, 6), BAD, .changes = {DW(1, BIT64(48), 1), DW(0, CD0_IPS, 6)}},
	{"TTB0 2^48, OAS 52, 64K", ID(5, IDR5_OAS, 6),
	 .changes = {DW(1, BIT64(48), 1), DW(0, CD0_IPS, 6), DW(0, CD0_TG0, 1)}},
};

static void apply(const struct rule *r, uint64_t *dw)
{
	if (r->idr_mask)
		idr[r->idr_reg] =
			(idr[r->idr_reg] & ~r->idr_mask) | (r->idr_value ? field_prep32(r->idr_mask, r->idr_value) : 0);
	for (unsigned i = 0; i < ARRAY_LEN(r->changes); i++)
		if (r->changes[i].mask)
			set(&dw[r->changes[i].dw], r->changes[i].mask, r->changes[i].value);
}

START_TEST(test_ste_rules)
{
	const struct rule *r = &ste_rules[_i];
	enum smmu_event_id event;

	apply(r, ste.dw);
	event = decode_ste();
	ck_assert_msg(event == (r->bad ? EVT_C_BAD_STE : EVT_NONE), "%s: event 0x%x", r->name, event);
	/* a bad one lets nothing pass */
	if (r->bad) {
		ck_assert(stream.abort);
		ck_assert(!stream.s1);
		ck_assert(!stream.s2);
	}
}
END_TEST

START_TEST(test_cd_rules)
{
	const struct rule *r = &cd_rules[_i];
	enum smmu_event_id event;

	set(&ste.dw[0], STE0_CFG, STE_CFG_S1);
	apply(r, cd.dw);
	event = decode_cd();
	ck_assert_msg(event == (r->bad ? EVT_C_BAD_CD : EVT_NONE), "%s: event 0x%x", r->name, event);
}
END_TEST

/* Config, and what of the rest is IGNORED with it. */
START_TEST(test_config)
{
	uint64_t cfg = (uint64_t)_i;

	set(&ste.dw[0], STE0_CFG, cfg);
	ck_assert_int_eq(decode_ste(), EVT_NONE);
	ck_assert_int_eq(stream.abort, cfg < 4);
	ck_assert_int_eq(stream.s1, cfg >= 4 && (cfg & 1));
	ck_assert_int_eq(stream.s2, cfg >= 4 && (cfg & 2));
	ck_assert_int_eq(stream.has_vmid, cfg > 4);
	/* everything else set: still nothing to object to where no stage looks at it */
	for (unsigned i = 1; i < STE_DWORDS; i++)
		ste.dw[i] = UINT64_MAX;
	if (cfg <= 4)
		ck_assert_int_eq(decode_ste(), EVT_NONE);
	else
		ck_assert_int_eq(decode_ste(), EVT_C_BAD_STE);
	set(&ste.dw[0], STE0_V, 0);
	ck_assert_int_eq(decode_ste(), EVT_C_BAD_STE);
}
END_TEST

/* Fields that come out as they are, and their effective values. */
START_TEST(test_ste_fields)
{
	ste.dw[1] |= STE1_MEV | STE1_S2FWB;
	set(&ste.dw[0], STE0_S1CDMAX, 10);
	set(&ste.dw[0], STE0_S1FMT, 3);
	set(&ste.dw[1], STE1_S1DSS, 3);
	set(&ste.dw[1], STE1_EATS, 2);
	ste.dw[2] |= STE2_S2PTW | STE2_S2AFFD | STE2_S2HD;
	set(&ste.dw[2], STE2_S2PS, 7);
	ck_assert_int_eq(decode_ste(), EVT_NONE);
	ck_assert(stream.mev);
	ck_assert(stream.s2cfg.fwb);
	ck_assert(stream.s2cfg.ptw);
	ck_assert(stream.s2cfg.af_ignored);
	ck_assert(!stream.s2cfg.hd);
	ck_assert(stream.s2cfg.record);
	ck_assert(!stream.s2cfg.stall);
	ck_assert_uint_eq(stream.s2cfg.oa_bits, 48);
	ck_assert_uint_eq(stream.cd_bits, 10);
	ck_assert_uint_eq(stream.cd_fmt, STE_S1FMT_LINEAR);
	ck_assert_uint_eq(stream.s1dss, STE_S1DSS_TERMINATE);
	ck_assert_uint_eq(stream.eats, STE_EATS_SPLIT);
	ck_assert_uint_eq(stream.vmid, 7);
	ck_assert_uint_eq(stream.s2cfg.vmid, 7);
	/* AFFD is IGNORED with HA; HD counts with it; S recorded always */
	ste.dw[2] |= STE2_S2HA | STE2_S2S;
	ste.dw[2] &= ~STE2_S2R;
	set(&ste.dw[1], STE1_EATS, 0);
	idr[3] &= ~(IDR3_FWB | IDR3_XNX);
	ck_assert_int_eq(decode_ste(), EVT_NONE);
	ck_assert(!stream.s2cfg.af_ignored);
	ck_assert(stream.s2cfg.ha && stream.s2cfg.hd);
	ck_assert(stream.s2cfg.stall && stream.s2cfg.record);
	ck_assert(!stream.s2cfg.fwb);
	ck_assert(!stream.s2cfg.xnx);
	/* S2PTW is IGNORED without stage 1 */
	set(&ste.dw[0], STE0_CFG, STE_CFG_S2);
	ck_assert_int_eq(decode_ste(), EVT_NONE);
	ck_assert(!stream.s2cfg.ptw);
	/* one CD: format and default substream mean nothing */
	set(&ste.dw[0], STE0_CFG, STE_CFG_S1);
	set(&ste.dw[0], STE0_S1CDMAX, 0);
	set(&ste.dw[0], STE0_S1FMT, 1);
	set(&ste.dw[1], STE1_S1DSS, 1);
	ck_assert_int_eq(decode_ste(), EVT_NONE);
	ck_assert_uint_eq(stream.cd_bits, 0);
	ck_assert_uint_eq(stream.cd_fmt, STE_S1FMT_LINEAR);
	ck_assert_uint_eq(stream.s1dss, STE_S1DSS_TERMINATE);
	ck_assert_uint_eq(stream.cd_table, RAM_BASE + IPA_SHIFT);
}
END_TEST

/* S1STALLD forbids CD.S. */
START_TEST(test_s1stalld)
{
	set(&ste.dw[0], STE0_CFG, STE_CFG_S1);
	ste.dw[1] |= STE1_S1STALLD;
	ck_assert_int_eq(decode_cd(), EVT_NONE);
	cd.dw[0] |= CD0_S;
	ck_assert_int_eq(decode_cd(), EVT_C_BAD_CD);
}
END_TEST

START_TEST(test_cd_fields)
{
	set(&ste.dw[0], STE0_CFG, STE_CFG_S1);
	cd.dw[0] |= CD0_AFFD | CD0_HD | CD0_PAN | CD0_WXN | CD0_ASET;
	set(&cd.dw[0], CD0_ASID, 0xabcd);
	cd.dw[0] &= ~(CD0_R | CD0_A);
	ck_assert_int_eq(decode_cd(), EVT_NONE);
	ck_assert_int_eq(s1.world, SMMU_WORLD_EL1);
	ck_assert_uint_eq(s1.asid, 0xabcd);
	ck_assert(s1.aset && s1.af_ignored && s1.pan && s1.wxn);
	ck_assert(!s1.hd && !s1.ha && !s1.abort && !s1.record && !s1.stall);
	ck_assert_uint_eq(s1.oa_bits, 48);
	cd.dw[0] |= CD0_HA | CD0_S;
	ck_assert_int_eq(decode_cd(), EVT_NONE);
	ck_assert(s1.ha && s1.hd && !s1.af_ignored && s1.stall && s1.record);
}
END_TEST

/* EL2: one table, neither EPD nor ASID nor PAN; T1SZ, TG1, TTB1 are RES0. E2H: as EL1. */
START_TEST(test_cd_of_el2)
{
	set(&ste.dw[0], STE0_CFG, STE_CFG_S1);
	set(&ste.dw[1], STE1_STRW, STE_STRW_EL2);
	idr[0] &= ~IDR0_ASID16;
	cd.dw[0] |= CD0_EPD0 | CD0_EPD1 | CD0_PAN;
	cd.dw[1] |= CD1_E0PD0;
	set(&cd.dw[0], CD0_ASID, 0x1234);
	set(&cd.dw[0], CD0_T1SZ, 1);
	set(&cd.dw[0], CD0_TG1, 0);
	cd.dw[2] |= BIT64(51);
	ck_assert_int_eq(decode_cd(), EVT_NONE);
	ck_assert_int_eq(s1.world, SMMU_WORLD_EL2);
	ck_assert(!stream.has_vmid);
	ck_assert(s1.ttb[0].walk && !s1.ttb[1].walk);
	ck_assert(!s1.pan && !s1.ttb[0].e0pd);
	ck_assert_uint_eq(s1.asid, 0);
	set(&cd.dw[0], CD0_T0SZ, 15);
	ck_assert_int_eq(decode_cd(), EVT_C_BAD_CD);
	set(&cd.dw[0], CD0_T0SZ, 16);

	cr2 = CR2_E2H;
	ck_assert_int_eq(decode_cd(), EVT_C_BAD_CD);
	idr[0] |= IDR0_ASID16;
	ck_assert_int_eq(decode_cd(), EVT_NONE);
	ck_assert_int_eq(s1.world, SMMU_WORLD_EL2_E2H);
	ck_assert(!stream.has_vmid);
	ck_assert(!s1.ttb[0].walk && !s1.ttb[1].walk);
	ck_assert(s1.pan && s1.ttb[0].e0pd);
	ck_assert_uint_eq(s1.asid, 0x1234);
	cd.dw[0] &= ~CD0_EPD1;
	ck_assert_int_eq(decode_cd(), EVT_C_BAD_CD);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("smmu-config");
	TCase *tc = tcase_create("config");

	tcase_add_checked_fixture(tc, fresh, done);
	tcase_add_loop_test(tc, test_ste_rules, 0, (int)ARRAY_LEN(ste_rules));
	tcase_add_loop_test(tc, test_cd_rules, 0, (int)ARRAY_LEN(cd_rules));
	tcase_add_loop_test(tc, test_config, 0, 8);
	tcase_add_test(tc, test_ste_fields);
	tcase_add_test(tc, test_s1stalld);
	tcase_add_test(tc, test_cd_fields);
	tcase_add_test(tc, test_cd_of_el2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

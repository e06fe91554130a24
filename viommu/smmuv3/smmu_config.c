/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding and validation of stream table entries (5.2, 5.2.2) for the translation in software. */
#include "smmu_walk_priv.h"

#define TXSZ_MAX	 39u
#define TXSZ_MAX_STT	 48u
#define TXSZ_MAX_STT_64K 47u

uint8_t smmu_config_granule(uint32_t idr5, uint64_t tg)
{
	switch (tg) {
	case TG0_4K:
		return idr5 & IDR5_GRAN4K ? 12 : 0;
	case TG0_16K:
		return idr5 & IDR5_GRAN16K ? 14 : 0;
	case TG0_64K:
		return idr5 & IDR5_GRAN64K ? 16 : 0;
	default:
		return 0;
	}
}

unsigned smmu_config_txsz_max(const uint32_t *idr, unsigned page_bits)
{
	if (!(idr[3] & IDR3_STT))
		return TXSZ_MAX;
	return page_bits == 16 ? TXSZ_MAX_STT_64K : TXSZ_MAX_STT;
}

bool smmu_config_endian_ok(uint32_t idr0, bool big)
{
	uint32_t offered = field_get32(IDR0_TTENDIAN, idr0);

	return offered != (big ? IDR0_TTENDIAN_LE : IDR0_TTENDIAN_BE);
}

bool smmu_config_httu_ok(uint32_t idr0, bool ha, bool hd)
{
	uint32_t httu = field_get32(IDR0_HTTU, idr0);

	return httu == IDR0_HTTU_NONE ? !ha && !hd : httu >= IDR0_HTTU_AF_DIRTY || !hd;
}

/* StreamWorld, where stage 1 alone translates and there is more than one (STRW). False: ILLEGAL. */
static bool decode_world(const uint32_t *idr, uint32_t cr2, const struct smmu_ste *ste, struct smmu_stream_cfg *out)
{
	uint64_t strw = field_get(STE1_STRW, ste->dw[1]);

	if (!out->s1 || out->s2 || !(idr[0] & IDR0_HYP) || strw == STE_STRW_NSEL1)
		return true;
	if (strw != STE_STRW_EL2)
		return false;
	out->world = cr2 & CR2_E2H ? SMMU_WORLD_EL2_E2H : SMMU_WORLD_EL2;
	return true;
}

/* EATS. False: ILLEGAL. */
static bool decode_eats(const uint32_t *idr, const struct smmu_ste *ste, struct smmu_stream_cfg *out)
{
	uint64_t eats = field_get(STE1_EATS, ste->dw[1]);
	bool stall = ste->dw[2] & STE2_S2S;

	/* IGNORED without ATS; 0b11 is reserved without DPT and behaves as 0b00. */
	if (!(idr[0] & IDR0_ATS) || eats > STE_EATS_SPLIT)
		return true;
	if (eats == STE_EATS_FULL && out->s2 && stall)
		return false;
	/* S2S is checked even where stage 2 is bypassed, but then it is ILLEGAL anyway. */
	if (eats == STE_EATS_SPLIT && (!out->s1 || !out->s2 || stall || (idr[0] & IDR0_NS1ATS)))
		return false;
	out->eats = (uint8_t)eats;
	return true;
}

/* Fields of stage 1. False: ILLEGAL. */
static bool decode_s1(const uint32_t *idr, const struct smmu_ste *ste, struct smmu_stream_cfg *out)
{
	unsigned ssidsize = field_get32(IDR1_SSIDSIZE, idr[1]);
	uint64_t fmt = field_get(STE0_S1FMT, ste->dw[0]), dss = field_get(STE1_S1DSS, ste->dw[1]);

	out->s1_stall_off = ste->dw[1] & STE1_S1STALLD;
	if (out->s1_stall_off && field_get32(IDR0_STALL_MODEL, idr[0]) != IDR0_STALL_BOTH)
		return false;
	out->cd_table = ste->dw[0] & STE0_S1CTXPTR;
	/* 3.4.3: out of range of OAS, or of IAS, which is the same. */
	if ((ste->dw[0] & STE0_S1CTXPTR_RES0) || out->cd_table >> out->oa_bits != 0)
		return false;
	/* Without substreams S1CDMax, S1Fmt and S1DSS are IGNORED. */
	if (ssidsize != 0)
		out->cd_bits = (uint8_t)field_get(STE0_S1CDMAX, ste->dw[0]);
	if (out->cd_bits > ssidsize)
		return false;
	if (out->cd_bits == 0)
		return true;
	/* 0b11 is reserved and behaves as linear; two levels need CD2L. */
	out->cd_fmt = (uint8_t)(fmt > STE_S1FMT_64K_L2 ? STE_S1FMT_LINEAR : fmt);
	if (out->cd_fmt != STE_S1FMT_LINEAR && !(idr[0] & IDR0_CD2L))
		return false;
	/* 0b11 is reserved and behaves as 0b00. */
	out->s1dss = (uint8_t)(dss > STE_S1DSS_SSID0 ? STE_S1DSS_TERMINATE : dss);
	return true;
}

/* S2VMID. False: ILLEGAL. */
static bool decode_vmid(const uint32_t *idr, const struct smmu_ste *ste, struct smmu_stream_cfg *out)
{
	uint64_t vmid = field_get(STE2_S2VMID, ste->dw[2]);

	if (!(idr[0] & IDR0_S2P) || out->world != SMMU_WORLD_EL1)
		return true;
	if (!(idr[0] & IDR0_VMID16) && vmid > 0xff)
		return false;
	out->has_vmid = true;
	out->vmid = (uint16_t)vmid;
	return true;
}

static enum smmu_override override(uint64_t field)
{
	if (field == STE_CFG_ON)
		return SMMU_SET;
	return field == STE_CFG_OFF ? SMMU_CLEAR : SMMU_INCOMING;
}

/* An STE with Config 0b1xx. False: ILLEGAL. */
static bool decode(const uint32_t *idr, uint32_t cr2, const struct smmu_ste *ste, struct smmu_stream_cfg *out)
{
	unsigned cfg = (unsigned)field_get(STE0_CFG, ste->dw[0]);

	out->s1 = cfg == STE_CFG_S1 || cfg == STE_CFG_NESTED;
	out->s2 = cfg == STE_CFG_S2 || cfg == STE_CFG_NESTED;
	out->oa_bits = (uint8_t)smmu_oas_bits(field_get32(IDR5_OAS, idr[5]));
	out->mev = ste->dw[1] & STE1_MEV;
	if (idr[1] & IDR1_ATTR_PERMS_OVR) {
		out->priv = override(field_get(STE1_PRIVCFG, ste->dw[1]));
		out->inst = override(field_get(STE1_INSTCFG, ste->dw[1]));
	}
	if ((out->s1 && !(idr[0] & IDR0_S1P)) || (out->s2 && !(idr[0] & IDR0_S2P)))
		return false;
	if (!out->s1 && !out->s2)
		return true;
	if (!decode_eats(idr, ste, out) || !decode_world(idr, cr2, ste, out) || !decode_vmid(idr, ste, out))
		return false;
	if (out->s1 && !decode_s1(idr, ste, out))
		return false;
	if (!out->s2)
		return true;
	if (smmu_config_s2(idr, ste, &out->s2cfg))
		return false;
	/* S2PTW is IGNORED without stage 1. */
	out->s2cfg.ptw = out->s2cfg.ptw && out->s1;
	return true;
}

enum smmu_event_id smmu_ste_decode_soft(const uint32_t *idr, uint32_t cr2, const struct smmu_ste *ste,
					struct smmu_stream_cfg *out)
{
	*out = (struct smmu_stream_cfg){.abort = true};
	if (!(ste->dw[0] & STE0_V))
		return EVT_C_BAD_STE;
	out->ppar = ste->dw[1] & STE1_PPAR;
	/* 0b0xx: 0b000, and reserved values that behave as it. */
	if (field_get(STE0_CFG, ste->dw[0]) < STE_CFG_BYPASS)
		return EVT_NONE;
	out->abort = false;
	if (decode(idr, cr2, ste, out))
		return EVT_NONE;
	*out = (struct smmu_stream_cfg){.abort = true};
	return EVT_C_BAD_STE;
}

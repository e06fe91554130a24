/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding and validation of context descriptors (5.4, 5.4.2). */
#include "smmu_walk_priv.h"

#define TXSZ_MIN	16u
#define TXSZ_MIN_VAX_52 12u

/* TG1 in the encoding of TG0; a value that none offers for the reserved one. */
static uint64_t tg1_as_tg0(uint64_t tg1)
{
	switch (tg1) {
	case TG1_4K:
		return TG0_4K;
	case TG1_16K:
		return TG0_16K;
	case TG1_64K:
		return TG0_64K;
	default:
		return UINT64_MAX;
	}
}

/* TxSZ, TGx and TTBx of a table that is walked. False: ILLEGAL. */
static bool decode_ttb(const uint32_t *idr, uint64_t tsz, uint64_t tg, uint64_t base, unsigned oa_bits,
		       struct smmu_ttb_cfg *ttb)
{
	unsigned stride, root_bits, tsz_min = TXSZ_MIN;
	struct smmu_pt pt;

	ttb->page_bits = smmu_config_granule(idr[5], tg);
	if (!ttb->page_bits)
		return false;
	if (ttb->page_bits == 16 && field_get32(IDR5_VAX, idr[5]) != 0)
		tsz_min = TXSZ_MIN_VAX_52;
	if (tsz < tsz_min || tsz > smmu_config_txsz_max(idr, ttb->page_bits))
		return false;
	if (base >> oa_bits != 0 || (ttb->page_bits != 16 && base >> 48 != 0))
		return false;
	ttb->ia_bits = (uint8_t)(64 - tsz);
	/* D8.2.7: as few levels as the input address needs. */
	stride = ttb->page_bits - 3u;
	ttb->start_level = (uint8_t)(PT_LAST_LEVEL - (ttb->ia_bits - 1u - ttb->page_bits) / stride);
	/* TTBx: aligned by the SMMU, to 64 bytes at least if the output has 52 bits. */
	pt = (struct smmu_pt){.ia_bits = ttb->ia_bits, .page_bits = ttb->page_bits, .start_level = ttb->start_level};
	root_bits = smmu_pt_root_bits(&pt);
	if (oa_bits == 52 && root_bits < 6)
		root_bits = 6;
	ttb->base = align_down(base, BIT64(root_bits));
	ttb->walk = true;
	return true;
}

/* Both tables. False: ILLEGAL. */
static bool decode_ttbs(const uint32_t *idr, const struct smmu_cd *cd, struct smmu_s1_cfg *out)
{
	bool one = out->world == SMMU_WORLD_EL2;
	bool had = idr[3] & IDR3_HAD, e0pd = !one && (idr[3] & IDR3_E0PD);
	uint64_t dw0 = cd->dw[0];

	out->ttb[0].tbi = dw0 & CD0_TBI0;
	out->ttb[0].had = had && (cd->dw[1] & CD1_HAD0);
	out->ttb[0].e0pd = e0pd && (cd->dw[1] & CD1_E0PD0);
	/* EPD0 is IGNORED where there is one table. */
	if ((one || !(dw0 & CD0_EPD0)) && !decode_ttb(idr, field_get(CD0_T0SZ, dw0), field_get(CD0_TG0, dw0),
						      cd->dw[1] & CD1_TTB0, out->oa_bits, &out->ttb[0]))
		return false;
	if (one)
		return true;
	out->ttb[1].tbi = dw0 & CD0_TBI1;
	out->ttb[1].had = had && (cd->dw[2] & CD2_HAD1);
	out->ttb[1].e0pd = e0pd && (cd->dw[2] & CD2_E0PD1);
	return (dw0 & CD0_EPD1) || decode_ttb(idr, field_get(CD0_T1SZ, dw0), tg1_as_tg0(field_get(CD0_TG1, dw0)),
					      cd->dw[2] & CD2_TTB1, out->oa_bits, &out->ttb[1]);
}

/* A, R and S (5.5). False: ILLEGAL. */
static bool decode_faults(const uint32_t *idr, const struct smmu_stream_cfg *stream, uint64_t dw0,
			  struct smmu_s1_cfg *out)
{
	uint32_t stall_model = field_get32(IDR0_STALL_MODEL, idr[0]);

	out->abort = dw0 & CD0_A;
	out->stall = dw0 & CD0_S;
	out->record = out->stall || (dw0 & CD0_R);
	if ((idr[0] & IDR0_TERM_MODEL) && !out->abort)
		return false;
	if (out->stall)
		return stall_model != IDR0_STALL_NONE && !stream->s1_stall_off;
	return stall_model != IDR0_STALL_FORCE;
}

static bool decode(const uint32_t *idr, const struct smmu_stream_cfg *stream, const struct smmu_cd *cd,
		   struct smmu_s1_cfg *out)
{
	uint64_t dw0 = cd->dw[0];
	bool ha = dw0 & CD0_HA, hd = dw0 & CD0_HD;
	unsigned oas = smmu_oas_bits(field_get32(IDR5_OAS, idr[5]));
	unsigned ips = smmu_oas_bits((uint32_t)field_get(CD0_IPS, dw0));

	if (!(dw0 & CD0_V) || !decode_faults(idr, stream, dw0, out))
		return false;
	/* AA64: other formats are not offered. */
	if (!(dw0 & CD0_AA64) || !(idr[0] & IDR0_TTF_AARCH64) || !smmu_config_httu_ok(idr[0], ha, hd))
		return false;
	out->world = stream->world;
	out->ha = ha;
	out->hd = ha && hd;
	out->af_ignored = !ha && (dw0 & CD0_AFFD);
	/* IPS is capped to OAS; 0b111 behaves as 0b110. */
	out->oa_bits = (uint8_t)(ips < oas ? ips : oas);
	out->wide = oas == 52;
	out->wxn = dw0 & CD0_WXN;
	out->pan = out->world != SMMU_WORLD_EL2 && (dw0 & CD0_PAN);
	out->aset = dw0 & CD0_ASET;
	out->mair = cd->dw[3];
	if (out->world != SMMU_WORLD_EL2) {
		out->asid = (uint16_t)field_get(CD0_ASID, dw0);
		if (!(idr[0] & IDR0_ASID16) && out->asid > 0xff)
			return false;
	}
	if (!decode_ttbs(idr, cd, out))
		return false;
	/* ENDI is IGNORED when nothing is walked. */
	out->big_endian = dw0 & CD0_ENDI;
	return !(out->ttb[0].walk || out->ttb[1].walk) || smmu_config_endian_ok(idr[0], out->big_endian);
}

enum smmu_event_id smmu_cd_decode(const uint32_t *idr, const struct smmu_stream_cfg *stream, const struct smmu_cd *cd,
				  struct smmu_s1_cfg *out)
{
	*out = (struct smmu_s1_cfg){0};
	return decode(idr, stream, cd, out) ? EVT_NONE : EVT_C_BAD_CD;
}

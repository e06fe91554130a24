/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding and validation of the stage 2 fields of an STE (5.2, 5.2.2; DDI 0487, D8.2.10 and D8.2.11). */
#include "smmu_walk_priv.h"

/* Tables that may stand side by side at the start level: 2^4. */
#define CONCAT_BITS 4u

/* Start level that S2SL0 selects. False: reserved, or for a larger output address size than there is. */
static bool start_level(const uint32_t *idr, unsigned page_bits, uint64_t sl0, unsigned oas, uint8_t *level)
{
	static const uint8_t levels_4k[4] = {2, 1, 0, 3};
	static const uint8_t levels_other[3] = {3, 2, 1};

	if (page_bits == 12) {
		*level = levels_4k[sl0];
		/* 0b11 came with small translation tables. */
		return sl0 == 3 ? idr[3] & IDR3_STT : sl0 != 2 || oas >= 44;
	}
	if (sl0 == 3)
		return false;
	*level = levels_other[sl0];
	return sl0 != 2 || oas >= (page_bits == 14 ? 42 : 44);
}

/* S2TG, S2T0SZ, S2SL0 and S2TTB, and whether they agree. */
static bool decode_tables(const uint32_t *idr, const struct smmu_ste *ste, struct smmu_s2_cfg *out)
{
	unsigned oas = smmu_oas_bits(field_get32(IDR5_OAS, idr[5]));
	unsigned tsz = (unsigned)field_get(STE2_S2T0SZ, ste->dw[2]), tsz_min, stride, least, root_bits;
	struct smmu_pt pt;

	out->page_bits = smmu_config_granule(idr[5], field_get(STE2_S2TG, ste->dw[2]));
	if (!out->page_bits)
		return false;
	/* S2T0SZ: IAS is OAS, as there are no AArch32 tables. */
	tsz_min = out->page_bits == 16 ? 12 : 16;
	if (tsz < tsz_min || tsz < 64 - oas || tsz > smmu_config_txsz_max(idr, out->page_bits))
		return false;
	out->ia_bits = (uint8_t)(64 - tsz);
	if (!start_level(idr, out->page_bits, field_get(STE2_S2SL0, ste->dw[2]), oas, &out->start_level))
		return false;
	/* The start level resolves at least one bit, and no more than a table and its concatenation. */
	stride = out->page_bits - 3u;
	least = smmu_pt_shift(out->page_bits, out->start_level) + 1;
	if (out->ia_bits < least || out->ia_bits > least + stride - 1 + CONCAT_BITS)
		return false;

	/* S2TTB: aligned by the SMMU, to 64 bytes at least if the output has 52 bits. */
	out->base = ste->dw[3] & STE3_S2TTB;
	if (out->base >> out->oa_bits != 0 || (out->page_bits != 16 && out->base >> 48 != 0))
		return false;
	pt = (struct smmu_pt){.ia_bits = out->ia_bits, .page_bits = out->page_bits, .start_level = out->start_level};
	root_bits = smmu_pt_root_bits(&pt);
	if (out->oa_bits == 52 && root_bits < 6)
		root_bits = 6;
	out->base = align_down(out->base, BIT64(root_bits));
	return true;
}

static bool decode(const uint32_t *idr, const struct smmu_ste *ste, struct smmu_s2_cfg *out)
{
	uint64_t dw2 = ste->dw[2];
	bool ha = dw2 & STE2_S2HA, hd = dw2 & STE2_S2HD;
	uint32_t stall_model = field_get32(IDR0_STALL_MODEL, idr[0]);
	unsigned oas = smmu_oas_bits(field_get32(IDR5_OAS, idr[5]));
	unsigned ps = smmu_oas_bits((uint32_t)field_get(STE2_S2PS, dw2));

	out->stall = dw2 & STE2_S2S;
	out->record = out->stall || (dw2 & STE2_S2R);
	if ((stall_model == IDR0_STALL_NONE && out->stall) || (stall_model == IDR0_STALL_FORCE && !out->stall))
		return false;
	/* S2AA64: other formats are not offered. */
	if (!(dw2 & STE2_S2AA64) || !(idr[0] & IDR0_TTF_AARCH64))
		return false;
	out->big_endian = dw2 & STE2_S2ENDI;
	if (!smmu_config_endian_ok(idr[0], out->big_endian) || !smmu_config_httu_ok(idr[0], ha, hd))
		return false;
	out->ha = ha;
	out->hd = ha && hd;
	out->af_ignored = !ha && (dw2 & STE2_S2AFFD);
	/* S2PS is capped to OAS; 0b111 behaves as 0b110. */
	out->oa_bits = (uint8_t)(ps < oas ? ps : oas);
	out->wide = oas == 52;
	out->ptw = dw2 & STE2_S2PTW;
	out->fwb = (idr[3] & IDR3_FWB) && (ste->dw[1] & STE1_S2FWB);
	out->xnx = idr[3] & IDR3_XNX;
	out->vmid = (uint16_t)field_get(STE2_S2VMID, dw2);
	return decode_tables(idr, ste, out);
}

enum smmu_event_id smmu_config_s2(const uint32_t *idr, const struct smmu_ste *ste, struct smmu_s2_cfg *out)
{
	*out = (struct smmu_s2_cfg){0};
	return decode(idr, ste, out) ? EVT_NONE : EVT_C_BAD_STE;
}

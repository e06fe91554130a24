/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 4.4. What each command must remove, and no more:
 *
 *                stage 1 (and 1 + 2)       stage 2          by
 *   NH_ALL       EL1                       -                VMID
 *   NH_ASID      EL1, not global           -                VMID, ASID
 *   NH_VA        EL1, global too           -                VMID, ASID, address
 *   NH_VAA       EL1                       -                VMID, address
 *   S12_VMALL    EL1                       EL1              VMID
 *   S2_IPA       - (as on PEs: combined    EL1              VMID, address
 *                entries are for NH_ALL)
 *   NSNH_ALL     EL1                       EL1
 *   EL2_ALL      EL2, EL2-E2H              -
 *   EL2_ASID     EL2-E2H, not global       -                ASID
 *   EL2_VA       EL2, EL2-E2H, global too  -                ASID (E2H), address
 *   EL2_VAA      EL2, EL2-E2H              -                address
 *
 * ASET (5.4) concerns broadcast invalidation only, which IDR0.BTM = 0 rules out.
 */
#include "smmu_tlbi.h"

#define WORLD_EL1 BIT32(SMMU_WORLD_EL1)
#define WORLD_EL2 (BIT32(SMMU_WORLD_EL2) | BIT32(SMMU_WORLD_EL2_E2H))
#define STAGE_1	  (SMMU_TLB_S1 | SMMU_TLB_S12)

#define BY_VMID 1u
#define BY_ASID 2u
#define BY_VA	4u
#define BY_IPA	8u
#define GLOBAL	16u /* an ASID spares no global entry */

static const struct tlbi_row {
	uint8_t worlds, stages, by;
} rows[] = {
	[CMD_TLBI_NH_ALL] = {WORLD_EL1, STAGE_1, BY_VMID},
	[CMD_TLBI_NH_ASID] = {WORLD_EL1, STAGE_1, BY_VMID | BY_ASID},
	[CMD_TLBI_NH_VA] = {WORLD_EL1, STAGE_1, BY_VMID | BY_ASID | BY_VA | GLOBAL},
	[CMD_TLBI_NH_VAA] = {WORLD_EL1, STAGE_1, BY_VMID | BY_VA},
	[CMD_TLBI_EL2_ALL] = {WORLD_EL2, STAGE_1, 0},
	[CMD_TLBI_EL2_ASID] = {WORLD_EL2, STAGE_1, BY_ASID},
	[CMD_TLBI_EL2_VA] = {WORLD_EL2, STAGE_1, BY_ASID | BY_VA | GLOBAL},
	[CMD_TLBI_EL2_VAA] = {WORLD_EL2, STAGE_1, BY_VA},
	[CMD_TLBI_S12_VMALL] = {WORLD_EL1, SMMU_TLB_ANY, BY_VMID},
	[CMD_TLBI_S2_IPA] = {WORLD_EL1, SMMU_TLB_S2, BY_VMID | BY_IPA},
	[CMD_TLBI_NSNH_ALL] = {WORLD_EL1, SMMU_TLB_ANY, 0},
};

/*
 * 4.4.1.1. A range of (NUM + 1) << SCALE pages of granule TG, and the level of the leaves; TG 0b00: one address. What
 * lies in tables of another granule or, with TTL, at another level, need not be removed.
 */
static void address_scope(const uint32_t *idr, const struct smmu_cmd *cmd, uint64_t first, struct smmu_tlb_scope *scope)
{
	unsigned tg = (unsigned)field_get(CMD1_TLBI_TG, cmd->dw[1]);
	unsigned ttl = (unsigned)field_get(CMD1_TLBI_TTL, cmd->dw[1]);
	uint64_t len = 1;

	if ((idr[3] & IDR3_RIL) && tg != 0) {
		scope->page_bits = (uint8_t)(10 + 2 * tg);
		first = align_down(first, BIT64(scope->page_bits));
		len = (field_get(CMD0_TLBI_NUM, cmd->dw[0]) + 1)
		      << field_get(CMD0_TLBI_SCALE, cmd->dw[0]) << scope->page_bits;
		/* There are no level 1 leaves of 16 KiB pages without IDR5.DS. */
		scope->level = tg == TLBI_TG_16K && ttl == TLBI_TTL_1 ? 0 : (uint8_t)ttl;
	}
	scope->by_address = true;
	scope->first = first;
	scope->last = first + (len - 1) < first ? UINT64_MAX : first + (len - 1);
}

void smmu_tlbi_scope(const uint32_t *idr, const struct smmu_cmd *cmd, struct smmu_tlb_scope *scope)
{
	const struct tlbi_row *row = &rows[field_get(CMD0_OP, cmd->dw[0])];
	uint16_t vmid = (uint16_t)field_get(CMD0_TLBI_VMID, cmd->dw[0]);
	uint16_t asid = (uint16_t)field_get(CMD0_TLBI_ASID, cmd->dw[0]);

	/* 4.4: RES0 without stage 2, and the upper bytes without their IDR0 bits. */
	if (!(idr[0] & IDR0_S2P))
		vmid = 0;
	else if (!(idr[0] & IDR0_VMID16))
		vmid &= 0xff;
	if (!(idr[0] & IDR0_ASID16))
		asid &= 0xff;
	*scope = (struct smmu_tlb_scope){
		.worlds = row->worlds,
		.stages = row->stages,
		/* Entries of EL2 have no VMID: 0 names them all. */
		.by_vmid = (row->by & BY_VMID) || row->worlds == WORLD_EL2,
		.vmid = row->by & BY_VMID ? vmid : 0,
		.by_asid = row->by & BY_ASID,
		.asid = row->by & BY_ASID ? asid : 0,
		.with_global = row->by & GLOBAL,
	};
	if (row->by & BY_VA)
		address_scope(idr, cmd, smmu_tlbi_va(cmd->dw[1] & CMD1_ADDR), scope);
	else if (row->by & BY_IPA)
		address_scope(idr, cmd, cmd->dw[1] & CMD1_IPA, scope);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands (chapter 4). Reserved fields are ignored: what goes to the host is built from known fields only. Fields that
 * are RES0 because of IDR3.RIL = 0 raise CERROR_ILL instead, as ignoring them would shrink the invalidation that the
 * guest relies on.
 */
#include "log.h"
#include "smmu_priv.h"
#include "stats.h"

struct cmd_row {
	const char *name;
	enum smmu_cmd_class class;
	const char *why; /* illegal ones: the reason */
	uint32_t needs;	 /* IDR0 bits without which the command is illegal after all */
	enum smmu_cerror (*run)(struct smmu *smmu, const struct smmu_cmd *cmd);
};

/* To the host, if it serves an endpoint at all. */
static enum smmu_cerror forward(struct smmu *smmu, uint64_t dw0, uint64_t dw1)
{
	if (smmu->nr_endpoints == 0)
		return CERROR_NONE;
	return smmu_batch_add(smmu, &(struct smmu_cmd){.dw = {dw0, dw1}}) ? CERROR_ABT : CERROR_NONE;
}

/* 4.1.6: Secure streams cannot be named on the Non-secure queue. */
static enum smmu_cerror check_ssec(const struct smmu_cmd *cmd)
{
	return cmd->dw[0] & CMD0_SSEC ? CERROR_ILL : CERROR_NONE;
}

/* 4.2: a hint; the host fetches by itself. */
static enum smmu_cerror run_prefetch(struct smmu *smmu, const struct smmu_cmd *cmd)
{
	return check_ssec(cmd);
}

/* 4.3.1: Leaf makes no difference, level 1 descriptors are not cached. */
static enum smmu_cerror run_cfgi_ste(struct smmu *smmu, const struct smmu_cmd *cmd)
{
	if (check_ssec(cmd))
		return CERROR_ILL;
	if (smmu_batch_flush(smmu))
		return CERROR_ABT;
	smmu_cache_drop_ste(smmu, (uint32_t)field_get(CMD0_SID, cmd->dw[0]), 0);
	smmu_endpoints_invalidate(smmu, (uint32_t)field_get(CMD0_SID, cmd->dw[0]), 0);
	return CERROR_NONE;
}

/* 4.3.2, 4.3.6: the low Range + 1 bits of StreamID are ignored; Range 31 is CMD_CFGI_ALL. */
static enum smmu_cerror run_cfgi_ste_range(struct smmu *smmu, const struct smmu_cmd *cmd)
{
	unsigned range = (unsigned)field_get(CMD1_CFGI_RANGE, cmd->dw[1]);

	if (check_ssec(cmd))
		return CERROR_ILL;
	if (smmu_batch_flush(smmu))
		return CERROR_ABT;
	smmu_cache_drop_ste(smmu, (uint32_t)field_get(CMD0_SID, cmd->dw[0]), range + 1);
	smmu_endpoints_invalidate(smmu, (uint32_t)field_get(CMD0_SID, cmd->dw[0]), range + 1);
	return CERROR_NONE;
}

/* 4.3.3, 4.3.4. Out-of-range StreamIDs and SubstreamIDs have no effect (4.1.7), nor have streams that the host does not
 * know: it cannot have cached anything for them. */
static enum smmu_cerror run_cfgi_cd(struct smmu *smmu, const struct smmu_cmd *cmd)
{
	uint32_t sid = (uint32_t)field_get(CMD0_SID, cmd->dw[0]);
	uint64_t kept = CMD0_OP | CMD0_SID;

	if (check_ssec(cmd))
		return CERROR_ILL;
	smmu_endpoints_invalidate_cd(smmu, sid);
	if (field_get(CMD0_OP, cmd->dw[0]) == CMD_CFGI_CD) {
		if (field_get(CMD0_SSID, cmd->dw[0]) >> field_get32(IDR1_SSIDSIZE, smmu_reg32(smmu, R_IDR1)) != 0)
			return CERROR_NONE;
		kept |= CMD0_SSID;
		smmu_cache_drop_cd(smmu, sid, (uint32_t)field_get(CMD0_SSID, cmd->dw[0]));
	} else {
		smmu_cache_drop_cds(smmu, sid);
	}
	if (!smmu_endpoint_known(smmu, sid))
		return CERROR_NONE;
	return forward(smmu, cmd->dw[0] & kept,
		       field_get(CMD0_OP, cmd->dw[0]) == CMD_CFGI_CD ? cmd->dw[1] & CMD1_LEAF : 0);
}

/* 4.4: without IDR0.ASID16 the upper byte of an ASID is RES0. */
static uint64_t asid_field(const struct smmu *smmu, const struct smmu_cmd *cmd)
{
	uint64_t asid = field_get(CMD0_TLBI_ASID, cmd->dw[0]);

	if (!(smmu_reg32(smmu, R_IDR0) & IDR0_ASID16))
		asid &= 0xff;
	return field_prep(CMD0_TLBI_ASID, asid);
}

/* 4.4.1.1: range and level hint. Puts the fields that count into @dw0 and @dw1. */
static enum smmu_cerror range_fields(const struct smmu *smmu, const struct smmu_cmd *cmd, uint64_t *dw0, uint64_t *dw1)
{
	uint64_t range = cmd->dw[0] & (CMD0_TLBI_NUM | CMD0_TLBI_SCALE);
	uint64_t ttl = field_get(CMD1_TLBI_TTL, cmd->dw[1]), tg = field_get(CMD1_TLBI_TG, cmd->dw[1]);

	if (!(smmu_reg32(smmu, R_IDR3) & IDR3_RIL))
		return range || ttl || tg ? CERROR_ILL : CERROR_NONE;
	/* TG 0b00: no range, no hint; the other fields are RES0. */
	if (tg == 0)
		return CERROR_NONE;
	/* IDR5.DS = 0: 16 KiB tables have no level 1 leaves; TTL is taken as 0b00. */
	if (tg == TLBI_TG_16K && ttl == TLBI_TTL_1)
		ttl = 0;
	/* A granule with neither range nor hint is a reserved encoding. */
	if (range == 0 && ttl == 0)
		return CERROR_ILL;
	*dw0 |= range;
	*dw1 |= field_prep(CMD1_TLBI_TG, tg) | field_prep(CMD1_TLBI_TTL, ttl);
	return CERROR_NONE;
}

/* 4.4.2.3, 4.4.2.4, 4.4.3. To the host, VMID is RES0 without stage 2; the host puts its own there. */
static enum smmu_cerror run_tlbi_va(struct smmu *smmu, const struct smmu_cmd *cmd)
{
	uint64_t dw0 = cmd->dw[0] & CMD0_OP, dw1 = cmd->dw[1] & (CMD1_ADDR | CMD1_LEAF);

	if (range_fields(smmu, cmd, &dw0, &dw1))
		return CERROR_ILL;
	smmu_soft_tlbi(smmu, cmd);
	if (field_get(CMD0_OP, dw0) == CMD_TLBI_NH_VA)
		dw0 |= asid_field(smmu, cmd);
	return forward(smmu, dw0, dw1);
}

/* 4.4.2.2 */
static enum smmu_cerror run_tlbi_asid(struct smmu *smmu, const struct smmu_cmd *cmd)
{
	smmu_soft_tlbi(smmu, cmd);
	return forward(smmu, (cmd->dw[0] & CMD0_OP) | asid_field(smmu, cmd), 0);
}

/* 4.4.2.1, 4.4.4.1 */
static enum smmu_cerror run_tlbi_all(struct smmu *smmu, const struct smmu_cmd *cmd)
{
	smmu_soft_tlbi(smmu, cmd);
	return forward(smmu, cmd->dw[0] & CMD0_OP, 0);
}

/* 4.4.3, 4.4.4: EL2 and stage 2, which host-backed endpoints never have. */
static enum smmu_cerror run_tlbi_soft(struct smmu *smmu, const struct smmu_cmd *cmd)
{
	smmu_soft_tlbi(smmu, cmd);
	return CERROR_NONE;
}

static enum smmu_cerror run_tlbi_soft_va(struct smmu *smmu, const struct smmu_cmd *cmd)
{
	uint64_t dw0 = 0, dw1 = 0;

	if (range_fields(smmu, cmd, &dw0, &dw1))
		return CERROR_ILL;
	smmu_soft_tlbi(smmu, cmd);
	return CERROR_NONE;
}

/* 4.5.1: CERROR_ILL without IDR0.ATS. */
static enum smmu_cerror run_atc_inv(struct smmu *smmu, const struct smmu_cmd *cmd)
{
	uint64_t kept = CMD0_OP | CMD0_SID | CMD0_ATC_GLOBAL;

	if (!smmu_ats_offered(smmu) || check_ssec(cmd))
		return CERROR_ILL;
	/* 4.5.1: permitted for a larger Size; IGNORED without SMMUEN. */
	if (field_get(CMD1_ATC_SIZE, cmd->dw[1]) > ATC_SIZE_ALL)
		return CERROR_ILL;
	if (!(smmu_reg32(smmu, R_CR0) & CR0_SMMUEN))
		return CERROR_NONE;
	smmu_ats_invalidate(smmu, cmd);
	if (cmd->dw[0] & CMD0_SSV)
		kept |= CMD0_SSV | CMD0_SSID;
	if (!smmu_endpoint_known(smmu, (uint32_t)field_get(CMD0_SID, cmd->dw[0])))
		return CERROR_NONE;
	return forward(smmu, cmd->dw[0] & kept, cmd->dw[1] & (CMD1_ADDR | CMD1_ATC_SIZE));
}

/* 4.5.2: CERROR_ILL without IDR0.PRI. */
static enum smmu_cerror run_pri_resp(struct smmu *smmu, const struct smmu_cmd *cmd)
{
	return check_ssec(cmd) ? CERROR_ILL : smmu_pri_respond(smmu, cmd);
}

/* 4.7.1: complete when consumed. Ab is IGNORED: IDR0.TERM_MODEL is 1 for endpoints that stall here, and the host's
 * answer knows no other end either. */
static enum smmu_cerror run_resume(struct smmu *smmu, const struct smmu_cmd *cmd)
{
	if (!smmu_stall_offered(smmu) || check_ssec(cmd))
		return CERROR_ILL;
	smmu_stall_resume(smmu, (uint32_t)field_get(CMD0_SID, cmd->dw[0]),
			  (uint32_t)field_get(CMD1_RESUME_STAG, cmd->dw[1]), cmd->dw[0] & CMD0_RESUME_AC);
	return CERROR_NONE;
}

/* 4.7.2 */
static enum smmu_cerror run_stall_term(struct smmu *smmu, const struct smmu_cmd *cmd)
{
	if (!smmu_stall_offered(smmu) || check_ssec(cmd))
		return CERROR_ILL;
	smmu_stall_terminate(smmu, (uint32_t)field_get(CMD0_SID, cmd->dw[0]));
	return CERROR_NONE;
}

/* 4.8: completes when all commands before it have. CS 0b11 is reserved; SIG_SEV without IDR0.SEV is SIG_NONE. */
static enum smmu_cerror run_sync(struct smmu *smmu, const struct smmu_cmd *cmd)
{
	uint64_t cs = field_get(CMD0_SYNC_CS, cmd->dw[0]);
	enum smmu_cerror err;

	if (cs == SYNC_CS_RESERVED)
		return CERROR_ILL;
	if (smmu_settle(smmu))
		return CERROR_ABT;
	err = smmu_ats_sync(smmu);
	if (err)
		return err;
	if (cs == SYNC_CS_IRQ)
		smmu_irq_sync(smmu, cmd->dw[1] & CMD1_SYNC_MSIADDR, (uint32_t)field_get(CMD0_SYNC_MSIDATA, cmd->dw[0]));
	stats_inc(&stats.smmu_syncs);
	return CERROR_NONE;
}

static const char why_secure[] = "it exists on the Secure queue only";
static const char why_hyp[] = "IDR0.HYP is 0";
static const char why_s2p[] = "IDR0.S2P is 0";
static const char why_stall[] = "IDR0.STALL_MODEL is 0b01";

#define BOTH(op, fn)	       [CMD_##op] = {"CMD_" #op, CMD_CLASS_BOTH, NULL, 0, fn}
#define LOCAL(op, fn)	       [CMD_##op] = {"CMD_" #op, CMD_CLASS_LOCAL, NULL, 0, fn}
#define LOCAL_PRI(op, fn)      [CMD_##op] = {"CMD_" #op, CMD_CLASS_LOCAL, "IDR0.PRI is 0", IDR0_PRI, fn}
#define LOCAL_WHY(op, why, fn) [CMD_##op] = {"CMD_" #op, CMD_CLASS_LOCAL, why, 0, fn}
#define LOCAL_EL2(op, fn)      [CMD_##op] = {"CMD_" #op, CMD_CLASS_LOCAL, why_hyp, IDR0_HYP, fn}
#define LOCAL_S2(op, fn)       [CMD_##op] = {"CMD_" #op, CMD_CLASS_LOCAL, why_s2p, IDR0_S2P, fn}
#define IGNORE(op, fn)	       [CMD_##op] = {"CMD_" #op, CMD_CLASS_IGNORE, NULL, 0, fn}
#define ILLEGAL(op, why)       [CMD_##op] = {"CMD_" #op, CMD_CLASS_ILLEGAL, why, 0, NULL}

static const struct cmd_row rows[256] = {
	IGNORE(PREFETCH_CONFIG, run_prefetch),
	IGNORE(PREFETCH_ADDR, run_prefetch),
	LOCAL(CFGI_STE, run_cfgi_ste),
	LOCAL(CFGI_STE_RANGE, run_cfgi_ste_range),
	BOTH(CFGI_CD, run_cfgi_cd),
	BOTH(CFGI_CD_ALL, run_cfgi_cd),
	ILLEGAL(CFGI_VMS_PIDM, "IDR3.MPAM is 0"),
	BOTH(TLBI_NH_ALL, run_tlbi_all),
	BOTH(TLBI_NH_ASID, run_tlbi_asid),
	BOTH(TLBI_NH_VA, run_tlbi_va),
	BOTH(TLBI_NH_VAA, run_tlbi_va),
	ILLEGAL(TLBI_EL3_ALL, why_secure),
	ILLEGAL(TLBI_EL3_VA, why_secure),
	LOCAL_EL2(TLBI_EL2_ALL, run_tlbi_soft),
	LOCAL_EL2(TLBI_EL2_ASID, run_tlbi_soft),
	LOCAL_EL2(TLBI_EL2_VA, run_tlbi_soft_va),
	LOCAL_EL2(TLBI_EL2_VAA, run_tlbi_soft_va),
	LOCAL_S2(TLBI_S12_VMALL, run_tlbi_soft),
	LOCAL_S2(TLBI_S2_IPA, run_tlbi_soft_va),
	BOTH(TLBI_NSNH_ALL, run_tlbi_all),
	BOTH(ATC_INV, run_atc_inv),
	LOCAL_PRI(PRI_RESP, run_pri_resp),
	LOCAL_WHY(RESUME, why_stall, run_resume),
	LOCAL_WHY(STALL_TERM, why_stall, run_stall_term),
	LOCAL(SYNC, run_sync),
	ILLEGAL(TLBI_S_EL2_ALL, why_secure),
	ILLEGAL(TLBI_S_EL2_ASID, why_secure),
	ILLEGAL(TLBI_S_EL2_VA, why_secure),
	ILLEGAL(TLBI_S_EL2_VAA, why_secure),
	ILLEGAL(TLBI_S_S12_VMALL, why_secure),
	ILLEGAL(TLBI_S_S2_IPA, why_secure),
	ILLEGAL(TLBI_SNH_ALL, why_secure),
};

enum smmu_cmd_class smmu_cmd_class(uint8_t opcode)
{
	return rows[opcode].class;
}

const char *smmu_cmd_name(uint8_t opcode)
{
	return rows[opcode].name;
}

enum smmu_cerror smmu_cmd_execute(struct smmu *smmu, const struct smmu_cmd *cmd)
{
	uint8_t opcode = (uint8_t)field_get(CMD0_OP, cmd->dw[0]);
	const struct cmd_row *row = &rows[opcode];
	bool legal = row->run && (smmu_reg32(smmu, R_IDR0) & row->needs) == row->needs;
	enum smmu_cerror err = legal ? row->run(smmu, cmd) : CERROR_ILL;

	if (err == CERROR_ILL)
		log_guest("SMMU %s: illegal command %016llx %016llx (%s: %s): command queue stops with CERROR_ILL",
			  smmu->dev.id, (unsigned long long)cmd->dw[0], (unsigned long long)cmd->dw[1],
			  row->name ? row->name : "reserved opcode",
			  !legal && row->why ? row->why
			  : row->name	     ? "illegal or reserved parameters"
					     : "not defined by SMMUv3.2");
	return err;
}

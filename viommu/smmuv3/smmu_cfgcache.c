/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration cache (3.21.3): STEs and CDs of emulated endpoints, decoded. What was read stays until a command
 * names it or SMMUEN changes, also when it is invalid, so that software that forgets a CMD_CFGI_* notices. Not kept are
 * failed fetches and level 1 descriptors.
 */
#include "smmu_priv.h"

static enum smmu_event_id blame(struct smmu_fault *fault, enum smmu_event_id event, uint64_t fetch_addr)
{
	*fault = (struct smmu_fault){.event = event, .fetch_addr = fetch_addr};
	return event;
}

enum smmu_event_id smmu_cached_ste(struct smmu *smmu, struct smmu_soft *soft, uint32_t sid, struct smmu_fault *fault)
{
	struct smmu_strtab tab = {smmu->regs[R_STRTAB_BASE], smmu_reg32(smmu, R_STRTAB_BASE_CFG)};
	enum smmu_event_id event;
	uint64_t fetch_addr;
	uint32_t idr[6];
	struct smmu_ste ste;

	if (!soft->cached || soft->sid != sid) {
		soft->cached = false;
		event = smmu_strtab_fetch(smmu->gmem, &tab, sid, &ste, &fetch_addr);
		if (event)
			return blame(fault, event, fetch_addr);
		smmu_id_get(smmu, idr);
		soft->event = smmu_ste_decode_soft(idr, smmu_reg32(smmu, R_CR2), &ste, &soft->stream);
		soft->sid = sid;
		soft->cached = true;
	}
	return blame(fault, soft->event, 0);
}

static struct smmu_cd_slot *slot_of(struct smmu *smmu, uint32_t sid, uint32_t ssid)
{
	return &smmu->cds[(sid * 37 + ssid) & (SMMU_CD_SLOTS - 1)];
}

static bool holds(const struct smmu_cd_slot *slot, uint32_t sid, uint32_t ssid)
{
	return slot->cached && slot->sid == sid && slot->ssid == ssid;
}

enum smmu_event_id smmu_cached_cd(struct smmu *smmu, const struct smmu_soft *soft, uint32_t ssid,
				  const struct smmu_request *req, const struct smmu_s1_cfg **cd,
				  struct smmu_fault *fault)
{
	struct smmu_cd_slot *slot = slot_of(smmu, soft->sid, ssid);
	enum smmu_event_id event;
	struct smmu_cd raw;
	uint32_t idr[6];

	if (!holds(slot, soft->sid, ssid)) {
		event = smmu_cd_fetch_soft(smmu->gmem, &soft->stream, ssid, req, &raw, fault);
		if (event)
			return event;
		smmu_id_get(smmu, idr);
		*slot = (struct smmu_cd_slot){.sid = soft->sid, .ssid = ssid, .cached = true};
		slot->event = smmu_cd_decode(idr, &soft->stream, &raw, &slot->cd);
	}
	*cd = &slot->cd;
	return blame(fault, slot->event, 0);
}

void smmu_cache_drop_ste(struct smmu *smmu, uint32_t sid, unsigned ignore_bits)
{
	for (unsigned i = 0; i < smmu->nr_soft; i++) {
		if ((uint64_t)(smmu->soft[i].sid ^ sid) >> ignore_bits == 0)
			smmu->soft[i].cached = false;
	}
	for (unsigned i = 0; i < SMMU_CD_SLOTS; i++) {
		if ((uint64_t)(smmu->cds[i].sid ^ sid) >> ignore_bits == 0)
			smmu->cds[i].cached = false;
	}
	smmu->soft_stale = true;
}

void smmu_cache_drop_cd(struct smmu *smmu, uint32_t sid, uint32_t ssid)
{
	struct smmu_cd_slot *slot = slot_of(smmu, sid, ssid);

	if (holds(slot, sid, ssid))
		slot->cached = false;
	smmu->soft_stale = true;
}

void smmu_cache_drop_cds(struct smmu *smmu, uint32_t sid)
{
	for (unsigned i = 0; i < SMMU_CD_SLOTS; i++) {
		if (smmu->cds[i].sid == sid)
			smmu->cds[i].cached = false;
	}
	smmu->soft_stale = true;
}

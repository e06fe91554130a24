/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identification registers: what the model does and, when there are host-backed endpoints, what the host's SMMU does
 * too, which walks the guest's stage-1 structures for those. Of the host's registers only the fields that struct
 * iommu_hw_info_arm_smmuv3 allows to use are read, and OAS.
 *
 * Never offered: BTM (nobody broadcasts to us), ATOS and VATOS (a guest can do without: software walks are slower than
 * its own), SEV, DORMHINT, MPAM, VMW, ECMDQ.
 */
#include <errno.h>

#include "log.h"
#include "smmu_priv.h"

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/*
 * IDR0, host-backed. From the host, because its walker reads the guest's CDs and tables: TTF, TTENDIAN, TERM_MODEL,
 * ASID16, CD2L. Of TTF only AArch64: VMSAv8-32 is nothing that the model walks for emulated endpoints. Ours: S1P;
 * COHACC (iommufd serves coherent SMMUs only); MSI (written by us, lets the guest poll CMD_SYNC in memory); ST_LEVEL
 * 2-level (the stream table is walked by us). STALL_MODEL: both if the host has both and reports
 * stalls to us, else terminate only. 0: S2P and VMID16 (stage 2 is the host's), HYP (would allow TLBI_EL2_*, which the
 * kernel refuses), HTTU and BTM (not supported for nesting), ATS and PRI (not offered to devices), ATOS, VATOS, VMW,
 * SEV, DORMHINT (not implemented).
 */
static uint32_t make_idr0(uint32_t host, bool stalls)
{
	return IDR0_S1P | IDR0_COHACC | IDR0_MSI | field_prep32(IDR0_ST_LEVEL, IDR0_ST_LEVEL_2) |
	       field_prep32(IDR0_STALL_MODEL, stalls ? IDR0_STALL_BOTH : IDR0_STALL_NONE) |
	       (host & (IDR0_TTF_AARCH64 | IDR0_TTENDIAN | IDR0_TERM_MODEL | IDR0_ASID16 | IDR0_CD2L));
}

/*
 * IDR1. SIDSIZE, CMDQS, EVENTQS: ours. SSIDSIZE: the host's, at most 20 as PASIDs have no more bits. PRIQS: no PRI.
 * 0: presets and REL (queues lie in guest memory), ATTR_*_OVR (their STE fields are not accepted by the kernel), ECMDQ.
 */
static uint32_t make_idr1(uint32_t host)
{
	return field_prep32(IDR1_SIDSIZE, SMMU_SIDSIZE) | field_prep32(IDR1_CMDQS, SMMU_CMDQS) |
	       field_prep32(IDR1_EVENTQS, SMMU_EVTQS) |
	       field_prep32(IDR1_SSIDSIZE, min_u32(field_get32(IDR1_SSIDSIZE, host), 20));
}

/* IDR3. RIL, BBML: the host's. 0: FWB (stage 2), MPAM, and features of which the kernel does not vouch for nesting. */
static uint32_t make_idr3(uint32_t host)
{
	return host & (IDR3_RIL | IDR3_BBML);
}

/* IDR5. Granules: the host's. VAX: the host's, SMMUv3.2 knows up to 52 bits. OAS: the host's, as our output is the
 * input of its stage 2. STALL_MAX: ours, if there are stalls. */
static uint32_t make_idr5(uint32_t host, bool stalls)
{
	return (host & (IDR5_GRAN4K | IDR5_GRAN16K | IDR5_GRAN64K)) |
	       field_prep32(IDR5_VAX, min_u32(field_get32(IDR5_VAX, host), IDR5_VAX_52)) |
	       field_prep32(IDR5_OAS, min_u32(field_get32(IDR5_OAS, host), IDR5_OAS_52)) |
	       field_prep32(IDR5_STALL_MAX, stalls ? SMMU_STALL_MAX : 0);
}

/*
 * All emulated. IDR0: TTENDIAN 0, both. TERM_MODEL: faults abort; a device that is refused has no RAZ/WI to see. HTTU:
 * access flag and dirty state. HYP: worlds EL2 and EL2-E2H. IDR1: 20 bits of SubstreamID, as PASIDs have. IDR3: BBML 2,
 * as overlapping entries of different sizes do no harm in our IOTLB. IDR5: what goes out are guest physical addresses,
 * of which no machine of ours has more than 48 bits.
 */
static void make_all(uint32_t idr[6])
{
	idr[0] = IDR0_S2P | IDR0_S1P | IDR0_TTF_AARCH64 | IDR0_COHACC | field_prep32(IDR0_HTTU, IDR0_HTTU_AF_DIRTY) |
		 IDR0_HYP | IDR0_ATS | IDR0_ASID16 | IDR0_MSI | IDR0_PRI | IDR0_VMID16 | IDR0_CD2L |
		 field_prep32(IDR0_STALL_MODEL, IDR0_STALL_BOTH) | IDR0_TERM_MODEL |
		 field_prep32(IDR0_ST_LEVEL, IDR0_ST_LEVEL_2);
	idr[1] =
		make_idr1(field_prep32(IDR1_SSIDSIZE, 20)) | IDR1_ATTR_PERMS_OVR | field_prep32(IDR1_PRIQS, SMMU_PRIQS);
	idr[3] = IDR3_HAD | IDR3_XNX | IDR3_FWB | IDR3_STT | IDR3_RIL | field_prep32(IDR3_BBML, 2);
	idr[5] = field_prep32(IDR5_OAS, IDR5_OAS_48) | IDR5_GRAN4K | IDR5_GRAN16K | IDR5_GRAN64K |
		 field_prep32(IDR5_STALL_MAX, SMMU_STALL_MAX);
}

int smmu_id_init(uint32_t idr[6], const struct smmu_host_caps *host, bool host_stalls, const char *id)
{
	bool stalls;

	idr[2] = 0; /* BA_VATOS: no VATOS */
	idr[4] = 0; /* IMPLEMENTATION DEFINED */
	if (!host) {
		make_all(idr);
		return 0;
	}
	stalls = host_stalls && field_get32(IDR0_STALL_MODEL, host->idr[0]) == IDR0_STALL_BOTH;
	idr[0] = make_idr0(host->idr[0], stalls);
	idr[1] = make_idr1(host->idr[1]);
	idr[3] = make_idr3(host->idr[3]);
	idr[5] = make_idr5(host->idr[5], stalls);
	if (!(idr[0] & IDR0_TTF_AARCH64))
		return log_fail(-ENOTSUP,
				"SMMU %s: the host's SMMU does not walk AArch64 tables (IDR0 0x%x); a guest SMMU "
				"cannot be offered on this host",
				id, host->idr[0]);
	if (!(idr[5] & (IDR5_GRAN4K | IDR5_GRAN16K | IDR5_GRAN64K)))
		return log_fail(-ENOTSUP,
				"SMMU %s: the host's SMMU reports no translation granule (IDR5 0x%x); a guest SMMU "
				"cannot be offered on this host",
				id, host->idr[5]);
	return 0;
}

bool smmu_stall_offered(const struct smmu *smmu)
{
	return field_get32(IDR0_STALL_MODEL, smmu_reg32(smmu, R_IDR0)) != IDR0_STALL_NONE;
}

void smmu_id_get(const struct smmu *smmu, uint32_t idr[6])
{
	for (unsigned i = 0; i < 6; i++)
		idr[i] = smmu_reg32(smmu, (enum smmu_reg)(R_IDR0 + i));
}

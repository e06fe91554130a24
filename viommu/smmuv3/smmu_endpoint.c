/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what the guest programmed to what the backend does, one function for every cause: reset, CR0.SMMUEN, GBPA and
 * configuration invalidation. Whatever cannot be installed becomes abort, never bypass.
 *
 * The host's SMMU cannot report a wrong guest STE (its own STE is a plain abort), nor does the kernel pass on
 * F_CD_FETCH. These are told to the guest when its configuration is read. Not reported are STE.V = 0, through which
 * drivers pass while they rewrite an STE, and, unless CMD_CFGI_STE names the stream, a StreamID without an STE: a
 * driver enables the SMMU before it has prepared all streams, and only a transaction would be an error.
 */
#include "log.h"
#include "smmu_priv.h"

/* A configuration error of a stream: event, and where a fetch failed. */
struct complaint {
	enum smmu_event_id event;
	uint64_t fetch_addr;
};

/* True when transactions without a SubstreamID use the CD at index 0 (5.2, S1CDMax and S1DSS). */
static bool uses_cd0(const struct smmu_stream *stream)
{
	return field_get(STE0_S1CDMAX, stream->ste[0]) == 0 || field_get(STE1_S1DSS, stream->ste[1]) == STE_S1DSS_SSID0;
}

static struct complaint read_config(const struct smmu *smmu, uint32_t sid, struct smmu_stream *want)
{
	struct smmu_strtab tab = {smmu->regs[R_STRTAB_BASE], smmu_reg32(smmu, R_STRTAB_BASE_CFG)};
	struct complaint complaint = {0};
	uint32_t idr[6];
	struct smmu_ste ste;
	struct smmu_cd cd;

	smmu_id_get(smmu, idr);
	complaint.event = smmu_strtab_fetch(smmu->gmem, &tab, sid, &ste, &complaint.fetch_addr);
	if (complaint.event)
		return complaint;
	complaint = (struct complaint){.event = smmu_ste_decode(idr, &ste, want)};
	if (complaint.event == EVT_C_BAD_STE && !want->valid)
		complaint.event = EVT_NONE;
	if (want->xlate != SMMU_XLATE_S1)
		return complaint;
	/* A CD outside RAM could only be found out by stage 2 of the host, whose report goes to the host's log. */
	if (uses_cd0(want) && smmu_cd_fetch(smmu->gmem, want, 0, &cd, &complaint.fetch_addr) == EVT_F_CD_FETCH) {
		*want = (struct smmu_stream){.xlate = SMMU_XLATE_ABORT};
		complaint.event = EVT_F_CD_FETCH;
	}
	return complaint;
}

/* What registers and tables ask for (6.3.9 SMMUEN, 6.3.14 GBPA, 5.2). */
static struct complaint desired(const struct smmu *smmu, const struct smmu_endpoint *ep, uint32_t sid,
				struct smmu_stream *want)
{
	struct complaint complaint = {0};

	*want = (struct smmu_stream){.xlate = SMMU_XLATE_ABORT};
	if (smmu_reg32(smmu, R_CR0) & CR0_SMMUEN) {
		complaint = read_config(smmu, sid, want);
		/* If the host's SMMU can stall, a guest that sets CD.S would get faults that nobody resumes, unless
		 * they are reported for this endpoint. */
		if (want->xlate == SMMU_XLATE_S1 && !ep->ep.stalls &&
		    field_get32(IDR0_STALL_MODEL, smmu->host.idr[0]) == IDR0_STALL_BOTH)
			want->ste[1] |= STE1_S1STALLD;
	} else if (!(smmu_reg32(smmu, R_GBPA) & GBPA_ABORT)) {
		want->xlate = SMMU_XLATE_BYPASS;
	}
	return complaint;
}

static bool same(const struct smmu_endpoint *ep, const struct smmu_stream *want, uint32_t sid)
{
	if (ep->now.xlate != want->xlate)
		return false;
	if (want->xlate != SMMU_XLATE_S1)
		return true;
	return ep->sid_known && ep->sid == sid && ep->now.ste[0] == want->ste[0] && ep->now.ste[1] == want->ste[1];
}

static int attach(struct smmu *smmu, struct smmu_endpoint *ep, const struct smmu_stream *want, uint32_t sid)
{
	const struct smmu_backend_ops *ops = smmu->config.ops;

	/* The kernel answers the faults of the translation that is replaced. */
	smmu_stall_forget(smmu, ep);
	ep->now = (struct smmu_stream){.xlate = SMMU_XLATE_UNKNOWN};
	if (want->xlate == SMMU_XLATE_BYPASS)
		return ops->attach_bypass(ep->handle);
	if (want->xlate == SMMU_XLATE_ABORT)
		return ops->attach_abort(ep->handle);
	ep->sid_known = false;
	return ops->attach_s1(ep->handle, sid, want->ste);
}

static int apply(struct smmu *smmu, struct smmu_endpoint *ep, const struct smmu_stream *want, uint32_t sid)
{
	static const struct smmu_stream block = {.xlate = SMMU_XLATE_ABORT};
	int err = attach(smmu, ep, want, sid);

	if (!err) {
		ep->now = *want;
		if (want->xlate == SMMU_XLATE_S1) {
			ep->sid = sid;
			ep->sid_known = true;
		}
		return 0;
	}
	if (want->xlate != SMMU_XLATE_ABORT && !attach(smmu, ep, &block, sid))
		ep->now = block;
	return err;
}

/* Tells the guest of an error in its tables once for each change, and each time that it names the stream. */
static void complain(struct smmu *smmu, struct smmu_endpoint *ep, uint32_t sid, const struct complaint *complaint)
{
	enum smmu_event_id event = complaint->event;

	/* 6.3.12: C_BAD_STREAMID is recorded only with RECINVSID. */
	if (event == EVT_C_BAD_STREAMID && !(ep->named && (smmu_reg32(smmu, R_CR2) & CR2_RECINVSID)))
		event = EVT_NONE;
	if (event != EVT_NONE && (ep->named || event != ep->complaint))
		smmu_event_config(smmu, event, sid, complaint->fetch_addr);
	ep->complaint = event;
}

/* As smmu_endpoint_reconcile(); *@kept says that the stream stays at an unchanged stage 1. */
static int reconcile(struct smmu *smmu, struct smmu_endpoint *ep, bool *kept)
{
	uint32_t sid = viommu_endpoint_sid(&ep->ep);
	struct smmu_stream want;
	struct complaint complaint = desired(smmu, ep, sid, &want);
	int err = 0;

	*kept = false;
	if (same(ep, &want, sid)) {
		*kept = want.xlate == SMMU_XLATE_S1;
	} else {
		err = apply(smmu, ep, &want, sid);
		/* The host refuses an STE that looked good to us: still a bad STE to the guest. */
		if (err && want.xlate == SMMU_XLATE_S1)
			complaint = (struct complaint){.event = EVT_C_BAD_STE};
	}
	complain(smmu, ep, sid, &complaint);
	ep->named = false;
	ep->dirty = false;
	return err;
}

int smmu_endpoint_reconcile(struct smmu *smmu, struct smmu_endpoint *ep)
{
	bool kept;

	return reconcile(smmu, ep, &kept);
}

int smmu_endpoints_reconcile(struct smmu *smmu)
{
	int first = 0;

	for (unsigned i = 0; i < smmu->nr_endpoints; i++) {
		int err = smmu_endpoint_reconcile(smmu, &smmu->endpoints[i]);

		if (err && !first)
			first = err;
	}
	return first;
}

struct smmu_endpoint *smmu_endpoint_known(struct smmu *smmu, uint32_t sid)
{
	for (unsigned i = 0; i < smmu->nr_endpoints; i++) {
		if (smmu->endpoints[i].sid_known && smmu->endpoints[i].sid == sid)
			return &smmu->endpoints[i];
	}
	return NULL;
}

struct smmu_endpoint *smmu_endpoint_of(struct smmu *smmu, const void *handle)
{
	for (unsigned i = 0; i < smmu->nr_endpoints; i++) {
		if (smmu->endpoints[i].handle == handle)
			return &smmu->endpoints[i];
	}
	return NULL;
}

static bool covers(uint32_t sid, unsigned ignore_bits, uint32_t other)
{
	return (uint64_t)(sid ^ other) >> ignore_bits == 0;
}

void smmu_endpoints_invalidate(struct smmu *smmu, uint32_t sid, unsigned ignore_bits)
{
	for (unsigned i = 0; i < smmu->nr_endpoints; i++) {
		struct smmu_endpoint *ep = &smmu->endpoints[i];
		bool is = covers(sid, ignore_bits, viommu_endpoint_sid(&ep->ep));

		/* After a change of bus numbers the STE in use is the one of another StreamID. */
		ep->dirty |= is || (ep->sid_known && covers(sid, ignore_bits, ep->sid));
		ep->named |= is && ignore_bits == 0;
	}
}

void smmu_endpoints_invalidate_cd(struct smmu *smmu, uint32_t sid)
{
	for (unsigned i = 0; i < smmu->nr_endpoints; i++) {
		struct smmu_endpoint *ep = &smmu->endpoints[i];

		if (ep->complaint == EVT_F_CD_FETCH && viommu_endpoint_sid(&ep->ep) == sid)
			ep->dirty = true;
	}
}

int smmu_endpoints_settle(struct smmu *smmu)
{
	bool kept[SMMU_MAX_ENDPOINTS] = {false};
	int err = 0;

	for (unsigned i = 0; i < smmu->nr_endpoints; i++) {
		struct smmu_endpoint *ep = &smmu->endpoints[i];

		if (!ep->dirty)
			continue;
		reconcile(smmu, ep, &kept[i]);
		/* 4.3.1: invalidating an STE invalidates the CDs found through it; a new attachment does that itself.
		 */
		if (kept[i] && !err)
			err = smmu_batch_add(
				smmu, &(struct smmu_cmd){.dw = {CMD_CFGI_CD_ALL | field_prep(CMD0_SID, ep->sid)}});
	}
	if (!err)
		err = smmu_batch_flush(smmu);
	/* Once more after the guest has acknowledged the error. */
	for (unsigned i = 0; err && i < smmu->nr_endpoints; i++)
		smmu->endpoints[i].dirty |= kept[i];
	return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The function's SPDM responder, between its mailbox and IDE and TDISP. All of it runs in the mailbox's thread. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <time.h>

#include "bits.h"
#include "log.h"
#include "tdi_priv.h"
#include "wire.h"

/* Session id, lengths, tag: what a secured message adds to the largest SPDM message. */
#define SECURED_OVERHEAD 64u
#define TICK_MS		 1000u

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Sessions of before a reset are gone before anything else happens. */
static void catch_up(struct pci_tdi *tdi)
{
	if (atomic_exchange(&tdi->forget, false))
		spdm_responder_reset(tdi->spdm);
	spdm_responder_tick(tdi->spdm, now_ms());
}

static unsigned tick(void *opaque)
{
	struct pci_tdi *tdi = opaque;

	catch_up(tdi);
	return tdi->config.heartbeat_s && spdm_responder_sessions(tdi->spdm) ? TICK_MS : 0;
}

static int answer(struct pci_tdi *tdi, uint8_t *type, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	bool secured = *type == DOE_TYPE_SECURED_SPDM;
	size_t n = 0;

	catch_up(tdi);
	int err = spdm_responder_handle(tdi->spdm, &secured, req, len, rsp, cap, &n);

	*type = secured ? DOE_TYPE_SECURED_SPDM : DOE_TYPE_SPDM;
	return err ? err : (int)n;
}

static int handle(void *opaque, uint8_t *type, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	return answer(opaque, type, req, len, rsp, cap);
}

static int dispatch(struct pci_tdi *tdi, uint32_t session, const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
	if (tdi->config.ide && in[0] == PCI_SIG_PROTOCOL_IDE_KM)
		return pci_ide_respond(&tdi->ide, session, in, len, out, cap);
	if (!tdi->config.tdisp || in[0] != PCI_SIG_PROTOCOL_TDISP)
		return -ENOTSUP;
	tdi->tdisp.rid = pci_function_rid(&tdi->ep->fn);
	return tdisp_respond(&tdi->tdisp, session, in, len, out, cap);
}

/* An aborted request, or one of before a reset, changes nothing any more. */
static int vendor(void *opaque, uint32_t session, const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
	struct pci_tdi *tdi = opaque;
	bool wanted;
	int n = 0;

	if (len == 0)
		return -EBADMSG;
	if (!pci_doe_lock(&tdi->doe, &wanted))
		return 0;
	if (wanted && !atomic_load(&tdi->forget))
		n = dispatch(tdi, session, in, len, out, cap);
	pci_doe_unlock(&tdi->doe);
	return n;
}

static void session_end(void *opaque, uint32_t session, enum spdm_end why)
{
	struct pci_tdi *tdi = opaque;
	bool wanted;

	if (!pci_doe_lock(&tdi->doe, &wanted))
		return;
	tdisp_responder_session_ended(&tdi->tdisp, session);
	if (tdi->config.ide)
		pci_ide_session_ended(&tdi->ide, session);
	pci_doe_unlock(&tdi->doe);
}

static const struct spdm_responder_ops spdm_ops = {
	.vendor = vendor,
	.session_end = session_end,
};

/* What the device measures: the program that plays it, and what it pretends to be. */
static unsigned measure(struct pci_tdi *tdi)
{
	static const uint8_t version[] = AERIE_VERSION;
	const struct pci_cfg *cfg = &tdi->ep->fn.cfg;
	struct wire_out out = wire_out(tdi->ids, sizeof(tdi->ids));

	wire_put_u32(&out, pci_cfg_get(cfg, PCI_VENDOR_ID, 4));
	wire_put_u32(&out, pci_cfg_get(cfg, PCI_CLASS_REVISION, 4));
	wire_put_u32(&out, pci_cfg_get(cfg, PCI_SUBSYSTEM_VENDOR_ID, 4));
	tdi->blocks[0] = (struct spdm_block){.index = 1, .type = 1, .len = sizeof(version) - 1, .value = version};
	tdi->blocks[1] = (struct spdm_block){.index = 2, .type = 2, .len = sizeof(tdi->ids), .value = tdi->ids};
	return 2;
}

int tdi_spdm_create(struct pci_tdi *tdi)
{
	struct spdm_responder_config config = {
		.profile = spdm_profile_responder(),
		.blocks = tdi->blocks,
		.block_count = measure(tdi),
		.ops = &spdm_ops,
		.opaque = tdi,
		.heartbeat_s = tdi->config.heartbeat_s,
	};
	int err = tdi->config.certificates
			  ? spdm_identity_load(tdi->config.certificates, tdi->config.key, &tdi->identity)
			  : tdi_identity_make(tdi);

	config.slots[0] = tdi->identity;
	return err ? err : spdm_responder_create(&config, &tdi->spdm);
}

void tdi_spdm_destroy(struct pci_tdi *tdi)
{
	spdm_responder_destroy(tdi->spdm);
	spdm_identity_free(tdi->identity);
}

void tdi_spdm_protocols(struct pci_tdi *tdi, struct pci_doe_config *config)
{
	for (uint8_t type = DOE_TYPE_SPDM; type <= DOE_TYPE_SECURED_SPDM; type++)
		config->protocols[config->nr_protocols++] = (struct pci_doe_protocol){
			.vendor = DOE_VENDOR_PCI_SIG,
			.type = type,
			.slow = true,
			.handle = handle,
			.opaque = tdi,
		};
	config->tick = tick;
	config->tick_opaque = tdi;
	config->max_object = (size_t)align_up(
		spdm_profile_responder().data_transfer_size + SECURED_OVERHEAD + DOE_OBJECT_HEADER_BYTES, 4);
}

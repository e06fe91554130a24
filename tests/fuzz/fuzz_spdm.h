/* SPDX-License-Identifier: Apache-2.0 */
/* Requester and responder for fuzz targets: made once, with fresh keys, and put back to the start after each input. */
#ifndef AERIE_FUZZ_SPDM_H
#define AERIE_FUZZ_SPDM_H

#include "log.h"
#include "spdm_req.h"
#include "spdm_rig.h"
#include "spdm_rsp.h"

static inline void fuzz_spdm_quiet(enum log_level level, const char *line, void *opaque)
{
}

static inline struct spdm_rig *fuzz_spdm_rig(void)
{
	static struct spdm_rig rig;

	if (rig.req)
		return &rig;
	log_set_sink(fuzz_spdm_quiet, NULL);
	spdm_rig_init(&rig, SPDM_ASYM_P256);
	rig.req_config.identity = rig.host.identity;
	rig.req_config.retries = 2;
	rig.rsp_config.mutual = true;
	rig.rsp_config.profile.caps |= SPDM_CAP_MUT_AUTH | SPDM_CAP_ENCAP;
	rig.rsp_config.profile.algs.dhe = SPDM_DHE_P256;
	if (spdm_rig_start(&rig))
		abort();
	return &rig;
}

/* What both ends lie on from now on; a connection ends. */
static inline void fuzz_spdm_bind(struct spdm_rig *rig, enum spdm_binding binding)
{
	rig->req_config.binding = binding;
	rig->req->link.binding = binding;
	spdm_responder_set_binding(rig->rsp, binding);
}

static inline void fuzz_spdm_establish(struct spdm_link *link, uint32_t id)
{
	static const uint8_t th2[SPDM_MAX_HASH] = {1};
	struct spdm_session *s = spdm_session_new(link);

	*s = (struct spdm_session){.live = true, .established = true, .id = id, .heartbeat_s = 5};
	s->keys = (struct spdm_keys){
		.version = link->version,
		.hash = link->hash,
		.aead = link->aead,
		.encrypt = true,
		.binding = link->binding,
	};
	if (spdm_keys_data(&s->keys, th2))
		abort();
}

/* A connection, and a session without the signatures that would lead to it. */
static inline uint32_t fuzz_spdm_session(struct spdm_rig *rig)
{
	const uint32_t id = 0x00010001;

	if (spdm_requester_connect(rig->req))
		abort();
	fuzz_spdm_establish(&rig->req->link, id);
	fuzz_spdm_establish(&rig->rsp->link, id);
	return id;
}

static inline void fuzz_spdm_done(struct spdm_rig *rig)
{
	static unsigned inputs;

	spdm_responder_set_fault(rig->rsp, SPDM_FAULT_NONE);
	spdm_responder_reset(rig->rsp);
	/* An honest exchange must work again, whatever came before; not each time, for it costs signatures. */
	if (++inputs % 256 == 0 && spdm_rig_full(rig))
		abort();
	rig->req->nonce_count = 0;
}

#endif

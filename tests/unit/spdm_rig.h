/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A requester and a responder, wired together as over DOE: messages padded to four bytes, the pure function at the
 * end. A hook sees, and may change, every message on its way.
 */
#ifndef AERIE_SPDM_RIG_H
#define AERIE_SPDM_RIG_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake_pki.h"
#include "spdm_requester.h"
#include "spdm_responder.h"

#define SPDM_RIG_ROOM 0x20000u

struct spdm_rig {
	struct fake_pki device, host;
	struct spdm_requester *req;
	struct spdm_responder *rsp;
	struct spdm_requester_config req_config;
	struct spdm_responder_config rsp_config;
	/* Called for each message; @out is false for requests. May change bytes; returns the new length. */
	size_t (*hook)(struct spdm_rig *rig, bool out, bool secured, uint8_t *bytes, size_t len);
	void *hook_data;
	uint64_t messages, waited_us;
	size_t longest[2]; /* request, answer */
	unsigned ups, ends;
	enum spdm_end why;
	uint8_t *buffer;
};

static inline size_t spdm_rig_pad(uint8_t *bytes, size_t len)
{
	while (len % 4)
		bytes[len++] = 0;
	return len;
}

static inline int spdm_rig_exchange(void *ctx, bool *secured, const uint8_t *request, size_t request_len,
				    uint8_t *response, size_t cap, size_t *len, unsigned timeout_ms)
{
	struct spdm_rig *rig = ctx;
	uint8_t *copy = malloc(request_len + 64); /* of its own, so that the sanitizer sees reads beyond the end */
	size_t got = request_len;
	int rc;

	memcpy(copy, request, request_len);
	rig->messages++;
	if (request_len > rig->longest[0])
		rig->longest[0] = request_len;
	if (rig->hook)
		got = rig->hook(rig, false, *secured, copy, got);
	if (rig->req_config.binding == SPDM_BINDING_DOE)
		got = spdm_rig_pad(copy, got);
	rc = spdm_responder_handle(rig->rsp, secured, copy, got, rig->buffer, SPDM_RIG_ROOM - 64, len);
	free(copy);
	if (rc || *len == 0)
		return rc ? rc : -ETIMEDOUT;
	if (*len > rig->longest[1])
		rig->longest[1] = *len;
	if (rig->hook)
		*len = rig->hook(rig, true, *secured, rig->buffer, *len);
	if (*len == 0)
		return -ETIMEDOUT;
	if (rig->req_config.binding == SPDM_BINDING_DOE)
		*len = spdm_rig_pad(rig->buffer, *len);
	if (*len > cap)
		return -EMSGSIZE;
	memcpy(response, rig->buffer, *len);
	return 0;
}

static inline void spdm_rig_wait(void *ctx, uint64_t us)
{
	((struct spdm_rig *)ctx)->waited_us += us;
}

/* Echoes what it gets, with the session's number behind; protocol byte 0x7e: no answer, 0x7f: malformed. */
static inline int spdm_rig_vendor(void *opaque, uint32_t session, const uint8_t *in, size_t len, uint8_t *out,
				  size_t cap)
{
	if (len && in[0] == 0x7e)
		return 0;
	if (len == 0 || in[0] == 0x7f)
		return -EBADMSG;
	if (len + 4 > cap)
		return -EMSGSIZE;
	memcpy(out, in, len);
	memcpy(out + len, &session, 4);
	return (int)len + 4;
}

static inline void spdm_rig_up(void *opaque, uint32_t session)
{
	((struct spdm_rig *)opaque)->ups++;
}

static inline void spdm_rig_end(void *opaque, uint32_t session, enum spdm_end why)
{
	((struct spdm_rig *)opaque)->ends++;
	((struct spdm_rig *)opaque)->why = why;
}

static const struct spdm_responder_ops spdm_rig_ops = {spdm_rig_vendor, spdm_rig_up, spdm_rig_end};

static const struct spdm_block spdm_rig_blocks[] = {
	{1, 0, 8, (const uint8_t *)"boot rom"},
	{2, 1, 8, (const uint8_t *)"firmware"},
	{3, 0x87, 8, (const uint8_t *)"\x05\0\0\0\0\0\0\0"},
	{0xfd, 4, 300,
	 (const uint8_t *)"a manifest that is rather long ............................................................"
			  "..............................................................................."
			  "..............................................................................."
			  "......................................................................."},
};

/* Sets up configurations and certificates; spdm_rig_start() then makes both ends. */
static inline void spdm_rig_init(struct spdm_rig *rig, uint32_t asym)
{
	const struct fake_pki_options device = {.asym = asym}, host = {.asym = asym, .requester = true, .name = ""};

	*rig = (struct spdm_rig){.buffer = malloc(SPDM_RIG_ROOM)};
	fake_pki_make(&rig->device, &device);
	fake_pki_make(&rig->host, &host);
	rig->req_config = (struct spdm_requester_config){
		.transport = {rig, spdm_rig_exchange, spdm_rig_wait},
		.profile = spdm_profile_requester(),
		.roots = rig->device.roots,
		.device = &fake_pki_device,
	};
	rig->rsp_config = (struct spdm_responder_config){
		.profile = spdm_profile_responder(),
		.slots[0] = rig->device.identity,
		.blocks = spdm_rig_blocks,
		.block_count = sizeof(spdm_rig_blocks) / sizeof(spdm_rig_blocks[0]),
		.ops = &spdm_rig_ops,
		.opaque = rig,
		.roots = rig->host.roots,
		.heartbeat_s = 5,
	};
}

/* 0, or -1: one of the configurations is refused. */
static inline int spdm_rig_start(struct spdm_rig *rig)
{
	if (spdm_responder_create(&rig->rsp_config, &rig->rsp) || spdm_requester_create(&rig->req_config, &rig->req))
		return -1;
	spdm_responder_set_binding(rig->rsp, rig->req_config.binding);
	return 0;
}

static inline void spdm_rig_stop(struct spdm_rig *rig)
{
	spdm_requester_destroy(rig->req);
	spdm_responder_destroy(rig->rsp);
	rig->req = NULL;
	rig->rsp = NULL;
}

static inline void spdm_rig_fini(struct spdm_rig *rig)
{
	spdm_rig_stop(rig);
	fake_pki_free(&rig->device);
	fake_pki_free(&rig->host);
	free(rig->buffer);
}

/* Everything that a connection can do, in the usual order; the first error ends it. */
static inline int spdm_rig_full(struct spdm_rig *rig)
{
	struct spdm_requester *r = rig->req;
	struct spdm_measurements m;
	static const uint8_t ping[] = {0, 1, 2, 3};
	uint8_t pong[64];
	uint32_t session;
	size_t len;
	int rc = spdm_requester_connect(r);

	if (!rc)
		rc = spdm_requester_chain(r, 0);
	if (!rc)
		rc = spdm_requester_challenge(r);
	if (!rc) {
		rc = spdm_requester_measurements(r, 0, true, false, &m);
		spdm_measurements_fini(&m);
	}
	if (!rc)
		rc = spdm_requester_start_session(r, &session);
	if (!rc) {
		rc = spdm_requester_measurements(r, session, true, true, &m);
		spdm_measurements_fini(&m);
	}
	if (!rc)
		rc = spdm_requester_vendor(r, session, ping, sizeof(ping), pong, sizeof(pong), &len);
	if (!rc && (len != sizeof(ping) + 4 || memcmp(ping, pong, sizeof(ping)) || memcmp(pong + 4, &session, 4)))
		rc = -EIO;
	if (!rc)
		rc = spdm_requester_heartbeat(r, session);
	if (!rc)
		rc = spdm_requester_key_update(r, session, SPDM_UPDATE_KEY);
	if (!rc)
		rc = spdm_requester_key_update(r, session, SPDM_UPDATE_ALL);
	if (!rc)
		rc = spdm_requester_heartbeat(r, session);
	return rc ? rc : spdm_requester_end_session(r, session);
}

#endif

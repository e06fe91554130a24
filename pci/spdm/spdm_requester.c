/* SPDX-License-Identifier: Apache-2.0 */
#include "spdm_requester.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "spdm_req.h"

#define DEFAULT_TIMEOUT_MS 2000u
#define DEFAULT_RETRIES	   5u

static const char *config_problem(const struct spdm_requester_config *c)
{
	const struct spdm_profile *p = &c->profile;

	if (!c->transport.exchange)
		return "no transport is given";
	if (!p->versions || !p->algs.hash || !p->algs.asym)
		return "versions, hashes and signatures must not be empty";
	if (p->data_transfer_size < SPDM_MIN_DATA_TRANSFER || p->data_transfer_size > SPDM_MAX_MESSAGE ||
	    p->max_message_size < p->data_transfer_size || p->max_message_size > SPDM_MAX_MESSAGE)
		return "data_transfer_size or max_message_size is out of range";
	if (!(p->caps & SPDM_CAP_CHUNK) && p->max_message_size != p->data_transfer_size)
		return "max_message_size differs from data_transfer_size without CHUNK";
	return spdm_caps_problem(SPDM_VERSION_12, p->caps, false);
}

/* Authentication of the requester is offered if, and only if, there is something to do it with. */
static uint32_t own_caps(const struct spdm_requester_config *c)
{
	const uint32_t identity = SPDM_CAP_CERT | SPDM_CAP_MUT_AUTH | SPDM_CAP_ENCAP;
	uint32_t caps = c->profile.caps & ~(identity | SPDM_CAP_CHAL);

	return c->identity ? caps | identity : caps;
}

int spdm_requester_create(const struct spdm_requester_config *config, struct spdm_requester **out)
{
	const char *problem = config_problem(config);
	struct spdm_requester *r;

	if (problem)
		return log_fail(-EINVAL, "cannot make an SPDM requester: %s", problem);
	r = calloc(1, sizeof(*r));
	if (r) {
		r->config = *config;
		r->link.binding = config->binding;
		r->caps = own_caps(config);
		r->request = malloc(SPDM_MAX_MESSAGE);
		r->piece = malloc(SPDM_MAX_MESSAGE);
		r->sealed = malloc(SPDM_MAX_MESSAGE);
		r->inbox = malloc(SPDM_MAX_MESSAGE);
		r->answer = malloc(SPDM_MAX_MESSAGE);
		r->large = malloc(SPDM_MAX_MESSAGE);
	}
	if (!r || !r->request || !r->piece || !r->sealed || !r->inbox || !r->answer || !r->large) {
		spdm_requester_destroy(r);
		return log_fail(-ENOMEM, "cannot make an SPDM requester: out of memory");
	}
	if (!r->config.timeout_ms)
		r->config.timeout_ms = DEFAULT_TIMEOUT_MS;
	if (!r->config.retries)
		r->config.retries = DEFAULT_RETRIES;
	*out = r;
	return 0;
}

static void wipe_free(uint8_t *buffer)
{
	if (buffer)
		OPENSSL_cleanse(buffer, SPDM_MAX_MESSAGE);
	free(buffer);
}

void spdm_requester_destroy(struct spdm_requester *r)
{
	if (!r)
		return;
	spdm_link_reset(&r->link);
	spdm_chain_fini(&r->chain);
	spdm_chain_fini(&r->own);
	wipe_free(r->request);
	wipe_free(r->piece);
	wipe_free(r->sealed);
	wipe_free(r->inbox);
	wipe_free(r->answer);
	wipe_free(r->large);
	free(r);
}

int spdm_req_fail(struct spdm_requester *r, int err, enum spdm_reason reason, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, args);
	va_end(args);
	r->reason = reason;
	if (err == -ECANCELED) /* by the user of the transport, to whom it is no news */
		return err;
	return log_fail(err, "SPDM: %s: %s", spdm_reason_text(reason), r->why);
}

void spdm_req_lose(struct spdm_requester *r, struct spdm_session *session)
{
	if (session)
		spdm_session_end(session);
}

int spdm_req_fresh(struct spdm_requester *r, const uint8_t *nonce, const char *where)
{
	static const uint8_t zero[SPDM_NONCE_LEN];
	unsigned known = r->nonce_count < SPDM_REQ_NONCES ? r->nonce_count : SPDM_REQ_NONCES;

	if (!memcmp(nonce, zero, SPDM_NONCE_LEN))
		return spdm_req_fail(r, -EPROTO, SPDM_BAD_NONCE, "the nonce of %s is all zero", where);
	for (unsigned i = 0; i < known; i++)
		if (!memcmp(nonce, r->nonces[i], SPDM_NONCE_LEN))
			return spdm_req_fail(r, -EPROTO, SPDM_BAD_NONCE, "the nonce of %s was used before", where);
	memcpy(r->nonces[r->nonce_count++ % SPDM_REQ_NONCES], nonce, SPDM_NONCE_LEN);
	return 0;
}

int spdm_req_need(struct spdm_requester *r, const char *what, uint32_t rsp_caps, bool chain)
{
	if (r->link.state != SPDM_NEGOTIATED)
		return spdm_req_fail(r, -EINVAL, SPDM_ORDER, "%s needs a connection; connect first", what);
	if (rsp_caps && !(r->link.rsp_caps & rsp_caps))
		return spdm_req_fail(r, -ENOTSUP, SPDM_NO_CAPS, "the device does not offer %s", what);
	if (chain && !r->chain.key)
		return spdm_req_fail(r, -EINVAL, SPDM_ORDER, "%s needs the device's certificate chain; read it first",
				     what);
	return 0;
}

struct spdm_session *spdm_req_session(struct spdm_requester *r, uint32_t id)
{
	struct spdm_session *s = spdm_session_find(&r->link, id);

	if (s && s->established)
		return s;
	spdm_req_fail(r, -ECONNABORTED, SPDM_SESSION_LOST, "there is no session %08x", (unsigned)id);
	return NULL;
}

int spdm_req_note(struct spdm_requester *r, const struct spdm_ask *a, struct spdm_transcript *t, size_t end)
{
	int rc = spdm_transcript_add(t, r->request, a->request_len);

	if (!rc)
		rc = spdm_transcript_add(t, a->answer, end);
	return rc ? spdm_req_fail(r, -EIO, SPDM_LOCAL, "libcrypto cannot hash a transcript") : 0;
}

enum spdm_reason spdm_requester_reason(const struct spdm_requester *r)
{
	return r->reason;
}

const char *spdm_requester_why(const struct spdm_requester *r)
{
	return r->why;
}

uint8_t spdm_requester_version(const struct spdm_requester *r)
{
	return r->link.version;
}

const struct spdm_algs *spdm_requester_algs(const struct spdm_requester *r)
{
	return &r->link.algs;
}

uint32_t spdm_requester_peer_caps(const struct spdm_requester *r)
{
	return r->link.rsp_caps;
}

uint64_t spdm_requester_round_trips(const struct spdm_requester *r)
{
	return r->round_trips;
}

const uint8_t *spdm_requester_ders(const struct spdm_requester *r, size_t *len)
{
	if (!r->chain.key)
		return NULL;
	*len = r->chain.len - r->chain.ders;
	return r->chain.blob + r->chain.ders;
}

bool spdm_requester_chain_ok(const struct spdm_requester *r)
{
	return r->chain.ok;
}

bool spdm_requester_session_alive(const struct spdm_requester *r, uint32_t session)
{
	const struct spdm_session *s = spdm_session_find((struct spdm_link *)(uintptr_t)&r->link, session);

	return s && s->established;
}

unsigned spdm_requester_heartbeat_period(const struct spdm_requester *r, uint32_t session)
{
	const struct spdm_session *s = spdm_session_find((struct spdm_link *)(uintptr_t)&r->link, session);

	return s ? s->heartbeat_s : 0;
}

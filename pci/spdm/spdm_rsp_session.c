/* SPDX-License-Identifier: Apache-2.0 */
/* KEY_EXCHANGE_RSP and FINISH_RSP. */
#include <string.h>

#include "spdm_rsp.h"

/* How this session authenticates the requester; SPDM_ERR_* in *error when it must and cannot. */
static uint8_t choose_mut_auth(const struct spdm_responder *r, uint8_t *error)
{
	*error = 0;
	if (!r->config.mutual && !r->config.mutual_required)
		return 0;
	/* A requester with several keys tells them apart in its DIGESTS, which aerie does not read. */
	if (spdm_link_both(&r->link, SPDM_CAP_MUT_AUTH) && r->link.req_asym &&
	    !(r->link.algs.other_params & SPDM_MULTI_KEY_CONN)) {
		if (spdm_link_both(&r->link, SPDM_CAP_ENCAP))
			return SPDM_MUT_AUTH_ENCAP;
		if (r->config.requester_ders)
			return SPDM_MUT_AUTH_PLAIN;
	}
	if (r->config.mutual_required)
		*error = r->link.version >= SPDM_VERSION_13 ? SPDM_ERR_INVALID_POLICY : SPDM_ERR_UNSPECIFIED;
	return 0;
}

/* An id of which neither half belongs to a live session; 0: the requester's half does. */
static uint32_t new_id(struct spdm_responder *r, uint16_t req)
{
	bool taken;

	for (unsigned i = 0; i < SPDM_MAX_SESSIONS; i++)
		if (r->link.sessions[i].live && (r->link.sessions[i].id & 0xffff) == req)
			return 0;
	do {
		taken = ++r->last_session == 0;
		for (unsigned i = 0; i < SPDM_MAX_SESSIONS; i++)
			taken |= r->link.sessions[i].live && r->link.sessions[i].id >> 16 == r->last_session;
	} while (taken);
	return (uint32_t)r->last_session << 16 | req;
}

/* The shared secret, our own value, and the start of the transcript. */
static uint8_t agree(struct spdm_responder *r, struct spdm_call *c, uint8_t *value, uint8_t *shared)
{
	EVP_PKEY *key;
	int rc = spdm_dhe_generate(r->link.dhe, &key, value);

	if (rc)
		return SPDM_ERR_UNSPECIFIED;
	rc = spdm_dhe_derive(r->link.dhe, key, c->in.ptr[F_EXCHANGE], shared);
	EVP_PKEY_free(key);
	return rc ? SPDM_ERR_INVALID_REQUEST : 0;
}

/* Signature, TH1, keys, ResponderVerifyData: each covers what stands before it. */
static int seal_exchange(struct spdm_responder *r, struct spdm_call *c, struct spdm_session *s, unsigned slot,
			 uint8_t *shared)
{
	uint32_t sig = c->out.at[F_SIGNATURE], verify = c->out.at[F_VERIFY];
	int rc = spdm_link_begin(&r->link, &s->th);

	if (!rc)
		rc = spdm_transcript_add(&s->th, r->chains[slot].digest, r->link.hash->len);
	if (!rc)
		rc = spdm_transcript_add(&s->th, c->request, c->request_len);
	if (!rc)
		rc = spdm_transcript_add(&s->th, c->answer, sig);
	if (!rc)
		rc = spdm_rsp_sign(r, &s->th, SPDM_CONTEXT_KEY_EXCHANGE, slot, c->answer + sig);
	if (!rc)
		rc = spdm_transcript_add(&s->th, c->answer + sig, r->link.asym->sig_len);
	if (!rc)
		rc = spdm_session_handshake(&r->link, s, shared);
	if (rc || !c->format.with_verify)
		return rc;
	rc = spdm_session_verify_data(s, true, c->answer + verify);
	if (r->config.fault == SPDM_FAULT_BAD_MAC)
		c->answer[verify] ^= 1;
	return rc ? rc : spdm_transcript_add(&s->th, c->answer + verify, r->link.hash->len);
}

/* In clear only one handshake can go on at a time (DSP0274, KEY_EXCHANGE). */
static bool handshake_goes_on(const struct spdm_responder *r)
{
	for (unsigned i = 0; i < SPDM_MAX_SESSIONS; i++)
		if (r->link.sessions[i].live && !r->link.sessions[i].established)
			return true;
	return false;
}

static uint8_t check_exchange(struct spdm_responder *r, struct spdm_call *c)
{
	uint32_t slot = c->in.num[F_P2];

	if (!spdm_rsp_can_exchange(r))
		return SPDM_ERR_INVALID_REQUEST;
	if (spdm_link_both(&r->link, SPDM_CAP_HANDSHAKE_IN_CLEAR) && handshake_goes_on(r))
		return SPDM_ERR_UNEXPECTED_REQUEST;
	if (r->link.version >= SPDM_VERSION_13 && (c->in.num[F_POLICY] & SPDM_POLICY_EVENT_ALL))
		return SPDM_ERR_INVALID_REQUEST; /* there is no EVENT_CAP */
	if (slot >= SPDM_MAX_SLOTS || !(spdm_rsp_slots(r) & BIT32(slot)) ||
	    !spdm_rsp_summary_ok(r, (uint8_t)c->in.num[F_P1]) || c->in.len[F_OPAQUE] > SPDM_MAX_OPAQUE ||
	    !spdm_opaque_offers(c->in.ptr[F_OPAQUE], c->in.len[F_OPAQUE]))
		return SPDM_ERR_INVALID_REQUEST;
	return spdm_session_new(&r->link) ? 0 : SPDM_ERR_SESSION_LIMIT;
}

static uint8_t build_exchange(struct spdm_responder *r, struct spdm_call *c, struct spdm_session *s,
			      const uint8_t *value)
{
	uint8_t random[SPDM_NONCE_LEN], summary[SPDM_MAX_HASH], opaque[SPDM_OPAQUE_RSP_LEN];
	uint8_t kind = (uint8_t)c->in.num[F_P1];

	if (spdm_rsp_random(r, random) || spdm_rsp_summary(r, kind, summary))
		return SPDM_ERR_UNSPECIFIED;
	spdm_opaque_response(spdm_opaque_offers(c->in.ptr[F_OPAQUE], c->in.len[F_OPAQUE]), opaque);
	c->format.with_summary = kind != SPDM_SUMMARY_NONE;
	c->format.with_verify = !spdm_link_both(&r->link, SPDM_CAP_HANDSHAKE_IN_CLEAR);
	c->out.num[F_P1] = s->heartbeat_s;
	c->out.num[F_SESSION] = s->id >> 16;
	c->out.num[F_MUT_AUTH] = s->mut_auth;
	c->out.ptr[F_RANDOM] = random;
	c->out.ptr[F_EXCHANGE] = value;
	c->out.ptr[F_SUMMARY] = summary;
	c->out.ptr[F_OPAQUE] = opaque;
	c->out.len[F_OPAQUE] = sizeof(opaque);
	return spdm_rsp_build(c);
}

/* What is known of the requester before its FINISH. */
static uint8_t prepare_peer(struct spdm_responder *r, struct spdm_session *s)
{
	spdm_rsp_encap_reset(r);
	if (s->mut_auth == SPDM_MUT_AUTH_ENCAP) {
		r->encap.active = true;
		r->encap.session = s->id;
	} else if (s->mut_auth == SPDM_MUT_AUTH_PLAIN) {
		spdm_chain_fini(&r->peer);
		if (spdm_chain_wrap(&r->peer, r->config.requester_ders, r->config.requester_ders_len, r->link.hash) ||
		    !spdm_key_fits(r->link.req_asym, r->peer.key))
			return SPDM_ERR_UNSPECIFIED;
		r->encap.session = s->id;
		r->encap.done = true;
	}
	return 0;
}

uint8_t spdm_rsp_key_exchange(struct spdm_responder *r, struct spdm_call *c)
{
	uint8_t value[SPDM_MAX_DHE], shared[SPDM_MAX_DHE], error = check_exchange(r, c);
	struct spdm_session *s;
	uint8_t mut_auth;

	if (error)
		return error;
	mut_auth = choose_mut_auth(r, &error);
	if (!error)
		error = agree(r, c, value, shared);
	if (error)
		return error;
	s = spdm_session_new(&r->link);
	*s = (struct spdm_session){
		.id = new_id(r, (uint16_t)c->in.num[F_SESSION]),
		.mut_auth = mut_auth,
		.heartbeat_s = spdm_link_both(&r->link, SPDM_CAP_HBEAT) ? r->config.heartbeat_s : 0,
		.last_ms = r->now_ms,
	};
	error = s->id ? build_exchange(r, c, s, value) : SPDM_ERR_INVALID_REQUEST;
	if (!error && seal_exchange(r, c, s, c->in.num[F_P2], shared))
		error = SPDM_ERR_UNSPECIFIED;
	if (!error)
		error = prepare_peer(r, s);
	OPENSSL_cleanse(shared, sizeof(shared));
	if (error)
		spdm_session_end(s);
	else
		s->live = true;
	c->affected = error ? NULL : s;
	return error;
}

/* In clear FINISH belongs to the one session whose handshake goes on; of several, to the latest. */
static struct spdm_session *session_of(struct spdm_responder *r, struct spdm_call *c)
{
	struct spdm_session *latest = NULL;

	if (c->session)
		return c->session;
	for (unsigned i = 0; i < SPDM_MAX_SESSIONS; i++) {
		struct spdm_session *s = &r->link.sessions[i];

		if (s->live && !s->established && s->id >> 16 == r->last_session)
			latest = s;
	}
	return latest;
}

/* The requester's chain and signature, then its verify data; s->th covers each in turn. 0 or -errno. */
static int verify_finish(struct spdm_responder *r, struct spdm_call *c, struct spdm_session *s)
{
	bool is_signed = c->in.num[F_P1] & SPDM_FINISH_SIGNED;
	uint32_t at = 0, sig = c->in.at[F_SIGNATURE], verify = c->in.at[F_VERIFY];
	uint8_t expected[SPDM_MAX_HASH];
	int rc = 0;

	if (is_signed) {
		rc = spdm_transcript_add(&s->th, r->peer.digest, r->link.hash->len);
		if (!rc)
			rc = spdm_transcript_add(&s->th, c->request, sig);
		if (!rc)
			rc = spdm_link_verify(&r->link, r->link.req_asym, &s->th, SPDM_CONTEXT_FINISH, r->peer.key,
					      c->request + sig);
		at = sig;
	}
	if (!rc)
		rc = spdm_transcript_add(&s->th, c->request + at, verify - at);
	if (!rc)
		rc = spdm_session_verify_data(s, false, expected);
	if (!rc && CRYPTO_memcmp(expected, c->in.ptr[F_VERIFY], r->link.hash->len))
		rc = -1;
	OPENSSL_cleanse(expected, sizeof(expected));
	return rc ? rc : spdm_transcript_add(&s->th, c->request + verify, r->link.hash->len);
}

static uint8_t answer_finish(struct spdm_responder *r, struct spdm_call *c, struct spdm_session *s)
{
	uint32_t verify;
	uint8_t error;

	c->format.with_verify = spdm_link_both(&r->link, SPDM_CAP_HANDSHAKE_IN_CLEAR);
	error = spdm_rsp_build(c);
	if (error)
		return error;
	verify = c->format.with_verify ? c->out.at[F_VERIFY] : (uint32_t)c->answer_len;
	if (spdm_transcript_add(&s->th, c->answer, verify))
		return SPDM_ERR_UNSPECIFIED;
	if (!c->format.with_verify)
		return 0;
	if (spdm_session_verify_data(s, true, c->answer + verify) ||
	    spdm_transcript_add(&s->th, c->answer + verify, r->link.hash->len))
		return SPDM_ERR_UNSPECIFIED;
	if (r->config.fault == SPDM_FAULT_BAD_MAC)
		c->answer[verify] ^= 1;
	return 0;
}

uint8_t spdm_rsp_finish(struct spdm_responder *r, struct spdm_call *c)
{
	struct spdm_session *s = session_of(r, c);
	bool is_signed = c->in.num[F_P1] & SPDM_FINISH_SIGNED;
	uint8_t error;

	if (!s)
		return SPDM_ERR_SESSION_REQUIRED;
	if (is_signed != (s->mut_auth != 0))
		return SPDM_ERR_INVALID_REQUEST;
	if (is_signed && !(r->encap.done && r->encap.session == s->id))
		return SPDM_ERR_UNEXPECTED_REQUEST;
	/* r->encap.slot is 0 for a chain that was known beforehand, as SlotIDParam said. */
	if (is_signed && c->in.num[F_P2] != r->encap.slot)
		return SPDM_ERR_INVALID_REQUEST;
	c->affected = s;
	if (verify_finish(r, c, s)) {
		c->after = SPDM_AFTER_END;
		c->why = SPDM_END_DECRYPT;
		return SPDM_ERR_DECRYPT;
	}
	error = answer_finish(r, c, s);
	c->after = error ? SPDM_AFTER_END : SPDM_AFTER_ESTABLISH;
	c->why = SPDM_END_RESET;
	return error;
}

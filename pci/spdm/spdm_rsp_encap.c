/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mutual authentication: inside the handshake the responder asks for the requester's certificate by encapsulated
 * requests (DSP0274, "Session-based mutual authentication"): GET_DIGESTS, GET_CERTIFICATE until all is there, then the
 * number of the slot that was used.
 */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "spdm_rsp.h"

#define PORTION 0x400u

void spdm_rsp_encap_reset(struct spdm_responder *r)
{
	free(r->encap.blob);
	r->encap = (struct spdm_encap){0};
}

/* The session that this belongs to; in a handshake in clear the only one. */
static bool is_mine(const struct spdm_responder *r, const struct spdm_call *c)
{
	return r->encap.active && (!c->session || c->session->id == r->encap.session);
}

/* Lays out the next encapsulated request; returns its length. */
static size_t next_request(struct spdm_responder *r, uint8_t code, uint8_t *out, size_t cap)
{
	struct spdm_format format = spdm_link_format(&r->link);
	struct spdm_fields f = {0};

	f.num[F_P1] = code == SPDM_GET_CERTIFICATE ? r->encap.slot : 0;
	f.num[F_OFFSET] = (uint32_t)r->encap.got;
	f.num[F_LENGTH] = PORTION;
	if (r->encap.total && r->encap.total - r->encap.got < PORTION)
		f.num[F_LENGTH] = (uint32_t)(r->encap.total - r->encap.got);
	r->encap.code = code;
	r->encap.id++;
	return spdm_msg_build(code, &format, &f, out, cap) ? 0 : f.size;
}

uint8_t spdm_rsp_encap_get(struct spdm_responder *r, struct spdm_call *c)
{
	uint8_t inner[64];

	if (!is_mine(r, c) || r->encap.code)
		return r->link.version >= SPDM_VERSION_13 ? SPDM_ERR_NO_PENDING : SPDM_ERR_UNEXPECTED_REQUEST;
	c->out.len[F_PAYLOAD] = (uint32_t)next_request(r, SPDM_GET_DIGESTS, inner, sizeof(inner));
	c->out.ptr[F_PAYLOAD] = inner;
	c->out.num[F_P1] = r->encap.id;
	return spdm_rsp_build(c);
}

/* DIGESTS: the lowest slot is taken. */
static bool take_digests(struct spdm_responder *r, const struct spdm_fields *f)
{
	if (!f->num[F_P2])
		return false;
	r->encap.slot = (uint8_t)__builtin_ctz(f->num[F_P2]);
	memcpy(r->encap.digest, f->ptr[F_DIGESTS], r->link.hash->len);
	return true;
}

static bool take_certificate(struct spdm_responder *r, const struct spdm_fields *f)
{
	struct spdm_encap *e = &r->encap;
	size_t portion = f->len[F_DATA], total = e->got + portion + f->num[F_REMAINDER];

	if ((f->num[F_P1] & 0xf) != e->slot || portion == 0 || portion > PORTION || total > SPDM_MAX_CHAIN ||
	    (e->total && total != e->total))
		return false;
	if (!e->blob)
		e->blob = malloc(SPDM_MAX_CHAIN);
	if (!e->blob)
		return false;
	e->total = total;
	memcpy(e->blob + e->got, f->ptr[F_DATA], portion);
	e->got += portion;
	return true;
}

/* The chain is complete: is it the one of DIGESTS, and to be trusted? */
static bool check_chain(struct spdm_responder *r)
{
	const struct spdm_chain_rules rules = {
		.roots = r->config.roots,
		.asym = r->link.req_asym,
		.version = r->link.version,
		.now = r->config.now,
	};
	enum spdm_reason reason;
	char why[256] = "";

	spdm_chain_fini(&r->peer);
	reason = spdm_chain_read(&r->peer, r->encap.blob, r->encap.got, r->link.hash);
	r->encap.blob = NULL;
	if (reason == SPDM_OK && CRYPTO_memcmp(r->peer.digest, r->encap.digest, r->link.hash->len))
		reason = SPDM_CHAIN_DIGEST;
	if (reason == SPDM_OK)
		reason = spdm_chain_check(&r->peer, &rules, why, sizeof(why));
	if (reason != SPDM_OK)
		log_guest("SPDM responder: the requester's certificate is refused: %s%s%s", spdm_reason_text(reason),
			  *why ? ": " : "", why);
	r->encap.done = reason == SPDM_OK;
	return r->encap.done;
}

/* The answer to what is outstanding. */
static bool take_answer(struct spdm_responder *r, struct spdm_call *c)
{
	struct spdm_format format = spdm_link_format(&r->link);
	uint8_t code = SPDM_RESPONSE(r->encap.code);
	struct spdm_fields f;

	if (c->in.len[F_PAYLOAD] < SPDM_HDR_LEN || c->in.ptr[F_PAYLOAD][SPDM_HDR_CODE] != code ||
	    c->in.ptr[F_PAYLOAD][SPDM_HDR_VERSION] != r->link.version ||
	    spdm_msg_parse(code, &format, c->in.ptr[F_PAYLOAD], c->in.len[F_PAYLOAD], c->padded, &f))
		return false;
	return r->encap.code == SPDM_GET_DIGESTS ? take_digests(r, &f) : take_certificate(r, &f);
}

uint8_t spdm_rsp_encap_deliver(struct spdm_responder *r, struct spdm_call *c)
{
	uint8_t inner[64];
	bool ok;

	if (!is_mine(r, c) || !r->encap.code || r->encap.done)
		return SPDM_ERR_UNEXPECTED_REQUEST;
	ok = c->in.num[F_P1] == r->encap.id && take_answer(r, c);
	if (ok && r->encap.code == SPDM_GET_CERTIFICATE && r->encap.got == r->encap.total)
		ok = check_chain(r);
	if (!ok) {
		spdm_rsp_encap_reset(r);
		return SPDM_ERR_INVALID_REQUEST;
	}
	c->out.num[F_ACK_ID] = c->in.num[F_P1];
	c->out.ptr[F_PAYLOAD] = inner;
	if (r->encap.done) {
		inner[0] = r->encap.slot;
		c->out.num[F_P2] = SPDM_ENCAP_REQ_SLOT;
		c->out.len[F_PAYLOAD] = 1;
	} else {
		c->out.num[F_P2] = SPDM_ENCAP_PRESENT;
		c->out.len[F_PAYLOAD] = (uint32_t)next_request(r, SPDM_GET_CERTIFICATE, inner, sizeof(inner));
		c->out.num[F_P1] = r->encap.id;
	}
	return spdm_rsp_build(c);
}

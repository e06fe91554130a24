/* SPDX-License-Identifier: Apache-2.0 */
/* DIGESTS, CERTIFICATE, CHALLENGE_AUTH. */
#include <string.h>

#include "spdm_rsp.h"

#define CERTIFICATE_HDR	  8u
#define SLOT_MASK	  0x0fu
#define LARGE_CERTIFICATE 0x80u /* 1.4, param1: offsets of 32 bits follow */
#define SLOT_SIZE_REQUEST 0x01u /* 1.3, param2: how large is the slot? */
#define WHOLE_CHAIN	  0xffffu

uint8_t spdm_rsp_slots(const struct spdm_responder *r)
{
	uint8_t mask = 0;

	for (unsigned i = 0; i < SPDM_MAX_SLOTS; i++)
		if (r->chains[i].blob && r->link.asym && spdm_key_fits(r->link.asym, r->chains[i].key))
			mask |= (uint8_t)BIT32(i);
	return mask;
}

/* Request and answer become part of B; inside a session there is no CHALLENGE that could sign it. */
static uint8_t note_b(struct spdm_responder *r, struct spdm_call *c)
{
	struct spdm_transcript *b = &r->link.b;

	if (c->session)
		return 0;
	if (spdm_link_begin(&r->link, b) || spdm_transcript_add(b, c->request, c->request_len) ||
	    spdm_transcript_add(b, c->answer, c->answer_len))
		return SPDM_ERR_UNSPECIFIED;
	return 0;
}

uint8_t spdm_rsp_digests(struct spdm_responder *r, struct spdm_call *c)
{
	uint8_t digests[SPDM_MAX_SLOTS * SPDM_MAX_HASH], mask = spdm_rsp_slots(r);
	uint32_t len = 0;
	uint8_t error;

	for (unsigned i = 0; i < SPDM_MAX_SLOTS; i++) {
		if (!(mask & BIT32(i)))
			continue;
		memcpy(digests + len, r->chains[i].digest, r->link.hash->len);
		len += r->link.hash->len;
	}
	if (r->config.fault == SPDM_FAULT_BAD_DIGEST && len)
		digests[0] ^= 1;
	c->out.num[F_P1] = r->link.version >= SPDM_VERSION_13 ? mask : 0;
	c->out.num[F_P2] = mask;
	c->out.ptr[F_DIGESTS] = digests;
	c->out.len[F_DIGESTS] = len;
	error = spdm_rsp_build(c);
	return error ? error : note_b(r, c);
}

/* A portion is what fits into one transfer, or with chunks into one message; the whole chain is never cut. */
static uint8_t portion_of(const struct spdm_responder *r, struct spdm_call *c, const struct spdm_chain *chain)
{
	bool chunks = spdm_link_both(&r->link, SPDM_CAP_CHUNK);
	size_t room = (chunks ? r->link.peer_message : r->link.peer_transfer) - CERTIFICATE_HDR;
	size_t offset = c->in.num[F_OFFSET], portion = c->in.num[F_LENGTH], left = chain->len - offset;

	if (offset >= chain->len)
		return SPDM_ERR_INVALID_REQUEST;
	if (chunks && offset == 0 && portion == WHOLE_CHAIN && chain->len > room)
		return SPDM_ERR_RSP_TOO_LARGE;
	portion = portion < room ? portion : room;
	portion = portion < left ? portion : left;
	c->out.ptr[F_DATA] = chain->blob + offset;
	c->out.len[F_DATA] = (uint32_t)portion;
	c->out.num[F_REMAINDER] = (uint32_t)(left - portion);
	return 0;
}

uint8_t spdm_rsp_certificate(struct spdm_responder *r, struct spdm_call *c)
{
	unsigned slot = c->in.num[F_P1] & SLOT_MASK;
	const struct spdm_chain *chain;
	uint8_t error = 0;

	if (r->link.version >= SPDM_VERSION_14 && (c->in.num[F_P1] & LARGE_CERTIFICATE)) {
		c->error_data = c->code;
		return SPDM_ERR_UNSUPPORTED;
	}
	if (slot >= SPDM_MAX_SLOTS || !(spdm_rsp_slots(r) & BIT32(slot)))
		return SPDM_ERR_INVALID_REQUEST;
	chain = &r->chains[slot];
	c->out.num[F_P1] = slot;
	/* A length of 0 asks for the chain's length, as the size of the slot does: aerie's slots are as large. */
	if (c->in.num[F_LENGTH] == 0 || (r->link.version >= SPDM_VERSION_13 && (c->in.num[F_P2] & SLOT_SIZE_REQUEST)))
		c->out.num[F_REMAINDER] = (uint32_t)chain->len;
	else
		error = portion_of(r, c, chain);
	if (!error)
		error = spdm_rsp_build(c);
	return error ? error : note_b(r, c);
}

/* The signature over A, B and C, into its place in the answer. */
static uint8_t sign_challenge(struct spdm_responder *r, struct spdm_call *c, unsigned slot)
{
	struct spdm_transcript *b = &r->link.b;
	uint32_t at = c->out.at[F_SIGNATURE];
	int rc = spdm_link_begin(&r->link, b);

	if (!rc)
		rc = spdm_transcript_add(b, c->request, c->request_len);
	if (!rc)
		rc = spdm_transcript_add(b, c->answer, at);
	if (!rc)
		rc = spdm_rsp_sign(r, b, SPDM_CONTEXT_CHALLENGE, slot, c->answer + at);
	spdm_transcript_reset(b);
	return rc ? SPDM_ERR_UNSPECIFIED : 0;
}

uint8_t spdm_rsp_challenge(struct spdm_responder *r, struct spdm_call *c)
{
	uint8_t nonce[SPDM_NONCE_LEN], summary[SPDM_MAX_HASH], kind = (uint8_t)c->in.num[F_P2], error;
	unsigned slot = c->in.num[F_P1];

	if (slot >= SPDM_MAX_SLOTS || !(spdm_rsp_slots(r) & BIT32(slot)) || !spdm_rsp_summary_ok(r, kind))
		return SPDM_ERR_INVALID_REQUEST;
	if (spdm_rsp_random(r, nonce) || spdm_rsp_summary(r, kind, summary))
		return SPDM_ERR_UNSPECIFIED;
	c->format.with_summary = kind != SPDM_SUMMARY_NONE;
	c->out.num[F_P1] = slot;
	c->out.num[F_P2] = spdm_rsp_slots(r);
	c->out.ptr[F_CHAIN_HASH] = r->chains[slot].digest;
	c->out.ptr[F_NONCE] = nonce;
	c->out.ptr[F_SUMMARY] = summary;
	c->out.ptr[F_CONTEXT] = c->in.ptr[F_CONTEXT];
	error = spdm_rsp_build(c);
	return error ? error : sign_challenge(r, c, slot);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* MEASUREMENTS, and the summaries of measurements that other answers carry. */
#include <string.h>

#include "spdm_rsp.h"

#define BLOCK_HDR 4u /* index, specification, u16 size */
#define VALUE_HDR 3u /* type, u16 size */

/* One block in DMTF's format at @out; its length, 0: no room or libcrypto failed. */
static size_t write_block(const struct spdm_responder *r, const struct spdm_block *b, bool raw, uint8_t *out,
			  size_t cap)
{
	const struct spdm_hash_alg *hash = spdm_meas_hash_find(r->link.algs.meas_hash);
	uint8_t type = b->type & SPDM_MEAS_TYPE_MASK;
	size_t len;

	if ((b->type & SPDM_MEAS_TYPE_RAW) || raw || !hash) {
		len = b->len;
		type |= SPDM_MEAS_TYPE_RAW;
	} else {
		len = hash->len;
	}
	if (BLOCK_HDR + VALUE_HDR + len > cap)
		return 0;
	out[0] = b->index;
	out[1] = SPDM_MEAS_SPEC_DMTF;
	spdm_put_le(out + 2, 2, (uint32_t)(VALUE_HDR + len));
	out[4] = type;
	spdm_put_le(out + 5, 2, (uint32_t)len);
	if (type & SPDM_MEAS_TYPE_RAW)
		memcpy(out + 7, b->value, len);
	else if (spdm_hash(hash, b->value, b->len, out + 7))
		return 0;
	if (r->config.fault == SPDM_FAULT_WRONG_MEASUREMENT && b == r->config.blocks && len)
		out[7 + len - 1] ^= 1;
	return BLOCK_HDR + VALUE_HDR + len;
}

bool spdm_rsp_summary_ok(const struct spdm_responder *r, uint8_t summary)
{
	if (summary == SPDM_SUMMARY_NONE)
		return true;
	return (summary == SPDM_SUMMARY_TCB || summary == SPDM_SUMMARY_ALL) &&
	       (r->config.profile.caps & SPDM_CAP_MEAS_MASK) && r->link.algs.meas_spec;
}

/* TCB: immutable ROM, type 0. */
int spdm_rsp_summary(struct spdm_responder *r, uint8_t summary, uint8_t *out)
{
	struct spdm_transcript t = {0};
	bool any = summary == SPDM_SUMMARY_ALL;
	int rc;

	if (summary == SPDM_SUMMARY_NONE)
		return 0;
	rc = spdm_transcript_begin(&t, r->link.hash, r->record, 0);
	for (unsigned i = 0; !rc && i < r->config.block_count; i++) {
		const struct spdm_block *b = &r->config.blocks[i];
		size_t len;

		if (summary == SPDM_SUMMARY_TCB && (b->type & SPDM_MEAS_TYPE_MASK))
			continue;
		any = true;
		len = write_block(r, b, false, r->record, SPDM_MAX_MESSAGE);
		rc = spdm_transcript_add(&t, r->record, len);
	}
	if (!rc)
		rc = spdm_transcript_hash(&t, out);
	/* DSP0274, CHALLENGE_AUTH: without a component of the TCB the field is 0. */
	if (!rc && !any)
		memset(out, 0, r->link.hash->len);
	spdm_transcript_reset(&t);
	return rc;
}

/* The record for operation @op into @record. An ERROR's code, or 0. */
static uint8_t write_record(struct spdm_responder *r, struct spdm_call *c, uint8_t op, uint8_t *record, size_t cap)
{
	size_t len = 0;
	unsigned count = 0;

	if (op == SPDM_MEAS_OP_ALL && r->config.fault == SPDM_FAULT_MEASURE_SINGLY)
		return SPDM_ERR_RSP_TOO_LARGE;
	for (unsigned i = 0; op != SPDM_MEAS_OP_COUNT && i < r->config.block_count; i++) {
		const struct spdm_block *b = &r->config.blocks[i];
		size_t n;

		if (op != SPDM_MEAS_OP_ALL && b->index != op)
			continue;
		n = write_block(r, b, c->in.num[F_P1] & SPDM_MEAS_RAW, record + len, cap - len);
		if (!n)
			return SPDM_ERR_RSP_TOO_LARGE;
		len += n;
		count++;
	}
	if (op != SPDM_MEAS_OP_COUNT && op != SPDM_MEAS_OP_ALL && count == 0)
		return SPDM_ERR_INVALID_REQUEST;
	c->out.num[F_P1] = op == SPDM_MEAS_OP_COUNT ? r->config.block_count : 0;
	c->out.num[F_COUNT] = count;
	c->out.ptr[F_RECORD] = record;
	c->out.len[F_RECORD] = (uint32_t)len;
	return 0;
}

/* Request and answer become part of M; the signature, if any, ends it. */
static uint8_t note_m(struct spdm_responder *r, struct spdm_call *c, bool sign, unsigned slot)
{
	struct spdm_transcript *m = spdm_link_m(&r->link, c->session);
	uint32_t end = sign ? c->out.at[F_SIGNATURE] : (uint32_t)c->answer_len;
	int rc = spdm_link_begin(&r->link, m);

	if (!rc)
		rc = spdm_transcript_add(m, c->request, c->request_len);
	if (!rc)
		rc = spdm_transcript_add(m, c->answer, end);
	if (!sign)
		return rc ? SPDM_ERR_UNSPECIFIED : 0;
	if (!rc)
		rc = spdm_rsp_sign(r, m, SPDM_CONTEXT_MEASUREMENTS, slot, c->answer + end);
	spdm_transcript_reset(m);
	return rc ? SPDM_ERR_UNSPECIFIED : 0;
}

uint8_t spdm_rsp_measurements(struct spdm_responder *r, struct spdm_call *c)
{
	bool sign = c->in.num[F_P1] & SPDM_MEAS_SIGN;
	unsigned slot = sign ? c->in.num[F_SLOT] & SPDM_MEAS_SLOT_MASK : 0;
	uint8_t nonce[SPDM_NONCE_LEN], error;

	if (!r->link.algs.meas_spec)
		return SPDM_ERR_UNEXPECTED_REQUEST;
	if (sign && (!(r->config.profile.caps & SPDM_CAP_MEAS_SIGNED) || slot >= SPDM_MAX_SLOTS ||
		     !(spdm_rsp_slots(r) & BIT32(slot))))
		return SPDM_ERR_INVALID_REQUEST;
	error = write_record(r, c, (uint8_t)c->in.num[F_P2], r->record, SPDM_MAX_MESSAGE - 1024);
	if (error)
		return error;
	if (spdm_rsp_random(r, nonce))
		return SPDM_ERR_UNSPECIFIED;
	c->format.with_signature = sign;
	if (sign)
		c->out.num[F_P2] = slot | (r->blocks_changed ? SPDM_MEAS_CHANGED : SPDM_MEAS_UNCHANGED);
	c->out.ptr[F_NONCE] = nonce;
	c->out.ptr[F_CONTEXT] = c->in.ptr[F_CONTEXT];
	error = spdm_rsp_build(c);
	if (!error)
		error = note_m(r, c, sign, slot);
	if (!error && sign)
		r->blocks_changed = false;
	return error;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* GET_MEASUREMENTS. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spdm_req.h"

#define BLOCK_HDR 4u /* index, specification, u16 size */
#define VALUE_HDR 3u /* type, u16 size */

void spdm_measurements_fini(struct spdm_measurements *m)
{
	free(m->bytes);
	*m = (struct spdm_measurements){0};
}

/* One block of DMTF's format; its length, 0: it does not hold together. */
static size_t parse_block(const uint8_t *p, size_t len, struct spdm_block *b)
{
	size_t size;

	if (len < BLOCK_HDR + VALUE_HDR)
		return 0;
	size = spdm_get_le(p + 2, 2);
	if (p[0] == 0 || p[0] > SPDM_MEAS_INDEX_MAX || p[1] != SPDM_MEAS_SPEC_DMTF || size > len - BLOCK_HDR ||
	    size < VALUE_HDR || spdm_get_le(p + 5, 2) != size - VALUE_HDR)
		return 0;
	*b = (struct spdm_block){.index = p[0], .type = p[4], .len = (uint16_t)(size - VALUE_HDR), .value = p + 7};
	return BLOCK_HDR + size;
}

/* The record as blocks with different indices; a digest has the length of the agreed hash. */
static int parse_record(struct spdm_requester *r, struct spdm_measurements *m, size_t len, unsigned count)
{
	const struct spdm_hash_alg *hash = spdm_meas_hash_find(r->link.algs.meas_hash);
	bool seen[256] = {0};
	size_t at = 0;

	for (unsigned i = 0; i < count && i < SPDM_MAX_BLOCKS; i++) {
		struct spdm_block *b = &m->blocks[i];
		size_t used = parse_block(m->bytes + at, len - at, b);

		if (!used || seen[b->index])
			return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "measurement %u does not hold together", i);
		if (!(b->type & SPDM_MEAS_TYPE_RAW) && (!hash || b->len != hash->len))
			return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "the digest of measurement %u has %u bytes",
					     b->index, b->len);
		seen[b->index] = true;
		at += used;
		m->count++;
	}
	if (at != len || m->count != count)
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "the measurements do not fill their record");
	return 0;
}

static int verify(struct spdm_requester *r, const struct spdm_ask *a, bool sign)
{
	struct spdm_transcript *m = spdm_link_m(&r->link, a->session);
	int rc;

	if (spdm_link_begin(&r->link, m))
		return spdm_req_fail(r, -EIO, SPDM_LOCAL, "libcrypto cannot hash a transcript");
	rc = spdm_req_note(r, a, m, sign ? a->in.at[F_SIGNATURE] : a->answer_len);
	if (rc || !sign)
		return rc;
	if (spdm_link_verify(&r->link, r->link.asym, m, SPDM_CONTEXT_MEASUREMENTS, r->chain.key,
			     a->in.ptr[F_SIGNATURE]))
		rc = spdm_req_fail(r, -EACCES, SPDM_BAD_SIGNATURE, "MEASUREMENTS");
	spdm_transcript_reset(m);
	return rc;
}

static int take(struct spdm_requester *r, const struct spdm_ask *a, bool sign, struct spdm_measurements *out)
{
	const struct spdm_fields *f = &a->in;

	if (f->len[F_OPAQUE] > SPDM_MAX_OPAQUE || (sign && (f->num[F_P2] & SPDM_MEAS_SLOT_MASK) != r->slot))
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "MEASUREMENTS are signed by another slot");
	if (f->len[F_CONTEXT] && memcmp(f->ptr[F_CONTEXT], r->request + a->out.at[F_CONTEXT], SPDM_CONTEXT_LEN))
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "MEASUREMENTS do not repeat our context");
	if (sign) {
		int rc = spdm_req_fresh(r, f->ptr[F_NONCE], "MEASUREMENTS");

		if (rc)
			return rc;
	}
	out->is_signed = sign;
	memcpy(out->nonce, f->ptr[F_NONCE], SPDM_NONCE_LEN);
	out->bytes = malloc(f->len[F_RECORD] + 1);
	if (!out->bytes)
		return spdm_req_fail(r, -ENOMEM, SPDM_LOCAL, "out of memory for measurements");
	memcpy(out->bytes, f->ptr[F_RECORD], f->len[F_RECORD]);
	return parse_record(r, out, f->len[F_RECORD], f->num[F_COUNT]);
}

int spdm_requester_measurements(struct spdm_requester *r, uint32_t session, bool sign, bool raw,
				struct spdm_measurements *out)
{
	struct spdm_session *s = NULL;
	uint8_t nonce[SPDM_NONCE_LEN], context[SPDM_CONTEXT_LEN];
	struct spdm_ask a;
	int rc = spdm_req_need(r, sign ? "signed measurements" : "measurements",
			       sign ? SPDM_CAP_MEAS_SIGNED : SPDM_CAP_MEAS_MASK, sign);

	*out = (struct spdm_measurements){0};
	if (rc)
		return rc;
	if (session && !(s = spdm_req_session(r, session)))
		return -ECONNABORTED;
	if (spdm_random(nonce, sizeof(nonce)) || spdm_random(context, sizeof(context)))
		return spdm_req_fail(r, -EIO, SPDM_LOCAL, "libcrypto has no random numbers");
	a = spdm_req_new(r, SPDM_GET_MEASUREMENTS, s);
	a.slow = sign;
	a.format.with_signature = sign;
	a.out.num[F_P1] = (sign ? SPDM_MEAS_SIGN : 0) | (raw ? SPDM_MEAS_RAW : 0);
	a.out.num[F_P2] = SPDM_MEAS_OP_ALL;
	a.out.num[F_SLOT] = r->slot;
	a.out.ptr[F_NONCE] = nonce;
	a.out.ptr[F_CONTEXT] = context;
	rc = spdm_req_ask(r, &a);
	if (!rc)
		rc = verify(r, &a, sign);
	if (!rc)
		rc = take(r, &a, sign, out);
	if (rc)
		spdm_measurements_fini(out);
	return rc;
}

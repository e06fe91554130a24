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

/* What has come: the records, one behind the other. */
struct record {
	struct spdm_measurements *out; /* its bytes, signature and nonce; its blocks at the end */
	size_t len;
	unsigned blocks;
};

/* The records as blocks with different indices; a digest has the length of the agreed hash. */
static int parse_record(struct spdm_requester *r, const struct record *record)
{
	const struct spdm_hash_alg *hash = spdm_meas_hash_find(r->link.algs.meas_hash);
	struct spdm_measurements *m = record->out;
	bool seen[256] = {0};
	size_t at = 0;

	for (unsigned i = 0; i < record->blocks && i < SPDM_MAX_BLOCKS; i++) {
		struct spdm_block *b = &m->blocks[i];
		size_t used = parse_block(m->bytes + at, record->len - at, b);

		if (!used || seen[b->index])
			return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "measurement %u does not hold together", i);
		if (!(b->type & SPDM_MEAS_TYPE_RAW) && (!hash || b->len != hash->len))
			return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "the digest of measurement %u has %u bytes",
					     b->index, b->len);
		seen[b->index] = true;
		at += used;
		m->count++;
	}
	if (at != record->len || m->count != record->blocks)
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

/* What GET_MEASUREMENTS asks for. */
struct wish {
	struct spdm_session *session; /* NULL: in clear */
	uint8_t op;		      /* SPDM_MEAS_OP_*, or an index */
	bool sign, raw;
	const uint8_t *tolerated; /* as in struct spdm_ask */
};

static int append(struct spdm_requester *r, struct record *record, const struct spdm_fields *f)
{
	uint8_t *bytes = realloc(record->out->bytes, record->len + f->len[F_RECORD] + 1);

	if (!bytes)
		return spdm_req_fail(r, -ENOMEM, SPDM_LOCAL, "out of memory for measurements");
	memcpy(bytes + record->len, f->ptr[F_RECORD], f->len[F_RECORD]);
	record->out->bytes = bytes;
	record->len += f->len[F_RECORD];
	record->blocks += f->num[F_COUNT];
	return 0;
}

static int take(struct spdm_requester *r, const struct spdm_ask *a, const struct wish *wish, struct record *record)
{
	const struct spdm_fields *f = &a->in;
	bool one = wish->op != SPDM_MEAS_OP_COUNT && wish->op != SPDM_MEAS_OP_ALL;

	if (f->len[F_OPAQUE] > SPDM_MAX_OPAQUE || (wish->sign && (f->num[F_P2] & SPDM_MEAS_SLOT_MASK) != r->slot))
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "MEASUREMENTS are signed by another slot");
	if (f->len[F_CONTEXT] && memcmp(f->ptr[F_CONTEXT], r->request + a->out.at[F_CONTEXT], SPDM_CONTEXT_LEN))
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "MEASUREMENTS do not repeat our context");
	/* What came here would be covered by no signature: only indices are asked for with one. */
	if (wish->op == SPDM_MEAS_OP_COUNT && (f->num[F_COUNT] || f->len[F_RECORD]))
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED,
				     "MEASUREMENTS hold some, and only their number was asked for");
	if (one && (f->num[F_COUNT] != 1 || f->len[F_RECORD] < BLOCK_HDR || f->ptr[F_RECORD][0] != wish->op))
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "MEASUREMENTS of index %u are of something else",
				     wish->op);
	if (wish->sign) {
		int rc = spdm_req_fresh(r, f->ptr[F_NONCE], "MEASUREMENTS");

		if (rc)
			return rc;
	}
	record->out->is_signed = wish->sign;
	memcpy(record->out->nonce, f->ptr[F_NONCE], SPDM_NONCE_LEN);
	return append(r, record, f);
}

/* One exchange. *@total: how many the device has, for SPDM_MEAS_OP_COUNT. */
static int ask(struct spdm_requester *r, const struct wish *wish, struct record *record, unsigned *total)
{
	uint8_t nonce[SPDM_NONCE_LEN], context[SPDM_CONTEXT_LEN];
	struct spdm_ask a = spdm_req_new(r, SPDM_GET_MEASUREMENTS, wish->session);
	int rc;

	if (spdm_random(nonce, sizeof(nonce)) || spdm_random(context, sizeof(context)))
		return spdm_req_fail(r, -EIO, SPDM_LOCAL, "libcrypto has no random numbers");
	a.slow = wish->sign;
	a.tolerated = wish->tolerated;
	a.format.with_signature = wish->sign;
	a.out.num[F_P1] = (wish->sign ? SPDM_MEAS_SIGN : 0) | (wish->raw ? SPDM_MEAS_RAW : 0);
	a.out.num[F_P2] = wish->op;
	a.out.num[F_SLOT] = r->slot;
	a.out.ptr[F_NONCE] = nonce;
	a.out.ptr[F_CONTEXT] = context;
	rc = spdm_req_ask(r, &a);
	if (!rc)
		rc = verify(r, &a, wish->sign);
	if (!rc)
		rc = take(r, &a, wish, record);
	*total = a.in.num[F_P1];
	return rc;
}

/* For devices that cannot give all at once: how many there are, then each. Each is signed, since probing an index that
 * is not used ends in an ERROR, which ends what a later signature would cover (DSP0274, "L1/L2"). */
static int ask_each(struct spdm_requester *r, struct wish wish, struct record *record)
{
	static const uint8_t not_used[] = {SPDM_ERR_INVALID_REQUEST, 0};
	struct wish count = {.session = wish.session, .op = SPDM_MEAS_OP_COUNT};
	unsigned total, unused;
	int rc = ask(r, &count, record, &total);

	wish.tolerated = not_used;
	for (unsigned index = 1; !rc && index <= SPDM_MEAS_INDEX_MAX && record->blocks < total; index++) {
		wish.op = (uint8_t)index;
		rc = ask(r, &wish, record, &unused);
		rc = rc == -ENOENT ? 0 : rc;
	}
	if (!rc && (record->blocks != total || total == 0))
		rc = spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "the device counts %u measurements and has %u", total,
				   record->blocks);
	return rc;
}

int spdm_requester_measurements(struct spdm_requester *r, uint32_t session, bool sign, bool raw,
				struct spdm_measurements *out)
{
	static const uint8_t too_much[] = {SPDM_ERR_RSP_TOO_LARGE, SPDM_ERR_LARGE_RESPONSE, SPDM_ERR_UNSUPPORTED, 0};
	struct wish wish = {.op = SPDM_MEAS_OP_ALL, .sign = sign, .raw = raw, .tolerated = too_much};
	struct record record = {.out = out};
	unsigned total;
	int rc = spdm_req_need(r, sign ? "signed measurements" : "measurements",
			       sign ? SPDM_CAP_MEAS_SIGNED : SPDM_CAP_MEAS_MASK, sign);

	*out = (struct spdm_measurements){0};
	if (rc)
		return rc;
	if (session && !(wish.session = spdm_req_session(r, session)))
		return -ECONNABORTED;
	rc = ask(r, &wish, &record, &total);
	if (rc == -ENOENT)
		rc = ask_each(r, wish, &record);
	if (!rc)
		rc = parse_record(r, &record);
	if (rc)
		spdm_measurements_fini(out);
	return rc;
}

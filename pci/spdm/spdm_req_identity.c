/* SPDX-License-Identifier: Apache-2.0 */
/* GET_DIGESTS, GET_CERTIFICATE, CHALLENGE. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spdm_req.h"

#define CERTIFICATE_HDR 8u
#define MAX_PORTION	0xf00u

/* Makes the exchange part of B. */
static int note_b(struct spdm_requester *r, const struct spdm_ask *a)
{
	if (spdm_link_begin(&r->link, &r->link.b))
		return spdm_req_fail(r, -EIO, SPDM_LOCAL, "libcrypto cannot hash a transcript");
	return spdm_req_note(r, a, &r->link.b, a->answer_len);
}

static int get_digest(struct spdm_requester *r, unsigned slot, uint8_t *digest)
{
	struct spdm_ask a = spdm_req_new(r, SPDM_GET_DIGESTS, NULL);
	int rc = spdm_req_ask(r, &a);
	uint32_t mask;

	if (!rc)
		rc = note_b(r, &a);
	if (rc)
		return rc;
	mask = a.in.num[F_P2];
	if (!(mask & BIT32(slot)))
		return spdm_req_fail(r, -ENOENT, SPDM_CHAIN_BAD, "slot %u of the device has no certificate chain",
				     slot);
	memcpy(digest, a.in.ptr[F_DIGESTS] + (size_t)__builtin_popcount(mask & (BIT32(slot) - 1)) * r->link.hash->len,
	       r->link.hash->len);
	return 0;
}

/* One portion at @at; *@total is 0 before the first. */
static int get_portion(struct spdm_requester *r, unsigned slot, uint8_t *blob, size_t *at, size_t *total)
{
	struct spdm_ask a = spdm_req_new(r, SPDM_GET_CERTIFICATE, NULL);
	uint32_t room = r->config.profile.data_transfer_size - CERTIFICATE_HDR, portion;
	int rc;

	a.out.num[F_P1] = slot;
	a.out.num[F_OFFSET] = (uint32_t)*at;
	a.out.num[F_LENGTH] = room < MAX_PORTION ? room : MAX_PORTION;
	if (*total && *total - *at < a.out.num[F_LENGTH])
		a.out.num[F_LENGTH] = (uint32_t)(*total - *at);
	rc = spdm_req_ask(r, &a);
	if (!rc)
		rc = note_b(r, &a);
	if (rc)
		return rc;
	portion = a.in.len[F_DATA];
	if ((a.in.num[F_P1] & 0xf) != slot || portion == 0 || portion > a.out.num[F_LENGTH] ||
	    *at + portion + a.in.num[F_REMAINDER] > SPDM_MAX_CHAIN ||
	    (*total && *at + portion + a.in.num[F_REMAINDER] != *total))
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "the portions of the certificate chain do not fit");
	memcpy(blob + *at, a.in.ptr[F_DATA], portion);
	*at += portion;
	*total = *at + a.in.num[F_REMAINDER];
	return 0;
}

static int get_blob(struct spdm_requester *r, unsigned slot, uint8_t **blob, size_t *len)
{
	size_t total = 0;
	int rc;

	*len = 0;
	*blob = malloc(SPDM_MAX_CHAIN);
	if (!*blob)
		return spdm_req_fail(r, -ENOMEM, SPDM_LOCAL, "out of memory for a certificate chain");
	do {
		rc = get_portion(r, slot, *blob, len, &total);
	} while (!rc && *len < total);
	if (rc) {
		free(*blob);
		*blob = NULL;
	}
	return rc;
}

/* @blob becomes the device's chain if it is readable and the digest is its. */
static int take_chain(struct spdm_requester *r, uint8_t *blob, size_t len, const uint8_t *digest)
{
	const struct spdm_chain_rules rules = {
		.roots = r->config.roots,
		.asym = r->link.asym,
		.device = r->config.device,
		.version = r->link.version,
		.responder = true,
		.now = r->config.now,
	};
	enum spdm_reason reason = spdm_chain_read(&r->chain, blob, len, r->link.hash);
	char why[sizeof(r->why)] = "";

	if (reason == SPDM_OK && memcmp(r->chain.digest, digest, r->link.hash->len))
		reason = SPDM_CHAIN_DIGEST;
	if (reason != SPDM_OK) {
		spdm_chain_fini(&r->chain);
		return spdm_req_fail(r, -EPROTO, reason, "slot %u", r->slot);
	}
	reason = spdm_chain_check(&r->chain, &rules, why, sizeof(why));
	return reason == SPDM_OK ? 0 : spdm_req_fail(r, -EACCES, reason, "%.200s", why);
}

int spdm_requester_chain(struct spdm_requester *r, unsigned slot)
{
	uint8_t digest[SPDM_MAX_HASH], *blob;
	size_t len;
	int rc = spdm_req_need(r, "a certificate", SPDM_CAP_CERT, false);

	if (rc)
		return rc;
	if (slot >= SPDM_MAX_SLOTS)
		return spdm_req_fail(r, -EINVAL, SPDM_ORDER, "there is no slot %u", slot);
	spdm_chain_fini(&r->chain);
	r->slot = slot;
	rc = get_digest(r, slot, digest);
	if (!rc)
		rc = get_blob(r, slot, &blob, &len);
	return rc ? rc : take_chain(r, blob, len, digest);
}

/* Everything of CHALLENGE_AUTH but its signature. */
static int check_challenge(struct spdm_requester *r, const struct spdm_ask *a)
{
	const struct spdm_fields *f = &a->in;

	if ((f->num[F_P1] & 0xf) != r->slot || !(f->num[F_P2] & BIT32(r->slot)) || f->len[F_OPAQUE] > SPDM_MAX_OPAQUE)
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "CHALLENGE_AUTH is for another slot");
	if (memcmp(f->ptr[F_CHAIN_HASH], r->chain.digest, r->link.hash->len))
		return spdm_req_fail(r, -EPROTO, SPDM_CHAIN_DIGEST, "CHALLENGE_AUTH names another chain");
	if (f->len[F_CONTEXT] && memcmp(f->ptr[F_CONTEXT], r->request + a->out.at[F_CONTEXT], SPDM_CONTEXT_LEN))
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "CHALLENGE_AUTH does not repeat our context");
	return spdm_req_fresh(r, f->ptr[F_NONCE], "CHALLENGE_AUTH");
}

int spdm_requester_challenge(struct spdm_requester *r)
{
	struct spdm_ask a = spdm_req_new(r, SPDM_CHALLENGE, NULL);
	uint8_t nonce[SPDM_NONCE_LEN], context[SPDM_CONTEXT_LEN];
	int rc = spdm_req_need(r, "CHALLENGE", SPDM_CAP_CHAL, true);

	if (rc)
		return rc;
	if (spdm_random(nonce, sizeof(nonce)) || spdm_random(context, sizeof(context)))
		return spdm_req_fail(r, -EIO, SPDM_LOCAL, "libcrypto has no random numbers");
	a.slow = true;
	a.out.num[F_P1] = r->slot;
	a.out.num[F_P2] = SPDM_SUMMARY_NONE;
	a.out.ptr[F_NONCE] = nonce;
	a.out.ptr[F_CONTEXT] = context;
	rc = spdm_req_ask(r, &a);
	if (!rc && spdm_link_begin(&r->link, &r->link.b))
		rc = spdm_req_fail(r, -EIO, SPDM_LOCAL, "libcrypto cannot hash a transcript");
	if (!rc)
		rc = spdm_req_note(r, &a, &r->link.b, a.in.at[F_SIGNATURE]);
	if (!rc && spdm_link_verify(&r->link, r->link.asym, &r->link.b, SPDM_CONTEXT_CHALLENGE, r->chain.key,
				    a.in.ptr[F_SIGNATURE]))
		rc = spdm_req_fail(r, -EACCES, SPDM_BAD_SIGNATURE, "CHALLENGE_AUTH");
	if (!rc)
		rc = check_challenge(r, &a);
	spdm_transcript_reset(&r->link.b);
	return rc;
}

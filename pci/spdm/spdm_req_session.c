/* SPDX-License-Identifier: Apache-2.0 */
/* KEY_EXCHANGE and FINISH. */
#include <errno.h>
#include <string.h>

#include "spdm_req.h"

static int lib_failed(struct spdm_requester *r)
{
	return spdm_req_fail(r, -EIO, SPDM_LOCAL, "libcrypto failed in a key exchange");
}

/* A number for our half of the id that no live session has. */
static uint16_t new_half(struct spdm_requester *r)
{
	bool taken;

	do {
		taken = ++r->last_session == 0;
		for (unsigned i = 0; i < SPDM_MAX_SESSIONS; i++)
			taken |= r->link.sessions[i].live && (r->link.sessions[i].id & 0xffff) == r->last_session;
	} while (taken);
	return r->last_session;
}

static int check_answer(struct spdm_requester *r, const struct spdm_ask *a)
{
	const struct spdm_fields *f = &a->in;
	uint32_t mut = f->num[F_MUT_AUTH];

	if (f->len[F_OPAQUE] > SPDM_MAX_OPAQUE || !spdm_opaque_selects(f->ptr[F_OPAQUE], f->len[F_OPAQUE]))
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "the device selects no version of secured messages");
	if (mut && mut != SPDM_MUT_AUTH_PLAIN && mut != SPDM_MUT_AUTH_ENCAP && mut != SPDM_MUT_AUTH_DIGESTS)
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "MutAuthRequested is 0x%02x", (unsigned)mut);
	if (mut && (!spdm_link_both(&r->link, SPDM_CAP_MUT_AUTH) || !r->link.req_asym ||
		    (mut != SPDM_MUT_AUTH_PLAIN && !spdm_link_both(&r->link, SPDM_CAP_ENCAP))))
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED,
				     "the device asks for mutual authentication that was not agreed");
	if (mut == SPDM_MUT_AUTH_PLAIN && (f->num[F_SLOT] & 0xf) != 0)
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "the device wants slot %u of ours, which is empty",
				     (unsigned)f->num[F_SLOT] & 0xf);
	if (!spdm_link_both(&r->link, SPDM_CAP_HBEAT) && f->num[F_P1])
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "a heartbeat is asked for that was not agreed");
	return spdm_req_fresh(r, f->ptr[F_RANDOM], "KEY_EXCHANGE_RSP");
}

/* Signature, shared secret and ResponderVerifyData, each over what stands before it. */
static int verify_exchange(struct spdm_requester *r, const struct spdm_ask *a, struct spdm_session *s, EVP_PKEY *key)
{
	uint8_t shared[SPDM_MAX_DHE], expected[SPDM_MAX_HASH];
	const struct spdm_fields *f = &a->in;
	uint32_t sig = f->at[F_SIGNATURE];
	int rc;

	if (spdm_link_begin(&r->link, &s->th) || spdm_transcript_add(&s->th, r->chain.digest, r->link.hash->len))
		return lib_failed(r);
	rc = spdm_req_note(r, a, &s->th, sig);
	if (rc)
		return rc;
	if (spdm_link_verify(&r->link, r->link.asym, &s->th, SPDM_CONTEXT_KEY_EXCHANGE, r->chain.key,
			     f->ptr[F_SIGNATURE]))
		return spdm_req_fail(r, -EACCES, SPDM_BAD_SIGNATURE, "KEY_EXCHANGE_RSP");
	if (spdm_dhe_derive(r->link.dhe, key, f->ptr[F_EXCHANGE], shared))
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "the device's public value is none of the group");
	rc = spdm_transcript_add(&s->th, a->answer + sig, r->link.asym->sig_len);
	if (!rc)
		rc = spdm_session_handshake(&r->link, s, shared);
	OPENSSL_cleanse(shared, sizeof(shared));
	if (rc)
		return lib_failed(r);
	if (!a->format.with_verify)
		return 0;
	if (spdm_session_verify_data(s, true, expected))
		return lib_failed(r);
	rc = CRYPTO_memcmp(expected, f->ptr[F_VERIFY], r->link.hash->len);
	OPENSSL_cleanse(expected, sizeof(expected));
	if (rc)
		return spdm_req_fail(r, -EACCES, SPDM_BAD_MAC, "ResponderVerifyData");
	return spdm_transcript_add(&s->th, f->ptr[F_VERIFY], r->link.hash->len) ? lib_failed(r) : 0;
}

static int key_exchange(struct spdm_requester *r, struct spdm_session *s)
{
	uint8_t random[SPDM_NONCE_LEN], value[SPDM_MAX_DHE], opaque[SPDM_OPAQUE_REQ_LEN];
	struct spdm_ask a = spdm_req_new(r, SPDM_KEY_EXCHANGE, NULL);
	uint16_t half = new_half(r);
	EVP_PKEY *key;
	int rc;

	if (spdm_random(random, sizeof(random)) || spdm_dhe_generate(r->link.dhe, &key, value))
		return lib_failed(r);
	spdm_opaque_request(opaque);
	a.slow = true;
	a.format.with_verify = !spdm_link_both(&r->link, SPDM_CAP_HANDSHAKE_IN_CLEAR);
	a.out.num[F_P1] = SPDM_SUMMARY_NONE;
	a.out.num[F_P2] = r->slot;
	a.out.num[F_SESSION] = half;
	a.out.ptr[F_RANDOM] = random;
	a.out.ptr[F_EXCHANGE] = value;
	a.out.ptr[F_OPAQUE] = opaque;
	a.out.len[F_OPAQUE] = sizeof(opaque);
	rc = spdm_req_ask(r, &a);
	if (!rc)
		rc = verify_exchange(r, &a, s, key);
	if (!rc)
		rc = check_answer(r, &a);
	EVP_PKEY_free(key);
	if (rc)
		return rc;
	s->id = a.in.num[F_SESSION] << 16 | half;
	s->mut_auth = (uint8_t)a.in.num[F_MUT_AUTH];
	s->heartbeat_s = (uint8_t)a.in.num[F_P1];
	s->live = true;
	return 0;
}

/* Our signature and verify data. The request is laid out with zeroes first; each part covers what stands before it. */
static int seal_finish(struct spdm_requester *r, struct spdm_session *s, struct spdm_ask *a, uint8_t *sig,
		       uint8_t *verify)
{
	size_t at = 0;
	int rc = spdm_msg_build(a->code, &a->format, &a->out, r->request, SPDM_MAX_MESSAGE);

	if (!rc && s->mut_auth) {
		rc = spdm_transcript_add(&s->th, r->own.digest, r->link.hash->len);
		at = a->out.at[F_SIGNATURE];
		if (!rc)
			rc = spdm_transcript_add(&s->th, r->request, at);
		if (!rc)
			rc = spdm_link_sign(&r->link, r->link.req_asym, &s->th, SPDM_CONTEXT_FINISH,
					    r->config.identity->key, sig);
		memcpy(r->request + at, sig, r->link.req_asym->sig_len);
		a->out.ptr[F_SIGNATURE] = sig;
	}
	if (!rc)
		rc = spdm_transcript_add(&s->th, r->request + at, a->out.at[F_VERIFY] - at);
	if (!rc)
		rc = spdm_session_verify_data(s, false, verify);
	if (!rc)
		rc = spdm_transcript_add(&s->th, verify, r->link.hash->len);
	a->out.ptr[F_VERIFY] = verify;
	return rc ? lib_failed(r) : 0;
}

/* FINISH_RSP; with a handshake in clear it has the verify data that KEY_EXCHANGE_RSP left out. */
static int take_finish(struct spdm_requester *r, struct spdm_session *s, const struct spdm_ask *a)
{
	size_t end = a->format.with_verify ? a->in.at[F_VERIFY] : a->answer_len;
	uint8_t expected[SPDM_MAX_HASH];

	if (spdm_transcript_add(&s->th, a->answer, end))
		return lib_failed(r);
	if (!a->format.with_verify)
		return 0;
	if (spdm_session_verify_data(s, true, expected))
		return lib_failed(r);
	if (CRYPTO_memcmp(expected, a->in.ptr[F_VERIFY], r->link.hash->len))
		return spdm_req_fail(r, -EACCES, SPDM_BAD_MAC, "ResponderVerifyData");
	return spdm_transcript_add(&s->th, expected, r->link.hash->len) ? lib_failed(r) : 0;
}

static int finish(struct spdm_requester *r, struct spdm_session *s, uint8_t slot)
{
	bool in_clear = spdm_link_both(&r->link, SPDM_CAP_HANDSHAKE_IN_CLEAR);
	struct spdm_ask a = spdm_req_new(r, SPDM_FINISH, in_clear ? NULL : s);
	uint8_t sig[SPDM_MAX_SIG], verify[SPDM_MAX_HASH];
	int rc;

	a.slow = true;
	a.format.with_verify = in_clear;
	a.out.num[F_P1] = s->mut_auth ? SPDM_FINISH_SIGNED : 0;
	a.out.num[F_P2] = s->mut_auth ? slot : 0;
	rc = seal_finish(r, s, &a, sig, verify);
	if (!rc)
		rc = spdm_req_ask(r, &a);
	if (!rc)
		rc = take_finish(r, s, &a);
	if (!rc && spdm_session_establish(s))
		rc = lib_failed(r);
	OPENSSL_cleanse(verify, sizeof(verify));
	return rc;
}

int spdm_requester_start_session(struct spdm_requester *r, uint32_t *session)
{
	int rc = spdm_req_need(r, "KEY_EXCHANGE", SPDM_CAP_KEY_EX, true);
	struct spdm_session *s = spdm_session_new(&r->link);
	uint8_t slot = 0;

	*session = 0;
	if (rc)
		return rc;
	if (!spdm_link_both(&r->link, SPDM_CAP_KEY_EX))
		return spdm_req_fail(r, -ENOTSUP, SPDM_NO_CAPS, "this end does not offer KEY_EX");
	if (!r->chain.ok)
		return spdm_req_fail(r, -EACCES, SPDM_ORDER, "no session with a device whose chain is not trusted");
	if (!s)
		return spdm_req_fail(r, -EUSERS, SPDM_ORDER, "there are %u sessions already", SPDM_MAX_SESSIONS);
	rc = key_exchange(r, s);
	if (!rc && s->mut_auth && s->mut_auth != SPDM_MUT_AUTH_PLAIN)
		rc = spdm_req_encap(r, s, &slot);
	if (!rc)
		rc = finish(r, s, slot);
	if (rc)
		spdm_req_lose(r, s);
	else
		*session = s->id;
	return rc;
}

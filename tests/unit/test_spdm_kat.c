/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known answers: key schedule, secured messages and signatures against vectors that spdm_vectors.py made with the
 * openssl command line; transcripts against the messages of a real exchange, put together anew as DSP0274 says.
 */
#include <check.h>

#include "bits.h"
#include "log.h"
#include "run_suite.h"
#include "spdm_req.h"
#include "spdm_rig.h"
#include "spdm_vectors.h"

#define SESSION 0xfefe0102u

static void count_up(uint8_t *out, uint8_t first, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(first + i);
}

struct schedule {
	uint8_t version;
	uint32_t hash, aead;
	const uint8_t *handshake, *hs_key[2], *hs_iv[2], *verify[2], *key[2], *iv[2], *new_key[2], *new_iv[2];
};

#define ENDS(v, what)                                                                                                  \
	{                                                                                                              \
		v##_req_##what, v##_rsp_##what                                                                         \
	}
#define SCHEDULE(v, version, hash, aead)                                                                               \
	{                                                                                                              \
		version, hash, aead, v##_handshake, ENDS(v, hs_key), ENDS(v, hs_iv), ENDS(v, verify), ENDS(v, key),    \
			ENDS(v, iv), ENDS(v, new_key), ENDS(v, new_iv)                                                 \
	}

static const struct schedule schedules[] = {
	SCHEDULE(v2, SPDM_VERSION_12, SPDM_HASH_SHA256, SPDM_AEAD_AES128),
	SCHEDULE(v3, SPDM_VERSION_13, SPDM_HASH_SHA384, SPDM_AEAD_AES256),
	SCHEDULE(v4, SPDM_VERSION_14, SPDM_HASH_SHA512, SPDM_AEAD_CHACHA20),
};

static void check_direction(const struct spdm_direction *d, size_t key_len, const uint8_t *key, const uint8_t *iv)
{
	ck_assert_mem_eq(d->key, key, key_len);
	ck_assert_mem_eq(d->iv, iv, SPDM_SECURED_IV_LEN);
	ck_assert_uint_eq(d->sequence, 0);
}

START_TEST(key_schedule)
{
	const struct schedule *v = &schedules[_i];
	struct spdm_keys keys = {
		.version = v->version, .hash = spdm_hash_find(v->hash), .aead = spdm_aead_find(v->aead)};
	struct spdm_direction *ends[2] = {&keys.request, &keys.response};
	uint8_t shared[48], th1[64], th2[64], verify[64];
	static const uint8_t zero[sizeof(keys.finished)];

	count_up(shared, 1, sizeof(shared));
	count_up(th1, 0x40, sizeof(th1));
	count_up(th2, 0x80, sizeof(th2));
	ck_assert_int_eq(spdm_keys_handshake(&keys, shared, sizeof(shared), th1), 0);
	ck_assert_mem_eq(keys.handshake, v->handshake, keys.hash->len);
	for (unsigned i = 0; i < 2; i++) {
		check_direction(ends[i], keys.aead->key_len, v->hs_key[i], v->hs_iv[i]);
		ck_assert_int_eq(spdm_keys_verify_data(&keys, i, th1, verify), 0);
		ck_assert_mem_eq(verify, v->verify[i], keys.hash->len);
	}
	ck_assert_int_eq(spdm_keys_data(&keys, th2), 0);
	ck_assert_mem_eq(keys.finished, zero, sizeof(keys.finished)); /* wiped */
	ck_assert_mem_eq(keys.handshake, zero, sizeof(keys.handshake));
	for (unsigned i = 0; i < 2; i++) {
		check_direction(ends[i], keys.aead->key_len, v->key[i], v->iv[i]);
		ends[i]->sequence = 9;
		ck_assert_int_eq(spdm_keys_update(&keys, ends[i]), 0);
		check_direction(ends[i], keys.aead->key_len, v->new_key[i], v->new_iv[i]);
	}
}
END_TEST

static const struct {
	uint32_t aead;
	bool encrypt;
	uint64_t sequence;
	size_t len;
	const uint8_t *sealed;
	size_t sealed_len;
	enum spdm_binding binding;
} records[] = {
	{SPDM_AEAD_AES256, true, 0x0102, 4, sealed_4, sizeof(sealed_4)},
	{SPDM_AEAD_AES256, true, 0x0102, 45, sealed_45, sizeof(sealed_45)},
	{SPDM_AEAD_AES256, false, 7, 9, sealed_mac, sizeof(sealed_mac)},
	{SPDM_AEAD_AES128, true, 0, 9, sealed_128, sizeof(sealed_128)},
	{SPDM_AEAD_CHACHA20, true, 3, 45, sealed_chacha, sizeof(sealed_chacha)},
	{SPDM_AEAD_AES256, true, 0x12345, 45, sealed_mctp, sizeof(sealed_mctp), SPDM_BINDING_MCTP},
	{SPDM_AEAD_AES256, false, 2, 4, sealed_mctp_mac, sizeof(sealed_mctp_mac), SPDM_BINDING_MCTP},
};

/*
 * Messages over MCTP as only one who has the keys can make them: application data that is not SPDM's, a header whose
 * sequence number is not the one that the message is sealed with, lengths without room for the type or beyond the end.
 */
START_TEST(mctp_by_hand)
{
	static const struct {
		uint8_t seq, inside, type;
		int result;
	} rows[] = {{0, 4, 0x05, 0},
		    {0, 4, 0x01, -ENOMSG},
		    {1, 4, 0x05, -EBADMSG},
		    {0, 0, 0x05, -EBADMSG},
		    {0, 5, 0x05, -EBADMSG}};
	struct spdm_keys keys = {
		.aead = spdm_aead_find(SPDM_AEAD_AES256), .encrypt = true, .binding = SPDM_BINDING_MCTP};
	struct spdm_direction d = {.sequence = 0};
	/* session, sequence number, length of the rest, length of what is inside, its type, three bytes of it */
	uint8_t out[12 + 4 + 16] = {(uint8_t)SESSION,
				    (uint8_t)(SESSION >> 8),
				    (uint8_t)(SESSION >> 16),
				    (uint8_t)(SESSION >> 24),
				    rows[_i].seq,
				    0,
				    22,
				    0,
				    rows[_i].inside,
				    0,
				    rows[_i].type,
				    'a',
				    'b',
				    'c'};
	uint8_t back[16];
	size_t len = 14, got = 0;

	count_up(d.key, 0x10, sizeof(d.key));
	count_up(d.iv, 0xa0, sizeof(d.iv));
	ck_assert_int_eq(spdm_aead_seal(keys.aead, d.key, d.iv, out, 8, out + 8, 6, out + 8, out + len), 0);
	ck_assert_int_eq(spdm_secured_open(&keys, &d, out, len + 16, back, sizeof(back), &got), rows[_i].result);
	ck_assert_uint_eq(d.sequence, rows[_i].result == -EBADMSG ? 0 : 1);
	if (rows[_i].result == 0)
		ck_assert_mem_eq(back, "abc", 3);
}
END_TEST

START_TEST(secured_messages)
{
	struct spdm_keys keys = {.aead = spdm_aead_find(records[_i].aead),
				 .encrypt = records[_i].encrypt,
				 .binding = records[_i].binding};
	size_t padding = keys.binding == SPDM_BINDING_DOE ? 3 : 0;
	struct spdm_direction d = {.sequence = records[_i].sequence}, same;
	uint8_t msg[64], out[128], back[128], copy[128];
	size_t len = 0, got = 0;

	count_up(d.key, 0x10, sizeof(d.key));
	count_up(d.iv, 0xa0, sizeof(d.iv));
	count_up(msg, 0x30, sizeof(msg));
	same = d;
	ck_assert_int_eq(spdm_secured_seal(&keys, &d, SESSION, msg, records[_i].len, out, sizeof(out), &len), 0);
	ck_assert_uint_eq(len, records[_i].sealed_len);
	ck_assert_mem_eq(out, records[_i].sealed, len);
	ck_assert_uint_eq(d.sequence, records[_i].sequence + 1);
	ck_assert_uint_eq(spdm_secured_session(out, len), SESSION);
	/* No bit of it may be another, and nothing but zeroes may follow, over MCTP nothing at all. */
	for (size_t bit = 0; bit < 8 * len; bit++) {
		memcpy(copy, out, len);
		copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(spdm_secured_open(&keys, &same, copy, len, back, sizeof(back), &got), -EBADMSG);
	}
	for (size_t cut = 0; cut < len; cut++)
		ck_assert_int_eq(spdm_secured_open(&keys, &same, out, cut, back, sizeof(back), &got), -EBADMSG);
	memset(out + len, 0, 4);
	ck_assert_int_eq(spdm_secured_open(&keys, &same, out, len + padding + 1, back, sizeof(back), &got), -EBADMSG);
	ck_assert_int_eq(spdm_secured_open(&keys, &same, out, len + padding, back, sizeof(back), &got), 0);
	ck_assert_uint_eq(got, records[_i].len);
	ck_assert_mem_eq(back, msg, got);
	/* The same message a second time is not the next one. */
	ck_assert_int_eq(spdm_secured_open(&keys, &same, out, len, back, sizeof(back), &got), -EBADMSG);
}
END_TEST

START_TEST(sequence_end)
{
	struct spdm_keys keys = {.aead = spdm_aead_find(SPDM_AEAD_AES256), .encrypt = true};
	struct spdm_direction d = {.sequence = UINT64_MAX};
	uint8_t out[64];
	size_t len;

	ck_assert_int_eq(spdm_secured_seal(&keys, &d, 1, out, 4, out, sizeof(out), &len), -EOVERFLOW);
	d.sequence = 0;
	ck_assert_int_eq(spdm_secured_seal(&keys, &d, 1, out, 41, out, sizeof(out), &len), -ENOBUFS);
	ck_assert_uint_eq(d.sequence, 0);
}
END_TEST

START_TEST(signatures)
{
	const struct spdm_hash_alg *hash = spdm_hash_find(SPDM_HASH_SHA384);
	const struct spdm_asym_alg *alg = spdm_asym_find(SPDM_ASYM_ED25519);
	uint8_t data[200], digest[48], input[SPDM_SIGN_CONTEXT_LEN + 48], seed[32], sig[SPDM_MAX_SIG];
	EVP_PKEY *key, *public;

	count_up(data, 0, sizeof(data));
	count_up(seed, 1, sizeof(seed));
	ck_assert_int_eq(spdm_hash(hash, data, sizeof(data), digest), 0);
	spdm_sign_input(SPDM_VERSION_13, SPDM_CONTEXT_MEASUREMENTS, digest, sizeof(digest), input);
	ck_assert_uint_eq(sizeof(sign_input), sizeof(input));
	ck_assert_mem_eq(input, sign_input, sizeof(input));
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, sign_public, sizeof(sign_public));
	ck_assert_int_eq(spdm_sign(alg, hash, key, input, sizeof(input), sig), 0);
	ck_assert_mem_eq(sig, sign_signature, sizeof(sign_signature));
	ck_assert_int_eq(spdm_verify(alg, hash, public, input, sizeof(input), sig), 0);
	sig[63] ^= 0x80;
	ck_assert_int_eq(spdm_verify(alg, hash, public, input, sizeof(input), sig), -EBADMSG);
	EVP_PKEY_free(key);
	EVP_PKEY_free(public);
}
END_TEST

/* ---- Transcripts: what went over the wire, in order ---- */

struct wire {
	uint8_t bytes[64][4096];
	size_t len[64];
	unsigned count;
	struct spdm_keys handshake; /* the requester's when it sends FINISH */
};

static struct wire wire;

static size_t keep(struct spdm_rig *rig, bool out, bool secured, uint8_t *bytes, size_t len)
{
	if (!secured && wire.count < 64) {
		memcpy(wire.bytes[wire.count], bytes, len);
		wire.len[wire.count++] = len;
		if (!out && bytes[1] == SPDM_FINISH)
			wire.handshake = rig->req->link.sessions[0].keys;
	}
	return len;
}

struct text {
	uint8_t bytes[65536];
	size_t len;
};

static void put(struct text *t, const uint8_t *bytes, size_t len)
{
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
}

static unsigned find(uint8_t code)
{
	for (unsigned i = 0; i < wire.count; i++)
		if (wire.bytes[i][1] == code)
			return i;
	ck_abort_msg("no message 0x%02x", code);
}

static void put_message(struct text *t, uint8_t code, size_t less)
{
	unsigned i = find(code);

	put(t, wire.bytes[i], wire.len[i] - less);
}

/* A: the first six messages. */
static void put_vca(struct text *t)
{
	t->len = 0;
	for (unsigned i = 0; i < 6; i++)
		put(t, wire.bytes[i], wire.len[i]);
}

/* The signature at @sig over what stands in @t. */
static void check_signature(struct spdm_rig *rig, const struct text *t, const char *context, const uint8_t *sig)
{
	uint8_t digest[48], input[148];

	ck_assert_int_eq(spdm_hash(spdm_hash_find(SPDM_HASH_SHA384), t->bytes, t->len, digest), 0);
	spdm_sign_input(rig->req->link.version, context, digest, sizeof(digest), input);
	ck_assert_msg(spdm_verify(spdm_asym_find(SPDM_ASYM_P256), spdm_hash_find(SPDM_HASH_SHA384), rig->device.key,
				  input, sizeof(input), sig) == 0,
		      "%s", context);
}

static void check_verify_data(const struct text *t, bool responder, const uint8_t *given)
{
	uint8_t digest[48], expected[48];

	ck_assert_int_eq(spdm_hash(wire.handshake.hash, t->bytes, t->len, digest), 0);
	ck_assert_int_eq(spdm_keys_verify_data(&wire.handshake, responder, digest, expected), 0);
	ck_assert_mem_eq(expected, given, sizeof(expected));
}

static const uint8_t *end_of(uint8_t code, size_t back)
{
	unsigned i = find(code);

	return wire.bytes[i] + wire.len[i] - back;
}

/* B and C: A, then DIGESTS and CERTIFICATEs, then CHALLENGE. M: A, then GET_MEASUREMENTS and its answer. */
static void check_attestation(struct spdm_rig *rig, struct text *t)
{
	put_vca(t);
	for (unsigned i = 6; i < find(SPDM_RESPONSE(SPDM_CHALLENGE)); i++)
		put(t, wire.bytes[i], wire.len[i]);
	put_message(t, SPDM_RESPONSE(SPDM_CHALLENGE), 64);
	check_signature(rig, t, "responder-challenge_auth signing", end_of(SPDM_RESPONSE(SPDM_CHALLENGE), 64));
	put_vca(t);
	put_message(t, SPDM_GET_MEASUREMENTS, 0);
	put_message(t, SPDM_RESPONSE(SPDM_GET_MEASUREMENTS), 64);
	check_signature(rig, t, "responder-measurements signing", end_of(SPDM_RESPONSE(SPDM_GET_MEASUREMENTS), 64));
}

/* TH1 without and TH2 with everything of the handshake, which goes in clear here; 64 bytes of signature, 48 of hash. */
static void check_session(struct spdm_rig *rig, struct text *t, uint32_t session)
{
	uint8_t digest[48];
	struct spdm_session *s = spdm_session_find(&rig->req->link, session);

	put_vca(t);
	put(t, rig->req->chain.digest, 48);
	put_message(t, SPDM_KEY_EXCHANGE, 0);
	put_message(t, SPDM_RESPONSE(SPDM_KEY_EXCHANGE), 64);
	check_signature(rig, t, "responder-key_exchange_rsp signing", end_of(SPDM_RESPONSE(SPDM_KEY_EXCHANGE), 64));
	put(t, end_of(SPDM_RESPONSE(SPDM_KEY_EXCHANGE), 64), 64);
	if (rig->req_config.identity) {
		put(t, rig->req->own.digest, 48);
		put_message(t, SPDM_FINISH, 64 + 48);
		uint8_t input[148];
		ck_assert_int_eq(spdm_hash(wire.handshake.hash, t->bytes, t->len, digest), 0);
		spdm_sign_input(rig->req->link.version, "requester-finish signing", digest, 48, input);
		ck_assert_int_eq(spdm_verify(spdm_asym_find(SPDM_ASYM_P256), wire.handshake.hash, rig->host.key, input,
					     sizeof(input), end_of(SPDM_FINISH, 64 + 48)),
				 0);
		put(t, end_of(SPDM_FINISH, 64 + 48), 64);
	} else {
		put_message(t, SPDM_FINISH, 48);
	}
	check_verify_data(t, false, end_of(SPDM_FINISH, 48));
	put(t, end_of(SPDM_FINISH, 48), 48);
	put_message(t, SPDM_RESPONSE(SPDM_FINISH), 48);
	check_verify_data(t, true, end_of(SPDM_RESPONSE(SPDM_FINISH), 48));
	put(t, end_of(SPDM_RESPONSE(SPDM_FINISH), 48), 48);
	ck_assert_int_eq(spdm_hash(wire.handshake.hash, t->bytes, t->len, digest), 0);
	ck_assert_int_eq(spdm_keys_data(&wire.handshake, digest), 0);
	ck_assert_mem_eq(wire.handshake.request.key, s->keys.request.key, 32);
	ck_assert_mem_eq(wire.handshake.response.key, s->keys.response.key, 32);
}

START_TEST(transcripts)
{
	static struct text t;
	struct spdm_measurements m;
	struct spdm_rig rig;
	uint32_t session;

	wire.count = 0;
	spdm_rig_init(&rig, SPDM_ASYM_P256);
	rig.hook = keep;
	rig.rsp_config.profile.versions = SPDM_VERSION_BIT(SPDM_VERSION_12 + _i % 3);
	rig.rsp_config.profile.caps |= SPDM_CAP_HANDSHAKE_IN_CLEAR | SPDM_CAP_MUT_AUTH | SPDM_CAP_ENCAP;
	rig.req_config.profile.caps |= SPDM_CAP_HANDSHAKE_IN_CLEAR;
	if (_i >= 3) {
		rig.req_config.identity = rig.host.identity;
		rig.rsp_config.mutual = true;
	}
	ck_assert_int_eq(spdm_rig_start(&rig), 0);
	ck_assert_int_eq(spdm_requester_connect(rig.req), 0);
	ck_assert_int_eq(spdm_requester_chain(rig.req, 0), 0);
	ck_assert_int_eq(spdm_requester_challenge(rig.req), 0);
	ck_assert_int_eq(spdm_requester_measurements(rig.req, 0, true, false, &m), 0);
	spdm_measurements_fini(&m);
	ck_assert_int_eq(spdm_requester_start_session(rig.req, &session), 0);
	check_attestation(&rig, &t);
	check_session(&rig, &t, session);
	spdm_rig_fini(&rig);
}
END_TEST

/* Bytes that other implementations put on the wire, and what aerie puts there. */
START_TEST(opaque_data)
{
	static const uint8_t request[] = {1, 0, 0, 0, 0, 0, 5, 0, 1, 1, 1, 0, 0x11, 0, 0, 0},
			     response[] = {1, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0x11},
			     ours[] = {1, 0, 0, 0, 0, 0, 9, 0, 1, 1, 3, 0, 0x10, 0, 0x11, 0, 0x12, 0, 0, 0},
			     newer[] = {1, 0, 0, 0, 0, 0, 7, 0, 1, 1, 2, 0, 0x13, 0x10, 0x12, 0},
			     draft[] = {1, 0, 0, 0, 0, 0, 5, 0, 1, 1, 1, 1, 0x11, 0, 0, 0},
			     odd[] = {1, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0x13};
	uint8_t out[SPDM_OPAQUE_REQ_LEN];

	spdm_opaque_request(out);
	ck_assert_mem_eq(out, ours, sizeof(ours));
	spdm_opaque_response(SPDM_SECURED_VERSION_11, out);
	ck_assert_mem_eq(out, response, sizeof(response));
	ck_assert_uint_eq(spdm_opaque_offers(request, sizeof(request)), 0x1100);
	ck_assert_uint_eq(spdm_opaque_offers(ours, sizeof(ours)), 0x1200);
	ck_assert_uint_eq(spdm_opaque_offers(newer, sizeof(newer)), 0x1210);
	ck_assert_uint_eq(spdm_opaque_offers(draft, sizeof(draft)), 0);
	ck_assert_uint_eq(spdm_opaque_selects(response, sizeof(response)), 0x1100);
	ck_assert_uint_eq(spdm_opaque_selects(odd, sizeof(odd)), 0);
	ck_assert(!spdm_opaque_offers(response, sizeof(response)));
	for (size_t i = 0; i < sizeof(request); i++)
		ck_assert(!spdm_opaque_offers(request, i));
	for (size_t i = 0; i < sizeof(response); i++)
		ck_assert(!spdm_opaque_selects(response, i));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spdm_kat");
	TCase *tc = tcase_create("kat");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, key_schedule, 0, ARRAY_LEN(schedules));
	tcase_add_loop_test(tc, mctp_by_hand, 0, 5);
	tcase_add_loop_test(tc, secured_messages, 0, ARRAY_LEN(records));
	tcase_add_test(tc, sequence_end);
	tcase_add_test(tc, signatures);
	tcase_add_loop_test(tc, transcripts, 0, 6);
	tcase_add_test(tc, opaque_data);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known answers from another implementation: exchanges of DMTF's emulator. Its signatures are verified over transcripts
 * that are put together here as aerie's engines do, its chain is judged, its requests are answered by aerie's
 * responder and its answers read by aerie's requester.
 */
#include <check.h>
#include <stdio.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>

#include "bits.h"
#include "capture.h"
#include "run_suite.h"
#include "spdm_cert.h"
#include "spdm_crypto.h"
#include "spdm_keys.h"
#include "spdm_recorded.h"
#include "spdm_rig.h"

#define HASH	48u
#define SIG	96u
#define PORTION 0x400u

/* A transcript */
static uint8_t text[0x4000];
static size_t text_len;

static void add(const void *bytes, size_t len)
{
	ck_assert_uint_le(text_len + len, sizeof(text));
	memcpy(text + text_len, bytes, len);
	text_len += len;
}

#define ADD(array) add(array, sizeof(array))
#define SAY(...)   add((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
#define VCA(prefix)                                                                                                    \
	do {                                                                                                           \
		text_len = 0;                                                                                          \
		ADD(prefix##_get_version);                                                                             \
		ADD(prefix##_version);                                                                                 \
		ADD(prefix##_get_caps);                                                                                \
		ADD(prefix##_caps);                                                                                    \
		ADD(prefix##_negotiate);                                                                               \
		ADD(prefix##_algs);                                                                                    \
	} while (0)

static int verify(uint8_t version, const char *context, EVP_PKEY *key, const uint8_t *sig)
{
	const struct spdm_hash_alg *hash = spdm_hash_find(SPDM_HASH_SHA384);
	uint8_t digest[HASH], input[SPDM_SIGN_CONTEXT_LEN + HASH];

	ck_assert_int_eq(EVP_Digest(text, text_len, digest, NULL, EVP_sha384(), NULL), 1);
	spdm_sign_input(version, context, digest, HASH, input);
	return spdm_verify(spdm_asym_find(SPDM_ASYM_P384), hash, key, input, sizeof(input), sig);
}

static struct spdm_roots *root_of_chain(const struct spdm_chain *chain)
{
	const uint8_t *der = chain->blob + chain->ders;
	size_t len = 4 + (size_t)(der[2] << 8 | der[3]);
	struct spdm_roots *roots;

	ck_assert_int_eq(spdm_roots_create(der, len, &roots), 0);
	return roots;
}

static void read_chain(struct spdm_chain *chain)
{
	uint8_t *blob = malloc(sizeof(emu13_chain));

	memcpy(blob, emu13_chain, sizeof(emu13_chain));
	ck_assert_int_eq(spdm_chain_read(chain, blob, sizeof(emu13_chain), spdm_hash_find(SPDM_HASH_SHA384)), SPDM_OK);
}

/* The sample certificates are good for aerie, but that they have no name for a PCI function. */
START_TEST(certificates)
{
	struct spdm_chain_rules rules = {
		.asym = spdm_asym_find(SPDM_ASYM_P384), .version = SPDM_VERSION_13, .responder = true};
	struct spdm_chain chain;
	struct spdm_roots *roots;
	char why[256];

	read_chain(&chain);
	ck_assert_mem_eq(chain.digest, emu13_digests + 4, HASH);
	ck_assert_mem_eq(chain.digest, emu13_challenge_auth + 4, HASH);
	roots = root_of_chain(&chain);
	ck_assert_int_eq(spdm_chain_check(&chain, &rules, why, sizeof(why)), SPDM_UNKNOWN_ROOT);
	rules.roots = roots;
	rules.now = 1787914942; /* when it was recorded */
	ck_assert_msg(spdm_chain_check(&chain, &rules, why, sizeof(why)) == SPDM_OK, "%s", why);
	rules.device = &fake_pki_device;
	ck_assert_int_eq(spdm_chain_check(&chain, &rules, why, sizeof(why)), SPDM_NAME_MISSING);
	spdm_roots_free(roots);
	spdm_chain_fini(&chain);
}
END_TEST

/* GET_CERTIFICATE of a slot and its answer, in two portions. */
static void add_certificate(uint8_t slot)
{
	const uint16_t rest = sizeof(emu13_chain) - PORTION;

	SAY(0x13, 0x82, slot, 0, 0, 0, 0, 4);
	SAY(0x13, 0x02, slot, 1, 0, 4, (uint8_t)rest, rest >> 8);
	add(emu13_chain, PORTION);
	SAY(0x13, 0x82, slot, 0, 0, 4, (uint8_t)rest, rest >> 8);
	SAY(0x13, 0x02, slot, 1, (uint8_t)rest, rest >> 8, 0, 0);
	add(emu13_chain + PORTION, rest);
}

/* M1: VCA, digests, both slots that were read, CHALLENGE and its answer without the signature. */
START_TEST(challenge)
{
	const uint8_t *sig = emu13_challenge_auth + sizeof(emu13_challenge_auth) - SIG;
	struct spdm_chain chain;

	read_chain(&chain);
	VCA(emu13);
	SAY(0x13, 0x81, 0, 0);
	ADD(emu13_digests);
	add_certificate(0);
	add_certificate(2);
	ADD(emu13_challenge);
	add(emu13_challenge_auth, sizeof(emu13_challenge_auth) - SIG);
	ck_assert_int_eq(verify(SPDM_VERSION_13, SPDM_CONTEXT_CHALLENGE, chain.key, sig), 0);
	ck_assert_int_ne(verify(SPDM_VERSION_14, SPDM_CONTEXT_CHALLENGE, chain.key, sig), 0);
	ck_assert_int_ne(verify(SPDM_VERSION_13, SPDM_CONTEXT_MEASUREMENTS, chain.key, sig), 0);
	text[text_len - 1] ^= 1;
	ck_assert_int_ne(verify(SPDM_VERSION_13, SPDM_CONTEXT_CHALLENGE, chain.key, sig), 0);
	spdm_chain_fini(&chain);
}
END_TEST

static EVP_PKEY *key_of_14(void)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, "P-384", 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)emu14_key, sizeof(emu14_key)),
		OSSL_PARAM_END,
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	ck_assert_int_eq(EVP_PKEY_fromdata_init(ctx), 1);
	ck_assert_int_eq(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* L1 begins with VCA, which has the tables of 1.4; and the summary is the hash of all blocks as they are listed. */
START_TEST(measurements)
{
	const uint8_t *sig = emu14_measurements + sizeof(emu14_measurements) - SIG;
	EVP_PKEY *key = key_of_14();
	uint8_t summary[HASH];

	VCA(emu14);
	ADD(emu14_get_measurements);
	add(emu14_measurements, sizeof(emu14_measurements) - SIG);
	ck_assert_int_eq(verify(SPDM_VERSION_14, SPDM_CONTEXT_MEASUREMENTS, key, sig), 0);
	text[0] ^= 1;
	ck_assert_int_ne(verify(SPDM_VERSION_14, SPDM_CONTEXT_MEASUREMENTS, key, sig), 0);
	EVP_PKEY_free(key);
	ck_assert_int_eq(EVP_Digest(emu14_measurements + 8, 0x210, summary, NULL, EVP_sha384(), NULL), 1);
	ck_assert_mem_eq(summary, emu13_challenge_auth + 4 + HASH + 32, HASH);
}
END_TEST

/* aerie's responder, asked with the recorded bytes. */
static struct spdm_rig rig;
static uint8_t answer[0x12000];
static size_t answer_len;

static void ask(const uint8_t *request, size_t len)
{
	bool secured = false;

	ck_assert_int_eq(spdm_responder_handle(rig.rsp, &secured, request, len, answer, sizeof(answer), &answer_len),
			 0);
	ck_assert_msg(answer_len > 4 && answer[1] == (request[1] & 0x7f), "%02x: %02x %02x", request[1], answer[1],
		      answer[2]);
	add(request, len);
	add(answer, answer_len);
}

#define ASK(array) ask(array, sizeof(array))

static void setup(void)
{
	capture_begin();
	spdm_rig_init(&rig, SPDM_ASYM_P384);
	ck_assert_int_eq(spdm_responder_create(&rig.rsp_config, &rig.rsp), 0);
	text_len = 0;
}

static void teardown(void)
{
	spdm_rig_fini(&rig);
	log_set_sink(NULL, NULL);
}

static void check_signed(uint8_t version, const char *context)
{
	ck_assert_uint_gt(answer_len, SIG);
	text_len -= SIG;
	ck_assert_int_eq(verify(version, context, rig.device.key, answer + answer_len - SIG), 0);
}

START_TEST(asked_13)
{
	/* Its requester can prove itself (MUT_AUTH), which this responder does not want: no algorithm for that. */
	static const uint8_t algs[] = {0x13, 0x63, 4,	 0, 52, 0,    1, 2, 4, 0,    0, 0, 0x80, 0,    0, 0, 2, 0,
				       0,    0,	   0,	 0, 0,	0,    0, 0, 0, 0,    0, 0, 0,	 0,    0, 0, 0, 0,
				       2,    0x20, 0x10, 0, 3,	0x20, 2, 0, 4, 0x20, 0, 0, 5,	 0x20, 1, 0};
	const uint8_t more[] = {0x13, 0x82, 0, 0, 0, 4, 0, 4};

	ASK(emu13_get_version);
	ASK(emu13_get_caps);
	ASK(emu13_negotiate);
	ck_assert_uint_eq(answer_len, sizeof(algs));
	for (size_t i = 0; i < sizeof(algs); i++)
		ck_assert_msg(answer[i] == algs[i], "byte %zu: %02x", i, answer[i]);
	ask((const uint8_t[]){0x13, 0x81, 0, 0}, 4);
	ck_assert_uint_eq(answer_len, 4 + HASH);
	ask((const uint8_t[]){0x13, 0x82, 0, 0, 0, 0, 0, 4}, 8);
	ck_assert_uint_eq(answer[4] | answer[5] << 8, PORTION);
	ask(more, sizeof(more));
	ASK(emu13_challenge);
	ck_assert_mem_eq(answer + answer_len - SIG - 8, emu13_challenge + 36, 8);
	check_signed(SPDM_VERSION_13, SPDM_CONTEXT_CHALLENGE);
}
END_TEST

START_TEST(asked_14)
{
	ASK(emu14_get_version);
	ASK(emu14_get_caps);
	ASK(emu14_negotiate);
	ASK(emu14_get_measurements);
	ck_assert_mem_eq(answer + answer_len - SIG - 8, emu14_get_measurements + 37, 8);
	check_signed(SPDM_VERSION_14, SPDM_CONTEXT_MEASUREMENTS);
}
END_TEST

/* aerie's requester, answered with the recorded bytes, but for what depends on the request. */
static bool selects_multi_key, insists_on_keys;

static size_t take(uint8_t *out, const uint8_t *bytes, size_t len)
{
	memcpy(out, bytes, len);
	return len;
}

/* The tables of the request, with the recorded selection; several keys only for who has offered them. */
static size_t answer_algs(const uint8_t *req, uint8_t *out, const uint8_t *algs, size_t algs_len)
{
	size_t len = take(out, algs, 36);

	if (!selects_multi_key)
		out[7] &= req[7];
	out[2] = req[2];
	for (unsigned i = 0; i < req[2]; i++)
		for (size_t at = 36; at < algs_len; at += 4)
			if (algs[at] == req[32 + 4 * i])
				len += take(out + len, algs + at, 4);
	out[4] = (uint8_t)len;
	return len;
}

static size_t answer_certificate(const uint8_t *req, uint8_t *out)
{
	size_t offset = req[4] | (size_t)req[5] << 8, len = req[6] | (size_t)req[7] << 8, rest;

	ck_assert_uint_lt(offset, sizeof(emu13_chain));
	rest = sizeof(emu13_chain) - offset;
	if (len > PORTION)
		len = PORTION;
	if (len > rest)
		len = rest;
	rest -= len;
	take(out,
	     (const uint8_t[]){req[0], 0x02, req[2], 1, (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)rest,
			       (uint8_t)(rest >> 8)},
	     8);
	take(out + 8, emu13_chain + offset, len);
	return 8 + len;
}

static size_t answer_challenge(const uint8_t *req, uint8_t *out)
{
	size_t len = take(out, emu13_challenge_auth, sizeof(emu13_challenge_auth));

	out[2] = 0; /* CHALLENGE of the responder's own, which only a requester with MUT_AUTH gets */
	if (req[3] == 0) {
		memmove(out + 4 + HASH + 32, out + 4 + HASH + 32 + HASH, len - (4 + HASH + 32 + HASH));
		len -= HASH;
	}
	memcpy(out + len - SIG - 8, req + 36, 8);
	return len;
}

static size_t answer_measurements(const uint8_t *req, uint8_t *out)
{
	size_t len = take(out, emu14_measurements, sizeof(emu14_measurements) - SIG);

	memcpy(out + len - 8, req + ((req[2] & 1) ? 37 : 4), 8);
	if (!(req[2] & 1))
		return len;
	return len + take(out + len, emu14_measurements + len, SIG);
}

/* MULTI_KEY is 10b (one or several) as recorded, 01b (several, always) if it insists. */
static size_t answer_caps(uint8_t *out, bool v14)
{
	size_t len = v14 ? take(out, emu14_caps, sizeof(emu14_caps)) : take(out, emu13_caps, sizeof(emu13_caps));

	if (insists_on_keys)
		out[11] ^= 0x0c;
	return len;
}

static size_t answer_of(const uint8_t *req, uint8_t *out, bool v14)
{
	switch (req[1]) {
	case SPDM_GET_VERSION:
		return v14 ? take(out, emu14_version, sizeof(emu14_version))
			   : take(out, emu13_version, sizeof(emu13_version));
	case SPDM_GET_CAPABILITIES:
		return answer_caps(out, v14);
	case SPDM_NEGOTIATE_ALGORITHMS:
		return v14 ? answer_algs(req, out, emu14_algs, sizeof(emu14_algs))
			   : answer_algs(req, out, emu13_algs, sizeof(emu13_algs));
	case SPDM_GET_DIGESTS:
		return take(out, emu13_digests, 4 + 3 * HASH);
	case SPDM_GET_CERTIFICATE:
		return answer_certificate(req, out);
	case SPDM_CHALLENGE:
		return answer_challenge(req, out);
	case SPDM_GET_MEASUREMENTS:
		return answer_measurements(req, out);
	default:
		ck_abort_msg("request %02x", req[1]);
	}
}

static int exchange(void *ctx, bool *secured, const uint8_t *request, size_t request_len, uint8_t *response, size_t cap,
		    size_t *len, unsigned timeout_ms)
{
	uint8_t out[2048];

	ck_assert(!*secured);
	*len = answer_of(request, out, *(bool *)ctx);
	ck_assert_uint_le(*len, cap);
	memcpy(response, out, *len);
	return 0;
}

static struct spdm_requester *requester(struct spdm_roots *roots, bool *v14)
{
	struct spdm_requester_config config = {.transport = {v14, exchange, spdm_rig_wait},
					       .profile = spdm_profile_requester(),
					       .roots = roots,
					       .now = 1787914942};
	struct spdm_requester *req;

	ck_assert_int_eq(spdm_requester_create(&config, &req), 0);
	return req;
}

/* All is read and believed as far as it can be: a recorded signature cannot have our nonce. */
START_TEST(answered)
{
	bool v14 = _i;
	struct spdm_chain chain;
	struct spdm_roots *roots;
	struct spdm_requester *req;
	struct spdm_measurements found;

	selects_multi_key = false;
	read_chain(&chain);
	roots = root_of_chain(&chain);
	spdm_chain_fini(&chain);
	req = requester(roots, &v14);
	ck_assert_msg(spdm_requester_connect(req) == 0, "%s", captured);
	ck_assert_uint_eq(spdm_requester_version(req), v14 ? SPDM_VERSION_14 : SPDM_VERSION_13);
	ck_assert_uint_eq(spdm_requester_peer_caps(req), v14 ? 0xb99afbf7 : 0x399afbf7);
	ck_assert_uint_eq(spdm_requester_algs(req)->asym, SPDM_ASYM_P384);
	if (v14) {
		ck_assert_msg(spdm_requester_measurements(req, 0, false, false, &found) == 0, "%s", captured);
		ck_assert_uint_eq(found.count, 8);
		ck_assert_uint_eq(found.blocks[4].index, 0x10);
		ck_assert_uint_eq(found.blocks[7].index, 0xfe);
		spdm_measurements_fini(&found);
	} else {
		ck_assert_msg(spdm_requester_chain(req, 0) == 0, "%s", captured);
		ck_assert(spdm_requester_chain_ok(req));
		ck_assert_int_ne(spdm_requester_challenge(req), 0);
		ck_assert_msg(spdm_requester_reason(req) == SPDM_BAD_SIGNATURE, "%s", captured);
	}
	spdm_requester_destroy(req);
	spdm_roots_free(roots);
}
END_TEST

static enum spdm_reason refusal(void)
{
	bool v14 = false;
	struct spdm_requester *req = requester(NULL, &v14);
	enum spdm_reason reason;

	ck_assert_int_ne(spdm_requester_connect(req), 0);
	reason = spdm_requester_reason(req);
	spdm_requester_destroy(req);
	return reason;
}

/* Several keys, which aerie does not offer, cannot be selected, nor insisted on. */
START_TEST(not_offered)
{
	selects_multi_key = true;
	ck_assert_int_eq(refusal(), SPDM_NO_ALGORITHM);
	selects_multi_key = false;
	insists_on_keys = true;
	ck_assert_int_eq(refusal(), SPDM_NO_CAPS);
	insists_on_keys = false;
}
END_TEST

int main(void)
{
	Suite *s = suite_create("spdm_recorded");
	TCase *tc = tcase_create("bytes"), *ends = tcase_create("ends");

	tcase_add_test(tc, certificates);
	tcase_add_test(tc, challenge);
	tcase_add_test(tc, measurements);
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(ends, setup, teardown);
	tcase_add_test(ends, asked_13);
	tcase_add_test(ends, asked_14);
	tcase_add_loop_test(ends, answered, 0, 2);
	tcase_add_test(ends, not_offered);
	suite_add_tcase(s, ends);
	return run_suite(s);
}

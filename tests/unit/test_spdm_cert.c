/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate chains and names: what is trusted, and the word for each thing that is not. */
#include <check.h>
#include <stdio.h>
#include <unistd.h>

#include "bits.h"
#include "log.h"
#include "run_suite.h"
#include "spdm_cert.h"
#include "spdm_rig.h"

static void silence(enum log_level level, const char *line, void *opaque)
{
}

static void setup(void)
{
	log_set_sink(silence, NULL);
}

static enum spdm_reason check_chain(const struct fake_pki *pki, struct spdm_chain_rules rules)
{
	const struct spdm_hash_alg *hash = spdm_hash_find(SPDM_HASH_SHA384);
	struct spdm_chain chain, read;
	enum spdm_reason reason;
	char why[256];
	uint8_t *copy;

	ck_assert_int_eq(spdm_chain_wrap(&chain, pki->chain, pki->chain_len, hash), 0);
	copy = malloc(chain.len);
	memcpy(copy, chain.blob, chain.len);
	ck_assert_int_eq(spdm_chain_read(&read, copy, chain.len, hash), SPDM_OK);
	ck_assert_mem_eq(read.digest, chain.digest, hash->len);
	reason = spdm_chain_check(&read, &rules, why, sizeof(why));
	ck_assert(read.ok == (reason == SPDM_OK));
	ck_assert(reason == SPDM_OK || *why);
	spdm_chain_fini(&chain);
	spdm_chain_fini(&read);
	return reason;
}

#define NAME(text)                                                                                                     \
	{                                                                                                              \
		.asym = SPDM_ASYM_P256, .name = text                                                                   \
	}

static const struct {
	struct fake_pki_options options;
	enum spdm_reason reason;
} cases[] = {
	{{.asym = SPDM_ASYM_P256}, SPDM_OK},
	{{.asym = SPDM_ASYM_P384}, SPDM_LEAF_RULES}, /* another key than was agreed */
	{{.asym = SPDM_ASYM_ED25519}, SPDM_LEAF_RULES},
	{{.asym = SPDM_ASYM_P256, .no_usage = true}, SPDM_OK},
	{{.asym = SPDM_ASYM_P256, .requester = true}, SPDM_LEAF_RULES},
	{{.asym = SPDM_ASYM_P256, .no_signature = true}, SPDM_LEAF_RULES},
	{{.asym = SPDM_ASYM_P256, .authority = true}, SPDM_LEAF_RULES},
	{{.asym = SPDM_ASYM_P256, .no_constraints = true}, SPDM_LEAF_RULES}, /* since 1.3 */
	{{.asym = SPDM_ASYM_P256, .expired = true}, SPDM_EXPIRED},
	{{.asym = SPDM_ASYM_P256, .future = true}, SPDM_EXPIRED},
	{{.asym = SPDM_ASYM_P256, .expired_middle = true}, SPDM_EXPIRED},
	{{.asym = SPDM_ASYM_P256, .bad_middle = true}, SPDM_CHAIN_INVALID},
	{{.asym = SPDM_ASYM_P256, .bad_signature = true}, SPDM_CHAIN_INVALID},
	{NAME(""), SPDM_NAME_MISSING},
	{NAME("Vendor=1b36:Device=0010:CC=010802:REV=02:SSVID=1af4:SSID=1100"), SPDM_OK},
	{NAME("Vendor=1B36:Device=0010:CC=010802:REV=02"), SPDM_OK},
	{NAME("Device=0010:Vendor=1b36:REV=02:CC=010802"), SPDM_OK},
	{NAME("Vendor=1b36:Device=0010:CC=010802:REV=2"), SPDM_NAME_MISMATCH},
	{NAME("Vendor=1b36:Device=0010:CC=10802:REV=02"), SPDM_NAME_MISMATCH},
	{NAME("Vendor=1b36:Device=0010:CC=010802:REV=02:SSVID=01af4"), SPDM_NAME_MISMATCH},
	{NAME("Vendor=1b36::Device=0010:CC=010802:REV=02"), SPDM_NAME_MISMATCH},
	{NAME("Vendor=1b36:Device=0010:CC=010802:REV=02:"), SPDM_NAME_MISMATCH},
	{NAME(":Vendor=1b36:Device=0010:CC=010802:REV=02"), SPDM_NAME_MISMATCH},
	{NAME("Vendor=1b36:Device=0010:CC=010802:REV=02:SN=0123456789abcdef"), SPDM_OK},
	{NAME("Vendor=1b36:Device=0010:CC=010802:REV=02:0123456789abcdef"), SPDM_OK},
	{NAME("Vendor=1b36:Device=0010:CC=010802:REV=02:SN=0123456789abcdef:0123456789abcdef"), SPDM_NAME_MISMATCH},
	{NAME("Vendor=1b36:Device=0010:CC=010802:REV=02:123456789abcdef"), SPDM_NAME_MISMATCH},
	{NAME("Vendor=1b36:Device=0010:CC=010802:REV=02:SN=123456789abcdef"), SPDM_NAME_MISMATCH},
	{NAME("Vendor=1b36:Device=0010:CC=010802:REV=02:SN=00123456789abcdef"), SPDM_NAME_MISMATCH},
	{NAME("Vendor=1b36:Device=0011:CC=010802:REV=02:SSVID=1af4:SSID=1100"), SPDM_NAME_MISMATCH},
	{NAME("Vendor=1b36:Device=0010:CC=010802:REV=02:SN=0123456789abcdee"), SPDM_NAME_MISMATCH},
	{NAME("Vendor=1b36:Device=0010:CC=010802:REV=02:SN="), SPDM_NAME_MISMATCH},
	{NAME("Vendor=1b36:Device=0010:CC=010802"), SPDM_NAME_MISMATCH},
	{NAME("Vendor=1b36:Vendor=1b36:Device=0010:CC=010802:REV=02"), SPDM_NAME_MISMATCH},
	{NAME("Vendor=1b36:Device=0010:CC=010802:REV=02:Colour=red"), SPDM_NAME_MISMATCH},
	{NAME("Vendor=0x1b36:Device=0010:CC=010802:REV=02"), SPDM_NAME_MISMATCH},
	{NAME("Vendor=1b36:Device=-010:CC=010802:REV=02"), SPDM_NAME_MISMATCH},
	{NAME("Vendor=10000000000001b36:Device=0010:CC=010802:REV=02"), SPDM_NAME_MISMATCH},
	{NAME(":::"), SPDM_NAME_MISMATCH},
};

START_TEST(every_rule)
{
	struct fake_pki pki;
	enum spdm_reason reason;

	fake_pki_make(&pki, &cases[_i].options);
	reason = check_chain(&pki, (struct spdm_chain_rules){
					   .roots = pki.roots,
					   .asym = spdm_asym_find(SPDM_ASYM_P256),
					   .device = &fake_pki_device,
					   .version = SPDM_VERSION_13,
					   .responder = true,
				   });
	ck_assert_msg(reason == cases[_i].reason, "case %d: %s, expected %s", _i, spdm_reason_name(reason),
		      spdm_reason_name(cases[_i].reason));
	fake_pki_free(&pki);
}
END_TEST

/* What depends on the one who checks. */
START_TEST(views)
{
	const struct fake_pki_options plain = {.asym = SPDM_ASYM_P256, .no_constraints = true, .name = ""};
	struct spdm_chain_rules rules = {
		.asym = spdm_asym_find(SPDM_ASYM_P256), .version = SPDM_VERSION_12, .responder = true};
	struct spdm_device_id device = fake_pki_device;
	struct fake_pki pki, other;

	fake_pki_make(&pki, &plain);
	fake_pki_make(&other, &(struct fake_pki_options){.asym = SPDM_ASYM_P256});
	ck_assert_int_eq(check_chain(&pki, rules), SPDM_UNKNOWN_ROOT); /* no roots at all */
	rules.roots = other.roots;
	ck_assert_int_eq(check_chain(&pki, rules), SPDM_UNKNOWN_ROOT);
	rules.roots = pki.roots;
	ck_assert_int_eq(check_chain(&pki, rules),
			 SPDM_OK); /* 1.2 asks for no basicConstraints, and nobody for a name */
	rules.now = 1;
	ck_assert_int_eq(check_chain(&pki, rules), SPDM_EXPIRED);
	rules = (struct spdm_chain_rules){.roots = other.roots,
					  .asym = rules.asym,
					  .version = SPDM_VERSION_14,
					  .responder = true,
					  .device = &device};
	device.has_serial = false; /* the certificate names one */
	ck_assert_int_eq(check_chain(&other, rules), SPDM_NAME_MISMATCH);
	rules.responder = false;
	ck_assert_int_eq(check_chain(&other, rules), SPDM_LEAF_RULES);
	fake_pki_free(&pki);
	fake_pki_free(&other);
}
END_TEST

/* Each byte of a chain changed, each length cut: read or refused, but never trusted. */
START_TEST(damaged)
{
	const struct spdm_hash_alg *hash = spdm_hash_find(SPDM_HASH_SHA256);
	struct spdm_chain_rules rules = {
		.asym = spdm_asym_find(SPDM_ASYM_P256), .version = SPDM_VERSION_12, .responder = true};
	struct spdm_chain chain, read;
	struct fake_pki pki;
	char why[256];

	fake_pki_make(&pki, &(struct fake_pki_options){.asym = SPDM_ASYM_P256});
	rules.roots = pki.roots;
	ck_assert_int_eq(spdm_chain_wrap(&chain, pki.chain, pki.chain_len, hash), 0);
	for (size_t i = 0; i < 2 * chain.len; i++) {
		size_t len = i < chain.len ? chain.len : i - chain.len;
		uint8_t *copy = malloc(len + 1);

		memcpy(copy, chain.blob, len);
		if (i < chain.len)
			copy[i] ^= (uint8_t)(1u << i % 8);
		/* Bytes 2 and 3 are reserved: only the digest covers them. */
		if (spdm_chain_read(&read, copy, len, hash) == SPDM_OK && i != 2 && i != 3)
			ck_assert_int_ne(spdm_chain_check(&read, &rules, why, sizeof(why)), SPDM_OK);
		ck_assert_msg(!read.blob || len != chain.len || memcmp(read.digest, chain.digest, hash->len),
			      "byte %zu is not covered", i);
		spdm_chain_fini(&read);
	}
	spdm_chain_fini(&chain);
	fake_pki_free(&pki);
}
END_TEST

/* What a chain of @ders with the hash of @root in front is called. */
static enum spdm_reason check_blob(const struct fake_pki *pki, const uint8_t *root, size_t root_len,
				   const uint8_t *ders, size_t len, enum spdm_reason reading)
{
	const struct spdm_hash_alg *hash = spdm_hash_find(SPDM_HASH_SHA384);
	const struct spdm_chain_rules rules = {.roots = pki->roots,
					       .asym = spdm_asym_find(SPDM_ASYM_P256),
					       .version = SPDM_VERSION_12,
					       .responder = true};
	size_t total = 4u + hash->len + len;
	uint8_t *blob = calloc(1, total);
	struct spdm_chain chain;
	enum spdm_reason reason;
	char why[256];

	blob[0] = (uint8_t)total;
	blob[1] = (uint8_t)(total >> 8);
	ck_assert_int_eq(spdm_hash(hash, root, root_len, blob + 4), 0);
	memcpy(blob + 4 + hash->len, ders, len);
	reason = spdm_chain_read(&chain, blob, total, hash);
	ck_assert_int_eq(reason, reading);
	if (reason == SPDM_OK)
		reason = spdm_chain_check(&chain, &rules, why, sizeof(why));
	spdm_chain_fini(&chain);
	return reason;
}

/* DSP0274, "Certificates and certificate chains": the root may be left out; what is there is a chain without gaps. */
START_TEST(without_root)
{
	struct fake_pki pki, other;
	uint8_t *both;
	size_t left;

	fake_pki_make(&pki, &(struct fake_pki_options){.asym = SPDM_ASYM_P256});
	fake_pki_make(&other, &(struct fake_pki_options){.asym = SPDM_ASYM_P256});
	left = pki.chain_len - pki.root_len;
	ck_assert_int_eq(check_blob(&pki, pki.root, pki.root_len, pki.chain + pki.root_len, left, SPDM_OK), SPDM_OK);
	ck_assert_int_eq(check_blob(&other, pki.root, pki.root_len, pki.chain + pki.root_len, left, SPDM_OK),
			 SPDM_UNKNOWN_ROOT);
	/* Another root's hash: that one did not sign this chain. */
	ck_assert_int_eq(check_blob(&other, other.root, other.root_len, pki.chain + pki.root_len, left, SPDM_OK),
			 SPDM_CHAIN_INVALID);
	/* A root that is there is the one that the hash names. */
	ck_assert_int_eq(check_blob(&pki, other.root, other.root_len, pki.chain, pki.chain_len, SPDM_CHAIN_BAD),
			 SPDM_CHAIN_BAD);
	/* A stranger's certificates between root and chain. */
	both = malloc(other.chain_len + left);
	memcpy(both, other.chain + other.root_len, other.chain_len - other.root_len);
	memcpy(both + other.chain_len - other.root_len, pki.chain + pki.root_len, left);
	ck_assert_int_eq(
		check_blob(&pki, pki.root, pki.root_len, both, other.chain_len - other.root_len + left, SPDM_OK),
		SPDM_CHAIN_INVALID);
	free(both);
	fake_pki_free(&pki);
	fake_pki_free(&other);
}
END_TEST

START_TEST(files)
{
	char folder[] = "/tmp/aerie-spdm-XXXXXX", path[3][64];
	static const char *const names[] = {"chain.pem", "key.pem", "roots.pem"};
	struct spdm_identity *id = NULL;
	struct spdm_roots *roots = NULL;
	struct fake_pki pki;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	fake_pki_make(&pki, &(struct fake_pki_options){.asym = SPDM_ASYM_P384});
	fake_pki_write(&pki, folder);
	for (unsigned i = 0; i < 3; i++)
		snprintf(path[i], sizeof(path[i]), "%s/%s", folder, names[i]);
	ck_assert_int_eq(spdm_identity_load(path[0], path[1], &id), 0);
	ck_assert_uint_eq(id->len, pki.chain_len);
	ck_assert_mem_eq(id->ders, pki.chain, pki.chain_len);
	spdm_identity_free(id);
	ck_assert_int_eq(spdm_roots_load(path[2], &roots), 0);
	spdm_roots_free(roots);
	ck_assert_int_eq(spdm_identity_load(path[1], path[1], &id), -EINVAL);
	ck_assert_int_eq(spdm_identity_load(path[0], path[0], &id), -EINVAL);
	ck_assert_int_eq(spdm_identity_load(path[2], path[1], &id), -EINVAL); /* not the root's key */
	ck_assert_int_eq(spdm_identity_create(pki.key, pki.chain + pki.root_len, pki.chain_len - pki.root_len, &id),
			 -EINVAL); /* its root is missing */
	ck_assert_int_eq(spdm_roots_load("/nonexistent", &roots), -EINVAL);
	ck_assert_int_eq(spdm_roots_load(path[1], &roots), -EINVAL);
	ck_assert_int_eq(spdm_roots_create(pki.root, pki.root_len - 1, &roots), -EINVAL);
	for (unsigned i = 0; i < 3; i++)
		unlink(path[i]);
	rmdir(folder);
	fake_pki_free(&pki);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spdm_cert");
	TCase *tc = tcase_create("cert");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, every_rule, 0, ARRAY_LEN(cases));
	tcase_add_test(tc, views);
	tcase_add_test(tc, damaged);
	tcase_add_test(tc, without_root);
	tcase_add_test(tc, files);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of algorithms, hashes, key derivation, authenticated encryption. */
#include "spdm_crypto.h"

#include <errno.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

/* In each table the one that is liked best comes first. */
static const struct spdm_hash_alg hashes[] = {
	{SPDM_HASH_SHA384, SPDM_MEAS_HASH_SHA384, 48, "SHA384"},
	{SPDM_HASH_SHA512, SPDM_MEAS_HASH_SHA512, 64, "SHA512"},
	{SPDM_HASH_SHA256, SPDM_MEAS_HASH_SHA256, 32, "SHA256"},
};

static const struct spdm_asym_alg asyms[] = {
	{SPDM_ASYM_P384, SPDM_SIGN_ECDSA, 96, "EC", "P-384", 384},
	{SPDM_ASYM_P256, SPDM_SIGN_ECDSA, 64, "EC", "P-256", 256},
	{SPDM_ASYM_ED25519, SPDM_SIGN_EDDSA, 64, "ED25519", NULL, 256},
	{SPDM_ASYM_RSAPSS_3072, SPDM_SIGN_RSAPSS, 384, "RSA", NULL, 3072},
	{SPDM_ASYM_RSASSA_3072, SPDM_SIGN_RSASSA, 384, "RSA", NULL, 3072},
};

static const struct spdm_dhe_alg groups[] = {
	{SPDM_DHE_P384, 96, 48, "EC", "P-384"},
	{SPDM_DHE_P256, 64, 32, "EC", "P-256"},
	{SPDM_DHE_FFDHE4096, 512, 512, "DH", "ffdhe4096"},
	{SPDM_DHE_FFDHE3072, 384, 384, "DH", "ffdhe3072"},
	{SPDM_DHE_FFDHE2048, 256, 256, "DH", "ffdhe2048"},
};

static const struct spdm_aead_alg aeads[] = {
	{SPDM_AEAD_AES256, 32, "AES-256-GCM"},
	{SPDM_AEAD_CHACHA20, 32, "ChaCha20-Poly1305"},
	{SPDM_AEAD_AES128, 16, "AES-128-GCM"},
};

/*
 * libcrypto's objects for the rows, looked up once for the life of the process: a lookup takes a lock and costs more
 * than sealing a short message.
 */
static EVP_MD *mds[ARRAY_LEN(hashes)];
static EVP_CIPHER *ciphers[ARRAY_LEN(aeads)];

static void fetch_all(void)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		mds[i] = EVP_MD_fetch(NULL, hashes[i].name, NULL);
	for (size_t i = 0; i < ARRAY_LEN(aeads); i++)
		ciphers[i] = EVP_CIPHER_fetch(NULL, aeads[i].name, NULL);
}

static pthread_once_t fetched = PTHREAD_ONCE_INIT;

const EVP_MD *spdm_hash_md(const struct spdm_hash_alg *hash)
{
	pthread_once(&fetched, fetch_all);
	return mds[hash - hashes];
}

static const EVP_CIPHER *aead_cipher(const struct spdm_aead_alg *alg)
{
	pthread_once(&fetched, fetch_all);
	return ciphers[alg - aeads];
}

/* spdm_KIND_find() and spdm_KIND_choose() for one table */
#define TABLE(kind, table)                                                                                             \
	const struct spdm_##kind##_alg *spdm_##kind##_find(uint32_t bit)                                               \
	{                                                                                                              \
		for (size_t i = 0; i < ARRAY_LEN(table); i++)                                                          \
			if (table[i].bit == bit)                                                                       \
				return &table[i];                                                                      \
		return NULL;                                                                                           \
	}                                                                                                              \
                                                                                                                       \
	uint32_t spdm_##kind##_choose(uint32_t mask)                                                                   \
	{                                                                                                              \
		for (size_t i = 0; i < ARRAY_LEN(table); i++)                                                          \
			if (table[i].bit & mask)                                                                       \
				return table[i].bit;                                                                   \
		return 0;                                                                                              \
	}

TABLE(hash, hashes)
TABLE(asym, asyms)
TABLE(dhe, groups)
TABLE(aead, aeads)

const struct spdm_hash_alg *spdm_meas_hash_find(uint32_t meas_bit)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (hashes[i].meas_bit == meas_bit)
			return &hashes[i];
	return NULL;
}

void spdm_crypto_all(struct spdm_algs *algs)
{
	*algs = (struct spdm_algs){
		.meas_spec = SPDM_MEAS_SPEC_DMTF,
		.other_params = SPDM_OPAQUE_FORMAT1,
		.schedule = SPDM_SCHEDULE_SPDM,
	};
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
		algs->hash |= hashes[i].bit;
		algs->meas_hash |= hashes[i].meas_bit;
	}
	for (size_t i = 0; i < ARRAY_LEN(asyms); i++)
		algs->asym |= asyms[i].bit;
	algs->req_asym = (uint16_t)algs->asym;
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		algs->dhe |= (uint16_t)groups[i].bit;
	for (size_t i = 0; i < ARRAY_LEN(aeads); i++)
		algs->aead |= (uint16_t)aeads[i].bit;
}

int spdm_random(uint8_t *out, size_t len)
{
	return RAND_bytes(out, (int)len) == 1 ? 0 : -EIO;
}

int spdm_hash(const struct spdm_hash_alg *hash, const uint8_t *data, size_t len, uint8_t *out)
{
	return EVP_Digest(data, len, out, NULL, spdm_hash_md(hash), NULL) == 1 ? 0 : -EIO;
}

int spdm_hmac(const struct spdm_hash_alg *hash, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len,
	      uint8_t *out)
{
	return HMAC(spdm_hash_md(hash), key, (int)key_len, data, len, out, NULL) ? 0 : -EIO;
}

/* RFC 5869, 2.3. No output of SPDM's key schedule is longer than one hash, so
 * T(1) is all there is. */
int spdm_expand(const struct spdm_hash_alg *hash, const uint8_t *secret, const uint8_t *info, size_t info_len,
		uint8_t *out, size_t len)
{
	uint8_t input[128], block[SPDM_MAX_HASH];
	int rc;

	if (info_len >= sizeof(input) || len > hash->len)
		return -EIO;
	memcpy(input, info, info_len);
	input[info_len] = 1;
	rc = spdm_hmac(hash, secret, hash->len, input, info_len + 1, block);
	if (rc == 0)
		memcpy(out, block, len);
	OPENSSL_cleanse(block, sizeof(block));
	return rc;
}

/* One direction of authenticated encryption; with @tag_in the tag is compared,
 * else *tag_out is made. */
static int aead(const struct spdm_aead_alg *alg, const uint8_t *key, const uint8_t *nonce, const uint8_t *aad,
		size_t aad_len, const uint8_t *in, size_t len, uint8_t *out, uint8_t *tag, bool sealing)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n, rc = -EIO;

	if (!ctx || EVP_CipherInit_ex(ctx, aead_cipher(alg), NULL, key, nonce, sealing) != 1 ||
	    EVP_CipherUpdate(ctx, NULL, &n, aad, (int)aad_len) != 1)
		goto out;
	if (len && EVP_CipherUpdate(ctx, out, &n, in, (int)len) != 1)
		goto out;
	if (!sealing && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SPDM_SECURED_TAG_LEN, tag) != 1)
		goto out;
	if (EVP_CipherFinal_ex(ctx, out + len, &n) != 1) {
		rc = sealing ? -EIO : -EBADMSG;
		goto out;
	}
	if (sealing && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SPDM_SECURED_TAG_LEN, tag) != 1)
		goto out;
	rc = 0;
out:
	if (rc && len)
		OPENSSL_cleanse(out, len);
	EVP_CIPHER_CTX_free(ctx);
	return rc;
}

int spdm_aead_seal(const struct spdm_aead_alg *alg, const uint8_t *key, const uint8_t *nonce, const uint8_t *aad,
		   size_t aad_len, const uint8_t *in, size_t len, uint8_t *out, uint8_t *tag)
{
	return aead(alg, key, nonce, aad, aad_len, in, len, out, tag, true);
}

int spdm_aead_open(const struct spdm_aead_alg *alg, const uint8_t *key, const uint8_t *nonce, const uint8_t *aad,
		   size_t aad_len, const uint8_t *in, size_t len, uint8_t *out, const uint8_t *tag)
{
	uint8_t copy[SPDM_SECURED_TAG_LEN];

	memcpy(copy, tag, sizeof(copy));
	return aead(alg, key, nonce, aad, aad_len, in, len, out, copy, false);
}

int spdm_transcript_begin(struct spdm_transcript *t, const struct spdm_hash_alg *hash, const uint8_t *prefix,
			  size_t len)
{
	if (t->ctx)
		return 0;
	t->ctx = EVP_MD_CTX_new();
	if (t->ctx && EVP_DigestInit_ex(t->ctx, spdm_hash_md(hash), NULL) == 1 &&
	    EVP_DigestUpdate(t->ctx, prefix, len) == 1)
		return 0;
	spdm_transcript_reset(t);
	return -EIO;
}

int spdm_transcript_add(struct spdm_transcript *t, const uint8_t *data, size_t len)
{
	return t->ctx && EVP_DigestUpdate(t->ctx, data, len) == 1 ? 0 : -EIO;
}

int spdm_transcript_copy(struct spdm_transcript *to, const struct spdm_transcript *from)
{
	spdm_transcript_reset(to);
	to->ctx = EVP_MD_CTX_new();
	if (to->ctx && from->ctx && EVP_MD_CTX_copy_ex(to->ctx, from->ctx) == 1)
		return 0;
	spdm_transcript_reset(to);
	return -EIO;
}

int spdm_transcript_hash(const struct spdm_transcript *t, uint8_t *out)
{
	struct spdm_transcript copy = {0};
	int rc = spdm_transcript_copy(&copy, t);

	if (rc == 0 && EVP_DigestFinal_ex(copy.ctx, out, NULL) != 1)
		rc = -EIO;
	spdm_transcript_reset(&copy);
	return rc;
}

void spdm_transcript_reset(struct spdm_transcript *t)
{
	EVP_MD_CTX_free(t->ctx);
	t->ctx = NULL;
}

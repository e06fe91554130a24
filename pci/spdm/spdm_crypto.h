/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The algorithms of SPDM on libcrypto: one table for each kind, and the few
 * operations that the protocol needs. All functions return 0 or -errno: -EIO
 * when libcrypto fails (not logged; callers know what it was for), -EBADMSG
 * when a signature, tag or public value is wrong.
 */
#ifndef AERIE_SPDM_CRYPTO_H
#define AERIE_SPDM_CRYPTO_H

#include <openssl/evp.h>

#include "spdm.h"

struct spdm_hash_alg {
	uint32_t bit, meas_bit;
	uint16_t len;
	const char *name; /* libcrypto's */
};

enum spdm_sign_kind {
	SPDM_SIGN_ECDSA,
	SPDM_SIGN_RSASSA,
	SPDM_SIGN_RSAPSS,
	SPDM_SIGN_EDDSA,
};

struct spdm_asym_alg {
	uint32_t bit;
	enum spdm_sign_kind kind;
	uint16_t sig_len;
	const char *key;   /* libcrypto's name of the key's type */
	const char *group; /* of the curve; NULL: none */
	unsigned key_bits;
};

struct spdm_dhe_alg {
	uint32_t bit;
	uint16_t len;	 /* of the value that travels */
	uint16_t shared; /* of the shared secret */
	const char *key; /* "EC" or "DH" */
	const char *group;
};

struct spdm_aead_alg {
	uint32_t bit;
	uint16_t key_len;
	const char *name; /* libcrypto's */
};

/** The row for @bit, or NULL: not one of aerie's algorithms. */
const struct spdm_hash_alg *spdm_hash_find(uint32_t bit);
const struct spdm_hash_alg *spdm_meas_hash_find(uint32_t meas_bit);
const struct spdm_asym_alg *spdm_asym_find(uint32_t bit);
const struct spdm_dhe_alg *spdm_dhe_find(uint32_t bit);
const struct spdm_aead_alg *spdm_aead_find(uint32_t bit);

/** Of the algorithms in @mask the one that aerie likes best; 0: none. Stronger
 * before weaker, then faster before slower. */
uint32_t spdm_hash_choose(uint32_t mask);
uint32_t spdm_asym_choose(uint32_t mask);
uint32_t spdm_dhe_choose(uint32_t mask);
uint32_t spdm_aead_choose(uint32_t mask);

/** libcrypto's object for @hash; NULL: it has none, and every use of it fails. */
const EVP_MD *spdm_hash_md(const struct spdm_hash_alg *hash);

/** Masks of all rows. */
void spdm_crypto_all(struct spdm_algs *algs);

int spdm_random(uint8_t *out, size_t len);
int spdm_hash(const struct spdm_hash_alg *hash, const uint8_t *data, size_t len, uint8_t *out);
int spdm_hmac(const struct spdm_hash_alg *hash, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len,
	      uint8_t *out);
/** HKDF-Expand (RFC 5869). */
int spdm_expand(const struct spdm_hash_alg *hash, const uint8_t *secret, const uint8_t *info, size_t info_len,
		uint8_t *out, size_t len);

/**
 * Seals or opens @len bytes from @in to @out (which may be the same). @tag is
 * SPDM_SECURED_TAG_LEN bytes.
 * @len may be 0 (message authentication only).
 */
int spdm_aead_seal(const struct spdm_aead_alg *aead, const uint8_t *key, const uint8_t *nonce, const uint8_t *aad,
		   size_t aad_len, const uint8_t *in, size_t len, uint8_t *out, uint8_t *tag);
int spdm_aead_open(const struct spdm_aead_alg *aead, const uint8_t *key, const uint8_t *nonce, const uint8_t *aad,
		   size_t aad_len, const uint8_t *in, size_t len, uint8_t *out, const uint8_t *tag);

/** Whether @key is one for @alg. */
bool spdm_key_fits(const struct spdm_asym_alg *alg, EVP_PKEY *key);
/** The algorithms that @key can be used with, as a mask. */
uint32_t spdm_key_asym(EVP_PKEY *key);
/** @sig has alg->sig_len bytes in the form that travels (ECDSA: r and s,
 * big-endian). */
int spdm_sign(const struct spdm_asym_alg *alg, const struct spdm_hash_alg *hash, EVP_PKEY *key, const uint8_t *data,
	      size_t len, uint8_t *sig);
int spdm_verify(const struct spdm_asym_alg *alg, const struct spdm_hash_alg *hash, EVP_PKEY *key, const uint8_t *data,
		size_t len, const uint8_t *sig);

/** A new key pair; @value gets alg->len bytes. The caller frees *@key. */
int spdm_dhe_generate(const struct spdm_dhe_alg *alg, EVP_PKEY **key, uint8_t *value);
/** @secret gets alg->shared bytes, leading zeroes kept. -EBADMSG: @peer is not
 * a point of the curve or out of range. */
int spdm_dhe_derive(const struct spdm_dhe_alg *alg, EVP_PKEY *key, const uint8_t *peer, uint8_t *secret);

/* Runs a hash over what is added; copies of it can be finished at any time. */
struct spdm_transcript {
	EVP_MD_CTX *ctx; /* NULL: nothing was added since the last reset */
};

/** Begins with @prefix unless it has begun already. */
int spdm_transcript_begin(struct spdm_transcript *t, const struct spdm_hash_alg *hash, const uint8_t *prefix,
			  size_t len);
int spdm_transcript_add(struct spdm_transcript *t, const uint8_t *data, size_t len);
int spdm_transcript_copy(struct spdm_transcript *to, const struct spdm_transcript *from);
/** The hash so far. */
int spdm_transcript_hash(const struct spdm_transcript *t, uint8_t *out);
void spdm_transcript_reset(struct spdm_transcript *t);

#endif

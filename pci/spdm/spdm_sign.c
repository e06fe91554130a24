/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures in the form in which they travel (DSP0274, "Signature
 * generation"). */
#include <errno.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <string.h>

#include "spdm_crypto.h"

bool spdm_key_fits(const struct spdm_asym_alg *alg, EVP_PKEY *key)
{
	char group[32];

	if (!EVP_PKEY_is_a(key, alg->key))
		return false;
	if (!alg->group)
		return alg->kind == SPDM_SIGN_EDDSA || (unsigned)EVP_PKEY_get_bits(key) == alg->key_bits;
	if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
		return false;
	/* "P-256" and "prime256v1" are one curve. */
	return EVP_PKEY_get_bits(key) == (int)alg->key_bits &&
	       (!strcmp(group, alg->group) || !strcmp(group, alg->key_bits == 256 ? "prime256v1" : "secp384r1"));
}

uint32_t spdm_key_asym(EVP_PKEY *key)
{
	uint32_t mask = 0;

	for (unsigned bit = 0; bit < 32; bit++) {
		const struct spdm_asym_alg *alg = spdm_asym_find(BIT32(bit));

		if (alg && spdm_key_fits(alg, key))
			mask |= alg->bit;
	}
	return mask;
}

/* A context for one signature. PSS: the salt is as long as the hash. */
static EVP_MD_CTX *begin(const struct spdm_asym_alg *alg, const struct spdm_hash_alg *hash, EVP_PKEY *key, bool sign)
{
	const EVP_MD *md = alg->kind == SPDM_SIGN_EDDSA ? NULL : spdm_hash_md(hash);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	int rc;

	if (!ctx)
		return NULL;
	rc = sign ? EVP_DigestSignInit(ctx, &pctx, md, NULL, key) : EVP_DigestVerifyInit(ctx, &pctx, md, NULL, key);
	if (rc == 1 && alg->kind == SPDM_SIGN_RSASSA)
		rc = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PADDING);
	if (rc == 1 && alg->kind == SPDM_SIGN_RSAPSS)
		rc = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1;
	if (rc == 1)
		return ctx;
	EVP_MD_CTX_free(ctx);
	return NULL;
}

/* DER SEQUENCE { r, s } to r and s side by side. */
static int ecdsa_to_wire(const uint8_t *der, size_t len, uint8_t *sig, unsigned sig_len)
{
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);
	int half = (int)sig_len / 2, rc = -EIO;

	if (pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), sig, half) == half &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(pair), sig + half, half) == half)
		rc = 0;
	ECDSA_SIG_free(pair);
	return rc;
}

/* The other way; returns the DER's length or -errno. */
static int ecdsa_from_wire(const uint8_t *sig, unsigned sig_len, uint8_t *der, size_t cap)
{
	ECDSA_SIG *pair = ECDSA_SIG_new();
	int half = (int)sig_len / 2, len = -EIO;
	BIGNUM *r = BN_bin2bn(sig, half, NULL), *s = BN_bin2bn(sig + half, half, NULL);

	if (!pair || !r || !s || ECDSA_SIG_set0(pair, r, s) != 1) {
		BN_free(r);
		BN_free(s);
	} else if ((len = i2d_ECDSA_SIG(pair, NULL)) > 0 && (size_t)len <= cap) {
		len = i2d_ECDSA_SIG(pair, &der);
	} else {
		len = -EIO;
	}
	ECDSA_SIG_free(pair);
	return len;
}

int spdm_sign(const struct spdm_asym_alg *alg, const struct spdm_hash_alg *hash, EVP_PKEY *key, const uint8_t *data,
	      size_t len, uint8_t *sig)
{
	EVP_MD_CTX *ctx = begin(alg, hash, key, true);
	uint8_t made[SPDM_MAX_SIG + 16];
	size_t made_len = sizeof(made);
	int rc = -EIO;

	if (ctx && EVP_DigestSign(ctx, made, &made_len, data, len) == 1) {
		if (alg->kind == SPDM_SIGN_ECDSA) {
			rc = ecdsa_to_wire(made, made_len, sig, alg->sig_len);
		} else if (made_len == alg->sig_len) {
			memcpy(sig, made, made_len);
			rc = 0;
		}
	}
	EVP_MD_CTX_free(ctx);
	return rc;
}

int spdm_verify(const struct spdm_asym_alg *alg, const struct spdm_hash_alg *hash, EVP_PKEY *key, const uint8_t *data,
		size_t len, const uint8_t *sig)
{
	uint8_t der[SPDM_MAX_SIG + 16];
	const uint8_t *given = sig;
	int given_len = alg->sig_len, rc = -EBADMSG;
	EVP_MD_CTX *ctx;

	if (!spdm_key_fits(alg, key))
		return -EBADMSG;
	if (alg->kind == SPDM_SIGN_ECDSA) {
		given_len = ecdsa_from_wire(sig, alg->sig_len, der, sizeof(der));
		given = der;
	}
	ctx = begin(alg, hash, key, false);
	if (ctx && given_len > 0 && EVP_DigestVerify(ctx, given, (size_t)given_len, data, len) == 1)
		rc = 0;
	EVP_MD_CTX_free(ctx);
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Key agreement: public values in the form in which they travel (DSP0274,
 * KEY_EXCHANGE, "ExchangeData"). */
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/dh.h>
#include <openssl/param_build.h>
#include <string.h>

#include "spdm_crypto.h"

static bool is_ec(const struct spdm_dhe_alg *alg)
{
	return alg->shared != alg->len;
}

/* EC: X and Y, without the byte that says "uncompressed". DH: the number,
 * big-endian, with its leading zeroes. */
static int public_value(const struct spdm_dhe_alg *alg, EVP_PKEY *key, uint8_t *value)
{
	uint8_t point[SPDM_MAX_DHE + 1];
	BIGNUM *number = NULL;
	size_t len;
	int rc = -EIO;

	if (is_ec(alg)) {
		if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len) != 1 ||
		    len != alg->len + 1u || point[0] != 4)
			return -EIO;
		memcpy(value, point + 1, alg->len);
		return 0;
	}
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PUB_KEY, &number) == 1 &&
	    BN_bn2binpad(number, value, alg->len) == alg->len)
		rc = 0;
	BN_free(number);
	return rc;
}

int spdm_dhe_generate(const struct spdm_dhe_alg *alg, EVP_PKEY **key, uint8_t *value)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)alg->group, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, alg->key, NULL);
	int rc = -EIO;

	*key = NULL;
	if (ctx && EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_CTX_set_params(ctx, params) == 1 &&
	    EVP_PKEY_generate(ctx, key) == 1)
		rc = public_value(alg, *key, value);
	if (rc) {
		EVP_PKEY_free(*key);
		*key = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	return rc;
}

/* The peer's value as a key; NULL: not a value of this group. */
static EVP_PKEY *peer_key(const struct spdm_dhe_alg *alg, const uint8_t *value)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, alg->key, NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *number = BN_bin2bn(value, alg->len, NULL);
	OSSL_PARAM *params = NULL;
	uint8_t point[SPDM_MAX_DHE + 1] = {4};
	EVP_PKEY *key = NULL;
	bool ok;

	memcpy(point + 1, value, alg->len);
	ok = ctx && build && number &&
	     OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, alg->group, 0) == 1;
	if (ok && is_ec(alg))
		ok = OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, alg->len + 1u) == 1;
	else if (ok)
		ok = OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PUB_KEY, number) == 1;
	if (ok)
		params = OSSL_PARAM_BLD_to_param(build);
	if (!params || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	OSSL_PARAM_free(params);
	BN_free(number);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static bool is_valid(EVP_PKEY *key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	bool ok = ctx && EVP_PKEY_public_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

int spdm_dhe_derive(const struct spdm_dhe_alg *alg, EVP_PKEY *key, const uint8_t *peer, uint8_t *secret)
{
	EVP_PKEY *other = peer_key(alg, peer);
	EVP_PKEY_CTX *ctx = NULL;
	size_t len = alg->shared;
	int rc = -EBADMSG;

	if (!other || !is_valid(other))
		goto out;
	rc = -EIO;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (!ctx || EVP_PKEY_derive_init(ctx) != 1)
		goto out;
	if (!is_ec(alg) && EVP_PKEY_CTX_set_dh_pad(ctx, 1) != 1)
		goto out;
	if (EVP_PKEY_derive_set_peer(ctx, other) == 1 && EVP_PKEY_derive(ctx, secret, &len) == 1 && len == alg->shared)
		rc = 0;
out:
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(other);
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "spdm_keys.h"

#include <string.h>

#include "spdm_msg.h"

/* BinConcat: length, "spdm1.x ", label, context; then HKDF-Expand. */
static int expand_label(const struct spdm_keys *keys, const uint8_t *secret, const char *label, const uint8_t *context,
			uint8_t *out, size_t len)
{
	uint8_t info[2 + 8 + 16 + SPDM_MAX_HASH];
	size_t label_len = strlen(label), at = 0;

	spdm_put_le(info, 2, (uint32_t)len);
	memcpy(info + 2, "spdm1.", 6);
	info[8] = (uint8_t)('0' + (keys->version & 0xf));
	info[9] = ' ';
	memcpy(info + 10, label, label_len);
	at = 10 + label_len;
	if (context) {
		memcpy(info + at, context, keys->hash->len);
		at += keys->hash->len;
	}
	return spdm_expand(keys->hash, secret, info, at, out, len);
}

static int load_direction(const struct spdm_keys *keys, struct spdm_direction *d)
{
	int rc = expand_label(keys, d->secret, "key", NULL, d->key, keys->aead->key_len);

	d->sequence = 0;
	return rc ? rc : expand_label(keys, d->secret, "iv", NULL, d->iv, sizeof(d->iv));
}

int spdm_keys_handshake(struct spdm_keys *keys, const uint8_t *shared, size_t len, const uint8_t *th1)
{
	static const uint8_t zeroes[SPDM_MAX_HASH];
	int rc = spdm_hmac(keys->hash, zeroes, keys->hash->len, shared, len, keys->handshake);

	if (!rc)
		rc = expand_label(keys, keys->handshake, "req hs data", th1, keys->request.secret, keys->hash->len);
	if (!rc)
		rc = expand_label(keys, keys->handshake, "rsp hs data", th1, keys->response.secret, keys->hash->len);
	if (!rc)
		rc = expand_label(keys, keys->request.secret, "finished", NULL, keys->finished[0], keys->hash->len);
	if (!rc)
		rc = expand_label(keys, keys->response.secret, "finished", NULL, keys->finished[1], keys->hash->len);
	if (!rc)
		rc = load_direction(keys, &keys->request);
	return rc ? rc : load_direction(keys, &keys->response);
}

int spdm_keys_data(struct spdm_keys *keys, const uint8_t *th2)
{
	static const uint8_t zeroes[SPDM_MAX_HASH];
	uint8_t salt[SPDM_MAX_HASH], master[SPDM_MAX_HASH];
	int rc = expand_label(keys, keys->handshake, "derived", NULL, salt, keys->hash->len);

	if (!rc)
		rc = spdm_hmac(keys->hash, salt, keys->hash->len, zeroes, keys->hash->len, master);
	if (!rc)
		rc = expand_label(keys, master, "req app data", th2, keys->request.secret, keys->hash->len);
	if (!rc)
		rc = expand_label(keys, master, "rsp app data", th2, keys->response.secret, keys->hash->len);
	if (!rc)
		rc = load_direction(keys, &keys->request);
	if (!rc)
		rc = load_direction(keys, &keys->response);
	OPENSSL_cleanse(salt, sizeof(salt));
	OPENSSL_cleanse(master, sizeof(master));
	OPENSSL_cleanse(keys->handshake, sizeof(keys->handshake));
	OPENSSL_cleanse(keys->finished, sizeof(keys->finished));
	return rc;
}

int spdm_keys_update(const struct spdm_keys *keys, struct spdm_direction *direction)
{
	uint8_t next[SPDM_MAX_HASH];
	int rc = expand_label(keys, direction->secret, "traffic upd", NULL, next, keys->hash->len);

	if (!rc) {
		memcpy(direction->secret, next, keys->hash->len);
		rc = load_direction(keys, direction);
	}
	OPENSSL_cleanse(next, sizeof(next));
	return rc;
}

int spdm_keys_verify_data(const struct spdm_keys *keys, bool responder, const uint8_t *th, uint8_t *out)
{
	return spdm_hmac(keys->hash, keys->finished[responder], keys->hash->len, th, keys->hash->len, out);
}

void spdm_keys_wipe(struct spdm_keys *keys)
{
	OPENSSL_cleanse(keys, sizeof(*keys));
}

void spdm_sign_input(uint8_t version, const char *context, const uint8_t *hash, size_t hash_len, uint8_t *out)
{
	char prefix[17] = "dmtf-spdm-v1.x.*";
	size_t context_len = strlen(context);

	prefix[13] = (char)('0' + (version & 0xf));
	memset(out, 0, SPDM_SIGN_CONTEXT_LEN);
	for (unsigned i = 0; i < SPDM_SIGN_PREFIX_LEN; i += 16)
		memcpy(out + i, prefix, 16);
	memcpy(out + SPDM_SIGN_CONTEXT_LEN - context_len, context, context_len);
	memcpy(out + SPDM_SIGN_CONTEXT_LEN, hash, hash_len);
}

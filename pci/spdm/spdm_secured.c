/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secured messages: session id, length, cipher text, tag. PCIe's binding sends
 * no sequence number and no random bytes; the header is the additional data.
 * Without encryption (DSP0277, "message authentication only") the message
 * itself stands there in clear and is additional data too.
 */
#include <errno.h>
#include <string.h>

#include "spdm_keys.h"
#include "spdm_msg.h"

uint32_t spdm_secured_session(const uint8_t *in, size_t len)
{
	return len < SPDM_SECURED_HDR_LEN ? 0 : spdm_get_le(in, 4);
}

/* The IV with the sequence number, little-endian, over its first bytes. */
static void make_nonce(const struct spdm_direction *d, uint8_t *nonce)
{
	memcpy(nonce, d->iv, SPDM_SECURED_IV_LEN);
	for (unsigned i = 0; i < 8; i++)
		nonce[i] ^= (uint8_t)(d->sequence >> (8 * i));
}

int spdm_secured_seal(const struct spdm_keys *keys, struct spdm_direction *direction, uint32_t session,
		      const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	size_t app = keys->encrypt ? SPDM_SECURED_APP_LEN : 0, body = app + len;
	uint8_t nonce[SPDM_SECURED_IV_LEN], *data = out + SPDM_SECURED_HDR_LEN;
	int rc;

	if (body + SPDM_SECURED_TAG_LEN > UINT16_MAX || direction->sequence == UINT64_MAX)
		return -EOVERFLOW;
	if (cap < SPDM_SECURED_HDR_LEN + body + SPDM_SECURED_TAG_LEN)
		return -ENOBUFS;
	spdm_put_le(out, 4, session);
	spdm_put_le(out + 4, 2, (uint32_t)(body + SPDM_SECURED_TAG_LEN));
	memmove(data + app, msg, len);
	make_nonce(direction, nonce);
	if (keys->encrypt) {
		spdm_put_le(data, 2, (uint32_t)len);
		rc = spdm_aead_seal(keys->aead, direction->key, nonce, out, SPDM_SECURED_HDR_LEN, data, body, data,
				    data + body);
	} else {
		rc = spdm_aead_seal(keys->aead, direction->key, nonce, out, SPDM_SECURED_HDR_LEN + body, NULL, 0, data,
				    data + body);
	}
	if (rc)
		return rc;
	direction->sequence++;
	*out_len = SPDM_SECURED_HDR_LEN + body + SPDM_SECURED_TAG_LEN;
	return 0;
}

/* The record's length without padding; 0: it does not hold together. */
static size_t record_length(const struct spdm_keys *keys, const uint8_t *in, size_t len)
{
	size_t min = SPDM_SECURED_TAG_LEN + (keys->encrypt ? SPDM_SECURED_APP_LEN : 0), body, total;

	if (len < SPDM_SECURED_HDR_LEN + min)
		return 0;
	body = spdm_get_le(in + 4, 2);
	total = SPDM_SECURED_HDR_LEN + body;
	if (body < min || total > len || len - total > 3)
		return 0;
	for (size_t i = total; i < len; i++)
		if (in[i])
			return 0;
	return total;
}

int spdm_secured_open(const struct spdm_keys *keys, struct spdm_direction *direction, const uint8_t *in, size_t len,
		      uint8_t *out, size_t cap, size_t *out_len)
{
	size_t total = record_length(keys, in, len), body, app;
	uint8_t nonce[SPDM_SECURED_IV_LEN];
	const uint8_t *data = in + SPDM_SECURED_HDR_LEN;
	int rc;

	if (!total || direction->sequence == UINT64_MAX)
		return -EBADMSG;
	body = total - SPDM_SECURED_HDR_LEN - SPDM_SECURED_TAG_LEN;
	if (body > cap)
		return -EBADMSG;
	make_nonce(direction, nonce);
	if (!keys->encrypt) {
		rc = spdm_aead_open(keys->aead, direction->key, nonce, in, SPDM_SECURED_HDR_LEN + body, NULL, 0, out,
				    data + body);
		if (rc)
			return rc;
		memcpy(out, data, body);
		*out_len = body;
	} else {
		rc = spdm_aead_open(keys->aead, direction->key, nonce, in, SPDM_SECURED_HDR_LEN, data, body, out,
				    data + body);
		if (rc)
			return rc;
		app = spdm_get_le(out, 2);
		/* What follows the message are random bytes of other bindings; PCIe has
		 * none, but a peer may send some. */
		if (app > body - SPDM_SECURED_APP_LEN)
			return -EBADMSG;
		memmove(out, out + SPDM_SECURED_APP_LEN, app);
		*out_len = app;
	}
	direction->sequence++;
	return 0;
}

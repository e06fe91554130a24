/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secured messages: session id, length, cipher text, tag. PCIe's binding sends
 * no sequence number and no random bytes, MCTP's does, and puts the type of the
 * message inside; the header is the additional data. Without encryption (DSP0277, "message authentication only") the
 * message itself stands there in clear and is additional data too.
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

/* Where what parts of a secured message are, which depends on binding and encryption. */
struct layout {
	size_t seq;  /* bytes of the sequence number */
	size_t hdr;  /* session id to length */
	size_t app;  /* bytes of the application length, in front of ... */
	size_t type; /* ... the byte of the message's type */
};

static struct layout layout_of(const struct spdm_keys *keys)
{
	bool mctp = keys->binding == SPDM_BINDING_MCTP;
	size_t seq = mctp ? SPDM_SECURED_MCTP_SEQ : 0;

	return (struct layout){
		.seq = seq,
		.hdr = SPDM_SECURED_HDR_LEN + seq,
		.app = keys->encrypt ? SPDM_SECURED_APP_LEN : 0,
		.type = mctp ? 1 : 0,
	};
}

int spdm_secured_seal(const struct spdm_keys *keys, struct spdm_direction *direction, uint32_t session,
		      const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	const struct layout l = layout_of(keys);
	size_t body = l.app + l.type + len;
	uint8_t nonce[SPDM_SECURED_IV_LEN], *data = out + l.hdr;
	int rc;

	if (body + SPDM_SECURED_TAG_LEN > UINT16_MAX || direction->sequence == UINT64_MAX)
		return -EOVERFLOW;
	if (cap < l.hdr + body + SPDM_SECURED_TAG_LEN)
		return -ENOBUFS;
	spdm_put_le(out, 4, session);
	spdm_put_le(out + 4, (unsigned)l.seq, (uint32_t)direction->sequence);
	spdm_put_le(out + 4 + l.seq, 2, (uint32_t)(body + SPDM_SECURED_TAG_LEN));
	memmove(data + l.app + l.type, msg, len);
	spdm_put_le(data, (unsigned)l.app, (uint32_t)(l.type + len));
	spdm_put_le(data + l.app, (unsigned)l.type, SPDM_MCTP_TYPE_SPDM);
	make_nonce(direction, nonce);
	if (keys->encrypt)
		rc = spdm_aead_seal(keys->aead, direction->key, nonce, out, l.hdr, data, body, data, data + body);
	else
		rc = spdm_aead_seal(keys->aead, direction->key, nonce, out, l.hdr + body, NULL, 0, data, data + body);
	if (rc)
		return rc;
	direction->sequence++;
	*out_len = l.hdr + body + SPDM_SECURED_TAG_LEN;
	return 0;
}

/* The record's length without padding, which only DOE has; 0: it does not hold together. */
static size_t record_length(const struct spdm_keys *keys, const struct layout *l, const uint8_t *in, size_t len)
{
	size_t min = SPDM_SECURED_TAG_LEN + l->app + l->type, body, total;

	if (len < l->hdr + min)
		return 0;
	body = spdm_get_le(in + 4 + l->seq, 2);
	total = l->hdr + body;
	if (body < min || total > len || len - total > (keys->binding == SPDM_BINDING_DOE ? 3u : 0u))
		return 0;
	for (size_t i = total; i < len; i++)
		if (in[i])
			return 0;
	return total;
}

int spdm_secured_open(const struct spdm_keys *keys, struct spdm_direction *direction, const uint8_t *in, size_t len,
		      uint8_t *out, size_t cap, size_t *out_len)
{
	const struct layout l = layout_of(keys);
	size_t total = record_length(keys, &l, in, len), body, app;
	uint8_t nonce[SPDM_SECURED_IV_LEN];
	const uint8_t *data = in + l.hdr;
	int rc;

	if (!total || direction->sequence == UINT64_MAX)
		return -EBADMSG;
	body = total - l.hdr - SPDM_SECURED_TAG_LEN;
	if (body > cap || (l.seq && spdm_get_le(in + 4, (unsigned)l.seq) != (direction->sequence & 0xffff)))
		return -EBADMSG;
	make_nonce(direction, nonce);
	if (keys->encrypt)
		rc = spdm_aead_open(keys->aead, direction->key, nonce, in, l.hdr, data, body, out, data + body);
	else
		rc = spdm_aead_open(keys->aead, direction->key, nonce, in, l.hdr + body, NULL, 0, out, data + body);
	if (rc)
		return rc;
	if (!keys->encrypt)
		memcpy(out, data, body);
	/* What follows the message are random bytes, of which PCIe has none; but a peer may send some. */
	app = keys->encrypt ? spdm_get_le(out, 2) : body;
	if (app > body - l.app || app < l.type)
		return -EBADMSG;
	direction->sequence++;
	if (l.type && out[l.app] != SPDM_MCTP_TYPE_SPDM)
		return -ENOMSG;
	memmove(out, out + l.app + l.type, app - l.type);
	*out_len = app - l.type;
	return 0;
}

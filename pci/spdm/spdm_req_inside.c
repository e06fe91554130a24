/* SPDX-License-Identifier: Apache-2.0 */
/* Inside a session: HEARTBEAT, KEY_UPDATE, END_SESSION; and VENDOR_DEFINED_REQUEST, anywhere. */
#include <errno.h>
#include <string.h>

#include "spdm_req.h"

#define PCISIG_VENDOR 0x0001u

int spdm_requester_heartbeat(struct spdm_requester *r, uint32_t session)
{
	struct spdm_session *s = spdm_req_session(r, session);
	struct spdm_ask a;

	if (!s)
		return -ECONNABORTED;
	if (!s->heartbeat_s)
		return spdm_req_fail(r, -ENOTSUP, SPDM_NO_CAPS, "no heartbeat was agreed for this session");
	a = spdm_req_new(r, SPDM_HEARTBEAT, s);
	return spdm_req_ask(r, &a);
}

/* KEY_UPDATE with @op; the answer repeats it and the tag. */
static int update(struct spdm_requester *r, struct spdm_session *s, uint8_t op, struct spdm_direction *next)
{
	struct spdm_ask a = spdm_req_new(r, SPDM_KEY_UPDATE, s);
	uint8_t tag;
	int rc;

	if (spdm_random(&tag, 1))
		return spdm_req_fail(r, -EIO, SPDM_LOCAL, "libcrypto has no random numbers");
	a.next = next;
	a.out.num[F_P1] = op;
	a.out.num[F_P2] = tag;
	rc = spdm_req_ask(r, &a);
	if (rc)
		return rc;
	if (a.in.num[F_P1] != op || a.in.num[F_P2] != tag || a.next_used != (next != NULL)) {
		spdm_req_lose(r, s);
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED,
				     "KEY_UPDATE_ACK is for another update; the session ends");
	}
	return 0;
}

int spdm_requester_key_update(struct spdm_requester *r, uint32_t session, uint8_t op)
{
	struct spdm_session *s = spdm_req_session(r, session);
	struct spdm_direction next;
	int rc = 0;

	if (!s)
		return -ECONNABORTED;
	if (!spdm_link_both(&r->link, SPDM_CAP_KEY_UPD))
		return spdm_req_fail(r, -ENOTSUP, SPDM_NO_CAPS, "KEY_UPD was not agreed");
	if (op != SPDM_UPDATE_KEY && op != SPDM_UPDATE_ALL)
		return spdm_req_fail(r, -EINVAL, SPDM_ORDER, "there is no key update 0x%02x", op);
	next = s->keys.response;
	if (op == SPDM_UPDATE_ALL && spdm_keys_update(&s->keys, &next))
		rc = spdm_req_fail(r, -EIO, SPDM_LOCAL, "libcrypto cannot derive a key");
	if (!rc)
		rc = update(r, s, op, op == SPDM_UPDATE_ALL ? &next : NULL);
	if (!rc) {
		if (op == SPDM_UPDATE_ALL)
			s->keys.response = next;
		rc = spdm_keys_update(&s->keys, &s->keys.request);
		if (rc)
			rc = spdm_req_fail(r, rc, SPDM_LOCAL, "libcrypto cannot derive a key");
		if (!rc)
			rc = update(r, s, SPDM_VERIFY_KEY, NULL);
		/* The device may or may not have the new key: nothing more can be said to it. */
		if (rc)
			spdm_req_lose(r, s);
	}
	OPENSSL_cleanse(&next, sizeof(next));
	return rc;
}

int spdm_requester_end_session(struct spdm_requester *r, uint32_t session)
{
	struct spdm_session *s = spdm_req_session(r, session);
	struct spdm_ask a;
	int rc;

	if (!s)
		return -ECONNABORTED;
	a = spdm_req_new(r, SPDM_END_SESSION, s);
	rc = spdm_req_ask(r, &a);
	spdm_req_lose(r, s);
	return rc;
}

int spdm_requester_vendor(struct spdm_requester *r, uint32_t session, const uint8_t *payload, size_t len, uint8_t *out,
			  size_t cap, size_t *out_len)
{
	static const uint8_t vendor[] = {PCISIG_VENDOR & 0xff, PCISIG_VENDOR >> 8};
	struct spdm_session *s = NULL;
	struct spdm_ask a;
	int rc = spdm_req_need(r, "a vendor-defined request", 0, false);

	*out_len = 0;
	if (rc)
		return rc;
	if (session && !(s = spdm_req_session(r, session)))
		return -ECONNABORTED;
	if (len > UINT16_MAX)
		return spdm_req_fail(r, -EMSGSIZE, SPDM_ORDER, "a vendor-defined request of %zu bytes", len);
	a = spdm_req_new(r, SPDM_VENDOR_REQUEST, s);
	a.out.num[F_STANDARD] = SPDM_STANDARD_PCISIG;
	a.out.ptr[F_VENDOR] = vendor;
	a.out.len[F_VENDOR] = sizeof(vendor);
	a.out.ptr[F_PAYLOAD] = payload;
	a.out.len[F_PAYLOAD] = (uint32_t)len;
	rc = spdm_req_ask(r, &a);
	if (rc)
		return rc;
	if (a.in.num[F_STANDARD] != SPDM_STANDARD_PCISIG || a.in.len[F_VENDOR] != sizeof(vendor) ||
	    memcmp(a.in.ptr[F_VENDOR], vendor, sizeof(vendor)))
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "the answer to a PCI-SIG request is another vendor's");
	if (a.in.len[F_PAYLOAD] > cap)
		return spdm_req_fail(r, -EMSGSIZE, SPDM_MALFORMED, "a vendor-defined answer of %u bytes, room for %zu",
				     a.in.len[F_PAYLOAD], cap);
	memcpy(out, a.in.ptr[F_PAYLOAD], a.in.len[F_PAYLOAD]);
	*out_len = a.in.len[F_PAYLOAD];
	return 0;
}

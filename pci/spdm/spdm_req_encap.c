/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to a responder's encapsulated requests, by which it learns our certificate in the handshake. */
#include <errno.h>
#include <string.h>

#include "spdm_req.h"

/* GET_DIGESTS and a certificate of 64 KiB in small portions; a responder that asks for more never ends. */
#define MAX_ROUNDS	2048u
#define CERTIFICATE_HDR 8u

static size_t make_error(const struct spdm_requester *r, uint8_t code, uint8_t data, uint8_t *out)
{
	out[SPDM_HDR_VERSION] = r->link.version;
	out[SPDM_HDR_CODE] = SPDM_ERROR;
	out[SPDM_HDR_PARAM1] = code;
	out[SPDM_HDR_PARAM2] = data;
	return SPDM_HDR_LEN;
}

/* Our chain is in slot 0. */
static size_t make_digests(struct spdm_requester *r, uint8_t *out, size_t cap)
{
	struct spdm_format format = spdm_link_format(&r->link);
	struct spdm_fields f = {0};

	f.num[F_P1] = r->link.version >= SPDM_VERSION_13 ? 1 : 0;
	f.num[F_P2] = 1;
	f.ptr[F_DIGESTS] = r->own.digest;
	return spdm_msg_build(SPDM_RESPONSE(SPDM_GET_DIGESTS), &format, &f, out, cap) ? 0 : f.size;
}

static size_t make_certificate(struct spdm_requester *r, const struct spdm_fields *in, uint8_t *out, size_t cap)
{
	struct spdm_format format = spdm_link_format(&r->link);
	uint32_t offset = in->num[F_OFFSET], portion = in->num[F_LENGTH], room;
	struct spdm_fields f = {0};

	if ((in->num[F_P1] & 0xf) != 0 || offset >= r->own.len)
		return make_error(r, SPDM_ERR_INVALID_REQUEST, 0, out);
	/* It travels inside DELIVER_ENCAPSULATED_RESPONSE. */
	room = r->link.peer_transfer - CERTIFICATE_HDR - SPDM_HDR_LEN;
	room = room < cap - CERTIFICATE_HDR ? room : (uint32_t)cap - CERTIFICATE_HDR;
	portion = portion < room ? portion : room;
	portion = portion < r->own.len - offset ? portion : (uint32_t)r->own.len - offset;
	f.ptr[F_DATA] = r->own.blob + offset;
	f.len[F_DATA] = portion;
	/* A length of 0 asks how long the chain is. */
	f.num[F_REMAINDER] = (uint32_t)r->own.len - (portion ? offset + portion : 0);
	return spdm_msg_build(SPDM_RESPONSE(SPDM_GET_CERTIFICATE), &format, &f, out, cap) ? 0 : f.size;
}

/* The answer to the request @in. */
static size_t answer_inner(struct spdm_requester *r, const uint8_t *in, size_t len, bool padded, uint8_t *out,
			   size_t cap)
{
	struct spdm_format format = spdm_link_format(&r->link);
	struct spdm_fields f;
	uint8_t code;

	if (len < SPDM_HDR_LEN)
		return make_error(r, SPDM_ERR_INVALID_REQUEST, 0, out);
	code = in[SPDM_HDR_CODE];
	if (code != SPDM_GET_DIGESTS && code != SPDM_GET_CERTIFICATE)
		return make_error(r, SPDM_ERR_UNSUPPORTED, code, out);
	if (in[SPDM_HDR_VERSION] != r->link.version)
		return make_error(r, SPDM_ERR_VERSION_MISMATCH, 0, out);
	if (spdm_msg_parse(code, &format, in, len, padded, &f))
		return make_error(r, SPDM_ERR_INVALID_REQUEST, 0, out);
	return code == SPDM_GET_DIGESTS ? make_digests(r, out, cap) : make_certificate(r, &f, out, cap);
}

int spdm_req_encap(struct spdm_requester *r, struct spdm_session *session, uint8_t *slot)
{
	bool in_clear = spdm_link_both(&r->link, SPDM_CAP_HANDSHAKE_IN_CLEAR);
	struct spdm_session *where = in_clear ? NULL : session;
	struct spdm_ask a = spdm_req_new(r, SPDM_GET_ENCAP_REQUEST, where);
	uint8_t inner[SPDM_MAX_DHE + 0x1000];
	size_t len = 0;
	uint8_t id = 0;
	int rc = 0;

	if (session->mut_auth == SPDM_MUT_AUTH_DIGESTS) {
		len = make_digests(r, inner, sizeof(inner));
	} else {
		rc = spdm_req_ask(r, &a);
		if (rc)
			return rc;
		id = (uint8_t)a.in.num[F_P1];
		len = answer_inner(r, a.in.ptr[F_PAYLOAD], a.in.len[F_PAYLOAD], a.padded, inner, sizeof(inner));
	}
	for (unsigned round = 0; round < MAX_ROUNDS; round++) {
		a = spdm_req_new(r, SPDM_DELIVER_ENCAP_RSP, where);
		a.out.num[F_P1] = id;
		a.out.ptr[F_PAYLOAD] = inner;
		a.out.len[F_PAYLOAD] = (uint32_t)len;
		rc = spdm_req_ask(r, &a);
		if (rc)
			return rc;
		if (a.in.num[F_ACK_ID] != id)
			return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED,
					     "an encapsulated response is acknowledged wrongly");
		if (a.in.num[F_P2] == SPDM_ENCAP_REQ_SLOT && a.in.len[F_PAYLOAD] >= 1) {
			*slot = a.in.ptr[F_PAYLOAD][0];
			return *slot == 0 ? 0
					  : spdm_req_fail(r, -EPROTO, SPDM_MALFORMED,
							  "the device chose slot %u of ours, which is empty", *slot);
		}
		/* The standard wants the slot in the last acknowledgement; there are responders that leave slot 0 out.
		 */
		if (a.in.num[F_P2] == SPDM_ENCAP_ABSENT && a.in.len[F_PAYLOAD] == 0) {
			*slot = 0;
			return 0;
		}
		if (a.in.num[F_P2] != SPDM_ENCAP_PRESENT)
			return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED,
					     "the device ends encapsulated requests without a slot");
		id = (uint8_t)a.in.num[F_P1];
		len = answer_inner(r, a.in.ptr[F_PAYLOAD], a.in.len[F_PAYLOAD], a.padded, inner, sizeof(inner));
	}
	return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "the device's encapsulated requests do not end");
}

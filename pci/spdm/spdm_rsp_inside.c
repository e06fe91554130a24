/* SPDX-License-Identifier: Apache-2.0 */
/* Inside a session: HEARTBEAT_ACK, KEY_UPDATE_ACK, END_SESSION_ACK; and VENDOR_DEFINED_RESPONSE, anywhere. */
#include <errno.h>

#include "spdm_rsp.h"

#define PCISIG_VENDOR 0x0001u

uint8_t spdm_rsp_heartbeat(struct spdm_responder *r, struct spdm_call *c)
{
	/* Without a period there is nothing to keep alive (DSP0274, HEARTBEAT). */
	return c->session->heartbeat_s ? spdm_rsp_build(c) : SPDM_ERR_UNEXPECTED_REQUEST;
}

uint8_t spdm_rsp_key_update(struct spdm_responder *r, struct spdm_call *c)
{
	struct spdm_session *s = c->session;
	uint32_t op = c->in.num[F_P1];
	int rc = 0;

	if (op < SPDM_UPDATE_KEY || op > SPDM_VERIFY_KEY)
		return SPDM_ERR_INVALID_REQUEST;
	if ((op == SPDM_VERIFY_KEY) != s->update_pending)
		return SPDM_ERR_UNEXPECTED_REQUEST;
	if (op != SPDM_VERIFY_KEY)
		rc = spdm_keys_update(&s->keys, &s->keys.request);
	/* The acknowledgement comes under the new key already. */
	if (!rc && op == SPDM_UPDATE_ALL)
		rc = spdm_keys_update(&s->keys, &s->keys.response);
	if (rc)
		return SPDM_ERR_UNSPECIFIED;
	s->update_pending = op != SPDM_VERIFY_KEY;
	c->out.num[F_P1] = op;
	c->out.num[F_P2] = c->in.num[F_P2];
	return spdm_rsp_build(c);
}

uint8_t spdm_rsp_end_session(struct spdm_responder *r, struct spdm_call *c)
{
	c->after = SPDM_AFTER_END;
	c->affected = c->session;
	c->why = SPDM_END_REQUESTED;
	return spdm_rsp_build(c);
}

uint8_t spdm_rsp_vendor(struct spdm_responder *r, struct spdm_call *c)
{
	static const uint8_t vendor[] = {PCISIG_VENDOR & 0xff, PCISIG_VENDOR >> 8};
	const struct spdm_responder_ops *ops = r->config.ops;
	/* The answer's payload, less the header of 11 bytes, so that it fits into any message. */
	size_t cap = UINT16_MAX - 64;
	int len;

	if (!ops || !ops->vendor || c->in.num[F_STANDARD] != SPDM_STANDARD_PCISIG ||
	    c->in.len[F_VENDOR] != sizeof(vendor) || spdm_get_le(c->in.ptr[F_VENDOR], 2) != PCISIG_VENDOR) {
		c->error_data = c->code;
		return SPDM_ERR_UNSUPPORTED;
	}
	len = ops->vendor(r->config.opaque, c->session ? c->session->id : 0, c->in.ptr[F_PAYLOAD], c->in.len[F_PAYLOAD],
			  r->record, cap);
	if (len == 0) {
		c->silent = true;
		return 0;
	}
	if (len == -EBADMSG)
		return SPDM_ERR_INVALID_REQUEST;
	if (len < 0 || (size_t)len > cap) {
		c->error_data = c->code;
		return SPDM_ERR_UNSUPPORTED;
	}
	c->out.num[F_STANDARD] = SPDM_STANDARD_PCISIG;
	c->out.ptr[F_VENDOR] = vendor;
	c->out.len[F_VENDOR] = sizeof(vendor);
	c->out.ptr[F_PAYLOAD] = r->record;
	c->out.len[F_PAYLOAD] = (uint32_t)len;
	return spdm_rsp_build(c);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which request is answered when: one row for each, and the checks that all share (DSP0274, "ERROR response"). */
#include <string.h>

#include "spdm_rsp.h"

/* Where a request may come. */
#define CLEAR	   BIT32(0)
#define HANDSHAKE  BIT32(1) /* in a session that is not finished */
#define SESSION	   BIT32(2)
#define EVERYWHERE (CLEAR | HANDSHAKE | SESSION)

struct rule {
	uint8_t code;
	uint8_t where;
	uint8_t state;	    /* the least state of the connection */
	uint32_t both_caps; /* which both ends must have */
	uint32_t any_caps;  /* of which the responder must have one; 0: none */
	spdm_rsp_handler handler;
};

static const struct rule rules[] = {
	{SPDM_GET_VERSION, CLEAR, SPDM_START, 0, 0, spdm_rsp_version},
	{SPDM_GET_CAPABILITIES, CLEAR, SPDM_AFTER_VERSION, 0, 0, spdm_rsp_capabilities},
	{SPDM_NEGOTIATE_ALGORITHMS, CLEAR, SPDM_AFTER_CAPS, 0, 0, spdm_rsp_algorithms},
	{SPDM_GET_DIGESTS, CLEAR | SESSION, SPDM_NEGOTIATED, 0, SPDM_CAP_CERT, spdm_rsp_digests},
	{SPDM_GET_CERTIFICATE, CLEAR | SESSION, SPDM_NEGOTIATED, 0, SPDM_CAP_CERT, spdm_rsp_certificate},
	{SPDM_CHALLENGE, CLEAR, SPDM_NEGOTIATED, 0, SPDM_CAP_CHAL, spdm_rsp_challenge},
	{SPDM_GET_MEASUREMENTS, CLEAR | SESSION, SPDM_NEGOTIATED, 0, SPDM_CAP_MEAS_MASK, spdm_rsp_measurements},
	{SPDM_KEY_EXCHANGE, CLEAR, SPDM_NEGOTIATED, SPDM_CAP_KEY_EX, 0, spdm_rsp_key_exchange},
	{SPDM_FINISH, HANDSHAKE, SPDM_NEGOTIATED, SPDM_CAP_KEY_EX, 0, spdm_rsp_finish},
	{SPDM_HEARTBEAT, SESSION, SPDM_NEGOTIATED, SPDM_CAP_HBEAT, 0, spdm_rsp_heartbeat},
	{SPDM_KEY_UPDATE, SESSION, SPDM_NEGOTIATED, SPDM_CAP_KEY_UPD, 0, spdm_rsp_key_update},
	{SPDM_END_SESSION, SESSION, SPDM_NEGOTIATED, SPDM_CAP_KEY_EX, 0, spdm_rsp_end_session},
	{SPDM_GET_ENCAP_REQUEST, HANDSHAKE | SESSION, SPDM_NEGOTIATED, SPDM_CAP_ENCAP, 0, spdm_rsp_encap_get},
	{SPDM_DELIVER_ENCAP_RSP, HANDSHAKE, SPDM_NEGOTIATED, SPDM_CAP_ENCAP, 0, spdm_rsp_encap_deliver},
	{SPDM_VENDOR_REQUEST, CLEAR | SESSION, SPDM_NEGOTIATED, 0, 0, spdm_rsp_vendor},
	{SPDM_CHUNK_SEND, EVERYWHERE, SPDM_AFTER_CAPS, SPDM_CAP_CHUNK, 0, spdm_rsp_chunk_send},
	{SPDM_CHUNK_GET, EVERYWHERE, SPDM_AFTER_CAPS, SPDM_CAP_CHUNK, 0, spdm_rsp_chunk_get},
	{SPDM_RESPOND_IF_READY, EVERYWHERE, SPDM_NEGOTIATED, 0, 0, spdm_rsp_if_ready},
};

static const struct rule *find(uint8_t code)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (rules[i].code == code)
			return &rules[i];
	return NULL;
}

/* GET_VERSION is always 1.0; the version of GET_CAPABILITIES chooses among those that VERSION listed. */
static bool version_ok(const struct spdm_responder *r, const struct spdm_call *c)
{
	uint8_t version = c->request[SPDM_HDR_VERSION];

	if (c->code == SPDM_GET_VERSION)
		return version == SPDM_VERSION_10;
	if (r->link.version)
		return version == r->link.version;
	if (version < SPDM_VERSION_12 || version > SPDM_VERSION_14)
		return false;
	return r->config.profile.versions & SPDM_VERSION_BIT(version);
}

/* The phase in which the request came. In a handshake in clear there is no session around it. */
static uint8_t check_place(struct spdm_responder *r, const struct spdm_call *c, const struct rule *rule)
{
	bool in_clear = spdm_link_both(&r->link, SPDM_CAP_HANDSHAKE_IN_CLEAR);

	if (!c->session) {
		if ((rule->where & CLEAR) || ((rule->where & HANDSHAKE) && in_clear))
			return 0;
		return SPDM_ERR_SESSION_REQUIRED;
	}
	if (c->session->established)
		return (rule->where & SESSION) ? 0 : SPDM_ERR_UNEXPECTED_REQUEST;
	if (in_clear && (rule->where & HANDSHAKE) && c->code == SPDM_FINISH)
		return SPDM_ERR_UNEXPECTED_REQUEST;
	return (rule->where & HANDSHAKE) ? 0 : SPDM_ERR_UNEXPECTED_REQUEST;
}

static uint8_t check(struct spdm_responder *r, struct spdm_call *c, const struct rule *rule)
{
	if (!rule) {
		c->error_data = c->code;
		return SPDM_ERR_UNSUPPORTED;
	}
	if (rule->state > r->link.state)
		return SPDM_ERR_UNEXPECTED_REQUEST;
	if (!version_ok(r, c))
		return SPDM_ERR_VERSION_MISMATCH;
	/* DSP0274, NEGOTIATE_ALGORITHMS: with nothing in common there is only a new beginning. */
	if (r->hopeless && c->code != SPDM_GET_VERSION)
		return SPDM_ERR_RESYNCH;
	if (!spdm_link_both(&r->link, rule->both_caps) ||
	    (rule->any_caps && !(r->config.profile.caps & rule->any_caps))) {
		c->error_data = c->code;
		return SPDM_ERR_UNSUPPORTED;
	}
	/* After an update the new key is to be verified before anything else (DSP0274, KEY_UPDATE). */
	if (c->session && c->session->update_pending && c->code != SPDM_KEY_UPDATE)
		return SPDM_ERR_UNEXPECTED_REQUEST;
	return check_place(r, c, rule);
}

/* Whether the request leaves what waits for RESPOND_IF_READY or CHUNK_GET alone. */
static void drop_waiting(struct spdm_responder *r, const struct spdm_call *c)
{
	if (c->code != SPDM_RESPOND_IF_READY)
		r->deferred.active = false;
	if (c->code != SPDM_CHUNK_GET)
		r->out.active = false;
	if (c->code != SPDM_CHUNK_SEND)
		r->in.active = false;
}

uint8_t spdm_rsp_build(struct spdm_call *c)
{
	int rc = spdm_msg_build(SPDM_RESPONSE(c->code), &c->format, &c->out, c->answer, c->cap);

	c->answer_len = c->out.size;
	return rc ? SPDM_ERR_UNSPECIFIED : 0;
}

/* GET_CAPABILITIES chooses the version, even if nothing else of it is right; nothing else can. */
static uint8_t error_version(const struct spdm_responder *r, const struct spdm_call *c)
{
	if (c->code == SPDM_GET_VERSION)
		return SPDM_VERSION_10;
	if (r->link.version)
		return r->link.version;
	return c->code == SPDM_GET_CAPABILITIES && version_ok(r, c) ? c->request[SPDM_HDR_VERSION] : SPDM_VERSION_10;
}

void spdm_rsp_error(struct spdm_responder *r, struct spdm_call *c, uint8_t error)
{
	c->answer[SPDM_HDR_VERSION] = error_version(r, c);
	c->answer[SPDM_HDR_CODE] = SPDM_ERROR;
	c->answer[SPDM_HDR_PARAM1] = error;
	c->answer[SPDM_HDR_PARAM2] = c->error_data;
	memcpy(c->answer + SPDM_HDR_LEN, c->extended, c->extended_len);
	c->answer_len = SPDM_HDR_LEN + c->extended_len;
}

void spdm_rsp_dispatch(struct spdm_responder *r, struct spdm_call *c)
{
	const struct rule *rule = find(c->code);
	uint8_t error = check(r, c, rule);

	c->format = spdm_link_format(&r->link);
	if (!error) {
		if (spdm_msg_parse(c->code, &c->format, c->request, c->request_len, c->padded, &c->in))
			error = SPDM_ERR_INVALID_REQUEST;
		else if (c->in.size > r->config.profile.max_message_size)
			error = SPDM_ERR_REQ_TOO_LARGE;
		/* DSP0274, GET_VERSION: a malformed one changes nothing. */
		if (!error || c->code != SPDM_GET_VERSION) {
			drop_waiting(r, c);
			spdm_link_forget(&r->link, c->session, c->code);
		}
	}
	if (!error) {
		c->request_len = c->in.size;
		error = rule->handler(r, c);
	}
	if (!error)
		return;
	/* An error ends a run of measurements; one that is only not ready yet does not. */
	if (c->code == SPDM_GET_MEASUREMENTS)
		spdm_transcript_reset(spdm_link_m(&r->link, c->session));
	spdm_rsp_error(r, c, error);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Misbehaviour on request (SPDM_FAULTS): all of it that is not a line beside what it spoils. */
#include <stdlib.h>
#include <string.h>

#include "spdm_rsp.h"

#define BUSY_RDT_EXPONENT 10u /* 2^10 us until a deferred answer is ready */
#define CUT		  4u
#define OVERLONG	  16u

int spdm_rsp_random(struct spdm_responder *r, uint8_t *out)
{
	switch (r->config.fault) {
	case SPDM_FAULT_ZERO_NONCE:
		memset(out, 0, SPDM_NONCE_LEN);
		return 0;
	case SPDM_FAULT_STALE_NONCE:
		memcpy(out, r->fault.nonce, SPDM_NONCE_LEN);
		return 0;
	default:
		return spdm_random(out, SPDM_NONCE_LEN);
	}
}

int spdm_rsp_sign(struct spdm_responder *r, const struct spdm_transcript *t, const char *context, unsigned slot,
		  uint8_t *sig)
{
	int rc = spdm_link_sign(&r->link, r->link.asym, t, context, r->config.slots[slot]->key, sig);

	if (r->config.fault == SPDM_FAULT_BAD_SIGNATURE)
		sig[0] ^= 1;
	return rc;
}

/* The negotiation itself is left alone, so that the fault shows where it matters. */
static bool is_negotiation(uint8_t code)
{
	return code == SPDM_GET_VERSION || code == SPDM_GET_CAPABILITIES || code == SPDM_NEGOTIATE_ALGORITHMS;
}

bool spdm_fault_before(struct spdm_responder *r, struct spdm_call *c)
{
	bool busy = r->config.fault == SPDM_FAULT_BUSY;

	if (is_negotiation(c->code))
		return false;
	if (r->config.fault == SPDM_FAULT_NO_REPLY || (r->config.fault == SPDM_FAULT_NO_SESSION_REPLY && c->session)) {
		c->silent = true;
		return true;
	}
	if (r->config.fault == SPDM_FAULT_BUSY_ONCE) {
		r->fault.busy_said = !r->fault.busy_said;
		busy = r->fault.busy_said;
	}
	if (!busy)
		return false;
	if (c->code == SPDM_GET_MEASUREMENTS)
		spdm_transcript_reset(spdm_link_m(&r->link, c->session));
	spdm_rsp_error(r, c, SPDM_ERR_BUSY);
	return true;
}

/* Requests that take a device long. Those that change keys cannot be answered later: under which key? */
static bool may_be_late(uint8_t code)
{
	switch (code) {
	case SPDM_GET_DIGESTS:
	case SPDM_GET_CERTIFICATE:
	case SPDM_CHALLENGE:
	case SPDM_GET_MEASUREMENTS:
	case SPDM_KEY_EXCHANGE:
	case SPDM_FINISH:
	case SPDM_VENDOR_REQUEST:
		return true;
	default:
		return false;
	}
}

/* Keeps the answer for RESPOND_IF_READY and says that it is not ready. */
static void defer(struct spdm_responder *r, struct spdm_call *c)
{
	if (c->silent || !may_be_late(c->code))
		return;
	r->deferred.active = true;
	r->deferred.code = c->code;
	r->deferred.token++;
	r->deferred.session = c->session ? c->session->id : 0;
	r->deferred.affected = c->affected ? c->affected->id : 0;
	r->deferred.after = c->after;
	r->deferred.why = c->why;
	r->deferred.len = c->answer_len;
	memcpy(r->deferred.bytes, c->answer, c->answer_len);
	c->after = SPDM_AFTER_NOTHING;
	c->extended[0] = BUSY_RDT_EXPONENT;
	c->extended[1] = c->code;
	c->extended[2] = r->deferred.token;
	c->extended[3] = 1; /* RDTM: kept for twice as long */
	c->extended_len = 4;
	spdm_rsp_error(r, c, SPDM_ERR_NOT_READY);
	c->extended_len = 0;
}

/* The first signed answer of each kind is kept and given again. */
static void replay(struct spdm_responder *r, struct spdm_call *c)
{
	static const uint8_t kinds[] = {SPDM_CHALLENGE, SPDM_GET_MEASUREMENTS, SPDM_KEY_EXCHANGE};

	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
		if (c->code != kinds[i] || c->answer[SPDM_HDR_CODE] == SPDM_ERROR)
			continue;
		if (r->fault.replay[i]) {
			memcpy(c->answer, r->fault.replay[i], r->fault.replay_len[i]);
			c->answer_len = r->fault.replay_len[i];
		} else if ((r->fault.replay[i] = malloc(c->answer_len))) {
			memcpy(r->fault.replay[i], c->answer, c->answer_len);
			r->fault.replay_len[i] = c->answer_len;
		}
	}
}

void spdm_fault_after(struct spdm_responder *r, struct spdm_call *c)
{
	if (is_negotiation(c->code) || c->silent)
		return;
	switch (r->config.fault) {
	case SPDM_FAULT_REPLAY:
		replay(r, c);
		break;
	case SPDM_FAULT_TRUNCATED:
		if (c->answer_len >= SPDM_HDR_LEN + CUT)
			c->answer_len -= CUT;
		break;
	case SPDM_FAULT_OVERLONG:
		memset(c->answer + c->answer_len, 0x5a, OVERLONG);
		c->answer_len += OVERLONG;
		break;
	case SPDM_FAULT_NOT_READY:
		defer(r, c);
		break;
	case SPDM_FAULT_WRONG_VERSION:
		c->answer[SPDM_HDR_VERSION] ^= 1;
		break;
	case SPDM_FAULT_WRONG_CODE:
		c->answer[SPDM_HDR_CODE] =
			SPDM_RESPONSE(c->code == SPDM_GET_DIGESTS ? SPDM_HEARTBEAT : SPDM_GET_DIGESTS);
		break;
	default:
		break;
	}
}

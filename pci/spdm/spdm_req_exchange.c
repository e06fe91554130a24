/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request and its answer: in one piece or several, in clear or inside a session, with a bounded number of new tries
 * when the device is busy or not ready.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "spdm_req.h"

#define BUSY_WAIT_US	 20000u
#define MAX_RDT_EXPONENT 22u	/* about four seconds for one answer that is not ready yet */
#define MAX_SLOW_MS	 60000u /* that a cryptographic operation may take, whatever CTExponent says */
#define MAX_TRANSPORT	 (SPDM_MAX_MESSAGE)

struct spdm_ask spdm_req_new(const struct spdm_requester *r, uint8_t code, struct spdm_session *session)
{
	return (struct spdm_ask){.code = code, .session = session, .format = spdm_link_format(&r->link)};
}

static void wait_us(struct spdm_requester *r, uint64_t us)
{
	struct timespec t = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};

	if (r->config.transport.wait_us)
		r->config.transport.wait_us(r->config.transport.ctx, us);
	else
		nanosleep(&t, NULL);
}

static unsigned timeout_of(const struct spdm_requester *r, const struct spdm_ask *a)
{
	uint64_t extra = a->slow ? (UINT64_C(1) << r->peer_ct_exponent) / 1000 : 0;

	return r->config.timeout_ms + (unsigned)(extra < MAX_SLOW_MS ? extra : MAX_SLOW_MS);
}

/* The answer inside a secured message. After KEY_UPDATE of both directions it comes under the new key, an ERROR under
 * the old one. */
static int open_answer(struct spdm_requester *r, struct spdm_ask *a, size_t len)
{
	struct spdm_session *s = a->session;
	size_t got;
	int rc = -EBADMSG;

	if (spdm_secured_session(r->inbox, len) == s->id) {
		if (a->next) {
			rc = spdm_secured_open(&s->keys, a->next, r->inbox, len, r->answer, SPDM_MAX_MESSAGE, &got);
			a->next_used = !rc;
		}
		if (rc)
			rc = spdm_secured_open(&s->keys, &s->keys.response, r->inbox, len, r->answer, SPDM_MAX_MESSAGE,
					       &got);
	}
	if (rc) {
		spdm_req_lose(r, s);
		return spdm_req_fail(r, -ECONNABORTED, SPDM_BAD_MAC,
				     "the answer to %s is not the next message of the session, which ends",
				     spdm_msg_name(a->code));
	}
	a->answer_len = got;
	a->padded = false;
	return 0;
}

/* One message there, one back, into a->answer. */
static int transfer(struct spdm_requester *r, struct spdm_ask *a, const uint8_t *msg, size_t len)
{
	const struct spdm_transport *t = &r->config.transport;
	struct spdm_session *s = a->session;
	bool secured = s;
	size_t got = 0;
	int rc;

	if (s) {
		rc = spdm_secured_seal(&s->keys, &s->keys.request, s->id, msg, len, r->sealed, SPDM_MAX_MESSAGE, &len);
		if (rc)
			return spdm_req_fail(r, rc, SPDM_LOCAL, "%s cannot be sealed", spdm_msg_name(a->code));
		msg = r->sealed;
	}
	r->round_trips++;
	rc = t->exchange(t->ctx, &secured, msg, len, s ? r->inbox : r->answer, MAX_TRANSPORT, &got, timeout_of(r, a));
	if (rc == 0 && got > MAX_TRANSPORT)
		rc = -EMSGSIZE;
	if (rc) {
		spdm_req_lose(r, s);
		return rc == -ETIMEDOUT ? spdm_req_fail(r, rc, SPDM_NO_REPLY, "%s", spdm_msg_name(a->code))
					: spdm_req_fail(r, rc, SPDM_TRANSPORT, "%s", spdm_msg_name(a->code));
	}
	if (s && !secured) {
		spdm_req_lose(r, s);
		return spdm_req_fail(r, -ECONNABORTED, SPDM_SESSION_LOST, "%s was answered outside of the session",
				     spdm_msg_name(a->code));
	}
	if (!s && secured)
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "%s was answered inside a session",
				     spdm_msg_name(a->code));
	a->answer = r->answer;
	a->answer_len = got;
	a->padded = true;
	return s ? open_answer(r, a, got) : 0;
}

/* Header of an answer to a request of kind @code, or an ERROR. */
static int check_header(struct spdm_requester *r, const struct spdm_ask *a, uint8_t code)
{
	uint8_t got;

	if (a->answer_len < SPDM_HDR_LEN)
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "the answer to %s has no header",
				     spdm_msg_name(a->code));
	got = a->answer[SPDM_HDR_CODE];
	if (a->answer[SPDM_HDR_VERSION] != a->format.version && got != SPDM_ERROR)
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "the answer to %s has version 0x%02x, not 0x%02x",
				     spdm_msg_name(a->code), a->answer[SPDM_HDR_VERSION], a->format.version);
	if (got != SPDM_RESPONSE(code) && got != SPDM_ERROR)
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "%s was answered with code 0x%02x",
				     spdm_msg_name(a->code), got);
	return 0;
}

/* One piece of a large message: @code, CHUNK_SEND or CHUNK_GET, with @f. */
static int send_piece(struct spdm_requester *r, struct spdm_ask *a, uint8_t code, struct spdm_fields *f)
{
	int rc = spdm_msg_build(code, &a->format, f, r->piece, SPDM_MAX_MESSAGE);

	if (rc)
		return spdm_req_fail(r, rc, SPDM_LOCAL, "a piece of %s does not fit", spdm_msg_name(a->code));
	rc = transfer(r, a, r->piece, f->size);
	return rc ? rc : check_header(r, a, code);
}

static int parse_piece(struct spdm_requester *r, struct spdm_ask *a, uint8_t request, struct spdm_fields *f)
{
	if (spdm_msg_parse(SPDM_RESPONSE(request), &a->format, a->answer, a->answer_len, a->padded, f))
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "a piece of the answer to %s is malformed",
				     spdm_msg_name(a->code));
	return 0;
}

/* CHUNK_SEND until the request is there; the last acknowledgement brings the answer. */
static int send_large(struct spdm_requester *r, struct spdm_ask *a)
{
	uint8_t handle = r->next_handle++;
	uint32_t sequence = 0;
	struct spdm_fields back;
	int rc;

	for (size_t at = 0; at < a->request_len; sequence++) {
		size_t room = r->link.peer_transfer - 12 - (sequence == 0 ? 4 : 0), left = a->request_len - at;
		struct spdm_fields f = {0};

		f.len[F_DATA] = (uint32_t)(room < left ? room : left);
		f.ptr[F_DATA] = r->request + at;
		f.num[F_P1] = room >= left ? SPDM_CHUNK_LAST : 0;
		f.num[F_P2] = handle;
		f.num[F_SEQUENCE] = sequence;
		f.num[F_LARGE_LEN] = (uint32_t)a->request_len;
		rc = send_piece(r, a, SPDM_CHUNK_SEND, &f);
		if (rc || a->answer[SPDM_HDR_CODE] == SPDM_ERROR)
			return rc;
		rc = parse_piece(r, a, SPDM_CHUNK_SEND, &back);
		if (rc)
			return rc;
		if (back.num[F_P2] != handle || back.num[F_SEQUENCE] != sequence)
			return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "a piece of %s is acknowledged wrongly",
					     spdm_msg_name(a->code));
		at += f.len[F_DATA];
		if (back.num[F_P1] & SPDM_CHUNK_EARLY)
			break;
	}
	a->answer = back.ptr[F_PAYLOAD];
	a->answer_len = back.len[F_PAYLOAD];
	return 0;
}

/* The pieces of a large answer, into r->large. */
static int fetch_large(struct spdm_requester *r, struct spdm_ask *a, uint8_t handle)
{
	size_t at = 0, total = 0;
	bool last = false;
	int rc;

	for (uint32_t sequence = 0; !last; sequence++) {
		struct spdm_fields f = {0}, back;

		f.num[F_P2] = handle;
		f.num[F_SEQUENCE] = sequence;
		rc = send_piece(r, a, SPDM_CHUNK_GET, &f);
		if (rc)
			return rc;
		if (a->answer[SPDM_HDR_CODE] == SPDM_ERROR)
			return spdm_req_fail(r, -EPROTO, SPDM_PEER_ERROR, "CHUNK_GET was answered with error 0x%02x",
					     a->answer[SPDM_HDR_PARAM1]);
		rc = parse_piece(r, a, SPDM_CHUNK_GET, &back);
		if (rc)
			return rc;
		if (sequence == 0)
			total = back.num[F_LARGE_LEN];
		last = back.num[F_P1] & SPDM_CHUNK_LAST;
		if (back.num[F_P2] != handle || back.num[F_SEQUENCE] != sequence || back.len[F_DATA] == 0 ||
		    total > r->config.profile.max_message_size || back.len[F_DATA] > total - at ||
		    last != (at + back.len[F_DATA] == total))
			return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "the pieces of the answer to %s do not fit",
					     spdm_msg_name(a->code));
		memcpy(r->large + at, back.ptr[F_DATA], back.len[F_DATA]);
		at += back.len[F_DATA];
	}
	a->answer = r->large;
	a->answer_len = total;
	a->padded = false;
	return check_header(r, a, a->code);
}

/* The request in one piece or several. */
static int send_request(struct spdm_requester *r, struct spdm_ask *a)
{
	int rc;

	if (r->link.state < SPDM_AFTER_CAPS || a->request_len <= r->link.peer_transfer) {
		rc = transfer(r, a, r->request, a->request_len);
	} else {
		if (!spdm_link_both(&r->link, SPDM_CAP_CHUNK) || a->request_len > r->link.peer_message)
			return spdm_req_fail(r, -EMSGSIZE, SPDM_NO_CAPS,
					     "%s of %zu bytes is more than the device takes", spdm_msg_name(a->code),
					     a->request_len);
		rc = send_large(r, a);
	}
	return rc ? rc : check_header(r, a, a->code);
}

/* RESPOND_IF_READY, after the time that the device asked for. */
static int ask_again(struct spdm_requester *r, struct spdm_ask *a, const struct spdm_fields *error)
{
	const uint8_t *extended = error->ptr[F_EXTENDED];
	struct spdm_fields f = {0};
	int rc;

	if (error->len[F_EXTENDED] < 4 || extended[1] != a->code || extended[0] > MAX_RDT_EXPONENT)
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "the device is not ready for %s, but says so wrongly",
				     spdm_msg_name(a->code));
	f.num[F_P1] = a->code;
	f.num[F_P2] = extended[2];
	wait_us(r, UINT64_C(1) << extended[0]);
	rc = spdm_msg_build(SPDM_RESPOND_IF_READY, &a->format, &f, r->piece, SPDM_MAX_MESSAGE);
	if (!rc)
		rc = transfer(r, a, r->piece, f.size);
	return rc ? rc : check_header(r, a, a->code);
}

/* An ERROR that ends the matter. */
static int give_up(struct spdm_requester *r, struct spdm_ask *a, uint8_t data)
{
	a->error = a->answer[SPDM_HDR_PARAM1];
	if (a->code == SPDM_GET_MEASUREMENTS)
		spdm_transcript_reset(spdm_link_m(&r->link, a->session));
	if (a->error == SPDM_ERR_RESYNCH)
		spdm_link_reset(&r->link);
	else if (a->error == SPDM_ERR_DECRYPT)
		spdm_req_lose(r, a->session);
	/* UnsupportedRequest names what was asked for; about another request it is no answer to this one. */
	for (const uint8_t *code = a->tolerated; code && *code; code++)
		if (*code == a->error && (a->error != SPDM_ERR_UNSUPPORTED || data == a->code))
			return -ENOENT;
	if (a->error == SPDM_ERR_BUSY || a->error == SPDM_ERR_NOT_READY)
		return spdm_req_fail(r, -EBUSY, SPDM_BUSY, "%s, after %u tries", spdm_msg_name(a->code),
				     r->config.retries);
	return spdm_req_fail(r, a->error == SPDM_ERR_UNSUPPORTED ? -ENOTSUP : -EPROTO, SPDM_PEER_ERROR,
			     "%s: error 0x%02x, data 0x%02x", spdm_msg_name(a->code), a->error, data);
}

/* Sends and takes ERRORs that are not final. At the end a->answer is the answer. */
static int converse(struct spdm_requester *r, struct spdm_ask *a)
{
	int rc = send_request(r, a);

	for (unsigned tries = 0; !rc && a->answer[SPDM_HDR_CODE] == SPDM_ERROR; tries++) {
		struct spdm_fields error;

		if (spdm_msg_parse(SPDM_ERROR, &a->format, a->answer, a->answer_len, a->padded, &error))
			return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "%s was answered with a malformed error",
					     spdm_msg_name(a->code));
		if (tries >= r->config.retries)
			return give_up(r, a, (uint8_t)error.num[F_P2]);
		if (error.num[F_P1] == SPDM_ERR_BUSY) {
			if (a->code == SPDM_GET_MEASUREMENTS)
				spdm_transcript_reset(spdm_link_m(&r->link, a->session));
			wait_us(r, BUSY_WAIT_US << tries);
			rc = send_request(r, a);
		} else if (error.num[F_P1] == SPDM_ERR_NOT_READY) {
			rc = ask_again(r, a, &error);
		} else if (error.num[F_P1] == SPDM_ERR_LARGE_RESPONSE && error.len[F_EXTENDED] >= 1 &&
			   spdm_link_both(&r->link, SPDM_CAP_CHUNK)) {
			rc = fetch_large(r, a, error.ptr[F_EXTENDED][0]);
		} else {
			return give_up(r, a, (uint8_t)error.num[F_P2]);
		}
	}
	return rc;
}

int spdm_req_ask(struct spdm_requester *r, struct spdm_ask *a)
{
	int rc;

	r->reason = SPDM_OK;
	r->why[0] = 0;
	spdm_link_forget(&r->link, a->session, a->code);
	rc = spdm_msg_build(a->code, &a->format, &a->out, r->request, SPDM_MAX_MESSAGE);
	if (rc)
		return spdm_req_fail(r, rc, SPDM_LOCAL, "%s is too long", spdm_msg_name(a->code));
	a->request_len = a->out.size;
	rc = converse(r, a);
	if (rc)
		return rc;
	if (spdm_msg_parse(SPDM_RESPONSE(a->code), &a->format, a->answer, a->answer_len, a->padded, &a->in)) {
		spdm_req_lose(r, a->session);
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "%s does not have the form that the standard gives it",
				     spdm_msg_name(SPDM_RESPONSE(a->code)));
	}
	a->answer_len = a->in.size;
	return 0;
}

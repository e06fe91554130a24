/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in pieces (DSP0274, "Large SPDM message transfer"), and answers that come later (RESPOND_IF_READY). */
#include <string.h>

#include "spdm_rsp.h"

#define CHUNK_HDR 12u /* of CHUNK_RESPONSE; the first one has 4 more */

static uint32_t session_id(const struct spdm_call *c)
{
	return c->session ? c->session->id : 0;
}

void spdm_rsp_split(struct spdm_responder *r, struct spdm_call *c)
{
	uint32_t limit = r->link.peer_transfer - (uint32_t)c->reserve;

	if (c->silent || r->link.state < SPDM_AFTER_CAPS || c->answer_len <= limit)
		return;
	if (!spdm_link_both(&r->link, SPDM_CAP_CHUNK) || c->answer_len > r->link.peer_message) {
		/* A session that the requester never learns of must not stay. */
		if (c->code == SPDM_KEY_EXCHANGE && c->affected) {
			spdm_rsp_end(r, c->affected, SPDM_END_RESET);
			c->affected = NULL;
		}
		c->error_data = 0;
		spdm_rsp_error(r, c, SPDM_ERR_RSP_TOO_LARGE);
		return;
	}
	r->out.active = true;
	r->out.handle = r->next_handle++;
	r->out.session = session_id(c);
	r->out.sequence = 0;
	r->out.at = 0;
	r->out.len = c->answer_len;
	memcpy(r->out.bytes, c->answer, c->answer_len);
	c->error_data = 0;
	c->extended[0] = r->out.handle;
	c->extended_len = 1;
	spdm_rsp_error(r, c, SPDM_ERR_LARGE_RESPONSE);
}

uint8_t spdm_rsp_chunk_get(struct spdm_responder *r, struct spdm_call *c)
{
	struct spdm_pieces *p = &r->out;
	size_t room, left = p->len - p->at;

	if (!p->active || p->session != session_id(c))
		return SPDM_ERR_UNEXPECTED_REQUEST;
	if (c->in.num[F_P2] != p->handle || c->in.num[F_SEQUENCE] != p->sequence) {
		p->active = false;
		return SPDM_ERR_INVALID_REQUEST;
	}
	room = r->link.peer_transfer - CHUNK_HDR - (p->sequence == 0 ? 4 : 0);
	if (room > left)
		room = left;
	c->out.num[F_P1] = room == left ? SPDM_CHUNK_LAST : 0;
	c->out.num[F_P2] = p->handle;
	c->out.num[F_SEQUENCE] = p->sequence;
	c->out.num[F_LARGE_LEN] = (uint32_t)p->len;
	c->out.ptr[F_DATA] = p->bytes + p->at;
	c->out.len[F_DATA] = (uint32_t)room;
	p->at += room;
	p->sequence++;
	p->active = p->at < p->len;
	return spdm_rsp_build(c);
}

/* Whether this chunk continues the request that is being put together (or begins one). */
static bool chunk_fits(const struct spdm_responder *r, const struct spdm_call *c)
{
	const struct spdm_pieces *p = &r->in;
	const struct spdm_fields *f = &c->in;
	uint32_t total = f->num[F_SEQUENCE] == 0 ? f->num[F_LARGE_LEN] : (uint32_t)p->len;
	size_t at = f->num[F_SEQUENCE] == 0 ? 0 : p->at;
	bool last = f->num[F_P1] & SPDM_CHUNK_LAST;

	if (f->num[F_SEQUENCE] != 0 && (!p->active || p->session != session_id(c) || f->num[F_P2] != p->handle ||
					f->num[F_SEQUENCE] != p->sequence))
		return false;
	if (f->len[F_DATA] == 0 || f->len[F_DATA] > total - at)
		return false;
	/* A large message is larger than one transfer, and the last chunk completes it. */
	if (f->num[F_SEQUENCE] == 0 && (last || total < SPDM_MIN_DATA_TRANSFER))
		return false;
	return last == (at + f->len[F_DATA] == total);
}

/* The assembled request, handled as if it had come in one piece; its answer goes into the acknowledgement. */
static void handle_large(struct spdm_responder *r, struct spdm_call *c, struct spdm_call *inner)
{
	*inner = (struct spdm_call){
		.code = r->in.bytes[SPDM_HDR_CODE],
		.session = c->session,
		.request = r->in.bytes,
		.request_len = r->in.len,
		.answer = r->inner,
		.cap = SPDM_MAX_MESSAGE - SPDM_MIN_DATA_TRANSFER,
		.reserve = r->link.version >= SPDM_VERSION_14 ? 8 : 6,
	};
	switch (inner->code) {
	case SPDM_CHUNK_SEND: /* pieces do not nest, and these are short by definition */
	case SPDM_CHUNK_GET:
	case SPDM_RESPOND_IF_READY:
	case SPDM_GET_VERSION:
	case SPDM_GET_CAPABILITIES:
		spdm_rsp_error(r, inner, SPDM_ERR_UNEXPECTED_REQUEST);
		break;
	default:
		spdm_rsp_dispatch(r, inner);
		spdm_rsp_split(r, inner);
		break;
	}
	c->after = inner->after;
	c->affected = inner->affected;
	c->why = inner->why;
	c->silent = inner->silent;
}

uint8_t spdm_rsp_chunk_send(struct spdm_responder *r, struct spdm_call *c)
{
	struct spdm_pieces *p = &r->in;
	struct spdm_call inner;

	if (c->in.num[F_SEQUENCE] == 0 && c->in.num[F_LARGE_LEN] > r->config.profile.max_message_size) {
		p->active = false;
		return SPDM_ERR_REQ_TOO_LARGE;
	}
	if (!chunk_fits(r, c)) {
		p->active = false;
		return SPDM_ERR_INVALID_REQUEST;
	}
	if (c->in.num[F_SEQUENCE] == 0) {
		p->handle = (uint8_t)c->in.num[F_P2];
		p->session = session_id(c);
		p->len = c->in.num[F_LARGE_LEN];
		p->at = 0;
		p->sequence = 0;
	}
	memcpy(p->bytes + p->at, c->in.ptr[F_DATA], c->in.len[F_DATA]);
	p->at += c->in.len[F_DATA];
	p->sequence++;
	p->active = p->at < p->len;
	c->out.num[F_P2] = p->handle;
	c->out.num[F_SEQUENCE] = c->in.num[F_SEQUENCE];
	if (!p->active) {
		handle_large(r, c, &inner);
		c->out.ptr[F_PAYLOAD] = inner.answer;
		c->out.len[F_PAYLOAD] = (uint32_t)inner.answer_len;
	}
	return spdm_rsp_build(c);
}

uint8_t spdm_rsp_if_ready(struct spdm_responder *r, struct spdm_call *c)
{
	if (!r->deferred.active || r->deferred.session != session_id(c) || c->in.num[F_P1] != r->deferred.code)
		return SPDM_ERR_UNEXPECTED_REQUEST;
	if (c->in.num[F_P2] != r->deferred.token)
		return SPDM_ERR_INVALID_REQUEST;
	memcpy(c->answer, r->deferred.bytes, r->deferred.len);
	c->answer_len = r->deferred.len;
	c->after = r->deferred.after;
	c->affected = r->deferred.affected ? spdm_session_find(&r->link, r->deferred.affected) : NULL;
	c->why = r->deferred.why;
	r->deferred.active = false;
	return 0;
}

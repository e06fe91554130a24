/* SPDX-License-Identifier: Apache-2.0 */
/* TDISP as a device speaks it: one function for each request, one table of what is legal when (PCIe 6.1, 11.3). */
#include "tdisp_responder.h"

#include <errno.h>
#include <string.h>

#include "wire.h"

#define IN(state)  BIT32(state)
#define ANY_STATE  (IN(TDISP_UNLOCKED) | IN(TDISP_LOCKED) | IN(TDISP_RUN) | IN(TDISP_IN_ERROR))
#define ANY_LENGTH SIZE_MAX

/* A request as its handler sees it. */
struct request {
	struct tdisp_responder *tdisp;
	uint32_t session;
	struct wire_in in;    /* the payload, of the right length */
	struct wire_out *out; /* behind the header of the response */
};

typedef enum tdisp_error (*request_fn)(struct request *rq);

struct request_row {
	uint8_t message;
	size_t len;	 /* of the payload */
	uint32_t states; /* IN() */
	bool owner;	 /* of a locked interface: only the session that locked it may ask */
	request_fn answer;
};

static bool same_bytes(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint8_t differ = 0;

	/* The time it takes says nothing about where they differ. */
	for (size_t i = 0; i < len; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

static void go_to(struct tdisp_responder *tdisp, enum tdisp_state to)
{
	enum tdisp_state from = tdisp->state;

	/* 11.3.9: a nonce is good for one way out of CONFIG_LOCKED. */
	if (to != TDISP_LOCKED) {
		explicit_bzero(tdisp->nonce, sizeof(tdisp->nonce));
		tdisp->nonce_valid = false;
	}
	if (to == TDISP_UNLOCKED || to == TDISP_IN_ERROR) {
		explicit_bzero(tdisp->report, sizeof(tdisp->report));
		tdisp->report_len = 0;
		tdisp->session = 0;
	}
	tdisp->state = to;
	if (from != to)
		tdisp->ops->changed(tdisp->opaque, from, to);
}

static bool has_request(const struct tdisp_responder *tdisp, uint8_t message)
{
	switch (message) {
	case TDISP_BIND_P2P:
	case TDISP_UNBIND_P2P:
		return tdisp->ops->bind_p2p != NULL;
	case TDISP_SET_MMIO_ATTRIBUTE:
		return tdisp->ops->set_mmio_attribute != NULL;
	case TDISP_VDM:
		return tdisp->ops->vdm != NULL;
	default:
		return message >= TDISP_GET_VERSION && message <= TDISP_STOP_INTERFACE;
	}
}

static enum tdisp_error answer_version(struct request *rq)
{
	wire_put_u8(rq->out, 1);
	wire_put_u8(rq->out, TDISP_VERSION_10);
	return TDISP_OK;
}

static enum tdisp_error answer_capabilities(struct request *rq)
{
	const struct tdisp_responder_config *config = &rq->tdisp->config;
	uint8_t messages[TDISP_MESSAGE_BITMAP_BYTES] = {0};

	for (unsigned m = TDISP_GET_VERSION; m <= TDISP_VDM; m++)
		if (has_request(rq->tdisp, (uint8_t)m))
			messages[(m & 0x7fu) / 8] |= (uint8_t)BIT32(m % 8);
	wire_put_u32(rq->out, 0);
	wire_put(rq->out, messages, sizeof(messages));
	wire_put_u16(rq->out, config->lock_flags);
	wire_put_zeroes(rq->out, 3);
	wire_put_u8(rq->out, config->addr_width);
	wire_put_u8(rq->out, config->req_this);
	wire_put_u8(rq->out, config->req_all);
	return TDISP_OK;
}

static enum tdisp_error new_nonce(struct tdisp_responder *tdisp)
{
	static const uint8_t zeroes[TDISP_NONCE_BYTES];

	if (tdisp->ops->random(tdisp->opaque, tdisp->nonce, sizeof(tdisp->nonce)) != 0 ||
	    same_bytes(tdisp->nonce, zeroes, sizeof(zeroes)))
		return TDISP_ERR_INSUFFICIENT_ENTROPY;
	return TDISP_OK;
}

static enum tdisp_error answer_lock(struct request *rq)
{
	struct tdisp_responder *tdisp = rq->tdisp;
	struct tdisp_lock lock = {.flags = wire_u16(&rq->in), .stream = wire_u8(&rq->in)};

	wire_u8(&rq->in);
	lock.mmio_offset = wire_u64(&rq->in);
	lock.p2p_mask = wire_u64(&rq->in);
	/* 11.3.8: the offset keeps page alignment; flags that the capabilities do not list are no promises. */
	if ((lock.flags & ~tdisp->config.lock_flags) || (lock.mmio_offset & (BIT64(TDISP_PAGE_SHIFT) - 1)))
		return TDISP_ERR_INVALID_REQUEST;
	enum tdisp_error error = tdisp->ops->check_lock(tdisp->opaque, &lock, rq->session);

	if (error != TDISP_OK)
		return error;
	int len = tdisp->ops->report(tdisp->opaque, &lock, tdisp->report, sizeof(tdisp->report));

	if (len <= 0)
		return TDISP_ERR_INVALID_CONFIGURATION;
	error = new_nonce(tdisp);
	if (error != TDISP_OK)
		return error;
	tdisp->report_len = (size_t)len;
	tdisp->lock = lock;
	tdisp->session = rq->session;
	tdisp->nonce_valid = true;
	wire_put(rq->out, tdisp->nonce, sizeof(tdisp->nonce));
	go_to(tdisp, TDISP_LOCKED);
	return TDISP_OK;
}

static enum tdisp_error answer_report(struct request *rq)
{
	struct tdisp_responder *tdisp = rq->tdisp;
	size_t offset = wire_u16(&rq->in), len = wire_u16(&rq->in);
	size_t room = rq->out->cap - rq->out->len;

	if (offset >= tdisp->report_len || room <= TDISP_REPORT_RSP_BYTES)
		return TDISP_ERR_INVALID_REQUEST;
	if (len > tdisp->report_len - offset)
		len = tdisp->report_len - offset;
	if (len > room - TDISP_REPORT_RSP_BYTES)
		len = room - TDISP_REPORT_RSP_BYTES;
	wire_put_u16(rq->out, (uint16_t)len);
	wire_put_u16(rq->out, (uint16_t)(tdisp->report_len - offset - len));
	wire_put(rq->out, tdisp->report + offset, len);
	return TDISP_OK;
}

static enum tdisp_error answer_state(struct request *rq)
{
	wire_put_u8(rq->out, (uint8_t)rq->tdisp->state);
	return TDISP_OK;
}

static enum tdisp_error answer_start(struct request *rq)
{
	struct tdisp_responder *tdisp = rq->tdisp;
	const uint8_t *nonce = wire_bytes(&rq->in, TDISP_NONCE_BYTES);

	if (!tdisp->nonce_valid || !same_bytes(nonce, tdisp->nonce, TDISP_NONCE_BYTES))
		return TDISP_ERR_INVALID_NONCE;
	go_to(tdisp, TDISP_RUN);
	return TDISP_OK;
}

static enum tdisp_error answer_stop(struct request *rq)
{
	go_to(rq->tdisp, TDISP_UNLOCKED);
	return TDISP_OK;
}

static enum tdisp_error bind_p2p(struct request *rq, bool bind)
{
	if (!(rq->tdisp->lock.flags & TDISP_LOCK_BIND_P2P))
		return TDISP_ERR_INVALID_REQUEST;
	return rq->tdisp->ops->bind_p2p(rq->tdisp->opaque, wire_u8(&rq->in), bind, rq->session);
}

static enum tdisp_error answer_bind(struct request *rq)
{
	return bind_p2p(rq, true);
}

static enum tdisp_error answer_unbind(struct request *rq)
{
	return bind_p2p(rq, false);
}

static enum tdisp_error answer_mmio_attribute(struct request *rq)
{
	struct tdisp_range range = {.first_page = wire_u64(&rq->in), .pages = wire_u32(&rq->in)};

	range.attributes = wire_u16(&rq->in);
	range.id = wire_u16(&rq->in);
	return rq->tdisp->ops->set_mmio_attribute(rq->tdisp->opaque, &range);
}

static enum tdisp_error answer_vdm(struct request *rq)
{
	int n = rq->tdisp->ops->vdm(rq->tdisp->opaque, rq->in.at, rq->in.left, rq->out->buf + rq->out->len,
				    rq->out->cap - rq->out->len);

	if (n < 0 || (size_t)n > rq->out->cap - rq->out->len)
		return TDISP_ERR_UNSUPPORTED_REQUEST;
	rq->out->len += (size_t)n;
	return TDISP_OK;
}

static const struct request_row rows[] = {
	{TDISP_GET_VERSION, 0, ANY_STATE, false, answer_version},
	{TDISP_GET_CAPABILITIES, TDISP_CAPABILITIES_REQ_BYTES, ANY_STATE, false, answer_capabilities},
	{TDISP_LOCK_INTERFACE, TDISP_LOCK_REQ_BYTES, IN(TDISP_UNLOCKED), false, answer_lock},
	{TDISP_GET_REPORT, TDISP_REPORT_REQ_BYTES, IN(TDISP_LOCKED) | IN(TDISP_RUN), true, answer_report},
	{TDISP_GET_STATE, 0, ANY_STATE, false, answer_state},
	{TDISP_START_INTERFACE, TDISP_NONCE_BYTES, IN(TDISP_LOCKED), true, answer_start},
	{TDISP_STOP_INTERFACE, 0, ANY_STATE, true, answer_stop},
	{TDISP_BIND_P2P, TDISP_STREAM_BYTES, IN(TDISP_RUN), true, answer_bind},
	{TDISP_UNBIND_P2P, TDISP_STREAM_BYTES, IN(TDISP_RUN), true, answer_unbind},
	{TDISP_SET_MMIO_ATTRIBUTE, TDISP_RANGE_BYTES, IN(TDISP_RUN), true, answer_mmio_attribute},
	{TDISP_VDM, ANY_LENGTH, IN(TDISP_RUN), true, answer_vdm},
};

static void put_header(struct wire_out *out, uint8_t message, const uint8_t *interface)
{
	wire_put_u8(out, PCI_SIG_PROTOCOL_TDISP);
	wire_put_u8(out, TDISP_VERSION_10);
	wire_put_u8(out, message);
	wire_put_u16(out, 0);
	wire_put(out, interface, 12);
}

/* 11.2.1: by requester id; the segment counts when the requester says that it does. */
static bool is_ours(const struct tdisp_responder *tdisp, uint32_t function)
{
	if (field_get32(TDISP_FUNCTION_RID, function) != tdisp->rid)
		return false;
	return !(function & TDISP_FUNCTION_SEGMENT_VALID) ||
	       field_get32(TDISP_FUNCTION_SEGMENT, function) == tdisp->segment;
}

static const struct request_row *find_row(const struct tdisp_responder *tdisp, uint8_t message)
{
	for (size_t i = 0; has_request(tdisp, message) && i < ARRAY_LEN(rows); i++)
		if (rows[i].message == message)
			return &rows[i];
	return NULL;
}

/* 11.3.4: GET_TDISP_VERSION of any 1.x is answered. */
static bool is_major_1(uint8_t version)
{
	return version >> 4 == TDISP_VERSION_10 >> 4;
}

/* The checks that come before a request's own. */
static enum tdisp_error check(const struct tdisp_responder *tdisp, const struct request_row *row, size_t len,
			      uint32_t session)
{
	if (!row)
		return TDISP_ERR_UNSUPPORTED_REQUEST;
	if (row->len != ANY_LENGTH && row->len != len)
		return TDISP_ERR_INVALID_REQUEST;
	if (!(row->states & IN(tdisp->state)))
		return TDISP_ERR_INVALID_STATE;
	if (row->owner && tdisp->session != 0 && tdisp->session != session)
		return TDISP_ERR_INVALID_REQUEST;
	return TDISP_OK;
}

int tdisp_respond(struct tdisp_responder *tdisp, uint32_t session, const uint8_t *req, size_t len, uint8_t *rsp,
		  size_t cap)
{
	struct wire_in in = wire_in(req, len);
	struct wire_out out = wire_out(rsp, cap);
	enum tdisp_error error;

	if (session == 0)
		return 0;
	if (cap < TDISP_HEADER_BYTES + TDISP_NONCE_BYTES)
		return -EMSGSIZE;
	uint8_t protocol = wire_u8(&in), version = wire_u8(&in), message = wire_u8(&in);

	wire_u16(&in);
	const uint8_t *interface = wire_bytes(&in, 12);

	if (in.bad || protocol != PCI_SIG_PROTOCOL_TDISP || !(message & TDISP_REQUEST))
		return -EBADMSG;
	struct wire_in id = wire_in(interface, 4);
	const struct request_row *row = find_row(tdisp, message);

	put_header(&out, message & (uint8_t)~TDISP_REQUEST, interface);
	if (version != TDISP_VERSION_10 && !(message == TDISP_GET_VERSION && is_major_1(version)))
		error = TDISP_ERR_VERSION_MISMATCH;
	else if (!is_ours(tdisp, wire_u32(&id)))
		error = TDISP_ERR_INVALID_INTERFACE;
	else
		error = check(tdisp, row, in.left, session);
	if (error == TDISP_OK)
		error = row->answer(&(struct request){tdisp, session, in, &out});
	if (error != TDISP_OK) {
		out = wire_out(rsp, cap);
		put_header(&out, TDISP_ERROR, interface);
		wire_put_u32(&out, error);
		wire_put_u32(&out, error == TDISP_ERR_UNSUPPORTED_REQUEST ? message : 0);
	}
	return (int)out.len;
}

void tdisp_responder_init(struct tdisp_responder *tdisp, const struct tdisp_responder_config *config,
			  const struct tdisp_device_ops *ops, void *opaque)
{
	*tdisp = (struct tdisp_responder){.ops = ops, .opaque = opaque, .config = *config};
}

void tdisp_responder_fail(struct tdisp_responder *tdisp)
{
	if (tdisp->state == TDISP_LOCKED || tdisp->state == TDISP_RUN)
		go_to(tdisp, TDISP_IN_ERROR);
}

void tdisp_responder_session_ended(struct tdisp_responder *tdisp, uint32_t session)
{
	if (tdisp->session == session)
		tdisp_responder_fail(tdisp);
}

void tdisp_responder_stream_insecure(struct tdisp_responder *tdisp, uint8_t stream)
{
	if (tdisp->lock.stream == stream)
		tdisp_responder_fail(tdisp);
}

void tdisp_responder_reset(struct tdisp_responder *tdisp)
{
	go_to(tdisp, TDISP_UNLOCKED);
}

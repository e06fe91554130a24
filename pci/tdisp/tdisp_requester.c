/* SPDX-License-Identifier: Apache-2.0 */
/* TDISP as a TEE security manager speaks it: requests, and what makes an answer acceptable (PCIe 6.1, 11.3). */
#include "tdisp_requester.h"

#include <errno.h>
#include <string.h>

#include "wire.h"

void tdisp_requester_init(struct tdisp_requester *rq, uint16_t rid, int segment)
{
	memset(rq, 0, sizeof(*rq));
	rq->function = field_prep32(TDISP_FUNCTION_RID, rid);
	if (segment >= 0)
		rq->function |= TDISP_FUNCTION_SEGMENT_VALID | field_prep32(TDISP_FUNCTION_SEGMENT, (uint32_t)segment);
}

static void forget_lock(struct tdisp_requester *rq)
{
	explicit_bzero(rq->nonce, sizeof(rq->nonce));
	rq->nonce_valid = false;
	rq->report_len = 0;
	rq->report_total = 0;
}

void tdisp_requester_reset(struct tdisp_requester *rq)
{
	rq->pending = 0;
	forget_lock(rq);
}

static struct wire_out begin(struct tdisp_requester *rq, uint8_t message, uint8_t *buf, size_t cap)
{
	struct wire_out out = wire_out(buf, cap);

	wire_put_u8(&out, PCI_SIG_PROTOCOL_TDISP);
	wire_put_u8(&out, TDISP_VERSION_10);
	wire_put_u8(&out, message);
	wire_put_u16(&out, 0);
	wire_put_u32(&out, rq->function);
	wire_put_zeroes(&out, 8);
	return out;
}

static int finish(struct tdisp_requester *rq, uint8_t message, const struct wire_out *out)
{
	if (rq->pending)
		return -EBUSY;
	if (out->bad)
		return -EMSGSIZE;
	rq->pending = message;
	rq->error = 0;
	rq->error_data = 0;
	rq->why = NULL;
	return (int)out->len;
}

static int ask_plain(struct tdisp_requester *rq, uint8_t message, uint8_t *buf, size_t cap)
{
	struct wire_out out = begin(rq, message, buf, cap);

	return finish(rq, message, &out);
}

int tdisp_ask_version(struct tdisp_requester *rq, uint8_t *buf, size_t cap)
{
	return ask_plain(rq, TDISP_GET_VERSION, buf, cap);
}

int tdisp_ask_capabilities(struct tdisp_requester *rq, uint8_t *buf, size_t cap)
{
	struct wire_out out = begin(rq, TDISP_GET_CAPABILITIES, buf, cap);

	wire_put_u32(&out, 0);
	return finish(rq, TDISP_GET_CAPABILITIES, &out);
}

int tdisp_ask_lock(struct tdisp_requester *rq, const struct tdisp_lock *lock, uint8_t *buf, size_t cap)
{
	struct wire_out out = begin(rq, TDISP_LOCK_INTERFACE, buf, cap);

	wire_put_u16(&out, lock->flags);
	wire_put_u8(&out, lock->stream);
	wire_put_u8(&out, 0);
	wire_put_u64(&out, lock->mmio_offset);
	wire_put_u64(&out, lock->p2p_mask);
	int n = finish(rq, TDISP_LOCK_INTERFACE, &out);

	if (n > 0) {
		rq->asked = *lock;
		forget_lock(rq);
	}
	return n;
}

int tdisp_ask_report(struct tdisp_requester *rq, uint16_t portion, uint8_t *buf, size_t cap)
{
	struct wire_out out = begin(rq, TDISP_GET_REPORT, buf, cap);

	if (tdisp_report_complete(rq) || portion == 0)
		return -EINVAL;
	/* 11.3.10: no more than there is left. */
	if (rq->report_total && portion > rq->report_total - rq->report_len)
		portion = (uint16_t)(rq->report_total - rq->report_len);
	wire_put_u16(&out, (uint16_t)rq->report_len);
	wire_put_u16(&out, portion);
	int n = finish(rq, TDISP_GET_REPORT, &out);

	if (n > 0)
		rq->asked_len = portion;
	return n;
}

int tdisp_ask_state(struct tdisp_requester *rq, uint8_t *buf, size_t cap)
{
	return ask_plain(rq, TDISP_GET_STATE, buf, cap);
}

int tdisp_ask_start(struct tdisp_requester *rq, uint8_t *buf, size_t cap)
{
	struct wire_out out = begin(rq, TDISP_START_INTERFACE, buf, cap);

	if (!rq->nonce_valid)
		return -EINVAL;
	wire_put(&out, rq->nonce, sizeof(rq->nonce));
	return finish(rq, TDISP_START_INTERFACE, &out);
}

int tdisp_ask_stop(struct tdisp_requester *rq, uint8_t *buf, size_t cap)
{
	return ask_plain(rq, TDISP_STOP_INTERFACE, buf, cap);
}

int tdisp_ask_bind_p2p(struct tdisp_requester *rq, uint8_t stream, bool bind, uint8_t *buf, size_t cap)
{
	uint8_t message = bind ? TDISP_BIND_P2P : TDISP_UNBIND_P2P;
	struct wire_out out = begin(rq, message, buf, cap);

	wire_put_u8(&out, stream);
	return finish(rq, message, &out);
}

int tdisp_ask_mmio_attribute(struct tdisp_requester *rq, const struct tdisp_range *range, uint8_t *buf, size_t cap)
{
	struct wire_out out = begin(rq, TDISP_SET_MMIO_ATTRIBUTE, buf, cap);

	wire_put_u64(&out, range->first_page);
	wire_put_u32(&out, range->pages);
	wire_put_u16(&out, range->attributes);
	wire_put_u16(&out, range->id);
	return finish(rq, TDISP_SET_MMIO_ATTRIBUTE, &out);
}

int tdisp_ask_vdm(struct tdisp_requester *rq, const void *data, size_t len, uint8_t *buf, size_t cap)
{
	struct wire_out out = begin(rq, TDISP_VDM, buf, cap);

	wire_put(&out, data, len);
	return finish(rq, TDISP_VDM, &out);
}

bool tdisp_report_complete(const struct tdisp_requester *rq)
{
	return rq->report_total > 0 && rq->report_len == rq->report_total;
}

static const char *take_version(struct tdisp_requester *rq, struct wire_in *in)
{
	unsigned count = wire_u8(in);
	const uint8_t *entries = wire_bytes(in, count);

	if (!wire_done(in))
		return "TDISP_VERSION has another length";
	for (unsigned i = 0; i < count; i++)
		rq->version_known = rq->version_known || entries[i] == TDISP_VERSION_10;
	return rq->version_known ? NULL : "the device does not speak TDISP 1.0";
}

static const char *take_capabilities(struct tdisp_requester *rq, struct wire_in *in)
{
	struct tdisp_capabilities caps = {.dsm = wire_u32(in)};

	wire_copy(in, caps.messages, sizeof(caps.messages));
	caps.lock_flags = wire_u16(in);
	wire_bytes(in, 3);
	caps.addr_width = wire_u8(in);
	caps.req_this = wire_u8(in);
	caps.req_all = wire_u8(in);
	if (!wire_done(in))
		return "TDISP_CAPABILITIES has another length";
	/* 11.3.7: these seven are not optional. DMTF's sample device counts the bits from GET_VERSION's on. */
	if ((caps.messages[0] & 0xfeu) != 0xfeu && caps.messages[0] != 0x7fu)
		return "the device does not take all requests that TDISP demands";
	rq->capabilities = caps;
	rq->capabilities_known = true;
	return NULL;
}

static const char *take_lock(struct tdisp_requester *rq, struct wire_in *in)
{
	static const uint8_t zeroes[TDISP_NONCE_BYTES];
	const uint8_t *nonce = wire_bytes(in, TDISP_NONCE_BYTES);

	if (!wire_done(in))
		return "LOCK_INTERFACE_RESPONSE has another length";
	if (memcmp(nonce, zeroes, sizeof(zeroes)) == 0)
		return "the nonce is all zeroes";
	if (rq->last_nonce_valid && memcmp(nonce, rq->last_nonce, TDISP_NONCE_BYTES) == 0)
		return "the nonce is that of an earlier lock";
	memcpy(rq->nonce, nonce, TDISP_NONCE_BYTES);
	memcpy(rq->last_nonce, nonce, TDISP_NONCE_BYTES);
	rq->last_nonce_valid = true;
	rq->nonce_valid = true;
	rq->state = TDISP_LOCKED;
	return NULL;
}

static const char *take_report(struct tdisp_requester *rq, struct wire_in *in)
{
	size_t portion = wire_u16(in), remainder = wire_u16(in);
	size_t total = rq->report_len + portion + remainder;

	if (in->bad || in->left != portion)
		return "DEVICE_INTERFACE_REPORT has another length than it says";
	if (portion == 0 || portion > rq->asked_len)
		return "a portion of the report is empty or longer than asked for";
	if (total > sizeof(rq->report) || (rq->report_total != 0 && total != rq->report_total))
		return "the length of the report changes while it is read";
	wire_copy(in, rq->report + rq->report_len, portion);
	rq->report_len += portion;
	rq->report_total = total;
	return NULL;
}

static const char *take_state(struct tdisp_requester *rq, struct wire_in *in)
{
	uint8_t state = wire_u8(in);

	if (!wire_done(in) || state > TDISP_IN_ERROR)
		return "DEVICE_INTERFACE_STATE is none";
	rq->state = (enum tdisp_state)state;
	if (state == TDISP_UNLOCKED || state == TDISP_IN_ERROR)
		forget_lock(rq);
	return NULL;
}

static const char *take_vdm(struct tdisp_requester *rq, struct wire_in *in)
{
	if (in->left > sizeof(rq->answer_to_vdm))
		return "the answer to a vendor defined message is too long";
	rq->vdm_len = in->left;
	wire_copy(in, rq->answer_to_vdm, rq->vdm_len);
	return NULL;
}

/* An answer that says no more than that it is done. */
static const char *take_nothing(struct tdisp_requester *rq, uint8_t message, struct wire_in *in)
{
	if (!wire_done(in))
		return "the answer has another length";
	if (message == TDISP_START_INTERFACE) {
		rq->state = TDISP_RUN;
		rq->nonce_valid = false;
	} else if (message == TDISP_STOP_INTERFACE) {
		rq->state = TDISP_UNLOCKED;
		forget_lock(rq);
	}
	return NULL;
}

static const char *take_payload(struct tdisp_requester *rq, uint8_t message, struct wire_in *in)
{
	switch (message) {
	case TDISP_GET_VERSION:
		return take_version(rq, in);
	case TDISP_GET_CAPABILITIES:
		return take_capabilities(rq, in);
	case TDISP_LOCK_INTERFACE:
		return take_lock(rq, in);
	case TDISP_GET_REPORT:
		return take_report(rq, in);
	case TDISP_GET_STATE:
		return take_state(rq, in);
	case TDISP_VDM:
		return take_vdm(rq, in);
	default:
		return take_nothing(rq, message, in);
	}
}

static int wrong(struct tdisp_requester *rq, const char *why)
{
	rq->why = why;
	rq->state = TDISP_IN_ERROR;
	forget_lock(rq);
	return -EBADMSG;
}

static int take_error(struct tdisp_requester *rq, struct wire_in *in)
{
	rq->error = wire_u32(in);
	rq->error_data = wire_u32(in);
	if (in->bad || rq->error == 0)
		return wrong(rq, "TDISP_ERROR is too short or has no code");
	return -EREMOTEIO;
}

int tdisp_take(struct tdisp_requester *rq, const void *rsp, size_t len)
{
	struct wire_in in = wire_in(rsp, len);
	uint8_t message = rq->pending;

	if (!message)
		return -EINVAL;
	rq->pending = 0;
	uint8_t protocol = wire_u8(&in), version = wire_u8(&in), code = wire_u8(&in);

	wire_u16(&in);
	uint32_t function = wire_u32(&in);

	wire_bytes(&in, 8);
	if (in.bad || protocol != PCI_SIG_PROTOCOL_TDISP || version != TDISP_VERSION_10)
		return wrong(rq, "the answer is no message of TDISP 1.0");
	if (function != rq->function)
		return wrong(rq, "the answer is that of another interface");
	if (code == TDISP_ERROR)
		return take_error(rq, &in);
	if (code != (message & ~TDISP_REQUEST))
		return wrong(rq, "the answer is one to another request");
	const char *why = take_payload(rq, message, &in);

	return why ? wrong(rq, why) : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tsm_mailbox.h"

#include "bits.h"
#include "wire.h"

#define OPERATION MASK32(7, 0)
#define VERSION	  MASK32(15, 8)
#define STATUS	  MASK32(31, 16)

#define EVIDENCE_HEADER 12u /* bytes before those of the evidence */

static uint32_t head(uint32_t operation, enum tsm_status status)
{
	return field_prep32(OPERATION, operation) | field_prep32(VERSION, TSM_VERSION) | field_prep32(STATUS, status);
}

/* @arguments: DWs that have to follow the first. */
static bool has(const struct wire_in *in, unsigned arguments)
{
	return !in->bad && in->left == arguments * 4;
}

static enum tsm_status act(const struct tsm_ops *ops, void *opaque, uint32_t operation, struct wire_in *in)
{
	if (!has(in, operation == TSM_ACCEPT ? 1 : 0))
		return TSM_BAD_REQUEST;
	switch (operation) {
	case TSM_LOCK:
		return ops->lock(opaque);
	case TSM_ACCEPT:
		return ops->accept(opaque, wire_u32(in));
	case TSM_UNLOCK:
		return ops->unlock(opaque);
	default:
		return operation == TSM_INFO ? TSM_OK : TSM_BAD_REQUEST;
	}
}

static void put_info(const struct tsm_ops *ops, void *opaque, struct wire_out *out)
{
	struct tsm_info info = {.state = TSM_ERROR};

	ops->info(opaque, &info);
	wire_put_u32(out, (uint32_t)info.state);
	wire_put_u32(out, info.flags);
	wire_put_u32(out, info.generation);
}

static int answer_evidence(const struct tsm_ops *ops, void *opaque, struct wire_in *in, uint8_t *rsp, size_t cap)
{
	struct wire_out out = wire_out(rsp, cap);
	uint32_t kind, offset, want;
	size_t len = 0, total = 0, room = cap - EVIDENCE_HEADER;
	enum tsm_status status = TSM_BAD_REQUEST;

	if (has(in, 3)) {
		kind = wire_u32(in);
		offset = wire_u32(in);
		want = wire_u32(in);
		if (want < room)
			room = want;
		status = ops->evidence(opaque, kind, offset, rsp + EVIDENCE_HEADER, room, &len, &total);
	}
	if (status != TSM_OK || len > room)
		len = total = 0;
	wire_put_u32(&out, head(TSM_EVIDENCE, status));
	wire_put_u32(&out, (uint32_t)total);
	wire_put_u32(&out, (uint32_t)len);
	return (int)(EVIDENCE_HEADER + len);
}

int tsm_mailbox_respond(const struct tsm_ops *ops, void *opaque, const uint8_t *req, size_t len, uint8_t *rsp,
			size_t cap)
{
	struct wire_in in = wire_in(req, len);
	struct wire_out out = wire_out(rsp, cap);
	uint32_t first = wire_u32(&in), operation = field_get32(OPERATION, first);

	if (in.bad || field_get32(VERSION, first) != TSM_VERSION || field_get32(STATUS, first) != 0) {
		wire_put_u32(&out, head(operation, TSM_BAD_REQUEST));
		return (int)out.len;
	}
	if (operation == TSM_EVIDENCE)
		return answer_evidence(ops, opaque, &in, rsp, cap);
	wire_put_u32(&out, head(operation, act(ops, opaque, operation, &in)));
	put_info(ops, opaque, &out);
	return (int)out.len;
}

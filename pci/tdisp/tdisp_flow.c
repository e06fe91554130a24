/* SPDX-License-Identifier: Apache-2.0 */
/* Whole tasks of a TEE security manager, as sequences of TDISP messages. */
#include <errno.h>
#include <string.h>

#include "log.h"
#include "tdisp_requester.h"

#define RESPONSE_MAX   1024u
#define REPORT_PORTION 512u

struct flow {
	struct tdisp_requester *rq;
	const char *name;
	tdisp_exchange_fn exchange;
	void *opaque;
};

/* Sends the @len bytes of @req, as a tdisp_ask_*() left them, and takes the answer. 0 or -errno (logged). */
static int step(const struct flow *flow, const char *what, const uint8_t *req, int len)
{
	struct tdisp_requester *rq = flow->rq;
	uint8_t rsp[RESPONSE_MAX];

	if (len < 0)
		return log_fail(len, "%s: TDISP: %s cannot be asked for at this moment", flow->name, what);
	int n = flow->exchange(flow->opaque, req, (size_t)len, rsp, sizeof(rsp));

	if (n < 0) {
		rq->pending = 0;
		return n;
	}
	int err = tdisp_take(rq, rsp, (size_t)n);

	explicit_bzero(rsp, sizeof(rsp));
	if (err == -EREMOTEIO)
		return log_fail(err, "%s: TDISP: the device refuses %s: %s (0x%x)", flow->name, what,
				tdisp_error_name(rq->error), rq->error);
	if (err)
		return log_fail(err, "%s: TDISP: %s: %s", flow->name, what, rq->why ? rq->why : "nothing was asked");
	return 0;
}

static int ask_state(const struct flow *flow)
{
	uint8_t req[TDISP_REQUEST_MAX];

	return step(flow, "its state", req, tdisp_ask_state(flow->rq, req, sizeof(req)));
}

static int expect_state(const struct flow *flow, enum tdisp_state state)
{
	int err = ask_state(flow);

	if (err || flow->rq->state == state)
		return err;
	return log_fail(-EPROTO, "%s: TDISP: the interface is in state %s, and should be in %s", flow->name,
			tdisp_state_name(flow->rq->state), tdisp_state_name(state));
}

static int stop(const struct flow *flow)
{
	uint8_t req[TDISP_REQUEST_MAX];
	int err = step(flow, "STOP", req, tdisp_ask_stop(flow->rq, req, sizeof(req)));

	return err ? err : expect_state(flow, TDISP_UNLOCKED);
}

static int introduce(const struct flow *flow)
{
	uint8_t req[TDISP_REQUEST_MAX];
	int err = step(flow, "its version", req, tdisp_ask_version(flow->rq, req, sizeof(req)));

	if (!err)
		err = step(flow, "its capabilities", req, tdisp_ask_capabilities(flow->rq, req, sizeof(req)));
	if (!err)
		err = ask_state(flow);
	return err;
}

static int read_report(const struct flow *flow, struct tdisp_report *report)
{
	struct tdisp_requester *rq = flow->rq;
	uint8_t req[TDISP_REQUEST_MAX];
	const char *why;
	int err = 0;

	while (!err && !tdisp_report_complete(rq))
		err = step(flow, "its report", req, tdisp_ask_report(rq, REPORT_PORTION, req, sizeof(req)));
	if (err)
		return err;
	err = tdisp_report_parse(rq->report, rq->report_len, report, &why);
	return err ? log_fail(err, "%s: the device interface report is refused: %s", flow->name, why) : 0;
}

int tdisp_lock_interface(struct tdisp_requester *rq, const char *name, const struct tdisp_lock *lock,
			 tdisp_exchange_fn exchange, void *opaque, struct tdisp_report *report)
{
	struct flow flow = {rq, name, exchange, opaque};
	uint8_t req[TDISP_REQUEST_MAX];
	int err = introduce(&flow);

	if (!err && rq->state != TDISP_UNLOCKED)
		err = stop(&flow);
	if (err)
		return err;
	if (lock->flags & ~rq->capabilities.lock_flags)
		return log_fail(-ENOTSUP, "%s: TDISP: the device does not support the lock flags 0x%x", name,
				lock->flags & ~rq->capabilities.lock_flags);
	err = step(&flow, "LOCK", req, tdisp_ask_lock(rq, lock, req, sizeof(req)));
	if (!err)
		err = expect_state(&flow, TDISP_LOCKED);
	return err ? err : read_report(&flow, report);
}

int tdisp_start_interface(struct tdisp_requester *rq, const char *name, tdisp_exchange_fn exchange, void *opaque)
{
	struct flow flow = {rq, name, exchange, opaque};
	uint8_t req[TDISP_REQUEST_MAX];
	int err = step(&flow, "START", req, tdisp_ask_start(rq, req, sizeof(req)));

	explicit_bzero(req, sizeof(req));
	return err ? err : expect_state(&flow, TDISP_RUN);
}

int tdisp_stop_interface(struct tdisp_requester *rq, const char *name, tdisp_exchange_fn exchange, void *opaque)
{
	struct flow flow = {rq, name, exchange, opaque};

	return stop(&flow);
}

int tdisp_look(struct tdisp_requester *rq, const char *name, tdisp_exchange_fn exchange, void *opaque)
{
	struct flow flow = {rq, name, exchange, opaque};
	int err = ask_state(&flow);

	return err ? err : (int)rq->state;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The interface of an attested device: lock, report, start, stop; and whether all is still well. */
#include <errno.h>
#include <string.h>

#include "attest_priv.h"
#include "log.h"

static bool wants_tdisp(const struct attest *a)
{
	return a->config.require & ATTEST_TDISP;
}

/* The flow has logged it; a verdict that the session set stays. */
static int tdisp_fail(struct attest *a, int err, const char *verdict, const char *what)
{
	const struct tdisp_requester *td = &a->tdisp;

	if (attest_peer_refused(a) && !td->version_known)
		return attest_fail(a, err, "tdisp-unsupported", "the device does not know TDISP");
	if (strcmp(a->verdict, "pending") != 0)
		return err;
	if (err == -EREMOTEIO)
		return attest_fail(a, err, verdict, "%s: the device refuses: %s", what, tdisp_error_name(td->error));
	if (err == -EBADMSG || err == -EPROTO)
		return attest_fail(a, err, verdict, "%s: %s (state %s)", what,
				   td->why ? td->why : "the answer is not what it must be",
				   tdisp_state_name(td->state));
	return attest_fail(a, err, verdict, "%s: %s", what, strerror(-err));
}

static int check_report(struct attest *a)
{
	const char *why;
	int err;

	if (!a->config.bars)
		return 0;
	err = tdisp_report_check(&a->report, a->config.bars, a->mmio_offset, &why);
	return err < 0 ? attest_fail(a, err, "report-bad", "the device interface report does not fit the BARs: %s", why)
		       : 0;
}

/* Whether LOCK has been answered since lock_nonce was noted, whatever came after that. Notes it. */
static bool was_locked(struct attest *a)
{
	bool locked =
		a->tdisp.last_nonce_valid && memcmp(a->tdisp.last_nonce, a->lock_nonce, sizeof(a->lock_nonce)) != 0;

	if (locked)
		memcpy(a->lock_nonce, a->tdisp.last_nonce, sizeof(a->lock_nonce));
	return locked;
}

int attest_lock(struct attest *a)
{
	const struct tdisp_lock lock = {
		.flags = TDISP_LOCK_NO_FW_UPDATE,
		.stream = ATTEST_STREAM,
		.mmio_offset = a->mmio_offset,
	};
	bool locked;
	int err;

	if (!wants_tdisp(a))
		return 0;
	attest_begin(a, ATTEST_LOCK_S);
	attest_fail(a, 0, "pending", "the interface is not locked yet");
	err = tdisp_lock_interface(&a->tdisp, a->config.name, &lock, attest_vendor, a, &a->report);
	locked = was_locked(a);
	if (err < 0 && locked)
		return tdisp_fail(a, err, "report-bad", "the locked interface does not report what it is");
	if (err < 0)
		return tdisp_fail(a, err, "lock-refused", "the interface cannot be locked");
	a->locked = true;
	return check_report(a);
}

/* A heartbeat where the device wants them; else any message keeps the session, and RUN is asked for anyway. */
static int look_at_session(struct attest *a)
{
	int err;

	if (a->tsm_up)
		return attest_keys_look(a);
	if (!a->session || !spdm_requester_session_alive(a->rq, a->session))
		return attest_fail(a, -ECONNABORTED, "session-lost", "the session with the device is over");
	if (!spdm_requester_heartbeat_period(a->rq, a->session))
		return 0;
	err = spdm_requester_heartbeat(a->rq, a->session);
	return err < 0 ? attest_fail(a, err, spdm_reason_name(spdm_requester_reason(a->rq)), "no heartbeat: %s",
				     spdm_requester_why(a->rq))
		       : 0;
}

int attest_start(struct attest *a)
{
	int err;

	attest_begin(a, ATTEST_OTHER_S);
	if (!wants_tdisp(a)) /* nothing is asked that would find out that the session or the link is gone */
		return look_at_session(a);
	attest_fail(a, 0, "pending", "the interface is locked, not started");
	err = tdisp_start_interface(&a->tdisp, a->config.name, attest_vendor, a);
	if (err < 0)
		return tdisp_fail(a, err, "start-refused", "the locked interface cannot be started");
	a->started = true;
	return attest_trusted(a);
}

int attest_alive(struct attest *a)
{
	int state, err;

	attest_begin(a, ATTEST_OTHER_S);
	err = look_at_session(a);
	if (err < 0)
		return err;
	if (wants_tdisp(a)) {
		state = tdisp_look(&a->tdisp, a->config.name, attest_vendor, a);
		if (state < 0)
			return attest_fail(a, state, "session-lost",
					   "the device does not tell the state of its interface");
		if (state != TDISP_RUN)
			return attest_fail(a, -EACCES, "left-run", "the interface is in state %s",
					   tdisp_state_name((enum tdisp_state)state));
	}
	a->checks++;
	return 0;
}

void attest_end(struct attest *a)
{
	const char *verdict = a->verdict;
	char why[ATTEST_WHY];

	memcpy(why, a->why, sizeof(why));
	attest_begin(a, ATTEST_OTHER_S);
	if (a->session && spdm_requester_session_alive(a->rq, a->session)) {
		if (wants_tdisp(a) && a->locked)
			tdisp_stop_interface(&a->tdisp, a->config.name, attest_vendor, a);
		if (spdm_requester_session_alive(a->rq, a->session))
			spdm_requester_end_session(a->rq, a->session);
	}
	a->session = 0;
	attest_keys_end(a);
	a->verdict = verdict;
	memcpy(a->why, why, sizeof(a->why));
}

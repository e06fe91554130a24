/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TDISP as a TEE security manager speaks it (PCIe 6.1, 11.3). Pure: each tdisp_ask_*() writes a request, the payload of
 * a VENDOR_DEFINED message with its protocol byte, to be sent in a secured session; tdisp_take() reads the answer to
 * the last one. One request is under way at a time.
 *
 * What is believed of the device is in the struct, and only ever what an answer has said; when an answer is not
 * acceptable the interface counts as ERROR and nothing but STOP should follow.
 */
#ifndef AERIE_TDISP_REQUESTER_H
#define AERIE_TDISP_REQUESTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tdisp_regs.h"
#include "tdisp_report.h"
#include "tdisp_responder.h"

#define TDISP_REQUEST_MAX 64u /* bytes, but for VDM */

struct tdisp_capabilities {
	uint32_t dsm;
	uint8_t messages[TDISP_MESSAGE_BITMAP_BYTES]; /* bit n: request 0x80 + n */
	uint16_t lock_flags;
	uint8_t addr_width;
	uint8_t req_this, req_all;
};

struct tdisp_requester {
	uint32_t function;	 /* FUNCTION_ID */
	uint8_t pending;	 /* the request whose answer is awaited; 0: none */
	struct tdisp_lock asked; /* by the last LOCK */
	uint16_t asked_len;	 /* by the last GET_REPORT */
	uint8_t answer_to_vdm[256];
	size_t vdm_len;

	bool version_known;
	bool capabilities_known;
	struct tdisp_capabilities capabilities;
	enum tdisp_state state;
	bool nonce_valid;
	uint8_t nonce[TDISP_NONCE_BYTES];
	bool last_nonce_valid;
	uint8_t last_nonce[TDISP_NONCE_BYTES]; /* of the last lock: a nonce that comes again is a replay */
	uint8_t report[TDISP_REPORT_MAX];      /* as far as it has been read */
	size_t report_len, report_total;       /* total 0: not known yet */
	uint32_t error;			       /* TDISP_ERR_* of the last answer, 0: it was none */
	uint32_t error_data;
	const char *why; /* a constant: what was wrong with the last answer */
};

/** @segment < 0: FUNCTION_ID carries no segment. */
void tdisp_requester_init(struct tdisp_requester *rq, uint16_t rid, int segment);

/* Each returns the bytes of the request in @buf (TDISP_REQUEST_MAX is enough), or -EMSGSIZE, -EBUSY: one is under way,
 * -EINVAL: this is not the moment (no nonce for START; the report has been read). */
int tdisp_ask_version(struct tdisp_requester *rq, uint8_t *buf, size_t cap);
int tdisp_ask_capabilities(struct tdisp_requester *rq, uint8_t *buf, size_t cap);
int tdisp_ask_lock(struct tdisp_requester *rq, const struct tdisp_lock *lock, uint8_t *buf, size_t cap);
/** The next portion of the report, at most @portion bytes. */
int tdisp_ask_report(struct tdisp_requester *rq, uint16_t portion, uint8_t *buf, size_t cap);
int tdisp_ask_state(struct tdisp_requester *rq, uint8_t *buf, size_t cap);
int tdisp_ask_start(struct tdisp_requester *rq, uint8_t *buf, size_t cap);
int tdisp_ask_stop(struct tdisp_requester *rq, uint8_t *buf, size_t cap);
int tdisp_ask_bind_p2p(struct tdisp_requester *rq, uint8_t stream, bool bind, uint8_t *buf, size_t cap);
int tdisp_ask_mmio_attribute(struct tdisp_requester *rq, const struct tdisp_range *range, uint8_t *buf, size_t cap);
int tdisp_ask_vdm(struct tdisp_requester *rq, const void *data, size_t len, uint8_t *buf, size_t cap);

/**
 * Reads the answer to the last request. 0; -EREMOTEIO: the device answers with TDISP_ERROR (rq->error);
 * -EBADMSG: it does not answer as it must (rq->why), the interface counts as ERROR. -EINVAL: nothing was asked.
 */
int tdisp_take(struct tdisp_requester *rq, const void *rsp, size_t len);

/** True once the whole report has been read. */
bool tdisp_report_complete(const struct tdisp_requester *rq);

/** Nothing is under way any more (the session is gone); nonce and report are forgotten. */
void tdisp_requester_reset(struct tdisp_requester *rq);

/* Sends @len bytes of @req in the session and receives the answer: its length, or -errno (logged). */
typedef int (*tdisp_exchange_fn)(void *opaque, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap);

/**
 * Does the whole way from CONFIG_UNLOCKED to CONFIG_LOCKED with its report over @exchange: version, capabilities,
 * state (anything else than UNLOCKED is stopped first), lock, state, report, parsed into @report (which points into
 * rq->report). 0 or -errno (logged with @name).
 */
int tdisp_lock_interface(struct tdisp_requester *rq, const char *name, const struct tdisp_lock *lock,
			 tdisp_exchange_fn exchange, void *opaque, struct tdisp_report *report);

/** START, then looks that the state is RUN. 0 or -errno (logged). */
int tdisp_start_interface(struct tdisp_requester *rq, const char *name, tdisp_exchange_fn exchange, void *opaque);

/** STOP, then looks that the state is CONFIG_UNLOCKED. 0 or -errno (logged). */
int tdisp_stop_interface(struct tdisp_requester *rq, const char *name, tdisp_exchange_fn exchange, void *opaque);

/** GET_STATE. The state (>= 0) or -errno (logged). */
int tdisp_look(struct tdisp_requester *rq, const char *name, tdisp_exchange_fn exchange, void *opaque);

#endif

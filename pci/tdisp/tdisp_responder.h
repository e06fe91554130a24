/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TDISP as a device speaks it (PCIe 6.1, 11.2 and 11.3): the state of one TEE device interface (TDI), driven by
 * messages in a secured SPDM session and by what happens to the function.
 *
 *   CONFIG_UNLOCKED --LOCK--> CONFIG_LOCKED --START--> RUN
 *         ^                        |                    |      each of them --tdisp_responder_fail()--> ERROR
 *         +---------STOP-----------+---------STOP-------+                                     ERROR --STOP--> UNLOCKED
 *
 * Pure: bytes in, bytes out. What the function does about it comes through struct tdisp_device_ops. No locks; the owner
 * serialises.
 */
#ifndef AERIE_TDISP_RESPONDER_H
#define AERIE_TDISP_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tdisp_regs.h"
#include "tdisp_report.h"

struct tdisp_lock {
	uint16_t flags; /* TDISP_LOCK_* */
	uint8_t stream; /* default stream */
	uint64_t mmio_offset;
	uint64_t p2p_mask;
};

struct tdisp_responder;

struct tdisp_device_ops {
	/** Looks whether the interface can be locked now: keys of the default stream (they came over @session), BARs.
	 * TDISP_OK, or why not. Changes nothing. */
	enum tdisp_error (*check_lock)(void *opaque, const struct tdisp_lock *lock, uint32_t session);
	/** Writes the device interface report of a locked interface. Its length, or -errno. */
	int (*report)(void *opaque, const struct tdisp_lock *lock, uint8_t *buf, size_t cap);
	/** The state has changed from @from to tdisp->state. On the way to UNLOCKED secrets are wiped; ERROR stops DMA
	 * before it returns. */
	void (*changed)(void *opaque, enum tdisp_state from, enum tdisp_state to);
	/** @len random bytes. 0, or -errno: not enough entropy. */
	int (*random)(void *opaque, uint8_t *buf, size_t len);
	/* In RUN only; NULL: not supported. TDISP_OK or why not. */
	enum tdisp_error (*bind_p2p)(void *opaque, uint8_t stream, bool bind, uint32_t session);
	enum tdisp_error (*set_mmio_attribute)(void *opaque, const struct tdisp_range *range);
	/** A vendor defined message: everything behind the header. Bytes of the answer, or -errno: unsupported. */
	int (*vdm)(void *opaque, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap);
};

struct tdisp_responder_config {
	uint16_t lock_flags;	   /* those that the device supports */
	uint8_t addr_width;	   /* bits of addresses that it sends, e.g. 52 */
	uint8_t req_this, req_all; /* requests that it takes at once */
};

struct tdisp_responder {
	const struct tdisp_device_ops *ops;
	void *opaque;
	struct tdisp_responder_config config;
	uint16_t rid; /* requester id of the moment; kept up to date by the owner */
	uint8_t segment;

	enum tdisp_state state;
	uint32_t session; /* that locked the interface; 0: none */
	struct tdisp_lock lock;
	bool nonce_valid;
	uint8_t nonce[TDISP_NONCE_BYTES];
	uint8_t report[4096]; /* as of the lock: all portions are of one and the same report */
	size_t report_len;
};

void tdisp_responder_init(struct tdisp_responder *tdisp, const struct tdisp_responder_config *config,
			  const struct tdisp_device_ops *ops, void *opaque);

/**
 * Answers one message: the payload of VENDOR_DEFINED, protocol byte first. @session: id of the secured session it came
 * in, 0: none. Returns the bytes of the answer in @rsp; 0: no answer (outside of a session, 11.3.1); -EBADMSG: no
 * TDISP request at all, the SPDM layer reports an invalid request; -EMSGSIZE: @cap is too small.
 */
int tdisp_respond(struct tdisp_responder *tdisp, uint32_t session, const uint8_t *req, size_t len, uint8_t *rsp,
		  size_t cap);

/** Something happened that ends the lock (11.4.5 and others). From LOCKED and RUN to ERROR; else nothing. */
void tdisp_responder_fail(struct tdisp_responder *tdisp);

/** The SPDM session @session is over: an interface that it locked goes to ERROR. */
void tdisp_responder_session_ended(struct tdisp_responder *tdisp, uint32_t session);

/** The stream @stream is not secure any more: an interface bound to it goes to ERROR. */
void tdisp_responder_stream_insecure(struct tdisp_responder *tdisp, uint8_t stream);

/** Conventional reset: CONFIG_UNLOCKED, everything forgotten. */
void tdisp_responder_reset(struct tdisp_responder *tdisp);

#endif

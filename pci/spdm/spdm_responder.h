/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The responder: a device's end of SPDM (DSP0274 1.2 to 1.4) as a function from bytes to bytes. It does no I/O and
 * knows no clock; a socket, emulated DOE registers or a test stand in front of it.
 */
#ifndef AERIE_SPDM_RESPONDER_H
#define AERIE_SPDM_RESPONDER_H

#include "spdm.h"

struct spdm_responder;

/* Why a session ended. */
enum spdm_end {
	SPDM_END_REQUESTED, /* END_SESSION */
	SPDM_END_RESET,	    /* GET_VERSION, a reset of the function, the connection's end */
	SPDM_END_DECRYPT,   /* a message did not decrypt, or verify data was wrong */
	SPDM_END_SILENT,    /* no message for twice the heartbeat period */
};

struct spdm_responder_ops {
	/**
	 * A VENDOR_DEFINED_REQUEST of the PCI-SIG (standard 3, vendor 0x0001): @in begins with the protocol byte (0
	 * IDE_KM, 1 TDISP), and so does the answer in @out. @session is 0 outside of a session. Returns the answer's
	 * length; 0: no answer at all; -EBADMSG: ERROR InvalidRequest; other -errno: ERROR UnsupportedRequest.
	 */
	int (*vendor)(void *opaque, uint32_t session, const uint8_t *in, size_t len, uint8_t *out, size_t cap);
	/** A session is established. */
	void (*session_up)(void *opaque, uint32_t session);
	/** A session ended that was established. */
	void (*session_end)(void *opaque, uint32_t session, enum spdm_end why);
};

/*
 * Misbehaviour on request, for tests of requesters (`aerie spdm-responder --fault NAME`).
 * X(enumerator, name, what it does)
 */
#define SPDM_FAULTS(X)                                                                                                 \
	X(SPDM_FAULT_NONE, "none", "behaves")                                                                          \
	X(SPDM_FAULT_BAD_SIGNATURE, "bad-signature", "one bit of every signature is wrong")                            \
	X(SPDM_FAULT_ZERO_NONCE, "zero-nonce", "nonces and random data are all zero")                                  \
	X(SPDM_FAULT_STALE_NONCE, "stale-nonce", "nonces and random data never change")                                \
	X(SPDM_FAULT_REPLAY, "replay", "repeats its first signed answer of each kind, byte for byte")                  \
	X(SPDM_FAULT_WRONG_MEASUREMENT, "wrong-measurement", "the first measurement's last byte is another one")       \
	X(SPDM_FAULT_MEASURE_SINGLY, "measure-singly", "gives its measurements one by one only: ResponseTooLarge")     \
	X(SPDM_FAULT_BAD_DIGEST, "bad-digest", "DIGESTS does not match the chain")                                     \
	X(SPDM_FAULT_BAD_MAC, "bad-mac", "ResponderVerifyData is wrong")                                               \
	X(SPDM_FAULT_BAD_TAG, "bad-tag", "secured messages carry a wrong tag")                                         \
	X(SPDM_FAULT_NO_REPLY, "no-reply", "does not answer once algorithms are agreed")                               \
	X(SPDM_FAULT_NO_SESSION_REPLY, "no-session-reply", "does not answer inside sessions")                          \
	X(SPDM_FAULT_TRUNCATED, "truncated", "the last 4 bytes of every answer after ALGORITHMS are missing")          \
	X(SPDM_FAULT_OVERLONG, "overlong", "16 bytes follow every answer after ALGORITHMS")                            \
	X(SPDM_FAULT_BUSY, "busy", "answers ERROR Busy for ever once algorithms are agreed")                           \
	X(SPDM_FAULT_BUSY_ONCE, "busy-once", "answers ERROR Busy to the first try of every request")                   \
	X(SPDM_FAULT_NOT_READY, "not-ready", "answers ResponseNotReady first, the real answer to RESPOND_IF_READY")    \
	X(SPDM_FAULT_WRONG_VERSION, "wrong-version", "answers carry another version byte")                             \
	X(SPDM_FAULT_WRONG_CODE, "wrong-code", "answers carry the code of another response")                           \
	X(SPDM_FAULT_BAD_CAPS, "bad-capabilities", "a set of capabilities that the standard forbids")                  \
	X(SPDM_FAULT_BAD_ALGORITHM, "bad-algorithm", "selects an algorithm that was not offered")                      \
	X(SPDM_FAULT_DROP_SESSION, "drop-session", "forgets a session right after FINISH")

enum spdm_fault {
#define X(id, name, text) id,
	SPDM_FAULTS(X)
#undef X
		SPDM_FAULT_COUNT,
};

/** @fault's name and description. Static. */
const char *spdm_fault_name(enum spdm_fault fault);
const char *spdm_fault_text(enum spdm_fault fault);
/** The fault with @name; SPDM_FAULT_COUNT if there is none. */
enum spdm_fault spdm_fault_find(const char *name);

struct spdm_responder_config {
	struct spdm_profile profile;
	const struct spdm_identity *slots[SPDM_MAX_SLOTS]; /* borrowed; NULL: empty; slot 0 is needed with CERT */
	const struct spdm_block *blocks;		   /* borrowed: raw measurements, ascending index */
	unsigned block_count;
	const struct spdm_responder_ops *ops; /* borrowed; may be NULL, and so may each function */
	void *opaque;
	bool mutual;			/* ask requesters that can for their certificate */
	bool mutual_required;		/* and open no session with those that cannot */
	const struct spdm_roots *roots; /* borrowed; for requesters' chains */
	const uint8_t *requester_ders;	/* borrowed; the requester's chain if it is known beforehand */
	size_t requester_ders_len;
	int64_t now;	     /* as for the requester */
	uint8_t heartbeat_s; /* 0: none */
	enum spdm_fault fault;
};

/** 0 or -errno (logged): capabilities that do not fit each other, an empty slot 0, ... The config is copied. */
int spdm_responder_create(const struct spdm_responder_config *config, struct spdm_responder **out);
/** Ends all sessions (session_end) and wipes all secrets. NULL is fine. */
void spdm_responder_destroy(struct spdm_responder *r);

/**
 * One message in, one message out: an SPDM message, or with *@secured a secured message of DSP0277. @in may be padded
 * with zeroes to a multiple of four. *@secured tells whether the answer is secured; *@out_len == 0: there is no answer.
 * @out should have room for the requester's DataTransferSize, in any case at least 4 KiB.
 * 0; -EINVAL: @cap is too small (logged).
 */
int spdm_responder_handle(struct spdm_responder *r, bool *secured, const uint8_t *in, size_t len, uint8_t *out,
			  size_t cap, size_t *out_len);

/** What messages come over from now on; another one than before is another connection. DOE at first. */
void spdm_responder_set_binding(struct spdm_responder *r, enum spdm_binding binding);
/** The time, monotonic, in milliseconds: ends sessions that were silent too long. Optional; without it none are. */
void spdm_responder_tick(struct spdm_responder *r, uint64_t now_ms);
/** As after a reset of the function: forgets the connection and all sessions. */
void spdm_responder_reset(struct spdm_responder *r);
/** Number of established sessions. */
unsigned spdm_responder_sessions(const struct spdm_responder *r);
/** Changes the misbehaviour from the next message on. */
void spdm_responder_set_fault(struct spdm_responder *r, enum spdm_fault fault);
/** Changes measured values; @blocks as in the config. Later answers to signed requests say that they changed. */
void spdm_responder_set_blocks(struct spdm_responder *r, const struct spdm_block *blocks, unsigned count);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requester: attests a device and holds sessions with it (DSP0274 1.2 to 1.4).
 *
 * The usual order: connect, chain, challenge and/or measurements, start_session, vendor (IDE_KM, TDISP), heartbeat,
 * end_session. Calls return 0 or -errno; the message is logged once, and spdm_requester_reason() says in a word why.
 * -EPROTO: the peer broke the standard; -EACCES: it was understood but is not trusted; -ETIMEDOUT; -EBUSY; -ENOTSUP:
 * it cannot do what was asked for; -ECONNABORTED: the session is gone.
 */
#ifndef AERIE_SPDM_REQUESTER_H
#define AERIE_SPDM_REQUESTER_H

#include "spdm.h"

struct spdm_requester;

struct spdm_transport {
	void *ctx;
	/**
	 * Sends one message and waits for the answer: an SPDM message, or with @secured a secured message of DSP0277
	 * (DOE types 1 and 2). The answer may be padded with zeroes to a multiple of four; *@len then counts the
	 * padding.
	 * *@secured becomes true when the answer came as a secured message. 0; -ETIMEDOUT; -ECANCELED; other -errno
	 * (logged there).
	 */
	int (*exchange)(void *ctx, bool *secured, const uint8_t *request, size_t request_len, uint8_t *response,
			size_t cap, size_t *len, unsigned timeout_ms);
	/** Waits (BUSY, ResponseNotReady). NULL: nanosleep(2). */
	void (*wait_us)(void *ctx, uint64_t us);
};

struct spdm_requester_config {
	struct spdm_transport transport;
	enum spdm_binding binding; /* of the transport */
	struct spdm_profile profile;
	const struct spdm_roots *roots;	      /* borrowed; NULL: chains are read, but nothing is trusted */
	const struct spdm_identity *identity; /* borrowed; for mutual authentication, or NULL */
	const struct spdm_device_id *device;  /* borrowed; NULL: the leaf's name is not compared */
	int64_t now;	     /* time in seconds since 1970 at which certificates must be valid; 0: the clock's */
	unsigned timeout_ms; /* for one answer; 0: 2000. The peer's CTExponent is added for cryptographic ones */
	unsigned retries;    /* on BUSY, ResponseNotReady and resynchronization; 0: 5 */
};

/** 0 or -errno (logged). The config is copied. */
int spdm_requester_create(const struct spdm_requester_config *config, struct spdm_requester **out);
/** Wipes all secrets; ends no session with the peer. NULL is fine. */
void spdm_requester_destroy(struct spdm_requester *r);

/** Why the last call failed. */
enum spdm_reason spdm_requester_reason(const struct spdm_requester *r);
/** The same with particulars, for people; valid until the next call. */
const char *spdm_requester_why(const struct spdm_requester *r);

/** GET_VERSION, GET_CAPABILITIES, NEGOTIATE_ALGORITHMS. Forgets everything before, sessions too. */
int spdm_requester_connect(struct spdm_requester *r);

/* What was agreed; after connect. */
uint8_t spdm_requester_version(const struct spdm_requester *r);
const struct spdm_algs *spdm_requester_algs(const struct spdm_requester *r);
uint32_t spdm_requester_peer_caps(const struct spdm_requester *r);
/** Round trips so far, for statistics. */
uint64_t spdm_requester_round_trips(const struct spdm_requester *r);

/** GET_DIGESTS and GET_CERTIFICATE of @slot (0-7), and all checks of the chain. It is kept even if it fails them. */
int spdm_requester_chain(struct spdm_requester *r, unsigned slot);
/** The chain that was read last: certificates in DER, root first. NULL when there is none. Borrowed. */
const uint8_t *spdm_requester_ders(const struct spdm_requester *r, size_t *len);
/** Whether that chain passed. */
bool spdm_requester_chain_ok(const struct spdm_requester *r);

/** CHALLENGE on the slot of the chain that was read. */
int spdm_requester_challenge(struct spdm_requester *r);

/**
 * All measurements, in @session or (0) in clear, one by one if the device cannot give them at once; signed if @sign.
 * Signed ones need a chain that was read. @raw asks for raw values instead of digests. The caller frees @out with
 * spdm_measurements_fini().
 */
int spdm_requester_measurements(struct spdm_requester *r, uint32_t session, bool sign, bool raw,
				struct spdm_measurements *out);

/** KEY_EXCHANGE and FINISH, with mutual authentication if the peer asks for it. *@session is not 0. */
int spdm_requester_start_session(struct spdm_requester *r, uint32_t *session);
/** Seconds after which the peer drops a silent session (it does so at twice this); 0: never. */
unsigned spdm_requester_heartbeat_period(const struct spdm_requester *r, uint32_t session);
bool spdm_requester_session_alive(const struct spdm_requester *r, uint32_t session);
int spdm_requester_heartbeat(struct spdm_requester *r, uint32_t session);
/** @op: SPDM_UPDATE_KEY (this direction) or SPDM_UPDATE_ALL; verifies the new key too. */
int spdm_requester_key_update(struct spdm_requester *r, uint32_t session, uint8_t op);
int spdm_requester_end_session(struct spdm_requester *r, uint32_t session);

/**
 * VENDOR_DEFINED_REQUEST of the PCI-SIG (standard 3, vendor 0x0001) in @session (0: in clear). @payload begins with the
 * protocol byte (0 IDE_KM, 1 TDISP); so does the answer in @out.
 */
int spdm_requester_vendor(struct spdm_requester *r, uint32_t session, const uint8_t *payload, size_t len, uint8_t *out,
			  size_t cap, size_t *out_len);

#endif

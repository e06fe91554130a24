/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IDE_KM, by which a security manager gives a port the keys of an IDE stream (PCIe 6.0, 6.33.3): both ends. Pure: bytes
 * in, bytes out; messages are the payload of SPDM's VENDOR_DEFINED with its protocol byte. No locks; the owner
 * serialises.
 */
#ifndef AERIE_IDE_KM_H
#define AERIE_IDE_KM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ide_regs.h"

#define IDE_KM_MAX_STREAMS 16u	 /* with keys at a time, of one port */
#define IDE_KM_MAX_CAP	   4096u /* bytes of registers in QUERY_RESP: no capability is larger than config space */

/* Sub-stream and direction as one number, 0 .. IDE_NR_KEYS - 1: sub-stream * 2 + (Tx: 1). */
#define IDE_NR_KEYS (IDE_NR_SUB_STREAMS * 2)

/* One key with its initial invocation field, in the order of the AES-GCM key's bytes. */
struct ide_key {
	uint8_t key[IDE_KM_KEY_BYTES];
	uint64_t ifv;
};

/* The keys of a stream as one of its ports sees them: by key number. */
struct ide_keys {
	struct ide_key keys[IDE_NR_KEYS];
};

/** Random keys. 0 or -errno (logged). */
int ide_keys_generate(struct ide_keys *keys);
/** The keys that the port at the other end gets: each Tx key is the other's Rx key. */
void ide_keys_mirror(const struct ide_keys *keys, struct ide_keys *other);
void ide_keys_wipe(struct ide_keys *keys);

/* ---- Responder ---- */

struct ide_km_ops {
	/** True when a stream of the port's registers has this id. */
	bool (*has_stream)(void *opaque, uint8_t stream);
	/** The registers of the port's IDE capability, from IDE_CAP on (not its header). Bytes written, a multiple of
	 * 4, or -EMSGSIZE. */
	int (*registers)(void *opaque, uint8_t *buf, size_t cap);
	/** A key of @stream goes into the hardware (@key is wiped after the return), or (NULL) out of it. 0 or -errno.
	 */
	int (*key)(void *opaque, uint8_t stream, unsigned key_set, unsigned number, const struct ide_key *key);
	/** All keys of @stream run now / not any more. */
	void (*secure)(void *opaque, uint8_t stream, bool secure);
};

struct ide_km_stream {
	bool used;
	uint8_t id;
	uint32_t session;      /* that programs it */
	uint8_t programmed[2]; /* by key set, a bit for each key number */
	uint8_t going[2];
};

struct ide_km_responder {
	const struct ide_km_ops *ops;
	void *opaque;
	uint16_t rid; /* of the port; kept up to date by the owner */
	uint8_t segment;
	struct ide_km_stream streams[IDE_KM_MAX_STREAMS];
};

/** A responder with one port, of index 0. */
void ide_km_responder_init(struct ide_km_responder *km, const struct ide_km_ops *ops, void *opaque);

/** Answers one message; as tdisp_respond(). */
int ide_km_respond(struct ide_km_responder *km, uint32_t session, const uint8_t *req, size_t len, uint8_t *rsp,
		   size_t cap);

/** True when all keys of @stream run. *@session (may be NULL): which session programmed them. */
bool ide_km_secure(const struct ide_km_responder *km, uint8_t stream, uint32_t *session);

/** The stream goes insecure: its keys are thrown away. */
void ide_km_drop_stream(struct ide_km_responder *km, uint8_t stream);
/** The SPDM session is over: every stream that it keyed goes insecure. */
void ide_km_session_ended(struct ide_km_responder *km, uint32_t session);
/** Conventional reset. */
void ide_km_responder_reset(struct ide_km_responder *km);

/* ---- Requester ---- */

struct ide_km_port {
	uint8_t port, devfn, bus, segment, max_port;
	uint8_t registers[IDE_KM_MAX_CAP]; /* from IDE_CAP on */
	size_t registers_len;
};

/* The request that is under way. */
struct ide_km_requester {
	uint8_t object; /* enum ide_km_object */
	bool pending;
	uint8_t port, stream, sub_stream;
	uint8_t status;	 /* of the last KP_ACK */
	const char *why; /* a constant: what was wrong with the last answer */
};

/* Each returns the bytes of the request in @buf, -EMSGSIZE, or -EBUSY: one is under way. @number as in IDE_NR_KEYS.
 * The buffer of a KEY_PROG holds a key: the caller wipes it. */
int ide_km_ask_query(struct ide_km_requester *rq, uint8_t port, uint8_t *buf, size_t cap);
int ide_km_ask_key(struct ide_km_requester *rq, uint8_t port, uint8_t stream, unsigned key_set, unsigned number,
		   const struct ide_key *key, uint8_t *buf, size_t cap);
int ide_km_ask_go(struct ide_km_requester *rq, uint8_t port, uint8_t stream, unsigned key_set, unsigned number,
		  uint8_t *buf, size_t cap);
int ide_km_ask_stop(struct ide_km_requester *rq, uint8_t port, uint8_t stream, unsigned key_set, unsigned number,
		    uint8_t *buf, size_t cap);

/** Reads the answer. @port is filled in by a QUERY_RESP, may be NULL otherwise. 0; -EREMOTEIO: the port refuses
 * (rq->status); -EBADMSG: it does not answer as it must (rq->why); -EINVAL: nothing was asked. */
int ide_km_take(struct ide_km_requester *rq, const void *rsp, size_t len, struct ide_km_port *port);

/** As tdisp_exchange_fn. */
typedef int (*ide_km_exchange_fn)(void *opaque, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap);

/** QUERY. 0 or -errno (logged). */
int ide_km_query(const char *name, uint8_t index, struct ide_km_port *port, ide_km_exchange_fn exchange, void *opaque);

/** Programs all keys of @stream in @key_set and lets them go: first those that receive, so that nothing arrives before
 * its key. 0 or -errno (logged); then what was programmed stays, to be stopped. */
int ide_km_start_stream(const char *name, uint8_t port, uint8_t stream, unsigned key_set, const struct ide_keys *keys,
			ide_km_exchange_fn exchange, void *opaque);

/** Stops all keys of @stream. 0 or the first -errno (logged). */
int ide_km_stop_stream(const char *name, uint8_t port, uint8_t stream, unsigned key_set, ide_km_exchange_fn exchange,
		       void *opaque);

/** A name for messages. */
const char *ide_km_status_name(uint8_t status);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the responder: its state, one request on its way through, and the parts that handle requests. */
#ifndef AERIE_SPDM_RSP_H
#define AERIE_SPDM_RSP_H

#include "spdm_cert.h"
#include "spdm_link.h"
#include "spdm_responder.h"

/* What happens to the session once the answer is sealed. */
enum spdm_after {
	SPDM_AFTER_NOTHING,
	SPDM_AFTER_ESTABLISH, /* FINISH_RSP: from now on the keys of the data phase */
	SPDM_AFTER_END,
};

/* One request and its answer. */
struct spdm_call {
	uint8_t code;
	struct spdm_session *session; /* in which the request came; NULL: in clear */
	const uint8_t *request;
	size_t request_len; /* without padding once it is parsed */
	bool padded;	    /* zeroes may follow */
	struct spdm_format format;
	struct spdm_fields in, out;
	uint8_t *answer;
	size_t cap, answer_len;
	uint8_t error_data; /* goes with an error's code */
	uint8_t extended[4];
	size_t extended_len;
	enum spdm_after after;
	struct spdm_session *affected; /* by .after; differs from .session when the handshake is in clear */
	enum spdm_end why;
	bool silent;	/* there is no answer */
	size_t reserve; /* bytes of the requester's transfer size that a wrapper around the answer takes */
};

/* A message in pieces: an answer that CHUNK_GET fetches, or a request that CHUNK_SEND brings. */
struct spdm_pieces {
	bool active;
	uint8_t handle;
	uint32_t session; /* 0: in clear */
	uint32_t sequence;
	size_t at, len;
	uint8_t *bytes; /* SPDM_MAX_MESSAGE */
};

/* Mutual authentication by encapsulated requests. */
struct spdm_encap {
	bool active;
	uint32_t session;
	uint8_t id;   /* of the request that is outstanding */
	uint8_t code; /* its code; 0: it was not fetched yet */
	uint8_t slot;
	uint8_t digest[SPDM_MAX_HASH];
	uint8_t *blob;
	size_t got, total;
	bool done;
};

struct spdm_responder {
	struct spdm_responder_config config;
	struct spdm_link link;
	size_t caps_at, algs_at;		  /* in link.vca: the requests, for retries */
	struct spdm_chain chains[SPDM_MAX_SLOTS]; /* as they travel with .chains_hash; kept over connections */
	const struct spdm_hash_alg *chains_hash;  /* NULL: not made yet */
	uint64_t now_ms;
	uint16_t last_session;
	bool blocks_changed;
	bool hopeless; /* no algorithm of some kind is common: all that is left is GET_VERSION */
	struct spdm_pieces out, in;
	uint8_t next_handle;
	struct { /* an answer that waits for RESPOND_IF_READY */
		bool active;
		uint8_t code, token;
		uint32_t session, affected; /* ids; 0: none */
		size_t len;
		enum spdm_after after;
		enum spdm_end why;
		uint8_t *bytes;
	} deferred;
	struct spdm_encap encap;
	struct spdm_chain peer; /* the requester's */
	struct {		/* what misbehaviour remembers */
		uint8_t nonce[SPDM_NONCE_LEN];
		bool busy_said;
		uint8_t *replay[3];
		size_t replay_len[3];
	} fault;
	uint8_t *opened, *plain, *record, *inner; /* SPDM_MAX_MESSAGE each */
};

/** Handles a parsed request. 0: c->answer is made; else the code of an ERROR (c->error_data goes with it). */
typedef uint8_t (*spdm_rsp_handler)(struct spdm_responder *r, struct spdm_call *c);

uint8_t spdm_rsp_version(struct spdm_responder *r, struct spdm_call *c);
uint8_t spdm_rsp_capabilities(struct spdm_responder *r, struct spdm_call *c);
uint8_t spdm_rsp_algorithms(struct spdm_responder *r, struct spdm_call *c);
uint8_t spdm_rsp_digests(struct spdm_responder *r, struct spdm_call *c);
uint8_t spdm_rsp_certificate(struct spdm_responder *r, struct spdm_call *c);
uint8_t spdm_rsp_challenge(struct spdm_responder *r, struct spdm_call *c);
uint8_t spdm_rsp_measurements(struct spdm_responder *r, struct spdm_call *c);
uint8_t spdm_rsp_key_exchange(struct spdm_responder *r, struct spdm_call *c);
uint8_t spdm_rsp_finish(struct spdm_responder *r, struct spdm_call *c);
uint8_t spdm_rsp_heartbeat(struct spdm_responder *r, struct spdm_call *c);
uint8_t spdm_rsp_key_update(struct spdm_responder *r, struct spdm_call *c);
uint8_t spdm_rsp_end_session(struct spdm_responder *r, struct spdm_call *c);
uint8_t spdm_rsp_vendor(struct spdm_responder *r, struct spdm_call *c);
uint8_t spdm_rsp_encap_get(struct spdm_responder *r, struct spdm_call *c);
uint8_t spdm_rsp_encap_deliver(struct spdm_responder *r, struct spdm_call *c);
uint8_t spdm_rsp_chunk_send(struct spdm_responder *r, struct spdm_call *c);
uint8_t spdm_rsp_chunk_get(struct spdm_responder *r, struct spdm_call *c);
uint8_t spdm_rsp_if_ready(struct spdm_responder *r, struct spdm_call *c);

/** Lays out the answer from c->out. 0, or the code of an ERROR. */
uint8_t spdm_rsp_build(struct spdm_call *c);
/** Runs the request in @c through checks and its handler; c->answer is the answer or an ERROR. */
void spdm_rsp_dispatch(struct spdm_responder *r, struct spdm_call *c);
/** Makes c->answer an ERROR. */
void spdm_rsp_error(struct spdm_responder *r, struct spdm_call *c, uint8_t error);
/** If the answer is larger than the requester takes: keeps it for CHUNK_GET and answers with an ERROR. */
void spdm_rsp_split(struct spdm_responder *r, struct spdm_call *c);
/** Ends @session, and tells whoever plays IDE_KM and TDISP. */
void spdm_rsp_end(struct spdm_responder *r, struct spdm_session *session, enum spdm_end why);
/** Mask of the slots whose chains go with the agreed algorithms. */
uint8_t spdm_rsp_slots(const struct spdm_responder *r);
/** Forgets what a request other than the expected one makes void. */
void spdm_rsp_encap_reset(struct spdm_responder *r);
/** The hash of the measurements of kind @summary (SPDM_SUMMARY_*). */
int spdm_rsp_summary(struct spdm_responder *r, uint8_t summary, uint8_t *out);
/** Whether a session can be opened: all that KEY_EXCHANGE needs was agreed. */
bool spdm_rsp_can_exchange(const struct spdm_responder *r);
/** Whether @summary may be asked for. */
bool spdm_rsp_summary_ok(const struct spdm_responder *r, uint8_t summary);

/* Nonces and signatures, which misbehaviour may spoil (spdm_fault.c). */
int spdm_rsp_random(struct spdm_responder *r, uint8_t *out);
int spdm_rsp_sign(struct spdm_responder *r, const struct spdm_transcript *t, const char *context, unsigned slot,
		  uint8_t *sig);
/** Misbehaviour in place of handling the request. True: c->answer (or silence) is what goes out. */
bool spdm_fault_before(struct spdm_responder *r, struct spdm_call *c);
/** Misbehaviour on a finished answer. */
void spdm_fault_after(struct spdm_responder *r, struct spdm_call *c);

#endif

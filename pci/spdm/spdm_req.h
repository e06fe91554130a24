/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the requester: its state, and one request with its answer. */
#ifndef AERIE_SPDM_REQ_H
#define AERIE_SPDM_REQ_H

#include "spdm_cert.h"
#include "spdm_link.h"
#include "spdm_requester.h"

#define SPDM_REQ_NONCES 64u

struct spdm_requester {
	struct spdm_requester_config config;
	struct spdm_link link;
	uint32_t caps; /* that this end offers */
	uint8_t peer_ct_exponent;
	struct spdm_chain chain; /* the device's, of .slot */
	unsigned slot;
	struct spdm_chain own; /* for mutual authentication */
	uint16_t last_session;
	uint8_t next_handle;
	uint64_t round_trips;
	uint8_t nonces[SPDM_REQ_NONCES][SPDM_NONCE_LEN]; /* that the device used lately */
	unsigned nonce_count;
	enum spdm_reason reason;
	char why[256];
	uint8_t *request, *piece, *sealed, *inbox, *answer, *large; /* SPDM_MAX_MESSAGE each */
};

/* One request on its way, and what came of it. */
struct spdm_ask {
	uint8_t code;
	struct spdm_session *session; /* NULL: in clear */
	bool slow;		      /* the answer costs the device a cryptographic operation */
	const uint8_t *tolerated;     /* codes of ERRORs after which there is another way, 0 at the end; NULL: none */
	struct spdm_format format;
	struct spdm_fields out;
	/* KEY_UPDATE of both directions: the answer may come under these keys, which then replace the present ones. */
	struct spdm_direction *next;
	bool next_used;
	size_t request_len; /* of r->request */
	const uint8_t *answer;
	size_t answer_len; /* without padding once it is parsed */
	bool padded;
	uint8_t error; /* the code, when the device answered with an ERROR */
	struct spdm_fields in;
};

/** A request of kind @code with the connection's format. */
struct spdm_ask spdm_req_new(const struct spdm_requester *r, uint8_t code, struct spdm_session *session);
/** Lays the request out from a->out, sends it, waits for its answer and parses it into a->in. 0; -ENOENT (not logged):
 * a tolerated ERROR; or -errno (logged). */
int spdm_req_ask(struct spdm_requester *r, struct spdm_ask *a);
/** Sets reason and particulars, logs them, returns @err. */
__attribute__((format(printf, 4, 5))) int spdm_req_fail(struct spdm_requester *r, int err, enum spdm_reason reason,
							const char *fmt, ...);
/** The end of a session that cannot go on. */
void spdm_req_lose(struct spdm_requester *r, struct spdm_session *session);
/** -EPROTO (logged): the device's @nonce is zero or was used before. */
int spdm_req_fresh(struct spdm_requester *r, const uint8_t *nonce, const char *where);
/** -EINVAL (logged): the connection is not in the state that @what needs. */
int spdm_req_need(struct spdm_requester *r, const char *what, uint32_t rsp_caps, bool chain);
/** The session with @id; NULL (logged): there is none that is established. */
struct spdm_session *spdm_req_session(struct spdm_requester *r, uint32_t id);
/** Request and answer into @t, the answer up to @end. */
int spdm_req_note(struct spdm_requester *r, const struct spdm_ask *a, struct spdm_transcript *t, size_t end);
/** Lets the responder ask for our certificate; *@slot: which it took. */
int spdm_req_encap(struct spdm_requester *r, struct spdm_session *session, uint8_t *slot);

#endif

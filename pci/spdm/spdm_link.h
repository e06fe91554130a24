/* SPDX-License-Identifier: Apache-2.0 */
/* What requester and responder know alike of a connection: what was agreed,
 * transcripts, sessions. */
#ifndef AERIE_SPDM_LINK_H
#define AERIE_SPDM_LINK_H

#include "spdm_keys.h"
#include "spdm_msg.h"

enum spdm_state {
	SPDM_START,
	SPDM_AFTER_VERSION,
	SPDM_AFTER_CAPS,
	SPDM_NEGOTIATED,
};

/* Room for the six messages of the negotiation; they are short (DSP0274:
 * NEGOTIATE_ALGORITHMS has at most 128 bytes). */
#define SPDM_MAX_VCA 2048u

struct spdm_session {
	bool live;
	bool established;
	bool update_pending; /* keys were updated, VERIFY_NEW_KEY is to come */
	uint32_t id;	     /* RspSessionID << 16 | ReqSessionID, not 0 */
	uint8_t mut_auth;    /* SPDM_MUT_AUTH_* of KEY_EXCHANGE_RSP */
	uint8_t heartbeat_s; /* 0: none */
	uint64_t last_ms;    /* of the last good message */
	struct spdm_keys keys;
	struct spdm_transcript th; /* A, Ct, KEY_EXCHANGE ... of the handshake */
	struct spdm_transcript m;  /* measurements inside the session */
};

struct spdm_link {
	enum spdm_state state;
	enum spdm_binding binding; /* stays when all else is forgotten */
	uint8_t version;
	uint32_t req_caps, rsp_caps;
	uint32_t peer_transfer, peer_message; /* sizes of the peer */
	struct spdm_algs algs;		      /* agreed */
	const struct spdm_hash_alg *hash;
	const struct spdm_asym_alg *asym, *req_asym;
	const struct spdm_dhe_alg *dhe;
	const struct spdm_aead_alg *aead;
	uint8_t vca[SPDM_MAX_VCA]; /* A of the transcripts: GET_VERSION to ALGORITHMS */
	size_t vca_len;
	struct spdm_transcript b; /* DIGESTS and CERTIFICATE, for CHALLENGE */
	struct spdm_transcript m; /* measurements in clear */
	struct spdm_session sessions[SPDM_MAX_SESSIONS];
};

/** Forgets everything and wipes secrets. */
void spdm_link_reset(struct spdm_link *link);
/** Appends to A. -ENOBUFS: more than any negotiation needs. */
int spdm_link_note(struct spdm_link *link, const uint8_t *bytes, size_t len);
/** Looks up the agreed algorithms. */
void spdm_link_agree(struct spdm_link *link);
/** Lengths for the messages of this connection, without what a single exchange
 * decides. */
struct spdm_format spdm_link_format(const struct spdm_link *link);
/** Whether both ends have all of @caps. */
bool spdm_link_both(const struct spdm_link *link, uint32_t caps);

/** Starts @t with A unless it has started. */
int spdm_link_begin(const struct spdm_link *link, struct spdm_transcript *t);
/** What a request does to the transcripts before it is looked at (DSP0274,
 * "M1/M2", "L1/L2"). */
void spdm_link_forget(struct spdm_link *link, struct spdm_session *session, uint8_t code);
/** The transcript of measurements that is meant. */
struct spdm_transcript *spdm_link_m(struct spdm_link *link, struct spdm_session *session);

/** Signs the hash of @t, or checks the signature. 0, -EBADMSG or -EIO. */
int spdm_link_sign(const struct spdm_link *link, const struct spdm_asym_alg *asym, const struct spdm_transcript *t,
		   const char *context, EVP_PKEY *key, uint8_t *sig);
int spdm_link_verify(const struct spdm_link *link, const struct spdm_asym_alg *asym, const struct spdm_transcript *t,
		     const char *context, EVP_PKEY *key, const uint8_t *sig);

/** A free place, or NULL. */
struct spdm_session *spdm_session_new(struct spdm_link *link);
struct spdm_session *spdm_session_find(struct spdm_link *link, uint32_t id);
/** TH1 from session->th and the keys of the handshake from @shared, which is
 * wiped. */
int spdm_session_handshake(struct spdm_link *link, struct spdm_session *session, uint8_t *shared);
/** TH2 from session->th, and the keys of the data phase. */
int spdm_session_establish(struct spdm_session *session);
/** Verify data over session->th as it is now. */
int spdm_session_verify_data(const struct spdm_session *session, bool responder, uint8_t *out);
/** Wipes the session's secrets. */
void spdm_session_end(struct spdm_session *session);

/* Opaque data of KEY_EXCHANGE: the versions of secured messages (DSP0277). */
#define SPDM_OPAQUE_REQ_LEN 20u
#define SPDM_OPAQUE_RSP_LEN 12u
void spdm_opaque_request(uint8_t out[SPDM_OPAQUE_REQ_LEN]);
void spdm_opaque_response(uint16_t version, uint8_t out[SPDM_OPAQUE_RSP_LEN]);
/** The highest version that a requester offers, or the one that a responder selected, as it stands there; 0: none that
 * aerie speaks (1.0 to 1.2). */
uint16_t spdm_opaque_offers(const uint8_t *opaque, size_t len);
uint16_t spdm_opaque_selects(const uint8_t *opaque, size_t len);

/**
 * Walks the algorithm tables of NEGOTIATE_ALGORITHMS or ALGORITHMS:
 * @masks[type] for the types that SPDM 1.2 knows (SPDM_ALG_TABLE_*), @present a
 * bit for each. -EBADMSG: they do not hold together or do not ascend.
 */
int spdm_tables_read(const uint8_t *tables, size_t len, unsigned count, uint16_t masks[8], unsigned *present);
/** Writes one table; returns its length. */
size_t spdm_table_write(uint8_t *out, uint8_t type, uint16_t mask);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key schedule (DSP0274, "Key schedule"), what is signed, and secured messages
 * (DSP0277 in PCIe's DOE binding). 0 or -errno, not logged; see spdm_crypto.h.
 */
#ifndef AERIE_SPDM_KEYS_H
#define AERIE_SPDM_KEYS_H

#include "spdm_crypto.h"

/* Keys of one direction in the present phase. */
struct spdm_direction {
	uint8_t secret[SPDM_MAX_HASH];
	uint8_t key[32];
	uint8_t iv[SPDM_SECURED_IV_LEN];
	uint64_t sequence; /* of the next message */
};

struct spdm_keys {
	uint8_t version;
	const struct spdm_hash_alg *hash;
	const struct spdm_aead_alg *aead;
	bool encrypt; /* else authentication only */
	enum spdm_binding binding;
	uint8_t handshake[SPDM_MAX_HASH];
	uint8_t finished[2][SPDM_MAX_HASH]; /* of the requester, of the responder */
	struct spdm_direction request, response;
};

/** From the shared secret and TH1 to the keys of the handshake. @keys's
 * version, algorithms and .encrypt are set. */
int spdm_keys_handshake(struct spdm_keys *keys, const uint8_t *shared, size_t len, const uint8_t *th1);
/** From the handshake to the data phase: TH2. The handshake's secrets are
 * wiped. */
int spdm_keys_data(struct spdm_keys *keys, const uint8_t *th2);
/** The next keys of one direction (KEY_UPDATE). */
int spdm_keys_update(const struct spdm_keys *keys, struct spdm_direction *direction);
/** RequesterVerifyData, or with @responder ResponderVerifyData, over the
 * transcript hash @th. */
int spdm_keys_verify_data(const struct spdm_keys *keys, bool responder, const uint8_t *th, uint8_t *out);
void spdm_keys_wipe(struct spdm_keys *keys);

/** What a signature covers: prefix, context and hash; @out has
 * SPDM_SIGN_CONTEXT_LEN + the hash's bytes. */
void spdm_sign_input(uint8_t version, const char *context, const uint8_t *hash, size_t hash_len, uint8_t *out);

#define SPDM_CONTEXT_CHALLENGE	  "responder-challenge_auth signing"
#define SPDM_CONTEXT_MEASUREMENTS "responder-measurements signing"
#define SPDM_CONTEXT_KEY_EXCHANGE "responder-key_exchange_rsp signing"
#define SPDM_CONTEXT_FINISH	  "requester-finish signing"

/** Bytes that a secured message is longer than its message. */
#define SPDM_SECURED_OVERHEAD                                                                                          \
	(SPDM_SECURED_HDR_LEN + SPDM_SECURED_MCTP_SEQ + SPDM_SECURED_APP_LEN + 1 + SPDM_SECURED_TAG_LEN)

/** The session id of a secured message; 0: too short to have one. */
uint32_t spdm_secured_session(const uint8_t *in, size_t len);
/** Seals @msg. -ENOBUFS: @cap is too small; -EOVERFLOW: 64 KiB, or the sequence
 * numbers are used up. */
int spdm_secured_seal(const struct spdm_keys *keys, struct spdm_direction *direction, uint32_t session,
		      const uint8_t *msg, size_t len, uint8_t *out, size_t cap, size_t *out_len);
/** Opens @in, which over DOE may be padded with zeroes to four bytes. -EBADMSG: not the next message of this session;
 * -ENOMSG: it is, but over MCTP it carries something else than SPDM. */
int spdm_secured_open(const struct spdm_keys *keys, struct spdm_direction *direction, const uint8_t *in, size_t len,
		      uint8_t *out, size_t cap, size_t *out_len);

#endif

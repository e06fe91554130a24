/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both ends of SPDM share: identities, trusted roots, what an end offers, what was agreed, measurements, and the
 * reasons for which a peer is refused. The ends themselves: spdm_requester.h, spdm_responder.h.
 *
 * Nothing here does I/O. Bytes from a peer are hostile; each end parses them with bounds, and no key material is ever
 * logged. One object belongs to one thread at a time.
 */
#ifndef AERIE_SPDM_H
#define AERIE_SPDM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spdm_regs.h"

#define SPDM_MAX_SLOTS	  8u
#define SPDM_MAX_SESSIONS 4u
#define SPDM_MAX_HASH	  64u
#define SPDM_MAX_SIG	  384u
#define SPDM_MAX_DHE	  512u
#define SPDM_MAX_CHAIN	  0xffffu /* a chain's length travels in 16 bits */
#define SPDM_MAX_MESSAGE  0x12000u
#define SPDM_MAX_BLOCKS	  254u

/* ---- What an end offers, and what was agreed ---- */

/* Masks of algorithms when offered; single bits (or 0) when agreed. */
struct spdm_algs {
	uint32_t asym; /* the responder's signatures */
	uint32_t hash;
	uint32_t meas_hash; /* responder only */
	uint16_t req_asym;  /* the requester's signatures, with mutual authentication */
	uint16_t dhe;
	uint16_t aead;
	uint16_t schedule;
	uint8_t meas_spec;
	uint8_t other_params;
};

/* What a connection lies on, as far as secured messages show it. */
enum spdm_binding {
	SPDM_BINDING_DOE,  /* PCIe: no sequence number, no random bytes */
	SPDM_BINDING_MCTP, /* DSP0276 */
};

#define SPDM_VERSION_BIT(version) (1u << ((version)&0xfu))

struct spdm_profile {
	uint32_t versions;	     /* mask of SPDM_VERSION_BIT() */
	uint32_t caps;		     /* SPDM_CAP_* */
	struct spdm_algs algs;	     /* preference: see spdm_alg.h */
	uint32_t data_transfer_size; /* largest message that this end takes in one piece, >= 42 */
	uint32_t max_message_size;   /* largest in chunks; the same as above without SPDM_CAP_CHUNK */
	uint8_t ct_exponent;	     /* cryptographic operations take up to 2^this us */
};

/** All versions and algorithms that aerie has, with the capabilities that make sense for a PCI function. */
struct spdm_profile spdm_profile_requester(void);
struct spdm_profile spdm_profile_responder(void);

/** Whether the flags fit each other (DSP0274, GET_CAPABILITIES and CAPABILITIES); NULL, or what is wrong. */
const char *spdm_caps_problem(uint8_t version, uint32_t caps, bool responder);

/** Names for people: "1.2", "ECDSA P-384", "SHA-384" ...; "none" for 0, "unknown" otherwise. Static strings. */
const char *spdm_version_name(uint8_t version);
const char *spdm_asym_name(uint32_t bit);
const char *spdm_hash_name(uint32_t bit);
const char *spdm_dhe_name(uint32_t bit);
const char *spdm_aead_name(uint32_t bit);

/* ---- Keys and certificates ---- */

struct evp_pkey_st; /* EVP_PKEY of OpenSSL */

/* A private key with its certificate chain, root first. */
struct spdm_identity;

/** Reads PEM files: certificates (root first or leaf first) and the leaf's key. 0 or -errno (logged). */
int spdm_identity_load(const char *chain_file, const char *key_file, struct spdm_identity **out);
/** From @ders, certificates in DER, root first; takes a reference to @key. 0 or -errno (logged). */
int spdm_identity_create(struct evp_pkey_st *key, const uint8_t *ders, size_t len, struct spdm_identity **out);
void spdm_identity_free(struct spdm_identity *id);

/* Certificates that end a chain. */
struct spdm_roots;

/** Reads a PEM file with one or more certificates. 0 or -errno (logged). */
int spdm_roots_load(const char *file, struct spdm_roots **out);
/** From certificates in DER, one after another. 0 or -errno (logged). */
int spdm_roots_create(const uint8_t *ders, size_t len, struct spdm_roots **out);
void spdm_roots_free(struct spdm_roots *roots);

/* What a device's configuration space says it is; compared with the names in its leaf certificate (PCIe 6.31.3). */
struct spdm_device_id {
	uint16_t vendor, device;
	uint32_t class_code; /* 24 bits */
	uint8_t revision;
	uint16_t subsystem_vendor, subsystem;
	bool has_serial; /* a Device Serial Number capability exists */
	uint64_t serial;
};

/* ---- Measurements ---- */

struct spdm_block {
	uint8_t index; /* 1-254 */
	uint8_t type;  /* 0 ROM, 1 mutable firmware, 2, 3 configuration, 4 manifest, 6 version, 7 SVN; bit 7: raw */
	uint16_t len;
	const uint8_t *value;
};

struct spdm_measurements {
	unsigned count;
	struct spdm_block blocks[SPDM_MAX_BLOCKS];
	uint8_t *bytes; /* owned; the blocks' values point into it */
	bool is_signed;
	uint8_t nonce[SPDM_NONCE_LEN]; /* the responder's */
};
void spdm_measurements_fini(struct spdm_measurements *m);

/* ---- Refusals ---- */

/* X(enumerator, name for scripts, what it means) */
#define SPDM_REASONS(X)                                                                                                \
	X(SPDM_OK, "ok", "nothing is wrong")                                                                           \
	X(SPDM_NO_REPLY, "no-reply", "no answer in time")                                                              \
	X(SPDM_TRANSPORT, "transport", "the transport failed")                                                         \
	X(SPDM_MALFORMED, "malformed", "an answer that breaks the standard")                                           \
	X(SPDM_PEER_ERROR, "peer-error", "the device answered with an error")                                          \
	X(SPDM_BUSY, "busy", "the device stayed busy or not ready")                                                    \
	X(SPDM_NO_VERSION, "no-common-version", "no common version")                                                   \
	X(SPDM_NO_CAPS, "capabilities", "a capability is missing or they do not fit each other")                       \
	X(SPDM_NO_ALGORITHM, "no-common-algorithm", "no common algorithm")                                             \
	X(SPDM_CHAIN_BAD, "chain-malformed", "the certificate chain cannot be read")                                   \
	X(SPDM_CHAIN_DIGEST, "chain-digest", "the chain does not match its digest")                                    \
	X(SPDM_UNKNOWN_ROOT, "unknown-root", "the chain does not end in a trusted root")                               \
	X(SPDM_EXPIRED, "certificate-expired", "a certificate is outside its validity")                                \
	X(SPDM_CHAIN_INVALID, "chain-invalid", "the chain does not verify")                                            \
	X(SPDM_LEAF_RULES, "leaf-rules", "the leaf certificate breaks the rules of SPDM or CMA")                       \
	X(SPDM_NAME_MISSING, "name-missing", "the leaf has no name for a PCI function")                                \
	X(SPDM_NAME_MISMATCH, "name-mismatch", "the leaf's name is not this function's")                               \
	X(SPDM_BAD_SIGNATURE, "bad-signature", "a signature does not verify")                                          \
	X(SPDM_BAD_NONCE, "bad-nonce", "a nonce is all zero or was used before")                                       \
	X(SPDM_BAD_MAC, "bad-mac", "verify data or an authentication tag is wrong")                                    \
	X(SPDM_SESSION_LOST, "session-lost", "the session ended")                                                      \
	X(SPDM_ORDER, "order", "the call does not fit the present state")                                              \
	X(SPDM_LOCAL, "local", "this end ran out of memory or its library failed")

enum spdm_reason {
#define X(id, name, text) id,
	SPDM_REASONS(X)
#undef X
};

/** A stable name for scripts: "unknown-root". Static. */
const char *spdm_reason_name(enum spdm_reason reason);
/** One line for people. Static. */
const char *spdm_reason_text(enum spdm_reason reason);

#endif

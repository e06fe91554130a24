/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate chains: as they travel (DSP0274, "Certificate chain format"), and
 * whether they are to be trusted. */
#ifndef AERIE_SPDM_CERT_H
#define AERIE_SPDM_CERT_H

#include <openssl/x509.h>

#include "spdm_crypto.h"

#define SPDM_MAX_CERTS 16u

struct spdm_identity {
	EVP_PKEY *key;
	uint8_t *ders; /* certificates, root first */
	size_t len;
};

struct spdm_roots {
	X509_STORE *store;
};

/* A chain as it travels: length, hash of the root, certificates. */
struct spdm_chain {
	uint8_t *blob;
	size_t len;
	size_t ders; /* where the certificates begin */
	const struct spdm_hash_alg *hash;
	bool rootless; /* the root itself is not in it, only its hash is */
	uint8_t digest[SPDM_MAX_HASH];
	EVP_PKEY *key; /* the leaf's */
	bool ok;       /* passed spdm_chain_check() */
};

/* What a leaf is checked against. */
struct spdm_chain_rules {
	const struct spdm_roots *roots;	     /* NULL: nothing is trusted */
	const struct spdm_asym_alg *asym;    /* the key must be one for it */
	const struct spdm_device_id *device; /* NULL: names are not compared */
	uint8_t version;
	bool responder; /* whose chain it is */
	int64_t now;	/* 0: the clock's */
};

/** Wraps @ders for @hash: allocates chain->blob and takes the leaf's key. 0 or
 * -errno (not logged). */
int spdm_chain_wrap(struct spdm_chain *chain, const uint8_t *ders, size_t len, const struct spdm_hash_alg *hash);

/**
 * Takes over @blob (always, even on failure), a chain of a peer. SPDM_OK,
 * SPDM_CHAIN_BAD (length, root hash, DER) or SPDM_LOCAL; nothing is trusted by
 * that. A chain may leave out its root: then the root hash speaks of a
 * certificate that only spdm_chain_check() can know.
 */
enum spdm_reason spdm_chain_read(struct spdm_chain *chain, uint8_t *blob, size_t len, const struct spdm_hash_alg *hash);

/**
 * Signatures, validity, root, the leaf's extensions and names. Sets chain->ok.
 * @why gets particulars for people
 * (@why_len bytes, always terminated).
 */
enum spdm_reason spdm_chain_check(struct spdm_chain *chain, const struct spdm_chain_rules *rules, char *why,
				  size_t why_len);
void spdm_chain_fini(struct spdm_chain *chain);

/** Parses up to SPDM_MAX_CERTS certificates that fill @ders. NULL: they do not.
 * The caller frees it with its items. */
STACK_OF(X509) * spdm_certs_parse(const uint8_t *ders, size_t len);

/** SPDM_OK, SPDM_NAME_MISSING or SPDM_NAME_MISMATCH; see struct spdm_device_id. */
enum spdm_reason spdm_cert_name(X509 *leaf, const struct spdm_device_id *device, char *why, size_t why_len);

#endif

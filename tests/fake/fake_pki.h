/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and certificates for tests of SPDM, made afresh each time: a root, an intermediate authority and a leaf. Nothing
 * of it is ever a file in this tree. Failures of libcrypto abort.
 */
#ifndef AERIE_FAKE_PKI_H
#define AERIE_FAKE_PKI_H

#include <openssl/evp.h>

#include "spdm.h"

/* The PCI function that the tests' leaf names, unless told otherwise. */
#define FAKE_PKI_NAME "Vendor=1b36:Device=0010:CC=010802:REV=02:SSVID=1af4:SSID=1100:SN=0123456789abcdef"
extern const struct spdm_device_id fake_pki_device;

struct fake_pki_options {
	uint32_t asym;	      /* SPDM_ASYM_*: the leaf's key */
	const char *name;     /* text of the PCI name; NULL: FAKE_PKI_NAME; "": none */
	bool requester;	      /* the leaf's extended key usage names the requester, else the responder */
	bool no_usage;	      /* no extended key usage */
	bool no_signature;    /* keyUsage without digitalSignature */
	bool authority;	      /* the leaf is an authority */
	bool no_constraints;  /* no basicConstraints */
	bool expired, future; /* the leaf's validity */
	bool expired_middle;  /* the intermediate's */
	bool bad_middle;      /* the intermediate is no authority */
	bool bad_signature;   /* the leaf's signature has a wrong bit */
};

struct fake_pki {
	EVP_PKEY *key; /* the leaf's */
	uint8_t *root; /* DER */
	size_t root_len;
	uint8_t *chain; /* DER, root first */
	size_t chain_len;
	struct spdm_identity *identity;
	struct spdm_roots *roots;
};

void fake_pki_make(struct fake_pki *pki, const struct fake_pki_options *options);
void fake_pki_free(struct fake_pki *pki);

/** PEM files in @folder: chain.pem, key.pem, roots.pem. */
void fake_pki_write(const struct fake_pki *pki, const char *folder);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for tests: a root, an intermediate authority, and a device's leaf by the rules of CMA (PCIe 6.31.3). */
#ifndef AERIE_ATTEST_PKI_H
#define AERIE_ATTEST_PKI_H

#include <stdbool.h>
#include <stdint.h>

struct attest_pki_config {
	uint32_t asym;	  /* SPDM_ASYM_* of the leaf; the authorities have P-384 keys */
	const char *name; /* of the PCI function in the leaf; NULL: none */
	bool expired;	  /* the leaf's validity ended a day ago */
	bool wrong_eku;	  /* the leaf may be used by SPDM requesters only */
};

/**
 * Writes root.pem, chain.pem (root first) and key.pem into the folder @dir, which is made if need be. Files are
 * replaced; the key is readable for its owner only. 0 or -errno (logged).
 */
int attest_pki_generate(const char *dir, const struct attest_pki_config *config);

#endif

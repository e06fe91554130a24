/* SPDX-License-Identifier: Apache-2.0 */
/* What a chain of certificates says, for reports. Nothing is verified here: that is the requester's. */
#ifndef AERIE_ATTEST_CERTS_H
#define AERIE_ATTEST_CERTS_H

#include <stddef.h>
#include <stdint.h>

#define ATTEST_CERT_TEXT 256u

struct attest_cert {
	char subject[ATTEST_CERT_TEXT], issuer[ATTEST_CERT_TEXT];
	char serial[64]; /* hexadecimal */
	char not_before[32], not_after[32];
	char sha256[65];	     /* of its DER */
	char name[ATTEST_CERT_TEXT]; /* the name for a PCI function (PCIe 6.31.3), "": none */
	const uint8_t *der;	     /* inside the chain */
	size_t der_len;
};

/** Reads the first certificate of *@der; moves *@der and *@len behind it. 0 or -EBADMSG. */
int attest_cert_next(const uint8_t **der, size_t *len, struct attest_cert *out);

#endif

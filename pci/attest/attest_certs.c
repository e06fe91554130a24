/* SPDX-License-Identifier: Apache-2.0 */
#include "attest_certs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* otherName of a PCI function in the subject alternative name (PCI-SIG, 2.23.147). */
#define CMA_NAME_OID "2.23.147"

static void put_name(const X509_NAME *name, char out[ATTEST_CERT_TEXT])
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = -1;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
		n = BIO_read(bio, out, (int)ATTEST_CERT_TEXT - 1);
	out[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
}

static void put_time(const ASN1_TIME *time, char out[32])
{
	struct tm tm;

	out[0] = '\0';
	if (time && ASN1_TIME_to_tm(time, &tm) == 1)
		strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void put_serial(const ASN1_INTEGER *serial, char out[64])
{
	BIGNUM *n = ASN1_INTEGER_to_BN(serial, NULL);
	char *hex = n ? BN_bn2hex(n) : NULL;

	snprintf(out, 64, "%s", hex ? hex : "");
	OPENSSL_free(hex);
	BN_free(n);
}

static void put_cma_name(const X509 *cert, char out[ATTEST_CERT_TEXT])
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int n = names ? sk_GENERAL_NAME_num(names) : 0;
	char oid[64];

	out[0] = '\0';
	for (int i = 0; i < n && !out[0]; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		const ASN1_STRING *text;

		if (name->type != GEN_OTHERNAME || name->d.otherName->value->type != V_ASN1_UTF8STRING)
			continue;
		OBJ_obj2txt(oid, sizeof(oid), name->d.otherName->type_id, 1);
		text = name->d.otherName->value->value.utf8string;
		if (strcmp(oid, CMA_NAME_OID) == 0)
			snprintf(out, ATTEST_CERT_TEXT, "%.*s", ASN1_STRING_length(text), ASN1_STRING_get0_data(text));
	}
	GENERAL_NAMES_free(names);
	/* It goes to terminals and files. */
	for (char *c = out; *c; c++)
		if (*c < ' ' || *c == 0x7f)
			*c = '?';
}

int attest_cert_next(const uint8_t **der, size_t *len, struct attest_cert *out)
{
	const uint8_t *start = *der;
	X509 *cert = *len > 0 ? d2i_X509(NULL, der, (long)*len) : NULL;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!cert)
		return -EBADMSG;
	*out = (struct attest_cert){.der = start, .der_len = (size_t)(*der - start)};
	*len -= out->der_len;
	put_name(X509_get_subject_name(cert), out->subject);
	put_name(X509_get_issuer_name(cert), out->issuer);
	put_serial(X509_get0_serialNumber(cert), out->serial);
	put_time(X509_get0_notBefore(cert), out->not_before);
	put_time(X509_get0_notAfter(cert), out->not_after);
	put_cma_name(cert, out->name);
	if (EVP_Digest(start, out->der_len, digest, &n, EVP_sha256(), NULL) == 1)
		for (unsigned i = 0; i < n && i < 32; i++)
			snprintf(out->sha256 + (size_t)i * 2, 3, "%02x", digest[i]);
	X509_free(cert);
	return 0;
}

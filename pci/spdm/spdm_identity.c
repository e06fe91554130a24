/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, chains and roots from files. */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "spdm_cert.h"

/* Files of certificates are small; more is a mistake, /dev/zero for example. */
#define MAX_PEM (1 << 20)

static int no_memory(void)
{
	return log_fail(-ENOMEM, "cannot keep certificates: out of memory");
}

STACK_OF(X509) * spdm_certs_parse(const uint8_t *ders, size_t len)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	const uint8_t *at = ders, *end = ders + len;

	while (certs && at < end) {
		X509 *cert = d2i_X509(NULL, &at, end - at);

		if (!cert || sk_X509_num(certs) == (int)SPDM_MAX_CERTS || !sk_X509_push(certs, cert)) {
			X509_free(cert);
			sk_X509_pop_free(certs, X509_free);
			certs = NULL;
		}
	}
	ERR_clear_error();
	if (certs && sk_X509_num(certs) == 0) {
		sk_X509_free(certs);
		certs = NULL;
	}
	return certs;
}

/* Without a passphrase prompt: a daemon has nobody to ask. */
static int no_passphrase(char *buf, int size, int rwflag, void *opaque)
{
	return -1;
}

static STACK_OF(X509) * read_pem_certs(const char *file)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	BIO *bio = BIO_new_file(file, "r");

	while (bio && certs && sk_X509_num(certs) <= (int)SPDM_MAX_CERTS * 8 && BIO_tell(bio) < MAX_PEM) {
		X509 *cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);

		if (!cert)
			break;
		if (!sk_X509_push(certs, cert)) {
			X509_free(cert);
			break;
		}
	}
	BIO_free(bio);
	ERR_clear_error();
	if (certs && sk_X509_num(certs) == 0) {
		sk_X509_free(certs);
		certs = NULL;
	}
	return certs;
}

/* Certificates as DER, one after another; @reverse turns a chain round. */
static int to_ders(STACK_OF(X509) * certs, bool reverse, uint8_t **out, size_t *out_len)
{
	int count = sk_X509_num(certs);
	size_t len = 0;
	uint8_t *at;

	for (int i = 0; i < count; i++)
		len += (size_t)i2d_X509(sk_X509_value(certs, i), NULL);
	at = *out = malloc(len);
	if (!at)
		return no_memory();
	for (int i = 0; i < count; i++)
		i2d_X509(sk_X509_value(certs, reverse ? count - 1 - i : i), &at);
	*out_len = len;
	return 0;
}

static bool is_root_last(STACK_OF(X509) * certs)
{
	int last = sk_X509_num(certs) - 1;

	return last > 0 && X509_check_issued(sk_X509_value(certs, last), sk_X509_value(certs, last - 1)) == X509_V_OK;
}

int spdm_identity_create(struct evp_pkey_st *key, const uint8_t *ders, size_t len, struct spdm_identity **out)
{
	STACK_OF(X509) *certs = spdm_certs_parse(ders, len);
	struct spdm_identity *id;
	bool rooted;
	int matches;

	if (!certs)
		return log_fail(-EINVAL, "an identity needs 1 to %u certificates in DER and nothing else",
				SPDM_MAX_CERTS);
	rooted = X509_check_issued(sk_X509_value(certs, 0), sk_X509_value(certs, 0)) == X509_V_OK;
	matches = X509_check_private_key(sk_X509_value(certs, sk_X509_num(certs) - 1), key);
	sk_X509_pop_free(certs, X509_free);
	ERR_clear_error();
	if (!rooted)
		return log_fail(-EINVAL,
				"the chain must have its root certificate, which signs itself, at one end: its "
				"hash goes in front of the chain");
	if (matches != 1)
		return log_fail(-EINVAL, "the private key is not that of the chain's leaf certificate");
	if (!spdm_key_asym(key))
		return log_fail(-EINVAL, "the private key is of no kind that SPDM can use "
					 "here: P-256, P-384, RSA of 3072 "
					 "bits, Ed25519");
	id = calloc(1, sizeof(*id));
	if (id)
		id->ders = malloc(len);
	if (!id || !id->ders) {
		free(id);
		return no_memory();
	}
	memcpy(id->ders, ders, len);
	id->len = len;
	EVP_PKEY_up_ref(key);
	id->key = key;
	*out = id;
	return 0;
}

int spdm_identity_load(const char *chain_file, const char *key_file, struct spdm_identity **out)
{
	STACK_OF(X509) *certs = read_pem_certs(chain_file);
	BIO *bio = BIO_new_file(key_file, "r");
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	uint8_t *ders = NULL;
	size_t len = 0;
	int rc;

	BIO_free(bio);
	ERR_clear_error();
	if (!certs)
		rc = log_fail(-EINVAL,
			      "no certificate in %s: it must exist and hold PEM "
			      "certificates, root to leaf",
			      chain_file);
	else if (!key)
		rc = log_fail(-EINVAL,
			      "no private key in %s: it must exist and hold one in PEM, "
			      "without a passphrase",
			      key_file);
	else
		rc = to_ders(certs, is_root_last(certs), &ders, &len);
	if (!rc)
		rc = spdm_identity_create(key, ders, len, out);
	free(ders);
	EVP_PKEY_free(key);
	sk_X509_pop_free(certs, X509_free);
	return rc;
}

void spdm_identity_free(struct spdm_identity *id)
{
	if (!id)
		return;
	EVP_PKEY_free(id->key);
	free(id->ders);
	free(id);
}

static int roots_from(STACK_OF(X509) * certs, struct spdm_roots **out)
{
	struct spdm_roots *roots = calloc(1, sizeof(*roots));

	if (roots)
		roots->store = X509_STORE_new();
	for (int i = 0; roots && roots->store && i < sk_X509_num(certs); i++)
		X509_STORE_add_cert(roots->store, sk_X509_value(certs, i));
	ERR_clear_error();
	if (!roots || !roots->store) {
		free(roots);
		return no_memory();
	}
	*out = roots;
	return 0;
}

int spdm_roots_create(const uint8_t *ders, size_t len, struct spdm_roots **out)
{
	STACK_OF(X509) *certs = spdm_certs_parse(ders, len);
	int rc = certs ? roots_from(certs, out) : log_fail(-EINVAL, "trusted roots must be certificates in DER");

	sk_X509_pop_free(certs, X509_free);
	return rc;
}

int spdm_roots_load(const char *file, struct spdm_roots **out)
{
	STACK_OF(X509) *certs = read_pem_certs(file);
	int rc = certs ? roots_from(certs, out)
		       : log_fail(-EINVAL,
				  "no certificate in %s: it must exist and hold the "
				  "trusted roots in PEM",
				  file);

	sk_X509_pop_free(certs, X509_free);
	return rc;
}

void spdm_roots_free(struct spdm_roots *roots)
{
	if (!roots)
		return;
	X509_STORE_free(roots->store);
	free(roots);
}

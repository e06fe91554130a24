/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_pki.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY 86400L

const struct spdm_device_id fake_pki_device = {
	.vendor = 0x1b36,
	.device = 0x0010,
	.class_code = 0x010802,
	.revision = 2,
	.subsystem_vendor = 0x1af4,
	.subsystem = 0x1100,
	.has_serial = true,
	.serial = UINT64_C(0x0123456789abcdef),
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static EVP_PKEY *make_key(uint32_t asym)
{
	EVP_PKEY *key = NULL;

	switch (asym) {
	case SPDM_ASYM_P256:
		key = EVP_EC_gen("P-256");
		break;
	case SPDM_ASYM_ED25519:
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		break;
	case SPDM_ASYM_RSASSA_3072:
	case SPDM_ASYM_RSAPSS_3072:
		key = EVP_RSA_gen(3072);
		break;
	default:
		key = EVP_EC_gen("P-384");
		break;
	}
	must(key);
	return key;
}

static void add_extension(X509 *cert, const char *name, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_nconf(NULL, NULL, name, value);

	must(ext && X509_add_ext(cert, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

static X509 *new_cert(const char *name, EVP_PKEY *key, X509 *issuer, long from, long to)
{
	static long serial;
	X509 *cert = X509_new();
	X509_NAME *subject;

	must(cert && X509_set_version(cert, X509_VERSION_3) == 1);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), from);
	X509_gmtime_adj(X509_getm_notAfter(cert), to);
	subject = X509_get_subject_name(cert);
	must(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) == 1);
	must(X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : subject) == 1);
	must(X509_set_pubkey(cert, key) == 1);
	return cert;
}

static void sign_cert(X509 *cert, EVP_PKEY *key)
{
	must(X509_sign(cert, key, EVP_sha256()) > 0);
}

static void leaf_extensions(X509 *leaf, const struct fake_pki_options *o)
{
	const char *name = o->name ? o->name : FAKE_PKI_NAME;
	char text[400];

	if (!o->no_constraints)
		add_extension(leaf, "basicConstraints", o->authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
	add_extension(leaf, "keyUsage", o->no_signature ? "critical,keyEncipherment" : "critical,digitalSignature");
	if (!o->no_usage)
		add_extension(leaf, "extendedKeyUsage",
			      o->requester ? "1.3.6.1.4.1.412.274.4" : "1.3.6.1.4.1.412.274.3");
	if (*name) {
		snprintf(text, sizeof(text), "otherName:2.23.147;UTF8:%s", name);
		add_extension(leaf, "subjectAltName", text);
	}
}

static uint8_t *append(uint8_t *at, X509 *cert)
{
	must(i2d_X509(cert, &at) > 0);
	return at;
}

/* The last byte of a certificate is one of its signature. */
static void to_der(struct fake_pki *pki, X509 *root, X509 *middle, X509 *leaf, bool bad_signature)
{
	uint8_t *at;

	pki->root_len = (size_t)i2d_X509(root, NULL);
	pki->chain_len = pki->root_len + (size_t)i2d_X509(middle, NULL) + (size_t)i2d_X509(leaf, NULL);
	pki->chain = malloc(pki->chain_len);
	must(pki->chain);
	at = append(append(append(pki->chain, root), middle), leaf);
	pki->root = pki->chain;
	if (bad_signature)
		at[-1] ^= 1;
}

void fake_pki_make(struct fake_pki *pki, const struct fake_pki_options *o)
{
	EVP_PKEY *root_key = make_key(SPDM_ASYM_P256), *middle_key = make_key(SPDM_ASYM_P256);
	X509 *root = new_cert("root", root_key, NULL, -DAY, 3650 * DAY);
	X509 *middle = new_cert("middle", middle_key, root, -DAY, o->expired_middle ? -10 : 365 * DAY), *leaf;

	*pki = (struct fake_pki){.key = make_key(o->asym)};
	add_extension(root, "basicConstraints", "critical,CA:TRUE");
	add_extension(root, "keyUsage", "critical,keyCertSign");
	sign_cert(root, root_key);
	add_extension(middle, "basicConstraints", o->bad_middle ? "critical,CA:FALSE" : "critical,CA:TRUE");
	add_extension(middle, "keyUsage", "critical,keyCertSign");
	sign_cert(middle, root_key);
	leaf = new_cert("leaf", pki->key, middle, o->future ? DAY : -DAY, o->expired ? -10 : 30 * DAY);
	leaf_extensions(leaf, o);
	sign_cert(leaf, middle_key);
	to_der(pki, root, middle, leaf, o->bad_signature);
	must(!spdm_identity_create(pki->key, pki->chain, pki->chain_len, &pki->identity));
	must(!spdm_roots_create(pki->root, pki->root_len, &pki->roots));
	X509_free(root);
	X509_free(middle);
	X509_free(leaf);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(middle_key);
}

void fake_pki_free(struct fake_pki *pki)
{
	spdm_identity_free(pki->identity);
	spdm_roots_free(pki->roots);
	EVP_PKEY_free(pki->key);
	free(pki->chain);
}

static FILE *create(const char *folder, const char *name)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	must(file);
	return file;
}

void fake_pki_write(const struct fake_pki *pki, const char *folder)
{
	FILE *chain = create(folder, "chain.pem"), *roots = create(folder, "roots.pem"),
	     *key = create(folder, "key.pem");
	const uint8_t *at = pki->chain, *end = at + pki->chain_len;

	while (at < end) {
		bool is_root = at == pki->root;
		X509 *cert = d2i_X509(NULL, &at, end - at);

		must(cert && PEM_write_X509(chain, cert) == 1);
		if (is_root)
			must(PEM_write_X509(roots, cert) == 1);
		X509_free(cert);
	}
	must(PEM_write_PrivateKey(key, pki->key, NULL, NULL, 0, NULL, NULL) == 1);
	must(!fclose(chain) && !fclose(roots) && !fclose(key));
}

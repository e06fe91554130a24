/* SPDX-License-Identifier: Apache-2.0 */
#include "attest_pki.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "log.h"
#include "spdm_regs.h"

#define DAY_S		   86400L
#define EKU_SPDM_DEVICE	   "1.3.6.1.4.1.412.274.3" /* DSP0274: SPDM responder authentication */
#define EKU_SPDM_REQUESTER "1.3.6.1.4.1.412.274.4"
#define NAME_OF_FUNCTION   "otherName:2.23.147;UTF8:%s"

/* One certificate to be made. */
struct wanted {
	const char *subject;
	EVP_PKEY *key, *issuer_key;
	const X509 *issuer; /* NULL: itself */
	bool authority;
	long from_s, until_s; /* relative to now */
	const char *eku, *san;
};

static EVP_PKEY *make_key(uint32_t asym)
{
	switch (asym) {
	case SPDM_ASYM_P256:
		return EVP_EC_gen("P-256");
	case SPDM_ASYM_P384:
		return EVP_EC_gen("P-384");
	case SPDM_ASYM_RSASSA_3072:
	case SPDM_ASYM_RSAPSS_3072:
		return EVP_RSA_gen(3072);
	case SPDM_ASYM_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	default:
		return NULL;
	}
}

static bool add_extension(X509 *cert, const X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, (X509 *)(uintptr_t)issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

static bool set_serial(X509 *cert)
{
	uint64_t serial;

	return RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1 &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1 | 1) == 1;
}

static bool fill(X509 *cert, const struct wanted *w)
{
	const X509 *issuer = w->issuer ? w->issuer : cert;
	X509_NAME *name = X509_get_subject_name(cert);

	if (X509_set_version(cert, 2) != 1 || !set_serial(cert) ||
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)w->subject, -1, -1, 0) != 1 ||
	    X509_set_issuer_name(cert, X509_get_subject_name(issuer)) != 1 || X509_set_pubkey(cert, w->key) != 1 ||
	    !X509_gmtime_adj(X509_getm_notBefore(cert), w->from_s) ||
	    !X509_gmtime_adj(X509_getm_notAfter(cert), w->until_s))
		return false;
	if (!add_extension(cert, issuer, NID_basic_constraints,
			   w->authority ? "critical,CA:TRUE" : "critical,CA:FALSE") ||
	    !add_extension(cert, issuer, NID_key_usage,
			   w->authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") ||
	    !add_extension(cert, issuer, NID_subject_key_identifier, "hash"))
		return false;
	if (w->eku && !add_extension(cert, issuer, NID_ext_key_usage, w->eku))
		return false;
	return !w->san || add_extension(cert, issuer, NID_subject_alt_name, w->san);
}

static X509 *make_cert(const struct wanted *w)
{
	const EVP_MD *md = EVP_PKEY_is_a(w->issuer_key, "ED25519") ? NULL : EVP_sha384();
	X509 *cert = X509_new();

	if (cert && fill(cert, w) && X509_sign(cert, w->issuer_key, md) > 0)
		return cert;
	X509_free(cert);
	return NULL;
}

static FILE *create(const char *dir, const char *name, mode_t mode)
{
	char path[4096];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	return fd < 0 ? NULL : fdopen(fd, "w");
}

static int write_files(const char *dir, X509 *const certs[3], EVP_PKEY *key)
{
	FILE *root = create(dir, "root.pem", 0644), *chain = create(dir, "chain.pem", 0644),
	     *secret = create(dir, "key.pem", 0600);
	bool ok = root && chain && secret;
	int err = errno;

	ok = ok && PEM_write_X509(root, certs[0]) == 1;
	for (unsigned i = 0; i < 3; i++)
		ok = ok && PEM_write_X509(chain, certs[i]) == 1;
	ok = ok && PEM_write_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) == 1;
	FILE *const files[] = {root, chain, secret};

	for (unsigned i = 0; i < 3; i++)
		if (files[i] && fclose(files[i]) != 0) {
			err = errno;
			ok = false;
		}
	return ok ? 0
		  : log_fail(err ? -err : -EIO, "cannot write the certificates into %s: %s", dir,
			     strerror(err ? err : EIO));
}

int attest_pki_generate(const char *dir, const struct attest_pki_config *config)
{
	EVP_PKEY *root_key = make_key(SPDM_ASYM_P384), *mid_key = make_key(SPDM_ASYM_P384),
		 *key = make_key(config->asym);
	X509 *certs[3] = {NULL};
	char san[512], root_name[64];
	uint32_t run = 0;
	int err = -EIO;

	/* Roots of different runs have different names, or a verifier would only say that a signature is wrong. */
	RAND_bytes((unsigned char *)&run, sizeof(run));
	snprintf(root_name, sizeof(root_name), "aerie test root %08x", run);
	snprintf(san, sizeof(san), NAME_OF_FUNCTION, config->name ? config->name : "");
	if (root_key && mid_key && key) {
		certs[0] = make_cert(
			&(struct wanted){root_name, root_key, root_key, NULL, true, -DAY_S, 3650 * DAY_S, NULL, NULL});
		certs[1] = certs[0] ? make_cert(&(struct wanted){"aerie test authority", mid_key, root_key, certs[0],
								 true, -DAY_S, 3650 * DAY_S, NULL, NULL})
				    : NULL;
		certs[2] =
			certs[1] ? make_cert(&(struct wanted){"aerie test device", key, mid_key, certs[1], false,
							      -30 * DAY_S, config->expired ? -DAY_S : 3650 * DAY_S,
							      config->wrong_eku ? EKU_SPDM_REQUESTER : EKU_SPDM_DEVICE,
							      config->name ? san : NULL})
				 : NULL;
	}
	if (!certs[2])
		log_error("cannot make certificates: libcrypto: %s", ERR_reason_error_string(ERR_peek_last_error()));
	else if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		err = log_fail(-errno, "cannot make the folder %s: %s", dir, strerror(errno));
	else
		err = write_files(dir, certs, key);
	for (unsigned i = 0; i < 3; i++)
		X509_free(certs[i]);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(mid_key);
	EVP_PKEY_free(key);
	return err;
}

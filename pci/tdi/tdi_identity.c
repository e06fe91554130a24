/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An identity for an endpoint that was given none: made at start, P-384, a root and a leaf by the rules of CMA (PCIe
 * 6.1, 6.31.3). It proves nothing to anybody who does not take the root on trust, and is gone with the process.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "tdi_priv.h"

#define VALID_DAYS 3650
#define DER_MAX	   4096u

#define OID_SPDM_RESPONDER "1.3.6.1.4.1.412.274.3"
#define OID_CMA_NAME	   "2.23.147"

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool ok = ext && X509_add_ext(cert, ext, -1);

	X509_EXTENSION_free(ext);
	return ok;
}

static X509 *new_certificate(EVP_PKEY *key, const char *name, const X509 *issuer, long serial)
{
	X509 *cert = X509_new();
	X509_NAME *subject = cert ? X509_get_subject_name(cert) : NULL;

	if (!cert || !X509_set_version(cert, X509_VERSION_3) ||
	    !ASN1_INTEGER_set(X509_get_serialNumber(cert), serial) || !X509_gmtime_adj(X509_getm_notBefore(cert), 0) ||
	    !X509_time_adj_ex(X509_getm_notAfter(cert), VALID_DAYS, 0, NULL) || !X509_set_pubkey(cert, key) ||
	    !X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) ||
	    !X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : subject)) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

/* The text that a requester compares with config space. */
static void function_name(const struct pci_function *fn, char *text, size_t cap)
{
	const struct pci_cfg *cfg = &fn->cfg;

	snprintf(text, cap,
		 "otherName:" OID_CMA_NAME ";UTF8:Vendor=%04x:Device=%04x:CC=%06x:REV=%02x:SSVID=%04x:SSID=%04x",
		 pci_cfg_get(cfg, PCI_VENDOR_ID, 2), pci_cfg_get(cfg, PCI_DEVICE_ID, 2),
		 pci_cfg_get(cfg, PCI_CLASS_REVISION, 4) >> 8, pci_cfg_get(cfg, PCI_REVISION_ID, 1),
		 pci_cfg_get(cfg, PCI_SUBSYSTEM_VENDOR_ID, 2), pci_cfg_get(cfg, PCI_SUBSYSTEM_ID, 2));
}

static bool sign_root(X509 *root, EVP_PKEY *key)
{
	return root && add_extension(root, NID_basic_constraints, "critical,CA:TRUE") &&
	       add_extension(root, NID_key_usage, "critical,keyCertSign,cRLSign") && X509_sign(root, key, EVP_sha384());
}

static bool sign_leaf(X509 *leaf, EVP_PKEY *root_key, const char *name)
{
	return leaf && add_extension(leaf, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(leaf, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(leaf, NID_ext_key_usage, OID_SPDM_RESPONDER) &&
	       add_extension(leaf, NID_subject_alt_name, name) && X509_sign(leaf, root_key, EVP_sha384());
}

static size_t put_der(const X509 *cert, uint8_t *ders, size_t at)
{
	uint8_t *end = ders + at;
	int len = i2d_X509(cert, NULL);

	if (len <= 0 || (size_t)len > DER_MAX - at)
		return 0;
	i2d_X509(cert, &end);
	return at + (size_t)len;
}

int tdi_identity_make(struct pci_tdi *tdi)
{
	EVP_PKEY *root_key = EVP_EC_gen("P-384"), *key = EVP_EC_gen("P-384");
	X509 *root = NULL, *leaf = NULL;
	uint8_t ders[DER_MAX];
	char name[160];
	size_t len = 0;
	int err = -ENOMEM;

	function_name(&tdi->ep->fn, name, sizeof(name));
	if (root_key && key) {
		root = new_certificate(root_key, "aerie test endpoint root", NULL, 1);
		leaf = root ? new_certificate(key, "aerie test endpoint", root, 2) : NULL;
	}
	if (sign_root(root, root_key) && sign_leaf(leaf, root_key, name))
		len = put_der(root, ders, 0);
	if (len > 0)
		len = put_der(leaf, ders, len);
	if (len > 0)
		err = spdm_identity_create(key, ders, len, &tdi->identity);
	else
		log_fail(err, "%s: libcrypto cannot make an identity for it", tdi->ep->fn.name);
	X509_free(leaf);
	X509_free(root);
	EVP_PKEY_free(key);
	EVP_PKEY_free(root_key);
	return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spdm_cert.h"
#include "spdm_msg.h"

#define CHAIN_HEADER 4u /* u16 length, u16 reserved */

/* Object identifiers of DMTF (1.3.6.1.4.1.412.274) that may stand in an
 * extended key usage */
#define OID_RESPONDER_AUTH "1.3.6.1.4.1.412.274.3"
#define OID_REQUESTER_AUTH "1.3.6.1.4.1.412.274.4"

/* The last certificate's key; -EINVAL: not certificates. */
static int take_leaf_key(struct spdm_chain *chain)
{
	STACK_OF(X509) *certs = spdm_certs_parse(chain->blob + chain->ders, chain->len - chain->ders);

	if (!certs)
		return -EINVAL;
	chain->key = X509_get_pubkey(sk_X509_value(certs, sk_X509_num(certs) - 1));
	sk_X509_pop_free(certs, X509_free);
	ERR_clear_error();
	return chain->key ? 0 : -EINVAL;
}

/* The length of the first certificate in @ders; 0: it is none. */
static size_t first_length(const uint8_t *ders, size_t len)
{
	const uint8_t *at = ders;
	X509 *cert = d2i_X509(NULL, &at, (long)len);

	X509_free(cert);
	ERR_clear_error();
	return cert ? (size_t)(at - ders) : 0;
}

int spdm_chain_wrap(struct spdm_chain *chain, const uint8_t *ders, size_t len, const struct spdm_hash_alg *hash)
{
	size_t root = first_length(ders, len);
	int rc;

	*chain = (struct spdm_chain){
		.ders = CHAIN_HEADER + hash->len, .len = CHAIN_HEADER + hash->len + len, .hash = hash};
	if (!root || chain->len > SPDM_MAX_CHAIN)
		return -EINVAL;
	chain->blob = malloc(chain->len);
	if (!chain->blob)
		return -ENOMEM;
	spdm_put_le(chain->blob, CHAIN_HEADER, (uint32_t)chain->len);
	memcpy(chain->blob + chain->ders, ders, len);
	rc = spdm_hash(hash, ders, root, chain->blob + CHAIN_HEADER);
	if (!rc)
		rc = spdm_hash(hash, chain->blob, chain->len, chain->digest);
	if (!rc)
		rc = take_leaf_key(chain);
	if (rc)
		spdm_chain_fini(chain);
	return rc;
}

/* Whether the first certificate in @ders is one that signs itself, as a root does. */
static bool begins_with_root(const uint8_t *ders, size_t len)
{
	const uint8_t *at = ders;
	X509 *cert = d2i_X509(NULL, &at, (long)len);
	bool own = cert && X509_check_issued(cert, cert) == X509_V_OK;

	X509_free(cert);
	ERR_clear_error();
	return own;
}

enum spdm_reason spdm_chain_read(struct spdm_chain *chain, uint8_t *blob, size_t len, const struct spdm_hash_alg *hash)
{
	uint8_t digest[SPDM_MAX_HASH];
	size_t root;

	*chain = (struct spdm_chain){.blob = blob, .len = len, .ders = CHAIN_HEADER + hash->len, .hash = hash};
	if (len <= chain->ders || spdm_get_le(blob, 2) != len)
		return SPDM_CHAIN_BAD;
	root = first_length(blob + chain->ders, len - chain->ders);
	if (!root || take_leaf_key(chain))
		return SPDM_CHAIN_BAD;
	if (spdm_hash(hash, blob + chain->ders, root, digest) || spdm_hash(hash, blob, len, chain->digest))
		return SPDM_LOCAL;
	if (memcmp(digest, blob + CHAIN_HEADER, hash->len) == 0)
		return SPDM_OK;
	chain->rootless = !begins_with_root(blob + chain->ders, root);
	return chain->rootless ? SPDM_OK : SPDM_CHAIN_BAD;
}

void spdm_chain_fini(struct spdm_chain *chain)
{
	free(chain->blob);
	EVP_PKEY_free(chain->key);
	*chain = (struct spdm_chain){0};
}

static enum spdm_reason reason_of(int error)
{
	switch (error) {
	case X509_V_OK:
		return SPDM_OK;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return SPDM_UNKNOWN_ROOT;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return SPDM_EXPIRED;
	default:
		return SPDM_CHAIN_INVALID;
	}
}

/*
 * DSP0274, "Certificates and certificate chains": each certificate is signed by the one before it, the first one by the
 * root unless it is the root. So the verified path is the chain, the other way round, with nothing left over.
 */
static bool is_path(X509_STORE_CTX *ctx, STACK_OF(X509) * certs, X509 *root)
{
	STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(ctx);
	int count = sk_X509_num(certs), len = sk_X509_num(path);

	if (len < count || len > count + 1 || X509_cmp(sk_X509_value(path, len - 1), root))
		return false;
	for (int i = 0; i < count; i++)
		if (X509_cmp(sk_X509_value(path, i), sk_X509_value(certs, count - 1 - i)))
			return false;
	return true;
}

/*
 * The trusted certificate whose hash the chain names as its root's, or NULL. Names prove nothing: another root of the
 * same name is an unknown one, not a bad signature.
 */
static X509 *find_root(X509_STORE *store, const struct spdm_chain *chain)
{
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
	uint8_t digest[SPDM_MAX_HASH];
	unsigned len;

	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509 *known = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));

		if (known && X509_digest(known, spdm_hash_md(chain->hash), digest, &len) == 1 &&
		    memcmp(digest, chain->blob + CHAIN_HEADER, len) == 0)
			return known;
	}
	return NULL;
}

static enum spdm_reason verify_path(STACK_OF(X509) * certs, const struct spdm_chain_rules *rules, X509 *root, char *why,
				    size_t why_len)
{
	X509 *leaf = sk_X509_value(certs, sk_X509_num(certs) - 1);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	enum spdm_reason reason = SPDM_LOCAL;
	X509_VERIFY_PARAM *param;
	int error;

	if (!ctx || X509_STORE_CTX_init(ctx, rules->roots->store, leaf, certs) != 1)
		goto out;
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_auth_level(param, 2); /* 112 bits: no SHA-1, no short RSA */
	X509_VERIFY_PARAM_set_depth(param, (int)SPDM_MAX_CERTS);
	if (rules->now)
		X509_VERIFY_PARAM_set_time(param, rules->now);
	if (X509_verify_cert(ctx) != 1) {
		error = X509_STORE_CTX_get_error(ctx);
		snprintf(why, why_len, "certificate %d from the leaf: %s", X509_STORE_CTX_get_error_depth(ctx),
			 X509_verify_cert_error_string(error));
		reason = error == X509_V_OK ? SPDM_CHAIN_INVALID : reason_of(error);
	} else if (!is_path(ctx, certs, root)) {
		snprintf(why, why_len, "its certificates are not each signed by the one before, from the root on");
		reason = SPDM_CHAIN_INVALID;
	} else {
		reason = SPDM_OK;
	}
out:
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return reason;
}

/* Extended key usage: if the leaf names purposes of SPDM, the one of this end
 * must be among them. */
static bool purpose_ok(X509 *leaf, bool responder)
{
	EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(leaf, NID_ext_key_usage, NULL, NULL);
	bool named = false, right = false;
	char oid[80];

	for (int i = 0; usages && i < sk_ASN1_OBJECT_num(usages); i++) {
		OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(usages, i), 1);
		if (!strcmp(oid, responder ? OID_RESPONDER_AUTH : OID_REQUESTER_AUTH))
			right = true;
		if (!strcmp(oid, OID_RESPONDER_AUTH) || !strcmp(oid, OID_REQUESTER_AUTH))
			named = true;
	}
	EXTENDED_KEY_USAGE_free(usages);
	return right || !named;
}

/* DSP0274, "Leaf certificate": NULL, or the rule that is broken. */
static const char *leaf_problem(X509 *leaf, const struct spdm_chain_rules *rules, EVP_PKEY *key)
{
	uint32_t flags = X509_get_extension_flags(leaf);

	if (X509_get_version(leaf) != X509_VERSION_3)
		return "it is not an X.509 v3 certificate";
	if (flags & EXFLAG_INVALID)
		return "it has extensions that cannot be read";
	if (rules->version >= SPDM_VERSION_13 && !(flags & EXFLAG_BCONS))
		return "basicConstraints is missing";
	if (flags & EXFLAG_CA)
		return "it is the certificate of an authority (basicConstraints CA:TRUE)";
	if (!(flags & EXFLAG_KUSAGE) || !(X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE))
		return "keyUsage lacks digitalSignature";
	if (!spdm_key_fits(rules->asym, key))
		return "its key is not one for the negotiated signature algorithm";
	if (!purpose_ok(leaf, rules->responder))
		return "extendedKeyUsage names the other end of SPDM";
	return NULL;
}

enum spdm_reason spdm_chain_check(struct spdm_chain *chain, const struct spdm_chain_rules *rules, char *why,
				  size_t why_len)
{
	STACK_OF(X509) *certs = spdm_certs_parse(chain->blob + chain->ders, chain->len - chain->ders);
	enum spdm_reason reason = SPDM_CHAIN_BAD;
	const char *problem;
	X509 *leaf, *root;

	chain->ok = false;
	snprintf(why, why_len, "%s", "");
	if (!certs)
		return reason;
	leaf = sk_X509_value(certs, sk_X509_num(certs) - 1);
	root = rules->roots ? find_root(rules->roots->store, chain) : NULL;
	if (!root) {
		snprintf(why, why_len, "%s",
			 rules->roots ? "the chain's root certificate is not among the trusted roots"
				      : "no trusted roots are given");
		reason = SPDM_UNKNOWN_ROOT;
	} else {
		reason = verify_path(certs, rules, root, why, why_len);
	}
	problem = reason == SPDM_OK ? leaf_problem(leaf, rules, chain->key) : NULL;
	if (problem) {
		snprintf(why, why_len, "%s", problem);
		reason = SPDM_LEAF_RULES;
	}
	if (reason == SPDM_OK && rules->device)
		reason = spdm_cert_name(leaf, rules->device, why, why_len);
	chain->ok = reason == SPDM_OK;
	sk_X509_pop_free(certs, X509_free);
	return reason;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "spdm_link.h"

#include <errno.h>
#include <string.h>

void spdm_session_end(struct spdm_session *session)
{
	spdm_transcript_reset(&session->th);
	spdm_transcript_reset(&session->m);
	OPENSSL_cleanse(session, sizeof(*session));
}

void spdm_link_reset(struct spdm_link *link)
{
	enum spdm_binding binding = link->binding;

	for (unsigned i = 0; i < SPDM_MAX_SESSIONS; i++)
		spdm_session_end(&link->sessions[i]);
	spdm_transcript_reset(&link->b);
	spdm_transcript_reset(&link->m);
	memset(link, 0, sizeof(*link));
	link->binding = binding;
}

int spdm_link_note(struct spdm_link *link, const uint8_t *bytes, size_t len)
{
	if (len > SPDM_MAX_VCA - link->vca_len)
		return -ENOBUFS;
	memcpy(link->vca + link->vca_len, bytes, len);
	link->vca_len += len;
	return 0;
}

void spdm_link_agree(struct spdm_link *link)
{
	link->hash = spdm_hash_find(link->algs.hash);
	link->asym = spdm_asym_find(link->algs.asym);
	link->req_asym = spdm_asym_find(link->algs.req_asym);
	link->dhe = spdm_dhe_find(link->algs.dhe);
	link->aead = spdm_aead_find(link->algs.aead);
}

struct spdm_format spdm_link_format(const struct spdm_link *link)
{
	return (struct spdm_format){
		.version = link->version,
		.hash_len = link->hash ? link->hash->len : 0,
		.sig_len = link->asym ? link->asym->sig_len : 0,
		.req_sig_len = link->req_asym ? link->req_asym->sig_len : 0,
		.dhe_len = link->dhe ? link->dhe->len : 0,
	};
}

bool spdm_link_both(const struct spdm_link *link, uint32_t caps)
{
	return (link->req_caps & link->rsp_caps & caps) == caps;
}

int spdm_link_begin(const struct spdm_link *link, struct spdm_transcript *t)
{
	return spdm_transcript_begin(t, link->hash, link->vca, link->vca_len);
}

struct spdm_transcript *spdm_link_m(struct spdm_link *link, struct spdm_session *session)
{
	return session ? &session->m : &link->m;
}

void spdm_link_forget(struct spdm_link *link, struct spdm_session *session, uint8_t code)
{
	switch (code) {
	case SPDM_CHUNK_SEND:
	case SPDM_CHUNK_GET:
	case SPDM_RESPOND_IF_READY:
		return; /* parts of another request */
	case SPDM_GET_CERTIFICATE:
	case SPDM_CHALLENGE:
	case SPDM_VENDOR_REQUEST:
		break;
	default:
		/* GET_DIGESTS begins anew, and everything else skips CHALLENGE. Inside a
		 * session there is no CHALLENGE. */
		if (!session || code != SPDM_GET_DIGESTS)
			spdm_transcript_reset(&link->b);
		break;
	}
	if (code != SPDM_GET_MEASUREMENTS)
		spdm_transcript_reset(spdm_link_m(link, session));
}

/* What is signed, from the transcript's hash; returns its length or -errno. */
static int sign_input(const struct spdm_link *link, const struct spdm_transcript *t, const char *context, uint8_t *out)
{
	uint8_t hash[SPDM_MAX_HASH];
	int rc = spdm_transcript_hash(t, hash);

	if (rc)
		return rc;
	spdm_sign_input(link->version, context, hash, link->hash->len, out);
	return (int)SPDM_SIGN_CONTEXT_LEN + link->hash->len;
}

int spdm_link_sign(const struct spdm_link *link, const struct spdm_asym_alg *asym, const struct spdm_transcript *t,
		   const char *context, EVP_PKEY *key, uint8_t *sig)
{
	uint8_t input[SPDM_SIGN_CONTEXT_LEN + SPDM_MAX_HASH];
	int len = sign_input(link, t, context, input);

	return len < 0 ? len : spdm_sign(asym, link->hash, key, input, (size_t)len, sig);
}

int spdm_link_verify(const struct spdm_link *link, const struct spdm_asym_alg *asym, const struct spdm_transcript *t,
		     const char *context, EVP_PKEY *key, const uint8_t *sig)
{
	uint8_t input[SPDM_SIGN_CONTEXT_LEN + SPDM_MAX_HASH];
	int len = sign_input(link, t, context, input);

	return len < 0 ? len : spdm_verify(asym, link->hash, key, input, (size_t)len, sig);
}

struct spdm_session *spdm_session_new(struct spdm_link *link)
{
	for (unsigned i = 0; i < SPDM_MAX_SESSIONS; i++)
		if (!link->sessions[i].live)
			return &link->sessions[i];
	return NULL;
}

struct spdm_session *spdm_session_find(struct spdm_link *link, uint32_t id)
{
	for (unsigned i = 0; i < SPDM_MAX_SESSIONS; i++)
		if (link->sessions[i].live && link->sessions[i].id == id)
			return &link->sessions[i];
	return NULL;
}

int spdm_session_handshake(struct spdm_link *link, struct spdm_session *session, uint8_t *shared)
{
	uint8_t th1[SPDM_MAX_HASH];
	int rc = spdm_transcript_hash(&session->th, th1);

	session->keys = (struct spdm_keys){
		.version = link->version,
		.hash = link->hash,
		.aead = link->aead,
		.encrypt = spdm_link_both(link, SPDM_CAP_ENCRYPT),
		.binding = link->binding,
	};
	if (!rc)
		rc = spdm_keys_handshake(&session->keys, shared, link->dhe->shared, th1);
	OPENSSL_cleanse(shared, link->dhe->shared);
	return rc;
}

int spdm_session_establish(struct spdm_session *session)
{
	uint8_t th2[SPDM_MAX_HASH];
	int rc = spdm_transcript_hash(&session->th, th2);

	if (!rc)
		rc = spdm_keys_data(&session->keys, th2);
	spdm_transcript_reset(&session->th);
	session->established = !rc;
	return rc;
}

int spdm_session_verify_data(const struct spdm_session *session, bool responder, uint8_t *out)
{
	uint8_t th[SPDM_MAX_HASH];
	int rc = spdm_transcript_hash(&session->th, th);

	return rc ? rc : spdm_keys_verify_data(&session->keys, responder, th, out);
}

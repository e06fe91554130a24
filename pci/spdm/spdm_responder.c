/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a responder; the way of a message: open, check, handle, split, seal. */
#include "spdm_responder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "spdm_rsp.h"

static const char *config_problem(const struct spdm_responder_config *c)
{
	const struct spdm_profile *p = &c->profile;
	bool signs = p->caps & (SPDM_CAP_CHAL | SPDM_CAP_MEAS_SIGNED | SPDM_CAP_KEY_EX);

	if (!p->versions)
		return "no version is offered";
	if (spdm_caps_problem(SPDM_VERSION_12, p->caps, true))
		return spdm_caps_problem(SPDM_VERSION_12, p->caps, true);
	if ((p->caps & (SPDM_CAP_CERT | SPDM_CAP_MUT_AUTH)) && !(p->caps & SPDM_CAP_CERT))
		return "it needs CERT: public keys without certificates are not supported";
	if (signs && !c->slots[0])
		return "slot 0 has no identity";
	if (p->data_transfer_size < SPDM_MIN_DATA_TRANSFER || p->data_transfer_size > SPDM_MAX_MESSAGE)
		return "data_transfer_size is out of range";
	if (p->max_message_size < p->data_transfer_size || p->max_message_size > SPDM_MAX_MESSAGE)
		return "max_message_size is out of range";
	if (!(p->caps & SPDM_CAP_CHUNK) && p->max_message_size != p->data_transfer_size)
		return "max_message_size differs from data_transfer_size without CHUNK";
	for (unsigned i = 0; i < c->block_count; i++)
		if (c->blocks[i].index == 0 || c->blocks[i].index > SPDM_MEAS_INDEX_MAX ||
		    (i && c->blocks[i].index <= c->blocks[i - 1].index))
			return "measurements must have ascending indices from 1 to 254";
	return NULL;
}

int spdm_responder_create(const struct spdm_responder_config *config, struct spdm_responder **out)
{
	const char *problem = config_problem(config);
	struct spdm_responder *r;

	if (problem)
		return log_fail(-EINVAL, "cannot make an SPDM responder: %s", problem);
	r = calloc(1, sizeof(*r));
	if (r) {
		r->config = *config;
		r->out.bytes = malloc(SPDM_MAX_MESSAGE);
		r->in.bytes = malloc(SPDM_MAX_MESSAGE);
		r->deferred.bytes = malloc(SPDM_MAX_MESSAGE);
		r->opened = malloc(SPDM_MAX_MESSAGE);
		r->plain = malloc(SPDM_MAX_MESSAGE);
		r->record = malloc(SPDM_MAX_MESSAGE);
		r->inner = malloc(SPDM_MAX_MESSAGE);
	}
	if (!r || !r->out.bytes || !r->in.bytes || !r->deferred.bytes || !r->opened || !r->plain || !r->record ||
	    !r->inner || spdm_random(r->fault.nonce, sizeof(r->fault.nonce))) {
		spdm_responder_destroy(r);
		return log_fail(-ENOMEM, "cannot make an SPDM responder: out of memory or of random numbers");
	}
	*out = r;
	return 0;
}

void spdm_rsp_end(struct spdm_responder *r, struct spdm_session *session, enum spdm_end why)
{
	uint32_t id = session->id;
	bool told = session->established;

	if (!session->live)
		return;
	if (r->out.session == id)
		r->out.active = false;
	if (r->in.session == id)
		r->in.active = false;
	if (r->deferred.session == id)
		r->deferred.active = false;
	if (r->encap.session == id)
		spdm_rsp_encap_reset(r);
	spdm_session_end(session);
	if (told && r->config.ops && r->config.ops->session_end)
		r->config.ops->session_end(r->config.opaque, id, why);
}

void spdm_responder_reset(struct spdm_responder *r)
{
	for (unsigned i = 0; i < SPDM_MAX_SESSIONS; i++)
		spdm_rsp_end(r, &r->link.sessions[i], SPDM_END_RESET);
	spdm_chain_fini(&r->peer);
	spdm_rsp_encap_reset(r);
	spdm_link_reset(&r->link);
	r->out.active = r->in.active = r->deferred.active = r->hopeless = false;
	r->fault.busy_said = false;
}

void spdm_responder_set_binding(struct spdm_responder *r, enum spdm_binding binding)
{
	if (r->link.binding == binding)
		return;
	spdm_responder_reset(r);
	r->link.binding = binding;
}

static void wipe_free(uint8_t *buffer)
{
	if (buffer)
		OPENSSL_cleanse(buffer, SPDM_MAX_MESSAGE);
	free(buffer);
}

void spdm_responder_destroy(struct spdm_responder *r)
{
	if (!r)
		return;
	spdm_responder_reset(r);
	for (unsigned i = 0; i < SPDM_MAX_SLOTS; i++)
		spdm_chain_fini(&r->chains[i]);
	for (unsigned i = 0; i < ARRAY_LEN(r->fault.replay); i++)
		free(r->fault.replay[i]);
	wipe_free(r->out.bytes);
	wipe_free(r->in.bytes); /* keys of a link may come in pieces, too */
	wipe_free(r->deferred.bytes);
	wipe_free(r->opened);
	wipe_free(r->plain);
	wipe_free(r->record);
	wipe_free(r->inner);
	free(r);
}

/* Opens a secured message. The session it came in; NULL: nothing to go on with (c->silent or an ERROR is set). */
static struct spdm_session *open_secured(struct spdm_responder *r, struct spdm_call *c, const uint8_t *in, size_t len)
{
	struct spdm_session *session = spdm_session_find(&r->link, spdm_secured_session(in, len));
	int rc;

	c->padded = false;
	if (!session) {
		/* DSP0274 has no error for it any more; in clear, since there is no key to seal it with. */
		spdm_rsp_error(r, c, SPDM_ERR_INVALID_REQUEST);
		return NULL;
	}
	c->session = session;
	rc = spdm_secured_open(&session->keys, &session->keys.request, in, len, r->opened, SPDM_MAX_MESSAGE,
			       &c->request_len);
	if (rc == -ENOMSG) {
		/* Application data of MCTP, PLDM say: nobody here reads it. */
		spdm_rsp_error(r, c, SPDM_ERR_UNSUPPORTED);
		return NULL;
	}
	if (rc) {
		spdm_rsp_error(r, c, SPDM_ERR_DECRYPT);
		c->after = SPDM_AFTER_END;
		c->affected = session;
		c->why = SPDM_END_DECRYPT;
		return NULL;
	}
	session->last_ms = r->now_ms;
	c->request = r->opened;
	return session;
}

/* What the answer does to a session, after it was sealed with the keys of before. */
static void do_after(struct spdm_responder *r, struct spdm_call *c)
{
	if (!c->affected)
		return;
	if (c->after == SPDM_AFTER_END) {
		spdm_rsp_end(r, c->affected, c->why);
	} else if (c->after == SPDM_AFTER_ESTABLISH) {
		if (spdm_session_establish(c->affected)) {
			log_error(
				"SPDM: cannot derive the keys of a session: libcrypto failed; the session is dropped");
			spdm_rsp_end(r, c->affected, SPDM_END_RESET);
			return;
		}
		c->affected->last_ms = r->now_ms;
		if (r->config.ops && r->config.ops->session_up)
			r->config.ops->session_up(r->config.opaque, c->affected->id);
		if (r->config.fault == SPDM_FAULT_DROP_SESSION)
			spdm_rsp_end(r, c->affected, SPDM_END_RESET);
	}
}

/* Seals the answer, or copies it as it is. */
static int send_answer(struct spdm_responder *r, struct spdm_call *c, bool *secured, uint8_t *out, size_t cap,
		       size_t *out_len)
{
	struct spdm_session *s = c->session;
	int rc;

	*out_len = 0;
	*secured = s;
	if (c->silent)
		return 0;
	if (!s) {
		if (c->answer_len > cap)
			return log_fail(-EINVAL, "SPDM: an answer of %zu bytes does not fit into %zu", c->answer_len,
					cap);
		memcpy(out, c->answer, c->answer_len);
		*out_len = c->answer_len;
		return 0;
	}
	rc = spdm_secured_seal(&s->keys, &s->keys.response, s->id, c->answer, c->answer_len, out, cap, out_len);
	if (rc) {
		spdm_rsp_end(r, s, SPDM_END_RESET);
		return log_fail(-EINVAL,
				"SPDM: an answer of %zu bytes cannot be sealed into %zu; the session is dropped",
				c->answer_len, cap);
	}
	if (r->config.fault == SPDM_FAULT_BAD_TAG)
		out[*out_len - 1] ^= 1;
	return 0;
}

int spdm_responder_handle(struct spdm_responder *r, bool *secured, const uint8_t *in, size_t len, uint8_t *out,
			  size_t cap, size_t *out_len)
{
	struct spdm_call c = {
		.request = in, .request_len = len, .padded = true, .answer = r->plain, .cap = SPDM_MAX_MESSAGE};
	bool go_on = true;
	int rc;

	if (*secured)
		go_on = open_secured(r, &c, in, len);
	if (go_on && c.request_len < SPDM_HDR_LEN) {
		/* Not even a header: there is nothing that an answer could refer to. */
		*out_len = 0;
		return 0;
	}
	if (go_on) {
		c.code = c.request[SPDM_HDR_CODE];
		if (!spdm_fault_before(r, &c)) {
			spdm_rsp_dispatch(r, &c);
			spdm_fault_after(r, &c);
			spdm_rsp_split(r, &c);
		}
	}
	rc = send_answer(r, &c, secured, out, cap, out_len);
	if (!rc)
		do_after(r, &c);
	return rc;
}

void spdm_responder_tick(struct spdm_responder *r, uint64_t now_ms)
{
	r->now_ms = now_ms;
	for (unsigned i = 0; i < SPDM_MAX_SESSIONS; i++) {
		struct spdm_session *s = &r->link.sessions[i];

		/* DSP0274, HEARTBEAT: the session ends after twice the period. */
		if (s->live && s->established && s->heartbeat_s &&
		    now_ms - s->last_ms > 2000u * (uint64_t)s->heartbeat_s)
			spdm_rsp_end(r, s, SPDM_END_SILENT);
	}
}

unsigned spdm_responder_sessions(const struct spdm_responder *r)
{
	unsigned count = 0;

	for (unsigned i = 0; i < SPDM_MAX_SESSIONS; i++)
		count += r->link.sessions[i].live && r->link.sessions[i].established;
	return count;
}

void spdm_responder_set_fault(struct spdm_responder *r, enum spdm_fault fault)
{
	r->config.fault = fault;
}

void spdm_responder_set_blocks(struct spdm_responder *r, const struct spdm_block *blocks, unsigned count)
{
	r->config.blocks = blocks;
	r->config.block_count = count;
	r->blocks_changed = true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_spdm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spdm_responder.h"
#include "wire.h"

#define MAX_SESSIONS 4u

struct spdm_responder {
	const struct spdm_responder_ops *ops;
	void *opaque;
	uint32_t sessions[MAX_SESSIONS]; /* 0: free */
};

struct spdm_identity {
	char unused;
};

struct fake_spdm fake_spdm;

struct spdm_profile spdm_profile_responder(void)
{
	return (struct spdm_profile){.data_transfer_size = 4608};
}

int spdm_identity_load(const char *chain_file, const char *key_file, struct spdm_identity **out)
{
	*out = fake_spdm.identity_error ? NULL : calloc(1, sizeof(**out));
	return fake_spdm.identity_error;
}

int spdm_identity_create(struct evp_pkey_st *key, const uint8_t *ders, size_t len, struct spdm_identity **out)
{
	fake_spdm.ders_len = len;
	return spdm_identity_load(NULL, NULL, out);
}

void spdm_identity_free(struct spdm_identity *id)
{
	free(id);
}

int spdm_responder_create(const struct spdm_responder_config *config, struct spdm_responder **out)
{
	*out = calloc(1, sizeof(**out));
	(*out)->ops = config->ops;
	(*out)->opaque = config->opaque;
	fake_spdm.responders++;
	return 0;
}

static void end(struct spdm_responder *r, uint32_t session, enum spdm_end why)
{
	for (unsigned i = 0; i < MAX_SESSIONS; i++)
		if (r->sessions[i] == session && session != 0) {
			r->sessions[i] = 0;
			r->ops->session_end(r->opaque, session, why);
		}
}

void spdm_responder_reset(struct spdm_responder *r)
{
	fake_spdm.resets++;
	for (unsigned i = 0; i < MAX_SESSIONS; i++)
		end(r, r->sessions[i], SPDM_END_RESET);
}

void spdm_responder_destroy(struct spdm_responder *r)
{
	if (!r)
		return;
	spdm_responder_reset(r);
	fake_spdm.responders--;
	free(r);
}

void spdm_responder_tick(struct spdm_responder *r, uint64_t now_ms)
{
	fake_spdm.ticks++;
}

unsigned spdm_responder_sessions(const struct spdm_responder *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MAX_SESSIONS; i++)
		n += r->sessions[i] != 0;
	return n;
}

static bool live(const struct spdm_responder *r, uint32_t session)
{
	for (unsigned i = 0; i < MAX_SESSIONS; i++)
		if (r->sessions[i] == session)
			return true;
	return false;
}

static void begin(struct spdm_responder *r, uint32_t session)
{
	for (unsigned i = 0; i < MAX_SESSIONS; i++)
		if (r->sessions[i] == 0) {
			r->sessions[i] = session;
			return;
		}
}

int spdm_responder_handle(struct spdm_responder *r, bool *secured, const uint8_t *in, size_t len, uint8_t *out,
			  size_t cap, size_t *out_len)
{
	struct wire_in msg = wire_in(in, len);
	struct wire_out rsp = wire_out(out, cap);
	uint8_t op = wire_u8(&msg);
	uint32_t session = wire_u32(&msg);
	size_t n = wire_u16(&msg);
	const uint8_t *payload = wire_bytes(&msg, n);

	*out_len = 0;
	if (msg.bad)
		return 0;
	if (op == FAKE_SPDM_BEGIN)
		begin(r, session);
	if (op == FAKE_SPDM_END)
		end(r, session, SPDM_END_REQUESTED);
	int got = 0;

	if (op == FAKE_SPDM_VENDOR)
		got = r->ops->vendor(r->opaque, live(r, session) ? session : 0, payload, n, out + FAKE_SPDM_HEADER,
				     cap - FAKE_SPDM_HEADER);
	if (op == FAKE_SPDM_VENDOR && got == 0)
		return 0;
	/* The length says what the hook said; 0xffff stands for a refusal. */
	wire_put_u8(&rsp, op);
	wire_put_u32(&rsp, session);
	wire_put_u16(&rsp, got < 0 ? 0xffff : (uint16_t)got);
	*out_len = rsp.len + (got > 0 ? (size_t)got : 0);
	return 0;
}

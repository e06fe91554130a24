/* SPDX-License-Identifier: Apache-2.0 */
/* VERSION, CAPABILITIES, ALGORITHMS. */
#include <string.h>

#include "spdm_rsp.h"

/* Request and answer become part of A, both or none. */
static uint8_t note(struct spdm_responder *r, struct spdm_call *c)
{
	size_t before = r->link.vca_len;

	if (!spdm_link_note(&r->link, c->request, c->request_len) &&
	    !spdm_link_note(&r->link, c->answer, c->answer_len))
		return 0;
	r->link.vca_len = before;
	return SPDM_ERR_INVALID_REQUEST;
}

/* The same request again, at @at in A: the same answer, which follows it there and ends A. */
static uint8_t repeat(struct spdm_responder *r, struct spdm_call *c, size_t at)
{
	const uint8_t *kept = r->link.vca + at;
	size_t left = r->link.vca_len - at;

	if (c->request_len >= left || memcmp(kept, c->request, c->request_len))
		return SPDM_ERR_UNEXPECTED_REQUEST;
	c->answer_len = left - c->request_len;
	memcpy(c->answer, kept + c->request_len, c->answer_len);
	return 0;
}

uint8_t spdm_rsp_version(struct spdm_responder *r, struct spdm_call *c)
{
	uint8_t entries[3 * 2], count = 0;
	uint8_t error;

	spdm_responder_reset(r);
	for (uint8_t version = SPDM_VERSION_12; version <= SPDM_VERSION_14; version++)
		if (r->config.profile.versions & SPDM_VERSION_BIT(version))
			spdm_put_le(entries + 2 * count++, 2, (uint32_t)version << 8);
	c->format = (struct spdm_format){.version = SPDM_VERSION_10};
	c->out.ptr[F_ENTRIES] = entries;
	c->out.len[F_ENTRIES] = 2u * count;
	error = spdm_rsp_build(c);
	if (!error)
		error = note(r, c);
	if (!error)
		r->link.state = SPDM_AFTER_VERSION;
	return error;
}

/* Capabilities that no rightful responder has: for requesters to refuse. */
static uint32_t offered_caps(const struct spdm_responder *r)
{
	if (r->config.fault == SPDM_FAULT_BAD_CAPS)
		return (r->config.profile.caps & ~(SPDM_CAP_CERT | SPDM_CAP_PUB_KEY_ID)) | SPDM_CAP_KEY_EX |
		       SPDM_CAP_MAC;
	return r->config.profile.caps;
}

static bool sizes_ok(const struct spdm_fields *f)
{
	uint32_t transfer = f->num[F_TRANSFER_SIZE], message = f->num[F_MESSAGE_SIZE];

	if (transfer < SPDM_MIN_DATA_TRANSFER || message < transfer)
		return false;
	return (f->num[F_FLAGS] & SPDM_CAP_CHUNK) || message == transfer;
}

/* Since 1.3 the algorithms can be asked for here, in an answer that may need chunks; aerie leaves them out. */
static bool asks_rightly(const struct spdm_responder *r, const struct spdm_call *c)
{
	if (c->request[SPDM_HDR_VERSION] < SPDM_VERSION_13 || !(c->in.num[F_P1] & SPDM_CAPABILITIES_PARAM1_ALG))
		return true;
	return r->config.profile.caps & c->in.num[F_FLAGS] & SPDM_CAP_CHUNK;
}

uint8_t spdm_rsp_capabilities(struct spdm_responder *r, struct spdm_call *c)
{
	const struct spdm_profile *p = &r->config.profile;
	uint8_t version = c->request[SPDM_HDR_VERSION], error;

	if (r->link.state == SPDM_AFTER_CAPS)
		return repeat(r, c, r->caps_at);
	if (r->link.state != SPDM_AFTER_VERSION)
		return SPDM_ERR_UNEXPECTED_REQUEST;
	if (c->in.num[F_CT_EXPONENT] > SPDM_MAX_CT_EXPONENT || !sizes_ok(&c->in) || !asks_rightly(r, c) ||
	    spdm_caps_problem(version, c->in.num[F_FLAGS], false))
		return SPDM_ERR_INVALID_REQUEST;
	c->format.version = version;
	c->out.num[F_CT_EXPONENT] = p->ct_exponent;
	c->out.num[F_FLAGS] = offered_caps(r);
	c->out.num[F_TRANSFER_SIZE] = p->data_transfer_size;
	c->out.num[F_MESSAGE_SIZE] = p->max_message_size;
	r->caps_at = r->link.vca_len;
	error = spdm_rsp_build(c);
	if (!error)
		error = note(r, c);
	if (error)
		return error;
	r->link.version = version;
	r->link.req_caps = c->in.num[F_FLAGS];
	r->link.rsp_caps = c->out.num[F_FLAGS];
	r->link.peer_transfer = c->in.num[F_TRANSFER_SIZE];
	r->link.peer_message = c->in.num[F_MESSAGE_SIZE];
	r->link.state = SPDM_AFTER_CAPS;
	return 0;
}

/* The signature algorithms that slot 0's key can serve. */
static uint32_t own_asym(const struct spdm_responder *r)
{
	return r->config.slots[0] ? r->config.profile.algs.asym & spdm_key_asym(r->config.slots[0]->key) : 0;
}

/* What is chosen from an offer. Measurements are best hashed like everything else. */
static struct spdm_algs choose(const struct spdm_responder *r, const struct spdm_fields *in, const uint16_t masks[8])
{
	const struct spdm_algs *own = &r->config.profile.algs;
	struct spdm_algs a = {
		.hash = spdm_hash_choose(own->hash & in->num[F_HASH]),
		.asym = spdm_asym_choose(own_asym(r) & in->num[F_ASYM]),
		.dhe = (uint16_t)spdm_dhe_choose(own->dhe & masks[SPDM_ALG_TABLE_DHE]),
		.aead = (uint16_t)spdm_aead_choose(own->aead & masks[SPDM_ALG_TABLE_AEAD]),
		.req_asym = (uint16_t)spdm_asym_choose(own->req_asym & masks[SPDM_ALG_TABLE_REQ_ASYM]),
		.schedule = own->schedule & masks[SPDM_ALG_TABLE_SCHEDULE] & SPDM_SCHEDULE_SPDM,
		.other_params = own->other_params & (uint8_t)in->num[F_OTHER_PARAMS] & SPDM_OPAQUE_FORMAT1,
		.meas_spec = own->meas_spec & (uint8_t)in->num[F_MEAS_SPEC] & SPDM_MEAS_SPEC_DMTF,
	};
	const struct spdm_hash_alg *hash = spdm_hash_find(a.hash);

	if (!(r->config.profile.caps & SPDM_CAP_MEAS_MASK))
		a.meas_spec = 0;
	if (a.meas_spec && hash)
		a.meas_hash = own->meas_hash & hash->meas_bit ? hash->meas_bit : own->meas_hash & -own->meas_hash;
	if (!spdm_link_both(&r->link, SPDM_CAP_MUT_AUTH))
		a.req_asym = 0;
	/* A requester that always tells its keys apart is told to do so. */
	if (r->link.version >= SPDM_VERSION_13 &&
	    (r->link.req_caps & SPDM_CAP_MULTI_KEY_MASK) == SPDM_CAP_MULTI_KEY_ONLY)
		a.other_params |= SPDM_MULTI_KEY_CONN;
	return a;
}

/* Whether something was offered of a kind that both ends need, and nothing of it is common. */
static bool nothing_common(const struct spdm_responder *r, const struct spdm_fields *in, const uint16_t masks[8],
			   const struct spdm_algs *a)
{
	uint32_t signs = SPDM_CAP_CERT | SPDM_CAP_CHAL | SPDM_CAP_MEAS_SIGNED | SPDM_CAP_KEY_EX;

	if (!a->hash)
		return true;
	if ((r->config.profile.caps & signs) && (in->num[F_ASYM] || in->num[F_EXT_ASYM_COUNT]) && !a->asym)
		return true;
	if (!spdm_link_both(&r->link, SPDM_CAP_KEY_EX))
		return false;
	return (masks[SPDM_ALG_TABLE_DHE] && !a->dhe) || (masks[SPDM_ALG_TABLE_AEAD] && !a->aead) ||
	       (masks[SPDM_ALG_TABLE_SCHEDULE] && !a->schedule);
}

bool spdm_rsp_can_exchange(const struct spdm_responder *r)
{
	const struct spdm_algs *a = &r->link.algs;

	return a->asym && a->dhe && a->aead && a->schedule &&
	       (a->other_params & SPDM_OPAQUE_FORMATS) == SPDM_OPAQUE_FORMAT1;
}

/* The tables that were offered and that aerie knows, with what was chosen. */
static void write_tables(struct spdm_call *c, const struct spdm_algs *a, unsigned present, uint8_t *tables)
{
	const uint16_t chosen[8] = {
		[SPDM_ALG_TABLE_DHE] = a->dhe,
		[SPDM_ALG_TABLE_AEAD] = a->aead,
		[SPDM_ALG_TABLE_REQ_ASYM] = a->req_asym,
		[SPDM_ALG_TABLE_SCHEDULE] = a->schedule,
	};
	uint32_t len = 0;

	for (uint8_t type = SPDM_ALG_TABLE_DHE; type <= SPDM_ALG_TABLE_SCHEDULE; type++) {
		if (!(present & BIT32(type)))
			continue;
		len += (uint32_t)spdm_table_write(tables + len, type, chosen[type]);
		c->out.num[F_P1]++;
	}
	c->out.ptr[F_TABLES] = tables;
	c->out.len[F_TABLES] = len;
	c->out.num[F_LENGTH] = 36 + len;
}

/* Everything for the slots depends on the hash. */
static uint8_t wrap_chains(struct spdm_responder *r)
{
	if (r->chains_hash == r->link.hash || !r->link.hash)
		return 0;
	r->chains_hash = NULL;
	for (unsigned i = 0; i < SPDM_MAX_SLOTS; i++) {
		const struct spdm_identity *id = r->config.slots[i];

		spdm_chain_fini(&r->chains[i]);
		if (id && spdm_chain_wrap(&r->chains[i], id->ders, id->len, r->link.hash))
			return SPDM_ERR_UNSPECIFIED;
	}
	r->chains_hash = r->link.hash;
	return 0;
}

uint8_t spdm_rsp_algorithms(struct spdm_responder *r, struct spdm_call *c)
{
	uint8_t tables[4 * SPDM_ALG_TABLE_LEN], error;
	struct spdm_algs algs;
	uint16_t masks[8];
	unsigned present;

	if (r->link.state == SPDM_NEGOTIATED)
		return repeat(r, c, r->algs_at);
	if (c->in.num[F_LENGTH] != c->in.size || c->in.size > SPDM_MAX_NEGOTIATE ||
	    spdm_tables_read(c->in.ptr[F_TABLES], c->in.len[F_TABLES], c->in.num[F_P1], masks, &present))
		return SPDM_ERR_INVALID_REQUEST;
	algs = choose(r, &c->in, masks);
	write_tables(c, &algs, present, tables);
	c->out.num[F_MEAS_SPEC] = algs.meas_spec;
	c->out.num[F_OTHER_PARAMS] = algs.other_params;
	c->out.num[F_MEAS_HASH] = algs.meas_hash;
	c->out.num[F_ASYM] = r->config.fault == SPDM_FAULT_BAD_ALGORITHM ? BIT32(31) : algs.asym;
	c->out.num[F_HASH] = algs.hash;
	r->algs_at = r->link.vca_len;
	error = spdm_rsp_build(c);
	if (!error)
		error = note(r, c);
	if (error)
		return error;
	r->hopeless = nothing_common(r, &c->in, masks, &algs);
	r->link.algs = algs;
	spdm_link_agree(&r->link);
	error = wrap_chains(r);
	if (!error)
		r->link.state = SPDM_NEGOTIATED;
	return error;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* GET_VERSION, GET_CAPABILITIES, NEGOTIATE_ALGORITHMS. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "spdm_req.h"

/* Request and answer become part of A. */
static int note(struct spdm_requester *r, const struct spdm_ask *a)
{
	if (spdm_link_note(&r->link, r->request, a->request_len) || spdm_link_note(&r->link, a->answer, a->answer_len))
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "%s is longer than any rightful one",
				     spdm_msg_name(SPDM_RESPONSE(a->code)));
	return 0;
}

/* The highest version that both have. */
static int get_version(struct spdm_requester *r)
{
	struct spdm_ask a = spdm_req_new(r, SPDM_GET_VERSION, NULL);
	uint8_t best = 0;
	int rc;

	a.format.version = SPDM_VERSION_10;
	rc = spdm_req_ask(r, &a);
	if (!rc)
		rc = note(r, &a);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < a.in.num[F_COUNT]; i++) {
		uint8_t version = a.in.ptr[F_ENTRIES][2 * i + 1];

		if (version >= SPDM_VERSION_12 && version <= SPDM_VERSION_14 && version > best &&
		    (r->config.profile.versions & SPDM_VERSION_BIT(version)))
			best = version;
	}
	if (!best)
		return spdm_req_fail(r, -ENOTSUP, SPDM_NO_VERSION,
				     "the device speaks none of 1.2, 1.3 and 1.4 that are "
				     "allowed here");
	r->link.version = best;
	r->link.state = SPDM_AFTER_VERSION;
	return 0;
}

static const char *capabilities_problem(uint8_t version, const struct spdm_fields *f)
{
	uint32_t transfer = f->num[F_TRANSFER_SIZE], message = f->num[F_MESSAGE_SIZE];

	if (f->num[F_CT_EXPONENT] > SPDM_MAX_CT_EXPONENT)
		return "CTExponent is out of range";
	if (transfer < SPDM_MIN_DATA_TRANSFER || message < transfer)
		return "DataTransferSize or MaxSPDMmsgSize is too small";
	if (!(f->num[F_FLAGS] & SPDM_CAP_CHUNK) && message != transfer)
		return "MaxSPDMmsgSize differs from DataTransferSize without CHUNK";
	if (version >= SPDM_VERSION_13 && (f->num[F_FLAGS] & SPDM_CAP_MULTI_KEY_MASK) == SPDM_CAP_MULTI_KEY_ONLY)
		return "it insists on telling several keys apart (MULTI_KEY), which aerie does not do";
	return spdm_caps_problem(version, f->num[F_FLAGS], true);
}

static int get_capabilities(struct spdm_requester *r)
{
	struct spdm_ask a = spdm_req_new(r, SPDM_GET_CAPABILITIES, NULL);
	const struct spdm_profile *p = &r->config.profile;
	const char *problem;
	int rc;

	a.out.num[F_CT_EXPONENT] = p->ct_exponent;
	a.out.num[F_FLAGS] = r->caps;
	a.out.num[F_TRANSFER_SIZE] = p->data_transfer_size;
	a.out.num[F_MESSAGE_SIZE] = p->max_message_size;
	rc = spdm_req_ask(r, &a);
	if (!rc)
		rc = note(r, &a);
	if (rc)
		return rc;
	problem = capabilities_problem(r->link.version, &a.in);
	if (problem)
		return spdm_req_fail(r, -EPROTO, SPDM_NO_CAPS, "the device's capabilities: %s", problem);
	r->peer_ct_exponent = (uint8_t)a.in.num[F_CT_EXPONENT];
	r->link.req_caps = r->caps;
	r->link.rsp_caps = a.in.num[F_FLAGS];
	r->link.peer_transfer = a.in.num[F_TRANSFER_SIZE];
	r->link.peer_message = a.in.num[F_MESSAGE_SIZE];
	r->link.state = SPDM_AFTER_CAPS;
	return 0;
}

/* What this end offers in the tables; @offered gets a bit for each. */
static uint32_t write_tables(const struct spdm_requester *r, uint8_t *tables, uint16_t *masks, unsigned *offered)
{
	const struct spdm_algs *own = &r->config.profile.algs;
	uint32_t len = 0;

	memset(masks, 0, 8 * sizeof(*masks));
	if (spdm_link_both(&r->link, SPDM_CAP_KEY_EX)) {
		masks[SPDM_ALG_TABLE_DHE] = own->dhe;
		masks[SPDM_ALG_TABLE_AEAD] = own->aead;
		masks[SPDM_ALG_TABLE_SCHEDULE] = own->schedule;
	}
	if (spdm_link_both(&r->link, SPDM_CAP_MUT_AUTH))
		masks[SPDM_ALG_TABLE_REQ_ASYM] = (uint16_t)(own->req_asym & spdm_key_asym(r->config.identity->key));
	*offered = 0;
	for (uint8_t type = SPDM_ALG_TABLE_DHE; type <= SPDM_ALG_TABLE_SCHEDULE; type++) {
		if (!masks[type])
			continue;
		*offered |= BIT32(type);
		len += (uint32_t)spdm_table_write(tables + len, type, masks[type]);
	}
	return len;
}

/* At most one bit, and one that was offered. Responders may send tables that were not asked for, with nothing chosen.
 */
static bool picked(uint32_t chosen, uint32_t offered)
{
	return (chosen & (chosen - 1)) == 0 && !(chosen & ~offered);
}

static const char *selection_problem(const struct spdm_requester *r, const struct spdm_algs *a, const uint16_t *masks)
{
	const struct spdm_algs *own = &r->config.profile.algs;
	uint32_t caps = r->link.rsp_caps;

	if (!picked(a->hash, own->hash) || !picked(a->asym, own->asym) || !picked(a->dhe, masks[SPDM_ALG_TABLE_DHE]) ||
	    !picked(a->aead, masks[SPDM_ALG_TABLE_AEAD]) || !picked(a->req_asym, masks[SPDM_ALG_TABLE_REQ_ASYM]) ||
	    !picked(a->schedule, masks[SPDM_ALG_TABLE_SCHEDULE]) || !picked(a->other_params, own->other_params) ||
	    !picked(a->meas_spec, own->meas_spec))
		return "the device selected an algorithm that was not offered, or several";
	if (!a->hash)
		return "there is no common hash";
	if ((caps & (SPDM_CAP_CERT | SPDM_CAP_CHAL | SPDM_CAP_MEAS_SIGNED | SPDM_CAP_KEY_EX)) && !a->asym)
		return "there is no common signature";
	if (spdm_link_both(&r->link, SPDM_CAP_KEY_EX) && (!a->dhe || !a->aead || !a->schedule || !a->other_params))
		return "there is no common key exchange, cipher, key schedule or opaque format";
	if ((caps & SPDM_CAP_MEAS_MASK) && a->meas_spec && a->meas_hash != SPDM_MEAS_HASH_RAW &&
	    !spdm_meas_hash_find(a->meas_hash))
		return "measurements are hashed in a way that aerie does not know";
	return NULL;
}

static int take_selection(struct spdm_requester *r, const struct spdm_ask *a, const uint16_t *masks)
{
	const struct spdm_fields *f = &a->in;
	const char *problem = NULL;
	uint16_t chosen[8];
	unsigned present;

	if (f->num[F_LENGTH] != f->size || f->num[F_EXT_ASYM_COUNT] || f->num[F_EXT_HASH_COUNT] ||
	    spdm_tables_read(f->ptr[F_TABLES], f->len[F_TABLES], f->num[F_P1], chosen, &present))
		return spdm_req_fail(r, -EPROTO, SPDM_MALFORMED, "the tables of ALGORITHMS do not hold together");
	r->link.algs = (struct spdm_algs){
		.hash = f->num[F_HASH],
		.asym = f->num[F_ASYM],
		.meas_hash = f->num[F_MEAS_HASH],
		.meas_spec = (uint8_t)f->num[F_MEAS_SPEC],
		.other_params = (uint8_t)f->num[F_OTHER_PARAMS],
		.dhe = chosen[SPDM_ALG_TABLE_DHE],
		.aead = chosen[SPDM_ALG_TABLE_AEAD],
		.req_asym = chosen[SPDM_ALG_TABLE_REQ_ASYM],
		.schedule = chosen[SPDM_ALG_TABLE_SCHEDULE],
	};
	problem = selection_problem(r, &r->link.algs, masks);
	if (problem)
		return spdm_req_fail(r, -EPROTO, SPDM_NO_ALGORITHM, "%s", problem);
	spdm_link_agree(&r->link);
	return 0;
}

static int negotiate(struct spdm_requester *r)
{
	struct spdm_ask a = spdm_req_new(r, SPDM_NEGOTIATE_ALGORITHMS, NULL);
	const struct spdm_algs *own = &r->config.profile.algs;
	uint8_t tables[4 * SPDM_ALG_TABLE_LEN];
	uint16_t masks[8];
	unsigned offered;
	int rc;

	a.out.ptr[F_TABLES] = tables;
	a.out.len[F_TABLES] = write_tables(r, tables, masks, &offered);
	a.out.num[F_P1] = (uint32_t)__builtin_popcount(offered);
	a.out.num[F_LENGTH] = 32 + a.out.len[F_TABLES];
	a.out.num[F_MEAS_SPEC] = own->meas_spec;
	a.out.num[F_OTHER_PARAMS] = own->other_params;
	a.out.num[F_ASYM] = own->asym;
	a.out.num[F_HASH] = own->hash;
	rc = spdm_req_ask(r, &a);
	/* How a device may say that it has nothing in common with us. */
	if (rc && (a.error == SPDM_ERR_INVALID_REQUEST || a.error == SPDM_ERR_UNSUPPORTED)) {
		r->reason = SPDM_NO_ALGORITHM;
		snprintf(r->why, sizeof(r->why), "the device takes none of what is offered (error 0x%02x)", a.error);
	}
	if (!rc)
		rc = note(r, &a);
	if (!rc)
		rc = take_selection(r, &a, masks);
	if (rc)
		return rc;
	if (r->config.identity && r->link.hash &&
	    spdm_chain_wrap(&r->own, r->config.identity->ders, r->config.identity->len, r->link.hash))
		return spdm_req_fail(r, -EIO, SPDM_LOCAL, "our own certificate chain cannot be prepared");
	r->link.state = SPDM_NEGOTIATED;
	return 0;
}

int spdm_requester_connect(struct spdm_requester *r)
{
	int rc;

	spdm_link_reset(&r->link);
	spdm_chain_fini(&r->chain);
	spdm_chain_fini(&r->own);
	rc = get_version(r);
	if (!rc)
		rc = get_capabilities(r);
	if (!rc)
		rc = negotiate(r);
	if (rc)
		r->link.state = SPDM_START;
	return rc;
}

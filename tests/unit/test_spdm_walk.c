/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A random walk of a million messages: requests of all kinds in any order, right and wrong, in clear and inside
 * sessions, beside the model of tests/model; and answers that were tampered with, beside what a requester has to make
 * of them. Responder, requester and model must never be of two minds.
 */
#include <check.h>
#include <stdio.h>

#include "bits.h"
#include "log.h"
#include "run_suite.h"
#include "spdm_ref.h"
#include "spdm_req.h"
#include "spdm_rig.h"

#define MESSAGES 1000000u

/* An assertion that names the message. */
#define MUST(what)                                                                                                     \
	do {                                                                                                           \
		if (!(what))                                                                                           \
			ck_abort_msg("message %llu: %s", (unsigned long long)rig.messages, #what);                     \
	} while (0)

static struct spdm_rig rig;
static struct ref ref;
static uint64_t seed;
static uint8_t last_caps[64], last_algs[128];
static size_t last_caps_len, last_algs_len;
static bool synced;    /* the requester's idea of the connection is the responder's */
static uint8_t tamper; /* what happens to the next answer in clear */

enum {
	TAMPER_NOTHING,
	TAMPER_BUSY,
	TAMPER_UNSPECIFIED,
	TAMPER_CODE,
	TAMPER_VERSION,
	TAMPER_SILENCE,
	TAMPER_RESYNCH,
	TAMPER_KINDS,
};

static uint32_t rnd(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20) % below;
}

static void silence(enum log_level level, const char *line, void *opaque)
{
}

static size_t hook(struct spdm_rig *r, bool out, bool secured, uint8_t *bytes, size_t len)
{
	uint8_t kind = tamper;

	if (!out || secured || kind == TAMPER_NOTHING)
		return len;
	tamper = TAMPER_NOTHING;
	switch (kind) {
	case TAMPER_CODE:
		bytes[1] = 0x6c;
		return len;
	case TAMPER_VERSION:
		bytes[0] ^= 7;
		return len;
	case TAMPER_SILENCE:
		return 0;
	default:
		memcpy(bytes,
		       (const uint8_t[]){bytes[0], 0x7f,
					 kind == TAMPER_BUSY	  ? 3
					 : kind == TAMPER_RESYNCH ? 0x43
								  : 5,
					 0},
		       4);
		return 4;
	}
}

/* Sends @len bytes in clear or sealed; the answer's code, or REF_ERROR | error; 0: none. */
static unsigned say(int session, const uint8_t *msg, size_t len, struct spdm_direction *response)
{
	struct spdm_session *s = session < 0 ? NULL : &rig.req->link.sessions[session];
	static uint8_t wire[SPDM_MAX_MESSAGE], answer[SPDM_MAX_MESSAGE];
	bool secured = s;
	size_t got;

	if (s) {
		MUST(spdm_secured_seal(&s->keys, &s->keys.request, s->id, msg, len, wire, sizeof(wire), &len) == 0);
		msg = wire;
	}
	if (spdm_rig_exchange(&rig, &secured, msg, len, answer, sizeof(answer), &got, 0))
		return 0;
	MUST(secured == (s != NULL));
	if (s) {
		memcpy(wire, answer, got);
		MUST(spdm_secured_open(&s->keys, response ? response : &s->keys.response, wire, got, answer,
				       sizeof(answer), &got) == 0);
	}
	return answer[1] == SPDM_ERROR ? REF_ERROR | answer[2] : answer[1];
}

/* Lays out the body of @m's message: right, or wrong in one of a few ways. */
static size_t lay_out(struct ref_message *m, uint8_t *out)
{
	struct spdm_format format = spdm_link_format(&rig.req->link);
	struct spdm_fields f = {0};
	static const uint8_t body[40];
	uint8_t tables[16];
	size_t n = 0;

	m->valid = rnd(4) != 0;
	format.version = (uint8_t)(0x10 | m->version);
	f.num[F_P1] = m->param1;
	switch (m->code) {
	case SPDM_GET_CAPABILITIES:
		f.num[F_P1] = 0;
		f.num[F_FLAGS] = m->valid ? rig.req->caps : SPDM_CAP_KEY_EX;
		f.num[F_TRANSFER_SIZE] = f.num[F_MESSAGE_SIZE] = m->valid || rnd(2) ? 0x1000 : 41;
		f.num[F_CT_EXPONENT] = m->valid ? rnd(4) : 0;
		break;
	case SPDM_NEGOTIATE_ALGORITHMS:
		for (uint8_t t = SPDM_ALG_TABLE_DHE; t <= SPDM_ALG_TABLE_SCHEDULE; t++)
			if (t != SPDM_ALG_TABLE_REQ_ASYM)
				n += spdm_table_write(tables + n, m->valid ? t : (uint8_t)7, 0x1f);
		f.num[F_P1] = 3;
		f.num[F_LENGTH] = (uint32_t)(32 + n);
		f.num[F_MEAS_SPEC] = 1;
		f.num[F_OTHER_PARAMS] = 2;
		f.num[F_ASYM] = SPDM_ASYM_P256 | SPDM_ASYM_P384 * rnd(2);
		f.num[F_HASH] = 7;
		f.ptr[F_TABLES] = tables;
		f.len[F_TABLES] = (uint32_t)n;
		break;
	case SPDM_GET_CERTIFICATE:
		f.num[F_P1] = m->valid ? 0 : 1 + rnd(15);
		f.num[F_LENGTH] = rnd(300);
		break;
	case SPDM_GET_MEASUREMENTS:
		f.num[F_P1] = rnd(2) * 2; /* raw or not, never signed */
		f.num[F_P2] = m->valid ? (rnd(2) ? rnd(4) : 0xff) : 4 + rnd(200);
		break;
	case SPDM_VENDOR_REQUEST:
		f.num[F_STANDARD] = SPDM_STANDARD_PCISIG;
		f.ptr[F_VENDOR] = (const uint8_t *)"\1";
		f.len[F_VENDOR] = 2;
		f.ptr[F_PAYLOAD] = m->valid ? body : (const uint8_t *)"\x7f";
		f.len[F_PAYLOAD] = m->valid ? 1 + rnd(sizeof(body)) : 1;
		break;
	default:
		m->valid = true;
		break;
	}
	if (!spdm_msg_known(m->code) || spdm_msg_build(m->code, &format, &f, out, 512)) {
		memcpy(out, (const uint8_t[]){format.version, m->code, m->param1, 0}, 4);
		f.size = 4;
	}
	/* Too short, or with more behind than padding */
	if (m->code == SPDM_GET_DIGESTS && rnd(4) == 0) {
		memset(out + 4, 0, 8);
		f.size = 12;
		m->valid = false;
	}
	return f.size;
}

static void compare(const struct ref_message *m, unsigned got)
{
	struct ref before = ref;
	unsigned want = ref_step(&ref, m);

	if (got == want)
		return;
	ck_abort_msg(
		"message %llu: code %02x version %u session %d param1 %u valid %d again %d in phase %d (version %u): "
		"%03x, the model says %03x",
		(unsigned long long)rig.messages, m->code, m->version, m->session, m->param1, m->valid,
		m->same_as_before, before.phase, before.version, got, want);
}

static const uint8_t codes[] = {0x81, 0x82, 0xe0, 0xfe, 0xe8, 0xe9, 0xec, 0xe5, 0x86, 0xff, 0xe6, 0xef, 0x00, 0x7f};

static void clear_message(void)
{
	struct ref_message m = {.session = -1, .version = ref.version, .param1 = (uint8_t)rnd(5)};
	uint32_t pick = rnd(100);
	uint8_t out[512];
	size_t len;

	m.code = pick < 2    ? SPDM_GET_VERSION
		 : pick < 8  ? SPDM_GET_CAPABILITIES
		 : pick < 14 ? SPDM_NEGOTIATE_ALGORITHMS
			     : codes[rnd(sizeof(codes))];
	if (m.code == SPDM_GET_VERSION)
		m.version = rnd(3) ? 0 : 2;
	else if (!m.version || rnd(20) == 0)
		m.version = (uint8_t)rnd(6);
	len = lay_out(&m, out);
	if (m.code == SPDM_GET_CAPABILITIES && rnd(3) == 0 && last_caps_len) {
		memcpy(out, last_caps, len = last_caps_len);
		m.version = out[0] & 0xf;
		m.valid = true;
	} else if (m.code == SPDM_NEGOTIATE_ALGORITHMS && rnd(3) == 0 && last_algs_len) {
		memcpy(out, last_algs, len = last_algs_len);
		m.version = out[0] & 0xf;
		m.valid = true;
	}
	if (m.code == SPDM_GET_CAPABILITIES)
		m.same_as_before = len == last_caps_len && !memcmp(out, last_caps, len);
	if (m.code == SPDM_NEGOTIATE_ALGORITHMS)
		m.same_as_before = len == last_algs_len && !memcmp(out, last_algs, len);
	enum ref_phase before = ref.phase;
	compare(&m, say(-1, out, len, NULL));
	if (ref.phase != before || m.code == SPDM_GET_VERSION)
		synced = synced && m.code != SPDM_GET_VERSION && ref.phase == before;
	if (ref.phase == REF_CAPABILITIES && before == REF_VERSION)
		memcpy(last_caps, out, last_caps_len = len);
	if (ref.phase == REF_READY && before == REF_CAPABILITIES)
		memcpy(last_algs, out, last_algs_len = len);
	if (m.code == SPDM_GET_VERSION && ref.phase == REF_VERSION)
		last_caps_len = last_algs_len = 0;
}

static int open_session(void)
{
	int first = (int)rnd(SPDM_MAX_SESSIONS);

	for (int i = 0; i < (int)SPDM_MAX_SESSIONS; i++) {
		int at = (first + i) % (int)SPDM_MAX_SESSIONS;

		if (ref.sessions[at].open)
			return at;
	}
	return -1;
}

static void secured_message(void)
{
	static const uint8_t inside[] = {0xe8, 0xe9, 0xe8, 0xe9, 0x81, 0x82, 0xe0, 0xfe, 0x83, 0x84, 0xe4, 0xe5, 0xe6};
	struct ref_message m = {.session = open_session(), .version = ref.version, .param1 = (uint8_t)rnd(5)};
	struct spdm_direction next;
	struct spdm_session *s;
	uint8_t out[512];
	unsigned want, got;
	struct ref before;
	size_t len;

	if (m.session < 0)
		return;
	s = &rig.req->link.sessions[m.session];
	before = ref;
	m.code = rnd(300) == 0 ? SPDM_END_SESSION : inside[rnd(sizeof(inside))];
	if (rnd(50) == 0)
		m.version = (uint8_t)rnd(6);
	if (m.code == SPDM_KEY_UPDATE && ref.sessions[m.session].new_key && rnd(4))
		m.param1 = SPDM_VERIFY_KEY;
	len = lay_out(&m, out);
	if (rnd(1000) == 0) { /* garbled on the way */
		struct spdm_direction spoilt = s->keys.request;

		s->keys.request.key[0] ^= 1;
		got = say(m.session, out, len, NULL);
		s->keys.request = spoilt;
		ck_assert_uint_eq(got, ref_garbled(&ref, (unsigned)m.session));
		spdm_session_end(s);
		return;
	}
	want = ref_step(&ref, &m);
	next = s->keys.response;
	if (want == 0x69 && m.param1 == SPDM_UPDATE_ALL)
		MUST(spdm_keys_update(&s->keys, &next) == 0);
	got = say(m.session, out, len, &next);
	if (got != want)
		ck_abort_msg("message %llu: code %02x param1 %u new key %d in a session: %03x, the model says %03x",
			     (unsigned long long)rig.messages, m.code, m.param1, before.sessions[m.session].new_key,
			     got, want);
	s->keys.response = next;
	if (want == 0x69 && m.param1 != SPDM_VERIFY_KEY)
		MUST(spdm_keys_update(&s->keys, &s->keys.request) == 0);
	if (want == 0x6c)
		spdm_session_end(s);
}

static void reconnect(void)
{
	MUST(spdm_requester_connect(rig.req) == 0);
	memset(&ref, 0, sizeof(ref));
	ref.phase = REF_READY;
	ref.version = spdm_requester_version(rig.req) & 0xf;
	synced = true;
	last_caps_len = last_algs_len = 0;
}

/* A call of the requester with an answer that was tampered with: its verdict. */
static void tampered_call(void)
{
	static const struct {
		int rc;
		enum spdm_reason reason;
	} want[TAMPER_KINDS] = {
		{0, SPDM_OK},
		{0, SPDM_OK},
		{-EPROTO, SPDM_PEER_ERROR},
		{-EPROTO, SPDM_MALFORMED},
		{-EPROTO, SPDM_MALFORMED},
		{-ETIMEDOUT, SPDM_NO_REPLY},
		{-EPROTO, SPDM_PEER_ERROR},
	};
	uint8_t kind = (uint8_t)rnd(TAMPER_KINDS), out[64];
	struct spdm_measurements m = {0};
	size_t len;
	int rc;

	if (!synced || ref.phase != REF_READY)
		return;
	tamper = kind;
	if (rnd(2)) {
		rc = spdm_requester_measurements(rig.req, 0, false, false, &m);
		spdm_measurements_fini(&m);
	} else {
		rc = spdm_requester_vendor(rig.req, 0, (const uint8_t *)"\1 ping", 6, out, sizeof(out), &len);
	}
	MUST(tamper == TAMPER_NOTHING);
	if (!(rc == want[kind].rc && spdm_requester_reason(rig.req) == want[kind].reason))
		ck_abort_msg("tampering %u: %d, %s", kind, rc, spdm_requester_why(rig.req));
	if (kind == TAMPER_RESYNCH) {
		MUST(spdm_requester_vendor(rig.req, 0, (const uint8_t *)"\1", 1, out, sizeof(out), &len) == -EINVAL);
		reconnect();
	}
}

/* What needs signatures: it must succeed exactly when both ends agree on what went before. */
static void costly(void)
{
	struct spdm_measurements m;
	uint32_t id;

	if (!synced || ref.phase != REF_READY)
		return;
	/* Also begins all transcripts anew, to which requests of the walk may have added on one side only. */
	MUST(spdm_requester_chain(rig.req, 0) == 0);
	switch (rnd(4)) {
	case 0:
		MUST(spdm_requester_challenge(rig.req) == 0);
		break;
	case 1:
		MUST(spdm_requester_measurements(rig.req, 0, false, false, &m) == 0);
		spdm_measurements_fini(&m);
		MUST(spdm_requester_measurements(rig.req, 0, true, false, &m) == 0);
		spdm_measurements_fini(&m);
		break;
	default:
		for (unsigned i = 0; i < SPDM_MAX_SESSIONS; i++) {
			if (ref.sessions[i].open)
				continue;
			MUST(spdm_requester_start_session(rig.req, &id) == 0);
			MUST(rig.req->link.sessions[i].id == id);
			ref_open(&ref, i);
			break;
		}
		break;
	}
}

START_TEST(walk)
{
	unsigned open = 0;

	log_set_sink(silence, NULL);
	ref = (struct ref){0};
	synced = false;
	tamper = TAMPER_NOTHING;
	last_caps_len = last_algs_len = 0;
	seed = UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)_i;
	spdm_rig_init(&rig, SPDM_ASYM_P256);
	rig.hook = hook;
	rig.req_config.profile.algs.dhe = SPDM_DHE_P256;
	rig.req_config.profile.versions = SPDM_VERSION_BIT(SPDM_VERSION_12 + _i % 3);
	MUST(spdm_rig_start(&rig) == 0);
	while (rig.messages < MESSAGES / 2) {
		uint32_t pick = rnd(1000);

		if (pick < 1)
			costly();
		else if (pick < 30)
			tampered_call();
		else if (pick < 330 || open_session() < 0)
			clear_message();
		else
			secured_message();
		if (!synced && rnd(20) == 0)
			reconnect();
		open = 0;
		for (unsigned i = 0; i < SPDM_MAX_SESSIONS; i++)
			open += ref.sessions[i].open;
		MUST(spdm_responder_sessions(rig.rsp) == open);
	}
	ck_assert_uint_ge(rig.ups, 100);
	spdm_rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spdm_walk");
	TCase *tc = tcase_create("walk");

	tcase_set_timeout(tc, 280);
	tcase_add_loop_test(tc, walk, 0, 2);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

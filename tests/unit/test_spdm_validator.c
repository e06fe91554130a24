/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What DMTF's SPDM-Responder-Validator asks of a responder, for the versions that aerie speaks: the requests and the
 * assertions of its documentation (doc/1 to 16, cases in the comments). Signatures and MACs, which it verifies too, are
 * in other tests.
 */
#include <check.h>

#include "bits.h"
#include "capture.h"
#include "run_suite.h"
#include "spdm_keys.h"
#include "spdm_req.h"
#include "spdm_rig.h"
#include "spdm_rsp.h"

#define ROOM 0x12000u

enum {
	INVALID = 0x01,
	UNEXPECTED = 0x04,
	DECRYPT = 0x06,
	SESSION_REQUIRED = 0x0b,
	MISMATCH = 0x41,
};

static struct spdm_rig rig;
static uint8_t answer[ROOM];
static size_t answer_len;
static uint8_t version;

static void setup(void)
{
	capture_begin();
	spdm_rig_init(&rig, SPDM_ASYM_P256);
}

static void teardown(void)
{
	spdm_rig_fini(&rig);
	log_set_sink(NULL, NULL);
}

static void ask(const void *request, size_t len)
{
	bool secured = false;

	ck_assert_int_eq(spdm_responder_handle(rig.rsp, &secured, request, len, answer, sizeof(answer), &answer_len),
			 0);
	ck_assert(!secured);
	ck_assert_uint_ge(answer_len, 4);
}

#define ASK(...) ask((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void expect(uint8_t v, uint8_t code, uint8_t param1)
{
	ck_assert_msg(answer[0] == v && answer[1] == code && answer[2] == param1, "%02x %02x %02x, not %02x %02x %02x",
		      answer[0], answer[1], answer[2], v, code, param1);
}

static void refused_as(uint8_t v, uint8_t error)
{
	expect(v, SPDM_ERROR, error);
	ck_assert_uint_eq(answer[3], 0);
}

static void refused(uint8_t error)
{
	refused_as(version, error);
}

static uint32_t le(size_t at, unsigned bytes)
{
	uint32_t value = 0;

	ck_assert_uint_le(at + bytes, answer_len);
	for (unsigned i = 0; i < bytes; i++)
		value |= (uint32_t)answer[at + i] << (8 * i);
	return value;
}

#define PSK	 BIT32(10)
#define SESSIONS (SPDM_CAP_ENCRYPT | SPDM_CAP_MAC | SPDM_CAP_KEY_EX | SPDM_CAP_HBEAT | SPDM_CAP_KEY_UPD)
#define IDENTITY (SPDM_CAP_CERT | SPDM_CAP_CHAL)
#define PLAIN	 (IDENTITY | SESSIONS | SPDM_CAP_ENCAP)
#define FLAGS	 (PLAIN | SPDM_CAP_MUT_AUTH | PSK)

static void ask_caps(uint32_t flags, uint32_t transfer, uint32_t message)
{
	uint8_t request[20] = {version, 0xe1};

	spdm_put_le(request + 8, 4, flags);
	spdm_put_le(request + 12, 4, transfer);
	spdm_put_le(request + 16, 4, message);
	ask(request, sizeof(request));
}

/* A new responder and a connection to it, as far as GET_VERSION. */
static void begin(uint8_t v)
{
	version = v;
	spdm_responder_destroy(rig.rsp);
	ck_assert_int_eq(spdm_responder_create(&rig.rsp_config, &rig.rsp), 0);
	ASK(0x10, 0x84, 0, 0);
	expect(0x10, 0x04, 0);
}

static const uint8_t negotiate[] = {0x12, 0xe3, 4,    0, 48, 0,	   1,	 2, 0xff, 0x0f, 0,    0,    0x7f, 0,	0, 0,
				    0,	  0,	0,    0, 0,  0,	   0,	 0, 0,	  0,	0,    0,    0,	  0,	0, 0,
				    2,	  0x20, 0x7f, 0, 3,  0x20, 0x0f, 0, 4,	  0x20, 0xff, 0x0f, 5,	  0x20, 1, 0};

/* NEGOTIATE_ALGORITHMS with all that the validator knows, one byte of it @value. */
static void ask_algs(size_t at, uint8_t value)
{
	uint8_t request[sizeof(negotiate)];

	memcpy(request, negotiate, sizeof(request));
	request[0] = version;
	request[at] = value;
	ask(request, sizeof(request));
}

static void connect_to(uint8_t v, uint32_t flags)
{
	begin(v);
	ask_caps(flags, 0x1000, 0x1000);
	expect(v, 0x61, 0);
	ask_algs(0, v);
	ck_assert_uint_eq(answer[1], 0x63);
}

/* 2.2, 2.4 (but for MUT_AUTH without ENCAP, which is wrong in 1.1 alone; libspdm has it so, too), 2.5, 2.6 */
START_TEST(capabilities)
{
	begin((uint8_t)_i);
	ASK(0x15, 0xe1, 0, 0);
	refused_as(0x10, MISMATCH);
	ASK(0x11, 0xe1, 0, 0);
	refused_as(0x10, MISMATCH);
	ask_caps(FLAGS & ~(SPDM_CAP_ENCRYPT | SPDM_CAP_MAC), 0x1000, 0x1000);
	refused(INVALID);
	ask_caps(FLAGS & ~(SPDM_CAP_KEY_EX | PSK), 0x1000, 0x1000);
	refused(INVALID);
	ask_caps(FLAGS, 41, 0x1000);
	refused(INVALID);
	ask_caps(FLAGS, 0x1001, 0x1000);
	refused(INVALID);
	ask_caps(FLAGS | SPDM_CAP_CHUNK, 0x1000, 0x1000);
	expect(version, 0x61, 0);
	ck_assert_uint_ge(le(12, 4), 42);
	ck_assert_uint_ge(le(16, 4), le(12, 4));
	ask_caps(FLAGS & ~SPDM_CAP_HBEAT, 0x1000, 0x1000);
	refused(UNEXPECTED);
	ask_caps(FLAGS | SPDM_CAP_CHUNK, 0x1001, 0x1001);
	refused(UNEXPECTED);
}
END_TEST

/* 3.2 to 3.4, 3.6 */
START_TEST(algorithms)
{
	static const struct {
		size_t at;
		uint8_t value;
	} wrong[] = {{4, 47},	 {4, 49},    {28, 21},	 {29, 21},   {33, 0x10},
		     {33, 0x30}, {37, 0x10}, {37, 0x30}, {33, 0x2f}, {37, 0x2f}};

	begin((uint8_t)_i);
	ask_algs(0, version);
	refused_as(0x10, UNEXPECTED);
	ask_caps(PLAIN, 0x1000, 0x1000);
	for (unsigned i = 0; i < ARRAY_LEN(wrong); i++) {
		ask_algs(wrong[i].at, wrong[i].value);
		refused(INVALID);
	}
	ask_algs(0, (uint8_t)(version + 1));
	refused(MISMATCH);
	ask_algs(0, (uint8_t)(version - 1));
	refused(MISMATCH);
	ask_algs(0, version);
	expect(version, 0x63, 4);
	ck_assert_uint_eq(le(4, 2), answer_len);
	ck_assert_uint_eq(answer_len, 36 + 4 * 4);
	ck_assert_uint_eq(le(32, 2), 0);
	for (size_t at = 8; at <= 16; at += 4)
		ck_assert_int_eq(__builtin_popcount(le(at, 4)), 1);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(answer[36 + 4 * i], i + 2);
		ck_assert_uint_eq(answer[37 + 4 * i], 0x20);
		ck_assert_int_eq(__builtin_popcount(le(38 + 4 * i, 2)), i == 2 ? 0 : 1);
	}
}
END_TEST

/* 4.1 to 4.3, 5.1 to 5.8 */
START_TEST(certificates)
{
	uint8_t slot_size[] = {(uint8_t)_i, 0x82, 0, 1, 0xff, 0xff, 0x55, 0xaa};
	uint32_t offset = 0, rest = 1;

	begin((uint8_t)_i);
	ask_caps(PLAIN, 0x1000, 0x1000);
	ASK(version, 0x81, 0, 0);
	refused(UNEXPECTED);
	connect_to((uint8_t)_i, PLAIN | SPDM_CAP_CHUNK);
	for (int other = -1; other <= 1; other += 2) {
		ASK((uint8_t)(version + other), 0x81, 0, 0);
		refused(MISMATCH);
		ASK((uint8_t)(version + other), 0x82, 0, 0, 0, 0, 0, 4);
		refused(MISMATCH);
	}
	ASK(version, 0x81, 0, 0);
	ck_assert_uint_eq(answer[1], 0x01);
	ck_assert(answer[3] & 1);
	for (uint8_t slot = 1; slot < 16; slot++) {
		ASK(version, 0x82, slot, 0, 0, 0, 0, 4);
		refused(INVALID);
	}
	ASK(version, 0x82, 0, 0, 0xff, 0xff, 0, 4);
	refused(INVALID);
	while (rest) {
		ASK(version, 0x82, 0, 0, (uint8_t)offset, (uint8_t)(offset >> 8), 0, 4);
		expect(version, 0x02, 0);
		ck_assert(le(4, 2) > 0 && le(4, 2) <= 0x400);
		offset += le(4, 2);
		rest = le(6, 2);
	}
	ASK(version, 0x82, 0, 0, 0, 0, 0xff, 0xff);
	expect(version, 0x02, 0);
	ck_assert_uint_eq(le(4, 2), offset);
	ck_assert_uint_eq(le(6, 2), 0);
	if (version < 0x13)
		return;
	ask(slot_size, sizeof(slot_size));
	expect(version, 0x02, 0);
	ck_assert_uint_gt(le(6, 2), 0);
}
END_TEST

static void ask_challenge(uint8_t v, uint8_t slot, uint8_t summary)
{
	uint8_t request[44] = {v, 0x83, slot, summary, 1};

	ask(request, v > 0x12 ? 44 : 36);
}

/* 6.4, 6.6, 6.8: at once after ALGORITHMS */
START_TEST(challenge)
{
	static const uint8_t summaries[] = {0, 1, 0xff};

	connect_to((uint8_t)_i, PLAIN);
	for (unsigned i = 0; i < 3; i++) {
		ask_challenge(version, 0, summaries[i]);
		expect(version, 0x03, 0);
		ck_assert(answer[3] & 1);
	}
	ask_challenge((uint8_t)(version + 1), 0, 0);
	refused(MISMATCH);
	ask_challenge((uint8_t)(version - 1), 0, 0);
	refused(MISMATCH);
	for (unsigned slot = 1; slot < 16; slot++) {
		ask_challenge(version, (uint8_t)slot, 0);
		refused(INVALID);
	}
	ask_challenge(version, 0xff, 0);
	refused(INVALID);
	ask_challenge(version, 0, 2);
	refused(INVALID);
	ask_challenge(version, 0, 0xfe);
	refused(INVALID);
}
END_TEST

static void ask_measurements(uint8_t v, bool sign, uint8_t operation, uint8_t slot)
{
	uint8_t request[45] = {v, 0xe0, sign, operation};
	size_t len = sign ? 37 : 4;

	if (sign)
		request[36] = slot;
	ask(request, v > 0x12 ? len + 8 : len);
}

/* 7.2 to 7.6 */
START_TEST(measurements)
{
	uint8_t indices[256] = {0}, count;
	size_t at = 8;

	begin((uint8_t)_i);
	ask_caps(PLAIN, 0x1000, 0x1000);
	ask_measurements(version, true, 0, 0);
	refused(UNEXPECTED);
	connect_to((uint8_t)_i, PLAIN);
	ask_measurements((uint8_t)(version + 1), true, 0, 0);
	refused(MISMATCH);
	ask_measurements(version, true, 0, 0);
	ck_assert_uint_eq(answer[1], 0x60);
	count = answer[2];
	ck_assert_uint_gt(count, 0);
	ck_assert_uint_eq(le(4, 4), 0); /* blocks, and the length of their record */
	ask_measurements(version, true, 0xff, 0);
	ck_assert_uint_eq(answer[4], count);
	for (unsigned i = 0; i < count; i++) {
		indices[answer[at]] = 1;
		ck_assert_uint_eq(answer[at + 1], 1);
		ck_assert_uint_eq(le(at + 2, 2), 3 + le(at + 5, 2));
		at += 4 + le(at + 2, 2);
	}
	ck_assert_uint_eq(at - 8, le(5, 3));
	for (unsigned index = 1; index < 0xff; index++) {
		ask_measurements(version, index % 2, (uint8_t)index, 0);
		if (!indices[index]) {
			refused(INVALID);
			continue;
		}
		ck_assert_uint_eq(answer[1], 0x60);
		ck_assert_uint_eq(answer[4], 1);
		ck_assert_uint_eq(answer[8], index);
		ck_assert_uint_eq(le(5, 3), 4 + le(10, 2));
	}
	for (uint8_t slot = 1; slot < 16; slot++) {
		ask_measurements(version, true, 1, slot);
		refused(INVALID);
	}
}
END_TEST

static void ask_exchange(uint8_t v, uint8_t summary, uint8_t slot, uint16_t opaque_len)
{
	uint8_t request[40 + 64 + 2] = {v, 0xe4, summary, slot, 1};

	spdm_put_le(request + 104, 2, opaque_len);
	ask(request, sizeof(request));
}

/* 8.3, 8.6, 9.4, 12.4, 13.5, 16.4: what is wrong before a session is there */
START_TEST(without_session)
{
	begin((uint8_t)_i);
	ask_caps(PLAIN, 0x1000, 0x1000);
	ASK(version, 0xe5, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8);
	refused(UNEXPECTED);
	connect_to((uint8_t)_i, PLAIN);
	ask_exchange((uint8_t)(version + 1), 0, 0, 0);
	refused(MISMATCH);
	for (unsigned slot = 1; slot < 16; slot++) {
		ask_exchange(version, 0, (uint8_t)slot, 0);
		refused(INVALID);
	}
	ask_exchange(version, 0, 0xff, 0);
	refused(INVALID);
	ask_exchange(version, 2, 0, 0);
	refused(INVALID);
	ask_exchange(version, 0xfe, 0, 0);
	refused(INVALID);
	ask_exchange(version, 0, 0, 0xffff);
	refused(INVALID);
	ASK(version, 0xe8, 0, 0);
	refused(SESSION_REQUIRED);
	ASK(version, 0xe9, 1, 7);
	refused(SESSION_REQUIRED);
	ASK(version, 0xec, 0, 0);
	refused(SESSION_REQUIRED);
}
END_TEST

/* The same inside a session, sealed with the keys of the requester, whose own messages wait meanwhile. */
static struct spdm_direction to, from;

static void ask_inside(const uint8_t *request, size_t len, uint8_t error)
{
	const struct spdm_session *s = &rig.req->link.sessions[0];
	uint8_t wire[ROOM];
	bool secured = true;
	size_t got;

	ck_assert_int_eq(spdm_secured_seal(&s->keys, &to, s->id, request, len, wire, sizeof(wire), &got), 0);
	ck_assert_int_eq(spdm_responder_handle(rig.rsp, &secured, wire, got, wire, sizeof(wire), &got), 0);
	ck_assert(secured);
	ck_assert_int_eq(spdm_secured_open(&s->keys, &from, wire, got, answer, sizeof(answer), &answer_len), 0);
	refused(error);
}

#define INSIDE(error, ...) ask_inside((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), error)

/* FINISH, without a signature even if it says so. */
static void finish(uint8_t v, uint8_t is_signed, uint8_t slot, uint8_t error)
{
	uint8_t request[4 + 2 + SPDM_MAX_HASH] = {v, 0xe5, is_signed, slot};

	ask_inside(request, (version > 0x13 ? 6 : 4) + rig.req->link.hash->len, error);
}

/* 9.3, 9.6, 9.7, 12.3, 13.4, 16.3: in the handshake, which lives through all of it but a wrong MAC */
static size_t before_finish(struct spdm_rig *r, bool out, bool secured, uint8_t *bytes, size_t len)
{
	if (out || !secured)
		return len;
	r->hook = NULL;
	to = r->req->link.sessions[0].keys.request;
	to.sequence = 0;
	from = r->req->link.sessions[0].keys.response;
	INSIDE(UNEXPECTED, version, 0xe8, 0, 0);
	INSIDE(UNEXPECTED, version, 0xe9, 1, 7);
	INSIDE(UNEXPECTED, version, 0xec, 0, 0);
	finish((uint8_t)(version + 1), 0, 0, MISMATCH);
	finish((uint8_t)(version - 1), 0, 0, MISMATCH);
	for (unsigned slot = 1; slot < 16; slot++)
		finish(version, 1, (uint8_t)slot, INVALID);
	finish(version, 1, 0xff, INVALID);
	INSIDE(INVALID, version, 0xe5, 0, 0);
	finish(version, 0, 0, DECRYPT);
	return len;
}

START_TEST(handshake)
{
	uint32_t session;

	version = (uint8_t)_i;
	rig.req_config.profile.versions = SPDM_VERSION_BIT(version);
	spdm_rig_start(&rig);
	ck_assert_int_eq(spdm_requester_connect(rig.req), 0);
	ck_assert_int_eq(spdm_requester_chain(rig.req, 0), 0);
	rig.hook = before_finish;
	ck_assert_int_ne(spdm_requester_start_session(rig.req, &session), 0);
	ck_assert_ptr_null(rig.hook);
}
END_TEST

/* 8.5, 9.5, 12.2, 13.2, 13.3, 16.1, 16.2 */
START_TEST(application)
{
	uint8_t exchange[106] = {(uint8_t)_i, 0xe4};
	uint32_t session;

	version = (uint8_t)_i;
	rig.req_config.profile.versions = SPDM_VERSION_BIT(version);
	spdm_rig_start(&rig);
	ck_assert_int_eq(spdm_requester_connect(rig.req), 0);
	ck_assert_int_eq(spdm_requester_chain(rig.req, 0), 0);
	ck_assert_int_eq(spdm_requester_start_session(rig.req, &session), 0);
	to = rig.req->link.sessions[0].keys.request;
	from = rig.req->link.sessions[0].keys.response;
	ask_inside(exchange, sizeof(exchange), UNEXPECTED);
	finish(version, 0, 0, UNEXPECTED);
	for (int other = -1; other <= 1; other += 2) {
		INSIDE(MISMATCH, (uint8_t)(version + other), 0xe8, 0, 0);
		INSIDE(MISMATCH, (uint8_t)(version + other), 0xe9, 1, 7);
		INSIDE(MISMATCH, (uint8_t)(version + other), 0xec, 0, 0);
	}
	INSIDE(INVALID, version, 0xe9, 0, 7);
	INSIDE(INVALID, version, 0xe9, 4, 7);
	rig.req->link.sessions[0].keys.request = to;
	rig.req->link.sessions[0].keys.response = from;
	ck_assert_int_eq(spdm_requester_key_update(rig.req, session, 1), 0);
	ck_assert_int_eq(spdm_requester_key_update(rig.req, session, 2), 0);
	ck_assert_int_eq(spdm_requester_end_session(rig.req, session), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("spdm_validator");
	TCase *tc = tcase_create("groups");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, capabilities, 0x12, 0x15);
	tcase_add_loop_test(tc, algorithms, 0x12, 0x15);
	tcase_add_loop_test(tc, certificates, 0x12, 0x15);
	tcase_add_loop_test(tc, challenge, 0x12, 0x15);
	tcase_add_loop_test(tc, measurements, 0x12, 0x15);
	tcase_add_loop_test(tc, without_session, 0x12, 0x15);
	tcase_add_loop_test(tc, handshake, 0x12, 0x15);
	tcase_add_loop_test(tc, application, 0x12, 0x15);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

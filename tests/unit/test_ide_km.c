/* SPDX-License-Identifier: Apache-2.0 */
/* IDE_KM (PCIe 6.0, 6.33.3), clause by clause: both ends against each other and against hand-made messages. */
#include <errno.h>
#include <string.h>

#include "ide_km.h"
#include "log.h"
#include "run_suite.h"

#define SESSION 0x10002u
#define OTHER	0x10003u
#define STREAM	7u

static struct ide_km_responder port;
static struct ide_km_requester rq;
static struct ide_key hardware[256][2][IDE_NR_KEYS];
static bool valid[256][2][IDE_NR_KEYS];
static bool secure[256];
static unsigned secured, dropped;
static int key_error;

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static bool has_stream(void *opaque, uint8_t stream)
{
	return stream < 32;
}

static int capability(void *opaque, uint8_t *buf, size_t cap)
{
	memset(buf, 0x30, 40);
	return 40;
}

static int set_key(void *opaque, uint8_t stream, unsigned set, unsigned number, const struct ide_key *key)
{
	if (key && key_error)
		return key_error;
	valid[stream][set][number] = key != NULL;
	if (key)
		hardware[stream][set][number] = *key;
	return 0;
}

static void set_secure(void *opaque, uint8_t stream, bool on)
{
	ck_assert(secure[stream] != on);
	secure[stream] = on;
	secured += on;
	dropped += !on;
}

static const struct ide_km_ops ops = {has_stream, capability, set_key, set_secure};

static void setup(void)
{
	log_set_sink(quiet, NULL);
	memset(valid, 0, sizeof(valid));
	memset(secure, 0, sizeof(secure));
	secured = 0;
	dropped = 0;
	key_error = 0;
	rq = (struct ide_km_requester){0};
	ide_km_responder_init(&port, &ops, NULL);
	port.rid = 0x0208;
}

static int exchange(void *opaque, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	return ide_km_respond(&port, SESSION, req, len, rsp, cap);
}

static unsigned keys_in_hardware(unsigned stream)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 2 * IDE_NR_KEYS; i++)
		n += valid[stream][i / IDE_NR_KEYS][i % IDE_NR_KEYS];
	return n;
}

static struct ide_keys start(uint8_t stream, unsigned set)
{
	struct ide_keys keys;

	ck_assert_int_eq(ide_keys_generate(&keys), 0);
	ck_assert_int_eq(ide_km_start_stream("port", 0, stream, set, &keys, exchange, NULL), 0);
	return keys;
}

/* A KEY_PROG of all zeroes but what is named; the status of its answer. */
static int prog(uint32_t session, uint8_t stream, uint8_t sub_stream, uint8_t index, uint32_t ifv, size_t len)
{
	uint8_t req[64] = {0, IDE_KM_KEY_PROG, 0, 0, stream, 0, sub_stream, index}, rsp[64];

	req[44] = (uint8_t)ifv;
	int n = ide_km_respond(&port, session, req, len, rsp, sizeof(rsp));

	if (n <= 0)
		return n;
	ck_assert_int_eq(n, 8);
	ck_assert_uint_eq(rsp[1], IDE_KM_KP_ACK);
	ck_assert_uint_eq(rsp[4], stream);
	ck_assert_uint_eq(rsp[6], sub_stream);
	ck_assert_uint_eq(rsp[7], index);
	return rsp[5];
}

static int go(uint32_t session, uint8_t object, uint8_t stream, uint8_t sub_stream, uint8_t index, size_t len)
{
	uint8_t req[16] = {0, object, 0, 0, stream, 0, sub_stream, index}, rsp[16];
	int n = ide_km_respond(&port, session, req, len, rsp, sizeof(rsp));

	if (n > 0) {
		ck_assert_int_eq(n, 8);
		ck_assert_uint_eq(rsp[1], IDE_KM_K_GOSTOP_ACK);
		ck_assert_int_eq(memcmp(rsp + 2, req + 2, 6), 0);
	}
	return n;
}

START_TEST(query)
{
	struct ide_km_port p;

	ck_assert_int_eq(ide_km_query("port", 0, &p, exchange, NULL), 0);
	ck_assert_uint_eq(p.devfn, 0x08);
	ck_assert_uint_eq(p.bus, 0x02);
	ck_assert_uint_eq(p.max_port, 0);
	ck_assert_uint_eq(p.registers_len, 40);
	ck_assert_int_lt(ide_km_query("port", 1, &p, exchange, NULL), 0);
}
END_TEST

/* The bytes of a key as they travel: high DW first, each little-endian; the IFV as 0, 1. */
START_TEST(key_order)
{
	struct ide_key key = {.ifv = 1};
	uint8_t buf[64];

	for (unsigned i = 0; i < 32; i++)
		key.key[i] = (uint8_t)i;
	ck_assert_int_eq(ide_km_ask_key(&rq, 0, STREAM, 1, 5, &key, buf, sizeof(buf)), 48);
	ck_assert_uint_eq(buf[6], 0x23); /* completions, Tx, key set 1 */
	ck_assert_uint_eq(buf[8], 3);
	ck_assert_uint_eq(buf[11], 0);
	ck_assert_uint_eq(buf[39], 28);
	ck_assert_int_eq(memcmp(buf + 40, "\0\0\0\0\1\0\0\0", 8), 0);
	uint8_t rsp[64];
	int n = ide_km_respond(&port, SESSION, buf, 48, rsp, sizeof(rsp));

	ck_assert_int_eq(ide_km_take(&rq, rsp, (size_t)n, NULL), 0);
	ck_assert_int_eq(memcmp(&hardware[STREAM][1][5], &key, sizeof(key)), 0);
}
END_TEST

START_TEST(stream_life)
{
	struct ide_keys keys = start(STREAM, 0), again;
	uint32_t session = 0;

	ck_assert(secure[STREAM]);
	ck_assert(ide_km_secure(&port, STREAM, &session));
	ck_assert_uint_eq(session, SESSION);
	ck_assert_uint_eq(keys_in_hardware(STREAM), IDE_NR_KEYS);
	for (unsigned i = 0; i < IDE_NR_KEYS; i++)
		ck_assert_int_eq(memcmp(&hardware[STREAM][0][i], &keys.keys[i], sizeof(keys.keys[i])), 0);
	/* Refresh: the other key set takes over without a gap. */
	again = start(STREAM, 1);
	ck_assert(secure[STREAM]);
	ck_assert_uint_eq(secured, 1);
	ck_assert_uint_eq(keys_in_hardware(STREAM), IDE_NR_KEYS);
	ck_assert_int_eq(memcmp(&hardware[STREAM][1][0], &again.keys[0], sizeof(again.keys[0])), 0);
	ck_assert_int_eq(ide_km_stop_stream("port", 0, STREAM, 1, exchange, NULL), 0);
	ck_assert(!secure[STREAM]);
	ck_assert_uint_eq(dropped, 1);
	ck_assert_uint_eq(keys_in_hardware(STREAM), 0);
	ck_assert(!port.streams[0].used);
}
END_TEST

/* All six keys of a stream, no fewer. */
START_TEST(all_keys)
{
	for (uint8_t missing = 0; missing < IDE_NR_KEYS; missing++) {
		setup();
		for (uint8_t i = 0; i < IDE_NR_KEYS; i++) {
			uint8_t sub = (uint8_t)(i / 2 << 4 | (i % 2) << 1);

			ck_assert_int_eq(prog(SESSION, STREAM, sub, 0, 1, 48), 0);
			if (i != missing)
				ck_assert_int_eq(go(SESSION, IDE_KM_K_SET_GO, STREAM, sub, 0, 8), 8);
		}
		ck_assert(!secure[STREAM]);
		ck_assert_int_eq(
			go(SESSION, IDE_KM_K_SET_GO, STREAM, (uint8_t)(missing / 2 << 4 | (missing % 2) << 1), 0, 8),
			8);
		ck_assert(secure[STREAM]);
	}
}
END_TEST

START_TEST(key_refused)
{
	ck_assert_int_eq(prog(0, STREAM, 0, 0, 1, 48), 0); /* outside of a session: no answer */
	ck_assert_uint_eq(keys_in_hardware(STREAM), 0);
	ck_assert_int_eq(prog(SESSION, STREAM, 0, 0, 1, 7), -EBADMSG);
	for (size_t len = 8; len < 60; len++)
		if (len != 48)
			ck_assert_int_eq(prog(SESSION, STREAM, 0, 0, 1, len), IDE_KM_BAD_LENGTH);
	ck_assert_int_eq(prog(SESSION, STREAM, 0, 1, 1, 48), IDE_KM_BAD_PORT);
	ck_assert_int_eq(prog(SESSION, STREAM, 0, 0, 0, 48), IDE_KM_BAD_VALUE);
	ck_assert_int_eq(prog(SESSION, STREAM, 0, 0, 2, 48), IDE_KM_BAD_VALUE);
	ck_assert_int_eq(prog(SESSION, STREAM, 0x30, 0, 1, 48), IDE_KM_BAD_VALUE);
	ck_assert_int_eq(prog(SESSION, STREAM, 0x04, 0, 1, 48), IDE_KM_BAD_VALUE);
	ck_assert_int_eq(prog(SESSION, 32, 0, 0, 1, 48), IDE_KM_BAD_VALUE);
	key_error = -EIO;
	ck_assert_int_eq(prog(SESSION, STREAM, 0, 0, 1, 48), IDE_KM_FAILED);
	key_error = 0;
	ck_assert_uint_eq(keys_in_hardware(STREAM), 0);
	ck_assert_int_eq(prog(SESSION, STREAM, 0, 0, 1, 48), 0);
	ck_assert_int_eq(prog(SESSION, STREAM, 0, 0, 1, 48), 0); /* not going yet: replaced */
	ck_assert_int_eq(go(SESSION, IDE_KM_K_SET_GO, STREAM, 0, 0, 8), 8);
	ck_assert_int_eq(prog(SESSION, STREAM, 0, 0, 1, 48), IDE_KM_FAILED); /* runs */
	ck_assert_int_eq(prog(SESSION, STREAM, 1, 0, 1, 48), 0);	     /* the other set */
}
END_TEST

START_TEST(go_refused)
{
	ck_assert_int_eq(go(SESSION, IDE_KM_K_SET_GO, STREAM, 0, 0, 8), -EBADMSG); /* no key */
	ck_assert_int_eq(prog(SESSION, STREAM, 0, 0, 1, 48), 0);
	ck_assert_int_eq(go(SESSION, IDE_KM_K_SET_GO, STREAM, 1, 0, 8), -EBADMSG);
	ck_assert_int_eq(go(SESSION, IDE_KM_K_SET_GO, STREAM, 2, 0, 8), -EBADMSG);
	ck_assert_int_eq(go(SESSION, IDE_KM_K_SET_GO, STREAM, 0x30, 0, 8), -EBADMSG);
	ck_assert_int_eq(go(SESSION, IDE_KM_K_SET_GO, STREAM, 0, 1, 8), -EBADMSG);
	ck_assert_int_eq(go(SESSION, IDE_KM_K_SET_GO, STREAM, 0, 0, 9), -EBADMSG);
	ck_assert_int_eq(go(SESSION, IDE_KM_K_SET_GO, STREAM + 1, 0, 0, 8), -EBADMSG);
	ck_assert_int_eq(go(SESSION, 7, STREAM, 0, 0, 8), -EBADMSG);
	ck_assert_int_eq(go(SESSION, IDE_KM_KP_ACK, STREAM, 0, 0, 8), -EBADMSG);
	ck_assert_int_eq(go(0, IDE_KM_K_SET_GO, STREAM, 0, 0, 8), 0);
	ck_assert_int_eq(go(SESSION, IDE_KM_K_SET_GO, STREAM, 0, 0, 8), 8);
	ck_assert_int_eq(go(SESSION, IDE_KM_K_SET_STOP, STREAM, 0, 0, 8), 8);
	ck_assert_int_eq(go(SESSION, IDE_KM_K_SET_STOP, STREAM, 0, 0, 8), -EBADMSG);
	ck_assert_int_eq(prog(SESSION, STREAM, 0, 0, 1, 48), 0);
}
END_TEST

/* One session owns a stream; its end takes the keys with it. */
START_TEST(sessions)
{
	start(STREAM, 0);
	start(STREAM + 1, 0);
	ck_assert_int_eq(prog(OTHER, STREAM, 1, 0, 1, 48), IDE_KM_FAILED);
	ck_assert_int_eq(go(OTHER, IDE_KM_K_SET_STOP, STREAM, 0, 0, 8), -EBADMSG);
	ide_km_session_ended(&port, OTHER);
	ck_assert(secure[STREAM] && secure[STREAM + 1]);
	ide_km_drop_stream(&port, STREAM + 1);
	ck_assert(!secure[STREAM + 1] && secure[STREAM]);
	ide_km_session_ended(&port, SESSION);
	ck_assert(!secure[STREAM]);
	ck_assert_uint_eq(keys_in_hardware(STREAM), 0);
	ck_assert_int_eq(prog(OTHER, STREAM, 1, 0, 1, 48), 0);
	ide_km_responder_reset(&port);
	ck_assert_uint_eq(keys_in_hardware(STREAM), 0);
}
END_TEST

/* A peer that programs ever more streams meets a limit. */
START_TEST(limit)
{
	for (uint8_t s = 0; s < 32; s++)
		ck_assert_int_eq(prog(SESSION, s, 0, 0, 1, 48), s < IDE_KM_MAX_STREAMS ? 0 : IDE_KM_FAILED);
}
END_TEST

START_TEST(mirrored)
{
	struct ide_keys a, b;
	static const struct ide_keys zero;

	ck_assert_int_eq(ide_keys_generate(&a), 0);
	ide_keys_mirror(&a, &b);
	for (unsigned i = 0; i < IDE_NR_KEYS; i++)
		ck_assert_int_eq(memcmp(&a.keys[i], &b.keys[i ^ 1], sizeof(a.keys[i])), 0);
	ide_keys_wipe(&a);
	ck_assert_int_eq(memcmp(&a, &zero, sizeof(a)), 0);
}
END_TEST

START_TEST(bad_answers)
{
	struct ide_key key = {.ifv = 1};
	struct ide_km_port p;
	uint8_t req[64], rsp[128] = {0};

	ck_assert_int_eq(ide_km_take(&rq, rsp, 8, NULL), -EINVAL);
	/* Each byte of an acknowledgement but the reserved ones counts. */
	for (unsigned at = 0; at < 9; at++) {
		setup();
		int n = ide_km_ask_key(&rq, 0, STREAM, 0, 0, &key, req, sizeof(req));

		ck_assert_int_eq(ide_km_ask_query(&rq, 0, req, sizeof(req)), -EBUSY);
		n = ide_km_respond(&port, SESSION, req, (size_t)n, rsp, sizeof(rsp));
		if (at < 8)
			rsp[at] ^= 1;
		int err = ide_km_take(&rq, rsp, (size_t)n + (at == 8), NULL);

		if (at == 2 || at == 3)
			ck_assert_int_eq(err, 0);
		else
			ck_assert_int_eq(err, at == 5 ? -EREMOTEIO : -EBADMSG);
	}
	for (unsigned len = 0; len < 60; len++) {
		setup();
		int n = ide_km_ask_query(&rq, 0, req, sizeof(req));

		ide_km_respond(&port, SESSION, req, (size_t)n, rsp, sizeof(rsp));
		int err = ide_km_take(&rq, rsp, len, &p);

		ck_assert_int_eq(err, len >= 8 + 8 && len % 4 == 0 ? 0 : -EBADMSG);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ide_km");
	TCase *tc = tcase_create("ide_km");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, query);
	tcase_add_test(tc, key_order);
	tcase_add_test(tc, stream_life);
	tcase_add_test(tc, all_keys);
	tcase_add_test(tc, key_refused);
	tcase_add_test(tc, go_refused);
	tcase_add_test(tc, sessions);
	tcase_add_test(tc, limit);
	tcase_add_test(tc, mirrored);
	tcase_add_test(tc, bad_answers);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

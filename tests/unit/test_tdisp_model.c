/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A random walk of a million messages and events through both ends of TDISP and IDE_KM, with the independent model of
 * tests/model beside it: what the device answers, its state, its streams, and what the security manager believes are
 * never apart from what the model says.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ide_km.h"
#include "log.h"
#include "run_suite.h"
#include "tdisp_ref.h"
#include "tdisp_requester.h"

#define STEPS	 1000000u
#define RID	 0x0100u
#define SESSIONS 2u
#define STREAMS	 2u /* that the walk likes */
#define REPORT	 100u

/* An assertion that names the step. */
#define SAME(cond)                                                                                                     \
	do {                                                                                                           \
		if (!(cond))                                                                                           \
			ck_abort_msg("apart in step %u: %s", step, #cond);                                             \
	} while (0)

static struct tdisp_responder dev;
static struct ide_km_responder km;
static struct tdisp_requester tsm[SESSIONS];
static struct ide_km_requester kmrq[SESSIONS];
static struct ref ref;
static bool can_lock;
static uint64_t rng;
static unsigned step;
static unsigned reached[4], grants, errors, refusals;

static uint32_t rnd(uint32_t below)
{
	/* xorshift64*: the same walk everywhere */
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (uint32_t)((rng * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % below;
}

static uint32_t session_id(unsigned i)
{
	return 0x10001 + i;
}

static enum tdisp_error check_lock(void *opaque, const struct tdisp_lock *lock, uint32_t session)
{
	uint32_t owner;

	if (!ide_km_secure(&km, lock->stream, &owner) || owner != session)
		return TDISP_ERR_INVALID_REQUEST;
	return can_lock ? TDISP_OK : TDISP_ERR_INVALID_CONFIGURATION;
}

static int report(void *opaque, const struct tdisp_lock *lock, uint8_t *buf, size_t cap)
{
	memset(buf, 0, REPORT);
	buf[REPORT - 84] = REPORT - 20; /* no ranges, 80 bytes of device specific information */
	return REPORT;
}

static void changed(void *opaque, enum tdisp_state from, enum tdisp_state to)
{
	reached[to]++;
}

static int fill(void *opaque, uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)rnd(256);
	return 0;
}

static enum tdisp_error bind(void *opaque, uint8_t stream, bool on, uint32_t session)
{
	return TDISP_OK;
}

static enum tdisp_error attribute(void *opaque, const struct tdisp_range *range)
{
	return TDISP_OK;
}

static int vdm(void *opaque, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	return 0;
}

static const struct tdisp_device_ops ops = {check_lock, report, changed, fill, bind, attribute, vdm};

static bool has_stream(void *opaque, uint8_t stream)
{
	return true;
}

static int capability(void *opaque, uint8_t *buf, size_t cap)
{
	memset(buf, 0, 16);
	return 16;
}

static int set_key(void *opaque, uint8_t stream, unsigned set, unsigned number, const struct ide_key *key)
{
	return 0;
}

static void set_secure(void *opaque, uint8_t stream, bool on)
{
	if (!on)
		tdisp_responder_stream_insecure(&dev, stream);
}

static const struct ide_km_ops km_ops = {has_stream, capability, set_key, set_secure};

static void compare_answer(const struct ref_answer *want, const uint8_t *req, const uint8_t *rsp, int n)
{
	uint32_t error = 0;

	switch (want->kind) {
	case REF_NONE:
		SAME(n == 0);
		break;
	case REF_REFUSED:
		SAME(n == -EBADMSG);
		refusals++;
		break;
	case REF_ERROR:
		SAME(n == 25 && rsp[2] == 0x7f);
		memcpy(&error, rsp + 17, 4);
		SAME(error == want->error);
		errors++;
		break;
	case REF_STATUS:
		SAME(n == 8 && rsp[1] == 3 && rsp[5] == want->error);
		break;
	case REF_OK:
		SAME(n > 0);
		grants++;
		if (req[0] != 1)
			break;
		SAME(rsp[2] == (req[2] & 0x7fu));
		if (req[2] == 0x83)
			ref_nonce(&ref, rsp + 17);
		if (req[2] == 0x84)
			SAME(n == (int)(21 + want->portion));
		if (req[2] == 0x85)
			SAME(rsp[17] == dev.state);
		break;
	}
}

static void compare(void)
{
	SAME("ULRE"[dev.state] == ref.state);
	SAME(dev.session == ref.owner);
	SAME(dev.nonce_valid == ref.nonce_good);
	for (uint8_t s = 0; s < STREAMS + 2; s++)
		SAME(ide_km_secure(&km, s, NULL) == ref_secure(&ref, s));
}

/* A message of the security manager in session @who; its bytes in @buf. */
static int ask_tdisp(unsigned who, uint8_t *buf, size_t cap)
{
	struct tdisp_requester *rq = &tsm[who];
	struct tdisp_lock lock = {.flags = (uint16_t)(rnd(8) ? (rnd(4) * 4) : rnd(64)),
				  .stream = (uint8_t)rnd(STREAMS + 1),
				  .mmio_offset = rnd(16) ? 0x1000 : 0x1100};
	struct tdisp_range range = {.first_page = rnd(16), .pages = 1};

	switch (rnd(12)) {
	case 0:
		return tdisp_ask_version(rq, buf, cap);
	case 1:
		return tdisp_ask_capabilities(rq, buf, cap);
	case 2:
	case 3:
		return tdisp_ask_lock(rq, &lock, buf, cap);
	case 4:
		return tdisp_ask_report(rq, (uint16_t)(1 + rnd(64)), buf, cap);
	case 5:
		return tdisp_ask_state(rq, buf, cap);
	case 6:
	case 7:
		return tdisp_ask_start(rq, buf, cap);
	case 8:
		return rnd(4) ? -EINVAL : tdisp_ask_stop(rq, buf, cap);
	case 9:
		return tdisp_ask_bind_p2p(rq, (uint8_t)rnd(4), rnd(2), buf, cap);
	case 10:
		return tdisp_ask_mmio_attribute(rq, &range, buf, cap);
	default:
		return tdisp_ask_vdm(rq, "x", rnd(2), buf, cap);
	}
}

static int ask_ide(unsigned who, uint8_t *buf, size_t cap)
{
	static const struct ide_key key = {.ifv = 1};
	struct ide_km_requester *rq = &kmrq[who];
	uint8_t stream = (uint8_t)rnd(STREAMS);
	/* Often the key that is missing, or a stream would seldom be whole. */
	unsigned set = rnd(16) == 0, number = rnd(IDE_NR_KEYS);
	const struct ref_stream *s = &ref.streams[stream];

	switch (rnd(16)) {
	case 0:
		return ide_km_ask_query(rq, (uint8_t)(rnd(8) == 0), buf, cap);
	case 1:
		return rnd(8) ? -EINVAL : ide_km_ask_stop(rq, 0, stream, set, number, buf, cap);
	default:
		for (unsigned i = 0; i < IDE_NR_KEYS && s->runs[set][number]; i++)
			number = (number + 1) % IDE_NR_KEYS;
		if (!s->have[set][number])
			return ide_km_ask_key(rq, 0, stream, set, number, &key, buf, cap);
		return ide_km_ask_go(rq, 0, stream, set, number, buf, cap);
	}
}

/* What the security manager makes of the answer must be what the device meant. */
static void take(unsigned who, bool ide, const uint8_t *req, const uint8_t *rsp, int n)
{
	struct ide_km_port port;

	if (n <= 0) {
		tsm[who].pending = 0;
		kmrq[who].pending = false;
		return;
	}
	int err = ide ? ide_km_take(&kmrq[who], rsp, (size_t)n, &port) : tdisp_take(&tsm[who], rsp, (size_t)n);

	if (ide) {
		SAME(err == (req[1] == 2 && rsp[5] ? -EREMOTEIO : 0));
		return;
	}
	/* A report that another lock has begun anew in the meantime may not fit what was read of the old one. */
	if (req[2] == 0x84 && err == -EBADMSG)
		return;
	SAME(err == (rsp[2] == 0x7f ? -EREMOTEIO : 0));
	if (err == 0 && (req[2] == 0x83 || req[2] == 0x85 || req[2] == 0x86 || req[2] == 0x87))
		SAME("ULRE"[tsm[who].state] == ref.state);
}

static void message(void)
{
	uint8_t req[128] = {0}, rsp[256];
	unsigned who = rnd(SESSIONS);
	bool ide = rnd(2), spoilt = rnd(16) == 0;
	uint32_t session = rnd(64) ? session_id(who) : 0;
	int len = ide ? ask_ide(who, req, sizeof(req)) : ask_tdisp(who, req, sizeof(req));

	if (len < 0)
		return;
	if (spoilt) {
		unsigned at = rnd((unsigned)len);

		req[at] = (uint8_t)(rnd(2) ? req[at] ^ 1u << rnd(8) : rnd(256));
		if (rnd(4) == 0)
			len = rnd(2) ? (int)rnd((unsigned)len + 1) : len + 1;
	}
	struct ref_answer want = ref_message(&ref, session, req, (size_t)len);
	int n = -EBADMSG;

	if (len > 0 && req[0] == 0)
		n = ide_km_respond(&km, session, req, (size_t)len, rsp, sizeof(rsp));
	else if (len > 0 && req[0] == 1)
		n = tdisp_respond(&dev, session, req, (size_t)len, rsp, sizeof(rsp));
	else if (session == 0)
		n = 0;
	compare_answer(&want, req, rsp, n);
	if (spoilt) {
		tsm[who].pending = 0;
		kmrq[who].pending = false;
	} else {
		take(who, ide, req, rsp, n);
	}
}

static void end_session(unsigned who)
{
	ide_km_session_ended(&km, session_id(who));
	tdisp_responder_session_ended(&dev, session_id(who));
	ref_session_ended(&ref, session_id(who));
	tdisp_requester_reset(&tsm[who]);
}

static void event(void)
{
	uint8_t stream = (uint8_t)rnd(STREAMS);

	switch (rnd(4)) {
	case 0:
		tdisp_responder_fail(&dev);
		ref_disturbed(&ref);
		break;
	case 1:
		end_session(rnd(SESSIONS));
		break;
	case 2:
		ide_km_drop_stream(&km, stream);
		ref_stream_lost(&ref, stream);
		break;
	default:
		can_lock = rnd(8) != 0;
		ref.can_lock = can_lock;
		break;
	}
}

static void walk(uint64_t seed)
{
	static const struct tdisp_responder_config config = {
		.lock_flags = TDISP_LOCK_MSIX | TDISP_LOCK_BIND_P2P, .addr_width = 52, .req_this = 1, .req_all = 1};

	rng = seed;
	memset(&ref, 0, sizeof(ref));
	ref = (struct ref){.rid = RID,
			   .flags_offered = config.lock_flags,
			   .can_lock = true,
			   .report_len = REPORT,
			   .state = 'U',
			   .streams_max = IDE_KM_MAX_STREAMS};
	can_lock = true;
	tdisp_responder_init(&dev, &config, &ops, NULL);
	dev.rid = RID;
	ide_km_responder_init(&km, &km_ops, NULL);
	for (unsigned i = 0; i < SESSIONS; i++) {
		tdisp_requester_init(&tsm[i], RID, -1);
		kmrq[i] = (struct ide_km_requester){0};
	}
	for (step = 0; step < STEPS / 4; step++) {
		if (rnd(100) == 0)
			event();
		else
			message();
		compare();
	}
}

START_TEST(never_apart)
{
	for (uint64_t seed = 1; seed <= 4; seed++)
		walk(seed * UINT64_C(0x9e3779b97f4a7c15));
	/* The walk is worth something only if it gets everywhere, often. */
	for (unsigned s = 0; s < 4; s++)
		ck_assert_uint_gt(reached[s], 200);
	ck_assert_uint_gt(grants, STEPS / 10);
	ck_assert_uint_gt(errors, STEPS / 20);
	ck_assert_uint_gt(refusals, 1000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tdisp_model");
	TCase *tc = tcase_create("model");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, never_apart);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* TDISP, clause by clause: requester against responder, and each against hand-made messages. */
#include <errno.h>
#include <string.h>

#include "log.h"
#include "run_suite.h"
#include "tdisp_requester.h"

#define RID	0x0100u
#define SESSION 0x10002u
#define OTHER	0x10003u
#define STREAM	5u

static struct tdisp_responder dev;
static struct tdisp_requester tsm;
static enum tdisp_error lock_verdict;
static int entropy; /* what random() returns; 1: zeroes */
static unsigned changes;
static enum tdisp_state told;
static uint8_t counter;
static unsigned bound;
static char lines[4096];

static void keep(enum log_level level, const char *line, void *opaque)
{
	strncat(lines, line, sizeof(lines) - strlen(lines) - 1);
}

static enum tdisp_error check_lock(void *opaque, const struct tdisp_lock *lock, uint32_t session)
{
	return lock->stream == STREAM ? lock_verdict : TDISP_ERR_INVALID_REQUEST;
}

static int report(void *opaque, const struct tdisp_lock *lock, uint8_t *buf, size_t cap)
{
	struct tdisp_report r = {.info = TDISP_INFO_DMA_NO_PASID, .nr_ranges = 40};

	for (unsigned i = 0; i < r.nr_ranges; i++)
		r.ranges[i] = (struct tdisp_range){.first_page = 0x1000 + i, .pages = 1};
	return tdisp_report_write(&r, buf, cap);
}

static void changed(void *opaque, enum tdisp_state from, enum tdisp_state to)
{
	ck_assert_int_ne(from, to);
	ck_assert_int_eq(dev.state, to);
	changes++;
	told = to;
}

static int fill(void *opaque, uint8_t *buf, size_t len)
{
	if (entropy < 0)
		return entropy;
	memset(buf, entropy ? 0 : ++counter, len);
	return 0;
}

static enum tdisp_error bind(void *opaque, uint8_t stream, bool on, uint32_t session)
{
	bound = on ? bound | 1u << stream : bound & ~(1u << stream);
	return TDISP_OK;
}

static enum tdisp_error attribute(void *opaque, const struct tdisp_range *range)
{
	return range->first_page == 0x1000 ? TDISP_OK : TDISP_ERR_INVALID_REQUEST;
}

static int vdm(void *opaque, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	memcpy(rsp, req, len);
	return (int)len;
}

static const struct tdisp_device_ops ops = {check_lock, report, changed, fill, bind, attribute, vdm};
static const struct tdisp_responder_config config = {
	.lock_flags = TDISP_LOCK_NO_FW_UPDATE | TDISP_LOCK_MSIX | TDISP_LOCK_BIND_P2P,
	.addr_width = 52,
	.req_this = 1,
	.req_all = 1,
};
static const struct tdisp_lock lock = {.flags = TDISP_LOCK_MSIX | TDISP_LOCK_BIND_P2P, .stream = STREAM};

static void setup(void)
{
	log_set_sink(keep, NULL);
	lines[0] = 0;
	lock_verdict = TDISP_OK;
	entropy = 0;
	changes = 0;
	bound = 0;
	tdisp_responder_init(&dev, &config, &ops, NULL);
	dev.rid = RID;
	tdisp_requester_init(&tsm, RID, 0);
}

static int exchange(void *opaque, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	return tdisp_respond(&dev, SESSION, req, len, rsp, cap);
}

/* Sends what an ask left in @req and takes the answer. */
static int send_as(uint32_t session, const uint8_t *req, int len)
{
	uint8_t rsp[1024];

	ck_assert_int_gt(len, 0);
	int n = tdisp_respond(&dev, session, req, (size_t)len, rsp, sizeof(rsp));

	ck_assert_int_gt(n, 0);
	return tdisp_take(&tsm, rsp, (size_t)n);
}

#define ASK(what, ...)                                                                                                 \
	({                                                                                                             \
		uint8_t req_[128];                                                                                     \
		send_as(SESSION, req_, tdisp_ask_##what(&tsm, ##__VA_ARGS__, req_, sizeof(req_)));                     \
	})

static void lock_it(void)
{
	ck_assert_int_eq(ASK(lock, &lock), 0);
	ck_assert_int_eq(dev.state, TDISP_LOCKED);
}

static void run_it(void)
{
	lock_it();
	ck_assert_int_eq(ASK(start), 0);
	ck_assert_int_eq(dev.state, TDISP_RUN);
}

static void refused(int err, uint32_t error)
{
	ck_assert_int_eq(err, -EREMOTEIO);
	ck_assert_uint_eq(tsm.error, error);
}

/* A raw request of @message with @len bytes of payload; the error of the answer, 0: it was none. */
static uint32_t raw(uint8_t version, uint8_t message, uint32_t function, size_t len)
{
	uint8_t req[128] = {PCI_SIG_PROTOCOL_TDISP, version, message}, rsp[128];
	uint32_t error;

	memcpy(req + TDISP_AT_FUNCTION, &function, 4);
	int n = tdisp_respond(&dev, SESSION, req, TDISP_HEADER_BYTES + len, rsp, sizeof(rsp));

	ck_assert_int_ge(n, (int)TDISP_HEADER_BYTES);
	ck_assert_int_eq(memcmp(rsp + TDISP_AT_FUNCTION, req + TDISP_AT_FUNCTION, 12), 0);
	ck_assert_uint_eq(rsp[TDISP_AT_VERSION], TDISP_VERSION_10);
	if (rsp[TDISP_AT_MESSAGE] != TDISP_ERROR) {
		ck_assert_uint_eq(rsp[TDISP_AT_MESSAGE], message & 0x7fu);
		return 0;
	}
	ck_assert_int_eq(n, (int)(TDISP_HEADER_BYTES + TDISP_ERROR_BYTES));
	memcpy(&error, rsp + TDISP_HEADER_BYTES, 4);
	return error;
}

START_TEST(whole_way)
{
	struct tdisp_report r;

	ck_assert_int_eq(tdisp_lock_interface(&tsm, "dev", &lock, exchange, NULL, &r), 0);
	ck_assert_uint_eq(r.nr_ranges, 40);
	ck_assert_uint_eq(tsm.report_total, 20 + 40 * 16);
	ck_assert_uint_eq(tsm.capabilities.lock_flags, config.lock_flags);
	ck_assert_uint_eq(tsm.capabilities.messages[0], 0xfe);
	ck_assert_uint_eq(tsm.capabilities.messages[1], 0x0f);
	ck_assert_int_eq(tdisp_start_interface(&tsm, "dev", exchange, NULL), 0);
	ck_assert_int_eq(tdisp_look(&tsm, "dev", exchange, NULL), TDISP_RUN);
	ck_assert_int_eq(tdisp_stop_interface(&tsm, "dev", exchange, NULL), 0);
	ck_assert_uint_eq(changes, 3);
	/* A device that is not unlocked is stopped first. */
	run_it();
	ck_assert_int_eq(tdisp_lock_interface(&tsm, "dev", &lock, exchange, NULL, &r), 0);
}
END_TEST

/* 11.3.2: what is legal in which state; each request with its right length. */
START_TEST(states)
{
	static const struct {
		uint8_t message;
		size_t len;
		const char *legal; /* U, L, R, E */
	} table[] = {
		{0x81, 0, "ULRE"}, {0x82, 4, "ULRE"}, {0x83, 20, "U"},	 {0x84, 4, "LR"},
		{0x85, 0, "ULRE"}, {0x86, 32, "L"},   {0x87, 0, "ULRE"}, {0x88, 1, "R"},
		{0x89, 1, "R"},	   {0x8a, 16, "R"},   {0x8b, 3, "R"},
	};

	for (unsigned i = 0; i < ARRAY_LEN(table); i++)
		for (unsigned s = 0; s < 4; s++) {
			setup();
			if (s == 1 || s == 3)
				lock_it();
			if (s == 2)
				run_it();
			if (s == 3)
				tdisp_responder_fail(&dev);
			ck_assert_uint_eq(dev.state, s);
			uint32_t error = raw(0x10, table[i].message, RID, table[i].len);

			ck_assert_int_eq(error != TDISP_ERR_INVALID_STATE, strchr(table[i].legal, "ULRE"[s]) != NULL);
			if (table[i].len && table[i].message != 0x8b && strchr(table[i].legal, "ULRE"[s]))
				ck_assert_uint_eq(raw(0x10, table[i].message, RID, table[i].len - 1),
						  TDISP_ERR_INVALID_REQUEST);
		}
}
END_TEST

START_TEST(headers)
{
	uint8_t req[] = {1, 0x10, 0x81, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, rsp[128];

	ck_assert_uint_eq(raw(0x11, 0x85, RID, 0), TDISP_ERR_VERSION_MISMATCH);
	ck_assert_uint_eq(raw(0x10, 0x85, RID + 1, 0), TDISP_ERR_INVALID_INTERFACE);
	ck_assert_uint_eq(raw(0x10, 0x85, RID | 1u << 24, 0), 0);
	ck_assert_uint_eq(raw(0x10, 0x85, RID | 1u << 16, 0), 0); /* no segment without its valid bit */
	ck_assert_uint_eq(raw(0x10, 0x85, RID | 1u << 24 | 1u << 16, 0), TDISP_ERR_INVALID_INTERFACE);
	ck_assert_uint_eq(raw(0x10, 0x8c, RID, 0), TDISP_ERR_UNSUPPORTED_REQUEST);
	ck_assert_uint_eq(raw(0x10, 0xff, RID, 0), TDISP_ERR_UNSUPPORTED_REQUEST);
	/* Outside of a session: no answer; what is no request at all is the SPDM layer's to refuse. */
	ck_assert_int_eq(tdisp_respond(&dev, 0, req, sizeof(req), rsp, sizeof(rsp)), 0);
	ck_assert_int_eq(tdisp_respond(&dev, SESSION, req, sizeof(req) - 1, rsp, sizeof(rsp)), -EBADMSG);
	req[2] = 1;
	ck_assert_int_eq(tdisp_respond(&dev, SESSION, req, sizeof(req), rsp, sizeof(rsp)), -EBADMSG);
	ck_assert_int_eq(tdisp_respond(&dev, SESSION, req, 0, rsp, sizeof(rsp)), -EBADMSG);
	ck_assert_int_eq(tdisp_respond(&dev, SESSION, req, sizeof(req), rsp, 20), -EMSGSIZE);
}
END_TEST

START_TEST(optional_requests)
{
	static const struct tdisp_device_ops few = {check_lock, report, changed, fill};

	dev.ops = &few;
	ck_assert_int_eq(ASK(capabilities), 0);
	ck_assert_uint_eq(tsm.capabilities.messages[1], 0);
	for (uint8_t m = 0x88; m <= 0x8b; m++)
		ck_assert_uint_eq(raw(0x10, m, RID, 1), TDISP_ERR_UNSUPPORTED_REQUEST);
}
END_TEST

START_TEST(lock_refused)
{
	struct tdisp_lock bad = lock;

	lock_verdict = TDISP_ERR_INVALID_CONFIGURATION;
	refused(ASK(lock, &lock), TDISP_ERR_INVALID_CONFIGURATION);
	lock_verdict = TDISP_OK;
	bad.flags = TDISP_LOCK_REDIRECT_ALL;
	refused(ASK(lock, &bad), TDISP_ERR_INVALID_REQUEST);
	bad = lock;
	bad.stream++;
	refused(ASK(lock, &bad), TDISP_ERR_INVALID_REQUEST);
	bad = lock;
	bad.mmio_offset = 0x800;
	refused(ASK(lock, &bad), TDISP_ERR_INVALID_REQUEST);
	entropy = -EAGAIN;
	refused(ASK(lock, &lock), TDISP_ERR_INSUFFICIENT_ENTROPY);
	entropy = 1;
	refused(ASK(lock, &lock), TDISP_ERR_INSUFFICIENT_ENTROPY);
	ck_assert_uint_eq(changes, 0);
	ck_assert_int_eq(dev.state, TDISP_UNLOCKED);
}
END_TEST

/* 11.3.9, 11.3.14: single use; a wrong one changes nothing. */
START_TEST(nonce)
{
	uint8_t first[TDISP_NONCE_BYTES];

	lock_it();
	memcpy(first, tsm.nonce, sizeof(first));
	tsm.nonce[31] ^= 1;
	refused(ASK(start), TDISP_ERR_INVALID_NONCE);
	ck_assert_int_eq(dev.state, TDISP_LOCKED);
	tsm.nonce[31] ^= 1;
	ck_assert_int_eq(ASK(start), 0);
	ck_assert(!dev.nonce_valid);
	ck_assert_int_eq(ASK(stop), 0);
	lock_it();
	ck_assert_int_ne(memcmp(first, tsm.nonce, sizeof(first)), 0);
	memcpy(tsm.nonce, first, sizeof(first));
	refused(ASK(start), TDISP_ERR_INVALID_NONCE);
	/* Destroyed on the way out of CONFIG_LOCKED. */
	tdisp_responder_fail(&dev);
	for (unsigned i = 0; i < sizeof(dev.nonce); i++)
		ck_assert_uint_eq(dev.nonce[i], 0);
}
END_TEST

START_TEST(to_error)
{
	lock_it();
	tdisp_responder_session_ended(&dev, OTHER);
	ck_assert_int_eq(dev.state, TDISP_LOCKED);
	tdisp_responder_session_ended(&dev, SESSION);
	ck_assert_int_eq(dev.state, TDISP_IN_ERROR);
	ck_assert_int_eq(told, TDISP_IN_ERROR);
	ck_assert_int_eq(ASK(stop), 0);
	run_it();
	tdisp_responder_stream_insecure(&dev, STREAM + 1);
	ck_assert_int_eq(dev.state, TDISP_RUN);
	tdisp_responder_stream_insecure(&dev, STREAM);
	ck_assert_int_eq(dev.state, TDISP_IN_ERROR);
	/* The only ways out are STOP and a reset. */
	ck_assert_int_eq(ASK(state), 0);
	ck_assert_int_eq(tsm.state, TDISP_IN_ERROR);
	tdisp_responder_reset(&dev);
	ck_assert_int_eq(dev.state, TDISP_UNLOCKED);
	/* In CONFIG_UNLOCKED there is nothing to lose. */
	tdisp_responder_fail(&dev);
	tdisp_responder_stream_insecure(&dev, STREAM);
	ck_assert_int_eq(dev.state, TDISP_UNLOCKED);
}
END_TEST

/* While an interface is locked it answers to the session that locked it. */
START_TEST(other_session)
{
	uint8_t req[128];

	lock_it();
	refused(send_as(OTHER, req, tdisp_ask_start(&tsm, req, sizeof(req))), TDISP_ERR_INVALID_REQUEST);
	refused(send_as(OTHER, req, tdisp_ask_report(&tsm, 16, req, sizeof(req))), TDISP_ERR_INVALID_REQUEST);
	refused(send_as(OTHER, req, tdisp_ask_stop(&tsm, req, sizeof(req))), TDISP_ERR_INVALID_REQUEST);
	ck_assert_int_eq(send_as(OTHER, req, tdisp_ask_state(&tsm, req, sizeof(req))), 0);
	tdisp_responder_session_ended(&dev, SESSION);
	ck_assert_int_eq(send_as(OTHER, req, tdisp_ask_stop(&tsm, req, sizeof(req))), 0);
	ck_assert_int_eq(dev.state, TDISP_UNLOCKED);
}
END_TEST

START_TEST(portions)
{
	struct tdisp_report r;
	const char *why;

	lock_it();
	for (unsigned i = 0; !tdisp_report_complete(&tsm); i++) {
		ck_assert_uint_lt(i, 700);
		ck_assert_int_eq(ASK(report, (uint16_t)(1 + i % 7)), 0);
	}
	ck_assert_int_eq(tdisp_report_parse(tsm.report, tsm.report_len, &r, &why), 0);
	ck_assert_uint_eq(r.ranges[39].first_page, 0x1000 + 39);
	tsm.report_len = tsm.report_total + 1; /* beyond its end */
	refused(ASK(report, 16), TDISP_ERR_INVALID_REQUEST);
}
END_TEST

START_TEST(in_run)
{
	struct tdisp_range range = {.first_page = 0x1000, .pages = 1, .attributes = TDISP_RANGE_NON_TEE};

	run_it();
	ck_assert_int_eq(ASK(bind_p2p, 3, true), 0);
	ck_assert_uint_eq(bound, 8);
	ck_assert_int_eq(ASK(bind_p2p, 3, false), 0);
	ck_assert_uint_eq(bound, 0);
	ck_assert_int_eq(ASK(mmio_attribute, &range), 0);
	range.first_page++;
	refused(ASK(mmio_attribute, &range), TDISP_ERR_INVALID_REQUEST);
	ck_assert_int_eq(ASK(vdm, "abc", 3), 0);
	ck_assert_uint_eq(tsm.vdm_len, 3);
	ck_assert_int_eq(memcmp(tsm.answer_to_vdm, "abc", 3), 0);
	/* Without the flag at the lock there is no peer to peer (11.3.16). */
	dev.lock.flags = 0;
	refused(ASK(bind_p2p, 3, true), TDISP_ERR_INVALID_REQUEST);
}
END_TEST

/* The request for the second portion of a report. */
static int ask_second(uint8_t *req, size_t cap)
{
	lock_it();
	ck_assert_int_eq(ASK(report, 16), 0);
	return tdisp_ask_report(&tsm, 16, req, cap);
}

static int ask_lock_again(uint8_t *req, size_t cap)
{
	tsm.last_nonce_valid = true;
	memset(tsm.last_nonce, counter + 1, sizeof(tsm.last_nonce));
	return tdisp_ask_lock(&tsm, &lock, req, cap);
}

/* Answers that a security manager must not believe. */
START_TEST(bad_answers)
{
	uint8_t req[128], rsp[128];
	int n;

#define ANSWER(ask, change)                                                                                            \
	do {                                                                                                           \
		setup();                                                                                               \
		n = ask;                                                                                               \
		n = tdisp_respond(&dev, SESSION, req, (size_t)n, rsp, sizeof(rsp));                                    \
		change;                                                                                                \
		ck_assert_int_eq(tdisp_take(&tsm, rsp, (size_t)n), -EBADMSG);                                          \
		ck_assert_ptr_nonnull(tsm.why);                                                                        \
		ck_assert_int_eq(tsm.state, TDISP_IN_ERROR);                                                           \
		ck_assert(!tsm.nonce_valid);                                                                           \
	} while (0)

	ANSWER(tdisp_ask_state(&tsm, req, sizeof(req)), rsp[0] = 0);
	ANSWER(tdisp_ask_state(&tsm, req, sizeof(req)), rsp[1] = 0x20);
	ANSWER(tdisp_ask_state(&tsm, req, sizeof(req)), rsp[2] = 6);
	ANSWER(tdisp_ask_state(&tsm, req, sizeof(req)), rsp[5] ^= 1);
	ANSWER(tdisp_ask_state(&tsm, req, sizeof(req)), rsp[17] = 4);
	ANSWER(tdisp_ask_state(&tsm, req, sizeof(req)), n--);
	ANSWER(tdisp_ask_state(&tsm, req, sizeof(req)), n++);
	ANSWER(tdisp_ask_version(&tsm, req, sizeof(req)), rsp[18] = 0x20);
	ANSWER(tdisp_ask_version(&tsm, req, sizeof(req)), rsp[17] = 2);
	ANSWER(tdisp_ask_capabilities(&tsm, req, sizeof(req)), rsp[21] = 0xbe);
	ANSWER(tdisp_ask_capabilities(&tsm, req, sizeof(req)), n--);
	ANSWER(tdisp_ask_lock(&tsm, &lock, req, sizeof(req)), memset(rsp + 17, 0, 32));
	ANSWER(tdisp_ask_lock(&tsm, &lock, req, sizeof(req)), n--);
	ANSWER(ask_lock_again(req, sizeof(req)), (void)0);
#define REPORT(change) ANSWER(ask_second(req, sizeof(req)), change)
	REPORT(rsp[17] = 15);
	REPORT((rsp[17] = 0, n = 21));
	REPORT(rsp[19] ^= 1);
	REPORT(n--);
}
END_TEST

START_TEST(one_at_a_time)
{
	uint8_t req[128] = {0};

	ck_assert_int_eq(tdisp_take(&tsm, req, 0), -EINVAL);
	ck_assert_int_eq(tdisp_ask_start(&tsm, req, sizeof(req)), -EINVAL); /* no nonce */
	ck_assert_int_eq(tdisp_ask_state(&tsm, req, 16), -EMSGSIZE);
	ck_assert_int_eq(tdisp_ask_state(&tsm, req, sizeof(req)), 17);
	ck_assert_int_eq(tdisp_ask_state(&tsm, req, sizeof(req)), -EBUSY);
	tdisp_requester_reset(&tsm);
	ck_assert_int_eq(tdisp_ask_state(&tsm, req, sizeof(req)), 17);
}
END_TEST

/* Each error is said once, and by name. */
START_TEST(messages)
{
	struct tdisp_report r;

	lock_verdict = TDISP_ERR_INVALID_CONFIGURATION;
	ck_assert_int_eq(tdisp_lock_interface(&tsm, "0000:00:05.0", &lock, exchange, NULL, &r), -EREMOTEIO);
	ck_assert_str_eq(lines, "0000:00:05.0: TDISP: the device refuses LOCK: INVALID_DEVICE_CONFIGURATION (0x104)");
	lines[0] = 0;
	ck_assert_int_eq(tdisp_start_interface(&tsm, "dev", exchange, NULL), -EINVAL);
	ck_assert_str_eq(lines, "dev: TDISP: START cannot be asked for at this moment");
}
END_TEST

/* Every byte of every message of the whole way flipped once: no state is reached that the plain way does not reach, and
 * the device starts only for the right nonce. */
static unsigned flip_at, flip_seen;
static bool flip_request;

static int flipping(void *opaque, const uint8_t *req, size_t len, uint8_t *rsp, size_t cap)
{
	uint8_t copy[128];

	memcpy(copy, req, len);
	if (flip_request && flip_at - flip_seen < len)
		copy[flip_at - flip_seen] ^= 0xff;
	flip_seen += flip_request ? (unsigned)len : 0;
	int n = tdisp_respond(&dev, SESSION, copy, len, rsp, cap);

	if (n <= 0)
		return n < 0 ? n : -ETIMEDOUT;
	if (!flip_request && flip_at - flip_seen < (unsigned)n)
		rsp[flip_at - flip_seen] ^= 0xff;
	flip_seen += flip_request ? 0 : (unsigned)n;
	return n;
}

START_TEST(every_byte)
{
	struct tdisp_report r;
	unsigned good = 0, tries = 0;

	for (unsigned both = 0; both < 2; both++)
		for (flip_at = 0;; flip_at++) {
			setup();
			flip_request = both;
			flip_seen = 0;
			int err = tdisp_lock_interface(&tsm, "dev", &lock, flipping, NULL, &r);

			if (!err)
				err = tdisp_start_interface(&tsm, "dev", flipping, NULL);
			if (flip_at >= flip_seen && !err)
				break; /* nothing was flipped any more */
			tries++;
			good += err == 0;
			if (!err)
				ck_assert_int_eq(dev.state, TDISP_RUN);
			ck_assert(err == 0 || tsm.state != TDISP_RUN || !tsm.nonce_valid);
		}
	ck_assert_uint_gt(tries, 700);
	/* What may be flipped unseen: reserved bytes, capabilities that do not matter, and what a report says. The
	 * session's AEAD is what guards them. */
	ck_assert_uint_gt(good, 0);
	ck_assert_uint_lt(good, tries);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tdisp");
	TCase *tc = tcase_create("tdisp");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, whole_way);
	tcase_add_test(tc, states);
	tcase_add_test(tc, headers);
	tcase_add_test(tc, optional_requests);
	tcase_add_test(tc, lock_refused);
	tcase_add_test(tc, nonce);
	tcase_add_test(tc, to_error);
	tcase_add_test(tc, other_session);
	tcase_add_test(tc, portions);
	tcase_add_test(tc, in_run);
	tcase_add_test(tc, bad_answers);
	tcase_add_test(tc, one_at_a_time);
	tcase_add_test(tc, messages);
	tcase_add_test(tc, every_byte);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

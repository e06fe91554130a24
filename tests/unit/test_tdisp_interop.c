/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TDISP and IDE_KM as other people speak them: corner cases of PCIe 6.1, 11.3, and what DMTF's emulator (spdm-emu)
 * asks and answers. Messages are spelt out byte by byte.
 */
#include <errno.h>
#include <string.h>

#include "run_suite.h"
#include "tdisp_requester.h"
#include "tdisp_responder.h"

#define SESSION	   0x10002u
#define REPORT_LEN 100u

static struct tdisp_responder dev;
static uint8_t rsp[256];

static enum tdisp_error check_lock(void *opaque, const struct tdisp_lock *lock, uint32_t session)
{
	return TDISP_OK;
}

static int report(void *opaque, const struct tdisp_lock *lock, uint8_t *buf, size_t cap)
{
	memset(buf, 0x5a, REPORT_LEN);
	return (int)REPORT_LEN;
}

static void changed(void *opaque, enum tdisp_state from, enum tdisp_state to)
{
}

static int random_bytes(void *opaque, uint8_t *buf, size_t len)
{
	memset(buf, 0xa5, len);
	return 0;
}

static void setup(void)
{
	static const struct tdisp_device_ops ops = {
		.check_lock = check_lock, .report = report, .changed = changed, .random = random_bytes};

	tdisp_responder_init(&dev, &(struct tdisp_responder_config){.lock_flags = 7}, &ops, NULL);
	dev.rid = 0xbeef;
}

/* Sends a message for interface 0xbeef; what comes back is its code, and @len bytes in rsp behind the header. */
static uint8_t ask(uint8_t version, uint8_t message, const char *payload, size_t payload_len, size_t len)
{
	uint8_t req[64] = {PCI_SIG_PROTOCOL_TDISP, version, message, 0, 0, 0xef, 0xbe};

	memcpy(req + TDISP_HEADER_BYTES, payload, payload_len);
	ck_assert_int_eq(tdisp_respond(&dev, SESSION, req, TDISP_HEADER_BYTES + payload_len, rsp, sizeof(rsp)),
			 (int)(TDISP_HEADER_BYTES + len));
	ck_assert_uint_eq(rsp[0], PCI_SIG_PROTOCOL_TDISP);
	ck_assert_uint_eq(rsp[1], 0x10);
	ck_assert_mem_eq(rsp + 3, "\0\0\xef\xbe\0\0\0\0\0\0\0\0\0\0", 14);
	memmove(rsp, rsp + 2, sizeof(rsp) - 2);
	return rsp[0];
}

#define BODY (rsp + TDISP_HEADER_BYTES - 2)

/* 11.3.4: GET_TDISP_VERSION of every 1.x is answered; all else is of the version that was found so. */
START_TEST(version)
{
	ck_assert_uint_eq(ask(0x10, 0x81, "", 0, 2), 0x01);
	ck_assert_uint_eq(ask(0x1f, 0x81, "", 0, 2), 0x01);
	ck_assert_mem_eq(BODY, "\1\x10", 2);
	ck_assert_uint_eq(ask(0x20, 0x81, "", 0, 8), 0x7f);
	ck_assert_mem_eq(BODY, "\x41\0\0\0\0\0\0\0", 8);
	ck_assert_uint_eq(ask(0x11, 0x82, "\0\0\0\0", 4, 8), 0x7f);
	ck_assert_uint_eq(ask(0x10, 0x82, "\0\0\0\0", 4, 28), 0x02);
	/* 11.3.7: bit = code - 80h */
	ck_assert_mem_eq(BODY, "\0\0\0\0\xfe\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\7\0\0\0\0", 25);
	ck_assert_uint_eq(ask(0x10, 0x8b, "", 0, 8), 0x7f);
	ck_assert_mem_eq(BODY, "\7\0\0\0\x8b\0\0\0", 8);
}
END_TEST

/* 11.3.10: only a wrong offset is an error; all of the report is asked for with length FFFFh, and nothing with 0. */
START_TEST(portions)
{
	ck_assert_uint_eq(ask(0x10, 0x83, "\7\0\0\0\0\0\0\xd0\0\0\0\0\0\0\0\0\0\0\0\0", 20, 32), 0x03);
	ck_assert_uint_eq(ask(0x10, 0x84, "\0\0\xff\xff", 4, 4 + REPORT_LEN), 0x04);
	ck_assert_mem_eq(BODY, "\x64\0\0\0\x5a", 5);
	ck_assert_uint_eq(ask(0x10, 0x84, "\4\0\0\0", 4, 4), 0x04);
	ck_assert_mem_eq(BODY, "\0\0\x60\0", 4);
	ck_assert_uint_eq(ask(0x10, 0x84, "\x64\0\1\0", 4, 8), 0x7f);
	ck_assert_mem_eq(BODY, "\1\0\0\0", 4);
}
END_TEST

/* The requester asks for no more than there is left. */
START_TEST(what_is_left)
{
	struct tdisp_requester rq;
	uint8_t req[64];

	tdisp_requester_init(&rq, 0xbeef, -1);
	rq.report_total = REPORT_LEN;
	rq.report_len = 64;
	ck_assert_int_eq(tdisp_ask_report(&rq, 64, req, sizeof(req)), TDISP_HEADER_BYTES + 4);
	ck_assert_mem_eq(req, "\1\x10\x84\0\0\xef\xbe\0\0\0\0\0\0\0\0\0\0\x40\0\x24\0", 21);
}
END_TEST

/* DMTF's sample device counts the bits of requests from GET_VERSION's on; its report has four ranges. */
START_TEST(dmtf_device)
{
	static const uint8_t capabilities[28] = {0, 0, 0, 0, 0x7f, [20] = 7, 0, 0, 0, 0, 48, 0, 0};
	static const uint8_t bytes[REPORT_LEN] = {
		3,	    [12] = 4, [24] = 1, [28] = 4, [30] = 1, [33] = 0x80, [40] = 4, [44] = 8, [46] = 2,
		[50] = 1,   [56] = 8, [60] = 8, [62] = 3, [66] = 2, [72] = 8,	 [76] = 8, [78] = 4, [80] = 16,
		[84] = 't', 'd',      'i',	's',	  'p',	    '_',	 'd',	   'e',	     'v'};
	struct tdisp_requester rq;
	uint8_t req[64], answer[TDISP_HEADER_BYTES + sizeof(capabilities)];
	struct tdisp_report r;
	const char *why;

	tdisp_requester_init(&rq, 0xbeef, -1);
	ck_assert_int_gt(tdisp_ask_capabilities(&rq, req, sizeof(req)), 0);
	memcpy(answer, req, TDISP_HEADER_BYTES);
	answer[TDISP_AT_MESSAGE] = 2;
	memcpy(answer + TDISP_HEADER_BYTES, capabilities, sizeof(capabilities));
	ck_assert_int_eq(tdisp_take(&rq, answer, sizeof(answer)), 0);
	ck_assert_uint_eq(rq.capabilities.lock_flags, 7);
	ck_assert_uint_eq(rq.capabilities.addr_width, 48);
	ck_assert_int_gt(tdisp_ask_capabilities(&rq, req, sizeof(req)), 0);
	answer[TDISP_HEADER_BYTES + 4] = 0x7e; /* one of the seven is missing, however they are counted */
	ck_assert_int_eq(tdisp_take(&rq, answer, sizeof(answer)), -EBADMSG);
	ck_assert_int_eq(tdisp_report_parse(bytes, sizeof(bytes), &r, &why), 0);
	ck_assert_uint_eq(r.nr_ranges, 4);
	ck_assert_uint_eq(r.ranges[0].attributes, TDISP_RANGE_NON_TEE);
	ck_assert_uint_eq(r.ranges[3].first_page, 0x20000);
	ck_assert_uint_eq(r.ranges[3].id, 4);
	ck_assert_uint_eq(r.specific_len, 16);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tdisp_interop");
	TCase *tc = tcase_create("tdisp_interop");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, version);
	tcase_add_test(tc, portions);
	tcase_add_test(tc, what_is_left);
	tcase_add_test(tc, dmtf_device);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

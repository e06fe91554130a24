/* SPDX-License-Identifier: Apache-2.0 */
/* DOE objects, and the requester of a mailbox against a mailbox that behaves, and against ones that do not. */
#include <errno.h>
#include <string.h>

#include "doe_mailbox.h"
#include "doe_object.h"
#include "doe_regs.h"
#include "log.h"
#include "run_suite.h"
#include "wire.h"

#define AT 0x180u /* of the good mailbox */

enum fault {
	GOOD,
	SILENT,	    /* no answer */
	STUCK_BUSY, /* BUSY from the beginning */
	BUSY_A_WHILE,
	FAILS,	    /* ERROR instead of an answer */
	FAILS_LATE, /* ERROR with the last DW */
	OTHER_TYPE, /* answers with another object */
	SHORT,	    /* a length of 1 */
	TOO_LONG,   /* says that it is longer than it is */
	HALF_WAY,   /* READY goes away after the header */
	DEAD_ABORT, /* and ABORT does not help */
	GONE,	    /* all ones */
	LEFT_OVER,  /* an answer to somebody else is there still */
	CONFIG_FAILS,
	LOOPS, /* discovery without end */
	SLOW,  /* each answer takes nine tenths of a second, and it has a lot to say of what it speaks */
};

/* The device: config space with a list of capabilities, and one mailbox at AT. Written as in 7.9.24. */
static struct {
	uint32_t cfg[1024];
	enum fault fault;
	uint8_t written[256];
	size_t nr_written;
	uint8_t answer[256];
	size_t answer_len, taken;
	unsigned aborts, sleeps, statuses;
	uint64_t slept_us, go_us;
	uint8_t versions; /* version byte of the last discovery */
} dev;

static char lines[2048];

static void keep(enum log_level level, const char *line, void *opaque)
{
	strncat(lines, line, sizeof(lines) - strlen(lines) - 1);
}

static void answer(void)
{
	static const uint8_t types[] = {0, 1, 2};
	struct doe_object o;
	uint8_t payload[64];
	size_t len;

	if (doe_object_parse(dev.written, dev.nr_written, &o) != 0)
		return; /* discarded */
	memcpy(payload, o.payload, o.len);
	len = o.len;
	if (o.type == DOE_TYPE_DISCOVERY) {
		uint8_t index = payload[0];

		dev.versions = payload[1];
		payload[0] = 1;
		payload[1] = 0;
		payload[2] = types[index % 3];
		if (dev.fault == SLOW)
			payload[3] = (uint8_t)(index + 1);
		else
			payload[3] =
				dev.fault == LOOPS ? (uint8_t)(index ? 1 : 2) : (uint8_t)(index < 2 ? index + 1 : 0);
	}
	int n = doe_object_write(dev.answer, sizeof(dev.answer), o.vendor,
				 dev.fault == OTHER_TYPE ? (uint8_t)(o.type + 1) : o.type, payload, len);

	dev.answer_len = (size_t)n;
	dev.taken = 0;
	if (dev.fault == SHORT)
		dev.answer[4] = 1;
	if (dev.fault == TOO_LONG)
		dev.answer[5] = 1;
}

static int cfg_read(void *opaque, uint16_t offset, uint32_t *value)
{
	struct wire_in in = wire_in(dev.answer + dev.taken, 4);

	*value = dev.cfg[offset / 4];
	if (dev.fault == GONE)
		*value = UINT32_MAX;
	if (dev.fault == CONFIG_FAILS)
		return -EIO;
	if (offset == AT + DOE_STATUS && dev.fault != GONE) {
		dev.statuses++;
		*value = dev.answer_len ? DOE_STATUS_READY : 0;
		if (dev.fault == STUCK_BUSY || dev.fault == DEAD_ABORT ||
		    (dev.fault == BUSY_A_WHILE && dev.statuses < 5))
			*value = DOE_STATUS_BUSY;
		if (dev.fault == SLOW && !dev.taken && dev.slept_us - dev.go_us < 900000)
			*value = dev.answer_len ? DOE_STATUS_BUSY : 0;
		if (dev.fault == FAILS && dev.nr_written)
			*value = DOE_STATUS_ERROR;
		if (dev.fault == FAILS_LATE && dev.taken && !dev.answer_len)
			*value |= DOE_STATUS_ERROR;
		if (dev.fault == HALF_WAY && dev.taken == 8)
			*value = 0;
	}
	if (offset == AT + DOE_READ_MBOX)
		*value = dev.answer_len ? wire_u32(&in) : 0;
	return 0;
}

static int cfg_write(void *opaque, uint16_t offset, uint32_t value)
{
	struct wire_out out = wire_out(dev.written + dev.nr_written, sizeof(dev.written) - dev.nr_written);

	if (offset == AT + DOE_WRITE_MBOX) {
		wire_put_u32(&out, value);
		dev.nr_written += 4;
	} else if (offset == AT + DOE_CTRL && (value & DOE_CTRL_ABORT)) {
		dev.aborts++;
		dev.nr_written = 0;
		dev.answer_len = 0;
		dev.taken = 0;
	} else if (offset == AT + DOE_CTRL && (value & DOE_CTRL_GO)) {
		dev.go_us = dev.slept_us;
		if (dev.fault != SILENT && dev.fault != FAILS)
			answer();
		dev.nr_written = dev.fault == FAILS ? 4 : 0;
	} else if (offset == AT + DOE_READ_MBOX) {
		dev.taken += 4;
		if (dev.taken == dev.answer_len && dev.fault != TOO_LONG)
			dev.answer_len = 0;
	} else {
		ck_abort_msg("a write to 0x%03x", offset);
	}
	return 0;
}

static void nap(void *opaque, unsigned us)
{
	ck_assert_uint_gt(us, 0);
	ck_assert_uint_le(us, 2 * DOE_POLL_MAX_US);
	dev.sleeps++;
	dev.slept_us += us;
}

static const struct doe_cfg_ops ops = {cfg_read, cfg_write, nap};
static struct doe_mailbox mb;

static void setup(void)
{
	log_set_sink(keep, NULL);
	lines[0] = 0;
	memset(&dev, 0, sizeof(dev));
	dev.cfg[0x100 / 4] = 0x15010001; /* AER */
	dev.cfg[0x150 / 4] = 0x1802002e; /* a mailbox that nobody is behind */
	dev.cfg[AT / 4] = 0x0002002e;
	ck_assert_int_eq(doe_mailbox_init(&mb, &ops, NULL, "dev", AT), 0);
}

static int ask(void)
{
	uint8_t rsp[64];

	return doe_exchange(&mb, 1, 1, "abcde", 5, rsp, sizeof(rsp));
}

START_TEST(framing)
{
	uint8_t buf[64] = {0};
	struct doe_object o;
	int n = doe_object_write(buf, sizeof(buf), 0x1234, 5, "abcde", 5);

	ck_assert_int_eq(n, 16);
	ck_assert_int_eq(memcmp(buf,
				"\x34\x12\x05\x00\x04\x00\x00\x00"
				"abcde\0\0\0",
				16),
			 0);
	ck_assert_int_eq(doe_object_parse(buf, 16, &o), 0);
	ck_assert_uint_eq(o.vendor, 0x1234);
	ck_assert_uint_eq(o.type, 5);
	ck_assert_uint_eq(o.len, 8);
	for (size_t len = 0; len < sizeof(buf); len++)
		ck_assert_int_eq(doe_object_parse(buf, len, &o), len == 16 ? 0 : -EBADMSG);
	buf[3] = 0xff; /* reserved */
	buf[7] = 0xff;
	ck_assert_int_eq(doe_object_parse(buf, 16, &o), 0);
	ck_assert_int_eq(doe_object_write(buf, 16, 1, 0, NULL, 0), 8);
	ck_assert_int_eq(doe_object_parse(buf, 8, &o), 0);
	ck_assert_int_eq(doe_object_write(buf, 15, 1, 0, "abcde", 5), -EMSGSIZE);
	/* 0 stands for 2^18 DWs, 1 for nothing that exists. */
	ck_assert_int_eq(doe_object_size((const uint8_t *)"\1\0\0\0\0\0\0\0"), 1 << 20);
	ck_assert_int_eq(doe_object_size((const uint8_t *)"\1\0\0\0\1\0\0\0"), -EBADMSG);
	ck_assert_int_eq(doe_object_size((const uint8_t *)"\1\0\0\0\2\0\0\0"), 8);
	ck_assert_int_eq(doe_object_write(buf, SIZE_MAX, 1, 0, buf, DOE_OBJECT_MAX_BYTES), -EMSGSIZE);
}
END_TEST

START_TEST(exchange)
{
	uint8_t rsp[64];

	ck_assert_int_eq(doe_exchange(&mb, 1, 1, "abcde", 5, rsp, sizeof(rsp)), 8);
	ck_assert_int_eq(memcmp(rsp, "abcde\0\0\0", 8), 0);
	ck_assert_uint_eq(dev.aborts, 0);
	ck_assert_uint_eq(dev.sleeps, 0);
	ck_assert_int_eq(doe_exchange(&mb, 1, 2, NULL, 0, rsp, 0), 0);
}
END_TEST

/* A device that has lost a session answers with another type: only those who ask for it get to see that. */
START_TEST(answer_of_another_type)
{
	uint8_t rsp[64], type = 2;

	ck_assert_int_eq(doe_exchange_typed(&mb, 1, &type, "abcde", 5, rsp, sizeof(rsp)), 8);
	ck_assert_uint_eq(type, 2);
	dev.fault = OTHER_TYPE;
	ck_assert_int_eq(doe_exchange_typed(&mb, 1, &type, "abcde", 5, rsp, sizeof(rsp)), 8);
	ck_assert_uint_eq(type, 3);
	ck_assert_uint_eq(dev.aborts, 0);
	ck_assert_int_eq(ask(), -EBADMSG);
	ck_assert_uint_eq(dev.aborts, 1);
}
END_TEST

/* Each fault: what the caller gets, and that the mailbox was aborted so that it can be used again. */
START_TEST(faults)
{
	static const struct {
		enum fault fault;
		int err;
		unsigned aborts;
	} table[] = {
		{SILENT, -ETIMEDOUT, 1},   {STUCK_BUSY, -EBUSY, 0}, {FAILS, -EIO, 1},	      {FAILS_LATE, -EIO, 1},
		{OTHER_TYPE, -EBADMSG, 1}, {SHORT, -EBADMSG, 1},    {TOO_LONG, -EMSGSIZE, 1}, {HALF_WAY, -EIO, 1},
		{GONE, -ENODEV, 0},	   {CONFIG_FAILS, -EIO, 0},
	};

	for (unsigned i = 0; i < ARRAY_LEN(table); i++) {
		setup();
		dev.fault = table[i].fault;
		ck_assert_int_eq(ask(), table[i].err);
		ck_assert_uint_eq(dev.aborts, table[i].aborts);
		ck_assert(lines[0] != 0 || table[i].fault == CONFIG_FAILS);
		dev.fault = GOOD;
		ck_assert_int_eq(ask(), 8);
	}
}
END_TEST

START_TEST(waits)
{
	dev.fault = SILENT;
	mb.timeout_ms = 200;
	ck_assert_int_eq(ask(), -ETIMEDOUT);
	/* It slept all that time, and looked seldom. */
	ck_assert_uint_ge(dev.slept_us, 200000);
	ck_assert_uint_lt(dev.slept_us, 220000);
	ck_assert_uint_lt(dev.sleeps, 40);
	ck_assert_str_eq(lines, "dev: no answer from the DOE mailbox at 0x180 to an object 0001:01 in 200 ms");
	setup();
	dev.fault = BUSY_A_WHILE;
	ck_assert_int_eq(ask(), 8);
}
END_TEST

START_TEST(aborts)
{
	/* What somebody else left behind goes first. */
	dev.answer_len = 16;
	ck_assert_int_eq(ask(), 8);
	ck_assert_uint_eq(dev.aborts, 1);
	dev.fault = DEAD_ABORT;
	ck_assert_int_eq(doe_abort(&mb), -ETIMEDOUT);
	ck_assert_str_eq(lines, "dev: the DOE mailbox at 0x180 does not come back from an abort; reset the device");
}
END_TEST

START_TEST(finding)
{
	ck_assert_int_eq(doe_find(&ops, NULL, "dev", 0), 0x150);
	ck_assert_int_eq(doe_find(&ops, NULL, "dev", 0x150), 0x180);
	ck_assert_int_eq(doe_find(&ops, NULL, "dev", 0x180), 0);
	dev.cfg[AT / 4] = 0x1500002e;
	ck_assert_int_eq(doe_find(&ops, NULL, "dev", 0x180), -EBADMSG); /* a loop */
	dev.cfg[AT / 4] = 0x0400002e;
	ck_assert_int_eq(doe_find(&ops, NULL, "dev", 0x180), -EBADMSG); /* out of its space */
	dev.cfg[0x100 / 4] = 0;
	ck_assert_int_eq(doe_find(&ops, NULL, "dev", 0), 0);
	dev.cfg[0x100 / 4] = UINT32_MAX;
	ck_assert_int_eq(doe_find(&ops, NULL, "dev", 0), 0);
	dev.cfg[0x100 / 4] = 0xff40002e; /* too near to the end to be one */
	dev.cfg[0xff4 / 4] = 0x0001002e;
	ck_assert_int_eq(doe_find(&ops, NULL, "dev", 0x100), 0);
	ck_assert_int_eq(doe_mailbox_init(&mb, &ops, NULL, "dev", 0xff4), -ENODEV);
	ck_assert_int_eq(doe_mailbox_init(&mb, &ops, NULL, "dev", 0x150), 0);
	dev.cfg[0x150 / 4] = 1;
	ck_assert_int_eq(doe_mailbox_init(&mb, &ops, NULL, "dev", 0x150), -ENODEV);
	/* VFIO hides the header of the first in the list. */
	dev.cfg[AT / 4] = 0;
	ck_assert_int_eq(doe_mailbox_init(&mb, &ops, NULL, "dev", AT), 0);
	dev.fault = GONE;
	ck_assert_int_eq(doe_mailbox_init(&mb, &ops, NULL, "dev", AT), -ENODEV);
}
END_TEST

START_TEST(discovery)
{
	struct doe_feature f[8];

	ck_assert_int_eq(doe_discover(&mb, f, 8), 3);
	for (uint8_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(f[i].vendor, 1);
		ck_assert_uint_eq(f[i].type, i);
	}
	ck_assert_uint_eq(dev.versions, 2);
	mb.version = 1;
	ck_assert_int_eq(doe_discover(&mb, f, 8), 3);
	ck_assert_uint_eq(dev.versions, 0);
	ck_assert_int_eq(doe_discover(&mb, f, 2), -EBADMSG);
	dev.fault = LOOPS;
	ck_assert_int_eq(doe_discover(&mb, f, 8), -EBADMSG);
}
END_TEST

/* Each answer comes in time; all of them together do not. */
START_TEST(slow_discovery)
{
	dev.cfg[0x100 / 4] = 0x18010001;
	dev.fault = SLOW;
	ck_assert_int_eq(doe_open_spdm(&mb, &ops, NULL, "dev", 0), -ETIMEDOUT);
	ck_assert_uint_ge(dev.slept_us, DOE_DISCOVERY_MS * UINT64_C(1000));
	ck_assert_uint_le(dev.slept_us, (DOE_DISCOVERY_MS + DOE_TIMEOUT_MS) * UINT64_C(1000));
	ck_assert_ptr_nonnull(strstr(lines, "dev: has let wait for 10000 ms in all"));
}
END_TEST

/* The mailbox that speaks SPDM; the other one is passed over. */
START_TEST(open_spdm)
{
	dev.cfg[0x100 / 4] = 0x18010001; /* only the good one is in the list */
	ck_assert_int_eq(doe_open_spdm(&mb, &ops, NULL, "dev", 0), 0);
	ck_assert_uint_eq(mb.offset, AT);
	ck_assert_uint_eq(mb.version, 2);
	ck_assert_int_eq(doe_open_spdm(&mb, &ops, NULL, "dev", 1), -ENODEV);
	ck_assert_str_eq(lines, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("doe");
	TCase *tc = tcase_create("doe");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, framing);
	tcase_add_test(tc, exchange);
	tcase_add_test(tc, answer_of_another_type);
	tcase_add_test(tc, faults);
	tcase_add_test(tc, waits);
	tcase_add_test(tc, aborts);
	tcase_add_test(tc, finding);
	tcase_add_test(tc, discovery);
	tcase_add_test(tc, slow_discovery);
	tcase_add_test(tc, open_spdm);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

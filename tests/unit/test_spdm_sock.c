/* SPDX-License-Identifier: Apache-2.0 */
/* Frames over sockets, with peers that lie, stall and leave; addresses; captures. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "run_suite.h"
#include "spdm_addr.h"
#include "spdm_pcap.h"
#include "spdm_sock.h"

static int ends[2];
static unsigned nr_logged;

static void sink(enum log_level level, const char *line, void *opaque)
{
	nr_logged++;
}

static void setup(void)
{
	nr_logged = 0;
	log_set_sink(sink, NULL);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
}

static void teardown(void)
{
	log_set_sink(NULL, NULL);
	close(ends[0]);
	if (ends[1] >= 0)
		close(ends[1]);
}

/* Words are big-endian, and a frame is one write: all of it is there after one read. */
START_TEST(frame)
{
	const struct spdm_sock_frame out = {SPDM_SOCK_NORMAL, SPDM_SOCK_TRANSPORT_DOE, 5};
	static const uint8_t wire[] = {0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5, 'h', 'e', 'l', 'l', 'o'};
	struct spdm_sock_frame in;
	uint8_t raw[64];

	ck_assert_int_eq(spdm_sock_send(ends[0], &out, "hello", 100), 0);
	ck_assert_int_eq(read(ends[1], raw, sizeof(raw)), sizeof(wire));
	ck_assert_mem_eq(raw, wire, sizeof(wire));
	ck_assert_int_eq(write(ends[1], wire, sizeof(wire)), sizeof(wire));
	ck_assert_int_eq(spdm_sock_recv(ends[0], &in, raw, sizeof(raw), 100), 0);
	ck_assert_uint_eq(in.command, SPDM_SOCK_NORMAL);
	ck_assert_uint_eq(in.transport, SPDM_SOCK_TRANSPORT_DOE);
	ck_assert_uint_eq(in.size, 5);
	ck_assert_mem_eq(raw, "hello", 5);
}
END_TEST

START_TEST(empty_payload)
{
	const struct spdm_sock_frame out = {SPDM_SOCK_SHUTDOWN, SPDM_SOCK_TRANSPORT_DOE, 0};
	struct spdm_sock_frame in;
	uint8_t none[1];

	ck_assert_int_eq(spdm_sock_send(ends[0], &out, NULL, 100), 0);
	ck_assert_int_eq(spdm_sock_recv(ends[1], &in, none, 0, 100), 0);
	ck_assert_uint_eq(in.command, SPDM_SOCK_SHUTDOWN);
}
END_TEST

/* Whatever the header claims, no more than the buffer is read, and no more than the cap believed. */
START_TEST(lengths_that_lie)
{
	static const uint8_t huge[] = {0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t large[] = {0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9};
	struct spdm_sock_frame in;
	uint8_t buf[16] = {0};

	ck_assert_int_eq(write(ends[1], huge, sizeof(huge)), sizeof(huge));
	ck_assert_int_eq(spdm_sock_recv(ends[0], &in, buf, sizeof(buf), 100), -EMSGSIZE);
	ck_assert_int_eq(write(ends[1], large, sizeof(large)), sizeof(large));
	ck_assert_int_eq(spdm_sock_recv(ends[0], &in, buf, 8, 100), -EMSGSIZE);
	ck_assert_uint_eq(buf[0], 0);
}
END_TEST

START_TEST(ends_and_time_outs)
{
	static const uint8_t half[] = {0, 0, 0, 1, 0, 0};
	struct spdm_sock_frame in;
	uint8_t buf[16];

	ck_assert_int_eq(spdm_sock_recv(ends[0], &in, buf, sizeof(buf), 20), -ETIMEDOUT);
	ck_assert_int_eq(write(ends[1], half, sizeof(half)), sizeof(half));
	ck_assert_int_eq(spdm_sock_recv(ends[0], &in, buf, sizeof(buf), 20), -ETIMEDOUT);
	ck_assert_int_eq(write(ends[1], half, 3), 3);
	close(ends[1]);
	ends[1] = -1;
	ck_assert_int_eq(spdm_sock_recv(ends[0], &in, buf, sizeof(buf), 20), -EPROTO);
	ck_assert_int_eq(spdm_sock_recv(ends[0], &in, buf, sizeof(buf), 20), -EPIPE);
	in = (struct spdm_sock_frame){SPDM_SOCK_NORMAL, SPDM_SOCK_TRANSPORT_DOE, 0};
	ck_assert_int_eq(spdm_sock_send(ends[0], &in, NULL, 20), -EPIPE);
}
END_TEST

/* A peer that reads nothing. */
START_TEST(send_does_not_wait_for_ever)
{
	static uint8_t payload[SPDM_SOCK_MAX_PAYLOAD];
	const struct spdm_sock_frame out = {SPDM_SOCK_NORMAL, SPDM_SOCK_TRANSPORT_DOE, sizeof(payload)};
	int err = 0;

	for (int i = 0; i < 8 && !err; i++)
		err = spdm_sock_send(ends[0], &out, payload, 20);
	ck_assert_int_eq(err, -ETIMEDOUT);
}
END_TEST

START_TEST(addresses)
{
	static const struct {
		const char *text;
		int family, err;
	} cases[] = {
		{"127.0.0.1:2323", AF_INET, 0},	 {"localhost:1", AF_INET, 0},	  {"127.9.9.9:65535", AF_INET, 0},
		{"[::1]:2323", AF_INET6, 0},	 {"/run/x.sock", AF_UNIX, 0},	  {"./x", AF_UNIX, 0},
		{"10.0.0.1:2323", 0, -EPERM},	 {"0.0.0.0:2323", 0, -EPERM},	  {"[::]:2323", 0, -EPERM},
		{"[2001:db8::1]:1", 0, -EPERM},	 {"example.org:1", 0, -EINVAL},	  {"127.0.0.1", 0, -EINVAL},
		{"127.0.0.1:", 0, -EINVAL},	 {"127.0.0.1:65536", 0, -EINVAL}, {"::1:2323", 0, -EINVAL},
		{"127.0.0.1:2323x", 0, -EINVAL}, {":2323", 0, -EINVAL},		  {"[]:1", 0, -EINVAL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct spdm_addr addr;

		nr_logged = 0;
		ck_assert_msg(spdm_addr_parse(&addr, cases[i].text, false) == cases[i].err, "%s", cases[i].text);
		ck_assert_uint_eq(nr_logged, cases[i].err ? 1 : 0);
		if (!cases[i].err)
			ck_assert_int_eq(addr.sa.ss_family, cases[i].family);
	}
	struct spdm_addr addr;

	ck_assert_int_eq(spdm_addr_parse(&addr, "10.0.0.1:2323", true), 0);
	ck_assert(spdm_addr_looks_like("127.0.0.1:2323") && spdm_addr_looks_like("[::1]:1") &&
		  spdm_addr_looks_like("./sock"));
	ck_assert(!spdm_addr_looks_like("0000:01:00.0") && !spdm_addr_looks_like("01:00.0"));
}
END_TEST

/* Both ends over TCP with a port of the kernel's choice, and over a path whose last listener has died. */
START_TEST(connect_and_listen)
{
	const struct spdm_sock_frame ping = {SPDM_SOCK_TEST, SPDM_SOCK_TRANSPORT_DOE, 4};
	char path[] = "/tmp/aerie-test-XXXXXX", where[64];
	struct spdm_sock_frame in;
	uint8_t buf[8];

	ck_assert_ptr_nonnull(mkdtemp(path));
	for (int i = 0; i < 3; i++) {
		int listener, client, server;

		if (i == 0)
			snprintf(where, sizeof(where), "127.0.0.1:0");
		else
			snprintf(where, sizeof(where), "%s/s", path);
		listener = spdm_addr_listen(where, false);
		ck_assert_int_ge(listener, 0);
		if (i == 0)
			snprintf(where, sizeof(where), "127.0.0.1:%u", spdm_addr_port(listener));
		client = spdm_addr_connect(where, false);
		ck_assert_int_ge(client, 0);
		server = spdm_addr_accept(listener);
		ck_assert_int_ge(server, 0);
		ck_assert_int_eq(spdm_sock_send(client, &ping, "ping", 100), 0);
		ck_assert_int_eq(spdm_sock_recv(server, &in, buf, sizeof(buf), 1000), 0);
		ck_assert_uint_eq(in.command, SPDM_SOCK_TEST);
		if (i == 2) {
			/* somebody listens: not taken away */
			ck_assert_int_eq(spdm_addr_listen(where, false), -EADDRINUSE);
		}
		close(client);
		close(server);
		close(listener);
	}
	ck_assert_int_eq(spdm_addr_connect(where, false), -ECONNREFUSED);
	unlink(where);
	rmdir(path);
}
END_TEST

START_TEST(capture)
{
	char path[] = "/tmp/aerie-test-XXXXXX";
	uint32_t words[64] = {0};
	struct spdm_pcap *pcap;
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(spdm_pcap_create(&pcap, path), 0);
	spdm_pcap_write(pcap, "\1\0\1\0\3\0\0\0abcd", 12);
	spdm_pcap_write(pcap, "\1\0\1\0\2\0\0\0", 8);
	ck_assert_int_eq(spdm_pcap_close(&pcap), 0);
	ck_assert_ptr_null(pcap);
	ck_assert_int_eq(read(fd, words, sizeof(words)), 24 + 16 + 12 + 16 + 8);
	ck_assert_uint_eq(words[0], 0xa1b23c4d);
	ck_assert_uint_eq(words[1], 0x00040002);
	ck_assert_uint_eq(words[5], 292);
	ck_assert_uint_eq(words[8], 12);
	ck_assert_uint_eq(words[9], 12);
	ck_assert_uint_eq(words[10], 0x00010001);
	ck_assert_uint_eq(words[15], 8);
	close(fd);
	unlink(path);
}
END_TEST

START_TEST(capture_that_cannot_be_written)
{
	struct spdm_pcap *pcap;

	ck_assert_int_eq(spdm_pcap_create(&pcap, "/nowhere/x.pcap"), -ENOENT);
	ck_assert_ptr_null(pcap);
	ck_assert_int_eq(spdm_pcap_create(&pcap, "/dev/full"), 0);
	spdm_pcap_write(pcap, "x", 1);
	ck_assert_int_eq(spdm_pcap_close(&pcap), -ENOSPC);
	ck_assert_uint_eq(nr_logged, 2);
	spdm_pcap_write(NULL, "x", 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spdm_sock");
	TCase *tc = tcase_create("spdm_sock");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, frame);
	tcase_add_test(tc, empty_payload);
	tcase_add_test(tc, lengths_that_lie);
	tcase_add_test(tc, ends_and_time_outs);
	tcase_add_test(tc, send_does_not_wait_for_ever);
	tcase_add_test(tc, addresses);
	tcase_add_test(tc, connect_and_listen);
	tcase_add_test(tc, capture);
	tcase_add_test(tc, capture_that_cannot_be_written);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

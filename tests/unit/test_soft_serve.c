/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device in software behind a socket, asked as other people's requesters ask: frames as QEMU and DMTF's emulator
 * write them, byte by byte, over both transports; and the whole of attestation over MCTP.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attest.h"
#include "attest_link.h"
#include "attest_pki.h"
#include "capture.h"
#include "run_suite.h"
#include "soft_serve.h"
#include "spdm_sock.h"

#define ALL  (ATTEST_SPDM | ATTEST_MEASUREMENTS | ATTEST_IDE | ATTEST_TDISP)
#define DOE  SPDM_SOCK_TRANSPORT_DOE
#define MCTP SPDM_SOCK_TRANSPORT_MCTP

static char dir[64];
static struct spdm_identity *identity;
static struct spdm_roots *roots;
static struct soft_device *dev;
static pthread_t server;
static int ends[2];
static int listener = -1;
static int served;

static const char *path_of(const char *file)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return path;
}

static void *serve(void *arg)
{
	served = soft_serve(dev, ends[1], listener, NULL);
	close(ends[1]);
	return NULL;
}

static void setup(void)
{
	static const struct spdm_block block = {.index = 1, .value = (const uint8_t *)"rom", .len = 3};
	struct soft_device_config config = {
		.profile = spdm_profile_responder(),
		.blocks = &block,
		.nr_blocks = 1,
		.ide = true,
		.tdisp = true,
		.bars = {[0] = {0x10000000, 0x4000}},
	};
	char chain[128];

	capture_begin();
	strcpy(dir, "/tmp/aerie-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(attest_pki_generate(dir, &(struct attest_pki_config){.asym = SPDM_ASYM_P384, .name = "x"}), 0);
	strcpy(chain, path_of("chain.pem"));
	ck_assert_int_eq(spdm_identity_load(chain, path_of("key.pem"), &identity), 0);
	ck_assert_int_eq(spdm_roots_load(path_of("root.pem"), &roots), 0);
	config.identity = identity;
	ck_assert_int_eq(soft_device_create(&dev, &config), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(pthread_create(&server, NULL, serve, NULL), 0);
}

static void teardown(void)
{
	static const char *const files[] = {"root.pem", "chain.pem", "key.pem"};

	close(ends[0]);
	pthread_join(server, NULL);
	soft_device_destroy(&dev);
	spdm_identity_free(identity);
	spdm_roots_free(roots);
	for (unsigned i = 0; i < 3; i++)
		unlink(path_of(files[i]));
	rmdir(dir);
	log_set_sink(NULL, NULL);
}

/* What a peer says and what it must hear: a frame with its header. */
struct said {
	uint32_t command, transport;
	size_t len;
	uint8_t bytes[24];
};

static void say(const struct said *said)
{
	const struct spdm_sock_frame frame = {said->command, said->transport, (uint32_t)said->len};

	ck_assert_int_eq(spdm_sock_send(ends[0], &frame, said->bytes, 1000), 0);
}

static void hear(const struct said *said)
{
	struct spdm_sock_frame frame;
	uint8_t bytes[256];

	ck_assert_int_eq(spdm_sock_recv(ends[0], &frame, bytes, sizeof(bytes), 2000), 0);
	ck_assert_uint_eq(frame.command, said->command);
	ck_assert_uint_eq(frame.transport, said->transport);
	ck_assert_uint_eq(frame.size, said->len);
	if (said->command != SPDM_SOCK_TEST)
		ck_assert_mem_eq(bytes, said->bytes, said->len);
}

static void dialogue(const struct said *lines, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		i % 2 == 0 ? say(&lines[i]) : hear(&lines[i]);
}

/* The start of DMTF's requester on PCI_DOE: a hello, discovery to its end, GET_VERSION; and its good-bye. */
START_TEST(emulator_doe)
{
	static const struct said lines[] = {
		{SPDM_SOCK_TEST, DOE, 14, "Client Hello!"},
		{SPDM_SOCK_TEST, DOE, 21, ""},
		{SPDM_SOCK_NORMAL, DOE, 12, {1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0}},
		{SPDM_SOCK_NORMAL, DOE, 12, {1, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 1}},
		{SPDM_SOCK_NORMAL, DOE, 12, {1, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0}},
		{SPDM_SOCK_NORMAL, DOE, 12, {1, 0, 0, 0, 3, 0, 0, 0, 1, 0, 1, 2}},
		{SPDM_SOCK_NORMAL, DOE, 12, {1, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0}},
		{SPDM_SOCK_NORMAL, DOE, 12, {1, 0, 0, 0, 3, 0, 0, 0, 1, 0, 2, 0}},
		{SPDM_SOCK_NORMAL, DOE, 12, {1, 0, 1, 0, 3, 0, 0, 0, 0x10, 0x84, 0, 0}},
		{SPDM_SOCK_NORMAL, DOE, 20, {1, 0, 1, 0, 5, 0,	  0, 0,	   0x10, 0x04,
					     0, 0, 0, 3, 0, 0x12, 0, 0x13, 0,	 0x14}},
		{SPDM_SOCK_SHUTDOWN, DOE, 0, ""},
		{SPDM_SOCK_SHUTDOWN, DOE, 0, ""},
	};

	dialogue(lines, sizeof(lines) / sizeof(lines[0]));
	pthread_join(server, NULL);
	ck_assert_int_eq(served, 1);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(pthread_create(&server, NULL, serve, NULL), 0);
}
END_TEST

/* The same on MCTP, its default: a byte of type before the message and nothing behind it. */
START_TEST(emulator_mctp)
{
	static const struct said lines[] = {
		{SPDM_SOCK_TEST, MCTP, 14, "Client Hello!"},
		{SPDM_SOCK_TEST, MCTP, 21, ""},
		{SPDM_SOCK_NORMAL, MCTP, 5, {5, 0x10, 0x84, 0, 0}},
		{SPDM_SOCK_NORMAL, MCTP, 13, {5, 0x10, 0x04, 0, 0, 0, 3, 0, 0x12, 0, 0x13, 0, 0x14}},
		{SPDM_SOCK_NORMAL, MCTP, 5, {5, 0x11, 0x84, 0, 0}}, /* no GET_VERSION: the version of ERROR is ours */
		{SPDM_SOCK_NORMAL, MCTP, 5, {5, 0x10, 0x7f, 0x41, 0}},
		{SPDM_SOCK_CONTINUE, MCTP, 0, ""},
		{SPDM_SOCK_CONTINUE, MCTP, 0, ""},
	};

	dialogue(lines, sizeof(lines) / sizeof(lines[0]));
}
END_TEST

/* What is not spoken is answered as unknown, on the same connection; so is TCP's and storage's transport. */
START_TEST(unknown)
{
	static const struct said lines[] = {
		{SPDM_SOCK_NORMAL, 3, 4, {0x10, 0x84, 0, 0}},
		{SPDM_SOCK_UNKNOWN, 3, 0, ""},
		{SPDM_SOCK_NORMAL, 0, 4, {0x10, 0x84, 0, 0}},
		{SPDM_SOCK_UNKNOWN, 0, 0, ""},
		{0x8001, DOE, 0, ""},
		{SPDM_SOCK_UNKNOWN, DOE, 0, ""},
		{0xfffe, MCTP, 2, {1, 2}},
	};

	dialogue(lines, 6);
	ck_assert_uint_eq(SPDM_SOCK_SHUTDOWN, 0xfffe);
	say(&lines[6]);
	hear(&(struct said){SPDM_SOCK_SHUTDOWN, MCTP, 0, ""});
}
END_TEST

/* A message of another type is not answered, and does no harm to the next. */
START_TEST(other_types)
{
	static const struct said pldm = {SPDM_SOCK_NORMAL, MCTP, 4, {1, 0x80, 0, 2}},
				 none = {SPDM_SOCK_NORMAL, MCTP, 0, ""};
	static const struct said cma = {SPDM_SOCK_NORMAL, DOE, 12, {1, 0, 9, 0, 3, 0, 0, 0, 1, 2, 3, 4}};
	static const struct said lines[] = {
		{SPDM_SOCK_NORMAL, MCTP, 5, {5, 0x10, 0x84, 0, 0}},
		{SPDM_SOCK_NORMAL, MCTP, 13, {5, 0x10, 0x04, 0, 0, 0, 3, 0, 0x12, 0, 0x13, 0, 0x14}},
	};

	say(&pldm);
	say(&none);
	say(&cma);
	dialogue(lines, 2);
}
END_TEST

/* A connection does not go on over another transport. */
START_TEST(changes_transport)
{
	static const struct said lines[] = {
		{SPDM_SOCK_NORMAL, MCTP, 5, {5, 0x10, 0x84, 0, 0}},
		{SPDM_SOCK_NORMAL, MCTP, 13, {5, 0x10, 0x04, 0, 0, 0, 3, 0, 0x12, 0, 0x13, 0, 0x14}},
		{SPDM_SOCK_NORMAL, DOE, 12, {1, 0, 1, 0, 3, 0, 0, 0, 0x12, 0x81, 0, 0}},
		{SPDM_SOCK_NORMAL, DOE, 12, {1, 0, 1, 0, 3, 0, 0, 0, 0x10, 0x7f, 4, 0}},
		{SPDM_SOCK_NORMAL, MCTP, 21, {5, 0x12, 0xe1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0x40}},
		{SPDM_SOCK_NORMAL, MCTP, 5, {5, 0x12, 0x7f, 4, 0}},
	};

	dialogue(lines, sizeof(lines) / sizeof(lines[0]));
}
END_TEST

/* The whole flow, first over one transport and then over the other, on one connection. */
static void attest(enum spdm_binding binding)
{
	struct attest_link link = {.name = "device", .fd = ends[0], .binding = binding};
	const struct tdisp_bar bars[TDISP_NR_BARS] = {[0] = {0x10000000, 0x4000}};
	const struct attest_config config = {
		.name = "device",
		.roots = roots,
		.bars = bars,
		.require = ALL,
		.transport = attest_link_transport(&link),
		.binding = binding,
	};
	struct attest *attest;

	ck_assert_int_eq(attest_create(&attest, &config), 0);
	ck_assert_msg(attest_verify(attest) == 0, "%s", captured);
	ck_assert_msg(attest_lock(attest) == 0, "%s", captured);
	ck_assert_msg(attest_start(attest) == 0, "%s", captured);
	ck_assert_msg(attest_alive(attest) == 0, "%s", captured);
	ck_assert_str_eq(attest_verdict(attest), "trusted");
	attest_end(attest);
	attest_destroy(&attest);
}

START_TEST(attested)
{
	attest(SPDM_BINDING_MCTP);
	attest(SPDM_BINDING_DOE);
	attest(SPDM_BINDING_MCTP);
}
END_TEST

/* Whoever leaves says so, and the device waits for the next peer. */
START_TEST(leaves)
{
	struct attest_link link = {.name = "device", .fd = ends[0], .binding = SPDM_BINDING_MCTP};

	attest_link_leave(&link);
	pthread_join(server, NULL);
	ck_assert_int_eq(served, 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(pthread_create(&server, NULL, serve, NULL), 0);
}
END_TEST

/* Somebody waits at a listener from which nobody can be taken: said once for each message, and nobody spins. */
START_TEST(listener_fails)
{
	static const struct said lines[] = {
		{SPDM_SOCK_TEST, DOE, 14, "Client Hello!"},
		{SPDM_SOCK_TEST, DOE, 21, ""},
	};
	unsigned count = 0;

	attest_link_leave(&(struct attest_link){.name = "device", .fd = ends[0]});
	pthread_join(server, NULL);
	listener = eventfd(1, EFD_CLOEXEC);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(pthread_create(&server, NULL, serve, NULL), 0);
	usleep(20000);
	dialogue(lines, 2);
	attest_link_leave(&(struct attest_link){.name = "device", .fd = ends[0]});
	pthread_join(server, NULL);
	close(listener);
	listener = -1;
	for (const char *at = captured; (at = strstr(at, "cannot be turned away: ")) != NULL; at++)
		count++;
	ck_assert_uint_ge(count, 1);
	ck_assert_uint_le(count, 3);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(pthread_create(&server, NULL, serve, NULL), 0);
}
END_TEST

/* A peer of the other transport is told apart from one that is broken. */
START_TEST(wrong_transport)
{
	static const uint8_t req[] = {0x10, 0x84, 0, 0};
	const struct spdm_sock_frame no = {SPDM_SOCK_UNKNOWN, DOE, 0};
	struct attest_link link = {.name = "device"};
	struct spdm_transport transport = attest_link_transport(&link);
	uint8_t rsp[64];
	size_t len = 0;
	bool secured = false;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	link.fd = pair[0];
	ck_assert_int_eq(spdm_sock_send(pair[1], &no, NULL, 100), 0);
	ck_assert_int_lt(transport.exchange(transport.ctx, &secured, req, sizeof(req), rsp, sizeof(rsp), &len, 100), 0);
	ck_assert_ptr_nonnull(strstr(captured, "does not speak PCI_DOE"));
	close(pair[0]);
	close(pair[1]);
}
END_TEST

/* Answers that fill the frame and not the room for a message, and such as are none. */
static const struct {
	enum spdm_binding binding;
	struct said said;
	int result;
} bad_answers[] = {
	{SPDM_BINDING_MCTP, {SPDM_SOCK_NORMAL, MCTP, 10, {5, 0x10, 4}}, -EMSGSIZE},
	{SPDM_BINDING_DOE, {SPDM_SOCK_NORMAL, DOE, 20, {1, 0, 1, 0, 5, 0, 0, 0, 0x10, 4}}, -EMSGSIZE},
	{SPDM_BINDING_MCTP, {SPDM_SOCK_NORMAL, MCTP, 0, ""}, -EBADMSG},
	{SPDM_BINDING_DOE, {SPDM_SOCK_NORMAL, DOE, 0, ""}, -EBADMSG},
	{SPDM_BINDING_MCTP, {SPDM_SOCK_NORMAL, MCTP, 5, {1, 0x10, 4}}, -EBADMSG},
	{SPDM_BINDING_DOE, {SPDM_SOCK_NORMAL, DOE, 12, {1, 0, 0, 0, 3, 0, 0, 0, 0x10, 4}}, -EBADMSG},
};

START_TEST(bad_answer)
{
	static const uint8_t req[] = {0x10, 0x84, 0, 0};
	const struct said *said = &bad_answers[_i].said;
	const struct spdm_sock_frame frame = {said->command, said->transport, (uint32_t)said->len};
	struct attest_link link = {.name = "device", .binding = bad_answers[_i].binding};
	struct spdm_transport transport = attest_link_transport(&link);
	uint8_t *rsp = malloc(8); /* of its own, so that the sanitizer sees what is beyond the end */
	size_t len = 0;
	bool secured = false;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	link.fd = pair[0];
	ck_assert_int_eq(spdm_sock_send(pair[1], &frame, said->bytes, 100), 0);
	ck_assert_int_eq(transport.exchange(transport.ctx, &secured, req, sizeof(req), rsp, 8, &len, 1000),
			 bad_answers[_i].result);
	free(rsp);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("soft_serve");
	TCase *tc = tcase_create("frames");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, emulator_doe);
	tcase_add_test(tc, emulator_mctp);
	tcase_add_test(tc, unknown);
	tcase_add_test(tc, other_types);
	tcase_add_test(tc, changes_transport);
	tcase_add_test(tc, attested);
	tcase_add_test(tc, leaves);
	tcase_add_test(tc, listener_fails);
	tcase_add_test(tc, wrong_transport);
	tcase_add_loop_test(tc, bad_answer, 0, sizeof(bad_answers) / sizeof(bad_answers[0]));
	suite_add_tcase(s, tc);
	return run_suite(s);
}

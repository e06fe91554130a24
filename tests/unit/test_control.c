/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: requests, hostile peers, events. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <json-c/json.h>

#include "control_priv.h"
#include "log.h"
#include "run_suite.h"

static struct loop loop;
static struct control *control;
static char dir[] = "/tmp/aerie-test-XXXXXX", path[64];
static unsigned calls, nr_logged;

static void sink(enum log_level level, const char *line, void *opaque)
{
	nr_logged++;
}

static int do_echo(void *opaque, const char *arg, struct json_object **result, char error[CONTROL_ERROR])
{
	calls++;
	*result = json_object_new_object();
	json_object_object_add(*result, "said", json_object_new_string(arg ? arg : "nothing"));
	return 0;
}

static int do_fail(void *opaque, const char *arg, struct json_object **result, char error[CONTROL_ERROR])
{
	snprintf(error, CONTROL_ERROR, "it is \"not\" possible");
	return -EPERM;
}

static int do_stop(void *opaque, const char *arg, struct json_object **result, char error[CONTROL_ERROR])
{
	loop_stop(&loop, 7);
	return 0;
}

static const struct control_request requests[] = {
	{"echo", "text", do_echo}, {"fail", NULL, do_fail}, {"stop", NULL, do_stop}, {0}};

static void setup(void)
{
	calls = nr_logged = 0;
	log_set_sink(sink, NULL);
	strcpy(dir, "/tmp/aerie-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/vm.sock", dir);
	ck_assert_int_eq(loop_init(&loop), 0);
	ck_assert_int_eq(control_create(&control, &loop, path, requests, NULL), 0);
}

static void teardown(void)
{
	control_destroy(&control);
	ck_assert_ptr_null(control);
	ck_assert_int_ne(access(path, F_OK), 0);
	loop_fini(&loop);
	rmdir(dir);
	log_set_sink(NULL, NULL);
}

static int dial(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* Lets the loop take what waits: another peer asks it to stop. */
static void turn(void)
{
	int fd = dial();

	ck_assert_int_eq(write(fd, "{\"do\":\"stop\"}\n", 14), 14);
	ck_assert_int_eq(loop_run(&loop), 7);
	close(fd);
}

static const char *ask(int fd, const char *line)
{
	static char answer[8192];
	ssize_t n;

	ck_assert_int_eq(write(fd, line, strlen(line)), (ssize_t)strlen(line));
	turn();
	n = recv(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT);
	answer[n > 0 ? n : 0] = '\0';
	return answer;
}

START_TEST(answers)
{
	int fd = dial();

	ck_assert_str_eq(ask(fd, "{\"do\":\"echo\"}\n"), "{\"ok\":{\"said\":\"nothing\"}}\n");
	ck_assert_str_eq(ask(fd, " {\"id\": 5, \"do\": \"echo\", \"text\": \"h\\u00e9\"}\n"),
			 "{\"id\":5,\"ok\":{\"said\":\"h\xc3\xa9\"}}\n");
	ck_assert_str_eq(ask(fd, "{\"id\":\"x\",\"do\":\"fail\"}\n"),
			 "{\"id\":\"x\",\"error\":\"it is \\\"not\\\" possible\"}\n");
	/* in pieces, and several at once */
	ck_assert_str_eq(ask(fd, "{\"do\":"), "");
	ck_assert_str_eq(ask(fd, "\"echo\"}\n{\"do\":\"fail\"}\n{\"do\""),
			 "{\"ok\":{\"said\":\"nothing\"}}\n{\"error\":\"it is \\\"not\\\" possible\"}\n");
	close(fd);
	turn();
}
END_TEST

static const struct {
	const char *line, *error;
} bad[] = {
	{"\n", "a request is one JSON object"},
	{"x\n", "a request is one JSON object"},
	{"[]\n", "a request is one JSON object"},
	{"{\"do\":\"echo\"} {}\n", "a request is one JSON object"},
	{"{\"do\":\"echo\"\n", "a request is one JSON object"},
	{"{'do':'echo'}\n", "a request is one JSON object"},
	{"{\"do\":\"echo\",}\n", "a request is one JSON object"},
	{"{\"do\":\"\xff\"}\n", "a request is one JSON object"},
	{"{\"a\":[[[[[[[[[[]]]]]]]]]]}\n", "a request is one JSON object"},
	{"{}\n", "\\\"do\\\" must be one of events, echo, fail, stop"},
	{"{\"do\":\"ehco\"}\n", "\\\"do\\\" must be one of"},
	{"{\"do\":1}\n", "\\\"do\\\" must be a text"},
	{"{\"do\":\"echo\",\"txt\":\"a\"}\n", "unknown key \\\"txt\\\" of the request echo; it takes text"},
	{"{\"do\":\"fail\",\"text\":\"a\"}\n", "unknown key \\\"text\\\" of the request fail"},
	{"{\"do\":\"echo\",\"text\":\"a\",\"more\":\"b\"}\n", "unknown key \\\"more\\\""},
	{"{\"do\":\"echo\",\"text\":{}}\n", "\\\"text\\\" must be a text"},
	{"{\"id\":[],\"do\":\"echo\"}\n", "\\\"id\\\" must be"},
	{"{\"do\":\"events\",\"x\":\"y\"}\n", "\\\"do\\\" must be one of"},
};

START_TEST(refused)
{
	int fd = dial();
	const char *answer = ask(fd, bad[_i].line);

	ck_assert_msg(strstr(answer, "{\"error\":\"") == answer && strstr(answer, bad[_i].error), "%s: %s",
		      bad[_i].line, answer);
	ck_assert_uint_eq(calls, 0);
	/* and the connection still works */
	ck_assert_str_eq(ask(fd, "{\"do\":\"echo\"}\n"), "{\"ok\":{\"said\":\"nothing\"}}\n");
	close(fd);
	turn();
}
END_TEST

START_TEST(line_without_end)
{
	static char noise[CONTROL_MAX_LINE];
	int fd = dial();
	char answer[256];
	ssize_t n;

	memset(noise, ' ', sizeof(noise));
	ck_assert_int_eq(write(fd, noise, sizeof(noise)), sizeof(noise));
	turn();
	n = read(fd, answer, sizeof(answer) - 1);
	ck_assert_int_gt(n, 0);
	answer[n] = '\0';
	ck_assert_ptr_nonnull(strstr(answer, "at most 4095 bytes"));
	ck_assert_int_eq(read(fd, answer, sizeof(answer)), 0);
	close(fd);
}
END_TEST

START_TEST(too_many_peers)
{
	int fds[CONTROL_MAX_PEERS];
	char c;

	for (unsigned i = 0; i < CONTROL_MAX_PEERS; i++) {
		fds[i] = dial();
		if (i < CONTROL_MAX_PEERS - 1)
			turn();
	}
	/* the last one has no turn to itself: it asks */
	ck_assert_int_eq(write(fds[CONTROL_MAX_PEERS - 1], "{\"do\":\"stop\"}\n", 14), 14);
	ck_assert_int_eq(loop_run(&loop), 7);

	int more = dial();

	ck_assert_int_eq(write(fds[0], "{\"do\":\"stop\"}\n", 14), 14);
	ck_assert_int_eq(loop_run(&loop), 7);
	ck_assert_int_le(recv(more, &c, 1, MSG_DONTWAIT), 0);
	close(more);
	for (unsigned i = 0; i < CONTROL_MAX_PEERS; i++)
		close(fds[i]);
}
END_TEST

START_TEST(events)
{
	int listens = dial(), other = dial();

	ck_assert_str_eq(ask(listens, "{\"do\":\"events\",\"id\":1}\n"), "{\"id\":1,\"ok\":{}}\n");
	control_event(control, "device-blocked", "nvme0", "policy", "measurement 2 \"differs\"");
	control_event(control, "bare", NULL, NULL, NULL);
	ck_assert_str_eq(ask(listens, ""), "{\"seq\":1,\"event\":\"device-blocked\",\"device\":\"nvme0\",\"verdict\":"
					   "\"policy\",\"text\":\"measurement 2 \\\"differs\\\"\"}\n"
					   "{\"seq\":2,\"event\":\"bare\"}\n");
	ck_assert_str_eq(ask(other, ""), "");
	/* more than can wait: the last ones arrive, and the numbers say what is missing */
	for (unsigned i = 0; i < CONTROL_MAX_EVENTS + 5; i++)
		control_event(control, "e", NULL, NULL, NULL);
	const char *answer = ask(listens, "");

	ck_assert_ptr_eq(strstr(answer, "{\"seq\":8,"), answer);
	ck_assert_ptr_nonnull(strstr(answer, "{\"seq\":71,"));
	close(listens);
	close(other);
	turn();
	control_event(control, "nobody listens", NULL, NULL, NULL);
	turn();
	control_event(NULL, "x", NULL, NULL, NULL);
}
END_TEST

/* A peer that subscribes and never reads costs CONTROL_MAX_OUTPUT, not more. */
START_TEST(peer_that_does_not_read)
{
	static char text[8192];
	int fd = dial();

	memset(text, 'x', sizeof(text) - 1);
	ask(fd, "{\"do\":\"events\"}\n");
	for (unsigned i = 0; i < 2 * CONTROL_MAX_OUTPUT / sizeof(text); i++) {
		control_event(control, "e", NULL, NULL, text);
		if (i % 32 == 0)
			turn();
	}
	turn();
	ck_assert_uint_ge(nr_logged, 1);
	for (unsigned p = 0; p < CONTROL_MAX_PEERS; p++)
		ck_assert(!control->peers[p].events);
	close(fd);
}
END_TEST

/* Mode 0600; a live socket is not taken over, a dead one is; the file that is in the way and no socket stays. */
START_TEST(the_socket)
{
	struct control *second;
	struct stat st;
	char file[80];

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(control_create(&second, &loop, path, requests, NULL), -EADDRINUSE);
	ck_assert_ptr_null(second);
	ck_assert_uint_eq(nr_logged, 1);

	snprintf(file, sizeof(file), "%s/dead", dir);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", file);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	ck_assert_int_eq(control_create(&second, &loop, file, requests, NULL), 0);
	control_destroy(&second);

	fclose(fopen(file, "w"));
	ck_assert_int_eq(control_create(&second, &loop, file, requests, NULL), -EADDRINUSE);
	ck_assert_int_eq(unlink(file), 0);
	ck_assert_int_eq(control_create(&second, &loop, "/nowhere/x", requests, NULL), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control");
	TCase *tc = tcase_create("control");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, answers);
	tcase_add_loop_test(tc, refused, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tc, line_without_end);
	tcase_add_test(tc, too_many_peers);
	tcase_add_test(tc, events);
	tcase_add_test(tc, peer_that_does_not_read);
	tcase_add_test(tc, the_socket);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

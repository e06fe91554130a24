/* SPDX-License-Identifier: Apache-2.0 */
/* The host's side of the serial port: kinds of consoles, terminals, escape key, back pressure. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "bus.h"
#include "console.h"
#include "log.h"
#include "loop.h"

#define QUIT 5

static struct bus bus;
static struct loop loop;
static const struct console_env env = {.loop = &loop, .bus = &bus, .quit_reason = QUIT};
static struct console *console;

/* A device that takes what @room allows. */
static char input[20000];
static size_t input_len, room, ready_calls;

static size_t dev_room(void *dev)
{
	return room;
}

static void dev_input(void *dev, const uint8_t *data, size_t len)
{
	ck_assert_uint_le(len, room);
	ck_assert_uint_gt(len, 0);
	memcpy(input + input_len, data, len);
	input_len += len;
	input[input_len] = '\0';
	room -= len;
}

static void dev_ready(void *dev)
{
	ready_calls++;
}

static const struct console_client client = {.room = dev_room, .input = dev_input, .output_ready = dev_ready};

static char logged[2048];
static unsigned nr_logged;

static void sink(enum log_level level, const char *line, void *opaque)
{
	nr_logged++;
	snprintf(logged, sizeof(logged), "%s", line);
}

static void on_turn(struct loop_source *src)
{
	loop_stop(&loop, 1);
}

/* Runs the loop for @turns or until it is stopped by somebody else, whose reason is returned. */
static int run(int turns)
{
	struct loop_source turn = {0};
	int ends[2], reason = 1;

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(loop_add_output(&loop, &turn, ends[1], on_turn), 0);
	for (int i = 0; i < turns && reason == 1; i++) {
		reason = loop_run(&loop);
		if (i > 100)
			usleep(1000);
	}
	loop_del(&loop, &turn);
	close(ends[0]);
	close(ends[1]);
	return reason;
}

/* The kernel moves bytes through a terminal in its own time. */
static void run_until_input(size_t len)
{
	for (int i = 0; i < 5000 && input_len < len; i++) {
		ck_assert_int_eq(run(5), 1);
		if (i > 100)
			usleep(1000);
	}
	ck_assert_uint_eq(input_len, len);
}

static void setup(void)
{
	input_len = ready_calls = nr_logged = 0;
	input[0] = '\0';
	room = sizeof(input) - 1;
	log_set_sink(sink, NULL);
	bus_init(&bus);
	ck_assert_int_eq(loop_init(&loop), 0);
	console = NULL;
}

static void teardown(void)
{
	console_close(console);
	loop_fini(&loop);
	bus_fini(&bus);
	log_set_sink(NULL, NULL);
}

static void open_fds(int in, int out)
{
	ck_assert_int_eq(console_open_stdio(&console, &env, in, out), 0);
	console_attach(console, &client, NULL);
}

static void put(const char *text)
{
	for (; *text; text++)
		console_write(console, (uint8_t)*text);
}

static int open_fd_count(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(none)
{
	ck_assert_int_eq(console_open_none(&console, &env), 0);
	console_attach(console, &client, NULL);
	for (int i = 0; i < 200000; i++) {
		ck_assert(console_can_write(console));
		console_write(console, 'x');
	}
	run(10);
	ck_assert_uint_eq(input_len, 0);
	ck_assert_uint_eq(nr_logged, 0);
}
END_TEST

static const char *const quiet_inputs[] = {"/dev/null", "closed", "pipe at end", "/proc/self/exe", "socket at end"};

START_TEST(input_at_its_end)
{
	const char *kind = quiet_inputs[_i];
	int before = open_fd_count(), in = -1, ends[2], out[2];
	char buf[16];

	ck_assert_int_eq(pipe(out), 0);
	if (strcmp(kind, "pipe at end") == 0) {
		ck_assert_int_eq(pipe(ends), 0);
		close(ends[1]);
		in = ends[0];
	} else if (strcmp(kind, "socket at end") == 0) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		close(ends[1]);
		in = ends[0];
	} else if (strcmp(kind, "closed") == 0) {
		in = 200;
		close(in);
	} else {
		in = open(kind, O_RDONLY);
		ck_assert_int_ge(in, 0);
		room = 0;
	}
	open_fds(in, out[1]);
	ck_assert_int_eq(run(50), 1);
	put("fine");
	ck_assert_int_eq(read(out[0], buf, sizeof(buf)), 4);
	ck_assert_uint_eq(nr_logged, 0);
	console_close(console);
	console = NULL;
	if (in != 200)
		close(in);
	close(out[0]);
	close(out[1]);
	ck_assert_int_eq(open_fd_count(), before);
}
END_TEST

START_TEST(input_from_file)
{
	FILE *file = tmpfile();

	for (int i = 0; i < 2000; i++)
		fprintf(file, "%04d\n", i); /* more than CONSOLE_IN_CAP */
	fflush(file);
	rewind(file);
	room = 10;
	open_fds(fileno(file), 1);
	run(20);
	ck_assert_uint_eq(input_len, 10);
	for (int i = 0; i < 5000 && input_len < 10000; i++) {
		room = 7;
		console_pull(console);
		run(3);
	}
	ck_assert_uint_eq(input_len, 10000);
	ck_assert_str_eq(input + 9990, "1998\n1999\n");
	fclose(file);
}
END_TEST

START_TEST(back_pressure)
{
	static char chunk[1000];
	int in[2];
	size_t sent = 0;

	ck_assert_int_eq(pipe(in), 0);
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	open_fds(in[0], -1);
	room = 0;
	memset(chunk, 'c', sizeof(chunk));
	/* The sender must come to feel that the guest takes nothing. */
	for (int i = 0; i < 1000; i++) {
		ssize_t n = write(in[1], chunk, sizeof(chunk));
		if (n > 0)
			sent += (size_t)n;
		run(3);
	}
	ck_assert_uint_lt(sent, CONSOLE_IN_CAP + 70000);
	ck_assert_uint_eq(input_len, 0);
	close(in[1]);
	size_t got = 0;
	for (int i = 0; i < 100000 && got < sent; i++) {
		room = 100;
		console_pull(console);
		run(2);
		got += input_len;
		input_len = 0;
	}
	ck_assert_uint_eq(got, sent); /* nothing was lost */
	close(in[0]);
}
END_TEST

START_TEST(pipe_has_no_escape)
{
	int in[2];

	ck_assert_int_eq(pipe(in), 0);
	open_fds(in[0], -1);
	ck_assert_int_eq(write(in[1], "\x01x\x01\x01", 4), 4);
	ck_assert_int_eq(run(20), 1);
	ck_assert_uint_eq(input_len, 4);
	ck_assert_mem_eq(input, "\x01x\x01\x01", 4);
	close(in[0]);
	close(in[1]);
}
END_TEST

/* ---- terminals ---- */

static int make_terminal(int *slave)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master) | unlockpt(master), 0);
	*slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	ck_assert_int_ge(*slave, 0);
	return master;
}

static tcflag_t local_modes(int fd)
{
	struct termios t;

	ck_assert_int_eq(tcgetattr(fd, &t), 0);
	return t.c_lflag & (ICANON | ECHO | ISIG);
}

static void type(int master, const char *text, size_t len)
{
	ck_assert_int_eq(write(master, text, len), (ssize_t)len);
}

START_TEST(terminal_modes)
{
	int slave, master = make_terminal(&slave);
	tcflag_t cooked = local_modes(slave);

	ck_assert_uint_ne(cooked, 0);
	open_fds(slave, slave);
	ck_assert_uint_eq(local_modes(slave), 0);
	/* O_NONBLOCK stays ours: the shell's description is not touched. */
	ck_assert_int_eq(fcntl(slave, F_GETFL) & O_NONBLOCK, 0);
	type(master, "\x03\x1a\x04", 3); /* Ctrl-C, Ctrl-Z, Ctrl-D are the guest's */
	run_until_input(3);
	console_close(console);
	console = NULL;
	ck_assert_uint_eq(local_modes(slave), cooked);
	close(slave);
	close(master);
}
END_TEST

START_TEST(escape_key)
{
	int slave, master = make_terminal(&slave);

	open_fds(slave, slave);
	type(master,
	     "a\x01\x01"
	     "b\x01qc",
	     7);
	run_until_input(4);
	ck_assert_str_eq(input, "a\x01"
				"bc"); /* Ctrl-A twice sends one; an unknown one is swallowed */
	ck_assert_uint_eq(nr_logged, 0);
	type(master, "\x01hd", 3);
	run_until_input(5);
	ck_assert_uint_eq(nr_logged, 1);
	ck_assert_ptr_nonnull(strstr(logged, "Ctrl-A x quits"));
	/* The two keys may come in two reads. */
	type(master, "e\x01", 2);
	run_until_input(6);
	run(20);
	type(master, "x", 1);
	ck_assert_int_eq(run(5000), QUIT);
	ck_assert_uint_eq(input_len, 6);
	close(slave);
	close(master);
}
END_TEST

START_TEST(escape_while_guest_hangs)
{
	int slave, master = make_terminal(&slave);

	open_fds(slave, slave);
	room = 0;
	type(master, "nobody reads this", 17);
	run(20);
	type(master, "\x01x", 2);
	ck_assert_int_eq(run(5000), QUIT);
	close(slave);
	close(master);
}
END_TEST

START_TEST(terminal_goes_away)
{
	int slave, master = make_terminal(&slave);

	open_fds(slave, slave);
	close(master);
	ck_assert_int_eq(run(50), 1);
	for (int i = 0; i < 100000; i++)
		console_write(console, 'x');
	ck_assert(console_can_write(console));
	close(slave);
}
END_TEST

enum way_out {
	BY_EXIT,
	BY_SIGTERM,
	BY_SIGSEGV,
	BY_ABORT,
	NR_WAYS,
};

START_TEST(terminal_restored)
{
	int slave, master = make_terminal(&slave), status;
	tcflag_t cooked = local_modes(slave);
	pid_t child = fork();

	if (child == 0) {
		/* Where a sanitizer has handlers of its own it is not the default action that we stand in for. */
		signal(SIGSEGV, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		if (console_open_stdio(&console, &env, slave, slave) != 0 || local_modes(slave) != 0)
			_exit(99);
		switch (_i) {
		case BY_EXIT:
			exit(3);
		case BY_SIGTERM:
			raise(SIGTERM);
			break;
		case BY_SIGSEGV:
			raise(SIGSEGV);
			break;
		case BY_ABORT:
			abort();
		}
		_exit(98);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	if (_i == BY_EXIT)
		ck_assert(WIFEXITED(status) && WEXITSTATUS(status) != 99 && WEXITSTATUS(status) != 98);
	else
		ck_assert_msg(WIFSIGNALED(status), "the signal's default action still happens: 0x%x", (unsigned)status);
	ck_assert_uint_eq(local_modes(slave), cooked);
	close(slave);
	close(master);
}
END_TEST

/* ---- files ---- */

static char dir[] = "/tmp/aerie-test-XXXXXX";
static char path[64];

static void make_dir(void)
{
	setup();
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/console", dir);
}

static void remove_dir(void)
{
	teardown();
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

START_TEST(file)
{
	char text[16] = "";

	for (int i = 0; i < 2; i++) { /* the second run empties the file first */
		ck_assert_int_eq(console_open_file(&console, &env, path), 0);
		put("hello\r\n");
		console_close(console);
		console = NULL;
	}
	FILE *in = fopen(path, "r");
	ck_assert_uint_eq(fread(text, 1, sizeof(text), in), 7);
	fclose(in);
	ck_assert_str_eq(text, "hello\r\n");
}
END_TEST

START_TEST(file_errors)
{
	ck_assert_int_eq(console_open_file(&console, &env, dir), -EISDIR);
	ck_assert_uint_eq(nr_logged, 1);
	ck_assert_ptr_nonnull(strstr(logged, dir));
	ck_assert_int_eq(console_open_file(&console, &env, "/nonexistent/x"), -ENOENT);
	ck_assert_uint_eq(nr_logged, 2);
	/* A FIFO without a reader is refused, not waited for. */
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(console_open_file(&console, &env, path), -ENXIO);
	ck_assert_uint_eq(nr_logged, 3);
}
END_TEST

START_TEST(full_disk)
{
	ck_assert_int_eq(console_open_file(&console, &env, "/dev/full"), 0);
	for (int i = 0; i < 100000; i++) {
		ck_assert(console_can_write(console));
		console_write(console, 'x');
	}
	ck_assert_uint_eq(nr_logged, 1);
	ck_assert_ptr_nonnull(strstr(logged, "No space left"));
}
END_TEST

START_TEST(pty)
{
	char buf[64];
	struct stat st;

	ck_assert_int_eq(console_open_pty(&console, &env, path), 0);
	console_attach(console, &client, NULL);
	ck_assert_uint_eq(nr_logged, 1);
	ck_assert_ptr_nonnull(strstr(logged, "/dev/pts/"));
	ck_assert_ptr_nonnull(strstr(logged, path));
	put("before anybody came\n");
	run(10);
	ck_assert_uint_eq(input_len, 0); /* no echo */
	for (int i = 0; i < 2; i++) {	 /* a reader may leave and come again */
		int reader = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
		ck_assert_int_ge(reader, 0);
		if (i == 0) {
			for (ssize_t got = 0; got < 20;) {
				ck_assert_int_eq(poll(&(struct pollfd){.fd = reader, .events = POLLIN}, 1, 5000), 1);
				got += read(reader, buf + got, sizeof(buf) - (size_t)got);
			}
			ck_assert_mem_eq(buf, "before anybody came\n", 20);
		}
		ck_assert_int_eq(write(reader, "\x01x", 2), 2); /* no escape key here */
		run_until_input(2u * (unsigned)(i + 1));
		close(reader);
		run(10);
	}
	console_close(console);
	console = NULL;
	ck_assert_int_eq(lstat(path, &st), -1); /* the link is gone */
}
END_TEST

START_TEST(pty_link)
{
	/* An old link is replaced, anything else is left alone. */
	ck_assert_int_eq(symlink("/dev/pts/no-such", path), 0);
	ck_assert_int_eq(console_open_pty(&console, &env, path), 0);
	console_close(console);
	console = NULL;
	int before = open_fd_count();
	close(open(path, O_CREAT | O_WRONLY, 0600));
	nr_logged = 0;
	ck_assert_int_eq(console_open_pty(&console, &env, path), -EEXIST);
	ck_assert_uint_eq(nr_logged, 1);
	ck_assert_int_eq(access(path, F_OK), 0);
	ck_assert_int_eq(open_fd_count(), before);
}
END_TEST

START_TEST(pty_without_reader)
{
	ck_assert_int_eq(console_open_pty(&console, &env, NULL), 0);
	console_attach(console, &client, NULL);
	int sent = 0;
	while (console_can_write(console) && sent < 10000000) {
		console_write(console, 'x');
		sent++;
	}
	ck_assert_int_lt(sent, 10000000);
	for (int i = 0; i < 3000 && ready_calls == 0; i++) {
		run(2);
		usleep(1000);
	}
	ck_assert_uint_eq(ready_calls, 1);
	ck_assert(console_can_write(console));
	console_attach(console, NULL, NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("console");
	TCase *tc = tcase_create("console"), *files = tcase_create("files");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, none);
	tcase_add_loop_test(tc, input_at_its_end, 0, sizeof(quiet_inputs) / sizeof(quiet_inputs[0]));
	tcase_add_test(tc, input_from_file);
	tcase_add_test(tc, back_pressure);
	tcase_add_test(tc, pipe_has_no_escape);
	tcase_add_test(tc, terminal_modes);
	tcase_add_test(tc, escape_key);
	tcase_add_test(tc, escape_while_guest_hangs);
	tcase_add_test(tc, terminal_goes_away);
	tcase_add_loop_test(tc, terminal_restored, 0, NR_WAYS);
	suite_add_tcase(suite, tc);
	tcase_set_timeout(files, 60);
	tcase_add_checked_fixture(files, make_dir, remove_dir);
	tcase_add_test(files, file);
	tcase_add_test(files, file_errors);
	tcase_add_test(files, full_disk);
	tcase_add_test(files, pty);
	tcase_add_test(files, pty_link);
	tcase_add_test(files, pty_without_reader);
	suite_add_tcase(suite, files);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

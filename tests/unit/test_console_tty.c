/* SPDX-License-Identifier: Apache-2.0 */
/* Consoles on terminals: raw mode and back on every way out, the escape key, pseudo terminals. */
#include "console_fixture.h"
#include "run_suite.h"

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
	Suite *suite = suite_create("console_tty");
	TCase *tc = tcase_create("console_tty"), *ptys = tcase_create("pty");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, terminal_modes);
	tcase_add_test(tc, escape_key);
	tcase_add_test(tc, escape_while_guest_hangs);
	tcase_add_test(tc, terminal_goes_away);
	tcase_add_loop_test(tc, terminal_restored, 0, NR_WAYS);
	tcase_set_timeout(ptys, 60);
	tcase_add_checked_fixture(ptys, make_dir, remove_dir);
	tcase_add_test(ptys, pty);
	tcase_add_test(ptys, pty_link);
	tcase_add_test(ptys, pty_without_reader);
	suite_add_tcase(suite, ptys);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

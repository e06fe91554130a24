/* SPDX-License-Identifier: Apache-2.0 */
/* Consoles on pipes, files and nothing. Terminals: test_console_tty.c. */
#include "console_fixture.h"
#include "run_suite.h"

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
	tcase_add_test(files, file);
	tcase_add_test(files, file_errors);
	tcase_add_test(files, full_disk);
	tcase_add_checked_fixture(files, make_dir, remove_dir);
	suite_add_tcase(suite, files);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"
#include "sys.h"

static unsigned nr_lines;
static enum log_level last_level;
static char last[4096];

static void sink(enum log_level level, const char *line, void *opaque)
{
	nr_lines++;
	last_level = level;
	snprintf(last, sizeof(last), "%s", line);
	ck_assert_ptr_eq(opaque, &nr_lines);
}

static void setup(void)
{
	nr_lines = 0;
	last[0] = '\0';
	log_set_level(LOG_INFO);
	log_set_sink(sink, &nr_lines);
}

static void teardown(void)
{
	log_set_sink(NULL, NULL);
}

/* What @say writes to stderr. */
static const char *on_stderr(void (*say)(void))
{
	static char text[8192];
	int saved = dup(STDERR_FILENO), pipe_fds[2];

	ck_assert_int_eq(pipe(pipe_fds), 0);
	ck_assert_int_ge(dup2(pipe_fds[1], STDERR_FILENO), 0);
	log_set_sink(NULL, NULL);
	say();
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(pipe_fds[1]);
	ssize_t n = read(pipe_fds[0], text, sizeof(text) - 1);
	close(pipe_fds[0]);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void say_all(void)
{
	log_set_level(LOG_DEBUG);
	log_error("e %d", 1);
	log_warn("w");
	log_info("i");
	log_debug("d");
}

START_TEST(line_format)
{
	ck_assert_str_eq(on_stderr(say_all), "aerie: error: e 1\naerie: warning: w\naerie: i\naerie: debug: d\n");
}
END_TEST

static void say_raw(void)
{
	log_set_raw(true);
	log_info("raw");
	log_set_raw(false);
	log_info("cooked");
}

START_TEST(raw_terminal)
{
	ck_assert_str_eq(on_stderr(say_raw), "aerie: raw\r\naerie: cooked\n");
}
END_TEST

START_TEST(levels)
{
	log_debug("dropped");
	ck_assert_uint_eq(nr_lines, 0);
	log_set_level(LOG_ERROR);
	log_warn("dropped");
	ck_assert_uint_eq(nr_lines, 0);
	log_error("kept");
	ck_assert_uint_eq(nr_lines, 1);
	ck_assert_int_eq(last_level, LOG_ERROR);
}
END_TEST

START_TEST(control_characters)
{
	log_info("a\nb\x1b[2Jc\x7f\r\n");
	ck_assert_str_eq(last, "a b [2Jc ");
	log_info("%s", "caf\xc3\xa9"); /* UTF-8 stays */
	ck_assert_str_eq(last, "caf\xc3\xa9");
}
END_TEST

START_TEST(long_line)
{
	char text[5000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);
	ck_assert_uint_gt(strlen(last), 1500);
	ck_assert_uint_lt(strlen(last), 2048);
	ck_assert_str_eq(last + strlen(last) - 6, " [...]");
}
END_TEST

static void say_long(void)
{
	char text[5000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_error("%s", text);
}

START_TEST(long_line_ends)
{
	const char *text = on_stderr(say_long);

	ck_assert_str_eq(text + strlen(text) - 7, " [...]\n");
}
END_TEST

START_TEST(fail_returns_code)
{
	errno = EBUSY;
	ck_assert_int_eq(log_fail(-EINVAL, "cannot %s: %m", "x"), -EINVAL);
	ck_assert_str_eq(last, "cannot x: Device or resource busy");
	ck_assert_int_eq(last_level, LOG_ERROR);
	ck_assert_int_eq(errno, EBUSY);
}
END_TEST

static void guest_errs(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		log_guest("bad %u", i);
}

START_TEST(guest_cap)
{
	guest_errs(LOG_GUEST_CAP - 1);
	ck_assert_uint_eq(nr_lines, LOG_GUEST_CAP - 1);
	ck_assert_ptr_null(strstr(last, "no more messages"));
	guest_errs(1);
	ck_assert_uint_eq(nr_lines, LOG_GUEST_CAP);
	ck_assert_ptr_nonnull(strstr(last, "no more messages"));
	ck_assert_int_eq(strncmp(last, "guest: bad", 10), 0);
	ck_assert_int_eq(last_level, LOG_WARN);
	guest_errs(100000);
	ck_assert_uint_eq(nr_lines, LOG_GUEST_CAP);
	log_guest("another site");
	ck_assert_uint_eq(nr_lines, LOG_GUEST_CAP + 1);
}
END_TEST

static unsigned shared_count;

static void *noisy(void *arg)
{
	for (int i = 0; i < 1000; i++)
		log_guest_site(&shared_count, "x");
	return arg;
}

START_TEST(guest_cap_threads)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, noisy, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(nr_lines, LOG_GUEST_CAP);
}
END_TEST

START_TEST(guest_counter_does_not_wrap)
{
	unsigned count = 0xffffffffu;

	log_guest_site(&count, "x");
	log_guest_site(&count, "x");
	ck_assert_uint_eq(nr_lines, 0);
	ck_assert_uint_eq(count, 0xffffffffu);
}
END_TEST

static int host_errs(unsigned n)
{
	int err = 0;

	for (unsigned i = 0; i < n; i++)
		err = log_fail(-EBUSY, "busy %u", i);
	return err;
}

START_TEST(site_cap)
{
	/* Uncapped messages are not counted. */
	ck_assert_int_eq(host_errs(LOG_SITE_CAP + 5), -EBUSY);
	ck_assert_uint_eq(nr_lines, LOG_SITE_CAP + 5);
	log_set_capped(true);
	nr_lines = 0;
	host_errs(LOG_SITE_CAP - 1);
	ck_assert_uint_eq(nr_lines, LOG_SITE_CAP - 1);
	ck_assert_ptr_null(strstr(last, "no more messages"));
	host_errs(1);
	ck_assert_ptr_nonnull(strstr(last, "no more messages"));
	ck_assert_int_eq(host_errs(100000), -EBUSY);
	ck_assert_uint_eq(nr_lines, LOG_SITE_CAP);
	for (unsigned i = 0; i < 1000; i++)
		log_warn("another site");
	for (unsigned i = 0; i < 1000; i++)
		log_error("a third");
	ck_assert_uint_eq(nr_lines, 3 * LOG_SITE_CAP);
	/* What a guest has used up is there again for the end. */
	log_set_capped(false);
	host_errs(2);
	ck_assert_uint_eq(nr_lines, 3 * LOG_SITE_CAP + 2);
}
END_TEST

/* ---- fd.c ---- */

START_TEST(close_keeps_errno)
{
	int fd = open("/dev/null", O_RDONLY), none = -1, copy = fd;

	errno = EXDEV;
	fd_close(&fd);
	fd_close(&fd);
	fd_close(&none);
	ck_assert_int_eq(errno, EXDEV);
	ck_assert_int_eq(fd, -1);
	ck_assert_int_eq(fcntl(copy, F_GETFD), -1);
}
END_TEST

START_TEST(eventfd_counts)
{
	OWNED_FD int fd = fd_eventfd();

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_uint_eq(fd_drain(fd), 0);
	fd_signal(fd);
	fd_signal(fd);
	ck_assert_uint_eq(fd_drain(fd), 2);
	ck_assert_uint_eq(fd_drain(fd), 0);
}
END_TEST

START_TEST(text_files)
{
	char dir[] = "/tmp/aerie-test-XXXXXX", path[128], buf[8];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/f", dir);
	ck_assert_int_eq((int)fd_read_text(path, buf, sizeof(buf)), -ENOENT);
	ck_assert_str_eq(buf, "");
	ck_assert_int_eq(fd_write_text(path, "x"), -ENOENT);
	OWNED_FD int fd = open(path, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_write_text(path, "12 \n\n"), 0);
	ck_assert_int_eq((int)fd_read_text(path, buf, sizeof(buf)), 2);
	ck_assert_str_eq(buf, "12");
	ck_assert_int_eq(fd_write_text(path, "0123456789"), 0);
	ck_assert_int_eq((int)fd_read_text(path, buf, sizeof(buf)), 7);
	ck_assert_str_eq(buf, "0123456");
	ck_assert_int_eq((int)fd_read_text(path, buf, 0), -EINVAL);
	ck_assert_int_eq((int)fd_read_text(dir, buf, sizeof(buf)), -EISDIR);
	unlink(path);
	rmdir(dir);
}
END_TEST

START_TEST(root_prefix)
{
	char dir[] = "/tmp/aerie-test-XXXXXX", path[128], buf[8];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sysx", dir);
	OWNED_FD int other = open(path, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(other, 0);
	sys_root = dir;
	ck_assert_int_eq((int)fd_read_text("/proc/self/comm", buf, sizeof(buf)), -ENOENT);
	ck_assert_int_eq((int)fd_read_text("/dev/null", buf, sizeof(buf)), -ENOENT);
	ck_assert_int_eq((int)fd_read_text("/sysx", buf, sizeof(buf)), -ENOENT); /* not below /sys: no prefix */
	ck_assert_int_eq((int)fd_read_text(path, buf, sizeof(buf)), 0);
	sys_root = "";
	ck_assert_int_gt((int)fd_read_text("/proc/self/comm", buf, sizeof(buf)), 0);
	unlink(path);
	rmdir(dir);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tc = tcase_create("log");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, line_format);
	tcase_add_test(tc, raw_terminal);
	tcase_add_test(tc, levels);
	tcase_add_test(tc, control_characters);
	tcase_add_test(tc, long_line);
	tcase_add_test(tc, long_line_ends);
	tcase_add_test(tc, fail_returns_code);
	tcase_add_test(tc, guest_cap);
	tcase_add_test(tc, guest_cap_threads);
	tcase_add_test(tc, guest_counter_does_not_wrap);
	tcase_add_test(tc, site_cap);
	tcase_add_test(tc, close_keeps_errno);
	tcase_add_test(tc, eventfd_counts);
	tcase_add_test(tc, text_files);
	tcase_add_test(tc, root_prefix);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

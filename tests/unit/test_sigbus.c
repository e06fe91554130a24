/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run_suite.h"
#include "sigbus.h"

static char said[1024];

/* Memory whose file is cut away, as a revoked mapping of a device. */
static void touch_what_is_gone(void)
{
	int fd = memfd_create("gone", 0);

	if (ftruncate(fd, 4096) < 0)
		_exit(3);
	volatile char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED || ftruncate(fd, 0) < 0)
		_exit(3);
	at[16] = 1;
}

/* The wait status of a process that does @act; what it wrote is in @said. */
static int run(const char *touching, void (*act)(void))
{
	int fds[2], status;

	ck_assert_int_eq(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		if (sigbus_init() < 0)
			_exit(3);
		sigbus_touching(touching);
		act();
		_exit(4);
	}
	close(fds[1]);
	ssize_t n = read(fds[0], said, sizeof(said) - 1);
	said[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(ends_with_a_message)
{
	int status = run("0000:01:00.0: its MSI-X table", touch_what_is_gone);

	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	ck_assert_int_eq(strncmp(said, "aerie: error: 0000:01:00.0: its MSI-X table: the host has taken it away", 70),
			 0);
	ck_assert_ptr_nonnull(strstr(said, "010; the VM ends")); /* the address, to the byte */
	ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
}
END_TEST

START_TEST(nobody_said_what)
{
	int status = run(NULL, touch_what_is_gone);

	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	ck_assert_int_eq(strncmp(said, "aerie: error: memory that is mapped: ", 37), 0);
}
END_TEST

static char endless[4096];

START_TEST(long_name)
{
	memset(endless, 'x', sizeof(endless) - 1);
	int status = run(endless, touch_what_is_gone);

	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	ck_assert_uint_eq(strlen(said), 512);
}
END_TEST

static void send_one(void)
{
	raise(SIGBUS);
}

START_TEST(sent_by_somebody)
{
	int status = run("nothing", send_one);

	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	ck_assert_str_eq(said, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sigbus");
	TCase *tc = tcase_create("sigbus");

	tcase_add_test(tc, ends_with_a_message);
	tcase_add_test(tc, nobody_said_what);
	tcase_add_test(tc, long_name);
	tcase_add_test(tc, sent_by_somebody);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* `aerie check` and the files of a firmware: on an arm64 host, which has a flash for them. */
#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check_fixture.h"
#include "run_suite.h"
#include "sys.h"

#define KIB 1024

static char code[64], vars[64];

/* A file of @size bytes that begins with @head; its name to @path. */
static void make(char path[64], const char *head, size_t len, off_t size)
{
	snprintf(path, 64, "/tmp/aerie-check-firmware-XXXXXX");
	int fd = mkstemp(path);

	ck_assert_int_eq(ftruncate(fd, size), 0);
	ck_assert_int_eq((int)pwrite(fd, head, len, 0), (int)len);
	close(fd);
}

static void begin(void)
{
	setup();
	make(code, "\x00\x04\x00\x14", 4, 2048 * KIB);
	make(vars, "", 0, 768 * KIB);
}

static void end(void)
{
	unlink(code);
	unlink(vars);
	teardown();
}

static unsigned look(const char *firmware, const char *variables)
{
	char a[128], b[128];
	const char *const set[] = {"boot.kernel=", a, b, NULL};

	snprintf(a, sizeof(a), "boot.firmware=%s", firmware);
	snprintf(b, sizeof(b), "boot.vars=%s", variables);
	return check_with(check_files, nested_vm, set);
}

START_TEST(good)
{
	ck_assert_uint_eq(look(code, vars), 0);
	found("^ok boot.firmware: .*, 2048 KiB$");
	found("^ok boot.vars: .*, 768 KiB$");
	ck_silent();
}
END_TEST

START_TEST(not_there)
{
	ck_assert_uint_eq(look("/nonexistent", "/nonexistent"), 2);
	found("^error boot.firmware: cannot open /nonexistent: No such file or directory; the path is relative to");
	found("^error boot.vars: cannot open /nonexistent: .*a blank one is made by `truncate -s 768K`$");
	ck_assert_uint_eq(look("/tmp", vars), 1);
	found("^error boot.firmware: /tmp is no file");
}
END_TEST

START_TEST(no_firmware)
{
	char other[64];

	ck_assert_uint_eq(look(vars, code), 2); /* the two changed places */
	found("^error boot.firmware: .* does not begin with an instruction, so it is no firmware; give the CODE file");
	found("^error boot.vars: .* is no store of UEFI variables; make a blank one");
	make(other, "QFI\xfb", 4, 1024 * KIB);
	ck_assert_uint_eq(look(other, vars), 1);
	found("^error boot.firmware: .* is a qcow2 image; convert it with `qemu-img convert -O raw`$");
	unlink(other);
	make(other,
	     "\x7f"
	     "ELF",
	     4, 1024 * KIB);
	ck_assert_uint_eq(look(other, vars), 1);
	found("^error boot.firmware: .* is an ELF file");
	unlink(other);
}
END_TEST

START_TEST(in_use)
{
	int fd = open(vars, O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(sys_lock_file(fd, true), 0);
	ck_assert_uint_eq(look(code, vars), 1);
	found("^error boot.vars: .* is in use by another VM; each VM needs a file of its own$");
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cli_firmware");
	TCase *t = tcase_create("cli_firmware");

	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, good);
	tcase_add_test(t, not_there);
	tcase_add_test(t, no_firmware);
	tcase_add_test(t, in_use);
	suite_add_tcase(s, t);
	return run_suite(s);
}

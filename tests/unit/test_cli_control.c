/* SPDX-License-Identifier: Apache-2.0 */
/* The finding about the control socket: what can be at its place, and that looking changes nothing there. */
#include "check_emulated_fixture.h"
#include "run_suite.h"

static const char *vm(const char *control)
{
	static char text[1024];

	strcpy(text, "version: 1\nmachine: { memory: 512M }\nboot: { kernel: /dev/null }\ncontrol: ");
	expand(text, sizeof(text), control);
	strcat(text, "\n");
	return text;
}

static const struct {
	const char *control, *finding;
	bool good;
} places[] = {
	{"@/share/vm", "^ok control: @/share/vm, for aerie ctl$", true},
	{"@/socket", "^ok control: @/socket is left over from a process that is gone, and will be replaced$", true},
	{"@/live", "^error control: @/live is in use: somebody listens on it; end that VM, or choose another", false},
	{"@/disk", "^error control: @/disk exists and is no socket; remove it, or choose another place$", false},
	{"@/nowhere/vm", "^error control: cannot make @/nowhere/vm: @/nowhere: No such file.*; make the folder", false},
	{"@/disk/vm", "^error control: cannot make @/disk/vm: @/disk is no folder; choose another place$", false},
};

static int listener(const char *name)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", in_dir(name));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

START_TEST(each_place)
{
	int fd = listener("live");
	struct stat before, after;

	ck_assert_int_eq(lstat(in_dir("socket"), &before), 0);
	ck_assert_uint_eq(check_with(check_control, vm(places[_i].control), NULL), !places[_i].good);
	found_here(places[_i].finding);
	ck_silent();
	ck_assert_int_eq(lstat(in_dir("socket"), &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	ck_assert_int_ne(access(in_dir("share/vm"), F_OK), 0);
	close(fd);
}
END_TEST

/* A VM that does not get round to its peers has a full queue. */
START_TEST(in_use_and_busy)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int peers[8], fd = listener("live");

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", in_dir("live"));
	for (unsigned i = 0; i < 8; i++) {
		peers[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)!connect(peers[i], (struct sockaddr *)&addr, sizeof(addr));
	}
	ck_assert_uint_eq(check_with(check_control, vm("@/live"), NULL), 1);
	found_here("^error control: @/live is in use");
	for (unsigned i = 0; i < 8; i++)
		close(peers[i]);
	close(fd);
}
END_TEST

/* root may write everywhere. */
START_TEST(readonly_folder)
{
	ck_assert_int_eq(chmod(in_dir("share"), 0500), 0);
	unsigned errors = check_with(check_control, vm("@/share/vm"), NULL);

	ck_assert_uint_eq(errors, geteuid() != 0);
	if (errors)
		found_here("^error control: cannot make @/share/vm: @/share: Permission denied; give your user");
}
END_TEST

START_TEST(not_wanted)
{
	ck_assert_uint_eq(check_with(check_control, vm_with("{ rng: {} }"), NULL), 0);
	ck_assert_str_eq(findings, "");
	ck_assert_uint_eq(check_with(check_control, NULL, NULL), 0);
	ck_assert_str_eq(findings, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli_control");
	TCase *tc = tcase_create("cli_control");

	tcase_add_checked_fixture(tc, good_host, end_host);
	tcase_add_loop_test(tc, each_place, 0, sizeof(places) / sizeof(places[0]));
	tcase_add_test(tc, in_use_and_busy);
	tcase_add_test(tc, readonly_folder);
	tcase_add_test(tc, not_wanted);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

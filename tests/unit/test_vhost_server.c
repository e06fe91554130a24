/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers that aerie starts: virtiofsd and passt, played by this very program. A script of that name in $PATH writes
 * down its arguments and process id, and starts us again with SERVE set.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "vhost_fixture.h"

#include "run_suite.h"
#include "vfs.h"
#include "vnet.h"

static char self[512], shared[96];

static void write_script(const char *program, const char *last_line)
{
	char at[128];

	snprintf(at, sizeof(at), "%s/%s", dir, program);
	FILE *f = fopen(at, "w");

	ck_assert_ptr_nonnull(f);
	fprintf(f, "#!/bin/sh\necho \"$@\" >%s/args\necho $$ >>%s/pids\n%s\n", dir, dir, last_line);
	fclose(f);
	ck_assert_int_eq(chmod(at, 0700), 0);
}

static void setup(void)
{
	char line[640];

	fixture_setup();
	snprintf(line, sizeof(line), "SERVE=1 exec %s \"$@\"", self);
	write_script("virtiofsd", line);
	write_script("passt", line);
	setenv("PATH", dir, 1);
	setenv("XDG_RUNTIME_DIR", dir, 1);
	snprintf(shared, sizeof(shared), "/tmp/aerie-shared-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(shared));
}

static void teardown(void)
{
	static const char *const files[] = {"virtiofsd", "passt", "args", "pids"};
	char at[160];

	vd_world_stop(&world);
	for (unsigned i = 0; i < 4; i++) {
		snprintf(at, sizeof(at), "%s/%s", dir, files[i]);
		unlink(at);
	}
	ck_assert_int_eq(rmdir(dir), 0); /* no socket was left behind */
	rmdir(shared);
}

/* Line @n of a file in dir. */
static const char *line_of(const char *file, unsigned n)
{
	static char line[512];
	char at[128];

	snprintf(at, sizeof(at), "%s/%s", dir, file);
	FILE *f = fopen(at, "r");

	if (!f)
		return "";
	for (unsigned i = 0; i <= n; i++) {
		line[0] = '\0';
		if (!fgets(line, sizeof(line), f))
			line[0] = '\0';
	}
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static void begin_fs(bool readonly)
{
	struct vfs_config config = {.name = "fs0", .tag = "stuff", .path = shared, .readonly = readonly};
	struct virtio_device *dev;

	ck_assert_msg(virtio_fs_create(&dev, &world.pci.vm, &config) == 0, "%s", captured);
	vd_probe(&drv, &world, dev, 0);
	ck_assert(vd_init(&drv, VD_ALL, 64));
}

static bool is_gone(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

START_TEST(shares_a_folder)
{
	char expect[160];

	begin_fs(_i);
	check_works();
	ck_assert_uint_eq(drv.config_len, 40);
	ck_assert_uint_eq(vd_config(&drv, 0, 4), 0x66757473); /* "stuf" */
	ck_assert_uint_eq(vd_config(&drv, 4, 4), 'f');
	ck_assert_uint_eq(vd_config(&drv, 36, 4), 1);
	snprintf(expect, sizeof(expect), "--shared-dir %s%s", shared, _i ? " --readonly" : "");
	ck_assert_msg(strstr(line_of("args", 0), expect), "%s", line_of("args", 0));
	ck_assert_int_eq(strncmp(line_of("args", 0), "--log-level error --fd ", 23), 0);
	pid_t pid = atoi(line_of("pids", 0));

	ck_assert_int_gt(pid, 1);
	ck_assert(!is_gone(pid));
	vd_world_stop(&world);
	ck_assert(is_gone(pid));
	vd_world_start(&world);
	ck_silent();
}
END_TEST

START_TEST(starts_it_again)
{
	begin_fs(false);
	check_works();
	for (unsigned i = 0; i < 2; i++) {
		kill(atoi(line_of("pids", i)), SIGKILL);
		eventually(line_of("pids", i + 1)[0]);
		check_works();
	}
	ck_said("fs0: the back end went away; starting it again");
	ck_said("fs0: the back end is back");
}
END_TEST

START_TEST(user_network)
{
	struct vnet_config config = {.name = "net0", .user = true};
	struct virtio_device *dev;

	ck_assert_msg(virtio_net_create(&dev, &world.pci.vm, &config) == 0, "%s", captured);
	ck_assert_int_eq(strncmp(line_of("args", 0), "--foreground --quiet --vhost-user --fd ", 39), 0);
	vd_probe(&drv, &world, dev, 0);
	ck_assert(vd_init(&drv, ~BIT(55), 64));
	ck_assert_uint_eq(vd_get(&drv, VIRTIO_PCI_COMMON_NUMQ, 2), 3);
	check_works();
	kill(atoi(line_of("pids", 0)), SIGKILL);
	eventually(line_of("pids", 1)[0]);
	check_works();
}
END_TEST

START_TEST(ends_at_once)
{
	struct vfs_config config = {.name = "fs0", .tag = "stuff", .path = shared};
	struct virtio_device *dev;

	write_script("virtiofsd", _i ? "echo no >&2; exit 1" : "exec sleep 100");
	if (!_i)
		setenv("PATH", "/nonexistent", 1);
	ck_assert_int_lt(virtio_fs_create(&dev, &world.pci.vm, &config), 0);
	ck_assert_uint_eq(captured_errors, 1);
	ck_said(_i ? "closed the connection at once" : "cannot find the program virtiofsd");
}
END_TEST

START_TEST(bad_folders)
{
	static const struct {
		const char *path, *says;
	} rows[] = {
		{"/", "cannot share /:"},	  {"/proc", "the host's own"},
		{"/proc/self", "the host's own"}, {"/sys/class", "the host's own"},
		{"/dev", "the host's own"},	  {"/dev/../dev/shm", "the host's own"},
		{"/etc/passwd", "not a folder"},  {"/no/such/folder", "No such file"},
		{"relative", "whole path"},	  {"", "whole path"},
	};
	char *resolved, link[128];

	if (_i < 10) {
		ck_assert_int_lt(vfs_check_path("fs0", rows[_i].path, &resolved), 0);
		ck_said(rows[_i].says);
		return;
	}
	/* The folder of our sockets, one above it, and a link to it. */
	ck_assert_int_eq(vfs_check_path("fs0", dir, &resolved), -EPERM);
	ck_assert_int_eq(vfs_check_path("fs0", "/tmp", &resolved), -EPERM);
	snprintf(link, sizeof(link), "%s/link", shared);
	ck_assert_int_eq(symlink(dir, link), 0);
	ck_assert_int_eq(vfs_check_path("fs0", link, &resolved), -EPERM);
	unlink(link);
	ck_assert_int_eq(symlink("/", link), 0);
	ck_assert_int_eq(vfs_check_path("fs0", link, &resolved), -EPERM);
	unlink(link);
	ck_said("aerie's own sockets");
	ck_assert_int_eq(vfs_check_path("fs0", shared, &resolved), 0);
	ck_assert_str_eq(resolved, shared);
	free(resolved);
}
END_TEST

START_TEST(bad_fs)
{
	static const struct vfs_config rows[] = {
		{.tag = "x"},
		{.tag = "x", .path = "/srv", .socket = "/x"},
		{.tag = "", .path = "/srv"},
		{.tag = "0123456789012345678901234567890123456", .path = "/srv"},
	};
	struct vfs_config config = rows[_i];
	struct virtio_device *dev;

	config.name = "fs0";
	ck_assert_int_eq(virtio_fs_create(&dev, &world.pci.vm, &config), -EINVAL);
	ck_assert_uint_eq(captured_errors, 1);
}
END_TEST

static int serve(int argc, char **argv)
{
	struct fake_vu_options offer = {.features = VU_FEATURES, .protocol = VU_PROTOCOL, .queue_num = 2};

	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "--fd") == 0)
			fake_vu_serve_fd(atoi(argv[i + 1]), strcmp(argv[i + 2] ? argv[i + 2] : "", "--shared-dir") == 0,
					 &offer);
	return 1;
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("vhost_server");
	TCase *t = tcase_create("vhost_server");

	if (getenv("SERVE"))
		return serve(argc, argv);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, shares_a_folder, 0, 2);
	tcase_add_test(t, starts_it_again);
	tcase_add_test(t, user_network);
	tcase_add_loop_test(t, ends_at_once, 0, 2);
	tcase_add_loop_test(t, bad_folders, 0, 11);
	tcase_add_loop_test(t, bad_fs, 0, 4);
	suite_add_tcase(suite, t);
	return run_suite(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The findings about devices that aerie plays itself: what of a host can be wrong for each kind, one thing at a time,
 * the line that must come, nothing left open and nothing changed. */
#include "check_emulated_fixture.h"
#include "run_suite.h"

/* ---- all is well ---- */

static const struct {
	const char *device, *finding;
} good[] = {
	{"{ blk: { path: @/disk } }", "^ok device rp0.0: image @/disk, 1024 KiB, (direct I/O|through the page cache)$"},
	{"{ blk: { path: @/disk, readonly: true, cache: buffered } }",
	 "^ok device rp0.0: image @/disk, 1024 KiB, read-only, through the page cache$"},
	{"{ id: nic, net: { tap: tap0 } }", "^ok device nic: tap tap0$"},
	{"{ id: nic, net: { tap: tap0 } }", "^ok device nic: vhost-net carries the frames$"},
	{"{ net: { socket: @/socket } }", "^ok device rp0.0: socket @/socket$"},
	{"{ net: { user: true } }", "^ok device rp0.0: passt is there$"},
	{"{ vsock: { cid: 42 } }", "^ok device rp0.0: cid 42 is free$"},
	{"{ fs: { tag: share, path: @/share } }", "^ok device rp0.0: shares @/share$"},
	{"{ fs: { tag: share, path: @/share, readonly: true } }", "^ok device rp0.0: shares @/share, read-only$"},
	{"{ fs: { tag: share, path: @/share } }", "^ok device rp0.0: virtiofsd is there$"},
	{"{ fs: { tag: share, socket: @/socket } }", "^ok device rp0.0: socket @/socket$"},
	{"{ vhost-user: { device-id: 26, socket: @/socket } }", "^ok device rp0.0: socket @/socket$"},
	{"{ console: { ports: [{ type: file, path: @/log }, { type: none, name: x }] } }",
	 "^ok device rp0.0 port 0: @/log$"},
	{"{ console: { ports: [{ type: pty }, { name: x, type: pty, path: @/link }] } }",
	 "^ok device rp0.0 port 1: @/link$"},
};

START_TEST(all_is_well)
{
	struct stat before, after;

	stat(in_dir("disk"), &before);
	ck_assert_msg(check_with(check_emulated, vm_with(good[_i].device), NULL) == 0, "%s", findings);
	found_here(good[_i].finding);
	not_found("warning");
	stat(in_dir("disk"), &after);
	ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	ck_assert_int_eq(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
	ck_assert_int_ne(access(in_dir("log"), F_OK), 0);
	ck_assert_int_ne(access(in_dir("link"), F_OK), 0);
	ck_silent();
}
END_TEST

START_TEST(nothing_needed)
{
	ck_assert_uint_eq(check_with(check_emulated,
				     vm_with("{ rng: {} }, { function: 1, balloon: {} }, "
					     "{ function: 2, test: {} }"),
				     NULL),
			  0);
	ck_assert_str_eq(findings, "");
	ck_assert_uint_eq(check_with(check_emulated, NULL, NULL), 0);
	ck_assert_str_eq(findings, "");
}
END_TEST

/* ---- one thing is wrong ---- */

static void empty(void)
{
	make_file("disk", 0, 0600);
}

static void odd(void)
{
	make_file("disk", 1000, 0600);
}

static void fixed(void)
{
	ck_assert_int_eq(chmod(in_dir("disk"), 0400), 0);
}

static void lock(short type)
{
	struct flock fl = {.l_type = type, .l_whence = SEEK_SET};

	lock_fd = open(in_dir("disk"), O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(fcntl(lock_fd, F_OFD_SETLK, &fl), 0);
}

static void written(void)
{
	lock(F_WRLCK);
}

static void being_read(void)
{
	lock(F_RDLCK);
}

static void fifo(void)
{
	unlink(in_dir("disk"));
	ck_assert_int_eq(mkfifo(in_dir("disk"), 0600), 0);
}

static void no_tap(void)
{
	gone();
}

static void no_tun(void)
{
	tun_err = ENOENT;
}

static void tun_forbidden(void)
{
	tun_err = EACCES;
}

static void ethernet(void)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/sys/class/net/tap0/tun_flags", sys_root);
	unlink(path);
}

static void is_tun(void)
{
	tap_attribute("tun_flags", "0x1001\n");
}

static void tap_busy(void)
{
	tap_attribute("carrier", "1\n");
}

static void tap_down(void)
{
	tap_attribute("flags", "0x1002\n");
}

static void tap_of_other(void)
{
	tap_attribute("owner", "4242\n");
	fake_sysfs_file("/proc/self/status", "CapEff:\t0000000000000000\n");
}

static void tap_of_group(void)
{
	tap_attribute("group", "424242\n");
	fake_sysfs_file("/proc/self/status", "CapEff:\t0000000000000000\n");
}

static void no_vhost_net(void)
{
	net_err = ENOENT;
}

static void vhost_net_forbidden(void)
{
	net_err = EACCES;
}

static void no_vsock(void)
{
	vsock_err = ENOENT;
}

static void cid_in_use(void)
{
	cid_err = EADDRINUSE;
}

static void no_programs(void)
{
	unlink(in_dir("passt"));
	unlink(in_dir("virtiofsd"));
}

static void not_executable(void)
{
	ck_assert_int_eq(chmod(in_dir("passt"), 0600), 0);
}

static void no_socket(void)
{
	unlink(in_dir("socket"));
}

static void no_server(void)
{
	no_socket();
	make_file("socket", 1, 0600);
}

static void no_share(void)
{
	rmdir(in_dir("share"));
}

static void sly_share(void)
{
	no_share();
	ck_assert_int_eq(symlink("/proc", in_dir("share")), 0);
}

static void log_is_folder(void)
{
	mkdir(in_dir("log"), 0700);
}

static void link_is_file(void)
{
	make_file("link", 1, 0600);
}

#define DISK "{ blk: { path: @/disk } }"
#define TAP  "{ id: nic, net: { tap: tap0 } }"
#define FS   "{ fs: { tag: share, path: @/share } }"

static const struct {
	void (*knob)(void);
	const char *device, *finding;
} bad[] = {
	{NULL, "{ blk: { path: @/nothing } }",
	 "^error device rp0.0: image @/nothing: No such file or directory; .*`truncate -s SIZE FILE`$"},
	{NULL, "{ blk: { path: @/share } }", "^error device rp0.0: image @/share: is a directory; name a file"},
	{fifo, DISK, "^error device rp0.0: image @/disk: is neither a regular file nor a block device;"},
	{empty, DISK, "^error device rp0.0: image @/disk: is empty; give it a size with `truncate"},
	{odd, DISK, "^error device rp0.0: image @/disk: has 1000 bytes, which is not a multiple of 512; is it a raw"},
	{written, DISK, "^error device rp0.0: image @/disk: is in use by another VM or program; stop that first"},
	{being_read, DISK, "^error device rp0.0: image @/disk: is in use by another VM"},
	{written, "{ blk: { path: @/disk, readonly: true } }", "^error device rp0.0: image @/disk: is in use by"},
	{being_read, "{ blk: { path: @/disk, readonly: true } }", "^ok device rp0.0: image @/disk, 1024 KiB, read-"},
	{NULL, DISK ", { function: 1, id: twin, blk: { path: @/disk, readonly: true } }",
	 "^error device twin: image @/disk: is the image of device rp0.0 too; give each a file of its own"},
	{NULL, "{ blk: { path: /proc/self/status, readonly: true, cache: direct } }",
	 "^error device rp0.0: image /pro"},
	{no_tap, TAP,
	 "^error device nic: there is no network interface tap0; create it with `ip tuntap add dev tap0 mode tap` and "
	 "`ip link set tap0 up`$"},
	{no_tap, "{ net: { tap: tap0, queues: 2 } }", "mode tap multi_queue` and"},
	{ethernet, TAP, "^error device nic: the network interface tap0 is no tap; create one"},
	{is_tun, TAP, "^error device nic: the network interface tap0 is no tap;"},
	{NULL, "{ net: { tap: tap0, queues: 2 } }",
	 "^error device rp0.0: the tap tap0 has one queue, 2 are wanted; .*multi_queue`, or leave \"queues\" out$"},
	{no_tun, TAP, "^error device nic: cannot open /dev/net/tun: No such file or directory; load the module tun$"},
	{tun_forbidden, TAP, "^error device nic: cannot open /dev/net/tun: permission denied; give your user access"},
	{tap_busy, TAP, "^error device nic: the tap tap0 is in use by another program; end it first$"},
	{tap_down, TAP, "^warning device nic: the tap tap0 is down; `ip link set tap0 up`$"},
	{tap_of_other, TAP, "^error device nic: the tap tap0 is another user's; .*user USER`, or run with CAP_NET"},
	{tap_of_group, TAP, "^error device nic: the tap tap0 is another user's;"},
	{no_vhost_net, TAP, "^warning device nic: cannot open /dev/vhost-net: .*; load the module vhost_net$"},
	{no_vhost_net, "{ net: { tap: tap0, vhost: on } }", "^error device rp0.0: cannot open /dev/vhost-net: "},
	{vhost_net_forbidden, "{ net: { tap: tap0, vhost: on } }",
	 "^error device rp0.0: cannot open /dev/vhost-net: permission denied; give your user access to the file$"},
	{no_vhost_net, "{ net: { tap: tap0, vhost: off } }", "^ok device rp0.0: tap tap0$"},
	{no_programs, "{ net: { user: true } }",
	 "^error device rp0.0: cannot find the program passt: install the package passt"},
	{not_executable, "{ net: { user: true } }", "^error device rp0.0: cannot find the program passt: "},
	{no_socket, "{ net: { socket: @/socket } }",
	 "^error device rp0.0: cannot find the socket @/socket: No such file or directory; start the server first$"},
	{no_server, "{ net: { socket: @/socket } }", "^error device rp0.0: @/socket is no socket; name the one"},
	{no_server, "{ vhost-user: { device-id: 26, socket: @/socket } }",
	 "^error device rp0.0: @/socket is no socket"},
	{no_socket, "{ fs: { tag: share, socket: @/socket } }", "^error device rp0.0: cannot find the socket @/socket"},
	{no_vsock, "{ vsock: { cid: 42 } }",
	 "^error device rp0.0: cannot open /dev/vhost-vsock: .*module vhost_vsock$"},
	{cid_in_use, "{ vsock: { cid: 42 } }",
	 "^error device rp0.0: cid 42 is in use by another VM; choose a different one$"},
	{NULL, "{ vsock: { cid: 42 } }, { function: 1, vsock: { cid: 42 } }",
	 "^error device rp0.1: device rp0.0 has cid 42 too; choose a different one$"},
	{no_share, FS,
	 "^error device rp0.0: cannot share @/share: No such file or directory; make the folder, or name another$"},
	{sly_share, FS, "^error device rp0.0: cannot share /proc: /proc is the host's own"},
	{NULL, "{ fs: { tag: share, path: / } }", "^error device rp0.0: cannot share /: name the folder"},
	{NULL, "{ fs: { tag: share, path: share } }",
	 "^error device rp0.0: cannot share share: name the folder by its"},
	{no_programs, FS, "^error device rp0.0: cannot find the program virtiofsd: install the package virtiofsd"},
	{NULL, "{ console: { ports: [{ type: none }, { name: x, type: file, path: /nonexistent/log }] } }",
	 "^error device rp0.0 port 1: cannot write /nonexistent/log: /nonexistent: No such file or directory; choose"},
	{log_is_folder, "{ console: { ports: [{ type: file, path: @/log }] } }",
	 "^error device rp0.0 port 0: cannot write @/log: it is a folder; name a file$"},
	{link_is_file, "{ console: { ports: [{ type: pty, path: @/link }] } }",
	 "^error device rp0.0 port 0: @/link exists and is no symbolic link; remove it"},
	{NULL, "{ assign: \"" NVME "\" }, { function: 1, balloon: {} }",
	 "^warning device rp0.1: gives nothing back to the host: devices of the host pin all memory; leave one"},
};

START_TEST(one_thing_is_wrong)
{
	bool error = strncmp(bad[_i].finding, "^error", 6) == 0 || bad[_i].finding[0] != '^';
	char text[2048];

	if (bad[_i].knob)
		bad[_i].knob();
	snprintf(text, sizeof(text), "%s", vm_with(bad[_i].device));
	/* A virtiofsd of the machine that builds does not count. */
	if (bad[_i].knob == no_programs && strcmp(bad[_i].device, FS) == 0 &&
	    (access("/usr/libexec/virtiofsd", X_OK) == 0 || access("/usr/lib/virtiofsd", X_OK) == 0))
		return;
	ck_assert_msg(check_with(check_emulated, text, NULL) == error, "%s", findings);
	found_here(bad[_i].finding);
	ck_silent();
}
END_TEST

/* root may write everything. */
START_TEST(readonly_file)
{
	fixed();
	unsigned errors = check_with(check_emulated, vm_with(DISK), NULL);

	if (geteuid() == 0) {
		ck_assert_uint_eq(errors, 0);
		return;
	}
	ck_assert_uint_eq(errors, 1);
	found_here("^error device rp0.0: image @/disk: cannot be written: Permission denied; make it writable for this "
		   "user, or set `readonly: true`$");
	ck_assert_uint_eq(check_with(check_emulated, vm_with("{ blk: { path: @/disk, readonly: true } }"), NULL), 0);
}
END_TEST

/* ---- limits ---- */

START_TEST(open_files)
{
	const char *vm = vm_with("{ test: { vectors: 2048 } }");
	struct rlimit limit = {.rlim_cur = 512, .rlim_max = 1024};

	ck_assert_uint_eq(check_with(check_limits, vm, NULL), 0);
	found("^ok open files: the limit allows the [0-9]+ or more");
	not_found("io_uring");
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_eq(check_with(check_limits, vm, NULL), 1);
	found("^error open files: the vectors and queues of the devices take 20[0-9][0-9] or more, the limit is 1024; "
	      "raise it with `ulimit -Hn [0-9]+`, or give the devices fewer$");
	ck_assert_uint_eq(check_with(check_limits, vm_with("{ rng: {} }"), NULL), 0);
}
END_TEST

static const struct {
	int err;
	const char *sysctl, *finding;
} rings[] = {
	{0, "0\n", "^ok io_uring: available$"},
	{EPERM, "2\n", "^error io_uring: .*not permitted; `sysctl kernel.io_uring_disabled=0`$"},
	{EPERM, "1\n", "^error io_uring: .*; `sysctl kernel.io_uring_disabled=0`, or put your user into the group"},
	{EPERM, "0\n", "^error io_uring: .*; allow it in the container's system call filter$"},
	{EPERM, NULL, "^error io_uring: .*; allow it in the container's system call filter$"},
	{ENOSYS, NULL, "^error io_uring: .*; use a kernel with CONFIG_IO_URING"},
	{ENOMEM, NULL, "^error io_uring: .*; raise the limit on locked memory"},
};

START_TEST(io_uring)
{
	if (rings[_i].sysctl)
		fake_sysfs_file("/proc/sys/kernel/io_uring_disabled", rings[_i].sysctl);
	if (rings[_i].err)
		fake_fail_nth(1, rings[_i].err);
	unsigned errors = check_with(check_limits, vm_with(DISK), NULL);

	if (rings[_i].err == 0 && errors) /* the machine that builds has none */
		return;
	found(rings[_i].finding);
}
END_TEST

START_TEST(host_alone)
{
	check_with(check_host_devices, vm_with("{ rng: {} }"), NULL);
	ck_assert_str_eq(findings, "");
	ck_assert_uint_eq(check_with(check_host_devices, NULL, NULL), 0);
	found("^ok /dev/net/tun: opens$");
	found("^ok /dev/vhost-net: opens$");
	found("^ok /dev/vhost-vsock: opens$");
	no_vsock();
	ck_assert_uint_eq(check_with(check_host_devices, NULL, NULL), 0);
	found("^warning /dev/vhost-vsock: cannot open /dev/vhost-vsock: .*; load the module vhost_vsock$");
}
END_TEST

/* ---- the guest's IOMMUs ---- */

START_TEST(room_for_iommus)
{
	static char text[8192];
	size_t used = (size_t)snprintf(text, sizeof(text),
				       "version: 1\nmachine: { memory: 512M }\nboot: { kernel: /dev/null }\niommus:\n");

	for (unsigned i = 0; i < 16; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " - { id: i%u, type: %s }\n", i,
					 i == 15 ? "smmuv3" : "virtio-iommu");
	used += (size_t)snprintf(text + used, sizeof(text) - used, "pci:\n");
	for (unsigned i = 0; i < 17; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " - { root-port: p%u }\n", i);
	ck_assert_uint_eq(check_with(check_iommus, text, NULL), 1);
	found("^error iommus: 15 of type virtio-iommu and 17 root ports do not fit on bus 0, which has 31 places;");
	ck_assert_uint_eq(check_with(check_iommus, text, (const char *const[]){"pci.16=", NULL}), 0);
	ck_assert_str_eq(findings, "");
}
END_TEST

static const char viommu_vm[] = "version: 1\nmachine: { memory: 512M }\nboot: { kernel: /dev/null }\n"
				"iommus: [{ id: v, type: virtio-iommu }]\n"
				"pci: [{ root-port: rp0, iommu: v, devices: [{ assign: \"" NVME "\" }] }]\n";

START_TEST(assigned_behind_virtio_iommu)
{
	fake_iommu.no_viommu = true; /* nothing of the kind is needed */
	ck_assert_uint_eq(check_with(check_devices, viommu_vm, NULL), 0);
	found("^ok device " NVME ": NVMe controller, free");
	found("^ok device " NVME ": smmu3.* translates it for the guest's virtio-iommu$");
	not_found("two stages");
	ck_assert_uint_eq(check_with(check_kernel_options, viommu_vm, NULL), 0);
}
END_TEST

/* Every host call of the checks fails in turn: nothing is left behind. */
START_TEST(every_failure)
{
	static char vm[4096];
	bool failed = true;

	for (unsigned nth = 1; failed; nth++) {
		snprintf(vm, sizeof(vm), "%s",
			 vm_with(DISK ", { function: 1, net: { tap: tap0 } }, { function: 2, vsock: { cid: 42 } }, "
				      "{ function: 3, fs: { tag: t, path: @/share } }"));
		fake_fail_nth(nth, EIO);
		check_with(check_emulated, vm, NULL);
		if (nth == 1) /* the image's first look */
			found("^error device rp0.0: image .*: Input/output error; check the path$");
		check_with(check_limits, vm, NULL);
		check_with(check_devices, viommu_vm, NULL);
		failed = fake_failed();
		fake_fail_nth(0, 0);
		ck_assert_msg(fake_leaks() == 0, "leak after %s failed", fake_failed_call());
		fake_iommu_seen.objects = 0;
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli_emulated");
	TCase *tc = tcase_create("cli_emulated");

	tcase_add_checked_fixture(tc, good_host, end_host);
	tcase_add_loop_test(tc, all_is_well, 0, sizeof(good) / sizeof(good[0]));
	tcase_add_test(tc, nothing_needed);
	tcase_add_loop_test(tc, one_thing_is_wrong, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tc, readonly_file);
	tcase_add_test(tc, open_files);
	tcase_add_loop_test(tc, io_uring, 0, sizeof(rings) / sizeof(rings[0]));
	tcase_add_test(tc, host_alone);
	tcase_add_test(tc, room_for_iommus);
	tcase_add_test(tc, assigned_behind_virtio_iommu);
	tcase_add_test(tc, every_failure);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A host on which every device that aerie plays itself can be built: files, programs, a tap, vhost devices. Each test
 * takes one thing away. */
#ifndef AERIE_CHECK_EMULATED_FIXTURE_H
#define AERIE_CHECK_EMULATED_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/vhost.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "check_fixture.h"
#include "sys.h"

static char dir[] = "/tmp/aerie-check-XXXXXX";
static int tun_err, net_err, vsock_err, cid_err, lock_fd = -1;
static uint64_t cid_taken;

static int open_tun(struct fake_file *file, const char *path)
{
	return -tun_err;
}

static int open_net(struct fake_file *file, const char *path)
{
	return -net_err;
}

static int open_vsock(struct fake_file *file, const char *path)
{
	return -vsock_err;
}

static int ioctl_vsock(struct fake_file *file, unsigned long request, void *arg)
{
	ck_assert(request == VHOST_VSOCK_SET_GUEST_CID);
	if (cid_err)
		return -cid_err;
	cid_taken = *(uint64_t *)arg;
	return 0;
}

static void close_vsock(struct fake_file *file)
{
	cid_taken = 0;
}

static const char *in_dir(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void make_file(const char *name, off_t size, mode_t mode)
{
	int fd = open(in_dir(name), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, size), 0);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

static void make_program(const char *name)
{
	make_file(name, 1, 0700);
}

static void make_socket(const char *name)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", in_dir(name));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
}

static void tap_attribute(const char *name, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/tap0/%s", name);
	fake_sysfs_file(path, value);
}

/* A host on which everything is right. */
static void good_host(void)
{
	static const struct fake_type types[] = {
		{.prefix = "/dev/net/tun", .open = open_tun},
		{.prefix = "/dev/vhost-net", .open = open_net},
		{.prefix = "/dev/vhost-vsock", .open = open_vsock, .ioctl = ioctl_vsock, .close = close_vsock},
	};

	setup();
	tun_err = net_err = vsock_err = cid_err = 0;
	for (unsigned i = 0; i < 3; i++)
		fake_register(&types[i]);
	tap_attribute("mtu", "1500\n");
	tap_attribute("tun_flags", "0x5002\n"); /* IFF_TAP | IFF_NO_PI | IFF_VNET_HDR */
	tap_attribute("owner", "-1\n");
	tap_attribute("group", "-1\n");
	tap_attribute("flags", "0x1003\n");
	tap_attribute("carrier", "0\n");
	strcpy(dir, "/tmp/aerie-check-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	make_file("disk", 1 << 20, 0600);
	make_socket("socket");
	make_program("passt");
	make_program("virtiofsd");
	mkdir(in_dir("share"), 0700);
	setenv("PATH", dir, 1);
	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("TMPDIR");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void end_host(void)
{
	if (lock_fd >= 0)
		close(lock_fd);
	lock_fd = -1;
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	ck_assert_uint_eq(cid_taken, 0);
	teardown();
}

/* Appends @in to @out, each "@" as the folder. */
static void expand(char *out, size_t cap, const char *in)
{
	for (size_t used = strlen(out); *in; in++, used = strlen(out))
		if (*in == '@')
			snprintf(out + used, cap - used, "%s", dir);
		else
			snprintf(out + used, cap - used, "%c", *in);
}

/* A VM with one device. */
static const char *vm_with(const char *device)
{
	static char text[4096];

	strcpy(text, "version: 1\nmachine: { memory: 512M }\nboot: { kernel: /dev/null }\nconsole: { type: none }\n"
		     "pci: [{ root-port: rp0, devices: [");
	expand(text, sizeof(text), device);
	strcat(text, "] }]\n");
	return text;
}

static void found_here(const char *regex)
{
	char text[1024] = "";

	expand(text, sizeof(text), regex);
	found(text);
}

#endif

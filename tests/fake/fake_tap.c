/* SPDX-License-Identifier: Apache-2.0 */
/* The interface tap0: sysfs, /dev/net/tun, and queues that are sockets. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/if_tun.h>

#include "fake.h"
#include "fake_vhost.h"
#include "fake_vhost_priv.h"

static int open_sysfs(struct fake_file *file, const char *path)
{
	return fake_vhost.no_tap ? -ENOENT : 0;
}

static ssize_t read_mtu(struct fake_file *file, void *buf, size_t len, off_t offset)
{
	return snprintf(buf, len, "%u\n", fake_vhost.mtu);
}

static ssize_t read_flags(struct fake_file *file, void *buf, size_t len, off_t offset)
{
	return snprintf(buf, len, "%#lx\n", fake_vhost.tun_flags);
}

static unsigned index_of(const struct fake_file *file)
{
	return (unsigned)((const int *)file->state - fake_vhost.tap);
}

static int set_iff(struct fake_file *file, const struct ifreq *ifr)
{
	unsigned flags = (unsigned short)ifr->ifr_flags;
	int sockets[2];

	if (fake_vhost.tap_error)
		return -fake_vhost.tap_error;
	if (strcmp(ifr->ifr_name, "tap0") != 0 || fake_vhost.nr_taps == FAKE_VHOST_MAX)
		return -EPERM; /* it would have to be made */
	if ((flags ^ fake_vhost.tun_flags) & (IFF_MULTI_QUEUE | IFF_TAP))
		return -EINVAL;
	if (!(flags & IFF_NO_PI) || !(flags & IFF_VNET_HDR))
		return -EINVAL;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) < 0)
		return -errno;
	dup3(sockets[0], file->fd, O_CLOEXEC);
	close(sockets[0]);
	fake_vhost.tap[fake_vhost.nr_taps] = sockets[1];
	fake_vhost.attached[fake_vhost.nr_taps] = true;
	file->state = &fake_vhost.tap[fake_vhost.nr_taps++];
	return 0;
}

static int ioctl_tun(struct fake_file *file, unsigned long request, void *arg)
{
	unsigned long offload = (unsigned long)arg;
	const struct ifreq *ifr = arg;

	if (request == TUNSETIFF)
		return file->state ? -EINVAL : set_iff(file, arg);
	if (!file->state)
		return -EBADFD;
	switch (request) {
	case TUNSETVNETHDRSZ:
		return *(int *)arg == 12 ? 0 : -EINVAL;
	case TUNSETOFFLOAD: /* set_offload() in drivers/net/tun.c */
		if (offload & ~31ul & ~(fake_vhost.no_uso ? 0 : (unsigned long)(TUN_F_USO4 | TUN_F_USO6)))
			return -EINVAL;
		if (offload && !(offload & TUN_F_CSUM))
			return -EINVAL;
		if (!(offload & TUN_F_USO4) != !(offload & TUN_F_USO6))
			return -EINVAL;
		fake_vhost.offload[index_of(file)] = offload;
		return 0;
	case TUNSETQUEUE:
		if (!(fake_vhost.tun_flags & IFF_MULTI_QUEUE) ||
		    fake_vhost.attached[index_of(file)] == !!(ifr->ifr_flags & IFF_ATTACH_QUEUE))
			return -EINVAL;
		fake_vhost.attached[index_of(file)] = ifr->ifr_flags & IFF_ATTACH_QUEUE;
		return 0;
	}
	return -ENOTTY;
}

void fake_tap_install(void)
{
	static const struct fake_type types[] = {
		{.prefix = "/sys/class/net/tap0/mtu", .open = open_sysfs, .pread = read_mtu},
		{.prefix = "/sys/class/net/tap0/tun_flags", .open = open_sysfs, .pread = read_flags},
		{.prefix = "/dev/net/tun", .ioctl = ioctl_tun},
	};

	fake_vhost.mtu = 1500;
	fake_vhost.tun_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	for (unsigned i = 0; i < 3; i++)
		fake_register(&types[i]);
}

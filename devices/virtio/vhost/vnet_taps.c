/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>

#include "bits.h"
#include "fd.h"
#include "log.h"
#include "sys.h"
#include "vnet_priv.h"

#define OFFLOADS_USO (TUN_F_USO4 | TUN_F_USO6)
#define OFFLOADS     (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)

/* What the host does with frames of the guest follows from what it may send to it: both sides of the tap are the same
 * code. */
#define FEATURES_BASIC                                                                                                 \
	(BIT64(VIRTIO_NET_F_CSUM) | BIT64(VIRTIO_NET_F_HOST_TSO4) | BIT64(VIRTIO_NET_F_HOST_TSO6) |                    \
	 BIT64(VIRTIO_NET_F_HOST_ECN) | BIT64(VIRTIO_NET_F_GUEST_CSUM) | BIT64(VIRTIO_NET_F_GUEST_TSO4) |              \
	 BIT64(VIRTIO_NET_F_GUEST_TSO6) | BIT64(VIRTIO_NET_F_GUEST_ECN))
#define FEATURES_USO (BIT64(VIRTIO_NET_F_HOST_USO) | BIT64(VIRTIO_NET_F_GUEST_USO4) | BIT64(VIRTIO_NET_F_GUEST_USO6))

/* A number that sysfs says about the interface. -ENOENT, -EINVAL. */
static int attribute(const char *name, const char *what, unsigned long *value)
{
	char path[96], text[32], *end;

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", name, what);
	ssize_t n = fd_read_text(path, text, sizeof(text));
	if (n < 0)
		return (int)n;
	*value = strtoul(text, &end, 0);
	return n > 0 && *end == '\0' ? 0 : -EINVAL;
}

/* Looks before it takes: TUNSETIFF would make an interface that is not there. *@flags: IFF_* of its creation. */
static int look(const char *device, const char *name, unsigned pairs, unsigned long *flags, unsigned long *mtu)
{
	if (name[0] == '\0' || strlen(name) >= IFNAMSIZ || strpbrk(name, "/ \t\n%"))
		return log_fail(-EINVAL, "%s: \"%s\" is no name of a network interface", device, name);
	if (attribute(name, "mtu", mtu) < 0)
		return log_fail(
			-ENODEV,
			"%s: there is no network interface %s; create it with `ip tuntap add dev %s mode tap%s` and `ip link set %s up`",
			device, name, name, pairs > 1 ? " multi_queue" : "", name);
	if (attribute(name, "tun_flags", flags) < 0 || !(*flags & IFF_TAP))
		return log_fail(
			-EINVAL,
			"%s: the network interface %s is no tap; create one with `ip tuntap add dev NAME mode tap`",
			device, name);
	if (pairs > 1 && !(*flags & IFF_MULTI_QUEUE))
		return log_fail(
			-EINVAL,
			"%s: the tap %s has one queue; create it with `ip tuntap add dev %s mode tap multi_queue`, or set `queues` to 1",
			device, name, name);
	return 0;
}

static int fail_take(const char *device, const char *name, int err)
{
	const char *remedy =
		err == -EBUSY ? "; another program uses it"
		: err == -EPERM || err == -EACCES
			? "; give it to your user with `ip tuntap add dev NAME mode tap user USER`, or run with CAP_NET_ADMIN"
			: "";

	return log_fail(err, "%s: cannot use the tap %s: %s%s", device, name, strerror(-err), remedy);
}

static int open_queue(struct vnet_taps *taps, const char *device, unsigned long flags)
{
	struct ifreq ifr = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (flags & IFF_MULTI_QUEUE))};
	int size = VNET_HDR;
	OWNED_FD int fd = sys_open("/dev/net/tun", O_RDWR | O_NONBLOCK);

	if (fd < 0)
		return log_fail(-errno, "%s: cannot open /dev/net/tun: %s%s", device, strerror(errno),
				errno == ENOENT || errno == ENODEV ? "; load the module tun" : "");
	memcpy(ifr.ifr_name, taps->name, sizeof(taps->name));
	if (sys_ioctl(fd, TUNSETIFF, &ifr) < 0)
		return fail_take(device, taps->name, -errno);
	if (sys_ioctl(fd, TUNSETVNETHDRSZ, &size) < 0)
		return fail_take(device, taps->name, -errno);
	taps->active[taps->nr] = true;
	taps->fds[taps->nr++] = fd;
	fd = -1;
	return 0;
}

static int set_offload(const struct vnet_taps *taps, unsigned long offloads)
{
	for (unsigned i = 0; i < taps->nr; i++)
		if (sys_ioctl_n(taps->fds[i], TUNSETOFFLOAD, offloads) < 0)
			return -errno;
	return 0;
}

int vnet_taps_open(struct vnet_taps *taps, const char *device, const char *name, unsigned pairs)
{
	unsigned long flags = 0, mtu = 0;
	int err = look(device, name, pairs, &flags, &mtu);

	*taps = (struct vnet_taps){.mtu = (uint16_t)(mtu <= UINT16_MAX ? mtu : UINT16_MAX)};
	if (err)
		return err;
	memcpy(taps->name, name, strlen(name));
	while (taps->nr < pairs && !err)
		err = open_queue(taps, device, flags);
	if (err) {
		vnet_taps_close(taps);
		return err;
	}
	/* Kernels before 6.2 know nothing of USO. */
	if (set_offload(taps, OFFLOADS) == 0)
		taps->features = FEATURES_BASIC;
	if (taps->features && set_offload(taps, OFFLOADS | OFFLOADS_USO) == 0)
		taps->features |= FEATURES_USO;
	set_offload(taps, 0);
	return 0;
}

void vnet_taps_close(struct vnet_taps *taps)
{
	for (unsigned i = 0; i < taps->nr; i++)
		fd_close(&taps->fds[i]);
	taps->nr = 0;
}

int vnet_taps_offload(struct vnet_taps *taps, const char *device, uint64_t features)
{
	static const struct {
		unsigned feature;
		unsigned long offload;
	} rows[] = {
		{VIRTIO_NET_F_GUEST_TSO4, TUN_F_TSO4},	 {VIRTIO_NET_F_GUEST_TSO6, TUN_F_TSO6},
		{VIRTIO_NET_F_GUEST_ECN, TUN_F_TSO_ECN}, {VIRTIO_NET_F_GUEST_USO4, TUN_F_USO4},
		{VIRTIO_NET_F_GUEST_USO6, TUN_F_USO6},
	};
	unsigned long offloads = 0;

	/* All others depend on checksums (5.1.3.1). */
	if (features & BIT64(VIRTIO_NET_F_GUEST_CSUM)) {
		offloads = TUN_F_CSUM;
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			if (features & BIT64(rows[i].feature))
				offloads |= rows[i].offload;
	}
	/* TUN takes USO for both or for neither. */
	if ((offloads & OFFLOADS_USO) != OFFLOADS_USO)
		offloads &= ~(unsigned long)OFFLOADS_USO;
	int err = set_offload(taps, offloads);

	return err ? log_fail(err, "%s: cannot set the offloads of the tap %s: %s", device, taps->name, strerror(-err))
		   : 0;
}

int vnet_taps_use(struct vnet_taps *taps, const char *device, unsigned pairs)
{
	for (unsigned i = 0; i < taps->nr && taps->nr > 1; i++) {
		struct ifreq ifr = {.ifr_flags = (short)(i < pairs ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE)};

		if (taps->active[i] == (i < pairs))
			continue;
		if (sys_ioctl(taps->fds[i], TUNSETQUEUE, &ifr) < 0)
			return log_fail(-errno, "%s: cannot use %u queues of the tap %s: %s", device, pairs, taps->name,
					strerror(errno));
		taps->active[i] = i < pairs;
	}
	return 0;
}

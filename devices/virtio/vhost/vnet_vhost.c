/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-net's data path in the kernel: one vhost-net for each queue of the tap. It works on the guest's own rings
 * where it can (direct), on those of a relay where the guest has an IOMMU.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include "bits.h"
#include "log.h"
#include "sys.h"
#include "vhost_kernel.h"
#include "vm.h"
#include "vnet_priv.h"

#define RINGS_DIRECT                                                                                                   \
	(BIT64(VIRTIO_F_VERSION_1) | BIT64(VIRTIO_NET_F_MRG_RXBUF) | BIT64(VIRTIO_RING_F_INDIRECT_DESC) |              \
	 BIT64(VIRTIO_RING_F_EVENT_IDX))
#define RINGS_RELAY (BIT64(VIRTIO_F_VERSION_1) | BIT64(VIRTIO_NET_F_MRG_RXBUF))

struct vnet_vhost {
	struct vhost_kernel kernel[VNET_MAX_PAIRS];
	unsigned nr;
	struct relay *relay;
	bool direct;	  /* since the last start */
	uint64_t running; /* direct: rings that the kernel has, and works on while bus mastering is on; device lock */
};

int vnet_vhost_open(struct vnet *net, const char *name, bool quiet, uint64_t *ring_features)
{
	struct vnet_vhost *v = calloc(1, sizeof(*v));
	int err = 0;

	if (!v)
		return log_fail(-ENOMEM, "%s: out of memory", name);
	for (; v->nr < net->pairs && !err; v->nr += !err)
		err = vhost_kernel_open(&v->kernel[v->nr], "/dev/vhost-net", "vhost_net", name, quiet);
	if (err) {
		while (v->nr)
			vhost_kernel_close(&v->kernel[--v->nr]);
		free(v);
		return err;
	}
	*ring_features = v->kernel[0].features;
	net->vhost = v;
	return 0;
}

/* Ring @index of the device reads and writes @fd, -1: nothing any more. */
static int set_backend(struct vnet *net, unsigned index, int fd)
{
	struct vhost_vring_file file = {.index = index & 1, .fd = fd};

	if (sys_ioctl(net->vhost->kernel[index / 2].fd, VHOST_NET_SET_BACKEND, &file) == 0)
		return 0;
	return log_fail(-errno, "%s: vhost-net refuses queue %u of the tap %s: %s", net->dev.config.name, index,
			net->taps.name, strerror(errno));
}

static int tell_ring(struct vnet *net, const struct relay_ring *ring)
{
	struct relay_ring theirs = *ring;

	theirs.index = ring->index & 1;
	return vhost_kernel_ring(&net->vhost->kernel[ring->index / 2], &theirs);
}

/* ---- Direct ---- */

static int direct_start_queue(struct vnet *net, unsigned index)
{
	struct relay_ring ring;
	int err = vhost_kernel_direct(&net->dev.queues[index], &ring);

	if (!err)
		err = tell_ring(net, &ring);
	/* Without bus mastering the kernel has no business in guest memory; bus_master() lets it begin. */
	if (!err && net->dev.ep.dma.enabled)
		err = set_backend(net, index, net->taps.fds[index / 2]);
	if (!err)
		net->vhost->running |= BIT64(index);
	return err;
}

static void direct_stop_queue(struct vnet *net, unsigned index)
{
	if (net->vhost->running & BIT64(index))
		set_backend(net, index, -1);
	net->vhost->running &= ~BIT64(index);
}

static void direct_stop(struct vnet *net)
{
	for (unsigned i = 0; i < 2 * net->pairs; i++)
		direct_stop_queue(net, i);
}

/* ---- The relay's back end ---- */

static int relay_ring_start(void *owner, const struct relay_ring *ring)
{
	struct vnet *net = owner;
	int err = tell_ring(net, ring);

	return err ? err : set_backend(net, ring->index, net->taps.fds[ring->index / 2]);
}

static int relay_ring_stop(void *owner, unsigned index)
{
	return set_backend(owner, index, -1);
}

static void relay_disconnect(void *owner)
{
	struct vnet *net = owner;

	for (unsigned i = 0; i < 2 * net->pairs; i++)
		set_backend(net, i, -1);
}

static const struct relay_ops relay_ops = {
	.disconnect = relay_disconnect,
	.start = relay_ring_start,
	.stop = relay_ring_stop,
};

/* ---- Path ---- */

static int begin(struct vnet *net)
{
	struct vnet_vhost *v = net->vhost;
	struct relay_region regions[RELAY_MAX_REGIONS];
	unsigned n = v->direct ? vhost_kernel_ram(&net->vm->gmem, regions) : relay_regions(v->relay, regions);
	uint64_t features = v->direct ? net->dev.features & RINGS_DIRECT
				      : (net->dev.features & RINGS_RELAY) | BIT64(VIRTIO_RING_F_INDIRECT_DESC);
	int err = vnet_taps_offload(&net->taps, net->dev.config.name, net->dev.features);

	for (unsigned i = 0; i < v->nr && !err; i++)
		err = vhost_kernel_begin(&v->kernel[i], features, regions, n);
	return err;
}

static int start(struct vnet *net, uint64_t queues)
{
	struct vnet_vhost *v = net->vhost;

	v->direct = vhost_kernel_can_direct(&net->dev);
	v->running = 0;
	int err = begin(net);

	if (err)
		return err;
	if (!v->direct) {
		relay_start(v->relay, queues);
		return 0;
	}
	for (unsigned i = 0; i < 2 * net->pairs && !err; i++)
		if (queues & BIT64(i))
			err = direct_start_queue(net, i);
	if (err)
		direct_stop(net);
	return err;
}

static void stop(struct vnet *net)
{
	if (net->vhost->direct)
		direct_stop(net);
	else
		relay_stop(net->vhost->relay);
}

static void quiesce(struct vnet *net)
{
	relay_quiesce(net->vhost->relay);
}

static int start_queue(struct vnet *net, unsigned index)
{
	if (net->vhost->direct)
		return direct_start_queue(net, index);
	relay_start_queue(net->vhost->relay, index);
	return 0;
}

static void stop_queue(struct vnet *net, unsigned index)
{
	if (net->vhost->direct)
		direct_stop_queue(net, index);
	else
		relay_stop_queue(net->vhost->relay, index);
}

static void vector(struct vnet *net, unsigned index)
{
	struct relay_ring ring;

	if (net->vhost->running & BIT64(index) && vhost_kernel_direct(&net->dev.queues[index], &ring) == 0)
		vhost_kernel_call(&net->vhost->kernel[index / 2], index & 1, ring.call);
}

/* The kernel remembers where it was in a ring. */
static void bus_master(struct vnet *net, bool on)
{
	for (unsigned i = 0; i < 2 * net->pairs; i++)
		if (net->vhost->running & BIT64(i))
			set_backend(net, i, on ? net->taps.fds[i / 2] : -1);
}

static bool rests(struct vnet *net, unsigned index)
{
	return !(net->vhost->running & BIT64(index)) && relay_rests(net->vhost->relay, index);
}

static bool idle(struct vnet *net)
{
	return net->vhost->running == 0 && relay_idle(net->vhost->relay);
}

static int use_pairs(struct vnet *net, unsigned pairs)
{
	return vnet_taps_use(&net->taps, net->dev.config.name, pairs);
}

static int attach(struct vnet *net)
{
	struct relay_config config = {
		.dev = &net->dev,
		.vm = net->vm,
		.ops = &relay_ops,
		.owner = net,
		.indirect = net->vhost->kernel[0].features & BIT64(VIRTIO_RING_F_INDIRECT_DESC),
		.queues = 2 * net->pairs,
		.rested = vnet_rested,
	};

	return relay_create(&net->vhost->relay, &config);
}

static void destroy(struct vnet *net)
{
	struct vnet_vhost *v = net->vhost;

	relay_destroy(v->relay);
	while (v->nr)
		vhost_kernel_close(&v->kernel[--v->nr]);
	free(v);
	vnet_taps_close(&net->taps);
}

const struct vnet_path vnet_path_vhost = {
	.start = start,
	.stop = stop,
	.quiesce = quiesce,
	.start_queue = start_queue,
	.stop_queue = stop_queue,
	.vector = vector,
	.bus_master = bus_master,
	.rests = rests,
	.idle = idle,
	.use_pairs = use_pairs,
	.attach = attach,
	.destroy = destroy,
};

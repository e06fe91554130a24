/* SPDX-License-Identifier: Apache-2.0 */
#include "vsock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_vsock.h>

#include "bits.h"
#include "log.h"
#include "sys.h"
#include "vhost_kernel.h"
#include "vm.h"

#define VSOCK_QUEUES   3u /* receive, transmit: the kernel's; events: none ever come (5.10.6.7) */
#define VSOCK_RINGS    2u
#define VSOCK_SIZE     128u
#define VSOCK_CLASS    0x028000u /* network, other */
#define VSOCK_FEATURES (BIT64(VIRTIO_VSOCK_F_SEQPACKET))
#define RINGS_DIRECT   (BIT64(VIRTIO_F_VERSION_1) | BIT64(VIRTIO_RING_F_INDIRECT_DESC) | BIT64(VIRTIO_RING_F_EVENT_IDX))

struct vsock {
	struct virtio_device dev;
	struct vm *vm;
	uint64_t cid;
	struct vhost_kernel kernel;
	struct relay *relay;
	bool direct;	/* since the last start */
	bool running;	/* the kernel serves the rings; direct: device lock, else the relay's thread */
	unsigned rings; /* that it was told; as running */
};

static struct vsock *vsock_of(struct virtio_device *dev)
{
	return (struct vsock *)dev;
}

static void config_read(struct virtio_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	memcpy(buf, (const uint8_t *)&vsock_of(dev)->cid + offset, len);
}

static int set_running(struct vsock *vs, int on)
{
	if (sys_ioctl(vs->kernel.fd, VHOST_VSOCK_SET_RUNNING, &on) < 0)
		return log_fail(-errno, "%s: vhost-vsock does not %s: %s", vs->dev.config.name, on ? "start" : "stop",
				strerror(errno));
	vs->running = on;
	return 0;
}

/* Both rings or none: the kernel starts when it has been told both; on those of the guest not before the function may
 * do DMA, when bus_master() starts it. */
static int add_ring(struct vsock *vs, const struct relay_ring *ring)
{
	int err = vhost_kernel_ring(&vs->kernel, ring);

	if (err || ++vs->rings < VSOCK_RINGS || (vs->direct && !vs->dev.ep.dma.enabled))
		return err;
	return set_running(vs, 1);
}

static int halt(struct vsock *vs)
{
	vs->rings = 0;
	return vs->running ? set_running(vs, 0) : 0;
}

static int relay_ring_start(void *owner, const struct relay_ring *ring)
{
	return add_ring(owner, ring);
}

static int relay_ring_stop(void *owner, unsigned index)
{
	return halt(owner);
}

static void relay_disconnect(void *owner)
{
	halt(owner);
}

static const struct relay_ops relay_ops = {
	.disconnect = relay_disconnect,
	.start = relay_ring_start,
	.stop = relay_ring_stop,
};

static int begin(struct vsock *vs)
{
	struct relay_region regions[RELAY_MAX_REGIONS];
	unsigned n = vs->direct ? vhost_kernel_ram(&vs->vm->gmem, regions) : relay_regions(vs->relay, regions);
	uint64_t features = vs->dev.features & VSOCK_FEATURES;

	if (vs->direct)
		features |= vs->dev.features & RINGS_DIRECT;
	else
		features |= BIT64(VIRTIO_F_VERSION_1) | BIT64(VIRTIO_RING_F_INDIRECT_DESC);
	return vhost_kernel_begin(&vs->kernel, features, regions, n);
}

static int start(struct virtio_device *dev)
{
	struct vsock *vs = vsock_of(dev);

	vs->direct = vhost_kernel_can_direct(dev);
	vs->rings = 0;
	int err = begin(vs);

	if (err)
		return err;
	if (!vs->direct) {
		relay_start(vs->relay, BIT64(VSOCK_RINGS) - 1);
		return 0;
	}
	for (unsigned i = 0; i < VSOCK_RINGS && !err; i++) {
		struct relay_ring ring;

		if (!dev->queues[i].enabled)
			continue;
		err = vhost_kernel_direct(&dev->queues[i], &ring);
		if (!err)
			err = add_ring(vs, &ring);
	}
	if (err)
		halt(vs);
	return err;
}

static void stop(struct virtio_device *dev)
{
	struct vsock *vs = vsock_of(dev);

	if (vs->direct) {
		halt(vs);
		virtio_stopped(dev);
	} else {
		relay_stop(vs->relay);
	}
}

static void quiesce(struct virtio_device *dev)
{
	relay_quiesce(vsock_of(dev)->relay);
}

static void vector(struct virtio_device *dev, unsigned index)
{
	struct vsock *vs = vsock_of(dev);
	struct relay_ring ring;

	if (vs->direct && index < VSOCK_RINGS && vhost_kernel_direct(&dev->queues[index], &ring) == 0)
		vhost_kernel_call(&vs->kernel, index, ring.call);
}

static void bus_master(struct virtio_device *dev, bool on)
{
	struct vsock *vs = vsock_of(dev);

	if (vs->direct && vs->rings == VSOCK_RINGS && vs->running != on)
		set_running(vs, on);
}

static void destroy(struct virtio_device *dev)
{
	struct vsock *vs = vsock_of(dev);

	relay_destroy(vs->relay);
	vhost_kernel_close(&vs->kernel);
}

static const struct virtio_ops ops = {
	.config_read = config_read,
	.start = start,
	.stop = stop,
	.quiesce = quiesce,
	.vector = vector,
	.bus_master = bus_master,
	.destroy = destroy,
};

static int open_kernel(struct vsock *vs, const char *name, uint64_t cid)
{
	int err = vhost_kernel_open(&vs->kernel, "/dev/vhost-vsock", "vhost_vsock", name, false);

	if (err)
		return err;
	if (sys_ioctl(vs->kernel.fd, VHOST_VSOCK_SET_GUEST_CID, &cid) == 0)
		return 0;
	err = -errno;
	vhost_kernel_close(&vs->kernel);
	return log_fail(err, "%s: cannot have the context id %llu: %s", name, (unsigned long long)cid,
			err == -EADDRINUSE ? "another VM has it; choose a different cid" : strerror(-err));
}

static int finish(struct vsock *vs, const char *name)
{
	struct virtio_config device = {
		.name = name,
		.type = VIRTIO_ID_VSOCK,
		.class_code = VSOCK_CLASS,
		.features = vs->kernel.features & VSOCK_FEATURES,
		.without = BIT64(VIRTIO_F_RING_RESET) |
			   (~vs->kernel.features & (BIT64(VIRTIO_F_RING_PACKED) | BIT64(VIRTIO_RING_F_INDIRECT_DESC) |
						    BIT64(VIRTIO_RING_F_EVENT_IDX))),
		.nr_queues = VSOCK_QUEUES,
		.queue_size = VSOCK_SIZE,
		.config_size = sizeof(vs->cid),
		.kicks = VIRTIO_KICKS_DEVICE,
	};
	int err = virtio_init(&vs->dev, vs->vm, &device, &ops);

	if (err)
		return err;
	struct relay_config relay = {
		.dev = &vs->dev,
		.vm = vs->vm,
		.ops = &relay_ops,
		.owner = vs,
		.indirect = vs->kernel.features & BIT64(VIRTIO_RING_F_INDIRECT_DESC),
		.queues = VSOCK_RINGS,
	};

	err = relay_create(&vs->relay, &relay);
	if (err)
		virtio_fini(&vs->dev);
	return err;
}

int virtio_vsock_create(struct virtio_device **out, struct vm *vm, const char *name, uint64_t cid)
{
	*out = NULL;
	if (cid < VSOCK_MIN_CID || cid > VSOCK_MAX_CID)
		return log_fail(-EINVAL, "%s: context id %llu; a guest's is from %u to %u", name,
				(unsigned long long)cid, VSOCK_MIN_CID, VSOCK_MAX_CID);
	struct vsock *vs = calloc(1, sizeof(*vs));

	if (!vs)
		return log_fail(-ENOMEM, "%s: out of memory", name);
	vs->vm = vm;
	vs->cid = cid;
	int err = open_kernel(vs, name, cid);

	if (!err) {
		err = finish(vs, name);
		if (err)
			vhost_kernel_close(&vs->kernel);
	}
	if (err) {
		free(vs);
		return err;
	}
	*out = &vs->dev;
	return 0;
}

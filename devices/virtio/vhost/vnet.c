/* SPDX-License-Identifier: Apache-2.0 */
#include "vnet_priv.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include "bits.h"
#include "log.h"
#include "server.h"
#include "vu_backend.h"

#define QUEUE_SIZE 256u
#define NET_CLASS  0x020000u /* Ethernet */

/* Of what a back end may have: all that needs nothing of us. */
#define PATH_FEATURES                                                                                                  \
	(BIT64(VIRTIO_NET_F_CSUM) | BIT64(VIRTIO_NET_F_GUEST_CSUM) | BIT64(VIRTIO_NET_F_GUEST_TSO4) |                  \
	 BIT64(VIRTIO_NET_F_GUEST_TSO6) | BIT64(VIRTIO_NET_F_GUEST_ECN) | BIT64(VIRTIO_NET_F_GUEST_UFO) |              \
	 BIT64(VIRTIO_NET_F_HOST_TSO4) | BIT64(VIRTIO_NET_F_HOST_TSO6) | BIT64(VIRTIO_NET_F_HOST_ECN) |                \
	 BIT64(VIRTIO_NET_F_HOST_UFO) | BIT64(VIRTIO_NET_F_MRG_RXBUF) | BIT64(VIRTIO_NET_F_GUEST_USO4) |               \
	 BIT64(VIRTIO_NET_F_GUEST_USO6) | BIT64(VIRTIO_NET_F_HOST_USO))

/* 5.1.4 */
struct config_space {
	uint8_t mac[6];
	uint16_t status;
	uint16_t max_pairs;
	uint16_t mtu;
};
_Static_assert(sizeof(struct config_space) == 12, "virtio 1.3, 5.1.4");

static struct vnet *net_of(struct virtio_device *dev)
{
	return (struct vnet *)dev;
}

/* Without MQ there is one pair, and the control queue follows it (5.1.2). */
static unsigned pairs_in_use(const struct vnet *net)
{
	return virtio_has(&net->dev, VIRTIO_NET_F_MQ) ? net->pairs : 1;
}

static bool is_ctrl(const struct vnet *net, unsigned index)
{
	return index == 2 * pairs_in_use(net);
}

static void config_read(struct virtio_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	struct vnet *net = net_of(dev);
	struct config_space space = {.max_pairs = (uint16_t)net->pairs, .mtu = net->mtu};

	pthread_mutex_lock(&net->lock);
	memcpy(space.mac, net->mac, sizeof(space.mac));
	space.status = net->link;
	pthread_mutex_unlock(&net->lock);
	memcpy(buf, (const uint8_t *)&space + offset, len);
}

void vnet_set_link(struct vnet *net, bool up)
{
	pthread_mutex_lock(&net->lock);
	net->link = up ? VIRTIO_NET_S_LINK_UP : 0;
	pthread_mutex_unlock(&net->lock);
	virtio_config_changed(&net->dev);
}

static int start(struct virtio_device *dev)
{
	struct vnet *net = net_of(dev);
	unsigned ctrl = 2 * pairs_in_use(net);
	uint64_t queues = 0;

	net->resting = 0;
	for (unsigned i = 0; i < ctrl; i++)
		if (dev->queues[i].enabled)
			queues |= BIT64(i);
	if (net->path->use_pairs && net->path->use_pairs(net, 1) != 0)
		return -EIO;
	int err = net->path->start(net, queues);

	if (!err && virtio_has(dev, VIRTIO_NET_F_CTRL_VQ) && dev->queues[ctrl].enabled)
		worker_start(net->ctrl, ctrl);
	return err;
}

static void stop(struct virtio_device *dev)
{
	struct vnet *net = net_of(dev);

	net->resting = 0;
	worker_stop_all(net->ctrl);
	net->path->stop(net);
	vnet_rested(dev);
}

static void quiesce(struct virtio_device *dev)
{
	struct vnet *net = net_of(dev);

	worker_quiesce(net->ctrl);
	net->path->quiesce(net);
}

static bool rests(struct vnet *net, unsigned index)
{
	return is_ctrl(net, index) ? worker_rests(net->ctrl, index) : net->path->rests(net, index);
}

void vnet_rested(struct virtio_device *dev)
{
	struct vnet *net = net_of(dev);

	if (dev->stopping) {
		if (worker_idle(net->ctrl) && net->path->idle(net))
			virtio_stopped(dev);
		return;
	}
	for (unsigned i = 0; i < dev->config.nr_queues; i++) {
		if (!(net->resting & BIT64(i)) || !rests(net, i))
			continue;
		net->resting &= ~BIT64(i);
		virtio_queue_stopped(dev, i);
	}
}

static int start_queue(struct virtio_device *dev, unsigned index)
{
	struct vnet *net = net_of(dev);

	if (index < 2 * pairs_in_use(net))
		return net->path->start_queue(net, index);
	if (is_ctrl(net, index) && virtio_has(dev, VIRTIO_NET_F_CTRL_VQ))
		worker_start(net->ctrl, index);
	return 0;
}

static void stop_queue(struct virtio_device *dev, unsigned index)
{
	struct vnet *net = net_of(dev);

	net->resting |= BIT64(index);
	if (index < 2 * pairs_in_use(net))
		net->path->stop_queue(net, index);
	else
		worker_stop(net->ctrl, index);
	vnet_rested(dev);
}

static void vector(struct virtio_device *dev, unsigned index)
{
	struct vnet *net = net_of(dev);

	if (net->path->vector && index < 2 * pairs_in_use(net))
		net->path->vector(net, index);
}

static void bus_master(struct virtio_device *dev, bool on)
{
	if (net_of(dev)->path->bus_master)
		net_of(dev)->path->bus_master(net_of(dev), on);
}

/* 5.1.3.1: what depends on what. */
static int check_features(struct virtio_device *dev, uint64_t features)
{
	static const struct {
		unsigned feature;
		uint64_t needs; /* one of */
	} rows[] = {
		{VIRTIO_NET_F_GUEST_TSO4, BIT64(VIRTIO_NET_F_GUEST_CSUM)},
		{VIRTIO_NET_F_GUEST_TSO6, BIT64(VIRTIO_NET_F_GUEST_CSUM)},
		{VIRTIO_NET_F_GUEST_UFO, BIT64(VIRTIO_NET_F_GUEST_CSUM)},
		{VIRTIO_NET_F_GUEST_USO4, BIT64(VIRTIO_NET_F_GUEST_CSUM)},
		{VIRTIO_NET_F_GUEST_USO6, BIT64(VIRTIO_NET_F_GUEST_CSUM)},
		{VIRTIO_NET_F_GUEST_ECN, BIT64(VIRTIO_NET_F_GUEST_TSO4) | BIT64(VIRTIO_NET_F_GUEST_TSO6)},
		{VIRTIO_NET_F_HOST_TSO4, BIT64(VIRTIO_NET_F_CSUM)},
		{VIRTIO_NET_F_HOST_TSO6, BIT64(VIRTIO_NET_F_CSUM)},
		{VIRTIO_NET_F_HOST_UFO, BIT64(VIRTIO_NET_F_CSUM)},
		{VIRTIO_NET_F_HOST_USO, BIT64(VIRTIO_NET_F_CSUM)},
		{VIRTIO_NET_F_HOST_ECN, BIT64(VIRTIO_NET_F_HOST_TSO4) | BIT64(VIRTIO_NET_F_HOST_TSO6)},
		{VIRTIO_NET_F_CTRL_RX, BIT64(VIRTIO_NET_F_CTRL_VQ)},
		{VIRTIO_NET_F_MQ, BIT64(VIRTIO_NET_F_CTRL_VQ)},
		{VIRTIO_NET_F_CTRL_MAC_ADDR, BIT64(VIRTIO_NET_F_CTRL_VQ)},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (features & BIT64(rows[i].feature) && !(features & rows[i].needs))
			return -EINVAL;
	return 0;
}

static void reset(struct virtio_device *dev, bool whole)
{
	struct vnet *net = net_of(dev);

	pthread_mutex_lock(&net->lock);
	memcpy(net->mac, net->own_mac, sizeof(net->mac));
	pthread_mutex_unlock(&net->lock);
}

static void destroy(struct virtio_device *dev)
{
	struct vnet *net = net_of(dev);

	worker_destroy(net->ctrl);
	net->path->destroy(net);
	pthread_mutex_destroy(&net->lock);
}

static const struct virtio_ops ops = {
	.features = check_features,
	.config_read = config_read,
	.start = start,
	.stop = stop,
	.quiesce = quiesce,
	.start_queue = start_queue,
	.stop_queue = stop_queue,
	.vector = vector,
	.bus_master = bus_master,
	.reset = reset,
	.destroy = destroy,
};

/* The same for the same device of the same host: FNV-1a over what it is called and where it is connected. Locally
 * administered, unicast. */
static void make_mac(uint8_t mac[6], const struct vnet_config *config)
{
	const char *parts[] = {config->name, config->tap ? config->tap : config->socket ? config->socket : "user"};
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		for (const char *c = parts[i]; c == parts[i] || c[-1]; c++)
			hash = (hash ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
	for (unsigned i = 1; i < 6; i++)
		mac[i] = (uint8_t)(hash >> (8 * i));
	mac[0] = 0x02;
}

static int check(const struct vnet_config *config, unsigned pairs)
{
	if (!!config->tap + !!config->socket + config->user != 1)
		return log_fail(-EINVAL, "%s: connect it to exactly one of tap, socket and user", config->name);
	if (pairs > VNET_MAX_PAIRS)
		return log_fail(-EINVAL, "%s: %u queue pairs; at most %u are possible", config->name, pairs,
				VNET_MAX_PAIRS);
	if (pairs > 1 && config->user)
		return log_fail(-EINVAL, "%s: passt has one queue pair, %u are configured", config->name, pairs);
	if (config->has_mac && config->mac[0] & 1)
		return log_fail(-EINVAL, "%s: %02x:... is a multicast address; the first byte of a MAC address is even",
				config->name, config->mac[0]);
	return 0;
}

static int open_user(struct vnet *net, const struct vnet_config *config, uint64_t *features)
{
	static const char *const args[] = {"--foreground", "--quiet", "--vhost-user", "--fd", SERVER_FD, NULL};
	struct server_config passt = {
		.name = config->name,
		.program = "passt",
		.package = "install the package passt (2025 or later), or connect the device to a tap",
		.args = args,
	};
	struct vu_backend_config backend = {
		.name = config->name,
		.socket = config->socket,
		.features = PATH_FEATURES,
		.queues = net->pairs,
	};
	int err = config->user ? server_create(&backend.server, &passt) : 0;

	net->path = &vnet_path_user;
	if (!err)
		err = vu_backend_create(&net->backend, &backend);
	if (!err)
		*features |= vu_backend_features(net->backend);
	return err;
}

static int open_tap(struct vnet *net, const struct vnet_config *config, uint64_t *features, uint64_t *without)
{
	uint64_t ring_features = UINT64_MAX;
	int err = vnet_taps_open(&net->taps, config->name, config->tap, net->pairs);

	net->path = &vnet_path_io;
	if (err)
		return err;
	net->mtu = net->taps.mtu;
	*features |=
		net->taps.features | BIT64(VIRTIO_NET_F_MRG_RXBUF) | (net->mtu >= 68 ? BIT64(VIRTIO_NET_F_MTU) : 0);
	if (config->vhost == VHOST_OFF)
		return 0;
	err = vnet_vhost_open(net, config->name, config->vhost == VHOST_AUTO, &ring_features);
	if (err)
		return config->vhost == VHOST_AUTO ? 0 : err;
	net->path = &vnet_path_vhost;
	*features &= ring_features | ~BIT64(VIRTIO_NET_F_MRG_RXBUF);
	*without = ~ring_features &
		   (BIT64(VIRTIO_F_RING_PACKED) | BIT64(VIRTIO_RING_F_INDIRECT_DESC) | BIT64(VIRTIO_RING_F_EVENT_IDX));
	return 0;
}

static int finish(struct vnet *net, const struct virtio_config *device)
{
	int err = virtio_init(&net->dev, net->vm, device, &ops);

	if (err)
		return err;
	err = net->path->attach(net);
	if (!err)
		err = worker_create(&net->ctrl, net->vm, device->name, &vnet_ctrl_ops, net);
	if (err)
		virtio_fini(&net->dev);
	return err;
}

int virtio_net_create(struct virtio_device **out, struct vm *vm, const struct vnet_config *config)
{
	unsigned pairs = config->queue_pairs ? config->queue_pairs : 1;
	struct virtio_config device = {
		.name = config->name,
		.type = VIRTIO_ID_NET,
		.class_code = NET_CLASS,
		.features = BIT64(VIRTIO_NET_F_MAC) | BIT64(VIRTIO_NET_F_STATUS) | BIT64(VIRTIO_NET_F_CTRL_VQ) |
			    BIT64(VIRTIO_NET_F_CTRL_RX) | BIT64(VIRTIO_NET_F_CTRL_MAC_ADDR),
		.nr_queues = 2 * pairs + 1,
		.queue_size = QUEUE_SIZE,
		.config_size = sizeof(struct config_space),
		.kicks = VIRTIO_KICKS_DEVICE,
	};
	int err = check(config, pairs);

	*out = NULL;
	if (err)
		return err;
	struct vnet *net = calloc(1, sizeof(*net));

	if (!net)
		return log_fail(-ENOMEM, "%s: out of memory", config->name);
	net->vm = vm;
	net->pairs = pairs;
	net->link = VIRTIO_NET_S_LINK_UP;
	pthread_mutex_init(&net->lock, NULL);
	memcpy(net->own_mac, config->mac, sizeof(net->own_mac));
	if (!config->has_mac)
		make_mac(net->own_mac, config);
	memcpy(net->mac, net->own_mac, sizeof(net->mac));
	if (pairs > 1)
		device.features |= BIT64(VIRTIO_NET_F_MQ);
	err = config->tap ? open_tap(net, config, &device.features, &device.without)
			  : open_user(net, config, &device.features);
	if (!err)
		err = finish(net, &device);
	if (err) {
		net->path->destroy(net);
		pthread_mutex_destroy(&net->lock);
		free(net);
		return err;
	}
	*out = &net->dev;
	return 0;
}

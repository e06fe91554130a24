/* SPDX-License-Identifier: Apache-2.0 */
/* The control queue (virtio 1.3, 5.1.6.5), served by a thread of its own: its index depends on what was negotiated. */
#include <errno.h>
#include <string.h>
#include <linux/virtio_net.h>

#include "fd.h"
#include "vnet_priv.h"

#define TURN 64u /* commands before others get their turn */

/* 5.1.6.5.1: frames are not filtered, so each mode delivers at least what it must. */
static uint8_t set_rx_mode(const struct vnet *net, uint8_t command)
{
	uint8_t on;

	if (command > VIRTIO_NET_CTRL_RX_ALLMULTI || !virtio_has(&net->dev, VIRTIO_NET_F_CTRL_RX) ||
	    virtq_read(&net->chain, 2, &on, sizeof(on)) != sizeof(on))
		return VIRTIO_NET_ERR;
	return on <= 1 ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
}

/* 5.1.6.5.2. The table is a hint for a filter that there is not, but it must be well formed. */
static uint8_t set_mac_table(const struct vnet *net)
{
	uint64_t at = 2;

	for (unsigned i = 0; i < 2; i++) {
		uint32_t entries;

		if (virtq_read(&net->chain, at, &entries, sizeof(entries)) != sizeof(entries))
			return VIRTIO_NET_ERR;
		at += sizeof(entries) + UINT64_C(6) * entries;
	}
	return at == net->chain.out_len ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
}

static uint8_t set_mac(struct vnet *net, uint8_t command)
{
	uint8_t mac[6];

	if (command == VIRTIO_NET_CTRL_MAC_TABLE_SET && virtio_has(&net->dev, VIRTIO_NET_F_CTRL_RX))
		return set_mac_table(net);
	if (command != VIRTIO_NET_CTRL_MAC_ADDR_SET || !virtio_has(&net->dev, VIRTIO_NET_F_CTRL_MAC_ADDR) ||
	    net->chain.out_len != 2 + sizeof(mac) || virtq_read(&net->chain, 2, mac, sizeof(mac)) != sizeof(mac))
		return VIRTIO_NET_ERR;
	pthread_mutex_lock(&net->lock);
	memcpy(net->mac, mac, sizeof(mac));
	pthread_mutex_unlock(&net->lock);
	return VIRTIO_NET_OK;
}

/* 5.1.6.5.6.1 */
static uint8_t set_pairs(struct vnet *net, uint8_t command)
{
	uint16_t pairs;

	if (command != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET || !virtio_has(&net->dev, VIRTIO_NET_F_MQ) ||
	    virtq_read(&net->chain, 2, &pairs, sizeof(pairs)) != sizeof(pairs) || pairs == 0 || pairs > net->pairs)
		return VIRTIO_NET_ERR;
	return !net->path->use_pairs || net->path->use_pairs(net, pairs) == 0 ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
}

static uint8_t execute(struct vnet *net)
{
	struct virtio_net_ctrl_hdr hdr;

	if (virtq_read(&net->chain, 0, &hdr, sizeof(hdr)) != sizeof(hdr))
		return VIRTIO_NET_ERR;
	switch (hdr.class) {
	case VIRTIO_NET_CTRL_RX:
		return set_rx_mode(net, hdr.cmd);
	case VIRTIO_NET_CTRL_MAC:
		return set_mac(net, hdr.cmd);
	case VIRTIO_NET_CTRL_MQ:
		return set_pairs(net, hdr.cmd);
	}
	return VIRTIO_NET_ERR;
}

static void work(void *owner, const struct pollfd *fds)
{
	struct vnet *net = owner;
	struct virtq *q = net->ctrl_queue;

	if (!q)
		return;
	fd_drain(q->kick);
	for (unsigned i = 0; i < TURN; i++) {
		int got = virtq_pop(q, &net->chain);

		if (got < 0)
			return;
		if (got == 0) {
			virtq_notify(q);
			return;
		}
		uint8_t ack = execute(net);

		virtq_push(q, net->chain.id, net->chain.nr_descs,
			   (uint32_t)virtq_write(&net->chain, 0, &ack, sizeof(ack)));
	}
	virtq_notify(q);
	fd_signal(q->kick);
}

static void begin(void *owner, unsigned index)
{
	struct vnet *net = owner;

	net->ctrl_queue = &net->dev.queues[index];
	fd_signal(net->ctrl_queue->kick);
}

static void end(void *owner, unsigned index)
{
	((struct vnet *)owner)->ctrl_queue = NULL;
}

static unsigned poll_fds(void *owner, struct pollfd *fds, int *timeout_ms)
{
	struct vnet *net = owner;

	fds[0] = (struct pollfd){.fd = net->ctrl_queue ? net->ctrl_queue->kick : -1, .events = POLLIN};
	return 1;
}

static void rested(void *owner)
{
	vnet_rested(&((struct vnet *)owner)->dev);
}

const struct worker_ops vnet_ctrl_ops = {
	.begin = begin,
	.end = end,
	.poll = poll_fds,
	.work = work,
	.rested = rested,
};

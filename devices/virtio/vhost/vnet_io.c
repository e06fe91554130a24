/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-net's data path by threads of our own: one for each pair of queues, with a queue of the tap. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/virtio_net.h>

#include "bits.h"
#include "fd.h"
#include "log.h"
#include "vnet_priv.h"

#define TURN 64u /* frames in each direction before the other gets its turn */

struct pair {
	struct vnet *net;
	unsigned index;
	struct worker *worker;
	struct virtq *rx, *tx; /* NULL: not ours */
	bool rx_dry, tx_dry;   /* the queue broke or is being stopped */
	bool gone;	       /* the interface is no more */
	size_t waiting;	       /* bytes of a frame that waits in frame[] for a buffer of the guest */
	bool again;
	struct virtq_chain chain, first;
	uint8_t frame[VNET_HDR + VNET_MAX_FRAME];
};

struct vnet_io {
	struct pair pairs[VNET_MAX_PAIRS];
};

/* The chains that the frame went into are filled: the first one says how many they are, and a driver that has seen it
 * takes the others (5.1.6.4). */
static void finish_frame(struct pair *p, const struct virtq_used *used, uint16_t n)
{
	virtq_write(&p->first, offsetof(struct virtio_net_hdr_v1, num_buffers), &n, sizeof(n));
	virtq_push_all(p->rx, used, n);
}

/* The next buffer. When there is none the guest is asked to say when there is: now, while all that it has given is
 * taken, since a notification comes for what follows the last buffer that was taken. */
static int next_buffer(struct pair *p, struct virtq_chain *chain)
{
	int got = virtq_pop(p->rx, chain);

	if (got == 0) {
		virtq_want_kicks(p->rx, true);
		got = virtq_pop(p->rx, chain);
	}
	p->rx_dry = got < 0;
	return got;
}

/* Gives the waiting frame to the guest. True: it is done with, also when there is no way to give it. */
static bool deliver(struct pair *p)
{
	struct virtq_used used[VIRTQ_MAX_SIZE];
	bool mergeable = virtio_has(&p->net->dev, VIRTIO_NET_F_MRG_RXBUF);
	uint32_t descs = 0;
	uint16_t n = 0;
	size_t at = 0;

	while (at < p->waiting && n < VIRTQ_MAX_SIZE) {
		struct virtq_chain *chain = n ? &p->chain : &p->first;
		int got = next_buffer(p, chain);

		if (got <= 0) {
			if (n && got == 0)
				virtq_unpop(p->rx, n, (uint16_t)descs);
			return false;
		}
		if (n == 0 && chain->in_len < VNET_HDR) {
			virtq_break(p->rx, "a receive buffer of %llu bytes has no room for the header",
				    (unsigned long long)chain->in_len);
			p->rx_dry = true;
			return false;
		}
		size_t part = virtq_write(chain, 0, p->frame + at, p->waiting - at);

		used[n++] = (struct virtq_used){chain->id, chain->nr_descs, (uint32_t)part};
		descs += chain->nr_descs;
		at += part;
		if (!mergeable)
			break;
	}
	if (at < p->waiting)
		virtq_unpop(p->rx, n, (uint16_t)descs); /* too long for the guest: dropped */
	else
		finish_frame(p, used, n);
	return true;
}

static void lose_tap(struct pair *p, int err)
{
	p->gone = true;
	log_error("%s: the tap %s is gone: %s; the link is down until aerie starts again", p->net->dev.config.name,
		  p->net->taps.name, strerror(err));
	vnet_set_link(p->net, false);
}

/* From the tap to the guest. True: there may be more. */
static bool receive(struct pair *p)
{
	unsigned n = 0;
	bool blocked = false;

	for (; n < TURN && !p->rx_dry && !p->gone; n++) {
		if (p->waiting == 0) {
			ssize_t len = read(p->net->taps.fds[p->index], p->frame, sizeof(p->frame));

			if (len < 0 && errno == EBADFD)
				lose_tap(p, errno);
			if (len < (ssize_t)VNET_HDR) {
				blocked = true;
				break;
			}
			p->waiting = (size_t)len;
		}
		if (!deliver(p)) {
			blocked = true;
			break;
		}
		p->waiting = 0;
	}
	if (n)
		virtq_notify(p->rx);
	return !blocked && n == TURN;
}

/* From the guest to the tap. A frame that the tap does not take is lost, as frames are. */
static bool transmit(struct pair *p)
{
	unsigned n = 0;

	for (; n < TURN && !p->tx_dry; n++) {
		int got = virtq_pop(p->tx, &p->chain);

		if (got <= 0) {
			p->tx_dry = got < 0;
			break;
		}
		if (p->chain.nr_out && !p->gone &&
		    writev(p->net->taps.fds[p->index], p->chain.iov, (int)p->chain.nr_out) < 0 && errno == EBADFD)
			lose_tap(p, errno);
		virtq_push(p->tx, p->chain.id, p->chain.nr_descs, 0);
	}
	if (n)
		virtq_notify(p->tx);
	return n == TURN;
}

static void work(void *owner, const struct pollfd *fds)
{
	struct pair *p = owner;

	p->again = false;
	if (p->rx && !p->rx_dry) {
		fd_drain(p->rx->kick);
		virtq_want_kicks(p->rx, false);
		p->again = receive(p);
	}
	if (p->tx && !p->tx_dry) {
		fd_drain(p->tx->kick);
		virtq_want_kicks(p->tx, false);
		if (transmit(p)) {
			p->again = true;
		} else if (!p->tx_dry) {
			virtq_want_kicks(p->tx, true);
			p->again |= virtq_available(p->tx);
		}
	}
}

static unsigned poll_fds(void *owner, struct pollfd *fds, int *timeout_ms)
{
	struct pair *p = owner;
	bool listens = p->rx && !p->rx_dry && !p->waiting && !p->gone;

	fds[0] = (struct pollfd){.fd = listens ? p->net->taps.fds[p->index] : -1, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = p->rx && !p->rx_dry ? p->rx->kick : -1, .events = POLLIN};
	fds[2] = (struct pollfd){.fd = p->tx && !p->tx_dry ? p->tx->kick : -1, .events = POLLIN};
	if (p->again)
		*timeout_ms = 0;
	return 3;
}

static void begin(void *owner, unsigned index)
{
	struct pair *p = owner;
	struct virtq *q = &p->net->dev.queues[index];

	p->again = true;
	if (index & 1) {
		p->tx = q;
		p->tx_dry = false;
	} else {
		p->rx = q;
		p->rx_dry = false;
		p->waiting = 0;
	}
}

static void end(void *owner, unsigned index)
{
	struct pair *p = owner;

	if (index & 1)
		p->tx = NULL;
	else
		p->rx = NULL;
}

static void rested(void *owner)
{
	vnet_rested(&((struct pair *)owner)->net->dev);
}

static const struct worker_ops io_ops = {
	.begin = begin,
	.end = end,
	.poll = poll_fds,
	.work = work,
	.rested = rested,
};

static struct worker *worker_of(struct vnet *net, unsigned index)
{
	return net->io->pairs[index / 2].worker;
}

static int start_queue(struct vnet *net, unsigned index)
{
	worker_start(worker_of(net, index), index);
	return 0;
}

static int start(struct vnet *net, uint64_t queues)
{
	int err = vnet_taps_offload(&net->taps, net->dev.config.name, net->dev.features);

	for (unsigned i = 0; i < 2 * net->pairs && !err; i++)
		if (queues & BIT64(i))
			start_queue(net, i);
	return err;
}

static void stop(struct vnet *net)
{
	for (unsigned i = 0; i < net->pairs; i++)
		worker_stop_all(net->io->pairs[i].worker);
}

static void quiesce(struct vnet *net)
{
	for (unsigned i = 0; i < net->pairs; i++)
		worker_quiesce(net->io->pairs[i].worker);
}

static void stop_queue(struct vnet *net, unsigned index)
{
	worker_stop(worker_of(net, index), index);
}

static bool rests(struct vnet *net, unsigned index)
{
	return worker_rests(worker_of(net, index), index);
}

static bool idle(struct vnet *net)
{
	for (unsigned i = 0; i < net->pairs; i++)
		if (!worker_idle(net->io->pairs[i].worker))
			return false;
	return true;
}

static int use_pairs(struct vnet *net, unsigned pairs)
{
	return vnet_taps_use(&net->taps, net->dev.config.name, pairs);
}

static int attach(struct vnet *net)
{
	net->io = calloc(1, sizeof(*net->io));
	if (!net->io)
		return log_fail(-ENOMEM, "%s: out of memory", net->dev.config.name);
	for (unsigned i = 0; i < net->pairs; i++) {
		struct pair *p = &net->io->pairs[i];

		p->net = net;
		p->index = i;
		int err = worker_create(&p->worker, net->vm, net->dev.config.name, &io_ops, p);

		if (err)
			return err;
	}
	return 0;
}

static void destroy(struct vnet *net)
{
	for (unsigned i = 0; net->io && i < net->pairs; i++)
		worker_destroy(net->io->pairs[i].worker);
	free(net->io);
	vnet_taps_close(&net->taps);
}

const struct vnet_path vnet_path_io = {
	.start = start,
	.stop = stop,
	.quiesce = quiesce,
	.start_queue = start_queue,
	.stop_queue = stop_queue,
	.rests = rests,
	.idle = idle,
	.use_pairs = use_pairs,
	.attach = attach,
	.destroy = destroy,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's data path. */
#include "relay_priv.h"

#include <errno.h>

#include "fd.h"
#include "log.h"
#include "vm.h"

#define ROUNDS	   16  /* of one turn, before other queues get theirs */
#define BATCH_SIZE 64u /* requests in one round */

/* Cuts a piece of guest memory at the ends of regions, which may be neighbours in our address space only. Returns the
 * number of descriptors added, 0: not guest memory or no room. */
static unsigned describe_piece(struct relay *r, struct iovec piece, uint16_t flags, unsigned at)
{
	const struct gmem *mem = &r->config.vm->gmem;
	unsigned first = at;

	while (piece.iov_len) {
		const struct gmem_region *region = NULL;
		uintptr_t p = (uintptr_t)piece.iov_base;

		for (unsigned i = 0; i < mem->nr_regions && !region; i++)
			if (p - (uintptr_t)mem->regions[i].host < mem->regions[i].size)
				region = &mem->regions[i];
		if (!region || at == SPLIT_RING_MAX_PIECES)
			return 0;
		uint64_t offset = p - (uintptr_t)region->host;
		uint64_t len = region->size - offset < piece.iov_len ? region->size - offset : piece.iov_len;

		r->descs[at++] = (struct vring_desc){region->base.v + offset, (uint32_t)len, flags, 0};
		piece.iov_base = (uint8_t *)piece.iov_base + len;
		piece.iov_len -= len;
	}
	return at - first;
}

/* The chain as descriptors of the back end. Returns how many, 0: impossible. */
static unsigned describe(struct relay *r)
{
	const struct virtq_chain *c = &r->chain;
	unsigned n = 0;

	for (unsigned i = 0; i < c->nr_out + c->nr_in; i++) {
		unsigned more = describe_piece(r, c->iov[i], i < c->nr_out ? 0 : VRING_DESC_F_WRITE, n);

		if (more == 0)
			return 0;
		n += more;
	}
	return n;
}

/* Takes requests of the guest. Returns how many. */
static unsigned submit(struct relay *r, struct relay_queue *q)
{
	unsigned n = 0;

	while (n < BATCH_SIZE && !q->dry && !q->full) {
		int got = virtq_pop(q->vq, &r->chain);

		if (got <= 0) {
			q->dry = got < 0;
			break;
		}
		unsigned pieces = describe(r);
		struct split_slot what = {
			.id = r->chain.id,
			.nr_descs = r->chain.nr_descs,
			.in_len = (uint32_t)r->chain.in_len,
		};
		int err = pieces ? split_ring_put(&q->ring, r->descs, pieces, &what) : -E2BIG;

		if (err == -ENOSPC) {
			virtq_unpop(q->vq, 1, r->chain.nr_descs);
			q->full = true;
		} else if (err) {
			virtq_break(q->vq, "a request of %u pieces is more than its back end takes",
				    r->chain.nr_out + r->chain.nr_in);
			q->dry = true;
		} else {
			n++;
		}
	}
	if (n && split_ring_wants_kick(&q->ring))
		fd_signal(q->kick);
	return n;
}

/* What the back end gives back at once goes to the guest at once: it may be the buffers of one frame (5.1.6.4). There
 * is room for all that is in flight. */
int relay_complete(struct relay_queue *q)
{
	struct virtq_used used[SPLIT_RING_MAX_SIZE];
	struct split_done done;
	unsigned n = 0;
	int got = 0;

	while (n < SPLIT_RING_MAX_SIZE && (got = split_ring_get(&q->ring, &done)) > 0)
		used[n++] = (struct virtq_used){done.id, done.nr_descs, done.written};
	if (n) {
		virtq_push_all(q->vq, used, n);
		q->full = false;
		virtq_notify(q->vq);
	}
	return got < 0 ? got : (int)n;
}

static void want_events(struct relay_queue *q, bool want)
{
	split_ring_want_calls(&q->ring, want);
	if (!q->dry)
		virtq_want_kicks(q->vq, want);
}

static bool more_to_do(struct relay_queue *q)
{
	return split_ring_pending(&q->ring) || (!q->dry && !q->full && virtq_available(q->vq));
}

int relay_serve(struct relay *r, struct relay_queue *q)
{
	fd_drain(q->vq->kick);
	fd_drain(q->call);
	want_events(q, false);
	q->again = true;
	for (unsigned i = 0; i < ROUNDS && !worker_wanted(r->worker); i++) {
		int done = relay_complete(q);

		if (done < 0)
			return done;
		if (submit(r, q) || done)
			continue;
		want_events(q, true);
		q->again = more_to_do(q);
		if (!q->again)
			break;
		want_events(q, false);
	}
	return 0;
}

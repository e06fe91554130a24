/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AERIE_RELAY_PRIV_H
#define AERIE_RELAY_PRIV_H

#include "relay.h"
#include "split_ring.h"
#include "worker.h"

struct relay_queue {
	unsigned index;
	struct virtq *vq; /* the guest's */
	struct split_ring ring;
	int kick, call, err; /* eventfds that the back end has too; owned */
	bool begun;	     /* ours to serve */
	bool started;	     /* the back end has the ring */
	bool dry;	     /* nothing comes from the guest any more: its queue broke or is being stopped */
	bool full;	     /* the ring has no room for the guest's next request */
	bool again;	     /* there is more to do than one turn allows */
	unsigned at;	     /* in what poll gave: kick, call, err */
};

/* Owned by the relay's thread, but for what create and the virtio_ops touch: worker, resting. */
struct relay {
	struct relay_config config;
	struct worker *worker;
	int memfd; /* of all rings; sealed */
	uint8_t *shared;
	size_t shared_size;
	uint64_t shared_addr;
	struct relay_queue *queues;
	uint64_t resting; /* queues of which virtio_queue_stopped() is still owed; device lock */

	bool up;     /* the back end is there */
	bool failed; /* it failed and does not come back */
	int retry_ms;
	int64_t retry_at, up_since;
	struct virtq_chain chain;
	struct vring_desc descs[SPLIT_RING_MAX_PIECES];
};

extern const struct worker_ops relay_worker_ops;

/** One turn for queue @q: requests to the back end, results to the guest. 0, or -EPROTO: the back end broke the ring.
 */
int relay_serve(struct relay *r, struct relay_queue *q);

/** Gives back what the back end is done with. Returns how many, or -EPROTO. */
int relay_complete(struct relay_queue *q);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's side of one split virtqueue (virtio 1.3, 2.7) in memory that is shared with a back end, which is not
 * trusted: nothing is read back from that memory but the used ring, and that is validated. What was given to the back
 * end is remembered in memory of our own, so it can be given again, in the same order, to one that starts anew.
 *
 * Owned by one thread.
 */
#ifndef AERIE_SPLIT_RING_H
#define AERIE_SPLIT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/virtio_ring.h>

#define SPLIT_RING_MAX_SIZE   1024u
#define SPLIT_RING_MAX_PIECES 1024u /* descriptors of one request */

struct split_slot {
	bool busy;
	uint16_t n;	   /* descriptors */
	uint64_t order;	   /* rises with each request */
	uint16_t id;	   /* the owner's: */
	uint16_t nr_descs; /*   what virtq_push() wants to know */
	uint32_t in_len;   /* bytes that the back end may write */
};

struct split_ring {
	uint16_t size; /* power of two, at most SPLIT_RING_MAX_SIZE */
	bool indirect; /* the back end understands indirect tables */
	/* Shared. */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_desc *tables; /* indirect: SPLIT_RING_MAX_PIECES for each head */
	uint64_t tables_addr;	   /* of tables, as the back end knows it */
	/* Our own. */
	struct vring_desc *shadow; /* SPLIT_RING_MAX_PIECES for each head: what was given */
	struct split_slot *slots;  /* by head */
	uint16_t *link;		   /* next descriptor of a chain in the table, or of the free ones */
	uint16_t free_head, nr_free, nr_busy;
	uint16_t avail_idx, last_used;
	uint64_t next_order;
};

struct split_done {
	uint16_t id, nr_descs;
	uint32_t written; /* at most the request's in_len */
};

/** Bytes of shared memory for a ring, a multiple of 4096. */
size_t split_ring_bytes(uint16_t size, bool indirect);

/** Lays the ring out in @shared (page aligned, zeroed), which the back end knows as @addr. 0 or -errno (logged). */
int split_ring_init(struct split_ring *r, uint16_t size, bool indirect, void *shared, uint64_t addr);
void split_ring_fini(struct split_ring *r);

/** Forgets all requests. The back end does not use the ring. */
void split_ring_reset(struct split_ring *r);

/** Puts all requests that have not come back into a ring that begins anew at index 0, oldest first. The back end does
 *  not use the ring. Returns how many. */
unsigned split_ring_again(struct split_ring *r);

/** Gives a request of @n (1 .. SPLIT_RING_MAX_PIECES) descriptors, of which addr, len and VRING_DESC_F_WRITE count.
 *  @what: id, nr_descs and in_len. 0; -ENOSPC: no room now; -E2BIG: there never will be. */
int split_ring_put(struct split_ring *r, const struct vring_desc *descs, unsigned n, const struct split_slot *what);

/** Takes a request that the back end is done with. 1; 0: none; -EPROTO: the used ring makes no sense (not logged). */
int split_ring_get(struct split_ring *r, struct split_done *done);

/** True when split_ring_get() would not return 0. */
bool split_ring_pending(const struct split_ring *r);

/** Asks the back end not to / to signal used requests. After true the ring must be looked at once more. */
void split_ring_want_calls(struct split_ring *r, bool want);

/** True when the back end wants to know about new requests. */
bool split_ring_wants_kick(const struct split_ring *r);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's side of one virtqueue, split or packed (virtio 1.3, 2.7 and 2.8), behind one interface.
 *
 * A running queue belongs to one thread, which alone calls the functions below; while it is stopped it belongs to the
 * transport (device lock). Every descriptor is read once. A chain is bounded by the queue's size (an indirect one by
 * VIRTQ_MAX_IOV) and by VIRTQ_MAX_IOV pieces, it is less than 4 GiB long, no descriptor is empty, readable parts come
 * before writable ones, indirect tables do not nest; whatever breaks a rule breaks the queue: it is said once
 * (log_guest), virtq_pop() returns -EPROTO from then on, and the transport sets DEVICE_NEEDS_RESET. While bus mastering
 * is off the ring looks empty, and what is pushed is lost. All memory is reached by IOVA through @dma
 * (VIRTIO_F_ACCESS_PLATFORM is always offered and honoured; virtio.h says which driver may go without).
 */
#ifndef AERIE_VIRTQ_H
#define AERIE_VIRTQ_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "dma.h"

struct virtio_device;

#define VIRTQ_MAX_SIZE 1024u		    /* descriptors in a ring, and so chains in flight */
#define VIRTQ_MAX_IOV  1024u		    /* pieces of host memory in one chain */
#define VIRTQ_MAX_TURN (UINT64_C(64) << 20) /* bytes of chains, after which the event loop lets others have the lock   \
					     */

/* One request of the driver. Pieces point into guest memory, which the guest may change at any time: copy a header out
 * with virtq_read() before it is looked at, and look at the copy only. */
struct virtq_chain {
	uint16_t id;		  /* split: head index, < size; packed: buffer id, any. Given back by virtq_push(). A
				     hostile driver may have several chains of one id in flight */
	uint16_t nr_descs;	  /* ring entries that it takes up (split: 1) */
	unsigned nr_out;	  /* pieces that the device reads: iov[0 .. nr_out) */
	unsigned nr_in;		  /* pieces that the device writes: iov[nr_out .. nr_out + nr_in) */
	uint64_t out_len, in_len; /* bytes */
	struct iovec iov[VIRTQ_MAX_IOV];
};

struct virtq {
	struct virtio_device *dev;
	unsigned index;
	struct dma_user dma;
	int kick;	    /* eventfd that the driver's notifications signal; owned, open for the life of the device */
	_Atomic int vector; /* MSI-X vector, -1: none */
	_Atomic bool quit;  /* the queue is to stop: dma gives up with -ECANCELED, and so does virtq_pop() */

	/* As the driver set it up; fixed while running. */
	bool enabled;
	bool packed, event_idx, indirect; /* of the negotiated features */
	uint16_t max_size, size;
	uint64_t desc, driver, device; /* IOVAs */

	/* Of the thread that runs it. */
	bool running, broken;
	uint16_t next_avail, next_used;
	uint16_t avail_seen;	    /* split: the driver's index when it was last read */
	bool avail_wrap, used_wrap; /* packed: wrap counters */
	uint32_t unsignalled;	    /* used entries (packed: ring entries) since the last decision to interrupt */
	bool silent;		    /* no notifications are wanted */
	bool event_published;	    /* the driver has been told to notify at event_at */
	uint16_t event_at;
	uint16_t in_flight; /* ring entries popped and not pushed (split: chains) */
	uint64_t turn;	    /* VIRTIO_KICKS_LOOP: bytes of the chains popped since the last notification was heard */
};

/** The next chain. 1: *@chain is filled; 0: the ring is empty, or (VIRTIO_KICKS_LOOP) enough was popped for this turn:
 *  translating takes its time, with the device lock held; ops->kick comes again. -EPROTO: the queue is broken (also
 * when a descriptor cannot be read or points where DMA faults); -ECANCELED: the queue is being stopped. */
int virtq_pop(struct virtq *q, struct virtq_chain *chain);

/** True when virtq_pop() would find something (or break). */
bool virtq_available(struct virtq *q);

/** Gives back a chain, @written bytes of its writable pieces filled. Becomes visible to the driver at once. Chains may
 *  come back in any order. @nr_descs: of the chain. */
void virtq_push(struct virtq *q, uint16_t id, uint16_t nr_descs, uint32_t written);

/* A chain to be given back, as for virtq_push(). */
struct virtq_used {
	uint16_t id, nr_descs;
	uint32_t written;
};

/** Gives back @n chains, in this order. They become visible together: a driver that sees the first finds them all. */
void virtq_push_all(struct virtq *q, const struct virtq_used *used, unsigned n);

/** Interrupts the driver if it wants to know about what was pushed since the last call. */
void virtq_notify(struct virtq *q);

/** Asks the driver not to / to notify; at first it does. After virtq_want_kicks(q, true) the ring must be looked at
 * once more. Who never calls this and pops until the ring is empty misses nothing. */
void virtq_want_kicks(struct virtq *q, bool want);

/** Undoes the last virtq_pop() calls for @n chains, newest first, none of them pushed and nothing popped since but
 *  them: they come again. Split and packed; @nr_descs is the sum over the chains. */
void virtq_unpop(struct virtq *q, uint16_t n, uint16_t nr_descs);

/** Copies @len bytes at @offset of the readable pieces / into the writable pieces. Returns bytes copied: less than @len
 * when the chain is shorter. */
size_t virtq_read(const struct virtq_chain *chain, size_t offset, void *buf, size_t len);
size_t virtq_write(const struct virtq_chain *chain, size_t offset, const void *buf, size_t len);

/** Marks the queue broken and asks for a reset of the device, saying why: for requests that leave no way to answer. */
__attribute__((format(printf, 2, 3))) void virtq_break(struct virtq *q, const char *fmt, ...);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay: queues of the guest served by a back end that knows neither the guest's IOMMU nor its ring layout
 * (decision 10). A thread takes requests out of the guest's queues (virtq.h, which translates), puts them with
 * addresses that the back end knows into split rings in memory of our own, and gives back what the back end is done
 * with.
 *
 * Since the rings are ours, what is in flight is known: a back end that went away and comes back gets those requests
 * again, oldest first.
 */
#ifndef AERIE_RELAY_H
#define AERIE_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "gmem.h"
#include "virtio.h"

struct relay;

#define RELAY_MAX_REGIONS  (GMEM_MAX_REGIONS + 1)
#define RELAY_RETRY_MIN_MS 100
#define RELAY_RETRY_MAX_MS 2000
#define RELAY_LASTS_MS	   3000 /* a back end that stays so long is sound again */

/* Memory that the back end must reach: guest RAM, and the relay's rings. */
struct relay_region {
	uint64_t addr; /* in descriptors: guest physical, or beyond all RAM */
	uint64_t size;
	void *host;
	int fd;		 /* borrowed */
	uint64_t offset; /* in fd */
};

/* What the back end is to be told about a ring. It begins at index 0. */
struct relay_ring {
	unsigned index; /* of the device's queue */
	uint16_t size;
	const void *desc, *avail, *used; /* in the relay's region */
	int kick, call, err;		 /* eventfds, borrowed */
};

/* The back end. All but where it says otherwise is called by the relay's thread, without locks. */
struct relay_ops {
	/** It was away: tries to reach it again. 0, or -errno: not yet; quiet when there is just nobody. NULL: it is
	 *  never away; when it fails the device needs a reset. */
	int (*connect)(void *owner);
	/** It went away, or did what it must not do. */
	void (*disconnect)(void *owner);
	/** Descriptor that becomes readable when the back end goes away, -1: none. And whether it is there still. Both
	 * NULL for one that does not go away: the kernel. */
	int (*watch)(void *owner);
	bool (*alive)(void *owner);
	/** Lets it use a ring / returns when it does not use ring @index any more. 0 or -errno: lost (logged, but for
	 *  -EPIPE). */
	int (*start)(void *owner, const struct relay_ring *ring);
	int (*stop)(void *owner, unsigned index);
	/** The last ring was stopped. 0 or -errno as above. May be NULL. */
	int (*stopped)(void *owner);
};

struct relay_config {
	struct virtio_device *dev; /* initialised */
	struct vm *vm;
	const char *recovery; /* ends the message that the back end went away; borrowed */
	const struct relay_ops *ops;
	void *owner;
	bool indirect;	 /* the back end understands indirect descriptors */
	unsigned queues; /* of the device that may ever be relayed: 0 .. queues - 1 */
	/** For devices that have more than the relay: queues may have come to rest. Then virtio_stopped() and
	 *  virtio_queue_stopped() are the device's business. Device lock held. NULL: they are the relay's. */
	void (*rested)(struct virtio_device *dev);
};

/** The back end is connected. 0 or -errno (logged). */
int relay_create(struct relay **out, const struct relay_config *config);

/** Nothing runs. NULL is fine. */
void relay_destroy(struct relay *r);

/** In the relay's thread: true when it is wanted for something else, and should not wait. */
bool relay_wanted(const struct relay *r);

/** Fills @regions, returns how many. Any thread; constant. */
unsigned relay_regions(const struct relay *r, struct relay_region regions[static RELAY_MAX_REGIONS]);

/* For the virtio_ops of the device; device lock held. */
void relay_start(struct relay *r, uint64_t queues); /* those of the mask that are enabled */
void relay_stop(struct relay *r);
void relay_quiesce(struct relay *r);
void relay_start_queue(struct relay *r, unsigned index);
void relay_stop_queue(struct relay *r, unsigned index);

/** True when nothing touches queue @index / any queue. Device lock held. */
bool relay_rests(struct relay *r, unsigned index);
bool relay_idle(struct relay *r);

#endif

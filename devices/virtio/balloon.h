/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-balloon (virtio 1.3, 5.5): memory that the guest does without goes back to the host, page by page (the
 * balloon) or as the guest happens to have it free (free page reporting).
 */
#ifndef AERIE_VIRTIO_BALLOON_H
#define AERIE_VIRTIO_BALLOON_H

#include <stdbool.h>
#include <stdint.h>

struct virtio_device;
struct vm;

struct virtio_balloon_config {
	const char *name;    /* for messages; borrowed for the life of the device */
	bool reporting;	     /* offer free page reporting */
	bool deflate_on_oom; /* the guest may take pages back without asking when it runs out of memory */
	bool pinned;	     /* RAM is pinned for DMA of an assigned device: nothing can be given back (said once) */
};

/* Statistics that the guest reported, by VIRTIO_BALLOON_S_*; UINT64_MAX: not reported. */
#define BALLOON_NR_STATS 16u
struct virtio_balloon_stats {
	uint64_t values[BALLOON_NR_STATS];
	uint64_t updates; /* how many reports there were; 0: never */
};

/** Builds the device. Owned by its PCI function. 0 or -errno (logged), then nothing is left. */
int virtio_balloon_create(struct virtio_device **out, struct vm *vm, const struct virtio_balloon_config *config);

/** Asks the guest to do without @bytes (rounded down to 4 KiB; at most all RAM: -EINVAL above). Device lock held. */
int virtio_balloon_set_target(struct virtio_device *dev, uint64_t bytes);

/** What the guest has given up by now, by its own account. Device lock held. */
uint64_t virtio_balloon_actual(const struct virtio_device *dev);

/** Asks the guest for fresh statistics, which arrive later: false when it has no buffer waiting for that. Device lock
 * held. */
bool virtio_balloon_ask_stats(struct virtio_device *dev);
const struct virtio_balloon_stats *virtio_balloon_stats(const struct virtio_device *dev);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the virtio core share: the queue's life, the transport's state, and how one calls the other. */
#ifndef AERIE_VIRTIO_PRIV_H
#define AERIE_VIRTIO_PRIV_H

#include "virtio.h"

#define VIRTIO_NO_VECTOR (-1)

/* ---- Queue (virtq.c) ---- */

/** Prepares a zeroed queue of @dev, whose DMA space exists; opens the notification eventfd. 0 or -errno (logged). */
int virtq_init(struct virtq *q, struct virtio_device *dev, unsigned index, uint16_t max_size);
void virtq_fini(struct virtq *q);

/** Everything as after reset but for the eventfd, which is emptied. */
void virtq_reset(struct virtq *q);

/** Why the queue cannot be enabled as the driver has set it up (size, alignment, end of the areas); NULL: it can. */
const char *virtq_refused(const struct virtq *q);

/** The queue runs from its beginning. */
void virtq_start(struct virtq *q);

/* ---- Rings (virtq_split.c, virtq_packed.c); 0 or, with the queue broken, -EPROTO; -EPERM, -ECANCELED ---- */

struct virtq_layout {
	int (*look)(struct virtq *q); /* 1: there is a chain */
	int (*pop)(struct virtq *q, struct virtq_chain *chain);
	int (*push)(struct virtq *q, uint16_t id, uint16_t nr_descs, uint32_t written);
	/** 1: the driver wants an interrupt for the last @n entries; the barrier has been made. */
	int (*wants_interrupt)(struct virtq *q, uint32_t n);
	int (*set_kicks)(struct virtq *q, bool want);
	void (*unpop)(struct virtq *q, uint16_t n, uint16_t nr_descs);
};

extern const struct virtq_layout virtq_split, virtq_packed;

/* ---- Memory and chains (virtq_chain.c) ---- */

/* A descriptor, read once. */
struct virtq_desc {
	uint64_t addr;
	uint64_t word; /* see virtq_regs.h */
};

/** What becomes of a failed DMA: -EPERM and -ECANCELED stay, all else breaks the queue (-EPROTO). */
int virtq_fault(struct virtq *q, int err, const char *what, uint64_t iova);

/** Aligned words of the ring. */
int virtq_load16(struct virtq *q, uint64_t iova, uint16_t *value);
int virtq_store16(struct virtq *q, uint64_t iova, uint16_t value);
int virtq_store32(struct virtq *q, uint64_t iova, uint32_t value);

/** Reads a descriptor of the ring (16-byte aligned) or of an indirect table (@aligned false: wherever it lies). */
int virtq_load_desc(struct virtq *q, uint64_t iova, bool aligned, struct virtq_desc *desc);

void virtq_chain_begin(struct virtq_chain *chain);

/** Adds one buffer to @chain; @flags of its descriptor. */
int virtq_chain_add(struct virtq *q, struct virtq_chain *chain, uint64_t addr, uint32_t len, uint16_t flags);

/** Adds the buffers of an indirect table. Split tables are linked by `next`, packed ones are in order. */
int virtq_chain_add_table(struct virtq *q, struct virtq_chain *chain, uint64_t addr, uint32_t len);

/* ---- Transport ---- */

/** A used buffer notification. Any thread, no lock. */
void virtio_queue_interrupt(struct virtq *q);

#endif

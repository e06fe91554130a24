/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the virtio core share: the queue's life, the transport's state, and how one calls the other. */
#ifndef AERIE_VIRTIO_PRIV_H
#define AERIE_VIRTIO_PRIV_H

#include "bus.h"
#include "virtio.h"

#define VIRTIO_NO_VECTOR (-1)

/* ---- Queue (virtq.c) ---- */

/** Prepares a zeroed queue of @dev, whose DMA space exists; opens the notification eventfd. 0 or -errno (logged). */
int virtq_init(struct virtq *q, struct virtio_device *dev, unsigned index, uint16_t max_size);
void virtq_fini(struct virtq *q);

/** What the queue's addresses lie in. */
void virtq_reach(struct virtq *q, struct dma_space *space);

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
	/** @n is not 0; the first becomes visible last. */
	int (*push)(struct virtq *q, const struct virtq_used *used, unsigned n);
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

/* What the transport keeps for each queue. */
struct virtio_slot {
	struct virtio_device *dev;
	unsigned index;
	struct loop_source kicked; /* VIRTIO_KICKS_LOOP */
	bool notifies;		   /* KVM signals virtq.kick */
	bool resetting;		   /* queue_reset reads 1 */
};

/* Guarded by the device lock but for what is atomic, which any thread may use. */
struct virtio_pci {
	struct virtio_slot *slots; /* one for each queue, owned */
	uint64_t offered, accepted;
	uint32_t device_feature_select, driver_feature_select;
	uint16_t queue_select;
	uint8_t generation;
	uint32_t window_data; /* pci_cfg_data */
	uint64_t mapped_at;   /* BAR 0, while notifies of slots may be set */
	bool hard;	      /* virtio_rest() is at work: virtio_stopped() does not end in a reset */

	_Atomic int config_vector;
	_Atomic bool live; /* DRIVER_OK was set */
	_Atomic bool needs_reset;
	_Atomic bool config_dirty; /* changed since the driver read it */
	_Atomic uint8_t isr;
};

/** A used buffer notification. Any thread, no lock. */
void virtio_queue_interrupt(struct virtq *q);

/* The following with the device lock held. */

/** True when queue @index may be worked on. */
bool virtio_queue_runs(const struct virtio_device *dev, unsigned index);

/** Brings a notification for queue @index to whoever listens; nothing if it does not run. */
void virtio_kick(struct virtio_device *dev, unsigned index);
void virtio_kick_all(struct virtio_device *dev);

/** The driver wrote device_status; 3.1.1. */
void virtio_write_status(struct virtio_device *dev, uint8_t value);

/** The driver wrote 1 to queue_enable, or to queue_reset. */
void virtio_enable_queue(struct virtio_device *dev, unsigned index);
void virtio_reset_queue(struct virtio_device *dev, unsigned index);

/** Returns when nothing of the device runs any more. */
void virtio_rest(struct virtio_device *dev);

/** Everything to its state after reset, the device too; nothing runs. */
void virtio_reset(struct virtio_device *dev, bool whole);

/** The common configuration structure (virtio_pci_common.c). */
enum bus_verdict virtio_common_access(struct virtio_device *dev, struct bus_access *access);

/* virtio_pci.c */
extern const struct pci_endpoint_ops virtio_pci_ops;
int virtio_pci_add(struct virtio_device *dev);
void virtio_pci_unmap(struct virtio_device *dev);

#endif

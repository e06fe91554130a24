/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio 1.3 device over PCI (modern only): what the transport does for all devices, and what a device does for
 * itself. The transport (virtio_pci*.c) owns feature negotiation, device status, queue set-up, notifications,
 * interrupts and resets; a device sees queues that are ready to run.
 *
 * Guarded by the device lock, but for what virtq.h says about running queues.
 *
 * Life of the data path: FEATURES_OK -> ops->features (the last word on the driver's choice) -> DRIVER_OK ->
 * ops->start -> kicks -> ops->stop. Reset is asynchronous: ops->stop asks the device's own threads to come to rest;
 * when none of them touches a queue any more the device calls virtio_stopped() (at once, or later from the event loop).
 * Only then does device_status read 0. A single queue likewise: ops->stop_queue and virtio_queue_stopped().
 *
 * Function level reset, machine reset and destruction cannot wait for the event loop: ops->stop (if it has not come
 * yet), then ops->quiesce, which blocks until the device's threads are at rest. The caller holds the device lock all
 * that time, so those threads must get there without it: they never take it but with bus_lock_unless(.., &dev->quit),
 * their DMA gives up with -ECANCELED (virtq.quit), and so does what they have to say: virtio_needs_reset(),
 * virtio_config_changed(), virtq_notify() and virtq_break() take the lock only to translate an interrupt anew. That is
 * reason enough to call none of them with a lock that a holder of the device lock may wait for. ops->quiesce stands for
 * virtio_stopped(): a message to the event loop that would have led to that call must be taken back before it returns.
 */
#ifndef AERIE_VIRTIO_H
#define AERIE_VIRTIO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop.h"
#include "pci_endpoint.h"
#include "virtq.h"

struct virtio_device;
struct vm;

#define VIRTIO_MAX_QUEUES 64u
#define VIRTIO_MAX_CONFIG 1024u /* bytes of device-specific configuration */

/* Who hears the driver's notifications. */
enum virtio_kicks {
	VIRTIO_KICKS_LOOP,   /* the event loop calls ops->kick with the device lock held */
	VIRTIO_KICKS_DEVICE, /* the device waits for virtq.kick itself (I/O threads, vhost) */
	VIRTIO_KICKS_SYNC,   /* ops->kick is called inside the driver's write (virtio-iommu) */
};

struct virtio_ops {
	/** The driver accepted @features, a subset of what is offered. 0, or -EINVAL: FEATURES_OK stays clear. NULL:
	 *  any subset is fine. */
	int (*features)(struct virtio_device *dev, uint64_t features);
	/** Configuration space; @offset + @len stays inside config_size. config_write may be NULL (read-only). */
	void (*config_read)(struct virtio_device *dev, uint32_t offset, void *buf, uint32_t len);
	void (*config_write)(struct virtio_device *dev, uint32_t offset, const void *buf, uint32_t len);
	/** DRIVER_OK: enabled queues run from now on. 0 or -errno (logged): DEVICE_NEEDS_RESET. May be NULL. */
	int (*start)(struct virtio_device *dev);
	/** Comes once after each start that succeeded: stop all queues (also those that stop_queue has been asked for;
	 *  virtio_queue_stopped() is not expected any more), then call virtio_stopped(). dev->quit and each virtq.quit
	 *  are set. NULL: nothing to wait for. */
	void (*stop)(struct virtio_device *dev);
	/** After stop: returns when no thread of the device touches queues or guest memory or raises interrupts any
	 *  more, host I/O into guest memory included. Blocks, with the device lock held: see above. NULL: stop has
	 *  always called virtio_stopped() before it returns. */
	void (*quiesce)(struct virtio_device *dev);
	/** A queue was enabled (again after its own reset, or late) while the device runs / is to be reset, with its
	 *  virtq.quit set: then call virtio_queue_stopped(). NULL: nothing to do. Only with VIRTIO_F_RING_RESET. */
	int (*start_queue)(struct virtio_device *dev, unsigned index);
	void (*stop_queue)(struct virtio_device *dev, unsigned index);
	/** A notification for queue @index, which is enabled, of a running device. Comes also, without one, after
	 *  start and when bus mastering is switched on (virtq.kick is signalled in the same cases). */
	void (*kick)(struct virtio_device *dev, unsigned index);
	/** Running queue @index has another virtq.vector. For those who gave its descriptor away (vhost). May be NULL.
	 */
	void (*vector)(struct virtio_device *dev, unsigned index);
	/** Bus mastering was switched while the device runs. For those who do DMA without struct dma_user (vhost): no
	 *  progress while it is off. May be NULL. */
	void (*bus_master)(struct virtio_device *dev, bool on);
	/** Machine reset, FLR or device reset, after everything has stopped; device-specific state to power-on. May be
	 *  NULL. @whole: machine or function reset, not only a write of 0 to device_status. */
	void (*reset)(struct virtio_device *dev, bool whole);
	/** Frees the device's own part; nothing runs (stop and quiesce have come). virtio_fini() is the caller's next
	 *  step. */
	void (*destroy)(struct virtio_device *dev);
	/** More properties for the device tree; NULL: needs no node. */
	void (*describe)(struct virtio_device *dev, struct fdtw *fdt);
};

struct virtio_config {
	const char *name;     /* for messages; borrowed */
	uint16_t type;	      /* VIRTIO_ID_* of linux/virtio_ids.h; PCI device id 0x1040 + type */
	uint32_t class_code;  /* PCI class */
	uint64_t features;    /* device-specific features (bits 0 .. 23, 50 ..); the transport adds its own: VERSION_1,
				 ACCESS_PLATFORM, RING_PACKED, RING_INDIRECT_DESC, RING_EVENT_IDX, IN_ORDER never,
				 ORDER_PLATFORM, RING_RESET, NOTIFICATION_DATA never */
	uint64_t without;     /* ring features that the device cannot serve (vhost): taken off again */
	unsigned nr_queues;   /* 1 .. VIRTIO_MAX_QUEUES */
	uint16_t queue_size;  /* the most entries of a queue, power of two <= VIRTQ_MAX_SIZE */
	uint32_t config_size; /* bytes, may be 0 */
	enum virtio_kicks kicks;
	bool integrated; /* on the root bus */
	/* A driver need not accept ACCESS_PLATFORM. Without it buffers and rings are at guest physical addresses,
	 * whatever IOMMU is above the function (6.1). For the balloon, whose page numbers are such anyway, and whose
	 * Linux driver never accepts it. */
	bool physical;
};

/* First member of each device's own struct, or embedded with container_of(). */
struct virtio_device {
	struct pci_endpoint ep;
	const struct virtio_ops *ops;
	struct virtio_config config;
	struct loop *loop;
	uint64_t features;    /* negotiated; valid from FEATURES_OK on */
	uint8_t status;	      /* as the driver wrote it; DEVICE_NEEDS_RESET is kept by the transport */
	bool running;	      /* between start and stop */
	bool stopping;	      /* stop was asked for and virtio_stopped() has not come */
	_Atomic bool quit;    /* set from the call of stop until everything is at rest; for dma_user.quit */
	struct virtq *queues; /* config.nr_queues of them, owned */
	/* Guest memory without translation, in place of ep.dma for a driver without ACCESS_PLATFORM. */
	struct dma_space untranslated;
	struct virtio_pci *pci; /* the transport's own state */
};

/** Builds transport and queues around @dev (zeroed by the caller). 0 or -errno (logged), then nothing is left. The
 *  function is &dev->ep.fn; its destroy calls ops->destroy, then virtio_fini(), and then free(@dev), so @dev is the
 *  first member of one malloc'ed struct. */
int virtio_init(struct virtio_device *dev, struct vm *vm, const struct virtio_config *config,
		const struct virtio_ops *ops);

/** Undoes virtio_init(); for creators that fail afterwards. */
void virtio_fini(struct virtio_device *dev);

/** The device that @fn is part of. */
struct virtio_device *virtio_of(struct pci_function *fn);

static inline bool virtio_has(const struct virtio_device *dev, unsigned feature)
{
	return dev->features >> feature & 1;
}

/** All threads of the device have left the queues. Device lock held. */
void virtio_stopped(struct virtio_device *dev);
void virtio_queue_stopped(struct virtio_device *dev, unsigned index);

/** Something in the configuration space changed: new generation, configuration interrupt. Any thread; takes the device
 *  lock unless dev->quit. */
void virtio_config_changed(struct virtio_device *dev);

/** The device cannot go on: DEVICE_NEEDS_RESET and a configuration interrupt. Any thread; takes the device
 *  lock unless dev->quit. */
void virtio_needs_reset(struct virtio_device *dev);

#endif

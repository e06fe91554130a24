/* SPDX-License-Identifier: Apache-2.0 */
/* virtio over PCI, modern, one split ring at a time; for payloads that also want to do it wrong. */
#ifndef GUEST_VIO_H
#define GUEST_VIO_H

#include "pci.h"

#define VIO_VENDOR   0x1af4u
#define VIO_QUEUE    16u /* descriptors that a queue of ours has */
#define VIO_VERSION1 BIT64(32)
#define VIO_PLATFORM BIT64(33)

#define VIO_S_ACKNOWLEDGE 1u
#define VIO_S_DRIVER	  2u
#define VIO_S_DRIVER_OK	  4u
#define VIO_S_FEATURES_OK 8u
#define VIO_S_NEEDS_RESET 64u

#define VIO_D_NEXT  1u
#define VIO_D_WRITE 2u

struct vio_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct vio_queue {
	struct vio_desc *desc;
	volatile uint16_t *avail; /* flags, idx, ring */
	volatile uint32_t *used;  /* flags and idx, then pairs of id and len */
	uint64_t notify;
	uint16_t index;
	uint16_t next_avail, next_used;
};

struct vio {
	struct pci_fn *fn;
	uint64_t common, config, isr, notify;
	uint32_t notify_multiplier;
	uint64_t offered, features;
};

/** The @n-th device of virtio type @type; false: none. */
bool vio_find(struct vio *dev, unsigned type, unsigned n);
/** Reset, and features as far as offered. False: the device does not accept them. */
bool vio_begin(struct vio *dev, uint64_t features);
bool vio_queue(struct vio *dev, unsigned index, struct vio_queue *q);
void vio_ok(struct vio *dev);
uint8_t vio_status(const struct vio *dev);

/** Makes descriptor chain @head available and tells the device. */
void vio_kick(struct vio_queue *q, uint16_t head);
/** Waits for a used element. False: none comes. */
bool vio_used(struct vio_queue *q, uint32_t *id, uint32_t *len);

#endif

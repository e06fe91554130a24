/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One typed wrapper for each VFIO ioctl about regions, interrupts and reset. Private to pci/assign. They fill in the
 * size fields, count (stats.h) and return 0 or -errno, not logged.
 */
#ifndef AERIE_ASSIGN_VFIO_H
#define AERIE_ASSIGN_VFIO_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/vfio.h>

#include "range.h"

#define VFIO_MAX_AREAS 8u

struct vfio_region {
	uint64_t size;	 /* bytes, 0: no such region */
	uint64_t offset; /* on the device's descriptor; offset + size does not wrap */
	bool readable, writable;
	struct range areas[VFIO_MAX_AREAS]; /* what may be mapped, sorted as the kernel gives it */
	unsigned nr_areas;		    /* 0: not mappable */
};

struct vfio_irqs {
	uint32_t count;
	bool eventfd;  /* can signal eventfds */
	bool noresize; /* vectors cannot be added after the first SET_IRQS */
};

/** @reset: the device has a function reset. -ENODEV when it is no PCI device. */
int vfio_get_info(int fd, bool *reset);
int vfio_get_region(int fd, uint32_t index, struct vfio_region *region);
int vfio_get_irqs(int fd, uint32_t index, struct vfio_irqs *irqs);

/** Connects eventfds to the vectors [start, start + n); -1: none. The first call for an index enables it.
 *  -ENOSPC when the host has fewer vectors. */
int vfio_set_trigger(int fd, uint32_t index, uint32_t start, const int32_t *eventfds, uint32_t n);
/** Disables all interrupts of @index. */
int vfio_disable_irqs(int fd, uint32_t index);
/** INTx: lets a signal of @eventfd unmask. */
int vfio_set_unmask(int fd, int eventfd);

int vfio_reset(int fd);

/** Config space and BAR accesses; little-endian values of @size 1, 2, 4 or 8 bytes. -EIO for a short transfer. */
int vfio_read(int fd, uint64_t at, uint8_t size, uint64_t *value);
int vfio_write(int fd, uint64_t at, uint8_t size, uint64_t value);

#endif

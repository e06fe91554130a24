/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's vhost devices (drivers/vhost): one function for each ioctl that all of them have. */
#ifndef AERIE_VHOST_KERNEL_H
#define AERIE_VHOST_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "relay.h"

struct vhost_kernel {
	int fd;		   /* owned, -1: none */
	const char *name;  /* of the device, for messages; borrowed */
	uint64_t features; /* that the kernel offers */
};

/** Opens @path and becomes its owner. 0 or -errno; logged with the remedy, unless @quiet. */
int vhost_kernel_open(struct vhost_kernel *vk, const char *path, const char *module, const char *name, bool quiet);
void vhost_kernel_close(struct vhost_kernel *vk);

/** Features and memory, before rings. No ring is in use. 0 or -errno (logged). */
int vhost_kernel_begin(struct vhost_kernel *vk, uint64_t features, const struct relay_region *regions, unsigned n);

/** Tells it about a ring; ring->index is the kernel's number of it. call -1: no interrupts. 0 or -errno (logged). */
int vhost_kernel_ring(struct vhost_kernel *vk, const struct relay_ring *ring);

/** Another eventfd for ring @index, -1: none. */
int vhost_kernel_call(struct vhost_kernel *vk, unsigned index, int call);

/** Guest RAM alone. Returns the number of regions. */
unsigned vhost_kernel_ram(const struct gmem *mem, struct relay_region regions[static RELAY_MAX_REGIONS]);

/** The driver's ring of @q where the kernel can use it as it is: split, IOVAs are guest physical addresses. 0, or
 *  -EFAULT: it is not in RAM (a guest's mistake, logged as such). */
int vhost_kernel_direct(const struct virtq *q, struct relay_ring *ring);

/** True when rings of the guest can go to the kernel as they are. */
bool vhost_kernel_can_direct(const struct virtio_device *dev);

#endif

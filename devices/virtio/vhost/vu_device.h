/* SPDX-License-Identifier: Apache-2.0 */
/* The virtio_ops of devices all of whose queues go through the relay of a vhost-user back end. */
#ifndef AERIE_VU_DEVICE_H
#define AERIE_VU_DEVICE_H

#include "virtio.h"
#include "vu_backend.h"

struct vu_device {
	struct virtio_device dev;
	struct vu_backend *backend; /* owned */
	uint8_t config[64];	    /* of devices whose configuration space is ours */
};

int vu_device_start(struct virtio_device *dev);
void vu_device_stop(struct virtio_device *dev);
void vu_device_quiesce(struct virtio_device *dev);
int vu_device_start_queue(struct virtio_device *dev, unsigned index);
void vu_device_stop_queue(struct virtio_device *dev, unsigned index);
void vu_device_destroy(struct virtio_device *dev);

/** Initialises @vu->dev and attaches @vu->backend. On failure all is freed, @vu too. 0 or -errno (logged). */
int vu_device_finish(struct vu_device *vu, struct vm *vm, const struct virtio_config *config,
		     const struct virtio_ops *ops);

#endif

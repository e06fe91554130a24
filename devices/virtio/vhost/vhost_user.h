/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any virtio device whose back end is another process that speaks vhost-user. The configuration space is the back
 * end's; queues go through the relay (relay.h).
 */
#ifndef AERIE_VHOST_USER_H
#define AERIE_VHOST_USER_H

#include <stdint.h>

struct virtio_device;
struct vm;

struct vhost_user_config {
	const char *name;     /* for messages; borrowed */
	const char *socket;   /* Unix socket of the server; borrowed */
	uint16_t device_id;   /* VIRTIO_ID_* of linux/virtio_ids.h */
	unsigned queues;      /* 1 .. VIRTIO_MAX_QUEUES */
	uint16_t queue_size;  /* power of two, at most VIRTQ_MAX_SIZE; 0: 128 */
	uint32_t class_code;  /* PCI class; 0: the usual one of the device type */
	uint32_t config_size; /* bytes of configuration space; 0: the usual size of the device type */
};

/** Connects, and asks the back end what it can do. 0 or -errno (logged, with the remedy). */
int vhost_user_create(struct virtio_device **out, struct vm *vm, const struct vhost_user_config *config);

#endif

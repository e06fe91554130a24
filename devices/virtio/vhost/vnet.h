/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-net (virtio 1.3, 5.1). Frames go to a tap interface of the host (through vhost-net, or by threads of our own),
 * or to a server that speaks vhost-user: passt, which needs no privileges, or any other.
 */
#ifndef AERIE_VNET_H
#define AERIE_VNET_H

#include <stdbool.h>
#include <stdint.h>

struct virtio_device;
struct vm;

#define VNET_MAX_PAIRS 16u

enum vhost_use {
	VHOST_AUTO, /* the kernel's data path when the host has it */
	VHOST_ON,   /* refuse to start without */
	VHOST_OFF,  /* threads of our own */
};

/* Exactly one of tap, socket and user. */
struct vnet_config {
	const char *name;   /* for messages; borrowed */
	const char *tap;    /* interface that exists; borrowed during the call */
	const char *socket; /* of a vhost-user server that runs; borrowed for the device's life */
	bool user;	    /* start passt */
	uint8_t mac[6];
	bool has_mac;	      /* else it is made from name */
	enum vhost_use vhost; /* tap only */
	unsigned queue_pairs; /* 1 .. VNET_MAX_PAIRS; 0: 1. More than one: tap and socket only */
};

/** Opens the back end and creates the device; its function is (*@out)->ep.fn, not placed yet. 0 or -errno (logged). */
int virtio_net_create(struct virtio_device **out, struct vm *vm, const struct vnet_config *config);

#endif

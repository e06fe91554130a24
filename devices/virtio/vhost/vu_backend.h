/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device's back end behind vhost-user: the handshake, its memory and rings, its configuration space, and what happens
 * when it goes away. Queues go through a relay that belongs to it.
 */
#ifndef AERIE_VU_BACKEND_H
#define AERIE_VU_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "virtio.h"

struct server;
struct vu_backend;

/* Features that are the device's own (virtio 1.3, 2.2): what a back end may have the guest know. */
#define VU_DEVICE_FEATURES (((UINT64_C(1) << 24) - 1) | ~((UINT64_C(1) << 50) - 1))

struct vu_backend_config {
	const char *name;      /* for messages; borrowed */
	const char *socket;    /* borrowed; or NULL: */
	struct server *server; /* ours to start; owned by the back end, also when creating fails */
	uint64_t features;     /* that the device can use */
	unsigned queues;       /* that the back end is to serve, as GET_QUEUE_NUM counts them */
	uint32_t config_size;  /* bytes of configuration space to ask it for, may be 0 */
};

/** Connects and asks for what the back end can do. 0 or -errno (logged, with the remedy). */
int vu_backend_create(struct vu_backend **out, const struct vu_backend_config *config);

/** The relay's thread is ended, the server too. NULL is fine. */
void vu_backend_destroy(struct vu_backend *b);

/** Of config->features those that it offers. */
uint64_t vu_backend_features(const struct vu_backend *b);

/** Second step, once @dev is initialised: a relay for its queues 0 .. @queues - 1; @rested as in
 *  struct relay_config. 0 or -errno (logged). */
int vu_backend_attach(struct vu_backend *b, struct vm *vm, struct virtio_device *dev, unsigned queues,
		      void (*rested)(struct virtio_device *dev));

struct relay *vu_backend_relay(struct vu_backend *b);

/** The configuration space as the back end told it; [@offset, @offset + @len) lies inside. Writing waits for the back
 *  end, 1 s at most, and as long until it is not busy with something else; then the write is lost. */
void vu_backend_config_read(struct vu_backend *b, uint32_t offset, void *buf, uint32_t len);
void vu_backend_config_write(struct vu_backend *b, uint32_t offset, const void *buf, uint32_t len);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AERIE_VU_BACKEND_PRIV_H
#define AERIE_VU_BACKEND_PRIV_H

#include <pthread.h>

#include "relay.h"
#include "vu_backend.h"
#include "vu_conn.h"

/* Time that the back end has, for all messages of one step together. */
#define VU_MS_FIRST  5000  /* first handshake */
#define VU_MS_SERVER 10000 /* the same with a server that we have just started */
#define VU_MS_STEP   2000
#define VU_MS_CONFIG 1000

/*
 * Lock order: device lock, lock, cache_lock. A holder of lock waits for the back end (bounded) and for nobody else.
 */
struct vu_backend {
	struct vu_backend_config config;
	char recovery[160];
	struct virtio_device *dev;
	struct relay *relay;

	pthread_mutex_t lock; /* guards conn and all down to the next blank line */
	struct vu_conn conn;
	uint64_t offered;  /* its features at the first handshake */
	uint64_t protocol; /* negotiated protocol features */
	bool told;	   /* features and memory, since the connection began or the last reset */
	bool news;	   /* the last handshake brought another configuration space: the guest is to hear of it */

	pthread_mutex_t cache_lock;
	uint8_t cache[VIRTIO_MAX_CONFIG];
};

extern const struct relay_ops vu_relay_ops;

/** Connects, or starts the server. 0 or -errno (not logged when there is just nobody). */
int vu_backend_reach(struct vu_backend *b);

/** Who are you, what can you do? @first: decides; else it must be what was decided. 0 or -errno (logged, but for
 * -EPIPE).
 */
int vu_backend_handshake(struct vu_backend *b, bool first);

static inline bool vu_backend_has(const struct vu_backend *b, unsigned protocol_feature)
{
	return b->protocol >> protocol_feature & 1;
}

#endif

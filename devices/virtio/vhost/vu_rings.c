/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's back end behind vhost-user. */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "bits.h"
#include "fd.h"
#include "vu_backend_priv.h"

_Static_assert(RELAY_MAX_REGIONS <= VU_MAX_REGIONS, "guest RAM and rings in one message");

static int tell_memory(struct vu_backend *b)
{
	struct relay_region regions[RELAY_MAX_REGIONS];
	struct vu_mem_table table = {.nr_regions = relay_regions(b->relay, regions)};
	int fds[VU_MAX_REGIONS];

	for (unsigned i = 0; i < table.nr_regions; i++) {
		table.regions[i] = (struct vu_region){
			.guest_addr = regions[i].addr,
			.size = regions[i].size,
			.user_addr = (uintptr_t)regions[i].host,
			.mmap_offset = regions[i].offset,
		};
		fds[i] = regions[i].fd;
	}
	return vu_set(&b->conn, VU_SET_MEM_TABLE, &table,
		      (uint32_t)(offsetof(struct vu_mem_table, regions) + table.nr_regions * sizeof(table.regions[0])),
		      fds, table.nr_regions);
}

/* What the driver has accepted, of the back end's own features; rings are the relay's. */
static int tell_features(struct vu_backend *b)
{
	uint64_t rings = BIT64(VIRTIO_F_VERSION_1) | BIT64(VIRTIO_RING_F_INDIRECT_DESC) | BIT64(VU_F_PROTOCOL_FEATURES);

	return vu_set_u64(&b->conn, VU_SET_FEATURES, b->offered & (rings | (b->dev->features & b->config.features)));
}

static int set_state(struct vu_backend *b, enum vu_request request, unsigned index, uint32_t num)
{
	struct vu_vring_state state = {index, num};

	return vu_set(&b->conn, request, &state, sizeof(state), NULL, 0);
}

static int set_fd(struct vu_backend *b, enum vu_request request, unsigned index, int fd)
{
	uint64_t value = index & VU_VRING_FD_INDEX;

	return vu_set(&b->conn, request, &value, sizeof(value), &fd, 1);
}

static int start_locked(struct vu_backend *b, const struct relay_ring *ring)
{
	struct vu_vring_addr addr = {
		.index = ring->index,
		.desc = (uintptr_t)ring->desc,
		.used = (uintptr_t)ring->used,
		.avail = (uintptr_t)ring->avail,
	};
	uint64_t features;
	int err = 0;

	if (b->conn.fd < 0)
		return -EPIPE;
	vu_allow(&b->conn, VU_MS_STEP);
	if (!b->told) {
		err = tell_features(b);
		err = err ? err : tell_memory(b);
		b->told = err == 0;
	}
	err = err ? err : set_state(b, VU_SET_VRING_NUM, ring->index, ring->size);
	err = err ? err : set_state(b, VU_SET_VRING_BASE, ring->index, 0);
	err = err ? err : vu_set(&b->conn, VU_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
	err = err ? err : set_fd(b, VU_SET_VRING_CALL, ring->index, ring->call);
	err = err ? err : set_fd(b, VU_SET_VRING_ERR, ring->index, ring->err);
	err = err ? err : set_fd(b, VU_SET_VRING_KICK, ring->index, ring->kick);
	if (!err && b->offered & BIT64(VU_F_PROTOCOL_FEATURES))
		err = set_state(b, VU_SET_VRING_ENABLE, ring->index, 1);
	/* Without acknowledgements an answer to anything says that it got that far. */
	if (!err && !b->conn.reply_ack)
		err = vu_get_u64(&b->conn, VU_GET_FEATURES, &features);
	return err;
}

static int start(void *owner, const struct relay_ring *ring)
{
	struct vu_backend *b = owner;

	pthread_mutex_lock(&b->lock);
	int err = start_locked(b, ring);

	pthread_mutex_unlock(&b->lock);
	return err;
}

static int stop(void *owner, unsigned index)
{
	struct vu_backend *b = owner;
	struct vu_vring_state state = {index, 0}, reply;
	int err = -EPIPE;

	pthread_mutex_lock(&b->lock);
	if (b->conn.fd >= 0) {
		vu_allow(&b->conn, VU_MS_STEP);
		err = 0;
		if (b->offered & BIT64(VU_F_PROTOCOL_FEATURES))
			err = set_state(b, VU_SET_VRING_ENABLE, index, 0);
		if (!err)
			err = vu_get(&b->conn, VU_GET_VRING_BASE, &state, sizeof(state), &reply, sizeof(reply));
	}
	pthread_mutex_unlock(&b->lock);
	return err;
}

static int stopped(void *owner)
{
	struct vu_backend *b = owner;
	int err = 0;

	pthread_mutex_lock(&b->lock);
	b->told = false; /* the next driver may accept other features */
	if (b->conn.fd >= 0 && vu_backend_has(b, VU_PROTOCOL_F_RESET_DEVICE)) {
		vu_allow(&b->conn, VU_MS_STEP);
		err = vu_command(&b->conn, VU_RESET_DEVICE);
	}
	pthread_mutex_unlock(&b->lock);
	return err;
}

static void disconnect(void *owner)
{
	struct vu_backend *b = owner;

	pthread_mutex_lock(&b->lock);
	fd_close(&b->conn.fd);
	pthread_mutex_unlock(&b->lock);
}

static bool is_wanted(void *owner)
{
	return relay_wanted(((struct vu_backend *)owner)->relay);
}

/* Gives up at once when a reset waits for this thread. */
static int reconnect(void *owner)
{
	struct vu_backend *b = owner;

	pthread_mutex_lock(&b->lock);
	fd_close(&b->conn.fd);
	int err = vu_backend_reach(b);

	if (!err) {
		vu_allow(&b->conn, b->config.server ? VU_MS_FIRST : VU_MS_STEP);
		b->conn.cancelled = is_wanted;
		b->conn.owner = b;
		err = vu_backend_handshake(b, false);
		b->conn.cancelled = NULL;
	}
	if (err)
		fd_close(&b->conn.fd);
	bool news = !err && b->news;

	pthread_mutex_unlock(&b->lock);
	/* Takes the device lock, whose holder may be waiting for ours. */
	if (news)
		virtio_config_changed(b->dev);
	return err;
}

static int watch(void *owner)
{
	struct vu_backend *b = owner;

	return b->conn.fd; /* changed by this thread only */
}

static bool alive(void *owner)
{
	struct vu_backend *b = owner;

	pthread_mutex_lock(&b->lock);
	bool yes = vu_alive(&b->conn);

	pthread_mutex_unlock(&b->lock);
	return yes;
}

const struct relay_ops vu_relay_ops = {
	.connect = reconnect,
	.disconnect = disconnect,
	.watch = watch,
	.alive = alive,
	.start = start,
	.stop = stop,
	.stopped = stopped,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "vu_backend_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "bits.h"
#include "fd.h"
#include "log.h"
#include "server.h"

#define WANTED_PROTOCOL                                                                                                \
	(BIT64(VU_PROTOCOL_F_MQ) | BIT64(VU_PROTOCOL_F_REPLY_ACK) | BIT64(VU_PROTOCOL_F_CONFIG) |                      \
	 BIT64(VU_PROTOCOL_F_RESET_DEVICE))

int vu_backend_reach(struct vu_backend *b)
{
	if (!b->config.server)
		return vu_connect(&b->conn, b->config.socket);
	int fd = server_start(b->config.server);

	if (fd < 0)
		return fd;
	b->conn.fd = fd;
	b->conn.reply_ack = false;
	return 0;
}

static int negotiate_protocol(struct vu_backend *b, uint64_t features)
{
	uint64_t protocol = 0;
	int err = 0;

	if (features & BIT64(VU_F_PROTOCOL_FEATURES))
		err = vu_get_u64(&b->conn, VU_GET_PROTOCOL_FEATURES, &protocol);
	protocol &= WANTED_PROTOCOL;
	if (b->config.config_size == 0)
		protocol &= ~BIT64(VU_PROTOCOL_F_CONFIG);
	if (!err && features & BIT64(VU_F_PROTOCOL_FEATURES))
		err = vu_set_u64(&b->conn, VU_SET_PROTOCOL_FEATURES, protocol);
	if (err)
		return err;
	b->protocol = protocol;
	b->conn.reply_ack = vu_backend_has(b, VU_PROTOCOL_F_REPLY_ACK);
	return 0;
}

static int check_queues(struct vu_backend *b)
{
	uint64_t queues = b->config.queues;
	int err = 0;

	if (vu_backend_has(b, VU_PROTOCOL_F_MQ))
		err = vu_get_u64(&b->conn, VU_GET_QUEUE_NUM, &queues);
	if (err || queues >= b->config.queues)
		return err;
	return log_fail(
		-EINVAL,
		"%s: the vhost-user back end has %llu queues, %u are configured; ask for fewer, or start it with more",
		b->config.name, (unsigned long long)queues, b->config.queues);
}

/* Fills the cache; *@changed: it is not what it was. */
static int fetch_config(struct vu_backend *b, bool *changed)
{
	uint8_t now[VIRTIO_MAX_CONFIG] = {0};
	uint32_t size = b->config.config_size;

	for (uint32_t at = 0, len; at < size; at += len) {
		len = size - at < VU_MAX_CONFIG ? size - at : VU_MAX_CONFIG;
		int err = vu_get_config(&b->conn, at, now + at, len);

		if (err)
			return err;
	}
	pthread_mutex_lock(&b->cache_lock);
	*changed = memcmp(b->cache, now, sizeof(now)) != 0;
	memcpy(b->cache, now, sizeof(now));
	pthread_mutex_unlock(&b->cache_lock);
	return 0;
}

/* Features that what the guest was told, and how its requests are laid out, depend on. */
static uint64_t relevant(const struct vu_backend *b, uint64_t features)
{
	return features & (b->config.features | BIT64(VIRTIO_F_VERSION_1) | BIT64(VIRTIO_RING_F_INDIRECT_DESC) |
			   BIT64(VU_F_PROTOCOL_FEATURES));
}

int vu_backend_handshake(struct vu_backend *b, bool first)
{
	uint64_t features = 0;
	bool changed = false;
	int err = vu_command(&b->conn, VU_SET_OWNER);

	if (!err)
		err = vu_get_u64(&b->conn, VU_GET_FEATURES, &features);
	if (err)
		return err;
	if (!(features & BIT64(VIRTIO_F_VERSION_1)))
		return log_fail(-EINVAL,
				"%s: the vhost-user back end is older than virtio 1.0; it needs VIRTIO_F_VERSION_1",
				b->config.name);
	features = relevant(b, features);
	if (first)
		b->offered = features;
	else if (b->offered & ~features)
		return log_fail(
			-EINVAL,
			"%s: the vhost-user back end lacks features %#llx, which it had before; start the same program with the same options",
			b->config.name, (unsigned long long)(b->offered & ~features));
	err = negotiate_protocol(b, features);
	if (!err)
		err = check_queues(b);
	if (!err && b->config.config_size && !vu_backend_has(b, VU_PROTOCOL_F_CONFIG))
		err = log_fail(
			-EINVAL,
			"%s: the vhost-user back end does not tell its configuration space (protocol feature CONFIG)",
			b->config.name);
	if (!err && b->config.config_size)
		err = fetch_config(b, &changed);
	b->news = !err && changed && !first;
	b->told = false;
	return err;
}

static int first_contact(struct vu_backend *b)
{
	int err = vu_backend_reach(b);

	if (err && !b->config.server)
		return log_fail(err, "%s: cannot connect to the vhost-user back end at %s: %s; start it first",
				b->config.name, b->config.socket, strerror(-err));
	if (err)
		return err;
	vu_allow(&b->conn, b->config.server ? VU_MS_SERVER : VU_MS_FIRST);
	err = vu_backend_handshake(b, true);
	if (err == -EPIPE)
		log_error("%s: the vhost-user back end closed the connection at once%s", b->config.name,
			  b->config.server ? "; what it says itself stands above, if anything"
					   : "; is it a vhost-user server, and free?");
	return err;
}

int vu_backend_create(struct vu_backend **out, const struct vu_backend_config *config)
{
	struct vu_backend *b = calloc(1, sizeof(*b));

	*out = NULL;
	if (!b) {
		server_destroy(config->server);
		return log_fail(-ENOMEM, "%s: out of memory", config->name);
	}
	b->config = *config;
	b->conn = (struct vu_conn){.fd = -1, .name = config->name};
	pthread_mutex_init(&b->lock, NULL);
	pthread_mutex_init(&b->cache_lock, NULL);
	if (config->server)
		snprintf(b->recovery, sizeof(b->recovery), "starting it again");
	else
		snprintf(b->recovery, sizeof(b->recovery), "waiting for it at %s", config->socket);
	int err = first_contact(b);
	if (err) {
		vu_backend_destroy(b);
		return err;
	}
	*out = b;
	return 0;
}

int vu_backend_attach(struct vu_backend *b, struct vm *vm, struct virtio_device *dev, unsigned queues,
		      void (*rested)(struct virtio_device *dev))
{
	struct relay_config config = {
		.dev = dev,
		.vm = vm,
		.recovery = b->recovery,
		.ops = &vu_relay_ops,
		.owner = b,
		.indirect = b->offered & BIT64(VIRTIO_RING_F_INDIRECT_DESC),
		.queues = queues,
		.rested = rested,
	};

	b->dev = dev;
	return relay_create(&b->relay, &config);
}

void vu_backend_destroy(struct vu_backend *b)
{
	if (!b)
		return;
	relay_destroy(b->relay);
	fd_close(&b->conn.fd);
	server_destroy(b->config.server);
	pthread_mutex_destroy(&b->cache_lock);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

uint64_t vu_backend_features(const struct vu_backend *b)
{
	return b->offered & b->config.features;
}

struct relay *vu_backend_relay(struct vu_backend *b)
{
	return b->relay;
}

void vu_backend_config_read(struct vu_backend *b, uint32_t offset, void *buf, uint32_t len)
{
	pthread_mutex_lock(&b->cache_lock);
	memcpy(buf, b->cache + offset, len);
	pthread_mutex_unlock(&b->cache_lock);
}

void vu_backend_config_write(struct vu_backend *b, uint32_t offset, const void *buf, uint32_t len)
{
	struct timespec until;
	bool changed;

	/* The device lock is held: no longer wait either while the other thread talks with the back end. */
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += VU_MS_CONFIG / 1000;
	if (pthread_mutex_timedlock(&b->lock, &until) != 0) {
		log_error("%s: the guest's write to the configuration space is lost: the vhost-user back end does not "
			  "answer in time",
			  b->config.name);
		return;
	}
	if (b->conn.fd >= 0) {
		vu_allow(&b->conn, VU_MS_CONFIG);
		/* What one writes may change what one reads. A failure leaves the connection to the relay's thread. */
		if (vu_set_config(&b->conn, offset, buf, len) < 0 || fetch_config(b, &changed) < 0)
			shutdown(b->conn.fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&b->lock);
}

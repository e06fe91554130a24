/* SPDX-License-Identifier: Apache-2.0 */
/* A virtio device that does nothing but write down what it was told, for tests of the transport and the queues. */
#ifndef AERIE_VIRTIO_TOY_H
#define AERIE_VIRTIO_TOY_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "virtio.h"

#define TOY_CONFIG 20u /* bytes of configuration */
#define TOY_TYPE   42u

/* What happened, one letter each: F features, S start, T stop, Q quiesce, s start_queue, t stop_queue, K kick, V
 * vector, M and m bus master on and off, r reset, R reset as a whole, W config write. */
#define TOY_LOG 256u

struct toy {
	struct virtio_device dev;
	char log[TOY_LOG];
	unsigned logged;
	uint64_t features;   /* as given to ops->features */
	int features_result; /* what ops->features, start and start_queue return */
	int start_result;
	bool answers; /* stop and stop_queue answer at once */
	unsigned kicks[VIRTIO_MAX_QUEUES];
	uint8_t config[TOY_CONFIG];
	struct virtq_chain chain;
	unsigned *destroyed; /* counted up by destroy; may be NULL */
	void (*on_kick)(struct toy *toy, unsigned index);
	void (*on_quiesce)(struct toy *toy);
};

static inline void toy_log(struct virtio_device *dev, char what)
{
	struct toy *toy = (struct toy *)dev;

	if (toy->logged < TOY_LOG - 1)
		toy->log[toy->logged++] = what;
	toy->log[toy->logged] = '\0';
}

static inline int toy_features(struct virtio_device *dev, uint64_t features)
{
	toy_log(dev, 'F');
	((struct toy *)dev)->features = features;
	return ((struct toy *)dev)->features_result;
}

static inline void toy_config_read(struct virtio_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	memcpy(buf, ((struct toy *)dev)->config + offset, len);
}

static inline void toy_config_write(struct virtio_device *dev, uint32_t offset, const void *buf, uint32_t len)
{
	toy_log(dev, 'W');
	memcpy(((struct toy *)dev)->config + offset, buf, len);
}

static inline int toy_start(struct virtio_device *dev)
{
	toy_log(dev, 'S');
	return ((struct toy *)dev)->start_result;
}

static inline void toy_stop(struct virtio_device *dev)
{
	toy_log(dev, 'T');
	if (((struct toy *)dev)->answers)
		virtio_stopped(dev);
}

static inline void toy_quiesce(struct virtio_device *dev)
{
	toy_log(dev, 'Q');
	if (((struct toy *)dev)->on_quiesce)
		((struct toy *)dev)->on_quiesce((struct toy *)dev);
}

static inline int toy_start_queue(struct virtio_device *dev, unsigned index)
{
	toy_log(dev, 's');
	return ((struct toy *)dev)->start_result;
}

static inline void toy_stop_queue(struct virtio_device *dev, unsigned index)
{
	toy_log(dev, 't');
	if (((struct toy *)dev)->answers)
		virtio_queue_stopped(dev, index);
}

static inline void toy_kick(struct virtio_device *dev, unsigned index)
{
	toy_log(dev, 'K');
	((struct toy *)dev)->kicks[index]++;
	if (((struct toy *)dev)->on_kick)
		((struct toy *)dev)->on_kick((struct toy *)dev, index);
}

static inline void toy_vector(struct virtio_device *dev, unsigned index)
{
	toy_log(dev, 'V');
}

static inline void toy_bus_master(struct virtio_device *dev, bool on)
{
	toy_log(dev, on ? 'M' : 'm');
}

static inline void toy_reset(struct virtio_device *dev, bool whole)
{
	toy_log(dev, whole ? 'R' : 'r');
}

static inline void toy_destroy(struct virtio_device *dev)
{
	if (((struct toy *)dev)->destroyed)
		++*((struct toy *)dev)->destroyed;
}

/** A device with all hooks. NULL when virtio_init() fails. */
static inline struct toy *toy_new(struct vm *vm, enum virtio_kicks kicks, unsigned queues, uint16_t size)
{
	static const struct virtio_ops ops = {
		.features = toy_features,
		.config_read = toy_config_read,
		.config_write = toy_config_write,
		.start = toy_start,
		.stop = toy_stop,
		.quiesce = toy_quiesce,
		.start_queue = toy_start_queue,
		.stop_queue = toy_stop_queue,
		.kick = toy_kick,
		.vector = toy_vector,
		.bus_master = toy_bus_master,
		.reset = toy_reset,
		.destroy = toy_destroy,
	};
	struct virtio_config config = {
		.name = "toy0",
		.type = TOY_TYPE,
		.class_code = 0x00ff00,
		.features = 0xa5,
		.nr_queues = queues,
		.queue_size = size,
		.config_size = TOY_CONFIG,
		.kicks = kicks,
	};
	struct toy *toy = calloc(1, sizeof(*toy));

	if (!toy)
		abort();
	toy->answers = true;
	if (virtio_init(&toy->dev, vm, &config, &ops) != 0) {
		free(toy);
		return NULL;
	}
	return toy;
}

/** What happened since the last call. */
static inline const char *toy_told(struct toy *toy)
{
	static char copy[TOY_LOG];

	memcpy(copy, toy->log, sizeof(copy));
	toy->logged = 0;
	toy->log[0] = '\0';
	return copy;
}

#endif

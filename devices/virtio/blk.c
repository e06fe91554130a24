/* SPDX-License-Identifier: Apache-2.0 */
/* The device: configuration space, features, and the life of its queues. */
#include "blk.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "blk_priv.h"
#include "bus.h"
#include "fd.h"
#include "log.h"
#include "vm.h"

#define CLASS_STORAGE_OTHER 0x018000u

static struct blk *blk_of(struct virtio_device *dev)
{
	return container_of(dev, struct blk, dev);
}

/* ---- features and configuration space ---- */

static uint64_t offered(const struct blk *blk)
{
	uint64_t features = BIT64(BLK_F_SIZE_MAX) | BIT64(BLK_F_SEG_MAX) | BIT64(BLK_F_BLK_SIZE) | BIT64(BLK_F_FLUSH) |
			    BIT64(BLK_F_TOPOLOGY) | BIT64(BLK_F_CONFIG_WCE) | BIT64(BLK_F_MQ);

	if (blk->image.readonly)
		return features | BIT64(BLK_F_RO);
	features |= BIT64(BLK_F_WRITE_ZEROES);
	return blk->image.can_discard ? features | BIT64(BLK_F_DISCARD) : features;
}

static uint16_t blocks16(uint32_t bytes, uint32_t block)
{
	uint32_t blocks = bytes / block;

	return (uint16_t)(blocks < UINT16_MAX ? blocks : UINT16_MAX);
}

static void fill_config(struct blk *blk)
{
	const struct blk_image *image = &blk->image;
	uint32_t block = image->logical;

	blk->config = (struct blk_config_space){
		.capacity = htole64(image->size / BLK_SECTOR),
		.size_max = htole32(BLK_SIZE_MAX),
		.seg_max = htole32(BLK_SEG_MAX),
		.blk_size = htole32(block),
		.physical_block_exp = (uint8_t)__builtin_ctz(image->physical / block),
		.min_io_size = htole16(blocks16(image->io_min, block)),
		.opt_io_size = htole32(image->io_opt / block),
		.writeback = 1,
		.num_queues = htole16((uint16_t)blk->nr_queues),
		.max_discard_sectors = htole32(BLK_MAX_DISCARD),
		.max_discard_seg = htole32(BLK_MAX_SEGMENTS),
		.discard_sector_alignment = htole32(image->physical / BLK_SECTOR),
		.max_write_zeroes_sectors = htole32(BLK_MAX_ZEROES),
		.max_write_zeroes_seg = htole32(BLK_MAX_SEGMENTS),
		.write_zeroes_may_unmap = 1,
	};
}

/* 5.2.5: with CONFIG_WCE the driver's field decides, else there is a cache for drivers that know FLUSH. */
static void update_cache(struct blk *blk)
{
	bool writeback = virtio_has(&blk->dev, BLK_F_CONFIG_WCE) ? blk->config.writeback != 0
								 : virtio_has(&blk->dev, BLK_F_FLUSH);

	atomic_store_explicit(&blk->writethrough, !writeback, memory_order_relaxed);
}

static int blk_features(struct virtio_device *dev, uint64_t features)
{
	struct blk *blk = blk_of(dev);

	/* 5.2.5.2: writeback must be 0 for a driver with CONFIG_WCE that has no way to flush. */
	if (!(features & BIT64(BLK_F_FLUSH)))
		blk->config.writeback = 0;
	return 0;
}

static void blk_config_read(struct virtio_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	memcpy(buf, (const uint8_t *)&blk_of(dev)->config + offset, len);
}

/* Only the writeback field is the driver's, and only with CONFIG_WCE (5.2.5.1). */
static void blk_config_write(struct virtio_device *dev, uint32_t offset, const void *buf, uint32_t len)
{
	const uint32_t at = offsetof(struct blk_config_space, writeback);
	struct blk *blk = blk_of(dev);

	if (!virtio_has(dev, BLK_F_CONFIG_WCE) || offset > at || at - offset >= len)
		return;
	blk->config.writeback = ((const uint8_t *)buf)[at - offset] & 1;
	update_cache(blk);
}

/* ---- queues ---- */

static bool all_rest(struct blk *blk)
{
	for (unsigned i = 0; i < blk->nr_queues; i++)
		if (!blk_queue_rests(blk->queues[i]))
			return false;
	return true;
}

/* Passes on what has come to rest. Device lock held. */
static void tell_rested(struct blk *blk)
{
	if (blk->stopping && all_rest(blk)) {
		blk->stopping = false;
		virtio_stopped(&blk->dev);
		return;
	}
	for (unsigned i = 0; !blk->stopping && i < blk->nr_queues; i++) {
		struct blk_queue *q = blk->queues[i];

		if (!q->resetting || !blk_queue_rests(q))
			continue;
		q->resetting = false;
		virtio_queue_stopped(&blk->dev, i);
	}
}

static void on_rested(struct loop_source *src)
{
	struct blk *blk = container_of(src, struct blk, rested);
	struct bus *bus = &blk->dev.ep.vm->bus;

	/* Behind the lock, or the message could be taken away from blk_quiesce(), which waits for it. */
	bus_lock(bus);
	fd_drain(src->fd);
	tell_rested(blk);
	bus_unlock(bus);
}

static int blk_start(struct virtio_device *dev)
{
	struct blk *blk = blk_of(dev);

	update_cache(blk);
	for (unsigned i = 0; i < blk->nr_queues; i++)
		if (dev->queues[i].enabled)
			blk_queue_command(blk->queues[i], BLK_RUN);
	return 0;
}

static void blk_stop(struct virtio_device *dev)
{
	struct blk *blk = blk_of(dev);

	blk->stopping = true;
	for (unsigned i = 0; i < blk->nr_queues; i++) {
		blk->queues[i]->resetting = false;
		blk_queue_command(blk->queues[i], BLK_REST);
	}
	tell_rested(blk);
}

static void blk_quiesce(struct virtio_device *dev)
{
	struct blk *blk = blk_of(dev);

	while (!all_rest(blk)) {
		struct pollfd p = {.fd = blk->rested.fd, .events = POLLIN};

		poll(&p, 1, -1);
		fd_drain(blk->rested.fd);
	}
	blk->stopping = false;
}

static int blk_start_queue(struct virtio_device *dev, unsigned index)
{
	blk_queue_command(blk_of(dev)->queues[index], BLK_RUN);
	return 0;
}

static void blk_stop_queue(struct virtio_device *dev, unsigned index)
{
	struct blk *blk = blk_of(dev);

	blk->queues[index]->resetting = true;
	blk_queue_command(blk->queues[index], BLK_REST);
}

static void blk_reset(struct virtio_device *dev, bool whole)
{
	blk_of(dev)->config.writeback = 1;
}

/* ---- life ---- */

static void blk_destroy(struct virtio_device *dev)
{
	struct blk *blk = blk_of(dev);

	for (unsigned i = 0; i < blk->nr_queues; i++)
		blk_queue_destroy(blk->queues[i]);
	loop_del(dev->loop, &blk->rested);
	if (blk->rested.fd >= 0)
		fd_close(&blk->rested.fd);
	blk_image_close(&blk->image);
}

static const struct virtio_ops blk_ops = {
	.features = blk_features,
	.config_read = blk_config_read,
	.config_write = blk_config_write,
	.start = blk_start,
	.stop = blk_stop,
	.quiesce = blk_quiesce,
	.start_queue = blk_start_queue,
	.stop_queue = blk_stop_queue,
	.reset = blk_reset,
	.destroy = blk_destroy,
};

static int check_config(const struct virtio_blk_config *config)
{
	if (config->queues > BLK_MAX_QUEUES)
		return log_fail(-EINVAL, "%s: %u queues are too many; set `queues` to %u or less", config->name,
				config->queues, BLK_MAX_QUEUES);
	if (config->serial && strlen(config->serial) > BLK_SERIAL_BYTES)
		return log_fail(-EINVAL, "%s: the serial `%s` is longer than %u bytes", config->name, config->serial,
				BLK_SERIAL_BYTES);
	return 0;
}

/* The queues' threads, and the way in which they report. What was made is undone by blk_destroy(). */
static int start_threads(struct blk *blk)
{
	unsigned want = blk->nr_queues;
	int fd = fd_eventfd();
	int err = fd < 0 ? fd : loop_add(blk->dev.loop, &blk->rested, fd, on_rested);

	blk->rested.fd = fd;
	blk->nr_queues = 0;
	while (!err && blk->nr_queues < want) {
		err = blk_queue_create(&blk->queues[blk->nr_queues], blk, blk->nr_queues);
		if (!err)
			blk->nr_queues++;
	}
	return err;
}

int virtio_blk_create(struct virtio_device **out, struct vm *vm, const struct virtio_blk_config *config)
{
	int err = check_config(config);
	struct blk *blk = err ? NULL : calloc(1, sizeof(*blk));

	if (!blk)
		return err ? err : log_fail(-ENOMEM, "%s: out of memory for the disk", config->name);
	blk->nr_queues = config->queues ? config->queues : 1;
	if (config->serial)
		memcpy(blk->serial, config->serial, strlen(config->serial));
	err = blk_image_open(&blk->image, config);
	if (err)
		goto free_blk;
	fill_config(blk);
	const struct virtio_config virtio = {
		.name = config->name,
		.type = VIRTIO_ID_BLOCK,
		.class_code = CLASS_STORAGE_OTHER,
		.features = offered(blk),
		.nr_queues = blk->nr_queues,
		.queue_size = BLK_QUEUE_SIZE,
		.config_size = sizeof(blk->config),
		.kicks = VIRTIO_KICKS_DEVICE,
	};

	err = virtio_init(&blk->dev, vm, &virtio, &blk_ops);
	if (err)
		goto close_image;
	err = start_threads(blk);
	if (err)
		goto undo;
	*out = &blk->dev;
	return 0;

undo:
	blk_destroy(&blk->dev);
	virtio_fini(&blk->dev);
	free(blk);
	return err;
close_image:
	blk_image_close(&blk->image);
free_blk:
	free(blk);
	return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What split and packed queues have in common. */
#include "virtq.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bits.h"
#include "fd.h"
#include "log.h"
#include "virtio_priv.h"
#include "virtq_regs.h"

int virtq_init(struct virtq *q, struct virtio_device *dev, unsigned index, uint16_t max_size)
{
	q->dev = dev;
	q->index = index;
	q->max_size = max_size;
	q->kick = fd_eventfd();
	if (q->kick < 0)
		return q->kick;
	virtq_reach(q, &dev->ep.dma);
	virtq_reset(q);
	return 0;
}

void virtq_reach(struct virtq *q, struct dma_space *space)
{
	dma_user_init(&q->dma, space, &q->quit);
}

void virtq_fini(struct virtq *q)
{
	fd_close(&q->kick);
}

void virtq_reset(struct virtq *q)
{
	q->enabled = q->running = q->broken = false;
	q->packed = q->event_idx = q->indirect = false;
	q->size = q->max_size;
	q->desc = q->driver = q->device = 0;
	atomic_store(&q->vector, VIRTIO_NO_VECTOR);
	atomic_store(&q->quit, false);
	fd_drain(q->kick);
}

/* Area [@base, @base + @len) begins at a multiple of @align and does not wrap. */
static bool area_ok(uint64_t base, uint64_t len, uint64_t align)
{
	struct range r;

	return base % align == 0 && range_make(&r, base, len);
}

const char *virtq_refused(const struct virtq *q)
{
	uint64_t driver = q->packed ? VIRTQ_EVENT_SIZE : virtq_avail_size(q->size);
	uint64_t device = q->packed ? VIRTQ_EVENT_SIZE : virtq_used_size(q->size);

	if (q->size == 0 || q->size > q->max_size || (!q->packed && !is_pow2(q->size)))
		return "bad queue size";
	if (!area_ok(q->desc, VIRTQ_DESC_SIZE * q->size, VIRTQ_ALIGN_DESC))
		return "descriptor area misaligned or too high";
	if (!area_ok(q->driver, driver, q->packed ? VIRTQ_ALIGN_PACKED_EVENT : VIRTQ_ALIGN_SPLIT_DRIVER))
		return "driver area misaligned or too high";
	if (!area_ok(q->device, device, q->packed ? VIRTQ_ALIGN_PACKED_EVENT : VIRTQ_ALIGN_SPLIT_DEVICE))
		return "device area misaligned or too high";
	return NULL;
}

void virtq_start(struct virtq *q)
{
	q->next_avail = q->next_used = q->avail_seen = 0;
	q->avail_wrap = q->used_wrap = true; /* 2.8.1: initialised to 1 */
	q->unsignalled = 0;
	q->in_flight = 0;
	q->turn = 0;
	q->silent = q->event_published = false;
	q->broken = false;
	atomic_store(&q->quit, false);
	q->running = true;
}

static const struct virtq_layout *layout(const struct virtq *q)
{
	return q->packed ? &virtq_packed : &virtq_split;
}

static uint16_t position(const struct virtq *q)
{
	return q->packed && q->avail_wrap ? q->next_avail | VIRTQ_EVENT_WRAP : q->next_avail;
}

/* Where the next notification is wanted; visible before the ring is looked at again. */
static int publish_kicks(struct virtq *q, bool want)
{
	int err = layout(q)->set_kicks(q, want);

	if (err)
		return err;
	q->event_at = position(q);
	q->event_published = want;
	atomic_thread_fence(memory_order_seq_cst);
	return 0;
}

/*
 * 1 when there is a chain. A ring that is found empty is about to be left alone until the driver notifies, so with
 * event indices this is the moment to say at which entry, and to look once more.
 */
static int look(struct virtq *q)
{
	if (q->broken)
		return -EPROTO;
	if (atomic_load_explicit(&q->quit, memory_order_relaxed))
		return -ECANCELED;

	int found = layout(q)->look(q);

	if (found != 0 || !q->event_idx || q->silent || (q->event_published && q->event_at == position(q)))
		return found;
	int err = publish_kicks(q, true);

	return err ? err : layout(q)->look(q);
}

int virtq_pop(struct virtq *q, struct virtq_chain *chain)
{
	bool pause = q->dev->config.kicks == VIRTIO_KICKS_LOOP && q->turn >= VIRTQ_MAX_TURN;
	int ret = look(q);

	if (ret == 1 && pause) {
		fd_signal(q->kick);
		return 0;
	}
	if (ret == 1) {
		virtq_chain_begin(chain);
		ret = layout(q)->pop(q, chain);
		q->turn += chain->out_len + chain->in_len;
		if (ret == 0)
			return 1;
	}
	return ret == -EPERM ? 0 : ret;
}

bool virtq_available(struct virtq *q)
{
	int ret = look(q);

	return ret != 0 && ret != -EPERM && ret != -ECANCELED;
}

void virtq_push(struct virtq *q, uint16_t id, uint16_t nr_descs, uint32_t written)
{
	virtq_push_all(q, &(struct virtq_used){id, nr_descs, written}, 1);
}

void virtq_push_all(struct virtq *q, const struct virtq_used *used, unsigned n)
{
	uint32_t entries = q->packed ? 0 : n;

	for (unsigned i = 0; q->packed && i < n; i++)
		entries += used[i].nr_descs;
	if (q->broken || n == 0 || entries > q->in_flight)
		return;
	q->in_flight -= (uint16_t)entries;
	if (layout(q)->push(q, used, n) == 0 && q->unsignalled <= VIRTQ_MAX_SIZE)
		q->unsignalled += entries;
}

void virtq_notify(struct virtq *q)
{
	uint32_t n = q->unsignalled;

	if (n == 0 || q->broken)
		return;
	q->unsignalled = 0;
	/* What was pushed is visible before the driver's wish is read (2.7.14, 2.8.22). */
	atomic_thread_fence(memory_order_seq_cst);
	if (layout(q)->wants_interrupt(q, n) == 1)
		virtio_queue_interrupt(q);
}

void virtq_want_kicks(struct virtq *q, bool want)
{
	q->silent = !want;
	if (!q->broken)
		publish_kicks(q, want);
}

void virtq_unpop(struct virtq *q, uint16_t n, uint16_t nr_descs)
{
	uint16_t entries = q->packed ? nr_descs : n;

	if (q->broken || entries > q->in_flight)
		return;
	q->in_flight -= entries;
	layout(q)->unpop(q, n, nr_descs);
}

void virtq_break(struct virtq *q, const char *fmt, ...)
{
	char why[160];
	va_list ap;

	if (q->broken)
		return;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	q->broken = true;
	log_guest("%s: queue %u is broken and the device needs a reset: %s", q->dev->config.name, q->index, why);
	virtio_needs_reset(q->dev);
}

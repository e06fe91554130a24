/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The balloon. All of it runs in the event loop with the device lock held, a bounded number of pages at a time, because
 * giving memory back to the host is slow. What a guest says it does without is discarded; if it reads it again, it
 * reads zeroes. It can harm nobody but itself by lying.
 */
#include "balloon.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_ids.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "balloon_regs.h"
#include "bits.h"
#include "bus.h"
#include "fd.h"
#include "gmem.h"
#include "log.h"
#include "virtio.h"
#include "vm.h"

#define CLASS_OTHER_SYSTEM 0x088000u
#define QUEUE_SIZE	   256u
#define PFNS_AT_ONCE	   256u /* in one turn of the event loop */
#define CHAINS_AT_ONCE	   32u
#define MAX_STATS	   64u /* looked at in one report */

/* 5.5.2. Queue 3 is for free page hints, which are not offered; Linux then takes it for reporting, as other VMMs do. */
enum queue {
	QUEUE_INFLATE,
	QUEUE_DEFLATE,
	QUEUE_STATS,
	QUEUE_REPORTING_LINUX,
	QUEUE_REPORTING,
	NR_QUEUES,
};

struct balloon {
	struct virtio_device dev;
	struct virtio_balloon_config config;
	struct balloon_config_space space;
	struct virtio_balloon_stats stats;
	bool inflating; /* a chain of the inflate queue is under way: its PFNs up to `done` bytes are dealt with */
	uint64_t done;
	bool stats_held; /* the driver's buffer for the next report waits with us (5.5.6.3) */
	uint16_t stats_id, stats_descs;
	bool pinned_said;
	struct virtq_chain chain; /* of the inflate queue */
};

static struct balloon *balloon_of(const struct virtio_device *dev)
{
	return container_of((struct virtio_device *)(uintptr_t)dev, struct balloon, dev);
}

/* ---- memory ---- */

static bool gives_back(struct balloon *b)
{
	if (b->config.pinned && !b->pinned_said)
		log_info("%s: memory of the guest is pinned for an assigned device, so what the balloon takes stays "
			 "with this VM",
			 b->config.name);
	b->pinned_said = b->config.pinned;
	return !b->config.pinned;
}

/* A number of pages that follow each other, gathered before they are given back in one call. */
struct run {
	uint64_t first, pages;
};

static void discard(struct balloon *b, struct run *run)
{
	const struct gmem *mem = &b->dev.ep.vm->gmem;
	uint64_t len = run->pages * BALLOON_PAGE;
	gpa_t at = gpa(run->first * BALLOON_PAGE);

	run->pages = 0;
	if (len == 0 || !gives_back(b))
		return;
	if (!gmem_contains(mem, at, len))
		log_guest("%s: the guest puts what is no memory into the balloon: 0x%" PRIx64 ", %" PRIu64 " bytes",
			  b->config.name, at.v, len);
	else
		gmem_discard(mem, at, len);
}

static void gather(struct balloon *b, struct run *run, uint64_t pfn)
{
	if (run->pages > 0 && pfn == run->first + run->pages) {
		run->pages++;
		return;
	}
	/* Linux gives pages from the top down. */
	if (run->pages > 0 && pfn + 1 == run->first) {
		run->first--;
		run->pages++;
		return;
	}
	discard(b, run);
	*run = (struct run){pfn, 1};
}

/* ---- inflate and deflate, 5.5.6 ---- */

/* The next PFNs of the present chain. True when it is done. */
static bool inflate_some(struct balloon *b)
{
	uint32_t pfns[PFNS_AT_ONCE];
	size_t n = virtq_read(&b->chain, b->done, pfns, sizeof(pfns)) / sizeof(pfns[0]);
	struct run run = {0};

	for (size_t i = 0; i < n; i++)
		gather(b, &run, le32toh(pfns[i]));
	discard(b, &run);
	b->done += n * sizeof(pfns[0]);
	return b->chain.out_len - b->done < sizeof(pfns[0]);
}

static void inflate(struct balloon *b)
{
	struct virtq *q = &b->dev.queues[QUEUE_INFLATE];

	if (!b->inflating && virtq_pop(q, &b->chain) == 1) {
		b->inflating = true;
		b->done = 0;
	}
	if (!b->inflating)
		return;
	if (inflate_some(b)) {
		b->inflating = false;
		virtq_push(q, b->chain.id, b->chain.nr_descs, 0);
		virtq_notify(q);
	}
	fd_signal(q->kick); /* whatever is left, in another turn */
}

/* Pages come back by being touched. */
static void deflate(struct balloon *b)
{
	struct virtq *q = &b->dev.queues[QUEUE_DEFLATE];
	struct virtq_chain chain;
	unsigned n = 0;

	while (n < CHAINS_AT_ONCE && virtq_pop(q, &chain) == 1) {
		virtq_push(q, chain.id, chain.nr_descs, 0);
		n++;
	}
	virtq_notify(q);
	if (n == CHAINS_AT_ONCE)
		fd_signal(q->kick);
}

/* ---- statistics, 5.5.6.3 ---- */

static void take_stats(struct balloon *b, const struct virtq_chain *chain)
{
	struct balloon_stat stat;

	memset(b->stats.values, 0xff, sizeof(b->stats.values));
	for (unsigned i = 0; i < MAX_STATS; i++) {
		if (virtq_read(chain, i * sizeof(stat), &stat, sizeof(stat)) < sizeof(stat))
			break;
		if (le16toh(stat.tag) < BALLOON_NR_STATS)
			b->stats.values[le16toh(stat.tag)] = le64toh(stat.val);
	}
	b->stats.updates++;
}

/* The driver sends one buffer and waits for it to come back before it sends the next report in it. The very first is
 * sent unasked and may be empty. */
static void receive_stats(struct balloon *b)
{
	struct virtq *q = &b->dev.queues[QUEUE_STATS];
	struct virtq_chain chain;
	unsigned n = 0;

	while (n < CHAINS_AT_ONCE && virtq_pop(q, &chain) == 1) {
		if (b->stats_held) /* more than one is not what the specification knows */
			virtq_push(q, b->stats_id, b->stats_descs, 0);
		take_stats(b, &chain);
		b->stats_held = true;
		b->stats_id = chain.id;
		b->stats_descs = chain.nr_descs;
		n++;
	}
	virtq_notify(q);
	if (n == CHAINS_AT_ONCE)
		fd_signal(q->kick);
}

bool virtio_balloon_ask_stats(struct virtio_device *dev)
{
	struct balloon *b = balloon_of(dev);
	struct virtq *q = &dev->queues[QUEUE_STATS];

	if (!b->stats_held || !dev->running || !q->running)
		return false;
	b->stats_held = false;
	virtq_push(q, b->stats_id, b->stats_descs, 0);
	virtq_notify(q);
	return true;
}

const struct virtio_balloon_stats *virtio_balloon_stats(const struct virtio_device *dev)
{
	return &balloon_of(dev)->stats;
}

/* ---- free page reporting, 5.5.6.7 ---- */

/* Pages come back full of zeroes. A driver that wants them with something else in them says so by poison_val, and then
 * they must stay as they are (5.5.6.7.2). */
static bool may_report(const struct balloon *b)
{
	return !virtio_has(&b->dev, BALLOON_F_PAGE_POISON) || b->space.poison_val == 0;
}

/* The pages that lie wholly inside of one buffer; it may be a part of guest memory only. */
static void discard_piece(struct balloon *b, const struct iovec *iov)
{
	const struct gmem *mem = &b->dev.ep.vm->gmem;

	for (unsigned i = 0; i < mem->nr_regions; i++) {
		const struct gmem_region *r = &mem->regions[i];
		uint64_t offset = (uintptr_t)iov->iov_base - (uintptr_t)r->host;

		if (offset >= r->size || iov->iov_len > r->size - offset)
			continue;
		uint64_t first = align_up(offset, BALLOON_PAGE);
		uint64_t end = align_down(offset + iov->iov_len, BALLOON_PAGE);

		if (first < end)
			gmem_discard(mem, gpa(r->base.v + first), end - first);
		return;
	}
}

static void take_reports(struct balloon *b, struct virtq *q)
{
	struct virtq_chain chain;
	unsigned n = 0;

	while (n < CHAINS_AT_ONCE && virtq_pop(q, &chain) == 1) {
		if (may_report(b) && gives_back(b))
			for (unsigned i = 0; i < chain.nr_in; i++)
				discard_piece(b, &chain.iov[chain.nr_out + i]);
		virtq_push(q, chain.id, chain.nr_descs, 0);
		n++;
	}
	virtq_notify(q);
	if (n == CHAINS_AT_ONCE)
		fd_signal(q->kick);
}

/* ---- the device ---- */

static void balloon_kick(struct virtio_device *dev, unsigned index)
{
	struct balloon *b = balloon_of(dev);

	switch (index) {
	case QUEUE_INFLATE:
		inflate(b);
		break;
	case QUEUE_DEFLATE:
		deflate(b);
		break;
	case QUEUE_STATS:
		receive_stats(b);
		break;
	default:
		take_reports(b, &dev->queues[index]);
	}
}

static void forget(struct balloon *b, unsigned index)
{
	if (index == QUEUE_INFLATE)
		b->inflating = false;
	if (index == QUEUE_STATS)
		b->stats_held = false;
}

static void balloon_stop(struct virtio_device *dev)
{
	forget(balloon_of(dev), QUEUE_INFLATE);
	forget(balloon_of(dev), QUEUE_STATS);
	virtio_stopped(dev);
}

static void balloon_stop_queue(struct virtio_device *dev, unsigned index)
{
	forget(balloon_of(dev), index);
	virtio_queue_stopped(dev, index);
}

static void balloon_config_read(struct virtio_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	memcpy(buf, (const uint8_t *)&balloon_of(dev)->space + offset, len);
}

/* 5.5.4: the driver writes actual and poison_val. */
static void balloon_config_write(struct virtio_device *dev, uint32_t offset, const void *buf, uint32_t len)
{
	struct balloon *b = balloon_of(dev);
	uint32_t field = (uint32_t)align_down(offset, 4);

	if (len > 4 || offset + len > field + 4)
		return;
	if (field == offsetof(struct balloon_config_space, actual) ||
	    field == offsetof(struct balloon_config_space, poison_val))
		memcpy((uint8_t *)&b->space + offset, buf, len);
}

static void balloon_reset(struct virtio_device *dev, bool whole)
{
	struct balloon *b = balloon_of(dev);

	/* What is asked for stays; a guest that starts again has all its memory. */
	b->space.actual = b->space.poison_val = 0;
	b->stats = (struct virtio_balloon_stats){0};
}

static const struct virtio_ops balloon_ops = {
	.config_read = balloon_config_read,
	.config_write = balloon_config_write,
	.stop = balloon_stop,
	.stop_queue = balloon_stop_queue,
	.kick = balloon_kick,
	.reset = balloon_reset,
};

int virtio_balloon_set_target(struct virtio_device *dev, uint64_t bytes)
{
	struct balloon *b = balloon_of(dev);

	if (bytes > gmem_size(&dev->ep.vm->gmem) || bytes / BALLOON_PAGE > UINT32_MAX)
		return -EINVAL;
	b->space.num_pages = htole32((uint32_t)(bytes / BALLOON_PAGE));
	virtio_config_changed(dev);
	return 0;
}

uint64_t virtio_balloon_actual(const struct virtio_device *dev)
{
	return (uint64_t)le32toh(balloon_of(dev)->space.actual) * BALLOON_PAGE;
}

int virtio_balloon_create(struct virtio_device **out, struct vm *vm, const struct virtio_balloon_config *config)
{
	struct balloon *b = calloc(1, sizeof(*b));

	if (!b)
		return log_fail(-ENOMEM, "%s: out of memory for the balloon", config->name);
	b->config = *config;
	const struct virtio_config virtio = {
		.name = config->name,
		.type = VIRTIO_ID_BALLOON,
		.class_code = CLASS_OTHER_SYSTEM,
		.features = BIT64(BALLOON_F_STATS_VQ) | BIT64(BALLOON_F_PAGE_POISON) |
			    (config->deflate_on_oom ? BIT64(BALLOON_F_DEFLATE_ON_OOM) : 0) |
			    (config->reporting ? BIT64(BALLOON_F_REPORTING) : 0),
		.nr_queues = config->reporting ? NR_QUEUES : QUEUE_STATS + 1u,
		.queue_size = QUEUE_SIZE,
		.config_size = sizeof(b->space),
		.kicks = VIRTIO_KICKS_LOOP,
		.physical = true,
	};
	int err = virtio_init(&b->dev, vm, &virtio, &balloon_ops);

	if (err) {
		free(b);
		return err;
	}
	*out = &b->dev;
	return 0;
}

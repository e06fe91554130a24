/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels of the test endpoint: requests come from a ring in memory or from the registers, and are done in slices by
 * the event loop, the channels in turn. A vCPU that starts one only kicks.
 *
 * An access of the engine may end in the endpoint's own registers or reset it, by way of the bus. So each access may
 * void what is under way; the channel's epoch tells.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "fd.h"
#include "testdev_priv.h"
#include "vm.h"

bool testdev_busy(const struct testdev_channel *ch)
{
	return ch->job.active || ch->go || (ch->enabled && !ch->halted && ch->head != ch->tail);
}

/* Busy, and not waiting for an IOMMU. */
static bool runnable(const struct testdev_channel *ch)
{
	return ch->wait == TESTDEV_WAIT_NONE && testdev_busy(ch);
}

void testdev_wake(struct testdev_channel *ch, bool refused)
{
	ch->wait = TESTDEV_WAIT_NONE;
	ch->refused = refused;
	fd_signal(ch->dev->kick);
}

void testdev_stall_ended(struct dma_stall *stall, enum dma_outcome outcome)
{
	testdev_wake(container_of(stall, struct testdev_channel, stall), outcome == DMA_TERMINATED);
}

void testdev_give_up(struct testdev_channel *ch)
{
	dma_stall_cancel(&ch->dev->ep.dma, &ch->stall);
	testdev_pri_forget(ch->dev, ch);
	ch->wait = TESTDEV_WAIT_NONE;
	ch->refused = false;
	ch->page_tries = 0;
}

void testdev_go(struct testdev *dev, unsigned n)
{
	struct testdev_channel *ch = &dev->channels[n];

	if (ch->go || (ch->job.active && ch->job.immediate))
		return;
	ch->go = true;
	ch->last = (struct testdev_status){0};
	fd_signal(dev->kick);
}

void testdev_enable(struct testdev *dev, unsigned n, bool on)
{
	struct testdev_channel *ch = &dev->channels[n];

	if (ch->enabled == on)
		return;
	ch->enabled = on;
	ch->halted = false;
	ch->head = 0;
	ch->tail = 0;
	/* Of the ring is what waits, unless the job is one of the registers. */
	if (!on && !(ch->job.active && ch->job.immediate))
		testdev_give_up(ch);
	if (!on && ch->job.active && !ch->job.immediate) {
		ch->epoch++;
		ch->job.active = false;
	}
}

void testdev_tail(struct testdev *dev, unsigned n, uint32_t tail)
{
	struct testdev_channel *ch = &dev->channels[n];

	if (!ch->enabled)
		return;
	ch->tail = tail & ch->ring_mask;
	/* The descriptor that was being fetched has been taken back. */
	if (ch->tail == ch->head && !ch->job.active)
		testdev_give_up(ch);
	fd_signal(dev->kick);
}

void testdev_abort(struct testdev *dev, unsigned n)
{
	struct testdev_channel *ch = &dev->channels[n];

	ch->epoch++;
	testdev_give_up(ch);
	if (ch->go || ch->job.active) {
		ch->last.code = field_prep32(TESTDEV_CODE_KIND, TESTDEV_KIND_ABORTED);
		ch->last.bytes = ch->job.active ? ch->job.done : 0;
		ch->done++;
		ch->failed++;
	}
	ch->go = false;
	ch->job.active = false;
	if (ch->enabled)
		ch->head = ch->tail;
}

/* The status record: first what it says, then that it is there. False: it waits. */
static bool write_status(struct testdev *dev, struct testdev_channel *ch)
{
	const struct testdev_desc *desc = &ch->job.desc;
	struct testdev_attr attr = testdev_attr(desc);
	uint64_t epoch = ch->epoch, at = desc->status, fault = 0;
	struct testdev_status s = {
		.cookie = htole32(ch->last.cookie),
		.result = htole64(ch->last.result),
		.bytes = htole64(ch->last.bytes),
		.fault = htole64(ch->last.fault),
	};
	uint32_t code = htole32(ch->last.code);
	int err = testdev_copy(dev, ch, attr, at + 4, &s.cookie, sizeof(s) - 4, true, &fault);

	if (err == 0 && ch->epoch == epoch) {
		__atomic_thread_fence(__ATOMIC_RELEASE);
		err = testdev_copy(dev, ch, attr, at, &code, sizeof(code), true, &fault);
	}
	if (err == -EINPROGRESS)
		return false;
	if (err == 0 || ch->epoch != epoch)
		return true;
	ch->last.code = field_prep32(TESTDEV_CODE_KIND, testdev_kind_of(err)) |
			field_prep32(TESTDEV_CODE_WHERE, TESTDEV_AT_STATUS);
	ch->last.fault = fault;
	return true;
}

/* @refused: the descriptor is not to be trusted; its result is in the registers only. */
static void complete(struct testdev *dev, struct testdev_channel *ch, bool refused)
{
	const struct testdev_desc desc = ch->job.desc;
	bool immediate = ch->job.immediate;
	uint64_t epoch = ch->epoch;

	ch->job.over = true;
	if (!refused && (desc.op & TESTDEV_F_STATUS) && !write_status(dev, ch))
		return;
	if (ch->epoch != epoch)
		return;
	ch->job.active = false;
	ch->done++;
	ch->failed += field_get32(TESTDEV_CODE_KIND, ch->last.code) != TESTDEV_KIND_OK;
	if (!immediate)
		ch->head = (ch->head + 1) & ch->ring_mask;
	if (!refused && (desc.op & TESTDEV_F_INTERRUPT))
		pci_endpoint_interrupt(&dev->ep, desc.vector, NULL);
}

/* Reads the ring's next descriptor. False: the channel has halted, or all is void. */
static bool fetch_descriptor(struct testdev *dev, struct testdev_channel *ch, struct testdev_desc *desc)
{
	struct testdev_attr attr = {.pasid = ch->ring_pasid};
	uint64_t epoch = ch->epoch, fault = 0;
	int err = -EINVAL;

	if (testdev_pasid_allowed(dev, attr.pasid == DMA_NO_PASID ? 0 : TESTDEV_F_PASID, attr.pasid))
		err = testdev_copy(dev, ch, attr, ch->ring_base + ch->head * sizeof(*desc), desc, sizeof(*desc), false,
				   &fault);

	if (ch->epoch != epoch || err == -EINPROGRESS)
		return false;
	if (err == 0) {
		desc->op = le32toh(desc->op);
		desc->pasid = le32toh(desc->pasid);
		desc->src = le64toh(desc->src);
		desc->dst = le64toh(desc->dst);
		desc->len = le64toh(desc->len);
		desc->operand = le64toh(desc->operand);
		desc->status = le64toh(desc->status);
		desc->vector = le32toh(desc->vector);
		desc->cookie = le32toh(desc->cookie);
		return true;
	}
	ch->halted = true;
	ch->failed++;
	ch->last = (struct testdev_status){
		.code = field_prep32(TESTDEV_CODE_KIND, testdev_kind_of(err)) |
			field_prep32(TESTDEV_CODE_WHERE, TESTDEV_AT_DESCRIPTOR),
		.fault = fault,
	};
	return false;
}

/* Takes the next request, of the registers first. */
static void take(struct testdev *dev, struct testdev_channel *ch, unsigned n)
{
	struct testdev_desc desc;

	/* Between jobs what waited, and was refused, is the fetch of a descriptor, whenever GO was written. */
	ch->job.immediate = ch->go && !ch->refused;
	ch->job.over = false;
	if (ch->job.immediate) {
		ch->go = false;
		desc = testdev_mmio_desc(dev, n);
	} else if (!fetch_descriptor(dev, ch, &desc)) {
		return;
	}
	if (!testdev_begin(dev, ch, &desc))
		complete(dev, ch, true);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void slice(struct testdev *dev, unsigned n)
{
	struct testdev_channel *ch = &dev->channels[n];
	uint64_t end = now_ns() + TESTDEV_SLICE_NS;
	unsigned cost = 0;

	while (cost < TESTDEV_SLICE && runnable(ch) && now_ns() < end) {
		uint64_t epoch = ch->epoch;
		bool finished = false;

		if (!ch->job.active) {
			take(dev, ch, n);
			cost += TESTDEV_STEP_COST;
		} else if (ch->job.over) {
			cost += TESTDEV_REGISTER_COST;
			complete(dev, ch, false);
		} else {
			cost += testdev_step(dev, ch, &finished);
			if (finished && ch->epoch == epoch) {
				/* The status may go anywhere, too. */
				cost += ch->job.desc.op & TESTDEV_F_STATUS ? TESTDEV_REGISTER_COST : 0;
				complete(dev, ch, false);
			}
		}
	}
}

void testdev_work(struct loop_source *src)
{
	struct testdev *dev = container_of(src, struct testdev, work);
	bool more = false;

	fd_drain(src->fd);
	bus_lock(&dev->ep.vm->bus);
	for (unsigned i = 0; i < TESTDEV_CHANNELS; i++) {
		unsigned n = (dev->turn + i) % TESTDEV_CHANNELS;

		if (runnable(&dev->channels[n])) {
			dev->turn = n + 1;
			slice(dev, n);
			break;
		}
	}
	for (unsigned n = 0; n < TESTDEV_CHANNELS; n++)
		more = more || runnable(&dev->channels[n]);
	bus_unlock(&dev->ep.vm->bus);
	if (more)
		fd_signal(dev->kick);
}

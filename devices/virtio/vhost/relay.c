/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's thread: which rings the back end has, and what happens when it goes away. Data path: relay_serve.c. */
#include "relay_priv.h"

#include <errno.h>
#include <time.h>

#include "bits.h"
#include "fd.h"
#include "log.h"

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static const char *name_of(const struct relay *r)
{
	return r->config.dev->config.name;
}

static void plan_retry(struct relay *r)
{
	r->retry_at = now_ms() + r->retry_ms;
	r->retry_ms = r->retry_ms * 2 < RELAY_RETRY_MAX_MS ? r->retry_ms * 2 : RELAY_RETRY_MAX_MS;
}

/* The back end does not use any ring from here on. What it had finished counts. */
static void take_rings_back(struct relay *r)
{
	if (r->config.ops->disconnect)
		r->config.ops->disconnect(r->config.owner);
	r->up = false;
	for (unsigned i = 0; i < r->config.queues; i++) {
		struct relay_queue *q = &r->queues[i];

		if (q->begun && q->started)
			relay_complete(q);
		q->started = false;
	}
}

static void lost(struct relay *r, const char *why)
{
	take_rings_back(r);
	if (!r->config.ops->connect) {
		r->failed = true;
		log_error("%s: the back end %s; the device waits for its reset", name_of(r), why);
		virtio_needs_reset(r->config.dev);
		return;
	}
	log_warn("%s: the back end %s; %s", name_of(r), why, r->config.recovery);
	if (now_ms() - r->up_since >= RELAY_LASTS_MS)
		r->retry_ms = RELAY_RETRY_MIN_MS;
	plan_retry(r);
}

static int start_ring(struct relay *r, struct relay_queue *q)
{
	struct relay_ring ring = {
		.index = q->index,
		.size = q->ring.size,
		.desc = q->ring.desc,
		.avail = q->ring.avail,
		.used = q->ring.used,
		.kick = q->kick,
		.call = q->call,
		.err = q->err,
	};
	int err = r->config.ops->start(r->config.owner, &ring);

	q->started = err == 0;
	q->again = true;
	return err;
}

/* Tries to reach the back end and to go on where it was. */
static void reconnect(struct relay *r)
{
	int err = r->config.ops->connect(r->config.owner);

	for (unsigned i = 0; i < r->config.queues && !err; i++) {
		struct relay_queue *q = &r->queues[i];

		if (!q->begun)
			continue;
		/* Requests that it will find, and a kick that it may have missed. */
		split_ring_again(&q->ring);
		fd_drain(q->kick);
		fd_drain(q->call);
		fd_signal(q->kick);
		err = start_ring(r, q);
	}
	if (err) {
		take_rings_back(r);
		plan_retry(r);
		return;
	}
	r->up = true;
	r->up_since = now_ms();
	log_info("%s: the back end is back", name_of(r));
}

static void begin(void *owner, unsigned index)
{
	struct relay *r = owner;
	struct relay_queue *q = &r->queues[index];

	split_ring_reset(&q->ring);
	fd_drain(q->kick);
	fd_drain(q->call);
	fd_drain(q->err);
	q->begun = q->again = true;
	q->dry = q->full = q->started = false;
	if (r->up && start_ring(r, q) < 0)
		lost(r, "does not take a queue");
}

static bool any_begun(const struct relay *r)
{
	for (unsigned i = 0; i < r->config.queues; i++)
		if (r->queues[i].begun)
			return true;
	return false;
}

static void end(void *owner, unsigned index)
{
	struct relay *r = owner;
	struct relay_queue *q = &r->queues[index];
	int err = q->started ? r->config.ops->stop(r->config.owner, index) : 0;

	q->begun = q->started = false;
	if (err) {
		lost(r, "does not give a queue back");
		return;
	}
	if (any_begun(r))
		return;
	r->up |= r->failed; /* a reset is what it waited for */
	r->failed = false;
	if (r->up && r->config.ops->stopped && r->config.ops->stopped(r->config.owner) < 0)
		lost(r, "went away during a reset");
}

static int watched(const struct relay *r)
{
	return r->config.ops->watch ? r->config.ops->watch(r->config.owner) : -1;
}

static unsigned poll_fds(void *owner, struct pollfd *fds, int *timeout_ms)
{
	struct relay *r = owner;
	int64_t left = r->retry_at - now_ms();
	unsigned n = 0;

	if (r->failed)
		return 0;
	if (!r->up) {
		*timeout_ms = left > 0 ? (int)left : 0;
		return 0;
	}
	fds[n++] = (struct pollfd){.fd = watched(r), .events = POLLIN};
	for (unsigned i = 0; i < r->config.queues; i++) {
		struct relay_queue *q = &r->queues[i];

		q->at = n;
		if (!q->started)
			continue;
		fds[n++] = (struct pollfd){.fd = q->dry || q->full ? -1 : q->vq->kick, .events = POLLIN};
		fds[n++] = (struct pollfd){.fd = q->call, .events = POLLIN};
		fds[n++] = (struct pollfd){.fd = q->err, .events = POLLIN};
		if (q->again)
			*timeout_ms = 0;
	}
	return n;
}

static void work(void *owner, const struct pollfd *fds)
{
	struct relay *r = owner;

	if (r->failed)
		return;
	if (!r->up) {
		if (now_ms() >= r->retry_at)
			reconnect(r);
		return;
	}
	if (fds[0].revents && !r->config.ops->alive(r->config.owner)) {
		lost(r, "went away");
		return;
	}
	for (unsigned i = 0; i < r->config.queues; i++) {
		struct relay_queue *q = &r->queues[i];
		const struct pollfd *its = fds + q->at;

		if (!q->started || (!q->again && !its[0].revents && !its[1].revents && !its[2].revents))
			continue;
		if (its[2].revents && fd_drain(q->err)) {
			log_error("%s: the back end reports an error on queue %u; the guest must reset the device",
				  name_of(r), i);
			virtio_needs_reset(r->config.dev);
		}
		if (relay_serve(r, q) < 0) {
			lost(r, "broke a queue's used ring");
			return;
		}
	}
}

/* Device lock held. */
static void rested(void *owner)
{
	struct relay *r = owner;
	struct virtio_device *dev = r->config.dev;

	if (r->config.rested) {
		r->config.rested(dev);
		return;
	}
	if (dev->stopping) {
		if (worker_idle(r->worker))
			virtio_stopped(dev);
		return;
	}
	for (unsigned i = 0; i < r->config.queues; i++) {
		if (!(r->resting & BIT64(i)) || !worker_rests(r->worker, i))
			continue;
		r->resting &= ~BIT64(i);
		virtio_queue_stopped(dev, i);
	}
}

const struct worker_ops relay_worker_ops = {
	.begin = begin,
	.end = end,
	.poll = poll_fds,
	.work = work,
	.rested = rested,
};

void relay_start(struct relay *r, uint64_t queues)
{
	r->resting = 0;
	for (unsigned i = 0; i < r->config.queues; i++)
		if (queues & BIT64(i) && r->config.dev->queues[i].enabled)
			worker_start(r->worker, i);
}

void relay_stop(struct relay *r)
{
	r->resting = 0;
	worker_stop_all(r->worker);
	rested(r);
}

void relay_quiesce(struct relay *r)
{
	worker_quiesce(r->worker);
}

void relay_start_queue(struct relay *r, unsigned index)
{
	worker_start(r->worker, index);
}

void relay_stop_queue(struct relay *r, unsigned index)
{
	worker_stop(r->worker, index);
	r->resting |= BIT64(index);
	rested(r);
}

bool relay_wanted(const struct relay *r)
{
	return worker_wanted(r->worker);
}

bool relay_rests(struct relay *r, unsigned index)
{
	return worker_rests(r->worker, index);
}

bool relay_idle(struct relay *r)
{
	return worker_idle(r->worker);
}

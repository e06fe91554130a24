/* SPDX-License-Identifier: Apache-2.0 */
/* A virtqueue between a driver that makes random requests and a device whose side the test plays itself. */
#ifndef AERIE_VIRTQ_FIXTURE_H
#define AERIE_VIRTQ_FIXTURE_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "log.h"
#include "run_suite.h"
#include "virtio_driver.h"
#include "virtio_toy.h"

#define PIECES	 6u /* of a request, at most */
#define REQUESTS 512u
#define ARENA	 0x10000u

static struct vd_world w;
static struct vd d;
static struct toy *toy;
static struct virtq *q;
static uint64_t arena;
static uint64_t seed;

/* A request as the driver made it, by its id. */
static struct request {
	bool live;
	unsigned n;
	struct vr_buf bufs[PIECES];
	uint32_t out, in;
	uint32_t written;
} requests[REQUESTS];

/* What the device has popped and not pushed, oldest first. */
static struct held {
	uint16_t id, nr_descs;
} held[REQUESTS];
static unsigned nr_held;

static inline uint32_t rnd(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

static inline void setup(void)
{
	vd_world_start(&w);
	toy = toy_new(&w.pci.vm, VIRTIO_KICKS_DEVICE, 2, 256);
	ck_assert_ptr_nonnull(toy);
	vd_probe(&d, &w, &toy->dev, 0);
	q = &toy->dev.queues[0];
	arena = vd_alloc(&w, ARENA, 4096);
	nr_held = 0;
	memset(requests, 0, sizeof(requests));
}

static inline void teardown(void)
{
	vd_world_stop(&w);
}

static const uint64_t must_features = BIT64(VIRTIO_F_VERSION_1) | BIT64(VIRTIO_F_ACCESS_PLATFORM);

/* All mixtures of packed, event index, indirect, translator. */
#define MIXES 16

static inline void start_mix(unsigned mix, uint16_t size)
{
	uint64_t features = must_features;

	if (mix & 1)
		features |= BIT64(VIRTIO_F_RING_PACKED);
	if (mix & 2)
		features |= BIT64(VIRTIO_RING_F_EVENT_IDX);
	if (mix & 4)
		features |= BIT64(VIRTIO_RING_F_INDIRECT_DESC);
	if (mix & 8)
		vd_translate(&d);
	ck_assert(vd_init(&d, features, size));
	fd_drain(q->kick);
	while (vd_interrupts(&d, 1))
		;
}

/* Checks of the hot paths abort: those of Check are slow. */

/* The driver makes a random request available. */
static inline bool add(void)
{
	struct request r = {.live = true, .n = 1 + rnd(PIECES)};
	unsigned readable = rnd(r.n + 1);

	for (unsigned i = 0; i < r.n; i++) {
		r.bufs[i].len = 1 + (rnd(4) ? rnd(300) : rnd(9000));
		r.bufs[i].iova = arena + rnd(ARENA - r.bufs[i].len);
		r.bufs[i].write = i >= readable;
		*(r.bufs[i].write ? &r.in : &r.out) += r.bufs[i].len;
	}
	int id = vd_add(&d, 0, r.bufs, r.n);

	if (id < 0)
		return false;
	vd_must(!requests[id].live);
	requests[id] = r;
	return true;
}

/* The pieces of a chain are those of the request, in order. */
static inline void same_memory(const struct virtq_chain *c, const struct request *r)
{
	unsigned at = 0;

	vd_must(c->out_len == r->out);
	vd_must(c->in_len == r->in);
	for (unsigned i = 0; i < r->n; i++) {
		uint8_t *want = vd_mem(&w, r->bufs[i].iova, r->bufs[i].len);
		uint32_t left = r->bufs[i].len;

		while (left > 0) {
			vd_must(at < c->nr_out + c->nr_in);
			vd_must(c->iov[at].iov_base == want);
			vd_must(c->iov[at].iov_len <= left);
			vd_must((at >= c->nr_out) == r->bufs[i].write);
			want += c->iov[at].iov_len;
			left -= (uint32_t)c->iov[at++].iov_len;
		}
	}
	vd_must(at == c->nr_out + c->nr_in);
}

static inline bool pop(void)
{
	struct virtq_chain *c = &toy->chain;
	int ret = virtq_pop(q, c);

	vd_must(ret >= 0);
	if (ret == 0)
		return false;
	vd_must(requests[c->id].live);
	same_memory(c, &requests[c->id]);
	held[nr_held++] = (struct held){c->id, c->nr_descs};
	return true;
}

static inline void push(void)
{
	unsigned which = rnd(nr_held);
	struct held h = held[which];
	struct request *r = &requests[h.id];

	memmove(&held[which], &held[which + 1], (--nr_held - which) * sizeof(held[0]));
	r->written = r->in ? rnd(r->in + 1) : 0;
	virtq_push(q, h.id, h.nr_descs, r->written);
}

static inline bool collect(void)
{
	uint16_t id;
	uint32_t len;

	if (!vd_used(&d, 0, &id, &len))
		return false;
	vd_must(requests[id].live);
	vd_must(len == requests[id].written);
	requests[id].live = false;
	return true;
}

static inline unsigned live(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < REQUESTS; i++)
		n += requests[i].live;
	return n;
}

#endif

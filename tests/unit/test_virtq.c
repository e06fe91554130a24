/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtqueues against a driver written from the specification: random traffic in both layouts with every mixture of
 * features, completions out of order, and no notification lost in either direction.
 */
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

static uint32_t rnd(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

static void setup(void)
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

static void teardown(void)
{
	vd_world_stop(&w);
}

static const uint64_t must_features = BIT64(VIRTIO_F_VERSION_1) | BIT64(VIRTIO_F_ACCESS_PLATFORM);

/* All mixtures of packed, event index, indirect, translator. */
#define MIXES 16

static void start_mix(unsigned mix, uint16_t size)
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
static bool add(void)
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
static void same_memory(const struct virtq_chain *c, const struct request *r)
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

static bool pop(void)
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

static void push(void)
{
	unsigned which = rnd(nr_held);
	struct held h = held[which];
	struct request *r = &requests[h.id];

	memmove(&held[which], &held[which + 1], (--nr_held - which) * sizeof(held[0]));
	r->written = r->in ? rnd(r->in + 1) : 0;
	virtq_push(q, h.id, h.nr_descs, r->written);
}

static bool collect(void)
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

static unsigned live(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < REQUESTS; i++)
		n += requests[i].live;
	return n;
}

static void unpop_some(void)
{
	uint16_t n = (uint16_t)(1 + rnd(nr_held)), descs = 0;

	/* Only what was popped last and in a row: here the tail of the list, if nothing in it was pushed. */
	for (unsigned i = nr_held - n; i < nr_held; i++)
		descs += held[i].nr_descs;
	virtq_unpop(q, n, descs);
	nr_held -= n;
}

/* Random steps; then everything comes back. */
START_TEST(traffic)
{
	static const uint16_t sizes[] = {1, 2, 16, 256, 7, 100};
	bool packed = _i & 1;

	for (unsigned s = 0; s < (packed ? 6 : 4); s++) {
		seed = 1234 + (unsigned)_i;
		w.next_free = arena + ARENA;
		start_mix((unsigned)_i, sizes[s]);
		for (unsigned step = 0; step < 1500; step++) {
			switch (rnd(4)) {
			case 0:
				add();
				break;
			case 1:
				pop();
				break;
			case 2:
				if (nr_held > 0)
					push();
				break;
			default:
				collect();
				break;
			}
		}
		while (pop())
			;
		while (nr_held > 0)
			push();
		while (collect())
			;
		ck_assert_uint_eq(live(), 0);
		ck_assert_uint_eq(q->in_flight, 0);
		ck_assert(!virtq_available(q));
	}
}
END_TEST

/* What was popped and given back comes again, in the same order. */
START_TEST(unpop)
{
	start_mix((unsigned)_i, 16);
	for (unsigned round = 0; round < 500; round++) {
		while (add())
			;
		unsigned n = 0;

		while (n < 5 && pop())
			n++;
		struct held before[REQUESTS];

		memcpy(before, held, sizeof(before));
		unsigned had = nr_held;

		unpop_some();
		while (nr_held < had)
			ck_assert(pop());
		ck_assert_mem_eq(before, held, had * sizeof(held[0]));
		while (nr_held > 0)
			push();
		while (collect())
			;
	}
}
END_TEST

/*
 * The device sleeps when it finds the ring empty, and wakes only by a notification that the driver thinks is wanted;
 * the driver likewise with interrupts. Neither may sleep while there is something for it.
 */
START_TEST(notifications)
{
	bool device_awake = true, driver_awake = true;
	unsigned kicks = 0, done = 0;

	start_mix((unsigned)_i, 16);
	vr_interrupts(&d.q[0].ring, false);
	for (unsigned step = 0; step < 6000; step++) {
		if (rnd(3) == 0)
			add();
		if (rnd(3) == 0 && vr_kicks(&d.q[0].ring)) {
			kicks++;
			device_awake = true;
		}
		if (device_awake && rnd(3) == 0) {
			unsigned budget = 1 + rnd(4);

			while (budget > 0 && pop())
				budget--;
			if (budget > 0)
				device_awake = false;
		}
		if (nr_held > 0 && rnd(3) == 0) {
			for (unsigned n = 1 + rnd(nr_held); n > 0; n--)
				push();
			virtq_notify(q);
		}
		if (vd_interrupts(&d, 1))
			driver_awake = true;
		if (driver_awake && rnd(3) == 0) {
			while (collect())
				done++;
			vr_interrupts(&d.q[0].ring, true);
			if (!collect())
				driver_awake = false;
			else
				done++;
		}
	}
	/* Everyone does all that his wake-ups tell him. */
	for (unsigned i = 0; i < 100; i++) {
		if (vr_kicks(&d.q[0].ring))
			device_awake = true;
		if (device_awake)
			while (pop())
				;
		device_awake = false;
		while (nr_held > 0)
			push();
		virtq_notify(q);
		if (vd_interrupts(&d, 1))
			driver_awake = true;
		if (driver_awake) {
			vr_interrupts(&d.q[0].ring, true);
			while (collect())
				done++;
			vr_interrupts(&d.q[0].ring, true);
		}
		driver_awake = false;
	}
	ck_assert_uint_gt(done, 500);
	ck_assert_uint_gt(kicks, 10);
	ck_assert_uint_eq(live(), 0);
}
END_TEST

/* The driver is interrupted exactly when it asked for it. */
START_TEST(suppression)
{
	struct vr *r = &d.q[0].ring;

	start_mix((unsigned)_i, 8);
	for (unsigned round = 0; round < 40; round++) {
		unsigned n = 1 + rnd(3);

		vr_interrupts(r, round % 2 == 0);
		for (unsigned i = 0; i < n; i++) {
			ck_assert(vd_add(&d, 0, &(struct vr_buf){arena, 64, true}, 1) >= 0);
			requests[0].live = true;
			ck_assert_int_eq(virtq_pop(q, &toy->chain), 1);
			virtq_push(q, toy->chain.id, toy->chain.nr_descs, 64);
		}
		virtq_notify(q);
		ck_assert_uint_eq(vd_interrupts(&d, 1), round % 2 == 0);
		virtq_notify(q); /* nothing new */
		ck_assert_uint_eq(vd_interrupts(&d, 1), 0);
		uint16_t id;
		uint32_t len;

		while (vd_used(&d, 0, &id, &len))
			ck_assert_uint_eq(len, 64);
	}
}
END_TEST

/* virtq_want_kicks() reaches the driver. A split ring with event indices cannot say no to the entry at avail_event. */
START_TEST(want_kicks)
{
	struct vr *r = &d.q[0].ring;

	start_mix((unsigned)_i, 8);
	for (unsigned round = 0; round < 30; round++) {
		bool want = round % 3 != 0;

		virtq_want_kicks(q, want);
		ck_assert_int_ge(vd_add(&d, 0, &(struct vr_buf){arena, 64, true}, 1), 0);
		bool kicks = vr_kicks(r);

		ck_assert(kicks || !want);
		ck_assert(!kicks || want || (_i & 3) == 2);
		ck_assert(round != 9 || !kicks);
		ck_assert(virtq_available(q));
		ck_assert_int_eq(virtq_pop(q, &toy->chain), 1);
		virtq_push(q, toy->chain.id, toy->chain.nr_descs, 64);
		uint16_t id;
		uint32_t len;

		ck_assert(vd_used(&d, 0, &id, &len));
	}
}
END_TEST

/* Bus mastering off: the ring looks empty; on: what was there comes. 7.5.1.1.3 of PCIe. */
START_TEST(bus_master)
{
	start_mix((unsigned)_i, 8);
	add();
	vd_cfg_write(&d, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert(!virtq_available(q));
	ck_assert_int_eq(virtq_pop(q, &toy->chain), 0);
	ck_assert_uint_eq(fd_drain(q->kick), 0);
	vd_cfg_write(&d, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ck_assert_uint_ge(fd_drain(q->kick), 1);
	ck_assert(pop());
	ck_assert_int_eq(vd_status(&d) & VIRTIO_CONFIG_S_NEEDS_RESET, 0);
}
END_TEST

START_TEST(stopping)
{
	start_mix((unsigned)_i, 8);
	add();
	atomic_store(&q->quit, true);
	ck_assert(!virtq_available(q));
	ck_assert_int_eq(virtq_pop(q, &toy->chain), -ECANCELED);
	ck_assert(!q->broken);
}
END_TEST

/* virtq_read() and virtq_write() over pieces of odd sizes. */
START_TEST(copies)
{
	struct vr_buf bufs[] = {{arena + 1, 3, false},
				{arena + 5000, 1, false},
				{arena + 4090, 10, false},
				{arena + 9000, 2, true},
				{arena + 20000, 5000, true}};
	uint8_t out[14], in[5002], got[6000], zero[8] = {0};

	start_mix((unsigned)_i, 8);
	for (unsigned i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i + 1);
	memcpy(vd_mem(&w, arena + 1, 3), out, 3);
	memcpy(vd_mem(&w, arena + 5000, 1), out + 3, 1);
	memcpy(vd_mem(&w, arena + 4090, 10), out + 4, 10);
	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 7);
	ck_assert_int_ge(vd_add(&d, 0, bufs, 5), 0);
	ck_assert_int_eq(virtq_pop(q, &toy->chain), 1);
	const struct virtq_chain *c = &toy->chain;

	ck_assert_uint_eq(virtq_read(c, 0, got, sizeof(got)), sizeof(out));
	ck_assert_mem_eq(got, out, sizeof(out));
	ck_assert_uint_eq(virtq_read(c, 2, got, 4), 4);
	ck_assert_mem_eq(got, out + 2, 4);
	ck_assert_uint_eq(virtq_read(c, 14, got, 1), 0);
	ck_assert_uint_eq(virtq_read(c, SIZE_MAX, got, 1), 0);
	ck_assert_uint_eq(virtq_write(c, 1, in + 1, 100), 100);
	ck_assert_uint_eq(virtq_write(c, 101, in + 101, sizeof(in)), sizeof(in) - 101);
	ck_assert_mem_eq(vd_mem(&w, arena + 9000, 1), zero, 1);
	ck_assert_mem_eq(vd_mem(&w, arena + 9001, 1), in + 1, 1);
	ck_assert_mem_eq(vd_mem(&w, arena + 20000, 5000), in + 2, 5000);
	ck_assert_mem_eq(vd_mem(&w, arena + 25000, 8), zero, 8);
	ck_assert_uint_eq(virtq_write(c, 5002, in, 1), 0);
	ck_assert_uint_eq(virtq_write(c, 0, in, 0), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("virtq");
	TCase *tc = tcase_create("virtq");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, traffic, 0, MIXES);
	tcase_add_loop_test(tc, unpop, 0, MIXES);
	tcase_add_loop_test(tc, notifications, 0, MIXES);
	tcase_add_loop_test(tc, suppression, 0, MIXES);
	tcase_add_loop_test(tc, want_kicks, 0, MIXES);
	tcase_add_loop_test(tc, bus_master, 0, MIXES);
	tcase_add_loop_test(tc, stopping, 0, MIXES);
	tcase_add_loop_test(tc, copies, 0, MIXES);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Driver and device on threads of their own, each asleep until it is notified: a lost notification, or memory seen in
 * the wrong order, ends the test. Also run with the thread sanitizer.
 */
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "log.h"
#include "run_suite.h"
#include "virtio_driver.h"
#include "virtio_toy.h"

#define REQUESTS 20000u
#define BUFS	 64u
#define PATIENCE 10000 /* ms */

static struct vd_world w;
static struct vd d;
static struct toy *toy;
static uint64_t arena;

static void setup(void)
{
	vd_world_start(&w);
	toy = toy_new(&w.pci.vm, VIRTIO_KICKS_DEVICE, 1, 64);
	vd_probe(&d, &w, &toy->dev, 0);
	arena = vd_alloc(&w, BUFS * 64, 64);
}

static void teardown(void)
{
	vd_world_stop(&w);
}

static bool wait_fd(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (poll(&p, 1, PATIENCE) != 1)
		return false;
	fd_drain(fd);
	return true;
}

/* Answers each request with its number plus one, until it gets number UINT32_MAX. */
static void *device(void *opaque)
{
	struct virtq *q = &toy->dev.queues[0];
	uint32_t value = 0;

	while (value != UINT32_MAX) {
		int ret = virtq_pop(q, &toy->chain);

		if (ret < 0)
			return (void *)(intptr_t)ret;
		if (ret == 0) {
			virtq_notify(q);
			if (!wait_fd(q->kick))
				return (void *)(intptr_t)-ETIMEDOUT;
			continue;
		}
		if (virtq_read(&toy->chain, 0, &value, 4) != 4)
			return (void *)(intptr_t)-EINVAL;
		uint32_t answer = value + 1;

		virtq_push(q, toy->chain.id, toy->chain.nr_descs,
			   (uint32_t)virtq_write(&toy->chain, 0, &answer, sizeof(answer)));
		if (value % 3 == 0)
			virtq_notify(q);
	}
	virtq_notify(q);
	return NULL;
}

/* Slot @n of the arena holds the request and, behind it, the answer. */
static bool send(unsigned n, uint32_t value)
{
	uint64_t at = arena + 64 * n;
	struct vr_buf bufs[2] = {{at, 4, false}, {at + 32, 4, true}};

	memcpy(vd_mem(&w, at, 4), &value, 4);
	return vr_add(&d.q[0].ring, bufs, 2) >= 0;
}

static int drive(void)
{
	struct vr *r = &d.q[0].ring;
	uint32_t sent = 0, done = 0, len;
	int fd = pci_endpoint_vector_fd(&toy->dev.ep, 1);
	uint16_t id;

	while (done < REQUESTS) {
		bool moved = false;

		while (sent < REQUESTS && sent - done < BUFS && send(sent % BUFS, sent))
			sent++, moved = true;
		if (moved && vr_kicks(r))
			fd_signal(toy->dev.queues[0].kick);
		vr_interrupts(r, false);
		for (moved = false; vr_used(r, &id, &len); moved = true, done++) {
			uint32_t answer;

			memcpy(&answer, vd_mem(&w, arena + 64 * (done % BUFS) + 32, 4), 4);
			if (len != 4 || answer != done + 1)
				return -EIO;
		}
		if (moved)
			continue;
		vr_interrupts(r, true);
		bool used = r->packed ? !!(vr_get16(r->desc_mem + 16 * r->next_used + 14) & VIRTQ_DESC_F_USED) ==
						r->used_wrap
				      : vr_get16(r->device_mem + VIRTQ_USED_IDX) != r->next_used;

		if (!used && !wait_fd(fd))
			return -ETIMEDOUT;
	}
	if (!send(0, UINT32_MAX))
		return -ENOSPC;
	fd_signal(toy->dev.queues[0].kick);
	return 0;
}

START_TEST(race)
{
	static const uint64_t must = BIT64(VIRTIO_F_VERSION_1) | BIT64(VIRTIO_F_ACCESS_PLATFORM);
	pthread_t thread;
	void *result;

	ck_assert(vd_init(
		&d, must | (_i & 1 ? BIT64(VIRTIO_F_RING_PACKED) : 0) | (_i & 2 ? BIT64(VIRTIO_RING_F_EVENT_IDX) : 0),
		16));
	ck_assert_int_eq(pthread_create(&thread, NULL, device, NULL), 0);
	int ret = drive();

	pthread_join(thread, &result);
	ck_assert_int_eq(ret, 0);
	ck_assert_int_eq((int)(intptr_t)result, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("virtq_race");
	TCase *tc = tcase_create("race");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 100);
	tcase_add_loop_test(tc, race, 0, 4);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications of virtqueues in both directions: none is lost, and none comes that was not asked for. */
#include "virtq_fixture.h"

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

/* One entry after the other: with event indices the interrupt comes with the entry that was named, and only there. */
START_TEST(event_index)
{
	struct vr *r = &d.q[0].ring;
	uint16_t pushed = 0, id;
	uint32_t len;

	start_mix((unsigned)_i, 8);
	for (unsigned round = 0; round < 100; round++) {
		unsigned ahead = rnd(5), n = 1 + rnd(7);

		if (r->packed) {
			uint16_t at = (uint16_t)(r->next_used + ahead);
			bool wrap = r->used_wrap ^ (at >= r->size);

			vr_put16(r->driver_mem, (uint16_t)(at % r->size | (wrap ? VIRTQ_EVENT_WRAP : 0)));
			vr_put16(r->driver_mem + VIRTQ_EVENT_FLAGS, VIRTQ_EVENT_AT_DESC);
		} else {
			vr_put16(r->driver_mem + VIRTQ_AVAIL_RING + 2 * r->size, (uint16_t)(pushed + ahead));
		}
		for (unsigned i = 0; i < n; i++, pushed++) {
			ck_assert_int_ge(vd_add(&d, 0, &(struct vr_buf){arena, 64, true}, 1), 0);
			ck_assert_int_eq(virtq_pop(q, &toy->chain), 1);
			virtq_push(q, toy->chain.id, toy->chain.nr_descs, 64);
			virtq_notify(q);
			ck_assert_uint_eq(vd_interrupts(&d, 1), i == ahead);
		}
		while (vd_used(&d, 0, &id, &len))
			;
	}
}
END_TEST

/* A translator under which the driver adds a request at the moment at which the device writes where it wants to be
 * notified: too late for a notification, so the device must look once more. */
static bool armed;

static int adds_late(void *owner, uint32_t pasid, uint64_t iova, unsigned access, struct dma_target *out)
{
	if (armed && (access & DMA_WRITE)) {
		armed = false;
		vd_must(vr_add(&d.q[0].ring, &(struct vr_buf){arena + d.shift, 64, true}, 1) >= 0);
		vr_kicks(&d.q[0].ring);
	}
	return vd_translate_one(owner, pasid, iova, access, out);
}

START_TEST(late_request)
{
	static const struct dma_translator translator = {.translate = adds_late};

	start_mix((unsigned)_i | 8, 8);
	for (unsigned round = 0; round < 20; round++) {
		dma_space_set_translator(&toy->dev.ep.dma, &translator, &d);
		armed = true;
		ck_assert_int_eq(virtq_pop(q, &toy->chain), 1);
		ck_assert(!armed);
		virtq_push(q, toy->chain.id, toy->chain.nr_descs, 0);
		uint16_t id;
		uint32_t len;

		ck_assert(vd_used(&d, 0, &id, &len));
		/* What was not popped cannot be given back. */
		virtq_push(q, id, 1, 0);
		ck_assert(!vd_used(&d, 0, &id, &len));
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

int main(void)
{
	Suite *s = suite_create("virtq_notify");
	TCase *tc = tcase_create("virtq_notify");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, notifications, 0, MIXES);
	tcase_add_loop_test(tc, suppression, 0, MIXES);
	tcase_add_loop_test(tc, event_index, 2, 4);
	tcase_add_loop_test(tc, event_index, 6, 8);
	tcase_add_loop_test(tc, late_request, 2, 4);
	tcase_add_loop_test(tc, want_kicks, 0, MIXES);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

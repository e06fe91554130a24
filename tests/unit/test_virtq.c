/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtqueues against a driver written from the specification: random traffic in both layouts with every mixture of
 * features, completions out of order, and what a device asks of its queue.
 */
#include "virtq_fixture.h"

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
	tcase_add_loop_test(tc, bus_master, 0, MIXES);
	tcase_add_loop_test(tc, stopping, 0, MIXES);
	tcase_add_loop_test(tc, copies, 0, MIXES);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

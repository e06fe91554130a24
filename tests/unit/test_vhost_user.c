/* SPDX-License-Identifier: Apache-2.0 */
/* vhost-user and the relay, with a back end in a thread: data, life, and back ends that go away. */
#include "vhost_fixture.h"

#include "run_suite.h"

#define PACKED BIT(VIRTIO_F_RING_PACKED)

/* Bit 0: packed ring, 1: behind a translator, 2: no indirect tables in the back end, 3: no acknowledgements there, 4:
 * no indirect tables in the guest. */
static void start_variant(int n)
{
	uint64_t features = VD_ALL;

	if (!(n & 1))
		features &= ~PACKED;
	if (n & 4)
		options.features &= ~BIT(VIRTIO_RING_F_INDIRECT_DESC);
	if (n & 8)
		options.protocol &= ~BIT(VU_PROTOCOL_F_REPLY_ACK);
	if (n & 16)
		features &= ~BIT(VIRTIO_RING_F_INDIRECT_DESC);
	begin(features, n & 2);
	ck_assert(drv.q[0].ring.packed == (n & 1));
}

START_TEST(echoes)
{
	start_variant(_i);
	check_works();
	eventually(fake_vu_ring_runs(vu, 1));
	ck_assert_uint_eq(fake_vu_acked(vu) & ~BIT(VIRTIO_RING_F_INDIRECT_DESC),
			  BIT(VIRTIO_F_VERSION_1) | BIT(VU_F_PROTOCOL_FEATURES) | VU_DEVICE_BITS);
	ck_assert_uint_gt(vd_interrupts(&drv, 1), 0);
	if (_i & 2)
		ck_assert_uint_gt(drv.translations, 0);
	ck_assert_uint_eq(drv.faults, 0);
}
END_TEST

/* Pieces of all sizes, across pages, more of them than a small ring has entries. */
START_TEST(many_pieces)
{
	struct vr_buf bufs[40];
	uint8_t expect[20 * 300];
	uint16_t id;
	uint32_t len;

	start_variant(_i);
	for (unsigned round = 0; round < 30; round++) {
		unsigned n = 2 + round % 19, total = 0;

		for (unsigned i = 0; i < 2 * n; i++) {
			uint32_t size = 1 + (i % n * 37 + round) % 300;

			bufs[i] = (struct vr_buf){vd_alloc(&world, 400, 1), size, i >= n};
			for (unsigned k = 0; i < n && k < size; k++, total++)
				expect[total] = *(uint8_t *)vd_mem(&world, bufs[i].iova + k, 1) =
					(uint8_t)(round + total * 7);
		}
		ck_assert_int_ge(vd_add(&drv, 0, bufs, 2 * n), 0);
		vd_kick_if_wanted(&drv, 0);
		ck_assert(vd_wait(&drv, 0, &id, &len, 10000));
		ck_assert_uint_eq(len, total);
		total = 0;
		for (unsigned i = n; i < 2 * n; i++)
			for (unsigned k = 0; k < bufs[i].len; k++, total++)
				ck_assert_uint_eq(*(uint8_t *)vd_mem(&world, bufs[i].iova + k, 1), expect[total]);
	}
}
END_TEST

/* The ring always full, for a while. */
START_TEST(full_ring)
{
	uint64_t to[64];
	uint32_t tag_of[64], next = 1, len, seen = 0;
	uint16_t id;

	start_variant(_i);
	while (seen < 2000) {
		struct vr *r = &drv.q[0].ring;
		bool room = r->nr_free > 0 && (!r->packed || r->slots > 1) &&
			    (r->packed || r->indirect || r->nr_free > 1) &&
			    world.next_free < VD_RAM + VD_RAM_SIZE - 4096;

		if (room && next <= 2000) {
			uint64_t at;
			int made = send_tag(0, next, &at);

			to[made] = at;
			tag_of[made] = next++;
			continue;
		}
		ck_assert(vd_wait(&drv, 0, &id, &len, 10000));
		ck_assert_uint_eq(len, 16);
		ck_assert_uint_eq(tag_at(to[id]), tag_of[id]);
		seen++;
	}
	ck_assert_uint_eq(fake_vu_seen(vu), 2000);
	for (unsigned i = 0; i < 2000; i++)
		ck_assert_uint_eq(fake_vu_tag(vu, i), i + 1);
}
END_TEST

START_TEST(configuration_space)
{
	begin(VD_ALL, false);
	ck_assert_uint_eq(drv.config_len, 16);
	ck_assert_uint_eq(vd_config(&drv, 4, 4), 0x47464544);
	vd_write(&drv, drv.config + 8, 2, 0xbeef);
	ck_assert_uint_eq(fake_vu_config_byte(vu, 8), 0xef);
	ck_assert_uint_eq(fake_vu_config_byte(vu, 9), 0xbe);
	ck_assert_uint_eq(vd_config(&drv, 8, 2), 0xbeef);
	uint64_t own = ((BIT(24) - 1) | ~(BIT(50) - 1)) & vd_offered(&drv);

	ck_assert_uint_eq(own, VU_DEVICE_BITS);
}
END_TEST

/* What the driver does not accept the back end does not get. */
START_TEST(fewer_features)
{
	begin(~BIT(55), false);
	check_works();
	ck_assert_uint_eq(fake_vu_acked(vu) & VU_DEVICE_BITS, BIT(3));
}
END_TEST

START_TEST(device_reset)
{
	uint64_t to;

	begin(_i ? VD_ALL : ~PACKED, true);
	for (unsigned round = 0; round < 5; round++) {
		fake_vu_hold(vu, true);
		for (unsigned i = 0; i < 10; i++)
			send_tag(i % 2, i, &to);
		bool wait = round % 2;

		if (wait)
			eventually(fake_vu_in_flight(vu) == 10);
		unsigned resets = fake_vu_requests(vu, VU_RESET_DEVICE);

		vd_reset(&drv);
		ck_assert_uint_eq(fake_vu_in_flight(vu), 0);
		ck_assert(!fake_vu_ring_runs(vu, 0));
		if (wait)
			ck_assert_uint_eq(fake_vu_requests(vu, VU_RESET_DEVICE), resets + 1);
		fake_vu_hold(vu, false);
		ck_assert(vd_init(&drv, _i ? VD_ALL : ~PACKED, 64));
		check_works();
	}
	ck_silent();
}
END_TEST

START_TEST(queue_reset)
{
	uint64_t to;

	begin(_i ? VD_ALL : ~PACKED, false);
	ck_assert(vd_has(&drv, VIRTIO_F_RING_RESET));
	for (unsigned round = 0; round < 3; round++) {
		fake_vu_hold(vu, true);
		send_tag(0, 1, &to);
		send_tag(1, 2, &to);
		eventually(fake_vu_in_flight(vu) == 2);
		vd_set(&drv, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
		vd_set(&drv, VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
		eventually(vd_get(&drv, VIRTIO_PCI_COMMON_Q_RESET, 2) == 0 &&
			   vd_get(&drv, VIRTIO_PCI_COMMON_Q_ENABLE, 2) == 0);
		ck_assert_uint_eq(fake_vu_in_flight(vu), 1);
		ck_assert(!fake_vu_ring_runs(vu, 0) && fake_vu_ring_runs(vu, 1));
		fake_vu_hold(vu, false);
		vd_queue(&drv, 0, 64);
		uint16_t id;
		uint32_t len;

		ck_assert(vd_wait(&drv, 1, &id, &len, 10000));
		check_works();
	}
	ck_silent();
}
END_TEST

/* The function is reset in the middle of things: nothing may wait for the event loop. */
START_TEST(function_reset)
{
	uint64_t to;

	begin(VD_ALL, true);
	for (unsigned round = 0; round < 3; round++) {
		fake_vu_hold(vu, true);
		for (unsigned i = 0; i < 10; i++)
			send_tag(i % 2, i, &to);
		ck_assert_int_eq(pci_function_reset(&drv.dev->ep.fn), 0);
		ck_assert(!fake_vu_ring_runs(vu, 0) && !fake_vu_ring_runs(vu, 1));
		fake_vu_hold(vu, false);
		vd_enable_pci(&drv);
		ck_assert_uint_eq(vd_status(&drv), 0);
		ck_assert(vd_init(&drv, VD_ALL, 64));
		check_works();
	}
}
END_TEST

/* Requests that a back end had when it went away come again, in the same order, and each is answered once. */
static void check_all_once(unsigned n, const int *ids, const uint64_t *to)
{
	unsigned times[64] = {0};
	uint16_t id;
	uint32_t len;

	for (unsigned i = 0; i < n; i++) {
		ck_assert(vd_wait(&drv, 0, &id, &len, 10000));
		times[id]++;
	}
	usleep(20000);
	ck_assert(!vd_used(&drv, 0, &id, &len));
	for (unsigned i = 0; i < n; i++) {
		ck_assert_uint_eq(times[ids[i]], 1);
		ck_assert_uint_eq(tag_at(to[i]), 100 + i);
	}
}

START_TEST(goes_away)
{
	int ids[20];
	uint64_t to[20];

	start_variant(_i);
	check_works();
	unsigned before = fake_vu_seen(vu);

	fake_vu_hold(vu, true);
	for (unsigned i = 0; i < 20; i++)
		ids[i] = send_tag(0, 100 + i, &to[i]);
	eventually(fake_vu_in_flight(vu) == 20);
	fake_vu_drop(vu);
	eventually(fake_vu_connections(vu) == 2 && fake_vu_in_flight(vu) == 20);
	for (unsigned i = 0; i < 40; i++)
		ck_assert_uint_eq(fake_vu_tag(vu, before + i), 100 + i % 20);
	fake_vu_hold(vu, false);
	check_all_once(20, ids, to);
	check_works();
	ck_said("vu0: the back end went away; waiting for it at");
	ck_said("vu0: the back end is back");
}
END_TEST

/* It stays away for a while, the guest goes on sending, and another process takes the place. */
START_TEST(is_replaced)
{
	int ids[10];
	uint64_t to[10];

	begin(_i & 1 ? VD_ALL : ~PACKED, _i & 2);
	fake_vu_hold(vu, true);
	for (unsigned i = 0; i < 5; i++)
		ids[i] = send_tag(0, 100 + i, &to[i]);
	eventually(fake_vu_in_flight(vu) == 5);
	fake_vu_stop(vu);
	vu = NULL;
	eventually(said("went away"));
	for (unsigned i = 5; i < 10; i++)
		ids[i] = send_tag(0, 100 + i, &to[i]);
	usleep(400000);
	vu = fake_vu_start(path, &options);
	check_all_once(10, ids, to);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_uint_eq(fake_vu_tag(vu, i), 100 + i);
	check_works();
	ck_assert_uint_eq(captured_errors, 0);
}
END_TEST

/* A reset, and another start, while nobody is there. */
START_TEST(reset_while_away)
{
	uint64_t to;

	begin(VD_ALL, false);
	fake_vu_hold(vu, true);
	send_tag(0, 1, &to);
	eventually(fake_vu_in_flight(vu) == 1);
	fake_vu_stop(vu);
	vu = NULL;
	eventually(said("went away"));
	vd_reset(&drv);
	ck_assert(vd_init(&drv, VD_ALL, 64));
	int id = send_tag(0, 100, &to);

	vu = fake_vu_start(path, &options);
	check_all_once(1, &id, &to);
	ck_assert_uint_eq(fake_vu_seen(vu), 1);
}
END_TEST

/* One that can less than the guest was told does not count as back. */
START_TEST(comes_back_poorer)
{
	int ids[1];
	uint64_t to[1];

	begin(VD_ALL, false);
	check_works();
	options.features &= ~BIT(3);
	fake_vu_options_set(vu, &options);
	fake_vu_hold(vu, true);
	ids[0] = send_tag(0, 100, &to[0]);
	eventually(fake_vu_in_flight(vu) == 1);
	fake_vu_drop(vu);
	eventually(said("lacks features 0x8,"));
	ck_assert(!said("is back"));
	options.features |= BIT(3);
	fake_vu_options_set(vu, &options);
	fake_vu_hold(vu, false);
	check_all_once(1, ids, to);
}
END_TEST

/* Another configuration is news for the guest. */
START_TEST(comes_back_changed)
{
	begin(VD_ALL, false);
	check_works();
	uint64_t generation = vd_get(&drv, VIRTIO_PCI_COMMON_CFGGENERATION, 1);

	options.config[4] = 0x99;
	fake_vu_options_set(vu, &options);
	vd_interrupts(&drv, 0);
	fake_vu_drop(vu);
	eventually(said("is back"));
	vd_pump(&world);
	ck_assert_uint_eq(vd_config(&drv, 4, 1), 0x99);
	ck_assert_uint_ne(vd_get(&drv, VIRTIO_PCI_COMMON_CFGGENERATION, 1), generation);
	ck_assert_uint_gt(vd_interrupts(&drv, 0), 0);
	check_works();
}
END_TEST

/* News for the guest while it writes to the configuration space, and interrupts need the device lock (translations have
 * changed): the one that tells must not keep the writer from getting on. */
START_TEST(comes_back_changed_meanwhile)
{
	begin(VD_ALL, false);
	check_works();
	options.config[4] = 0x99;
	fake_vu_options_set(vu, &options);
	vd_interrupts(&drv, 0);
	bus_lock(&world.pci.vm.bus);
	dma_space_invalidate(&drv.dev->ep.dma);
	fake_vu_drop(vu);
	for (unsigned i = 0; fake_vu_connections(vu) < 2; i++) {
		ck_assert_uint_lt(i, 20000);
		usleep(500);
	}
	usleep(100000);
	vd_write(&drv, drv.config + 8, 1, 0x12);
	bus_unlock(&world.pci.vm.bus);
	eventually(said("is back"));
	eventually(vd_interrupts(&drv, 0) > 0);
	ck_assert_uint_eq(vd_config(&drv, 4, 1), 0x99);
	ck_assert_uint_eq(vd_config(&drv, 8, 1), 0x12);
	check_works();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vhost_user");
	TCase *t = tcase_create("vhost_user");

	tcase_add_checked_fixture(t, fixture_setup, fixture_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, echoes, 0, 32);
	tcase_add_loop_test(t, many_pieces, 0, 32);
	tcase_add_loop_test(t, full_ring, 0, 32);
	tcase_add_test(t, configuration_space);
	tcase_add_test(t, fewer_features);
	tcase_add_loop_test(t, device_reset, 0, 2);
	tcase_add_loop_test(t, queue_reset, 0, 2);
	tcase_add_test(t, function_reset);
	tcase_add_loop_test(t, goes_away, 0, 32);
	tcase_add_loop_test(t, is_replaced, 0, 4);
	tcase_add_test(t, reset_while_away);
	tcase_add_test(t, comes_back_poorer);
	tcase_add_test(t, comes_back_changed);
	tcase_add_test(t, comes_back_changed_meanwhile);
	suite_add_tcase(suite, t);
	return run_suite(suite);
}

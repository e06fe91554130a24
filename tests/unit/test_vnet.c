/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-net on a tap, with threads of our own. */
#include "vnet_fixture.h"

#include "run_suite.h"

#define PACKED	  BIT(VIRTIO_F_RING_PACKED)
#define MERGEABLE BIT(VIRTIO_NET_F_MRG_RXBUF)

static uint64_t variant_features(int n)
{
	return VD_ALL & ~(n & 1 ? 0 : PACKED) & ~(n & 4 ? BIT(VIRTIO_RING_F_EVENT_IDX) : 0);
}

static void start_variant(int n)
{
	begin(VHOST_OFF, 1, variant_features(n), n & 2);
}

static bool frame_at_tap(unsigned queue, const uint8_t *frame, size_t len)
{
	static uint8_t got[70000];
	ssize_t n = recv(fake_vhost.tap[queue], got, sizeof(got), MSG_DONTWAIT);

	if (n < 0)
		return false;
	ck_assert_int_eq(n, (ssize_t)len);
	ck_assert_mem_eq(got, frame, len);
	return true;
}

START_TEST(sends)
{
	static const uint32_t sizes[] = {HDR + 14, HDR + 60, HDR + 1514, HDR + 9000, HDR + 65549};
	static uint8_t frame[70000];
	uint16_t id;
	uint32_t len;

	start_variant(_i);
	for (unsigned i = 0; i < 100; i++) {
		uint32_t size = sizes[i % 5 < 4 || i < 10 ? i % 5 : 0];

		fill(frame, size, i);
		guest_sends(1, frame, size);
		eventually(frame_at_tap(0, frame, size));
		ck_assert(vd_wait(&drv, 1, &id, &len, 10000));
		ck_assert_uint_eq(len, 0);
	}
	ck_assert_uint_gt(vd_interrupts(&drv, 2), 0);
	ck_silent();
}
END_TEST

/* Frames of any size, into buffers of any size, in order. */
static void receive_frame(const uint64_t *bufs, uint32_t size, const uint8_t *frame, uint32_t len)
{
	static uint8_t got[70000];
	unsigned n = (len + size - 1) / size;
	uint32_t at = 0, used;
	uint16_t id;

	for (unsigned i = 0; i < n; i++) {
		ck_assert(vd_wait(&drv, 0, &id, &used, 10000));
		ck_assert_uint_eq(used, i + 1 < n ? size : len - at);
		memcpy(got + at, vd_mem(&world, bufs[i], used), used);
		at += used;
	}
	ck_assert_uint_eq(at, len);
	ck_assert_uint_eq(got[10] | got[11] << 8, n);
	ck_assert_mem_eq(got + HDR, frame + HDR, len - HDR);
}

START_TEST(receives)
{
	static const uint32_t buffers[] = {16, 100, 1526, 4096, 65562};
	static uint8_t frame[70000];
	uint64_t bufs[64];

	start_variant(_i % 8);
	uint32_t size = buffers[_i / 8], max = size * 60 < 65562 ? size * 60 : 65562;

	for (unsigned round = 0; round < 8; round++) {
		uint32_t len = HDR + 14 + round * 9973 % (max - HDR - 14);
		unsigned n = (len + size - 1) / size;

		fill(frame, len, round);
		ck_assert_int_eq(send(fake_vhost.tap[0], frame, len, 0), len);
		/* Half of the buffers before the frame, and half when it waits already. */
		for (unsigned i = 0; i < n; i++) {
			bufs[i] = add_buffer(0, size, true);
			if (i == n / 2) {
				vd_kick_if_wanted(&drv, 0);
				usleep(round % 3 * 1000);
			}
		}
		vd_kick_if_wanted(&drv, 0);
		receive_frame(bufs, size, frame, len);
	}
	ck_silent();
}
END_TEST

/* The buffers of a frame come back together: a driver that has seen the first takes the others (5.1.6.4). */
START_TEST(whole_frames)
{
	enum { SIZE = 128, N = 20, ROUNDS = 100 };
	static uint8_t frame[SIZE * N];
	uint32_t used;
	uint16_t id;

	start_variant(_i);
	fill(frame, sizeof(frame), 3);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < N; i++)
			add_buffer(0, SIZE, true);
		vd_kick_if_wanted(&drv, 0);
		ck_assert_int_eq(send(fake_vhost.tap[0], frame, sizeof(frame), 0), sizeof(frame));
		for (unsigned spins = 0; !vd_used(&drv, 0, &id, &used); spins++)
			ck_assert_uint_lt(spins, 1000000000);
		for (unsigned i = 1; i < N; i++)
			ck_assert_msg(vd_used(&drv, 0, &id, &used), "round %u: %u buffers of %u", round, i, N);
	}
	ck_silent();
}
END_TEST

/* Without MRG_RXBUF a frame has one buffer, and what does not fit is lost. */
START_TEST(not_mergeable)
{
	static uint8_t frame[4000];
	uint64_t bufs[1];

	begin(VHOST_OFF, 1, variant_features(_i) & ~MERGEABLE, _i & 2);
	fill(frame, sizeof(frame), 1);
	ck_assert_int_eq(send(fake_vhost.tap[0], frame, 2000, 0), 2000);
	ck_assert_int_eq(send(fake_vhost.tap[0], frame, 1000, 0), 1000);
	bufs[0] = add_buffer(0, 1526, true);
	vd_kick(&drv, 0);
	receive_frame(bufs, 1526, frame, 1000);
}
END_TEST

/* A buffer without room for the header is the driver's error. */
START_TEST(tiny_buffer)
{
	static uint8_t frame[100];

	begin(VHOST_OFF, 1, variant_features(_i), _i & 2);
	add_buffer(0, 8, true);
	vd_kick(&drv, 0);
	ck_assert_int_eq(send(fake_vhost.tap[0], frame, sizeof(frame), 0), sizeof(frame));
	eventually(vd_status(&drv) & VIRTIO_CONFIG_S_NEEDS_RESET);
	ck_said("a receive buffer of 8 bytes has no room for the header");
}
END_TEST

START_TEST(many_both_ways)
{
	static uint8_t frame[200], got[200];
	uint64_t bufs[64];
	unsigned sent = 0, arrived = 0, received = 0;
	uint16_t id;
	uint32_t len;

	start_variant(_i);
	for (unsigned i = 0; i < 32; i++) {
		uint64_t at = vd_alloc(&world, sizeof(frame), 8);
		struct vr_buf buf = {at, sizeof(frame), true};
		int made = vd_add(&drv, 0, &buf, 1);

		ck_assert_int_ge(made, 0);
		bufs[made] = at;
	}
	vd_kick(&drv, 0);
	while (arrived < 3000 || received < 3000) {
		vd_pump(&world);
		while (vd_used(&drv, 1, &id, &len))
			continue;
		if (sent < 3000 && sent - arrived < 30 && drv.q[1].ring.nr_free) {
			uint64_t at = VD_RAM + 0x1000000 + sent % 64 * 256;
			struct vr_buf buf = {at, sizeof(frame), false};

			fill(frame, sizeof(frame), sent);
			memcpy(vd_mem(&world, at, sizeof(frame)), frame, sizeof(frame));
			ck_assert_int_ge(vd_add(&drv, 1, &buf, 1), 0);
			vd_kick_if_wanted(&drv, 1);
			sent++;
		}
		/* The other end sends back what it gets. */
		while (recv(fake_vhost.tap[0], got, sizeof(got), MSG_DONTWAIT) == sizeof(got)) {
			fill(frame, sizeof(frame), arrived++);
			ck_assert_mem_eq(got, frame, sizeof(frame));
			ck_assert_int_eq(send(fake_vhost.tap[0], got, sizeof(got), 0), sizeof(got));
		}
		while (vd_used(&drv, 0, &id, &len)) {
			uint8_t *mem = vd_mem(&world, bufs[id], sizeof(frame));
			uint64_t at = bufs[id];
			struct vr_buf buf = {at, sizeof(frame), true};

			ck_assert_uint_eq(len, sizeof(frame));
			fill(frame, sizeof(frame), received++);
			ck_assert_mem_eq(mem + HDR, frame + HDR, sizeof(frame) - HDR);
			int made = vd_add(&drv, 0, &buf, 1);

			bufs[made] = at;
			vd_kick_if_wanted(&drv, 0);
		}
	}
}
END_TEST

START_TEST(configuration_space)
{
	struct vnet_config config = tap_config(VHOST_OFF, 1);
	struct virtio_device *dev;
	uint8_t mac[6], again[6];

	fake_vhost.mtu = 9000;
	begin(VHOST_OFF, 1, VD_ALL, false);
	for (unsigned i = 0; i < 6; i++)
		mac[i] = (uint8_t)vd_config(&drv, i, 1);
	ck_assert_uint_eq(mac[0], 2);
	ck_assert_uint_eq(vd_config(&drv, 6, 2), VIRTIO_NET_S_LINK_UP);
	ck_assert_uint_eq(vd_config(&drv, 10, 2), 9000);
	ck_assert_uint_eq(drv.config_len, 12);
	ck_assert(!vd_has(&drv, VIRTIO_NET_F_MQ));

	ck_assert_int_eq(virtio_net_create(&dev, &world.pci.vm, &config), 0);
	vd_probe(&drv, &world, dev, 1);
	for (unsigned i = 0; i < 6; i++)
		again[i] = (uint8_t)vd_config(&drv, i, 1);
	ck_assert_mem_eq(mac, again, 6);
	config.name = "net1";
	ck_assert_int_eq(virtio_net_create(&dev, &world.pci.vm, &config), 0);
	vd_probe(&drv, &world, dev, 2);
	for (unsigned i = 0; i < 6; i++)
		again[i] = (uint8_t)vd_config(&drv, i, 1);
	ck_assert_mem_ne(mac, again, 6);
	memcpy(config.mac, "\x52\x54\0\1\2\3", 6);
	config.has_mac = true;
	ck_assert_int_eq(virtio_net_create(&dev, &world.pci.vm, &config), 0);
	vd_probe(&drv, &world, dev, 3);
	ck_assert_uint_eq(vd_config(&drv, 0, 4), 0x01005452);
}
END_TEST

START_TEST(commands)
{
	uint8_t one = 1, two = 2;
	uint16_t pairs = 1;
	uint32_t table[2] = {0, 0}, bad_table[2] = {1, 0};

	start_variant(_i);
	ck_assert_uint_eq(command(2, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &one, 1), VIRTIO_NET_OK);
	ck_assert_uint_eq(command(2, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, &one, 1), VIRTIO_NET_OK);
	ck_assert_uint_eq(command(2, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &two, 1), VIRTIO_NET_ERR);
	ck_assert_uint_eq(command(2, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &one, 0), VIRTIO_NET_ERR);
	ck_assert_uint_eq(command(2, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_NOBCAST, &one, 1), VIRTIO_NET_ERR);
	ck_assert_uint_eq(command(2, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, table, 8), VIRTIO_NET_OK);
	ck_assert_uint_eq(command(2, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, bad_table, 8), VIRTIO_NET_ERR);
	ck_assert_uint_eq(command(2, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, "abcdef", 6), VIRTIO_NET_OK);
	ck_assert_uint_eq(vd_config(&drv, 0, 4), 0x64636261);
	ck_assert_uint_eq(command(2, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, "ghijk", 5), VIRTIO_NET_ERR);
	ck_assert_uint_eq(vd_config(&drv, 0, 4), 0x64636261);
	ck_assert_uint_eq(command(2, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &pairs, 2), VIRTIO_NET_ERR);
	ck_assert_uint_eq(command(2, 77, 0, &one, 1), VIRTIO_NET_ERR);
	vd_reset(&drv);
	ck_assert_uint_ne(vd_config(&drv, 0, 4), 0x64636261);
	ck_silent();
}
END_TEST

START_TEST(offloads)
{
	static const struct {
		uint64_t take;
		unsigned long offload;
	} rows[] = {
		{0, 0},
		{BIT(VIRTIO_NET_F_GUEST_CSUM), TUN_F_CSUM},
		{BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_ECN),
		 TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO_ECN},
		{BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_GUEST_TSO6), TUN_F_CSUM | TUN_F_TSO6},
		{BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_GUEST_USO4) | BIT(VIRTIO_NET_F_GUEST_USO6),
		 TUN_F_CSUM | TUN_F_USO4 | TUN_F_USO6},
		{BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_GUEST_USO4), TUN_F_CSUM},
	};
	uint64_t must = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_ACCESS_PLATFORM);

	begin(VHOST_OFF, 1, VD_ALL, false);
	ck_assert_uint_eq(fake_vhost.offload[0],
			  TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert(vd_init(&drv, must | rows[i].take, 64));
		ck_assert_uint_eq(fake_vhost.offload[0], rows[i].offload);
	}
	/* 5.1.3.1: what needs checksums, or a control queue, cannot be without. */
	static const unsigned lonely[] = {VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_USO6, VIRTIO_NET_F_HOST_TSO6,
					  VIRTIO_NET_F_HOST_ECN, VIRTIO_NET_F_CTRL_RX};

	for (size_t i = 0; i < sizeof(lonely) / sizeof(lonely[0]); i++)
		ck_assert(!vd_negotiate(&drv, must | BIT(lonely[i])));
}
END_TEST

START_TEST(old_kernel)
{
	fake_vhost.no_uso = true;
	begin(VHOST_OFF, 1, VD_ALL, false);
	ck_assert(!vd_has(&drv, VIRTIO_NET_F_GUEST_USO4) && !vd_has(&drv, VIRTIO_NET_F_HOST_USO));
	ck_assert_uint_eq(fake_vhost.offload[0], TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN);
	ck_silent();
}
END_TEST

/* Several pairs: one at first, and as many as the driver says. */
START_TEST(queue_pairs)
{
	static uint8_t frame[100];
	uint16_t pairs = 3, none = 0, many = 5;

	begin(VHOST_OFF, 4, variant_features(_i), _i & 2);
	ck_assert_uint_eq(vd_config(&drv, 8, 2), 4);
	ck_assert(fake_vhost.attached[0] && !fake_vhost.attached[1] && !fake_vhost.attached[3]);
	ck_assert_uint_eq(command(8, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &pairs, 2), VIRTIO_NET_OK);
	ck_assert(fake_vhost.attached[0] && fake_vhost.attached[2] && !fake_vhost.attached[3]);
	ck_assert_uint_eq(command(8, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &none, 2), VIRTIO_NET_ERR);
	ck_assert_uint_eq(command(8, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &many, 2), VIRTIO_NET_ERR);
	for (unsigned i = 0; i < 3; i++) {
		fill(frame, sizeof(frame), i);
		guest_sends(2 * i + 1, frame, sizeof(frame));
		eventually(frame_at_tap(i, frame, sizeof(frame)));
	}
	vd_reset(&drv);
	ck_assert(vd_init(&drv, variant_features(_i) & ~BIT(VIRTIO_NET_F_MQ), 64));
	ck_assert(fake_vhost.attached[0] && !fake_vhost.attached[1]);
	/* Without MQ the control queue is number 2 (5.1.2). */
	ck_assert_uint_eq(command(2, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, "abcdef", 6), VIRTIO_NET_OK);
}
END_TEST

START_TEST(resets)
{
	static uint8_t frame[1000];

	start_variant(_i);
	for (unsigned round = 0; round < 5; round++) {
		fill(frame, sizeof(frame), round);
		send(fake_vhost.tap[0], frame, sizeof(frame), 0);
		guest_sends(1, frame, sizeof(frame));
		add_buffer(0, 100, true);
		vd_kick(&drv, 0);
		if (round % 2)
			vd_reset(&drv);
		else
			ck_assert_int_eq(pci_function_reset(&drv.dev->ep.fn), 0);
		vd_enable_pci(&drv);
		ck_assert(vd_init(&drv, variant_features(_i), 64));
	}
	while (recv(fake_vhost.tap[0], frame, sizeof(frame), MSG_DONTWAIT) > 0)
		continue;
	fill(frame, sizeof(frame), 99);
	guest_sends(1, frame, sizeof(frame));
	eventually(frame_at_tap(0, frame, sizeof(frame)));
	ck_silent();
}
END_TEST

START_TEST(queue_resets)
{
	static uint8_t frame[1000];
	uint64_t bufs[10];

	start_variant(_i);
	fill(frame, sizeof(frame), 3);
	add_buffer(0, 100, true);
	for (unsigned q = 0; q < 3; q++) {
		vd_set(&drv, VIRTIO_PCI_COMMON_Q_SELECT, 2, q);
		vd_set(&drv, VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
		eventually(vd_get(&drv, VIRTIO_PCI_COMMON_Q_RESET, 2) == 0);
		vd_queue(&drv, q, 64);
	}
	guest_sends(1, frame, sizeof(frame));
	eventually(frame_at_tap(0, frame, sizeof(frame)));
	send(fake_vhost.tap[0], frame, sizeof(frame), 0);
	for (unsigned i = 0; i < 10; i++)
		bufs[i] = add_buffer(0, 100, true);
	vd_kick(&drv, 0);
	receive_frame(bufs, 100, frame, sizeof(frame));
	ck_assert_uint_eq(command(2, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, "abcdef", 6), VIRTIO_NET_OK);
	ck_silent();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vnet");
	TCase *t = tcase_create("vnet");

	tcase_add_checked_fixture(t, fixture_setup, fixture_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, sends, 0, 8);
	tcase_add_loop_test(t, receives, 0, 40);
	tcase_add_loop_test(t, whole_frames, 0, 8);
	tcase_add_loop_test(t, not_mergeable, 0, 8);
	tcase_add_loop_test(t, tiny_buffer, 0, 4);
	tcase_add_loop_test(t, many_both_ways, 0, 8);
	tcase_add_test(t, configuration_space);
	tcase_add_loop_test(t, commands, 0, 4);
	tcase_add_test(t, offloads);
	tcase_add_test(t, old_kernel);
	tcase_add_loop_test(t, queue_pairs, 0, 4);
	tcase_add_loop_test(t, resets, 0, 4);
	tcase_add_loop_test(t, queue_resets, 0, 4);
	suite_add_tcase(suite, t);
	return run_suite(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Devices in the kernel: virtio-net with vhost-net and virtio-vsock, on the guest's rings and through the relay; and
 * what is refused when they are created. */
#include <errno.h>
#include <fcntl.h>

#include "vnet_fixture.h"

#include "run_suite.h"
#include "virtq.h"
#include "vsock.h"

static struct fake_vhost_dev *kernel = &fake_vhost.dev[0];

/* A frame each way through the kernel's device @n. */
static void check_traffic(unsigned n)
{
	static uint8_t frame[500], got[500];
	uint32_t len;
	uint16_t id;

	for (unsigned i = 0; i < 20; i++) {
		uint64_t to = add_buffer(2 * n, sizeof(frame), true);

		vd_kick_if_wanted(&drv, 2 * n);
		fill(frame, sizeof(frame), i);
		guest_sends(2 * n + 1, frame, sizeof(frame));
		len = sizeof(got);
		eventually(fake_vhost_serve(n, 1, got, &len, NULL, 0));
		ck_assert_uint_eq(len, sizeof(frame));
		ck_assert_mem_eq(got, frame, sizeof(frame));
		ck_assert(vd_wait(&drv, 2 * n + 1, &id, &len, 10000));
		len = 0;
		eventually(fake_vhost_serve(n, 0, got, &len, frame, sizeof(frame)));
		ck_assert(vd_wait(&drv, 2 * n, &id, &len, 10000));
		ck_assert_uint_eq(len, sizeof(frame));
		ck_assert_mem_eq(vd_mem(&world, to, sizeof(frame)), frame, sizeof(frame));
	}
	ck_assert_uint_gt(vd_interrupts(&drv, 2 * n + 2), 0);
}

static bool is_direct(unsigned ring, unsigned queue)
{
	return kernel->ring[ring].addr.desc_user_addr ==
	       (uintptr_t)vd_mem(&world, drv.q[queue].ring.desc - drv.shift, 16);
}

START_TEST(direct)
{
	begin(VHOST_ON, 1, VD_ALL, false);
	ck_assert(!vd_has(&drv, VIRTIO_F_RING_PACKED));
	ck_assert(is_direct(0, 0) && is_direct(1, 1));
	ck_assert_int_eq(kernel->ring[0].kick, drv.dev->queues[0].kick);
	ck_assert_int_eq(kernel->ring[0].call, pci_endpoint_vector_fd(&drv.dev->ep, 1));
	ck_assert_int_eq(kernel->ring[1].call, pci_endpoint_vector_fd(&drv.dev->ep, 2));
	ck_assert_uint_eq(kernel->acked, BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_MRG_RXBUF) |
						 BIT(VIRTIO_RING_F_INDIRECT_DESC) | BIT(VIRTIO_RING_F_EVENT_IDX));
	ck_assert_uint_eq(kernel->nr_regions, 1);
	check_traffic(0);
	ck_assert_uint_eq(fake_vhost.offload[0] & TUN_F_CSUM, TUN_F_CSUM);
	ck_assert_uint_eq(command(2, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, "abcdef", 6), VIRTIO_NET_OK);

	/* Another vector, none, and no bus mastering. */
	vd_set(&drv, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	vd_set(&drv, VIRTIO_PCI_COMMON_Q_MSIX, 2, 3);
	ck_assert_int_eq(kernel->ring[0].call, pci_endpoint_vector_fd(&drv.dev->ep, 3));
	vd_set(&drv, VIRTIO_PCI_COMMON_Q_MSIX, 2, VIRTIO_MSI_NO_VECTOR);
	ck_assert_int_eq(kernel->ring[0].call, -1);
	vd_cfg_write(&drv, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert_int_eq(kernel->ring[0].backend, -1);
	vd_cfg_write(&drv, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ck_assert_int_ge(kernel->ring[0].backend, 0);
	check_traffic(0);

	vd_reset(&drv);
	ck_assert_int_eq(kernel->ring[0].backend, -1);
	ck_assert_int_eq(kernel->ring[1].backend, -1);
	ck_assert(vd_init(&drv, VD_ALL, 64));
	check_traffic(0);
	ck_assert_int_eq(pci_function_reset(&drv.dev->ep.fn), 0);
	ck_assert_int_eq(kernel->ring[1].backend, -1);
	ck_silent();
}
END_TEST

/* DRIVER_OK, and a queue that begins again, while bus mastering is off: the kernel has no business in guest memory. */
START_TEST(bus_master_off)
{
	begin(VHOST_ON, 1, VD_ALL, false);
	vd_reset(&drv);
	vd_cfg_write(&drv, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert(vd_init(&drv, VD_ALL, 64));
	ck_assert_int_eq(kernel->ring[0].backend, -1);
	ck_assert_int_eq(kernel->ring[1].backend, -1);
	vd_set(&drv, VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
	vd_set(&drv, VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
	eventually(vd_get(&drv, VIRTIO_PCI_COMMON_Q_RESET, 2) == 0);
	vd_queue(&drv, 1, 64);
	ck_assert_int_eq(kernel->ring[1].backend, -1);
	vd_cfg_write(&drv, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	check_traffic(0);
	ck_silent();
}
END_TEST

START_TEST(queue_reset)
{
	begin(VHOST_ON, 1, VD_ALL, _i);
	for (unsigned q = 0; q < 2; q++) {
		vd_set(&drv, VIRTIO_PCI_COMMON_Q_SELECT, 2, q);
		vd_set(&drv, VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
		eventually(vd_get(&drv, VIRTIO_PCI_COMMON_Q_RESET, 2) == 0);
		ck_assert_int_eq(kernel->ring[q].backend, -1);
		vd_queue(&drv, q, 64);
	}
	check_traffic(0);
	ck_silent();
}
END_TEST

START_TEST(relayed)
{
	begin(VHOST_ON, 1, VD_ALL, true);
	check_traffic(0);
	ck_assert(!is_direct(0, 0) && !is_direct(1, 1));
	ck_assert_uint_eq(kernel->nr_regions, 2);
	ck_assert_uint_gt(drv.translations, 0);
	for (unsigned i = 0; i < 3; i++) {
		if (i % 2)
			vd_reset(&drv);
		else
			ck_assert_int_eq(pci_function_reset(&drv.dev->ep.fn), 0);
		ck_assert_int_eq(kernel->ring[0].backend, -1);
		ck_assert_int_eq(kernel->ring[1].backend, -1);
		vd_enable_pci(&drv);
		ck_assert(vd_init(&drv, VD_ALL, 64));
		check_traffic(0);
	}
	ck_silent();
}
END_TEST

/* What the back end gives back at once comes back to the guest at once: it may be the buffers of one frame (5.1.6.4).
 */
START_TEST(relayed_together)
{
	enum { N = 20, ROUNDS = 100 };
	uint32_t len;
	uint16_t id;

	begin(VHOST_ON, 1, _i ? VD_ALL : ~BIT(VIRTIO_F_RING_PACKED), true);
	check_traffic(0);
	struct vring_avail *avail = (struct vring_avail *)(uintptr_t)kernel->ring[0].addr.avail_user_addr;
	struct vring_used *used = (struct vring_used *)(uintptr_t)kernel->ring[0].addr.used_user_addr;
	unsigned mask = kernel->ring[0].num - 1u;

	for (uint16_t at = avail->idx; at < ROUNDS * N; at = (uint16_t)(at + N)) {
		for (unsigned i = 0; i < N; i++)
			add_buffer(0, 64, true);
		vd_kick_if_wanted(&drv, 0);
		eventually(__atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE) == at + N);
		for (unsigned i = 0; i < N; i++)
			used->ring[(at + i) & mask] = (struct vring_used_elem){avail->ring[(at + i) & mask], 64};
		__atomic_store_n(&used->idx, (uint16_t)(at + N), __ATOMIC_RELEASE);
		fd_signal(kernel->ring[0].call);
		for (unsigned spins = 0; !vd_used(&drv, 0, &id, &len); spins++)
			ck_assert_uint_lt(spins, 1000000000);
		for (unsigned i = 1; i < N; i++)
			ck_assert_msg(vd_used(&drv, 0, &id, &len), "%u buffers of %u", i, N);
	}
	ck_silent();
}
END_TEST

START_TEST(two_pairs)
{
	uint16_t pairs = 2;

	begin(VHOST_AUTO, 2, VD_ALL, _i);
	ck_assert_uint_eq(command(4, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &pairs, 2), VIRTIO_NET_OK);
	check_traffic(0);
	check_traffic(1);
	ck_silent();
}
END_TEST

/* Rings that are not in RAM, told to a device that uses them as they are. */
START_TEST(rings_beyond)
{
	begin(VHOST_ON, 1, VD_ALL, false);
	vd_reset(&drv);
	ck_assert(vd_negotiate(&drv, vd_offered(&drv)));
	for (unsigned i = 0; i < 3; i++)
		vd_queue(&drv, i, 64);
	ck_assert_int_eq(pci_function_reset(&drv.dev->ep.fn), 0);
	vd_enable_pci(&drv);
	ck_assert(vd_negotiate(&drv, vd_offered(&drv)));
	vd_set(&drv, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	vd_set(&drv, VIRTIO_PCI_COMMON_Q_DESCLO, 8, 0x1000);
	vd_set(&drv, VIRTIO_PCI_COMMON_Q_AVAILLO, 8, VD_RAM + VD_RAM_SIZE - 16);
	vd_set(&drv, VIRTIO_PCI_COMMON_Q_USEDLO, 8, VD_RAM);
	vd_set(&drv, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	vd_driver_ok(&drv);
	ck_assert(vd_status(&drv) & VIRTIO_CONFIG_S_NEEDS_RESET);
	ck_assert_int_eq(kernel->ring[0].backend, -1);
	ck_assert(vd_init(&drv, VD_ALL, 64));
	check_traffic(0);
}
END_TEST

/* ---- vsock ---- */

static void begin_vsock(uint64_t features, bool translated)
{
	struct virtio_device *dev;

	ck_assert_int_eq(virtio_vsock_create(&dev, &world.pci.vm, "vsock0", 0x12345), 0);
	vd_probe(&drv, &world, dev, 0);
	if (translated)
		vd_translate(&drv);
	ck_assert(vd_init(&drv, features, 64));
}

START_TEST(vsock)
{
	begin_vsock(VD_ALL, _i);
	ck_assert_uint_eq(kernel->cid, 0x12345);
	ck_assert_uint_eq(vd_config(&drv, 0, 8), 0x12345);
	ck_assert(vd_has(&drv, 1) && !vd_has(&drv, VIRTIO_F_RING_RESET));
	eventually(kernel->running);
	ck_assert(kernel->acked & BIT(1));
	for (unsigned round = 0; round < 4; round++) {
		check_traffic(0);
		if (!_i) {
			vd_cfg_write(&drv, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
			ck_assert(!kernel->running);
			vd_cfg_write(&drv, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
			check_traffic(0);
		}
		if (round % 2)
			vd_reset(&drv);
		else
			ck_assert_int_eq(pci_function_reset(&drv.dev->ep.fn), 0);
		ck_assert(!kernel->running);
		vd_enable_pci(&drv);
		ck_assert(vd_init(&drv, VD_ALL, 64));
	}
	ck_silent();
}
END_TEST

START_TEST(vsock_bus_master_off)
{
	begin_vsock(VD_ALL, false);
	vd_reset(&drv);
	vd_cfg_write(&drv, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert(vd_init(&drv, VD_ALL, 64));
	ck_assert(!kernel->running);
	vd_cfg_write(&drv, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ck_assert(kernel->running);
	check_traffic(0);
	ck_silent();
}
END_TEST

START_TEST(vsock_refused)
{
	struct virtio_device *dev;
	static const uint64_t bad[] = {0, 1, 2, UINT32_MAX, UINT64_C(1) << 32};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(virtio_vsock_create(&dev, &world.pci.vm, "vsock0", bad[i]), -EINVAL);
	fake_vhost.cid_taken = true;
	ck_assert_int_eq(virtio_vsock_create(&dev, &world.pci.vm, "vsock0", 7), -EADDRINUSE);
	ck_said("another VM has it");
	fake_vhost.no_vsock = true;
	ck_assert_int_eq(virtio_vsock_create(&dev, &world.pci.vm, "vsock0", 7), -ENOENT);
	ck_said("load the module vhost_vsock");
}
END_TEST

/* ---- Refusals ---- */

START_TEST(refused)
{
	static const struct {
		struct vnet_config config;
		bool no_tap, no_net;
		unsigned long flags;
		int tap_error;
		const char *says;
	} rows[] = {
		{{.tap = "tap0"}, .no_tap = true, .says = "no network interface tap0; create it with `ip tuntap add"},
		{{.tap = "no-such"}, .says = "no network interface no-such"},
		{{.tap = "tap0"}, .flags = IFF_TUN, .says = "tap0 is no tap"},
		{{.tap = "tap0", .queue_pairs = 2}, .says = "has one queue"},
		{{.tap = "tap0"}, .tap_error = EBUSY, .says = "another program uses it"},
		{{.tap = "tap0"}, .tap_error = EPERM, .says = "user USER"},
		{{.tap = "../tap0"}, .says = "is no name"},
		{{.tap = ""}, .says = "is no name"},
		{{.tap = "a-name-that-is-too-long"}, .says = "is no name"},
		{{.tap = "tap0", .vhost = VHOST_ON}, .no_net = true, .says = "load the module vhost_net"},
		{{.tap = "tap0", .user = true}, .says = "exactly one of"},
		{{.tap = NULL}, .says = "exactly one of"},
		{{.tap = "tap0", .queue_pairs = VNET_MAX_PAIRS + 1}, .says = "17 queue pairs"},
		{{.user = true, .queue_pairs = 2}, .says = "passt has one"},
		{{.tap = "tap0", .mac = {1}, .has_mac = true}, .says = "multicast"},
		{{.user = true}, .says = "cannot find the program passt: install the package"},
		{{.socket = "/nonexistent/socket"}, .says = "start it first"},
	};
	struct vnet_config config = rows[_i].config;
	struct virtio_device *dev;

	config.name = "net0";
	fake_vhost.no_tap = rows[_i].no_tap;
	fake_vhost.no_net = rows[_i].no_net;
	fake_vhost.tap_error = rows[_i].tap_error;
	if (rows[_i].flags)
		fake_vhost.tun_flags = rows[_i].flags;
	setenv("PATH", "/nonexistent", 1);
	ck_assert_int_lt(virtio_net_create(&dev, &world.pci.vm, &config), 0);
	ck_assert_uint_eq(captured_errors, 1);
	ck_said(rows[_i].says);
	ck_said("net0: ");
}
END_TEST

/* Without vhost-net "auto" means threads of our own. */
START_TEST(falls_back)
{
	static uint8_t frame[100];

	fake_vhost.no_net = true;
	begin(VHOST_AUTO, 1, VD_ALL, false);
	guest_sends(1, frame, sizeof(frame));
	eventually(recv(fake_vhost.tap[0], frame, sizeof(frame), MSG_DONTWAIT) == sizeof(frame));
	ck_silent();
}
END_TEST

/* Each call of the host fails in turn: one message, and nothing is left (the fixture looks). */
START_TEST(fails_whole)
{
	static const enum vhost_use uses[] = {VHOST_OFF, VHOST_ON};
	bool failed = true;

	for (unsigned nth = 1; failed; nth++) {
		struct vnet_config config = tap_config(uses[_i % 2], 2);
		struct virtio_device *dev = NULL;

		fake_vhost.tun_flags |= IFF_MULTI_QUEUE;
		fake_fail_nth(nth, EMFILE);
		int err = _i == 2 ? virtio_vsock_create(&dev, &world.pci.vm, "vsock0", 5)
				  : virtio_net_create(&dev, &world.pci.vm, &config);

		char call[96];

		failed = fake_failed();
		snprintf(call, sizeof(call), "%s", fake_failed_call());
		fake_fail_nth(0, 0);
		/* A tap that knows no offloads will do. */
		ck_assert_msg(err == 0 ? !failed || strstr(call, "ioctl") : captured_errors == 1, "%s:\n%s", call,
			      captured);
		if (dev)
			vd_probe(&drv, &world, dev, 0);
		fixture_teardown();
		fixture_setup();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vnet_vhost");
	TCase *t = tcase_create("vnet_vhost");

	tcase_add_checked_fixture(t, fixture_setup, fixture_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, direct);
	tcase_add_test(t, bus_master_off);
	tcase_add_loop_test(t, queue_reset, 0, 2);
	tcase_add_test(t, relayed);
	tcase_add_loop_test(t, relayed_together, 0, 2);
	tcase_add_loop_test(t, two_pairs, 0, 2);
	tcase_add_test(t, rings_beyond);
	tcase_add_loop_test(t, vsock, 0, 2);
	tcase_add_test(t, vsock_bus_master_off);
	tcase_add_test(t, vsock_refused);
	tcase_add_loop_test(t, refused, 0, 17);
	tcase_add_test(t, falls_back);
	tcase_add_loop_test(t, fails_whole, 0, 3);
	suite_add_tcase(suite, t);
	return run_suite(suite);
}

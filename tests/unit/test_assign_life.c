/* SPDX-License-Identifier: Apache-2.0 */
/* An assigned device from creation to the hand-back: reset, events, and each host call failing in turn. */
#include "assign_later_fixture.h"

START_TEST(create_and_destroy)
{
	fake_vfio_set(dev, PCI_COMMAND, 2, PCI_COMMAND_MASTER); /* the last user left it so */
	ck_assert_int_eq(rig_create(true), 0);
	ck_assert_uint_eq(dev->resets, 1);
	ck_assert_uint_eq(dev->config[PCI_COMMAND], 0);
	ck_assert_str_eq(assigned_function(a)->name, RIG_BDF);
	ck_assert_str_eq(assigned_host_dev(a)->bdf, RIG_BDF);
	ck_assert_ptr_null(dev->attached);
	ck_assert_int_ge(dev->err_fd, 0);
	ck_assert_int_ge(dev->req_fd, 0);
	ck_assert(a->err.added && a->req.added);
	assigned_destroy(a);
	a = NULL;
	assigned_destroy(NULL);
	ck_assert(!dev->open);
	ck_assert_uint_eq(dev->resets, 2);
	ck_silent();
}
END_TEST

/* Each call through sys.h fails in turn: one error, nothing left behind, and the next try works. */
START_TEST(create_fails_everywhere)
{
	unsigned n = 1, ignored = 0;

	for (;; n++) {
		int err;

		capture_begin();
		fake_fail_nth(n, EMFILE);
		err = rig_create(true);
		bool failed = fake_failed();
		char call[64];
		snprintf(call, sizeof(call), "%s", fake_failed_call());
		fake_fail_nth(0, 0);
		if (!failed)
			break;
		/* a reset that fails, an optional interrupt that cannot be asked for: said or not, not fatal */
		if (err == 0) {
			/* (class of a group's member: unknown counts as no bridge, which is the safe side) */
			bool class_of_member = strstr(call, "/class") && ++ignored <= 2;
			ck_assert_msg(strstr(call, "RESET") || strstr(call, "GET_IRQ_INFO") || class_of_member,
				      "%s was ignored", call);
			assigned_destroy(a);
			a = NULL;
		} else {
			ck_assert_msg(captured_errors == 1, "%s: %u errors:\n%s", call, captured_errors, captured);
			ck_assert_ptr_null(a);
		}
		ck_assert(!dev->open);
		ck_assert_int_eq(dev->active, -1);
	}
	ck_assert_uint_gt(n, 20);
}
END_TEST

START_TEST(guest_resets)
{
	start(true);
	for (unsigned round = 0; round < 3; round++) {
		unsigned resets = dev->resets;

		guest_enable();
		mem_write(RIG_BAR + 0x2000, 8, 0x08090040);
		mem_write(RIG_BAR + 0x2008, 8, 1);
		cfg_write(0xb2, 2, PCI_MSIX_FLAGS_ENABLE);
		ck_assert_uint_eq(irqs.connected, 1);
		ck_assert_uint_eq(nr_slots, 1);
		fd_signal(a->irq.vectors[0].route.eventfd);

		ck_assert_int_eq(pci_function_reset(&a->fn), 0);
		ck_assert_uint_eq(dev->resets, resets + 1);
		ck_assert_int_eq(dev->active, -1);
		ck_assert_uint_eq(irqs.connected, 0);
		ck_assert_uint_eq(nr_slots, 0);
		ck_assert_uint_eq(dev->config[PCI_COMMAND], 0);
		ck_assert_uint_eq(cfg_read(0xb2, 2), 64);
		ck_assert(!irq_route_pending(&a->irq.vectors[0].route));
	}
	ck_silent();
}
END_TEST

START_TEST(reset_fails)
{
	start(true);
	guest_enable();
	dev->reset_err = EAGAIN;
	ck_assert_int_eq(pci_function_reset(&a->fn), 0);
	ck_said("cannot reset it");
	ck_assert_uint_eq(dev->config[PCI_COMMAND], 0);
	dev->reset_err = 0;
}
END_TEST

START_TEST(no_reset)
{
	dev->can_reset = false;
	start(true);
	ck_said("no function reset");
	guest_enable();
	ck_assert_int_eq(pci_function_reset(&a->fn), 0);
	ck_assert_uint_eq(dev->config[PCI_COMMAND], 0);
	ck_assert_uint_eq(dev->resets, 0);
}
END_TEST

START_TEST(events)
{
	start(true);
	fd_signal(dev->err_fd);
	a->err.handler(&a->err);
	ck_said(RIG_BDF ": the device has reported an uncorrectable PCIe error");
	ck_assert_uint_eq(fd_drain(dev->err_fd), 0);
	fd_signal(dev->req_fd);
	a->req.handler(&a->req);
	ck_said("shut the guest down");
	ck_assert_uint_eq(fd_drain(dev->req_fd), 0);
}
END_TEST

START_TEST(events_are_optional)
{
	dev->irqs[VFIO_PCI_ERR_IRQ_INDEX].count = 0;
	start(true);
	ck_assert(!a->err.added);
	ck_assert(a->req.added);
	ck_silent();
}
END_TEST

/* Destroyed by the host bridge while everything is on: rig_end() looks at what is left. */
START_TEST(destroyed_in_use)
{
	start(true);
	guest_enable();
	cfg_write(0xb2, 2, PCI_MSIX_FLAGS_ENABLE);
	mem_write(RIG_BAR + 0x2008, 8, 1);
	ck_assert_uint_eq(irqs.connected, 1);
}
END_TEST

START_TEST(not_a_pci_device_in_sysfs)
{
	struct assign_config config = {.bdf = "0000:00:1f.0", .iommufd = &iommufd};

	ck_assert_int_eq(assigned_create(&a, &vm, &config), -ENOENT);
	ck_assert_ptr_null(a);
	ck_said("no such PCI device");
	ck_assert_uint_eq(captured_errors, 1);
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, create_and_destroy);
	tcase_add_test(t, create_fails_everywhere);
	tcase_add_test(t, guest_resets);
	tcase_add_test(t, reset_fails);
	tcase_add_test(t, no_reset);
	tcase_add_test(t, events);
	tcase_add_test(t, events_are_optional);
	tcase_add_test(t, destroyed_in_use);
	tcase_add_test(t, not_a_pci_device_in_sysfs);
}

RIG_MAIN("assign_life", add_tests)

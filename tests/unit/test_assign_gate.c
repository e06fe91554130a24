/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: what a guest can and cannot do in front of it, what breaks a lock, and in which order things then happen.
 */
#include "assign_rig.h"

static struct iommu_obj *ioas;

static struct {
	unsigned calls, resets_then;
	enum assign_break why;
	char what[64];
	bool dma_then;	       /* the device could do DMA while the owner was told */
	unsigned slots_then;   /* ... and the guest reach so many pieces of its BARs */
	uint16_t command_then; /* COMMAND of the device */
} told;

static uint16_t device_command(void)
{
	return (uint16_t)(dev->config[PCI_COMMAND] | dev->config[PCI_COMMAND + 1] << 8);
}

static void broken(void *opaque, enum assign_break why, const char *what)
{
	ck_assert_ptr_eq(opaque, &told);
	told.calls++;
	told.why = why;
	snprintf(told.what, sizeof(told.what), "%s", what);
	told.dma_then = dev->attached != NULL;
	told.slots_then = nr_slots;
	told.resets_then = dev->resets;
	told.command_then = device_command();
}

static void setup(void)
{
	const struct assign_gate_config gate = {.broken = broken, .opaque = &told};
	struct assign_config config = {.bdf = RIG_BDF, .iommufd = &iommufd, .translated = true, .gate = &gate};

	rig_begin();
	memset(&told, 0, sizeof(told));
	fake_vfio_nvme(dev, bar0);
	fake_vfio_add(dev, RIG_BDF);
	ck_assert_int_eq(assigned_create(&a, &vm, &config), 0);
	rig_place();
	ck_assert_int_eq(ioas_create(&iommufd, &ioas), 0);
	ck_assert_int_eq(host_dev_attach(assigned_host_dev(a), ioas), 0);
}

static void teardown(void)
{
	host_dev_detach(assigned_host_dev(a));
	iommu_obj_destroy(&ioas);
	rig_end();
}

static bool dma_open(void)
{
	return dev->attached != NULL;
}

static void lock_and_open(void)
{
	ck_assert_int_eq(assigned_hold(a), 0);
	ck_assert(!dma_open());
	ck_assert_int_eq(assigned_open(a, NULL, 0, true), 0);
}

/* Closed: nothing of the guest's reaches the device, and the device reaches nothing. */
START_TEST(closed_from_the_start)
{
	ck_assert(!assigned_is_open(a));
	ck_assert(!dma_open());
	guest_enable();
	ck_assert_uint_eq(nr_slots, 0);
	bar0[0x10] = 0x5a;
	ck_assert_uint_eq(mem_read(RIG_BAR + 0x10, 4), 0xffffffff);
	mem_write(RIG_BAR + 0x14, 4, 0x12345678);
	ck_assert_uint_eq(bar0[0x14], 0);
	ck_assert(!dma_open());
	ck_assert_uint_eq(device_command() & (PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY), 0);
	ck_assert_uint_eq(cfg_read(PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	/* attachments of the guest's IOMMU wait for the opening */
	host_dev_detach(assigned_host_dev(a));
	ck_assert_int_eq(host_dev_attach(assigned_host_dev(a), ioas), 0);
	ck_assert(!dma_open());
	ck_assert_uint_eq(told.calls, 0);
	ck_silent();
}
END_TEST

/* Opened without a lock, in the middle of a guest's life: all of it is there at once. */
START_TEST(opens)
{
	guest_enable();
	ck_assert_int_eq(assigned_open(a, NULL, 0, false), 0);
	ck_assert(assigned_is_open(a) && dma_open());
	ck_assert_uint_eq(nr_slots, 1);
	ck_assert_uint_eq(device_command(), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	/* ... and the guest may turn off what it likes */
	cfg_write(PCI_COMMAND, 2, 0);
	ck_assert_uint_eq(device_command(), 0);
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(nr_slots, 1);
	ck_assert_uint_eq(told.calls, 0);
	assigned_close(a);
	ck_assert(!dma_open());
	ck_assert_uint_eq(nr_slots, 0);
	ck_assert_uint_eq(device_command(), 0);
	ck_silent();
}
END_TEST

/* Under a lock the device's COMMAND is ours: the guest's takes effect in front of it. */
START_TEST(locked_before_the_guest_enables)
{
	ck_assert_int_eq(assigned_hold(a), 0);
	ck_assert_uint_eq(device_command(), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ck_assert_uint_eq(cfg_read(PCI_COMMAND, 2), 0);
	ck_assert_int_eq(assigned_open(a, NULL, 0, true), 0);
	ck_assert(!dma_open()); /* the guest has not turned bus mastering on */
	/* sizing BARs, as every guest does */
	cfg_write(PCI_BASE_ADDRESS_0, 4, 0xffffffff);
	cfg_write(PCI_BASE_ADDRESS_0, 4, 0);
	guest_enable();
	ck_assert(dma_open());
	ck_assert_uint_eq(nr_slots, 1);
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
	ck_assert_uint_eq(device_command(), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
	ck_assert_uint_eq(told.calls, 0);
	ck_silent();
}
END_TEST

/* What each of these does: one call, DMA and BARs gone before it, the device as it was when it was locked. */
static void check_broken(const char *what)
{
	ck_assert_uint_eq(told.calls, 1);
	ck_assert_int_eq(told.why, ASSIGN_BREAK_LOCK);
	ck_assert_str_eq(told.what, what);
	ck_assert(!told.dma_then);
	ck_assert_uint_eq(told.slots_then, 0);
	ck_assert_uint_eq(told.command_then, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ck_assert(!assigned_is_open(a) && !dma_open());
	ck_assert_uint_eq(mem_read(RIG_BAR + 0x10, 4), 0xffffffff);
	/* turning things on again does not help */
	guest_enable();
	ck_assert(!dma_open());
	ck_assert_uint_eq(nr_slots, 0);
	ck_assert_uint_eq(told.calls, 1);
}

START_TEST(broken_by_bus_mastering)
{
	lock_and_open();
	guest_enable();
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(cfg_read(PCI_COMMAND, 2), PCI_COMMAND_MEMORY);
	check_broken("bus mastering was turned off");
}
END_TEST

START_TEST(broken_by_memory_decoding)
{
	lock_and_open();
	guest_enable();
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	check_broken("memory decoding was turned off");
}
END_TEST

START_TEST(broken_by_a_moved_bar)
{
	lock_and_open();
	guest_enable();
	cfg_write(PCI_BASE_ADDRESS_0, 4, (uint32_t)RIG_BAR + 0x100000);
	check_broken("a BAR was moved");
}
END_TEST

/* The reset comes after the gate, and before anything is enabled too. */
START_TEST(broken_by_a_reset)
{
	unsigned devctl = find_cap(PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL, resets = dev->resets;

	lock_and_open();
	if (_i == 0)
		guest_enable();
	cfg_write(devctl, 2, PCI_EXP_DEVCTL_BCR_FLR);
	ck_assert_uint_eq(told.calls, 1);
	ck_assert_int_eq(told.why, ASSIGN_BREAK_LOCK);
	ck_assert(!told.dma_then);
	ck_assert_uint_eq(told.resets_then, resets);
	ck_assert_uint_eq(dev->resets, resets + 1);
	ck_assert(!assigned_is_open(a) && !dma_open());
}
END_TEST

/* Without a lock it is no offence, but who the device is has to be asked again. */
START_TEST(reset_without_a_lock)
{
	unsigned devctl = find_cap(PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;

	ck_assert_int_eq(assigned_open(a, NULL, 0, false), 0);
	guest_enable();
	cfg_write(devctl, 2, PCI_EXP_DEVCTL_BCR_FLR);
	ck_assert_uint_eq(told.calls, 1);
	ck_assert_int_eq(told.why, ASSIGN_BREAK_RESET);
	ck_assert(!told.dma_then && !dma_open());
	ck_assert_int_eq(assigned_open(a, NULL, 0, false), 0);
	ck_assert(dma_open());
}
END_TEST

/* A device that is blocked, not yet trusted or not any more, has no way to interrupt the guest: INTx is no DMA. */
START_TEST(interrupts)
{
	unsigned msix = find_cap(PCI_CAP_ID_MSIX);

	guest_enable();
	ck_assert_int_eq(dev->active, -1);
	cfg_write(msix + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	ck_assert_int_eq(dev->active, -1);
	lock_and_open();
	ck_assert_int_eq(dev->active, VFIO_PCI_MSIX_IRQ_INDEX);
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert_int_eq(dev->active, -1);
	cfg_write(msix + PCI_MSIX_FLAGS, 2, 0);
	guest_enable();
	ck_assert_int_eq(dev->active, -1);
}
END_TEST

/* A reset in front of a closed gate is counted: it voids what the device is proving at the time. */
START_TEST(resets_are_counted)
{
	unsigned before = assigned_resets(a);

	cfg_write(find_cap(PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	ck_assert_uint_eq(told.calls, 0);
	ck_assert_uint_eq(assigned_resets(a), before + 1);
}
END_TEST

/* Only what the device has reported is there. */
START_TEST(ranges)
{
	const struct assign_range some[] = {{0, {0x0000, 0x0fff}}};

	ck_assert_int_eq(assigned_hold(a), 0);
	ck_assert_int_eq(assigned_open(a, some, 1, true), 0);
	guest_enable();
	bar0[0x10] = 0x5a;
	bar0[0x1010] = 0xa5;
	/* the piece before the MSI-X table is two pages, of which one is reported: trapped, and answered by half */
	ck_assert_uint_eq(nr_slots, 0);
	ck_assert_uint_eq(mem_read(RIG_BAR + 0x10, 1), 0x5a);
	ck_assert_uint_eq(mem_read(RIG_BAR + 0x1010, 1), 0xff);
	ck_assert_uint_eq(mem_read(RIG_BAR + 0xffe, 4), 0xffffffff);
	mem_write(RIG_BAR + 0x1010, 1, 0);
	ck_assert_uint_eq(bar0[0x1010], 0xa5);
}
END_TEST

START_TEST(no_ranges)
{
	const struct assign_range none;

	ck_assert_int_eq(assigned_hold(a), 0);
	ck_assert_int_eq(assigned_open(a, &none, 0, true), 0);
	guest_enable();
	ck_assert_uint_eq(mem_read(RIG_BAR + 0x10, 1), 0xff);
	ck_assert(dma_open());
}
END_TEST

/* The host does not detach: bus mastering goes off in the device instead, whatever becomes of its lock. */
START_TEST(detach_fails)
{
	lock_and_open();
	guest_enable();
	dev->detach_err = EIO;
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_said("cannot block the DMA of " RIG_BDF);
	ck_assert_uint_eq(told.calls, 1);
	ck_assert_uint_eq(told.command_then & PCI_COMMAND_MASTER, 0);
	ck_assert_uint_eq(device_command() & PCI_COMMAND_MASTER, 0);
	ck_assert(!assigned_is_open(a));
	dev->detach_err = 0;
}
END_TEST

START_TEST(attach_fails)
{
	guest_enable();
	dev->attach_err = ENOMEM;
	ck_assert_int_eq(assigned_open(a, NULL, 0, false), -ENOMEM);
	ck_assert(!assigned_is_open(a) && !dma_open());
	ck_assert_uint_eq(nr_slots, 0);
	dev->attach_err = 0;
	ck_assert_int_eq(assigned_open(a, NULL, 0, false), 0);
	ck_assert(dma_open());
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, closed_from_the_start);
	tcase_add_test(t, opens);
	tcase_add_test(t, locked_before_the_guest_enables);
	tcase_add_test(t, broken_by_bus_mastering);
	tcase_add_test(t, broken_by_memory_decoding);
	tcase_add_test(t, broken_by_a_moved_bar);
	tcase_add_loop_test(t, broken_by_a_reset, 0, 2);
	tcase_add_test(t, reset_without_a_lock);
	tcase_add_test(t, interrupts);
	tcase_add_test(t, resets_are_counted);
	tcase_add_test(t, ranges);
	tcase_add_test(t, no_ranges);
	tcase_add_test(t, detach_fails);
	tcase_add_test(t, attach_fails);
}

RIG_MAIN("assign_gate", add_tests)

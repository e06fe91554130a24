/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupts of an assigned device: the reconcile of guest and host state, each transition, each failure. */
#include "assign_rig.h"

#define MSIX_CAP   0xb0u
#define MSI_CAP	   0x50u
#define TABLE	   (RIG_BAR + 0x2000)
#define PBA	   (RIG_BAR + 0x3000)
#define DOORBELL   0x08090040ull
#define MSIX_ON	   PCI_MSIX_FLAGS_ENABLE
#define MSI_MME(n) ((n) << 4) /* log2 of the vectors */

static void setup(void)
{
	rig_start(true);
	guest_enable();
	dev->nr_log = 0;
}

static void teardown(void)
{
	rig_end();
}

static void set_entry(unsigned v, uint64_t address, uint32_t data, bool masked)
{
	mem_write(TABLE + v * 16, 8, address);
	mem_write(TABLE + v * 16 + 8, 4, data);
	mem_write(TABLE + v * 16 + 12, 4, masked);
}

static void msix(uint16_t flags)
{
	cfg_write(MSIX_CAP + PCI_MSIX_FLAGS, 2, flags);
}

static void msi(uint16_t flags)
{
	cfg_write(MSI_CAP + PCI_MSI_ADDRESS_LO, 4, (uint32_t)DOORBELL);
	cfg_write(MSI_CAP + PCI_MSI_ADDRESS_HI, 4, 0);
	cfg_write(MSI_CAP + PCI_MSI_DATA_64, 2, 0x20);
	cfg_write(MSI_CAP + PCI_MSI_FLAGS, 2, flags);
}

static const struct fake_set_irqs *last_call(void)
{
	ck_assert_uint_gt(dev->nr_log, 0);
	return &dev->log[(dev->nr_log - 1) % FAKE_VFIO_LOG];
}

/* The kernel never said no. */
static void all_accepted(void)
{
	for (unsigned i = 0; i < dev->nr_log && i < FAKE_VFIO_LOG; i++)
		ck_assert_msg(dev->log[i].ret == 0, "SET_IRQS %u: index %u start %u count %u: %d", i, dev->log[i].index,
			      dev->log[i].start, dev->log[i].count, dev->log[i].ret);
}

START_TEST(intx_only_for_a_device_in_use)
{
	/* guest_enable() has run */
	ck_assert_int_eq(dev->active, VFIO_PCI_INTX_IRQ_INDEX);
	ck_assert_ptr_eq(irqs.line, pci_host_intx_line(host, &a->fn, 1));
	ck_assert_int_eq(dev->trigger[0], irqs.trigger);
	ck_assert_int_eq(dev->unmask, irqs.resample);
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	ck_assert_int_eq(dev->active, -1);
	ck_assert_ptr_null(irqs.line);
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert_int_eq(dev->active, VFIO_PCI_INTX_IRQ_INDEX);
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	ck_assert_int_eq(dev->active, -1);
	ck_assert_uint_eq(dev->config[PCI_COMMAND + 1], PCI_COMMAND_INTX_DISABLE >> 8);
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert_int_eq(dev->active, VFIO_PCI_INTX_IRQ_INDEX);
	all_accepted();
	ck_silent();
}
END_TEST

START_TEST(intx_order)
{
	cfg_write(PCI_COMMAND, 2, 0);
	dev->nr_log = 0;
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	/* trigger first, then unmask; A6 of the interface */
	ck_assert_uint_eq(dev->nr_log, 2);
	ck_assert_uint_eq(dev->log[0].flags, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER);
	ck_assert_uint_eq(dev->log[1].flags, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK);
	ck_assert_int_eq(dev->log[0].first, irqs.trigger);
	ck_assert_int_eq(dev->log[1].first, irqs.resample);
}
END_TEST

START_TEST(msix_allocates_all_and_installs_at_unmask)
{
	set_entry(3, DOORBELL, 0x33, true);
	dev->nr_log = 0;
	msix(MSIX_ON);
	ck_assert_int_eq(dev->active, VFIO_PCI_MSIX_IRQ_INDEX);
	ck_assert_uint_eq(dev->allocated, 65);
	ck_assert_int_eq(dev->trigger[3], -1);
	ck_assert_uint_eq(irqs.routes, 0);
	ck_assert_ptr_null(irqs.line);

	mem_write(TABLE + 3 * 16 + 12, 4, 0);
	ck_assert_int_eq(dev->trigger[3], a->irq.vectors[3].route.eventfd);
	ck_assert_uint_eq(irqs.connected, 1);
	ck_assert_uint_eq(irqs.last.address, DOORBELL);
	ck_assert_uint_eq(irqs.last.data, 0x33);
	ck_assert_uint_eq(irqs.last.requester, RIG_DEVFN);
	ck_assert(irqs.last.translated);
	ck_assert_int_eq(dev->trigger[2], -1);

	/* mask: only KVM is told; unmask: no new vector */
	unsigned calls = dev->nr_log;
	mem_write(TABLE + 3 * 16 + 12, 4, 1);
	ck_assert_uint_eq(irqs.connected, 0);
	ck_assert_int_eq(dev->trigger[3], a->irq.vectors[3].route.eventfd);
	mem_write(TABLE + 3 * 16 + 12, 4, 0);
	ck_assert_uint_eq(irqs.connected, 1);
	ck_assert_uint_eq(dev->nr_log, calls);
	all_accepted();
	ck_silent();
}
END_TEST

START_TEST(msix_pending)
{
	set_entry(0, DOORBELL, 1, false);
	set_entry(64, DOORBELL, 2, false);
	msix(MSIX_ON);
	ck_assert_uint_eq(irqs.connected, 2);
	mem_write(TABLE + 64 * 16 + 12, 4, 1);
	ck_assert_uint_eq(mem_read(PBA + 8, 8), 0);
	fd_signal(dev->trigger[64]); /* the device fires */
	ck_assert_uint_eq(mem_read(PBA, 8), 0);
	ck_assert_uint_eq(mem_read(PBA + 8, 8), 1);
	msix(0); /* disabling forgets it */
	msix(MSIX_ON);
	ck_assert_uint_eq(mem_read(PBA + 8, 8), 0);
	all_accepted();
}
END_TEST

START_TEST(msix_function_mask)
{
	set_entry(0, DOORBELL, 1, false);
	set_entry(1, DOORBELL, 2, false);
	msix(MSIX_ON | PCI_MSIX_FLAGS_MASKALL);
	ck_assert_int_eq(dev->active, VFIO_PCI_MSIX_IRQ_INDEX);
	ck_assert_uint_eq(irqs.connected, 0);
	ck_assert_int_eq(dev->trigger[0], -1);
	msix(MSIX_ON);
	ck_assert_uint_eq(irqs.connected, 2);
	msix(MSIX_ON | PCI_MSIX_FLAGS_MASKALL);
	ck_assert_uint_eq(irqs.connected, 0);
	ck_assert_int_ge(dev->trigger[0], 0);
	all_accepted();
}
END_TEST

START_TEST(msix_message_changes)
{
	set_entry(0, DOORBELL, 1, false);
	msix(MSIX_ON);
	mem_write(TABLE + 8, 4, 7);
	ck_assert_uint_eq(irqs.last.data, 7);
	ck_assert_uint_eq(irqs.connected, 1);
	mem_write(TABLE, 4, 0xfee00000);
	ck_assert_uint_eq(irqs.last.address, 0xfee00000);
}
END_TEST

START_TEST(bus_master_gates_delivery)
{
	set_entry(0, DOORBELL, 1, false);
	msix(MSIX_ON);
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(irqs.connected, 0);
	ck_assert_int_eq(dev->active, VFIO_PCI_MSIX_IRQ_INDEX);
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ck_assert_uint_eq(irqs.connected, 1);
}
END_TEST

START_TEST(invalid_message_stays_disconnected)
{
	irqs.connect_err = -EINVAL;
	set_entry(0, 0xdead0000, 1, false);
	msix(MSIX_ON);
	ck_assert_uint_eq(irqs.connected, 0);
	ck_said("0xdead0000");
	irqs.connect_err = 0;
	mem_write(TABLE, 8, DOORBELL);
	ck_assert_uint_eq(irqs.connected, 1);
}
END_TEST

START_TEST(msi_vectors)
{
	msi(PCI_MSI_FLAGS_ENABLE | MSI_MME(2));
	ck_assert_int_eq(dev->active, VFIO_PCI_MSI_IRQ_INDEX);
	ck_assert_uint_eq(dev->allocated, 4);
	ck_assert_uint_eq(irqs.connected, 4);
	ck_assert_uint_eq(irqs.last.data, 0x23);
	/* one vector masked */
	cfg_write(MSI_CAP + PCI_MSI_MASK_64, 4, 1u << 2);
	ck_assert_uint_eq(irqs.connected, 3);
	/* another number of vectors: all new */
	cfg_write(MSI_CAP + PCI_MSI_MASK_64, 4, 0);
	cfg_write(MSI_CAP + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | MSI_MME(3));
	ck_assert_uint_eq(dev->allocated, 8);
	ck_assert_uint_eq(irqs.connected, 8);
	cfg_write(MSI_CAP + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
	ck_assert_uint_eq(dev->allocated, 1);
	ck_assert_uint_eq(irqs.connected, 1);
	ck_assert_int_eq(dev->trigger[1], -1);
	cfg_write(MSI_CAP + PCI_MSI_FLAGS, 2, 0);
	ck_assert_int_eq(dev->active, VFIO_PCI_INTX_IRQ_INDEX);
	ck_assert_uint_eq(irqs.connected, 0);
	all_accepted();
	ck_silent();
}
END_TEST

/* From each mode to each other one, with the guest's registers in any order between. */
static void go(char mode)
{
	switch (mode) {
	case 'x':
		msi(0);
		cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
		msix(MSIX_ON);
		break;
	case 'm':
		msix(0);
		msi(PCI_MSI_FLAGS_ENABLE | MSI_MME(1));
		break;
	case 'i':
		msix(0);
		msi(0);
		cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
		break;
	default:
		msi(0);
		msix(0);
		cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	}
}

static void check_mode(char mode)
{
	switch (mode) {
	case 'x':
		ck_assert_int_eq(dev->active, VFIO_PCI_MSIX_IRQ_INDEX);
		ck_assert_uint_eq(dev->allocated, a->irq.msix.noresize ? 65 : 6);
		ck_assert_uint_eq(irqs.connected, 2);
		break;
	case 'm':
		ck_assert_int_eq(dev->active, VFIO_PCI_MSI_IRQ_INDEX);
		ck_assert_uint_eq(irqs.connected, cfg_read(PCI_COMMAND, 2) & PCI_COMMAND_MASTER ? 2 : 0);
		break;
	case 'i':
		ck_assert_int_eq(dev->active, VFIO_PCI_INTX_IRQ_INDEX);
		ck_assert_ptr_nonnull(irqs.line);
		ck_assert_uint_eq(irqs.connected, 0);
		break;
	default:
		ck_assert_int_eq(dev->active, -1);
		ck_assert_uint_eq(irqs.connected, 0);
	}
	ck_assert_int_eq(irqs.line != NULL, dev->active == VFIO_PCI_INTX_IRQ_INDEX);
	ck_assert_int_eq(a->irq.active, dev->active);
}

static const char modes[] = "0imx";

START_TEST(every_transition)
{
	set_entry(0, DOORBELL, 1, false);
	set_entry(5, DOORBELL, 1, false);
	for (unsigned from = 0; from < 4; from++)
		for (unsigned to = 0; to < 4; to++) {
			go(modes[from]);
			check_mode(modes[from]);
			go(modes[to]);
			check_mode(modes[to]);
			unsigned calls = dev->nr_log; /* idempotent */
			assign_irq_reconcile(&a->fn);
			ck_assert_uint_eq(dev->nr_log, calls);
		}
	all_accepted();
	ck_silent();
}
END_TEST

/* The same while each SET_IRQS call fails in turn: after the next change all is as if it had not. */
START_TEST(every_transition_with_failures)
{
	set_entry(0, DOORBELL, 1, false);
	set_entry(5, DOORBELL, 1, false);
	for (unsigned from = 0; from < 4; from++)
		for (unsigned to = 0; to < 4; to++)
			for (uint32_t n = 1;; n++) {
				go(modes[from]);
				check_mode(modes[from]);
				dev->set_irqs_err = ENOSPC;
				dev->set_irqs_fail = n;
				go(modes[to]);
				bool failed = !dev->set_irqs_fail;
				dev->set_irqs_fail = 0;
				ck_assert_int_eq(a->irq.active, dev->active);
				assign_irq_reconcile(&a->fn);
				check_mode(modes[to]);
				if (!failed)
					break;
			}
}
END_TEST

START_TEST(routes_cannot_be_had)
{
	irqs.init_err = -EMFILE;
	set_entry(0, DOORBELL, 1, false);
	msix(MSIX_ON);
	ck_assert_int_eq(dev->active, VFIO_PCI_MSIX_IRQ_INDEX);
	ck_assert_uint_eq(irqs.connected, 0);
	irqs.init_err = 0;
	irqs.connect_err = -ENOSPC;
	assign_irq_reconcile(&a->fn);
	ck_assert_uint_eq(irqs.connected, 0);
	irqs.connect_err = 0;
	assign_irq_reconcile(&a->fn);
	ck_assert_uint_eq(irqs.connected, 1);
	msix(0);
	irqs.attach_err = -EIO;
	cfg_write(PCI_COMMAND, 2, 0);
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert_int_eq(dev->active, -1);
	irqs.attach_err = 0;
	assign_irq_reconcile(&a->fn);
	ck_assert_int_eq(dev->active, VFIO_PCI_INTX_IRQ_INDEX);
}
END_TEST

START_TEST(host_has_fewer_vectors)
{
	set_entry(0, DOORBELL, 1, false);
	dev->vectors_left = 8;
	msix(MSIX_ON);
	ck_assert_int_eq(dev->active, -1);
	ck_said("it has not that many left");
	dev->vectors_left = 65;
	assign_irq_reconcile(&a->fn);
	ck_assert_int_eq(dev->active, VFIO_PCI_MSIX_IRQ_INDEX);
	ck_assert_uint_eq(irqs.connected, 1);
}
END_TEST

/* A guest that provokes failures for ever does not fill the host's log. */
START_TEST(messages_are_capped)
{
	dev->vectors_left = 8;
	for (unsigned i = 0; i < 1000; i++) {
		msix(MSIX_ON);
		msix(0);
	}
	unsigned lines = 0;
	for (const char *p = captured; (p = strchr(p, '\n')); p++)
		lines++;
	ck_assert_uint_le(lines, LOG_GUEST_CAP + 1);
}
END_TEST

START_TEST(resizable_msix_grows_on_demand)
{
	rig_end();
	rig_begin();
	fake_vfio_nvme(dev, bar0);
	dev->irqs[VFIO_PCI_MSIX_IRQ_INDEX].noresize = false;
	fake_vfio_add(dev, RIG_BDF);
	ck_assert_int_eq(rig_create(false), 0);
	rig_place();
	guest_enable();
	set_entry(0, DOORBELL, 1, true);
	set_entry(5, DOORBELL, 1, true);
	msix(MSIX_ON);
	ck_assert_uint_eq(dev->allocated, 1);
	mem_write(TABLE + 5 * 16 + 12, 4, 0);
	ck_assert_uint_eq(dev->allocated, 6);
	mem_write(TABLE + 0 * 16 + 12, 4, 0);
	ck_assert_uint_eq(irqs.connected, 2);
	ck_assert(!irqs.last.translated);
	ck_assert_int_eq(last_call()->ret, 0);
}
END_TEST

START_TEST(no_pin_no_intx)
{
	rig_end();
	rig_begin();
	fake_vfio_nvme(dev, bar0);
	dev->irqs[VFIO_PCI_INTX_IRQ_INDEX].count = 0;
	fake_vfio_add(dev, RIG_BDF);
	ck_assert_int_eq(rig_create(false), 0);
	rig_place();
	guest_enable();
	ck_assert_uint_eq(cfg_read(PCI_INTERRUPT_PIN, 1), 0);
	ck_assert_int_eq(dev->active, -1);
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, intx_only_for_a_device_in_use);
	tcase_add_test(t, intx_order);
	tcase_add_test(t, msix_allocates_all_and_installs_at_unmask);
	tcase_add_test(t, msix_pending);
	tcase_add_test(t, msix_function_mask);
	tcase_add_test(t, msix_message_changes);
	tcase_add_test(t, bus_master_gates_delivery);
	tcase_add_test(t, invalid_message_stays_disconnected);
	tcase_add_test(t, msi_vectors);
	tcase_add_test(t, every_transition);
	tcase_add_test(t, every_transition_with_failures);
	tcase_add_test(t, routes_cannot_be_had);
	tcase_add_test(t, host_has_fewer_vectors);
	tcase_add_test(t, messages_are_capped);
	tcase_add_test(t, resizable_msix_grows_on_demand);
	tcase_add_test(t, no_pin_no_intx);
}

RIG_MAIN("assign_irq", add_tests)

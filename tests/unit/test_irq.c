/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "fd.h"
#include "stats.h"
#include "vm_fixture.h"

#define DOORBELL UINT64_C(0x08000040) /* GITS_TRANSLATER of the machine */
#define SPI(n)	 (32u + (n))

static struct irq_route route;

static const struct msi_msg msg_a = {.address = DOORBELL, .data = 7, .requester = 0x0100};
static const struct msi_msg msg_b = {.address = DOORBELL, .data = 8, .requester = 0x0100};
static const struct msi_msg msg_iova = {.address = 0xfffff040, .data = 9, .requester = 0x0200, .translated = true};
static const struct msi_msg msg_bad = {.address = DOORBELL + 4, .data = 1, .requester = 0x0100};

static void setup(void)
{
	fixture_vm(1);
	ck_assert_int_eq(irq_route_init(&route, vm.irqchip), 0);
	ck_assert_int_ge(route.eventfd, 0);
}

static void teardown(void)
{
	irq_route_fini(&route);
	irq_route_fini(&route); /* harmless */
	ck_assert_int_eq(route.eventfd, -1);
	ck_assert_uint_eq(fake_kvm_irqfds(), 0);
	fixture_vm_end();
}

static void expect_msi(unsigned nth, uint32_t data, uint32_t devid)
{
	ck_assert_uint_gt(fake_kvm_msis(), nth);
	ck_assert_uint_eq(fake_kvm_msi(nth).address, DOORBELL);
	ck_assert_uint_eq(fake_kvm_msi(nth).data, data);
	ck_assert_uint_eq(fake_kvm_msi(nth).devid, devid);
}

START_TEST(connected_route_delivers)
{
	struct kvm_irq_routing_entry e;
	uint32_t gsi;

	ck_assert_uint_eq(fake_kvm_routes(), 0);
	ck_assert_int_eq(irq_route_connect(&route, &msg_a), 0);
	ck_assert(route.connected);
	ck_assert(fake_kvm_irqfd(route.eventfd, &gsi));
	ck_assert_uint_eq(gsi, route.gsi);
	ck_assert_uint_ge(gsi, IRQ_MAX_LINES);
	ck_assert(fake_kvm_route(gsi, &e));
	ck_assert_uint_eq(e.type, KVM_IRQ_ROUTING_MSI);
	ck_assert_uint_eq(e.flags, KVM_MSI_VALID_DEVID);
	/* The wired lines keep their places in the table that replaced KVM's default one. */
	ck_assert_uint_eq(fake_kvm_routes(), IRQ_MAX_LINES + 1);
	ck_assert(fake_kvm_route(5, &e));
	ck_assert_uint_eq(e.u.irqchip.pin, 5);

	irq_route_signal(&route);
	fake_kvm_pump();
	expect_msi(0, 7, 0x0100);
	ck_assert_uint_eq(fake_kvm_msis(), 1);
	ck_assert(!irq_route_pending(&route));
}
END_TEST

START_TEST(same_message_costs_nothing)
{
	ck_assert_int_eq(irq_route_connect(&route, &msg_a), 0);
	unsigned calls = fake_calls();
	ck_assert_int_eq(irq_route_connect(&route, &msg_a), 0);
	ck_assert_uint_eq(fake_calls(), calls);
}
END_TEST

START_TEST(move_keeps_gsi_and_irqfd)
{
	ck_assert_int_eq(irq_route_connect(&route, &msg_a), 0);
	uint32_t gsi = route.gsi;
	unsigned calls = fake_calls();

	ck_assert_int_eq(irq_route_connect(&route, &msg_b), 0);
	ck_assert_uint_eq(fake_calls(), calls + 1); /* one new table: atomic for KVM */
	ck_assert_uint_eq(route.gsi, gsi);
	irq_route_signal(&route);
	fake_kvm_pump();
	expect_msi(0, 8, 0x0100);
}
END_TEST

START_TEST(signals_wait_while_disconnected)
{
	ck_assert(!irq_route_pending(&route));
	irq_route_signal(&route);
	ck_assert(irq_route_pending(&route));
	ck_assert(irq_route_pending(&route)); /* looking does not take it */
	ck_assert_int_eq(irq_route_connect(&route, &msg_a), 0);
	fake_kvm_pump();
	ck_assert_uint_eq(fake_kvm_msis(), 1); /* once, although KVM leaves the count in the eventfd */
	irq_route_disconnect(&route);
	ck_assert(!irq_route_pending(&route));
	irq_route_signal(&route);
	fake_kvm_pump();
	ck_assert_uint_eq(fake_kvm_msis(), 1);
	ck_assert(irq_route_pending(&route));
	irq_route_clear(&route);
	ck_assert(!irq_route_pending(&route));
	ck_assert_int_eq(irq_route_connect(&route, &msg_a), 0);
	fake_kvm_pump();
	ck_assert_uint_eq(fake_kvm_msis(), 1);
}
END_TEST

START_TEST(mask_cycle_needs_no_new_table)
{
	ck_assert_int_eq(irq_route_connect(&route, &msg_a), 0);
	uint64_t tables = stats.gsi_table_updates;
	uint32_t gsi = route.gsi;

	for (unsigned i = 0; i < 3; i++) {
		irq_route_disconnect(&route);
		irq_route_disconnect(&route); /* idempotent */
		ck_assert_uint_eq(fake_kvm_irqfds(), 0);
		ck_assert_int_eq(irq_route_connect(&route, &msg_a), 0);
		ck_assert_uint_eq(route.gsi, gsi);
	}
	ck_assert_uint_eq(stats.gsi_table_updates, tables);
	irq_route_signal(&route);
	fake_kvm_pump();
	expect_msi(0, 7, 0x0100);
	/* With another message the table must be new. */
	irq_route_disconnect(&route);
	ck_assert_int_eq(irq_route_connect(&route, &msg_b), 0);
	ck_assert_uint_eq(stats.gsi_table_updates, tables + 1);
	irq_route_signal(&route);
	fake_kvm_pump();
	expect_msi(1, 8, 0x0100);
}
END_TEST

/* A GSI that another route took in the meantime is not taken back, and a stale entry is not mistaken for ours. */
START_TEST(gsi_taken_over)
{
	struct irq_route other;
	uint32_t first;

	ck_assert_int_eq(irq_route_init(&other, vm.irqchip), 0);
	ck_assert_int_eq(irq_route_connect(&route, &msg_a), 0);
	first = route.gsi;
	irq_route_disconnect(&route);
	ck_assert_int_eq(irq_route_connect(&other, &msg_b), 0);
	ck_assert_uint_eq(other.gsi, first);
	ck_assert_int_eq(irq_route_connect(&route, &msg_a), 0);
	ck_assert_uint_ne(route.gsi, first);
	irq_route_signal(&route);
	irq_route_signal(&other);
	fake_kvm_pump();
	ck_assert_uint_eq(fake_kvm_msis(), 2);
	ck_assert_uint_eq(fake_kvm_msi(0).data + fake_kvm_msi(1).data, 7 + 8);
	irq_route_fini(&other);
	ck_assert_uint_eq(fake_kvm_irqfds(), 1);
}
END_TEST

START_TEST(foreign_address)
{
	ck_assert_int_eq(irq_route_connect(&route, &msg_bad), -EINVAL);
	ck_assert(!route.connected);
	ck_assert_uint_eq(nr_errors, 0); /* a guest's mistake is no host error */
	/* From a connected route it disconnects. */
	ck_assert_int_eq(irq_route_connect(&route, &msg_a), 0);
	ck_assert_int_eq(irq_route_connect(&route, &msg_bad), -EINVAL);
	ck_assert(!route.connected);
	ck_assert_uint_eq(fake_kvm_irqfds(), 0);
	/* Behind a vIOMMU the address is an IOVA: the one doorbell is meant. */
	ck_assert_int_eq(irq_route_connect(&route, &msg_iova), 0);
	irq_route_signal(&route);
	fake_kvm_pump();
	expect_msi(0, 9, 0x0200);
}
END_TEST

/* Each call of a connect, a move and a disconnect fails in turn; after that everything works again. */
static const struct {
	unsigned nth;
	bool from_connected;
	const char *call;
} failures[] = {
	{1, false, "ioctl KVM_SET_GSI_ROUTING"},
	{2, false, "ioctl KVM_IRQFD"},
	{1, true, "ioctl KVM_SET_GSI_ROUTING"},
};

START_TEST(failed_connect)
{
	struct kvm_irq_routing_entry e;
	struct irq_route other;

	ck_assert_int_eq(irq_route_init(&other, vm.irqchip), 0);
	if (failures[_i].from_connected)
		ck_assert_int_eq(irq_route_connect(&route, &msg_a), 0);
	fake_fail_nth(failures[_i].nth, ENOMEM);
	ck_assert_int_eq(irq_route_connect(&route, &msg_b), -ENOMEM);
	ck_assert(fake_failed());
	ck_assert_str_eq(fake_failed_call(), failures[_i].call);
	fake_fail_nth(0, 0);
	ck_assert(!route.connected);
	ck_assert_uint_eq(nr_errors, 1);
	ck_assert_uint_eq(fake_kvm_irqfds(), 0);

	irq_route_signal(&route);
	ck_assert(irq_route_pending(&route));
	ck_assert_int_eq(irq_route_connect(&other, &msg_a), 0);
	ck_assert_int_eq(irq_route_connect(&route, &msg_b), 0);
	ck_assert_uint_ne(other.gsi, route.gsi);
	ck_assert(fake_kvm_route(route.gsi, &e));
	ck_assert_uint_eq(e.u.msi.data, 8);
	ck_assert(fake_kvm_route(other.gsi, &e));
	ck_assert_uint_eq(e.u.msi.data, 7);
	expect_msi(0, 8, 0x0100);
	irq_route_fini(&other);
}
END_TEST

START_TEST(failed_disconnect)
{
	struct irq_route other;
	uint32_t gsi;

	ck_assert_int_eq(irq_route_connect(&route, &msg_a), 0);
	gsi = route.gsi;
	fake_fail_nth(1, EIO);
	irq_route_disconnect(&route);
	ck_assert(fake_failed());
	ck_assert(!route.connected);
	ck_assert_uint_eq(nr_errors, 1);
	/* KVM may still listen to the old eventfd, so nobody else gets that GSI. */
	ck_assert_int_eq(irq_route_init(&other, vm.irqchip), 0);
	ck_assert_int_eq(irq_route_connect(&other, &msg_b), 0);
	ck_assert_uint_ne(other.gsi, gsi);
	irq_route_fini(&other);
	/* Clean up what the failure left in the pretended KVM. */
	struct irq_line line = {.chip = vm.irqchip, .gsi = gsi};
	irq_line_detach(&line, route.eventfd);
}
END_TEST

START_TEST(cap_on_routes)
{
	/* One eventfd for all would be refused by KVM; there are not 4032 to spare, so the books are filled by
	 * failures. */
	static struct irq_route routes[IRQ_MAX_ROUTES];
	unsigned n = 0;
	int err = 0;

	for (unsigned i = 0; i < IRQ_MAX_ROUTES; i++) {
		routes[i] = (struct irq_route){.chip = vm.irqchip, .eventfd = 5000 + (int)i};
		err = irq_route_connect(&routes[i], &msg_a);
		if (err)
			break;
		n++;
	}
	ck_assert_int_eq(err, 0);
	ck_assert_uint_eq(n, IRQ_MAX_ROUTES);
	ck_assert_uint_eq(fake_kvm_routes(), 4096);
	ck_assert_int_eq(irq_route_connect(&route, &msg_a), -ENOSPC);
	ck_assert(!route.connected);
	irq_route_disconnect(&routes[17]);
	ck_assert_int_eq(irq_route_connect(&route, &msg_a), 0);
	for (unsigned i = 0; i < IRQ_MAX_ROUTES; i++)
		irq_route_disconnect(&routes[i]);
	irq_route_disconnect(&route);
}
END_TEST

START_TEST(lines)
{
	struct irq_line a, b;

	ck_assert_int_eq(irq_line_alloc(vm.irqchip, &a, true), 0);
	ck_assert_int_eq(irq_line_alloc(vm.irqchip, &b, false), 0);
	ck_assert_uint_eq(a.intid, SPI(0));
	ck_assert_uint_eq(a.gsi, 0);
	ck_assert(a.level && !b.level);
	ck_assert_uint_eq(b.intid, SPI(1));
	irq_line_set(&a, true);
	ck_assert(fake_kvm_line(SPI(0)));
	unsigned calls = fake_calls();
	irq_line_set(&a, true);
	ck_assert_uint_eq(fake_calls(), calls);
	irq_line_set(&a, false);
	ck_assert(!fake_kvm_line(SPI(0)));
	irq_line_pulse(&b);
	irq_line_pulse(&b);
	ck_assert_uint_eq(fake_kvm_line_rises(SPI(1)), 2);
	ck_assert(!fake_kvm_line(SPI(1)));
	for (unsigned i = 2; i < IRQ_MAX_LINES; i++)
		ck_assert_int_eq(irq_line_alloc(vm.irqchip, &b, false), 0);
	irq_line_pulse(&b); /* the last one is within the GIC's range */
	ck_assert_uint_eq(nr_errors, 0);
	ck_assert_int_eq(irq_line_alloc(vm.irqchip, &b, false), -ENOSPC);
	ck_assert_uint_eq(nr_errors, 1);
}
END_TEST

START_TEST(resample)
{
	struct irq_line line;
	int trigger = fd_eventfd(), eoi = fd_eventfd();

	ck_assert_int_eq(irq_line_alloc(vm.irqchip, &line, true), 0);
	/* Also after the default table has been replaced. */
	if (_i)
		ck_assert_int_eq(irq_route_connect(&route, &msg_a), 0);
	ck_assert_int_eq(irq_line_attach(&line, trigger, eoi), 0);
	fd_signal(trigger);
	fake_kvm_pump();
	ck_assert(fake_kvm_line(line.intid));
	fake_kvm_eoi(line.intid);
	ck_assert(!fake_kvm_line(line.intid));
	ck_assert_uint_eq(fd_drain(eoi), 1);
	fd_signal(trigger);
	fake_kvm_pump();
	irq_line_detach(&line, trigger);
	irq_line_detach(&line, trigger);
	ck_assert(!fake_kvm_line(line.intid));
	ck_assert_uint_eq(nr_errors, 0);
	fake_fail_nth(1, EINVAL);
	ck_assert_int_eq(irq_line_attach(&line, trigger, eoi), -EINVAL);
	ck_assert_uint_eq(nr_errors, 1);
	fd_close(&trigger);
	fd_close(&eoi);
}
END_TEST

START_TEST(direct_message)
{
	ck_assert(irq_msi_send(vm.irqchip, &msg_a));
	expect_msi(0, 7, 0x0100);
	ck_assert(!irq_msi_send(vm.irqchip, &msg_bad));
	ck_assert_uint_eq(fake_kvm_msis(), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("irq");
	TCase *tc = tcase_create("irq");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, connected_route_delivers);
	tcase_add_test(tc, same_message_costs_nothing);
	tcase_add_test(tc, move_keeps_gsi_and_irqfd);
	tcase_add_test(tc, signals_wait_while_disconnected);
	tcase_add_test(tc, mask_cycle_needs_no_new_table);
	tcase_add_test(tc, gsi_taken_over);
	tcase_add_test(tc, foreign_address);
	tcase_add_loop_test(tc, failed_connect, 0, sizeof(failures) / sizeof(failures[0]));
	tcase_add_test(tc, failed_disconnect);
	tcase_add_test(tc, cap_on_routes);
	tcase_add_test(tc, lines);
	tcase_add_loop_test(tc, resample, 0, 2);
	tcase_add_test(tc, direct_message);
	suite_add_tcase(suite, tc);
	return fixture_run_suite(suite);
}

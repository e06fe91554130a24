/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes through the PL011: receive interrupts, who gets input when, and readers that are slow, stuck or gone. */
#include "pl011_fixture.h"
#include "run_suite.h"

START_TEST(input_by_interrupt)
{
	start_driver();
	send("hi");
	run_until(line_high);
	ck_assert_uint_eq(rd(PL011_MIS), PL011_INT_RT); /* below the trigger level of 16: the time-out tells */
	ck_assert_uint_eq(rd(PL011_DR), 'h');
	ck_assert(line);
	ck_assert_uint_eq(rd(PL011_DR), 'i');
	ck_assert(!line); /* an empty FIFO takes it back */
	ck_assert_uint_eq(rd(PL011_FR) & PL011_FR_RXFE, PL011_FR_RXFE);
	ck_assert_uint_eq(rd(PL011_RIS), 0);
}
END_TEST

static const struct {
	uint32_t ifls;
	unsigned level;
} levels[] = {{0, 4}, {1, 8}, {2, 16}, {3, 24}, {4, 28}};

static bool rx_full(void)
{
	return rd(PL011_FR) & PL011_FR_RXFF;
}

START_TEST(trigger_levels)
{
	start_driver();
	wr(PL011_IFLS, levels[_i].ifls << 3);
	send("0123456789abcdefghijklmnopqrstuvwxyz!"); /* more than 32 */
	run_until(rx_full);
	ck_assert_uint_eq(rd(PL011_RIS), PL011_INT_RX | PL011_INT_RT);
	/* What does not fit waits in the console, so the FIFO stays full for the first five reads. */
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(rd(PL011_DR), (uint32_t) "01234"[i]);
		ck_assert(rx_full());
	}
	for (unsigned len = 32; len > 0; len--) {
		bool want = len >= levels[_i].level;
		ck_assert_msg(!!(rd(PL011_RIS) & PL011_INT_RX) == want, "%u bytes, level %u", len, levels[_i].level);
		rd(PL011_DR);
	}
	ck_assert_uint_eq(rd(PL011_RIS), 0);
	ck_assert(!line);
}
END_TEST

START_TEST(holding_register)
{
	start_driver();
	wr(PL011_LCR_H, 0x60); /* FEN = 0 */
	send("xyz");
	run_until(rx_full);
	ck_assert_uint_eq(rd(PL011_RIS), PL011_INT_RX | PL011_INT_RT);
	ck_assert_uint_eq(rd(PL011_DR), 'x');
	ck_assert_uint_eq(rd(PL011_DR), 'y');
	ck_assert_uint_eq(rd(PL011_DR), 'z');
	ck_assert(!has_input());
	ck_assert(!line);
}
END_TEST

START_TEST(input_waits_for_a_listener)
{
	send("typed early");
	run_loop();
	ck_assert(!has_input());
	/* printk: polls UARTFR, but each time it also writes. */
	for (int i = 0; i < 100; i++) {
		ck_assert(!has_input());
		wr(PL011_DR, '.');
	}
	start_driver();
	run_until(line_high);
	ck_assert_uint_eq(rd(PL011_DR), 't');
}
END_TEST

START_TEST(polling_guest)
{
	wr(PL011_CR, PL011_CR_UARTEN | PL011_CR_TXE | PL011_CR_RXE);
	send("k");
	run_until(has_input); /* reads UARTFR only */
	ck_assert_uint_eq(rd(PL011_DR), 'k');
	ck_assert(!line);
}
END_TEST

START_TEST(disabled_receiver)
{
	start_driver();
	wr(PL011_CR, PL011_CR_UARTEN | PL011_CR_TXE);
	send("w");
	run_loop();
	ck_assert(!has_input());
	wr(PL011_CR, PL011_CR_UARTEN | PL011_CR_TXE | PL011_CR_RXE);
	ck_assert(has_input());
	ck_assert(line);
}
END_TEST

static bool tx_not_full(void)
{
	return !(rd(PL011_FR) & PL011_FR_TXFF);
}

START_TEST(slow_reader)
{
	static char buf[1 << 20];
	size_t sent = 0, got = 0;

	start_driver();
	wr(PL011_IMSC, PL011_INT_TX);
	/* Until pipe and buffer are full; the guest sees a full transmitter. */
	while (tx_not_full() && sent < sizeof(buf))
		wr(PL011_DR, (uint32_t)('a' + sent++ % 26));
	ck_assert_uint_gt(sent, CONSOLE_OUT_CAP);
	ck_assert_uint_lt(sent, sizeof(buf));
	ck_assert(!line); /* no transmit interrupt while there is no room */
	for (int i = 0; i < 1000 && got < sent; i++) {
		ssize_t n = read(guest_out, buf + got, sizeof(buf) - got);
		if (n > 0)
			got += (size_t)n;
		run_loop();
		if (i == 10)
			ck_assert(tx_not_full());
	}
	ck_assert(line);
	ck_assert_uint_eq(got, sent); /* nothing was lost */
	for (size_t i = 0; i < got; i++)
		ck_assert_int_eq(buf[i], (int)('a' + i % 26));
}
END_TEST

static char warned[256];
static unsigned nr_warned;

static void sink(enum log_level level, const char *text, void *opaque)
{
	if (level == LOG_WARN)
		snprintf(warned, sizeof(warned), "%s", text), nr_warned++;
}

START_TEST(stuck_reader)
{
	char buf[4096];

	log_set_sink(sink, NULL);
	nr_warned = 0;
	start_driver();
	wr(PL011_IMSC, PL011_INT_TX);
	while (tx_not_full())
		wr(PL011_DR, 'x');
	ck_assert(!line);
	run_until(line_high); /* after CONSOLE_STUCK_MS the guest goes on */
	ck_assert(tx_not_full());
	for (int i = 0; i < 1000; i++)
		wr(PL011_DR, 'y');
	ck_assert(tx_not_full());
	ck_assert_uint_eq(nr_warned, 1);
	ck_assert_ptr_nonnull(strstr(warned, "output is lost"));
	/* The reader comes back: from then on nothing is lost. */
	while (read(guest_out, buf, sizeof(buf)) > 0)
		run_loop();
	wr(PL011_DR, 'z');
	ck_assert_int_eq(read(guest_out, buf, sizeof(buf)), 1);
	ck_assert_int_eq(buf[0], 'z');
	ck_assert_uint_eq(nr_warned, 1);
	log_set_sink(NULL, NULL);
}
END_TEST

START_TEST(reader_gone)
{
	log_set_sink(sink, NULL);
	nr_warned = 0;
	close(guest_out);
	guest_out = -1;
	for (int i = 0; i < 100000; i++) {
		wr(PL011_DR, 'x');
		ck_assert(tx_not_full());
	}
	ck_assert_uint_eq(nr_warned, 1);
	log_set_sink(NULL, NULL);
}
END_TEST

START_TEST(place_taken)
{
	const struct irq_line irq = {.intid = 33};
	struct device *second;

	log_set_sink(sink, NULL);
	ck_assert_int_eq(pl011_create(&second, &bus, BASE + 0x800, &irq, console), -EEXIST);
	log_set_sink(NULL, NULL);
	/* The first keeps its console. */
	start_driver();
	send("1");
	run_until(line_high);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pl011_console");
	TCase *tc = tcase_create("pl011_console");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, input_by_interrupt);
	tcase_add_loop_test(tc, trigger_levels, 0, sizeof(levels) / sizeof(levels[0]));
	tcase_add_test(tc, holding_register);
	tcase_add_test(tc, input_waits_for_a_listener);
	tcase_add_test(tc, polling_guest);
	tcase_add_test(tc, disabled_receiver);
	tcase_add_test(tc, slow_reader);
	tcase_add_test(tc, stuck_reader);
	tcase_add_test(tc, reader_gone);
	tcase_add_test(tc, place_taken);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

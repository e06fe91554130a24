/* SPDX-License-Identifier: Apache-2.0 */
/* The PL011 as its driver sees it, with real pipes behind its console. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus.h"
#include "console.h"
#include "device.h"
#include "fdtw.h"
#include "irq.h"
#include "log.h"
#include "loop.h"
#include "pl011.h"
#include "pl011_regs.h"
#include "stats.h"

#define BASE 0x9000000u

static struct bus bus;
static struct loop loop;
static struct console *console;
static struct device *dev;
static int guest_in = -1, guest_out = -1; /* our ends of the pipes */
static bool line;
static unsigned line_changes;

/* Double of vmm/core/irq.c. */
void irq_line_set(const struct irq_line *irq, bool high)
{
	ck_assert_uint_eq(irq->intid, 33);
	line_changes += line != high;
	line = high;
}

static uint32_t rd(uint32_t reg)
{
	uint64_t value;

	bus_read(&bus, BASE + reg, 4, &value);
	return (uint32_t)value;
}

static void wr(uint32_t reg, uint32_t value)
{
	bus_write(&bus, BASE + reg, 4, value);
}

static void on_turn(struct loop_source *src)
{
	loop_stop(&loop, 2);
}

/* Runs the loop until @done or for @turns; each turn ends by a source of our own that is always ready. */
static bool run_turns(bool (*done)(void), int turns)
{
	struct loop_source turn = {0};
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(loop_add_output(&loop, &turn, ends[1], on_turn), 0);
	for (int i = 0; i < turns && !(done && done()); i++) {
		ck_assert_int_eq(loop_run(&loop), 2);
		if (i > 1000)
			usleep(1000);
	}
	loop_del(&loop, &turn);
	close(ends[0]);
	close(ends[1]);
	return done && done();
}

/* Lets the loop handle all that is ready now. */
static void run_loop(void)
{
	run_turns(NULL, 20);
}

static void run_until(bool (*done)(void))
{
	ck_assert(run_turns(done, 20000));
}

static bool has_input(void)
{
	return !(rd(PL011_FR) & PL011_FR_RXFE);
}

static bool line_high(void)
{
	return line;
}

static void setup(void)
{
	const struct console_env env = {.loop = &loop, .bus = &bus, .quit_reason = 5};
	const struct irq_line irq = {.gsi = 1, .intid = 33, .level = true};
	int in[2], out[2];

	memset(&stats, 0, sizeof(stats));
	line = false;
	line_changes = 0;
	bus_init(&bus);
	ck_assert_int_eq(loop_init(&loop), 0);
	ck_assert_int_eq(pipe(in), 0);
	ck_assert_int_eq(pipe(out), 0);
	ck_assert_int_eq(console_open_stdio(&console, &env, in[0], out[1]), 0);
	close(in[0]);
	close(out[1]);
	guest_in = in[1];
	guest_out = out[0];
	fcntl(guest_out, F_SETFL, O_NONBLOCK);
	ck_assert_int_eq(pl011_create(&dev, &bus, BASE, &irq, console), 0);
	ck_assert_int_eq(dev->class->reset(dev), 0);
}

static void teardown(void)
{
	dev->class->destroy(dev);
	ck_assert_uint_eq(bus.nr_windows, 0);
	console_close(console);
	loop_fini(&loop);
	bus_fini(&bus);
	close(guest_in);
	close(guest_out);
}

/* As Linux' amba-pl011 starts a port: FIFOs on, receiver on, receive interrupts unmasked. */
static void start_driver(void)
{
	wr(PL011_IBRD, 13);
	wr(PL011_FBRD, 1);
	wr(PL011_LCR_H, 0x70);
	wr(PL011_CR, PL011_CR_UARTEN | PL011_CR_TXE | PL011_CR_RXE | PL011_CR_RTS | PL011_CR_DTR);
	wr(PL011_ICR, PL011_INT_ALL);
	while (!(rd(PL011_FR) & PL011_FR_RXFE))
		rd(PL011_DR);
	wr(PL011_IMSC, PL011_INT_RX | PL011_INT_RT);
}

static void send(const char *text)
{
	ck_assert_int_eq(write(guest_in, text, strlen(text)), (ssize_t)strlen(text));
}

START_TEST(reset_values)
{
	static const struct {
		uint32_t reg, value;
	} cases[] = {
		{PL011_RSR, 0},	  {PL011_FR, 0x97},  {PL011_ILPR, 0},	 {PL011_IBRD, 0}, {PL011_FBRD, 0},
		{PL011_LCR_H, 0}, {PL011_CR, 0x300}, {PL011_IFLS, 0x12}, {PL011_IMSC, 0}, {PL011_RIS, 0},
		{PL011_MIS, 0},	  {PL011_ICR, 0},    {PL011_DMACR, 0},	 {0xfe0, 0x11},	  {0xfe4, 0x10},
		{0xfe8, 0x34},	  {0xfec, 0x00},     {0xff0, 0x0d},	 {0xff4, 0xf0},	  {0xff8, 0x05},
		{0xffc, 0xb1},
	};

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			ck_assert_msg(rd(cases[i].reg) == cases[i].value, "pass %d register 0x%x: 0x%x", pass,
				      cases[i].reg, rd(cases[i].reg));
		for (uint32_t reg = 0; reg < 0x1000; reg += 4)
			wr(reg, 0xffffffff);
		wr(PL011_DR, 'x');
		ck_assert(line); /* all interrupts are unmasked */
		dev->class->reset(dev);
		ck_assert(!line);
	}
}
END_TEST

START_TEST(writable_bits)
{
	static const struct {
		uint32_t reg, mask;
	} cases[] = {
		{PL011_ILPR, 0xff}, {PL011_IBRD, 0xffff}, {PL011_FBRD, 0x3f},  {PL011_LCR_H, 0xff},
		{PL011_CR, 0xff87}, {PL011_IFLS, 0x3f},	  {PL011_IMSC, 0x7ff}, {PL011_DMACR, 7},
		{PL011_RIS, 0},	    {PL011_MIS, 0},	  {0xfe0, 0x11},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		wr(cases[i].reg, 0xffffffff);
		ck_assert_uint_eq(rd(cases[i].reg), cases[i].mask);
	}
}
END_TEST

START_TEST(output)
{
	char buf[64];

	/* An early console writes before any driver has set up the port. */
	ck_assert_uint_eq(stats.phase.first_console_output, 0);
	for (const char *p = "Booting"; *p; p++) {
		ck_assert(!(rd(PL011_FR) & PL011_FR_TXFF));
		wr(PL011_DR, (uint32_t)*p);
	}
	bus_write(&bus, BASE + PL011_DR, 1, '!');
	bus_write(&bus, BASE + PL011_DR, 2, 0xff00 | '?');
	ck_assert_int_eq(read(guest_out, buf, sizeof(buf)), 9);
	ck_assert_mem_eq(buf, "Booting!?", 9);
	ck_assert_uint_eq(stats.console_bytes_out, 9);
	ck_assert_uint_ne(stats.phase.first_console_output, 0);
}
END_TEST

START_TEST(tx_interrupt)
{
	start_driver();
	wr(PL011_IMSC, PL011_INT_TX);
	ck_assert(!line); /* only a transition through the level raises it */
	wr(PL011_DR, 'a');
	ck_assert(line);
	ck_assert_uint_eq(rd(PL011_RIS), PL011_INT_TX);
	ck_assert_uint_eq(rd(PL011_MIS), PL011_INT_TX);
	wr(PL011_ICR, PL011_INT_TX);
	ck_assert(!line);
	wr(PL011_IMSC, 0);
	wr(PL011_DR, 'b');
	ck_assert(!line);
	ck_assert_uint_eq(rd(PL011_RIS), PL011_INT_TX);
	ck_assert_uint_eq(rd(PL011_MIS), 0);
	wr(PL011_IMSC, PL011_INT_TX);
	ck_assert(line);
	ck_assert_uint_eq(line_changes, 3);
}
END_TEST

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

START_TEST(clear_receive_interrupts)
{
	start_driver();
	send("q");
	run_until(line_high);
	wr(PL011_ICR, PL011_INT_RT | PL011_INT_RX);
	ck_assert(!line);
	send("r");
	run_until(line_high); /* new data raises it again */
	ck_assert_uint_eq(rd(PL011_DR), 'q');
	ck_assert_uint_eq(rd(PL011_DR), 'r');
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

START_TEST(loopback)
{
	char buf[8];

	start_driver();
	uint32_t cr = PL011_CR_UARTEN | PL011_CR_TXE | PL011_CR_RXE | PL011_CR_LBE;
	wr(PL011_CR, cr | PL011_CR_RTS);
	ck_assert_uint_eq(rd(PL011_FR) & 0x107, PL011_FR_CTS);
	wr(PL011_CR, cr | PL011_CR_OUT2 | PL011_CR_DTR);
	ck_assert_uint_eq(rd(PL011_FR) & 0x107, PL011_FR_RI | PL011_FR_DSR);
	send("from outside");
	run_loop();
	for (uint32_t i = 0; i < 33; i++)
		wr(PL011_DR, 0x40 + i);
	ck_assert(line);
	/* The 33rd byte overran (3.3.1, OE): shown in UARTDR and UARTRSR, once. */
	ck_assert_uint_eq(rd(PL011_RIS) & PL011_INT_OE, PL011_INT_OE);
	ck_assert_uint_eq(rd(PL011_DR), 0x840);
	ck_assert_uint_eq(rd(PL011_RSR), PL011_RSR_OE);
	ck_assert_uint_eq(rd(PL011_DR), 0x41);
	ck_assert_uint_eq(rd(PL011_RSR), 0);
	for (uint32_t i = 2; i < 32; i++)
		ck_assert_uint_eq(rd(PL011_DR), 0x40 + i);
	ck_assert(!has_input());
	ck_assert_int_eq(read(guest_out, buf, sizeof(buf)), -1); /* nothing left the UART */
	ck_assert_int_eq(errno, EAGAIN);
	wr(PL011_ICR, PL011_INT_OE);
	ck_assert_uint_eq(rd(PL011_RIS) & PL011_INT_OE, 0);
}
END_TEST

START_TEST(error_clear)
{
	start_driver();
	wr(PL011_CR, PL011_CR_UARTEN | PL011_CR_TXE | PL011_CR_RXE | PL011_CR_LBE);
	for (int i = 0; i < 40; i++)
		wr(PL011_DR, 'x');
	rd(PL011_DR);
	ck_assert_uint_eq(rd(PL011_RSR), PL011_RSR_OE);
	wr(PL011_RSR, 0);
	ck_assert_uint_eq(rd(PL011_RSR), 0);
}
END_TEST

START_TEST(fifo_flush)
{
	start_driver();
	send("abc");
	run_until(line_high);
	wr(PL011_LCR_H, 0x60);
	ck_assert(!has_input());
	ck_assert(!line);
}
END_TEST

START_TEST(read_when_empty)
{
	start_driver();
	for (int i = 0; i < 100; i++)
		rd(PL011_DR);
	send("e");
	run_until(line_high);
	ck_assert_uint_eq(rd(PL011_DR), 'e');
}
END_TEST

/* All offsets, all sizes, reads and writes: no crash, and the ID registers stand. */
START_TEST(hostile_accesses)
{
	static const uint8_t sizes[] = {1, 2, 4, 8};
	uint64_t value;

	send("some input");
	for (uint64_t offset = 0; offset < 0x1008; offset++)
		for (int s = 0; s < 4; s++) {
			bus_write(&bus, BASE + offset, sizes[s], UINT64_C(0x5a5a5a5a5a5a5a5a) * offset);
			bus_read(&bus, BASE + offset, sizes[s], &value);
		}
	run_loop();
	ck_assert_uint_eq(rd(0xfe0), 0x11);
	bus_read(&bus, BASE + 0xfe0, 8, &value);
	ck_assert_uint_eq(value, UINT64_MAX); /* no 64-bit access to two registers */
	bus_read(&bus, BASE + 0x100, 4, &value);
	ck_assert_uint_eq(value, 0xffffffff);
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

START_TEST(description)
{
	struct fdtw w;
	size_t len;
	int size;

	ck_assert_int_eq(fdtw_start(&w), 0);
	fdtw_begin(&w, "%s", "");
	dev->class->describe(dev, &w);
	fdtw_end(&w);
	ck_assert_int_eq(fdtw_finish(&w, &len), 0);
	int node = fdt_path_offset(w.buf, "/serial@9000000");
	ck_assert_int_ge(node, 0);
	ck_assert_int_eq(fdt_node_check_compatible(w.buf, node, "arm,pl011"), 0);
	ck_assert_int_eq(fdt_node_check_compatible(w.buf, node, "arm,primecell"), 0);
	const fdt32_t *irq = fdt_getprop(w.buf, node, "interrupts", &size);
	ck_assert_int_eq(size, 12);
	ck_assert_uint_eq(fdt32_to_cpu(irq[0]), FDTW_GIC_SPI);
	ck_assert_uint_eq(fdt32_to_cpu(irq[1]), 1); /* INTID 33 is SPI 1 */
	ck_assert_uint_eq(fdt32_to_cpu(irq[2]), FDTW_IRQ_LEVEL);
	ck_assert_int_eq(fdt_stringlist_search(w.buf, node, "clock-names", "apb_pclk"), 1);
	fdt_getprop(w.buf, node, "clocks", &size);
	ck_assert_int_eq(size, 8);
	fdtw_free(&w);
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
	Suite *suite = suite_create("pl011");
	TCase *tc = tcase_create("pl011");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, reset_values);
	tcase_add_test(tc, writable_bits);
	tcase_add_test(tc, output);
	tcase_add_test(tc, tx_interrupt);
	tcase_add_test(tc, input_by_interrupt);
	tcase_add_loop_test(tc, trigger_levels, 0, sizeof(levels) / sizeof(levels[0]));
	tcase_add_test(tc, holding_register);
	tcase_add_test(tc, clear_receive_interrupts);
	tcase_add_test(tc, input_waits_for_a_listener);
	tcase_add_test(tc, polling_guest);
	tcase_add_test(tc, disabled_receiver);
	tcase_add_test(tc, loopback);
	tcase_add_test(tc, error_clear);
	tcase_add_test(tc, fifo_flush);
	tcase_add_test(tc, read_when_empty);
	tcase_add_test(tc, hostile_accesses);
	tcase_add_test(tc, slow_reader);
	tcase_add_test(tc, stuck_reader);
	tcase_add_test(tc, reader_gone);
	tcase_add_test(tc, description);
	tcase_add_test(tc, place_taken);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

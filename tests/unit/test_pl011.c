/* SPDX-License-Identifier: Apache-2.0 */
/* The registers of the PL011 as its driver sees them. Bytes through it: test_pl011_console.c. */
#include "pl011.c" /* for its register table */

#include "pl011_fixture.h"
#include "run_suite.h"

START_TEST(table)
{
	ck_assert(regtable_check(rows, NR_REGS));
}
END_TEST

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

int main(void)
{
	Suite *suite = suite_create("pl011");
	TCase *tc = tcase_create("pl011");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, table);
	tcase_add_test(tc, reset_values);
	tcase_add_test(tc, writable_bits);
	tcase_add_test(tc, output);
	tcase_add_test(tc, tx_interrupt);
	tcase_add_test(tc, clear_receive_interrupts);
	tcase_add_test(tc, loopback);
	tcase_add_test(tc, error_clear);
	tcase_add_test(tc, fifo_flush);
	tcase_add_test(tc, read_when_empty);
	tcase_add_test(tc, hostile_accesses);
	tcase_add_test(tc, description);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

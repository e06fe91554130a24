/* SPDX-License-Identifier: Apache-2.0 */
/* The 16550 (PC16550D data sheet) between a bus and doubles of its console and its interrupt line; and the sleep and
 * reset registers. */
#include <check.h>
#include <libfdt.h>
#include <string.h>

#include "acpi_power.h"
#include "acpi_power_regs.h"
#include "bus.h"
#include "console.h"
#include "device.h"
#include "fdtw.h"
#include "irq.h"
#include "log.h"
#include "run_suite.h"
#include "uart16550.h"
#include "uart16550_regs.h"
#include "vm.h"

#define BASE  0xfe000000u
#define PORTS (UINT64_C(1) << 52)

static struct bus bus;
static struct device *dev;
static bool line, can_write;
static const struct console_client *client;
static void *client_dev;
static char sent[64];
static size_t nr_sent, waiting; /* bytes of input that wait: 'a', 'b' ... */
static char next_input;

/* Doubles of core and of the console. */
void irq_line_set(const struct irq_line *irq, bool high)
{
	ck_assert_uint_eq(irq->intid, 36);
	line = high;
}

static int stopped;

void vm_stop(struct vm *vm, enum vm_stop why)
{
	stopped = (int)why;
}

void console_attach(struct console *console, const struct console_client *c, void *opaque)
{
	client = c;
	client_dev = opaque;
}

bool console_can_write(struct console *console)
{
	return can_write;
}

void console_write(struct console *console, uint8_t byte)
{
	if (can_write)
		sent[nr_sent++] = (char)byte;
}

void console_pull(struct console *console)
{
	while (client && waiting > 0 && client->room(client_dev) > 0) {
		uint8_t byte = (uint8_t)next_input++;

		waiting--;
		client->input(client_dev, &byte, 1);
	}
}

static uint8_t rd(unsigned reg)
{
	uint64_t value;

	bus_read(&bus, BASE + reg, 1, &value);
	return (uint8_t)value;
}

static void wr(unsigned reg, uint8_t value)
{
	bus_write(&bus, BASE + reg, 1, value);
}

static void type(size_t n)
{
	waiting += n;
	console_pull(NULL);
}

static void setup(void)
{
	const struct irq_line irq = {.gsi = 4, .intid = 36, .level = true};

	line = false;
	can_write = true;
	nr_sent = waiting = 0;
	next_input = 'a';
	bus_init(&bus);
	ck_assert_int_eq(uart16550_create(&dev, &bus,
					  &(struct uart16550_place){.base = BASE, .port_base = PORTS, .port = 0x3f8},
					  &irq, NULL),
			 0);
	ck_assert_int_eq(dev->class->reset(dev), 0);
}

static void teardown(void)
{
	dev->class->destroy(dev);
	ck_assert_ptr_null(client);
	ck_assert_uint_eq(bus.nr_windows, 0);
	bus_fini(&bus);
}

START_TEST(after_reset)
{
	static const uint8_t values[] = {[UART_IIR] = 1, [UART_LSR] = 0x60, [UART_MSR] = 0xb0, [UART_SCR] = 0};

	for (unsigned reg = UART_IER; reg <= UART_SCR; reg++)
		ck_assert_uint_eq(rd(reg), values[reg]);
	wr(UART_IER, 0xff);
	wr(UART_SCR, 0x5a);
	wr(UART_MCR, 0xff);
	ck_assert_uint_eq(rd(UART_IER), 0x0f);
	ck_assert_uint_eq(rd(UART_SCR), 0x5a);
	ck_assert_uint_eq(rd(UART_MCR), 0x1f);
	ck_assert(line);
	dev->class->reset(dev);
	ck_assert(!line);
	for (unsigned reg = UART_IER; reg <= UART_SCR; reg++)
		ck_assert_uint_eq(rd(reg), values[reg]);
}
END_TEST

START_TEST(divisor)
{
	wr(UART_LCR, 0x83);
	wr(UART_DATA, 12);
	wr(UART_IER, 1);
	ck_assert_uint_eq(rd(UART_DATA), 12);
	ck_assert_uint_eq(rd(UART_IER), 1);
	wr(UART_LCR, 0x03);
	ck_assert_uint_eq(rd(UART_IER), 0);
	ck_assert_uint_eq(nr_sent, 0);
}
END_TEST

START_TEST(transmit)
{
	wr(UART_DATA, 'h');
	wr(UART_DATA, 'i');
	ck_assert_mem_eq(sent, "hi", 2);
	/* 8.4: enabling raises it at once; reading IIR or writing THR ends it */
	wr(UART_IER, UART_IER_TX);
	ck_assert(line);
	ck_assert_uint_eq(rd(UART_IIR), UART_IIR_TX);
	ck_assert(!line);
	ck_assert_uint_eq(rd(UART_IIR), UART_IIR_NONE);
	wr(UART_DATA, '!');
	ck_assert(line); /* sent at once, empty again */
	can_write = false;
	wr(UART_DATA, '?');
	ck_assert(!line);
	ck_assert_uint_eq(rd(UART_LSR) & (UART_LSR_THRE | UART_LSR_TEMT), 0);
	can_write = true;
	client->output_ready(client_dev);
	ck_assert(line);
	ck_assert_uint_eq(rd(UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
}
END_TEST

START_TEST(receive)
{
	type(3);
	ck_assert_uint_eq(waiting, 3); /* nobody listens */
	wr(UART_IER, UART_IER_RX);
	ck_assert(line);
	ck_assert_uint_eq(waiting, 2); /* without FIFOs there is room for one */
	ck_assert_uint_eq(rd(UART_IIR), UART_IIR_RX);
	ck_assert_uint_eq(rd(UART_LSR) & UART_LSR_READY, UART_LSR_READY);
	for (char c = 'a'; c <= 'c'; c++)
		ck_assert_int_eq(rd(UART_DATA), c);
	ck_assert(!line);
	ck_assert_uint_eq(rd(UART_LSR) & UART_LSR_READY, 0);
}
END_TEST

START_TEST(fifo)
{
	static const uint8_t triggers[] = {1, 4, 8, 14};

	wr(UART_IER, UART_IER_RX);
	for (unsigned i = 0; i < 4; i++) {
		wr(UART_IIR, (uint8_t)(UART_FCR_ENABLE | UART_FCR_RESET_R | i << 6));
		ck_assert_uint_eq(rd(UART_IIR), UART_IIR_FIFOS | UART_IIR_NONE);
		for (unsigned n = 1; n <= 16; n++) {
			type(1);
			ck_assert(line);
			ck_assert_uint_eq(rd(UART_IIR) & 0x0f, n >= triggers[i] ? UART_IIR_RX : UART_IIR_TIMEOUT);
		}
		type(1);
		ck_assert_uint_eq(waiting, 1); /* full: the sender waits */
		rd(UART_DATA);
		ck_assert_uint_eq(waiting, 0);
	}
	wr(UART_IIR, 0); /* a change of the enable bit empties it */
	ck_assert(!line);
	ck_assert_uint_eq(rd(UART_LSR) & UART_LSR_READY, 0);
}
END_TEST

START_TEST(polling)
{
	type(1);
	for (unsigned i = 0; i < 20 && !(rd(UART_LSR) & UART_LSR_READY); i++)
		;
	ck_assert_int_eq(rd(UART_DATA), 'a');
	ck_assert(!line);
}
END_TEST

/* As Linux' 8250 driver finds out what it has (autoconfig()). */
START_TEST(loopback)
{
	wr(UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_RTS);
	ck_assert_uint_eq(rd(UART_MSR) & 0xf0, UART_MSR_DCD | UART_MSR_CTS);
	wr(UART_DATA, 'x');
	ck_assert_uint_eq(nr_sent, 0);
	wr(UART_IER, UART_IER_LSR);
	wr(UART_DATA, 'y'); /* no room */
	ck_assert(line);
	ck_assert_uint_eq(rd(UART_IIR), UART_IIR_LSR);
	ck_assert_uint_eq(rd(UART_LSR) & UART_LSR_OE, UART_LSR_OE);
	ck_assert(!line);
	ck_assert_int_eq(rd(UART_DATA), 'x');
}
END_TEST

START_TEST(modem)
{
	wr(UART_MCR, UART_MCR_LOOP);
	rd(UART_MSR);
	wr(UART_IER, UART_IER_MSR);
	wr(UART_MCR, UART_MCR_LOOP | UART_MCR_OUT1); /* RI rises: no event */
	ck_assert(!line);
	wr(UART_MCR, UART_MCR_LOOP | UART_MCR_DTR); /* RI falls, DSR rises */
	ck_assert(line);
	ck_assert_uint_eq(rd(UART_IIR), UART_IIR_MSR);
	ck_assert_uint_eq(rd(UART_MSR), UART_MSR_DSR | UART_MSR_TERI | 0x02);
	ck_assert(!line);
	ck_assert_uint_eq(rd(UART_MSR), UART_MSR_DSR);
}
END_TEST

START_TEST(odd_accesses)
{
	uint64_t value;

	bus_read(&bus, BASE + UART_LSR, 2, &value);
	ck_assert_uint_eq(value, 0xffff);
	bus_write(&bus, BASE, 4, 'z');
	bus_write(&bus, BASE + 8, 1, 'z');
	wr(UART_LSR, 0xff);
	wr(UART_MSR, 0xff);
	ck_assert_uint_eq(nr_sent, 0);
	ck_assert_uint_eq(rd(UART_LSR), 0x60);
}
END_TEST

START_TEST(node)
{
	struct fdtw fdt;
	size_t len;
	int at;

	ck_assert_int_eq(fdtw_start(&fdt), 0);
	fdtw_begin(&fdt, "%s", "");
	dev->class->describe(dev, &fdt);
	fdtw_end(&fdt);
	ck_assert_int_eq(fdtw_finish(&fdt, &len), 0);
	at = fdt_path_offset(fdt.buf, "/serial@fe000000");
	ck_assert_int_gt(at, 0);
	ck_assert_int_eq(fdt_node_check_compatible(fdt.buf, at, "ns16550a"), 0);
	fdtw_free(&fdt);
}
END_TEST

/* --- sleep and reset --- */

START_TEST(power)
{
	static const struct {
		unsigned reg;
		uint8_t value, size;
		int stops; /* enum vm_stop; 0: goes on */
	} writes[] = {
		{ACPI_POWER_SLEEP_CONTROL, 5 << 2, 1, 0},	   /* without SLP_EN */
		{ACPI_POWER_SLEEP_CONTROL, 1 << 5 | 3 << 2, 1, 0}, /* S3 */
		{ACPI_POWER_SLEEP_CONTROL, 1 << 5 | 5 << 2, 4, 0}, /* not a byte */
		{ACPI_POWER_RESET, 0, 1, 0},
		{ACPI_POWER_SLEEP_STATUS, 0x80, 1, 0},
		{3, 0xff, 1, 0},
		{ACPI_POWER_SLEEP_CONTROL, 1 << 5 | 5 << 2, 1, VM_STOP_POWEROFF},
		{ACPI_POWER_RESET, 6, 1, VM_STOP_RESET},
	};
	static struct vm vm;
	struct device *power_dev;
	uint64_t value;

	bus_init(&vm.bus);
	ck_assert_int_eq(acpi_power_create(&power_dev, &vm, 0xfe010000), 0);
	for (unsigned i = 0; i < ARRAY_LEN(writes); i++) {
		stopped = 0;
		bus_write(&vm.bus, 0xfe010000 + writes[i].reg, writes[i].size, writes[i].value);
		ck_assert_int_eq(stopped, writes[i].stops);
	}
	for (unsigned reg = 0; reg < 3; reg++) {
		bus_read(&vm.bus, 0xfe010000 + reg, 1, &value);
		ck_assert_uint_eq(value, 0);
	}
	power_dev->class->destroy(power_dev);
	ck_assert_uint_eq(vm.bus.nr_windows, 0);
	bus_fini(&vm.bus);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("uart16550");
	TCase *tc = tcase_create("uart16550");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, after_reset);
	tcase_add_test(tc, divisor);
	tcase_add_test(tc, transmit);
	tcase_add_test(tc, receive);
	tcase_add_test(tc, fifo);
	tcase_add_test(tc, polling);
	tcase_add_test(tc, loopback);
	tcase_add_test(tc, modem);
	tcase_add_test(tc, odd_accesses);
	tcase_add_test(tc, node);
	suite_add_tcase(suite, tc);
	tc = tcase_create("power");
	tcase_add_test(tc, power);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A PL011 on a bus, with real pipes behind its console and a double of the interrupt line. */
#ifndef AERIE_PL011_FIXTURE_H
#define AERIE_PL011_FIXTURE_H

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

static inline uint32_t rd(uint32_t reg)
{
	uint64_t value;

	bus_read(&bus, BASE + reg, 4, &value);
	return (uint32_t)value;
}

static inline void wr(uint32_t reg, uint32_t value)
{
	bus_write(&bus, BASE + reg, 4, value);
}

static inline void on_turn(struct loop_source *src)
{
	loop_stop(&loop, 2);
}

/* Runs the loop until @done or for @turns; each turn ends by a source of our own that is always ready. */
static inline bool run_turns(bool (*done)(void), int turns)
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
static inline void run_loop(void)
{
	run_turns(NULL, 20);
}

static inline void run_until(bool (*done)(void))
{
	ck_assert(run_turns(done, 20000));
}

static inline bool has_input(void)
{
	return !(rd(PL011_FR) & PL011_FR_RXFE);
}

static inline bool line_high(void)
{
	return line;
}

static inline void setup(void)
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

static inline void teardown(void)
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
static inline void start_driver(void)
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

static inline void send(const char *text)
{
	ck_assert_int_eq(write(guest_in, text, strlen(text)), (ssize_t)strlen(text));
}

#endif

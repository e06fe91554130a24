/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pl031.c" /* for its register table */

#include "bus.h"
#include "device.h"
#include "fdtw.h"
#include "irq.h"
#include "log.h"
#include "loop.h"
#include "run_suite.h"

#define BASE 0x9010000u

/* DDI 0224, table 3-1 */
#define RTCDR	0x00u
#define RTCMR	0x04u
#define RTCLR	0x08u
#define RTCCR	0x0cu
#define RTCIMSC 0x10u
#define RTCRIS	0x14u
#define RTCMIS	0x18u
#define RTCICR	0x1cu

static struct bus bus;
static struct loop loop;
static struct device *dev;
static bool line;

/* Double of vmm/core/irq.c. */
void irq_line_set(const struct irq_line *irq, bool high)
{
	ck_assert_uint_eq(irq->intid, 34);
	line = high;
	if (high)
		loop_stop(&loop, 1);
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

static uint32_t now(void)
{
	return (uint32_t)time(NULL);
}

static void setup(void)
{
	const struct irq_line irq = {.intid = 34, .level = true};

	line = false;
	bus_init(&bus);
	ck_assert_int_eq(loop_init(&loop), 0);
	ck_assert_int_eq(pl031_create(&dev, &bus, &loop, BASE, &irq), 0);
	dev->class->reset(dev);
}

static void teardown(void)
{
	dev->class->destroy(dev);
	ck_assert_uint_eq(bus.nr_windows, 0);
	loop_fini(&loop);
	bus_fini(&bus);
}

START_TEST(table)
{
	ck_assert(regtable_check(rows, NR_REGS));
}
END_TEST

START_TEST(reset_values)
{
	static const uint32_t ids[] = {0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

	ck_assert_uint_eq(rd(RTCMR), 0);
	ck_assert_uint_eq(rd(RTCCR), 1);
	ck_assert_uint_eq(rd(RTCIMSC), 0);
	ck_assert_uint_eq(rd(RTCRIS), 0);
	ck_assert_uint_eq(rd(RTCICR), 0);
	for (uint32_t i = 0; i < 8; i++)
		ck_assert_uint_eq(rd(0xfe0 + 4 * i), ids[i]);
	for (uint32_t i = 0; i < 8; i++) {
		uint64_t byte; /* as EDK2's driver does */

		bus_read(&bus, BASE + 0xfe0 + 4 * i, 1, &byte);
		ck_assert_uint_eq(byte, ids[i]);
	}
	wr(RTCCR, 0);
	ck_assert_uint_eq(rd(RTCCR), 1); /* a running clock is not stopped */
	wr(RTCDR, 5);
	ck_assert_uint_ge(rd(RTCDR), now() - 1); /* read-only */
}
END_TEST

START_TEST(wall_clock)
{
	uint32_t before = now(), value = rd(RTCDR), after = now();

	ck_assert_uint_le(before, value);
	ck_assert_uint_le(value, after);
}
END_TEST

START_TEST(load)
{
	wr(RTCLR, 1000);
	ck_assert_uint_eq(rd(RTCLR), 1000);
	uint32_t value = rd(RTCDR);
	ck_assert_uint_ge(value, 1000);
	ck_assert_uint_le(value, 1002);
	/* The battery keeps it over a reset. */
	dev->class->reset(dev);
	ck_assert_uint_le(rd(RTCDR), 1003);
	wr(RTCLR, 0xffffffff);
	value = rd(RTCDR);
	ck_assert(value == 0xffffffff || value <= 2); /* wraps at 32 bits */
}
END_TEST

START_TEST(match_now)
{
	wr(RTCIMSC, 1);
	do { /* unless a second ends between the two accesses */
		wr(RTCMR, rd(RTCDR));
	} while (rd(RTCRIS) == 0);
	ck_assert(line);
	ck_assert_uint_eq(rd(RTCMIS), 1);
	wr(RTCICR, 1);
	ck_assert(!line);
	ck_assert_uint_eq(rd(RTCRIS), 0);
}
END_TEST

START_TEST(alarm_rings)
{
	wr(RTCIMSC, 1);
	wr(RTCMR, rd(RTCDR) + 2);
	ck_assert(!line);
	uint32_t match = rd(RTCMR);
	ck_assert_int_eq(loop_run(&loop), 1);
	ck_assert(line);
	ck_assert_uint_ge(rd(RTCDR), match);
	ck_assert_uint_le(rd(RTCDR), match + 2);
}
END_TEST

START_TEST(alarm_on_loaded_time)
{
	wr(RTCIMSC, 1);
	wr(RTCMR, 5002);
	wr(RTCLR, 5000); /* brings the match near */
	ck_assert(!line);
	ck_assert_int_eq(loop_run(&loop), 1);
	ck_assert(line);
}
END_TEST

START_TEST(masked_match)
{
	do {
		wr(RTCMR, rd(RTCDR));
	} while (rd(RTCRIS) == 0);
	ck_assert(!line);
	ck_assert_uint_eq(rd(RTCMIS), 0);
	wr(RTCIMSC, 1);
	ck_assert(line);
	wr(RTCIMSC, 0);
	ck_assert(!line);
	wr(RTCIMSC, 1);
	dev->class->reset(dev);
	ck_assert(!line);
}
END_TEST

static void stop_after(struct loop_source *src)
{
	loop_stop(&loop, 2);
}

START_TEST(past_match_is_silent)
{
	struct loop_source turn = {0};
	int ends[2];

	wr(RTCIMSC, 1);
	wr(RTCMR, rd(RTCDR) - 1);
	dev->class->reset(dev);
	wr(RTCIMSC, 1);
	wr(RTCMR, rd(RTCDR) + 1);
	dev->class->reset(dev); /* takes the alarm back */
	usleep(1100000);
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(loop_add_output(&loop, &turn, ends[1], stop_after), 0);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(loop_run(&loop), 2);
	ck_assert(!line);
	ck_assert_uint_eq(rd(RTCRIS), 0);
	loop_del(&loop, &turn);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(narrow_accesses)
{
	uint64_t value;

	bus_read(&bus, BASE, 2, &value);
	ck_assert_uint_eq(value, 0xffff);
	bus_read(&bus, BASE, 8, &value);
	ck_assert_uint_eq(value, UINT64_MAX);
	bus_read(&bus, BASE + 0x20, 4, &value);
	ck_assert_uint_eq(value, 0xffffffff);
	for (uint64_t offset = 0; offset < 0x1008; offset++)
		bus_write(&bus, BASE + offset, (uint8_t)(1u << (offset % 4)), UINT64_MAX);
	ck_assert_uint_eq(rd(0xfe0), 0x31);
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
	int node = fdt_path_offset(w.buf, "/rtc@9010000");
	ck_assert_int_ge(node, 0);
	ck_assert_int_eq(fdt_node_check_compatible(w.buf, node, "arm,pl031"), 0);
	const fdt32_t *irq = fdt_getprop(w.buf, node, "interrupts", &size);
	ck_assert_int_eq(size, 12);
	ck_assert_uint_eq(fdt32_to_cpu(irq[1]), 2);
	ck_assert_int_eq(fdt_stringlist_search(w.buf, node, "clock-names", "apb_pclk"), 0);
	fdtw_free(&w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pl031");
	TCase *tc = tcase_create("pl031");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, table);
	tcase_add_test(tc, reset_values);
	tcase_add_test(tc, wall_clock);
	tcase_add_test(tc, load);
	tcase_add_test(tc, match_now);
	tcase_add_test(tc, alarm_rings);
	tcase_add_test(tc, alarm_on_loaded_time);
	tcase_add_test(tc, masked_match);
	tcase_add_test(tc, past_match_is_silent);
	tcase_add_test(tc, narrow_accesses);
	tcase_add_test(tc, description);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

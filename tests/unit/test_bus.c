/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bits.h"
#include "bus.h"
#include "stats.h"

struct dev {
	struct bus_window window;
	struct bus_access seen;
	unsigned calls;
	enum bus_verdict verdict;
	uint64_t answer;
	void (*effect)(struct dev *dev);
};

static struct bus bus;

static enum bus_verdict on_access(struct bus_window *window, struct bus_access *access)
{
	struct dev *dev = container_of(window, struct dev, window);

	dev->seen = *access;
	dev->calls++;
	access->value = dev->answer;
	enum bus_verdict verdict = dev->verdict;
	if (dev->effect)
		dev->effect(dev); /* may free dev */
	return verdict;
}

static struct dev dev_init(void)
{
	return (struct dev){.window = {.handler = on_access, .name = "dev"}, .answer = UINT64_C(0x1122334455667788)};
}

static uint64_t rd(uint64_t addr, uint8_t size)
{
	uint64_t value = 0;

	bus_read(&bus, addr, size, &value);
	return value;
}

static void setup(void)
{
	bus_init(&bus);
	stats.exit_mmio_unhandled = 0;
}

static void teardown(void)
{
	bus_fini(&bus);
}

START_TEST(dispatch)
{
	struct dev a = dev_init(), b = dev_init();

	ck_assert_int_eq(bus_add(&bus, &b.window, 0x2000, 0x1000), 0);
	ck_assert_int_eq(bus_add(&bus, &a.window, 0x1000, 0x1000), 0);
	ck_assert_uint_eq(rd(0x1ff8, 8), a.answer);
	ck_assert_uint_eq(a.seen.offset, 0xff8);
	ck_assert_uint_eq(a.seen.size, 8);
	ck_assert(!a.seen.is_write);
	ck_assert_uint_eq(a.seen.value, UINT64_MAX); /* preset */
	ck_assert_uint_eq(rd(0x2003, 2), 0x7788);
	ck_assert_uint_eq(b.seen.offset, 3); /* misaligned, as the guest did it */
	bus_write(&bus, 0x2fff, 1, 0xabcd);
	ck_assert(b.seen.is_write);
	ck_assert_uint_eq(b.seen.offset, 0xfff);
	ck_assert_uint_eq(b.seen.value, 0xcd); /* trimmed to the size */
	ck_assert_uint_eq(stats.exit_mmio_unhandled, 0);
}
END_TEST

START_TEST(nobody_there)
{
	static const struct {
		uint64_t addr;
		uint8_t size;
		uint64_t ones;
	} cases[] = {
		{0, 1, 0xff},
		{0xfff, 1, 0xff},
		{0x3000, 4, 0xffffffff},
		{0x1ffe, 4, 0xffffffff},
		{0xffe, 4, 0xffffffff},
		{0x3ffd, 8, UINT64_MAX},
		{UINT64_MAX, 1, 0xff},
		{UINT64_MAX, 2, 0xffff},
		{UINT64_MAX - 2, 4, 0xffffffff},
		{UINT64_MAX - 7, 8, UINT64_MAX},
	};
	struct dev a = dev_init(), b = dev_init();

	bus_add(&bus, &a.window, 0x1000, 0x1000);
	bus_add(&bus, &b.window, 0x4000, 0x1000);
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		ck_assert_uint_eq(rd(cases[i].addr, cases[i].size), cases[i].ones);
		bus_write(&bus, cases[i].addr, cases[i].size, 0);
	}
	ck_assert_uint_eq(a.calls + b.calls, 0);
	ck_assert_uint_eq(stats.exit_mmio_unhandled, 2 * ARRAY_LEN(cases));
}
END_TEST

START_TEST(verdicts)
{
	struct dev a = dev_init();

	bus_add(&bus, &a.window, 0, 0x1000);
	a.verdict = BUS_UNHANDLED;
	ck_assert_uint_eq(rd(8, 4), 0xffffffff); /* what the handler left there is not shown */
	a.verdict = BUS_BAD;
	ck_assert_uint_eq(rd(8, 2), 0xffff);
	ck_assert_uint_eq(stats.exit_mmio_unhandled, 2);
	ck_assert_uint_eq(rd(8, 3), 0xffffff); /* no such size: not even offered */
	ck_assert_uint_eq(rd(8, 0), 0);
	ck_assert_uint_eq(rd(8, 16), UINT64_MAX);
	ck_assert_uint_eq(a.calls, 2);
}
END_TEST

START_TEST(overlap)
{
	struct dev a = dev_init(), b = dev_init();

	ck_assert_int_eq(bus_add(&bus, &a.window, 0x1000, 0x1000), 0);
	static const struct {
		uint64_t base, size;
		int err;
	} cases[] = {
		{0x1000, 0x1000, -EEXIST}, {0x0, 0x1001, -EEXIST},	  {0x1fff, 1, -EEXIST},
		{0x1800, 0x10, -EEXIST},   {0x0, 0x10000, -EEXIST},	  {0x1fff, 0x1000, -EEXIST},
		{0x5000, 0, -EINVAL},	   {UINT64_MAX, 2, -EINVAL},	  {1, UINT64_MAX, -EEXIST},
		{2, UINT64_MAX, -EINVAL},  {0x2000, UINT64_MAX, -EINVAL},
	};
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		ck_assert_int_eq(bus_add(&bus, &b.window, cases[i].base, cases[i].size), cases[i].err);
		ck_assert(!b.window.added);
	}
	ck_assert_uint_eq(bus.nr_windows, 1);
	ck_assert_int_eq(bus_add(&bus, &a.window, 0x9000, 0x1000), -EINVAL); /* is on the bus already */
	ck_assert_int_eq(bus_add(&bus, &b.window, 0x2000, 0x1000), 0);	     /* neighbours are fine */
}
END_TEST

START_TEST(end_of_space)
{
	struct dev a = dev_init();

	ck_assert_int_eq(bus_add(&bus, &a.window, UINT64_MAX - 0xfff, 0x1000), 0);
	ck_assert_uint_eq(rd(UINT64_MAX, 1), 0x88);
	ck_assert_uint_eq(a.seen.offset, 0xfff);
	ck_assert_uint_eq(rd(UINT64_MAX - 7, 8), a.answer);
	ck_assert_uint_eq(rd(UINT64_MAX - 2, 4), 0xffffffff); /* wraps */
	ck_assert_uint_eq(a.calls, 2);
	bus_remove(&bus, &a.window);
	ck_assert_int_eq(bus_add(&bus, &a.window, 0, UINT64_MAX), 0);
	ck_assert_uint_eq(rd(UINT64_MAX - 1, 1), 0x88);
	ck_assert_uint_eq(rd(UINT64_MAX, 1), 0xff);
}
END_TEST

static void remove_and_free(struct dev *dev)
{
	bus_remove(&bus, &dev->window);
	free(dev);
}

START_TEST(remove_own_window)
{
	struct dev *a = malloc(sizeof(*a));

	*a = dev_init();
	a->effect = remove_and_free;
	bus_add(&bus, &a->window, 0x1000, 0x1000);
	ck_assert_uint_eq(rd(0x1000, 1), 0x88);
	ck_assert_uint_eq(rd(0x1000, 1), 0xff);
	ck_assert_uint_eq(bus.nr_windows, 0);
}
END_TEST

static void move_away(struct dev *dev)
{
	uint64_t base = dev->window.range.first;

	bus_remove(&bus, &dev->window);
	bus_remove(&bus, &dev->window); /* idempotent */
	ck_assert_int_eq(bus_add(&bus, &dev->window, base + 0x10000, 0x1000), 0);
}

START_TEST(move_own_window)
{
	struct dev a = dev_init(), other = dev_init();

	a.effect = move_away;
	bus_add(&bus, &a.window, 0x1000, 0x1000);
	bus_add(&bus, &other.window, 0x2000, 0x1000);
	bus_write(&bus, 0x1000, 4, 0);
	ck_assert_uint_eq(rd(0x1000, 4), 0xffffffff);
	ck_assert_uint_eq(rd(0x11000, 4), 0x55667788);
	ck_assert_uint_eq(rd(0x2000, 4), 0x55667788);
	ck_assert_uint_eq(a.calls, 2);
}
END_TEST

static void access_bus(struct dev *dev)
{
	dev->effect = NULL;
	ck_assert_uint_eq(rd(0x1008, 8), dev->answer);
}

START_TEST(nested_access)
{
	struct dev a = dev_init();

	a.effect = access_bus;
	bus_add(&bus, &a.window, 0x1000, 0x1000);
	bus_write(&bus, 0x1000, 4, 0);
	ck_assert_uint_eq(a.calls, 2);
}
END_TEST

START_TEST(many_windows)
{
	static struct dev devs[BUS_MAX_WINDOWS];
	struct dev more = dev_init();

	/* In an order that inserts at the front, the end and between. */
	for (unsigned i = 0; i < BUS_MAX_WINDOWS; i++) {
		unsigned n = i * 197 % BUS_MAX_WINDOWS;
		devs[n] = dev_init();
		devs[n].answer = n;
		ck_assert_int_eq(bus_add(&bus, &devs[n].window, n * 0x10, 0x8), 0);
	}
	ck_assert_int_eq(bus_add(&bus, &more.window, 0x100000, 8), -ENOSPC);
	ck_assert_int_eq(bus_add(&bus, &more.window, 0, 8), -EEXIST);
	for (unsigned i = 0; i < BUS_MAX_WINDOWS; i += 2)
		bus_remove(&bus, &devs[i].window);
	for (unsigned i = 0; i < BUS_MAX_WINDOWS; i++) {
		ck_assert_uint_eq(rd(i * 0x10 + 4, 4), i % 2 ? i : 0xffffffff);
		ck_assert_uint_eq(rd(i * 0x10 + 8, 4), 0xffffffff);
	}
}
END_TEST

static void *hammer(void *arg)
{
	for (int i = 0; i < 20000; i++)
		bus_write(&bus, 0x1000, 4, 0);
	return arg;
}

START_TEST(device_lock)
{
	struct dev a = dev_init();
	pthread_t threads[3];

	bus_add(&bus, &a.window, 0x1000, 0x1000);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, hammer, NULL), 0);
	for (int i = 0; i < 2000; i++) {
		bus_lock(&bus);
		bus_remove(&bus, &a.window);
		ck_assert_int_eq(bus_add(&bus, &a.window, 0x1000, 0x1000), 0);
		bus_unlock(&bus);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(a.calls, 60000); /* no call was lost to a race of the (unlocked) counter or of the windows */
}
END_TEST

static atomic_bool greedy_stops;
static atomic_uint greedy_turns;
static unsigned waited_from, overtaken;

static void slow(struct dev *dev)
{
	greedy_turns++;
	usleep(2000);
}

static void served(struct dev *dev)
{
	overtaken += greedy_turns - waited_from;
}

/* A vCPU whose every access keeps the lock for long. */
static void *greedy(void *arg)
{
	while (!greedy_stops)
		bus_write(&bus, 0x1000, 4, 0);
	return arg;
}

/* Who waits sees the other's present turn end, and no other begin. */
START_TEST(device_lock_is_fair)
{
	struct dev a = dev_init(), b = dev_init();
	pthread_t thread;

	a.effect = slow;
	b.effect = served;
	bus_add(&bus, &a.window, 0x1000, 0x1000);
	bus_add(&bus, &b.window, 0x2000, 0x1000);
	greedy_stops = false;
	overtaken = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, greedy, NULL), 0);
	for (unsigned i = 0; i < 50; i++) {
		usleep(500); /* until the other has it */
		waited_from = greedy_turns;
		bus_write(&bus, 0x2000, 4, 0);
	}
	greedy_stops = true;
	pthread_join(thread, NULL);
	/* Some room for a scheduler that stops us before we wait. */
	ck_assert_uint_le(overtaken, 10);
}
END_TEST

static void again(struct dev *dev)
{
	bus_lock(&bus);
	bus_lock(&bus);
	bus_unlock(&bus);
	bus_unlock(&bus);
}

/* Taking it again while others wait for their turn must not wait for them. */
START_TEST(device_lock_is_recursive)
{
	struct dev a = dev_init();
	pthread_t threads[3];

	a.effect = again;
	bus_add(&bus, &a.window, 0x1000, 0x1000);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, hammer, NULL), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(a.calls, 60000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bus");
	TCase *tc = tcase_create("bus");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, dispatch);
	tcase_add_test(tc, nobody_there);
	tcase_add_test(tc, verdicts);
	tcase_add_test(tc, overlap);
	tcase_add_test(tc, end_of_space);
	tcase_add_test(tc, remove_own_window);
	tcase_add_test(tc, move_own_window);
	tcase_add_test(tc, nested_access);
	tcase_add_test(tc, many_windows);
	tcase_add_test(tc, device_lock);
	tcase_add_test(tc, device_lock_is_fair);
	tcase_add_test(tc, device_lock_is_recursive);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "bits.h"
#include "fd.h"
#include "loop.h"
#include "run_suite.h"

static struct loop loop;

struct counted {
	struct loop_source src;
	unsigned calls;
	unsigned stop_at;	/* calls after which the loop is stopped */
	struct counted *victim; /* removed and freed by the handler */
	struct counted *baby;	/* added by the handler */
	bool remove_self;
};

static void setup(void)
{
	ck_assert_int_eq(loop_init(&loop), 0);
}

static void teardown(void)
{
	loop_fini(&loop);
	ck_assert_int_eq(loop.epoll_fd, -1);
	ck_assert_int_eq(loop.wake.fd, -1);
}

static void on_event(struct loop_source *src);

static struct counted *counted_new(bool add)
{
	struct counted *c = calloc(1, sizeof(*c));
	int fd = fd_eventfd();

	c->src.fd = fd;
	fd_signal(fd);
	if (add)
		ck_assert_int_eq(loop_add(&loop, &c->src, fd, on_event), 0);
	return c;
}

static void counted_free(struct counted *c)
{
	loop_del(&loop, &c->src);
	fd_close(&c->src.fd);
	free(c);
}

static void on_event(struct loop_source *src)
{
	struct counted *c = container_of(src, struct counted, src);

	c->calls++;
	if (c->victim) {
		counted_free(c->victim);
		c->victim = NULL;
	}
	if (c->baby && !c->baby->src.added)
		ck_assert_int_eq(loop_add(&loop, &c->baby->src, c->baby->src.fd, on_event), 0);
	if (c->remove_self)
		loop_del(&loop, &c->src);
	if (c->stop_at && c->calls >= c->stop_at)
		loop_stop(&loop, 7);
}

START_TEST(stop_before_run)
{
	loop_stop(&loop, 3);
	loop_stop(&loop, 4); /* the first reason wins */
	ck_assert_int_eq(loop_run(&loop), 3);
	/* Forgotten: the next run ends by its own stop only. */
	struct counted *c = counted_new(true);
	c->stop_at = 5;
	ck_assert_int_eq(loop_run(&loop), 7);
	ck_assert_uint_eq(c->calls, 5);
	counted_free(c);
}
END_TEST

START_TEST(level_triggered_and_fair)
{
	struct counted *a = counted_new(true), *b = counted_new(true), *c = counted_new(true);

	a->stop_at = 100;
	ck_assert_int_eq(loop_run(&loop), 7);
	ck_assert_uint_ge(b->calls, 99);
	ck_assert_uint_ge(c->calls, 99);
	counted_free(a);
	counted_free(b);
	counted_free(c);
}
END_TEST

START_TEST(remove_and_free_another)
{
	/* All are ready at once; whichever comes first frees the other. */
	struct counted *a = counted_new(true), *b = counted_new(true), *end = counted_new(true);

	a->victim = b;
	a->remove_self = true;
	end->stop_at = 10;
	ck_assert_int_eq(loop_run(&loop), 7);
	ck_assert_uint_eq(a->calls, 1);
	ck_assert_ptr_null(a->victim);
	counted_free(a);
	counted_free(end);
}
END_TEST

START_TEST(remove_self)
{
	struct counted *a = counted_new(true), *end = counted_new(true);

	a->remove_self = true;
	end->stop_at = 10;
	loop_run(&loop);
	ck_assert_uint_eq(a->calls, 1);
	ck_assert(!a->src.added);
	loop_del(&loop, &a->src); /* idempotent */
	counted_free(a);
	counted_free(end);
}
END_TEST

START_TEST(add_in_handler)
{
	struct counted *a = counted_new(true), *baby = counted_new(false);

	a->baby = baby;
	baby->stop_at = 3;
	ck_assert_int_eq(loop_run(&loop), 7);
	ck_assert_uint_eq(baby->calls, 3);
	counted_free(a);
	counted_free(baby);
}
END_TEST

START_TEST(add_again_moves)
{
	struct counted *a = counted_new(true);
	int second[2];

	fd_drain(a->src.fd);
	ck_assert_int_eq(pipe(second), 0);
	int old = a->src.fd;
	a->stop_at = 1;
	ck_assert_int_eq(loop_add(&loop, &a->src, second[0], on_event), 0);
	ck_assert_int_eq(write(second[1], "x", 1), 1);
	ck_assert_int_eq(loop_run(&loop), 7);
	/* The old descriptor is not watched any more. */
	ck_assert_int_eq(loop_add(&loop, &(struct loop_source){0}, old, on_event), 0);
	close(second[1]);
	close(old);
	counted_free(a);
}
END_TEST

START_TEST(hang_up_wakes)
{
	struct counted *a = counted_new(false);
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	fd_close(&a->src.fd);
	a->stop_at = 1;
	ck_assert_int_eq(loop_add(&loop, &a->src, ends[0], on_event), 0);
	close(ends[1]);
	ck_assert_int_eq(loop_run(&loop), 7);
	counted_free(a);
}
END_TEST

START_TEST(output)
{
	struct counted *a = counted_new(false);
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	fd_close(&a->src.fd);
	a->stop_at = 1;
	ck_assert_int_eq(loop_add_output(&loop, &a->src, ends[1], on_event), 0);
	ck_assert_int_eq(loop_run(&loop), 7);
	close(ends[0]);
	counted_free(a);
}
END_TEST

START_TEST(not_pollable)
{
	struct loop_source src = {0};
	OWNED_FD int null = open("/dev/null", O_RDONLY), self = open("/proc/self/exe", O_RDONLY);

	ck_assert_int_eq(loop_add(&loop, &src, null, on_event), -EPERM);
	ck_assert_int_eq(loop_add(&loop, &src, self, on_event), -EPERM);
	ck_assert(!src.added);
}
END_TEST

static void *stop_later(void *arg)
{
	usleep(20000);
	loop_stop(&loop, 9);
	return arg;
}

START_TEST(stop_from_thread)
{
	pthread_t thread;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(pthread_create(&thread, NULL, stop_later, NULL), 0);
		ck_assert_int_eq(loop_run(&loop), 9);
		pthread_join(thread, NULL);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loop");
	TCase *tc = tcase_create("loop");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, stop_before_run);
	tcase_add_test(tc, level_triggered_and_fair);
	tcase_add_test(tc, remove_and_free_another);
	tcase_add_test(tc, remove_self);
	tcase_add_test(tc, add_in_handler);
	tcase_add_test(tc, add_again_moves);
	tcase_add_test(tc, hang_up_wakes);
	tcase_add_test(tc, output);
	tcase_add_test(tc, not_pollable);
	tcase_add_test(tc, stop_from_thread);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

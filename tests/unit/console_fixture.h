/* SPDX-License-Identifier: Apache-2.0 */
/* A console without a serial port: a device that takes as much input as the test allows. */
#ifndef AERIE_CONSOLE_FIXTURE_H
#define AERIE_CONSOLE_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "bus.h"
#include "console.h"
#include "log.h"
#include "loop.h"

#define QUIT 5

static struct bus bus;
static struct loop loop;
static const struct console_env env = {.loop = &loop, .bus = &bus, .quit_reason = QUIT};
static struct console *console;

/* A device that takes what @room allows. */
static char input[20000];
static size_t input_len, room, ready_calls;

static inline size_t dev_room(void *dev)
{
	return room;
}

static inline void dev_input(void *dev, const uint8_t *data, size_t len)
{
	ck_assert_uint_le(len, room);
	ck_assert_uint_gt(len, 0);
	memcpy(input + input_len, data, len);
	input_len += len;
	input[input_len] = '\0';
	room -= len;
}

static inline void dev_ready(void *dev)
{
	ready_calls++;
}

static const struct console_client client = {.room = dev_room, .input = dev_input, .output_ready = dev_ready};

static char logged[2048];
static unsigned nr_logged;

static inline void sink(enum log_level level, const char *line, void *opaque)
{
	nr_logged++;
	snprintf(logged, sizeof(logged), "%s", line);
}

static inline void on_turn(struct loop_source *src)
{
	loop_stop(&loop, 1);
}

/* Runs the loop for @turns or until it is stopped by somebody else, whose reason is returned. */
static inline int run(int turns)
{
	struct loop_source turn = {0};
	int ends[2], reason = 1;

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(loop_add_output(&loop, &turn, ends[1], on_turn), 0);
	for (int i = 0; i < turns && reason == 1; i++) {
		reason = loop_run(&loop);
		if (i > 100)
			usleep(1000);
	}
	loop_del(&loop, &turn);
	close(ends[0]);
	close(ends[1]);
	return reason;
}

/* The kernel moves bytes through a terminal in its own time. */
static inline void run_until_input(size_t len)
{
	for (int i = 0; i < 5000 && input_len < len; i++) {
		ck_assert_int_eq(run(5), 1);
		if (i > 100)
			usleep(1000);
	}
	ck_assert_uint_eq(input_len, len);
}

static inline void setup(void)
{
	input_len = ready_calls = nr_logged = 0;
	input[0] = '\0';
	room = sizeof(input) - 1;
	log_set_sink(sink, NULL);
	bus_init(&bus);
	ck_assert_int_eq(loop_init(&loop), 0);
	console = NULL;
}

static inline void teardown(void)
{
	console_close(console);
	loop_fini(&loop);
	bus_fini(&bus);
	log_set_sink(NULL, NULL);
}

static inline void open_fds(int in, int out)
{
	ck_assert_int_eq(console_open_stdio(&console, &env, in, out), 0);
	console_attach(console, &client, NULL);
}

static inline void put(const char *text)
{
	for (; *text; text++)
		console_write(console, (uint8_t)*text);
}

static inline int open_fd_count(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static char dir[] = "/tmp/aerie-test-XXXXXX";
static char path[64];

static inline void make_dir(void)
{
	setup();
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/console", dir);
}

static inline void remove_dir(void)
{
	teardown();
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

#endif

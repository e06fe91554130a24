/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: one thread (main) waits for file descriptors and calls their handlers. Sources may be added and
 * removed from any handler, also the source's own. loop_stop() may be called from any thread; everything else only from
 * the thread that runs the loop or while no thread runs it.
 */
#ifndef AERIE_LOOP_H
#define AERIE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop_source;

/** Called when @src->fd is readable (or has hung up). */
typedef void (*loop_handler)(struct loop_source *src);

/* Embed in the owner, who keeps it alive while it is in the loop. The loop does not own fd. */
struct loop_source {
	int fd;
	loop_handler handler;
	bool added;
};

struct loop {
	int epoll_fd;
	struct loop_source wake; /* eventfd by which loop_stop() interrupts the wait */
	_Atomic int stop_reason; /* 0: go on */
};

/** Returns 0 or -errno (logged). */
int loop_init(struct loop *loop);
void loop_fini(struct loop *loop);

/** Watches @fd. Returns 0; -EPERM (not logged: a kind of file that cannot be waited for, such as a regular file or
 *  /dev/null); other -errno (logged). A source that is in the loop already is moved to @fd. */
int loop_add(struct loop *loop, struct loop_source *src, int fd, loop_handler handler);

/** The same for "takes output" instead of "readable". */
int loop_add_output(struct loop *loop, struct loop_source *src, int fd, loop_handler handler);

/** Idempotent. Comes before the close of the descriptor. */
void loop_del(struct loop *loop, struct loop_source *src);

/** Runs until loop_stop(); returns its reason and forgets it. A stop that came before the call ends it at once.
 *  -errno (logged) when the wait itself fails. */
int loop_run(struct loop *loop);

/** Whether loop_stop() has been called since a loop_run() last ended. */
bool loop_is_stopping(const struct loop *loop);

/** Ends the present or the next loop_run() with @reason (> 0). The first of several reasons wins.
 *  Thread-safe and async-signal-safe. */
void loop_stop(struct loop *loop, int reason);

#endif

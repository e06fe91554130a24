/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that serves queues of one virtio device: how it gets them, gives them back, and says so.
 *
 * What is wished for (worker_start, worker_stop) is told with the device lock held and comes true in the thread, which
 * calls ops->begin and ops->end. The thread sleeps in poll() and needs no lock of ours to come to rest, so a holder of
 * the device lock may wait for it (worker_quiesce).
 */
#ifndef AERIE_WORKER_H
#define AERIE_WORKER_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct vm;
struct worker;

#define WORKER_MAX_FDS 256u

struct worker_ops {
	/* In the worker's thread: */
	/** Queue @index is the thread's own from now on. */
	void (*begin)(void *owner, unsigned index);
	/** Queue @index is given back: nothing on the thread's behalf touches it after the return. */
	void (*end)(void *owner, unsigned index);
	/** Descriptors to wait for, at most WORKER_MAX_FDS; returns how many. *@timeout_ms is -1: for ever. */
	unsigned (*poll)(void *owner, struct pollfd *fds, int *timeout_ms);
	/** Something happened to the @fds that poll gave, or the time is over. Does what there is to do, for a bounded
	 *  time. */
	void (*work)(void *owner, const struct pollfd *fds);

	/** In the event loop, device lock held: queues may have come to rest. */
	void (*rested)(void *owner);
};

/** Starts the thread, without queues. 0 or -errno (logged). @name (borrowed) is for messages. */
int worker_create(struct worker **out, struct vm *vm, const char *name, const struct worker_ops *ops, void *owner);

/** Ends the thread, which must be idle. NULL is fine. */
void worker_destroy(struct worker *w);

/** Device lock held (or start-up): */
void worker_start(struct worker *w, unsigned index);
void worker_stop(struct worker *w, unsigned index);
void worker_stop_all(struct worker *w);
/** True when the thread has given back queue @index / all queues. */
bool worker_rests(struct worker *w, unsigned index);
bool worker_idle(struct worker *w);
/** Returns when all queues that were stopped have been given back. */
void worker_quiesce(struct worker *w);

/** In the thread: true when a wish waits, which is reason to leave ops->work soon. */
bool worker_wanted(const struct worker *w);

/** Any thread: lets ops->work run. */
void worker_wake(struct worker *w);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's physical address bus as far as our process answers on it.
 *
 * One access record in, one verdict out. Devices see offsets into their window, never addresses. An access that no
 * window claims reads as all ones and is otherwise ignored, as on a PCIe root.
 *
 * Locking: bus->lock is *the device lock*. bus_dispatch() takes it around every handler; event-loop handlers that touch
 * device models take it with bus_lock(). All device models, PCI config space and vIOMMU front ends are guarded by it
 * and have no locks of their own. Handlers may add and remove windows, also their own. It is the outermost lock.
 *
 * It is fair: who waits gets it before a thread that let go of it and comes back. A vCPU that resets its device in a
 * loop has it for 100 ms at a time and away from it for microseconds; without turns no other vCPU would ever get in.
 * It is recursive, so that a model may access the bus (its own windows too) from within a handler.
 */
#ifndef AERIE_BUS_H
#define AERIE_BUS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "range.h"

struct bus_access {
	uint64_t offset; /* bytes from the start of the window */
	uint64_t value;	 /* little-endian value; in for writes, out for reads (preset to all ones by the dispatcher) */
	uint8_t size;	 /* 1, 2, 4 or 8; offset may be misaligned for it */
	bool is_write;
};

enum bus_verdict {
	BUS_HANDLED,
	BUS_UNHANDLED, /* nothing lives at this offset: reads as all ones */
	BUS_BAD,       /* something lives there, but not for this size or alignment; treated as BUS_UNHANDLED */
};

struct bus_window;

typedef enum bus_verdict (*bus_handler)(struct bus_window *window, struct bus_access *access);

/* Embed in the owner. The owner keeps it alive while it is on the bus. */
struct bus_window {
	struct range range; /* set by bus_add() */
	bus_handler handler;
	const char *name; /* for messages */
	bool added;
};

#define BUS_MAX_WINDOWS 512u

struct bus {
	pthread_mutex_t turn; /* held while waiting for lock, so that nobody can overtake */
	pthread_mutex_t lock;
	_Atomic(const void *) owner;		     /* names the thread that holds lock; NULL: none */
	unsigned depth;				     /* how often the owner has taken it again; the owner's */
	struct bus_window *windows[BUS_MAX_WINDOWS]; /* sorted by range.first */
	unsigned nr_windows;
};

void bus_init(struct bus *bus);
void bus_fini(struct bus *bus);

void bus_lock(struct bus *bus);
void bus_unlock(struct bus *bus);

/** As bus_lock(), but gives up once *@quit (NULL: never) is true: for threads that a holder of the lock waits for.
 *  Returns false without the lock then. */
bool bus_lock_unless(struct bus *bus, const _Atomic bool *quit);

/** Puts @window at [base, base + size). Caller holds the device lock or is single-threaded start-up.
 *  Returns 0; -EEXIST (overlaps; not logged); -EINVAL (empty or beyond 2^64); -ENOSPC. */
int bus_add(struct bus *bus, struct bus_window *window, uint64_t base, uint64_t size);

/** Idempotent; caller as for bus_add(). No handler of the window runs or starts after the return (but the caller's
 * own). */
void bus_remove(struct bus *bus, struct bus_window *window);

/** Performs one access of @size 1, 2, 4 or 8 bytes. Takes the device lock. */
void bus_read(struct bus *bus, uint64_t addr, uint8_t size, uint64_t *value);
void bus_write(struct bus *bus, uint64_t addr, uint8_t size, uint64_t value);

#endif

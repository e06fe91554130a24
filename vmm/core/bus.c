/* SPDX-License-Identifier: Apache-2.0 */
#include "bus.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "stats.h"

/* Its address names the thread. */
static _Thread_local char this_thread;

void bus_init(struct bus *bus)
{
	*bus = (struct bus){0};
	pthread_mutex_init(&bus->turn, NULL);
	pthread_mutex_init(&bus->lock, NULL);
}

void bus_fini(struct bus *bus)
{
	pthread_mutex_destroy(&bus->lock);
	pthread_mutex_destroy(&bus->turn);
	bus->nr_windows = 0;
}

/* Only the thread itself ever stores its own name, so what it reads of it is never stale. */
static bool is_owner(const struct bus *bus)
{
	return atomic_load_explicit(&bus->owner, memory_order_relaxed) == &this_thread;
}

void bus_lock(struct bus *bus)
{
	if (is_owner(bus)) {
		bus->depth++;
		return;
	}
	pthread_mutex_lock(&bus->turn);
	pthread_mutex_lock(&bus->lock);
	pthread_mutex_unlock(&bus->turn);
	atomic_store_explicit(&bus->owner, &this_thread, memory_order_relaxed);
}

/* How often a thread that may have to give up looks whether it has to. */
#define QUIT_POLL_NS 1000000

static bool lock_or_quit(pthread_mutex_t *mutex, const _Atomic bool *quit)
{
	for (;;) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += QUIT_POLL_NS;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		if (pthread_mutex_timedlock(mutex, &until) == 0)
			return true;
		if (atomic_load_explicit(quit, memory_order_acquire))
			return false;
	}
}

bool bus_lock_unless(struct bus *bus, const _Atomic bool *quit)
{
	if (!quit || is_owner(bus)) {
		bus_lock(bus);
		return true;
	}
	if (atomic_load_explicit(quit, memory_order_acquire) || !lock_or_quit(&bus->turn, quit))
		return false;

	bool locked = lock_or_quit(&bus->lock, quit);

	pthread_mutex_unlock(&bus->turn);
	if (locked)
		atomic_store_explicit(&bus->owner, &this_thread, memory_order_relaxed);
	return locked;
}

void bus_unlock(struct bus *bus)
{
	if (bus->depth > 0) {
		bus->depth--;
		return;
	}
	atomic_store_explicit(&bus->owner, NULL, memory_order_relaxed);
	pthread_mutex_unlock(&bus->lock);
}

/* Index of the first window that ends at or above @addr; nr_windows when there is none. Windows do not overlap, so they
 * are sorted by their ends too. */
static unsigned first_reaching(const struct bus *bus, uint64_t addr)
{
	unsigned low = 0, high = bus->nr_windows;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;
		if (bus->windows[mid]->range.last < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int bus_add(struct bus *bus, struct bus_window *window, uint64_t base, uint64_t size)
{
	struct range range;

	if (!range_make(&range, base, size) || window->added)
		return -EINVAL;
	unsigned at = first_reaching(bus, range.first);
	if (at < bus->nr_windows && range_overlaps(bus->windows[at]->range, range))
		return -EEXIST;
	if (bus->nr_windows == BUS_MAX_WINDOWS)
		return -ENOSPC;
	memmove(&bus->windows[at + 1], &bus->windows[at], (bus->nr_windows - at) * sizeof(bus->windows[0]));
	bus->windows[at] = window;
	bus->nr_windows++;
	window->range = range;
	window->added = true;
	return 0;
}

void bus_remove(struct bus *bus, struct bus_window *window)
{
	if (!window->added)
		return;
	unsigned at = first_reaching(bus, window->range.first);
	bus->nr_windows--;
	memmove(&bus->windows[at], &bus->windows[at + 1], (bus->nr_windows - at) * sizeof(bus->windows[0]));
	window->added = false;
}

static uint64_t size_mask(uint8_t size)
{
	return size >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * size)) - 1;
}

/* @access->offset holds the address on entry. The window is not touched after its handler, which may have freed it. */
static enum bus_verdict dispatch(struct bus *bus, struct bus_access *access)
{
	struct range range;

	if (!range_make(&range, access->offset, access->size))
		return BUS_UNHANDLED;
	unsigned at = first_reaching(bus, range.first);
	/* An access that sticks out of its window belongs to nobody. */
	if (at == bus->nr_windows || !range_contains(bus->windows[at]->range, range))
		return BUS_UNHANDLED;
	struct bus_window *window = bus->windows[at];
	access->offset -= window->range.first;
	return window->handler(window, access);
}

static enum bus_verdict locked_dispatch(struct bus *bus, struct bus_access *access)
{
	if (access->size != 1 && access->size != 2 && access->size != 4 && access->size != 8)
		return BUS_BAD;
	bus_lock(bus);
	enum bus_verdict verdict = dispatch(bus, access);
	bus_unlock(bus);
	if (verdict != BUS_HANDLED)
		stats_inc(&stats.exit_mmio_unhandled);
	return verdict;
}

void bus_read(struct bus *bus, uint64_t addr, uint8_t size, uint64_t *value)
{
	struct bus_access access = {.offset = addr, .value = UINT64_MAX, .size = size};

	/* What a handler left in an access that it refused is not for the guest. */
	if (locked_dispatch(bus, &access) != BUS_HANDLED)
		access.value = UINT64_MAX;
	*value = access.value & size_mask(size);
}

void bus_write(struct bus *bus, uint64_t addr, uint8_t size, uint64_t value)
{
	struct bus_access access = {.offset = addr, .value = value & size_mask(size), .size = size, .is_write = true};

	locked_dispatch(bus, &access);
}

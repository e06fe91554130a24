/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory: one memfd for each contiguous piece of guest RAM, mapped once. All access from device models goes
 * through gmem_read()/gmem_write() with a length: copied once, so that what was validated is what is used.
 *
 * Immutable after the VM is built, so it may be used from any thread without a lock. Knows nothing of KVM (vm_map_ram()
 * registers the pieces as memory slots), so that models are tested and fuzzed against real guest memory anywhere.
 */
#ifndef AERIE_GMEM_H
#define AERIE_GMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"

#define GMEM_MAX_REGIONS 4u

struct gmem_region {
	gpa_t base;    /* page aligned */
	uint64_t size; /* bytes, page aligned */
	void *host;    /* shared mapping of fd */
	int fd;	       /* memfd, owned */
};

struct gmem {
	struct gmem_region regions[GMEM_MAX_REGIONS];
	unsigned nr_regions;
};

enum gmem_pages {
	GMEM_PAGES_NORMAL,
	GMEM_PAGES_HUGE_2M, /* hugetlbfs; fails when the host's pool is too small */
};

void gmem_init(struct gmem *mem);

/** Adds @size bytes of zeroed RAM at @base. Returns 0; -EINVAL (misaligned, overlap, too many); -ENOMEM. Logged. */
int gmem_add(struct gmem *mem, gpa_t base, uint64_t size, enum gmem_pages pages);

/* Threads that clear RAM at the same time, at most, and the least worth a thread of its own. */
#define GMEM_POPULATE_THREADS 16u
#define GMEM_POPULATE_CHUNK   (UINT64_C(64) << 20)

/**
 * Fills all RAM with pages now, on all CPUs, huge pages where the host allows them. For a VM whose RAM is about to be
 * pinned anyway: pinning a memfd fills it with small pages, because it does not see the mapping's advice
 * (memfd_pin_folios()). A host that runs out of memory on the way is left to fail at the pinning, which says so.
 */
void gmem_populate(const struct gmem *mem);

/** Unmaps and frees all RAM. */
void gmem_fini(struct gmem *mem);

/** True when all of [@addr, @addr + @len) is RAM of one region. @len may be 0 (then @addr must be RAM). */
bool gmem_contains(const struct gmem *mem, gpa_t addr, uint64_t len);

/** Copies out of guest RAM. Returns 0 or -EFAULT (not logged: the caller knows the guest's architectural error);
 *  @buf is zeroed on failure. */
int gmem_read(const struct gmem *mem, gpa_t addr, void *buf, size_t len);

/** Copies into guest RAM. All or nothing. Returns 0 or -EFAULT. */
int gmem_write(const struct gmem *mem, gpa_t addr, const void *buf, size_t len);

/** Single-copy atomic little-endian accesses to naturally aligned words. Return 0, or -EFAULT (also when misaligned).
 */
int gmem_read_le64(const struct gmem *mem, gpa_t addr, uint64_t *value);
int gmem_write_le32(const struct gmem *mem, gpa_t addr, uint32_t value);

/** Replaces the little-endian word at @addr by @desired if it holds @expected: one atomic access. 0; -EAGAIN: it holds
 *  something else; -EFAULT (not RAM, misaligned). */
int gmem_cmpxchg_le64(const struct gmem *mem, gpa_t addr, uint64_t expected, uint64_t desired);

/** Host pointer to [@addr, @addr + @len), NULL when that is not RAM. Only for the loader and for bulk data paths. */
void *gmem_host(const struct gmem *mem, gpa_t addr, uint64_t len);

/** Gives the host pages that lie wholly inside [@addr, @addr + @len) back to the host; they read as zeroes until they
 *  are written again. 0; -EFAULT when that is not RAM of one region; other -errno (logged). Any thread. */
int gmem_discard(const struct gmem *mem, gpa_t addr, uint64_t len);

/** Bytes of RAM in all regions. */
uint64_t gmem_size(const struct gmem *mem);

#endif

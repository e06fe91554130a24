/* SPDX-License-Identifier: Apache-2.0 */
#include "gmem.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bits.h"
#include "fd.h"
#include "log.h"
#include "range.h"
#include "sys.h"

#define MIB	     (UINT64_C(1) << 20)
#define HUGE_2M	     (2 * MIB)
#define HUGE_2M_POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/"

void gmem_init(struct gmem *mem)
{
	*mem = (struct gmem){0};
}

static int check_place(const struct gmem *mem, struct range place, uint64_t align)
{
	if (mem->nr_regions == GMEM_MAX_REGIONS)
		return log_fail(-EINVAL, "cannot add guest RAM at 0x%" PRIx64 ": more than %u pieces", place.first,
				GMEM_MAX_REGIONS);
	if (place.first % align || range_len(place) % align)
		return log_fail(-EINVAL,
				"cannot add guest RAM at 0x%" PRIx64 ", 0x%" PRIx64
				" bytes: address and size must be multiples of %" PRIu64 " KiB",
				place.first, range_len(place), align >> 10);
	for (unsigned i = 0; i < mem->nr_regions; i++) {
		struct range other;
		if (range_make(&other, mem->regions[i].base.v, mem->regions[i].size) && range_overlaps(place, other))
			return log_fail(-EINVAL,
					"cannot add guest RAM at 0x%" PRIx64 ": overlaps the RAM at 0x%" PRIx64,
					place.first, other.first);
	}
	return 0;
}

/* hugetlbfs reports a pool that is too small as ENOMEM of mmap(2), and a kernel without it in several ways. */
static int fail_huge(int err, uint64_t size)
{
	char pool[32], used[32];

	if (fd_read_text(HUGE_2M_POOL "nr_hugepages", pool, sizeof(pool)) < 0 ||
	    fd_read_text(HUGE_2M_POOL "free_hugepages", used, sizeof(used)) < 0)
		return log_fail(
			err,
			"cannot back guest RAM with huge pages: this host has no pool of 2 MiB pages (%s); use a "
			"kernel with CONFIG_HUGETLBFS, or set `hugepages: none`",
			strerror(-err));
	return log_fail(
		err,
		"cannot back guest RAM with huge pages: needs %" PRIu64
		" free pages of 2 MiB, the host's pool has %s, of which %s are free (%s); write a larger number "
		"(at least %" PRIu64 " more than now in use) to " HUGE_2M_POOL "nr_hugepages, or set `hugepages: none`",
		size / HUGE_2M, pool, used, strerror(-err), size / HUGE_2M);
}

static int fail_ram(int err, const char *what, uint64_t size, enum gmem_pages pages)
{
	if (pages == GMEM_PAGES_HUGE_2M)
		return fail_huge(err, size);
	return log_fail(err, "cannot %s of %" PRIu64 " MiB for guest RAM: %s; lower `machine.memory`%s", what,
			size / MIB, strerror(-err),
			err == -EMFILE ? " or raise the limit on open files (ulimit -n)" : "");
}

int gmem_add(struct gmem *mem, gpa_t base, uint64_t size, enum gmem_pages pages)
{
	bool huge = pages == GMEM_PAGES_HUGE_2M;
	struct range place;

	if (!range_make(&place, base.v, size) || size > INT64_MAX || size > SIZE_MAX)
		return log_fail(-EINVAL, "cannot add guest RAM at 0x%" PRIx64 ": 0x%" PRIx64 " bytes is no valid size",
				base.v, size);
	int err = check_place(mem, place, huge ? HUGE_2M : (uint64_t)sysconf(_SC_PAGESIZE));
	if (err)
		return err;

	OWNED_FD int fd = sys_memfd("aerie-ram", MFD_ALLOW_SEALING | (huge ? MFD_HUGETLB | MFD_HUGE_2MB : 0));
	if (fd < 0)
		return fail_ram(-errno, "create a memory file", size, pages);
	if (sys_ftruncate(fd, (off_t)size) < 0)
		return fail_ram(-errno, "size a memory file", size, pages);
	/* Other processes that get the descriptor (vhost-user back ends) cannot take the memory from under us. */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return fail_ram(-errno, "seal a memory file", size, pages);
	/* Huge pages are reserved now: a pool that is too small must be an error here, not a SIGBUS later. */
	int flags = huge ? MAP_SHARED : MAP_SHARED | MAP_NORESERVE;
	void *host = sys_mmap((size_t)size, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (host == MAP_FAILED)
		return fail_ram(-errno, "map a memory file", size, pages);
	/* A core dump of aerie is about aerie; the guest's secrets stay out of it. */
	madvise(host, (size_t)size, MADV_DONTDUMP);
	/* Transparent huge pages where the host allows them (shmem_enabled): fewer stage-2 faults and TLB misses. */
	madvise(host, (size_t)size, MADV_HUGEPAGE);

	mem->regions[mem->nr_regions++] = (struct gmem_region){.base = base, .size = size, .host = host, .fd = fd};
	fd = -1; /* owned by the region */
	return 0;
}

void gmem_fini(struct gmem *mem)
{
	while (mem->nr_regions > 0) {
		struct gmem_region *r = &mem->regions[--mem->nr_regions];
		sys_munmap(r->host, (size_t)r->size);
		fd_close(&r->fd);
	}
	gmem_init(mem);
}

void *gmem_host(const struct gmem *mem, gpa_t addr, uint64_t len)
{
	for (unsigned i = 0; i < mem->nr_regions; i++) {
		const struct gmem_region *r = &mem->regions[i];
		/* Wraps to a large number below the base; then both comparisons are free of overflow for any @len. */
		uint64_t offset = addr.v - r->base.v;
		if (offset < r->size && len <= r->size - offset)
			return (char *)r->host + offset;
	}
	return NULL;
}

bool gmem_contains(const struct gmem *mem, gpa_t addr, uint64_t len)
{
	return gmem_host(mem, addr, len) != NULL;
}

int gmem_read(const struct gmem *mem, gpa_t addr, void *buf, size_t len)
{
	const void *host = gmem_host(mem, addr, len);

	if (!host) {
		if (len)
			memset(buf, 0, len);
		return -EFAULT;
	}
	if (len)
		memcpy(buf, host, len);
	return 0;
}

int gmem_write(const struct gmem *mem, gpa_t addr, const void *buf, size_t len)
{
	void *host = gmem_host(mem, addr, len);

	if (!host)
		return -EFAULT;
	if (len)
		memcpy(host, buf, len);
	return 0;
}

int gmem_read_le64(const struct gmem *mem, gpa_t addr, uint64_t *value)
{
	const uint64_t *host = gmem_host(mem, addr, sizeof(*host));

	*value = 0;
	if (!host || addr.v % sizeof(*host))
		return -EFAULT;
	*value = le64toh(__atomic_load_n(host, __ATOMIC_ACQUIRE));
	return 0;
}

int gmem_write_le32(const struct gmem *mem, gpa_t addr, uint32_t value)
{
	uint32_t *host = gmem_host(mem, addr, sizeof(*host));

	if (!host || addr.v % sizeof(*host))
		return -EFAULT;
	__atomic_store_n(host, htole32(value), __ATOMIC_RELEASE);
	return 0;
}

int gmem_cmpxchg_le64(const struct gmem *mem, gpa_t addr, uint64_t expected, uint64_t desired)
{
	uint64_t *host = gmem_host(mem, addr, sizeof(*host));
	uint64_t old = htole64(expected);

	if (!host || addr.v % sizeof(*host))
		return -EFAULT;
	if (!__atomic_compare_exchange_n(host, &old, htole64(desired), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return -EAGAIN;
	return 0;
}

static int discard(const struct gmem_region *r, uint64_t offset, uint64_t len)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t first = align_up(offset, page), end = align_down(offset + len, page);

	if (first >= end || sys_punch_hole(r->fd, (off_t)first, (off_t)(end - first)) == 0)
		return 0;
	return log_fail(-errno, "cannot give memory of the guest back to the host: %s", strerror(errno));
}

int gmem_discard(const struct gmem *mem, gpa_t addr, uint64_t len)
{
	for (unsigned i = 0; i < mem->nr_regions; i++) {
		const struct gmem_region *r = &mem->regions[i];
		uint64_t offset = addr.v - r->base.v; /* wraps as in gmem_host() */

		if (offset < r->size && len <= r->size - offset)
			return discard(r, offset, len);
	}
	return -EFAULT;
}

uint64_t gmem_size(const struct gmem *mem)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < mem->nr_regions; i++)
		sum += mem->regions[i].size;
	return sum;
}

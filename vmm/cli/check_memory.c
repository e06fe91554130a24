/* SPDX-License-Identifier: Apache-2.0 */
/* Guest RAM against what the host has. With assigned devices all of it is pinned from the start: DMA may go anywhere.
 */
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "host_check.h"
#include "fd.h"

#define HUGEPAGE  (UINT64_C(2) << 20)
#define HUGE_POOL "/sys/kernel/mm/hugepages/hugepages-2048kB"

static uint64_t mib(uint64_t bytes)
{
	return bytes >> 20;
}

/* Bytes of a /proc/meminfo line, 0 when it is not there. */
static uint64_t meminfo(const char *key)
{
	char value[64];

	if (!check_proc_field("/proc/meminfo", key, value, sizeof(value)))
		return 0;
	return strtoull(value, NULL, 10) * 1024;
}

static void check_normal(struct check *check, uint64_t want, bool pinned)
{
	uint64_t total = meminfo("MemTotal:"), available = meminfo("MemAvailable:");

	if (total && want > total)
		check_add(check, CHECK_ERROR, "memory",
			  "%" PRIu64 " MiB wanted, this host has %" PRIu64 " MiB in all; lower machine.memory",
			  mib(want), mib(total));
	else if (available && want > available)
		check_add(check, pinned ? CHECK_ERROR : CHECK_WARNING, "memory",
			  "%" PRIu64 " MiB wanted, %" PRIu64
			  " MiB are available now%s; lower machine.memory or end something else",
			  mib(want), mib(available), pinned ? ", and assigned devices pin all of it" : "");
	else
		check_add(check, CHECK_OK, "memory", "%" PRIu64 " MiB of %" PRIu64 " MiB available", mib(want),
			  mib(available));
}

static void check_huge(struct check *check, uint64_t want)
{
	uint64_t pages = want / HUGEPAGE, free_pages;
	char text[32];

	if (fd_read_text(HUGE_POOL "/free_hugepages", text, sizeof(text)) <= 0) {
		check_add(
			check, CHECK_ERROR, "hugepages",
			"this host has no 2 MiB pages; use a kernel with CONFIG_HUGETLBFS or set machine.hugepages to none");
		return;
	}
	free_pages = strtoull(text, NULL, 10);
	if (free_pages < pages)
		check_add(check, CHECK_ERROR, "hugepages",
			  "%" PRIu64 " pages of 2 MiB wanted, %" PRIu64 " are free; raise the number in " HUGE_POOL
			  "/nr_hugepages by %" PRIu64,
			  pages, free_pages, pages - free_pages);
	else
		check_add(check, CHECK_OK, "hugepages", "%" PRIu64 " of %" PRIu64 " free", pages, free_pages);
}

/* iommufd charges pinned pages to the user unless the process has CAP_IPC_LOCK. */
static void check_memlock(struct check *check, uint64_t want)
{
	struct rlimit limit;

	if (check_has_capability(CAP_IPC_LOCK))
		check_add(check, CHECK_OK, "memlock", "no limit applies (CAP_IPC_LOCK)");
	else if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		check_add(check, CHECK_WARNING, "memlock", "the limit cannot be read; see `ulimit -l`");
	else if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < want)
		check_add(check, CHECK_ERROR, "memlock",
			  "cannot lock %" PRIu64 " MiB of guest memory for DMA: the limit is %" PRIu64
			  " MiB; raise it with `ulimit -l %" PRIu64 "` or run with CAP_IPC_LOCK",
			  mib(want), mib(limit.rlim_cur), want / 1024);
	else
		check_add(check, CHECK_OK, "memlock", "the limit allows %" PRIu64 " MiB", mib(want));
}

void check_memory(struct check *check)
{
	bool pinned;
	uint64_t want;

	if (!check->config)
		return;
	pinned = config_assigns(check->config);
	want = check->config->machine.memory_bytes;
	if (check->config->machine.hugepages == HUGEPAGES_2M)
		check_huge(check, want);
	else
		check_normal(check, want, pinned);
	if (pinned)
		check_memlock(check, want);
}

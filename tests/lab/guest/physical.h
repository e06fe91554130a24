// SPDX-License-Identifier: Apache-2.0
/* Physical memory through /dev/mem, and pages whose physical address is known. */
#ifndef PHYSICAL_H
#define PHYSICAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u

__attribute__((unused)) static volatile uint8_t *map_physical(uint64_t at, size_t size)
{
	int fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	void *here = fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)at);

	if (here == MAP_FAILED) {
		perror("/dev/mem");
		exit(1);
	}
	close(fd);
	return here;
}

/* A page of zeros that stays where it is; *@physical: where that is. */
__attribute__((unused)) static void *physical_page(uint64_t *physical)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (page == MAP_FAILED || mlock(page, PAGE) < 0)
		exit(1);
	memset(page, 0, PAGE);
	if (pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)page / PAGE * sizeof(entry))) != sizeof(entry) ||
	    !(entry & 1ul << 63)) {
		perror("/proc/self/pagemap");
		exit(1);
	}
	close(fd);
	*physical = (entry & ((1ul << 55) - 1)) * PAGE;
	return page;
}

#endif

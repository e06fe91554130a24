// SPDX-License-Identifier: Apache-2.0
/*
 * What hostile-smmu and hostile-pci share: physical memory through /dev/mem, pages whose physical address is known, and
 * verdicts. Addresses are those of aerie's arm64 machine with less than 3 GiB of RAM (vmm/arch/arm64/layout.h).
 */
#ifndef HOSTILE_H
#define HOSTILE_H

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

#define RAM_BASE  0x40000000ul
#define GICD_BASE 0x08010000ul
#define UART_BASE 0x09000000ul
#define SMMU_BASE 0x09050000ul
#define SMMU_SIZE 0x20000ul
#define ECAM_BASE 0x110000000ul
#define ECAM_SIZE 0x10000000ul

static unsigned failures;

__attribute__((unused, format(printf, 2, 3))) static void verdict(bool good, const char *fmt, ...)
{
	va_list args;

	printf("LAB: %s: ", good ? "hostile ok" : "FAILED: hostile");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	failures += !good;
}

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

/*
 * Plain loads and stores: what the compiler likes better (with write-back, in pairs) KVM cannot emulate, so that it
 * ends in an external abort.
 */
#define ACCESSORS(bits, type, insn, reg)                                                                               \
	__attribute__((unused)) static type rd##bits(volatile uint8_t *at)                                             \
	{                                                                                                              \
		type value;                                                                                            \
                                                                                                                       \
		__asm__ volatile("ldr" insn " %" reg "0, [%1]\n\tdsb sy" : "=r"(value) : "r"(at) : "memory");          \
		return value;                                                                                          \
	}                                                                                                              \
	__attribute__((unused)) static void wr##bits(volatile uint8_t *at, type value)                                 \
	{                                                                                                              \
		__asm__ volatile("dsb sy\n\tstr" insn " %" reg "0, [%1]\n\tdsb sy"                                     \
				 :                                                                                     \
				 : "r"(value), "r"(at)                                                                 \
				 : "memory");                                                                          \
	}
ACCESSORS(8, uint8_t, "b", "w")
ACCESSORS(16, uint16_t, "h", "w")
ACCESSORS(32, uint32_t, "", "w")
ACCESSORS(64, uint64_t, "", "x")

__attribute__((unused)) static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

__attribute__((unused)) static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

#endif

// SPDX-License-Identifier: Apache-2.0
/* What hostile-smmu and hostile-pci share: verdicts. ARCH/hostile_arch.h: addresses of the machine, accesses. */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "hostile_arch.h"
#include "physical.h"

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

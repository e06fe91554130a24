// SPDX-License-Identifier: Apache-2.0
/*
 * What hostile-smmu and hostile-pci share: verdicts, and accesses as KVM can emulate them. Addresses are those of aerie's
 * arm64 machine with less than 3 GiB of RAM (vmm/arch/arm64/layout.h).
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "physical.h"

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

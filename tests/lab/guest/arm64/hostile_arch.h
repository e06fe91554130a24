// SPDX-License-Identifier: Apache-2.0
/*
 * aerie's arm64 machine with less than 3 GiB of RAM (vmm/arch/arm64/layout.h), and accesses as KVM can emulate them:
 * plain loads and stores. What the compiler likes better (with write-back, in pairs) ends in an external abort.
 */
#ifndef HOSTILE_ARCH_H
#define HOSTILE_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#define RAM_BASE     0x40000000ul
#define IRQCHIP_BASE 0x08010000ul /* GIC distributor */
#define UART_BASE    0x09000000ul
#define SMMU_BASE    0x09050000ul
#define SMMU_SIZE    0x20000ul
#define ECAM_BASE    0x110000000ul
#define MORE_PLACES  SMMU_BASE, 0x3effc000, 0x3f000000 /* end of the 32-bit BAR window */

#define IOMMU_FUNCTIONS	   0 /* the SMMU is none */
#define ODD_ACCESSES_ABORT true

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

__attribute__((unused)) static void load_wide(volatile uint8_t *at)
{
	uint64_t a, b;

	__asm__ volatile("ldp %0, %1, [%2]" : "=r"(a), "=r"(b) : "r"(at) : "memory");
}

__attribute__((unused)) static void store_wide(volatile uint8_t *at)
{
	__asm__ volatile("stp xzr, xzr, [%0]" : : "r"(at) : "memory");
}

__attribute__((unused)) static void access_atomic(volatile uint8_t *at)
{
	uint32_t a;

	__asm__ volatile("ldaxr %w0, [%1]" : "=r"(a) : "r"(at) : "memory");
}

#endif

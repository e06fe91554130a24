// SPDX-License-Identifier: Apache-2.0
/* aerie's x86-64 machine (vmm/arch/x86/layout.h), and accesses of exactly the size that is meant. */
#ifndef HOSTILE_ARCH_H
#define HOSTILE_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#define RAM_BASE     0ul
#define IRQCHIP_BASE 0xfec00000ul /* I/O APIC */
#define UART_BASE    0xfe000000ul
#define ECAM_BASE    0xe0000000ul
/* Local APICs, power registers, end of the 32-bit BAR window, where a BIOS starts */
#define MORE_PLACES  0xfee00000, 0xfe010000, 0xdfffc000, 0xff000

#define IOMMU_FUNCTIONS	   1	 /* a virtio-iommu */
#define ODD_ACCESSES_ABORT false /* KVM splits them */

#define ACCESSORS(bits, type, suffix)                                                                                  \
	__attribute__((unused)) static type rd##bits(volatile uint8_t *at)                                             \
	{                                                                                                              \
		type value;                                                                                            \
                                                                                                                       \
		__asm__ volatile("mov" suffix " (%1), %0\n\tmfence" : "=q"(value) : "r"(at) : "memory");               \
		return value;                                                                                          \
	}                                                                                                              \
	__attribute__((unused)) static void wr##bits(volatile uint8_t *at, type value)                                 \
	{                                                                                                              \
		__asm__ volatile("mov" suffix " %0, (%1)\n\tmfence" : : "q"(value), "r"(at) : "memory");               \
	}
ACCESSORS(8, uint8_t, "b")
ACCESSORS(16, uint16_t, "w")
ACCESSORS(32, uint32_t, "l")
ACCESSORS(64, uint64_t, "q")

__attribute__((unused)) static void load_wide(volatile uint8_t *at)
{
	__asm__ volatile("movdqu (%0), %%xmm0" : : "r"(at) : "memory", "xmm0");
}

__attribute__((unused)) static void store_wide(volatile uint8_t *at)
{
	__asm__ volatile("pxor %%xmm0, %%xmm0\n\tmovdqu %%xmm0, (%0)" : : "r"(at) : "memory", "xmm0");
}

__attribute__((unused)) static void access_atomic(volatile uint8_t *at)
{
	uint32_t a = 0;

	__asm__ volatile("lock xaddl %0, (%1)" : "+r"(a) : "r"(at) : "memory", "cc");
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Loads and stores of one register without write-back: only those carry a syndrome (ESR_EL2.ISV). */
#ifndef GUEST_MMIO_H
#define GUEST_MMIO_H

#include <stdint.h>

#define MMIO(bits, load, store, width)                                                                                 \
	static inline uint##bits##_t read##bits(uint64_t addr)                                                         \
	{                                                                                                              \
		uint##bits##_t v;                                                                                      \
                                                                                                                       \
		__asm__ volatile(load " %" width "0, [%1]\n\tdsb sy" : "=r"(v) : "r"(addr) : "memory");                \
		return v;                                                                                              \
	}                                                                                                              \
                                                                                                                       \
	static inline void write##bits(uint64_t addr, uint##bits##_t v)                                                \
	{                                                                                                              \
		__asm__ volatile("dsb sy\n\t" store " %" width "0, [%1]" ::"r"(v), "r"(addr) : "memory");              \
	}

MMIO(8, "ldrb", "strb", "w")
MMIO(16, "ldrh", "strh", "w")
MMIO(32, "ldr", "str", "w")
MMIO(64, "ldr", "str", "x")

#endif

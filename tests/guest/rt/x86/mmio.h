/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GUEST_MMIO_H
#define GUEST_MMIO_H

#include <stdint.h>

#define MMIO(bits)                                                                                                     \
	static inline uint##bits##_t read##bits(uint64_t addr)                                                         \
	{                                                                                                              \
		uint##bits##_t v;                                                                                      \
                                                                                                                       \
		__asm__ volatile("mov (%1), %0" : "=r"(v) : "r"(addr) : "memory");                                     \
		return v;                                                                                              \
	}                                                                                                              \
                                                                                                                       \
	static inline void write##bits(uint64_t addr, uint##bits##_t v)                                                \
	{                                                                                                              \
		__asm__ volatile("mov %0, (%1)" ::"r"(v), "r"(addr) : "memory");                                       \
	}

MMIO(8)
MMIO(16)
MMIO(32)
MMIO(64)

#endif

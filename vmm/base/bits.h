/* SPDX-License-Identifier: Apache-2.0 */
/* Bit fields of registers and in-memory structures, named by mask constants in the *_regs.h files. */
#ifndef AERIE_BITS_H
#define AERIE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BIT32(n)       (UINT32_C(1) << (n))
#define BIT64(n)       (UINT64_C(1) << (n))
#define MASK32(hi, lo) ((UINT32_MAX >> (31 - (hi))) & (UINT32_MAX << (lo)))
#define MASK64(hi, lo) ((UINT64_MAX >> (63 - (hi))) & (UINT64_MAX << (lo)))
#define ARRAY_LEN(a)   (sizeof(a) / sizeof((a)[0]))

/** Value of the field that @mask (contiguous, not 0) selects in @reg, shifted down to bit 0. */
static inline uint64_t field_get(uint64_t mask, uint64_t reg)
{
	return (reg & mask) >> __builtin_ctzll(mask);
}

/** @value placed in the field @mask (contiguous, not 0); bits that do not fit are dropped. */
static inline uint64_t field_prep(uint64_t mask, uint64_t value)
{
	return (value << __builtin_ctzll(mask)) & mask;
}

/** As field_get() for 32-bit registers. */
static inline uint32_t field_get32(uint32_t mask, uint32_t reg)
{
	return (reg & mask) >> __builtin_ctz(mask);
}

/** As field_prep() for 32-bit registers. */
static inline uint32_t field_prep32(uint32_t mask, uint32_t value)
{
	return (value << __builtin_ctz(mask)) & mask;
}

static inline uint64_t align_down(uint64_t v, uint64_t pow2)
{
	return v & ~(pow2 - 1);
}

/** Wraps to 0 when the aligned value does not fit; callers with foreign input check first. */
static inline uint64_t align_up(uint64_t v, uint64_t pow2)
{
	return (v + pow2 - 1) & ~(pow2 - 1);
}

static inline bool is_pow2(uint64_t v)
{
	return v != 0 && (v & (v - 1)) == 0;
}

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif

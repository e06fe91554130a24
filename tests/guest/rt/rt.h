/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runtime of the bare-metal payloads: what they have instead of an operating system. One CPU, memory mapped 1:1,
 * interrupts taken by asking (irq_poll()), nothing is ever freed.
 */
#ifndef GUEST_RT_H
#define GUEST_RT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bits.h"

#define PAGE	4096ull
#define NOWHERE 0xf0000000ull /* neither RAM nor a device, in the map of each machine */

/* The serial port (arm64/pl011.c, x86/uart.c) and formatted output (console.c) */
void console_init(uint64_t base);
void put(char c);
__attribute__((format(printf, 1, 2))) void print(const char *fmt, ...);
/** Knows %c %s %d %u %x, with l, ll, zero padding and a width. Always terminates @buf. */
void vformat(char *buf, size_t size, const char *fmt, va_list ap);

/* string.c */
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);

/* memory.c: RAM that the payload may use */
void memory_init(uint64_t first, uint64_t last);
/** @n zeroed pages, aligned to @n pages rounded up to a power of two. Stops the payload when there are none. */
void *pages(unsigned n);
/** @size bytes (a power of two, a page at least), aligned to that. */
void *aligned(uint64_t size);
/** Gives back what was taken since memory_mark() said @mark. */
uint64_t memory_mark(void);
void memory_release(uint64_t mark);
static inline uint64_t pa(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* cases.c: tables of cases, verdicts */
struct guest_case {
	const char *name;
	void (*run)(void);
};
/** Runs all of them: a line "ok NAME" or "FAIL NAME: what" for each. */
void run_cases(const struct guest_case *cases, unsigned n);
/** The present case has failed; the first reason counts. */
__attribute__((format(printf, 1, 2))) void fail(const char *fmt, ...);
bool failed(void);
/** A subtitle for messages of cases that run over a table. */
__attribute__((format(printf, 1, 2))) void step(const char *fmt, ...);
/** The last line. */
void cases_done(void);

#define CHECK(cond, ...)                                                                                               \
	do {                                                                                                           \
		if (!(cond)) {                                                                                         \
			fail(__VA_ARGS__);                                                                             \
			return;                                                                                        \
		}                                                                                                      \
	} while (0)
#define CHECK_EQ(got, want)                                                                                            \
	do {                                                                                                           \
		uint64_t got_ = (got), want_ = (want);                                                                 \
		if (got_ != want_) {                                                                                   \
			fail("%s is 0x%llx, not 0x%llx (line %d)", #got, (unsigned long long)got_,                     \
			     (unsigned long long)want_, __LINE__);                                                     \
			return;                                                                                        \
		}                                                                                                      \
	} while (0)

/* fdt.c: the device tree */
struct fdt_node {
	const uint32_t *at;		    /* NULL: no such node */
	unsigned address_cells, size_cells; /* of the parent: for reg */
};
void fdt_init(const void *blob);
uint64_t fdt_size(const void *blob);
/** The @n-th node that is compatible with @what. */
struct fdt_node fdt_find(const char *what, unsigned n);
/** The node with this device_type. */
struct fdt_node fdt_find_type(const char *type);
/** Property in big-endian cells, NULL when there is none; *@cells is how many. */
const uint32_t *fdt_cells(struct fdt_node node, const char *name, unsigned *cells);
uint32_t fdt_cell(const uint32_t *cells, unsigned n);
/** The @n-th address and size of `reg`. */
bool fdt_reg(struct fdt_node node, unsigned n, uint64_t *addr, uint64_t *size);
uint32_t fdt_phandle(struct fdt_node node);

/* What each architecture has (arm64/arch.c, x86/arch.c) */
void arch_map_device(uint64_t base, uint64_t size);
_Noreturn void power_off(void);
uint64_t now_us(void);
static inline void barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/** Waits until @cond holds, @us microseconds at most; whether it does. */
#define WAIT_FOR(cond, us)                                                                                             \
	({                                                                                                             \
		uint64_t end_ = now_us() + (us);                                                                       \
		bool is_, late_;                                                                                       \
		do {                                                                                                   \
			late_ = now_us() >= end_;                                                                      \
			is_ = (cond);                                                                                  \
		} while (!is_ && !late_);                                                                              \
		is_;                                                                                                   \
	})

/* mmio.h of each architecture: registers. Each access is one instruction that a hypervisor can emulate. */
static inline uint8_t read8(uint64_t addr);
static inline uint16_t read16(uint64_t addr);
static inline uint32_t read32(uint64_t addr);
static inline uint64_t read64(uint64_t addr);
static inline void write8(uint64_t addr, uint8_t v);
static inline void write16(uint64_t addr, uint16_t v);
static inline void write32(uint64_t addr, uint32_t v);
static inline void write64(uint64_t addr, uint64_t v);
#include "mmio.h"

/* Messages (arm64/gic.c, x86/apic.c) */
/** Sets up the interrupt controller. False: there is none that takes messages. */
bool irq_init(void);
/** Address that a device writes its messages to, 0: none. */
uint64_t irq_doorbell(void);
/** Makes messages 0 .. @n - 1 of @device known; message e, with irq_data(device, e) as its data, becomes interrupt
 * number irq_number(device, e). */
bool irq_device(uint32_t device, unsigned n);
uint32_t irq_data(uint32_t device, unsigned event);
uint32_t irq_number(uint32_t device, unsigned event);
/** The next pending interrupt, which it ends; 0: none. */
uint32_t irq_poll(void);
/** Waits for one. */
uint32_t irq_wait(uint64_t us);

/* The payload's own. */
void payload_main(void);

#endif

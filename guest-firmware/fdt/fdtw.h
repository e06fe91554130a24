/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a flattened device tree (Devicetree Specification 0.4) with libfdt's sequential-write functions. The first
 * error sticks; fdtw_finish() reports it, so that callers describe nodes without checking each property. One root node,
 * its name is ""; the properties of a node come before its children, as the format demands (5.4.1).
 *
 * #address-cells and #size-cells are 2 in all nodes that aerie writes, except PCI (3, 2) and /cpus (1 or 2, 0).
 */
#ifndef AERIE_FDTW_H
#define AERIE_FDTW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Phandles that several writers must agree on. Others come from fdtw_phandle(). */
enum fdtw_fixed_phandle {
	FDTW_PHANDLE_GIC = 1,
	FDTW_PHANDLE_MSI,   /* the ITS */
	FDTW_PHANDLE_CLOCK, /* 24 MHz apb_pclk */
	FDTW_PHANDLE_FIRST_FREE,
};

/* Interrupt specifier words of the GIC binding (arm,gic-v3). */
enum {
	FDTW_GIC_SPI = 0,
	FDTW_GIC_PPI = 1,
	FDTW_FIRST_SPI = 32, /* interrupt number of SPI 0 */
	FDTW_IRQ_EDGE = 1,
	FDTW_IRQ_LEVEL = 4,
};

struct fdtw {
	void *buf;
	size_t size;
	int error;	/* first libfdt error, 0 if none */
	unsigned depth; /* open nodes */
	bool closed;	/* the last thing written was the end of a node */
	uint32_t next_phandle;
};

#define FDTW_MAX_SIZE (1u << 20)

/** Starts a tree in a buffer of its own (FDTW_MAX_SIZE bytes). Returns 0 or -ENOMEM (logged). */
int fdtw_start(struct fdtw *w);

/** Completes the tree: w->buf holds a valid blob of *@len bytes. Returns 0 or -EINVAL (logged). */
int fdtw_finish(struct fdtw *w, size_t *len);

/** Frees the buffer. */
void fdtw_free(struct fdtw *w);

/** Next unused phandle. */
uint32_t fdtw_phandle(struct fdtw *w);

__attribute__((format(printf, 2, 3))) void fdtw_begin(struct fdtw *w, const char *name_fmt, ...);
void fdtw_end(struct fdtw *w);
void fdtw_empty(struct fdtw *w, const char *name);
void fdtw_string(struct fdtw *w, const char *name, const char *value);
/** @values: strings that follow each other, each terminated, @len bytes in all. */
void fdtw_strings(struct fdtw *w, const char *name, const char *values, size_t len);
void fdtw_u32(struct fdtw *w, const char *name, uint32_t value);
void fdtw_u64(struct fdtw *w, const char *name, uint64_t value);
void fdtw_u32s(struct fdtw *w, const char *name, const uint32_t *values, size_t n);
/** `reg` = one (address, size) pair of 64-bit numbers. */
void fdtw_reg(struct fdtw *w, uint64_t base, uint64_t size);

#define FDTW_CELLS(w, name, ...)                                                                                       \
	fdtw_u32s(w, name, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))
/** The two cells of a 64-bit number. */
#define FDTW_U64(v) (uint32_t)((uint64_t)(v) >> 32), (uint32_t)(v)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base address registers and where they decode.
 *
 * The guest may put a BAR anywhere, also over RAM or over another BAR. What decodes is decided in one place:
 * pci_host_remap() computes from config space which BARs are enabled, inside the windows of the bridges above them and
 * inside the host bridge's apertures, free of overlap (the lower BDF and BAR wins, the loser does not decode and is
 * reported), and moves the difference to the present state on the bus. It is called after every write that can matter,
 * and is idempotent.
 */
#ifndef AERIE_PCI_BAR_H
#define AERIE_PCI_BAR_H

#include <stdbool.h>
#include <stdint.h>

#include "bus.h"

struct pci_function;

#define PCI_NR_BARS 6u

struct pci_bar {
	uint64_t size; /* bytes, power of two >= 16; 0: no such BAR (or the upper half of a 64-bit one) */
	bool is_64;
	bool prefetchable;
	struct pci_function *fn;
	unsigned index;
	bool decoding; /* on the bus now */
	uint64_t addr; /* where, while decoding */
	/* The whole BAR; directly mapped parts are memory slots in front of it and never trap. */
	struct bus_window window;

	/* pci_host_remap()'s own */
	bool wanted;	      /* config space says that it decodes ... */
	uint64_t wanted_addr; /* ... here */
	bool refused;	      /* ops->bar_map or the bus refused wanted_addr; not tried again until it moves */
	bool overlapped;      /* lost against another BAR; reported once */
};

/** Defines BAR @index (memory space only; aerie's machine has no port I/O). A 64-bit BAR takes @index + 1 too.
 *  @size is rounded up to a power of two, at least 16; at most 2 GiB for a 32-bit BAR.
 *  Returns 0 or -EINVAL (logged: a device that lies is refused). */
int pci_bar_define(struct pci_function *fn, unsigned index, uint64_t size, bool is_64, bool prefetchable);

/** Address that config space holds for BAR @index (flags removed). */
uint64_t pci_bar_programmed(const struct pci_function *fn, unsigned index);

#endif

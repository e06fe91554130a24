/* SPDX-License-Identifier: Apache-2.0 */
/* Arm PrimeCell UART (PL011) r1p5, Technical Reference Manual DDI 0183. Baud rate and line format have no effect. */
#ifndef AERIE_PL011_H
#define AERIE_PL011_H

#include <stdint.h>

struct bus;
struct console;
struct device;
struct irq_line;

#define PL011_SIZE	0x1000u
#define PL011_NODE_NAME "serial@%llx" /* node below the root, for stdout-path; the argument is the base address */

/**
 * Creates the UART at @base, with the level line @irq (copied) and @console (not owned; outlives the device). The UART
 * is in its reset state. Returns 0 or -errno (logged).
 */
int pl011_create(struct device **out, struct bus *bus, uint64_t base, const struct irq_line *irq,
		 struct console *console);

#endif

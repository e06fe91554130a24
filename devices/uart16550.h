/* SPDX-License-Identifier: Apache-2.0 */
/* A 16550D UART (National Semiconductor PC16550D) with its registers in memory, one byte apart. Baud rate and line
 * format have no effect. */
#ifndef AERIE_UART16550_H
#define AERIE_UART16550_H

#include <stdint.h>

struct bus;
struct console;
struct device;
struct irq_line;

#define UART16550_SIZE 0x1000u /* of the window; the registers are the first 8 bytes */

/**
 * Creates the UART at @base, with the level line @irq (copied) and @console (not owned; outlives the device). The UART
 * is in its reset state. Returns 0 or -errno (logged).
 */
int uart16550_create(struct device **out, struct bus *bus, uint64_t base, const struct irq_line *irq,
		     struct console *console);

#endif

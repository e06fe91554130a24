/* SPDX-License-Identifier: Apache-2.0 */
/* A 16550D UART (National Semiconductor PC16550D) with its registers in memory, one byte apart, and where there are I/O
 * ports there too. Baud rate and line format have no effect. */
#ifndef AERIE_UART16550_H
#define AERIE_UART16550_H

#include <stdint.h>

struct bus;
struct console;
struct device;
struct irq_line;

#define UART16550_SIZE	0x1000u /* of the window in memory; the registers are the first 8 bytes */
#define UART16550_PORTS 8u

struct uart16550_place {
	uint64_t base;	    /* in memory */
	uint64_t port_base; /* of I/O port 0 on the bus; 0: the machine has no ports */
	uint16_t port;	    /* the first of UART16550_PORTS */
};

/**
 * Creates the UART at @where (copied), with the level line @irq (copied) and @console (not owned; outlives the device).
 * The UART is in its reset state. Returns 0 or -errno (logged).
 */
int uart16550_create(struct device **out, struct bus *bus, const struct uart16550_place *where,
		     const struct irq_line *irq, struct console *console);

#endif

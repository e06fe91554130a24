/* SPDX-License-Identifier: Apache-2.0 */
/* Arm PrimeCell Real Time Clock (PL031), Technical Reference Manual DDI 0224. Counts the seconds of the host's wall
 * clock plus an offset that the guest sets by writing RTCLR. The counter runs from the start, as firmware would leave
 * it. */
#ifndef AERIE_PL031_H
#define AERIE_PL031_H

#include <stdint.h>

struct bus;
struct device;
struct irq_line;
struct loop;

#define PL031_SIZE 0x1000u

/** Creates the clock at @base with the level line @irq (copied); its match alarm runs in @loop.
 *  Returns 0 or -errno (logged). */
int pl031_create(struct device **out, struct bus *bus, struct loop *loop, uint64_t base, const struct irq_line *irq);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a PC's keyboard controller (8042) has to do with reset: command 0xf0 to 0xff, "pulse output port", pulses the
 * lines whose bits are 0, and line 0 is the CPU's reset. There is no controller behind it; the port reads as one where
 * nobody is.
 */
#ifndef AERIE_RESET_PORT_H
#define AERIE_RESET_PORT_H

#include <stdint.h>

struct device;
struct vm;

#define RESET_PORT_COMMAND 0xfeu /* pulse the reset line only */

/** Creates the port at bus address @base; it resets @vm. Returns 0 or -errno (logged). */
int reset_port_create(struct device **out, struct vm *vm, uint64_t base);

#endif

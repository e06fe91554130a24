/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debug exit port, for payloads: a byte written to it ends the VM, and the process ends with a status that says which
 * byte, (byte << 1 | 1) & 0xff, as QEMU's isa-debug-exit and the tests written for it have it.
 */
#ifndef AERIE_DEBUG_EXIT_H
#define AERIE_DEBUG_EXIT_H

#include <stdint.h>

struct device;
struct vm;

#define DEBUG_EXIT_PORTS 4u

/** Creates the port at bus address @base; it stops @vm with VM_STOP_DEBUG_EXIT. Returns 0 or -errno (logged). */
int debug_exit_create(struct device **out, struct vm *vm, uint64_t base);

/** The process's exit status after VM_STOP_DEBUG_EXIT. */
int debug_exit_status(const struct device *dev);

#endif

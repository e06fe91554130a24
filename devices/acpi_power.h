/* SPDX-License-Identifier: Apache-2.0 */
/* Power-off and reset of machines whose CPUs have no calls for them: registers of hardware-reduced ACPI in memory. */
#ifndef AERIE_ACPI_POWER_H
#define AERIE_ACPI_POWER_H

#include <stdint.h>

struct device;
struct vm;

#define ACPI_POWER_SIZE 0x1000u

/** Creates the registers at @base; they stop @vm. Returns 0 or -errno (logged). */
int acpi_power_create(struct device **out, struct vm *vm, uint64_t base);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Tables and devices that describe processors, interrupt controllers and timers: MADT, GTDT, PPTT (ACPI 6.3, 5.2.12,
 * 5.2.24, 5.2.29). The first call for a table begins it. */
#ifndef AERIE_ACPI_CPU_H
#define AERIE_ACPI_CPU_H

#include <stdint.h>

#include "range.h"

struct acpi;

/** Processor device @index in the DSDT, with @index as _UID: the MADT and the PPTT name it by that. */
void acpi_cpu_device(struct acpi *acpi, uint32_t index);

/* --- MADT: @local_apic is the local APICs' address; 0 where there are none --- */

void acpi_madt_begin(struct acpi *acpi, uint32_t local_apic);
void acpi_madt_apic(struct acpi *acpi, uint32_t uid, uint32_t apic_id);
void acpi_madt_ioapic(struct acpi *acpi, uint8_t id, uint32_t base, uint32_t first_gsi);
/** @pmu: interrupt of the performance monitors, 0: none. */
void acpi_madt_gicc(struct acpi *acpi, uint32_t uid, uint64_t mpidr, uint32_t pmu);
void acpi_madt_gicd(struct acpi *acpi, uint64_t base);
void acpi_madt_gicr(struct acpi *acpi, struct range region);
/** Also makes it the ITS of the IORT. */
void acpi_madt_its(struct acpi *acpi, uint32_t id, uint64_t base);

/* Interrupt numbers of the architected timers, level-triggered. */
struct acpi_timers {
	uint32_t secure, phys, virt, hyp;
};
void acpi_gtdt(struct acpi *acpi, const struct acpi_timers *timers);

/** One package of @cpus cores, their _UIDs 0 .. @cpus - 1. */
void acpi_pptt(struct acpi *acpi, uint32_t cpus);

#endif

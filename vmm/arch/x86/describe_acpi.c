/* SPDX-License-Identifier: Apache-2.0 */
/* What ACPI tables say of the CPUs and of the in-kernel interrupt controllers. */
#include "acpi.h"
#include "acpi_cpu.h"
#include "acpi_regs.h"
#include "arch_vm.h"
#include "vm.h"

#define IOAPIC_ID 0u

void arch_describe_acpi(struct vm *vm, struct acpi *acpi)
{
	/* Neither are there devices of old (LEGACY_DEVICES) nor their keyboard controller (8042). */
	acpi->fadt.pc_boot = ACPI_PC_NO_VGA | ACPI_PC_NO_RTC;
	acpi_madt_begin(acpi, (uint32_t)APIC_BASE);
	for (unsigned i = 0; i < vm->nr_vcpus; i++) {
		acpi_cpu_device(acpi, i);
		acpi_madt_apic(acpi, i, i);
	}
	acpi_madt_ioapic(acpi, IOAPIC_ID, (uint32_t)IOAPIC_BASE, 0);
}

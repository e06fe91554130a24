/* SPDX-License-Identifier: Apache-2.0 */
/* What ACPI tables say of the CPUs and of the in-kernel devices: the same as describe.c. */
#include "acpi.h"
#include "acpi_cpu.h"
#include "acpi_regs.h"
#include "arch_vm.h"
#include "vm.h"

#define ITS_ID 0u

static void describe_gic(const struct vm *vm, struct acpi *acpi)
{
	unsigned low = vm->nr_vcpus < GICR_LOW_MAX ? vm->nr_vcpus : GICR_LOW_MAX, high = vm->nr_vcpus - low;
	uint64_t first = vm->arch->high.gicr.first;

	acpi_madt_gicd(acpi, GICD_BASE);
	acpi_madt_gicr(acpi, (struct range){.first = GICR_BASE, .last = GICR_BASE + low * GICR_SIZE - 1});
	if (high)
		acpi_madt_gicr(acpi, (struct range){.first = first, .last = first + high * GICR_SIZE - 1});
	acpi_madt_its(acpi, ITS_ID, ITS_BASE);
}

void arch_describe_acpi(struct vm *vm, struct acpi *acpi)
{
	uint32_t pmu = arm64_has_feature(vm->arch, KVM_ARM_VCPU_PMU_V3) ? PPI_PMU : 0;

	acpi->fadt.arm_boot = ACPI_ARM_PSCI | (vm->nested ? 0 : ACPI_ARM_PSCI_HVC);
	acpi_madt_begin(acpi, 0);
	for (unsigned i = 0; i < vm->nr_vcpus; i++) {
		acpi_cpu_device(acpi, i);
		acpi_madt_gicc(acpi, i, vm->arch->mpidr[i], pmu);
	}
	describe_gic(vm, acpi);
	acpi_gtdt(acpi, &(struct acpi_timers){.secure = PPI_TIMER_SECURE,
					      .phys = PPI_TIMER_PHYS,
					      .virt = PPI_TIMER_VIRT,
					      .hyp = PPI_TIMER_HYP});
	acpi_pptt(acpi, vm->nr_vcpus);
}

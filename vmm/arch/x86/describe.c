/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device tree of the x86 machine is for bare-metal payloads, which find the PCI tree, IOMMUs and the serial port
 * the same way as on arm64; operating systems have ACPI. Interrupt specifiers are shaped as the GIC's: 0, pin, type.
 */
#include <inttypes.h>

#include "arch_vm.h"
#include "fdtw.h"
#include "vm.h"

static void describe_cpus(const struct vm *vm, struct fdtw *fdt)
{
	fdtw_begin(fdt, "cpus");
	fdtw_u32(fdt, "#address-cells", 1);
	fdtw_u32(fdt, "#size-cells", 0);
	for (unsigned i = 0; i < vm->nr_vcpus; i++) {
		fdtw_begin(fdt, "cpu@%x", i);
		fdtw_string(fdt, "device_type", "cpu");
		fdtw_u32(fdt, "reg", i); /* APIC id */
		fdtw_end(fdt);
	}
	fdtw_end(fdt);
}

static void describe_ioapic(struct fdtw *fdt)
{
	fdtw_begin(fdt, "interrupt-controller@%" PRIx64, IOAPIC_BASE);
	fdtw_string(fdt, "compatible", "aerie,ioapic");
	fdtw_u32(fdt, "#interrupt-cells", 3);
	fdtw_u32(fdt, "#address-cells", 2);
	fdtw_u32(fdt, "#size-cells", 2);
	fdtw_empty(fdt, "interrupt-controller");
	fdtw_reg(fdt, IOAPIC_BASE, IOAPIC_SIZE);
	fdtw_u32(fdt, "phandle", FDTW_PHANDLE_GIC);
	fdtw_end(fdt);
}

static void describe_messages(struct fdtw *fdt)
{
	fdtw_begin(fdt, "msi-controller@%" PRIx64, APIC_BASE);
	fdtw_string(fdt, "compatible", "aerie,apic-messages");
	fdtw_empty(fdt, "msi-controller");
	fdtw_u32(fdt, "#msi-cells", 0);
	fdtw_reg(fdt, APIC_BASE, APIC_SIZE);
	fdtw_u32(fdt, "phandle", FDTW_PHANDLE_MSI);
	fdtw_end(fdt);
}

void arch_describe(struct vm *vm, struct fdtw *fdt)
{
	describe_cpus(vm, fdt);
	describe_ioapic(fdt);
	describe_messages(fdt);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the device tree says of the CPUs and of the in-kernel devices. Bindings: Linux
 * Documentation/devicetree/bindings. */
#include <inttypes.h>

#include "arch_vm.h"
#include "fdtw.h"
#include "vm.h"

#define APB_CLOCK_HZ 24000000u

static void describe_cpus(const struct vm *vm, struct fdtw *fdt)
{
	fdtw_begin(fdt, "cpus");
	fdtw_u32(fdt, "#address-cells", 2);
	fdtw_u32(fdt, "#size-cells", 0);
	for (unsigned i = 0; i < vm->nr_vcpus; i++) {
		uint64_t mpidr = vm->arch->mpidr[i];

		fdtw_begin(fdt, "cpu@%" PRIx64, mpidr);
		fdtw_string(fdt, "device_type", "cpu");
		fdtw_string(fdt, "compatible", "arm,armv8");
		FDTW_CELLS(fdt, "reg", FDTW_U64(mpidr));
		fdtw_string(fdt, "enable-method", "psci");
		fdtw_end(fdt);
	}
	fdtw_end(fdt);
}

/* From EL2 an HVC leads to EL2 itself. */
static void describe_psci(const struct vm *vm, struct fdtw *fdt)
{
	static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2";

	fdtw_begin(fdt, "psci");
	fdtw_strings(fdt, "compatible", compatible, sizeof(compatible));
	fdtw_string(fdt, "method", vm->nested ? "smc" : "hvc");
	fdtw_end(fdt);
}

static void describe_timer(struct fdtw *fdt)
{
	fdtw_begin(fdt, "timer");
	fdtw_string(fdt, "compatible", "arm,armv8-timer");
	/* Secure, non-secure physical, virtual, hypervisor, hypervisor's virtual. */
	FDTW_CELLS(fdt, "interrupts", FDTW_GIC_PPI, PPI_TIMER_SECURE - PPI_FIRST, FDTW_IRQ_LEVEL, FDTW_GIC_PPI,
		   PPI_TIMER_PHYS - PPI_FIRST, FDTW_IRQ_LEVEL, FDTW_GIC_PPI, PPI_TIMER_VIRT - PPI_FIRST, FDTW_IRQ_LEVEL,
		   FDTW_GIC_PPI, PPI_TIMER_HYP - PPI_FIRST, FDTW_IRQ_LEVEL, FDTW_GIC_PPI, PPI_TIMER_HYP_V - PPI_FIRST,
		   FDTW_IRQ_LEVEL);
	fdtw_empty(fdt, "always-on");
	fdtw_end(fdt);
}

static void describe_its(struct fdtw *fdt)
{
	fdtw_begin(fdt, "its@%" PRIx64, ITS_BASE);
	fdtw_string(fdt, "compatible", "arm,gic-v3-its");
	fdtw_empty(fdt, "msi-controller");
	fdtw_u32(fdt, "#msi-cells", 1);
	fdtw_reg(fdt, ITS_BASE, ITS_SIZE);
	fdtw_u32(fdt, "phandle", FDTW_PHANDLE_MSI);
	fdtw_end(fdt);
}

static void describe_gic(const struct vm *vm, struct fdtw *fdt)
{
	unsigned low = vm->nr_vcpus < GICR_LOW_MAX ? vm->nr_vcpus : GICR_LOW_MAX;
	uint64_t high = vm->nr_vcpus - low;
	const uint32_t reg[] = {FDTW_U64(GICD_BASE),
				FDTW_U64(GICD_SIZE),
				FDTW_U64(GICR_BASE),
				FDTW_U64(low * GICR_SIZE),
				FDTW_U64(vm->arch->high.gicr.first),
				FDTW_U64(high * GICR_SIZE)};

	fdtw_begin(fdt, "intc@%" PRIx64, GICD_BASE);
	fdtw_string(fdt, "compatible", "arm,gic-v3");
	fdtw_u32(fdt, "#interrupt-cells", 3);
	fdtw_empty(fdt, "interrupt-controller");
	fdtw_u32(fdt, "#redistributor-regions", high ? 2 : 1);
	fdtw_u32s(fdt, "reg", reg, high ? 12 : 8);
	if (vm->nested)
		FDTW_CELLS(fdt, "interrupts", FDTW_GIC_PPI, PPI_VGIC - PPI_FIRST, FDTW_IRQ_LEVEL);
	fdtw_u32(fdt, "phandle", FDTW_PHANDLE_GIC);
	fdtw_u32(fdt, "#address-cells", 2);
	fdtw_u32(fdt, "#size-cells", 2);
	fdtw_empty(fdt, "ranges");
	describe_its(fdt);
	fdtw_end(fdt);
}

static void describe_pmu(struct fdtw *fdt)
{
	fdtw_begin(fdt, "pmu");
	fdtw_string(fdt, "compatible", "arm,armv8-pmuv3");
	FDTW_CELLS(fdt, "interrupts", FDTW_GIC_PPI, PPI_PMU - PPI_FIRST, FDTW_IRQ_LEVEL);
	fdtw_end(fdt);
}

static void describe_clock(struct fdtw *fdt)
{
	fdtw_begin(fdt, "apb-pclk");
	fdtw_string(fdt, "compatible", "fixed-clock");
	fdtw_u32(fdt, "#clock-cells", 0);
	fdtw_u32(fdt, "clock-frequency", APB_CLOCK_HZ);
	fdtw_string(fdt, "clock-output-names", "clk24mhz");
	fdtw_u32(fdt, "phandle", FDTW_PHANDLE_CLOCK);
	fdtw_end(fdt);
}

void arch_describe(struct vm *vm, struct fdtw *fdt)
{
	describe_cpus(vm, fdt);
	describe_psci(vm, fdt);
	describe_timer(fdt);
	describe_gic(vm, fdt);
	if (arm64_has_feature(vm->arch, KVM_ARM_VCPU_PMU_V3))
		describe_pmu(fdt);
	describe_clock(fdt);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "layout.h"

#include <errno.h>
#include <inttypes.h>

#include "log.h"

#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)

/* Not more than Linux gives a host bridge by default, and not less than large devices like. */
#define MMIO64_WANTED (256 * GIB)
#define MMIO64_LEAST  (4 * GIB)
#define MMIO64_ALIGN  (4 * GIB)
#define BITS_MAX      52u

const struct arch_layout arch_layout = {
	.machine = "aerie,x86-64",
	.ram_base = 0,
	.ram_hole = {.first = 3 * GIB, .last = 4 * GIB - 1},
	.boot = ARCH_BOOT_PVH,
	.serial = ARCH_SERIAL_16550,
	.serial_base = 0xfe000000,
	.port_base = PORT_BASE,
	.serial_port = SERIAL_PORT,
	.exit_port = EXIT_PORT,
	.reset_port = RESET_PORT,
	.power_base = 0xfe010000,
	.smmu_base = 0xfe050000,
	.smmu_stride = 0x20000,
	.smmu_max = 3, /* four pins of the I/O APIC each */
	.lines = IOAPIC_LINES,
	.pci_mmio32 = {.first = 0xc0000000, .last = ECAM_BASE - 1},
	.msi_doorbell = {.first = APIC_BASE, .last = APIC_BASE + APIC_SIZE - 1},
	.msi_window = {.first = APIC_BASE, .last = APIC_BASE + APIC_SIZE - 1}, /* Intel SDM 3A, 12.11.1 */
};

int layout_mmio64(struct range *mmio64, uint64_t memory, unsigned bits)
{
	uint64_t space = BIT64(bits > BITS_MAX ? BITS_MAX : bits), low = arch_layout.ram_hole.first;
	uint64_t end = memory <= low ? 4 * GIB : 4 * GIB + (memory - low), first;

	if (memory > BIT64(BITS_MAX))
		goto too_large;
	first = align_up(end, MMIO64_ALIGN);
	if (space < first + MMIO64_LEAST)
		goto too_large;
	*mmio64 = (struct range){.first = first,
				 .last = (space - first < MMIO64_WANTED ? space : first + MMIO64_WANTED) - 1};
	return 0;

too_large:
	return log_fail(-EINVAL,
			"%" PRIu64 " MiB of guest memory do not fit: this host's KVM gives guests %u address bits; "
			"use less memory",
			memory / MIB, bits);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "layout.h"

#include <errno.h>
#include <inttypes.h>

#include "log.h"

#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)

#define IPA_BITS_DEFAULT 40u
#define IPA_BITS_MAX	 52u

/* The 64-bit BAR window: what large devices like, and what must be left on hosts with few address bits. */
#define MMIO64_WANTED (256 * GIB)
#define MMIO64_LEAST  (4 * GIB)
#define MMIO64_ALIGN  (4 * GIB)

#define ECAM_SIZE (256 * MIB)

const struct arch_layout arch_layout = {
	.machine = "aerie,arm64",
	.ram_base = 0x40000000,
	.boot = ARCH_BOOT_ARM64_IMAGE,
	.serial = ARCH_SERIAL_PL011,
	.serial_base = 0x09000000,
	.rtc_base = 0x09010000,
	.flash_code = {.first = 0, .last = 0x03ffffff},
	.flash_vars = {.first = 0x04000000, .last = 0x05ffffff},
	.fw_cfg_base = 0x09020000,
	.smmu_base = 0x09050000,
	.smmu_stride = 0x20000,
	.smmu_max = 16,
	.lines = 96, /* four for each SMMU, and what else there is */
	.pci_mmio32 = {.first = 0x10000000, .last = 0x3effffff},
	.msi_doorbell = {.first = ITS_BASE + 0x10000, .last = ITS_BASE + 0x1ffff},
	.msi_window = {.first = 0x08000000, .last = 0x080fffff},
};

_Static_assert(GICR_BASE + GICR_LOW_MAX * GICR_SIZE <= 0x09000000, "redistributors end below the serial port");

int layout_high(struct layout_high *high, uint64_t memory, unsigned ipa_limit)
{
	unsigned bits = ipa_limit < IPA_BITS_DEFAULT ? ipa_limit : IPA_BITS_DEFAULT;
	uint64_t space = BIT64(bits > IPA_BITS_MAX ? IPA_BITS_MAX : bits);

	if (memory > BIT64(IPA_BITS_MAX) || ipa_limit == 0)
		goto too_large;
	uint64_t end = arch_layout.ram_base + memory;
	uint64_t base = align_up(end < 4 * GIB ? 4 * GIB : end, ECAM_SIZE);
	uint64_t ecam = base + align_up((VCPUS_MAX - GICR_LOW_MAX) * GICR_SIZE, ECAM_SIZE);
	uint64_t mmio = align_up(ecam + ECAM_SIZE, MMIO64_ALIGN);

	while (space < mmio + MMIO64_WANTED && bits < ipa_limit && bits < IPA_BITS_MAX)
		space = BIT64(++bits);
	if (space < mmio + MMIO64_LEAST)
		goto too_large;
	*high = (struct layout_high){
		.ipa_bits = bits,
		.gicr = {.first = base, .last = base + (VCPUS_MAX - GICR_LOW_MAX) * GICR_SIZE - 1},
		.ecam = {.first = ecam, .last = ecam + ECAM_SIZE - 1},
		.mmio64 = {.first = mmio, .last = space - 1},
	};
	return 0;

too_large:
	return log_fail(-EINVAL,
			"%" PRIu64 " MiB of guest memory do not fit: this host's KVM gives guests %u address bits; "
			"use less memory",
			memory / MIB, ipa_limit);
}

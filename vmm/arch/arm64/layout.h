/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest physical addresses of the arm64 machine.
 *
 *	0x0000_0000  +----------------------------------------+
 *	             | flash: firmware             to  64 MiB |  only with a firmware, which expects both
 *	0x0400_0000  | flash: its variables        to  32 MiB |  banks and RAM where they are (EDK2 ArmVirtQemu)
 *	             | nothing                                |
 *	0x07ff_0000  | ITS, control page               64 KiB |
 *	0x0800_0000  | ITS, doorbell page              64 KiB |  \
 *	0x0801_0000  | GIC distributor                 64 KiB |   | the host's window for the doorbells of assigned
 *	             | nothing                                |   | devices, as IOVAs: 0x0800_0000 - 0x080f_ffff.
 *	0x080a_0000  | GIC redistributors 0 .. 122    128 KiB |  /  Never RAM.
 *	             |                                   each |
 *	0x0900_0000  | serial port (PL011)              4 KiB |
 *	0x0901_0000  | real-time clock (PL031)          4 KiB |
 *	0x0902_0000  | fw_cfg                        24 bytes |
 *	0x0905_0000  | SMMUs 0 .. 15             128 KiB each |
 *	             | nothing                                |
 *	0x1000_0000  | PCI BARs, 32 bit               752 MiB |
 *	0x3f00_0000  | nothing                                |
 *	0x4000_0000  | RAM                                    |
 *	             |                                        |
 *	 end of RAM  +----------------------------------------+
 *	             | nothing                                |
 *	  high base  | GIC redistributors 123 .. 511   64 MiB |  high base: end of RAM and at least 4 GiB,
 *	+ 256 MiB    | PCI configuration (ECAM)       256 MiB |  rounded up to 256 MiB
 *	+ 512 MiB .. | PCI BARs, 64 bit   up to the end of    |  starts at the next multiple of 4 GiB
 *	             | the address space of 2^ipa_bits bytes  |
 *	             +----------------------------------------+
 */
#ifndef AERIE_ARM64_LAYOUT_H
#define AERIE_ARM64_LAYOUT_H

#include <stdint.h>

#include "arch.h"
#include "bits.h"

/* The doorbell page is where the host maps its own doorbell in stage 2:
 * docs/decisions/0004-the-doorbell-in-both-stages.md. */
#define ITS_BASE  UINT64_C(0x07ff0000)
#define GICD_BASE UINT64_C(0x08010000)
#define GICD_SIZE UINT64_C(0x10000)
#define ITS_SIZE  UINT64_C(0x20000)
#define GICR_BASE UINT64_C(0x080a0000)
#define GICR_SIZE UINT64_C(0x20000) /* of each redistributor */

/* Redistributors that fit below the serial port, and the largest number of vCPUs that KVM knows (VGIC_V3_MAX_CPUS). */
#define GICR_LOW_MAX 123u
#define VCPUS_MAX    512u

/* GITS_TRANSLATER, where devices write their messages (Arm IHI 0069, 12.19). */
#define ITS_DOORBELL (ITS_BASE + 0x10040)

/* The part of the map that depends on the size of RAM and on the host. */
struct layout_high {
	unsigned ipa_bits; /* of the guest physical address space */
	struct range gicr; /* second redistributor region */
	struct range ecam;
	struct range mmio64;
};

/**
 * Places what lies above @memory bytes of RAM in the smallest address space that leaves room for large BARs, at least
 * 2^40 bytes (KVM's default) unless the host's @ipa_limit (bits) is below. Returns 0 or -EINVAL (logged): RAM too
 * large.
 */
int layout_high(struct layout_high *high, uint64_t memory, unsigned ipa_limit);

#endif

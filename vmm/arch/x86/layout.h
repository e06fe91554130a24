/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest physical addresses of the x86-64 machine. There is nothing of a PC below 1 MiB, and no BIOS
 * but four instructions that reset the machine (boot_low.h).
 *
 *	0x0000_0000  +----------------------------------------+
 *	             | RAM, at most 3 GiB of it here          |  the loader's and ACPI's tables: boot_low.h
 *	0xc000_0000  +----------------------------------------+
 *	             | PCI BARs, 32 bit               512 MiB |
 *	0xe000_0000  | PCI configuration (ECAM)       256 MiB |
 *	0xf000_0000  | nothing                                |
 *	0xfe00_0000  | serial port (16550)              4 KiB |
 *	0xfe01_0000  | sleep and reset registers        4 KiB |
 *	0xfe05_0000  | SMMUs 0 .. 2              128 KiB each |
 *	             | nothing                                |
 *	0xfec0_0000  | I/O APIC                         4 KiB |
 *	0xfee0_0000  | local APICs; writes of devices   1 MiB |  the host's window for the messages of assigned devices,
 *	             | are messages                           |  too. Never RAM.
 *	0xfef0_0000  | nothing                                |
 *	0xfffb_c000  | KVM's own, on old Intel CPUs    16 KiB |  identity map (1 page), task state (3 pages)
 *	0x1_0000_0000+----------------------------------------+
 *	             | RAM above 3 GiB                        |
 *	             +----------------------------------------+
 *	             | PCI BARs, 64 bit   up to the end of    |  starts at the next multiple of 4 GiB
 *	             | the address space of the guest's CPUs  |
 *	             +----------------------------------------+
 */
#ifndef AERIE_X86_LAYOUT_H
#define AERIE_X86_LAYOUT_H

#include <stdint.h>

#include "arch.h"
#include "bits.h"

#define IOAPIC_BASE UINT64_C(0xfec00000)
#define IOAPIC_SIZE UINT64_C(0x1000)
#define APIC_BASE   UINT64_C(0xfee00000)
#define APIC_SIZE   UINT64_C(0x100000)
#define ECAM_BASE   UINT64_C(0xe0000000)
#define ECAM_SIZE   UINT64_C(0x10000000)
/* I/O ports are on our bus too, behind all addresses of a CPU (52 bits at most). The serial port is where PCs have
 * their first one, for the consoles of kernels that have not read a table yet. */
#define PORT_BASE   (UINT64_C(1) << 52)
#define SERIAL_PORT 0x3f8u
#define EXIT_PORT   0xf4u
#define RESET_PORT  0x64u

#define IDENTITY_MAP UINT64_C(0xfffbc000)
#define TSS_BASE     UINT64_C(0xfffbd000)

/* Pins of KVM's I/O APIC. The first ones stay free: pin 0 and 2 are where a PC has its timer. */
#define IOAPIC_PINS	 24u
#define IOAPIC_FIRST_PIN 4u
#define IOAPIC_LINES	 (IOAPIC_PINS - IOAPIC_FIRST_PIN)

/* What the machine's interrupt tables can name with x2APIC and 15 bits of destination in a message. */
#define VCPUS_MAX 1024u

/**
 * Places the window of 64-bit BARs above the end of @memory bytes of RAM in an address space of @bits bits (as the
 * guest's CPUs say). 0 or -EINVAL (logged): RAM too large.
 */
int layout_mmio64(struct range *mmio64, uint64_t memory, unsigned bits);

#endif

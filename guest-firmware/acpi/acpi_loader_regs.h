/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the table loader's script, little-endian (QEMU hw/acpi/bios-linker-loader, EDK2 QemuLoader.h). */
#ifndef AERIE_ACPI_LOADER_REGS_H
#define AERIE_ACPI_LOADER_REGS_H

#include <stdint.h>

#define ACPI_LOADER_ALLOCATE	 1u
#define ACPI_LOADER_ADD_POINTER	 2u
#define ACPI_LOADER_ADD_CHECKSUM 3u

#define ACPI_LOADER_ZONE_HIGH  1u
#define ACPI_LOADER_ZONE_FSEG  2u /* where a PC's OS looks for the RSDP; anywhere with UEFI */
#define ACPI_LOADER_RSDP_ALIGN 16u

#define ACPI_LOADER_NAME 56u

struct acpi_loader_entry {
	uint32_t command;
	union {
		struct {
			char file[ACPI_LOADER_NAME];
			uint32_t align;
			uint8_t zone;
		} __attribute__((packed)) allocate;
		struct {
			char file[ACPI_LOADER_NAME];
			char to[ACPI_LOADER_NAME];
			uint32_t offset;
			uint8_t size;
		} __attribute__((packed)) pointer;
		struct {
			char file[ACPI_LOADER_NAME];
			uint32_t offset, start, length;
		} __attribute__((packed)) checksum;
		uint8_t fill[124];
	};
};
_Static_assert(sizeof(struct acpi_loader_entry) == 128, "layout of the interface");

#endif

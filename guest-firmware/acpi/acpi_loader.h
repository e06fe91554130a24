/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The script by which firmware puts ACPI tables into memory of its choice (QEMU hw/acpi/bios-linker-loader, EDK2
 * OvmfPkg/AcpiPlatformDxe/QemuLoader.h): allocate the blobs, add addresses to pointers, compute checksums.
 */
#ifndef AERIE_ACPI_LOADER_H
#define AERIE_ACPI_LOADER_H

#include <stddef.h>
#include <stdint.h>

#include "acpi.h"

/* Names of the blobs in fw_cfg, and that of the script. */
#define ACPI_LOADER_RSDP   "etc/acpi/rsdp"
#define ACPI_LOADER_TABLES "etc/acpi/tables"
#define ACPI_LOADER_SCRIPT "etc/table-loader"

/** Writes the script for @blobs, which are not placed. Returns it (free with free()) and its length, or NULL: out of
 *  memory (logged). */
uint8_t *acpi_loader_script(const struct acpi_blobs *blobs, size_t *len);

#endif

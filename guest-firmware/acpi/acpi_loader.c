/* SPDX-License-Identifier: Apache-2.0 */
#include "acpi_loader.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acpi_loader_regs.h"
#include "log.h"

static const char *name_of(enum acpi_blob blob)
{
	return blob == ACPI_BLOB_RSDP ? ACPI_LOADER_RSDP : ACPI_LOADER_TABLES;
}

static struct acpi_loader_entry allocate(enum acpi_blob blob, uint32_t align, uint8_t zone)
{
	struct acpi_loader_entry e = {.command = htole32(ACPI_LOADER_ALLOCATE)};

	strcpy(e.allocate.file, name_of(blob));
	e.allocate.align = htole32(align);
	e.allocate.zone = zone;
	return e;
}

static struct acpi_loader_entry add_pointer(const struct acpi_link *link)
{
	struct acpi_loader_entry e = {.command = htole32(ACPI_LOADER_ADD_POINTER)};

	strcpy(e.pointer.file, name_of(link->from));
	strcpy(e.pointer.to, ACPI_LOADER_TABLES);
	e.pointer.offset = htole32(link->at);
	e.pointer.size = link->size;
	return e;
}

static struct acpi_loader_entry add_checksum(const struct acpi_checksum *sum)
{
	struct acpi_loader_entry e = {.command = htole32(ACPI_LOADER_ADD_CHECKSUM)};

	strcpy(e.checksum.file, name_of(sum->blob));
	e.checksum.offset = htole32(sum->at);
	e.checksum.start = htole32(sum->start);
	e.checksum.length = htole32(sum->len);
	return e;
}

uint8_t *acpi_loader_script(const struct acpi_blobs *blobs, size_t *len)
{
	size_t entries = 2u + blobs->nr_links + blobs->nr_checksums, n = 0;
	struct acpi_loader_entry *script = calloc(entries, sizeof(*script));

	if (!script) {
		log_error("cannot write the loader's script for the ACPI tables: out of memory");
		return NULL;
	}
	script[n++] = allocate(ACPI_BLOB_TABLES, ACPI_BLOB_ALIGN, ACPI_LOADER_ZONE_HIGH);
	script[n++] = allocate(ACPI_BLOB_RSDP, ACPI_LOADER_RSDP_ALIGN, ACPI_LOADER_ZONE_FSEG);
	for (unsigned i = 0; i < blobs->nr_links; i++)
		script[n++] = add_pointer(&blobs->links[i]);
	for (unsigned i = 0; i < blobs->nr_checksums; i++)
		script[n++] = add_checksum(&blobs->checksums[i]);
	*len = n * sizeof(*script);
	return (uint8_t *)script;
}

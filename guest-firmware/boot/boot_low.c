/* SPDX-License-Identifier: Apache-2.0 */
#include "boot_low.h"

#include <errno.h>
#include <string.h>

#include "acpi.h"
#include "log.h"

_Static_assert(BOOT_LOW_ACPI % ACPI_BLOB_ALIGN == 0 && BOOT_LOW_ACPI >= BOOT_LOW_RSDP + ACPI_RSDP_SIZE,
	       "the tables lie behind the RSDP");

static void add(struct boot_memory *map, uint64_t first, uint64_t end, enum boot_memory_type type)
{
	if (first >= end)
		return;
	map->entries[map->nr].first = first;
	map->entries[map->nr].size = end - first;
	map->entries[map->nr++].type = type;
}

/* The first region is where the firmware's part is; ECAM lies in the hole behind it. */
void boot_low_memory(const struct gmem *mem, const struct boot_info *info, struct boot_memory *map)
{
	bool ecam = info->ecam.last != 0;

	*map = (struct boot_memory){0};
	for (unsigned i = 0; i < mem->nr_regions; i++) {
		uint64_t first = mem->regions[i].base.v, end = first + mem->regions[i].size;

		if (ecam && info->ecam.first < first) {
			add(map, info->ecam.first, info->ecam.last + 1, BOOT_MEMORY_RESERVED);
			ecam = false;
		}
		if (first < BOOT_LOW_MEMORY) {
			add(map, first, BOOT_LOW_FIRMWARE, BOOT_MEMORY_RAM);
			add(map, BOOT_LOW_FIRMWARE, BOOT_LOW_MEMORY, BOOT_MEMORY_RESERVED);
			first = BOOT_LOW_MEMORY;
		}
		add(map, first, end, BOOT_MEMORY_RAM);
	}
	if (ecam)
		add(map, info->ecam.first, info->ecam.last + 1, BOOT_MEMORY_RESERVED);
}

int boot_low_write(const struct gmem *mem, uint64_t at, const void *bytes, size_t len)
{
	int err = gmem_write(mem, gpa(at), bytes, len);

	if (err < 0)
		return log_fail(err, "the guest's memory is too small for the boot tables; raise machine.memory");
	return 0;
}

int boot_low_cmdline(const struct gmem *mem, const char *cmdline)
{
	size_t len = strlen(cmdline) + 1;

	if (len > BOOT_LOW_CMDLINE_MAX)
		return log_fail(-E2BIG, "the command line has %zu bytes, more than %u; shorten boot.cmdline", len - 1,
				BOOT_LOW_CMDLINE_MAX - 1);
	return boot_low_write(mem, BOOT_LOW_CMDLINE, cmdline, len);
}

int boot_low_bios(const struct gmem *mem, uint8_t port, uint8_t command)
{
	const uint8_t code[] = {
		0xb0, command, /* mov al, command */
		0xe6, port,    /* out port, al */
		0xf4,	       /* hlt */
		0xeb, 0xfd,    /* jmp to the hlt */
	};

	_Static_assert(sizeof(code) <= BOOT_LOW_MEMORY - BOOT_LOW_BIOS, "in its place");
	return boot_low_write(mem, BOOT_LOW_BIOS, code, sizeof(code));
}

int boot_low_acpi(const struct gmem *mem, struct acpi_blobs *blobs, gpa_t *rsdp)
{
	int err;

	if (blobs->tables_len > BOOT_LOW_BIOS - BOOT_LOW_ACPI)
		return log_fail(-ENOSPC,
				"the ACPI tables have %u bytes, more than the %u that they have room for; use "
				"fewer vCPUs or IOMMUs",
				blobs->tables_len, (unsigned)(BOOT_LOW_BIOS - BOOT_LOW_ACPI));
	acpi_blobs_place(blobs, BOOT_LOW_ACPI);
	err = boot_low_write(mem, BOOT_LOW_RSDP, blobs->rsdp, sizeof(blobs->rsdp));
	if (err == 0)
		err = boot_low_write(mem, BOOT_LOW_ACPI, blobs->tables, blobs->tables_len);
	*rsdp = gpa(BOOT_LOW_RSDP);
	return err;
}

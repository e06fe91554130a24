/* SPDX-License-Identifier: Apache-2.0 */
#include "boot_linux.h"

#include <errno.h>
#include <endian.h>
#include <string.h>

#include "le.h"
#include "linux_boot_regs.h"
#include "log.h"

/* Page tables (Intel SDM 3A, 4.5): one of each upper level, and four directories of 2 MiB pages, for 4 GiB. */
#define PAGE_SIZE	 4096u
#define TABLE_ENTRIES	 512u
#define DIRECTORIES	 4u
#define PRESENT_WRITABLE UINT64_C(0x3)
#define LARGE_PAGE	 UINT64_C(0x80)
#define LARGE_PAGE_SHIFT 21u
_Static_assert(BOOT_LOW_PAGE_TABLES + (2 + DIRECTORIES) * PAGE_SIZE <= BOOT_LOW_FIRMWARE, "in RAM");
_Static_assert(sizeof(((struct kernel_image *)NULL)->setup) == LINUX_HEADER_END - LINUX_SETUP_SECTS,
	       "the whole setup header");
_Static_assert(BOOT_MEMORY_MAX <= LINUX_E820_MAX, "the memory map fits");

static int write_page_tables(const struct gmem *mem)
{
	uint64_t table[TABLE_ENTRIES] = {htole64((BOOT_LOW_PAGE_TABLES + PAGE_SIZE) | PRESENT_WRITABLE)};
	int err = boot_low_write(mem, BOOT_LOW_PAGE_TABLES, table, sizeof(table));

	for (unsigned i = 0; i < DIRECTORIES; i++)
		table[i] = htole64((BOOT_LOW_PAGE_TABLES + (2 + i) * PAGE_SIZE) | PRESENT_WRITABLE);
	if (err == 0)
		err = boot_low_write(mem, BOOT_LOW_PAGE_TABLES + PAGE_SIZE, table, sizeof(table));
	for (unsigned d = 0; err == 0 && d < DIRECTORIES; d++) {
		for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
			uint64_t page = (uint64_t)(d * TABLE_ENTRIES + i) << LARGE_PAGE_SHIFT;

			table[i] = htole64(page | LARGE_PAGE | PRESENT_WRITABLE);
		}
		err = boot_low_write(mem, BOOT_LOW_PAGE_TABLES + (2 + d) * PAGE_SIZE, table, sizeof(table));
	}
	return err;
}

/* __BOOT_CS = 0x10: code of 64 bits; __BOOT_DS = 0x18: data; both flat, as boot.rst wants them. */
static int write_gdt(const struct gmem *mem)
{
	const uint64_t gdt[] = {0, 0, htole64(UINT64_C(0x00af9b000000ffff)), htole64(UINT64_C(0x00cf93000000ffff))};

	_Static_assert(sizeof(gdt) == BOOT_LINUX_GDT_SIZE, "what the vCPU is told");
	return boot_low_write(mem, BOOT_LOW_GDT, gdt, sizeof(gdt));
}

static void fill_e820(const struct gmem *mem, const struct boot_info *info, uint8_t *params)
{
	uint8_t *entry = params + LINUX_E820_TABLE;
	struct boot_memory map;

	boot_low_memory(mem, info, &map);
	params[LINUX_E820_ENTRIES] = (uint8_t)map.nr;
	for (unsigned i = 0; i < map.nr; i++, entry += LINUX_E820_ENTRY_SIZE) {
		le64_put(entry, map.entries[i].first);
		le64_put(entry + 8, map.entries[i].size);
		le32_put(entry + 16, map.entries[i].type);
	}
}

int boot_linux_write(const struct gmem *mem, const struct boot_info *info, const struct kernel_image *image,
		     gpa_t *tables)
{
	uint8_t params[LINUX_PARAMS_SIZE] = {0};
	int err;

	if (strlen(info->cmdline) > image->cmdline_max)
		return log_fail(-E2BIG, "the command line has %zu bytes, this kernel takes %u; shorten boot.cmdline",
				strlen(info->cmdline), image->cmdline_max);
	memcpy(params + LINUX_SETUP_SECTS, image->setup, sizeof(image->setup));
	params[LINUX_TYPE_OF_LOADER] = LINUX_LOADER_UNDEFINED;
	le32_put(params + LINUX_CODE32_START, (uint32_t)image->range.first);
	le32_put(params + LINUX_CMD_LINE_PTR, (uint32_t)BOOT_LOW_CMDLINE);
	if (info->initrd.last) {
		le32_put(params + LINUX_RAMDISK_IMAGE, (uint32_t)info->initrd.first);
		le32_put(params + LINUX_RAMDISK_SIZE, (uint32_t)range_len(info->initrd));
	}
	le64_put(params + LINUX_ACPI_RSDP, info->rsdp.v);
	fill_e820(mem, info, params);
	err = boot_low_write(mem, BOOT_LOW_TABLE, params, sizeof(params));
	if (err == 0)
		err = boot_low_cmdline(mem, info->cmdline);
	if (err == 0)
		err = write_gdt(mem);
	if (err == 0)
		err = write_page_tables(mem);
	*tables = gpa(BOOT_LOW_TABLE);
	return err;
}

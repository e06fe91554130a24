/* SPDX-License-Identifier: Apache-2.0 */
#include "boot_pvh.h"

#include <endian.h>

#include "pvh_regs.h"

#define MODULES 2u

/* The first page. */
struct tables {
	struct pvh_start_info info;
	struct pvh_module modules[MODULES];
	struct pvh_memory memory[BOOT_MEMORY_MAX];
};
_Static_assert(sizeof(struct tables) <= BOOT_LOW_CMDLINE - BOOT_LOW_TABLE, "the tables fit before the command line");

static uint64_t address_of(size_t offset)
{
	return htole64(BOOT_LOW_TABLE + offset);
}

static struct pvh_module module(struct range what)
{
	if (what.last == 0)
		return (struct pvh_module){0};
	return (struct pvh_module){.address = htole64(what.first), .size = htole64(range_len(what))};
}

int boot_pvh_write(const struct gmem *mem, const struct boot_info *info, gpa_t *tables)
{
	struct tables t = {.modules = {module(info->initrd), module(info->dtb)}};
	struct boot_memory map;
	int err;

	boot_low_memory(mem, info, &map);
	for (unsigned i = 0; i < map.nr; i++)
		t.memory[i] = (struct pvh_memory){.address = htole64(map.entries[i].first),
						  .size = htole64(map.entries[i].size),
						  .type = htole32(map.entries[i].type)};
	t.info = (struct pvh_start_info){
		.magic = htole32(PVH_MAGIC),
		.version = htole32(PVH_VERSION),
		.nr_modules = htole32(MODULES),
		.modules = address_of(offsetof(struct tables, modules)),
		.cmdline = htole64(BOOT_LOW_CMDLINE),
		.rsdp = htole64(info->rsdp.v),
		.memmap = address_of(offsetof(struct tables, memory)),
		.memmap_entries = htole32(map.nr),
	};
	err = boot_low_write(mem, BOOT_LOW_TABLE, &t, sizeof(t));
	if (err == 0)
		err = boot_low_cmdline(mem, info->cmdline);
	*tables = gpa(BOOT_LOW_TABLE);
	return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "boot_pvh.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "log.h"
#include "pvh_regs.h"

#define MODULES	   2u
#define MAX_MEMORY (GMEM_MAX_REGIONS + 2u)

/* The first page. */
struct tables {
	struct pvh_start_info info;
	struct pvh_module modules[MODULES];
	struct pvh_memory memory[MAX_MEMORY];
};
_Static_assert(sizeof(struct tables) <= BOOT_PVH_CMDLINE - BOOT_PVH_START_INFO,
	       "the tables fit before the command line");

static uint64_t address_of(size_t offset)
{
	return htole64(BOOT_PVH_START_INFO + offset);
}

static struct pvh_module module(struct range what)
{
	if (what.last == 0)
		return (struct pvh_module){0};
	return (struct pvh_module){.address = htole64(what.first), .size = htole64(range_len(what))};
}

static void add_memory(struct tables *t, uint32_t *n, uint64_t first, uint64_t end, uint32_t type)
{
	if (first < end)
		t->memory[(*n)++] = (struct pvh_memory){
			.address = htole64(first), .size = htole64(end - first), .type = htole32(type)};
}

/* The first region is where the firmware's part is. */
static uint32_t describe_memory(const struct gmem *mem, struct tables *t)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < mem->nr_regions; i++) {
		uint64_t first = mem->regions[i].base.v, end = first + mem->regions[i].size;

		if (first < BOOT_PVH_MEMORY) {
			add_memory(t, &n, first, BOOT_PVH_FIRMWARE, PVH_MEMORY_RAM);
			add_memory(t, &n, BOOT_PVH_FIRMWARE, BOOT_PVH_MEMORY, PVH_MEMORY_KEEP);
			first = BOOT_PVH_MEMORY;
		}
		add_memory(t, &n, first, end, PVH_MEMORY_RAM);
	}
	return n;
}

int boot_pvh_write(const struct gmem *mem, const struct boot_pvh *boot, gpa_t *tables)
{
	size_t len = strlen(boot->cmdline) + 1;
	struct tables t = {.modules = {module(boot->initrd), module(boot->dtb)}};
	uint32_t memory;
	int err;

	if (len > BOOT_PVH_CMDLINE_MAX)
		return log_fail(-E2BIG, "the command line has %zu bytes, more than %u; shorten boot.cmdline", len - 1,
				BOOT_PVH_CMDLINE_MAX - 1);
	memory = describe_memory(mem, &t);
	t.info = (struct pvh_start_info){
		.magic = htole32(PVH_MAGIC),
		.version = htole32(PVH_VERSION),
		.nr_modules = htole32(MODULES),
		.modules = address_of(offsetof(struct tables, modules)),
		.cmdline = htole64(BOOT_PVH_CMDLINE),
		.rsdp = htole64(boot->rsdp.v),
		.memmap = address_of(offsetof(struct tables, memory)),
		.memmap_entries = htole32(memory),
	};
	err = gmem_write(mem, gpa(BOOT_PVH_START_INFO), &t, sizeof(t));
	if (err == 0)
		err = gmem_write(mem, gpa(BOOT_PVH_CMDLINE), boot->cmdline, len);
	if (err < 0)
		return log_fail(err, "the guest's memory is too small for the boot tables; raise machine.memory");
	*tables = gpa(BOOT_PVH_START_INFO);
	return 0;
}

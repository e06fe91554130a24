/* SPDX-License-Identifier: Apache-2.0 */
/* Structures of the PVH boot ABI (Xen xen/include/public/arch-x86/hvm/start_info.h), little-endian. */
#ifndef AERIE_PVH_REGS_H
#define AERIE_PVH_REGS_H

#include <stdint.h>

#define PVH_NOTE_NAME	"Xen"
#define PVH_NOTE_PHYS32 18u /* XEN_ELFNOTE_PHYS32_ENTRY: address of the 32-bit entry point */
#define PVH_MAGIC	0x336ec578u
#define PVH_VERSION	1u /* with a memory map */

struct pvh_start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t nr_modules;
	uint64_t modules;
	uint64_t cmdline;
	uint64_t rsdp;
	uint64_t memmap;
	uint32_t memmap_entries;
	uint32_t reserved;
};
_Static_assert(sizeof(struct pvh_start_info) == 56, "struct hvm_start_info");

struct pvh_module {
	uint64_t address;
	uint64_t size;
	uint64_t cmdline;
	uint64_t reserved;
};
_Static_assert(sizeof(struct pvh_module) == 32, "struct hvm_modlist_entry");

#define PVH_MEMORY_RAM 1u /* XEN_HVM_MEMMAP_TYPE_RAM, as in e820 */

struct pvh_memory {
	uint64_t address;
	uint64_t size;
	uint32_t type;
	uint32_t reserved;
};
_Static_assert(sizeof(struct pvh_memory) == 24, "struct hvm_memmap_table_entry");

#endif

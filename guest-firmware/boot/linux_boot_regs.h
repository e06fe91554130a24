/* SPDX-License-Identifier: Apache-2.0 */
/* The x86 boot protocol of Linux (Documentation/arch/x86/boot.rst, zero-page.rst): offsets in the file's first sectors,
 * which are the same in boot_params, and of the rest of boot_params. Numbers are little-endian. */
#ifndef AERIE_LINUX_BOOT_REGS_H
#define AERIE_LINUX_BOOT_REGS_H

#include "bits.h"

#define LINUX_SECTOR 512u

/* The setup header: from here to the byte that its jump instruction leads to. */
#define LINUX_SETUP_SECTS      0x1f1u /* u8: sectors of real mode code after the first one; 0: 4 */
#define LINUX_BOOT_FLAG	       0x1feu /* u16 */
#define LINUX_JUMP_DISTANCE    0x201u /* u8, from 0x202 on */
#define LINUX_MAGIC	       0x202u
#define LINUX_VERSION	       0x206u /* u16 */
#define LINUX_TYPE_OF_LOADER   0x210u /* u8 */
#define LINUX_LOADFLAGS	       0x211u /* u8 */
#define LINUX_CODE32_START     0x214u /* u32 */
#define LINUX_RAMDISK_IMAGE    0x218u /* u32 */
#define LINUX_RAMDISK_SIZE     0x21cu /* u32 */
#define LINUX_CMD_LINE_PTR     0x228u /* u32 */
#define LINUX_INITRD_ADDR_MAX  0x22cu /* u32: last byte that an initrd may have */
#define LINUX_KERNEL_ALIGNMENT 0x230u /* u32 */
#define LINUX_RELOCATABLE      0x234u /* u8 */
#define LINUX_XLOADFLAGS       0x236u /* u16 */
#define LINUX_CMDLINE_SIZE     0x238u /* u32, without the terminating 0 */
#define LINUX_PREF_ADDRESS     0x258u /* u64 */
#define LINUX_INIT_SIZE	       0x260u /* u32: memory that the kernel needs before it knows the memory map */
#define LINUX_HEADER_MIN       0x264u /* end of what version 2.12 has */
#define LINUX_HEADER_END       0x290u /* what follows in boot_params is something else */

#define LINUX_BOOT_FLAG_VALUE  0xaa55u
#define LINUX_MAGIC_VALUE      "HdrS"
#define LINUX_VERSION_MIN      0x020cu /* 2.12: xloadflags (Linux 3.8) */
#define LINUX_LOADED_HIGH      BIT32(0)
#define LINUX_KERNEL_64	       BIT32(0)
#define LINUX_ABOVE_4G	       BIT32(1)
#define LINUX_LOADER_UNDEFINED 0xffu
#define LINUX_ENTRY_64	       0x200u /* from the start of the protected mode code */

/* Other fields of boot_params */
#define LINUX_PARAMS_SIZE     4096u
#define LINUX_ACPI_RSDP	      0x070u /* u64 */
#define LINUX_E820_ENTRIES    0x1e8u /* u8 */
#define LINUX_E820_TABLE      0x2d0u
#define LINUX_E820_ENTRY_SIZE 20u /* u64 address, u64 size, u32 type */
#define LINUX_E820_MAX	      128u

#endif

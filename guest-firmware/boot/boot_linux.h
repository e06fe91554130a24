/* SPDX-License-Identifier: Apache-2.0 */
/* What the boot vCPU of a 64-bit start finds in memory: boot_params, descriptors, and the page tables that it runs on.
 */
#ifndef AERIE_BOOT_LINUX_H
#define AERIE_BOOT_LINUX_H

#include "boot_low.h"
#include "kernel_image.h"

/** Bytes of the descriptor table at BOOT_LOW_GDT. */
#define BOOT_LINUX_GDT_SIZE 32u

/** Writes all of it for a kernel that bzimage_load() has placed; *@tables is what rsi gets. 0 or -errno (logged). */
int boot_linux_write(const struct gmem *mem, const struct boot_info *info, const struct kernel_image *image,
		     gpa_t *tables);

#endif

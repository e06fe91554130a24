/* SPDX-License-Identifier: Apache-2.0 */
/* What the boot vCPU of a PVH start finds in memory: hvm_start_info and what it points to. */
#ifndef AERIE_BOOT_PVH_H
#define AERIE_BOOT_PVH_H

#include "boot_low.h"

/** Writes the tables; *@tables is what ebx gets. There are two modules, the initrd and the device tree: Linux takes the
 * first one for its initrd, and for none when it is empty. 0 or -errno (logged). */
int boot_pvh_write(const struct gmem *mem, const struct boot_info *info, gpa_t *tables);

#endif

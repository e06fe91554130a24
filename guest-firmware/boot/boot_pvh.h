/* SPDX-License-Identifier: Apache-2.0 */
/* What the boot vCPU of a PVH start finds in memory: hvm_start_info and what it points to. */
#ifndef AERIE_BOOT_PVH_H
#define AERIE_BOOT_PVH_H

#include <stdint.h>

#include "addr.h"
#include "gmem.h"
#include "range.h"

/* Addresses of the tables, a page each, and of the command line. An operating system treats all RAM between
 * BOOT_PVH_FIRMWARE and 1 MiB as firmware's; the tables below it are its to forget. */
#define BOOT_PVH_START_INFO UINT64_C(0x6000)
#define BOOT_PVH_CMDLINE    UINT64_C(0x7000)
#define BOOT_PVH_FIRMWARE   UINT64_C(0xa0000)
#define BOOT_PVH_MEMORY	    UINT64_C(0x100000)

#define BOOT_PVH_CMDLINE_MAX 4096u /* with its terminating 0 */

struct boot_pvh {
	const char *cmdline;
	struct range initrd; /* 0, 0: none */
	struct range dtb;    /* the machine's device tree: the last module */
	gpa_t rsdp;	     /* 0: no ACPI */
};

/** Writes the tables; *@tables is what ebx gets. There are two modules, the initrd and the device tree: Linux takes the
 * first one for its initrd, and for none when it is empty. 0 or -errno (logged). */
int boot_pvh_write(const struct gmem *mem, const struct boot_pvh *boot, gpa_t *tables);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct boot of x86-64 kernels and payloads: ELF files of 64 bits with a PVH note, such as Linux' vmlinux with
 * CONFIG_PVH (Xen docs/misc/pvh.pandoc). In guest RAM: boot tables (boot_low.h) | segments where the file wants them |
 * device tree, 2 MiB aligned | initrd.
 */
#ifndef AERIE_ELF_KERNEL_H
#define AERIE_ELF_KERNEL_H

#include "boot_files.h"
#include "boot_low.h"
#include "gmem.h"
#include "kernel_image.h"
#include "range.h"

/* Segments start here at the lowest. */
#define ELF_KERNEL_LOWEST BOOT_LOW_MEMORY

#define ELF_KERNEL_MAX_HEADERS 64u	  /* program headers */
#define ELF_KERNEL_MAX_NOTES   (1u << 16) /* bytes of one note segment */

/** As kernel_image_check() and kernel_image_load(), for these files. @ram starts at 0. */
int elf_kernel_check(const struct boot_file *file);
int elf_kernel_load(const struct gmem *mem, struct range ram, const struct boot_file *file, struct kernel_image *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels of the x86-64 machine: a bzImage (bzimage.h) or an ELF file with a PVH note (elf_kernel.h), whichever the
 * file's first bytes say. */
#ifndef AERIE_PC_KERNEL_H
#define AERIE_PC_KERNEL_H

#include "kernel_image.h"

/** As kernel_image_check() and kernel_image_load(). @ram starts at 0. */
int pc_kernel_check(const struct boot_file *file);
int pc_kernel_load(const struct gmem *mem, struct range ram, const struct boot_file *file, struct kernel_image *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct boot of x86-64 Linux by its 64-bit boot protocol (Documentation/arch/x86/boot.rst): bzImage, as distributions
 * ship it. The kernel decompresses itself; its real mode code is not used. In guest RAM: boot tables (boot_low.h) |
 * kernel, with room to decompress | initrd.
 */
#ifndef AERIE_BZIMAGE_H
#define AERIE_BZIMAGE_H

#include "boot_files.h"
#include "gmem.h"
#include "kernel_image.h"
#include "range.h"

/** True when @peek, the first @len bytes of a file, are those of a Linux kernel for x86. */
bool bzimage_recognise(const uint8_t *peek, size_t len);

/** As kernel_image_check() and kernel_image_load(), for these files. @ram starts at 0. */
int bzimage_check(const struct boot_file *file);
int bzimage_load(const struct gmem *mem, struct range ram, const struct boot_file *file, struct kernel_image *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct boot of arm64 Linux (Documentation/arch/arm64/booting.rst): Image, Image.gz (also zstd), and EFI zboot images
 * whose payload is gzip or zstd. In guest RAM, from its base upward: kernel | device tree, 2 MiB aligned | initrd.
 */
#ifndef AERIE_KERNEL_IMAGE_H
#define AERIE_KERNEL_IMAGE_H

#include <stdint.h>

#include "addr.h"
#include "arch.h"
#include "boot_files.h"
#include "gmem.h"
#include "linux_boot_regs.h"
#include "range.h"

/* The device tree may take this much, and not cross a boundary of this size. */
#define BOOT_DTB_SIZE (UINT64_C(2) << 20)

struct kernel_image {
	gpa_t entry;
	struct range range;  /* what the kernel occupies, its zeroed data included */
	gpa_t dtb;	     /* place of the device tree, BOOT_DTB_SIZE bytes */
	struct range initrd; /* valid after initrd_load() */
	enum arch_boot_protocol protocol;

	/* bzImage only */
	uint64_t initrd_last;				     /* last address that an initrd may have; 0: no limit */
	uint32_t cmdline_max;				     /* bytes of the command line without its end */
	uint8_t setup[LINUX_HEADER_END - LINUX_SETUP_SECTS]; /* setup header, as it is in the file */
};

/** Looks at the start of the file only: is it something that kernel_image_load() can take? Called before anything of
 * the host is reserved, so that a mistaken path is refused at once. 0 or -errno (logged). */
int kernel_image_check(const struct boot_file *file);

/** Puts the kernel into @ram (one region of @mem, its start 2 MiB aligned). 0 or -errno, logged: what was found in the
 * file and what is accepted. Memory above the kernel may have been written on failure. */
int kernel_image_load(const struct gmem *mem, struct range ram, const struct boot_file *file, struct kernel_image *out);

/** Puts the initrd behind the device tree's place, 4 KiB aligned; always within 32 GiB of the kernel's start. 0 or
 * -errno (logged: how much memory would be enough). */
int initrd_load(const struct gmem *mem, struct range ram, const struct boot_file *file, struct kernel_image *image);

#endif

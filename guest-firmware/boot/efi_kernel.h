/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels that UEFI firmware starts: PE images with an EFI stub. The firmware loads them; we only refuse others. */
#ifndef AERIE_EFI_KERNEL_H
#define AERIE_EFI_KERNEL_H

#include "boot_files.h"

/** Looks at the start of the file only. 0 or -errno (logged). */
int efi_kernel_check(const struct boot_file *file);

#endif

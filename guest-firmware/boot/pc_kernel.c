/* SPDX-License-Identifier: Apache-2.0 */
#include "pc_kernel.h"

#include "bzimage.h"
#include "elf_kernel.h"
#include "image_stream.h"
#include "linux_boot_regs.h"

/* A file that cannot be read is left to the loader of ELF files, which says so. */
static bool is_bzimage(const struct boot_file *file)
{
	uint8_t peek[LINUX_HEADER_END];

	return file->size >= sizeof(peek) && image_stream_read(file, 0, peek, sizeof(peek)) == 0 &&
	       bzimage_recognise(peek, sizeof(peek));
}

int pc_kernel_check(const struct boot_file *file)
{
	return is_bzimage(file) ? bzimage_check(file) : elf_kernel_check(file);
}

int pc_kernel_load(const struct gmem *mem, struct range ram, const struct boot_file *file, struct kernel_image *out)
{
	return is_bzimage(file) ? bzimage_load(mem, ram, file, out) : elf_kernel_load(mem, ram, file, out);
}

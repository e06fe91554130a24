/* SPDX-License-Identifier: Apache-2.0 */
/* Any file as an x86-64 kernel: what is accepted lies wholly inside the guest's memory, with its entry in it. */
#include "elf_kernel.h"
#include "fuzz_kernel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct range ram = {0, (UINT64_C(16) << 20) - 1};
	struct kernel_image image;
	struct boot_file file;
	struct range dtb;

	if (!fuzz_kernel_file(&file, data, size, ram) || elf_kernel_load(&mem, ram, &file, &image) != 0)
		return 0;
	fuzz_kernel_fits(&image, ram, ELF_KERNEL_LOWEST, &dtb);
	return 0;
}

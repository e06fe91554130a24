/* SPDX-License-Identifier: Apache-2.0 */
/* Any file as a bzImage: what is accepted lies wholly inside the guest's memory, with its entry in it. */
#include "boot_linux.h"
#include "bzimage.h"
#include "fuzz_kernel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct range ram = {0, (UINT64_C(16) << 20) - 1};
	struct kernel_image image;
	struct boot_file file;
	struct range dtb;
	gpa_t tables;

	if (!fuzz_kernel_file(&file, data, size, ram) || bzimage_load(&mem, ram, &file, &image) != 0)
		return 0;
	fuzz_kernel_fits(&image, ram, BOOT_LOW_MEMORY, &dtb);
	boot_linux_write(&mem, &(struct boot_info){.cmdline = "quiet"}, &image, &tables);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Any file as kernel and as initrd: what is accepted lies wholly inside the guest's memory and does not overlap. */
#include "fuzz_kernel.h"

#define RAM_BASE UINT64_C(0x40000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct range ram = {RAM_BASE, RAM_BASE + (UINT64_C(8) << 20) - 1};
	struct kernel_image image;
	struct boot_file file;
	struct range dtb;

	if (!fuzz_kernel_file(&file, data, size, ram) || kernel_image_load(&mem, ram, &file, &image) != 0)
		return 0;
	fuzz_kernel_fits(&image, ram, RAM_BASE, &dtb);
	check(image.dtb.v % BOOT_DTB_SIZE == 0);
	if (initrd_load(&mem, ram, &file, &image) == 0) {
		check(range_contains(ram, image.initrd) && range_len(image.initrd) == size);
		check(!range_overlaps(image.initrd, dtb) && !range_overlaps(image.initrd, image.range));
	}
	return 0;
}

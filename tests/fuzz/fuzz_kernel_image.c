/* SPDX-License-Identifier: Apache-2.0 */
/* Any file as kernel and as initrd: what is accepted lies wholly inside the guest's memory and does not overlap. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gmem.h"
#include "kernel_image.h"
#include "log.h"

#define RAM_BASE UINT64_C(0x40000000)
#define RAM_SIZE (UINT64_C(8) << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sink(enum log_level level, const char *line, void *opaque)
{
}

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gmem mem;
	static struct range ram;
	static int fd = -1;
	struct kernel_image image;

	if (fd < 0) {
		log_set_sink(sink, NULL);
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		gmem_init(&mem);
		check(gmem_add(&mem, gpa(RAM_BASE), RAM_SIZE, GMEM_PAGES_NORMAL) == 0);
		check(range_make(&ram, RAM_BASE, RAM_SIZE));
	}
	if (size == 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		return 0;

	struct boot_file file = {.fd = fd, .path = "fuzz", .size = size};
	if (kernel_image_load(&mem, ram, &file, &image) != 0)
		return 0;
	struct range dtb;
	check(range_contains(ram, image.range) && range_has(image.range, image.entry.v));
	check(range_make(&dtb, image.dtb.v, BOOT_DTB_SIZE) && range_contains(ram, dtb));
	check(!range_overlaps(dtb, image.range) && image.dtb.v % BOOT_DTB_SIZE == 0);
	if (initrd_load(&mem, ram, &file, &image) == 0) {
		check(range_contains(ram, image.initrd) && range_len(image.initrd) == size);
		check(!range_overlaps(image.initrd, dtb) && !range_overlaps(image.initrd, image.range));
	}
	return 0;
}

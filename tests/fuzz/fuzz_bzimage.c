/* SPDX-License-Identifier: Apache-2.0 */
/* Any file as a bzImage: what is accepted lies wholly inside the guest's memory, with its entry in it. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "boot_linux.h"
#include "bzimage.h"
#include "gmem.h"
#include "log.h"

#define RAM_SIZE (UINT64_C(16) << 20)

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
	static const struct range ram = {0, RAM_SIZE - 1};
	static struct gmem mem;
	static int fd = -1;
	struct kernel_image image;
	struct range dtb;
	gpa_t tables;

	if (fd < 0) {
		log_set_sink(sink, NULL);
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		gmem_init(&mem);
		check(gmem_add(&mem, gpa(0), RAM_SIZE, GMEM_PAGES_NORMAL) == 0);
	}
	if (size == 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		return 0;
	const struct boot_file file = {.fd = fd, .path = "fuzz", .size = size};
	if (bzimage_load(&mem, ram, &file, &image) != 0)
		return 0;
	check(image.range.first >= BOOT_LOW_MEMORY && range_contains(ram, image.range));
	check(range_has(image.range, image.entry.v));
	check(range_make(&dtb, image.dtb.v, BOOT_DTB_SIZE) && range_contains(ram, dtb));
	check(!range_overlaps(dtb, image.range));
	boot_linux_write(&mem, &(struct boot_info){.cmdline = "quiet"}, &image, &tables);
	return 0;
}

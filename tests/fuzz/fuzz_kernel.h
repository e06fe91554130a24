/* SPDX-License-Identifier: Apache-2.0 */
/* A file of the fuzzer's bytes and a guest's memory to load it into, for the targets of the kernel loaders. */
#ifndef AERIE_FUZZ_KERNEL_H
#define AERIE_FUZZ_KERNEL_H

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gmem.h"
#include "kernel_image.h"
#include "log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gmem mem;

static void sink(enum log_level level, const char *line, void *opaque)
{
}

static void check(bool ok)
{
	if (!ok)
		abort();
}

/** Makes @file hold these bytes; the guest has the memory @ram. False: there is no such file. */
static bool fuzz_kernel_file(struct boot_file *file, const uint8_t *data, size_t size, struct range ram)
{
	static int fd = -1;

	if (fd < 0) {
		log_set_sink(sink, NULL);
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		gmem_init(&mem);
		check(gmem_add(&mem, gpa(ram.first), range_len(ram), GMEM_PAGES_NORMAL) == 0);
	}
	*file = (struct boot_file){.fd = fd, .path = "fuzz", .size = size};
	return size && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size;
}

/** What was accepted is in @ram from @lowest on, its entry in it; the device tree has room in @ram beside it: @dtb. */
static void fuzz_kernel_fits(const struct kernel_image *image, struct range ram, uint64_t lowest, struct range *dtb)
{
	check(image->range.first >= lowest && range_contains(ram, image->range));
	check(range_has(image->range, image->entry.v));
	check(range_make(dtb, image->dtb.v, BOOT_DTB_SIZE) && range_contains(ram, *dtb));
	check(!range_overlaps(*dtb, image->range));
}

#endif

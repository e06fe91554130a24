/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel's file and the memory of an x86-64 guest, for the tests of what loads the one into the other. */
#ifndef AERIE_PC_KERNEL_FIXTURE_H
#define AERIE_PC_KERNEL_FIXTURE_H

#include <sys/mman.h>
#include <unistd.h>

#include "gmem.h"
#include "kernel_image.h"
#include "logged.h"

#define MIB UINT64_C(0x100000)

static struct gmem mem;
static struct boot_file file;
static struct kernel_image loaded;

/** An empty file, @ram_size bytes of memory that are not zero, as if a guest had run there. */
static inline void pc_kernel_begin(uint64_t ram_size)
{
	file = (struct boot_file){.fd = memfd_create("kernel", MFD_CLOEXEC), .path = "k"};
	gmem_init(&mem);
	ck_assert_int_eq(gmem_add(&mem, gpa(0), ram_size, GMEM_PAGES_NORMAL), 0);
	memset(gmem_host(&mem, gpa(0), ram_size), 0xaa, ram_size);
	logged_begin();
}

static inline void pc_kernel_end(void)
{
	close(file.fd);
	gmem_fini(&mem);
	log_set_sink(NULL, NULL);
}

/** Makes @len bytes of @image the file's. Its size for the loader stays what it is. */
static inline void pc_kernel_write(const void *image, size_t len)
{
	ck_assert_int_eq(ftruncate(file.fd, 0), 0);
	ck_assert_int_eq(pwrite(file.fd, image, len, 0), (ssize_t)len);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel in the making, guest memory, and what was logged: for the tests of the loader. */
#ifndef AERIE_KERNEL_FIXTURE_H
#define AERIE_KERNEL_FIXTURE_H

#include <check.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "bits.h"
#include "boot_files.h"
#include "gmem.h"
#include "kernel_image.h"
#include "logged.h"

#define MIB	 UINT64_C(0x100000)
#define RAM	 UINT64_C(0x40000000)
#define RAM_SIZE (32 * MIB)
#define DATA	 (3 * MIB + 123) /* bytes of the test kernel's file */
#define BSS	 (5 * MIB)	 /* its image_size */
#define CAP	 (8 * MIB)

static struct gmem mem;
static struct range ram;
static struct boot_file file;
static struct kernel_image image;
static uint8_t *data; /* the file to be */
static size_t len;

static inline void put64(size_t at, uint64_t value)
{
	value = htole64(value);
	memcpy(data + at, &value, 8);
}

static inline void put32(size_t at, uint32_t value)
{
	value = htole32(value);
	memcpy(data + at, &value, 4);
}

/* An Image as booting.rst describes it. */
static inline void make_image(void)
{
	for (size_t i = 0; i < DATA; i++)
		data[i] = (uint8_t)((i * 2654435761u) >> 13);
	memset(data, 0, 64);
	memcpy(data, "MZ", 2);
	put64(8, 0);
	put64(16, BSS);
	put64(24, 0xa);
	memcpy(data + 56, "ARM\x64", 4);
	put32(60, 0x40);
	len = DATA;
}

static inline void compress_gzip(void)
{
	uint8_t *out = malloc(CAP);
	z_stream z = {.next_in = data, .avail_in = (unsigned)len, .next_out = out, .avail_out = CAP};

	ck_assert_int_eq(deflateInit2(&z, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	len = z.total_out;
	deflateEnd(&z);
	memcpy(data, out, len);
	free(out);
}

static inline void compress_zstd(void)
{
	uint8_t *out = malloc(CAP);
	size_t n = ZSTD_compress(out, CAP, data, len, 1);

	ck_assert(!ZSTD_isError(n));
	memcpy(data, out, n);
	len = n;
	free(out);
}

/* A frame without a content size and with a large window, as a pipe makes it. */
static inline void compress_zstd_stream(void)
{
	uint8_t *out = malloc(CAP);
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_inBuffer from = {.src = data, .size = len};
	ZSTD_outBuffer to = {.dst = out, .size = CAP};

	ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, 27);
	ck_assert(!ZSTD_isError(ZSTD_compressStream2(c, &to, &from, ZSTD_e_continue)));
	ck_assert_uint_eq(ZSTD_compressStream2(c, &to, &from, ZSTD_e_end), 0);
	ZSTD_freeCCtx(c);
	memcpy(data, out, to.pos);
	len = to.pos;
	free(out);
}

static inline void wrap_zboot(const char *type, uint32_t offset, uint32_t size)
{
	memmove(data + 512, data, len);
	memset(data, 0, 512);
	memcpy(data, "MZ\0\0zimg", 8);
	put32(8, offset);
	put32(12, size);
	strncpy((char *)data + 24, type, 31);
	len += 512 + 4;
	put32(len - 4, BSS);
}

static inline void use_file(void)
{
	file.fd = memfd_create("kernel", MFD_CLOEXEC);
	file.path = "some-kernel";
	file.size = len;
	ck_assert_int_eq(write(file.fd, data, len), (ssize_t)len);
}

static inline int load(void)
{
	return kernel_image_load(&mem, ram, &file, &image);
}

static inline void setup(void)
{
	logged_begin();
	gmem_init(&mem);
	ck_assert_int_eq(gmem_add(&mem, gpa(RAM), RAM_SIZE, GMEM_PAGES_NORMAL), 0);
	range_make(&ram, RAM, RAM_SIZE);
	data = calloc(1, CAP);
	make_image();
	file.fd = -1;
	memset(&image, 0xee, sizeof(image));
}

static inline void teardown(void)
{
	if (file.fd >= 0)
		close(file.fd);
	free(data);
	gmem_fini(&mem);
	log_set_sink(NULL, NULL);
}

static inline void zboot_gzip(void)
{
	compress_gzip();
	wrap_zboot("gzip", 512, (uint32_t)len);
}

#endif

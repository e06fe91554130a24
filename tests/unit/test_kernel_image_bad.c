/* SPDX-License-Identifier: Apache-2.0 */
/* Every file that must not boot, and the words with which it is refused. */
#include "kernel_fixture.h"
#include "run_suite.h"

static void no_magic(void)
{
	put32(56, 0);
}

static void start(const char *bytes, size_t n)
{
	memset(data, 0, 1024);
	memcpy(data, bytes, n);
}

static void elf(void)
{
	start("\x7f"
	      "ELF\x02\x01",
	      6);
}

static void bzimage(void)
{
	start("MZ", 2);
	memcpy(data + 0x202, "HdrS", 4);
}

static void riscv(void)
{
	start("MZ", 2);
	memcpy(data + 0x30, "RISCV\0\0\0RSC\x05", 12);
}

static void efi_program(void)
{
	start("MZ", 2);
}

static void xz(void)
{
	start("\xfd"
	      "7zXZ\0",
	      6);
}

static void lz4(void)
{
	start("\x02\x21\x4c\x18", 4);
}

static void lzma(void)
{
	start("\x5d\0\0\x80", 4);
}

static void lzo(void)
{
	start("\x89LZO\0\r\n", 7);
}

static void bzip2(void)
{
	start("BZh9", 4);
}

static void cpio(void)
{
	start("070701", 6);
}

static void script(void)
{
	start("#!/bin/sh\n", 10);
	len = 10;
}

static void one_byte(void)
{
	data[0] = 0x1f;
	len = 1;
}

static void unknown(void)
{
	start("\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
}

static void gzip_of_cpio(void)
{
	cpio();
	compress_gzip();
}

static void gzip_of_little(void)
{
	len = 10;
	compress_gzip();
}

static void gzip_cut(void)
{
	compress_gzip();
	len /= 2;
}

static void gzip_header_only(void)
{
	compress_gzip();
	len = 4;
}

static void gzip_damaged(void)
{
	compress_gzip();
	memset(data + len / 2, 0xff, 100);
}

static void gzip_bad_crc(void)
{
	compress_gzip();
	data[len - 6] ^= 1;
}

static void zstd_cut(void)
{
	compress_zstd();
	len -= 5;
}

static void zstd_damaged(void)
{
	compress_zstd();
	memset(data + 10, 0xff, 3); /* header of the first block: reserved type */
}

static void zstd_lies(void)
{
	compress_zstd();
	memset(data + 6, 0x7f, 4); /* the size of the content */
}

static void zboot_xz(void)
{
	wrap_zboot("xz", 512, (uint32_t)len);
}

static void zboot_lzo(void)
{
	wrap_zboot("lzo", 512, (uint32_t)len);
}

static void zboot_long_type(void)
{
	wrap_zboot("", 512, (uint32_t)len);
	memset(data + 24, 'x', 32);
}

static void zboot_offset(void)
{
	zboot_gzip();
	put32(8, 0xffffffff);
}

static void zboot_size(void)
{
	zboot_gzip();
	put32(12, (uint32_t)len);
}

static void zboot_wrap(void)
{
	zboot_gzip();
	put32(8, 0x1000);
	put32(12, 0xfffff000);
}

static void zboot_empty(void)
{
	zboot_gzip();
	put32(12, 0);
}

static void zboot_not_gzip(void)
{
	wrap_zboot("gzip", 512, (uint32_t)len);
}

static void big_endian(void)
{
	put64(24, 0xb);
}

static void no_size(void)
{
	put64(16, 0);
}

static void offset_2m(void)
{
	put64(8, 2 * MIB);
}

static void offset_max(void)
{
	put64(8, UINT64_MAX);
}

static void size_max(void)
{
	put64(16, UINT64_MAX);
}

static void size_wraps(void)
{
	put64(8, 0x80000);
	put64(16, UINT64_MAX - 0x80000 + 1);
}

static void size_of_ram(void)
{
	put64(16, RAM_SIZE);
}

/* With 2 MiB for the device tree this is one byte too many. */
static void size_just_too_big(void)
{
	put64(16, RAM_SIZE - BOOT_DTB_SIZE + 1);
}

static void gzip_bomb(void)
{
	static const uint8_t zeros[1 << 16];
	uint8_t *out = malloc(CAP);
	z_stream z = {.next_out = out, .avail_out = CAP};

	ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	for (uint64_t n = 0; n < 2 * RAM_SIZE; n += sizeof(zeros)) {
		z.next_in = (uint8_t *)(uintptr_t)zeros;
		z.avail_in = sizeof(zeros);
		ck_assert_int_eq(deflate(&z, Z_NO_FLUSH), Z_OK);
	}
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	len = z.total_out;
	deflateEnd(&z);
	memcpy(data, out, len);
	free(out);
}

static void zstd_bomb(void)
{
	uint8_t *zeros = calloc(1, 2 * RAM_SIZE);

	len = ZSTD_compress(data, CAP, zeros, 2 * RAM_SIZE, 1);
	ck_assert(!ZSTD_isError(len));
	free(zeros);
}

static const struct {
	void (*make)(void);
	int err;
	const char *says;
} bad[] = {
	{no_magic, -EINVAL, "EFI program"},
	{elf, -EINVAL, "an ELF file"},
	{bzimage, -EINVAL, "x86 kernel"},
	{riscv, -EINVAL, "RISC-V kernel"},
	{efi_program, -EINVAL, "EFI program"},
	{xz, -EINVAL, "xz data"},
	{lz4, -EINVAL, "lz4 data"},
	{lzma, -EINVAL, "lzma data"},
	{lzo, -EINVAL, "lzop data"},
	{bzip2, -EINVAL, "bzip2 data"},
	{cpio, -EINVAL, "cpio archive"},
	{script, -EINVAL, "a script"},
	{one_byte, -EINVAL, "begins with 1f 00"},
	{unknown, -EINVAL, "begins with 01 23 45 67 89 ab cd ef"},
	{gzip_of_cpio, -EINVAL, "decompresses to is a cpio archive"},
	{gzip_of_little, -EINVAL, "decompresses to is"},
	{gzip_cut, -EILSEQ, "ends too early"},
	{gzip_header_only, -EILSEQ, "ends too early"},
	{gzip_damaged, -EILSEQ, "damaged"},
	{gzip_bad_crc, -EILSEQ, "damaged"},
	{zstd_cut, -EILSEQ, "ends too early"},
	{zstd_damaged, -EILSEQ, "damaged"},
	{zstd_lies, -ENOMEM, "does not fit"},
	{zboot_xz, -ENOTSUP, "\"xz\""},
	{zboot_lzo, -ENOTSUP, "\"lzo\""},
	{zboot_long_type, -ENOTSUP, "xxxx"},
	{zboot_offset, -EINVAL, "damaged"},
	{zboot_size, -EINVAL, "damaged"},
	{zboot_wrap, -EINVAL, "damaged"},
	{zboot_empty, -EINVAL, "damaged"},
	{zboot_not_gzip, -EILSEQ, "damaged"},
	{big_endian, -ENOTSUP, "big-endian"},
	{no_size, -ENOTSUP, "does not state its size"},
	{offset_2m, -EINVAL, "text offset"},
	{offset_max, -EINVAL, "text offset"},
	{size_max, -ENOMEM, "does not fit"},
	{size_wraps, -ENOMEM, "does not fit"},
	{size_of_ram, -ENOMEM, "does not fit"},
	{size_just_too_big, -ENOMEM, "does not fit"},
	{gzip_bomb, -ENOMEM, "does not fit"},
	{zstd_bomb, -ENOMEM, "does not fit"},
};

START_TEST(refused)
{
	bad[_i].make();
	use_file();
	int err = load();
	ck_assert_msg(err == bad[_i].err, "%d, %s", err, logged);
	ck_assert_uint_eq(nr_logged, 1);
	ck_assert_msg(strstr(logged, bad[_i].says) != NULL, "%s", logged);
	ck_assert_ptr_nonnull(strstr(logged, "\"some-kernel\""));
	ck_assert_uint_eq(image.entry.v, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel_image_bad");
	TCase *tc = tcase_create("kernel_image_bad");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, refused, 0, ARRAY_LEN(bad));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

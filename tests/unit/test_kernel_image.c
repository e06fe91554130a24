/* SPDX-License-Identifier: Apache-2.0 */
/* Direct boot of arm64 kernels: what is loaded where. What must be refused: test_kernel_image_bad.c. */
#include "kernel_fixture.h"
#include "run_suite.h"

/* The test kernel lies at @offset, whole, and its data behind the file's end is zero. */
static void check_loaded(uint64_t offset)
{
	uint8_t *expected = data;

	make_image();
	put64(8, offset);
	ck_assert_uint_eq(nr_logged, 0);
	ck_assert_uint_eq(image.entry.v, RAM + offset);
	ck_assert_uint_eq(image.range.first, RAM + offset);
	ck_assert_uint_eq(image.range.last, RAM + offset + BSS - 1);
	ck_assert_mem_eq(gmem_host(&mem, image.entry, DATA), expected, DATA);
	const uint8_t *bss = gmem_host(&mem, gpa(RAM + offset + DATA), BSS - DATA);
	ck_assert_uint_eq(bss[0], 0);
	ck_assert_int_eq(memcmp(bss, bss + 1, BSS - DATA - 1), 0);
	ck_assert_uint_eq(image.dtb.v % (2 * MIB), 0);
	ck_assert_uint_gt(image.dtb.v, image.range.last);
	ck_assert(gmem_contains(&mem, image.dtb, BOOT_DTB_SIZE));
}

static void as_is(void)
{
}

static void zboot_zstd(void)
{
	compress_zstd();
	wrap_zboot("zstd", 512, (uint32_t)len);
}

/* Linux up to 6.6 names zstd after the compressor's option and counts the size word behind the payload. */
static void zboot_zstd22(void)
{
	compress_zstd();
	wrap_zboot("zstd22", 512, (uint32_t)len + 4);
}

static void (*const good[])(void) = {
	as_is, compress_gzip, compress_zstd, compress_zstd_stream, zboot_gzip, zboot_zstd, zboot_zstd22,
};

START_TEST(loads)
{
	good[_i]();
	use_file();
	/* RAM that is not empty: a guest ran here before. */
	memset(gmem_host(&mem, gpa(RAM), RAM_SIZE), 0xdd, RAM_SIZE);
	ck_assert_msg(load() == 0, "%s", logged);
	check_loaded(0);
	memset(gmem_host(&mem, gpa(RAM), RAM_SIZE), 0xdd, RAM_SIZE);
	ck_assert_int_eq(load(), 0);
	check_loaded(0);
}
END_TEST

START_TEST(text_offset)
{
	put64(8, 0x80000);
	compress_gzip();
	use_file();
	ck_assert_int_eq(load(), 0);
	check_loaded(0x80000);
}
END_TEST

START_TEST(size_smaller_than_file)
{
	put64(16, 4096);
	use_file();
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(range_len(image.range), DATA);
}
END_TEST

START_TEST(largest_that_fits)
{
	put64(16, RAM_SIZE - BOOT_DTB_SIZE);
	use_file();
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(image.dtb.v, RAM + RAM_SIZE - BOOT_DTB_SIZE);
}
END_TEST

START_TEST(little_ram)
{
	use_file();
	for (uint64_t size = 2 * MIB; size <= 8 * MIB; size += 2 * MIB) {
		range_make(&ram, RAM, size);
		nr_logged = 0;
		int err = load();
		ck_assert_int_eq(err, size < 8 * MIB ? -ENOMEM : 0);
		ck_assert_uint_eq(nr_logged, err ? 1 : 0);
	}
}
END_TEST

START_TEST(file_shrinks)
{
	use_file();
	ck_assert_int_eq(ftruncate(file.fd, 100000), 0);
	ck_assert_int_lt(load(), 0);
	ck_assert_uint_eq(nr_logged, 1);
}
END_TEST

/* ---- initrd ---- */

static void load_with_initrd(uint64_t size, int expected)
{
	struct boot_file initrd = {.fd = memfd_create("initrd", MFD_CLOEXEC), .path = "some-initrd", .size = size};

	ck_assert_int_eq(ftruncate(initrd.fd, (off_t)size), 0);
	ck_assert_int_eq(pwrite(initrd.fd, "first", 5, 0), 5);
	ck_assert_int_eq(pwrite(initrd.fd, "last", 4, (off_t)size - 4), 4);
	ck_assert_int_eq(initrd_load(&mem, ram, &initrd, &image), expected);
	close(initrd.fd);
}

START_TEST(initrd_place)
{
	use_file();
	ck_assert_int_eq(load(), 0);
	uint64_t room = RAM + RAM_SIZE - image.dtb.v - BOOT_DTB_SIZE;
	load_with_initrd(12345, 0);
	ck_assert_uint_eq(range_len(image.initrd), 12345);
	ck_assert_uint_eq(image.initrd.first % 4096, 0);
	ck_assert_uint_ge(image.initrd.first, image.dtb.v + BOOT_DTB_SIZE);
	ck_assert_mem_eq(gmem_host(&mem, gpa(image.initrd.first), 5), "first", 5);
	ck_assert_mem_eq(gmem_host(&mem, gpa(image.initrd.last - 3), 4), "last", 4);
	load_with_initrd(room, 0);
	ck_assert_uint_eq(image.initrd.last, RAM + RAM_SIZE - 1);
	ck_assert_uint_eq(nr_logged, 0);
	load_with_initrd(room + 1, -ENOMEM);
	ck_assert_uint_eq(nr_logged, 1);
	ck_assert_ptr_nonnull(strstr(logged, "\"some-initrd\""));
	ck_assert_ptr_nonnull(strstr(logged, "machine.memory"));
	load_with_initrd(UINT64_C(1) << 40, -ENOMEM);
}
END_TEST

/* ---- boot_files ---- */

START_TEST(open_files)
{
	char dir[] = "/tmp/aerie-test-XXXXXX", kernel[64], initrd_path[64], fifo[64];
	struct boot_files files;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(kernel, sizeof(kernel), "%s/kernel", dir);
	snprintf(initrd_path, sizeof(initrd_path), "%s/initrd", dir);
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	int fd = open(kernel, O_CREAT | O_WRONLY, 0600);
	const struct {
		const char *kernel, *initrd;
		int err;
		const char *says;
	} cases[] = {
		{kernel, NULL, -EINVAL, "empty"},
		{dir, NULL, -EINVAL, "not a regular file"},
		{fifo, NULL, -EINVAL, "not a regular file"},
		{"/dev/null", NULL, -EINVAL, "not a regular file"},
		{initrd_path, NULL, -ENOENT, "initrd"},
		{"", NULL, -ENOENT, "kernel"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		nr_logged = 0;
		boot_files_init(&files);
		ck_assert_int_eq(boot_files_open(&files, cases[i].kernel, cases[i].initrd), cases[i].err);
		ck_assert_uint_eq(nr_logged, 1);
		ck_assert_msg(strstr(logged, cases[i].says) != NULL, "%s", logged);
		ck_assert_int_eq(files.kernel.fd, -1);
	}
	ck_assert_int_eq(write(fd, "k", 1), 1);
	nr_logged = 0;
	ck_assert_int_eq(boot_files_open(&files, kernel, initrd_path), -ENOENT);
	ck_assert_uint_eq(nr_logged, 1);
	ck_assert_int_eq(files.kernel.fd, -1); /* given back */
	ck_assert_int_eq(boot_files_open(&files, kernel, kernel), 0);
	ck_assert_uint_eq(files.initrd.size, 1);
	boot_files_close(&files);
	boot_files_close(&files);
	close(fd);
	unlink(kernel);
	unlink(fifo);
	rmdir(dir);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel_image");
	TCase *tc = tcase_create("kernel_image");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, loads, 0, ARRAY_LEN(good));
	tcase_add_test(tc, text_offset);
	tcase_add_test(tc, size_smaller_than_file);
	tcase_add_test(tc, largest_that_fits);
	tcase_add_test(tc, little_ram);
	tcase_add_test(tc, file_shrinks);
	tcase_add_test(tc, initrd_place);
	tcase_add_test(tc, open_files);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

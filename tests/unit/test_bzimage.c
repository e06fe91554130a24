/* SPDX-License-Identifier: Apache-2.0 */
/* bzImages, what only looks like one, and what the boot vCPU finds. */
#include <errno.h>
#include <string.h>

#include "acpi.h"
#include "bits.h"
#include "boot_linux.h"
#include "bzimage.h"
#include "le.h"
#include "linux_boot_regs.h"
#include "pc_kernel.h"
#include "pc_kernel_fixture.h"
#include "run_suite.h"

#define RAM_SIZE  (64 * MIB)
#define SETUP	  (5 * 512u) /* real mode code, first sector included */
#define CODE_LEN  5000u
#define INIT_SIZE (3 * MIB + 5)
#define PREFERRED (16 * MIB)

static uint8_t image[SETUP + CODE_LEN];
static size_t image_len;
static struct range ram;

static void put16(unsigned at, uint16_t v)
{
	image[at] = (uint8_t)v;
	image[at + 1] = (uint8_t)(v >> 8);
}

static void setup(void)
{
	for (unsigned i = 0; i < sizeof(image); i++)
		image[i] = (uint8_t)(i * 5 + 3);
	image_len = sizeof(image);
	image[LINUX_SETUP_SECTS] = 4;
	put16(LINUX_BOOT_FLAG, LINUX_BOOT_FLAG_VALUE);
	image[LINUX_JUMP_DISTANCE] = 0x268 - 0x202;
	memcpy(image + LINUX_MAGIC, "HdrS", 4);
	put16(LINUX_VERSION, 0x020f);
	image[LINUX_LOADFLAGS] = LINUX_LOADED_HIGH;
	put16(LINUX_XLOADFLAGS, LINUX_KERNEL_64 | LINUX_ABOVE_4G);
	le32_put(image + LINUX_INITRD_ADDR_MAX, 0x7fffffff);
	le32_put(image + LINUX_KERNEL_ALIGNMENT, 0x200000);
	image[LINUX_RELOCATABLE] = 1;
	le32_put(image + LINUX_CMDLINE_SIZE, 2047);
	le64_put(image + LINUX_PREF_ADDRESS, PREFERRED);
	le32_put(image + LINUX_INIT_SIZE, INIT_SIZE);
	ram = (struct range){0, RAM_SIZE - 1};
	pc_kernel_begin(RAM_SIZE);
}

/* Through the choice by magic, as the machine does. */
static int load(void)
{
	pc_kernel_write(image, image_len);
	file.size = image_len;
	return pc_kernel_load(&mem, ram, &file, &loaded);
}

START_TEST(good)
{
	const uint8_t *at;

	ck_assert_int_eq(load(), 0);
	ck_assert_int_eq(loaded.protocol, ARCH_BOOT_LINUX64);
	ck_assert_uint_eq(loaded.entry.v, PREFERRED + 0x200);
	ck_assert_uint_eq(loaded.range.first, PREFERRED);
	ck_assert_uint_eq(range_len(loaded.range), INIT_SIZE);
	ck_assert_uint_eq(loaded.dtb.v, 20 * MIB);
	at = gmem_host(&mem, gpa(PREFERRED), INIT_SIZE + 1);
	ck_assert_mem_eq(at, image + SETUP, CODE_LEN);
	ck_assert_uint_eq(at[CODE_LEN], 0);
	ck_assert_mem_eq(at + CODE_LEN, at + CODE_LEN + 1, INIT_SIZE - CODE_LEN - 1);
	ck_assert_uint_eq(at[INIT_SIZE], 0xaa);
	ck_assert_int_eq(pc_kernel_check(&file), 0);
}
END_TEST

/* Where it wants to be there is no room, and from anywhere lower it would move itself there (boot.rst, init_size). */
START_TEST(small_memory)
{
	ram.last = 20 * MIB - 1;
	ck_assert_int_eq(load(), -ENOMEM);
	said("needs 4 MiB to decompress itself, from 16 MiB on,.*of 20 MiB; raise machine.memory");
	nr_logged = 0;
	image[LINUX_RELOCATABLE] = 0;
	ck_assert_int_eq(load(), -ENOMEM);
	said("needs 4 MiB to decompress itself");
	ram.last = 24 * MIB - 1;
	ck_assert_int_eq(load(), 0);
}
END_TEST

/* An address that is not as aligned as the kernel wants it is the next one for a relocatable kernel; 0 is any. */
START_TEST(alignment)
{
	le64_put(image + LINUX_PREF_ADDRESS, PREFERRED + 4096);
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(loaded.range.first, PREFERRED + 2 * MIB);
	le64_put(image + LINUX_PREF_ADDRESS, 0);
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(loaded.range.first, 2 * MIB);
	le64_put(image + LINUX_PREF_ADDRESS, UINT64_MAX);
	ck_assert_int_eq(load(), -ENOMEM);
}
END_TEST

START_TEST(old_setup_size)
{
	image[LINUX_SETUP_SECTS] = 0; /* means 4 */
	ck_assert_int_eq(load(), 0);
	ck_assert_mem_eq(gmem_host(&mem, gpa(PREFERRED), CODE_LEN), image + SETUP, CODE_LEN);
}
END_TEST

static void too_old(void)
{
	put16(LINUX_VERSION, 0x020b);
}

static void low(void)
{
	image[LINUX_LOADFLAGS] = 0;
}

static void narrow(void)
{
	put16(LINUX_XLOADFLAGS, 0);
}

static void no_flag(void)
{
	put16(LINUX_BOOT_FLAG, 0);
}

static void short_header(void)
{
	image[LINUX_JUMP_DISTANCE] = 0x60;
}

static void no_code(void)
{
	image_len = SETUP + LINUX_ENTRY_64;
}

static void cut(void)
{
	image_len = LINUX_HEADER_END - 1;
}

static void odd_alignment(void)
{
	le32_put(image + LINUX_KERNEL_ALIGNMENT, 0x300000);
}

static void no_alignment(void)
{
	le32_put(image + LINUX_KERNEL_ALIGNMENT, 0);
}

static void huge(void)
{
	le32_put(image + LINUX_INIT_SIZE, UINT32_MAX);
}

static void arm64(void)
{
	memset(image, 0, 1024);
	memcpy(image + 56, "ARM\x64", 4);
}

static const struct {
	void (*change)(void);
	const char *message;
} bad[] = {
	{too_old, "version 2.11 of Linux' boot protocol, 2.12 is needed: use Linux 3.8 or newer"},
	{low, "is a zImage.*use a bzImage"},
	{narrow, "bzImage for x86 of 32 bits.*CONFIG_64BIT=y"},
	{no_flag, "first sectors are not those of a Linux kernel.*damaged"},
	{short_header, "header is too short.*damaged"},
	{no_code, "ends before its code.*damaged"},
	{cut, "is a bzImage that ends inside of its header; the x86-64 machine boots"},
	{odd_alignment, "alignment is no power of two"},
	{no_alignment, "alignment is no power of two"},
	{huge, "needs 4096 MiB.*raise machine.memory"},
	{arm64, "is an arm64 kernel \\(Image\\); the x86-64 machine boots Linux' bzImage"},
};

START_TEST(bad_files)
{
	bad[_i].change();
	ck_assert_int_lt(load(), 0);
	said(bad[_i].message);
}
END_TEST

/* An initrd that the kernel would not find is refused. */
START_TEST(initrd_too_high)
{
	struct boot_file initrd = {.fd = memfd_create("initrd", MFD_CLOEXEC), .path = "rd", .size = 2 * MIB};

	ck_assert_int_eq(ftruncate(initrd.fd, (off_t)initrd.size), 0);
	ck_assert_int_eq(load(), 0);
	ck_assert_int_eq(initrd_load(&mem, ram, &initrd, &loaded), 0);
	ck_assert_uint_eq(loaded.initrd.first, 22 * MIB);
	put16(LINUX_XLOADFLAGS, LINUX_KERNEL_64);
	le32_put(image + LINUX_INITRD_ADDR_MAX, 24 * MIB - 1);
	ck_assert_int_eq(load(), 0);
	ck_assert_int_eq(initrd_load(&mem, ram, &initrd, &loaded), 0);
	le32_put(image + LINUX_INITRD_ADDR_MAX, 24 * MIB - 2);
	ck_assert_int_eq(load(), 0);
	ck_assert_int_eq(initrd_load(&mem, ram, &initrd, &loaded), -EFBIG);
	said("initrd \"rd\" would end above");
	close(initrd.fd);
}
END_TEST

/* --- tables --- */

static uint64_t rd64(uint64_t at)
{
	return le64_at(gmem_host(&mem, gpa(at), 8));
}

START_TEST(boot_tables)
{
	const struct boot_info info = {.cmdline = "console=ttyS0",
				       .initrd = {24 * MIB, 24 * MIB + 99},
				       .rsdp = gpa(BOOT_LOW_RSDP),
				       .ecam = {0xe0000000, 0xefffffff}};
	static const uint64_t want[][3] = {
		{0, 0xa0000, 1}, {0xa0000, 0x60000, 2}, {MIB, RAM_SIZE - MIB, 1}, {0xe0000000, 0x10000000, 2}};
	const uint8_t *p;
	gpa_t tables;

	ck_assert_int_eq(load(), 0);
	ck_assert_int_eq(boot_linux_write(&mem, &info, &loaded, &tables), 0);
	p = gmem_host(&mem, tables, 4096);
	ck_assert_mem_eq(p + LINUX_MAGIC, "HdrS", 4);
	ck_assert_uint_eq(p[LINUX_TYPE_OF_LOADER], 0xff);
	ck_assert_uint_eq(le32_at(p + LINUX_INIT_SIZE), INIT_SIZE);
	ck_assert_uint_eq(p[0x268], 0); /* behind the header: nothing of the file's */
	ck_assert_uint_eq(le32_at(p + LINUX_CODE32_START), PREFERRED);
	ck_assert_uint_eq(le32_at(p + LINUX_RAMDISK_IMAGE), 24 * MIB);
	ck_assert_uint_eq(le32_at(p + LINUX_RAMDISK_SIZE), 100);
	ck_assert_uint_eq(le64_at(p + LINUX_ACPI_RSDP), 0xe0000);
	ck_assert_str_eq(gmem_host(&mem, gpa(le32_at(p + LINUX_CMD_LINE_PTR)), 14), "console=ttyS0");
	ck_assert_uint_eq(p[LINUX_E820_ENTRIES], ARRAY_LEN(want));
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		const uint8_t *e = p + LINUX_E820_TABLE + i * 20;

		ck_assert_uint_eq(le64_at(e), want[i][0]);
		ck_assert_uint_eq(le64_at(e + 8), want[i][1]);
		ck_assert_uint_eq(le32_at(e + 16), want[i][2]);
	}
}
END_TEST

/* Every address below 4 GiB leads to itself, by a walk as the CPU does it; writable, present, 2 MiB. */
START_TEST(page_tables)
{
	const struct boot_info info = {.cmdline = ""};
	gpa_t tables;

	ck_assert_int_eq(load(), 0);
	ck_assert_int_eq(boot_linux_write(&mem, &info, &loaded, &tables), 0);
	for (uint64_t va = 0; va < UINT64_C(1) << 32; va += 2 * MIB) {
		uint64_t e = BOOT_LOW_PAGE_TABLES;

		for (unsigned shift = 39; shift >= 21; shift -= 9) {
			e = rd64((e & ~UINT64_C(0xfff)) + (va >> shift & 0x1ff) * 8);
			ck_assert_uint_eq(e & 3, 3);
		}
		ck_assert_uint_eq(e & 0x80, 0x80);
		ck_assert_uint_eq(e >> 21 << 21, va >> 21 << 21);
	}
	ck_assert_uint_eq(rd64(BOOT_LOW_PAGE_TABLES + 8), 0);
	/* Code: long mode, execute and read; data: read and write; both flat. */
	ck_assert_uint_eq(rd64(BOOT_LOW_GDT + 0x10), UINT64_C(0x00af9b000000ffff));
	ck_assert_uint_eq(rd64(BOOT_LOW_GDT + 0x18), UINT64_C(0x00cf93000000ffff));
}
END_TEST

START_TEST(long_cmdline)
{
	static char cmdline[2049];
	struct boot_info info = {.cmdline = cmdline};
	gpa_t tables;

	ck_assert_int_eq(load(), 0);
	memset(cmdline, 'a', 2047);
	ck_assert_int_eq(boot_linux_write(&mem, &info, &loaded, &tables), 0);
	cmdline[2047] = 'a';
	ck_assert_int_eq(boot_linux_write(&mem, &info, &loaded, &tables), -E2BIG);
	said("has 2048 bytes, this kernel takes 2047; shorten boot.cmdline");
}
END_TEST

START_TEST(acpi_place)
{
	static uint8_t much[BOOT_LOW_BIOS - BOOT_LOW_ACPI + 1];
	struct acpi_blobs blobs = {.tables = much, .tables_len = sizeof(much)};
	gpa_t rsdp;

	ck_assert_int_eq(boot_low_acpi(&mem, &blobs, &rsdp), -ENOSPC);
	said("ACPI tables have 130993 bytes.*use fewer vCPUs");
	blobs.tables_len--;
	ck_assert_int_eq(boot_low_acpi(&mem, &blobs, &rsdp), 0);
	ck_assert_uint_eq(rsdp.v, BOOT_LOW_RSDP);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bzimage");
	TCase *tc = tcase_create("bzimage");

	tcase_add_checked_fixture(tc, setup, pc_kernel_end);
	tcase_add_test(tc, good);
	tcase_add_test(tc, small_memory);
	tcase_add_test(tc, alignment);
	tcase_add_test(tc, old_setup_size);
	tcase_add_loop_test(tc, bad_files, 0, ARRAY_LEN(bad));
	tcase_add_test(tc, initrd_too_high);
	tcase_add_test(tc, boot_tables);
	tcase_add_test(tc, page_tables);
	tcase_add_test(tc, long_cmdline);
	tcase_add_test(tc, acpi_place);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

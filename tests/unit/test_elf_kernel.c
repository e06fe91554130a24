/* SPDX-License-Identifier: Apache-2.0 */
/* ELF kernels with a PVH note, what is not one, and the tables that the boot vCPU finds. */
#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "bits.h"
#include "boot_pvh.h"
#include "elf_kernel.h"
#include "pc_kernel_fixture.h"
#include "pvh_regs.h"
#include "run_suite.h"

#define RAM_SIZE (32 * MIB)
#define TEXT	 (2 * MIB) /* physical address of the first segment */
#define TEXT_LEN 5000u
#define BSS_LEN	 (MIB + 77)
#define ENTRY	 (TEXT + 0x40)

/* The file that each test starts from. */
static struct {
	Elf64_Ehdr h;
	Elf64_Phdr ph[3]; /* text, note, stack */
	struct {
		Elf64_Nhdr h;
		char name[4];
		uint32_t entry[2]; /* Linux' note has 8 bytes */
	} note;
	uint8_t text[TEXT_LEN];
} image;

static const struct range ram = {0, RAM_SIZE - 1};

static void setup(void)
{
	const Elf64_Ehdr h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			      .e_type = htole16(ET_EXEC),
			      .e_machine = htole16(EM_X86_64),
			      .e_phoff = htole64(sizeof(h)),
			      .e_phentsize = htole16(sizeof(Elf64_Phdr)),
			      .e_phnum = htole16(3)};

	memset(&image, 0, sizeof(image));
	image.h = h;
	image.ph[0] = (Elf64_Phdr){.p_type = htole32(PT_LOAD),
				   .p_offset = htole64(offsetof(typeof(image), text)),
				   .p_vaddr = htole64(0xffffffff81000000),
				   .p_paddr = htole64(TEXT),
				   .p_filesz = htole64(TEXT_LEN),
				   .p_memsz = htole64(BSS_LEN)};
	image.ph[1] = (Elf64_Phdr){.p_type = htole32(PT_NOTE),
				   .p_offset = htole64(offsetof(typeof(image), note)),
				   .p_filesz = htole64(sizeof(image.note))};
	image.ph[2] = (Elf64_Phdr){.p_type = htole32(PT_GNU_STACK), .p_offset = ~0ull, .p_filesz = ~0ull};
	image.note.h = (Elf64_Nhdr){.n_namesz = htole32(4), .n_descsz = htole32(8), .n_type = htole32(18)};
	memcpy(image.note.name, "Xen", 4);
	image.note.entry[0] = htole32(ENTRY);
	for (unsigned i = 0; i < TEXT_LEN; i++)
		image.text[i] = (uint8_t)(i * 7 + 1);
	pc_kernel_begin(RAM_SIZE);
	file.size = sizeof(image);
}

static int load(void)
{
	pc_kernel_write(&image, sizeof(image));
	return elf_kernel_load(&mem, ram, &file, &loaded);
}

START_TEST(good)
{
	const uint8_t *text;

	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(loaded.entry.v, ENTRY);
	ck_assert_uint_eq(loaded.range.first, TEXT);
	ck_assert_uint_eq(loaded.range.last, TEXT + BSS_LEN - 1);
	ck_assert_uint_eq(loaded.dtb.v, 4 * MIB);
	text = gmem_host(&mem, gpa(TEXT), BSS_LEN + 1);
	ck_assert_mem_eq(text, image.text, TEXT_LEN);
	unsigned set = 0;
	for (unsigned i = TEXT_LEN; i < BSS_LEN; i++)
		set += text[i] != 0;
	ck_assert_uint_eq(set, 0);
	ck_assert_uint_eq(text[BSS_LEN], 0xaa);
	ck_assert_int_eq(elf_kernel_check(&file), 0);
	ck_assert_uint_eq(nr_logged, 0);
}
END_TEST

static void other_note(void)
{
	/* GNU's note of the same number, before ours in the same segment */
	memmove(image.text, &image.note, sizeof(image.note));
	memcpy(image.note.name, "GNU", 4);
	image.ph[1].p_filesz = htole64(2 * sizeof(image.note));
}

static void in_two_segments(void)
{
	image.ph[2] = image.ph[0];
	image.ph[2].p_paddr = htole64(8 * MIB);
	image.ph[2].p_memsz = htole64(TEXT_LEN);
}

static void without_file(void)
{
	image.ph[2] = (Elf64_Phdr){.p_type = htole32(PT_LOAD), .p_paddr = htole64(9 * MIB), .p_memsz = htole64(16)};
}

START_TEST(segments)
{
	in_two_segments();
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(loaded.range.first, TEXT);
	ck_assert_uint_eq(loaded.range.last, 8 * MIB + TEXT_LEN - 1);
	ck_assert_uint_eq(loaded.dtb.v, 10 * MIB);
	without_file();
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(loaded.range.last, 9 * MIB + 15);
	other_note();
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(loaded.entry.v, ENTRY);
}
END_TEST

/* --- what is refused --- */

static void class32(void)
{
	image.h.e_ident[EI_CLASS] = ELFCLASS32;
	image.h.e_machine = htole16(EM_386);
}
static void big_endian(void)
{
	image.h.e_ident[EI_DATA] = ELFDATA2MSB;
}
static void for_arm64(void)
{
	image.h.e_machine = htole16(EM_AARCH64);
}
static void relocatable(void)
{
	image.h.e_type = htole16(ET_REL);
}
static void no_segments(void)
{
	image.h.e_phnum = 0;
}
static void many_headers(void)
{
	image.h.e_phnum = htole16(ELF_KERNEL_MAX_HEADERS + 1);
}
static void odd_headers(void)
{
	image.h.e_phentsize = htole16(32);
}
static void headers_outside(void)
{
	image.h.e_phoff = htole64(sizeof(image) - 100);
}
static void headers_wrap(void)
{
	image.h.e_phoff = htole64(UINT64_MAX - 10);
}
static void no_note(void)
{
	image.ph[1].p_type = htole32(PT_NULL);
}
static void wrong_name(void)
{
	memcpy(image.note.name, "Xem", 4);
}
static void wrong_type(void)
{
	image.note.h.n_type = htole32(17);
}
static void note_cut(void)
{
	image.ph[1].p_filesz = htole64(sizeof(image.note) - 8);
}
static void note_huge_name(void)
{
	image.note.h.n_namesz = htole32(UINT32_MAX);
}
static void note_huge_desc(void)
{
	image.note.h.n_descsz = htole32(UINT32_MAX - 2);
}
static void note_small_desc(void)
{
	image.note.h.n_descsz = htole32(2);
}
static void note_long(void)
{
	image.ph[1].p_filesz = htole64(ELF_KERNEL_MAX_NOTES + 1);
	file.size = 1 << 20;
}
static void offset_outside(void)
{
	image.ph[0].p_offset = htole64(sizeof(image) + 1);
}
static void size_outside(void)
{
	image.ph[0].p_filesz = htole64(sizeof(image));
}
static void offset_wraps(void)
{
	image.ph[0].p_offset = htole64(UINT64_MAX - 100);
}
static void memory_smaller(void)
{
	image.ph[0].p_memsz = htole64(TEXT_LEN - 1);
}
static void memory_wraps(void)
{
	image.ph[0].p_paddr = htole64(UINT64_MAX - 100);
}
static void low(void)
{
	image.ph[0].p_paddr = htole64(MIB - 1);
}
static void high(void)
{
	image.ph[0].p_paddr = htole64(RAM_SIZE - MIB);
}
static void too_far(void)
{
	image.ph[0].p_paddr = htole64(UINT64_C(1) << 40);
}
static void no_room_for_tree(void)
{
	image.ph[0].p_memsz = htole64(RAM_SIZE - TEXT - 4 * MIB + 1);
}
static void entry_outside(void)
{
	image.note.entry[0] = htole32(TEXT + BSS_LEN);
}
static void arm64_image(void)
{
	memset(&image.h, 0, sizeof(image.h));
	memcpy((uint8_t *)&image + 56, "ARM\x64", 4);
}
static void bzimage(void)
{
	memset(&image, 0, sizeof(image));
	memcpy((uint8_t *)&image + 0x202, "HdrS", 4);
}
static void garbage(void)
{
	memset(&image.h, 'x', sizeof(image.h));
}

static const struct {
	void (*spoil)(void);
	const char *message;
} bad[] = {
	{class32, "ELF file for x86 of 32 bits; .*vmlinux, built with CONFIG_PVH=y"},
	{big_endian, "big-endian"},
	{for_arm64, "ELF file for arm64"},
	{relocatable, "not linked"},
	{no_segments, "without segments"},
	{many_headers, "65 program headers"},
	{odd_headers, "of 32 bytes"},
	{headers_outside, "cannot read"},
	{headers_wrap, "cannot read"},
	{no_note, "no PVH note \\(XEN_ELFNOTE_PHYS32_ENTRY\\); .*CONFIG_PVH=y"},
	{wrong_name, "no PVH note"},
	{wrong_type, "no PVH note"},
	{note_cut, "no PVH note"},
	{note_huge_name, "no PVH note"},
	{note_huge_desc, "no PVH note"},
	{note_small_desc, "no PVH note"},
	{note_long, "more than 64 KiB"},
	{offset_outside, "beyond the end of the file \\(program header 0\\)"},
	{size_outside, "beyond the end"},
	{offset_wraps, "beyond the end"},
	{memory_smaller, "larger than its memory"},
	{memory_wraps, "larger than its memory"},
	{low, "1 MiB or more"},
	{high, "does not fit .* raise machine.memory"},
	{too_far, "does not fit"},
	{no_room_for_tree, "does not fit"},
	{entry_outside, "in no segment"},
	{arm64_image, "arm64 kernel \\(Image\\)"},
	{bzimage, "bzImage that ends inside of its header"},
	{garbage, "unknown format"},
};

START_TEST(refused)
{
	bad[_i].spoil();
	ck_assert_int_lt(load(), 0);
	said(bad[_i].message);
}
END_TEST

START_TEST(short_file)
{
	for (size_t size = 1; size < sizeof(image) - TEXT_LEN; size += 13) {
		pc_kernel_write(&image, size);
		file.size = size;
		nr_logged = 0;
		ck_assert_int_lt(elf_kernel_load(&mem, ram, &file, &loaded), 0);
		ck_assert_uint_eq(nr_logged, 1);
	}
}
END_TEST

START_TEST(initrd)
{
	struct boot_file rd = {.fd = file.fd, .path = "rd", .size = sizeof(image)};

	ck_assert_int_eq(load(), 0);
	ck_assert_int_eq(initrd_load(&mem, ram, &rd, &loaded), 0);
	ck_assert_uint_eq(loaded.initrd.first, 6 * MIB);
	rd.size = RAM_SIZE;
	ck_assert_int_eq(initrd_load(&mem, ram, &rd, &loaded), -ENOMEM);
	said("initrd \"rd\" does not fit .* raise machine.memory");
	/* Memory behind the hole: more of it would not help. */
	ck_assert_int_eq(gmem_add(&mem, gpa(UINT64_C(4) << 30), 2 * MIB, GMEM_PAGES_NORMAL), 0);
	nr_logged = 0;
	ck_assert_int_eq(initrd_load(&mem, ram, &rd, &loaded), -ENOMEM);
	said("initrd \"rd\" of [0-9]+ MiB does not fit beside the kernel .*; use a smaller one");
}
END_TEST

/* --- tables --- */

static const void *at(uint64_t addr, size_t n)
{
	return gmem_host(&mem, gpa(le64toh(addr)), n);
}

START_TEST(boot_tables)
{
	const struct boot_info boot = {.cmdline = "console=ttyS0",
				       .initrd = {0x600000, 0x600fff},
				       .dtb = {0x400000, 0x400123},
				       .rsdp = gpa(0xe0000),
				       .ecam = {0xe0000000, 0xefffffff}};
	const struct pvh_start_info *info;
	const struct pvh_module *module;
	const struct pvh_memory *map;
	gpa_t tables;

	ck_assert_int_eq(gmem_add(&mem, gpa(UINT64_C(4) << 30), MIB, GMEM_PAGES_NORMAL), 0);
	ck_assert_int_eq(boot_pvh_write(&mem, &boot, &tables), 0);
	info = gmem_host(&mem, tables, sizeof(*info));
	ck_assert_uint_eq(le32toh(info->magic), 0x336ec578);
	ck_assert_uint_eq(le32toh(info->version), 1);
	ck_assert_uint_eq(le32toh(info->nr_modules), 2);
	ck_assert_uint_eq(le64toh(info->rsdp), 0xe0000);
	ck_assert_str_eq(at(info->cmdline, 14), "console=ttyS0");
	module = at(info->modules, 2 * sizeof(*module));
	ck_assert_uint_eq(le64toh(module[0].address), 0x600000);
	ck_assert_uint_eq(le64toh(module[0].size), 0x1000);
	ck_assert_uint_eq(le64toh(module[1].address), 0x400000);
	ck_assert_uint_eq(le64toh(module[1].size), 0x124);
	const struct pvh_memory want[] = {{0, 0xa0000, 1, 0},
					  {0xa0000, 0x60000, 2, 0},
					  {MIB, RAM_SIZE - MIB, 1, 0},
					  {0xe0000000, 0x10000000, 2, 0},
					  {UINT64_C(4) << 30, MIB, 1, 0}};
	ck_assert_uint_eq(le32toh(info->memmap_entries), ARRAY_LEN(want));
	map = at(info->memmap, sizeof(want));
	ck_assert_mem_eq(map, want, sizeof(want));
}
END_TEST

/* Linux takes the first module for its initrd. */
START_TEST(boot_tables_no_initrd)
{
	const struct boot_info boot = {.cmdline = "", .dtb = {0x400000, 0x400123}};
	const struct pvh_start_info *info;
	const struct pvh_module *module;
	gpa_t tables;

	ck_assert_int_eq(boot_pvh_write(&mem, &boot, &tables), 0);
	info = gmem_host(&mem, tables, sizeof(*info));
	ck_assert_uint_eq(le32toh(info->nr_modules), 2);
	module = at(info->modules, 2 * sizeof(*module));
	ck_assert_uint_eq(module[0].size, 0);
	ck_assert_uint_eq(le64toh(module[1].address), 0x400000);
}
END_TEST

START_TEST(boot_tables_bad)
{
	static char cmdline[BOOT_LOW_CMDLINE_MAX + 1];
	struct boot_info boot = {.cmdline = cmdline, .dtb = {0x400000, 0x400123}};
	struct gmem small;
	gpa_t tables;

	memset(cmdline, 'a', BOOT_LOW_CMDLINE_MAX - 1);
	ck_assert_int_eq(boot_pvh_write(&mem, &boot, &tables), 0);
	cmdline[BOOT_LOW_CMDLINE_MAX - 1] = 'a';
	ck_assert_int_eq(boot_pvh_write(&mem, &boot, &tables), -E2BIG);
	said("shorten boot.cmdline");
	nr_logged = 0;
	boot.cmdline = "";
	gmem_init(&small);
	ck_assert_int_eq(gmem_add(&small, gpa(0), 0x7000, GMEM_PAGES_NORMAL), 0);
	ck_assert_int_eq(boot_pvh_write(&small, &boot, &tables), -EFAULT);
	said("too small");
	gmem_fini(&small);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("elf_kernel");
	TCase *tc = tcase_create("elf_kernel");

	tcase_add_checked_fixture(tc, setup, pc_kernel_end);
	tcase_add_test(tc, good);
	tcase_add_test(tc, segments);
	tcase_add_loop_test(tc, refused, 0, ARRAY_LEN(bad));
	tcase_add_test(tc, short_file);
	tcase_add_test(tc, initrd);
	tcase_add_test(tc, boot_tables);
	tcase_add_test(tc, boot_tables_no_initrd);
	tcase_add_test(tc, boot_tables_bad);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Machines that boot through firmware: flash, fw_cfg and device tree as EDK2 finds them, and files that are no
 * firmware. */
#include <endian.h>
#include <fcntl.h>
#include <libfdt.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "acpi_loader.h"
#include "acpi_loader_regs.h"
#include "flash_regs.h"
#include "fw_cfg_regs.h"
#include "machine_fixture.h"
#include "machine_priv.h"
#include "sys.h"

#define KIB 1024u

static char folder[] = "/tmp/aerie-firmware-XXXXXX";
static char code[64], vars[64], other[64];

/* @len bytes: @head, and @fill behind. */
static void put_file(const char *path, const void *head, size_t head_len, unsigned char fill, size_t len)
{
	unsigned char *bytes = malloc(len ? len : 1);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert(bytes && fd >= 0);
	memset(bytes, fill, len);
	memcpy(bytes, head, head_len);
	ck_assert_int_eq((int)write(fd, bytes, len), (int)len);
	close(fd);
	free(bytes);
}

static void firmware_yaml(const char *boot)
{
	snprintf(yaml, sizeof(yaml),
		 "version: 1\nname: fw\nmachine: { cpus: 2, memory: 64M }\nboot: %s\nconsole: { type: none }\n", boot);
}

static void host(void)
{
	fake_reset();
	fake_kvm_install();
}

static void setup(void)
{
	char boot[256];

	machine_fixture_begin();
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(code, sizeof(code), "%s/code", folder);
	snprintf(vars, sizeof(vars), "%s/vars", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	put_file(code, "\x00\x04\x00\x14", 4, 0xff, 300 * KIB);
	put_file(vars, "", 0, 0, 768 * KIB);
	snprintf(boot, sizeof(boot), "{ firmware: %s, vars: %s }", code, vars);
	firmware_yaml(boot);
	host();
}

static void teardown(void)
{
	unlink(code);
	unlink(vars);
	unlink(other);
	rmdir(folder);
	machine_fixture_end();
}

/* The slot at @base; false: none. */
static bool slot_at(uint64_t base, struct kvm_userspace_memory_region *r)
{
	for (unsigned i = 0; i < 16; i++)
		if (fake_kvm_slot(i, r) && r->guest_phys_addr == base)
			return true;
	return false;
}

static uint64_t rd(struct machine *m, uint64_t addr, uint8_t size)
{
	uint64_t value;

	bus_read(&m->vm.bus, addr, size, &value);
	return value;
}

static void cmd(struct machine *m, uint64_t offset, uint32_t code_)
{
	bus_write(&m->vm.bus, arch_layout.flash_vars.first + offset, 4, code_ << 16 | code_);
}

static uint8_t in_file(const char *path, off_t offset)
{
	uint8_t byte = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq((int)pread(fd, &byte, 1, offset), 1);
	close(fd);
	return byte;
}

START_TEST(banks)
{
	struct kvm_userspace_memory_region r;
	struct machine *m;
	struct config *config;
	const uint64_t base = arch_layout.flash_vars.first;

	ck_assert_int_eq(machine_make(&m, &config), 0);
	/* Code: whole blocks, read-only, the file and zeroes. */
	ck_assert(slot_at(arch_layout.flash_code.first, &r));
	ck_assert_uint_eq(r.flags, KVM_MEM_READONLY);
	ck_assert_uint_eq(r.memory_size, 512 * KIB);
	ck_assert_mem_eq((void *)(uintptr_t)r.userspace_addr, "\x00\x04\x00\x14\xff", 5);
	ck_assert_uint_eq(((uint8_t *)(uintptr_t)r.userspace_addr)[300 * KIB], 0);
	/* Variables are memory too, and cease to be it for a command. */
	ck_assert(slot_at(base, &r));
	ck_assert_uint_eq(r.flags, KVM_MEM_READONLY);
	ck_assert_uint_eq(r.memory_size, 768 * KIB);
	cmd(m, 0, FLASH_CMD_ERASE);
	ck_assert(!slot_at(base, &r));
	cmd(m, 0, FLASH_CMD_CONFIRM);
	ck_assert_uint_eq(rd(m, base, 4), 0x00800080);
	ck_assert(!slot_at(base, &r)); /* that was the status */
	ck_assert_uint_eq(in_file(vars, 0), 0xff);
	ck_assert_uint_eq(in_file(vars, FLASH_BLOCK_SIZE), 0);
	cmd(m, 0x10, FLASH_CMD_PROGRAM);
	bus_write(&m->vm.bus, base + 0x10, 4, 0x12345678);
	ck_assert_uint_eq(in_file(vars, 0x10), 0x78);
	ck_assert(!slot_at(base, &r));
	cmd(m, 0, FLASH_CMD_READ_ARRAY);
	ck_assert(slot_at(base, &r));
	ck_assert_mem_eq((void *)(uintptr_t)(r.userspace_addr + 0x10), "\x78\x56\x34\x12", 4);
	cmd(m, 0, FLASH_CMD_READ_ID);
	ck_assert(!slot_at(base, &r));
	ck_assert_int_eq(machine_reset(m), 0);
	ck_assert(slot_at(base, &r));
	machine_unmake(&m, config);
	ck_assert_uint_eq(nr_messages, 0);
}
END_TEST

START_TEST(life)
{
	ck_assert_int_eq(machine_life(NULL), 0);
	ck_assert_uint_eq(nr_messages, 0);
}
END_TEST

START_TEST(fail_nth)
{
	static const char *const passing[] = {"ioctl KVM_CHECK_EXTENSION", "ioctl KVM_ENABLE_CAP", "ioctl KVM_IRQ_LINE",
					      "ioctl KVM_RUN", NULL};

	machine_fail_nth(host, NULL, passing, NULL);
}
END_TEST

/* What the firmware finds when it starts: CPU at the flash, tree at the start of RAM. */
START_TEST(start)
{
	struct arch_boot boot;
	struct fdt_header header;
	struct machine *m;
	struct config *config;
	static char blob[64 * KIB];
	const fdt64_t *reg;
	int at, len;

	ck_assert_int_eq(machine_make(&m, &config), 0);
	ck_assert_int_eq(machine_load(m, &boot), 0);
	ck_assert_uint_eq(boot.entry.v, 0);
	ck_assert_uint_eq(boot.tables.v, arch_layout.ram_base);
	ck_assert_int_eq(gmem_read(&m->vm.gmem, boot.tables, &header, sizeof(header)), 0);
	ck_assert_uint_le(fdt_totalsize(&header), sizeof(blob));
	gmem_read(&m->vm.gmem, boot.tables, blob, fdt_totalsize(&header));
	ck_assert_int_eq(fdt_check_full(blob, sizeof(blob)), 0);
	at = fdt_node_offset_by_compatible(blob, -1, "cfi-flash");
	ck_assert_int_ge(at, 0);
	reg = fdt_getprop(blob, at, "reg", &len);
	ck_assert_int_eq(len, 32);
	ck_assert_uint_eq(fdt64_ld(&reg[0]), 0);
	ck_assert_uint_eq(fdt64_ld(&reg[2]), 0x04000000); /* EDK2's PcdFlashNvStorageVariableBase */
	ck_assert_uint_eq(fdt64_ld(&reg[3]), 768 * KIB);
	ck_assert_int_ge(fdt_node_offset_by_compatible(blob, -1, "qemu,fw-cfg-mmio"), 0);
	machine_unmake(&m, config);
}
END_TEST

static uint32_t item32(struct machine *m, uint16_t key)
{
	bus_write(&m->vm.bus, arch_layout.fw_cfg_base + FW_CFG_REG_SELECTOR, 2, htobe16(key));
	return (uint32_t)rd(m, arch_layout.fw_cfg_base, 4);
}

START_TEST(kernel_beside)
{
	static unsigned char pe[256] = "MZ";
	struct machine *m;
	struct config *config;
	char boot[320];

	pe[60] = 0x40;
	memcpy(pe + 0x40, "PE\0", 4);
	put_file(other, pe, sizeof(pe), 0, 1000);
	snprintf(boot, sizeof(boot), "{ firmware: %s, kernel: %s, initrd: %s, cmdline: quiet }", code, other, code);
	firmware_yaml(boot);
	ck_assert_int_eq(machine_make(&m, &config), 0);
	ck_assert_uint_eq(item32(m, FW_CFG_KERNEL_SIZE), 1000);
	ck_assert_uint_eq(item32(m, FW_CFG_KERNEL_DATA) & 0xffff, 0x5a4d);
	ck_assert_uint_eq(item32(m, FW_CFG_INITRD_SIZE), 300 * KIB);
	ck_assert_uint_eq(item32(m, FW_CFG_INITRD_DATA), 0x14000400);
	ck_assert_uint_eq(item32(m, FW_CFG_CMDLINE_SIZE), 6);
	ck_assert_uint_eq(item32(m, FW_CFG_CMDLINE_DATA), 0x65697571); /* "quie" */
	machine_unmake(&m, config);
	/* A kernel that the firmware could not start. */
	snprintf(boot, sizeof(boot), "{ firmware: %s, kernel: %s }", code, code);
	firmware_yaml(boot);
	ck_assert_int_eq(machine_make(&m, &config), -ENOEXEC);
	said("^cannot hand the kernel \".*code\" to the firmware: it is no EFI program; use");
}
END_TEST

/* --- the firmware's side of the table loader (EDK2 QemuFwCfgAcpi.c): blobs at addresses of its choice --- */

#define TABLES_AT UINT64_C(0x40200000)

static uint8_t rsdp[64], tables[64 * KIB];
static size_t tables_len;

/* Reads a file of the directory; returns its length. */
static size_t fetch(struct machine *m, const char *name, void *to, size_t cap)
{
	struct fw_cfg_file file = {0};
	uint32_t files = be32toh(item32(m, FW_CFG_FILE_DIR));

	for (uint32_t i = 0; i < files; i++) {
		uint8_t *bytes = (uint8_t *)&file;

		for (size_t b = 0; b < sizeof(file); b++)
			bytes[b] = (uint8_t)rd(m, arch_layout.fw_cfg_base, 1);
		if (strcmp(file.name, name) == 0)
			break;
	}
	ck_assert_str_eq(file.name, name);
	size_t len = be32toh(file.size);

	ck_assert_uint_le(len, cap);
	bus_write(&m->vm.bus, arch_layout.fw_cfg_base + FW_CFG_REG_SELECTOR, 2, file.key);
	for (size_t b = 0; b < len; b++)
		((uint8_t *)to)[b] = (uint8_t)rd(m, arch_layout.fw_cfg_base, 1);
	return len;
}

static uint8_t *blob(const char *name)
{
	if (strcmp(name, ACPI_LOADER_RSDP) == 0)
		return rsdp;
	ck_assert_str_eq(name, ACPI_LOADER_TABLES);
	return tables;
}

static uint8_t sum_of(const uint8_t *bytes, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return sum;
}

static void perform(const struct acpi_loader_entry *e)
{
	uint64_t value = 0;

	switch (e->command) {
	case ACPI_LOADER_ALLOCATE:
		ck_assert_ptr_nonnull(blob(e->allocate.file));
		ck_assert(e->allocate.align <= 4096 && (e->allocate.align & (e->allocate.align - 1)) == 0);
		break;
	case ACPI_LOADER_ADD_POINTER:
		ck_assert_str_eq(e->pointer.to, ACPI_LOADER_TABLES);
		memcpy(&value, blob(e->pointer.file) + e->pointer.offset, e->pointer.size);
		ck_assert_uint_lt(value, tables_len); /* EDK2 refuses others */
		value += TABLES_AT;
		memcpy(blob(e->pointer.file) + e->pointer.offset, &value, e->pointer.size);
		break;
	case ACPI_LOADER_ADD_CHECKSUM: {
		uint8_t *bytes = blob(e->checksum.file);

		bytes[e->checksum.offset] = (uint8_t)-sum_of(bytes + e->checksum.start, e->checksum.length);
		break;
	}
	default:
		ck_abort_msg("command %u", e->command);
	}
}

static uint64_t le(const uint8_t *from, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)from[i] << (8 * i);
	return value;
}

static const uint8_t *table_at(uint64_t address)
{
	ck_assert(address >= TABLES_AT && address < TABLES_AT + tables_len - 36);
	const uint8_t *table = tables + (address - TABLES_AT);

	ck_assert_uint_le(le(table + 4, 4), tables_len - (address - TABLES_AT));
	ck_assert_uint_eq(sum_of(table, le(table + 4, 4)), 0);
	return table;
}

/* Every table is reached from the RSDP, and all sums are right where the firmware has put them. */
START_TEST(acpi_tables)
{
	static struct acpi_loader_entry script[64];
	struct machine *m;
	struct config *config;
	unsigned found = 0;

	ck_assert_int_eq(machine_make(&m, &config), 0);
	size_t rsdp_len = fetch(m, ACPI_LOADER_RSDP, rsdp, sizeof(rsdp));
	tables_len = fetch(m, ACPI_LOADER_TABLES, tables, sizeof(tables));
	size_t len = fetch(m, ACPI_LOADER_SCRIPT, script, sizeof(script));

	ck_assert_uint_eq(len % sizeof(script[0]), 0);
	for (size_t i = 0; i < len / sizeof(script[0]); i++)
		perform(&script[i]);
	ck_assert_mem_eq(rsdp, "RSD PTR ", 8);
	ck_assert_uint_eq(sum_of(rsdp, 20), 0);
	ck_assert_uint_eq(sum_of(rsdp, rsdp_len), 0);
	const uint8_t *xsdt = table_at(le(rsdp + 24, 8));

	ck_assert_mem_eq(xsdt, "XSDT", 4);
	for (uint64_t at = 36; at < le(xsdt + 4, 4); at += 8) {
		const uint8_t *table = table_at(le(xsdt + at, 8));

		if (memcmp(table, "FACP", 4) == 0)
			ck_assert_mem_eq(table_at(le(table + 140, 8)), "DSDT", 4);
		found++;
	}
	ck_assert_uint_ge(found, 5); /* FADT, MADT, GTDT, MCFG, IORT at least */
	/* Devices that are made last, too. */
	ck_assert_ptr_nonnull(memmem(tables, tables_len, "PWRB", 4));
	ck_assert_ptr_nonnull(memmem(tables, tables_len, "GED0", 4));
	machine_unmake(&m, config);
	ck_assert_uint_eq(nr_messages, 0);
}
END_TEST

static const char zeroes[512];
static const char erased[256 * KIB] = {[0 ... 256 * KIB - 1] = '\xff'};

static const struct {
	const char *head;
	size_t head_len;
	unsigned char fill;
	size_t len;
	bool as_vars;
	const char *says;
} bad_files[] = {
	{"\x7f"
	 "ELF",
	 4, 1, 512 * KIB, false, "firmware: it is an ELF file"},
	{"QFI\xfb", 4, 1, 512 * KIB, false, "firmware: it is a qcow2 image; convert it"},
	{"\x1f\x8b", 2, 1, 512 * KIB, false, "firmware: it is compressed by gzip; unpack it"},
	{"MZ", 2, 1, 512 * KIB, false, "firmware: it is an EFI program"},
	{"", 0, 0, 512 * KIB, false, "firmware: it does not begin with an instruction"},
	{"", 0, 0xff, 512 * KIB, false, "firmware: it does not begin with an instruction"},
	{"\x01", 1, 1, 100 * KIB, false, "firmware: it is smaller than 256 KiB"},
	{"", 0, 0, 0, false, "firmware: it is smaller than 256 KiB"},
	{"\x01", 1, 1, 64 * KIB *KIB + 4, false, "firmware: it does not fit the flash of 64 MiB"},
	{"", 0, 0, 100 * KIB, true, "variables: it is smaller than 256 KiB"},
	{"", 0, 0, 300 * KIB, true, "variables: it has a size that is no multiple of 256 KiB"},
	{"\x01\x02", 2, 3, 768 * KIB, true, "variables: it is no store of UEFI variables"},
	{zeroes, sizeof(zeroes), 3, 768 * KIB, true, "variables: it is no store of UEFI variables"}, /* a disk? */
	{erased, sizeof(erased), 3, 768 * KIB, true, NULL}, /* a power cut while the first block was written */
	{"", 0, 0, 33 * KIB *KIB, true, NULL},		    /* blank behind the bank */
};

START_TEST(bad_file)
{
	struct machine *m;
	struct config *config;
	char boot[320];

	put_file(other, bad_files[_i].head, bad_files[_i].head_len, bad_files[_i].fill, bad_files[_i].len);
	snprintf(boot, sizeof(boot), "{ firmware: %s, vars: %s }", bad_files[_i].as_vars ? code : other,
		 bad_files[_i].as_vars ? other : vars);
	firmware_yaml(boot);
	int err = machine_make(&m, &config);

	if (bad_files[_i].says) {
		ck_assert_int_eq(err, -EINVAL);
		said(bad_files[_i].says);
		ck_assert_uint_eq(nr_messages, 1);
	} else {
		ck_assert_int_eq(err, 0);
		machine_unmake(&m, config);
	}
}
END_TEST

START_TEST(data_behind_the_bank)
{
	struct machine *m;
	struct config *config;
	char boot[320];
	int fd;

	put_file(other, "", 0, 0, 0);
	fd = open(other, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(ftruncate(fd, 64 * KIB * KIB), 0);
	ck_assert_int_eq((int)pwrite(fd, "x", 1, 40 * KIB * KIB), 1);
	close(fd);
	snprintf(boot, sizeof(boot), "{ firmware: %s, vars: %s }", code, other);
	firmware_yaml(boot);
	ck_assert_int_eq(machine_make(&m, &config), -EFBIG);
	said("only its first 32 MiB fit the flash, and there is data behind");
}
END_TEST

START_TEST(no_such_file)
{
	struct machine *m;
	struct config *config;
	char boot[320];

	firmware_yaml("{ firmware: /nonexistent/code.fd }");
	ck_assert_int_eq(machine_make(&m, &config), -ENOENT);
	said("^cannot open the firmware \"/nonexistent/code.fd\": No such file or directory; check the path; .*package");
	snprintf(boot, sizeof(boot), "{ firmware: %s, vars: /nonexistent/vars.fd }", code);
	firmware_yaml(boot);
	ck_assert_int_eq(machine_make(&m, &config), -ENOENT);
	said("^cannot open the firmware variables .*make a blank one with `truncate -s 768K`");
	snprintf(boot, sizeof(boot), "{ firmware: %s }", folder);
	firmware_yaml(boot);
	ck_assert_int_eq(machine_make(&m, &config), -EINVAL);
	said("is not a regular file");
}
END_TEST

/* Two VMs with one file of variables would destroy each other's. */
START_TEST(vars_in_use)
{
	struct machine *m;
	struct config *config;
	int fd = open(vars, O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(sys_lock_file(fd, true), 0); /* the other VM */
	ck_assert_int_eq(machine_make(&m, &config), -EAGAIN);
	said("another VM uses them; each VM needs a file of its own");
	close(fd);
	ck_assert_int_eq(machine_make(&m, &config), 0);
	fd = open(vars, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(sys_lock_file(fd, true), -1);
	close(fd);
	machine_unmake(&m, config);
}
END_TEST

START_TEST(without_vars)
{
	struct machine *m;
	struct config *config;
	char boot[128];

	snprintf(boot, sizeof(boot), "{ firmware: %s }", code);
	firmware_yaml(boot);
	ck_assert_int_eq(machine_make(&m, &config), 0);
	cmd(m, 0, FLASH_CMD_ERASE);
	cmd(m, 0, FLASH_CMD_CONFIRM);
	ck_assert_uint_eq(rd(m, arch_layout.flash_vars.first, 4), 0x00800080);
	cmd(m, 0, FLASH_CMD_READ_ARRAY);
	ck_assert_uint_eq(rd(m, arch_layout.flash_vars.first, 4), UINT32_MAX);
	ck_assert_int_eq(machine_reset(m), 0); /* not forgotten by a reset */
	ck_assert_uint_eq(rd(m, arch_layout.flash_vars.first, 4), UINT32_MAX);
	machine_unmake(&m, config);
	ck_assert_uint_eq(nr_messages, 0);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, banks);
	tcase_add_test(tc, life);
	tcase_add_test(tc, fail_nth);
	tcase_add_test(tc, start);
	tcase_add_test(tc, kernel_beside);
	tcase_add_test(tc, acpi_tables);
	tcase_add_loop_test(tc, bad_file, 0, sizeof(bad_files) / sizeof(bad_files[0]));
	tcase_add_test(tc, data_behind_the_bank);
	tcase_add_test(tc, no_such_file);
	tcase_add_test(tc, vars_in_use);
	tcase_add_test(tc, without_vars);
}

MACHINE_MAIN("machine_firmware", add_tests)

/* SPDX-License-Identifier: Apache-2.0 */
/* The x86 machine boots a bzImage: what lies in guest memory then, and its ACPI tables compared with the device tree.
 */
#include <check.h>
#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acpi_reader.h"
#include "acpi_regs.h"
#include "boot_low.h"
#include "fake_kvm_x86.h"
#include "fdtw.h"
#include "le.h"
#include "linux_boot_regs.h"
#include "log.h"
#include "machine_priv.h"
#include "run_suite.h"

static char kernel[] = "/tmp/aerie-test-bzimage-XXXXXX";
static char yaml[1024];
static struct config *config;
static struct machine *m;
static struct fdtw tree;
static struct arch_boot boot;
static char logged[512];
static unsigned nr_logged;

static void sink(enum log_level level, const char *line, void *opaque)
{
	if (level > LOG_WARN)
		return;
	nr_logged++;
	snprintf(logged, sizeof(logged), "%s", line);
}

/* The smallest thing with the header of a bzImage. */
static void write_kernel(void)
{
	static uint8_t image[8192];
	int fd = mkstemp(kernel);

	ck_assert_int_ge(fd, 0);
	image[LINUX_BOOT_FLAG] = 0x55;
	image[LINUX_BOOT_FLAG + 1] = 0xaa;
	image[LINUX_JUMP_DISTANCE] = 0x66;
	memcpy(image + LINUX_MAGIC, "HdrS", 4);
	image[LINUX_VERSION] = 0x0f;
	image[LINUX_VERSION + 1] = 2;
	image[LINUX_LOADFLAGS] = LINUX_LOADED_HIGH;
	image[LINUX_XLOADFLAGS] = LINUX_KERNEL_64 | LINUX_ABOVE_4G;
	image[LINUX_RELOCATABLE] = 1;
	le32_put(image + LINUX_CMDLINE_SIZE, 2047);
	le32_put(image + LINUX_KERNEL_ALIGNMENT, 0x200000);
	ck_assert_int_eq((int)write(fd, image, sizeof(image)), (int)sizeof(image));
	close(fd);
}

static void make(const char *rest)
{
	snprintf(yaml, sizeof(yaml),
		 "version: 1\nname: pc\nmachine: { cpus: 2, memory: 32M }\nboot: { kernel: %s, cmdline: quiet }\n"
		 "console: { type: none }\n%s",
		 kernel, rest);
	ck_assert_int_eq(config_parse(&config, "pc", yaml, strlen(yaml), NULL), 0);
	ck_assert_int_eq(machine_build(&m, config), 0);
}

static void build(const char *rest)
{
	size_t len;

	make(rest);
	ck_assert_int_eq(machine_load(m, &boot), 0);
	ck_assert_int_eq(machine_acpi(m, &acpi_set), 0);
	acpi_blobs_place(&acpi_set, ACPI_TEST_BASE);
	ck_assert_int_eq(machine_describe(m, (struct range){0}, &tree, &len), 0);
}

static void finish(void)
{
	fdtw_free(&tree);
	acpi_blobs_free(&acpi_set);
	machine_destroy(&m);
	config_free(config);
	ck_assert_uint_eq(nr_logged, 0);
}

static void setup(void)
{
	fake_reset();
	fake_kvm_x86_install();
	nr_logged = 0;
	log_set_sink(sink, NULL);
	write_kernel();
}

static void teardown(void)
{
	unlink(kernel);
	log_set_sink(NULL, NULL);
	ck_assert_uint_eq(fake_leaks(), 0);
}

static const char plain[] = "pci: [{ root-port: rp0, devices: [{ rng: {} }] }]\n";
static const char behind[] = "iommus: [{ id: v0, type: virtio-iommu }]\n"
			     "pci: [{ root-port: rp0, iommu: v0, devices: [{ rng: {} }] }]\n";
static const char two[] = "iommus: [{ id: v0, type: virtio-iommu }, { id: v1, type: virtio-iommu }]\n"
			  "pci: [{ root-port: rp0, iommu: v0 }, { root-port: rp1 }, { root-port: rp2, iommu: v1 }]\n";

static uint64_t reg(const char *compatible)
{
	int at = fdt_node_offset_by_compatible(tree.buf, -1, compatible), len;
	const fdt64_t *value = fdt_getprop(tree.buf, at, "reg", &len);

	ck_assert_msg(value && len >= 8, "no %s in the tree", compatible);
	return fdt64_to_cpu(*value);
}

START_TEST(compiles)
{
	static const char *const machines[] = {plain, behind, two};

	build(machines[_i]);
	for (unsigned i = 0; i < nr_tables(); i++)
		check_with_iasl(nth_table(i));
	check_with_iasl(find_table("DSDT"));
	finish();
}
END_TEST

START_TEST(agrees_with_the_tree)
{
	const uint8_t *fadt, *madt;

	build(behind);
	fadt = find_table("FACP");
	madt = find_table("APIC");
	ck_assert_uint_eq(le(madt + 36, 4), reg("aerie,apic-messages"));
	for (unsigned i = 0; i < 2; i++) {
		const uint8_t lapic[] = {0, 8, (uint8_t)i, (uint8_t)i, 1, 0, 0, 0};

		ck_assert_mem_eq(madt + 44 + 8 * i, lapic, sizeof(lapic));
	}
	ck_assert_uint_eq(madt[60], ACPI_MADT_IOAPIC);
	ck_assert_uint_eq(le(madt + 64, 4), reg("aerie,ioapic"));
	ck_assert_uint_eq(table_len(madt), 72);
	ck_assert_uint_eq(le(find_table("MCFG") + 44, 8), reg("pci-host-ecam-generic"));
	ck_assert_uint_eq(le(fadt + 120, 8), reg("aerie,acpi-power") + 2);
	ck_assert_uint_eq(fadt[128], 6);
	ck_assert_uint_eq(le(fadt + 248, 8), reg("aerie,acpi-power"));
	ck_assert_uint_eq(le(fadt + 260, 8), reg("aerie,acpi-power") + 1);
	ck_assert_uint_eq(le(fadt + 109, 2), ACPI_PC_NO_VGA | ACPI_PC_NO_RTC);
	ck_assert_uint_eq(find_table("SPCR")[40], ACPI_GAS_PORTS);
	ck_assert_uint_eq(le(find_table("SPCR") + 44, 8), 0x3f8);
	ck_assert_ptr_nonnull(find_table("VIOT"));
	ck_assert_ptr_null(find_table("IORT"));
	finish();
}
END_TEST

/* Two IOMMUs, a range of bus numbers for each, none for the port that is behind neither. */
START_TEST(viot_two)
{
	static const uint16_t want[][3] = {{0x100, 0x1ff, 48}, {0x300, 0x3ff, 64}};
	const uint8_t *viot;

	build(two);
	viot = find_table("VIOT");
	ck_assert_uint_eq(le(viot + 36, 2), 4);
	for (unsigned i = 0; i < 2; i++) {
		const uint8_t *range = viot + 48 + 2 * 16 + 24 * i;

		ck_assert_uint_eq(viot[48 + 16 * i], ACPI_VIOT_IOMMU_PCI);
		ck_assert_uint_eq(range[0], ACPI_VIOT_PCI_RANGE);
		ck_assert_uint_eq(le(range + 12, 2), want[i][0]);
		ck_assert_uint_eq(le(range + 14, 2), want[i][1]);
		ck_assert_uint_eq(le(range + 16, 2), want[i][2]);
	}
	finish();
}
END_TEST

/* Nothing tells Linux of an SMMUv3 here, and devices behind it would not be translated. */
START_TEST(smmu_for_linux)
{
	make("iommus: [{ id: v0, type: virtio-iommu }, { id: s0, type: smmuv3 }]\n");
	ck_assert_int_eq(machine_load(m, &boot), -ENOTSUP);
	ck_assert_uint_eq(nr_logged, 1);
	ck_assert_ptr_nonnull(strstr(logged, "\"s0\": Linux does not find an SMMUv3"));
	ck_assert_ptr_nonnull(strstr(logged, "use type virtio-iommu"));
	machine_destroy(&m);
	config_free(config);
}
END_TEST

/* The kernel finds the same tables where boot_params says. */
START_TEST(in_memory)
{
	const struct gmem *mem;
	const uint8_t *params, *rsdp;
	uint64_t xsdt_at;

	build(plain);
	mem = &m->vm.gmem;
	ck_assert_int_eq(boot.protocol, ARCH_BOOT_LINUX64);
	params = gmem_host(mem, boot.tables, 4096);
	ck_assert_uint_eq(le64_at(params + LINUX_ACPI_RSDP), BOOT_LOW_RSDP);
	rsdp = gmem_host(mem, gpa(BOOT_LOW_RSDP), ACPI_RSDP_SIZE);
	check_sum(rsdp, 20);
	check_sum(rsdp, 36);
	xsdt_at = le(rsdp + 24, 8);
	ck_assert_uint_eq(xsdt_at - BOOT_LOW_ACPI, le(acpi_set.rsdp + 24, 8) - ACPI_TEST_BASE);
	check_sum(gmem_host(mem, gpa(xsdt_at), table_len(xsdt())), table_len(xsdt()));
	/* The memory map: RAM, the firmware's part with the tables, RAM, ECAM. */
	ck_assert_uint_eq(params[LINUX_E820_ENTRIES], 4);
	ck_assert_uint_eq(le64_at(params + LINUX_E820_TABLE + 60), reg("pci-host-ecam-generic"));
	finish();
}
END_TEST

/* A jump to where a BIOS starts resets the machine: "mov al, 0xfe; out 0x64, al". The port knows no other command. */
START_TEST(reset_entry)
{
	static const uint8_t code[] = {0xb0, 0xfe, 0xe6, 0x64};
	const uint64_t port = arch_layout.port_base + 0x64;
	uint64_t status;

	build(plain);
	ck_assert_mem_eq(gmem_host(&m->vm.gmem, gpa(0xffff0), sizeof(code)), code, sizeof(code));
	bus_read(&m->vm.bus, port, 1, &status);
	ck_assert_uint_eq(status, 0xff);
	bus_write(&m->vm.bus, port, 1, 0xed);
	bus_write(&m->vm.bus, port, 1, 0xff);
	vm_stop(&m->vm, VM_STOP_QUIT);
	ck_assert_int_eq(machine_run(m), VM_STOP_QUIT);
	bus_write(&m->vm.bus, port, 1, 0xfe);
	ck_assert_int_eq(machine_run(m), VM_STOP_RESET);
	finish();
}
END_TEST

/* The state of the boot vCPU by the 64-bit protocol. */
START_TEST(long_mode)
{
	const struct fake_x86_vcpu *v = &fake_kvm_x86.vcpus[0];

	build(plain);
	ck_assert_int_eq(arch_vcpu_reset(&m->vm.vcpus[0], &boot), 0);
	ck_assert_uint_eq(v->regs.rip, 0x200000 + 0x200);
	ck_assert_uint_eq(v->regs.rsi, BOOT_LOW_TABLE);
	ck_assert_uint_eq(v->regs.rflags, 2);
	ck_assert_uint_eq(v->sregs.cr0, 0x80000011);
	ck_assert_uint_eq(v->sregs.cr4, 0x20);
	ck_assert_uint_eq(v->sregs.cr3, BOOT_LOW_PAGE_TABLES);
	ck_assert_uint_eq(v->sregs.efer, 0x500);
	ck_assert_uint_eq(v->sregs.cs.selector, 0x10);
	ck_assert(v->sregs.cs.l && !v->sregs.cs.db);
	ck_assert_uint_eq(v->sregs.ds.selector, 0x18);
	ck_assert_uint_eq(v->sregs.gdt.base, BOOT_LOW_GDT);
	ck_assert_uint_eq(v->sregs.gdt.limit, 31);
	finish();
}
END_TEST

/* Port 0xf4 ends the VM; the first byte is the status. */
START_TEST(debug_exit)
{
	enum vm_stop why;

	snprintf(yaml, sizeof(yaml),
		 "version: 1\nname: pc\nmachine: { memory: 32M, debug-exit: true }\nboot: { kernel: %s }\n"
		 "console: { type: none }\n",
		 kernel);
	ck_assert_int_eq(config_parse(&config, "pc", yaml, strlen(yaml), NULL), 0);
	ck_assert_int_eq(machine_build(&m, config), 0);
	bus_write(&m->vm.bus, arch_layout.port_base + 0xf4, 1, 0x21);
	bus_write(&m->vm.bus, arch_layout.port_base + 0xf4, 4, 0);
	why = machine_run(m);
	ck_assert_int_eq(why, VM_STOP_DEBUG_EXIT);
	ck_assert_int_eq(machine_debug_status(m), 0x43);
	machine_destroy(&m);
	config_free(config);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("machine_acpi_x86");
	TCase *tc = tcase_create("machine_acpi_x86");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, compiles, 0, 3);
	tcase_add_test(tc, agrees_with_the_tree);
	tcase_add_test(tc, viot_two);
	tcase_add_test(tc, smmu_for_linux);
	tcase_add_test(tc, in_memory);
	tcase_add_test(tc, reset_entry);
	tcase_add_test(tc, long_mode);
	tcase_add_test(tc, debug_exit);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the device tree says of CPUs and in-kernel devices, read back by libfdt. */
#include <errno.h>
#include <libfdt.h>

#include "fdtw.h"
#include "layout.h"
#include "vm_fixture.h"

static struct fdtw fdt;

static void describe(unsigned cpus)
{
	size_t len;

	ck_assert_int_eq(fixture_build(64 * FIXTURE_MIB, cpus), 0);
	ck_assert_int_eq(fdtw_start(&fdt), 0);
	fdtw_begin(&fdt, "%s", "");
	fdtw_u32(&fdt, "#address-cells", 2);
	fdtw_u32(&fdt, "#size-cells", 2);
	arch_describe(&vm, &fdt);
	fdtw_end(&fdt);
	ck_assert_int_eq(fdtw_finish(&fdt, &len), 0);
	ck_assert_int_eq(fdt_check_full(fdt.buf, len), 0);
}

static void done(void)
{
	fdtw_free(&fdt);
	vm_destroy(&vm);
	ck_assert_uint_eq(nr_errors, 0);
}

static int node(const char *path)
{
	int off = fdt_path_offset(fdt.buf, path);

	ck_assert_msg(off >= 0, "no node %s", path);
	return off;
}

static int compatible_node(const char *compatible)
{
	int off = fdt_node_offset_by_compatible(fdt.buf, -1, compatible);

	ck_assert_msg(off >= 0, "nothing is compatible with %s", compatible);
	return off;
}

/* Cell @i of a property; -1 in *@len means absent. */
static uint32_t cell(int off, const char *name, unsigned i)
{
	int len;
	const fdt32_t *p = fdt_getprop(fdt.buf, off, name, &len);

	ck_assert_msg(p && len >= (int)(4 * (i + 1)), "%s has no cell %u", name, i);
	return fdt32_to_cpu(p[i]);
}

static uint64_t cell64(int off, const char *name, unsigned i)
{
	return (uint64_t)cell(off, name, i) << 32 | cell(off, name, i + 1);
}

static unsigned cells(int off, const char *name)
{
	int len;

	ck_assert_ptr_nonnull(fdt_getprop(fdt.buf, off, name, &len));
	return (unsigned)len / 4;
}

static void expect_string(int off, const char *name, const char *value)
{
	ck_assert_str_eq((const char *)fdt_getprop(fdt.buf, off, name, NULL), value);
}

START_TEST(cpus)
{
	unsigned n = 0;
	int off;

	describe(18);
	int parent = node("/cpus");
	ck_assert_uint_eq(cell(parent, "#address-cells", 0), 2);
	ck_assert_uint_eq(cell(parent, "#size-cells", 0), 0);
	fdt_for_each_subnode(off, fdt.buf, parent)
	{
		/* KVM packs 16 vCPUs into a cluster: Aff1 = n / 16, Aff0 = n % 16; bit 31 (RES1) is no affinity. */
		ck_assert_uint_eq(cell64(off, "reg", 0), (n / 16) << 8 | n % 16);
		expect_string(off, "device_type", "cpu");
		expect_string(off, "enable-method", "psci");
		expect_string(off, "compatible", "arm,armv8");
		n++;
	}
	ck_assert_uint_eq(n, 18);
	node("/cpus/cpu@0");
	node("/cpus/cpu@101");
	done();
}
END_TEST

/* Guest CPUs have as many physical address bits as the machine (40 here), not the host's 52. */
START_TEST(address_size)
{
	describe(1);
	ck_assert_uint_eq(fake_kvm_reg(0, ARM64_SYS_REG(3, 0, 0, 7, 0)), 0x1122);
	done();
}
END_TEST

START_TEST(psci)
{
	describe(1);
	int off = node("/psci");
	ck_assert(fdt_stringlist_contains(fdt_getprop(fdt.buf, off, "compatible", NULL),
					  (int)sizeof("arm,psci-1.0\0arm,psci-0.2"), "arm,psci-0.2"));
	ck_assert_int_eq(fdt_node_check_compatible(fdt.buf, off, "arm,psci-1.0"), 0);
	expect_string(off, "method", "hvc");
	done();
}
END_TEST

/* A guest with EL2 of its own: HVC is its own business, its GIC tells it when list registers run empty. */
START_TEST(nested)
{
	fixture_nested = true;
	fake_kvm_set_cap(KVM_CAP_ARM_EL2, 1);
	describe(1);
	expect_string(node("/psci"), "method", "smc");
	int off = compatible_node("arm,gic-v3");
	ck_assert_uint_eq(cells(off, "interrupts"), 3);
	ck_assert_uint_eq(cell(off, "interrupts", 0), 1);
	ck_assert_uint_eq(cell(off, "interrupts", 1), 25 - 16);
	ck_assert_uint_eq(fake_kvm_maintenance(), 25);
	done();
}
END_TEST

START_TEST(nested_not_there)
{
	fixture_nested = true;
	ck_assert_int_eq(fixture_build(64 * FIXTURE_MIB, 1), -ENOTSUP);
	ck_assert_uint_eq(nr_errors, 1);
}
END_TEST

START_TEST(gic)
{
	describe(2);
	int off = compatible_node("arm,gic-v3");
	ck_assert_uint_eq(fdt_get_phandle(fdt.buf, off), FDTW_PHANDLE_GIC);
	ck_assert_uint_eq(cell(off, "#interrupt-cells", 0), 3);
	ck_assert_ptr_nonnull(fdt_getprop(fdt.buf, off, "interrupt-controller", NULL));
	ck_assert_ptr_nonnull(fdt_getprop(fdt.buf, off, "ranges", NULL));
	ck_assert_uint_eq(cells(off, "reg"), 8);
	ck_assert_uint_eq(cell64(off, "reg", 0), GICD_BASE);
	ck_assert_uint_eq(cell64(off, "reg", 2), 0x10000);
	ck_assert_uint_eq(cell64(off, "reg", 4), GICR_BASE);
	ck_assert_uint_eq(cell64(off, "reg", 6), 2 * 0x20000);
	ck_assert_uint_eq(cell(off, "#redistributor-regions", 0), 1);

	int its = compatible_node("arm,gic-v3-its");
	ck_assert_int_eq(fdt_parent_offset(fdt.buf, its), off);
	ck_assert_uint_eq(fdt_get_phandle(fdt.buf, its), FDTW_PHANDLE_MSI);
	ck_assert_ptr_nonnull(fdt_getprop(fdt.buf, its, "msi-controller", NULL));
	ck_assert_uint_eq(cell(its, "#msi-cells", 0), 1);
	ck_assert_uint_eq(cell64(its, "reg", 0), ITS_BASE);
	ck_assert_uint_eq(cell64(its, "reg", 2), 0x20000);
	done();
}
END_TEST

/* 123 redistributors fit below the serial port; the others have a region above RAM. */
START_TEST(many_cpus)
{
	static const unsigned counts[] = {123, 124, 512};
	unsigned n = counts[_i];

	describe(n);
	int off = compatible_node("arm,gic-v3");
	ck_assert_uint_eq(cell(off, "#redistributor-regions", 0), n > 123 ? 2 : 1);
	ck_assert_uint_eq(cells(off, "reg"), n > 123 ? 12 : 8);
	ck_assert_uint_eq(cell64(off, "reg", 6), 123 * UINT64_C(0x20000));
	if (n > 123) {
		uint64_t base = cell64(off, "reg", 8);

		ck_assert_uint_ge(base, arch_layout.ram_base + 64 * FIXTURE_MIB);
		ck_assert_uint_eq(cell64(off, "reg", 10), (n - 123) * UINT64_C(0x20000));
		ck_assert_uint_le(base + cell64(off, "reg", 10), arch_pci_ecam(&vm).first);
	}
	/* The pretended KVM has a redistributor for everyone: it would refuse to run else. */
	ck_assert_int_eq(vm_start(&vm), 0);
	usleep(20000);
	vm_pause(&vm);
	done();
}
END_TEST

START_TEST(timer_and_clock)
{
	static const uint32_t ppis[] = {13, 14, 11, 10, 12}; /* INTIDs 29, 30, 27, 26, 28 */

	describe(1);
	int off = compatible_node("arm,armv8-timer");
	ck_assert_uint_eq(cells(off, "interrupts"), 15);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(cell(off, "interrupts", 3 * i), 1); /* PPI */
		ck_assert_uint_eq(cell(off, "interrupts", 3 * i + 1), ppis[i]);
		ck_assert_uint_eq(cell(off, "interrupts", 3 * i + 2), 4); /* level, high */
	}
	off = compatible_node("fixed-clock");
	ck_assert_uint_eq(fdt_get_phandle(fdt.buf, off), FDTW_PHANDLE_CLOCK);
	ck_assert_uint_eq(cell(off, "#clock-cells", 0), 0);
	ck_assert_uint_eq(cell(off, "clock-frequency", 0), 24000000);
	done();
}
END_TEST

START_TEST(pmu_when_there)
{
	describe(1);
	int off = compatible_node("arm,armv8-pmuv3");
	ck_assert_uint_eq(cell(off, "interrupts", 0), 1);
	ck_assert_uint_eq(cell(off, "interrupts", 1), 23 - 16);
	ck_assert_uint_eq(cell(off, "interrupts", 2), 4);
	done();
	fake_kvm_set_cap(KVM_CAP_ARM_PMU_V3, 0);
	describe(1);
	ck_assert_int_lt(fdt_node_offset_by_compatible(fdt.buf, -1, "arm,armv8-pmuv3"), 0);
	done();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("arm64_fdt");
	TCase *tc = tcase_create("arm64_fdt");

	tcase_add_checked_fixture(tc, fixture_begin, fixture_end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, cpus);
	tcase_add_test(tc, address_size);
	tcase_add_test(tc, psci);
	tcase_add_test(tc, nested);
	tcase_add_test(tc, nested_not_there);
	tcase_add_test(tc, gic);
	tcase_add_loop_test(tc, many_cpus, 0, 3);
	tcase_add_test(tc, timer_and_clock);
	tcase_add_test(tc, pmu_when_there);
	suite_add_tcase(suite, tc);
	return fixture_run_suite(suite);
}

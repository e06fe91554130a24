/* SPDX-License-Identifier: Apache-2.0 */
/* The device tree of a whole machine with devices behind SMMUs, as the guest finds it in its memory. */
#include <libfdt.h>

#include "fdtw.h"
#include "machine_emulated_fixture.h"

static struct machine *m;
static struct config *config;
static void *fdt;

/* @rest NULL: of what emulated() has written. */
static void build(const char *rest)
{
	struct arch_boot boot;
	struct fdt_header header;

	if (rest)
		machine_yaml("8M", rest);
	ck_assert_int_eq(machine_make(&m, &config), 0);
	ck_assert_int_eq(machine_load(m, &boot), 0);
	ck_assert_int_eq(gmem_read(&m->vm.gmem, boot.tables, &header, sizeof(header)), 0);
	ck_assert_int_eq(fdt_check_header(&header), 0);
	fdt = malloc(fdt_totalsize(&header));
	ck_assert_ptr_nonnull(fdt);
	ck_assert_int_eq(gmem_read(&m->vm.gmem, boot.tables, fdt, fdt_totalsize(&header)), 0);
	ck_assert_int_eq(fdt_check_full(fdt, fdt_totalsize(&header)), 0);
}

static void finish(void)
{
	free(fdt);
	machine_unmake(&m, config);
}

/* Without slash at the end; @... must be the unit address. */
static int node(const char *path)
{
	int at = fdt_path_offset(fdt, path);

	ck_assert_msg(at >= 0, "no node %s: %s", path, fdt_strerror(at));
	return at;
}

static const void *prop(int at, const char *name, int len)
{
	int got;
	const void *value = fdt_getprop(fdt, at, name, &got);

	ck_assert_msg(value, "%s: no %s", fdt_get_name(fdt, at, NULL), name);
	ck_assert_msg(len < 0 || got == len, "%s: %s has %d bytes", fdt_get_name(fdt, at, NULL), name, got);
	return value;
}

static void check_cells(int at, const char *name, const uint32_t *cells, unsigned n)
{
	const fdt32_t *value = prop(at, name, (int)(n * 4));

	for (unsigned i = 0; i < n; i++)
		ck_assert_msg(fdt32_to_cpu(value[i]) == cells[i], "%s: %s[%u] is 0x%x, not 0x%x",
			      fdt_get_name(fdt, at, NULL), name, i, fdt32_to_cpu(value[i]), cells[i]);
}

#define CELLS(at, name, ...)                                                                                           \
	do {                                                                                                           \
		const uint32_t cells_[] = {__VA_ARGS__};                                                               \
		check_cells(at, name, cells_, sizeof(cells_) / 4);                                                     \
	} while (0)

static void check_string(int at, const char *name, const char *value)
{
	ck_assert_str_eq(prop(at, name, (int)strlen(value) + 1), value);
}

/* The one node whose property @name is the cell @value. */
static int node_with(const char *name, uint32_t value)
{
	const fdt32_t cell = cpu_to_fdt32(value);
	int at = fdt_node_offset_by_prop_value(fdt, -1, name, &cell, sizeof(cell));

	ck_assert_msg(at >= 0, "no node has %s = 0x%x", name, value);
	ck_assert_msg(fdt_node_offset_by_prop_value(fdt, at, name, &cell, sizeof(cell)) < 0, "%s = 0x%x twice", name,
		      value);
	return at;
}

static uint32_t cell(int at, const char *name)
{
	return fdt32_to_cpu(*(const fdt32_t *)prop(at, name, 4));
}

static unsigned nr_below(int parent)
{
	unsigned n = 0;
	int at;

	fdt_for_each_subnode(at, fdt, parent) n++;
	return n;
}

static int pci_node(void)
{
	int at = fdt_node_offset_by_compatible(fdt, -1, "pci-host-ecam-generic");

	ck_assert_int_ge(at, 0);
	return at;
}

START_TEST(platform)
{
	const uint64_t ram = arch_layout.ram_base;
	char name[32];

	build(two_smmus);
	check_string(0, "compatible", "aerie,arm64");
	check_string(node("/chosen"), "bootargs", "quiet");
	check_string(node("/chosen"), "stdout-path", "/serial@9000000");
	node("/serial@9000000");
	ck_assert_ptr_null(fdt_getprop(fdt, node("/chosen"), "linux,initrd-start", NULL));
	snprintf(name, sizeof(name), "/memory@%llx", (unsigned long long)ram);
	CELLS(node(name), "reg", FDTW_U64(ram), 0, 8u << 20);
	check_string(node(name), "device_type", "memory");
	ck_assert_uint_eq(nr_below(node("/cpus")) >= 2, 1);
	finish();
}
END_TEST

/* Each device has a window of its own in reserved-memory, named from its node, with the endpoint's 3 + 2 cells. */
static void check_endpoint(unsigned port, int bridge)
{
	const uint64_t first = arch_layout.msi_window.first, len = range_len(arch_layout.msi_window);
	int endpoint = fdt_first_subnode(fdt, bridge);
	uint32_t phandle = cell(endpoint, "phandle");
	int region = node_with("phandle", cell(endpoint, "memory-region"));

	ck_assert_int_eq(fdt_parent_offset(fdt, region), node("/reserved-memory"));
	CELLS(region, "iommu-addresses", phandle, MACHINE_PCI_MEM32, FDTW_U64(first), FDTW_U64(len));
	CELLS(region, "reg", FDTW_U64(first), FDTW_U64(len));
	prop(region, "no-map", 0);
	ck_assert_uint_eq(cell(bridge, "#address-cells"), 3);
	ck_assert_uint_eq(cell(bridge, "#size-cells"), 2);
	CELLS(bridge, "reg", (port + 1) << 11, 0, 0, 0, 0);
	CELLS(endpoint, "reg", 0, 0, 0, 0, 0);
	ck_assert_int_eq(node_with("phandle", phandle), endpoint);
}

static void check_smmu(unsigned i)
{
	const uint64_t base = arch_layout.smmu_base + i * arch_layout.smmu_stride;
	int at = node_with("phandle", MACHINE_PHANDLE_IOMMUS + i);

	check_string(at, "compatible", "arm,smmu-v3");
	CELLS(at, "reg", FDTW_U64(base), 0, 0x20000);
	CELLS(at, "msi-parent", FDTW_PHANDLE_MSI, MACHINE_SMMU_DEVICE_ID + i);
	ck_assert_uint_eq(cell(at, "#iommu-cells"), 1);
	prop(at, "dma-coherent", 0);
	ck_assert_ptr_nonnull(fdt_stringlist_get(fdt, at, "interrupt-names", 2, NULL));
	prop(at, "interrupts", 4 * 3 * 4);
}

START_TEST(two)
{
	int at;
	unsigned port = 0;

	build(two_smmus);
	CELLS(pci_node(), "msi-map", 0, FDTW_PHANDLE_MSI, 0, 0x10000);
	CELLS(pci_node(), "iommu-map", 0x100, MACHINE_PHANDLE_IOMMUS, 0x100, 0x100, 0x200, MACHINE_PHANDLE_IOMMUS + 1,
	      0x200, 0x100);
	fdt_for_each_subnode(at, fdt, pci_node()) check_endpoint(port++, at);
	ck_assert_uint_eq(port, 2);
	ck_assert_uint_eq(nr_below(node("/reserved-memory")), 2);
	check_smmu(0);
	check_smmu(1);
	node_with("phandle", FDTW_PHANDLE_MSI);
	finish();
}
END_TEST

START_TEST(one_shared)
{
	build(shared_smmu);
	CELLS(pci_node(), "iommu-map", 0x100, MACHINE_PHANDLE_IOMMUS, 0x100, 0x100, 0x200, MACHINE_PHANDLE_IOMMUS,
	      0x200, 0x100);
	ck_assert_uint_eq(nr_below(node("/reserved-memory")), 2);
	check_smmu(0);
	finish();
}
END_TEST

/* What the guest does not translate has no window and no entry. */
START_TEST(one_untranslated)
{
	build(one_smmu_and_none);
	CELLS(pci_node(), "iommu-map", 0x100, MACHINE_PHANDLE_IOMMUS, 0x100, 0x100);
	ck_assert_uint_eq(nr_below(node("/reserved-memory")), 1);
	ck_assert_uint_eq(nr_below(pci_node()), 1);
	check_endpoint(0, fdt_first_subnode(fdt, pci_node()));
	finish();
}
END_TEST

static bool has_prop(int at, const char *name)
{
	return fdt_getprop(fdt, at, name, NULL) != NULL;
}

/* Emulated devices are found by enumeration: no node, no window for doorbells, one row of the map for their bus. */
START_TEST(emulated_none)
{
	emulated(NULL, "", 0);
	build(NULL);
	ck_assert(!has_prop(pci_node(), "iommu-map"));
	ck_assert_uint_eq(nr_below(pci_node()), 0);
	ck_assert_uint_eq(nr_below(node("/reserved-memory")), 0);
	finish();
}
END_TEST

START_TEST(emulated_smmu)
{
	emulated("smmuv3", "", 0);
	build(NULL);
	CELLS(pci_node(), "iommu-map", 0x100, MACHINE_PHANDLE_IOMMUS, 0x100, 0x100);
	ck_assert_uint_eq(nr_below(pci_node()), 0);
	ck_assert_uint_eq(nr_below(node("/reserved-memory")), 0);
	check_smmu(0);
	finish();
}
END_TEST

/* The virtio-iommu is a function of the root bus, in the first place that no port has (Linux
 * Documentation/devicetree/bindings/virtio/iommu.txt). */
static void check_virtio_iommu(unsigned slot)
{
	int at = node_with("phandle", MACHINE_PHANDLE_IOMMUS);

	ck_assert_int_eq(fdt_parent_offset(fdt, at), pci_node());
	check_string(at, "compatible", "virtio,pci-iommu");
	CELLS(at, "reg", slot << 11, 0, 0, 0, 0);
	ck_assert_uint_eq(cell(at, "#iommu-cells"), 1);
	ck_assert(!has_prop(at, "iommus") && !has_prop(at, "memory-region"));
	ck_assert_uint_eq(cfg_read(m, 0, slot << 3, PCI_VENDOR_ID, 4), 0x10571af4);
}

START_TEST(emulated_virtio_iommu)
{
	emulated("virtio-iommu", "", 0);
	build(NULL);
	CELLS(pci_node(), "iommu-map", 0x100, MACHINE_PHANDLE_IOMMUS, 0x100, 0x100);
	ck_assert_uint_eq(nr_below(pci_node()), 1);
	ck_assert_uint_eq(nr_below(node("/reserved-memory")), 0);
	check_virtio_iommu(2);
	ck_assert_int_lt(fdt_node_offset_by_compatible(fdt, -1, "arm,smmu-v3"), 0);
	finish();
}
END_TEST

/* Next to devices of the host: only those have windows, and only behind an SMMU. */
START_TEST(mixed_smmu)
{
	emulated("smmuv3", "", 2);
	build(NULL);
	CELLS(pci_node(), "iommu-map", 0x100, MACHINE_PHANDLE_IOMMUS, 0x100, 0x100, 0x200, MACHINE_PHANDLE_IOMMUS,
	      0x200, 0x100, 0x300, MACHINE_PHANDLE_IOMMUS, 0x300, 0x100);
	ck_assert_uint_eq(nr_below(pci_node()), 2);
	ck_assert_uint_eq(nr_below(node("/reserved-memory")), 2);
	check_endpoint(1, fdt_first_subnode(fdt, pci_node()));
	finish();
}
END_TEST

START_TEST(mixed_virtio_iommu)
{
	emulated("virtio-iommu", "", 2);
	build(NULL);
	CELLS(pci_node(), "iommu-map", 0x100, MACHINE_PHANDLE_IOMMUS, 0x100, 0x100, 0x200, MACHINE_PHANDLE_IOMMUS,
	      0x200, 0x100, 0x300, MACHINE_PHANDLE_IOMMUS, 0x300, 0x100);
	ck_assert_uint_eq(nr_below(node("/reserved-memory")), 0);
	check_virtio_iommu(4);
	finish();
}
END_TEST

/* The tree that a rebooted guest finds is the same but for its seeds. */
START_TEST(same_after_reset)
{
	struct arch_boot boot;
	void *again;
	int at;

	build(two_smmus);
	again = malloc(fdt_totalsize(fdt));
	ck_assert_int_eq(machine_reset(m), 0);
	ck_assert_int_eq(machine_load(m, &boot), 0);
	ck_assert_int_eq(gmem_read(&m->vm.gmem, boot.tables, again, fdt_totalsize(fdt)), 0);
	for (unsigned i = 0; i < 2; i++) {
		void *tree = i ? again : fdt;

		at = fdt_path_offset(tree, "/chosen");
		ck_assert_int_eq(fdt_nop_property(tree, at, "kaslr-seed"), 0);
		ck_assert_int_eq(fdt_nop_property(tree, at, "rng-seed"), 0);
	}
	ck_assert_mem_eq(fdt, again, fdt_totalsize(fdt));
	free(again);
	finish();
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, emulated_setup, emulated_teardown);
	tcase_add_test(tc, platform);
	tcase_add_test(tc, two);
	tcase_add_test(tc, one_shared);
	tcase_add_test(tc, one_untranslated);
	tcase_add_test(tc, emulated_none);
	tcase_add_test(tc, emulated_smmu);
	tcase_add_test(tc, emulated_virtio_iommu);
	tcase_add_test(tc, mixed_smmu);
	tcase_add_test(tc, mixed_virtio_iommu);
	tcase_add_test(tc, same_after_reset);
}

MACHINE_MAIN("machine_fdt", add_tests)

/* SPDX-License-Identifier: Apache-2.0 */
/* The ACPI tables of the arm64 machine: iasl finds nothing to say, and they mean what the device tree means. */
#include <libfdt.h>

#include "acpi_reader.h"
#include "acpi_regs.h"
#include "fdtw.h"
#include "machine_emulated_fixture.h"
#include "machine_priv.h"

#define NODE_DATA 16u

static struct machine *m;
static struct config *config;
static struct fdtw tree;
static void *fdt;

static void build(const char *rest)
{
	size_t len;

	if (rest)
		machine_yaml("8M", rest);
	ck_assert_int_eq(machine_make(&m, &config), 0);
	ck_assert_int_eq(machine_acpi(m, &acpi_set), 0);
	acpi_blobs_place(&acpi_set, ACPI_TEST_BASE);
	ck_assert_int_eq(machine_describe(m, (struct range){0}, &tree, &len), 0);
	fdt = tree.buf;
}

static void finish(void)
{
	fdtw_free(&tree);
	acpi_blobs_free(&acpi_set);
	machine_unmake(&m, config);
}

/* ---- the device tree ---- */

static int compatible(const char *name)
{
	int at = fdt_node_offset_by_compatible(fdt, -1, name);

	ck_assert_msg(at >= 0, "no %s in the tree", name);
	return at;
}

static uint32_t cell(int at, const char *name, unsigned n)
{
	int len;
	const fdt32_t *cells = fdt_getprop(fdt, at, name, &len);

	ck_assert_msg(cells && (unsigned)len >= 4 * (n + 1), "%s has no cell %u", name, n);
	return fdt32_to_cpu(cells[n]);
}

static uint64_t cells2(int at, const char *name, unsigned n)
{
	return (uint64_t)cell(at, name, n) << 32 | cell(at, name, n + 1);
}

/* INTID of interrupt @n of a node whose parent is the GIC. */
static uint32_t intid(int at, unsigned n)
{
	return cell(at, "interrupts", 3 * n + 1) + (cell(at, "interrupts", 3 * n) == FDTW_GIC_SPI ? 32 : 16);
}

/* ---- the tables ---- */

/* The @n-th structure of @type; NULL: none. @first: offset of the first one. */
static const uint8_t *structure(const uint8_t *table, uint32_t first, uint8_t type, unsigned n, bool wide)
{
	for (uint32_t at = first; at < table_len(table);) {
		const uint8_t *s = table + at;
		uint32_t len = wide ? (uint32_t)le(s + 1, 2) : s[1];

		ck_assert_uint_ge(len, 2);
		ck_assert_uint_le(at + len, table_len(table));
		if (s[0] == type && n-- == 0)
			return s;
		at += len;
	}
	return NULL;
}

static const uint8_t *madt(uint8_t type, unsigned n)
{
	return structure(find_table("APIC"), 44, type, n, false);
}

static const uint8_t *iort(uint8_t type, unsigned n)
{
	return structure(find_table("IORT"), 48, type, n, true);
}

static const uint8_t *mapping(const uint8_t *node, unsigned n)
{
	ck_assert_uint_lt(n, le(node + 8, 4));
	return node + le(node + 12, 4) + 20 * n;
}

static uint32_t offset_in_iort(const uint8_t *node)
{
	return (uint32_t)(node - find_table("IORT"));
}

START_TEST(compiles)
{
	static const char *const machines[] = {two_smmus, shared_smmu, one_smmu_and_none};

	build(machines[_i]);
	for (unsigned i = 0; i < nr_tables(); i++)
		check_with_iasl(nth_table(i));
	check_with_iasl(find_table("DSDT"));
	finish();
}
END_TEST

START_TEST(compiles_virtio_iommu)
{
	emulated("virtio-iommu", "", 0);
	build(NULL);
	check_with_iasl(find_table("VIOT"));
	check_with_iasl(find_table("DSDT"));
	finish();
}
END_TEST

START_TEST(processors)
{
	int gic, its, timer, pmu;

	build(two_smmus);
	gic = compatible("arm,gic-v3");
	its = compatible("arm,gic-v3-its");
	timer = compatible("arm,armv8-timer");
	pmu = compatible("arm,armv8-pmuv3");
	ck_assert_uint_eq(le(madt(ACPI_MADT_GICD, 0) + 8, 8), cells2(gic, "reg", 0));
	ck_assert_uint_eq(madt(ACPI_MADT_GICD, 0)[20], 3);
	ck_assert_uint_eq(le(madt(ACPI_MADT_GICR, 0) + 4, 8), cells2(gic, "reg", 4));
	ck_assert_uint_eq(le(madt(ACPI_MADT_GICR, 0) + 12, 4), cells2(gic, "reg", 6));
	ck_assert_ptr_null(madt(ACPI_MADT_GICR, 1));
	ck_assert_uint_eq(le(madt(ACPI_MADT_ITS, 0) + 8, 8), cells2(its, "reg", 0));
	for (unsigned i = 0; i < 2; i++) {
		int cpu = fdt_node_offset_by_prop_value(fdt, -1, "reg", (fdt64_t[]){cpu_to_fdt64(i)}, 8);
		const uint8_t *gicc = madt(ACPI_MADT_GICC, i);

		ck_assert_int_ge(cpu, 0);
		ck_assert_uint_eq(le(gicc + 68, 8), cells2(cpu, "reg", 0));
		ck_assert_uint_eq(le(gicc + 8, 4), i);
		ck_assert_uint_eq(le(gicc + 12, 4), 1);
		ck_assert_uint_eq(le(gicc + 20, 4), intid(pmu, 0));
		ck_assert_uint_eq(le(structure(find_table("PPTT"), 36, 0, i + 1, false) + 12, 4), i);
	}
	ck_assert_ptr_null(madt(ACPI_MADT_GICC, 2));
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(le(find_table("GTDT") + 48 + 8 * i, 4), intid(timer, i));
	ck_assert_uint_eq(le(find_table("FACP") + 129, 2), 3); /* PSCI, by HVC */
	ck_assert_uint_eq(le(find_table("FACP") + 112, 4) & (1u << 20), 1u << 20);
	finish();
}
END_TEST

START_TEST(serial_and_pci)
{
	int serial, pci;
	const uint8_t *mcfg, *spcr;

	build(two_smmus);
	serial = compatible("arm,pl011");
	pci = compatible("pci-host-ecam-generic");
	mcfg = find_table("MCFG");
	spcr = find_table("SPCR");
	ck_assert_uint_eq(le(mcfg + 44, 8), cells2(pci, "reg", 0));
	ck_assert_uint_eq(mcfg[54], cell(pci, "bus-range", 0));
	ck_assert_uint_eq(mcfg[55], cell(pci, "bus-range", 1));
	ck_assert_uint_eq(mcfg[55], config->pci_count); /* bus 0 and one below each port */
	ck_assert_uint_eq(spcr[36], ACPI_SERIAL_PL011);
	ck_assert_uint_eq(le(spcr + 44, 8), cells2(serial, "reg", 0));
	ck_assert_uint_eq(le(spcr + 54, 4), intid(serial, 0));
	ck_assert_uint_eq(le(find_table("DBG2") + 44 + 22 + 4, 8), cells2(serial, "reg", 0));
	finish();
}
END_TEST

static int smmu_in_tree(unsigned i)
{
	int at = compatible("arm,smmu-v3");

	if (i > 0)
		at = fdt_node_offset_by_compatible(fdt, at, "arm,smmu-v3");
	ck_assert_int_ge(at, 0);
	return at;
}

/* Linux takes IORT's word for who updates access and dirty flags, and complains where it is not the registers'. */
static void check_httu(const uint8_t *node, unsigned i, uint32_t other_flags)
{
	uint32_t flags = (uint32_t)le(node + NODE_DATA + 8, 4);

	ck_assert_uint_eq(flags & ~ACPI_IORT_SMMU_HTTU, other_flags);
	ck_assert_uint_eq(field_get32(ACPI_IORT_SMMU_HTTU, flags), field_get32(IDR0_HTTU, smmu_read(m, i, SMMU_IDR0)));
}

/* Registers, interrupts, its own messages and those of what is behind it. */
static void check_smmu(unsigned i)
{
	const uint8_t *node = iort(ACPI_IORT_SMMUV3, i), *own = mapping(node, 1);
	int at = smmu_in_tree(i);

	ck_assert_uint_eq(le(node + NODE_DATA, 8), cells2(at, "reg", 0));
	check_httu(node, i, 0x11);
	ck_assert_uint_eq(le(node + NODE_DATA + 28, 4), intid(at, 0));
	ck_assert_uint_eq(le(node + NODE_DATA + 32, 4), intid(at, 3));
	ck_assert_uint_eq(le(node + NODE_DATA + 36, 4), intid(at, 1));
	ck_assert_uint_eq(le(node + NODE_DATA + 40, 4), intid(at, 2));
	ck_assert_uint_eq(le(node + NODE_DATA + 48, 4), 1);
	ck_assert_uint_eq(le(own + 8, 4), cell(at, "msi-parent", 1));
	ck_assert_uint_eq(le(own + 16, 4), 1);
	ck_assert_uint_eq(le(mapping(node, 0) + 4, 4), 0xffff);
	ck_assert_uint_eq(le(mapping(node, 0) + 12, 4), offset_in_iort(iort(ACPI_IORT_ITS, 0)));
}

/* What the root complex does with requester id @rid: the node that it goes to, and its id there. */
static const uint8_t *route(uint32_t rid, uint32_t *id)
{
	const uint8_t *rc = iort(ACPI_IORT_ROOT_COMPLEX, 0), *found = NULL;

	for (unsigned i = 0; i < le(rc + 8, 4); i++) {
		const uint8_t *map = mapping(rc, i);
		uint32_t first = (uint32_t)le(map, 4), count = (uint32_t)le(map + 4, 4) + 1;

		if (rid < first || rid - first >= count)
			continue;
		ck_assert_msg(!found, "two ways for requester id 0x%x", rid);
		found = find_table("IORT") + le(map + 12, 4);
		*id = (uint32_t)le(map + 8, 4) + rid - first;
	}
	ck_assert_msg(found != NULL, "no way for requester id 0x%x", rid);
	return found;
}

/* The same by the tree's iommu-map; 0: it goes to the ITS. */
static uint32_t phandle_in_tree(uint32_t rid, uint32_t *id)
{
	int len, pci = compatible("pci-host-ecam-generic");
	const fdt32_t *map = fdt_getprop(fdt, pci, "iommu-map", &len);

	*id = rid;
	for (int i = 0; map && i < len / 16; i++) {
		uint32_t first = fdt32_to_cpu(map[4 * i]);

		if (rid < first || rid - first >= fdt32_to_cpu(map[4 * i + 3]))
			continue;
		*id = fdt32_to_cpu(map[4 * i + 2]) + rid - first;
		return fdt32_to_cpu(map[4 * i + 1]);
	}
	return 0;
}

static void check_routes(void)
{
	for (uint32_t rid = 0; rid < 0x10000; rid += 0x7f) {
		uint32_t id, id_in_tree, phandle = phandle_in_tree(rid, &id_in_tree);
		const uint8_t *node = route(rid, &id);

		ck_assert_uint_eq(id, id_in_tree);
		if (phandle)
			ck_assert_uint_eq(offset_in_iort(node),
					  offset_in_iort(iort(ACPI_IORT_SMMUV3, phandle - MACHINE_PHANDLE_IOMMUS)));
		else
			ck_assert_uint_eq(node[0], ACPI_IORT_ITS);
	}
}

/* One reserved range for each assigned device behind an SMMU, as in reserved-memory. */
static void check_reserved(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *rmr = iort(ACPI_IORT_RMR, i), *range = rmr + le(rmr + NODE_DATA + 8, 4);
		uint32_t id, rid = (uint32_t)le(mapping(rmr, 0) + 8, 4);

		ck_assert_uint_eq(le(rmr + NODE_DATA, 4), 0); /* not to be remapped, device memory */
		ck_assert_uint_eq(le(rmr + NODE_DATA + 4, 4), 1);
		ck_assert_uint_eq(le(range, 8), arch_layout.msi_window.first);
		ck_assert_uint_eq(le(range + 8, 8), range_len(arch_layout.msi_window));
		ck_assert_uint_eq(le(mapping(rmr, 0) + 12, 4), offset_in_iort(route(rid, &id)));
	}
	ck_assert_ptr_null(iort(ACPI_IORT_RMR, n));
}

START_TEST(iort_two)
{
	build(two_smmus);
	check_smmu(0);
	check_smmu(1);
	ck_assert_ptr_null(iort(ACPI_IORT_SMMUV3, 2));
	check_routes();
	check_reserved(2);
	ck_assert_uint_eq(iort(ACPI_IORT_ROOT_COMPLEX, 0)[NODE_DATA + 7], 7);
	ck_assert_ptr_null(find_table("VIOT"));
	finish();
}
END_TEST

START_TEST(iort_shared)
{
	build(shared_smmu);
	check_routes();
	check_reserved(2);
	finish();
}
END_TEST

START_TEST(iort_none)
{
	emulated(NULL, "", 0);
	build(NULL);
	check_routes();
	check_reserved(0);
	ck_assert_ptr_null(iort(ACPI_IORT_SMMUV3, 0));
	finish();
}
END_TEST

/* virtio-iommu: VIOT says what IORT does not. */
START_TEST(viot)
{
	const uint8_t *table, *range, *node;
	uint32_t id;

	emulated("virtio-iommu", "", 0);
	build(NULL);
	check_reserved(0);
	ck_assert_uint_eq(route(0x100, &id)[0], ACPI_IORT_ITS);
	table = find_table("VIOT");
	ck_assert_ptr_nonnull(table);
	ck_assert_uint_eq(le(table + 36, 2), 2);
	node = table + le(table + 38, 2);
	ck_assert_uint_eq(node[0], ACPI_VIOT_IOMMU_PCI);
	ck_assert_uint_eq(le(node + 6, 2), cell(compatible("virtio,pci-iommu"), "reg", 0) >> 8);
	range = node + le(node + 2, 2);
	ck_assert_uint_eq(range[0], ACPI_VIOT_PCI_RANGE);
	ck_assert_uint_eq(le(range + 4, 4), 0x100);
	ck_assert_uint_eq(le(range + 12, 2), 0x100);
	ck_assert_uint_eq(le(range + 14, 2), 0x1ff);
	ck_assert_uint_eq(le(range + 16, 2), le(table + 38, 2));
	ck_assert_uint_eq(table_len(table), 48 + 16 + 24);
	finish();
}
END_TEST

/* As many SMMUs as the machine has room for: their lines, too, and the button's. */
START_TEST(iort_most)
{
	static char many[2048];
	size_t used = (size_t)snprintf(many, sizeof(many), "iommus:\n");

	for (unsigned i = 0; i < arch_layout.smmu_max; i++)
		used += (size_t)snprintf(many + used, sizeof(many) - used, "  - { id: s%u, type: smmuv3 }\n", i);
	build(many);
	for (unsigned i = 0; i < arch_layout.smmu_max; i++) {
		ck_assert_uint_eq(le(iort(ACPI_IORT_SMMUV3, i) + NODE_DATA, 8),
				  arch_layout.smmu_base + i * arch_layout.smmu_stride);
		check_httu(iort(ACPI_IORT_SMMUV3, i), i, 0x11);
	}
	finish();
}
END_TEST

/* ATS: the root complex forwards it when somebody behind it has it, as the tree says. */
START_TEST(ats)
{
	for (unsigned with = 0; with < 2; with++) {
		machine_yaml("8M", with ? "iommus: [{ id: s, type: smmuv3 }]\n"
					  "pci: [{ root-port: p, iommu: s, devices: [{ test: { ats: true } }] }]\n"
					: "iommus: [{ id: s, type: smmuv3 }]\n"
					  "pci: [{ root-port: p, iommu: s, devices: [{ test: {} }] }]\n");
		build(NULL);
		ck_assert_uint_eq(le(iort(ACPI_IORT_ROOT_COMPLEX, 0) + NODE_DATA + 8, 4), with ? 7 : 0);
		ck_assert_uint_eq(fdt_getprop(fdt, compatible("pci-host-ecam-generic"), "ats-supported", NULL) != NULL,
				  with);
		finish();
	}
}
END_TEST

/* A press is one edge on the line that the event device names. */
START_TEST(power_button)
{
	build(two_smmus);
	ck_assert_ptr_nonnull(m->power_button);
	machine_power_button(m);
	ck_assert_uint_eq(nr_messages, 0);
	finish();
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, emulated_setup, emulated_teardown);
	tcase_add_loop_test(tc, compiles, 0, 3);
	tcase_add_test(tc, compiles_virtio_iommu);
	tcase_add_test(tc, processors);
	tcase_add_test(tc, serial_and_pci);
	tcase_add_test(tc, iort_two);
	tcase_add_test(tc, iort_shared);
	tcase_add_test(tc, iort_none);
	tcase_add_test(tc, viot);
	tcase_add_test(tc, iort_most);
	tcase_add_test(tc, ats);
	tcase_add_test(tc, power_button);
}

MACHINE_MAIN("machine_acpi", add_tests)

/* SPDX-License-Identifier: Apache-2.0 */
/* The host bridge's device tree node, read back with libfdt. */
#include <check.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "device.h"
#include "fake_pci.h"
#include "fdtw.h"
#include "run_suite.h"

#define NODE "/pcie@4010000000"

static struct fake_pci w;
static struct fake_endpoint *ep[2]; /* below port 0, functions 0 and 2 */
static struct fdtw fdt;

static void setup(void)
{
	fake_pci_start(&w);
	for (unsigned i = 0; i < 2; i++) {
		ep[i] = fake_endpoint_new("ep");
		ck_assert_int_eq(fake_pci_place(&w, 0, (uint8_t)(2 * i), ep[i]), 0);
	}
	ck_assert_int_eq(fdtw_start(&fdt), 0);
}

static void teardown(void)
{
	fdtw_free(&fdt);
	fake_pci_stop(&w);
}

static void describe(void)
{
	struct device *dev = pci_host_device(w.host);
	size_t len;

	fdtw_begin(&fdt, "%s", "");
	fdtw_u32(&fdt, "#address-cells", 2);
	fdtw_u32(&fdt, "#size-cells", 2);
	dev->class->describe(dev, &fdt);
	fdtw_end(&fdt);
	ck_assert_int_eq(fdtw_finish(&fdt, &len), 0);
	ck_assert_int_eq(fdt_check_full(fdt.buf, len), 0);
}

static int node(const char *path)
{
	int at = fdt_path_offset(fdt.buf, path);

	ck_assert_msg(at >= 0, "no node %s", path);
	return at;
}

/* Property @name of @path consists of these cells. */
static void cells(const char *path, const char *name, const uint32_t *want, int n)
{
	int len;
	const fdt32_t *got = fdt_getprop(fdt.buf, node(path), name, &len);

	ck_assert_msg(got != NULL, "no %s in %s", name, path);
	ck_assert_int_eq(len, n * 4);
	for (int i = 0; i < n; i++)
		ck_assert_msg(fdt32_to_cpu(got[i]) == want[i], "%s %s[%d] is %#x, not %#x", path, name, i,
			      fdt32_to_cpu(got[i]), want[i]);
}

#define CELLS(path, name, ...)                                                                                         \
	cells(path, name, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

static void string(const char *path, const char *name, const char *want)
{
	const char *got = fdt_getprop(fdt.buf, node(path), name, NULL);

	ck_assert_ptr_nonnull(got);
	ck_assert_str_eq(got, want);
}

static bool has(const char *path, const char *name)
{
	return fdt_getprop(fdt.buf, node(path), name, NULL) != NULL;
}

START_TEST(host_node)
{
	describe();
	string(NODE, "compatible", "pci-host-ecam-generic");
	string(NODE, "device_type", "pci");
	CELLS(NODE, "reg", 0x40, 0x10000000, 0, 0x10000000);
	CELLS(NODE, "bus-range", 0, 255);
	CELLS(NODE, "#address-cells", 3);
	CELLS(NODE, "#size-cells", 2);
	CELLS(NODE, "#interrupt-cells", 1);
	CELLS(NODE, "ranges", 0x02000000, 0, 0x10000000, 0, 0x10000000, 0, 0x20000000, 0x43000000, 0x80, 0, 0x80, 0,
	      0x80, 0);
	CELLS(NODE, "msi-map", 0, FDTW_PHANDLE_MSI, 0, 0x10000);
	ck_assert(has(NODE, "dma-coherent"));
	ck_assert(!has(NODE, "iommu-map"));
	ck_assert_int_lt(fdt_first_subnode(fdt.buf, node(NODE)), 0);
}
END_TEST

/* The SPI that the tree gives to @pin of a function whose masked unit address is @phys. */
static uint32_t mapped_spi(const char *path, uint32_t phys, uint32_t pin)
{
	int len;
	const fdt32_t *mask = fdt_getprop(fdt.buf, node(path), "interrupt-map-mask", &len);

	ck_assert_int_eq(len, 16);
	const fdt32_t *map = fdt_getprop(fdt.buf, node(path), "interrupt-map", &len);

	for (int i = 0; i + 10 <= len / 4; i += 10) {
		if (fdt32_to_cpu(map[i]) != (phys & fdt32_to_cpu(mask[0])) ||
		    fdt32_to_cpu(map[i + 3]) != (pin & fdt32_to_cpu(mask[3])))
			continue;
		ck_assert_uint_eq(fdt32_to_cpu(map[i + 1]) | fdt32_to_cpu(map[i + 2]), 0);
		ck_assert_uint_eq(fdt32_to_cpu(map[i + 4]), FDTW_PHANDLE_GIC);
		ck_assert_uint_eq(fdt32_to_cpu(map[i + 5]) | fdt32_to_cpu(map[i + 6]), 0);
		ck_assert_uint_eq(fdt32_to_cpu(map[i + 7]), FDTW_GIC_SPI);
		ck_assert_uint_eq(fdt32_to_cpu(map[i + 9]), FDTW_IRQ_LEVEL);
		return fdt32_to_cpu(map[i + 8]);
	}
	ck_abort_msg("no interrupt-map entry for %#x pin %u in %s", phys, pin, path);
}

/* For every slot and pin the tree and pci_host_intx_line() agree, with and without nodes for the ports. */
START_TEST(interrupt_map)
{
	struct fake_endpoint *at_root[32] = {0};

	ep[0]->fn.dt_phandle = 100;
	for (unsigned slot = 3; slot < 32; slot++) {
		at_root[slot] = fake_endpoint_new("root");
		ck_assert_int_eq(pci_host_place(w.host, NULL, (uint8_t)(slot << 3), &at_root[slot]->fn), 0);
	}
	describe();
	for (uint8_t pin = 1; pin <= 4; pin++) {
		for (unsigned slot = 3; slot < 32; slot++)
			ck_assert_uint_eq(mapped_spi(NODE, slot << 11, pin) + 32,
					  pci_host_intx_line(w.host, &at_root[slot]->fn, pin)->intid);
		/* Port 0 has a node, and software stops there with the endpoint's own pin and bus 1 address. */
		ck_assert_uint_eq(mapped_spi(NODE "/pci@1,0", 0x10000, pin) + 32,
				  pci_host_intx_line(w.host, &ep[0]->fn, pin)->intid);
		ck_assert_uint_eq(mapped_spi(NODE "/pci@1,0", 0x10200, pin) + 32,
				  pci_host_intx_line(w.host, &ep[1]->fn, pin)->intid);
	}
}
END_TEST

START_TEST(iommu_map)
{
	const struct pci_iommu_map maps[] = {
		{.first_rid = 0x100, .iommu_phandle = 7, .first_sid = 0x100, .count = 0x100},
		{.first_rid = 0xff00, .iommu_phandle = 8, .first_sid = 0, .count = 1},
	};

	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pci_host_add_iommu_map(w.host, &maps[i]), 0);
	describe();
	CELLS(NODE, "iommu-map", 0x100, 7, 0x100, 0x100, 0xff00, 8, 0, 1);
}
END_TEST

START_TEST(endpoint_nodes)
{
	ep[1]->fn.dt_phandle = 101;
	ep[1]->fn.dt_memory_region = 55;
	describe();
	string(NODE "/pci@1,0", "device_type", "pci");
	CELLS(NODE "/pci@1,0", "reg", 0x800, 0, 0, 0, 0);
	CELLS(NODE "/pci@1,0", "#address-cells", 3);
	CELLS(NODE "/pci@1,0", "#size-cells", 2);
	ck_assert(has(NODE "/pci@1,0", "ranges"));
	ck_assert(!has(NODE "/pci@1,0", "phandle"));
	CELLS(NODE "/pci@1,0/endpoint@0,2", "reg", 0x200, 0, 0, 0, 0);
	CELLS(NODE "/pci@1,0/endpoint@0,2", "memory-region", 55);
	ck_assert_int_eq(fdt_node_offset_by_phandle(fdt.buf, 101), node(NODE "/pci@1,0/endpoint@0,2"));
	ck_assert_int_lt(fdt_path_offset(fdt.buf, NODE "/pci@1,0/endpoint@0,0"), 0);
	ck_assert_int_lt(fdt_path_offset(fdt.buf, NODE "/pci@2,0"), 0);
}
END_TEST

START_TEST(more_nodes)
{
	struct fake_endpoint *root = fake_endpoint_new("root");

	ck_assert_int_eq(pci_host_place(w.host, NULL, 0xfa, &root->fn), 0);
	root->fn.dt_phandle = 200;
	w.port[1]->fn.dt_phandle = 201;
	ep[0]->fn.dt_memory_region = 9; /* no phandle: no node asked for */
	describe();
	CELLS(NODE "/endpoint@1f,2", "reg", 0xfa00, 0, 0, 0, 0);
	CELLS(NODE "/endpoint@1f,2", "phandle", 200);
	ck_assert(!has(NODE "/endpoint@1f,2", "memory-region"));
	CELLS(NODE "/pci@2,0", "phandle", 201);
	ck_assert_int_lt(fdt_path_offset(fdt.buf, NODE "/pci@1,0"), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pci_fdt");
	TCase *tc = tcase_create("node");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, host_node);
	tcase_add_test(tc, interrupt_map);
	tcase_add_test(tc, iommu_map);
	tcase_add_test(tc, endpoint_nodes);
	tcase_add_test(tc, more_nodes);
	suite_add_tcase(suite, tc);

	return run_suite(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the payloads' runtime and drivers that touch no hardware, run natively: formatting, the device tree
 * reader on a tree that fdtw wrote, translation tables. */
#undef fail /* Check's old macro: the runtime has a function of that name */
#include "rt.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "fdtw.h"
#include "pt.h"
#include "run_suite.h"
#include "smmu_hw.h"

#define HEAP (64u << 20)

/* What the runtime wants of its architecture. */
void arch_map_device(uint64_t base, uint64_t size)
{
}

_Noreturn void power_off(void)
{
	abort();
}

uint64_t now_us(void)
{
	return 0;
}

void put(char c)
{
}

static const char *format(const char *fmt, ...)
{
	static char buf[32];
	va_list ap;

	va_start(ap, fmt);
	vformat(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	return buf;
}

START_TEST(formatting)
{
	ck_assert_str_eq(format("%d %u %x|%s|%c%%", -5, 7u, 0xabcu, "text", 'z'), "-5 7 abc|text|z%");
	ck_assert_str_eq(format("%016llx", 0x123456789abcdefull), "0123456789abcdef");
	ck_assert_str_eq(format("%02x:%5u", 3u, 42u), "03:   42");
	ck_assert_str_eq(format("%lld %llu", (long long)INT64_MIN, 0ull), "-9223372036854775808 0");
	ck_assert_uint_eq(strlen(format("%s", "longer than the buffer of thirty-two bytes")), 31);
}
END_TEST

START_TEST(device_tree)
{
	static const uint32_t map[] = {0, 5, 0x100, 0x200};
	static const char names[] = "first\0second,name";
	struct fdtw fdt;
	size_t len;
	uint64_t addr, size;
	unsigned cells;

	ck_assert_int_eq(fdtw_start(&fdt), 0);
	fdtw_begin(&fdt, "%s", "");
	fdtw_u32(&fdt, "#address-cells", 2);
	fdtw_u32(&fdt, "#size-cells", 2);
	fdtw_begin(&fdt, "thing@%x", 0x1000u);
	fdtw_strings(&fdt, "compatible", names, sizeof(names));
	fdtw_reg(&fdt, 0x123456789000, 0x2000);
	fdtw_u32(&fdt, "phandle", 77);
	fdtw_u32s(&fdt, "iommu-map", map, 4);
	fdtw_end(&fdt);
	fdtw_begin(&fdt, "thing@%x", 0x2000u);
	fdtw_string(&fdt, "compatible", "second,name");
	fdtw_string(&fdt, "device_type", "memory");
	fdtw_end(&fdt);
	fdtw_end(&fdt);
	ck_assert_int_eq(fdtw_finish(&fdt, &len), 0);
	fdt_init(fdt.buf);
	ck_assert_uint_eq(fdt_size(fdt.buf), len);
	struct fdt_node node = fdt_find("second,name", 0);

	ck_assert_ptr_nonnull(node.at);
	ck_assert(fdt_reg(node, 0, &addr, &size));
	ck_assert_uint_eq(addr, 0x123456789000);
	ck_assert_uint_eq(size, 0x2000);
	ck_assert(!fdt_reg(node, 1, &addr, &size));
	ck_assert_uint_eq(fdt_phandle(node), 77);
	ck_assert_uint_eq(fdt_cell(fdt_cells(node, "iommu-map", &cells), 3), 0x200);
	ck_assert_uint_eq(cells, 4);
	ck_assert_ptr_null(fdt_cells(node, "device_type", &cells));
	ck_assert_ptr_nonnull(fdt_find("second,name", 1).at);
	ck_assert_ptr_null(fdt_find("second,name", 2).at);
	ck_assert_ptr_null(fdt_find("second", 0).at);
	ck_assert_ptr_eq(fdt_find_type("memory").at, fdt_find("second,name", 1).at);
	fdtw_free(&fdt);
}
END_TEST

/* DDI 0487: start levels by granule and size, and how much a leaf maps. */
START_TEST(tables)
{
	static const struct {
		unsigned shift, bits, start;
		uint64_t leaf2;
	} cases[] = {
		{12, 48, 0, 2ull << 20},   {12, 39, 1, 2ull << 20},   {12, 30, 2, 2ull << 20},
		{12, 25, 2, 2ull << 20},   {14, 48, 0, 32ull << 20},  {14, 47, 1, 32ull << 20},
		{14, 36, 2, 32ull << 20},  {14, 25, 3, 32ull << 20},  {16, 48, 1, 512ull << 20},
		{16, 42, 2, 512ull << 20}, {16, 29, 3, 512ull << 20},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pt pt;
		uint64_t va, *entry;

		pt_init(&pt, cases[i].shift, cases[i].bits, -1);
		ck_assert_uint_eq(pt.start, cases[i].start);
		ck_assert_uint_eq(pt_leaf_size(&pt, 2), cases[i].leaf2);
		ck_assert_uint_eq(pt_leaf_size(&pt, 3), 1ull << cases[i].shift);
		va = pt_some_va(&pt);
		ck_assert_uint_eq(va >> cases[i].bits, 0);
		entry = pt_map(&pt, va & ~((1ull << cases[i].shift) - 1), 0x40000000, 3, P_AF);
		ck_assert_uint_eq(*entry, 0x40000000 | P_AF | P_VALID | P_TABLE);
		ck_assert_ptr_eq(pt_entry(&pt, va, 3), entry);
		if (pt.start < 3)
			ck_assert_uint_eq(*pt_entry(&pt, va, 2) & (P_VALID | P_TABLE), P_VALID | P_TABLE);
		entry = pt_map(&pt, va & ~(cases[i].leaf2 - 1), 0, 2 < pt.start ? 3 : 2, P_AF);
		ck_assert_uint_eq(*entry & P_TABLE, pt.start > 2 ? P_TABLE : 0);
	}
}
END_TEST

static void setup(void)
{
	/* Below 4 GiB or not: tables hold real addresses, of 48 bits. */
	void *heap = mmap(NULL, HEAP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(heap, MAP_FAILED);
	memory_init(pa(heap), pa(heap) + HEAP - 1);
}

int main(void)
{
	Suite *suite = suite_create("guest_rt");
	TCase *tc = tcase_create("guest_rt");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, formatting);
	tcase_add_test(tc, device_tree);
	tcase_add_test(tc, tables);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What fdtw writes is read back with libfdt's read functions. */
#include <check.h>
#include <errno.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "fdtw.h"
#include "log.h"
#include "run_suite.h"

static struct fdtw w;
static unsigned nr_lines;

static void sink(enum log_level level, const char *line, void *opaque)
{
	nr_lines++;
}

static void setup(void)
{
	nr_lines = 0;
	log_set_sink(sink, NULL);
	ck_assert_int_eq(fdtw_start(&w), 0);
}

static void teardown(void)
{
	fdtw_free(&w);
	ck_assert_ptr_null(w.buf);
	fdtw_free(&w);
	log_set_sink(NULL, NULL);
}

static const void *prop(const char *path, const char *name, int len)
{
	int node = fdt_path_offset(w.buf, path), got;

	ck_assert_msg(node >= 0, "no node %s", path);
	const void *value = fdt_getprop(w.buf, node, name, &got);
	ck_assert_msg(value != NULL, "no property %s in %s", name, path);
	ck_assert_int_eq(got, len);
	return value;
}

static uint32_t cell(const char *path, const char *name, int n, int of)
{
	const fdt32_t *cells = prop(path, name, of * 4);

	return fdt32_to_cpu(cells[n]);
}

START_TEST(everything)
{
	size_t len = 0;

	fdtw_begin(&w, "%s", "");
	fdtw_u32(&w, "#address-cells", 2);
	fdtw_string(&w, "model", "aerie");
	fdtw_begin(&w, "serial@%x", 0x9000000);
	fdtw_strings(&w, "compatible", "arm,pl011\0arm,primecell", 24);
	fdtw_reg(&w, UINT64_C(0x123456789a), 0x1000);
	FDTW_CELLS(&w, "interrupts", FDTW_GIC_SPI, 7, FDTW_IRQ_LEVEL);
	FDTW_CELLS(&w, "big", FDTW_U64(UINT64_C(0xfedcba9876543210)));
	fdtw_u64(&w, "big2", UINT64_C(0xfedcba9876543210));
	fdtw_empty(&w, "dma-coherent");
	fdtw_u32s(&w, "none", NULL, 0);
	fdtw_end(&w);
	fdtw_end(&w);
	ck_assert_int_eq(fdtw_finish(&w, &len), 0);
	ck_assert_uint_eq(nr_lines, 0);

	ck_assert_int_eq(fdt_check_full(w.buf, len), 0);
	ck_assert_uint_eq(fdt_totalsize(w.buf), len);
	ck_assert_uint_lt(len, 1024); /* not the whole buffer */
	ck_assert_int_eq(fdt_num_mem_rsv(w.buf), 0);
	ck_assert_uint_eq(cell("/", "#address-cells", 0, 1), 2);
	ck_assert_str_eq(prop("/", "model", 6), "aerie");
	const char *node = "/serial@9000000";
	ck_assert_int_eq(fdt_stringlist_count(w.buf, fdt_path_offset(w.buf, node), "compatible"), 2);
	ck_assert_int_eq(fdt_node_check_compatible(w.buf, fdt_path_offset(w.buf, node), "arm,primecell"), 0);
	ck_assert_uint_eq(cell(node, "reg", 0, 4), 0x12);
	ck_assert_uint_eq(cell(node, "reg", 1, 4), 0x3456789a);
	ck_assert_uint_eq(cell(node, "reg", 2, 4), 0);
	ck_assert_uint_eq(cell(node, "reg", 3, 4), 0x1000);
	ck_assert_uint_eq(cell(node, "interrupts", 1, 3), 7);
	ck_assert_uint_eq(cell(node, "interrupts", 2, 3), 4);
	ck_assert_uint_eq(cell(node, "big", 0, 2), 0xfedcba98);
	ck_assert_uint_eq(cell(node, "big", 1, 2), 0x76543210);
	ck_assert_mem_eq(prop(node, "big2", 8), prop(node, "big", 8), 8);
	prop(node, "dma-coherent", 0);
	prop(node, "none", 0);
}
END_TEST

START_TEST(phandles)
{
	uint32_t first = fdtw_phandle(&w), second = fdtw_phandle(&w);

	ck_assert_uint_ge(first, FDTW_PHANDLE_FIRST_FREE);
	ck_assert_uint_ne(first, second);
}
END_TEST

static void unbalanced(void)
{
	fdtw_begin(&w, "%s", "");
}

static void too_many_ends(void)
{
	fdtw_begin(&w, "%s", "");
	fdtw_end(&w);
	fdtw_end(&w);
}

static void property_outside(void)
{
	fdtw_u32(&w, "x", 1);
	fdtw_begin(&w, "%s", "");
	fdtw_end(&w);
}

static void property_after_child(void)
{
	fdtw_begin(&w, "%s", "");
	fdtw_begin(&w, "child");
	fdtw_end(&w);
	fdtw_empty(&w, "x");
	fdtw_end(&w);
}

static void two_roots(void)
{
	for (int i = 0; i < 2; i++) {
		fdtw_begin(&w, "%s", "");
		fdtw_end(&w);
	}
}

static void nothing(void)
{
}

static void long_name(void)
{
	fdtw_begin(&w, "%s", "");
	fdtw_begin(&w, "%0500d", 1);
	fdtw_end(&w);
	fdtw_end(&w);
}

static void too_big(void)
{
	static const char zeros[1 << 16];

	fdtw_begin(&w, "%s", "");
	for (int i = 0; i < 20; i++)
		fdtw_strings(&w, "x", zeros, sizeof(zeros));
	fdtw_end(&w);
}

static void huge_property(void)
{
	static const char zero;

	fdtw_begin(&w, "%s", "");
	fdtw_strings(&w, "x", &zero, SIZE_MAX);
	fdtw_end(&w);
}

static void huge_cells(void)
{
	static const uint32_t zero;

	fdtw_begin(&w, "%s", "");
	fdtw_u32s(&w, "x", &zero, SIZE_MAX / 2);
	fdtw_end(&w);
}

static void (*const mistakes[])(void) = {
	unbalanced, too_many_ends, property_outside, property_after_child, two_roots,
	nothing,    long_name,	   too_big,	     huge_property,	   huge_cells,
};

START_TEST(first_error_sticks)
{
	size_t len;

	mistakes[_i]();
	int first = w.error;
	ck_assert_int_eq(fdtw_finish(&w, &len), -EINVAL);
	if (first)
		ck_assert_int_eq(w.error, first);
	ck_assert_uint_eq(nr_lines, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fdtw");
	TCase *tc = tcase_create("fdtw");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, everything);
	tcase_add_test(tc, phandles);
	tcase_add_loop_test(tc, first_error_sticks, 0, sizeof(mistakes) / sizeof(mistakes[0]));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

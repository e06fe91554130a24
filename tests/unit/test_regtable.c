/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "regtable.h"
#include "run_suite.h"

enum {
	PLAIN,
	BYTES,
	WIDE,
	MIXED,
	RO,
	HOOKED,
	LAST,
	NR,
};

struct model {
	uint64_t values[NR];
	unsigned writes;
	unsigned index;
	uint64_t old, now;
	unsigned reads;
};

static uint64_t on_read(void *dev, unsigned index, uint64_t stored)
{
	struct model *m = dev;

	m->reads++;
	ck_assert_uint_eq(index, HOOKED);
	return ~stored;
}

static void on_write(void *dev, unsigned index, uint64_t old, uint64_t now)
{
	struct model *m = dev;

	m->writes++;
	m->index = index;
	m->old = old;
	m->now = now;
	ck_assert_uint_eq(m->values[index], now);
}

static const struct reg_row rows[NR] = {
	[PLAIN] = {.offset = 0x00, .width = REG32, .name = "PLAIN", .reset = 0x11223344, .rw = UINT32_MAX},
	[BYTES] =
		{.offset = 0x04, .width = REG32, .name = "BYTES", .reset = 0x55667788, .rw = UINT32_MAX, .min_size = 1},
	[WIDE] = {.offset = 0x10,
		  .width = REG64,
		  .name = "WIDE",
		  .reset = UINT64_C(0x0123456789abcdef),
		  .rw = UINT64_MAX,
		  .written = on_write},
	[MIXED] = {.offset = 0x18,
		   .width = REG32,
		   .name = "MIXED",
		   .reset = 0xff00ff00,
		   .rw = 0xff,
		   .w1c = 0xff00,
		   .written = on_write,
		   .min_size = 2},
	[RO] = {.offset = 0x1c, .width = REG32, .name = "RO", .reset = 0xcafe},
	[HOOKED] = {.offset = 0x20,
		    .width = REG64,
		    .name = "HOOKED",
		    .reset = UINT64_C(0xffffffff00000000),
		    .read = on_read,
		    .min_size = 1},
	[LAST] = {.offset = 0xfffc, .width = REG32, .name = "LAST", .rw = UINT32_MAX},
};

static struct model m;

static void setup(void)
{
	m = (struct model){0};
	memset(m.values, 0xee, sizeof(m.values));
	regtable_reset(rows, NR, m.values);
	ck_assert_uint_eq(m.writes, 0);
}

static enum bus_verdict rd(uint64_t offset, uint8_t size, uint64_t *value)
{
	struct bus_access a = {.offset = offset, .size = size, .value = UINT64_MAX};
	enum bus_verdict v = regtable_access(rows, NR, m.values, &m, &a);

	*value = a.value;
	return v;
}

static enum bus_verdict wr(uint64_t offset, uint8_t size, uint64_t value)
{
	struct bus_access a = {.offset = offset, .size = size, .value = value, .is_write = true};

	return regtable_access(rows, NR, m.values, &m, &a);
}

START_TEST(check_accepts)
{
	ck_assert(regtable_check(rows, NR));
	ck_assert(regtable_check(rows, 0));
	for (unsigned i = 0; i < NR; i++)
		ck_assert_uint_eq(m.values[i], rows[i].reset);
}
END_TEST

static const struct reg_row bad_tables[][2] = {
	{{.offset = 4, .width = REG32, .name = "a"}, {.offset = 0, .width = REG32, .name = "b"}},  /* not sorted */
	{{.offset = 0, .width = REG32, .name = "a"}, {.offset = 0, .width = REG32, .name = "b"}},  /* same place */
	{{.offset = 0, .width = REG64, .name = "a"}, {.offset = 4, .width = REG32, .name = "b"}},  /* overlap */
	{{.offset = 0, .width = REG32, .name = "a"}, {.offset = 12, .width = REG64, .name = "b"}}, /* misaligned */
	{{.offset = 2, .width = REG32, .name = "a"}, {.offset = 8, .width = REG32, .name = "b"}},
	{{.offset = 0, .width = REG32, .name = "a", .rw = 3, .w1c = 2}, {.offset = 8, .width = REG32, .name = "b"}},
	{{.offset = 0, .width = REG32, .name = "a", .rw = BIT64(32)}, {.offset = 8, .width = REG32, .name = "b"}},
	{{.offset = 0, .width = REG32, .name = "a", .reset = BIT64(32)}, {.offset = 8, .width = REG32, .name = "b"}},
	{{.offset = 0, .width = REG32, .name = "a", .min_size = 3}, {.offset = 8, .width = REG32, .name = "b"}},
	{{.offset = 0, .width = REG32, .name = "a", .min_size = 8}, {.offset = 8, .width = REG32, .name = "b"}},
	{{.offset = 0, .width = REG32}, {.offset = 8, .width = REG32, .name = "b"}},
	{{.offset = 0, .width = 2, .name = "a"}, {.offset = 8, .width = REG32, .name = "b"}},
};

START_TEST(check_refuses)
{
	ck_assert(!regtable_check(bad_tables[_i], 2));
}
END_TEST

/* What the contract says, computed independently of the dispatcher: byte by byte. */
static enum bus_verdict expected(uint64_t offset, uint8_t size, int *row)
{
	*row = -1;
	for (int i = 0; i < NR; i++)
		if (offset >= rows[i].offset && offset < rows[i].offset + (uint64_t)rows[i].width)
			*row = i;
	if (*row < 0)
		return BUS_UNHANDLED;
	unsigned min = rows[*row].min_size ? rows[*row].min_size : 4;
	bool inside = offset + size <= rows[*row].offset + (uint64_t)rows[*row].width;
	return inside && size >= min && offset % size == 0 ? BUS_HANDLED : BUS_BAD;
}

START_TEST(every_size_and_offset)
{
	static const uint8_t sizes[] = {1, 2, 4, 8};

	for (uint64_t offset = 0; offset < 0x40; offset++) {
		for (unsigned s = 0; s < sizeof(sizes); s++) {
			uint8_t size = sizes[s];
			uint64_t value;
			int row;
			enum bus_verdict want = expected(offset, size, &row);
			setup();
			ck_assert_msg(rd(offset, size, &value) == want, "read %u at 0x%x", size, (unsigned)offset);
			if (want == BUS_HANDLED) {
				uint64_t whole = row == HOOKED ? ~rows[row].reset : rows[row].reset;
				for (unsigned b = 0; b < size; b++)
					ck_assert_uint_eq((value >> (8 * b)) & 0xff,
							  (whole >> (8 * (offset - rows[row].offset + b))) & 0xff);
				if (size < 8)
					ck_assert_uint_eq(value >> (8 * size), 0);
			}
			ck_assert_int_eq(wr(offset, size, UINT64_C(0xa5a5a5a5a5a5a5a5)), want);
			for (int i = 0; i < NR; i++)
				for (unsigned b = 0; b < 8; b++) {
					uint64_t at = rows[i].offset + b;
					bool hit =
						want == BUS_HANDLED && i == row && at >= offset && at < offset + size;
					uint64_t rw = (rows[i].rw >> (8 * b)) & 0xff,
						 w1c = (rows[i].w1c >> (8 * b)) & 0xff;
					uint64_t byte = (rows[i].reset >> (8 * b)) & 0xff;
					if (hit)
						byte = ((byte & ~rw) | (0xa5 & rw)) & ~(0xa5 & w1c);
					ck_assert_msg(((m.values[i] >> (8 * b)) & 0xff) == byte,
						      "write %u at 0x%x: %s byte %u", size, (unsigned)offset,
						      rows[i].name, b);
				}
		}
	}
}
END_TEST

START_TEST(halves_of_64_bits)
{
	uint64_t value;

	ck_assert_int_eq(wr(0x14, 4, 0xdeadbeef), BUS_HANDLED);
	ck_assert_uint_eq(m.writes, 1);
	ck_assert_uint_eq(m.index, WIDE);
	ck_assert_uint_eq(m.old, UINT64_C(0x0123456789abcdef));
	ck_assert_uint_eq(m.now, UINT64_C(0xdeadbeef89abcdef)); /* the hook sees the whole register */
	ck_assert_int_eq(wr(0x10, 4, UINT64_C(0xffffffff00000001)), BUS_HANDLED);
	ck_assert_uint_eq(m.now, UINT64_C(0xdeadbeef00000001)); /* bits above the size are no part of the access */
	ck_assert_int_eq(rd(0x14, 4, &value), BUS_HANDLED);
	ck_assert_uint_eq(value, 0xdeadbeef);
	ck_assert_int_eq(wr(0x10, 8, 5), BUS_HANDLED);
	ck_assert_int_eq(rd(0x10, 8, &value), BUS_HANDLED);
	ck_assert_uint_eq(value, 5);
	ck_assert_uint_eq(m.writes, 3);
}
END_TEST

START_TEST(write_1_to_clear)
{
	ck_assert_int_eq(wr(0x18, 4, 0x1234), BUS_HANDLED);
	ck_assert_uint_eq(m.values[MIXED], 0xff00ed34); /* 0xff00 & ~0x1200; read-only bits stay */
	ck_assert_int_eq(wr(0x1a, 2, 0xffff), BUS_HANDLED);
	ck_assert_uint_eq(m.values[MIXED], 0xff00ed34); /* a write elsewhere clears nothing */
	ck_assert_uint_eq(m.writes, 2);			/* but the hook learns of the try */
	ck_assert_int_eq(wr(0x18, 4, 0), BUS_HANDLED);
	ck_assert_uint_eq(m.values[MIXED], 0xff00ed00);
}
END_TEST

START_TEST(read_only)
{
	uint64_t value;

	ck_assert_int_eq(wr(0x1c, 4, UINT32_MAX), BUS_HANDLED); /* ignored, not refused */
	ck_assert_int_eq(rd(0x1c, 4, &value), BUS_HANDLED);
	ck_assert_uint_eq(value, 0xcafe);
}
END_TEST

START_TEST(read_hook)
{
	uint64_t value;

	ck_assert_int_eq(rd(0x23, 1, &value), BUS_HANDLED);
	ck_assert_uint_eq(value, 0xff);
	ck_assert_int_eq(rd(0x24, 4, &value), BUS_HANDLED);
	ck_assert_uint_eq(value, 0);
	ck_assert_uint_eq(m.reads, 2);
	ck_assert_int_eq(rd(0x26, 4, &value), BUS_BAD); /* a refused access has no effects */
	ck_assert_uint_eq(m.reads, 2);
}
END_TEST

START_TEST(far_offsets)
{
	uint64_t value;

	ck_assert_int_eq(rd(0xfffc, 4, &value), BUS_HANDLED);
	ck_assert_int_eq(rd(0xfff8, 4, &value), BUS_UNHANDLED);
	ck_assert_int_eq(rd(0x10000, 4, &value), BUS_UNHANDLED);
	ck_assert_int_eq(rd(UINT64_MAX - 3, 4, &value), BUS_UNHANDLED);
	ck_assert_int_eq(rd(UINT64_C(1) << 32, 4, &value), BUS_UNHANDLED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("regtable");
	TCase *tc = tcase_create("regtable");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, check_accepts);
	tcase_add_loop_test(tc, check_refuses, 0, ARRAY_LEN(bad_tables));
	tcase_add_test(tc, every_size_and_offset);
	tcase_add_test(tc, halves_of_64_bits);
	tcase_add_test(tc, write_1_to_clear);
	tcase_add_test(tc, read_only);
	tcase_add_test(tc, read_hook);
	tcase_add_test(tc, far_offsets);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

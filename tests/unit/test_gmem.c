/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gmem.h"
#include "log.h"
#include "sys.h"
#include "run_suite.h"

#define LOW  UINT64_C(0x40000000)
#define MIB  UINT64_C(0x100000)
#define HIGH (LOW + 2 * MIB) /* directly behind LOW: still another region */
#define TOP  (UINT64_MAX - MIB + 1)

static struct gmem mem;
static unsigned nr_lines;
static char last[2048];

static void sink(enum log_level level, const char *line, void *opaque)
{
	nr_lines++;
	snprintf(last, sizeof(last), "%s", line);
}

static void setup(void)
{
	log_set_sink(sink, NULL);
	nr_lines = 0;
	gmem_init(&mem);
	ck_assert_int_eq(gmem_add(&mem, gpa(LOW), 2 * MIB, GMEM_PAGES_NORMAL), 0);
	ck_assert_int_eq(gmem_add(&mem, gpa(HIGH), MIB, GMEM_PAGES_NORMAL), 0);
	ck_assert_int_eq(gmem_add(&mem, gpa(TOP), MIB, GMEM_PAGES_NORMAL), 0);
	ck_assert_uint_eq(nr_lines, 0);
}

static void teardown(void)
{
	gmem_fini(&mem);
	ck_assert_uint_eq(mem.nr_regions, 0);
	gmem_fini(&mem);
	log_set_sink(NULL, NULL);
}

/* addr, len -> RAM of one region? */
static const struct {
	uint64_t addr, len;
	bool ok;
} places[] = {
	{LOW, 1, true},
	{LOW, 2 * MIB, true},
	{LOW, 2 * MIB + 1, false}, /* goes on in the next region */
	{LOW - 1, 1, false},
	{LOW - 1, 2, false},
	{HIGH - 1, 1, true},
	{HIGH - 1, 2, false},
	{HIGH - 4, 8, false},
	{HIGH, MIB, true},
	{HIGH + MIB - 1, 1, true},
	{HIGH + MIB - 1, 2, false},
	{HIGH + MIB, 1, false},
	{LOW, 0, true},
	{LOW + 5, 0, true},
	{HIGH + MIB - 1, 0, true},
	{HIGH + MIB, 0, false}, /* @addr itself must be RAM */
	{LOW - 1, 0, false},
	{0, 0, false},
	{0, 1, false},
	{LOW + 8, UINT64_MAX, false},
	{LOW + 8, UINT64_MAX - 8, false},
	{LOW + 8, UINT64_MAX - LOW - 7, false}, /* ends at 2^64 */
	{LOW, UINT64_C(1) << 63, false},
	{LOW, UINT64_C(1) << 32, false},
	{TOP, MIB, true},
	{UINT64_MAX, 1, true},
	{UINT64_MAX, 2, false},
	{UINT64_MAX, 0, true},
	{UINT64_MAX - 3, 8, false},
	{UINT64_MAX, UINT64_MAX, false},
	{UINT64_MAX / 2, 16, false},
};

START_TEST(table)
{
	uint64_t addr = places[_i].addr, len = places[_i].len;
	bool ok = places[_i].ok;

	ck_assert_int_eq(gmem_contains(&mem, gpa(addr), len), ok);
	ck_assert_int_eq(gmem_host(&mem, gpa(addr), len) != NULL, ok);
	if (len <= 16) {
		uint8_t buf[16], zero[16] = {0};
		memset(buf, 0xaa, sizeof(buf));
		ck_assert_int_eq(gmem_write(&mem, gpa(addr), buf, (size_t)len), ok ? 0 : -EFAULT);
		memset(buf, 0x55, sizeof(buf));
		ck_assert_int_eq(gmem_read(&mem, gpa(addr), buf, (size_t)len), ok ? 0 : -EFAULT);
		if (len) /* zeroed on failure */
			ck_assert_int_eq(buf[0], ok ? 0xaa : 0);
		memset(buf, 0, (size_t)len);
		memset(zero + len, 0x55, sizeof(zero) - (size_t)len);
		ck_assert_mem_eq(buf, zero, sizeof(buf)); /* nothing beyond @len was touched */
	}
}
END_TEST

START_TEST(write_is_all_or_nothing)
{
	uint8_t data[4] = {1, 2, 3, 4}, before[2] = {9, 9}, now[2];

	ck_assert_int_eq(gmem_write(&mem, gpa(HIGH + MIB - 2), before, 2), 0);
	ck_assert_int_eq(gmem_write(&mem, gpa(HIGH + MIB - 2), data, 4), -EFAULT);
	ck_assert_int_eq(gmem_read(&mem, gpa(HIGH + MIB - 2), now, 2), 0);
	ck_assert_mem_eq(now, before, 2);
}
END_TEST

START_TEST(little_endian_words)
{
	const uint8_t bytes[8] = {0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01};
	uint8_t back[4];
	uint64_t value;

	ck_assert_int_eq(gmem_write(&mem, gpa(LOW + 8), bytes, 8), 0);
	ck_assert_int_eq(gmem_read_le64(&mem, gpa(LOW + 8), &value), 0);
	ck_assert_uint_eq(value, UINT64_C(0x0123456789abcdef));
	ck_assert_int_eq(gmem_write_le32(&mem, gpa(LOW + 12), 0xcafef00d), 0);
	ck_assert_int_eq(gmem_read(&mem, gpa(LOW + 12), back, 4), 0);
	ck_assert_mem_eq(back, ((uint8_t[]){0x0d, 0xf0, 0xfe, 0xca}), 4);
	for (unsigned i = 1; i < 8; i++) {
		value = 1;
		ck_assert_int_eq(gmem_read_le64(&mem, gpa(LOW + i), &value), -EFAULT);
		ck_assert_uint_eq(value, 0);
	}
	for (unsigned i = 1; i < 4; i++)
		ck_assert_int_eq(gmem_write_le32(&mem, gpa(LOW + i), 0), -EFAULT);
	ck_assert_int_eq(gmem_read_le64(&mem, gpa(UINT64_MAX - 7), &value), 0);
	ck_assert_int_eq(gmem_read_le64(&mem, gpa(UINT64_MAX - 3), &value), -EFAULT);
	ck_assert_int_eq(gmem_write_le32(&mem, gpa(UINT64_MAX - 3), 0), 0);
	ck_assert_int_eq(gmem_write_le32(&mem, gpa(HIGH + MIB), 0), -EFAULT);
	ck_assert_int_eq(gmem_read_le64(&mem, gpa(LOW - 8), &value), -EFAULT);
}
END_TEST

START_TEST(size_and_backing)
{
	struct stat st;

	ck_assert_uint_eq(gmem_size(&mem), 4 * MIB);
	ck_assert_int_eq(fstat(mem.regions[0].fd, &st), 0);
	ck_assert_int_eq(st.st_size, 2 * MIB);
	/* The mapping is shared with the descriptor: what is written by one is read by the other. */
	ck_assert_int_eq(pwrite(mem.regions[0].fd, "hello", 5, 0x1000), 5);
	ck_assert_mem_eq(gmem_host(&mem, gpa(LOW + 0x1000), 5), "hello", 5);
}
END_TEST

static const struct {
	uint64_t base, size;
} refused[] = {
	{0, 0},
	{0, UINT64_MAX},
	{1, MIB},
	{0, MIB + 1},
	{LOW, MIB},
	{LOW - MIB, MIB + 4096},
	{HIGH + MIB - 4096, MIB},
	{LOW - MIB, 16 * MIB},
	{UINT64_MAX - 4095, 8192},
	{0x1000, UINT64_C(1) << 63},
	{UINT64_MAX & ~UINT64_C(4095), 4096},
};

START_TEST(add_refused)
{
	ck_assert_int_eq(gmem_add(&mem, gpa(refused[_i].base), refused[_i].size, GMEM_PAGES_NORMAL), -EINVAL);
	ck_assert_uint_eq(nr_lines, 1);
	ck_assert_uint_eq(mem.nr_regions, 3);
}
END_TEST

START_TEST(too_many_regions)
{
	ck_assert_int_eq(gmem_add(&mem, gpa(0), 4096, GMEM_PAGES_NORMAL), 0);
	ck_assert_int_eq(gmem_add(&mem, gpa(8192), 4096, GMEM_PAGES_NORMAL), -EINVAL);
	ck_assert_uint_eq(nr_lines, 1);
}
END_TEST

/* Compare-exchange in guest memory: what it holds decides; little-endian; aligned RAM only. */
START_TEST(compare_exchange)
{
	const uint64_t old = UINT64_C(0x0123456789abcdef);
	uint64_t value;
	uint8_t low;

	ck_assert_int_eq(gmem_cmpxchg_le64(&mem, gpa(LOW + 8), 0, old), 0);
	ck_assert_int_eq(gmem_cmpxchg_le64(&mem, gpa(LOW + 8), 0, 1), -EAGAIN);
	ck_assert_int_eq(gmem_read_le64(&mem, gpa(LOW + 8), &value), 0);
	ck_assert_uint_eq(value, old);
	ck_assert_int_eq(gmem_read(&mem, gpa(LOW + 8), &low, 1), 0);
	ck_assert_uint_eq(low, 0xef);
	ck_assert_int_eq(gmem_cmpxchg_le64(&mem, gpa(LOW + 8), old, 1), 0);
	for (unsigned i = 1; i < 8; i++)
		ck_assert_int_eq(gmem_cmpxchg_le64(&mem, gpa(LOW + 16 + i), 0, 1), -EFAULT);
	ck_assert_int_eq(gmem_cmpxchg_le64(&mem, gpa(HIGH + MIB), 0, 1), -EFAULT);
}
END_TEST

/* Every page is there afterwards and zero; sizes around the chunk, so that each region ends inside one. */
START_TEST(populate)
{
	const uint64_t sizes[] = {GMEM_POPULATE_CHUNK + 0x1000, 0x3000};
	struct gmem fresh;

	gmem_init(&fresh);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(gmem_add(&fresh, gpa(UINT64_C(0x100000000) * i), sizes[i], GMEM_PAGES_NORMAL), 0);
	gmem_populate(&fresh);
	for (unsigned i = 0; i < fresh.nr_regions; i++) {
		const struct gmem_region *r = &fresh.regions[i];
		size_t pages = r->size / 0x1000;
		unsigned char *there = calloc(1, pages);

		ck_assert_int_eq(mincore(r->host, r->size, there), 0);
		for (size_t p = 0; p < pages; p++)
			ck_assert_uint_eq(there[p] & 1, 1);
		free(there);
	}
	gmem_fini(&fresh);
}
END_TEST

START_TEST(huge_pages)
{
	/* More than any pool has; the error says where the number is set. */
	ck_assert_int_lt(gmem_add(&mem, gpa(0), UINT64_C(1) << 29, GMEM_PAGES_HUGE_2M), 0);
	ck_assert_uint_eq(nr_lines, 1);
	ck_assert(strstr(last, "nr_hugepages") || strstr(last, "CONFIG_HUGETLBFS"));
	ck_assert_int_eq(gmem_add(&mem, gpa(0), MIB, GMEM_PAGES_HUGE_2M), -EINVAL); /* not a multiple of 2 MiB */
	ck_assert_uint_eq(mem.nr_regions, 3);
}
END_TEST

START_TEST(sealed)
{
	ck_assert_int_eq(ftruncate(mem.regions[0].fd, 0), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(ftruncate(mem.regions[0].fd, (off_t)(4 * MIB)), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gmem");
	TCase *tc = tcase_create("gmem");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, table, 0, sizeof(places) / sizeof(places[0]));
	tcase_add_test(tc, sealed);
	tcase_add_test(tc, write_is_all_or_nothing);
	tcase_add_test(tc, little_endian_words);
	tcase_add_test(tc, compare_exchange);
	tcase_add_test(tc, size_and_backing);
	tcase_add_loop_test(tc, add_refused, 0, sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tc, too_many_regions);
	tcase_add_test(tc, populate);
	tcase_add_test(tc, huge_pages);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The device interface report: lengths, ranges, and what a hostile one tries. */
#include <errno.h>
#include <string.h>

#include "run_suite.h"
#include "tdisp_report.h"

#define OFFSET UINT64_C(0x10000000)

static const struct tdisp_bar bars[TDISP_NR_BARS] = {
	{0x8000000000, 0x20000}, {0}, {0x8000100000, 0x100000}, {0}, {0x10000000, 0x1000},
};

static struct tdisp_report good(void)
{
	return (struct tdisp_report){
		.info = TDISP_INFO_NO_UPDATE | TDISP_INFO_DMA_NO_PASID,
		.msix_control = 0x803f,
		.tph_control = 0x11223344,
		.nr_ranges = 4,
		.ranges =
			{
				{(0x8000000000 + OFFSET) >> 12, 0x10, 0, 0},
				{(0x8000010000 + OFFSET) >> 12, 1, TDISP_RANGE_MSIX_TABLE, 0},
				{(0x8000100000 + OFFSET) >> 12, 0x100, TDISP_RANGE_UPDATABLE, 2},
				{(0x10000000 + OFFSET) >> 12, 1, TDISP_RANGE_NON_TEE, 4},
			},
		.specific = (const uint8_t *)"specific",
		.specific_len = 8,
	};
}

static int check(const struct tdisp_report *r)
{
	const char *why = NULL;
	int err = tdisp_report_check(r, bars, OFFSET, &why);

	ck_assert_int_eq(err != 0, why != NULL);
	return err;
}

START_TEST(there_and_back)
{
	struct tdisp_report r = good(), out;
	uint8_t buf[256];
	const char *why;
	int n = tdisp_report_write(&r, buf, sizeof(buf));

	ck_assert_int_eq(n, 20 + 4 * 16 + 8);
	ck_assert_int_eq(tdisp_report_parse(buf, (size_t)n, &out, &why), 0);
	ck_assert_uint_eq(out.info, r.info);
	ck_assert_uint_eq(out.msix_control, r.msix_control);
	ck_assert_uint_eq(out.tph_control, r.tph_control);
	ck_assert_int_eq(memcmp(out.ranges, r.ranges, sizeof(r.ranges)), 0);
	ck_assert_int_eq(memcmp(out.specific, "specific", 8), 0);
	ck_assert_int_eq(check(&out), 0);
	for (int len = 0; len < n; len++) {
		ck_assert_int_eq(tdisp_report_write(&r, buf, (size_t)len), -EMSGSIZE);
	}
}
END_TEST

/* Any other length or count is refused; reserved bits are ignored. */
START_TEST(lengths)
{
	struct tdisp_report r = good(), out;
	uint8_t buf[256];
	const char *why;
	int n = tdisp_report_write(&r, buf, sizeof(buf));

	for (int len = 0; len < (int)sizeof(buf); len++)
		ck_assert_int_eq(tdisp_report_parse(buf, (size_t)len, &out, &why), len == n ? 0 : -EBADMSG);
#define REFUSED(at, value)                                                                                             \
	do {                                                                                                           \
		uint8_t was = buf[at];                                                                                 \
		buf[at] = value;                                                                                       \
		ck_assert_int_eq(tdisp_report_parse(buf, (size_t)n, &out, &why), -EBADMSG);                            \
		buf[at] = was;                                                                                         \
	} while (0)
	REFUSED(12, 3); /* ranges */
	REFUSED(12, 5);
	REFUSED(12, 65);
	REFUSED(15, 0xff); /* 2^32 * 16 wraps around */
	REFUSED(15, 0x10);
	REFUSED(80, 7); /* device specific information */
	REFUSED(80, 9);
	REFUSED(83, 0xff);
	buf[1] = 0xff;		   /* interface information */
	buf[2] = 0xff;		   /* between */
	buf[16 + 16 + 12] |= 0xf0; /* attributes */
	ck_assert_int_eq(tdisp_report_parse(buf, (size_t)n, &out, &why), 0);
	ck_assert_uint_eq(out.info, r.info);
	ck_assert_uint_eq(out.ranges[1].attributes, TDISP_RANGE_MSIX_TABLE);
}
END_TEST

START_TEST(ranges)
{
	struct tdisp_report r;

#define CHANGED(change)                                                                                                \
	do {                                                                                                           \
		r = good();                                                                                            \
		change;                                                                                                \
		ck_assert_int_eq(check(&r), -EPERM);                                                                   \
	} while (0)
	CHANGED(r.ranges[0].pages = 0);
	CHANGED(r.ranges[0].pages = 0x11); /* into the next range */
	CHANGED(r.ranges[1].pages = 0x11); /* out of the BAR */
	CHANGED(r.ranges[0].pages = UINT32_MAX);
	CHANGED(r.ranges[0].first_page--);
	CHANGED(r.ranges[3].first_page++);
	CHANGED(r.ranges[3].id = 5); /* no such BAR */
	CHANGED(r.ranges[3].id = 6);
	CHANGED(r.ranges[3].id = 0xffff);
	CHANGED(r.ranges[1].id = 2);					      /* another BAR's */
	CHANGED(r.ranges[0] = r.ranges[1]);				      /* the same twice */
	CHANGED((r.ranges[4] = r.ranges[2], r.nr_ranges = 5));		      /* an extra one */
	CHANGED((r.ranges[2] = r.ranges[3], r.ranges[3] = good().ranges[2])); /* order of BARs */
	CHANGED(r.ranges[0].first_page |= UINT64_C(1) << 52);		      /* would vanish in the shift */
	CHANGED(r.ranges[0].first_page = UINT64_MAX);
	/* Without the offset everything is somewhere else. */
	const char *why;

	r = good();
	ck_assert_int_eq(tdisp_report_check(&r, bars, 0, &why), -EPERM);
	r.nr_ranges = 0;
	ck_assert_int_eq(check(&r), 0);
}
END_TEST

/* The offset is signed: addresses wrap around in 64 bits. */
START_TEST(negative_offset)
{
	struct tdisp_report r = good();
	const char *why;

	for (unsigned i = 0; i < r.nr_ranges; i++)
		r.ranges[i].first_page = ((r.ranges[i].first_page << 12) - 2 * OFFSET) >> 12;
	ck_assert_int_eq(tdisp_report_check(&r, bars, -OFFSET, &why), 0);
	/* Below zero. */
	r = (struct tdisp_report){.nr_ranges = 1, .ranges = {{0xfffffff800000, 1, 0, 4}}};
	ck_assert_int_eq(tdisp_report_check(&r, bars, UINT64_C(0xffffffffe0000000) + 0x10000000, &why), -EPERM);
	r.ranges[0].first_page = UINT64_C(0xffffffff00000000) >> 12;
	ck_assert_int_eq(tdisp_report_check(&r, bars, UINT64_C(0xffffffff00000000) - 0x10000000, &why), 0);
}
END_TEST

START_TEST(names)
{
	ck_assert_str_eq(tdisp_state_name(TDISP_RUN), "RUN");
	ck_assert_str_eq(tdisp_state_name((enum tdisp_state)9), "unknown state");
	ck_assert_str_eq(tdisp_error_name(0x102), "INVALID_NONCE");
	ck_assert_str_eq(tdisp_error_name(0x999), "unknown error");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tdisp_report");
	TCase *tc = tcase_create("report");

	tcase_add_test(tc, there_and_back);
	tcase_add_test(tc, lengths);
	tcase_add_test(tc, ranges);
	tcase_add_test(tc, negative_offset);
	tcase_add_test(tc, names);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

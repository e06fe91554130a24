/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "layout.h"
#include "vm_fixture.h"

#define GIB		 UINT64_C(0x40000000)
#define MIB		 FIXTURE_MIB
#define LAST(base, size) ((base) + (size)-1)

struct place {
	const char *name;
	struct range range;
};

/* Everything that has an address in a machine with @memory bytes of RAM. Returns how many. */
static unsigned collect(struct place *p, const struct layout_high *high, uint64_t memory)
{
	const struct arch_layout *l = &arch_layout;
	unsigned n = 0;

	p[n++] = (struct place){"ITS", {ITS_BASE, LAST(ITS_BASE, ITS_SIZE)}};
	p[n++] = (struct place){"GICD", {GICD_BASE, LAST(GICD_BASE, GICD_SIZE)}};
	p[n++] = (struct place){"GICR low", {GICR_BASE, LAST(GICR_BASE, GICR_LOW_MAX * GICR_SIZE)}};
	p[n++] = (struct place){"serial", {l->serial_base, LAST(l->serial_base, 0x1000)}};
	p[n++] = (struct place){"rtc", {l->rtc_base, LAST(l->rtc_base, 0x1000)}};
	p[n++] = (struct place){"SMMUs", {l->smmu_base, LAST(l->smmu_base, l->smmu_max * l->smmu_stride)}};
	p[n++] = (struct place){"PCI 32", l->pci_mmio32};
	p[n++] = (struct place){"RAM", {l->ram_base, LAST(l->ram_base, memory)}};
	p[n++] = (struct place){"GICR high", high->gicr};
	p[n++] = (struct place){"ECAM", high->ecam};
	p[n++] = (struct place){"PCI 64", high->mmio64};
	return n;
}

static void check(uint64_t memory, unsigned limit)
{
	struct layout_high high;
	struct place p[16];

	ck_assert_int_eq(layout_high(&high, memory, limit), 0);
	ck_assert_uint_le(high.ipa_bits, limit);
	unsigned n = collect(p, &high, memory);
	for (unsigned i = 0; i < n; i++) {
		ck_assert_msg(p[i].range.first % 0x1000 == 0 && p[i].range.first < p[i].range.last, "%s", p[i].name);
		ck_assert_msg(p[i].range.last >> high.ipa_bits == 0, "%s beyond %u bits", p[i].name, high.ipa_bits);
		for (unsigned j = 0; j < i; j++)
			ck_assert_msg(!range_overlaps(p[i].range, p[j].range), "%s over %s with %llu MiB", p[i].name,
				      p[j].name, (unsigned long long)(memory / MIB));
	}
	ck_assert_uint_eq(range_len(high.ecam), 256 * MIB);
	ck_assert_uint_eq(high.ecam.first % (256 * MIB), 0); /* bus numbers are address bits */
	ck_assert_uint_ge(range_len(high.gicr), (512 - GICR_LOW_MAX) * GICR_SIZE);
	ck_assert_uint_eq(high.gicr.first % 0x10000, 0);
	ck_assert_uint_ge(range_len(high.mmio64), 4 * GIB);
	ck_assert_uint_eq(high.mmio64.first % (4 * GIB), 0);
	/* The host's doorbell window is IOVA space: a DMA to RAM there would never arrive. */
	struct range ram = {arch_layout.ram_base, LAST(arch_layout.ram_base, memory)};
	ck_assert(!range_overlaps(ram, arch_layout.msi_window));
}

START_TEST(no_overlap)
{
	for (uint64_t mib = 64; mib <= 1024 * 1024; mib *= 2) {
		check(mib * MIB, 48);
		check(mib * MIB + 2 * MIB, 48);
		check((mib * 3 / 2) * MIB - 2 * MIB, 52);
		if (mib <= 16 * 1024)
			check(mib * MIB, 36);
		if (mib <= 512 * 1024)
			check(mib * MIB, 40);
	}
	check(UINT64_C(3) * GIB, 48); /* RAM ends at 4 GiB exactly */
	check(UINT64_C(3) * GIB - 2 * MIB, 48);
}
END_TEST

static const struct {
	uint64_t memory;
	unsigned limit, bits; /* bits 0: refused */
} sizes[] = {
	{512 * MIB, 48, 40},				   /* KVM's default is enough */
	{512 * MIB, 40, 40},	      {512 * MIB, 36, 36}, /* and not needed */
	{512 * MIB, 34, 34},	      {512 * MIB, 33, 0},  /* no room for 64-bit BARs */
	{700 * GIB, 48, 40},	      {900 * GIB, 48, 41}, /* grows to leave a window for large BARs */
	{900 * GIB, 40, 40},				   /* or makes do with a smaller one */
	{1024 * GIB, 40, 0},	      {1024 * GIB, 48, 41}, {UINT64_C(1) << 47, 48, 48}, {UINT64_C(1) << 48, 48, 0},
	{UINT64_C(1) << 52, 52, 0},   {UINT64_MAX, 52, 0},  {UINT64_MAX, 64, 0},	 {512 * MIB, 255, 40},
	{UINT64_C(1) << 51, 255, 52}, {512 * MIB, 0, 0},
};

START_TEST(address_bits)
{
	struct layout_high high;
	int err = layout_high(&high, sizes[_i].memory, sizes[_i].limit);

	ck_assert_int_eq(err, sizes[_i].bits ? 0 : -EINVAL);
	ck_assert_uint_eq(nr_errors, sizes[_i].bits == 0);
	if (sizes[_i].bits)
		ck_assert_uint_eq(high.ipa_bits, sizes[_i].bits);
	else
		ck_assert_msg(strstr(last_error, "address bits"), "%s", last_error);
}
END_TEST

START_TEST(doorbell)
{
	/* One doorbell: the second 64 KiB page of the ITS, offset 0x40 (Arm IHI 0069, 12.18). */
	ck_assert_uint_eq(ITS_DOORBELL, ITS_BASE + 0x10040);
	ck_assert_uint_eq(ITS_BASE % 0x10000, 0);
	ck_assert_uint_eq(GICD_BASE % 0x10000, 0);
	ck_assert_uint_eq(GICR_BASE % 0x10000, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("arm64_layout");
	TCase *tc = tcase_create("arm64_layout");

	tcase_add_checked_fixture(tc, fixture_begin, fixture_end);
	tcase_add_test(tc, no_overlap);
	tcase_add_loop_test(tc, address_bits, 0, sizeof(sizes) / sizeof(sizes[0]));
	tcase_add_test(tc, doorbell);
	suite_add_tcase(suite, tc);
	return fixture_run_suite(suite);
}

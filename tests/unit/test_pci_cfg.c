/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration space by policy, against a model that goes bit by bit; capability lists. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "fake_pci.h"
#include "run_suite.h"

#define DW 0x80u /* the dword under test */

static const uint32_t patterns[] = {
	0,	    UINT32_MAX, 0x000000ff, 0x0000ff00, 0x00ff0000, 0xff000000, 0x0000ffff,
	0xffff0000, 0x5a5a5a5a, 0xa5a5a5a5, 0x00000001, 0x80000000, 0x01800180,
};
#define NR_PATTERNS (sizeof(patterns) / sizeof(patterns[0]))

static const struct {
	uint8_t at, size;
} lanes[] = {
	{0, 1}, {1, 1}, {2, 1}, {3, 1}, {0, 2}, {1, 2}, {2, 2}, {0, 4},
};
#define NR_LANES (sizeof(lanes) / sizeof(lanes[0]))

static struct fake_endpoint *ep;

static void setup(void)
{
	ep = fake_endpoint_new("ep");
}

static void teardown(void)
{
	fake_endpoint_free(ep);
}

static bool in_lane(unsigned lane, unsigned bit)
{
	return bit / 8 >= lanes[lane].at && bit / 8 < (unsigned)lanes[lane].at + lanes[lane].size;
}

static bool bit_of(uint32_t v, unsigned bit)
{
	return v >> bit & 1u;
}

static void write_lane(unsigned lane, uint32_t data)
{
	pci_function_cfg_write(&ep->fn, (uint16_t)(DW + lanes[lane].at), lanes[lane].size,
			       data >> (lanes[lane].at * 8));
}

/* Check notes each assertion down in a pipe, too slow for the hundreds of thousands here: only failures go there. */
static void equal(uint64_t got, uint64_t want)
{
	if (got != want)
		ck_assert_uint_eq(got, want);
}

static void check_reads(uint32_t expected)
{
	for (unsigned l = 0; l < NR_LANES; l++) {
		uint64_t got = pci_function_cfg_read(&ep->fn, (uint16_t)(DW + lanes[l].at), lanes[l].size);

		equal(got, expected >> (lanes[l].at * 8) & ((UINT64_C(1) << (lanes[l].size * 8)) - 1));
	}
}

START_TEST(hidden)
{
	for (unsigned l = 0; l < NR_LANES; l++) {
		write_lane(l, UINT32_MAX);
		check_reads(0);
	}
	ck_assert_uint_eq(ep->cfg_reads + ep->cfg_writes, 0);
}
END_TEST

START_TEST(emulated)
{
	uint32_t reset = patterns[_i];

	for (unsigned w = 0; w < NR_PATTERNS; w++)
		for (unsigned c = 0; c < NR_PATTERNS; c++)
			for (unsigned d = 0; d < NR_PATTERNS; d++)
				for (unsigned l = 0; l < NR_LANES; l++) {
					uint32_t expected = 0;

					for (unsigned b = 0; b < 32; b++) {
						bool v = bit_of(reset, b), data = bit_of(patterns[d], b);

						if (in_lane(l, b) && bit_of(patterns[c], b))
							v = v && !data;
						else if (in_lane(l, b) && bit_of(patterns[w], b))
							v = data;
						expected |= (uint32_t)v << b;
					}
					pci_cfg_emulate(&ep->fn.cfg, DW, reset, patterns[w], patterns[c], NULL);
					write_lane(l, patterns[d]);
					check_reads(expected);
				}
	ck_assert_uint_eq(ep->cfg_reads + ep->cfg_writes, 0);
}
END_TEST

START_TEST(passed)
{
	uint32_t device = patterns[_i], value = ~device;

	for (unsigned w = 0; w < NR_PATTERNS; w++)
		for (unsigned o = 0; o < NR_PATTERNS; o++)
			for (unsigned d = 0; d < NR_PATTERNS; d++)
				for (unsigned l = 0; l < NR_LANES; l++) {
					uint32_t expected = 0, seen;

					for (unsigned b = 0; b < 32; b++) {
						bool v = bit_of(device, b);

						if (in_lane(l, b) && bit_of(patterns[w], b) && !bit_of(patterns[o], b))
							v = bit_of(patterns[d], b);
						expected |= (uint32_t)v << b;
					}
					pci_cfg_pass(&ep->fn.cfg, DW, patterns[w], patterns[o], value);
					ep->device[DW / 4] = device;
					write_lane(l, patterns[d]);
					equal(ep->device[DW / 4], expected);
					seen = (expected & ~patterns[o]) | (value & patterns[o]);
					check_reads(seen);
				}
}
END_TEST

/* Status bits of a passed register that clear by 1 survive a write to their neighbours. */
START_TEST(passed_w1c)
{
	ep->device[DW / 4] = 0x000f0000;
	ep->device_w1c[DW / 4] = 0xffff0000;

	/* In the other half: the access is narrowed to the half that may change. */
	pci_cfg_pass(&ep->fn.cfg, DW, 0x0000ffff, 0, 0);
	pci_function_cfg_write(&ep->fn, DW, 4, 0xffff1234);
	ck_assert_uint_eq(ep->device[DW / 4], 0x000f1234);
	ck_assert_uint_eq(ep->last_size, 2);
	ck_assert_uint_eq(ep->last_offset, DW);

	/* In the same byte: read, and written back as 0, when the owner declares them. */
	ep->device[DW / 4] = 0x000f0000;
	pci_cfg_pass(&ep->fn.cfg, DW, 0x00030000, 0, 0);
	ep->fn.cfg.dwords[DW / 4].w1c = 0xffff0000;
	pci_function_cfg_write(&ep->fn, DW, 4, 0x00ff0000 & ~0x00020000u);
	ck_assert_uint_eq(ep->device[DW / 4], 0x000e0000);
}
END_TEST

START_TEST(passed_device_fails)
{
	pci_cfg_pass(&ep->fn.cfg, DW, 0x0f, 0xf0, 0x50);
	ep->device[DW / 4] = 0x12345678;
	ep->cfg_error = -EIO;
	check_reads(UINT32_MAX);
	/* The bits to keep are unknown, so nothing is written. */
	pci_function_cfg_write(&ep->fn, DW, 1, 0x0a);
	ck_assert_uint_eq(ep->cfg_writes, 0);
	ck_assert_uint_eq(ep->device[DW / 4], 0x12345678);

	/* What is ours alone never asks the device. */
	pci_cfg_pass(&ep->fn.cfg, DW, UINT32_MAX, UINT32_MAX, 0xcafe);
	check_reads(0xcafe);
	pci_function_cfg_write(&ep->fn, DW, 4, 0);
	check_reads(0xcafe);
	ck_assert_uint_eq(ep->cfg_writes, 0);
}
END_TEST

static struct {
	unsigned calls;
	uint16_t offset;
	uint32_t old, now, mask;
} hooked;

static void hook(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask)
{
	ck_assert_ptr_eq(fn, &ep->fn);
	hooked.calls++;
	hooked.offset = offset;
	hooked.old = old;
	hooked.now = now;
	hooked.mask = mask;
	ck_assert_uint_eq(pci_cfg_get(&fn->cfg, offset, 4), now);
}

START_TEST(hooks)
{
	memset(&hooked, 0, sizeof(hooked));
	pci_cfg_emulate(&ep->fn.cfg, DW, 0x11223344, 0x00ffff00, 0, hook);
	pci_function_cfg_write(&ep->fn, DW + 1, 2, 0xabcd);
	ck_assert_uint_eq(hooked.calls, 1);
	ck_assert_uint_eq(hooked.offset, DW);
	ck_assert_uint_eq(hooked.old, 0x11223344);
	ck_assert_uint_eq(hooked.now, 0x11abcd44);
	ck_assert_uint_eq(hooked.mask, 0x00ffff00);

	/* The model's own writes and reset call none. */
	pci_cfg_set(&ep->fn.cfg, DW + 3, 1, 0xee);
	ck_assert_uint_eq(pci_cfg_get(&ep->fn.cfg, DW, 4), 0xeeabcd44);
	ck_assert_uint_eq(pci_cfg_get(&ep->fn.cfg, DW + 2, 2), 0xeeab);
	pci_cfg_reset(&ep->fn.cfg);
	check_reads(0x11223344);
	ck_assert_uint_eq(hooked.calls, 1);
}
END_TEST

/* An access that leaves its dword, or has no legal size, reads as ones and changes nothing. */
START_TEST(bad_accesses)
{
	static const struct {
		uint16_t offset;
		uint8_t size;
	} bad[] = {{DW + 1, 4}, {DW + 2, 4}, {DW + 3, 4}, {DW + 3, 2},	     {DW, 0},
		   {DW, 3},	{DW, 8},     {DW, 255},	  {PCI_CFG_SIZE, 4}, {UINT16_MAX, 1}};

	pci_cfg_emulate(&ep->fn.cfg, DW, 0x12345678, UINT32_MAX, 0, NULL);
	pci_cfg_emulate(&ep->fn.cfg, DW + 4, 0x12345678, UINT32_MAX, 0, NULL);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint32_t ones = pci_function_cfg_read(&ep->fn, bad[i].offset, bad[i].size);

		ck_assert_uint_eq(ones & 0xff, bad[i].size == 0 ? 0 : 0xff);
		pci_function_cfg_write(&ep->fn, bad[i].offset, bad[i].size, 0);
	}
	check_reads(0x12345678);
	ck_assert_uint_eq(pci_cfg_get(&ep->fn.cfg, DW + 4, 4), 0x12345678);
}
END_TEST

START_TEST(command_and_status)
{
	/* I/O Space Enable and the reserved bits stay 0. */
	pci_function_cfg_write(&ep->fn, PCI_COMMAND, 2, 0xffff);
	ck_assert_uint_eq(pci_function_cfg_read(&ep->fn, PCI_COMMAND, 2), 0x0546);
	ck_assert_uint_eq(ep->commands, 1);
	ck_assert_uint_eq(ep->command_old, 0);
	ck_assert_uint_eq(ep->command_now, 0x0546);
	ck_assert_uint_eq(ep->irq_changes, 1);

	/* The same again is no change; the upper byte alone is. */
	pci_function_cfg_write(&ep->fn, PCI_COMMAND, 2, 0xffff);
	ck_assert_uint_eq(ep->commands, 1);
	pci_function_cfg_write(&ep->fn, PCI_COMMAND + 1, 1, 0);
	ck_assert_uint_eq(ep->commands, 2);
	ck_assert_uint_eq(ep->command_now, 0x0046);
	ck_assert_uint_eq(ep->irq_changes, 2); /* INTx Disable */

	/* SERR and parity are no news for interrupts. */
	pci_function_cfg_write(&ep->fn, PCI_COMMAND, 1, 0x06);
	ck_assert_uint_eq(ep->commands, 3);
	ck_assert_uint_eq(ep->irq_changes, 2);

	pci_cfg_set(&ep->fn.cfg, PCI_STATUS, 2, 0xf910);
	pci_function_cfg_write(&ep->fn, PCI_STATUS, 2, 0x8110);
	ck_assert_uint_eq(pci_function_cfg_read(&ep->fn, PCI_STATUS, 2), 0x7810);

	pci_function_cfg_write(&ep->fn, PCI_INTERRUPT_LINE, 2, 0xffff);
	ck_assert_uint_eq(pci_function_cfg_read(&ep->fn, PCI_INTERRUPT_LINE, 2), 0x00ff);
}
END_TEST

START_TEST(caps_chain)
{
	struct pci_cfg *cfg = &ep->fn.cfg;

	ck_assert_uint_eq(pci_function_cfg_read(&ep->fn, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST, 0);
	ck_assert_int_eq(pci_cfg_add_cap(cfg, PCI_CAP_ID_EXP, 0xfc, 0xabcd, 0x00f0, NULL), 0);
	ck_assert_uint_eq(pci_function_cfg_read(&ep->fn, PCI_CAPABILITY_LIST, 4), 0xfc);
	ck_assert_uint_ne(pci_function_cfg_read(&ep->fn, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST, 0);
	ck_assert_int_eq(pci_cfg_add_cap(cfg, PCI_CAP_ID_PM, 0x40, 3, 0, NULL), 0);
	ck_assert_int_eq(pci_cfg_add_cap(cfg, PCI_CAP_ID_VNDR, 0x60, 0, 0, NULL), 0);
	/* A capability whose upper half the owner passes through is still linked from. */
	pci_cfg_pass(cfg, 0x60, 0xffff0000, 0x0000ffff, PCI_CAP_ID_VNDR);
	ck_assert_int_eq(pci_cfg_add_cap(cfg, PCI_CAP_ID_MSI, 0x70, 0, 0, NULL), 0);
	ep->device[0x60 / 4] = 0x77770000 | 0xdead;

	static const uint32_t chain[][2] = {
		{0xfc, 0xabcd4010}, {0x40, 0x00036001}, {0x60, 0x77777009}, {0x70, 0x00000005}};

	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 4; i++)
			ck_assert_uint_eq(pci_function_cfg_read(&ep->fn, (uint16_t)chain[i][0], 4), chain[i][1]);
		pci_cfg_reset(cfg);
	}
	/* Only the bits asked for are writable, never id and link. */
	pci_function_cfg_write(&ep->fn, 0xfc, 4, 0);
	ck_assert_uint_eq(pci_function_cfg_read(&ep->fn, 0xfc, 4), 0xab0d4010);
}
END_TEST

START_TEST(caps_bad)
{
	struct pci_cfg *cfg = &ep->fn.cfg;
	static const uint16_t bad[] = {0, 0x34, 0x3c, 0x41, 0x42, 0x100, 0x1000, 0xffff};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(pci_cfg_add_cap(cfg, 9, bad[i], 0, 0, NULL), -EINVAL);
	ck_assert_int_eq(pci_cfg_add_cap(cfg, 9, 0x40, 0, 0, NULL), 0);
	ck_assert_int_eq(pci_cfg_add_cap(cfg, 9, 0x40, 0, 0, NULL), -EINVAL);
	pci_cfg_pass(cfg, 0x50, 0, 0, 0);
	ck_assert_int_eq(pci_cfg_add_cap(cfg, 9, 0x50, 0, 0, NULL), -EINVAL);
	ck_assert_uint_eq(pci_function_cfg_read(&ep->fn, 0x40, 4), 9);

	static const uint16_t bad_ext[] = {0, 0xfc, 0x101, 0x1fe, 0x1000, 0xfffc};

	for (unsigned i = 0; i < sizeof(bad_ext) / sizeof(bad_ext[0]); i++)
		ck_assert_int_eq(pci_cfg_add_ext_cap(cfg, 1, 1, bad_ext[i]), -EINVAL);
	ck_assert_int_eq(pci_cfg_add_ext_cap(cfg, 0, 1, 0x100), -EINVAL);
	ck_assert_int_eq(pci_cfg_add_ext_cap(cfg, 1, 16, 0x100), -EINVAL);
	ck_assert_uint_eq(pci_function_cfg_read(&ep->fn, 0x100, 4), 0);
}
END_TEST

START_TEST(ext_caps_chain)
{
	struct pci_cfg *cfg = &ep->fn.cfg;

	/* Not at 0x100 first: a null capability leads there, and gives way to a real one. */
	ck_assert_int_eq(pci_cfg_add_ext_cap(cfg, 0x0d, 1, 0x200), 0);
	ck_assert_uint_eq(pci_function_cfg_read(&ep->fn, 0x100, 4), 0x20010000);
	ck_assert_uint_eq(pci_function_cfg_read(&ep->fn, 0x200, 4), 0x0001000d);
	ck_assert_int_eq(pci_cfg_add_ext_cap(cfg, 0x0b, 3, 0xffc), 0);
	ck_assert_int_eq(pci_cfg_add_ext_cap(cfg, 0x01, 2, 0x100), 0);
	ck_assert_int_eq(pci_cfg_add_ext_cap(cfg, 0x02, 2, 0x100), -EINVAL);
	ck_assert_int_eq(pci_cfg_add_ext_cap(cfg, 0x02, 2, 0x200), -EINVAL);
	ck_assert_uint_eq(pci_function_cfg_read(&ep->fn, 0x100, 4), 0x20020001);
	ck_assert_uint_eq(pci_function_cfg_read(&ep->fn, 0x200, 4), 0xffc1000d);
	ck_assert_uint_eq(pci_function_cfg_read(&ep->fn, 0xffc, 4), 0x0003000b);
	pci_function_cfg_write(&ep->fn, 0x100, 4, UINT32_MAX);
	pci_cfg_reset(cfg);
	ck_assert_uint_eq(pci_function_cfg_read(&ep->fn, 0x100, 4), 0x20020001);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pci_cfg");
	TCase *tc = tcase_create("policy");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, hidden);
	tcase_add_loop_test(tc, emulated, 0, NR_PATTERNS);
	tcase_add_loop_test(tc, passed, 0, NR_PATTERNS);
	tcase_add_test(tc, passed_w1c);
	tcase_add_test(tc, passed_device_fails);
	tcase_add_test(tc, hooks);
	tcase_add_test(tc, bad_accesses);
	tcase_add_test(tc, command_and_status);
	tcase_add_test(tc, caps_chain);
	tcase_add_test(tc, caps_bad);
	tcase_add_test(tc, ext_caps_chain);
	suite_add_tcase(suite, tc);

	return run_suite(suite);
}

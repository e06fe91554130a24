/* SPDX-License-Identifier: Apache-2.0 */
/* BARs: sizing, moving, and which of them decode (pci_bar.h). */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "fake_pci.h"
#include "log.h"
#include "run_suite.h"

#define MIB   0x100000u
#define BUS1  1u
#define MEM   0x10100000u /* window of port 0: 1 MiB .. 16 MiB into the low aperture */
#define MEM_L 0x10ffffffu
#define PREF  0x8000000000u
#define PREFL 0x80ffffffffu
#define OFF   0x40000000u /* RAM: in no aperture */

static struct fake_pci w;
static struct fake_endpoint *ep; /* BAR0 16 KiB 32-bit, BAR1 32-bit prefetchable 4 KiB, BAR2/3 64-bit 1 MiB pref. */
static unsigned nr_logged;

static void sink(enum log_level level, const char *line, void *opaque)
{
	nr_logged++;
}

static void setup(void)
{
	log_set_sink(sink, NULL);
	nr_logged = 0;
	fake_pci_start(&w);
	ep = fake_endpoint_new("ep");
	ck_assert_int_eq(pci_bar_define(&ep->fn, 0, 0x4000, false, false), 0);
	ck_assert_int_eq(pci_bar_define(&ep->fn, 1, 0x1000, false, true), 0);
	ck_assert_int_eq(pci_bar_define(&ep->fn, 2, MIB, true, true), 0);
	ck_assert_int_eq(fake_pci_place(&w, 0, 0, ep), 0);
	fake_port_open(&w, 0, MEM, MEM_L, PREF, PREFL);
}

static void teardown(void)
{
	fake_pci_stop(&w);
	log_set_sink(NULL, NULL);
}

static void cfg(unsigned reg, uint8_t size, uint64_t value)
{
	fake_cfg_write(&w, BUS1, 0, reg, size, value);
}

static uint32_t get(unsigned reg)
{
	return (uint32_t)fake_cfg_read(&w, BUS1, 0, reg, 4);
}

static void bar(unsigned index, uint32_t value)
{
	cfg(PCI_BASE_ADDRESS_0 + 4 * index, 4, value);
}

static void memory(bool on)
{
	cfg(PCI_COMMAND, 2, on ? PCI_COMMAND_MEMORY : 0);
}

/* BAR @index decodes at @addr (0: nowhere), by our books, the owner's and the bus. */
static void at(unsigned index, uint64_t addr)
{
	const struct pci_bar *b = &ep->fn.bars[index];

	ck_assert_int_eq(b->decoding, addr != 0);
	ck_assert_int_eq(b->window.added, addr != 0);
	ck_assert_int_eq(ep->bar[index].mapped, addr != 0);
	if (addr == 0)
		return;
	ck_assert_uint_eq(b->addr, addr);
	ck_assert_uint_eq(ep->bar[index].addr, addr);

	uint64_t value;
	unsigned before = ep->bar_accesses;

	bus_read(&w.vm.bus, addr + b->size - 4, 4, &value);
	ck_assert_uint_eq(value, 0x55667788);
	ck_assert_uint_eq(ep->bar_accesses, before + 1);
	ck_assert_uint_eq(ep->last_bar, index);
	ck_assert_uint_eq(ep->last_access.offset, b->size - 4);
}

START_TEST(define_bad)
{
	struct fake_endpoint *e = fake_endpoint_new("e");

	ck_assert_int_eq(pci_bar_define(&e->fn, 0, 0, false, false), -EINVAL);
	ck_assert_int_eq(pci_bar_define(&e->fn, 6, 4096, false, false), -EINVAL);
	ck_assert_int_eq(pci_bar_define(&e->fn, UINT32_MAX, 4096, true, false), -EINVAL);
	ck_assert_int_eq(pci_bar_define(&e->fn, 5, 4096, true, false), -EINVAL);
	ck_assert_int_eq(pci_bar_define(&e->fn, 0, 0x80000001, false, false), -EINVAL);
	ck_assert_int_eq(pci_bar_define(&e->fn, 0, UINT64_MAX, true, false), -EINVAL);
	ck_assert_uint_eq(nr_logged, 6);
	ck_assert_int_eq(pci_bar_define(&e->fn, 0, 0x80000000, false, false), 0);
	ck_assert_int_eq(pci_bar_define(&e->fn, 2, 1ull << 62, true, false), 0);
	ck_assert_int_eq(pci_bar_define(&e->fn, 0, 4096, false, false), -EINVAL);
	ck_assert_int_eq(pci_bar_define(&e->fn, 1, 4096, true, false), -EINVAL);
	ck_assert_int_eq(pci_bar_define(&e->fn, 3, 4096, false, false), -EINVAL);
	fake_endpoint_free(e);
}
END_TEST

static const struct {
	uint64_t asked;
	bool is_64, pref;
	uint32_t low, high; /* what a write of all ones reads back as */
} sizes[] = {
	{1, false, false, 0xfffffff0, 0},
	{16, false, true, 0xfffffff8, 0},
	{17, false, false, 0xffffffe0, 0},
	{0x1000, false, false, 0xfffff000, 0},
	{0x1001, false, false, 0xffffe000, 0},
	{0x80000000, false, false, 0x80000000, 0},
	{0x1000, true, false, 0xfffff004, 0xffffffff},
	{0x80000000, true, true, 0x8000000c, 0xffffffff},
	{0x100000000, true, true, 0x0000000c, 0xffffffff},
	{0x100000001, true, false, 0x00000004, 0xfffffffe},
	{1ull << 62, true, true, 0x0000000c, 0xc0000000},
};

START_TEST(sizing)
{
	struct fake_endpoint *e = fake_endpoint_new("e");

	ck_assert_int_eq(pci_bar_define(&e->fn, 2, sizes[_i].asked, sizes[_i].is_64, sizes[_i].pref), 0);
	pci_function_cfg_write(&e->fn, 0x18, 4, UINT32_MAX);
	pci_function_cfg_write(&e->fn, 0x1c, 4, UINT32_MAX);
	ck_assert_uint_eq(pci_function_cfg_read(&e->fn, 0x18, 4), sizes[_i].low);
	ck_assert_uint_eq(pci_function_cfg_read(&e->fn, 0x1c, 4), sizes[_i].high);
	for (unsigned i = 0; i < 8; i++)
		pci_function_cfg_write(&e->fn, (uint16_t)(0x18 + i), 1, 0);
	ck_assert_uint_eq(pci_function_cfg_read(&e->fn, 0x18, 4), sizes[_i].low & 0xf);
	ck_assert_uint_eq(pci_bar_programmed(&e->fn, 2), 0);
	fake_endpoint_free(e);
}
END_TEST

START_TEST(absent_bars)
{
	static const unsigned regs[] = {0x20, 0x24, 0x28, PCI_ROM_ADDRESS};

	for (unsigned i = 0; i < 4; i++) {
		cfg(regs[i], 4, UINT32_MAX);
		ck_assert_uint_eq(get(regs[i]), 0);
	}
}
END_TEST

START_TEST(enable_and_disable)
{
	bar(0, MEM);
	bar(2, (uint32_t)PREF);
	bar(3, PREF >> 32);
	at(0, 0);
	memory(true);
	at(0, MEM);
	at(2, PREF);
	at(1, 0); /* programmed to 0, which is in no window */
	memory(true);
	ck_assert_uint_eq(ep->bar[0].maps, 1);
	memory(false);
	at(0, 0);
	at(2, 0);
	ck_assert_uint_eq(ep->bar[0].unmaps, 1);

	/* The port's own switch counts as well. */
	memory(true);
	fake_cfg_write(&w, 0, 8, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	at(0, 0);
	fake_cfg_write(&w, 0, 8, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	at(0, MEM);
}
END_TEST

START_TEST(move_while_enabled)
{
	memory(true);
	bar(0, MEM);
	at(0, MEM);
	bar(0, MEM + 0x4000);
	at(0, MEM + 0x4000);
	ck_assert_uint_eq(ep->bar[0].maps, 2);
	ck_assert_uint_eq(ep->bar[0].unmaps, 1);
	ck_assert_uint_lt(ep->bar[0].unmap_seq, ep->bar[0].map_seq);
	/* Low bits are not address bits: no move. */
	bar(0, (MEM + 0x4000) | 0x3fff);
	ck_assert_uint_eq(ep->bar[0].maps, 2);
	/* Byte by byte: each step is a place of its own. 0x10104000 -> 0x10204000. */
	cfg(PCI_BASE_ADDRESS_0 + 2, 1, 0x20);
	at(0, MEM + MIB + 0x4000);
	cfg(PCI_BASE_ADDRESS_0 + 3, 1, 0x40);
	at(0, 0);
	cfg(PCI_BASE_ADDRESS_0 + 3, 1, 0x10);
	at(0, MEM + MIB + 0x4000);
	/* Sizing it while enabled takes it off and, restored, puts it back. */
	bar(0, UINT32_MAX);
	at(0, 0);
	bar(0, MEM);
	at(0, MEM);
}
END_TEST

/* The halves of a 64-bit BAR in both orders, and both at once. */
START_TEST(halves)
{
	memory(true);
	bar(3, PREF >> 32);
	at(2, PREF);
	bar(2, 0x00300000);
	at(2, PREF + 0x300000);
	bar(3, 0);
	at(2, 0);
	bar(2, 0x00500000);
	at(2, 0);
	bar(3, PREF >> 32);
	at(2, PREF + 0x500000);
	cfg(PCI_BASE_ADDRESS_2, 8, PREF + 0x700000);
	at(2, PREF + 0x700000);
	cfg(PCI_BASE_ADDRESS_3, 1, 0x7f);
	at(2, 0);
	/* A 64-bit BAR may lie below 4 GiB too, in the window that is there. */
	cfg(PCI_BASE_ADDRESS_2, 8, MEM);
	at(2, MEM);
}
END_TEST

START_TEST(outside)
{
	static const struct {
		uint32_t addr;
		bool decodes;
	} places[] = {
		{MEM, true},	       {MEM_L - 0x3fff, true},
		{MEM_L + 1, false},    /* after the port's window, in the aperture */
		{MEM - 0x4000, false}, /* before it */
		{FAKE_MMIO32, false},  {0, false},
		{OFF, false},	       {0xffffc000, false},
		{0x08000000, false},
	};

	memory(true);
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		bar(0, places[i].addr);
		at(0, places[i].decodes ? places[i].addr : 0);
	}

	/* A window wider than the aperture does not widen it: the end of the low aperture, RAM, and ECAM itself. */
	fake_port_open(&w, 0, 0, 0xffffffff, 0, UINT64_MAX);
	bar(0, FAKE_MMIO32 + 512 * MIB - 0x4000);
	at(0, FAKE_MMIO32 + 512 * MIB - 0x4000);
	bar(0, FAKE_MMIO32 + 512 * MIB);
	at(0, 0);
	bar(0, FAKE_MMIO32 - 0x4000);
	at(0, 0);
	cfg(PCI_BASE_ADDRESS_2, 8, FAKE_ECAM);
	at(2, 0);
	cfg(PCI_BASE_ADDRESS_2, 8, UINT64_MAX);
	at(2, 0);
	cfg(PCI_BASE_ADDRESS_2, 8, FAKE_MMIO64 + (512ull << 30) - MIB);
	at(2, FAKE_MMIO64 + (512ull << 30) - MIB);
}
END_TEST

/* A BAR partly in a window does not decode; windows that open, move and close take BARs along. */
START_TEST(bridge_windows)
{
	struct fake_endpoint *big = fake_endpoint_new("big");

	ck_assert_int_eq(pci_bar_define(&big->fn, 0, 4 * MIB, false, false), 0);
	ck_assert_int_eq(fake_pci_place(&w, 1, 0, big), 0);
	fake_cfg_write(&w, 2, 0, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	fake_cfg_write(&w, 2, 0, PCI_BASE_ADDRESS_0, 4, 0x14000000);
	ck_assert(!big->bar[0].mapped);
	fake_port_open(&w, 1, 0x14000000, 0x142fffff, UINT64_MAX, 0); /* 3 of 4 MiB */
	ck_assert(!big->bar[0].mapped);
	fake_port_open(&w, 1, 0x14100000, 0x144fffff, UINT64_MAX, 0); /* without the first */
	ck_assert(!big->bar[0].mapped);
	fake_port_open(&w, 1, 0x14000000, 0x143fffff, UINT64_MAX, 0);
	ck_assert(big->bar[0].mapped);
	fake_port_open(&w, 1, 0x14000000, 0x13ffffff, UINT64_MAX, 0); /* base above limit: closed */
	ck_assert(!big->bar[0].mapped);
	/* Through the prefetchable window it may go too, but not half through each. */
	fake_port_open(&w, 1, 0x14000000, 0x141fffff, 0x14200000, 0x143fffff);
	ck_assert(!big->bar[0].mapped);
	fake_port_open(&w, 1, 0xfff00000, 0, 0x14000000, 0x143fffff);
	ck_assert(big->bar[0].mapped);
	/* The upper halves count: the same low bits 4 GiB up are another place. */
	fake_cfg_write(&w, 0, 16, PCI_PREF_BASE_UPPER32, 4, 1);
	ck_assert(!big->bar[0].mapped);
}
END_TEST

START_TEST(overlap)
{
	struct fake_endpoint *other = fake_endpoint_new("other");

	ck_assert_int_eq(pci_bar_define(&other->fn, 0, 0x4000, false, false), 0);
	ck_assert_int_eq(fake_pci_place(&w, 0, 1, other), 0);
	fake_cfg_write(&w, 1, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	fake_cfg_write(&w, 1, 1, PCI_BASE_ADDRESS_0, 4, MEM);
	ck_assert(other->bar[0].mapped);

	/* The lower function takes the place, whoever came first; the loser is told of once. */
	nr_logged = 0;
	memory(true);
	bar(0, MEM);
	at(0, MEM);
	ck_assert(!other->bar[0].mapped);
	ck_assert_uint_eq(nr_logged, 1);
	pci_host_remap(w.host);
	bar(1, MEM + MIB);
	ck_assert_uint_eq(nr_logged, 1);
	ck_assert_uint_eq(ep->bar[0].maps, 1);

	/* Within one function the lower BAR; the loser comes back when there is room. */
	bar(1, MEM + 0x1000);
	at(1, 0);
	ck_assert_uint_eq(nr_logged, 2);
	bar(0, MEM + MIB);
	at(0, MEM + MIB);
	at(1, MEM + 0x1000);
	ck_assert(!other->bar[0].mapped); /* in the way of BAR 1 now */
	bar(1, MEM + 2 * MIB);
	ck_assert(other->bar[0].mapped);
}
END_TEST

/* Two BARs change places in one step: both go before either comes, or the bus would refuse the second. */
START_TEST(swap)
{
	struct fake_endpoint *other = fake_endpoint_new("other");

	ck_assert_int_eq(pci_bar_define(&other->fn, 0, 0x4000, false, false), 0);
	ck_assert_int_eq(fake_pci_place(&w, 0, 1, other), 0);
	fake_cfg_write(&w, 1, 1, PCI_BASE_ADDRESS_0, 4, MEM + 0x4000);
	fake_cfg_write(&w, 1, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	memory(true);
	bar(0, MEM);
	at(0, MEM);
	/* Behind the hooks' back, so that one remap sees both moves. */
	pci_cfg_set(&ep->fn.cfg, PCI_BASE_ADDRESS_0, 4, MEM + 0x4000);
	pci_cfg_set(&other->fn.cfg, PCI_BASE_ADDRESS_0, 4, MEM);
	pci_host_remap(w.host);
	at(0, MEM + 0x4000);
	ck_assert(other->bar[0].mapped);
	ck_assert_uint_eq(other->bar[0].addr, MEM);
	ck_assert_uint_lt(ep->bar[0].unmap_seq, other->bar[0].map_seq);
	ck_assert_uint_lt(other->bar[0].unmap_seq, ep->bar[0].map_seq);
}
END_TEST

START_TEST(map_fails)
{
	bar(0, MEM);
	ep->map_error = -ENOSPC;
	nr_logged = 0;
	memory(true);
	at(0, 0);
	ck_assert_uint_eq(nr_logged, 1);
	ck_assert_uint_eq(ep->bar[0].maps, 1);
	/* Not tried again at the same place, however often the guest makes us look. */
	pci_host_remap(w.host);
	bar(1, MEM + MIB);
	ck_assert_uint_eq(ep->bar[0].maps, 1);
	/* A new place, or off and on again, is a new try. */
	bar(0, MEM + 0x4000);
	ck_assert_uint_eq(ep->bar[0].maps, 2);
	ep->map_error = 0;
	memory(false);
	ck_assert_uint_eq(ep->bar[0].unmaps, 0);
	memory(true);
	at(0, MEM + 0x4000);
}
END_TEST

START_TEST(reset_takes_all_off)
{
	bar(0, MEM);
	memory(true);
	at(0, MEM);
	ck_assert_int_eq(pci_function_reset(&ep->fn), 0);
	at(0, 0);
	ck_assert_uint_eq(get(PCI_BASE_ADDRESS_0), 0);
	ck_assert_uint_eq(get(PCI_BASE_ADDRESS_2), 0xc);
	ck_assert_uint_eq(ep->resets, 1);
	ck_assert_uint_eq(ep->command_now, 0);
}
END_TEST

/* Sizing with decoding off, as every guest does it, costs no look at the bus at all. */
START_TEST(quiet_while_disabled)
{
	memory(true);
	bar(0, MEM);
	memory(false);
	unsigned seq = fake_pci_seq;

	for (unsigned i = 0; i < 1000; i++)
		bar(0, i & 1 ? UINT32_MAX : MEM);
	ck_assert_uint_eq(fake_pci_seq, seq);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pci_bar");
	TCase *tc = tcase_create("bars");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, define_bad);
	tcase_add_loop_test(tc, sizing, 0, sizeof(sizes) / sizeof(sizes[0]));
	tcase_add_test(tc, absent_bars);
	tcase_add_test(tc, enable_and_disable);
	tcase_add_test(tc, move_while_enabled);
	tcase_add_test(tc, halves);
	tcase_add_test(tc, outside);
	tcase_add_test(tc, bridge_windows);
	tcase_add_test(tc, overlap);
	tcase_add_test(tc, swap);
	tcase_add_test(tc, map_fails);
	tcase_add_test(tc, reset_takes_all_off);
	tcase_add_test(tc, quiet_while_disabled);
	suite_add_tcase(suite, tc);

	return run_suite(suite);
}

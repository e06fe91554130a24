/* SPDX-License-Identifier: Apache-2.0 */
/* BARs: sizes, moves, windows of the port above, overlaps, decoding off. */
#include "cases.h"

#define NOTHING UINT32_MAX

static bool answers_at(uint64_t addr)
{
	return read32(addr) == TESTDEV_ID_VALUE;
}

static void sizes(void)
{
	CHECK(dev.fn->bar_size[0] >= 0x20000, "BAR 0 has 0x%llx bytes", (unsigned long long)dev.fn->bar_size[0]);
	CHECK_EQ(dev.fn->bar_flags[0], 4);
	CHECK_EQ(dev.fn->bar_flags[2], 12);
	CHECK_EQ(dev.fn->bar_size[2], read64(dev.regs + TESTDEV_MEMORY_SIZE));
	CHECK_EQ(dev.fn->bar_flags[4], 0);
	CHECK_EQ(dev.fn->bar_size[4], TESTDEV_PORT_SIZE);
	CHECK_EQ(dev.fn->bar_size[5], 0);
}

static void memory_enable(void)
{
	CHECK(answers_at(dev.regs), "no answer");
	pci_set16(dev.fn, 4, PCI_COMMAND_MASTER);
	CHECK_EQ(read32(dev.regs), NOTHING);
	write32(dev.regs + TESTDEV_SCRATCH, 77);
	pci_set16(dev.fn, 4, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	CHECK(answers_at(dev.regs), "no answer");
	CHECK_EQ(read32(dev.regs + TESTDEV_SCRATCH), 0);
}

/* To another place in the port's window and back; the window is a MiB at least. */
static void move(void)
{
	uint64_t to = dev.fn->bar[0] ^ 0x80000;

	write32(dev.regs + TESTDEV_SCRATCH, 0x55aa);
	pci_set32(dev.fn, 0x10, (uint32_t)to);
	CHECK_EQ(read32(dev.regs), NOTHING);
	CHECK(answers_at(to), "no answer after the move");
	CHECK_EQ(read32(to + TESTDEV_SCRATCH), 0x55aa);
	pci_restore(dev.fn);
	CHECK(answers_at(dev.regs), "no answer after the way back");
	write32(dev.regs + TESTDEV_SCRATCH, 0);
}

/* The prefetchable BAR, 64 bits: both halves are written one after the other. */
static void move_64(void)
{
	uint64_t to = dev.fn->bar[2] ^ dev.fn->bar_size[2];

	write64(dev.memory + 8, 0x1122334455667788ull);
	pci_set32(dev.fn, 0x1c, 0xffffffff);
	CHECK_EQ(read32(dev.memory + 8), NOTHING);
	pci_set32(dev.fn, 0x1c, (uint32_t)(dev.fn->bar[2] >> 32));
	CHECK_EQ(read64(dev.memory + 8), 0x1122334455667788ull);
	pci_set32(dev.fn, 0x18, (uint32_t)to);
	CHECK_EQ(read32(dev.memory + 8), NOTHING); /* the port's window is as large as the BAR, or not */
	pci_restore(dev.fn);
	CHECK_EQ(read64(dev.memory + 8), 0x1122334455667788ull);
}

/* Over RAM, over another BAR, out of the port's window, at 0: nothing of that may answer or break. */
static void bad_places(void)
{
	const uint32_t places[] = {0x40000000, (uint32_t)(uintptr_t)data, 0, 0xfff00000, 0x08000000, 0x09000000};

	data[0] = 0x600d;
	for (unsigned i = 0; i < ARRAY_LEN(places); i++) {
		step("at 0x%x", places[i]);
		pci_set32(dev.fn, 0x10, places[i]);
		CHECK_EQ(*(volatile uint64_t *)data, 0x600d);
		CHECK_EQ(read32(dev.regs), NOTHING);
		CHECK(read32(dev.memory) != NOTHING || read32(dev.port) != NOTHING, "the other BARs are gone");
	}
	pci_restore(dev.fn);
	CHECK(answers_at(dev.regs), "no answer");
}

static void overlap(void)
{
	/* both at the place of the port BAR: one of them answers, and afterwards both where they belong */
	pci_set32(dev.fn, 0x10, (uint32_t)dev.port & ~(uint32_t)(dev.fn->bar_size[0] - 1));
	(void)read32(dev.port);
	pci_restore(dev.fn);
	CHECK(answers_at(dev.regs), "no answer");
	write32(dev.port, 0xfeed);
	CHECK_EQ(read32(dev.port), 0xfeed);
}

/* 7.5.1.3.8: the window of the port above decides. */
static void port_window(void)
{
	struct pci_fn *port = dev.fn->parent;
	uint32_t window;

	CHECK(port, "not below a port");
	window = pci_get32(port, 0x20);
	pci_set32(port, 0x20, 0xfff0);
	CHECK_EQ(read32(dev.regs), NOTHING);
	pci_set32(port, 0x20, window);
	CHECK(answers_at(dev.regs), "no answer");
	pci_set16(port, 4, PCI_COMMAND_MASTER);
	CHECK_EQ(read32(dev.regs), NOTHING);
	pci_set16(port, 4, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	CHECK(answers_at(dev.regs), "no answer");
}

/* Two ports change numbers of buses: the function answers at its new one, and its BARs stay. A number that the host
 * bridge does not have leads nowhere. */
static void bus_number(void)
{
	struct pci_fn *port = dev.fn->parent, *other = pci_find(TESTDEV_VENDOR_ID, TESTDEV_DEVICE_ID, 1),
		      moved = *dev.fn;
	uint32_t bar = pci_get32(dev.fn, 0x10), numbers, others;

	CHECK(port && other && other->parent, "not two functions below ports");
	numbers = pci_get32(port, 0x18);
	others = pci_get32(other->parent, 0x18);
	moved.bus = other->bus;
	pci_set32(other->parent, 0x18, numbers);
	pci_set32(port, 0x18, others);
	uint32_t there = pci_get32(&moved, 0x10), here = pci_get32(dev.fn, 0x10);
	bool answers = answers_at(dev.regs);

	moved.bus = 0x42;
	pci_set32(port, 0x18, 0x424200);
	uint16_t beyond = pci_get16(&moved, 0);

	pci_set32(port, 0x18, numbers);
	pci_set32(other->parent, 0x18, others);
	CHECK_EQ(there, bar);
	CHECK(here != bar && answers, "it is still there, or the BAR went away");
	CHECK_EQ(beyond, 0xffff);
	CHECK_EQ(pci_get32(dev.fn, 0x10), bar);
}

const struct guest_case bar_cases[] = {
	{"pci BAR sizes", sizes},
	{"pci Memory Space Enable", memory_enable},
	{"pci BAR moves", move},
	{"pci 64-bit BAR moves", move_64},
	{"pci BARs in bad places", bad_places},
	{"pci BARs overlap", overlap},
	{"pci port window", port_window},
	{"pci bus number", bus_number},
};
const unsigned nr_bar = ARRAY_LEN(bar_cases);

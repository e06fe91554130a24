/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration space of functions and ports: what may be written, access sizes, who is not there. */
#include "cases.h"

#define COMMAND 4u
#define STATUS	6u

/* PCIe 6.0, 2.3.1 note on configuration requests to nobody: all ones, and no harm by writes. */
static void absent(void)
{
	struct pci_fn nobody[] = {{.bus = 0, .devfn = 31 << 3}, {.bus = 1, .devfn = 1 << 3}, {.bus = 200}};

	nobody[1].bus = dev.fn->bus;
	for (unsigned i = 0; i < ARRAY_LEN(nobody); i++) {
		step("%02x:%02x", nobody[i].bus, nobody[i].devfn);
		pci_set32(&nobody[i], 0, 0);
		CHECK_EQ(pci_get32(&nobody[i], 0), UINT32_MAX);
		CHECK_EQ(pci_get16(&nobody[i], 2), UINT16_MAX);
		CHECK_EQ(pci_get8(&nobody[i], 0x34), UINT8_MAX);
	}
}

/* Registers that identify the function, and reserved ones, do not change (7.5.1). */
static void read_only(void)
{
	static const unsigned at[] = {0x00, 0x08, 0x0c, 0x28, 0x2c, 0x30, 0x38};

	for (unsigned i = 0; i < ARRAY_LEN(at); i++) {
		uint32_t before = pci_get32(dev.fn, at[i]);

		step("register 0x%x", at[i]);
		pci_set32(dev.fn, at[i], ~before);
		/* the cache line size is the one exception */
		CHECK_EQ(pci_get32(dev.fn, at[i]) & (at[i] == 0x0c ? ~0xffu : ~0u),
			 before & (at[i] == 0x0c ? ~0xffu : ~0u));
		pci_set32(dev.fn, at[i], before);
	}
	pci_set8(dev.fn, 0x0c, 0x10);
	CHECK_EQ(pci_get8(dev.fn, 0x0c), 0x10);
}

static void access_sizes(void)
{
	pci_set32(dev.fn, 0x10, 0);
	pci_set8(dev.fn, 0x13, 0xab);
	CHECK_EQ(pci_get32(dev.fn, 0x10), 0xab000000u | dev.fn->bar_flags[0]);
	pci_set16(dev.fn, 0x12, 0x1234);
	CHECK_EQ(pci_get8(dev.fn, 0x13), 0x12);
	CHECK_EQ(pci_get32(dev.fn, 0) & 0xffff, pci_get16(dev.fn, 0));
	CHECK_EQ(pci_get32(dev.fn, 0) >> 16, pci_get16(dev.fn, 2));
	pci_restore(dev.fn);
}

/* 7.5.1.1.3: only bits that mean something to PCI Express; the rest reads as zero. */
static void command(void)
{
	pci_set16(dev.fn, COMMAND, 0xffff);
	CHECK_EQ(pci_get16(dev.fn, COMMAND) & ~0x0547u, 0);
	CHECK_EQ(pci_get16(dev.fn, COMMAND) & 6, 6);
	pci_set16(dev.fn, COMMAND, 0);
	CHECK_EQ(pci_get16(dev.fn, COMMAND), 0);
	CHECK(pci_get16(dev.fn, STATUS) & 0x10, "no capabilities list");
	pci_restore(dev.fn);
}

/* Both lists end, are aligned and do not visit a place twice (7.5.1.1.11, 7.6.3). */
static void lists(void)
{
	unsigned n, at;
	struct pci_fn *fn = pci_functions(&n);

	for (unsigned i = 0; i < n; i++) {
		unsigned steps = 0;

		step("%02x:%02x", fn[i].bus, fn[i].devfn);
		for (at = pci_get8(&fn[i], 0x34); at; at = pci_get8(&fn[i], at + 1)) {
			CHECK(at >= 0x40 && at % 4 == 0, "capability at 0x%x", at);
			CHECK(++steps < 48, "the list does not end");
		}
		steps = 0;
		for (at = 0x100; at; at = pci_get32(&fn[i], at) >> 20) {
			CHECK(at >= 0x100 && at % 4 == 0, "extended capability at 0x%x", at);
			CHECK(++steps < 960, "the list does not end");
		}
	}
}

/* Writes of ones and zeroes to every byte of config space: the identity stays, and the machine lives. */
static void scribble(void)
{
	uint32_t id = pci_get32(dev.fn, 0);

	for (unsigned reg = 0; reg < 4096; reg += 4) {
		if (reg == dev.fn->exp + 8u) /* function level reset has cases of its own */
			continue;
		pci_set32(dev.fn, reg, UINT32_MAX);
		pci_set32(dev.fn, reg, 0);
		pci_set16(dev.fn, reg + 2, 0x5555);
		pci_set8(dev.fn, reg + 1, 0xaa);
	}
	CHECK_EQ(pci_get32(dev.fn, 0), id);
	pci_power(dev.fn, 0);
	pci_flr(dev.fn);
	pci_restore(dev.fn);
	CHECK_EQ(read32(dev.regs + TESTDEV_ID), TESTDEV_ID_VALUE);
}

const struct guest_case config_cases[] = {
	{"pci absent functions", absent},   {"pci read-only registers", read_only},
	{"pci access sizes", access_sizes}, {"pci COMMAND", command},
	{"pci capability lists", lists},    {"pci scribbled config space", scribble},
};
const unsigned nr_config = ARRAY_LEN(config_cases);

/* SPDX-License-Identifier: Apache-2.0 */
/* Resets and power states. */
#include "cases.h"

#define BRIDGE_CONTROL	0x3eu
#define SECONDARY_RESET 0x40u

static void leave_traces(void)
{
	pci_restore(dev.fn);
	write32(dev.regs + TESTDEV_SCRATCH, 0x7777);
	write64(dev.memory, 1);
	pci_msix_set(dev.fn, 0, 0x1000, 5, false);
	pci_msix_control(dev.fn, true, false);
	pci_set8(dev.fn, 0x3c, 0x11);
}

static void must_be_fresh(void)
{
	CHECK_EQ(pci_get16(dev.fn, 4), 0);
	CHECK_EQ(pci_get32(dev.fn, 0x10), dev.fn->bar_flags[0]);
	CHECK_EQ(pci_get32(dev.fn, 0x1c), 0);
	CHECK_EQ(pci_get16(dev.fn, dev.fn->msix + 2u) & 0xc000, 0);
	CHECK_EQ(pci_get16(dev.fn, dev.fn->pm + 4u) & 3, 0);
	pci_restore(dev.fn);
	CHECK_EQ(read32(dev.regs + TESTDEV_SCRATCH), 0);
	CHECK_EQ(read64(dev.memory), 0);
	CHECK_EQ(read32(dev.fn->msix_table + 12), 1);
	CHECK_EQ(read32(dev.fn->msix_table + 8), 0);
}

/* 6.6.2 */
static void function_level_reset(void)
{
	uint32_t resets = read32(dev.regs + TESTDEV_RESETS);

	CHECK(pci_get32(dev.fn, dev.fn->exp + 4u) & BIT32(28), "no FLR");
	leave_traces();
	pci_flr(dev.fn);
	CHECK_EQ(pci_get16(dev.fn, dev.fn->exp + 8u) & 0x8000, 0);
	must_be_fresh();
	CHECK_EQ(read32(dev.regs + TESTDEV_RESETS), resets + 1);
}

/* 7.5.1.3.13: Secondary Bus Reset resets everything below. */
static void secondary_bus_reset(void)
{
	struct pci_fn *port = dev.fn->parent;

	CHECK(port, "not below a port");
	leave_traces();
	pci_set16(port, BRIDGE_CONTROL, SECONDARY_RESET);
	pci_set16(port, BRIDGE_CONTROL, 0);
	CHECK(WAIT_FOR(pci_get16(dev.fn, 0) == TESTDEV_VENDOR_ID, 5000000), "it does not come back");
	must_be_fresh();
}

/* PCI PM 1.2, 5.4: D3hot - configuration answers, memory does not, no DMA; D1 is not offered. */
static void power_states(void)
{
	struct testdev_desc crc = {.op = TESTDEV_OP_CRC32C, .src = pa(data), .len = 8};

	leave_traces();
	pci_power(dev.fn, 1);
	CHECK_EQ(pci_get16(dev.fn, dev.fn->pm + 4u) & 3, 0);
	CHECK_EQ(tdev_run(&dev, &crc), TESTDEV_KIND_OK);
	pci_power(dev.fn, 3);
	CHECK_EQ(pci_get16(dev.fn, dev.fn->pm + 4u) & 3, 3);
	CHECK_EQ(pci_get16(dev.fn, 0), TESTDEV_VENDOR_ID);
	CHECK_EQ(read32(dev.regs), UINT32_MAX);
	CHECK_EQ(read32(dev.memory), UINT32_MAX);
	pci_power(dev.fn, 2);
	CHECK_EQ(pci_get16(dev.fn, dev.fn->pm + 4u) & 3, 3);
	pci_power(dev.fn, 0);
	must_be_fresh();
}

/* A request of gigabytes is under way when the reset comes: afterwards memory does not change any more. */
static void reset_during_dma(void)
{
	struct testdev_sg *sg = (struct testdev_sg *)(data + 1024);
	volatile uint64_t *target = data;
	uint64_t words[8];
	struct testdev_desc fill = {
		.op = TESTDEV_OP_FILL | TESTDEV_F_DST_LIST,
		.dst = pa(sg),
		.len = 1 << 30,
		.operand = 0x0101010101010101ull,
	};

	for (unsigned i = 0; i < 3000; i++)
		sg[i] = (struct testdev_sg){pa(data), 8192, 0};
	for (unsigned how = 0; how < 3; how++) {
		step("%s", how == 0 ? "FLR" : how == 1 ? "bus master off" : "D3hot");
		pci_restore(dev.fn);
		*target = 0;
		memcpy(words, &fill, sizeof(words));
		for (unsigned i = 0; i < 8; i++)
			write64(dev.regs + TESTDEV_CHAN(0) + TESTDEV_CH_DESC + 8 * i, words[i]);
		write32(dev.regs + TESTDEV_CHAN(0) + TESTDEV_CH_GO, 1);
		CHECK(WAIT_FOR(*target != 0, 5000000), "it does not begin");
		if (how == 0)
			pci_flr(dev.fn);
		else if (how == 1)
			pci_set16(dev.fn, 4, PCI_COMMAND_MEMORY);
		else
			pci_power(dev.fn, 3);
		*target = 0;
		for (uint64_t until = now_us() + 20000; now_us() < until;)
			CHECK(*target == 0, "it goes on");
		if (how == 1)
			CHECK_EQ(read32(dev.regs + TESTDEV_CHAN(0) + TESTDEV_CH_CODE) & 0xff, TESTDEV_KIND_DISABLED);
		pci_power(dev.fn, 0);
	}
	pci_flr(dev.fn);
	pci_restore(dev.fn);
}

/* The port above masters the bus for those below (7.5.1.1.3). */
static void port_bus_master(void)
{
	struct testdev_desc crc = {.op = TESTDEV_OP_CRC32C, .src = pa(data), .len = 8};
	struct pci_fn *port = dev.fn->parent;

	CHECK(port, "not below a port");
	pci_set16(port, 4, PCI_COMMAND_MEMORY);
	CHECK_EQ(tdev_run(&dev, &crc), TESTDEV_KIND_DISABLED);
	pci_set16(port, 4, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	CHECK_EQ(tdev_run(&dev, &crc), TESTDEV_KIND_OK);
}

const struct guest_case power_cases[] = {
	{"pci function level reset", function_level_reset},
	{"pci secondary bus reset", secondary_bus_reset},
	{"pci power states", power_states},
	{"pci reset during DMA", reset_during_dma},
	{"pci bus master of the port", port_bus_master},
};
const unsigned nr_power = ARRAY_LEN(power_cases);

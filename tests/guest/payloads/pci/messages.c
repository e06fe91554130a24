/* SPDX-License-Identifier: Apache-2.0 */
/* MSI-X (PCIe 6.0, 6.1.4, 7.7.2): masks, pending bits, many vectors, moves of a vector, resets. */
#include "cases.h"

#define QUIET_US 3000u
#define WAIT_US	 5000000u

static uint32_t rid;

static void raise(unsigned vector)
{
	write32(dev.regs + TESTDEV_RAISE, vector);
}

static uint32_t number(unsigned event)
{
	return irq_number(rid, event);
}

static void start(unsigned vectors)
{
	rid = pci_rid(dev.fn);
	pci_flr(dev.fn);
	pci_restore(dev.fn);
	if (!irq_device(rid, dev.fn->vectors))
		fail("no interrupt numbers for %u vectors", dev.fn->vectors);
	while (irq_poll())
		;
	for (unsigned v = 0; v < vectors; v++)
		pci_msix_set(dev.fn, v, irq_doorbell(), irq_data(rid, v), false);
	pci_msix_control(dev.fn, true, false);
}

static void all_vectors(void)
{
	start(dev.fn->vectors);
	for (unsigned v = 0; v < dev.fn->vectors && !failed(); v++) {
		raise(v);
		CHECK_EQ(irq_wait(WAIT_US), number(v));
	}
	CHECK_EQ(irq_wait(QUIET_US), 0);
	raise(dev.fn->vectors); /* nobody */
	CHECK_EQ(irq_wait(QUIET_US), 0);
}

static void vector_mask(void)
{
	start(4);
	pci_msix_mask(dev.fn, 2, true);
	raise(2);
	CHECK_EQ(irq_wait(QUIET_US), 0);
	CHECK(pci_msix_pending(dev.fn, 2), "the pending bit is not set");
	CHECK(!pci_msix_pending(dev.fn, 1), "a pending bit is set that should not");
	raise(2); /* pends once */
	pci_msix_mask(dev.fn, 2, false);
	CHECK_EQ(irq_wait(WAIT_US), number(2));
	CHECK(!pci_msix_pending(dev.fn, 2), "the pending bit stays");
	CHECK_EQ(irq_wait(QUIET_US), 0);
}

static void function_mask(void)
{
	start(4);
	pci_msix_control(dev.fn, true, true);
	raise(0);
	raise(3);
	CHECK_EQ(irq_wait(QUIET_US), 0);
	CHECK(pci_msix_pending(dev.fn, 0) && pci_msix_pending(dev.fn, 3), "the pending bits are not set");
	pci_msix_control(dev.fn, true, false);
	uint32_t first = irq_wait(WAIT_US), second = irq_wait(WAIT_US);

	CHECK((first == number(0) && second == number(3)) || (first == number(3) && second == number(0)),
	      "interrupts %u and %u", first, second);
}

static void disabled(void)
{
	start(4);
	pci_msix_control(dev.fn, false, false);
	raise(1);
	CHECK_EQ(irq_wait(QUIET_US), 0);
	pci_set16(dev.fn, 4, PCI_COMMAND_MEMORY);
	pci_msix_control(dev.fn, true, false);
	CHECK_EQ(irq_wait(QUIET_US), 0); /* a message is a write: it needs bus mastering */
	pci_set16(dev.fn, 4, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	raise(1);
	CHECK_EQ(irq_wait(WAIT_US), number(1));
}

/* Software may change a vector only while it is masked (7.7.2.2). */
static void change(unsigned vector, uint64_t address, uint32_t message)
{
	pci_msix_mask(dev.fn, vector, true);
	pci_msix_set(dev.fn, vector, address, message, true);
	pci_msix_mask(dev.fn, vector, false);
}

/* Address and data count as they are when the vector is unmasked; a message that went nowhere is gone. */
static void changes(void)
{
	start(4);
	for (unsigned i = 0; i < 4; i++) {
		change(0, irq_doorbell(), irq_data(rid, i));
		raise(0);
		CHECK_EQ(irq_wait(WAIT_US), number(i));
	}
	change(0, 0x1000, 0); /* no doorbell */
	raise(0);
	CHECK_EQ(irq_wait(QUIET_US), 0);
	change(0, irq_doorbell(), irq_data(rid, 2));
	CHECK_EQ(irq_wait(QUIET_US), 0);
	change(0, irq_doorbell(), 9999); /* no such event */
	raise(0);
	CHECK_EQ(irq_wait(QUIET_US), 0);
	change(0, irq_doorbell(), irq_data(rid, 3));
	raise(0);
	CHECK_EQ(irq_wait(WAIT_US), number(3));
}

static void after_reset(void)
{
	start(4);
	pci_msix_mask(dev.fn, 1, true);
	raise(1);
	pci_flr(dev.fn);
	pci_restore(dev.fn);
	CHECK(!pci_msix_pending(dev.fn, 1), "a pending bit survived the reset");
	pci_msix_set(dev.fn, 1, irq_doorbell(), irq_data(rid, 1), false);
	pci_msix_control(dev.fn, true, false);
	CHECK_EQ(irq_wait(QUIET_US), 0);
}

/* Narrow and misaligned accesses to the table, writes to the PBA: undefined, but harmless. */
static void odd_accesses(void)
{
	start(4);
	write8(dev.fn->msix_table + 12, 1);
	write16(dev.fn->msix_table + 8, 0xffff);
	write64(dev.fn->msix_pba, UINT64_MAX);
	(void)read8(dev.fn->msix_table + 3);
	pci_msix_set(dev.fn, 0, irq_doorbell(), irq_data(rid, 0), false);
	raise(0);
	CHECK_EQ(irq_wait(WAIT_US), number(0));
	write64(dev.fn->msix_table + 16, irq_doorbell());
	CHECK_EQ(read32(dev.fn->msix_table + 16), (uint32_t)irq_doorbell());
}

/* The message that a request asks for comes after its data. */
static void by_request(void)
{
	struct testdev_desc fill = {
		.op = TESTDEV_OP_FILL | TESTDEV_F_INTERRUPT | TESTDEV_F_STATUS,
		.dst = pa(data),
		.len = 4096,
		.operand = 0x5a5a,
		.status = pa(data + 1024),
		.vector = 2,
		.cookie = 0x1234,
	};
	uint64_t words[8];

	start(4);
	memset(data, 0, 16384);
	memcpy(words, &fill, sizeof(words));
	for (unsigned i = 0; i < 8; i++)
		write64(dev.regs + TESTDEV_CHAN(1) + TESTDEV_CH_DESC + 8 * i, words[i]);
	write32(dev.regs + TESTDEV_CHAN(1) + TESTDEV_CH_GO, 1);
	CHECK_EQ(irq_wait(WAIT_US), number(2));
	CHECK_EQ(data[511], 0x5a5a);
	CHECK_EQ(data[1024], TESTDEV_KIND_OK | 0x1234ull << 32);
	/* A message by a plain write of the data engine */
	CHECK_EQ(tdev_run(&dev,
			  &(struct testdev_desc){
				  .op = TESTDEV_OP_FILL, .dst = irq_doorbell(), .len = 4, .operand = irq_data(rid, 1)}),
		 TESTDEV_KIND_OK);
	CHECK_EQ(irq_wait(WAIT_US), number(1));
}

const struct guest_case message_cases[] = {
	{"pci MSI-X, all vectors", all_vectors},
	{"pci MSI-X vector mask", vector_mask},
	{"pci MSI-X function mask", function_mask},
	{"pci MSI-X disabled", disabled},
	{"pci MSI-X changes", changes},
	{"pci MSI-X after a reset", after_reset},
	{"pci MSI-X odd accesses", odd_accesses},
	{"pci messages of requests", by_request},
};
const unsigned nr_message = ARRAY_LEN(message_cases);

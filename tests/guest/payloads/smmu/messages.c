/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: those of the endpoint are translated like any write, those of the SMMU itself are not. */
#include "rig.h"

#define VA	 0x10000ull
#define QUIET_US 3000u
#define WAIT_US	 5000000u

static uint64_t doorbell_va(void)
{
	return VA + (irq_doorbell() & 0xfff);
}

static struct pt *with_doorbell(void)
{
	struct pt *pt = s1_simple(0x100000);

	pt_map(pt, VA, irq_doorbell() & ~0xfffull, 3, S1_RW);
	ste_s1(cd_new(pt));
	return pt;
}

static void begin(void)
{
	rig_reset();
	pci_msix_control(dev.fn, false, false);
	if (!irq_device(pci_rid(dev.fn), 8))
		fail("no interrupt numbers");
	while (irq_poll())
		;
}

static void vector(void)
{
	uint32_t rid = pci_rid(dev.fn);

	begin();
	with_doorbell();
	pci_msix_set(dev.fn, 0, doorbell_va(), irq_data(rid, 5), false);
	pci_msix_control(dev.fn, true, false);
	write32(dev.regs + TESTDEV_RAISE, 0);
	CHECK_EQ(irq_wait(WAIT_US), irq_number(rid, 5));
	step("untranslated address");
	pci_msix_mask(dev.fn, 0, true);
	pci_msix_set(dev.fn, 0, irq_doorbell(), irq_data(rid, 6), true);
	pci_msix_mask(dev.fn, 0, false);
	write32(dev.regs + TESTDEV_RAISE, 0);
	CHECK_EQ(irq_wait(QUIET_US), 0);
	pci_msix_control(dev.fn, false, false);
}

/* Programmed first, mapped later; and a message that finds no translation is a fault like that of any write. */
static void vector_fault(void)
{
	uint32_t rid = pci_rid(dev.fn);
	struct smmu_ev ev;
	struct pt *pt;

	begin();
	pt = with_doorbell();
	*pt_entry(pt, VA, 3) = 0;
	pci_msix_set(dev.fn, 0, doorbell_va(), irq_data(rid, 3), false);
	pci_msix_control(dev.fn, true, false);
	CHECK(!smmu_event(&smmu, &ev), "an event before any message");
	write32(dev.regs + TESTDEV_RAISE, 0);
	CHECK(WAIT_FOR(smmu_event(&smmu, &ev), WAIT_US), "no event");
	CHECK_EQ(field_get(E0_ID, ev.dw[0]), E_F_TRANSLATION);
	CHECK_EQ(ev.dw[1] & E1_RNW, 0);
	CHECK_EQ(ev.dw[2] & ~0xfffull, VA);
	pt_map(pt, VA, irq_doorbell() & ~0xfffull, 3, S1_RW);
	CHECK_EQ(irq_wait(QUIET_US), 0); /* the message was lost */
	write32(dev.regs + TESTDEV_RAISE, 0);
	CHECK_EQ(irq_wait(WAIT_US), irq_number(rid, 3));
	step("unmapped again");
	*pt_entry(pt, VA, 3) = 0;
	tlb_clean();
	write32(dev.regs + TESTDEV_RAISE, 0);
	CHECK(WAIT_FOR(smmu_event(&smmu, &ev), WAIT_US), "no event");
	CHECK_EQ(irq_wait(QUIET_US), 0);
	pci_msix_control(dev.fn, false, false);
}

static void by_dma(void)
{
	uint32_t rid = pci_rid(dev.fn);
	struct testdev_desc message = {.op = TESTDEV_OP_FILL, .dst = doorbell_va(), .len = 4};

	begin();
	message.operand = irq_data(rid, 4);
	with_doorbell();
	CHECK_EQ(tdev_run(&dev, &message), TESTDEV_KIND_OK);
	CHECK_EQ(irq_wait(WAIT_US), irq_number(rid, 4));
}

/* 6.3.20 ff.: event queue and CMD_SYNC by message to the ITS, as the SMMU's own requester. */
static void of_the_smmu(void)
{
	unsigned cells;
	const uint32_t *parent;
	uint32_t id;

	begin();
	parent = fdt_cells(fdt_find("arm,smmu-v3", 0), "msi-parent", &cells);
	if (!parent || cells < 2 || !(smmu.idr0 & S_IDR0_MSI))
		return;
	id = fdt_cell(parent, 1);
	CHECK(irq_device(id, 4), "no interrupt numbers");
	smmu_cr0(&smmu, S_CR0_CMDQEN);
	write64(smmu.base + 0xb0, irq_doorbell());
	write32(smmu.base + 0xb8, irq_data(id, 1));
	write32(smmu.base + 0xbc, 0);
	write32(smmu.base + S_IRQ_CTRL, 4);
	smmu_cr0(&smmu, S_CR0_CMDQEN | S_CR0_EVENTQEN | S_CR0_SMMUEN);
	FAULTS(.id = E_C_BAD_STE, .iova = 0x1000);
	STOP_IF_FAILED();
	CHECK_EQ(irq_wait(WAIT_US), irq_number(id, 1));
	smmu_do(&smmu, OP_SYNC | 1ull << 12 | (uint64_t)irq_data(id, 2) << 32, irq_doorbell());
	CHECK_EQ(irq_wait(WAIT_US), irq_number(id, 2));
	write32(smmu.base + S_IRQ_CTRL, 0);
	FAULTS(.id = E_C_BAD_STE, .iova = 0x1000);
	CHECK_EQ(irq_wait(QUIET_US), 0);
}

const struct guest_case message_cases[] = {
	{"smmu MSI-X through stage 1", vector},
	{"smmu MSI-X that faults", vector_fault},
	{"smmu message by DMA", by_dma},
	{"smmu its own messages", of_the_smmu},
};
const unsigned nr_message = ARRAY_LEN(message_cases);

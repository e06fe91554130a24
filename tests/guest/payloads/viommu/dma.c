/* SPDX-License-Identifier: Apache-2.0 */
/* What DMA does: bypass, permissions, domains, faults, MSIs, peers. */
#include "rig.h"

static void bypass(void)
{
	rig_reset();
	faults(pa(data), false, VFR_DOMAIN);
	faults(pa(data), true, VFR_DOMAIN);
	set_bypass(true);
	CHECK_EQ(read8(iommu.vio.config + VC_BYPASS), 1);
	gives(pa(data), MAGIC);
	takes(pa(data) + 8, data + 1);
	step("attached");
	STATUS(viommu_attach(&iommu, D, endpoint, 0), VS_OK);
	faults(pa(data), false, VFR_MAPPING);
	step("detached");
	STATUS(viommu_detach(&iommu, D, endpoint), VS_OK);
	gives(pa(data), MAGIC);
	set_bypass(false);
	faults(pa(data), false, VFR_DOMAIN);
}

/* 5.13.4: bypass survives a reset of the device; attachments do not. */
static void device_reset(void)
{
	rig_mapped(VM_READ);
	gives(VA, MAGIC);
	set_bypass(true);
	CHECK(viommu_start(&iommu, VF_ALL), "does not start");
	CHECK_EQ(read8(iommu.vio.config + VC_BYPASS), 1);
	gives(pa(data), MAGIC);
	set_bypass(false);
	CHECK(viommu_start(&iommu, VF_ALL), "does not start");
	faults(VA, false, VFR_DOMAIN);
	STATUS(viommu_detach(&iommu, D, endpoint), VS_INVAL);
}

static void permissions(void)
{
	rig_mapped(VM_READ);
	gives(VA, MAGIC);
	faults(VA, true, VFR_MAPPING);
	rig_mapped(VM_WRITE);
	takes(VA + 8, data + 1);
	faults(VA, false, VFR_MAPPING);
	rig_mapped(VM_READ | VM_WRITE);
	gives(VA, MAGIC);
	takes(VA + 8, data + 1);
	gives(VA + 0xfff8, 0);
	faults(VA + 0x10000, false, VFR_MAPPING);
	faults(VA - 8, true, VFR_MAPPING);
}

/* After the answer to UNMAP nothing gets through, whatever was used before. */
static void unmap_is_final(void)
{
	rig_mapped(VM_READ | VM_WRITE);
	for (unsigned i = 0; i < 16; i++) {
		gives(VA + i * PAGE, i ? 0 : MAGIC);
		takes(VA + i * PAGE + 8, data + i * 512 + 1);
	}
	STATUS(viommu_unmap(&iommu, D, VA, VA + 0xffff), VS_OK);
	for (unsigned i = 0; i < 16; i++)
		faults(VA + i * PAGE, i & 1, VFR_MAPPING);
}

/* A transfer over several mappings, scattered in memory, and one with a hole. */
static void scattered(void)
{
	struct testdev_desc fill = {.op = TESTDEV_OP_FILL, .dst = VA, .len = 4 * PAGE, .operand = 0x77};

	rig_reset();
	STATUS(viommu_attach(&iommu, D, endpoint, 0), VS_OK);
	for (unsigned i = 0; i < 4; i++)
		STATUS(viommu_map(&iommu, D, VA + i * PAGE, VA + i * PAGE + 0xfff, pa(data) + (15 - 4 * i) * PAGE,
				  VM_WRITE),
		       VS_OK);
	CHECK_EQ(tdev_run(&dev, &fill), TESTDEV_KIND_OK);
	for (unsigned i = 0; i < 4; i++) {
		CHECK_EQ(data[(15 - 4 * i) * 512 + 511], 0x77);
		CHECK_EQ(data[(14 - 4 * i) * 512], 0);
	}
	STATUS(viommu_unmap(&iommu, D, VA + 2 * PAGE, VA + 3 * PAGE - 1), VS_OK);
	CHECK_EQ(tdev_run(&dev, &fill), TESTDEV_KIND_FAULT);
	CHECK_EQ(dev.bytes, 2 * PAGE);
	CHECK_EQ(dev.fault, VA + 2 * PAGE);
}

/* Between two domains with different mappings of the same address. */
static void domain_switch(void)
{
	rig_mapped(VM_READ);
	gives(VA, MAGIC);
	STATUS(viommu_attach(&iommu, D + 1, endpoint, 0), VS_OK);
	faults(VA, false, VFR_MAPPING);
	data[512] = 99;
	STATUS(viommu_map(&iommu, D + 1, VA, VA + 0xfff, pa(data) + PAGE, VM_READ), VS_OK);
	gives(VA, 99);
	STATUS(viommu_attach(&iommu, D, endpoint, 0), VS_OK);
	faults(VA, false, VFR_MAPPING); /* D ended meanwhile */
}

/* The doorbell is reached untranslated: by MSI-X and by a plain write. */
static void messages(void)
{
	uint32_t rid = pci_rid(dev.fn);

	rig_reset();
	STATUS(viommu_attach(&iommu, D, endpoint, 0), VS_OK);
	CHECK(irq_device(rid, 4), "no interrupts");
	pci_msix_set(dev.fn, 1, irq_doorbell(), irq_data(rid, 1), false);
	pci_msix_control(dev.fn, true, false);
	write32(dev.regs + TESTDEV_RAISE, 1);
	CHECK_EQ(irq_wait(1000000), irq_number(rid, 1));
	CHECK_EQ(tdev_run(&dev,
			  &(struct testdev_desc){
				  .op = TESTDEV_OP_FILL, .dst = irq_doorbell(), .len = 4, .operand = irq_data(rid, 2)}),
		 TESTDEV_KIND_OK);
	CHECK_EQ(irq_wait(1000000), irq_number(rid, 2));
	pci_msix_control(dev.fn, false, false);
}

/* VIOMMU_MAP_F_MMIO: a peer's registers, here its own. */
static void peer(void)
{
	rig_reset();
	STATUS(viommu_attach(&iommu, D, endpoint, 0), VS_OK);
	STATUS(viommu_map(&iommu, D, VA, VA + 0xfff, dev.port, VM_READ | VM_WRITE | VM_MMIO), VS_OK);
	write32(dev.regs + TESTDEV_PORT_COUNT, 0);
	CHECK_EQ(tdev_run(&dev,
			  &(struct testdev_desc){.op = TESTDEV_OP_FILL, .dst = VA + 16, .len = 4, .operand = 0xabcd}),
		 TESTDEV_KIND_OK);
	CHECK_EQ(read32(dev.regs + TESTDEV_PORT_COUNT), 1);
	CHECK_EQ(read64(dev.regs + TESTDEV_PORT_VALUE), 0xabcd);
	CHECK_EQ(field_get32(TESTDEV_PORT_OFFSET, read32(dev.regs + TESTDEV_PORT_INFO)), 16);
}

/* 5.13.6.9: reports that find no buffer are lost; the device goes on. */
static void reports_lost(void)
{
	struct viommu_fault f;
	unsigned n = 0;

	rig_reset();
	for (unsigned i = 0; i < 2 * VIOMMU_EVENTS; i++)
		CHECK_EQ(tdev_read8(&dev, 0x1000 * i, 0, 0), TESTDEV_KIND_FAULT);
	while (n <= VIOMMU_EVENTS && viommu_event(&iommu, &f))
		n++;
	CHECK_EQ(n, VIOMMU_EVENTS);
	faults(0x123000, true, VFR_DOMAIN);
}

/* virtio-iommu knows no PASIDs: such DMA may not pass as if it had none. */
static void pasid(void)
{
	rig_mapped(VM_READ | VM_WRITE);
	CHECK_EQ(tdev_read8(&dev, VA, TESTDEV_F_PASID, 3), TESTDEV_KIND_FAULT);
	rig_reset();
	set_bypass(true);
	gives(pa(data), MAGIC);
	set_bypass(false);
}

const struct guest_case dma_cases[] = {
	{"viommu bypass", bypass},
	{"viommu device reset", device_reset},
	{"viommu permissions", permissions},
	{"viommu UNMAP is final", unmap_is_final},
	{"viommu scattered transfer", scattered},
	{"viommu change of domain", domain_switch},
	{"viommu messages", messages},
	{"viommu peer to peer", peer},
	{"viommu lost reports", reports_lost},
	{"viommu PASID", pasid},
};
const unsigned nr_dma = ARRAY_LEN(dma_cases);

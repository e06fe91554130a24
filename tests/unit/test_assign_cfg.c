/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest sees of a device's configuration space: realistic functions, and devices that lie. */
#include "assign_later_fixture.h"
#include "bits.h"

#define RW  (VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE)
#define RWM (RW | VFIO_REGION_INFO_FLAG_MMAP)

static void blank(uint32_t ids, uint32_t class_code)
{
	memset(dev->config, 0, sizeof(dev->config));
	memset(dev->irqs, 0, sizeof(dev->irqs));
	memset(dev->regions, 0, sizeof(dev->regions));
	dev->regions[VFIO_PCI_CONFIG_REGION_INDEX] = (struct fake_vfio_region){.size = 4096, .flags = RW};
	fake_vfio_set(dev, PCI_VENDOR_ID, 4, ids);
	fake_vfio_set(dev, PCI_CLASS_REVISION, 4, class_code);
	dev->can_reset = false;
}

START_TEST(nvme)
{
	start(true);
	ck_assert_uint_eq(cfg_read(PCI_VENDOR_ID, 4), 0x00101b36);
	ck_assert_uint_eq(cfg_read(PCI_CLASS_REVISION, 4), 0x01080202);
	ck_assert_uint_eq(cfg_read(PCI_SUBSYSTEM_VENDOR_ID, 4), 0x11001af4);
	ck_assert_uint_eq(cfg_read(PCI_HEADER_TYPE, 1), 0);
	ck_assert_uint_eq(cfg_read(PCI_ROM_ADDRESS, 4), 0);
	ck_assert_uint_eq(cfg_read(PCI_INTERRUPT_PIN, 1), 1);
	ck_assert_uint_eq(cfg_read(PCI_STATUS, 2), PCI_STATUS_CAP_LIST);
	/* the host's address of BAR 0 is not shown; its size and type are */
	ck_assert_uint_eq(cfg_read(PCI_BASE_ADDRESS_0, 4), 4);
	cfg_write(PCI_BASE_ADDRESS_0, 4, UINT32_MAX);
	cfg_write(PCI_BASE_ADDRESS_1, 4, UINT32_MAX);
	ck_assert_uint_eq(cfg_read(PCI_BASE_ADDRESS_0, 4), 0xffffc004);
	ck_assert_uint_eq(cfg_read(PCI_BASE_ADDRESS_1, 4), UINT32_MAX);

	ck_assert_uint_eq(find_cap(PCI_CAP_ID_PM), 0x40);
	ck_assert_uint_eq(find_cap(PCI_CAP_ID_MSI), 0x50);
	ck_assert_uint_eq(find_cap(PCI_CAP_ID_EXP), 0x70);
	ck_assert_uint_eq(find_cap(PCI_CAP_ID_MSIX), 0xb0);
	ck_assert_uint_eq(cfg_read(0xb2, 2), 64);
	ck_assert_uint_eq(cfg_read(0xb4, 4), 0x2000);
	ck_assert_uint_eq(cfg_read(0xb8, 4), 0x3000);
	ck_assert_uint_eq(cfg_read(0x52, 2) & PCI_MSI_FLAGS_QMASK, 3 << 1);

	/* AER is hidden, the serial number is there */
	ck_assert_uint_eq(find_ext_cap(PCI_EXT_CAP_ID_ERR), 0);
	ck_assert_uint_eq(find_ext_cap(PCI_EXT_CAP_ID_DSN), 0x150);
	ck_assert_uint_eq(cfg_read(0x154, 4), 0x11223344);
	cfg_write(0x154, 4, 0);
	ck_assert_uint_eq(cfg_read(0x154, 4), 0x11223344);
	ck_silent();
}
END_TEST

START_TEST(power_state_is_the_guests_only)
{
	start(true);
	guest_enable();
	ck_assert_uint_eq(cfg_read(0x42, 2), 3); /* version 3, no PME, D1, D2 */
	ck_assert_uint_eq(cfg_read(0x44, 4), PCI_PM_CTRL_NO_SOFT_RESET);
	cfg_write(0x44, 2, 3);
	ck_assert_uint_eq(cfg_read(0x44, 2) & PCI_PM_CTRL_STATE_MASK, 3);
	ck_assert_uint_eq(dev->config[0x44], 0);
	ck_assert_uint_gt(nr_slots, 0);
	cfg_write(0x44, 2, 1); /* D1 is not there: discarded */
	ck_assert_uint_eq(cfg_read(0x44, 2) & PCI_PM_CTRL_STATE_MASK, 3);
	cfg_write(0x44, 4, UINT32_C(0xffff8100));
	ck_assert_uint_eq(cfg_read(0x44, 4), PCI_PM_CTRL_NO_SOFT_RESET);
	ck_assert_uint_gt(nr_slots, 0);
}
END_TEST

START_TEST(command_reaches_the_device)
{
	start(true);
	cfg_write(PCI_COMMAND, 2, 0xffff);
	ck_assert_uint_eq(dev->config[PCI_COMMAND] | dev->config[PCI_COMMAND + 1] << 8,
			  PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
				  PCI_COMMAND_INTX_DISABLE);
	cfg_write(PCI_COMMAND, 1, 0);
	ck_assert_uint_eq(dev->config[PCI_COMMAND], 0);
	ck_assert_uint_eq(dev->config[PCI_COMMAND + 1], (PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE) >> 8);
	/* and nothing else does */
	uint8_t before[4096];
	memcpy(before, dev->config, sizeof(before));
	for (unsigned reg = 0; reg < 4096; reg += 4)
		if (reg != PCI_COMMAND && reg != 0x78 /* FLR */)
			cfg_write(reg, 4, UINT32_MAX);
	ck_assert_int_eq(memcmp(before, dev->config, sizeof(before)), 0);
}
END_TEST

START_TEST(pcie_is_virtual)
{
	start(true);
	ck_assert_uint_eq(cfg_read(0x72, 2), 2); /* version 2, endpoint */
	ck_assert_uint_eq(cfg_read(0x74, 4) & PCI_EXP_DEVCAP_FLR, PCI_EXP_DEVCAP_FLR);
	ck_assert_uint_eq(cfg_read(0x78, 4), 0x2810);
	cfg_write(0x78, 2, 0x20);
	ck_assert_uint_eq(cfg_read(0x78, 4), 0x20);
	ck_assert_uint_eq(dev->config[0x78], 0x10);
	/* link: speed and width of the host's, no ASPM */
	ck_assert_uint_eq(cfg_read(0x7c, 4), 0x00037043);
	ck_assert_uint_eq(cfg_read(0x82, 2), 0x1043);
	cfg_write(0x80, 2, 0xffff);
	ck_assert_uint_eq(cfg_read(0x80, 2) & PCI_EXP_LNKCTL_ASPMC, 0);
	/* slot and root registers do not exist */
	for (unsigned reg = 0x84; reg < 0x94; reg += 4)
		ck_assert_uint_eq(cfg_read(reg, 4), 0);
}
END_TEST

START_TEST(function_level_reset)
{
	start(true);
	guest_enable();
	cfg_write(PCI_INTERRUPT_LINE, 1, 0x55);
	unsigned resets = dev->resets;
	cfg_write(0x78, 2, PCI_EXP_DEVCTL_BCR_FLR | 0x10);
	ck_assert_uint_eq(dev->resets, resets + 1);
	ck_assert_uint_eq(cfg_read(0x78, 4), 0x2810);
	ck_assert_uint_eq(cfg_read(PCI_COMMAND, 2), 0);
	ck_assert_uint_eq(cfg_read(PCI_BASE_ADDRESS_0, 4), 4);
	ck_assert_uint_eq(cfg_read(PCI_INTERRUPT_LINE, 1), 0);
	ck_assert_uint_eq(nr_slots, 0);
	ck_assert_int_eq(dev->active, -1);
	guest_enable();
	ck_assert_uint_gt(nr_slots, 0);
}
END_TEST

START_TEST(no_reset_no_flr)
{
	dev->can_reset = false;
	start(true);
	ck_said("no function reset");
	ck_assert_uint_eq(cfg_read(0x74, 4) & PCI_EXP_DEVCAP_FLR, 0);
	guest_enable();
	cfg_write(0x78, 2, PCI_EXP_DEVCTL_BCR_FLR);
	ck_assert_uint_eq(cfg_read(PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ck_assert_uint_eq(cfg_read(0x78, 2) & PCI_EXP_DEVCTL_BCR_FLR, 0);
}
END_TEST

/* e1000e (82574): four BARs, one of them I/O, MSI-X in BAR 3, integrated endpoint, PM + MSI + PCIe v1 + MSI-X. */
START_TEST(e1000e)
{
	blank(0x10d38086, 0x02000000);
	fake_vfio_set(dev, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	fake_vfio_set(dev, PCI_BASE_ADDRESS_0, 4, 0x10040000);
	fake_vfio_set(dev, PCI_BASE_ADDRESS_1, 4, 0x10060000);
	fake_vfio_set(dev, PCI_BASE_ADDRESS_2, 4, 0x1001);
	fake_vfio_set(dev, PCI_BASE_ADDRESS_3, 4, 0x10080000);
	fake_vfio_set(dev, PCI_CAPABILITY_LIST, 1, 0xc8);
	fake_vfio_set(dev, PCI_INTERRUPT_PIN, 1, 1);
	fake_vfio_set(dev, 0xc8, 4, 0xc823d001); /* PM -> MSI */
	fake_vfio_set(dev, 0xd0, 4, 0x0080e005); /* MSI, 64-bit -> PCIe */
	fake_vfio_set(dev, 0xe0, 4, 0x0091a010); /* PCIe v1, integrated endpoint -> MSI-X */
	fake_vfio_set(dev, 0xa0, 4, 0x00040011);
	fake_vfio_set(dev, 0xa4, 4, 0x3);
	fake_vfio_set(dev, 0xa8, 4, 0x2003);
	dev->regions[0] = (struct fake_vfio_region){.size = 0x20000, .flags = RWM, .mem = bar0};
	dev->regions[1] = (struct fake_vfio_region){.size = 0x20000, .flags = RWM, .mem = bar0 + 0x20000};
	dev->regions[2] = (struct fake_vfio_region){.size = 0x20, .flags = RW};
	dev->regions[3] = (struct fake_vfio_region){.size = 0x4000, .flags = RWM, .mem = bar0};
	dev->regions[VFIO_PCI_ROM_REGION_INDEX] = (struct fake_vfio_region){.size = 0x40000, .flags = RW};
	dev->irqs[VFIO_PCI_INTX_IRQ_INDEX].count = 1;
	dev->irqs[VFIO_PCI_MSI_IRQ_INDEX].count = 1;
	dev->irqs[VFIO_PCI_MSIX_IRQ_INDEX].count = 5;
	start(true);
	cfg_write(PCI_BASE_ADDRESS_2, 4, UINT32_MAX);
	ck_assert_uint_eq(cfg_read(PCI_BASE_ADDRESS_2, 4), 0);
	cfg_write(PCI_BASE_ADDRESS_3, 4, UINT32_MAX);
	ck_assert_uint_eq(cfg_read(PCI_BASE_ADDRESS_3, 4), 0xffffc000);
	ck_assert_uint_eq(find_cap(PCI_CAP_ID_MSIX), 0xa0);
	ck_assert_uint_eq(find_cap(PCI_CAP_ID_MSI), 0xd0);
	ck_assert_uint_eq(find_cap(PCI_CAP_ID_EXP), 0xe0);
	/* below a root port it is an endpoint with a link */
	ck_assert_uint_eq(cfg_read(0xe2, 2), 1);
	ck_assert_uint_eq(cfg_read(0xe0 + PCI_EXP_LNKCAP, 4), 0x11);
	ck_assert_uint_eq(cfg_read(0xe0 + PCI_EXP_LNKSTA, 2), 0x11);
	ck_said("I/O port space");
	ck_assert_uint_eq(captured_errors, 0);
}
END_TEST

/* igb PF: SR-IOV, ARI, AER, DSN in extended space; only DSN stays. */
START_TEST(igb)
{
	blank(0x10c98086, 0x02000001);
	fake_vfio_set(dev, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	fake_vfio_set(dev, PCI_BASE_ADDRESS_0, 4, 0x10000000);
	fake_vfio_set(dev, PCI_BASE_ADDRESS_3, 4, 0x10040000);
	fake_vfio_set(dev, PCI_CAPABILITY_LIST, 1, 0x40);
	fake_vfio_set(dev, 0x40, 4, 0xc8235001);
	fake_vfio_set(dev, 0x50, 4, 0x01807005);
	fake_vfio_set(dev, 0x70, 4, 0x0009a011);
	fake_vfio_set(dev, 0x74, 4, 0x3);
	fake_vfio_set(dev, 0x78, 4, 0x2003);
	fake_vfio_set(dev, 0xa0, 4, 0x00020010);
	fake_vfio_set(dev, 0x100, 4, 0x14020001);
	fake_vfio_set(dev, 0x140, 4, 0x15010003);
	fake_vfio_set(dev, 0x150, 4, 0x1601000e);
	fake_vfio_set(dev, 0x160, 4, 0x00010010);
	fake_vfio_set(dev, 0x164, 4, 0x12345678);
	dev->regions[0] = (struct fake_vfio_region){.size = 0x20000, .flags = RWM, .mem = bar0};
	dev->regions[3] = (struct fake_vfio_region){.size = 0x4000, .flags = RWM, .mem = bar0 + 0x20000};
	dev->irqs[VFIO_PCI_MSI_IRQ_INDEX].count = 1;
	dev->irqs[VFIO_PCI_MSIX_IRQ_INDEX].count = 10;
	dev->can_reset = true;
	start(true);
	ck_assert_uint_eq(find_cap(PCI_CAP_ID_MSIX), 0x70);
	ck_assert_uint_eq(find_ext_cap(PCI_EXT_CAP_ID_DSN), 0x140);
	ck_assert_uint_eq(find_ext_cap(PCI_EXT_CAP_ID_SRIOV), 0);
	ck_assert_uint_eq(find_ext_cap(PCI_EXT_CAP_ID_ARI), 0);
	for (unsigned reg = 0x150; reg < 0x1000; reg += 4)
		ck_assert_uint_eq(cfg_read(reg, 4), 0);
	ck_silent();
}
END_TEST

/*
 * A mailbox and IDE, at the head of the list and behind it. VFIO hides both from the list, but its registers answer to
 * raw accesses; nothing that a guest does may get to them, of any size.
 */
START_TEST(device_security)
{
	static const unsigned places[] = {0x100, 0x180};
	uint8_t before[PCI_CFG_SIZE];

	blank(0x00101b36, 0x01080202);
	fake_vfio_set(dev, 0x100, 4, 0x1402002e);
	fake_vfio_set(dev, 0x140, 4, 0x18010003);
	fake_vfio_set(dev, 0x180, 4, 0x2002002e);
	fake_vfio_set(dev, 0x200, 4, 0x00010030);
	for (unsigned at = 0x104; at < 0x118; at += 4)
		fake_vfio_set(dev, at, 4, 0x5a5a5a5a);
	fake_vfio_set(dev, 0x204, 4, 0x00010043);
	start(true);
	memcpy(before, dev->config, sizeof(before));
	ck_assert_uint_eq(find_ext_cap(PCI_EXT_CAP_ID_DSN), 0x140);
	ck_assert_uint_eq(find_ext_cap(PCI_EXT_CAP_ID_DOE), 0);
	ck_assert_uint_eq(find_ext_cap(PCI_EXT_CAP_ID_IDE), 0);
	for (unsigned p = 0; p < ARRAY_LEN(places); p++)
		for (unsigned reg = places[p] + 4; reg < places[p] + 0x18; reg++)
			for (uint8_t size = 1; size <= 4; size *= 2) {
				if (reg % size != 0)
					continue;
				cfg_write(reg, size, UINT32_MAX);
				cfg_write(reg, size, 0x80000001);
				ck_assert_uint_eq(cfg_read(reg, size), 0);
			}
	for (unsigned reg = 0x200; reg < 0x280; reg += 4) {
		cfg_write(reg, 4, UINT32_MAX);
		ck_assert_uint_eq(cfg_read(reg, 4), 0);
	}
	ck_assert_int_eq(memcmp(before + 0x100, dev->config + 0x100, sizeof(before) - 0x100), 0);
}
END_TEST

/* edu: conventional, 1 MiB BAR, MSI only, no capability else, 256 bytes of configuration space. */
START_TEST(edu)
{
	blank(0x11e81234, 0x00ff0010);
	dev->regions[VFIO_PCI_CONFIG_REGION_INDEX].size = 256;
	fake_vfio_set(dev, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	fake_vfio_set(dev, PCI_CAPABILITY_LIST, 1, 0x40);
	fake_vfio_set(dev, PCI_INTERRUPT_PIN, 1, 1);
	fake_vfio_set(dev, 0x40, 4, 0x00800005);
	fake_vfio_set(dev, 0x100, 4, 0x00010003); /* beyond its end */
	dev->regions[0] = (struct fake_vfio_region){.size = 0x100000, .flags = RW};
	dev->irqs[VFIO_PCI_INTX_IRQ_INDEX].count = 1;
	dev->irqs[VFIO_PCI_MSI_IRQ_INDEX].count = 1;
	start(true);
	ck_assert_uint_eq(find_cap(PCI_CAP_ID_MSI), 0x40);
	ck_assert_uint_eq(cfg_read(0x100, 4), 0);
	cfg_write(PCI_BASE_ADDRESS_0, 4, (uint32_t)RIG_MMIO32);
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(nr_slots, 0); /* not mappable: trapped */
	ck_assert_uint_eq(mem_read(RIG_MMIO32, 4), UINT32_MAX);
	ck_assert_int_eq(dev->active, VFIO_PCI_INTX_IRQ_INDEX);
}
END_TEST

START_TEST(vendor_capability)
{
	fake_vfio_set(dev, PCI_CAPABILITY_LIST, 1, 0xd0);
	fake_vfio_set(dev, 0xd0, 4, 0x01144009); /* virtio style, 0x14 bytes -> PM */
	fake_vfio_set(dev, 0xd4, 4, 0xcafe0004);
	start(true);
	ck_assert_uint_eq(cfg_read(0xd0, 4), 0x01144009);
	ck_assert_uint_eq(cfg_read(0xd4, 4), 0xcafe0004);
	fake_vfio_set(dev, 0xd4, 1, 9); /* live */
	ck_assert_uint_eq(cfg_read(0xd4, 1), 9);
	cfg_write(0xd4, 4, 0);
	ck_assert_uint_eq(cfg_read(0xd4, 4), 0xcafe0009);
	ck_assert_uint_eq(cfg_read(0xe4, 4), 0);
	ck_assert_uint_eq(find_cap(PCI_CAP_ID_PM), 0x40);
}
END_TEST

/* Lies about lists: the device is usable, what is told so far stays. */
START_TEST(loops_and_overlaps)
{
	static const struct {
		unsigned offset;
		uint32_t value;
		const char *says;
	} lies[] = {
		{0xb0, 0x00404011, "loops"},		 /* the last points back to the first */
		{0x40, 0xffc34001, "loops"},		 /* itself */
		{0x40, 0xffc32001, "leaves its space"},	 /* into the header */
		{0x100, 0x10020001, "loops"},		 /* extended, itself */
		{0x100, 0x0ff20001, "leaves its space"}, /* 0x0fc */
		{0x150, 0x10010003, "loops"},
		{0xb0, 0x00405411, NULL}, /* a capability inside another: refused, see below */
	};
	size_t n = sizeof(lies) / sizeof(lies[0]);

	fake_vfio_set(dev, lies[_i].offset, 4, lies[_i].value);
	if ((size_t)_i == n - 1)
		fake_vfio_set(dev, 0x54, 4, 0x00000001);
	start(true);
	if (lies[_i].says)
		ck_said(lies[_i].says);
	else
		ck_said("overlaps another");
	/* the guest's list ends */
	unsigned at = cfg_read(PCI_CAPABILITY_LIST, 1), count = 0;
	for (; at && count < 64; count++)
		at = cfg_read(at + 1, 1);
	ck_assert_uint_lt(count, 8);
	ck_assert_uint_eq(captured_errors, 0);
}
END_TEST

START_TEST(capabilities_beyond_their_space)
{
	fake_vfio_set(dev, 0xb0, 4, 0x0040fc11); /* MSI-X -> PM in the last dword */
	fake_vfio_set(dev, 0xfc, 4, 0x00000001);
	fake_vfio_set(dev, 0x40, 1, 0); /* and an unknown one first */
	fake_vfio_set(dev, 0x150, 4, 0xff810003);
	fake_vfio_set(dev, 0xff8, 4, 0x00010003); /* a serial number whose end is beyond 4096 */
	start(true);
	ck_assert_uint_eq(find_cap(PCI_CAP_ID_PM), 0);
	ck_assert_uint_eq(cfg_read(0xff8, 4), 0);
	ck_assert_uint_eq(cfg_read(PCI_CAPABILITY_LIST, 1), 0x50);
	ck_said("leaves its space");
}
END_TEST

/* Lies that refuse the device; nothing stays behind (teardown looks). */
static void table_beyond_bar(void)
{
	fake_vfio_set(dev, 0xb4, 4, 0x3c00);
}

static void table_in_no_bar(void)
{
	fake_vfio_set(dev, 0xb4, 4, 0x2003);
}

static void table_bir_7(void)
{
	fake_vfio_set(dev, 0xb4, 4, 0x2007);
}

static void pba_over_table(void)
{
	fake_vfio_set(dev, 0xb8, 4, 0x2100);
}

static void table_far_away(void)
{
	fake_vfio_set(dev, 0xb4, 4, 0xfffffff8);
}

static void odd_bar(void)
{
	dev->regions[0].size = 0x4100;
}

static void bar5_64(void)
{
	fake_vfio_set(dev, PCI_BASE_ADDRESS_5, 4, 4);
	dev->regions[5] = (struct fake_vfio_region){.size = 0x1000, .flags = RW};
}

static void upper_half_region(void)
{
	dev->regions[0].size = 1ull << 63;
}

static void region_wraps(void)
{
	dev->regions[0].size = UINT64_MAX;
}

static void huge_32(void)
{
	fake_vfio_set(dev, PCI_BASE_ADDRESS_2, 4, 0);
	dev->regions[2] = (struct fake_vfio_region){.size = 1ull << 32, .flags = RW};
}

static void bridge(void)
{
	fake_vfio_set(dev, PCI_HEADER_TYPE, 1, PCI_HEADER_TYPE_BRIDGE);
}

static void gone(void)
{
	memset(dev->config, 0xff, sizeof(dev->config));
}

static void no_config(void)
{
	dev->regions[VFIO_PCI_CONFIG_REGION_INDEX].size = 0;
}

static void short_config(void)
{
	dev->regions[VFIO_PCI_CONFIG_REGION_INDEX].size = 64;
}

static const struct {
	void (*spoil)(void);
	const char *says;
} refused[] = {
	{table_beyond_bar, "outside the device's BARs"},
	{table_in_no_bar, "outside the device's BARs"},
	{table_bir_7, "outside the device's BARs"},
	{pba_over_table, "overlap"},
	{table_far_away, "outside the device's BARs"},
	{odd_bar, "16640 bytes"},
	{bar5_64, "64-bit"},
	{upper_half_region, "BAR 0"},
	{region_wraps, "BAR 0"},
	{huge_32, "BAR 2"},
	{bridge, "only endpoints"},
	{gone, "does not answer"},
	{no_config, "configuration space"},
	{short_config, "configuration space"},
};

START_TEST(liars_are_refused)
{
	refused[_i].spoil();
	ck_assert_int_lt(rig_create(true), 0);
	ck_assert_ptr_null(a);
	ck_said(refused[_i].says);
	ck_assert_uint_eq(captured_errors, 1);
	dev->config[PCI_COMMAND] = 0; /* where all of it was 0xff */
}
END_TEST

/* Every offset and size: no crash, and no byte of what is hidden. */
START_TEST(all_accesses)
{
	static const uint8_t sizes[] = {1, 2, 4, 8};

	memset(dev->config + 0x200, 0xa5, 0xe00);
	memset(dev->config + 0xc0, 0xa5, 0x40);
	start(true);
	for (unsigned reg = 0; reg < 4096; reg++)
		for (unsigned s = 0; s < 4; s++) {
			cfg_write(reg, sizes[s], 0x5a5a5a5a);
			uint32_t v = cfg_read(reg, sizes[s]);
			if (reg >= 0x200 && reg % 4 + sizes[s] <= 4)
				ck_assert_uint_eq(v, 0);
		}
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, nvme);
	tcase_add_test(t, power_state_is_the_guests_only);
	tcase_add_test(t, command_reaches_the_device);
	tcase_add_test(t, pcie_is_virtual);
	tcase_add_test(t, function_level_reset);
	tcase_add_test(t, no_reset_no_flr);
	tcase_add_test(t, e1000e);
	tcase_add_test(t, igb);
	tcase_add_test(t, device_security);
	tcase_add_test(t, edu);
	tcase_add_test(t, vendor_capability);
	tcase_add_loop_test(t, loops_and_overlaps, 0, 7);
	tcase_add_test(t, capabilities_beyond_their_space);
	tcase_add_loop_test(t, liars_are_refused, 0, (int)(sizeof(refused) / sizeof(refused[0])));
	tcase_add_test(t, all_accesses);
}

RIG_MAIN("assign_cfg", add_tests)

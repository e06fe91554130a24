/* SPDX-License-Identifier: Apache-2.0 */
/* The PASID capability of an assigned function, made from what the host says. */
#include <linux/iommufd.h>

#include "assign_later_fixture.h"

#define SSIDSIZE_SHIFT 6

static void setup_pasid(void)
{
	setup();
	fake_iommu.max_pasid_log2 = 20;
	fake_iommu.idr[1] = (fake_iommu.idr[1] & ~(0x1fu << SSIDSIZE_SHIFT)) | 16u << SSIDSIZE_SHIFT;
	fake_iommu.capabilities = IOMMU_HW_CAP_PCI_PASID_EXEC;
}

static uint32_t start_pasid(bool translated)
{
	start(translated);
	return find_ext_cap(PCI_EXT_CAP_ID_PASID);
}

START_TEST(from_the_host)
{
	uint32_t at = start_pasid(true);

	ck_assert_uint_eq(at, 0xff8);
	/* SubstreamIDs of the SMMU are the narrower limit */
	ck_assert_uint_eq(cfg_read(at + PCI_PASID_CAP, 2), 16u << 8 | PCI_PASID_CAP_EXEC);
	ck_assert_uint_eq(cfg_read(at + PCI_PASID_CTRL, 2), 0);
	/* the control register is the guest's, but for what the device cannot do */
	cfg_write(at + PCI_PASID_CTRL, 2, 0xffff);
	ck_assert_uint_eq(cfg_read(at + PCI_PASID_CTRL, 2), PCI_PASID_CTRL_ENABLE | PCI_PASID_CTRL_EXEC);
	cfg_write(at + PCI_PASID_CAP, 2, 0);
	ck_assert_uint_eq(cfg_read(at + PCI_PASID_CAP, 2), 16u << 8 | PCI_PASID_CAP_EXEC);
	/* one prefix, without which Linux enables none */
	ck_assert_uint_eq(cfg_read(0x70 + PCI_EXP_DEVCAP2, 4) & 0x00e00000u, PCI_EXP_DEVCAP2_EE_PREFIX | 1u << 22);
	ck_silent();
}
END_TEST

START_TEST(widths)
{
	static const struct {
		uint8_t device, ssid, seen;
	} rows[] = {{20, 20, 20}, {1, 20, 1}, {20, 1, 1}, {31, 31, 20}, {0, 20, 0}, {20, 0, 0}};
	uint32_t at;

	fake_iommu.max_pasid_log2 = rows[_i].device;
	fake_iommu.idr[1] &= ~(0x1fu << SSIDSIZE_SHIFT);
	fake_iommu.idr[1] |= (uint32_t)rows[_i].ssid << SSIDSIZE_SHIFT;
	at = start_pasid(true);
	ck_assert_int_eq(at != 0, rows[_i].seen != 0);
	if (at)
		ck_assert_uint_eq(cfg_read(at + PCI_PASID_CAP, 2) >> 8, rows[_i].seen);
	else
		ck_assert_uint_eq(cfg_read(0x70 + PCI_EXP_DEVCAP2, 4) & 0x00e00000u, 0);
}
END_TEST

/* Behind no IOMMU of the guest there is nobody who could give a PASID a meaning. */
START_TEST(untranslated)
{
	ck_assert_uint_eq(start_pasid(false), 0);
}
END_TEST

START_TEST(no_pcie_no_pasid)
{
	fake_vfio_set(dev, 0x70, 1, 0x09); /* some vendor's capability */
	ck_assert_uint_eq(start_pasid(true), 0);
}
END_TEST

/* What the device has there, hidden from the guest or not, keeps its place. */
START_TEST(place)
{
	fake_vfio_set(dev, 0xff8, 4, 0xdeadbeef);
	fake_vfio_set(dev, 0xff0, 4, 1);
	ck_assert_uint_eq(start_pasid(true), 0xfe8);
}
END_TEST

START_TEST(no_place)
{
	for (unsigned at = 0x104; at < 0x1000; at += 4)
		if (at < 0x150 || at >= 0x15c)
			fake_vfio_set(dev, at, 4, 0xffff0000);
	ck_assert_uint_eq(start_pasid(true), 0);
	ck_said("no free place");
}
END_TEST

START_TEST(host_does_not_say)
{
	fake_iommu.hw_type = IOMMU_HW_INFO_TYPE_NONE;
	ck_assert_int_eq(rig_create(true), -ENOTSUP);
	ck_assert_uint_eq(captured_errors, 1);
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_checked_fixture(t, setup_pasid, teardown);
	tcase_add_test(t, from_the_host);
	tcase_add_loop_test(t, widths, 0, 6);
	tcase_add_test(t, untranslated);
	tcase_add_test(t, no_pcie_no_pasid);
	tcase_add_test(t, place);
	tcase_add_test(t, no_place);
	tcase_add_test(t, host_does_not_say);
}

RIG_MAIN("assign_pasid", add_tests)

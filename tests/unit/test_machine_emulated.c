/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole machines with emulated devices of each kind, behind an SMMUv3, behind a virtio-iommu and behind none, also next
 * to devices of the host: their life, what a driver of the IOMMU lets through, and each host call failing in turn.
 */
#include <linux/virtio_pci.h>

#include "machine_emulated_fixture.h"

static const struct {
	const char *iommu, *more;
	unsigned assigned;
} worlds[] = {
	{NULL, "", 0},		 {"smmuv3", "", 0}, {"virtio-iommu", "", 0},
	{"virtio-iommu", "", 2}, {"smmuv3", "", 2}, {"virtio-iommu", ", boot-bypass: true", 1},
};
#define NR_WORLDS ((int)ARRAY_LEN(worlds))

static void make_world(int i)
{
	emulated(worlds[i].iommu, worlds[i].more, worlds[i].assigned);
}

START_TEST(boot_reboot_poweroff)
{
	make_world(_i);
	ck_assert_msg(machine_life(drive_emulated) == 0, "%s", last_message);
	ck_assert_msg(nr_messages == 0, "%s", last_message);
	ck_assert_uint_eq(fake_iommu_seen.objects, 0);
	ck_assert_uint_eq(fake_kvm_ioeventfds(), 0);
	all_given_back();
}
END_TEST

/* Where the driver notifies queue 0 of function @fn (virtio 1.3, 4.1.4.4). */
static uint64_t notify_address(struct machine *m, unsigned fn)
{
	unsigned at = cfg_read(m, 1, fn, PCI_CAPABILITY_LIST, 1);

	while (at &&
	       (cfg_read(m, 1, fn, at, 1) != PCI_CAP_ID_VNDR ||
		cfg_read(m, 1, fn, at + offsetof(struct virtio_pci_cap, cfg_type), 1) != VIRTIO_PCI_CAP_NOTIFY_CFG))
		at = cfg_read(m, 1, fn, at + 1, 1);
	ck_assert_uint_ne(at, 0);

	unsigned bar = PCI_BASE_ADDRESS_0 + 4 * cfg_read(m, 1, fn, at + offsetof(struct virtio_pci_cap, bar), 1);
	uint64_t base = (uint64_t)cfg_read(m, 1, fn, bar + 4, 4) << 32 |
			(cfg_read(m, 1, fn, bar, 4) & (uint32_t)PCI_BASE_ADDRESS_MEM_MASK);

	return base + cfg_read(m, 1, fn, at + offsetof(struct virtio_pci_cap, offset), 4);
}

/* A notification of a driver's is KVM's affair while the BAR decodes, and only then. */
START_TEST(notifications)
{
	struct machine *m;
	struct config *config;

	make_world(_i);
	ck_assert_int_eq(machine_make(&m, &config), 0);
	ck_assert_uint_eq(fake_kvm_ioeventfds(), 0);
	drive_emulated(m);
	ck_assert_uint_eq(fake_kvm_ioeventfds(), NR_QUEUES);
	for (unsigned fn = 0; fn < FN_TEST; fn++) {
		ck_assert(fake_kvm_guest_write(notify_address(m, fn), 2));
		ck_assert(!fake_kvm_guest_write(notify_address(m, fn) + 1, 1));
	}
	ck_assert_int_eq(machine_reset(m), 0);
	ck_assert_uint_eq(fake_kvm_ioeventfds(), 0);
	drive_emulated(m);
	ck_assert_uint_eq(fake_kvm_ioeventfds(), NR_QUEUES);
	cfg_write(m, 1, FN_CONSOLE, PCI_COMMAND, 2, 0);
	ck_assert_uint_eq(fake_kvm_ioeventfds(), NR_QUEUES - 4);
	machine_unmake(&m, config);
	ck_assert_msg(nr_messages == 0, "%s", last_message);
}
END_TEST

/* Vendor and device as virtio 1.3, 4.1.2 and docs/test-endpoint.md say. */
START_TEST(functions)
{
	static const uint32_t ids[NR_EMULATED] = {0x10421af4, 0x10441af4, 0x10431af4, 0x10451af4, 0};
	struct machine *m;
	struct config *config;

	make_world(_i);
	ck_assert_int_eq(machine_make(&m, &config), 0);
	for (unsigned fn = 0; fn < NR_EMULATED; fn++) {
		uint32_t id = cfg_read(m, 1, fn, PCI_VENDOR_ID, 4);

		ck_assert_msg(ids[fn] ? id == ids[fn] : id != UINT32_MAX, "function %u is %08x", fn, id);
		ck_assert_uint_ne(cfg_read(m, 1, fn, PCI_HEADER_TYPE, 1) & 0x80u, fn ? 0x80 : 0);
	}
	ck_assert_uint_eq(cfg_read(m, 1, NR_EMULATED, PCI_VENDOR_ID, 4), UINT32_MAX);
	machine_unmake(&m, config);
}
END_TEST

/* ---- SMMUv3 ---- */

static void all_reach(struct machine *m, int result)
{
	for (unsigned fn = 0; fn < NR_EMULATED; fn++)
		ck_assert_int_eq(emulated_dma(m, fn), result);
}

START_TEST(smmu_decides)
{
	const uint64_t bypass = STE0_V | field_prep(STE0_CFG, STE_CFG_BYPASS);
	struct machine *m;
	struct config *config;

	emulated("smmuv3", "", (unsigned)_i);
	ck_assert_int_eq(machine_make(&m, &config), 0);
	all_reach(m, -EPERM); /* no bus mastering yet */
	drive_emulated(m);
	all_reach(m, 0); /* GBPA.ABORT is 0 after reset */
	driver_start(m, 0);
	all_reach(m, -EFAULT); /* no stream is known */
	for (int i = 0; i < _i; i++)
		ck_assert_int_eq(host_cfg((unsigned)i), STE_CFG_ABORT);
	for (unsigned fn = 0; fn < NR_EMULATED; fn++) {
		driver_install(m, 0, 0x100 + fn, bypass);
		ck_assert_int_eq(emulated_dma(m, fn), 0);
		if (fn + 1 < NR_EMULATED)
			ck_assert_int_eq(emulated_dma(m, fn + 1), -EFAULT);
	}
	for (int i = 0; i < _i; i++) {
		driver_install(m, 0, (uint32_t)(i + 2) << 8, driver_s1(0));
		ck_assert_int_eq(host_cfg((unsigned)i), STE_CFG_S1);
	}
	driver_install(m, 0, 0x100, 0);
	ck_assert_int_eq(emulated_dma(m, FN_BLK), -EFAULT);
	ck_assert_int_eq(emulated_dma(m, FN_RNG), 0);
	ck_assert_int_eq(machine_reset(m), 0);
	all_reach(m, -EPERM);
	drive_emulated(m);
	all_reach(m, 0);
	for (int i = 0; i < _i; i++)
		ck_assert_int_eq(host_cfg((unsigned)i), STE_CFG_BYPASS);
	machine_unmake(&m, config);
	ck_assert_msg(nr_messages == 0, "%s", last_message);
	ck_assert_uint_eq(fake_iommu_seen.objects, 0);
}
END_TEST

/* Without devices of the host the model offers what it can; with them what the host's SMMU can for all. */
START_TEST(smmu_offers)
{
	struct machine *m;
	struct config *config;
	uint32_t idr0;

	emulated("smmuv3", "", (unsigned)_i);
	ck_assert_int_eq(machine_make(&m, &config), 0);
	idr0 = smmu_read(m, 0, SMMU_IDR0);
	ck_assert_uint_eq(!!(idr0 & IDR0_S1P), 1);
	ck_assert_uint_eq(!!(idr0 & IDR0_S2P), _i == 0);
	ck_assert_uint_eq(!!(idr0 & IDR0_ATS), _i == 0);
	machine_unmake(&m, config);
}
END_TEST

/* ---- virtio-iommu ---- */

/* Nothing passes until a driver attaches, unless the configuration says otherwise. */
START_TEST(virtio_iommu_blocks)
{
	bool bypass = _i & 1;
	unsigned assigned = _i & 2 ? 2 : 0;
	struct machine *m;
	struct config *config;

	emulated("virtio-iommu", bypass ? ", boot-bypass: true" : "", assigned);
	ck_assert_int_eq(machine_make(&m, &config), 0);
	for (unsigned turn = 0; turn < 2; turn++) {
		drive_emulated(m);
		all_reach(m, bypass ? 0 : -EFAULT);
		for (unsigned i = 0; i < assigned; i++) {
			uint64_t pa = 0;

			ck_assert_int_eq(fake_iommu_translate(devs[i]->attached, DRIVER_AT(8), true, &pa), bypass);
			ck_assert(!bypass || pa == DRIVER_AT(8));
		}
		ck_assert_int_eq(machine_reset(m), 0);
	}
	machine_unmake(&m, config);
	ck_assert_msg(nr_messages == 0, "%s", last_message);
	ck_assert_uint_eq(fake_iommu_seen.objects, 0);
}
END_TEST

/* ---- failures ---- */

/* Calls whose failure only means that the host lacks something; a notification without an ioeventfd is an exit. */
static const char *const passing[] = {
	"ioctl KVM_CHECK_EXTENSION",
	"ioctl KVM_ENABLE_CAP",
	"ioctl KVM_IRQ_LINE",
	"ioctl KVM_IOEVENTFD",
	"ioctl KVM_RUN",
	"ioctl VFIO_DEVICE_GET_IRQ_INFO",
	"* /sys/bus/pci/devices/*/class",
	NULL,
};

static void after(unsigned n)
{
	for (unsigned i = 0; i < NR_DEVS; i++)
		ck_assert_msg(!devs[i]->open && !devs[i]->dev && !devs[i]->attached,
			      "%s is still in use after %s (call %u)", bdfs[i], fake_failed_call(), n);
}

START_TEST(fail_nth)
{
	make_world(_i);
	machine_fail_nth(assigned_host, NULL, passing, after);
}
END_TEST

START_TEST(fail_nth_with_guest)
{
	make_world(_i);
	machine_fail_nth(assigned_host, drive_emulated, passing, after);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, emulated_setup, emulated_teardown);
	tcase_add_loop_test(tc, boot_reboot_poweroff, 0, NR_WORLDS);
	tcase_add_loop_test(tc, notifications, 0, NR_WORLDS);
	tcase_add_loop_test(tc, functions, 0, NR_WORLDS);
	tcase_add_loop_test(tc, smmu_decides, 0, 3);
	tcase_add_loop_test(tc, smmu_offers, 0, 2);
	tcase_add_loop_test(tc, virtio_iommu_blocks, 0, 4);
	tcase_add_loop_test(tc, fail_nth, 0, NR_WORLDS);
	tcase_add_loop_test(tc, fail_nth_with_guest, 0, 3);
}

MACHINE_MAIN("machine_emulated", add_tests)

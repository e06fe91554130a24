/* SPDX-License-Identifier: Apache-2.0 */
/* The findings about assigned devices: one knob of a pretended host turned at a time, the line that must come, nothing
 * left open. The host as a whole: test_cli_host.c. */
#include <errno.h>

#include "check_fixture.h"

#define DEV "/sys/bus/pci/devices/"

START_TEST(device_good)
{
	check_with(check_devices, nested_vm, NULL);
	found("^ok device " NVME ": NVMe controller, free, alone in group 1[0-9], behind smmu3");
	found("^ok device " NVME ": smmu3.* translates it in two stages for the guest's SMMU");
	not_found("error device");
	ck_assert(!nvme->open);
}
END_TEST

START_TEST(device_without_guest_iommu)
{
	const char *const set[] = {"pci.0.iommu=", "iommus=", NULL};

	fake_iommu.no_viommu = true;
	ck_assert_uint_eq(check_with(check_devices, nested_vm, set), 0);
	found("^ok device " NVME ": NVMe controller, free");
	not_found("two stages");
}
END_TEST

static void rebuilt(uint32_t class_code, const char *driver, const char *iommu, int group)
{
	gone();
	fake_sysfs_device(NVME, class_code, driver, iommu, group);
}

static void bridge(void)
{
	rebuilt(0x060400, "pcieport", "smmu3.0", 10);
}

static void with_driver(void)
{
	rebuilt(0x010802, "nvme", "smmu3.0", 10);
}

static void without_driver(void)
{
	rebuilt(0x010802, NULL, "smmu3.0", 10);
}

static void without_cdev(void)
{
	rebuilt(0x010802, "vfio-pci", "smmu3.0", 10);
}

static void without_iommu(void)
{
	rebuilt(0x010802, "vfio-pci", NULL, -1);
}

static void shared_group(void)
{
	rebuilt(0x010802, "vfio-pci", "smmu3.0", 10);
	fake_sysfs_device("0000:01:00.1", 0x020000, "e1000e", "smmu3.0", 10);
	fake_sysfs_device("0000:01:00.2", 0x020000, NULL, "smmu3.0", 10);
}

static void busy(void)
{
	nvme->bind_err = EBUSY;
}

static void used_by(void)
{
	fake_sysfs_file("/proc/4711/comm", "qemu-system-aar\n");
	fake_sysfs_link("/proc/4711/fd/3", "/dev/null");
	fake_sysfs_link("/proc/4711/fd/9", "/dev/vfio/devices/vfio0");
}

static void not_isolated(void)
{
	nvme->bind_err = EPERM;
}

static void no_stage1(void)
{
	fake_iommu.idr[0] &= ~2u;
}

static void no_stage2(void)
{
	fake_iommu.idr[0] &= ~1u;
}

static void no_fwb(void)
{
	fake_iommu.idr[3] = 0;
	fake_iommu.no_viommu = true;
}

static void no_viommu(void)
{
	fake_iommu.no_viommu = true;
}

static void no_hw_info(void)
{
	fake_iommu.hw_type = 0;
}

static void reserved(void)
{
	fake_sysfs_file(
		DEV NVME "/iommu_group/reserved_regions",
		"0x0000000008000000 0x00000000080fffff msi\n0x0000000050000000 0x000000005000ffff direct-relaxable\n"
		"0x000000005ffff000 0x0000000060000fff direct\n");
}

static const struct {
	void (*knob)(void);
	const char *finding;
} device_cases[] = {
	{gone, "^error device " NVME ": this host has no such PCI device; `aerie devices` lists them$"},
	{bridge, "^error device " NVME ": is a bridge \\(PCI bridge\\); assign the devices behind it$"},
	{with_driver, "^error device " NVME ": driver nvme has it; run `aerie bind " NVME "`$"},
	{without_driver, "^error device " NVME ": has no driver; run `aerie bind " NVME "`$"},
	{without_cdev, "^error device " NVME ": vfio-pci gives it no character device; .*CONFIG_VFIO_DEVICE_CDEV$"},
	{without_iommu, "^error device " NVME ": no IOMMU of this host translates it"},
	{shared_group, "^error device " NVME ": shares IOMMU group 10 with 0000:01:00.1, 0000:01:00.2;"},
	{busy, "^error device " NVME ": .*another process"},
	{used_by, "^error device " NVME ": in use by qemu-system-aar \\(pid 4711\\); end it first$"},
	{not_isolated, "^error device " NVME ": .*does not isolate its interrupts"},
	{no_stage1, "^error device " NVME ": .*S1P"},
	{no_stage2, "^error device " NVME ": .*S2P"},
	{no_fwb, "^error device " NVME ": .*FWB.*CANWBS"},
	{no_viommu, "^error device " NVME ": .*CONFIG_ARM_SMMU_V3_IOMMUFD"},
	{no_hw_info, "^error device " NVME ": .*CONFIG_ARM_SMMU_V3_IOMMUFD"},
	{reserved,
	 "^error device " NVME ": the host reserves I/O addresses 0x5ffff000-0x60000fff \\(direct\\) where the guest "
	 "has its RAM \\(0x40000000-0x5fffffff\\); lower machine.memory$"},
};

START_TEST(device_bad)
{
	device_cases[_i].knob();
	ck_assert_uint_ge(check_with(check_devices, nested_vm, NULL), 1);
	found(device_cases[_i].finding);
	not_found("relaxable");
	ck_silent();
}
END_TEST

START_TEST(one_smmu_for_two)
{
	const char *const set[] = {"pci.1.root-port=rp1", "pci.1.iommu=smmu0", "pci.1.devices.0.assign=" NIC, NULL};

	check_with(check_devices, nested_vm, set);
	not_found("give each an entry of its own");
	fake_sysfs_link(DEV NIC "/iommu", "../../../platform/x/iommu/smmu3.other");
	check_with(check_devices, nested_vm, set);
	found("^error smmu0: device " NIC
	      " is behind smmu3.other of the host, another device of this IOMMU behind smmu3");
}
END_TEST

START_TEST(no_iommufd)
{
	fake_iommu.open_err = ENOENT;
	check_with(check_devices, nested_vm, NULL);
	not_found("free"); /* nothing is claimed of a device that could not be tried; check_iommufd() says why */
	ck_assert_uint_eq(check_with(check_iommufd, nested_vm, NULL), 1);
	found("^error /dev/iommu: .*CONFIG_IOMMUFD");
}
END_TEST

/* Every host call of the whole check fails in turn. An object that the kernel does not destroy is gone with the
 * iommufd. */
START_TEST(every_failure)
{
	bool failed = true;

	for (unsigned nth = 1; failed; nth++) {
		teardown();
		setup();
		fake_fail_nth(nth, EIO);
		check_with(check_devices, nested_vm, NULL);
		failed = fake_failed();
		ck_assert_msg(!failed || fake_iommu_seen.objects == 0 || strstr(fake_failed_call(), "DESTROY"),
			      "objects left behind after a failure of %s", fake_failed_call());
		ck_assert(!nvme->open);
		fake_iommu_seen.objects = 0;
		fake_fail_nth(0, 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli_check");
	TCase *tc = tcase_create("cli_check");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, device_good);
	tcase_add_test(tc, device_without_guest_iommu);
	tcase_add_loop_test(tc, device_bad, 0, sizeof(device_cases) / sizeof(device_cases[0]));
	tcase_add_test(tc, one_smmu_for_two);
	tcase_add_test(tc, no_iommufd);
	tcase_add_test(tc, every_failure);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

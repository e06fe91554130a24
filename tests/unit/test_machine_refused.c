/* SPDX-License-Identifier: Apache-2.0 */
/* Machines that this host cannot give: refused with one message that says what, on what, why and what to do. */
#include <linux/iommufd.h>

#include "machine_assigned_fixture.h"

static void no_iommu_node(void)
{
	fake_iommu.open_err = ENOENT;
}

static void no_iommu_permission(void)
{
	fake_iommu.open_err = EACCES;
}

static void no_s2p(void)
{
	fake_iommu.idr[0] &= ~IDR0_S2P;
}

static void no_s1p(void)
{
	fake_iommu.idr[0] &= ~IDR0_S1P;
}

static void no_fwb(void)
{
	fake_iommu.idr[3] &= ~IDR3_FWB;
	fake_iommu.no_viommu = true;
}

static void no_viommu(void)
{
	fake_iommu.no_viommu = true;
}

static void no_nest_parent(void)
{
	fake_iommu.no_nest_parent = true;
}

static void not_described(void)
{
	fake_iommu.hw_type = IOMMU_HW_INFO_TYPE_NONE;
}

static void other_iommu(void)
{
	fake_iommu.hw_type = IOMMU_HW_INFO_TYPE_INTEL_VTD;
}

static void memlock(void)
{
	struct rlimit limit;

	fake_iommu.memlock = 8u << 20;
	ck_assert_int_eq(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	limit.rlim_cur = 8u << 20;
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
}

static void memory_short(void)
{
	struct rlimit limit = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};

	fake_iommu.memlock = 8u << 20;
	if (setrlimit(RLIMIT_MEMLOCK, &limit) < 0) { /* not root: as much as the guest has is the same */
		getrlimit(RLIMIT_MEMLOCK, &limit);
		fake_iommu.memlock = 0;
	}
}

static void reserved(void)
{
	fake_iommu.resv_first = arch_layout.ram_base;
	fake_iommu.resv_last = arch_layout.ram_base + 0xffff;
}

static void gone(void)
{
	fake_sysfs_remove();
	fake_sysfs_create();
}

static void unbound(void)
{
	gone();
	fake_sysfs_device(bdfs[0], 0x010802, "nvme", "smmu3.0x0000000009050000", 10);
}

static void in_group(void)
{
	fake_sysfs_device("0000:01:00.1", 0x010802, "nvme", "smmu3.0x0000000009050000", 10);
}

static void busy(void)
{
	devs[1]->bind_err = EINVAL; /* vfio_df_device_first_open() */
}

static void no_cdev_permission(void)
{
	devs[1]->open_err = EACCES;
}

static void two_host_smmus(void)
{
	second_host_smmu = HOST_SMMU2;
	assigned_host();
}

static void small_bar(void)
{
	devs[0]->regions[VFIO_PCI_CONFIG_REGION_INDEX].size = 32;
}

static const struct {
	const char *name, *rest;
	void (*host)(void);
	const char *message;
} refusals[] = {
	{"no /dev/iommu", two_smmus, no_iommu_node, "/dev/iommu.*CONFIG_IOMMUFD.*modprobe iommufd"},
	{"no permission", two_smmus, no_iommu_permission, "/dev/iommu: permission denied.*root"},
	{"no stage 2", two_smmus, no_s2p, "smmu3.0x0000000009050000 for 0000:01:00.0.*IDR0\\.S2P"},
	{"no stage 1", two_smmus, no_s1p, "smmu3.0x0000000009050000 for 0000:01:00.0.*IDR0\\.S1P"},
	{"no FWB", two_smmus, no_fwb, "smmu3.0x0000000009050000.*FWB.*IDR3 0x.*CANWBS"},
	{"no vIOMMU", two_smmus, no_viommu, "smmu3.0x0000000009050000.*CONFIG_ARM_SMMU_V3_IOMMUFD"},
	{"no nesting parent", two_smmus, no_nest_parent, "stage 2.*smmu3.0x0000000009050000.*errata"},
	{"not described", two_smmus, not_described, "0000:01:00.0.*CONFIG_ARM_SMMU_V3_IOMMUFD"},
	{"no SMMU", two_smmus, other_iommu, "0000:01:00.0.*no Arm SMMUv3"},
	{"memlock", two_smmus, memlock, "16 MiB needs? to be locked, the limit is 8 MiB; raise it with .ulimit -l."},
	{"memory", two_smmus, memory_short, "16 MiB needs? to be locked"},
	{"reserved", two_smmus, reserved, "host.* reserves"},
	{"no device", two_smmus, gone, "0000:01:00.0.*no such PCI device.*aerie devices"},
	{"unbound", two_smmus, unbound, "0000:01:00.0.*driver nvme.*aerie bind 0000:01:00.0"},
	{"in a group", two_smmus, in_group, "0000:01:00.0.*group 10.*0000:01:00.1.*ACS"},
	{"busy", two_smmus, busy, "0000:02:00.0.*in use by another process; end that one first"},
	{"no cdev permission", two_smmus, no_cdev_permission,
	 "0000:02:00.0.*permission.*/dev/vfio/devices/vfio1.*root"},
	{"two host SMMUs", shared_smmu, two_host_smmus,
	 "0000:02:00.0.*" HOST_SMMU2 ".*smmu3.0x0000000009050000.*IOMMU of its own"},
	{"no config space", two_smmus, small_bar, "0000:01:00.0"},
};

START_TEST(refused)
{
	machine_yaml("16M", refusals[_i].rest);
	if (refusals[_i].host)
		refusals[_i].host();

	struct machine *m;
	struct config *config;

	ck_assert_msg(machine_make(&m, &config) < 0, "%s: accepted", refusals[_i].name);
	ck_assert_msg(nr_messages == 1, "%s: %u messages, the last is: %s", refusals[_i].name, nr_messages,
		      last_message);
	said(refusals[_i].message);
	ck_assert_ptr_null(m);
	ck_assert_uint_eq(fake_iommu_seen.objects, 0);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, assigned_setup, assigned_teardown);
	tcase_add_loop_test(tc, refused, 0, (int)ARRAY_LEN(refusals));
}

MACHINE_MAIN("machine_refused", add_tests)

/* SPDX-License-Identifier: Apache-2.0 */
/* viommu/host without nesting: sysfs, every refusal of a device and its advice, IOAS, object books. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "capture.h"
#include "fake.h"
#include "fake_vfio.h"
#include "host_dev.h"
#include "stats.h"
#include "run_suite.h"

#define BDF "0000:00:05.0"

static struct fake_vfio_dev *nvme;
static struct iommufd iommufd;

static void setup(void)
{
	fake_reset();
	fake_sysfs_create();
	fake_iommu_install();
	fake_vfio_install();
	nvme = calloc(1, sizeof(*nvme));
	fake_vfio_nvme(nvme, NULL);
	fake_vfio_add(nvme, BDF);
	capture_begin();
	ck_assert_int_eq(iommufd_open(&iommufd, -1), 0);
}

static void teardown(void)
{
	iommufd_close(&iommufd);
	ck_assert_uint_eq(fake_leaks(), 0);
	ck_assert_uint_eq(fake_iommu_seen.objects, 0);
	fake_sysfs_remove();
	free(nvme);
	log_set_sink(NULL, NULL);
}

START_TEST(bdf_forms)
{
	static const struct {
		const char *text, *full;
	} good[] = {
		{"0000:01:00.0", "0000:01:00.0"}, {"01:00.0", "0000:01:00.0"},	    {"abcd:EF:1f.7", "abcd:ef:1f.7"},
		{"00:05.3", "0000:00:05.3"},	  {"ffff:ff:1f.7", "ffff:ff:1f.7"},
	};
	static const char *const bad[] = {
		"",
		":",
		"0",
		"01:00",
		"01:00.",
		"01:00.8",
		"01:20.0",
		"1:00.0",
		"001:00.0",
		"0000:01:00.0 ",
		"0000:01:00.00",
		"0000-01:00.0",
		"g000:01:00.0",
		"0000:01:00.0/../x",
		"00000:01:00.0",
		"-000:01:00.0",
	};
	char bdf[HOST_BDF_LEN];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_int_eq(host_bdf_parse(good[i].text, bdf), 0);
		ck_assert_str_eq(bdf, good[i].full);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(host_bdf_parse(bad[i], bdf) == -EINVAL, "accepted '%s'", bad[i]);
	ck_silent();
}
END_TEST

START_TEST(probe_reads_sysfs)
{
	struct host_dev_info info;

	ck_assert_int_eq(host_dev_probe("00:05.0", &info), 0);
	ck_assert_str_eq(info.bdf, BDF);
	ck_assert_uint_eq(info.vendor, 0x1b36);
	ck_assert_uint_eq(info.device, 0x0010);
	ck_assert_uint_eq(info.class_code, 0x010802);
	ck_assert_str_eq(info.driver, "vfio-pci");
	ck_assert_str_eq(info.cdev, "/dev/vfio/devices/vfio0");
	ck_assert_str_eq(info.iommu, "smmu3.0x0000000009050000");
	ck_assert_int_eq(info.group, 10);
	ck_assert_uint_eq(info.nr_group, 1);
	ck_assert_str_eq(info.members[0], BDF);
	ck_assert_int_eq(host_dev_probe("00:06.0", &info), -ENOENT);
	ck_assert_int_eq(host_dev_probe("nonsense", &info), -ENOENT);

	fake_sysfs_device("0000:00:07.0", 0x020000, NULL, NULL, -1);
	ck_assert_int_eq(host_dev_probe("00:07.0", &info), 0);
	ck_assert_str_eq(info.driver, "");
	ck_assert_str_eq(info.cdev, "");
	ck_assert_str_eq(info.iommu, "");
	ck_assert_int_eq(info.group, -1);
	ck_assert_uint_eq(info.nr_group, 0);
	ck_silent();
}
END_TEST

START_TEST(probe_counts_groups_without_bridges)
{
	struct host_dev_info info;

	fake_sysfs_device("0000:00:01.0", 0x060400, "pcieport", nvme->iommu, 10);
	ck_assert_int_eq(host_dev_probe(BDF, &info), 0);
	ck_assert_uint_eq(info.nr_group, 1);
	fake_sysfs_device("0000:00:04.1", 0x060100, NULL, nvme->iommu, 10); /* an ISA bridge does count */
	fake_sysfs_device("0000:00:04.0", 0x020000, "e1000e", nvme->iommu, 10);
	ck_assert_int_eq(host_dev_probe(BDF, &info), 0);
	ck_assert_uint_eq(info.nr_group, 3);
	ck_assert_str_eq(info.members[0], "0000:00:04.0");
	ck_assert_str_eq(info.members[1], "0000:00:04.1");
	ck_assert_str_eq(info.members[2], BDF);

	for (unsigned i = 0; i < 40; i++) {
		char bdf[32];

		snprintf(bdf, sizeof(bdf), "0000:0%u:%02x.0", 2 + i / 32, i % 32);
		fake_sysfs_device(bdf, 0x020000, NULL, nvme->iommu, 10);
	}
	ck_assert_int_eq(host_dev_probe(BDF, &info), 0);
	ck_assert_uint_eq(info.nr_group, 43);
}
END_TEST

START_TEST(reserved_regions)
{
	struct host_reserved r[4];

	ck_assert_int_eq(host_dev_reserved(BDF, r, 4), 1);
	ck_assert_uint_eq(r[0].range.first, 0x8000000);
	ck_assert_uint_eq(r[0].range.last, 0x80fffff);
	ck_assert_str_eq(r[0].type, "msi");
	fake_sysfs_file(
		"/sys/kernel/iommu_groups/10/reserved_regions",
		"0x0000000000001000 0x0000000000001fff direct\nnonsense\n0x9 0x1 direct\n"
		"0x00000000fee00000 0x00000000feefffff msi\n0x1 0x2 a-name-that-is-far-too-long-for-any-type\n");
	ck_assert_int_eq(host_dev_reserved(BDF, r, 4), 3);
	ck_assert_uint_eq(r[1].range.first, 0xfee00000);
	ck_assert_int_eq(host_dev_reserved(BDF, r, 1), 1);
	ck_assert_int_eq(host_dev_reserved("0000:00:1f.0", r, 4), -ENOENT);
}
END_TEST

/* One refusal: what is done to the host, and what the message must contain. */
static void other_driver(void)
{
	fake_sysfs_device("0000:00:08.0", 0x010802, "nvme", nvme->iommu, 30);
}

static void no_driver(void)
{
	fake_sysfs_device("0000:00:08.0", 0x010802, NULL, nvme->iommu, 30);
}

static void no_cdev(void)
{
	fake_sysfs_device("0000:00:08.0", 0x010802, "vfio-pci", nvme->iommu, 30);
}

static void no_iommu(void)
{
	fake_sysfs_device("0000:00:08.0", 0x010802, "vfio-pci", NULL, -1);
}

static void shared_group(void)
{
	fake_sysfs_device("0000:00:08.0", 0x010802, "vfio-pci", nvme->iommu, 30);
	fake_sysfs_device("0000:00:08.1", 0x040300, "snd_hda_intel", nvme->iommu, 30);
	fake_sysfs_device("0000:00:09.0", 0x020000, "vfio-pci", nvme->iommu, 30);
}

static void node_missing(void)
{
	nvme->open_err = ENOENT;
}

static void no_permission(void)
{
	nvme->open_err = EACCES;
}

static void open_busy(void)
{
	nvme->open_err = EBUSY;
}

static void open_other(void)
{
	nvme->open_err = EMFILE;
}

static void bind_unsafe(void)
{
	nvme->bind_err = EPERM;
}

static void bind_busy(void)
{
	nvme->bind_err = EBUSY;
}

static void bind_second_opener(void)
{
	nvme->bind_err = EINVAL;
}

static void bind_gone(void)
{
	nvme->bind_err = ENODEV;
}

static void bind_old_kernel(void)
{
	nvme->bind_err = ENOTTY;
}

static void bind_other(void)
{
	nvme->bind_err = ENOSPC;
}

static const struct {
	void (*spoil)(void);
	const char *bdf;
	int err;
	const char *says[3];
} refusals[] = {
	{NULL, "0000:00:1e.0", -ENOENT, {"0000:00:1e.0", "no such PCI device", "aerie devices"}},
	{other_driver, "0000:00:08.0", -EBUSY, {"driver nvme", "aerie bind 0000:00:08.0"}},
	{no_driver, "0000:00:08.0", -ENODEV, {"no driver", "aerie bind 0000:00:08.0"}},
	{no_cdev, "0000:00:08.0", -ENODEV, {"CONFIG_VFIO_DEVICE_CDEV"}},
	{no_iommu, "0000:00:08.0", -ENODEV, {"no IOMMU"}},
	{shared_group, "0000:00:08.0", -EPERM, {"group 30", "0000:00:08.1 0000:00:09.0", "ACS"}},
	{node_missing, BDF, -ENOENT, {"/dev/vfio/devices/vfio0", "devtmpfs"}},
	{no_permission, BDF, -EACCES, {"permission", "/dev/vfio/devices/vfio0"}},
	{open_busy, BDF, -EBUSY, {"in use"}},
	{open_other, BDF, -EMFILE, {"Too many open files"}},
	{bind_unsafe, BDF, -EPERM, {"isolate", "iommufd.allow_unsafe_interrupts"}},
	{bind_busy, BDF, -EBUSY, {"another process"}},
	{bind_second_opener, BDF, -EBUSY, {"another process"}},
	{bind_gone, BDF, -ENODEV, {"gone"}},
	{bind_old_kernel, BDF, -ENOTTY, {"CONFIG_IOMMUFD"}},
	{bind_other, BDF, -ENOSPC, {"No space left"}},
};

START_TEST(refusal)
{
	struct host_dev dev;

	if (refusals[_i].spoil)
		refusals[_i].spoil();
	ck_assert_int_eq(host_dev_open(&dev, refusals[_i].bdf, &iommufd), refusals[_i].err);
	ck_assert_int_eq(dev.fd, -1);
	ck_assert_uint_eq(captured_errors, 1);
	for (unsigned i = 0; i < 3 && refusals[_i].says[i]; i++)
		ck_said(refusals[_i].says[i]);
	host_dev_close(&dev);
}
END_TEST

START_TEST(iommufd_refusals)
{
	static const struct {
		int err;
		const char *says;
	} rows[] = {{ENOENT, "CONFIG_IOMMUFD"}, {EACCES, "run as root"}, {EMFILE, "Too many open files"}};
	struct iommufd other;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		capture_begin();
		fake_iommu.open_err = rows[i].err;
		ck_assert_int_eq(iommufd_open(&other, -1), -rows[i].err);
		ck_assert_int_eq(other.fd, -1);
		ck_said(rows[i].says);
		ck_assert_uint_eq(captured_errors, 1);
		iommufd_close(&other);
	}
}
END_TEST

START_TEST(iommufd_takes_a_descriptor)
{
	struct iommufd other;
	int fd = dup(0);

	ck_assert_int_eq(iommufd_open(&other, fd), 0);
	ck_assert_int_eq(other.fd, fd);
	iommufd_close(&other);
	ck_assert_int_eq(other.fd, -1);
}
END_TEST

START_TEST(ioas_maps)
{
	struct iommu_obj *ioas;
	int fd = memfd_create("ram", 0);
	uint64_t running = stats.iommufd_ioas_map_running, before = stats.iommufd_ioas_map;

	ck_assert_int_eq(ioas_create(&iommufd, &ioas), 0);
	ck_assert_int_eq(ioas_map_file(ioas, iova(0x40000000), fd, 0, 0x200000), 0);
	ck_assert_uint_eq(stats.iommufd_ioas_map, before + 1);
	ck_assert_int_eq(ioas_map_file(ioas, iova(0x40100000), fd, 0, 0x200000), -EEXIST);
	ck_said("overlaps");
	ck_assert_int_eq(ioas_map_file(ioas, iova(UINT64_MAX), fd, 0, 0x200000), -EINVAL);
	ck_assert_int_eq(ioas_map_file(ioas, iova(0), fd, 0, 0), -EINVAL);
	ck_assert_uint_eq(iommufd.mapped, 0x200000);

	iommufd.running = true;
	ck_assert_int_eq(ioas_map_file(ioas, iova(0x80000000), fd, 0, 0x200000), 0);
	ck_assert_uint_eq(stats.iommufd_ioas_map_running, running + 1);
	ck_assert_int_eq(ioas_unmap(ioas, iova(0x80000000), 0x100000), -ENOENT);
	ck_assert_int_eq(ioas_unmap(ioas, iova(0x80000000), 0x200000), 0);
	ck_assert_uint_eq(iommufd.mapped, 0x200000);
	ck_assert_int_eq(ioas_unmap(ioas, iova(0x40000000), 0x200000), 0);
	ck_assert_uint_eq(fake_iommu_seen.maps, 0);
	iommu_obj_destroy(&ioas);
	ck_assert_ptr_null(ioas);
	iommu_obj_destroy(&ioas);
	close(fd);
}
END_TEST

START_TEST(memlock_is_explained)
{
	struct iommu_obj *ioas;
	int fd = memfd_create("ram", 0);
	struct rlimit old, limit;

	ck_assert_int_eq(getrlimit(RLIMIT_MEMLOCK, &old), 0);
	limit = old;
	limit.rlim_cur = 8 << 20;
	if (limit.rlim_max < limit.rlim_cur)
		limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	fake_iommu.memlock = 8 << 20;
	ck_assert_int_eq(ioas_create(&iommufd, &ioas), 0);
	ck_assert_int_eq(ioas_map_file(ioas, iova(0x40000000), fd, 0, 512 << 20), -ENOMEM);
	ck_said("cannot map guest RAM for DMA: 512 MiB needs to be locked, the limit is 8 MiB; raise it with `ulimit -l` or "
		"run with CAP_IPC_LOCK");
	ck_assert_uint_eq(iommufd.mapped, 0);
	setrlimit(RLIMIT_MEMLOCK, &old);
	iommu_obj_destroy(&ioas);
	close(fd);
}
END_TEST

START_TEST(reserved_addresses_are_explained)
{
	struct host_dev dev;
	struct iommu_obj *ioas;
	struct range ranges[4];
	int fd = memfd_create("ram", 0);

	ck_assert_int_eq(host_dev_open(&dev, BDF, &iommufd), 0);
	ck_assert_int_eq(ioas_create(&iommufd, &ioas), 0);
	ck_assert_int_eq(ioas_map_file(ioas, iova(0x8000000), fd, 0, 0x200000), 0);
	ck_assert_int_eq(ioas_iova_ranges(ioas, ranges, 4), 1);
	ck_assert_int_eq(host_dev_attach(&dev, ioas), -EADDRINUSE);
	ck_said("0x8000000-0x80fffff (msi)");
	ck_assert_ptr_null(dev.attached);

	ck_assert_int_eq(ioas_unmap(ioas, iova(0x8000000), 0x200000), 0);
	ck_assert_int_eq(host_dev_attach(&dev, ioas), 0);
	ck_assert_int_eq(ioas_iova_ranges(ioas, ranges, 4), 2);
	ck_assert_uint_eq(ranges[0].last, 0x7ffffff);
	ck_assert_int_eq(ioas_iova_ranges(ioas, ranges, 1), 2);
	ck_assert_int_eq(ioas_map_file(ioas, iova(0x8000000), fd, 0, 0x200000), -EINVAL);
	ck_said("usable are 0x0-0x7ffffff 0x8100000-");
	host_dev_close(&dev);
	iommu_obj_destroy(&ioas);
	close(fd);
}
END_TEST

START_TEST(attach_and_books)
{
	struct host_dev dev;
	struct iommu_obj *a, *b, *kept;

	ck_assert_int_eq(host_dev_open(&dev, "00:05.0", &iommufd), 0);
	ck_assert_str_eq(dev.bdf, BDF);
	ck_assert_int_eq(ioas_create(&iommufd, &a), 0);
	ck_assert_int_eq(ioas_create(&iommufd, &b), 0);
	ck_assert_int_eq(host_dev_attach(&dev, a), 0);
	ck_assert_int_eq(host_dev_attach(&dev, a), 0);
	ck_assert_uint_eq(nvme->attaches, 1);
	ck_assert_int_eq(host_dev_attach(&dev, b), 0);
	ck_assert_uint_eq(a->users, 0);
	ck_assert_uint_eq(b->users, 1);

	nvme->attach_err = EBUSY;
	ck_assert_int_eq(host_dev_attach(&dev, a), -EBUSY);
	ck_assert_ptr_eq(dev.attached, b);
	nvme->attach_err = 0;

	kept = b; /* in use: said, not destroyed */
	iommu_obj_destroy(&kept);
	ck_said("still has 1 users");
	ck_assert_ptr_null(kept);

	host_dev_detach(&dev);
	host_dev_detach(&dev);
	ck_assert_ptr_null(nvme->attached);
	iommu_obj_destroy(&a);
	iommu_obj_destroy(&b);
	ck_assert_uint_eq(iommufd.objects, 0);
	host_dev_close(&dev);
	host_dev_close(&dev);
	ck_assert(!nvme->open);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("host_dev");
	TCase *t = tcase_create("host_dev");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, bdf_forms);
	tcase_add_test(t, probe_reads_sysfs);
	tcase_add_test(t, probe_counts_groups_without_bridges);
	tcase_add_test(t, reserved_regions);
	tcase_add_loop_test(t, refusal, 0, (int)(sizeof(refusals) / sizeof(refusals[0])));
	tcase_add_test(t, iommufd_refusals);
	tcase_add_test(t, iommufd_takes_a_descriptor);
	tcase_add_test(t, ioas_maps);
	tcase_add_test(t, memlock_is_explained);
	tcase_add_test(t, reserved_addresses_are_explained);
	tcase_add_test(t, attach_and_books);
	suite_add_tcase(s, t);
	return run_suite(s);
}

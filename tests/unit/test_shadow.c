/* SPDX-License-Identifier: Apache-2.0 */
/* viommu/host/shadow: what a device reaches in each of its places, at any moment of a move, and after any failure. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/iommufd.h>

#include "capture.h"
#include "fake.h"
#include "fake_vfio.h"
#include "shadow.h"
#include "stats.h"
#include "run_suite.h"

#define NVME "0000:00:05.0"
#define NIC  "0000:00:06.0"
#define RAM  UINT64_C(0x40000000)
#define SIZE UINT64_C(0x1000000)

static struct fake_vfio_dev *nvme, *nic;
static struct iommufd iommufd;
static struct iommu_obj *ram;
static struct host_dev dev, dev2;
static struct shadow *shadow;
static struct shadow_limits limits;
static int memfd;

static void setup(void)
{
	fake_reset();
	fake_sysfs_create();
	fake_iommu_install();
	fake_vfio_install();
	nvme = calloc(1, sizeof(*nvme));
	nic = calloc(1, sizeof(*nic));
	fake_vfio_nvme(nvme, NULL);
	fake_vfio_add(nvme, NVME);
	fake_vfio_nvme(nic, NULL);
	fake_vfio_add(nic, NIC);
	snprintf(nic->iommu, sizeof(nic->iommu), "%s", nvme->iommu);
	capture_begin();
	memfd = memfd_create("ram", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(memfd, (off_t)SIZE), 0);
	ck_assert_int_eq(iommufd_open(&iommufd, -1), 0);
	ck_assert_int_eq(ioas_create(&iommufd, &ram), 0);
	/* Two areas side by side: copies may span them. */
	ck_assert_int_eq(ioas_map_file(ram, iova(RAM), memfd, 0, SIZE / 2), 0);
	ck_assert_int_eq(ioas_map_file(ram, iova(RAM + SIZE / 2), memfd, SIZE / 2, SIZE / 2), 0);
	ck_assert_int_eq(host_dev_open(&dev, NVME, &iommufd), 0);
	ck_assert_int_eq(host_dev_open(&dev2, NIC, &iommufd), 0);
	ck_assert_int_eq(shadow_create(&shadow, &iommufd, ram), 0);
}

static void teardown(void)
{
	shadow_destroy(&shadow);
	host_dev_close(&dev);
	host_dev_close(&dev2);
	iommu_obj_destroy(&ram);
	iommufd_close(&iommufd);
	close(memfd);
	ck_assert_uint_eq(fake_leaks(), 0);
	ck_assert_uint_eq(fake_iommu_seen.objects, 0);
	fake_sysfs_remove();
	free(nvme);
	free(nic);
	log_set_sink(NULL, NULL);
}

static void added(struct host_dev *d)
{
	ck_assert_int_eq(shadow_add(shadow, d, &limits), 0);
}

/* Where @iova of the NVMe leads, 0: nowhere. */
static uint64_t reaches(uint64_t at, bool write)
{
	uint64_t pa = 0;

	return nvme->attached && fake_iommu_translate(nvme->attached, at, write, &pa) ? pa : 0;
}

START_TEST(blocked_from_the_beginning)
{
	added(&dev);
	ck_assert_ptr_nonnull(nvme->attached);
	ck_assert_uint_eq(reaches(RAM, false), 0);
	ck_assert_uint_eq(fake_iommu_seen.nr_attached, 1);
	ck_assert_uint_eq(limits.nr_usable, 2);
	ck_assert_uint_eq(limits.usable[0].last, 0x7ffffff);
	ck_assert_uint_eq(limits.usable[1].first, 0x8100000);
	ck_assert_uint_eq(limits.usable[1].last, (UINT64_C(1) << 44) - 1);
	ck_assert_uint_eq(limits.granule, 4096);
	shadow_remove(shadow, &dev, NULL);
	ck_assert_ptr_null(nvme->attached);
	ck_silent();
}
END_TEST

/* RAM has a HWPT of its own as long as the shadow lives, so that copies pin nothing. */
START_TEST(ram_stays_pinned)
{
	uint64_t before = stats.iommufd_hwpt_alloc;

	added(&dev);
	added(&dev2);
	ck_assert_uint_eq(stats.iommufd_hwpt_alloc - before, 1);
	ck_assert_uint_eq(fake_iommu_obj(ram->id)->users, 1);
	shadow_remove(shadow, &dev, NULL);
	shadow_remove(shadow, &dev2, NULL);
	ck_assert_uint_eq(fake_iommu_obj(ram->id)->users, 1);
	shadow_destroy(&shadow);
	ck_assert_uint_eq(fake_iommu_obj(ram->id)->users, 0);
}
END_TEST

START_TEST(map_and_unmap_cost_one_ioctl_each)
{
	struct shadow_space *space;
	unsigned calls;

	added(&dev);
	ck_assert_int_eq(shadow_space_create(shadow, &space), 0);
	ck_assert_int_eq(shadow_attach(space, &dev), 0);
	calls = fake_calls();
	ck_assert_int_eq(shadow_map(space, (struct range){0x1000, 0x2fff}, gpa(RAM + 0x5000), true, true), 0);
	ck_assert_uint_eq(fake_calls() - calls, 1);
	ck_assert_int_eq(shadow_map(space, (struct range){0x3000, 0x3fff}, gpa(RAM + 0x9000), true, false), 0);
	ck_assert_int_eq(shadow_map(space, (struct range){0x5000, 0x5fff}, gpa(RAM + 0xa000), false, true), 0);
	ck_assert_uint_eq(reaches(0x2123, true), RAM + 0x6123);
	ck_assert_uint_eq(reaches(0x3000, false), RAM + 0x9000);
	ck_assert_uint_eq(reaches(0x3000, true), 0);
	ck_assert_uint_eq(reaches(0x5000, false), 0);
	ck_assert_uint_eq(reaches(0x5000, true), RAM + 0xa000);
	ck_assert_uint_eq(reaches(RAM, false), 0);
	calls = fake_calls();
	ck_assert_int_eq(shadow_unmap(space, (struct range){0x1000, 0x5fff}), 0);
	ck_assert_uint_eq(fake_calls() - calls, 1);
	ck_assert_uint_eq(reaches(0x2123, true), 0);
	ck_assert_uint_eq(reaches(0x5000, true), 0);
	/* across the two areas of RAM */
	ck_assert_int_eq(shadow_map(space, (struct range){0, 0xffff}, gpa(RAM + SIZE / 2 - 0x8000), true, true), 0);
	ck_assert_uint_eq(reaches(0x9000, true), RAM + SIZE / 2 + 0x1000);
	shadow_remove(shadow, &dev, space);
	shadow_space_destroy(&space);
	ck_silent();
}
END_TEST

START_TEST(what_is_not_ram)
{
	static const struct {
		uint64_t iova, pa, len;
		int err;
	} rows[] = {
		{0, RAM - 0x1000, 0x1000, -ENOENT},	  {0, RAM - 0x1000, 0x2000, -ENOENT},
		{0, RAM + SIZE, 0x1000, -ENOENT},	  {0, RAM + SIZE - 0x1000, 0x2000, -ENOENT},
		{0, UINT64_MAX - 0xfff, 0x1000, -ENOENT}, {0x8000000, RAM, 0x1000, -EINVAL}, /* the host's MSI window */
		{0x7fff000, RAM, 0x2000, -EINVAL},	  {0x100000, RAM, 0x1000, -EEXIST},
		{0xff000, RAM, 0x3000, -EEXIST},
	};
	struct shadow_space *space;

	added(&dev);
	ck_assert_int_eq(shadow_space_create(shadow, &space), 0);
	ck_assert_int_eq(shadow_attach(space, &dev), 0);
	ck_assert_int_eq(shadow_map(space, (struct range){0x100000, 0x100fff}, gpa(RAM), true, true), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct range r = {rows[i].iova, rows[i].iova + rows[i].len - 1};

		captured[0] = '\0';
		ck_assert_int_eq(shadow_map(space, r, gpa(rows[i].pa), true, true), rows[i].err);
		ck_assert((captured[0] == '\0') == (rows[i].err == -ENOENT));
	}
	ck_assert_uint_eq(fake_iommu_seen.maps, 3);
	shadow_remove(shadow, &dev, space);
	shadow_space_destroy(&space);
}
END_TEST

START_TEST(moves_are_replaces)
{
	struct shadow_space *a, *b;
	unsigned detached = 0;

	added(&dev);
	ck_assert_int_eq(shadow_space_create(shadow, &a), 0);
	ck_assert_int_eq(shadow_space_create(shadow, &b), 0);
	ck_assert_int_eq(shadow_map(a, (struct range){0x1000, 0x1fff}, gpa(RAM + 0x1000), true, true), 0);
	ck_assert_int_eq(shadow_map(b, (struct range){0x1000, 0x1fff}, gpa(RAM + 0x2000), true, true), 0);
	ck_assert_int_eq(shadow_attach(a, &dev), 0);
	ck_assert_uint_eq(reaches(0x1000, true), RAM + 0x1000);
	ck_assert_int_eq(shadow_attach(b, &dev), 0);
	ck_assert_uint_eq(reaches(0x1000, true), RAM + 0x2000);
	ck_assert_int_eq(shadow_attach(b, &dev), 0);
	ck_assert_uint_eq(fake_iommu_seen.nr_attached, 3); /* the last one was no move */
	ck_assert_int_eq(shadow_bypass(shadow, &dev), 0);
	ck_assert_uint_eq(reaches(RAM + 0x3000, true), RAM + 0x3000);
	ck_assert_int_eq(shadow_block(shadow, &dev), 0);
	ck_assert_uint_eq(reaches(RAM + 0x3000, true), 0);
	for (unsigned i = 0; i < fake_iommu_seen.nr_attached; i++)
		detached += fake_iommu_seen.attached[i] == 0;
	ck_assert_uint_eq(detached, 0);
	ck_assert_uint_eq(fake_iommu_seen.nr_attached, 5);
	shadow_space_destroy(&a);
	shadow_space_destroy(&b);
	shadow_remove(shadow, &dev, NULL);
	ck_silent();
}
END_TEST

/* Every call of a whole life fails once: a failed move leaves the device where it was, blocking always blocks. */
START_TEST(each_call_fails_once)
{
	for (unsigned nth = 1;; nth++) {
		struct shadow_space *space = NULL;
		bool failed;
		int err;

		captured[0] = '\0';
		fake_fail_nth(nth, EIO);
		err = shadow_add(shadow, &dev, &limits);
		if (err) {
			ck_assert_ptr_null(dev.attached);
			ck_assert_ptr_null(nvme->attached);
		} else {
			err = shadow_space_create(shadow, &space);
			if (err)
				ck_assert_ptr_null(space);
		}
		if (!err) {
			err = shadow_map(space, (struct range){0, 0xfff}, gpa(RAM), true, true);
			ck_assert_uint_eq(fake_iommu_seen.maps, err ? 2 : 3);
		}
		if (!err) {
			struct fake_obj *was = nvme->attached;

			err = shadow_attach(space, &dev);
			ck_assert(!err || nvme->attached == was);
		}
		if (!err) {
			struct fake_obj *was = nvme->attached;

			err = shadow_bypass(shadow, &dev);
			ck_assert(!err || nvme->attached == was);
		}
		if (!err) {
			shadow_force_block(shadow, &dev, NULL);
			ck_assert_uint_eq(reaches(RAM, false), 0);
		}
		failed = fake_failed();
		if (failed)
			ck_assert_msg(captured[0], "nothing was said about %s", fake_failed_call());
		fake_fail_nth(0, 0);
		shadow_remove(shadow, &dev, space);
		shadow_space_destroy(&space);
		ck_assert_ptr_null(nvme->attached);
		if (!failed)
			break;
		ck_assert_uint_lt(nth, 100);
	}
}
END_TEST

START_TEST(a_host_that_neither_attaches_nor_detaches)
{
	struct shadow_space *space;

	added(&dev);
	ck_assert_int_eq(shadow_space_create(shadow, &space), 0);
	ck_assert_int_eq(shadow_map(space, (struct range){0, 0xfff}, gpa(RAM), true, true), 0);
	ck_assert_int_eq(shadow_attach(space, &dev), 0);
	nvme->attach_err = EBUSY;
	ck_assert_int_eq(shadow_block(shadow, &dev), 0); /* detached instead */
	ck_assert_ptr_null(nvme->attached);
	ck_said("its DMA is blocked, and its interrupts are lost");
	nvme->attach_err = 0;
	ck_assert_int_eq(shadow_attach(space, &dev), 0);
	nvme->attach_err = nvme->detach_err = EBUSY;
	ck_assert_int_lt(shadow_block(shadow, &dev), 0);
	ck_assert_uint_eq(reaches(0, true), RAM); /* it said so */
	shadow_force_block(shadow, &dev, space);
	ck_assert_uint_eq(reaches(0, true), 0);
	ck_assert_ptr_null(dev.attached);
	/* Later the host is back: the device attaches again, and nothing is left behind. */
	nvme->attach_err = nvme->detach_err = 0;
	ck_assert_int_eq(shadow_block(shadow, &dev), 0);
	shadow_space_destroy(&space);
	shadow_remove(shadow, &dev, NULL);
}
END_TEST

START_TEST(a_host_with_too_little_memory)
{
	fake_fail_nth(3, ENOMEM); /* attach, ranges, HWPT */
	ck_assert_int_eq(shadow_add(shadow, &dev, &limits), -ENOMEM);
	ck_said("ulimit -l");
	ck_assert_str_eq(fake_failed_call(), "ioctl IOMMU_HWPT_ALLOC");
	ck_assert_ptr_null(nvme->attached);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("shadow");
	TCase *tc = tcase_create("shadow");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, blocked_from_the_beginning);
	tcase_add_test(tc, ram_stays_pinned);
	tcase_add_test(tc, map_and_unmap_cost_one_ioctl_each);
	tcase_add_test(tc, what_is_not_ram);
	tcase_add_test(tc, moves_are_replaces);
	tcase_add_test(tc, each_call_fails_once);
	tcase_add_test(tc, a_host_that_neither_attaches_nor_detaches);
	tcase_add_test(tc, a_host_with_too_little_memory);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

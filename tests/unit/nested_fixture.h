/* SPDX-License-Identifier: Apache-2.0 */
/* Two devices of the pretended host behind one SMMU. */
#ifndef AERIE_NESTED_FIXTURE_H
#define AERIE_NESTED_FIXTURE_H

#include <check.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture.h"
#include "fake.h"
#include "fake_vfio.h"
#include "nested.h"

#define STALL_MODEL_SHIFT 24
#define S1_STE(n)	  ((const uint64_t[2]){0x400000000000000bull | (uint64_t)(n) << 12, 0x000000000000005aull})

static struct fake_vfio_dev *fake[2];
static struct iommufd iommufd;
static struct iommu_obj *ioas;
static struct host_dev dev[2];
static struct nested *nested;
static struct nested_dev *nd[2];
static int ram;

/* @stalls: the SMMU has the stall model, and the first device can stall. */
static inline void nested_begin(bool stalls)
{
	static const char *const bdfs[2] = {"0000:00:05.0", "0000:00:06.0"};

	fake_reset();
	fake_sysfs_create();
	fake_iommu_install();
	fake_vfio_install();
	if (stalls)
		fake_iommu.idr[0] &= ~(3u << STALL_MODEL_SHIFT);
	ram = memfd_create("ram", 0);
	ck_assert_int_eq(iommufd_open(&iommufd, -1), 0);
	ck_assert_int_eq(ioas_create(&iommufd, &ioas), 0);
	ck_assert_int_eq(ioas_map_file(ioas, iova(0x40000000), ram, 0, 0x200000), 0);
	for (unsigned i = 0; i < 2; i++) {
		fake[i] = calloc(1, sizeof(*fake[i]));
		fake_vfio_nvme(fake[i], NULL);
		fake[i]->can_stall = stalls && i == 0;
		fake_vfio_add(fake[i], bdfs[i]);
		ck_assert_int_eq(host_dev_open(&dev[i], bdfs[i], &iommufd), 0);
		nd[i] = NULL;
	}
	nested = NULL;
	capture_begin();
}

static inline void build(void)
{
	ck_assert_int_eq(nested_create(&nested, ioas, &dev[0]), 0);
	ck_assert_int_eq(nested_add(&nd[0], nested, &dev[0]), 0);
	ck_assert_int_eq(nested_add(&nd[1], nested, &dev[1]), 0);
}

static inline void nested_end(void)
{
	for (unsigned i = 0; i < 2; i++)
		nested_remove(&nd[i]);
	nested_destroy(&nested);
	for (unsigned i = 0; i < 2; i++) {
		host_dev_close(&dev[i]);
		ck_assert_ptr_null(fake[i]->attached);
		free(fake[i]);
	}
	iommu_obj_destroy(&ioas);
	ck_assert_uint_eq(iommufd.objects, 0);
	ck_assert_uint_eq(fake_iommu_seen.objects, 0);
	ck_assert_uint_eq(fake_faults_seen.open, 0);
	iommufd_close(&iommufd);
	ck_assert_uint_eq(fake_leaks(), 0);
	fake_sysfs_remove();
	close(ram);
	log_set_sink(NULL, NULL);
}

#endif

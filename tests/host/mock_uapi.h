/* SPDX-License-Identifier: Apache-2.0 */
/* The part of iommufd's test interface (drivers/iommu/iommufd/iommufd_test.h) that is used here: numbers and layouts.
 */
#ifndef AERIE_TEST_MOCK_UAPI_H
#define AERIE_TEST_MOCK_UAPI_H

#include <stdint.h>

#include <linux/iommufd.h>

#define IOMMU_TEST_CMD _IO(IOMMUFD_TYPE, IOMMUFD_CMD_BASE + 32)

enum mock_test_op {
	MOCK_OP_REPLACE = 10,
	MOCK_OP_DOMAIN_FLAGS = 12,
	MOCK_OP_DIRTY = 13,
	MOCK_OP_CHECK_IOTLB = 14,
	MOCK_OP_TRIGGER_IOPF = 15,
	MOCK_OP_CHECK_CACHE = 16,
	MOCK_OP_TRIGGER_VEVENT = 17,
	MOCK_OP_PASID_ATTACH = 18,
	MOCK_OP_PASID_REPLACE = 19,
	MOCK_OP_PASID_DETACH = 20,
	MOCK_OP_PASID_CHECK = 21,
	MOCK_OP_DMABUF_GET = 22,
	MOCK_OP_DMABUF_REVOKE = 23,
};

#define MOCK_DEVICE_PASID (1u << 2)

#define MOCK_HW_INFO_TYPE    0xfeedbeefu
#define MOCK_VIOMMU_TYPE     0xdeadbeefu
#define MOCK_VEVENTQ_TYPE    0xbeefbeefu
#define MOCK_HWPT_DATA	     0xdeadu
#define MOCK_INVALIDATE_DATA 0xdeadbeefu
#define MOCK_CACHE_DEFAULT   0xbaddadu
#define MOCK_CACHE_LINES     4u
#define MOCK_APERTURE	     (UINT64_C(1) << 24) /* the first I/O address */
#define MOCK_PAGE	     2048u

struct iommu_test_cmd {
	uint32_t size, op, id, reserved;
	union {
		struct {
			uint32_t out_stdev, out_hwpt, out_idev, flags;
		} domain;
		struct {
			uint32_t pt;
		} replace;
		struct {
			uint32_t index, value;
		} check;
		struct {
			uint32_t dev, pasid, group, perm;
			uint64_t addr;
		} iopf;
		struct {
			uint32_t dev;
		} vevent;
		struct {
			uint32_t flags;
			__aligned_u64 iova, length, page_size, bitmap, out_dirty;
		} dirty;
		struct {
			uint32_t pasid, pt;
		} pasid;
		struct {
			uint32_t length, open_flags;
		} dmabuf;
		struct {
			int32_t fd;
			uint32_t revoked;
		} revoke;
		struct {
			__aligned_u64 words[6]; /* as large as the largest of the kernel's */
		} all;
	};
	uint32_t last;
};

struct mock_hwpt_data {
	uint32_t iotlb, pagetable_type;
};

struct mock_viommu_invalidate {
	uint32_t flags, vdev, line;
};

#endif

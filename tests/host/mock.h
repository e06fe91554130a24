/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iommufd's own mock device (drivers/iommu/iommufd/selftest.c, CONFIG_IOMMUFD_TEST) under viommu/host. mock_ioctl.c
 * stands in the place of host_ioctl.c: the same wrappers, but with the types of the mock, so that everything above them
 * is what aerie runs. The interface of selftest.c is no UAPI; what is used of it is declared in mock_uapi.h.
 *
 * Where the mock is not an SMMUv3: a vSTE that does not translate becomes a plain HWPT over the IOAS (the mock has no
 * abort), a detach leads to an automatic HWPT over the IOAS, and events have no content but the StreamID.
 */
#ifndef AERIE_TEST_MOCK_H
#define AERIE_TEST_MOCK_H

#include "host_dev.h"
#include "mock_uapi.h"

/** Makes a mock device, attached to an automatic HWPT of @ioas; @flags: MOCK_FLAGS_*. 0 or -errno. */
int mock_open(struct host_dev *dev, struct iommufd *iommufd, struct iommu_obj *ioas, uint32_t flags);
/** Its HWPTs and vDEVICE must be gone. */
void mock_close(struct host_dev *dev);

/** Any operation of the mock's. >= 0 or -errno. */
int mock_op(const struct iommufd *iommufd, struct iommu_test_cmd *cmd);

/** A page fault of @dev. */
int mock_fault(const struct host_dev *dev, uint32_t pasid, uint32_t group, uint32_t perm, uint64_t addr);

/** An event of @dev's vDEVICE. 0 or -errno. */
int mock_event(const struct host_dev *dev);
/** Turns the records of the mock's vEVENTQ into those of an SMMUv3 (event 0x10), in the stream that viommu/host reads.
 */
void mock_pump(void);

/** Whether line @index of the device's cache (viommu invalidations) or of the nested HWPT's IOTLB holds @value. */
bool mock_cache_is(const struct host_dev *dev, uint32_t index, uint32_t value);
bool mock_iotlb_is(const struct iommufd *iommufd, uint32_t hwpt, uint32_t index, uint32_t value);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One typed wrapper for each ioctl of iommufd and of VFIO's attachment that aerie uses. Private to viommu/host.
 *
 * They fill in the size fields, count (stats.h) and return 0 or -errno. They log nothing: what an error means depends
 * on the caller.
 */
#ifndef AERIE_HOST_IOCTL_H
#define AERIE_HOST_IOCTL_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

int ioc_destroy(int iommu_fd, uint32_t id);
int ioc_ioas_alloc(int iommu_fd, uint32_t *id);
/** @running: the guest has started, counted apart. Read and write, at exactly @iova. */
int ioc_ioas_map_file(int iommu_fd, uint32_t ioas, uint64_t iova, int fd, uint64_t start, uint64_t len, bool running);
int ioc_ioas_unmap(int iommu_fd, uint32_t ioas, uint64_t iova, uint64_t len);
/** Shares the pages behind [@from, @from + @len) of @src with @dst, there at exactly @to. */
int ioc_ioas_copy(int iommu_fd, uint32_t src, uint64_t from, uint32_t dst, uint64_t to, uint64_t len, bool read,
		  bool write);
/** *@n: in room, out number of ranges there are; -EMSGSIZE when that is more than the room. *@align: of mappings. */
int ioc_ioas_iova_ranges(int iommu_fd, uint32_t ioas, struct iommu_iova_range *ranges, uint32_t *n, uint64_t *align);
/** Type-specific answer goes to @data (at most @len bytes, the rest is zeroed by the kernel). */
int ioc_get_hw_info(int iommu_fd, uint32_t devid, void *data, uint32_t len, struct iommu_hw_info *info);
int ioc_hwpt_alloc(int iommu_fd, uint32_t devid, uint32_t pt, uint32_t flags, uint32_t *id);
/** A nested HWPT whose stage 1 the vSTE @ste describes; @viommu is its parent, @fault the queue of its page faults (0:
 * none). */
int ioc_hwpt_alloc_ste(int iommu_fd, uint32_t devid, uint32_t viommu, const uint64_t ste[2], uint32_t fault,
		       uint32_t *id);
int ioc_fault_alloc(int iommu_fd, uint32_t *id, int *fd);
int ioc_viommu_alloc(int iommu_fd, uint32_t devid, uint32_t hwpt, uint32_t *id);
int ioc_vdevice_alloc(int iommu_fd, uint32_t viommu, uint32_t devid, uint64_t virt_id, uint32_t *id);
int ioc_veventq_alloc(int iommu_fd, uint32_t viommu, uint32_t depth, uint32_t *id, int *fd);
/** *@done: commands that the kernel took, also after a failure. */
int ioc_invalidate(int iommu_fd, uint32_t viommu, const void *cmds, uint32_t n, uint32_t *done);

int ioc_bind(int dev_fd, int iommu_fd, uint32_t *devid);
int ioc_attach(int dev_fd, uint32_t pt);
int ioc_detach(int dev_fd);

#endif

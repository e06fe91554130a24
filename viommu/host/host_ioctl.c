/* SPDX-License-Identifier: Apache-2.0 */
#include "host_ioctl.h"

#include <endian.h>
#include <errno.h>

#include "stats.h"
#include "sys.h"

static int call(int fd, unsigned long request, void *arg, _Atomic uint64_t *counter)
{
	if (counter)
		stats_inc(counter);
	return sys_ioctl(fd, request, arg) < 0 ? -errno : 0;
}

int ioc_destroy(int iommu_fd, uint32_t id)
{
	struct iommu_destroy arg = {.size = sizeof(arg), .id = id};

	return call(iommu_fd, IOMMU_DESTROY, &arg, &stats.iommufd_other);
}

int ioc_ioas_alloc(int iommu_fd, uint32_t *id)
{
	struct iommu_ioas_alloc arg = {.size = sizeof(arg)};
	int err = call(iommu_fd, IOMMU_IOAS_ALLOC, &arg, &stats.iommufd_other);

	if (!err)
		*id = arg.out_ioas_id;
	return err;
}

int ioc_ioas_map_file(int iommu_fd, uint32_t ioas, uint64_t iova, int fd, uint64_t start, uint64_t len, bool running)
{
	struct iommu_ioas_map_file arg = {
		.size = sizeof(arg),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = ioas,
		.fd = fd,
		.start = start,
		.length = len,
		.iova = iova,
	};

	return call(iommu_fd, IOMMU_IOAS_MAP_FILE, &arg,
		    running ? &stats.iommufd_ioas_map_running : &stats.iommufd_ioas_map);
}

int ioc_ioas_unmap(int iommu_fd, uint32_t ioas, uint64_t iova, uint64_t len)
{
	struct iommu_ioas_unmap arg = {.size = sizeof(arg), .ioas_id = ioas, .iova = iova, .length = len};

	return call(iommu_fd, IOMMU_IOAS_UNMAP, &arg, &stats.iommufd_ioas_unmap);
}

int ioc_ioas_copy(int iommu_fd, uint32_t src, uint64_t from, uint32_t dst, uint64_t to, uint64_t len, bool read,
		  bool write)
{
	struct iommu_ioas_copy arg = {
		.size = sizeof(arg),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | (read ? IOMMU_IOAS_MAP_READABLE : 0u) |
			 (write ? IOMMU_IOAS_MAP_WRITEABLE : 0u),
		.dst_ioas_id = dst,
		.src_ioas_id = src,
		.length = len,
		.dst_iova = to,
		.src_iova = from,
	};

	return call(iommu_fd, IOMMU_IOAS_COPY, &arg, &stats.iommufd_ioas_copy);
}

int ioc_ioas_iova_ranges(int iommu_fd, uint32_t ioas, struct iommu_iova_range *ranges, uint32_t *n, uint64_t *align)
{
	struct iommu_ioas_iova_ranges arg = {
		.size = sizeof(arg),
		.ioas_id = ioas,
		.num_iovas = *n,
		.allowed_iovas = (uintptr_t)ranges,
	};
	int err = call(iommu_fd, IOMMU_IOAS_IOVA_RANGES, &arg, &stats.iommufd_other);

	*n = arg.num_iovas;
	*align = arg.out_iova_alignment;
	return err;
}

int ioc_get_hw_info(int iommu_fd, uint32_t devid, void *data, uint32_t len, struct iommu_hw_info *info)
{
	*info = (struct iommu_hw_info){
		.size = sizeof(*info),
		.dev_id = devid,
		.data_len = len,
		.data_uptr = (uintptr_t)data,
	};
	return call(iommu_fd, IOMMU_GET_HW_INFO, info, &stats.iommufd_other);
}

int ioc_hwpt_alloc(int iommu_fd, uint32_t devid, uint32_t pt, uint32_t flags, uint32_t *id)
{
	struct iommu_hwpt_alloc arg = {.size = sizeof(arg), .flags = flags, .dev_id = devid, .pt_id = pt};
	int err = call(iommu_fd, IOMMU_HWPT_ALLOC, &arg, &stats.iommufd_hwpt_alloc);

	if (!err)
		*id = arg.out_hwpt_id;
	return err;
}

int ioc_hwpt_alloc_ste(int iommu_fd, uint32_t devid, uint32_t viommu, const uint64_t ste[2], uint32_t fault,
		       uint32_t *id)
{
	struct iommu_hwpt_arm_smmuv3 data = {.ste = {htole64(ste[0]), htole64(ste[1])}};
	struct iommu_hwpt_alloc arg = {
		.size = sizeof(arg),
		.flags = fault ? IOMMU_HWPT_FAULT_ID_VALID : 0u,
		.dev_id = devid,
		.pt_id = viommu,
		.fault_id = fault,
		.data_type = IOMMU_HWPT_DATA_ARM_SMMUV3,
		.data_len = sizeof(data),
		.data_uptr = (uintptr_t)&data,
	};
	int err = call(iommu_fd, IOMMU_HWPT_ALLOC, &arg, &stats.iommufd_hwpt_alloc);

	if (!err)
		*id = arg.out_hwpt_id;
	return err;
}

int ioc_fault_alloc(int iommu_fd, uint32_t *id, int *fd)
{
	struct iommu_fault_alloc arg = {.size = sizeof(arg)};
	int err = call(iommu_fd, IOMMU_FAULT_QUEUE_ALLOC, &arg, &stats.iommufd_other);

	if (!err) {
		*id = arg.out_fault_id;
		*fd = (int)arg.out_fault_fd;
	}
	return err;
}

int ioc_viommu_alloc(int iommu_fd, uint32_t devid, uint32_t hwpt, uint32_t *id)
{
	struct iommu_viommu_alloc arg = {
		.size = sizeof(arg),
		.type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3,
		.dev_id = devid,
		.hwpt_id = hwpt,
	};
	int err = call(iommu_fd, IOMMU_VIOMMU_ALLOC, &arg, &stats.iommufd_other);

	if (!err)
		*id = arg.out_viommu_id;
	return err;
}

int ioc_vdevice_alloc(int iommu_fd, uint32_t viommu, uint32_t devid, uint64_t virt_id, uint32_t *id)
{
	struct iommu_vdevice_alloc arg = {
		.size = sizeof(arg),
		.viommu_id = viommu,
		.dev_id = devid,
		.virt_id = virt_id,
	};
	int err = call(iommu_fd, IOMMU_VDEVICE_ALLOC, &arg, &stats.iommufd_other);

	if (!err)
		*id = arg.out_vdevice_id;
	return err;
}

int ioc_veventq_alloc(int iommu_fd, uint32_t viommu, uint32_t depth, uint32_t *id, int *fd)
{
	struct iommu_veventq_alloc arg = {
		.size = sizeof(arg),
		.viommu_id = viommu,
		.type = IOMMU_VEVENTQ_TYPE_ARM_SMMUV3,
		.veventq_depth = depth,
	};
	int err = call(iommu_fd, IOMMU_VEVENTQ_ALLOC, &arg, &stats.iommufd_other);

	if (!err) {
		*id = arg.out_veventq_id;
		*fd = (int)arg.out_veventq_fd;
	}
	return err;
}

int ioc_invalidate(int iommu_fd, uint32_t viommu, const void *cmds, uint32_t n, uint32_t *done)
{
	struct iommu_hwpt_invalidate arg = {
		.size = sizeof(arg),
		.hwpt_id = viommu,
		.data_uptr = (uintptr_t)cmds,
		.data_type = IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3,
		.entry_len = sizeof(struct iommu_viommu_arm_smmuv3_invalidate),
		.entry_num = n,
	};
	int err = call(iommu_fd, IOMMU_HWPT_INVALIDATE, &arg, &stats.iommufd_invalidate);

	*done = arg.entry_num;
	return err;
}

int ioc_bind(int dev_fd, int iommu_fd, uint32_t *devid)
{
	struct vfio_device_bind_iommufd arg = {.argsz = sizeof(arg), .iommufd = iommu_fd};
	int err = call(dev_fd, VFIO_DEVICE_BIND_IOMMUFD, &arg, NULL);

	if (!err)
		*devid = arg.out_devid;
	return err;
}

int ioc_attach(int dev_fd, uint32_t pt)
{
	struct vfio_device_attach_iommufd_pt arg = {.argsz = sizeof(arg), .pt_id = pt};

	return call(dev_fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &arg, &stats.iommufd_attach);
}

int ioc_detach(int dev_fd)
{
	struct vfio_device_detach_iommufd_pt arg = {.argsz = sizeof(arg)};

	return call(dev_fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &arg, NULL);
}

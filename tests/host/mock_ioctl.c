/* SPDX-License-Identifier: Apache-2.0 */
/* host_ioctl.h for the mock device, see mock.h. */
#include "mock.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host_ioctl.h"
#include "smmu_host_regs.h"

#define MAX_BATCH    256u
#define EVENT_ID     0x10u
#define CMD_SID(dw0) ((uint32_t)((dw0) >> 32))

/* One iommufd, one vIOMMU at a time. */
static struct {
	int fd;
	uint32_t ioas;
	uint32_t veventq;
	int events, relay; /* the mock's vEVENTQ, and the writing end of ours */
} mock = {.fd = -1, .events = -1, .relay = -1};

static int call(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

int mock_op(const struct iommufd *iommufd, struct iommu_test_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	return call(iommufd->fd, IOMMU_TEST_CMD, cmd);
}

int mock_open(struct host_dev *dev, struct iommufd *iommufd, struct iommu_obj *ioas, uint32_t flags)
{
	struct iommu_test_cmd cmd = {.op = MOCK_OP_DOMAIN_FLAGS, .id = ioas->id, .domain.flags = flags};
	int err = mock_op(iommufd, &cmd);

	if (err < 0)
		return err;
	mock.fd = iommufd->fd;
	mock.ioas = ioas->id;
	*dev = (struct host_dev){
		.bdf = "mock",
		.iommu = "smmu3.mock",
		.fd = (int)cmd.domain.out_stdev,
		.devid = cmd.domain.out_idev,
		.iommufd = iommufd,
		.can_stall = true,
	};
	return 0;
}

void mock_close(struct host_dev *dev)
{
	ioc_destroy(dev->iommufd->fd, (uint32_t)dev->fd);
	dev->fd = -1;
}

int mock_fault(const struct host_dev *dev, uint32_t pasid, uint32_t group, uint32_t perm, uint64_t addr)
{
	return mock_op(dev->iommufd, &(struct iommu_test_cmd){.op = MOCK_OP_TRIGGER_IOPF,
							      .iopf = {dev->devid, pasid, group, perm, addr}});
}

int mock_event(const struct host_dev *dev)
{
	return mock_op(dev->iommufd, &(struct iommu_test_cmd){.op = MOCK_OP_TRIGGER_VEVENT, .vevent.dev = dev->devid});
}

void mock_pump(void)
{
	struct {
		struct iommufd_vevent_header header;
		uint32_t sid;
	} raw;
	struct {
		struct iommufd_vevent_header header;
		uint64_t dw[4];
	} out = {0};

	/* One at a time: a header alone is shorter. */
	while (read(mock.events, &raw, sizeof(raw)) > 0) {
		size_t len = raw.header.flags & IOMMU_VEVENTQ_FLAG_LOST_EVENTS ? sizeof(raw.header) : sizeof(out);

		out.header = raw.header;
		out.dw[0] = htole64(EVENT_ID | (uint64_t)raw.sid << 32);
		if (write(mock.relay, &out, len) != (ssize_t)len)
			abort();
	}
}

bool mock_cache_is(const struct host_dev *dev, uint32_t index, uint32_t value)
{
	return mock_op(dev->iommufd, &(struct iommu_test_cmd){.op = MOCK_OP_CHECK_CACHE,
							      .id = dev->devid,
							      .check = {index, value}}) == 0;
}

bool mock_iotlb_is(const struct iommufd *iommufd, uint32_t hwpt, uint32_t index, uint32_t value)
{
	return mock_op(iommufd,
		       &(struct iommu_test_cmd){.op = MOCK_OP_CHECK_IOTLB, .id = hwpt, .check = {index, value}}) == 0;
}

/* host_ioctl.h */

int ioc_destroy(int iommu_fd, uint32_t id)
{
	/* Whoever destroys the queue has closed what we gave out as its descriptor. */
	if (id == mock.veventq && mock.events >= 0) {
		close(mock.events);
		mock.events = -1;
	}
	return call(iommu_fd, IOMMU_DESTROY, &(struct iommu_destroy){.size = sizeof(struct iommu_destroy), .id = id});
}

int ioc_ioas_alloc(int iommu_fd, uint32_t *id)
{
	struct iommu_ioas_alloc arg = {.size = sizeof(arg)};
	int err = call(iommu_fd, IOMMU_IOAS_ALLOC, &arg);

	*id = arg.out_ioas_id;
	return err;
}

int ioc_ioas_map_file(int iommu_fd, uint32_t ioas, uint64_t iova, int fd, uint64_t start, uint64_t len, bool running)
{
	return call(iommu_fd, IOMMU_IOAS_MAP_FILE,
		    &(struct iommu_ioas_map_file){
			    .size = sizeof(struct iommu_ioas_map_file),
			    .flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE,
			    .ioas_id = ioas,
			    .fd = fd,
			    .start = start,
			    .length = len,
			    .iova = iova,
		    });
}

int ioc_ioas_unmap(int iommu_fd, uint32_t ioas, uint64_t iova, uint64_t len)
{
	return call(iommu_fd, IOMMU_IOAS_UNMAP,
		    &(struct iommu_ioas_unmap){
			    .size = sizeof(struct iommu_ioas_unmap), .ioas_id = ioas, .iova = iova, .length = len});
}

int ioc_ioas_copy(int iommu_fd, uint32_t src, uint64_t from, uint32_t dst, uint64_t to, uint64_t len, bool read,
		  bool write)
{
	return -EOPNOTSUPP; /* the shadow backend needs no mock */
}

int ioc_ioas_iova_ranges(int iommu_fd, uint32_t ioas, struct iommu_iova_range *ranges, uint32_t *n, uint64_t *align)
{
	struct iommu_ioas_iova_ranges arg = {
		.size = sizeof(arg), .ioas_id = ioas, .num_iovas = *n, .allowed_iovas = (uintptr_t)ranges};
	int err = call(iommu_fd, IOMMU_IOAS_IOVA_RANGES, &arg);

	*n = arg.num_iovas;
	*align = arg.out_iova_alignment;
	return err;
}

/* The mock as an SMMUv3 that nests and stalls; its own numbers otherwise. */
int ioc_get_hw_info(int iommu_fd, uint32_t devid, void *data, uint32_t len, struct iommu_hw_info *info)
{
	struct iommu_hw_info_arm_smmuv3 *smmu = data;
	int err;

	*info = (struct iommu_hw_info){
		.size = sizeof(*info), .dev_id = devid, .data_len = len, .data_uptr = (uintptr_t)data};
	err = call(iommu_fd, IOMMU_GET_HW_INFO, info);
	if (err < 0)
		return err;
	if (info->out_data_type != MOCK_HW_INFO_TYPE)
		return -ENODEV;
	info->out_data_type = IOMMU_HW_INFO_TYPE_ARM_SMMUV3;
	memset(data, 0, len);
	smmu->idr[0] = HOST_IDR0_S1P | HOST_IDR0_S2P;
	smmu->idr[3] = HOST_IDR3_FWB;
	return 0;
}

int ioc_hwpt_alloc(int iommu_fd, uint32_t devid, uint32_t pt, uint32_t flags, uint32_t *id)
{
	struct iommu_hwpt_alloc arg = {.size = sizeof(arg), .flags = flags, .dev_id = devid, .pt_id = pt};
	int err = call(iommu_fd, IOMMU_HWPT_ALLOC, &arg);

	*id = arg.out_hwpt_id;
	return err;
}

/* The low half of the vSTE's second word fills the HWPT's IOTLB. */
int ioc_hwpt_alloc_ste(int iommu_fd, uint32_t devid, uint32_t viommu, const uint64_t ste[2], uint32_t fault,
		       uint32_t *id)
{
	bool s1 = (ste[0] & HOST_STE_CFG) == HOST_STE_CFG_S1;
	struct mock_hwpt_data data = {.iotlb = (uint32_t)ste[1]};
	struct iommu_hwpt_alloc arg = {
		.size = sizeof(arg),
		.flags = fault ? IOMMU_HWPT_FAULT_ID_VALID : 0u,
		.dev_id = devid,
		.pt_id = s1 ? viommu : mock.ioas,
		.fault_id = fault,
		.data_type = s1 ? MOCK_HWPT_DATA : IOMMU_HWPT_DATA_NONE,
		.data_len = s1 ? sizeof(data) : 0,
		.data_uptr = s1 ? (uintptr_t)&data : 0,
	};
	int err = call(iommu_fd, IOMMU_HWPT_ALLOC, &arg);

	*id = arg.out_hwpt_id;
	return err;
}

int ioc_fault_alloc(int iommu_fd, uint32_t *id, int *fd)
{
	struct iommu_fault_alloc arg = {.size = sizeof(arg)};
	int err = call(iommu_fd, IOMMU_FAULT_QUEUE_ALLOC, &arg);

	*id = arg.out_fault_id;
	*fd = (int)arg.out_fault_fd;
	return err;
}

int ioc_viommu_alloc(int iommu_fd, uint32_t devid, uint32_t hwpt, uint32_t *id)
{
	struct iommu_viommu_alloc arg = {
		.size = sizeof(arg), .type = MOCK_VIOMMU_TYPE, .dev_id = devid, .hwpt_id = hwpt};
	int err = call(iommu_fd, IOMMU_VIOMMU_ALLOC, &arg);

	*id = arg.out_viommu_id;
	return err;
}

int ioc_vdevice_alloc(int iommu_fd, uint32_t viommu, uint32_t devid, uint64_t virt_id, uint32_t *id)
{
	struct iommu_vdevice_alloc arg = {
		.size = sizeof(arg), .viommu_id = viommu, .dev_id = devid, .virt_id = virt_id};
	int err = call(iommu_fd, IOMMU_VDEVICE_ALLOC, &arg);

	*id = arg.out_vdevice_id;
	return err;
}

int ioc_veventq_alloc(int iommu_fd, uint32_t viommu, uint32_t depth, uint32_t *id, int *fd)
{
	struct iommu_veventq_alloc arg = {
		.size = sizeof(arg), .viommu_id = viommu, .type = MOCK_VEVENTQ_TYPE, .veventq_depth = depth};
	int pipe_fds[2], err = call(iommu_fd, IOMMU_VEVENTQ_ALLOC, &arg);

	if (err < 0)
		return err;
	if (pipe(pipe_fds) < 0)
		abort();
	close(mock.events);
	close(mock.relay);
	mock.events = (int)arg.out_veventq_fd;
	mock.relay = pipe_fds[1];
	mock.veventq = arg.out_veventq_id;
	*fd = pipe_fds[0];
	*id = arg.out_veventq_id;
	return 0;
}

/* Of a command the StreamID and the low bits of its second word count: the line of the device's cache; bit 8: all. */
int ioc_invalidate(int iommu_fd, uint32_t viommu, const void *cmds, uint32_t n, uint32_t *done)
{
	static struct mock_viommu_invalidate entries[MAX_BATCH];
	struct iommu_hwpt_invalidate arg = {
		.size = sizeof(arg),
		.hwpt_id = viommu,
		.data_uptr = (uintptr_t)entries,
		.data_type = MOCK_INVALIDATE_DATA,
		.entry_len = sizeof(entries[0]),
		.entry_num = n < MAX_BATCH ? n : MAX_BATCH,
	};
	int err;

	for (uint32_t i = 0; i < arg.entry_num; i++) {
		uint64_t dw[2];

		memcpy(dw, (const uint8_t *)cmds + i * sizeof(dw), sizeof(dw));
		entries[i] = (struct mock_viommu_invalidate){
			.flags = (uint32_t)(dw[1] >> 8) & 1,
			.vdev = CMD_SID(dw[0]),
			.line = (uint32_t)dw[1] & 0xff,
		};
	}
	err = call(iommu_fd, IOMMU_HWPT_INVALIDATE, &arg);
	*done = arg.entry_num;
	return err;
}

int ioc_bind(int dev_fd, int iommu_fd, uint32_t *devid)
{
	return -ENODEV; /* mock_open() */
}

int ioc_attach(int dev_fd, uint32_t pt)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd), .op = MOCK_OP_REPLACE, .id = (uint32_t)dev_fd, .replace.pt = pt};

	return call(mock.fd, IOMMU_TEST_CMD, &cmd);
}

int ioc_detach(int dev_fd)
{
	return ioc_attach(dev_fd, mock.ioas);
}

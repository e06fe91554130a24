/* SPDX-License-Identifier: Apache-2.0 */
/* The vIOMMU and what belongs to it: probing, building and taking down. The devices: nested_dev.c. */
#include "nested_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "fd.h"
#include "host_ioctl.h"
#include "host_priv.h"
#include "log.h"
#include "smmu_host_regs.h"

const uint64_t nested_abort_ste[2] = {HOST_STE_V | HOST_STE_CFG_ABORT, 0};

static int no_smmu_fail(const struct host_dev *dev, uint32_t type)
{
	if (type == IOMMU_HW_INFO_TYPE_NONE && !strncmp(dev->iommu, "smmu3.", 6))
		return log_fail(-ENOTSUP,
				"cannot nest behind %s for %s: the host's kernel does not describe it; it needs "
				"CONFIG_ARM_SMMU_V3_IOMMUFD",
				dev->iommu, dev->bdf);
	return log_fail(
		-ENOTSUP,
		"cannot nest behind %s for %s: it is no Arm SMMUv3 (iommufd type %u); a guest `smmuv3` needs one "
		"in the host",
		dev->iommu, dev->bdf, type);
}

int nested_probe(struct host_dev *dev, struct nested_info *info)
{
	struct iommu_hw_info_arm_smmuv3 smmu = {0};
	struct iommu_hw_info raw;
	int err = ioc_get_hw_info(dev->iommufd->fd, dev->devid, &smmu, sizeof(smmu), &raw);

	*info = (struct nested_info){0};
	if (err)
		return log_fail(err, "cannot ask the IOMMU of %s about itself: %s", dev->bdf, strerror(-err));
	if (raw.out_data_type != IOMMU_HW_INFO_TYPE_ARM_SMMUV3)
		return no_smmu_fail(dev, raw.out_data_type);
	memcpy(info->idr, smmu.idr, sizeof(info->idr));
	info->iidr = smmu.iidr;
	info->aidr = smmu.aidr;
	info->capabilities = raw.out_capabilities;
	info->max_pasid_log2 = raw.out_max_pasid_log2;
	if ((info->idr[0] & HOST_IDR0_S1P) && (info->idr[0] & HOST_IDR0_S2P))
		return 0;
	return log_fail(-ENOTSUP,
			"cannot nest behind %s for %s: the host's SMMU lacks %s (IDR0 0x%08" PRIx32
			"); it must translate "
			"in two stages",
			dev->iommu, dev->bdf,
			info->idr[0] & HOST_IDR0_S1P ? "stage 2 (IDR0.S2P)" : "stage 1 (IDR0.S1P)", info->idr[0]);
}

unsigned nested_ssid_bits(const struct nested_info *info)
{
	return field_get32(HOST_IDR1_SSIDSIZE, info->idr[1]);
}

static int s2_fail(const struct nested *nested, const struct nested_info *info, int err)
{
	if (err == -ENOMEM)
		return host_memlock_fail(nested->iommufd);
	if (err == -EOPNOTSUPP)
		return log_fail(err,
				"cannot make a stage 2 for nesting on %s: the host's driver refuses although IDR0 is "
				"0x%08" PRIx32
				"; its part number may be on the kernel's list of errata (IIDR 0x%08" PRIx32 ")",
				nested->iommu, info->idr[0], info->iidr);
	return log_fail(err, "cannot make a stage 2 for nesting on %s: %s", nested->iommu, strerror(-err));
}

static int viommu_fail(const struct nested *nested, const struct nested_info *info, int err)
{
	if (err != -EOPNOTSUPP)
		return log_fail(err, "cannot make a virtual IOMMU on %s: %s", nested->iommu, strerror(-err));
	if (!(info->idr[3] & HOST_IDR3_FWB))
		return log_fail(
			err,
			"cannot make a virtual IOMMU on %s: the SMMU has no FWB (IDR3 0x%08" PRIx32 ", bit 8 "
			"clear) and the firmware does not mark the PCIe root complex CANWBS (IORT memory access "
			"flags bit 2; never from a device tree); one of them is needed",
			nested->iommu, info->idr[3]);
	return log_fail(
		err,
		"cannot make a virtual IOMMU on %s: the host's kernel does not offer it although the SMMU has FWB; "
		"it needs CONFIG_ARM_SMMU_V3_IOMMUFD and an SMMU without the forced-sync erratum",
		nested->iommu);
}

static int create_s2(struct nested *nested, struct host_dev *dev, struct iommu_obj *ioas,
		     const struct nested_info *info)
{
	struct iommu_obj *obj = iommu_obj_prepare(nested->iommufd, IOMMU_HWPT, ioas);
	uint32_t id;
	int err;

	if (!obj)
		return -ENOMEM;
	err = ioc_hwpt_alloc(nested->iommufd->fd, dev->devid, ioas->id, IOMMU_HWPT_ALLOC_NEST_PARENT, &id);
	if (err) {
		free(obj);
		return s2_fail(nested, info, err);
	}
	iommu_obj_publish(obj, id);
	nested->s2 = obj;
	return 0;
}

static int create_viommu(struct nested *nested, struct host_dev *dev, const struct nested_info *info)
{
	struct iommu_obj *obj = iommu_obj_prepare(nested->iommufd, IOMMU_VIOMMU, nested->s2);
	uint32_t id;
	int err;

	if (!obj)
		return -ENOMEM;
	err = ioc_viommu_alloc(nested->iommufd->fd, dev->devid, nested->s2->id, &id);
	if (err) {
		free(obj);
		return viommu_fail(nested, info, err);
	}
	iommu_obj_publish(obj, id);
	nested->viommu = obj;
	return 0;
}

int nested_hwpt(struct nested *nested, struct host_dev *dev, const uint64_t ste[2], bool faults, struct iommu_obj **out)
{
	struct iommu_obj *obj = iommu_obj_prepare(nested->iommufd, IOMMU_HWPT, nested->viommu);
	uint32_t queue = faults ? nested->faults->queue->id : 0, id;
	int err;

	if (!obj)
		return -ENOMEM;
	err = ioc_hwpt_alloc_ste(nested->iommufd->fd, dev->devid, nested->viommu->id, ste, queue, &id);
	if (err) {
		free(obj);
		return log_fail(err,
				"cannot install a stage 1 for %s: %s refuses the stream table entry 0x%016" PRIx64
				" 0x%016" PRIx64 ": %s",
				dev->bdf, nested->iommu, ste[0], ste[1], strerror(-err));
	}
	iommu_obj_publish(obj, id);
	*out = obj;
	return 0;
}

static int create_eventq(struct nested *nested)
{
	struct iommu_obj *obj = iommu_obj_prepare(nested->iommufd, IOMMU_VEVENTQ, nested->viommu);
	uint32_t id;
	int err, flags;

	if (!obj)
		return -ENOMEM;
	err = ioc_veventq_alloc(nested->iommufd->fd, nested->viommu->id, NESTED_EVENTQ_DEPTH, &id, &nested->event_fd);
	if (err) {
		free(obj);
		return log_fail(err, "cannot make an event queue on %s: %s", nested->iommu, strerror(-err));
	}
	iommu_obj_publish(obj, id);
	nested->veventq = obj;
	flags = fcntl(nested->event_fd, F_GETFL);
	if (flags < 0 || fcntl(nested->event_fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return log_fail(-errno, "cannot make the event queue of %s non-blocking: %s", nested->iommu,
				strerror(errno));
	return 0;
}

int nested_create(struct nested **out, struct iommu_obj *ioas, struct host_dev *dev)
{
	static const uint64_t bypass_ste[2] = {HOST_STE_V | HOST_STE_CFG_BYPASS, 0};
	struct nested *nested = calloc(1, sizeof(*nested));
	struct nested_info info;
	int err;

	*out = NULL;
	if (!nested)
		return log_fail(-ENOMEM, "cannot make a virtual IOMMU on %s: out of memory", dev->iommu);
	nested->iommufd = dev->iommufd;
	nested->event_fd = -1;
	memcpy(nested->iommu, dev->iommu, sizeof(nested->iommu));
	err = nested_probe(dev, &info);
	nested->idr0 = info.idr[0];
	if (!err)
		err = create_s2(nested, dev, ioas, &info);
	if (!err)
		err = create_viommu(nested, dev, &info);
	if (!err)
		err = nested_hwpt(nested, dev, nested_abort_ste, false, &nested->abort);
	if (!err)
		err = nested_hwpt(nested, dev, bypass_ste, false, &nested->bypass);
	if (!err)
		err = create_eventq(nested);
	if (!err && nested_host_stalls(info.idr[0], true))
		err = nested_faults_create(nested);
	if (err) {
		nested_destroy(&nested);
		return err;
	}
	*out = nested;
	return 0;
}

void nested_destroy(struct nested **nested)
{
	struct nested *n = *nested;

	if (!n)
		return;
	*nested = NULL;
	if (n->nr_devices)
		log_error("internal error: virtual IOMMU on %s destroyed with %u devices", n->iommu, n->nr_devices);
	nested_faults_destroy(n);
	fd_close(&n->event_fd); /* the open queue holds the vEVENTQ */
	iommu_obj_destroy(&n->veventq);
	iommu_obj_destroy(&n->bypass);
	iommu_obj_destroy(&n->abort);
	iommu_obj_destroy(&n->viommu);
	iommu_obj_destroy(&n->s2);
	free(n);
}

int nested_invalidate(struct nested *nested, const void *cmds, uint32_t n, uint32_t *done)
{
	int err;

	*done = 0;
	if (n == 0)
		return 0;
	err = ioc_invalidate(nested->iommufd->fd, nested->viommu->id, cmds, n, done);
	if (*done > n)
		*done = n;
	nested_faults_invalidated(nested, cmds, *done);
	if (err)
		return log_fail(err,
				"cannot forward invalidations to %s: command %" PRIu32 " of %" PRIu32 " failed: %s",
				nested->iommu, *done, n, strerror(-err));
	return 0;
}

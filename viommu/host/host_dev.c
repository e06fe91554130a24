/* SPDX-License-Identifier: Apache-2.0 */
#include "host_dev.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bits.h"
#include "fd.h"
#include "host_ioctl.h"
#include "host_priv.h"
#include "kvm.h"
#include "log.h"
#include "sys.h"

static int group_fail(const struct host_dev_info *info)
{
	char list[HOST_GROUP_MAX * HOST_BDF_LEN + 8] = "";
	size_t used = 0;

	for (unsigned i = 0; i < info->nr_group && i < HOST_GROUP_MAX; i++)
		if (strcmp(info->members[i], info->bdf))
			used += (size_t)snprintf(list + used, sizeof(list) - used, " %s", info->members[i]);
	return log_fail(
		-EPERM,
		"cannot assign %s: the IOMMU cannot tell it from other devices; its group %d also has%s%s; move it "
		"to a slot behind a root port with ACS",
		info->bdf, info->group, list, info->nr_group > HOST_GROUP_MAX ? " ..." : "");
}

/* All that can be said before anything is opened. */
static int check_info(const struct host_dev_info *info)
{
	if (info->group < 0 || !info->iommu[0])
		return log_fail(
			-ENODEV,
			"cannot assign %s: no IOMMU of this host translates it; enable it in the firmware (SMMU, "
			"VT-d, AMD-Vi) and on the kernel's command line",
			info->bdf);
	if (info->nr_group > 1)
		return group_fail(info);
	if (info->cdev[0])
		return 0;
	if (!info->driver[0])
		return log_fail(-ENODEV, "cannot assign %s: no driver is bound to it; run `aerie bind %s`", info->bdf,
				info->bdf);
	if (!strstr(info->driver, "vfio"))
		return log_fail(-EBUSY, "cannot assign %s: it is bound to driver %s of the host; run `aerie bind %s`",
				info->bdf, info->driver, info->bdf);
	return log_fail(-ENODEV,
			"cannot assign %s: its driver %s offers no character device; the host's kernel needs "
			"CONFIG_VFIO_DEVICE_CDEV",
			info->bdf, info->driver);
}

static int cdev_fail(const struct host_dev_info *info, int err)
{
	switch (err) {
	case -ENOENT:
		return log_fail(err, "cannot assign %s: %s does not exist; is devtmpfs mounted on /dev?", info->bdf,
				info->cdev);
	case -EACCES:
	case -EPERM:
		return log_fail(
			err,
			"cannot assign %s: no permission to open %s; run as root or give your user access to it, "
			"for example with a udev rule",
			info->bdf, info->cdev);
	case -EBUSY:
		return log_fail(err, "cannot assign %s: %s is in use by another process", info->bdf, info->cdev);
	default:
		return log_fail(err, "cannot assign %s: cannot open %s: %s", info->bdf, info->cdev, strerror(-err));
	}
}

static int bind_fail(const struct host_dev_info *info, int err)
{
	switch (err) {
	case -EPERM:
		return log_fail(err,
				"cannot assign %s: the host does not isolate its interrupts: a device could send those "
				"of others. Enable interrupt remapping (VT-d, AMD-Vi) in the firmware and leave "
				"`intremap=off` off the kernel's command line, or use a machine with an ITS (arm64); "
				"or accept the risk with the kernel parameter iommufd.allow_unsafe_interrupts=1",
				info->bdf);
	case -EBUSY:
	case -EINVAL: /* a second opener of the same cdev is refused with this one: vfio_df_device_first_open() */
		return log_fail(-EBUSY,
				"cannot assign %s: it or a device of its group is in use by another process; end that "
				"one first",
				info->bdf);
	case -ENODEV:
		return log_fail(err, "cannot assign %s: it has just gone, or its IOMMU cannot be used", info->bdf);
	case -ENOTTY:
		return log_fail(err,
				"cannot assign %s: the host's VFIO knows no iommufd; its kernel needs "
				"CONFIG_VFIO_DEVICE_CDEV and CONFIG_IOMMUFD",
				info->bdf);
	default:
		return log_fail(err, "cannot assign %s: VFIO does not bind it to the iommufd: %s", info->bdf,
				strerror(-err));
	}
}

/* KVM holds the device open until it is told to let go (kvm_vfio_file_add()). */
static int tell_kvm(const struct host_dev *dev, uint64_t what)
{
	const int32_t fd = dev->fd;

	return dev->iommufd->kvm_vfio < 0 ? 0
					  : kvm_set_device_attr(dev->iommufd->kvm_vfio, KVM_DEV_VFIO_FILE, what, &fd);
}

/* KVM first (vfio_df_open() takes the VM from there), then the iommufd. */
static int bind_device(struct host_dev *dev, const struct host_dev_info *info)
{
	int err = tell_kvm(dev, KVM_DEV_VFIO_FILE_ADD);

	if (err)
		return log_fail(err, "cannot assign %s: KVM does not take it for this VM: %s", info->bdf,
				strerror(-err));
	err = ioc_bind(dev->fd, dev->iommufd->fd, &dev->devid);
	if (!err)
		return 0;
	tell_kvm(dev, KVM_DEV_VFIO_FILE_DEL);
	return bind_fail(info, err);
}

int host_dev_open(struct host_dev *dev, const char *bdf, struct iommufd *iommufd)
{
	struct host_dev_info info;
	int err;

	*dev = (struct host_dev){.fd = -1, .iommufd = iommufd};
	err = host_dev_probe(bdf, &info);
	if (err)
		return log_fail(err, "cannot assign %s: this host has no such PCI device; `aerie devices` lists them",
				bdf);
	err = check_info(&info);
	if (err)
		return err;
	memcpy(dev->bdf, info.bdf, sizeof(dev->bdf));
	memcpy(dev->iommu, info.iommu, sizeof(dev->iommu));
	dev->fd = sys_open(info.cdev, O_RDWR);
	if (dev->fd < 0)
		return cdev_fail(&info, -errno);
	dev->can_stall = info.can_stall;
	err = bind_device(dev, &info);
	if (err)
		fd_close(&dev->fd);
	return err;
}

void host_dev_close(struct host_dev *dev)
{
	if (dev->fd < 0)
		return;
	host_dev_detach(dev);
	if (dev->attached) /* the kernel detaches when the descriptor goes */
		dev->attached->users--;
	dev->attached = NULL;
	int err = tell_kvm(dev, KVM_DEV_VFIO_FILE_DEL);

	if (err)
		log_error("KVM does not let go of %s: %s; the host has it back when this process ends", dev->bdf,
			  strerror(-err));
	fd_close(&dev->fd);
}

int host_reserved_fail(const char *bdf)
{
	struct host_reserved regions[HOST_RESERVED_MAX];
	char list[HOST_RESERVED_MAX * 64 + 8] = "";
	int n = host_dev_reserved(bdf, regions, HOST_RESERVED_MAX);
	size_t used = 0;

	for (int i = 0; i < n; i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, " 0x%" PRIx64 "-0x%" PRIx64 " (%s)",
					 regions[i].range.first, regions[i].range.last, regions[i].type);
	return log_fail(-EADDRINUSE,
			"cannot attach %s: guest RAM lies on I/O addresses that the host reserves for this device:%s; "
			"change the VM's memory size",
			bdf, used ? list : " (unknown)");
}

static int attach_fail(struct host_dev *dev, int err)
{
	switch (err) {
	case -EADDRINUSE:
		return host_reserved_fail(dev->bdf);
	case -ENOMEM:
		return host_memlock_fail(dev->iommufd);
	case -EBUSY:
		return log_fail(err,
				"cannot attach %s to its translation: the host resets the device or one of its group",
				dev->bdf);
	default:
		return log_fail(err, "cannot attach %s to its translation: %s", dev->bdf, strerror(-err));
	}
}

int host_dev_try_attach(struct host_dev *dev, struct iommu_obj *to)
{
	int err;

	if (dev->attached == to)
		return 0;
	err = dev->blocked ? 0 : ioc_attach(dev->fd, to->id);
	if (err)
		return err;
	if (dev->attached)
		dev->attached->users--;
	to->users++;
	dev->attached = to;
	return 0;
}

int host_dev_attach(struct host_dev *dev, struct iommu_obj *to)
{
	int err = host_dev_try_attach(dev, to);

	return err ? attach_fail(dev, err) : 0;
}

void host_dev_detach(struct host_dev *dev)
{
	int err;

	if (!dev->attached)
		return;
	err = dev->blocked ? 0 : ioc_detach(dev->fd);
	if (err) {
		log_error("cannot detach %s from its translation: %s; it may go on using it", dev->bdf, strerror(-err));
		return;
	}
	dev->attached->users--;
	dev->attached = NULL;
}

int host_dev_block(struct host_dev *dev)
{
	int err;

	if (dev->blocked)
		return 0;
	err = dev->attached ? ioc_detach(dev->fd) : 0;
	if (err)
		return log_fail(err, "cannot block the DMA of %s: %s", dev->bdf, strerror(-err));
	dev->blocked = true;
	return 0;
}

int host_dev_unblock(struct host_dev *dev)
{
	int err;

	if (!dev->blocked)
		return 0;
	err = dev->attached ? ioc_attach(dev->fd, dev->attached->id) : 0;
	if (err)
		return attach_fail(dev, err);
	dev->blocked = false;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_override says which driver alone may take the device (Documentation/ABI/testing/sysfs-bus-pci); writing its
 * address to drivers_probe lets the kernel look for one again.
 */
#include "host_bind.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host_check.h"
#include "fd.h"
#include "log.h"
#include "pci_class.h"
#include "sys.h"

#define PCI_DEVICES "/sys/bus/pci/devices"
#define VFIO_PCI    "/sys/bus/pci/drivers/vfio-pci"

#define CDEV_WAIT_MS 2000u /* udev may have to make the node */
#define CDEV_STEP_MS 10u

/* Does not open: opening a device may have effects. */
static bool is_there(const char *path)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", sys_root, path);
	return access(full, F_OK) == 0;
}

static int write_fail(int err, const char *path, const char *bdf)
{
	if (err == -EACCES || err == -EPERM || err == -EROFS)
		return log_fail(err, "cannot change the driver of %s: no permission to write %s; run as root", bdf,
				path);
	return log_fail(err, "cannot change the driver of %s: writing %s: %s; see the kernel's log", bdf, path,
			strerror(-err));
}

static int write_attribute(const char *bdf, const char *name, const char *text)
{
	char path[160];
	int err;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", bdf, name);
	err = fd_write_text(path, text);
	return err < 0 ? write_fail(err, path, bdf) : 0;
}

/* A driver that does not want the device is no error here; the caller looks at what came of it. */
static int probe_drivers(const char *bdf)
{
	int err = fd_write_text("/sys/bus/pci/drivers_probe", bdf);

	if (err == -EACCES || err == -EPERM || err == -EROFS || err == -ENOENT)
		return write_fail(err, "/sys/bus/pci/drivers_probe", bdf);
	return 0;
}

static int find(const char *bdf, struct host_dev_info *info)
{
	if (host_dev_probe(bdf, info) < 0)
		return log_fail(-ENOENT, "this host has no PCI device %s; `aerie devices` lists them", bdf);
	return 0;
}

/* Refusals that come before anything is changed. */
static int may_bind(const struct host_dev_info *info, bool force)
{
	char text[256];

	if (info->class_code >> 16 == PCI_CLASS_BRIDGE)
		return log_fail(-EOPNOTSUPP, "%s is a bridge (%s); bind the devices behind it", info->bdf,
				pci_class_name(info->class_code));
	if (!is_there(VFIO_PCI))
		return log_fail(-EOPNOTSUPP,
				"cannot bind %s: this kernel has no vfio-pci driver; `modprobe vfio-pci`, or use a "
				"kernel with CONFIG_VFIO_PCI",
				info->bdf);
	if (host_dev_used(info->bdf, text, sizeof(text))) {
		if (!force)
			return log_fail(-EBUSY, "the host uses %s: %s; stop using it first, or insist with --force",
					info->bdf, text);
		log_warn("the host uses %s and loses it: %s", info->bdf, text);
	}
	if (host_dev_netif_up(info->bdf, text, sizeof(text)))
		log_warn("the host loses its network interface %s, which is up", text);
	return 0;
}

static int take(const struct host_dev_info *info)
{
	int err = write_attribute(info->bdf, "driver_override", "vfio-pci\n");

	if (err < 0)
		return err;
	if (info->driver[0])
		err = write_attribute(info->bdf, "driver/unbind", info->bdf);
	return err < 0 ? err : probe_drivers(info->bdf);
}

/* Back to the driver that the kernel would choose; best effort, the first failure has been reported. */
static void give_back(const char *bdf)
{
	struct host_dev_info info;
	char path[160];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver_override", bdf);
	if (fd_write_text(path, "\n") < 0)
		return;
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver/unbind", bdf);
	if (host_dev_probe(bdf, &info) == 0 && strcmp(info.driver, "vfio-pci") == 0)
		(void)fd_write_text(path, bdf);
	(void)fd_write_text("/sys/bus/pci/drivers_probe", bdf);
}

static int wait_for_cdev(const char *bdf, struct host_dev_info *info)
{
	const struct timespec step = {.tv_nsec = CDEV_STEP_MS * 1000000L};

	for (unsigned ms = 0; ms < CDEV_WAIT_MS; ms += CDEV_STEP_MS) {
		if (host_dev_probe(bdf, info) < 0)
			break;
		if (strcmp(info->driver, "vfio-pci") != 0)
			break; /* probing is synchronous: it will not come any more */
		if (info->cdev[0] && is_there(info->cdev))
			return 0;
		nanosleep(&step, NULL);
	}
	if (strcmp(info->driver, "vfio-pci") != 0)
		return log_fail(-ENODEV,
				"vfio-pci does not take %s; see the kernel's log (no IOMMU group is the usual cause)",
				bdf);
	if (!info->cdev[0])
		return log_fail(
			-ENOTSUP,
			"vfio-pci took %s but offers no character device; use a kernel with CONFIG_VFIO_DEVICE_CDEV",
			bdf);
	return log_fail(-ENOENT, "%s of %s does not show up; is devtmpfs mounted on /dev?", info->cdev, bdf);
}

int host_bind(const char *bdf, bool force, char cdev[64])
{
	struct host_dev_info info;
	bool taken = false;
	int err = find(bdf, &info);

	if (err < 0)
		return err;
	if (strcmp(info.driver, "vfio-pci") != 0) {
		err = may_bind(&info, force);
		if (err < 0)
			return err;
		taken = true;
		err = take(&info);
	}
	if (err == 0)
		err = wait_for_cdev(bdf, &info);
	if (err == 0)
		snprintf(cdev, 64, "%.63s", info.cdev);
	else if (taken)
		give_back(bdf);
	return err;
}

int host_unbind(const char *bdf, char driver[64])
{
	struct host_dev_info info;
	char user[64];
	int err = find(bdf, &info);

	if (err < 0)
		return err;
	/* The kernel would wait until the user lets go. */
	if (info.cdev[0] && check_cdev_user(info.cdev, user, sizeof(user)))
		return log_fail(-EBUSY, "%s is in use by %s; end it first", bdf, user);
	err = write_attribute(bdf, "driver_override", "\n");
	if (err == 0 && strcmp(info.driver, "vfio-pci") == 0)
		err = write_attribute(bdf, "driver/unbind", bdf);
	if (err == 0 && (!info.driver[0] || strcmp(info.driver, "vfio-pci") == 0))
		err = probe_drivers(bdf);
	if (err < 0)
		return err;
	err = find(bdf, &info);
	if (err == 0)
		snprintf(driver, 64, "%.63s", info.driver);
	return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Each device that the configuration assigns: all that sysfs says, then whether it opens, then whether it can nest. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arch.h"
#include "host_check.h"
#include "iommufd.h"
#include "nested.h"
#include "pci_class.h"
#include "vm.h"

bool check_device_obstacle(const struct host_dev_info *info, char *text, size_t cap)
{
	char members[256];

	if (info->group < 0 || !info->iommu[0]) {
		snprintf(text, cap, "no IOMMU of this host translates it; enable it in the firmware and the kernel");
	} else if (info->nr_group > 1) {
		check_group_members(info, members, sizeof(members));
		snprintf(text, cap, "shares IOMMU group %d with %s; move it to a slot behind a root port with ACS",
			 info->group, members);
	} else if (!info->driver[0]) {
		snprintf(text, cap, "has no driver; run `aerie bind %s`", info->bdf);
	} else if (!info->cdev[0] && strstr(info->driver, "vfio")) {
		snprintf(text, cap, "%s gives it no character device; use a kernel with CONFIG_VFIO_DEVICE_CDEV",
			 info->driver);
	} else if (!info->cdev[0]) {
		snprintf(text, cap, "driver %s has it; run `aerie bind %s`", info->driver, info->bdf);
	} else {
		return false;
	}
	return true;
}

/* Firmware's and the kernel's reservations against guest RAM, which is mapped at its guest physical addresses. */
static void check_reserved(struct check *check, const char *what, const char *bdf)
{
	struct host_reserved regions[HOST_RESERVED_MAX];
	int n = host_dev_reserved(bdf, regions, HOST_RESERVED_MAX);
	struct range ram[2];
	unsigned pieces = vm_ram_pieces(check->config->machine.memory_bytes, ram);

	for (int i = 0; i < n; i++) {
		/* iommufd maps over relaxable ones: only the firmware's past needs them. */
		if (strcmp(regions[i].type, "direct-relaxable") == 0)
			continue;
		for (unsigned p = 0; p < pieces; p++)
			if (range_overlaps(regions[i].range, ram[p]))
				check_add(check, CHECK_ERROR, what,
					  "the host reserves I/O addresses 0x%" PRIx64 "-0x%" PRIx64
					  " (%s) where the guest has its RAM (0x%" PRIx64 "-0x%" PRIx64
					  "); lower machine.memory",
					  regions[i].range.first, regions[i].range.last, regions[i].type, ram[p].first,
					  ram[p].last);
	}
}

/* The whole chain up to the vIOMMU, over an IOAS without memory; the box below says what is missing. */
static void check_nesting(struct check *check, const char *what, struct iommufd *iommufd, struct host_dev *dev)
{
	struct check_capture capture;
	struct iommu_obj *ioas = NULL;
	struct nested *nested = NULL;
	int err;

	check_capture_begin(&capture);
	err = ioas_create(iommufd, &ioas);
	if (err == 0)
		err = nested_create(&nested, ioas, dev);
	if (err == 0)
		nested_destroy(&nested);
	iommu_obj_destroy(&ioas);
	check_capture_end();
	if (err < 0)
		check_add(check, CHECK_ERROR, what, "%s", capture.text);
	else
		check_add(check, CHECK_OK, what, "%s translates it in two stages for the guest's SMMU", dev->iommu);
}

/* The host's translation for domains that the guest tells mapping by mapping, over an IOAS without memory, which stays
 * until the device has been closed. */
static void check_domains(struct check *check, const char *what, struct host_dev *dev, struct iommu_obj **ioas)
{
	struct check_capture capture;
	int err;

	check_capture_begin(&capture);
	err = ioas_create(dev->iommufd, ioas);
	if (err == 0)
		err = host_dev_attach(dev, *ioas);
	check_capture_end();
	if (err < 0)
		check_add(check, CHECK_ERROR, what, "%s", capture.text);
	else
		check_add(check, CHECK_OK, what, "%s translates it for the guest's virtio-iommu", dev->iommu);
}

/* Only an attempt tells whether a device is free. @iommu: of the guest, NULL: none. */
static void check_open(struct check *check, const char *what, const struct host_dev_info *info,
		       const struct config_iommu *iommu)
{
	struct check_capture capture;
	struct iommu_obj *ioas = NULL;
	struct iommufd iommufd;
	struct host_dev dev;
	char user[64];
	int err;

	if (check_cdev_user(info->cdev, user, sizeof(user))) {
		check_add(check, CHECK_ERROR, what, "in use by %s; end it first", user);
		return;
	}
	check_capture_begin(&capture);
	err = iommufd_open(&iommufd, -1);
	check_capture_end();
	if (err < 0)
		return; /* check_iommufd() has said so */
	check_capture_begin(&capture);
	err = host_dev_open(&dev, info->bdf, &iommufd);
	check_capture_end();
	if (err < 0) {
		check_add(check, CHECK_ERROR, what, "%s", capture.text);
	} else {
		check_add(check, CHECK_OK, what, "%s, free, alone in group %d, behind %s",
			  pci_class_name(info->class_code), info->group, info->iommu);
		if (iommu && iommu->type == IOMMU_TYPE_SMMUV3)
			check_nesting(check, what, &iommufd, &dev);
		else if (iommu)
			check_domains(check, what, &dev, &ioas);
		host_dev_close(&dev);
		iommu_obj_destroy(&ioas);
	}
	iommufd_close(&iommufd);
}

static void check_device(struct check *check, const char *bdf, const struct config_iommu *iommu,
			 struct host_dev_info *info)
{
	char what[HOST_BDF_LEN + 8], text[512];

	snprintf(what, sizeof(what), "device %s", bdf);
	if (host_dev_probe(bdf, info) < 0) {
		check_add(check, CHECK_ERROR, what, "this host has no such PCI device; `aerie devices` lists them");
		return;
	}
	if (info->class_code >> 16 == PCI_CLASS_BRIDGE) {
		check_add(check, CHECK_ERROR, what, "is a bridge (%s); assign the devices behind it",
			  pci_class_name(info->class_code));
		return;
	}
	check_reserved(check, what, info->bdf);
	if (check_device_obstacle(info, text, sizeof(text)))
		check_add(check, CHECK_ERROR, what, "%s", text);
	else
		check_open(check, what, info, iommu);
}

/* One SMMU of the guest stands for one of the host. */
static void check_same_iommu(struct check *check, const char *id, const struct host_dev_info *info, char first[64])
{
	if (!info->iommu[0])
		return;
	if (!first[0])
		snprintf(first, 64, "%.63s", info->iommu);
	else if (strcmp(first, info->iommu) != 0)
		check_add(
			check, CHECK_ERROR, id,
			"device %s is behind %s of the host, another device of this IOMMU behind %s; give each an entry of its "
			"own in \"iommus\"",
			info->bdf, info->iommu, first);
}

void check_devices(struct check *check)
{
	char first[CONFIG_MAX_IOMMUS][64] = {""};
	const struct config *config = check->config;

	if (!config)
		return;
	for (unsigned i = 0; i < config->pci_count; i++) {
		const struct config_port *port = &config->pci[i];
		int index = port->iommu ? config_iommu_index(config, port->iommu) : -1;
		const struct config_iommu *iommu = index >= 0 ? &config->iommus[index] : NULL;

		for (unsigned d = 0; d < port->devices_count; d++) {
			struct host_dev_info info = {.group = -1};

			if (port->devices[d].kind != DEVICE_ASSIGN)
				continue;
			check_device(check, port->devices[d].assign, iommu, &info);
			if (iommu && iommu->type == IOMMU_TYPE_SMMUV3)
				check_same_iommu(check, port->iommu, &info, first[index]);
		}
	}
}

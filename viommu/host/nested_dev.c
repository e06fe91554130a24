/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The translation of one device. Whatever fails, the device ends on the abort HWPT, and if even that cannot be
 * attached, detached (the kernel then blocks its DMA); never on bypass, never on a table that the guest has withdrawn.
 */
#include "nested_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host_ioctl.h"
#include "host_priv.h"
#include "log.h"

/* Frees the S1 HWPT that is not attached any more. One that could not be detached stays known, to be freed later. */
static void drop_s1(struct nested_dev *d)
{
	if (!d->s1 || d->dev->attached == d->s1)
		return;
	nested_faults_withdraw(d);
	iommu_obj_destroy(&d->s1);
}

static int to_abort(struct nested_dev *d)
{
	int err = host_dev_attach(d->dev, d->nested->abort);

	if (err) {
		log_warn("%s is detached from its IOMMU instead: its DMA is blocked until the guest's next change",
			 d->dev->bdf);
		host_dev_detach(d->dev);
	}
	drop_s1(d);
	return err;
}

int nested_attach_abort(struct nested_dev *dev)
{
	return to_abort(dev);
}

int nested_attach_bypass(struct nested_dev *dev)
{
	int err = host_dev_attach(dev->dev, dev->nested->bypass);

	if (err)
		to_abort(dev);
	drop_s1(dev);
	return err;
}

/* The kernel takes the StreamID from the vDEVICE when a HWPT is attached: a change needs an attach in between, and the
 * caller attaches the S1 HWPT afterwards. */
static int set_sid(struct nested_dev *d, uint32_t sid)
{
	struct nested *nested = d->nested;
	struct iommu_obj *obj;
	uint32_t id;
	int err;

	if (d->vdevice && d->sid == sid)
		return 0;
	if (d->vdevice) {
		err = to_abort(d);
		if (err)
			return err;
		iommu_obj_destroy(&d->vdevice);
	}
	obj = iommu_obj_prepare(nested->iommufd, IOMMU_VDEVICE, nested->viommu);
	if (!obj)
		return -ENOMEM;
	err = ioc_vdevice_alloc(nested->iommufd->fd, nested->viommu->id, d->dev->devid, sid, &id);
	if (err) {
		free(obj);
		if (err == -EEXIST)
			return log_fail(err, "cannot give %s StreamID 0x%" PRIx32 ": another device behind %s has it",
					d->dev->bdf, sid, nested->iommu);
		if (err == -EOPNOTSUPP)
			return log_fail(err,
					"cannot give %s StreamID 0x%" PRIx32
					": the host's SMMU knows it by more than one "
					"StreamID (PCI DMA alias), which cannot be nested",
					d->dev->bdf, sid);
		return log_fail(err, "cannot give %s StreamID 0x%" PRIx32 ": %s", d->dev->bdf, sid, strerror(-err));
	}
	iommu_obj_publish(obj, id);
	d->vdevice = obj;
	d->sid = sid;
	return 0;
}

int nested_attach_s1(struct nested_dev *dev, uint32_t sid, const uint64_t ste[2])
{
	struct iommu_obj *s1 = NULL, *old;
	int err;

	if (dev->s1 && dev->dev->attached == dev->s1 && dev->vdevice && dev->sid == sid &&
	    !memcmp(dev->ste, ste, sizeof(dev->ste))) {
		nested_faults_refuse(dev);
		return 0;
	}
	err = set_sid(dev, sid);
	if (!err)
		err = nested_hwpt(dev->nested, dev->dev, ste, dev->stalls, &s1);
	if (!err)
		err = host_dev_attach(dev->dev, s1);
	if (err) {
		iommu_obj_destroy(&s1);
		to_abort(dev);
		return err;
	}
	nested_faults_withdraw(dev); /* those of the table before */
	old = dev->s1;
	dev->s1 = s1;
	memcpy(dev->ste, ste, sizeof(dev->ste));
	iommu_obj_destroy(&old);
	return 0;
}

/* Whether the kernel hands the device's page faults over shows only when it attaches a HWPT with a fault queue
 * (arm_smmu_enable_iopf()). */
static int try_stalls(struct nested_dev *d)
{
	struct nested *nested = d->nested;
	int err;

	if (!nested->faults || !nested_host_stalls(nested->idr0, d->dev->can_stall))
		return 0;
	err = nested_hwpt(nested, d->dev, nested_abort_ste, true, &d->s1);
	if (err)
		return err;
	err = host_dev_try_attach(d->dev, d->s1);
	d->stalls = !err;
	if (err == -EOPNOTSUPP)
		log_warn("%s: its page faults cannot be shared with the guest: the host's kernel does not report them; "
			 "it needs CONFIG_ARM_SMMU_V3_SVA",
			 d->dev->bdf);
	else if (err)
		return log_fail(err, "cannot attach %s to a translation with page faults: %s", d->dev->bdf,
				strerror(-err));
	return to_abort(d);
}

bool nested_can_stall(const struct nested_dev *dev)
{
	return dev->stalls;
}

int nested_add(struct nested_dev **out, struct nested *nested, struct host_dev *dev)
{
	struct nested_dev *d;
	int err;

	*out = NULL;
	if (strcmp(nested->iommu, dev->iommu))
		return log_fail(-EINVAL,
				"cannot put %s behind this guest IOMMU: the host translates it with %s, but the other "
				"devices of the guest IOMMU with %s; give it an IOMMU of its own in the configuration",
				dev->bdf, dev->iommu, nested->iommu);
	d = calloc(1, sizeof(*d));
	if (!d)
		return log_fail(-ENOMEM, "cannot put %s behind its guest IOMMU: out of memory", dev->bdf);
	d->nested = nested;
	d->dev = dev;
	d->next = nested->devices;
	nested->devices = d;
	nested->nr_devices++;
	err = host_dev_attach(dev, nested->abort);
	if (!err)
		err = try_stalls(d);
	if (err)
		nested_remove(&d);
	*out = d;
	return err;
}

void nested_remove(struct nested_dev **dev)
{
	struct nested_dev *d = *dev;

	if (!d)
		return;
	*dev = NULL;
	host_dev_detach(d->dev);
	if (d->dev->attached) { /* that has failed: the kernel detaches when the descriptor goes */
		d->dev->attached->stuck = true;
		d->dev->attached->users--;
		d->dev->attached = NULL;
	}
	nested_faults_withdraw(d);
	iommu_obj_destroy(&d->s1);
	iommu_obj_destroy(&d->vdevice);
	for (struct nested_dev **at = &d->nested->devices; *at; at = &(*at)->next)
		if (*at == d) {
			*at = d->next;
			break;
		}
	d->nested->nr_devices--;
	free(d);
}

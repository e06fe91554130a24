/* SPDX-License-Identifier: Apache-2.0 */
#include "shadow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host_ioctl.h"
#include "host_priv.h"
#include "log.h"

struct shadow {
	struct iommufd *iommufd;
	struct iommu_obj *ram;	   /* not owned */
	struct iommu_obj *blocked; /* IOAS that stays empty */
	/* Keeps guest RAM pinned while no device is in front of it: the kernel pins an IOAS as long as it has a HWPT,
	 * and copies would else pin and unpin page by page. */
	struct iommu_obj *keeper;
};

struct shadow_space {
	struct iommu_obj *ioas;
	struct iommu_obj *ram; /* where mappings are copied from; not owned */
};

int shadow_create(struct shadow **out, struct iommufd *iommufd, struct iommu_obj *ram)
{
	struct shadow *s = calloc(1, sizeof(*s));
	int err;

	*out = NULL;
	if (!s)
		return log_fail(-ENOMEM, "cannot create a guest IOMMU's host side: out of memory");
	s->iommufd = iommufd;
	s->ram = ram;
	err = ioas_create(iommufd, &s->blocked);
	if (err) {
		free(s);
		return err;
	}
	*out = s;
	return 0;
}

void shadow_destroy(struct shadow **shadow)
{
	struct shadow *s = *shadow;

	if (!s)
		return;
	*shadow = NULL;
	iommu_obj_destroy(&s->keeper);
	iommu_obj_destroy(&s->blocked);
	free(s);
}

static int pin_ram(struct shadow *s, struct host_dev *dev)
{
	struct iommu_obj *obj;
	uint32_t id;
	int err;

	if (s->keeper)
		return 0;
	obj = iommu_obj_prepare(s->iommufd, IOMMU_HWPT, s->ram);
	if (!obj)
		return -ENOMEM;
	err = ioc_hwpt_alloc(s->iommufd->fd, dev->devid, s->ram->id, 0, &id);
	if (err) {
		free(obj);
		if (err == -ENOMEM)
			return host_memlock_fail(s->iommufd);
		if (err == -EADDRINUSE)
			return host_reserved_fail(dev->bdf);
		return log_fail(err, "cannot pin guest RAM for %s: %s", dev->bdf, strerror(-err));
	}
	iommu_obj_publish(obj, id);
	s->keeper = obj;
	return 0;
}

/* The blocked IOAS has the device's limits only while the device is in it. */
static int read_limits(struct shadow *s, struct shadow_limits *limits)
{
	int n = ioas_limits(s->blocked, limits->usable, SHADOW_MAX_USABLE, &limits->granule);

	if (n < 0)
		return n;
	if (n == 0 || n > (int)SHADOW_MAX_USABLE)
		return log_fail(-ENOSPC,
				"cannot put a device behind this guest IOMMU: the host leaves it %d ranges of I/O "
				"addresses, aerie deals with 1 to %u",
				n, SHADOW_MAX_USABLE);
	limits->nr_usable = (unsigned)n;
	return 0;
}

int shadow_add(struct shadow *shadow, struct host_dev *dev, struct shadow_limits *limits)
{
	struct iommu_obj *before = dev->attached;
	int err = host_dev_attach(dev, shadow->blocked);

	if (err)
		return err;
	err = read_limits(shadow, limits);
	if (!err)
		err = pin_ram(shadow, dev);
	if (err && before)
		host_dev_attach(dev, before);
	else if (err)
		host_dev_detach(dev);
	return err;
}

/* Not attached any more as far as we are concerned; the kernel detaches when the device's descriptor goes. */
static void disown(struct host_dev *dev)
{
	if (!dev->attached)
		return;
	dev->attached->stuck = true;
	dev->attached->users--;
	dev->attached = NULL;
}

static void leave(struct host_dev *dev, struct shadow_space *space)
{
	if (!dev->attached)
		return;
	if (space && dev->attached == space->ioas) {
		int err = ioc_ioas_unmap(space->ioas->iommufd->fd, space->ioas->id, 0, UINT64_MAX);

		if (err && err != -ENOENT)
			log_error("cannot unmap what %s reaches either: %s", dev->bdf, strerror(-err));
	}
	disown(dev);
}

void shadow_remove(struct shadow *shadow, struct host_dev *dev, struct shadow_space *space)
{
	host_dev_detach(dev);
	leave(dev, space);
}

void shadow_force_block(struct shadow *shadow, struct host_dev *dev, struct shadow_space *space)
{
	if (shadow_block(shadow, dev))
		leave(dev, space);
}

int shadow_space_create(struct shadow *shadow, struct shadow_space **out)
{
	struct shadow_space *space = calloc(1, sizeof(*space));
	int err;

	*out = NULL;
	if (!space)
		return log_fail(-ENOMEM, "cannot create a domain of a guest IOMMU: out of memory");
	err = ioas_create(shadow->iommufd, &space->ioas);
	if (err) {
		free(space);
		return err;
	}
	space->ram = shadow->ram;
	*out = space;
	return 0;
}

void shadow_space_destroy(struct shadow_space **space)
{
	struct shadow_space *s = *space;

	if (!s)
		return;
	*space = NULL;
	iommu_obj_destroy(&s->ioas);
	free(s);
}

int shadow_map(struct shadow_space *space, struct range iova, gpa_t pa, bool read, bool write)
{
	int err = ioc_ioas_copy(space->ioas->iommufd->fd, space->ram->id, pa.v, space->ioas->id, iova.first,
				range_len(iova), read, write);

	if (err && err != -ENOENT)
		log_error("cannot map 0x%" PRIx64 "-0x%" PRIx64 " for the devices of a guest IOMMU's domain: %s",
			  iova.first, iova.last, strerror(-err));
	return err;
}

int shadow_unmap(struct shadow_space *space, struct range iova)
{
	int err = ioc_ioas_unmap(space->ioas->iommufd->fd, space->ioas->id, iova.first, range_len(iova));

	if (err)
		log_error("cannot unmap 0x%" PRIx64 "-0x%" PRIx64 " from the devices of a guest IOMMU's domain: %s",
			  iova.first, iova.last, strerror(-err));
	return err;
}

int shadow_attach(struct shadow_space *space, struct host_dev *dev)
{
	return host_dev_attach(dev, space->ioas);
}

int shadow_bypass(struct shadow *shadow, struct host_dev *dev)
{
	return host_dev_attach(dev, shadow->ram);
}

int shadow_block(struct shadow *shadow, struct host_dev *dev)
{
	int err = host_dev_attach(dev, shadow->blocked);

	if (!err)
		return 0;
	host_dev_detach(dev);
	if (dev->attached)
		return err;
	log_warn("%s is detached from its IOMMU instead: its DMA is blocked, and its interrupts are lost, until the "
		 "guest attaches it again",
		 dev->bdf);
	return 0;
}

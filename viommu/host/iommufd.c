/* SPDX-License-Identifier: Apache-2.0 */
#include "iommufd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bits.h"
#include "fd.h"
#include "host_ioctl.h"
#include "host_priv.h"
#include "log.h"
#include "sys.h"

static const char *const type_names[] = {
	[IOMMU_IOAS] = "IOAS",	     [IOMMU_HWPT] = "HWPT",	  [IOMMU_VIOMMU] = "vIOMMU",
	[IOMMU_VDEVICE] = "vDEVICE", [IOMMU_VEVENTQ] = "vEVENTQ", [IOMMU_FAULT] = "fault queue",
};

static int open_fail(int err)
{
	switch (err) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return log_fail(-err, "cannot open /dev/iommu: this host's kernel has no iommufd; use a kernel with "
				      "CONFIG_IOMMUFD, or load the module with `modprobe iommufd`");
	case EACCES:
	case EPERM:
		return log_fail(-err,
				"cannot open /dev/iommu: permission denied; run as root or give your user access to "
				"it, for example with a udev rule");
	default:
		return log_fail(-err, "cannot open /dev/iommu: %s", strerror(err));
	}
}

int iommufd_open(struct iommufd *iommufd, int fd)
{
	*iommufd = (struct iommufd){.fd = -1, .kvm_vfio = -1};
	if (fd < 0)
		fd = sys_open("/dev/iommu", O_RDWR);
	if (fd < 0)
		return open_fail(errno);
	iommufd->fd = fd;
	return 0;
}

void iommufd_close(struct iommufd *iommufd)
{
	if (iommufd->objects)
		log_error("internal error: iommufd closed with %u objects alive; the kernel frees them",
			  iommufd->objects);
	fd_close(&iommufd->fd);
}

struct iommu_obj *iommu_obj_prepare(struct iommufd *iommufd, enum iommu_obj_type type, struct iommu_obj *parent)
{
	struct iommu_obj *obj = malloc(sizeof(*obj));

	if (!obj) {
		log_fail(-ENOMEM, "cannot create an iommufd %s: out of memory", type_names[type]);
		return NULL;
	}
	*obj = (struct iommu_obj){.type = type, .iommufd = iommufd, .parent = parent};
	return obj;
}

void iommu_obj_publish(struct iommu_obj *obj, uint32_t id)
{
	obj->id = id;
	obj->iommufd->objects++;
	if (obj->parent)
		obj->parent->users++;
}

void iommu_obj_destroy(struct iommu_obj **obj)
{
	struct iommu_obj *o = *obj;
	int err;

	if (!o)
		return;
	*obj = NULL;
	if (o->users) {
		log_error("internal error: iommufd %s %u still has %u users and stays", type_names[o->type], o->id,
			  o->users);
		return;
	}
	err = ioc_destroy(o->iommufd->fd, o->id);
	if (err && !o->stuck)
		log_error("cannot destroy iommufd %s %u: %s; it stays until aerie ends", type_names[o->type], o->id,
			  strerror(-err));
	if (o->parent)
		o->parent->stuck |= err != 0;
	o->iommufd->objects--;
	if (o->parent)
		o->parent->users--;
	free(o);
}

int host_memlock_fail(const struct iommufd *iommufd)
{
	struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
	uint64_t need = iommufd->mapped >> 20;

	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= iommufd->mapped)
		return log_fail(-ENOMEM,
				"cannot map guest RAM for DMA: %" PRIu64 " MiB need to be locked and the host is out "
				"of memory, or other processes of this user use up the limit (`ulimit -l`)",
				need);
	return log_fail(-ENOMEM,
			"cannot map guest RAM for DMA: %" PRIu64 " MiB needs to be locked, the limit is %" PRIu64
			" MiB; raise it with `ulimit -l` or run with CAP_IPC_LOCK",
			need, (uint64_t)limit.rlim_cur >> 20);
}

int ioas_create(struct iommufd *iommufd, struct iommu_obj **ioas)
{
	struct iommu_obj *obj = iommu_obj_prepare(iommufd, IOMMU_IOAS, NULL);
	uint32_t id;
	int err;

	*ioas = NULL;
	if (!obj)
		return -ENOMEM;
	err = ioc_ioas_alloc(iommufd->fd, &id);
	if (err) {
		free(obj);
		return log_fail(err, "cannot create an I/O address space: %s", strerror(-err));
	}
	iommu_obj_publish(obj, id);
	*ioas = obj;
	return 0;
}

#define SHOWN_RANGES 8u

static int map_fail(struct iommu_obj *ioas, struct range want, int err)
{
	struct range ranges[SHOWN_RANGES];
	char text[SHOWN_RANGES * 40 + 8] = "";
	size_t used = 0;
	int n;

	if (err == -EEXIST)
		return log_fail(err,
				"cannot map guest RAM for DMA at 0x%" PRIx64 "-0x%" PRIx64 ": it overlaps a mapping "
				"that is there already",
				want.first, want.last);
	if (err != -EINVAL)
		return log_fail(err, "cannot map guest RAM for DMA at 0x%" PRIx64 "-0x%" PRIx64 ": %s", want.first,
				want.last, strerror(-err));
	n = ioas_iova_ranges(ioas, ranges, SHOWN_RANGES);
	for (int i = 0; i < n && i < (int)SHOWN_RANGES; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " 0x%" PRIx64 "-0x%" PRIx64, ranges[i].first,
					 ranges[i].last);
	return log_fail(err,
			"cannot map guest RAM for DMA at 0x%" PRIx64 "-0x%" PRIx64
			": the host's IOMMU reserves part of "
			"it or does not reach it; usable are%s%s; change the VM's memory size",
			want.first, want.last, used ? text : " none", n > (int)SHOWN_RANGES ? " ..." : "");
}

int ioas_map_file(struct iommu_obj *ioas, iova_t at, int memfd, uint64_t offset, uint64_t len)
{
	struct iommufd *iommufd = ioas->iommufd;
	struct range want;
	int err;

	if (!range_make(&want, at.v, len))
		return log_fail(-EINVAL,
				"cannot map guest RAM for DMA: 0x%" PRIx64 " bytes at 0x%" PRIx64 " are no range", len,
				at.v);
	iommufd->mapped += len;
	err = ioc_ioas_map_file(iommufd->fd, ioas->id, at.v, memfd, offset, len, iommufd->running);
	if (!err)
		return 0;
	err = err == -ENOMEM ? host_memlock_fail(iommufd) : map_fail(ioas, want, err);
	iommufd->mapped -= len;
	return err;
}

int ioas_unmap(struct iommu_obj *ioas, iova_t at, uint64_t len)
{
	int err = ioc_ioas_unmap(ioas->iommufd->fd, ioas->id, at.v, len);

	if (err)
		return log_fail(err, "cannot unmap 0x%" PRIx64 " bytes at 0x%" PRIx64 " from an I/O address space: %s",
				len, at.v, strerror(-err));
	ioas->iommufd->mapped -= len;
	return 0;
}

int ioas_limits(struct iommu_obj *ioas, struct range *ranges, unsigned max, uint64_t *granule)
{
	struct iommu_iova_range *raw = calloc(max ? max : 1, sizeof(*raw));
	uint32_t n = max;
	int err;

	if (!raw)
		return log_fail(-ENOMEM, "cannot ask for the usable I/O addresses: out of memory");
	err = ioc_ioas_iova_ranges(ioas->iommufd->fd, ioas->id, raw, &n, granule);
	if (err && err != -EMSGSIZE) {
		free(raw);
		return log_fail(err, "cannot ask for the usable I/O addresses: %s", strerror(-err));
	}
	for (uint32_t i = 0; i < n && i < max; i++)
		ranges[i] = (struct range){.first = raw[i].start, .last = raw[i].last};
	free(raw);
	return (int)n;
}

int ioas_iova_ranges(struct iommu_obj *ioas, struct range *ranges, unsigned max)
{
	uint64_t granule;

	return ioas_limits(ioas, ranges, max, &granule);
}

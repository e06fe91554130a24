/* SPDX-License-Identifier: Apache-2.0 */
#include "assign_vfio.h"

#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "bits.h"
#include "stats.h"
#include "sys.h"

/* Enough for struct vfio_region_info with its capabilities; a kernel that wants more gets no mapping. */
#define REGION_INFO_MAX 4096u
#define MAX_CAPS	16u

static int call(int fd, unsigned long request, void *arg)
{
	int ret = sys_ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

int vfio_get_info(int fd, bool *reset)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	int err = call(fd, VFIO_DEVICE_GET_INFO, &info);

	if (err < 0)
		return err;
	if (!(info.flags & VFIO_DEVICE_FLAGS_PCI))
		return -ENODEV;
	*reset = info.flags & VFIO_DEVICE_FLAGS_RESET;
	return 0;
}

static void add_area(struct vfio_region *region, uint64_t offset, uint64_t size)
{
	struct range area;

	if (region->nr_areas < VFIO_MAX_AREAS && range_make(&area, offset, size) && area.last < region->size)
		region->areas[region->nr_areas++] = area;
}

/* Capabilities of a region; true when it lists the mappable areas itself. */
static bool sparse_areas(const uint8_t *buf, uint32_t len, uint32_t at, struct vfio_region *region)
{
	for (unsigned i = 0; i < MAX_CAPS && at; i++) {
		struct vfio_region_info_cap_sparse_mmap cap;
		struct vfio_info_cap_header header;

		if (at > len - sizeof(header))
			return false;
		memcpy(&header, buf + at, sizeof(header));
		if (header.id != VFIO_REGION_INFO_CAP_SPARSE_MMAP) {
			at = header.next;
			continue;
		}
		if (at > len - sizeof(cap))
			return true;
		memcpy(&cap, buf + at, sizeof(cap));
		at += (uint32_t)sizeof(cap);
		for (uint32_t n = 0; n < cap.nr_areas; n++) {
			struct vfio_region_sparse_mmap_area area;

			if (at > len - sizeof(area))
				break;
			memcpy(&area, buf + at, sizeof(area));
			at += (uint32_t)sizeof(area);
			add_area(region, area.offset, area.size);
		}
		return true;
	}
	return false;
}

int vfio_get_region(int fd, uint32_t index, struct vfio_region *region)
{
	_Alignas(8) uint8_t buf[REGION_INFO_MAX] = {0};
	struct vfio_region_info *info = (void *)buf;
	int err;

	*region = (struct vfio_region){0};
	info->argsz = sizeof(buf);
	info->index = index;
	err = call(fd, VFIO_DEVICE_GET_REGION_INFO, info);
	if (err < 0)
		return err;
	if (info->size == 0)
		return 0;
	if (info->offset > INT64_MAX || info->size > (uint64_t)INT64_MAX - info->offset)
		return -EOVERFLOW;
	region->size = info->size;
	region->offset = info->offset;
	region->readable = info->flags & VFIO_REGION_INFO_FLAG_READ;
	region->writable = info->flags & VFIO_REGION_INFO_FLAG_WRITE;
	if (!(info->flags & VFIO_REGION_INFO_FLAG_MMAP) || !region->readable || !region->writable)
		return 0;
	if (!(info->flags & VFIO_REGION_INFO_FLAG_CAPS) || !sparse_areas(buf, sizeof(buf), info->cap_offset, region))
		add_area(region, 0, region->size);
	return 0;
}

int vfio_get_irqs(int fd, uint32_t index, struct vfio_irqs *irqs)
{
	struct vfio_irq_info info = {.argsz = sizeof(info), .index = index};
	int err = call(fd, VFIO_DEVICE_GET_IRQ_INFO, &info);

	*irqs = (struct vfio_irqs){0};
	if (err < 0)
		return err;
	irqs->count = info.count;
	irqs->eventfd = info.flags & VFIO_IRQ_INFO_EVENTFD;
	irqs->noresize = info.flags & VFIO_IRQ_INFO_NORESIZE;
	return 0;
}

static int set_irqs(int fd, struct vfio_irq_set *set)
{
	int ret;

	stats_inc(&stats.vfio_set_irqs);
	ret = call(fd, VFIO_DEVICE_SET_IRQS, set);
	/* A positive answer is the number of vectors that there are: fewer than asked for, and none was set up. */
	return ret > 0 ? -ENOSPC : ret;
}

int vfio_set_trigger(int fd, uint32_t index, uint32_t start, const int32_t *eventfds, uint32_t n)
{
	size_t len = sizeof(struct vfio_irq_set) + n * sizeof(int32_t);
	struct vfio_irq_set *set = calloc(1, len);
	int err;

	if (!set)
		return -ENOMEM;
	set->argsz = (uint32_t)len;
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = index;
	set->start = start;
	set->count = n;
	memcpy(set->data, eventfds, n * sizeof(int32_t));
	err = set_irqs(fd, set);
	free(set);
	return err;
}

int vfio_disable_irqs(int fd, uint32_t index)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = index,
	};

	return set_irqs(fd, &set);
}

int vfio_set_unmask(int fd, int eventfd)
{
	_Alignas(struct vfio_irq_set) uint8_t buf[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
	struct vfio_irq_set *set = (void *)buf;
	int32_t value = eventfd;

	*set = (struct vfio_irq_set){
		.argsz = sizeof(buf),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK,
		.index = VFIO_PCI_INTX_IRQ_INDEX,
		.count = 1,
	};
	memcpy(set->data, &value, sizeof(value));
	return set_irqs(fd, set);
}

int vfio_reset(int fd)
{
	int ret = call(fd, VFIO_DEVICE_RESET, NULL);

	return ret < 0 ? ret : 0;
}

int vfio_read(int fd, uint64_t at, uint8_t size, uint64_t *value)
{
	uint64_t raw = 0;
	ssize_t n = sys_pread(fd, &raw, size, (off_t)at);

	if (n < 0)
		return -errno;
	if (n != size)
		return -EIO;
	*value = le64toh(raw);
	return 0;
}

int vfio_write(int fd, uint64_t at, uint8_t size, uint64_t value)
{
	uint64_t raw = htole64(value);
	ssize_t n = sys_pwrite(fd, &raw, size, (off_t)at);

	if (n < 0)
		return -errno;
	return n == size ? 0 : -EIO;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_iommu.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/iommufd.h>

#include "fake.h"
#include "fake_iommu_priv.h"

#define MAX_OBJS FAKE_MAX_OBJS
#define MAX_MAPS 4096u
#define PAGE	 4096u

#define STE_V	     UINT64_C(1)
#define STE_CFG(ste) ((ste) >> 1 & 7)
#define STE0_ALLOWED UINT64_C(0xf80fffffffffffff)			      /* V, Cfg, S1Fmt, S1ContextPtr, S1CDMax */
#define STE1_ALLOWED (UINT64_C(0xff) | UINT64_C(1) << 27 | UINT64_C(3) << 28) /* S1DSS..S1CSH, S1STALLD, EATS */

struct map {
	uint32_t ioas;
	uint64_t iova, len; /* len 0: free */
	uint64_t pa;	    /* what RAM it leads to, named by its place in the IOAS that first mapped it */
	uint32_t prot;	    /* IOMMU_IOAS_MAP_READABLE, WRITEABLE */
};

struct fake_iommu_knobs fake_iommu;
struct fake_iommu_seen fake_iommu_seen;

static struct fake_obj objs[MAX_OBJS];
static struct map maps[MAX_MAPS];
static unsigned top; /* maps[] from here on are free */
static int open_fd = -1;

struct fake_obj *fake_iommu_obj(uint32_t id)
{
	return id > 0 && id < MAX_OBJS && objs[id].type != FAKE_FREE ? &objs[id] : NULL;
}

struct fake_obj *fake_iommu_get(uint32_t id, enum fake_obj_type type)
{
	struct fake_obj *obj = fake_iommu_obj(id);

	return obj && obj->type == type ? obj : NULL;
}

struct fake_obj *fake_iommu_make(enum fake_obj_type type, struct fake_obj *parent, const char *smmu)
{
	for (uint32_t id = 1; id < MAX_OBJS; id++) {
		if (objs[id].type != FAKE_FREE)
			continue;
		objs[id] = (struct fake_obj){.type = type, .id = id, .parent = parent, .pipe_wr = -1};
		if (smmu)
			snprintf(objs[id].smmu, sizeof(objs[id].smmu), "%s", smmu);
		if (parent)
			parent->users++;
		fake_iommu_seen.objects += type != FAKE_DEVICE;
		if (type == FAKE_HWPT_NESTED && ++fake_iommu_seen.nested > fake_iommu_seen.nested_peak)
			fake_iommu_seen.nested_peak = fake_iommu_seen.nested;
		return &objs[id];
	}
	fprintf(stderr, "fake iommufd: too many objects\n");
	abort();
}

static void unmake(struct fake_obj *obj)
{
	if (obj->parent)
		obj->parent->users--;
	if (obj->fault)
		obj->fault->users--;
	fake_iommu_seen.objects -= obj->type != FAKE_DEVICE;
	fake_iommu_seen.nested -= obj->type == FAKE_HWPT_NESTED;
	obj->type = FAKE_FREE;
}

static int destroy(struct iommu_destroy *arg)
{
	struct fake_obj *obj = fake_iommu_obj(arg->id);

	if (!obj)
		return -ENOENT;
	if (obj->users || obj->type == FAKE_DEVICE)
		return -EBUSY;
	for (unsigned i = 0; obj->type == FAKE_IOAS && i < top; i++)
		if (maps[i].len && maps[i].ioas == obj->id) {
			maps[i].len = 0;
			fake_iommu_seen.maps--;
		}
	unmake(obj);
	return 0;
}

/* IOAS */

#define PROT (IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)

static bool overlaps(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{
	return a <= b + (blen - 1) && b <= a + (alen - 1);
}

static bool reserved(uint64_t iova, uint64_t len)
{
	return overlaps(iova, len, fake_iommu.resv_first, fake_iommu.resv_last - fake_iommu.resv_first + 1);
}

/* A free record for [@iova, @iova + @len) of @ioas that nothing overlaps, and the bytes mapped with it. */
static int find_room(const struct fake_obj *ioas, uint64_t iova, uint64_t len, struct map **slot, uint64_t *total)
{
	*slot = NULL;
	*total = len;
	if (ioas->users && reserved(iova, len))
		return -EINVAL;
	for (unsigned i = 0; i < top; i++) {
		if (!maps[i].len) {
			*slot = &maps[i];
			continue;
		}
		if (maps[i].ioas == ioas->id && overlaps(maps[i].iova, maps[i].len, iova, len))
			return -EEXIST;
		*total += maps[i].len;
	}
	if (!*slot && top < MAX_MAPS)
		*slot = &maps[top++];
	return *slot ? 0 : -ENOMEM;
}

static bool aligned(uint64_t a, uint64_t b, uint64_t len)
{
	return len && !((a | b | len) % fake_iommu.align) && a + (len - 1) >= a && b + (len - 1) >= b;
}

static int map_file(struct iommu_ioas_map_file *arg)
{
	struct fake_obj *ioas = fake_iommu_get(arg->ioas_id, FAKE_IOAS);
	struct map *slot;
	uint64_t total;
	int err;

	if (!ioas)
		return -ENOENT;
	if (!(arg->flags & IOMMU_IOAS_MAP_FIXED_IOVA) || !aligned(arg->iova, arg->start, arg->length) ||
	    !(arg->flags & PROT))
		return -EINVAL;
	if (fcntl(arg->fd, F_GETFD) < 0)
		return -EBADF;
	err = find_room(ioas, arg->iova, arg->length, &slot, &total);
	if (err)
		return err;
	if (total > fake_iommu.memlock)
		return -ENOMEM;
	*slot = (struct map){
		.ioas = ioas->id,
		.iova = arg->iova,
		.len = arg->length,
		.pa = arg->iova,
		.prot = arg->flags & PROT,
	};
	fake_iommu_seen.maps++;
	return 0;
}

static const struct map *map_at(uint32_t ioas, uint64_t iova)
{
	for (unsigned i = 0; i < top; i++)
		if (maps[i].len && maps[i].ioas == ioas && maps[i].iova <= iova &&
		    iova - maps[i].iova <= maps[i].len - 1)
			return &maps[i];
	return NULL;
}

/* iopt_get_pages(): any part of any number of mappings, but no hole. Pages are pinned already. */
static int copy(struct iommu_ioas_copy *arg)
{
	struct fake_obj *src = fake_iommu_get(arg->src_ioas_id, FAKE_IOAS),
			*dst = fake_iommu_get(arg->dst_ioas_id, FAKE_IOAS);
	const struct map *from;
	struct map *slot;
	uint64_t total;
	int err;

	fake_iommu_seen.copies++;
	if (!src || !dst)
		return -ENOENT;
	if (!(arg->flags & IOMMU_IOAS_MAP_FIXED_IOVA) || !(arg->flags & PROT) || !arg->length ||
	    !aligned(arg->dst_iova, arg->src_iova, arg->length))
		return -EINVAL;
	for (uint64_t done = 0; done < arg->length; done = from->iova + from->len - arg->src_iova) {
		from = map_at(src->id, arg->src_iova + done);
		if (!from)
			return -ENOENT;
	}
	err = find_room(dst, arg->dst_iova, arg->length, &slot, &total);
	if (err)
		return err;
	from = map_at(src->id, arg->src_iova);
	*slot = (struct map){
		.ioas = dst->id,
		.iova = arg->dst_iova,
		.len = arg->length,
		.pa = from->pa + (arg->src_iova - from->iova),
		.prot = arg->flags & PROT,
	};
	fake_iommu_seen.maps++;
	return 0;
}

bool fake_iommu_translate(const struct fake_obj *pt, uint64_t iova, bool write, uint64_t *pa)
{
	const struct map *m;

	while (pt && pt->type != FAKE_IOAS)
		pt = pt->parent;
	m = pt ? map_at(pt->id, iova) : NULL;
	if (!m || !(m->prot & (write ? IOMMU_IOAS_MAP_WRITEABLE : IOMMU_IOAS_MAP_READABLE)))
		return false;
	*pa = m->pa + (iova - m->iova);
	return true;
}

/* Whole areas only: a range that cuts one, or holds none, is refused. */
static int unmap(struct iommu_ioas_unmap *arg)
{
	unsigned found = 0;
	uint64_t last = arg->iova + (arg->length - 1);

	fake_iommu_seen.unmaps++;
	if (!fake_iommu_get(arg->ioas_id, FAKE_IOAS) || !arg->length || last < arg->iova)
		return -ENOENT;
	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < top; i++) {
			struct map *m = &maps[i];

			if (!m->len || m->ioas != arg->ioas_id || !overlaps(m->iova, m->len, arg->iova, arg->length))
				continue;
			if (m->iova < arg->iova || m->iova + (m->len - 1) > last)
				return -ENOENT;
			found++;
			if (pass == 1) {
				m->len = 0;
				fake_iommu_seen.maps--;
			}
		}
	return found ? 0 : -ENOENT;
}

static int iova_ranges(struct iommu_ioas_iova_ranges *arg)
{
	struct fake_obj *ioas = fake_iommu_get(arg->ioas_id, FAKE_IOAS);
	struct iommu_iova_range all[2] = {{0, fake_iommu.resv_first - 1},
					  {fake_iommu.resv_last + 1, fake_iommu.aperture_last}};
	uint32_t room = arg->num_iovas, n = 2;

	if (!ioas)
		return -ENOENT;
	if (!ioas->users) {
		n = 1;
		all[0] = (struct iommu_iova_range){0, UINT64_MAX};
	}
	arg->num_iovas = n;
	arg->out_iova_alignment = ioas->users ? fake_iommu.align : 1;
	memcpy((void *)(uintptr_t)arg->allowed_iovas, all, (room < n ? room : n) * sizeof(all[0]));
	return room < n ? -EMSGSIZE : 0;
}

/* HWPT, vIOMMU and what hangs on it */

static int hw_info(struct iommu_hw_info *arg)
{
	struct iommu_hw_info_arm_smmuv3 smmu = {0};
	uint8_t *out = (void *)(uintptr_t)arg->data_uptr;

	if (!fake_iommu_get(arg->dev_id, FAKE_DEVICE))
		return -ENOENT;
	memcpy(smmu.idr, fake_iommu.idr, sizeof(smmu.idr));
	memset(out, 0, arg->data_len);
	if (fake_iommu.hw_type == IOMMU_HW_INFO_TYPE_ARM_SMMUV3)
		memcpy(out, &smmu, arg->data_len < sizeof(smmu) ? arg->data_len : sizeof(smmu));
	arg->data_len = sizeof(smmu);
	arg->out_data_type = fake_iommu.hw_type;
	arg->out_capabilities = fake_iommu.capabilities;
	arg->out_max_pasid_log2 = fake_iommu.max_pasid_log2;
	return 0;
}

/* arm_smmu_validate_vste() */
static int validate_ste(const uint64_t ste[2])
{
	uint64_t cfg = STE_CFG(ste[0]);

	if ((ste[0] & ~STE0_ALLOWED) || (ste[1] & ~STE1_ALLOWED))
		return -EIO;
	if (ste[0] & STE_V && cfg != 0 && cfg != 4 && cfg != 5)
		return -EIO;
	return (ste[1] >> 28 & 3) > 1 ? -EIO : 0;
}

static int hwpt_alloc(struct iommu_hwpt_alloc *arg)
{
	struct fake_obj *dev = fake_iommu_get(arg->dev_id, FAKE_DEVICE), *parent = fake_iommu_obj(arg->pt_id), *obj;
	struct fake_obj *fault = fake_iommu_get(arg->fault_id, FAKE_FAULT);
	struct iommu_hwpt_arm_smmuv3 ste;
	uint64_t words[2];

	if (!dev || !parent)
		return -ENOENT;
	if (parent->type == FAKE_IOAS) {
		if (arg->data_type != IOMMU_HWPT_DATA_NONE || (arg->flags & ~(uint32_t)IOMMU_HWPT_ALLOC_NEST_PARENT) ||
		    (arg->flags && fake_iommu.no_nest_parent))
			return -EOPNOTSUPP;
		obj = fake_iommu_make(FAKE_HWPT_PAGING, parent, dev->smmu);
		obj->nest_parent = arg->flags & IOMMU_HWPT_ALLOC_NEST_PARENT;
		arg->out_hwpt_id = obj->id;
		return 0;
	}
	if (parent->type != FAKE_VIOMMU || arg->data_type != IOMMU_HWPT_DATA_ARM_SMMUV3 ||
	    arg->flags & ~(uint32_t)IOMMU_HWPT_FAULT_ID_VALID || arg->data_len != sizeof(ste))
		return -EINVAL;
	if (arg->flags && !fault)
		return -ENOENT;
	memcpy(&ste, (void *)(uintptr_t)arg->data_uptr, sizeof(ste));
	words[0] = le64toh(ste.ste[0]);
	words[1] = le64toh(ste.ste[1]);
	if (validate_ste(words))
		return -EIO;
	obj = fake_iommu_make(FAKE_HWPT_NESTED, parent, parent->smmu);
	memcpy(obj->ste, words, sizeof(words));
	obj->fault = arg->flags ? fault : NULL;
	if (obj->fault)
		fault->users++;
	arg->out_hwpt_id = obj->id;
	return 0;
}

static int viommu_alloc(struct iommu_viommu_alloc *arg)
{
	struct fake_obj *dev = fake_iommu_get(arg->dev_id, FAKE_DEVICE),
			*s2 = fake_iommu_get(arg->hwpt_id, FAKE_HWPT_PAGING);

	if (arg->type != IOMMU_VIOMMU_TYPE_ARM_SMMUV3 || fake_iommu.no_viommu)
		return -EOPNOTSUPP;
	if (!dev || !s2)
		return -ENOENT;
	if (!s2->nest_parent || strcmp(s2->smmu, dev->smmu))
		return -EINVAL;
	arg->out_viommu_id = fake_iommu_make(FAKE_VIOMMU, s2, dev->smmu)->id;
	return 0;
}

static int vdevice_alloc(struct iommu_vdevice_alloc *arg)
{
	struct fake_obj *dev = fake_iommu_get(arg->dev_id, FAKE_DEVICE),
			*viommu = fake_iommu_get(arg->viommu_id, FAKE_VIOMMU), *obj;

	if (!dev || !viommu)
		return -ENOENT;
	if (strcmp(dev->smmu, viommu->smmu) || arg->virt_id > UINT32_MAX)
		return -EINVAL;
	for (uint32_t i = 1; i < MAX_OBJS; i++)
		if (objs[i].type == FAKE_VDEVICE &&
		    (objs[i].dev == dev || (objs[i].parent == viommu && objs[i].virt_id == arg->virt_id)))
			return -EEXIST;
	obj = fake_iommu_make(FAKE_VDEVICE, viommu, dev->smmu);
	obj->dev = dev;
	obj->virt_id = arg->virt_id;
	arg->out_vdevice_id = obj->id;
	return 0;
}

/* arm_vsmmu_convert_user_cmd() */
static bool accepted(uint64_t dw0)
{
	static const uint8_t opcodes[] = {0x30, 0x10, 0x11, 0x12, 0x13, 0x40, 0x05, 0x06};

	return memchr(opcodes, (int)(dw0 & 0xff), sizeof(opcodes)) != NULL;
}

static int invalidate(struct iommu_hwpt_invalidate *arg)
{
	uint32_t n = arg->entry_num;

	fake_iommu_seen.invalidates++;
	arg->entry_num = 0;
	if (!fake_iommu_get(arg->hwpt_id, FAKE_VIOMMU))
		return -ENOENT;
	if (arg->data_type != IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3 || arg->entry_len != 16)
		return -EINVAL;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t cmd[2];

		memcpy(cmd, (const uint8_t *)(uintptr_t)arg->data_uptr + i * 16, 16);
		if (i == fake_iommu.invalidate_fail_at || !accepted(le64toh(cmd[0])))
			return -EIO;
		if (fake_iommu_seen.nr_cmds < FAKE_MAX_CMDS)
			memcpy(fake_iommu_seen.cmds[fake_iommu_seen.nr_cmds++], cmd, 16);
		arg->entry_num = i + 1;
	}
	return 0;
}

#define CALLS(X)                                                                                                       \
	X(IOMMU_DESTROY, iommu_destroy, destroy)                                                                       \
	X(IOMMU_IOAS_MAP_FILE, iommu_ioas_map_file, map_file)                                                          \
	X(IOMMU_IOAS_COPY, iommu_ioas_copy, copy)                                                                      \
	X(IOMMU_IOAS_UNMAP, iommu_ioas_unmap, unmap)                                                                   \
	X(IOMMU_IOAS_IOVA_RANGES, iommu_ioas_iova_ranges, iova_ranges)                                                 \
	X(IOMMU_GET_HW_INFO, iommu_hw_info, hw_info)                                                                   \
	X(IOMMU_HWPT_ALLOC, iommu_hwpt_alloc, hwpt_alloc)                                                              \
	X(IOMMU_VIOMMU_ALLOC, iommu_viommu_alloc, viommu_alloc)                                                        \
	X(IOMMU_VDEVICE_ALLOC, iommu_vdevice_alloc, vdevice_alloc)                                                     \
	X(IOMMU_VEVENTQ_ALLOC, iommu_veventq_alloc, fake_veventq_alloc)                                                \
	X(IOMMU_FAULT_QUEUE_ALLOC, iommu_fault_alloc, fake_fault_alloc)                                                \
	X(IOMMU_HWPT_INVALIDATE, iommu_hwpt_invalidate, invalidate)

static int ioas_alloc(struct iommu_ioas_alloc *arg)
{
	arg->out_ioas_id = fake_iommu_make(FAKE_IOAS, NULL, NULL)->id;
	return 0;
}

static int iommu_ioctl(struct fake_file *file, unsigned long request, void *arg)
{
#define X(cmd, type, function)                                                                                         \
	if ((uint32_t)request == (uint32_t)(cmd))                                                                      \
		return ((struct type *)arg)->size == sizeof(struct type) ? function(arg) : -EINVAL;
	CALLS(X)
	X(IOMMU_IOAS_ALLOC, iommu_ioas_alloc, ioas_alloc)
#undef X
	return -ENOTTY;
}

static int iommu_open(struct fake_file *file, const char *path)
{
	if (fake_iommu.open_err)
		return -fake_iommu.open_err;
	open_fd = file->fd;
	return 0;
}

static void iommu_close(struct fake_file *file)
{
	if (file->fd == open_fd)
		open_fd = -1;
}

int fake_iommu_bind(int iommu_fd, const char *smmu, bool stalls, struct fake_obj **dev)
{
	if (iommu_fd != open_fd)
		return -EBADF;
	*dev = fake_iommu_make(FAKE_DEVICE, NULL, smmu);
	(*dev)->stalls = stalls;
	return 0;
}

void fake_iommu_unbind(struct fake_obj *dev)
{
	unmake(dev);
}

/* The vDEVICE of @dev below @viommu. */
static struct fake_obj *vdevice_of(const struct fake_obj *dev, const struct fake_obj *viommu)
{
	for (uint32_t i = 1; i < MAX_OBJS; i++)
		if (objs[i].type == FAKE_VDEVICE && objs[i].dev == dev && objs[i].parent == viommu)
			return &objs[i];
	return NULL;
}

/* iopt_table_enforce_dev_resv_regions() */
static bool ram_collides(const struct fake_obj *obj)
{
	while (obj && obj->type != FAKE_IOAS)
		obj = obj->parent;
	for (unsigned i = 0; obj && i < top; i++)
		if (maps[i].len && maps[i].ioas == obj->id && reserved(maps[i].iova, maps[i].len))
			return true;
	return false;
}

int fake_iommu_attach(struct fake_obj *dev, uint32_t pt, struct fake_obj **to, int64_t *vsid)
{
	struct fake_obj *obj = fake_iommu_obj(pt), *vdevice = NULL;

	if (!obj)
		return -ENOENT;
	if (obj->type != FAKE_IOAS && obj->type != FAKE_HWPT_PAGING && obj->type != FAKE_HWPT_NESTED)
		return -EINVAL;
	if (obj->type != FAKE_IOAS && strcmp(obj->smmu, dev->smmu))
		return -EINVAL;
	if (ram_collides(obj))
		return -EADDRINUSE;
	if (obj->type == FAKE_HWPT_NESTED) {
		vdevice = vdevice_of(dev, obj->parent);
		if (!vdevice && obj->ste[0] & STE_V && STE_CFG(obj->ste[0]) == 5)
			return -ENOENT; /* arm_smmu_attach_prepare_vmaster() */
	}
	if (obj->fault && fake_iommu.no_sva)
		return -EOPNOTSUPP; /* arm_smmu_enable_iopf() */
	*vsid = vdevice ? (int64_t)vdevice->virt_id : -1;
	obj->users++;
	*to = obj;
	if (fake_iommu_seen.nr_attached < FAKE_MAX_ATTACHED)
		fake_iommu_seen.attached[fake_iommu_seen.nr_attached++] = pt;
	return 0;
}

void fake_iommu_put(struct fake_obj *obj)
{
	obj->users--;
}

void fake_iommu_install(void)
{
	static const struct fake_type type = {
		.prefix = "/dev/iommu",
		.open = iommu_open,
		.ioctl = iommu_ioctl,
		.close = iommu_close,
	};

	for (uint32_t i = 0; i < MAX_OBJS; i++)
		if (objs[i].type == FAKE_VEVENTQ && objs[i].pipe_wr >= 0)
			close(objs[i].pipe_wr);
	fake_faults_reset();
	memset(objs, 0, sizeof(objs));
	memset(maps, 0, sizeof(maps));
	top = 0;
	memset(&fake_iommu_seen, 0, sizeof(fake_iommu_seen));
	open_fd = -1;
	fake_iommu = (struct fake_iommu_knobs){
		.hw_type = IOMMU_HW_INFO_TYPE_ARM_SMMUV3,
		.idr = {0x0d44101b | 3, 0x02730000, 0, 0x500, 0, 0x74},
		.capabilities = IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED,
		.memlock = UINT64_MAX,
		.resv_first = 0x8000000,
		.resv_last = 0x80fffff,
		.aperture_last = (UINT64_C(1) << 44) - 1,
		.align = PAGE,
		.invalidate_fail_at = UINT32_MAX,
	};
	fake_register(&type);
#define X(cmd, type, function) fake_name(cmd, #cmd);
	CALLS(X)
	X(IOMMU_IOAS_ALLOC, iommu_ioas_alloc, ioas_alloc)
#undef X
}

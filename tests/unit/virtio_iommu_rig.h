/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio-iommu with a guest driver, emulated endpoints that are bare DMA spaces, and assigned ones of the pretended
 * kernel. Requests return their status, or -1 when the device gave the buffers back unwritten.
 */
#ifndef AERIE_VIRTIO_IOMMU_RIG_H
#define AERIE_VIRTIO_IOMMU_RIG_H

#include <check.h>
#include <stdlib.h>

#define virtio_iommu_config virtio_iommu_config_space
#include <linux/virtio_iommu.h>
#undef virtio_iommu_config

#include "bits.h"
#include "capture.h"
#include "fake.h"
#include "fake_vfio.h"
#include "host_dev.h"
#include "iommufd.h"
#include "stats.h"
#include "virtio_driver.h"
#include "virtio_iommu.h"

#define EMU0	 0x108u
#define EMU1	 0x110u
#define HOST0	 0x200u
#define HOST1	 0x208u
#define NOBODY	 0x666u
#define R	 VIRTIO_IOMMU_MAP_F_READ
#define W	 VIRTIO_IOMMU_MAP_F_WRITE
#define MMIO	 VIRTIO_IOMMU_MAP_F_MMIO
#define BYPASS	 VIRTIO_IOMMU_ATTACH_F_BYPASS
#define OK	 VIRTIO_IOMMU_S_OK
#define MSI_PAGE UINT64_C(0x8000000)

#define RIG_HOSTS 2u

struct emu {
	uint16_t rid;
	struct viommu_endpoint ep;
	struct dma_space space;
	struct dma_user user;
	unsigned invalidated;
};

struct assigned_ep {
	uint16_t rid;
	struct viommu_endpoint ep;
	struct host_dev dev;
	struct fake_vfio_dev *fake;
};

static struct vd_world w;
static struct vd d;
static struct virtio_iommu *viommu;
static struct emu emu[2];
static struct assigned_ep host[RIG_HOSTS];
static struct iommufd iommufd;
static struct iommu_obj *ram;
static struct virtio_iommu_config rig_config;
static unsigned rig_leaked; /* objects that the pretended kernel refused to destroy */

static inline uint16_t rig_rid(void *owner)
{
	return *(uint16_t *)owner;
}

static inline void rig_invalidated(void *opaque)
{
	((struct emu *)opaque)->invalidated++;
}

static inline void rig_lock(void)
{
	bus_lock(&w.pci.vm.bus);
}

static inline void rig_unlock(void)
{
	bus_unlock(&w.pci.vm.bus);
}

static inline void rig_add_emulated(void)
{
	static const uint16_t rids[] = {EMU0, EMU1};

	for (unsigned i = 0; i < 2; i++) {
		struct emu *e = &emu[i];

		*e = (struct emu){.rid = rids[i], .ep = {.name = "emu", .rid = rig_rid, .owner = &e->rid}};
		dma_space_init(&e->space, "emu", &w.pci.vm.gmem, &w.pci.vm.bus);
		e->space.invalidated = rig_invalidated;
		e->space.opaque = e;
		dma_space_enable(&e->space, true);
		dma_user_init(&e->user, &e->space, NULL);
		rig_lock();
		vd_must(virtio_iommu_add_emulated(viommu, &e->ep, &e->space) == 0);
		rig_unlock();
	}
}

/** Opens the host's devices and maps guest RAM, but adds nothing. */
static inline void rig_host_open(void)
{
	static const char *const bdfs[] = {"0000:00:05.0", "0000:00:06.0"};
	static const uint16_t rids[] = {HOST0, HOST1};
	const struct gmem_region *r = &w.pci.vm.gmem.regions[0];

	fake_sysfs_create();
	fake_iommu_install();
	fake_vfio_install();
	vd_must(iommufd_open(&iommufd, -1) == 0);
	vd_must(ioas_create(&iommufd, &ram) == 0);
	vd_must(ioas_map_file(ram, iova(r->base.v), r->fd, 0, r->size) == 0);
	for (unsigned i = 0; i < RIG_HOSTS; i++) {
		struct assigned_ep *h = &host[i];

		*h = (struct assigned_ep){.rid = rids[i], .ep = {.name = bdfs[i], .rid = rig_rid, .owner = &h->rid}};
		h->fake = calloc(1, sizeof(*h->fake));
		fake_vfio_nvme(h->fake, NULL);
		fake_vfio_add(h->fake, bdfs[i]);
		vd_must(host_dev_open(&h->dev, bdfs[i], &iommufd) == 0);
	}
}

static inline void rig_host_close(void)
{
	for (unsigned i = 0; i < RIG_HOSTS; i++) {
		host_dev_close(&host[i].dev);
		free(host[i].fake);
	}
	iommu_obj_destroy(&ram);
	iommufd_close(&iommufd);
	vd_must(fake_iommu_seen.objects == rig_leaked);
	fake_sysfs_remove();
}

static inline int rig_add_assigned(unsigned i)
{
	int err;

	rig_lock();
	err = virtio_iommu_add_assigned(viommu, &host[i].ep, &host[i].dev);
	rig_unlock();
	return err;
}

/** All of it but the driver's initialisation. Change rig_config before. */
static inline void rig_start(bool hosts)
{
	fake_reset();
	capture_begin();
	vd_world_start(&w);
	for (uint64_t at = VD_RAM; at < VD_RAM + VD_RAM_SIZE; at += 4096)
		memcpy(vd_mem(&w, at, 8), &at, 8);
	if (hosts)
		rig_host_open();
	rig_config.iommufd = hosts ? &iommufd : NULL;
	rig_config.ram_ioas = ram;
	vd_must(virtio_iommu_create(&viommu, &w.pci.vm, &rig_config) == 0);
	rig_add_emulated();
	for (unsigned i = 0; hosts && i < RIG_HOSTS; i++)
		vd_must(rig_add_assigned(i) == 0);
	vd_probe(&d, &w, virtio_of(virtio_iommu_function(viommu)), 0);
}

static inline void rig_defaults(void)
{
	rig_config = (struct virtio_iommu_config){
		.id = "viommu0",
		.phandle = 0x1000,
		.input = {0, UINT64_MAX},
		.page_sizes = ~UINT64_C(0xfff),
		.has_msi = true,
		.msi = {MSI_PAGE, MSI_PAGE + 0xffff},
	};
	ram = NULL;
}

static inline void rig_stop(void)
{
	bool hosts = ram != NULL;

	rig_lock();
	virtio_iommu_remove_all(viommu);
	rig_unlock();
	vd_world_stop(&w);
	if (hosts)
		rig_host_close();
	ck_assert_uint_eq(fake_leaks(), 0);
	log_set_sink(NULL, NULL);
}

/* ---- Requests ---- */

/** One request; guest memory is used again. */
static inline int64_t rig_call(const void *out, uint32_t out_len, void *in, uint32_t in_len)
{
	uint64_t before = w.next_free = align_up(w.next_free, 8);
	int64_t used;

	if (in_len > 0)
		memset(vd_mem(&w, align_up(before + out_len, 8), in_len), 0xee, in_len);
	used = vd_call(&d, 0, out, out_len, in, in_len);
	w.next_free = before;
	return used;
}

static inline int rig_request(const void *req, uint32_t len)
{
	struct virtio_iommu_req_tail tail;
	int64_t used = rig_call(req, len, &tail, sizeof(tail));

	if (used == 0) {
		ck_assert_uint_eq(tail.status, 0xee);
		return -1;
	}
	ck_assert_int_eq(used, sizeof(tail));
	ck_assert(!tail.reserved[0] && !tail.reserved[1] && !tail.reserved[2]);
	return tail.status;
}

static inline int attach(uint32_t domain, uint32_t ep, uint32_t flags)
{
	struct virtio_iommu_req_attach req = {
		.head.type = VIRTIO_IOMMU_T_ATTACH,
		.domain = domain,
		.endpoint = ep,
		.flags = flags,
	};

	return rig_request(&req, offsetof(struct virtio_iommu_req_attach, tail));
}

static inline int detach(uint32_t domain, uint32_t ep)
{
	struct virtio_iommu_req_detach req = {
		.head.type = VIRTIO_IOMMU_T_DETACH,
		.domain = domain,
		.endpoint = ep,
		.reserved = {0xff, 1}, /* "The device MUST ignore reserved." */
	};

	return rig_request(&req, offsetof(struct virtio_iommu_req_detach, tail));
}

static inline int map(uint32_t domain, uint64_t first, uint64_t last, uint64_t pa, uint32_t flags)
{
	struct virtio_iommu_req_map req = {
		.head = {.type = VIRTIO_IOMMU_T_MAP, .reserved = {1, 2, 3}}, /* "MUST ignore" */
		.domain = domain,
		.virt_start = first,
		.virt_end = last,
		.phys_start = pa,
		.flags = flags,
	};

	return rig_request(&req, offsetof(struct virtio_iommu_req_map, tail));
}

static inline int unmap(uint32_t domain, uint64_t first, uint64_t last)
{
	struct virtio_iommu_req_unmap req = {
		.head.type = VIRTIO_IOMMU_T_UNMAP,
		.domain = domain,
		.virt_start = first,
		.virt_end = last,
	};

	return rig_request(&req, offsetof(struct virtio_iommu_req_unmap, tail));
}

/* ---- What they lead to ---- */

#define NOWHERE UINT64_MAX

/** Where one access of an emulated endpoint goes; NOWHERE: it faults. The cache and the walk agree. */
static inline uint64_t emu_goes(unsigned i, uint64_t iova, unsigned access)
{
	struct dma_target t;
	uint64_t pa;

	if (dma_translate(&emu[i].space, DMA_NO_PASID, iova, access | DMA_PROBE, &t)) {
		ck_assert_ptr_null(dma_host(&emu[i].user, iova, 1, access | DMA_PROBE, NULL));
		return NOWHERE;
	}
	ck_assert(range_has(t.iovas, iova));
	ck_assert_uint_eq(access & ~t.perms, 0);
	pa = t.pa.v + (iova - t.iovas.first);
	if (gmem_contains(&w.pci.vm.gmem, gpa(pa & ~UINT64_C(4095)), 4096))
		ck_assert_ptr_eq(dma_host(&emu[i].user, iova, 1, access, NULL), gmem_host(&w.pci.vm.gmem, gpa(pa), 1));
	return pa;
}

/** The same for an assigned one. */
static inline uint64_t host_goes(unsigned i, uint64_t iova, unsigned access)
{
	uint64_t pa;

	if (!host[i].fake->attached || !fake_iommu_translate(host[i].fake->attached, iova, access & DMA_WRITE, &pa))
		return NOWHERE;
	return pa;
}

#endif

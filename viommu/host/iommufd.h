/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iommufd (linux/iommufd.h): objects and typed calls. viommu/host is the only place that talks to /dev/iommu.
 *
 * Every kernel object is a struct iommu_obj with its parent; a parent counts its users and cannot be destroyed before
 * them. Handles are published last: a failed create leaves *out NULL and nothing behind in the kernel. All calls: main
 * thread or under the device lock. All return 0 or -errno, logged where born with the remedy.
 */
#ifndef AERIE_IOMMUFD_H
#define AERIE_IOMMUFD_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "range.h"

struct iommufd {
	int fd;		  /* /dev/iommu, owned */
	unsigned objects; /* objects alive, 0 at close */
	bool running;	  /* the guest has started: IOAS maps from now on are counted apart */
	/* KVM's VFIO device, borrowed, which is told of each device before it is bound; -1: none. KVM then knows when
	 * DMA goes past the CPUs' caches (x86), and drivers that need the VM find it. */
	int kvm_vfio;
	uint64_t mapped; /* bytes mapped in all IOAS; names the need in messages about RLIMIT_MEMLOCK */
};

enum iommu_obj_type {
	IOMMU_IOAS,
	IOMMU_HWPT,
	IOMMU_VIOMMU,
	IOMMU_VDEVICE,
	IOMMU_VEVENTQ,
	IOMMU_FAULT,
};

struct iommu_obj {
	uint32_t id;
	enum iommu_obj_type type;
	struct iommufd *iommufd;
	struct iommu_obj *parent; /* NULL for an IOAS and a fault queue */
	unsigned users;		  /* children and attached devices */
	bool stuck;		  /* the kernel may keep it, for something on it; this has been said */
};

/** Opens /dev/iommu, or takes @fd when >= 0. -ENOENT etc. are explained (CONFIG_IOMMUFD, module, permissions). */
int iommufd_open(struct iommufd *iommufd, int fd);
void iommufd_close(struct iommufd *iommufd);

/** Destroys *@obj and sets it to NULL; NULL is fine. An object in use is a bug in aerie: logged, not destroyed. What
 * the kernel does not destroy is reported, once for it and all that it stands on, and ends with the iommufd. */
void iommu_obj_destroy(struct iommu_obj **obj);

int ioas_create(struct iommufd *iommufd, struct iommu_obj **ioas);
/** Maps @len bytes of @memfd from @offset at @at, read and write (all page aligned). Explains -ENOMEM with
 * RLIMIT_MEMLOCK and -EINVAL with the ranges in which the IOAS can map. The kernel pins pages only once the IOAS has a
 * HWPT, so the limit may also strike in nested_create() and host_dev_attach(), which explain it in the same words. */
int ioas_map_file(struct iommu_obj *ioas, iova_t at, int memfd, uint64_t offset, uint64_t len);
int ioas_unmap(struct iommu_obj *ioas, iova_t at, uint64_t len);
/** Ranges in which the IOAS may map; re-read after each attach. Fills at most @max, returns the number that there are
 *  (which may be more) or -errno. */
int ioas_iova_ranges(struct iommu_obj *ioas, struct range *ranges, unsigned max);
/** The same; *@granule: what addresses and lengths of mappings must be multiples of, in bytes. */
int ioas_limits(struct iommu_obj *ioas, struct range *ranges, unsigned max, uint64_t *granule);

#endif

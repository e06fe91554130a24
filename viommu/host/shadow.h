/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shadow backend: the host's translation of assigned devices behind a vIOMMU that tells its mappings one by one.
 * One struct shadow for each vIOMMU, one struct shadow_space (an IOAS) for each of its domains that has assigned
 * devices.
 *
 * Guest RAM is pinned once, in the RAM's IOAS; a mapping of a domain is an IOAS_COPY of a part of that, one ioctl, no
 * page is touched. A device is at any time in front of exactly one of: the RAM's IOAS (bypass), a domain's IOAS, or an
 * empty one (blocked), and moves by atomic replace. In each of them the kernel keeps its own mapping of the host's MSI
 * doorbell, so that interrupts arrive wherever the device is.
 *
 * All calls: start-up or the device lock held. 0 or -errno, logged where born.
 */
#ifndef AERIE_SHADOW_H
#define AERIE_SHADOW_H

#include <stdbool.h>
#include <stdint.h>

#include "host_dev.h"
#include "iommufd.h"
#include "range.h"

struct shadow;
struct shadow_space;

/* What the host can translate for a device. */
#define SHADOW_MAX_USABLE 32u
struct shadow_limits {
	struct range usable[SHADOW_MAX_USABLE]; /* ascending, disjoint */
	unsigned nr_usable;
	uint64_t granule; /* bytes, power of two: what mappings are aligned to */
};

/** @ram: IOAS with all guest RAM at its guest physical addresses; borrowed. */
int shadow_create(struct shadow **out, struct iommufd *iommufd, struct iommu_obj *ram);
/** All devices must be removed and all spaces destroyed before. NULL is fine. */
void shadow_destroy(struct shadow **shadow);

/** Blocks @dev, and pins guest RAM when it is the first one. *@limits: of the host for @dev. After a failure it is as
 * it was. */
int shadow_add(struct shadow *shadow, struct host_dev *dev, struct shadow_limits *limits);

/**
 * Detaches @dev on the host for good. It leaves the space where it is, if any, at whatever cost: should the host refuse
 * even that, everything in the space is unmapped.
 */
void shadow_remove(struct shadow *shadow, struct host_dev *dev, struct shadow_space *space);

/** An empty space. */
int shadow_space_create(struct shadow *shadow, struct shadow_space **out);
/** No device may be in it. NULL is fine. */
void shadow_space_destroy(struct shadow_space **space);

/** Maps @iova to guest RAM at @pa, for reading and/or writing. One ioctl. -ENOENT: not RAM (not logged). */
int shadow_map(struct shadow_space *space, struct range iova, gpa_t pa, bool read, bool write);
/** Unmaps all mappings in @iova, which cuts none and holds at least one. One ioctl. */
int shadow_unmap(struct shadow_space *space, struct range iova);

/* Where a device is. Each replaces the previous place atomically and is cheap when it is there already. After a failure
 * it is where it was. */
int shadow_attach(struct shadow_space *space, struct host_dev *dev);
int shadow_bypass(struct shadow *shadow, struct host_dev *dev);
/** Also succeeds, with a warning, when the host only detaches the device: blocked, but without interrupts. */
int shadow_block(struct shadow *shadow, struct host_dev *dev);

/** Blocks @dev, which is in @space (NULL: in none), in a way that cannot fail; as shadow_remove(), but it may attach
 * again. */
void shadow_force_block(struct shadow *shadow, struct host_dev *dev, struct shadow_space *space);

#endif

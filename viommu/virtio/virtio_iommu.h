/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-iommu (virtio 1.3, 5.13) over PCI: a vIOMMU that the guest programs by requests. Emulated endpoints are
 * translated by the domain's interval map; assigned ones by an I/O address space of the host that shadows it
 * (viommu/host/shadow.h). Both kinds may be in one domain.
 *
 * An endpoint's id is its requester id of the moment (viommu_endpoint.h). Requests complete inside the driver's
 * notification. All calls: start-up, or the device lock held.
 *
 * Life: virtio_iommu_create -> place virtio_iommu_function() on the root bus -> virtio_iommu_add_*() for each endpoint
 * -> the guest runs -> virtio_iommu_remove_all() before any endpoint goes -> destroyed with the PCI tree.
 */
#ifndef AERIE_VIRTIO_IOMMU_H
#define AERIE_VIRTIO_IOMMU_H

#include <stdbool.h>
#include <stdint.h>

#include "range.h"
#include "viommu_endpoint.h"

struct acpi;
struct dma_space;
struct host_dev;
struct iommu_obj;
struct iommufd;
struct pci_function;
struct virtio_iommu;
struct vm;

/* What one guest can make grow. Beyond: VIRTIO_IOMMU_S_NOMEM. */
#define VIRTIO_IOMMU_MAX_DOMAINS  4096u
#define VIRTIO_IOMMU_MAX_MAPPINGS (1u << 20) /* in all domains of one virtio-iommu */

/* Reserved regions that a PROBE of one endpoint can report, the MSI window included. */
#define VIRTIO_IOMMU_MAX_REGIONS 16u

struct virtio_iommu_config {
	const char *id;	    /* for messages; borrowed */
	uint32_t phandle;   /* of its device tree node; becomes dt_phandle of its function */
	bool boot_bypass;   /* DMA of endpoints that are not attached passes until the guest says otherwise */
	struct range input; /* I/O virtual addresses that it translates; host devices narrow it to their aperture */
	uint64_t
		page_sizes; /* page_size_mask, all of it >= 4 KiB; host devices take away what is below their granule */
	bool has_msi;
	struct range
		msi; /* doorbells: writes there pass untranslated. arm64: the ITS's page; x86: 0xfee00000-0xfeefffff */
	struct range
		reserved[VIRTIO_IOMMU_MAX_REGIONS]; /* more that no endpoint may map; disjoint from each other, msi */
	unsigned nr_reserved;
	struct iommufd *iommufd;    /* NULL: no assigned devices */
	struct iommu_obj *ram_ioas; /* all guest RAM at its guest physical addresses; borrowed, outlives the vIOMMU */
};

/** 0 or -errno (logged). *@out is owned by its function: whoever places that destroys it. */
int virtio_iommu_create(struct virtio_iommu **out, struct vm *vm, const struct virtio_iommu_config *config);

/** Integrated endpoint, for the root bus; describes itself (`virtio,pci-iommu`, #iommu-cells 1). */
struct pci_function *virtio_iommu_function(struct virtio_iommu *viommu);

/** Adds itself to VIOT. */
void virtio_iommu_describe_acpi(struct virtio_iommu *viommu, struct acpi *acpi);

/** Installs itself as translator of @space. @ep is copied, what it points to is borrowed until the removal. 0 or -errno
 * (logged). */
int virtio_iommu_add_emulated(struct virtio_iommu *viommu, const struct viommu_endpoint *ep, struct dma_space *space);

/**
 * Takes over the attachment of @dev, which is blocked (or, with bypass on, in front of guest RAM) at the return. While
 * no driver has looked at the configuration, page sizes and input range are narrowed to what the host can; afterwards a
 * device whose granule does not fit is refused. 0 or -errno (logged).
 */
int virtio_iommu_add_assigned(struct virtio_iommu *viommu, const struct viommu_endpoint *ep, struct host_dev *dev);

/** Removes the endpoint with @owner: detached from its domain. An emulated one is in front of memory itself again, an
 * assigned one is detached on the host (blocked). Unknown: nothing happens. */
void virtio_iommu_remove(struct virtio_iommu *viommu, const void *owner);

/** Removes all endpoints and gives back everything of the host. */
void virtio_iommu_remove_all(struct virtio_iommu *viommu);

#endif

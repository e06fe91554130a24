/* SPDX-License-Identifier: Apache-2.0 */
/* Driver of virtio-iommu (virtio 1.3, 5.13) for payloads. */
#ifndef GUEST_VIOMMU_H
#define GUEST_VIOMMU_H

#include "vio.h"

#define VIOMMU_TYPE 23u

#define VF_INPUT_RANGE	 BIT64(0)
#define VF_DOMAIN_RANGE	 BIT64(1)
#define VF_MAP_UNMAP	 BIT64(2)
#define VF_BYPASS	 BIT64(3)
#define VF_PROBE	 BIT64(4)
#define VF_MMIO		 BIT64(5)
#define VF_BYPASS_CONFIG BIT64(6)
#define VF_ALL		 (VF_INPUT_RANGE | VF_DOMAIN_RANGE | VF_MAP_UNMAP | VF_PROBE | VF_MMIO | VF_BYPASS_CONFIG)

/* Device configuration (5.13.4) */
#define VC_PAGE_SIZES 0u
#define VC_INPUT      8u
#define VC_DOMAINS    24u
#define VC_PROBE_SIZE 32u
#define VC_BYPASS     36u

enum viommu_status {
	VS_OK,
	VS_IOERR,
	VS_UNSUPP,
	VS_DEVERR,
	VS_INVAL,
	VS_RANGE,
	VS_NOENT,
	VS_FAULT,
	VS_NOMEM,
	VS_NONE = 0xff, /* the buffers came back unwritten */
	VS_LOST = 0xfe, /* they did not come back */
};

#define VM_READ	  1u
#define VM_WRITE  2u
#define VM_MMIO	  4u
#define VA_BYPASS 1u

struct viommu_fault {
	uint8_t reason, reserved[3];
	uint32_t flags, endpoint, reserved2;
	uint64_t address;
};
#define VFR_UNKNOWN 0u
#define VFR_DOMAIN  1u
#define VFR_MAPPING 2u
#define VFF_READ    1u
#define VFF_WRITE   2u
#define VFF_ADDRESS 0x100u

#define VIOMMU_EVENTS 8u

struct viommu {
	struct vio vio;
	struct vio_queue requests, events;
	struct viommu_fault *event_buffers;
	uint64_t page_sizes;
	uint32_t probe_size;
	uint8_t *out, *in; /* a page each */
};

bool viommu_find(struct viommu *v, unsigned n);
/** Reset, negotiation of @features, queues, event buffers. */
bool viommu_start(struct viommu *v, uint64_t features);

/** @out_len bytes of v->out, and room for @in_len of v->in. Returns the used length, -1: none came. */
int viommu_raw(struct viommu *v, unsigned out_len, unsigned in_len);

enum viommu_status viommu_attach(struct viommu *v, uint32_t domain, uint32_t endpoint, uint32_t flags);
enum viommu_status viommu_detach(struct viommu *v, uint32_t domain, uint32_t endpoint);
enum viommu_status viommu_map(struct viommu *v, uint32_t domain, uint64_t first, uint64_t last, uint64_t to,
			      uint32_t flags);
enum viommu_status viommu_unmap(struct viommu *v, uint32_t domain, uint64_t first, uint64_t last);
/** The properties are in v->in. */
enum viommu_status viommu_probe(struct viommu *v, uint32_t endpoint);

/** Takes the next fault report; its buffer goes back. */
bool viommu_event(struct viommu *v, struct viommu_fault *fault);

#endif

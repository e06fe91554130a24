/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vIOMMU's endpoint: one requester behind it, with the backend that carries its translations out. Knows no front end
 * and no concrete backend; the machine joins them.
 *
 * StreamIDs: aerie's IOMMUs see RID and StreamID (or endpoint id) as the same number; this header is the only place
 * that says so. The guest may renumber buses, so the id is asked for, never stored.
 */
#ifndef AERIE_VIOMMU_ENDPOINT_H
#define AERIE_VIOMMU_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

struct viommu_endpoint {
	const char *name;	      /* for messages; borrowed */
	uint16_t (*rid)(void *owner); /* requester id of the moment */
	void *owner;
	bool stalls; /* host-backed: its stalled transactions are reported (the host's dma-can-stall, a fault queue) */
};

static inline uint32_t viommu_rid_to_sid(uint16_t rid)
{
	return rid;
}

static inline uint32_t viommu_endpoint_sid(const struct viommu_endpoint *ep)
{
	return viommu_rid_to_sid(ep->rid(ep->owner));
}

#endif

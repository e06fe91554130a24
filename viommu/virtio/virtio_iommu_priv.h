/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State of virtio-iommu, shared by the files of this box. Guarded by the device lock. Layouts of requests, properties
 * and events: linux/virtio_iommu.h. Clauses are those of virtio 1.3.
 */
#ifndef AERIE_VIRTIO_IOMMU_PRIV_H
#define AERIE_VIRTIO_IOMMU_PRIV_H

/* Its layout of the configuration space has the name of our parameters. */
#define virtio_iommu_config virtio_iommu_config_space
#include <linux/virtio_iommu.h>
#undef virtio_iommu_config

#include "dma.h"
#include "gmem.h"
#include "loop.h"
#include "shadow.h"
#include "viommu_map.h"
#include "viommu_regions.h"
#include "virtio.h"
#include "virtio_iommu.h"

enum {
	VIOMMU_REQUESTQ,
	VIOMMU_EVENTQ,
	VIOMMU_NR_QUEUES,
};

#define VIOMMU_QUEUE_SIZE 256u
/* A PROBE answer: at most so many RESV_MEM properties and nothing else. */
#define VIOMMU_PROBE_SIZE ((uint32_t)(VIRTIO_IOMMU_MAX_REGIONS * sizeof(struct virtio_iommu_probe_resv_mem)))

/* One requester: either emulated (space) or assigned (host). */
struct viommu_ep {
	struct viommu_endpoint ep;
	struct virtio_iommu *viommu;
	struct viommu_ep *next;
	struct viommu_domain *domain; /* NULL: not attached */
	struct dma_space *space;
	struct host_dev *host;
};

/* Exists as long as an endpoint is attached to it (5.13.6.4). */
struct viommu_domain {
	uint32_t id;
	bool bypass; /* VIRTIO_IOMMU_ATTACH_F_BYPASS: identity, no mappings */
	unsigned nr_endpoints, nr_assigned;
	struct viommu_map map;	     /* flags: VIRTIO_IOMMU_MAP_F_* */
	struct shadow_space *shadow; /* of its mappings to RAM; present while nr_assigned > 0, unless bypass */
};

struct virtio_iommu {
	struct virtio_device dev;
	const struct gmem *gmem;
	struct virtio_iommu_config config;
	struct range input;  /* offered, config's and the host's */
	uint64_t page_sizes; /* page_size_mask, likewise */
	bool frozen;	     /* a driver has read them: they do not change any more */
	bool bypass;	     /* endpoints that are not attached: in front of memory, or blocked */

	struct viommu_regions reserved;	     /* what no endpoint may map, the MSI window apart */
	struct viommu_regions host_reserved; /* the same for assigned ones: and what the host needs */

	struct viommu_ep *endpoints;
	struct viommu_domain *domains[VIRTIO_IOMMU_MAX_DOMAINS]; /* by id */
	size_t nr_mappings;					 /* in all domains */
	struct shadow *shadow;					 /* NULL before the first assigned endpoint */

	size_t cost;			 /* of the present notification, in mappings that were gone through */
	struct loop_source more;	 /* eventfd, owned: requests that one notification left over */
	struct virtq_chain chain, event; /* of the two queues; too large for the stack */
};

/* viommu_requests.c */

/** Carries out the request in @chain and writes its answer. Returns the used length: 0 when it cannot be answered. */
uint32_t viommu_request(struct virtio_iommu *v, const struct virtq_chain *chain);

/* viommu_domain.c. Return 0 or -errno; then nothing has changed. */

/** The endpoint with id @id at this moment, or NULL. */
struct viommu_ep *viommu_find_ep(struct virtio_iommu *v, uint32_t id);

/** Attaches @ep to domain @id (in range), which is made if need be, and detaches it from its present one. -EINVAL:
 *  @bypass is not what the domain is; -ENOMEM; -EOPNOTSUPP: the domain has mappings that the endpoint cannot have;
 *  -EIO: the host refused. */
int viommu_attach(struct virtio_iommu *v, struct viommu_ep *ep, uint32_t id, bool bypass);
int viommu_detach(struct virtio_iommu *v, struct viommu_ep *ep);

/** Detaches @ep whatever the host says: should it refuse, the endpoint is blocked. */
void viommu_force_detach(struct virtio_iommu *v, struct viommu_ep *ep);

/** All endpoints behave as `bypass` = @on says unless attached. 0 or -EIO (then off). */
int viommu_set_bypass(struct virtio_iommu *v, bool on);

/** Puts @ep, which is not attached (any more), where `bypass` says. */
int viommu_rest(struct virtio_iommu *v, struct viommu_ep *ep);

/** Makes cached translations of the emulated endpoints in @d void. */
void viommu_invalidate(struct virtio_iommu *v, const struct viommu_domain *d);

/** Undoes one endpoint's part in its domain, which goes with its last one. The host side has been dealt with. */
void viommu_leave(struct virtio_iommu *v, struct viommu_ep *ep);

/** True when the host translates a mapping with @flags for assigned endpoints. */
bool viommu_shadowed(uint32_t flags);

/** True when all of [@pa, @pa + @len) is guest RAM; @len may be 0 for 2^64. */
bool viommu_is_ram(const struct virtio_iommu *v, uint64_t pa, uint64_t len);

/** Mapping [@iova] is refused: it touches the MSI window or a reserved region of an endpoint of such a domain. */
bool viommu_is_reserved(const struct virtio_iommu *v, bool assigned, struct range iova);

/* viommu_translate.c */

extern const struct dma_translator viommu_translator; /* owner: struct viommu_ep */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* DMA of emulated endpoints: by the domain's interval map, and the events that say what was refused. */
#include <endian.h>
#include <errno.h>

#include "stats.h"
#include "virtio_iommu_priv.h"

/* 5.13.6.9. Never waits: without a buffer of the driver's the event is dropped, which the clause allows. */
static bool tell(struct virtio_iommu *v, const struct virtio_iommu_fault *fault)
{
	struct virtq *q = &v->dev.queues[VIOMMU_EVENTQ];
	bool fits;

	if (!v->dev.running || !q->running || virtq_pop(q, &v->event) <= 0)
		return false;
	/* A report is not spread over several buffers, and there is no older, shorter form of it. */
	fits = v->event.in_len >= sizeof(*fault);
	if (fits)
		virtq_write(&v->event, 0, fault, sizeof(*fault));
	virtq_push(q, v->event.id, v->event.nr_descs, fits ? sizeof(*fault) : 0);
	virtq_notify(q);
	return fits;
}

static int refuse(struct viommu_ep *ep, uint8_t reason, uint64_t iova, unsigned access)
{
	struct virtio_iommu_fault fault = {
		.reason = reason,
		.flags = htole32((access & DMA_READ ? VIRTIO_IOMMU_FAULT_F_READ : 0u) |
				 (access & DMA_WRITE ? VIRTIO_IOMMU_FAULT_F_WRITE : 0u) | VIRTIO_IOMMU_FAULT_F_ADDRESS),
		.endpoint = htole32(viommu_endpoint_sid(&ep->ep)),
		.address = htole64(iova),
	};

	if (access & DMA_PROBE)
		return -EFAULT;
	stats_inc(&stats.viommu_faults);
	if (!tell(ep->viommu, &fault))
		stats_inc(&stats.viommu_faults_dropped);
	return -EFAULT;
}

static void identity(struct dma_target *out)
{
	*out = (struct dma_target){
		.iovas = {0, UINT64_MAX},
		.perms = DMA_READ | DMA_WRITE | DMA_EXEC,
	};
}

static int translate(void *owner, uint32_t pasid, uint64_t iova, unsigned access, struct dma_target *out)
{
	struct viommu_ep *ep = owner;
	const struct virtio_iommu *v = ep->viommu;
	const struct viommu_mapping *m;
	unsigned perms = 0;

	/* Bypass mode, 5.13.6. */
	if (ep->domain ? ep->domain->bypass : v->bypass) {
		identity(out);
		return 0;
	}
	if (!ep->domain)
		return refuse(ep, VIRTIO_IOMMU_FAULT_R_DOMAIN, iova, access);
	/* Domains have one address space; requests with a PASID have none. */
	if (pasid != DMA_NO_PASID)
		return refuse(ep, VIRTIO_IOMMU_FAULT_R_UNKNOWN, iova, access);
	/* Messages pass untranslated, and nothing else does (5.13.6.8, RESV_MEM). */
	if (v->config.has_msi && range_has(v->config.msi, iova)) {
		if (access & (DMA_READ | DMA_EXEC))
			return refuse(ep, VIRTIO_IOMMU_FAULT_R_MAPPING, iova, access);
		*out = (struct dma_target){
			.iovas = v->config.msi,
			.pa = gpa(v->config.msi.first),
			.perms = DMA_WRITE,
		};
		return 0;
	}
	m = viommu_map_first(&ep->domain->map, (struct range){iova, iova});
	if (m && m->flags & VIRTIO_IOMMU_MAP_F_READ)
		perms |= DMA_READ | DMA_EXEC;
	if (m && m->flags & VIRTIO_IOMMU_MAP_F_WRITE)
		perms |= DMA_WRITE;
	if (!m || access & (DMA_READ | DMA_WRITE | DMA_EXEC) & ~perms)
		return refuse(ep, VIRTIO_IOMMU_FAULT_R_MAPPING, iova, access);
	*out = (struct dma_target){.iovas = m->iova, .pa = gpa(m->pa), .perms = perms};
	return 0;
}

const struct dma_translator viommu_translator = {.translate = translate};

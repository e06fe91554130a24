/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints come and go, and bring the limits of the host with them. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "log.h"
#include "virtio_iommu_priv.h"

static struct viommu_ep *new_endpoint(struct virtio_iommu *v, const struct viommu_endpoint *ep)
{
	struct viommu_ep *e = calloc(1, sizeof(*e));

	if (!e) {
		log_error("%s: no memory for endpoint %s", v->config.id, ep->name);
		return NULL;
	}
	e->ep = *ep;
	e->viommu = v;
	return e;
}

static void link_endpoint(struct virtio_iommu *v, struct viommu_ep *e)
{
	e->next = v->endpoints;
	v->endpoints = e;
}

int virtio_iommu_add_emulated(struct virtio_iommu *viommu, const struct viommu_endpoint *ep, struct dma_space *space)
{
	struct viommu_ep *e = new_endpoint(viommu, ep);

	if (!e)
		return -ENOMEM;
	e->space = space;
	link_endpoint(viommu, e);
	dma_space_set_translator(space, &viommu_translator, e);
	return 0;
}

/* What can be offered when @limits hold too. Changes the copies only. */
static int narrow(struct virtio_iommu *v, const char *name, const struct shadow_limits *limits, struct range *input,
		  uint64_t *page_sizes, struct viommu_regions *reserved)
{
	uint64_t first = limits->usable[0].first, last = limits->usable[limits->nr_usable - 1].last;
	int err;

	if (!v->frozen) {
		*page_sizes &= -limits->granule;
		/* To whole pages; the ends of apertures are. */
		if (input->first < first)
			input->first = (first + (limits->granule - 1)) & -limits->granule;
		if (input->last > last)
			input->last = ((last + 1) & -limits->granule) - 1;
	}
	if (*page_sizes == 0 || (*page_sizes & -*page_sizes) < limits->granule)
		return log_fail(-EINVAL,
				"cannot put %s behind %s: the host translates it by pages of %" PRIu64
				" bytes, the guest IOMMU offers sizes 0x%" PRIx64,
				name, v->config.id, limits->granule, v->page_sizes);
	if (first > last || input->first > input->last)
		return log_fail(-EINVAL,
				"cannot put %s behind %s: the host translates 0x%" PRIx64 "-0x%" PRIx64
				", the guest IOMMU 0x%" PRIx64 "-0x%" PRIx64,
				name, v->config.id, first, last, v->input.first, v->input.last);
	err = viommu_regions_add_holes(reserved, limits->usable, limits->nr_usable, *input);
	if (err == 0 && v->config.has_msi)
		err = viommu_regions_sub(reserved, v->config.msi);
	if (err == 0 && reserved->n + v->config.has_msi > VIRTIO_IOMMU_MAX_REGIONS)
		err = -ENOSPC;
	if (err)
		return log_fail(
			err,
			"cannot put %s behind %s: the host reserves more I/O addresses than the %u regions that "
			"a guest can be told of",
			name, v->config.id, VIRTIO_IOMMU_MAX_REGIONS);
	return 0;
}

int virtio_iommu_add_assigned(struct virtio_iommu *viommu, const struct viommu_endpoint *ep, struct host_dev *dev)
{
	struct viommu_regions reserved = viommu->host_reserved;
	struct range input = viommu->input;
	uint64_t page_sizes = viommu->page_sizes;
	struct shadow_limits limits;
	struct viommu_ep *e;
	int err = 0;

	if (!viommu->config.iommufd || !viommu->config.ram_ioas)
		return log_fail(-EINVAL, "internal error: %s was created without the host's side", viommu->config.id);
	if (!viommu->shadow)
		err = shadow_create(&viommu->shadow, viommu->config.iommufd, viommu->config.ram_ioas);
	if (err)
		return err;
	e = new_endpoint(viommu, ep);
	if (!e)
		return -ENOMEM;
	err = shadow_add(viommu->shadow, dev, &limits);
	if (err) {
		free(e);
		return err;
	}
	e->host = dev;
	err = narrow(viommu, ep->name, &limits, &input, &page_sizes, &reserved);
	if (err == 0)
		err = viommu_rest(viommu, e);
	if (err) {
		shadow_remove(viommu->shadow, dev, NULL);
		free(e);
		return err;
	}
	viommu->input = input;
	viommu->page_sizes = page_sizes;
	viommu->host_reserved = reserved;
	link_endpoint(viommu, e);
	return 0;
}

static void drop(struct virtio_iommu *v, struct viommu_ep *e)
{
	if (e->host)
		shadow_remove(v->shadow, e->host, e->domain ? e->domain->shadow : NULL);
	if (e->domain)
		viommu_leave(v, e);
	if (e->space)
		dma_space_set_translator(e->space, NULL, NULL);
	free(e);
}

void virtio_iommu_remove(struct virtio_iommu *viommu, const void *owner)
{
	for (struct viommu_ep **at = &viommu->endpoints; *at; at = &(*at)->next) {
		struct viommu_ep *e = *at;

		if (e->ep.owner != owner)
			continue;
		*at = e->next;
		drop(viommu, e);
		return;
	}
}

void virtio_iommu_remove_all(struct virtio_iommu *viommu)
{
	while (viommu->endpoints) {
		struct viommu_ep *e = viommu->endpoints;

		viommu->endpoints = e->next;
		drop(viommu, e);
	}
	shadow_destroy(&viommu->shadow);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Domains, and where each endpoint is. Whatever is asked for: first the host, which replaces a translation atomically
 * or leaves it as it is, then the books, then the caches of emulated endpoints. A device is never in front of memory on
 * the way from one place to the next.
 */
#include <errno.h>
#include <stdlib.h>

#include "virtio_iommu_priv.h"

struct viommu_ep *viommu_find_ep(struct virtio_iommu *v, uint32_t id)
{
	for (struct viommu_ep *ep = v->endpoints; ep; ep = ep->next)
		if (viommu_endpoint_sid(&ep->ep) == id)
			return ep;
	return NULL;
}

bool viommu_shadowed(uint32_t flags)
{
	return !(flags & VIRTIO_IOMMU_MAP_F_MMIO) && (flags & (VIRTIO_IOMMU_MAP_F_READ | VIRTIO_IOMMU_MAP_F_WRITE));
}

bool viommu_is_ram(const struct virtio_iommu *v, uint64_t pa, uint64_t len)
{
	struct range want = {pa, pa + (len - 1)};
	bool found = true;

	if (want.last < want.first)
		return false;
	/* RAM may be several regions side by side; each step takes away what one of them covers. */
	while (found) {
		found = false;
		for (unsigned i = 0; !found && i < v->gmem->nr_regions; i++) {
			const struct gmem_region *r = &v->gmem->regions[i];
			uint64_t last = r->base.v + (r->size - 1);

			if (want.first < r->base.v || want.first > last)
				continue;
			if (want.last <= last)
				return true;
			want.first = last + 1;
			found = true;
		}
	}
	return false;
}

bool viommu_is_reserved(const struct virtio_iommu *v, bool assigned, struct range iova)
{
	return (v->config.has_msi && range_overlaps(v->config.msi, iova)) ||
	       viommu_regions_overlap(assigned ? &v->host_reserved : &v->reserved, iova);
}

void viommu_invalidate(struct virtio_iommu *v, const struct viommu_domain *d)
{
	for (struct viommu_ep *ep = v->endpoints; ep; ep = ep->next)
		if (ep->space && ep->domain == d)
			dma_space_invalidate(ep->space);
}

/* The domain's mappings as an I/O address space of the host. */
static int build_shadow(struct virtio_iommu *v, struct viommu_domain *d)
{
	static const struct range all = {0, UINT64_MAX};
	const struct viommu_mapping *m;
	int err = shadow_space_create(v->shadow, &d->shadow);

	if (err)
		return err == -ENOMEM ? err : -EIO;
	v->cost += d->map.count;
	for (m = viommu_map_first(&d->map, all); m && !err; m = viommu_map_next(&d->map, m, all)) {
		if (viommu_is_reserved(v, true, m->iova)) {
			err = -EOPNOTSUPP;
		} else if (viommu_shadowed(m->flags)) {
			err = viommu_is_ram(v, m->pa, range_len(m->iova))
				      ? shadow_map(d->shadow, m->iova, gpa(m->pa), m->flags & VIRTIO_IOMMU_MAP_F_READ,
						   m->flags & VIRTIO_IOMMU_MAP_F_WRITE)
				      : -EOPNOTSUPP;
		}
	}
	if (err)
		shadow_space_destroy(&d->shadow);
	return err == 0 || err == -EOPNOTSUPP || err == -ENOMEM ? err : -EIO;
}

/* The host's part of an attach of @ep to @d. */
static int attach_host(struct virtio_iommu *v, struct viommu_ep *ep, struct viommu_domain *d)
{
	bool fresh = !d->shadow;
	int err;

	if (d->bypass)
		return shadow_bypass(v->shadow, ep->host) ? -EIO : 0;
	if (fresh) {
		err = build_shadow(v, d);
		if (err)
			return err;
	}
	err = shadow_attach(d->shadow, ep->host);
	if (err && fresh)
		shadow_space_destroy(&d->shadow);
	return err == 0 || err == -ENOMEM ? err : -EIO;
}

void viommu_leave(struct virtio_iommu *v, struct viommu_ep *ep)
{
	struct viommu_domain *d = ep->domain;

	ep->domain = NULL;
	d->nr_endpoints--;
	if (ep->host && --d->nr_assigned == 0) {
		v->cost += d->map.count;
		shadow_space_destroy(&d->shadow);
	}
	if (d->nr_endpoints > 0)
		return;
	v->cost += d->map.count;
	v->nr_mappings -= d->map.count;
	viommu_map_clear(&d->map);
	v->domains[d->id] = NULL;
	free(d);
}

static struct viommu_domain *new_domain(uint32_t id, bool bypass)
{
	struct viommu_domain *d = calloc(1, sizeof(*d));

	if (d)
		*d = (struct viommu_domain){.id = id, .bypass = bypass};
	return d;
}

int viommu_attach(struct virtio_iommu *v, struct viommu_ep *ep, uint32_t id, bool bypass)
{
	struct viommu_domain *d = v->domains[id], *made = NULL;
	int err = 0;

	if (d && d->bypass != bypass)
		return -EINVAL;
	if (d && ep->domain == d)
		return 0;
	if (!d)
		d = made = new_domain(id, bypass);
	if (!d)
		return -ENOMEM;
	if (ep->host)
		err = attach_host(v, ep, d);
	if (err) {
		free(made);
		return err;
	}
	v->domains[id] = d;
	d->nr_endpoints++;
	d->nr_assigned += ep->host != NULL;
	if (ep->domain)
		viommu_leave(v, ep);
	ep->domain = d;
	if (ep->space)
		dma_space_invalidate(ep->space);
	return 0;
}

int viommu_rest(struct virtio_iommu *v, struct viommu_ep *ep)
{
	if (!ep->host)
		return 0;
	return (v->bypass ? shadow_bypass(v->shadow, ep->host) : shadow_block(v->shadow, ep->host)) ? -EIO : 0;
}

int viommu_detach(struct virtio_iommu *v, struct viommu_ep *ep)
{
	int err = viommu_rest(v, ep);

	if (err)
		return err;
	viommu_leave(v, ep);
	if (ep->space)
		dma_space_invalidate(ep->space);
	return 0;
}

void viommu_force_detach(struct virtio_iommu *v, struct viommu_ep *ep)
{
	if (viommu_detach(v, ep) == 0)
		return;
	/* Only an assigned endpoint gets here. */
	shadow_force_block(v->shadow, ep->host, ep->domain->shadow);
	viommu_leave(v, ep);
}

int viommu_set_bypass(struct virtio_iommu *v, bool on)
{
	int err = 0;

	v->bypass = on;
	for (struct viommu_ep *ep = v->endpoints; ep && !err; ep = ep->next)
		if (!ep->domain)
			err = viommu_rest(v, ep);
	if (err) {
		v->bypass = false;
		for (struct viommu_ep *ep = v->endpoints; ep; ep = ep->next)
			if (!ep->domain && ep->host)
				shadow_force_block(v->shadow, ep->host, NULL);
	}
	viommu_invalidate(v, NULL);
	return err;
}

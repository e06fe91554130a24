/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests of virtio-iommu (virtio 1.3, 5.13.6.3 - 5.13.6.7), one function each: checks in the clauses' words, then
 * the host and the books, both or neither. Each returns the status of the answer.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <linux/virtio_config.h>

#include "bits.h"
#include "stats.h"
#include "virtio_iommu_priv.h"

union request {
	struct virtio_iommu_req_head head;
	struct virtio_iommu_req_attach attach;
	struct virtio_iommu_req_detach detach;
	struct virtio_iommu_req_map map;
	struct virtio_iommu_req_unmap unmap;
	struct virtio_iommu_req_probe probe;
	uint8_t bytes[sizeof(struct virtio_iommu_req_probe)];
};

static bool all_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i])
			return false;
	return true;
}

static uint8_t status_of(int err)
{
	switch (err) {
	case 0:
		return VIRTIO_IOMMU_S_OK;
	case -EINVAL:
		return VIRTIO_IOMMU_S_INVAL;
	case -ENOENT: /* IOAS_COPY: not in RAM */
		return VIRTIO_IOMMU_S_FAULT;
	case -ENOMEM:
		return VIRTIO_IOMMU_S_NOMEM;
	case -EOPNOTSUPP:
		return VIRTIO_IOMMU_S_UNSUPP;
	default:
		return VIRTIO_IOMMU_S_DEVERR;
	}
}

static struct viommu_domain *find_domain(struct virtio_iommu *v, uint32_t id)
{
	return id < VIRTIO_IOMMU_MAX_DOMAINS ? v->domains[id] : NULL;
}

/* 5.13.6.3.2 */
static uint8_t attach(struct virtio_iommu *v, const union request *r, uint8_t *properties)
{
	uint32_t known = virtio_has(&v->dev, VIRTIO_IOMMU_F_BYPASS_CONFIG) ? VIRTIO_IOMMU_ATTACH_F_BYPASS : 0;
	uint32_t flags = le32toh(r->attach.flags), domain = le32toh(r->attach.domain);
	struct viommu_ep *ep;

	/* "If the reserved field of an ATTACH request is not zero, ... INVAL." */
	if (!all_zero(r->attach.reserved, sizeof(r->attach.reserved)))
		return VIRTIO_IOMMU_S_INVAL;
	/* "If the device does not recognize a flags bit, ... INVAL." F_BYPASS comes with BYPASS_CONFIG. */
	if (flags & ~known)
		return VIRTIO_IOMMU_S_INVAL;
	/* "If the endpoint ... doesn't exist, ... NOENT." */
	ep = viommu_find_ep(v, le32toh(r->attach.endpoint));
	if (!ep)
		return VIRTIO_IOMMU_S_NOENT;
	/* domain_range is offered (5.13.6: "the values supported"). */
	if (domain >= VIRTIO_IOMMU_MAX_DOMAINS)
		return VIRTIO_IOMMU_S_RANGE;
	/* Inconsistent F_BYPASS: INVAL. Attached elsewhere: as DETACH and ATTACH. What the domain maps and the endpoint
	 * cannot: UNSUPP. */
	return status_of(viommu_attach(v, ep, domain, flags & VIRTIO_IOMMU_ATTACH_F_BYPASS));
}

/* 5.13.6.4.2 */
static uint8_t detach(struct virtio_iommu *v, const union request *r, uint8_t *properties)
{
	struct viommu_ep *ep = viommu_find_ep(v, le32toh(r->detach.endpoint));
	struct viommu_domain *d = find_domain(v, le32toh(r->detach.domain));

	/* "If the endpoint ... doesn't exist, ... NOENT." */
	if (!ep)
		return VIRTIO_IOMMU_S_NOENT;
	/* "If the domain ... doesn't exist, or if the endpoint ... isn't attached to this domain, ... INVAL." */
	if (!d || ep->domain != d)
		return VIRTIO_IOMMU_S_INVAL;
	return status_of(viommu_detach(v, ep));
}

/* 5.13.6.5.2, what does not depend on the domain. */
static uint8_t check_map(const struct virtio_iommu *v, struct range iova, uint64_t pa)
{
	uint64_t granule = v->page_sizes & -v->page_sizes;

	/* "virt_end MUST be strictly greater than virt_start." */
	if (iova.last < iova.first)
		return VIRTIO_IOMMU_S_INVAL;
	/* "If virt_start, phys_start or (virt_end + 1) is not aligned on the page granularity, ... RANGE." */
	if ((iova.first | pa | (iova.last + 1)) & (granule - 1))
		return VIRTIO_IOMMU_S_RANGE;
	/* 5.13.6: "Any mapping request to virtual addresses outside of [input_range] fails." */
	if (!range_contains(v->input, iova))
		return VIRTIO_IOMMU_S_RANGE;
	/* 5.13.6.5: phys_end is in the guest-physical address space. */
	if (pa + (iova.last - iova.first) < pa)
		return VIRTIO_IOMMU_S_FAULT;
	return VIRTIO_IOMMU_S_OK;
}

/* 5.13.6.5.2 */
static uint8_t map(struct virtio_iommu *v, const union request *r, uint8_t *properties)
{
	uint32_t known = VIRTIO_IOMMU_MAP_F_READ | VIRTIO_IOMMU_MAP_F_WRITE |
			 (virtio_has(&v->dev, VIRTIO_IOMMU_F_MMIO) ? VIRTIO_IOMMU_MAP_F_MMIO : 0);
	struct viommu_mapping m = {
		.iova = {le64toh(r->map.virt_start), le64toh(r->map.virt_end)},
		.pa = le64toh(r->map.phys_start),
		.flags = le32toh(r->map.flags),
	};
	struct viommu_domain *d = find_domain(v, le32toh(r->map.domain));
	bool shadowed = d && d->shadow && viommu_shadowed(m.flags);
	uint8_t status;
	int err;

	/* "If the device doesn't recognize a flags bit, ... INVAL." */
	if (m.flags & ~known)
		return VIRTIO_IOMMU_S_INVAL;
	/* "If domain does not exist, ... NOENT." */
	if (!d)
		return VIRTIO_IOMMU_S_NOENT;
	/* "If the domain is a bypass domain, ... INVAL." */
	if (d->bypass)
		return VIRTIO_IOMMU_S_INVAL;
	status = check_map(v, m.iova, m.pa);
	if (status != VIRTIO_IOMMU_S_OK)
		return status;
	/* 5.13.6.8.1.2: "The device SHOULD reject a MAP request that overlaps a RESV_MEM region." */
	if (viommu_is_reserved(v, d->nr_assigned > 0, m.iova))
		return VIRTIO_IOMMU_S_INVAL;
	/* "If a mapping already exists in the requested range, ... INVAL." */
	if (viommu_map_first(&d->map, m.iova))
		return VIRTIO_IOMMU_S_INVAL;
	/* The host maps RAM only; what else there is must be marked as MMIO, and is for emulated endpoints. */
	if (shadowed && !viommu_is_ram(v, m.pa, range_len(m.iova)))
		return VIRTIO_IOMMU_S_FAULT;
	if (v->nr_mappings >= VIRTIO_IOMMU_MAX_MAPPINGS)
		return VIRTIO_IOMMU_S_NOMEM;
	/* Our part first, since that is the one that can be taken back without fail. */
	err = viommu_map_insert(&d->map, &m);
	if (err)
		return status_of(err);
	if (shadowed)
		err = shadow_map(d->shadow, m.iova, gpa(m.pa), m.flags & VIRTIO_IOMMU_MAP_F_READ,
				 m.flags & VIRTIO_IOMMU_MAP_F_WRITE);
	if (err) {
		viommu_map_remove(&d->map, m.iova);
		return status_of(err == -EINVAL ? -EIO : err);
	}
	v->nr_mappings++;
	stats_inc(&stats.viommu_maps);
	return VIRTIO_IOMMU_S_OK;
}

/* What of @iova the host has mapped, as one range. False: nothing. */
static bool shadowed_part(const struct viommu_domain *d, struct range iova, struct range *part)
{
	const struct viommu_mapping *m;
	bool found = false;

	for (m = viommu_map_first(&d->map, iova); m; m = viommu_map_next(&d->map, m, iova)) {
		if (!viommu_shadowed(m->flags))
			continue;
		if (!found)
			part->first = m->iova.first;
		part->last = m->iova.last;
		found = true;
	}
	return found;
}

/* 5.13.6.6.2 */
static uint8_t unmap(struct virtio_iommu *v, const union request *r, uint8_t *properties)
{
	struct range iova = {le64toh(r->unmap.virt_start), le64toh(r->unmap.virt_end)}, part;
	struct viommu_domain *d = find_domain(v, le32toh(r->unmap.domain));
	const struct viommu_mapping *first, *last;
	size_t n;

	/* "If the reserved field of an UNMAP request is not zero, the device MAY set ... INVAL." */
	if (!all_zero(r->unmap.reserved, sizeof(r->unmap.reserved)))
		return VIRTIO_IOMMU_S_INVAL;
	/* "If domain does not exist, ... NOENT." */
	if (!d)
		return VIRTIO_IOMMU_S_NOENT;
	/* "If the domain is a bypass domain, ... INVAL." */
	if (d->bypass)
		return VIRTIO_IOMMU_S_INVAL;
	if (iova.last < iova.first)
		return VIRTIO_IOMMU_S_INVAL;
	/* "If part of the range or the full range is not covered by an existing mapping, ... OK." */
	first = viommu_map_first(&d->map, iova);
	last = viommu_map_last(&d->map, iova);
	if (!first || !last)
		return VIRTIO_IOMMU_S_OK;
	/* "If a mapping affected by the range is not covered in its entirety by the range ..., RANGE." */
	if (first->iova.first < iova.first || last->iova.last > iova.last)
		return VIRTIO_IOMMU_S_RANGE;
	if (d->shadow && shadowed_part(d, iova, &part) && shadow_unmap(d->shadow, part))
		return VIRTIO_IOMMU_S_DEVERR;
	n = viommu_map_remove(&d->map, iova);
	v->nr_mappings -= n;
	v->cost += n;
	stats_add(&stats.viommu_unmaps, n);
	viommu_invalidate(v, d);
	return VIRTIO_IOMMU_S_OK;
}

static void add_property(uint8_t **at, uint8_t subtype, struct range region)
{
	struct virtio_iommu_probe_resv_mem property = {
		.head.type = htole16(VIRTIO_IOMMU_PROBE_T_RESV_MEM),
		.head.length = htole16(sizeof(property) - sizeof(property.head)),
		.subtype = subtype,
		.start = htole64(region.first),
		.end = htole64(region.last),
	};

	memcpy(*at, &property, sizeof(property));
	*at += sizeof(property);
}

/* 5.13.6.7.2. @properties is zeroed; virtio_iommu_add_assigned() has seen to it that there is room. */
static uint8_t probe(struct virtio_iommu *v, const union request *r, uint8_t *properties)
{
	const struct viommu_ep *ep = viommu_find_ep(v, le32toh(r->probe.endpoint));
	const struct viommu_regions *set;

	/* "If the endpoint ... doesn't exist, ... NOENT." */
	if (!ep)
		return VIRTIO_IOMMU_S_NOENT;
	if (v->config.has_msi)
		add_property(&properties, VIRTIO_IOMMU_RESV_MEM_T_MSI, v->config.msi);
	set = ep->host ? &v->host_reserved : &v->reserved;
	for (unsigned i = 0; i < set->n; i++)
		add_property(&properties, VIRTIO_IOMMU_RESV_MEM_T_RESERVED, set->r[i]);
	return VIRTIO_IOMMU_S_OK;
}

static const struct request_type {
	size_t len; /* of the readable part, head included */
	unsigned feature;
	uint32_t answer; /* bytes before the tail in the writable part */
	uint8_t (*handle)(struct virtio_iommu *v, const union request *r, uint8_t *properties);
} types[] = {
	[VIRTIO_IOMMU_T_ATTACH] = {offsetof(struct virtio_iommu_req_attach, tail), VIRTIO_F_VERSION_1, 0, attach},
	[VIRTIO_IOMMU_T_DETACH] = {offsetof(struct virtio_iommu_req_detach, tail), VIRTIO_F_VERSION_1, 0, detach},
	[VIRTIO_IOMMU_T_MAP] = {offsetof(struct virtio_iommu_req_map, tail), VIRTIO_IOMMU_F_MAP_UNMAP, 0, map},
	[VIRTIO_IOMMU_T_UNMAP] = {offsetof(struct virtio_iommu_req_unmap, tail), VIRTIO_IOMMU_F_MAP_UNMAP, 0, unmap},
	[VIRTIO_IOMMU_T_PROBE] = {offsetof(struct virtio_iommu_req_probe, properties), VIRTIO_IOMMU_F_PROBE,
				  VIOMMU_PROBE_SIZE, probe},
};

uint32_t viommu_request(struct virtio_iommu *v, const struct virtq_chain *chain)
{
	struct virtio_iommu_req_tail tail = {.status = VIRTIO_IOMMU_S_INVAL};
	uint8_t properties[VIOMMU_PROBE_SIZE] = {0};
	const struct request_type *type;
	union request r = {0};
	size_t len = virtq_read(chain, 0, &r, sizeof(r)), answer;

	stats_inc(&stats.viommu_requests);
	/* 5.13.6: "When the device fails to parse a request, ... it returns the buffers without writing to them", and
	 * so it does for types that it does not know or that come with a feature that was not negotiated. */
	if (len < sizeof(r.head) || r.head.type >= ARRAY_LEN(types) || chain->in_len < sizeof(tail))
		return 0;
	type = &types[r.head.type];
	if (!type->handle || !virtio_has(&v->dev, type->feature))
		return 0;
	answer = type->answer;
	if (chain->in_len - sizeof(tail) < answer) {
		/* 5.13.6.7.2: "If the properties list is smaller than probe_size, ... INVAL." */
		answer = chain->in_len - sizeof(tail);
	} else if (len >= type->len) {
		tail.status = type->handle(v, &r, properties);
	}
	virtq_write(chain, 0, properties, answer);
	virtq_write(chain, answer, &tail, sizeof(tail));
	return (uint32_t)(answer + sizeof(tail));
}

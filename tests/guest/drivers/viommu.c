/* SPDX-License-Identifier: Apache-2.0 */
#include "viommu.h"

#define EVENT_WAIT_US 1000u

enum {
	T_ATTACH = 1,
	T_DETACH = 2,
	T_MAP = 3,
	T_UNMAP = 4,
	T_PROBE = 5,
};

bool viommu_find(struct viommu *v, unsigned n)
{
	*v = (struct viommu){0};
	if (!vio_find(&v->vio, VIOMMU_TYPE, n))
		return false;
	v->out = pages(1);
	v->in = pages(1);
	return true;
}

static void give_event_buffer(struct viommu *v, unsigned i)
{
	memset(&v->event_buffers[i], 0xee, sizeof(v->event_buffers[i]));
	v->events.desc[i] = (struct vio_desc){pa(&v->event_buffers[i]), sizeof(v->event_buffers[i]), VIO_D_WRITE, 0};
	vio_kick(&v->events, (uint16_t)i);
}

bool viommu_start(struct viommu *v, uint64_t features)
{
	if (!vio_begin(&v->vio, features) || !vio_queue(&v->vio, 0, &v->requests) || !vio_queue(&v->vio, 1, &v->events))
		return false;
	v->page_sizes = read32(v->vio.config + VC_PAGE_SIZES) | (uint64_t)read32(v->vio.config + VC_PAGE_SIZES + 4)
									<< 32;
	v->probe_size = read32(v->vio.config + VC_PROBE_SIZE);
	v->event_buffers = pages(1);
	vio_ok(&v->vio);
	for (unsigned i = 0; i < VIOMMU_EVENTS; i++)
		give_event_buffer(v, i);
	return true;
}

int viommu_raw(struct viommu *v, unsigned out_len, unsigned in_len)
{
	uint32_t id, len;

	v->requests.desc[0] = (struct vio_desc){pa(v->out), out_len, in_len ? VIO_D_NEXT : 0, 1};
	v->requests.desc[1] = (struct vio_desc){pa(v->in), in_len, VIO_D_WRITE, 0};
	memset(v->in, 0xee, in_len);
	barrier();
	vio_kick(&v->requests, 0);
	return vio_used(&v->requests, &id, &len) ? (int)len : -1;
}

static void put32(struct viommu *v, unsigned at, uint32_t value)
{
	memcpy(v->out + at, &value, 4);
}

static void put64(struct viommu *v, unsigned at, uint64_t value)
{
	memcpy(v->out + at, &value, 8);
}

static void begin(struct viommu *v, uint8_t type)
{
	memset(v->out, 0, 128);
	v->out[0] = type;
}

/* The tail is 4 bytes behind @before. */
static enum viommu_status finish(struct viommu *v, unsigned out_len, unsigned before)
{
	int len = viommu_raw(v, out_len, before + 4);

	if (len < 0)
		return VS_LOST;
	return (unsigned)len == before + 4 ? (enum viommu_status)v->in[before] : VS_NONE;
}

enum viommu_status viommu_attach(struct viommu *v, uint32_t domain, uint32_t endpoint, uint32_t flags)
{
	begin(v, T_ATTACH);
	put32(v, 4, domain);
	put32(v, 8, endpoint);
	put32(v, 12, flags);
	return finish(v, 20, 0);
}

enum viommu_status viommu_detach(struct viommu *v, uint32_t domain, uint32_t endpoint)
{
	begin(v, T_DETACH);
	put32(v, 4, domain);
	put32(v, 8, endpoint);
	return finish(v, 20, 0);
}

enum viommu_status viommu_map(struct viommu *v, uint32_t domain, uint64_t first, uint64_t last, uint64_t to,
			      uint32_t flags)
{
	begin(v, T_MAP);
	put32(v, 4, domain);
	put64(v, 8, first);
	put64(v, 16, last);
	put64(v, 24, to);
	put32(v, 32, flags);
	return finish(v, 36, 0);
}

enum viommu_status viommu_unmap(struct viommu *v, uint32_t domain, uint64_t first, uint64_t last)
{
	begin(v, T_UNMAP);
	put32(v, 4, domain);
	put64(v, 8, first);
	put64(v, 16, last);
	return finish(v, 28, 0);
}

enum viommu_status viommu_probe(struct viommu *v, uint32_t endpoint)
{
	begin(v, T_PROBE);
	put32(v, 4, endpoint);
	return finish(v, 72, v->probe_size);
}

bool viommu_event(struct viommu *v, struct viommu_fault *fault)
{
	struct vio_queue *q = &v->events;
	unsigned id;

	memset(fault, 0, sizeof(*fault));
	if (!WAIT_FOR((uint16_t)(q->used[0] >> 16) != q->next_used, EVENT_WAIT_US))
		return false;
	id = q->used[1 + 2 * (q->next_used++ % VIO_QUEUE)];
	memcpy(fault, &v->event_buffers[id % VIOMMU_EVENTS], sizeof(*fault));
	give_event_buffer(v, id % VIOMMU_EVENTS);
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's side of one virtqueue in guest memory, split or packed, for tests. Written from the specification (2.7,
 * 2.8) without anything of devices/virtio but the layout constants. Knows memory only by two functions of its owner.
 */
#ifndef AERIE_VIRTIO_DRIVER_RING_H
#define AERIE_VIRTIO_DRIVER_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "virtq_regs.h"

#define VR_MAX 1024u

/* A piece of a request. */
struct vr_buf {
	uint64_t iova;
	uint32_t len;
	bool write; /* the device writes it */
};

struct vr {
	/* Set by the owner. */
	bool packed, event_idx, indirect; /* indirect: requests of more than one piece go into a table */
	uint16_t size;
	uint64_t desc, driver, device; /* IOVAs, as the device gets them */
	uint8_t *desc_mem, *driver_mem, *device_mem;
	/** Room for an indirect table that lives until the request is used; NULL: out of memory. */
	void *(*table)(void *owner, uint16_t id, uint32_t len, uint64_t *iova);
	void *owner;

	uint16_t next_avail, next_used, kicked; /* split: running indices; kicked: available at the last vr_kicks() */
	bool avail_wrap, used_wrap;
	uint32_t added;			/* packed: descriptors since the last vr_kicks() */
	uint16_t free[VR_MAX], nr_free; /* descriptors (split) or ids (packed) */
	uint16_t slots;			/* packed: free places in the ring */
	uint16_t descs[VR_MAX];		/* of the request with this head or id */
	uint16_t next[VR_MAX];		/* split: our own copy of the links */
	bool busy[VR_MAX];
};

static inline uint16_t vr_get16(const uint8_t *at)
{
	return __atomic_load_n((const uint16_t *)(const void *)at, __ATOMIC_ACQUIRE);
}

static inline uint32_t vr_get32(const uint8_t *at)
{
	return __atomic_load_n((const uint32_t *)(const void *)at, __ATOMIC_ACQUIRE);
}

static inline void vr_put16(uint8_t *at, uint16_t v)
{
	__atomic_store_n((uint16_t *)(void *)at, v, __ATOMIC_RELEASE);
}

static inline void vr_put32(uint8_t *at, uint32_t v)
{
	__atomic_store_n((uint32_t *)(void *)at, v, __ATOMIC_RELEASE);
}

/* One descriptor of either layout: @a and @b are flags and next, or id and flags. */
static inline void vr_put_desc(uint8_t *at, uint64_t addr, uint32_t len, uint16_t a, uint16_t b)
{
	memcpy(at, &addr, 8);
	memcpy(at + 8, &len, 4);
	memcpy(at + 12, &a, 2);
	vr_put16(at + 14, b);
}

/** A ring as after reset, its memory cleared. The fields of the owner are kept. */
static inline void vr_reset(struct vr *r)
{
	memset(r->desc_mem, 0, VIRTQ_DESC_SIZE * r->size);
	memset(r->driver_mem, 0, r->packed ? VIRTQ_EVENT_SIZE : virtq_avail_size(r->size));
	memset(r->device_mem, 0, r->packed ? VIRTQ_EVENT_SIZE : virtq_used_size(r->size));
	r->next_avail = r->next_used = r->kicked = 0;
	r->avail_wrap = r->used_wrap = true;
	r->added = 0;
	r->nr_free = r->slots = r->size;
	for (uint16_t i = 0; i < r->size; i++)
		r->free[i] = (uint16_t)(r->size - 1 - i);
	memset(r->busy, 0, sizeof(r->busy));
}

static inline uint16_t vr_avail_flags(const struct vr *r, bool wrap)
{
	return wrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
}

static inline bool vr_fill_table(struct vr *r, uint16_t id, const struct vr_buf *bufs, unsigned n, uint64_t *iova)
{
	uint8_t *table = r->table(r->owner, id, n * 16u, iova);

	for (unsigned i = 0; table && i < n; i++) {
		uint16_t flags = bufs[i].write ? VIRTQ_DESC_F_WRITE : 0;

		if (r->packed)
			vr_put_desc(table + 16 * i, bufs[i].iova, bufs[i].len, 0, flags);
		else
			vr_put_desc(table + 16 * i, bufs[i].iova, bufs[i].len,
				    (uint16_t)(flags | (i + 1 < n ? VIRTQ_DESC_F_NEXT : 0)), (uint16_t)(i + 1));
	}
	return table;
}

static inline int vr_add_split(struct vr *r, const struct vr_buf *bufs, unsigned n, uint16_t outer)
{
	uint16_t head = r->free[r->nr_free - 1], at = head;

	for (unsigned i = 0; i < n; i++) {
		bool more = i + 1 < n;
		uint16_t flags = (uint16_t)(outer | (bufs[i].write ? VIRTQ_DESC_F_WRITE : 0));

		at = r->free[--r->nr_free];
		r->next[at] = more ? r->free[r->nr_free - 1] : 0;
		vr_put_desc(r->desc_mem + 16 * at, bufs[i].iova, bufs[i].len,
			    (uint16_t)(flags | (more ? VIRTQ_DESC_F_NEXT : 0)), r->next[at]);
	}
	r->descs[head] = (uint16_t)n;
	r->busy[head] = true;
	vr_put16(r->driver_mem + VIRTQ_AVAIL_RING + 2 * (r->next_avail % r->size), head);
	vr_put16(r->driver_mem + VIRTQ_AVAIL_IDX, ++r->next_avail);
	return head;
}

static inline int vr_add_packed(struct vr *r, const struct vr_buf *bufs, unsigned n, uint16_t outer)
{
	uint16_t id = r->free[--r->nr_free], first = r->next_avail, first_flags = 0;

	for (unsigned i = 0; i < n; i++) {
		uint16_t flags = (uint16_t)(outer | (bufs[i].write ? VIRTQ_DESC_F_WRITE : 0) |
					    (i + 1 < n ? VIRTQ_DESC_F_NEXT : 0) | vr_avail_flags(r, r->avail_wrap));
		uint8_t *at = r->desc_mem + 16 * r->next_avail;

		memcpy(at, &bufs[i].iova, 8);
		memcpy(at + 8, &bufs[i].len, 4);
		memcpy(at + 12, &id, 2);
		if (i == 0)
			first_flags = flags;
		else
			vr_put16(at + 14, flags);
		if (++r->next_avail == r->size) {
			r->next_avail = 0;
			r->avail_wrap = !r->avail_wrap;
		}
	}
	r->descs[id] = (uint16_t)n;
	r->busy[id] = true;
	r->slots -= (uint16_t)n;
	r->added += n;
	vr_put16(r->desc_mem + 16 * first + 14, first_flags);
	return id;
}

/** Makes a request available; readable pieces first. Returns its id, -1 when the ring is full. */
static inline int vr_add(struct vr *r, const struct vr_buf *bufs, unsigned n)
{
	bool table = r->indirect && n > 1;
	struct vr_buf outer = {.len = n * 16u};
	unsigned need = table ? 1 : n;

	if (r->nr_free < (r->packed ? 1 : need) || (r->packed && r->slots < need))
		return -1;
	if (table && !vr_fill_table(r, r->free[r->nr_free - 1], bufs, n, &outer.iova))
		return -1;
	if (table)
		bufs = &outer;
	return (r->packed ? vr_add_packed : vr_add_split)(r, bufs, need, table ? VIRTQ_DESC_F_INDIRECT : 0);
}

/** True when the device wants to be notified of what was added since the last call. */
static inline bool vr_kicks(struct vr *r)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!r->packed) {
		uint16_t old = r->kicked;

		r->kicked = r->next_avail;
		if (!r->event_idx)
			return !(vr_get16(r->device_mem) & VIRTQ_USED_F_NO_NOTIFY);
		uint16_t event = vr_get16(r->device_mem + VIRTQ_USED_RING + 8 * r->size);

		return (uint16_t)(r->next_avail - event - 1) < (uint16_t)(r->next_avail - old);
	}
	uint16_t flags = vr_get16(r->device_mem + VIRTQ_EVENT_FLAGS), desc = vr_get16(r->device_mem);
	int n = (int)r->added, event = desc & 0x7fff;

	r->added = 0;
	if (flags != VIRTQ_EVENT_AT_DESC)
		return n > 0 && flags == VIRTQ_EVENT_ENABLE;
	if (!!(desc & VIRTQ_EVENT_WRAP) != r->avail_wrap)
		event -= r->size;
	return event >= (int)r->next_avail - n && event < (int)r->next_avail;
}

/** Takes the next used request. False: none. Aborts on an answer that no device may give. */
static inline bool vr_used(struct vr *r, uint16_t *id, uint32_t *len)
{
	if (!r->packed) {
		if (vr_get16(r->device_mem + VIRTQ_USED_IDX) == r->next_used)
			return false;
		const uint8_t *elem = r->device_mem + VIRTQ_USED_RING + 8 * (r->next_used++ % r->size);
		uint32_t head = vr_get32(elem);

		*len = vr_get32(elem + 4);
		if (head >= r->size || !r->busy[head])
			abort();
		*id = (uint16_t)head;
		for (uint16_t i = 0, at = *id; i < r->descs[*id]; i++, at = r->next[at])
			r->free[r->nr_free++] = at;
	} else {
		uint8_t *at = r->desc_mem + 16 * r->next_used;
		uint16_t flags = vr_get16(at + 14);

		if (!!(flags & VIRTQ_DESC_F_USED) != r->used_wrap || !!(flags & VIRTQ_DESC_F_AVAIL) != r->used_wrap)
			return false;
		memcpy(id, at + 12, 2);
		*len = flags & VIRTQ_DESC_F_WRITE ? vr_get32(at + 8) : 0;
		if (*id >= r->size || !r->busy[*id])
			abort();
		r->free[r->nr_free++] = *id;
		r->slots += r->descs[*id];
		r->next_used += r->descs[*id];
		if (r->next_used >= r->size) {
			r->next_used -= r->size;
			r->used_wrap = !r->used_wrap;
		}
	}
	r->busy[*id] = false;
	return true;
}

/** Asks the device for an interrupt at the next used entry, or (@on false) for none. */
static inline void vr_interrupts(struct vr *r, bool on)
{
	if (r->packed) {
		vr_put16(r->driver_mem, (uint16_t)(r->next_used | (r->used_wrap ? VIRTQ_EVENT_WRAP : 0)));
		vr_put16(r->driver_mem + VIRTQ_EVENT_FLAGS, (uint16_t)(!on	      ? VIRTQ_EVENT_DISABLE
								       : r->event_idx ? VIRTQ_EVENT_AT_DESC
										      : VIRTQ_EVENT_ENABLE));
	} else if (r->event_idx) {
		vr_put16(r->driver_mem + VIRTQ_AVAIL_RING + 2 * r->size,
			 (uint16_t)(on ? r->next_used : r->next_used - 1));
	} else {
		vr_put16(r->driver_mem, (uint16_t)(on ? 0 : VIRTQ_AVAIL_F_NO_INTERRUPT));
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif

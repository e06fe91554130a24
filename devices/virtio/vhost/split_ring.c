/* SPDX-License-Identifier: Apache-2.0 */
#include "split_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bits.h"
#include "log.h"
#include "sys.h"

#define NO_LINK UINT16_MAX

static size_t desc_bytes(uint16_t size)
{
	return size * sizeof(struct vring_desc);
}

static size_t used_offset(uint16_t size)
{
	return align_up(desc_bytes(size) + sizeof(struct vring_avail) + (size + 1u) * sizeof(uint16_t), 4096);
}

static size_t tables_offset(uint16_t size)
{
	return align_up(used_offset(size) + sizeof(struct vring_used) + size * sizeof(struct vring_used_elem) +
				sizeof(uint16_t),
			4096);
}

static size_t tables_bytes(uint16_t size)
{
	return (size_t)size * SPLIT_RING_MAX_PIECES * sizeof(struct vring_desc);
}

size_t split_ring_bytes(uint16_t size, bool indirect)
{
	return tables_offset(size) + (indirect ? tables_bytes(size) : 0);
}

int split_ring_init(struct split_ring *r, uint16_t size, bool indirect, void *shared, uint64_t addr)
{
	uint8_t *base = shared;

	*r = (struct split_ring){
		.size = size,
		.indirect = indirect,
		.desc = (void *)base,
		.avail = (void *)(base + desc_bytes(size)),
		.used = (void *)(base + used_offset(size)),
		.tables = indirect ? (void *)(base + tables_offset(size)) : NULL,
		.tables_addr = addr + tables_offset(size),
		.slots = calloc(size, sizeof(*r->slots)),
		.link = calloc(size, sizeof(*r->link)),
	};
	/* Mostly never touched: a page of it is there once a request has used it. */
	void *shadow = sys_mmap(tables_bytes(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
				-1, 0);
	if (shadow != MAP_FAILED)
		r->shadow = shadow;
	if (!r->slots || !r->link || !r->shadow) {
		split_ring_fini(r);
		return log_fail(-ENOMEM, "cannot create a queue of %u entries: out of memory", (unsigned)size);
	}
	split_ring_reset(r);
	return 0;
}

void split_ring_fini(struct split_ring *r)
{
	if (r->shadow)
		sys_munmap(r->shadow, tables_bytes(r->size));
	free(r->slots);
	free(r->link);
	*r = (struct split_ring){0};
}

static void begin_anew(struct split_ring *r)
{
	r->avail_idx = r->last_used = 0;
	memset(r->avail, 0, sizeof(*r->avail) + r->size * sizeof(r->avail->ring[0]));
	memset(r->used, 0, sizeof(*r->used) + r->size * sizeof(r->used->ring[0]));
}

void split_ring_reset(struct split_ring *r)
{
	memset(r->slots, 0, r->size * sizeof(*r->slots));
	for (uint16_t i = 0; i < r->size; i++)
		r->link[i] = (uint16_t)(i + 1);
	r->link[r->size - 1] = NO_LINK;
	r->free_head = 0;
	r->nr_free = r->size;
	r->nr_busy = 0;
	begin_anew(r);
}

static struct vring_desc *shadow_of(struct split_ring *r, uint16_t head)
{
	return r->shadow + (size_t)head * SPLIT_RING_MAX_PIECES;
}

/* Takes @n descriptors off the free list; they stay linked. */
static uint16_t take(struct split_ring *r, uint16_t n)
{
	uint16_t head = r->free_head, last = head;

	for (uint16_t i = 1; i < n; i++)
		last = r->link[last];
	r->free_head = r->link[last];
	r->link[last] = NO_LINK;
	r->nr_free = (uint16_t)(r->nr_free - n);
	return head;
}

static void give_back(struct split_ring *r, uint16_t head)
{
	uint16_t last = head, n = 1;

	for (; r->link[last] != NO_LINK; n++)
		last = r->link[last];
	r->link[last] = r->free_head;
	r->free_head = head;
	r->nr_free = (uint16_t)(r->nr_free + n);
	r->nr_busy--;
	r->slots[head].busy = false;
}

/* Writes what shadow says of request @head into shared memory, from scratch. */
static void write_descs(struct split_ring *r, uint16_t head)
{
	const struct vring_desc *from = shadow_of(r, head);
	uint16_t n = r->slots[head].n;

	if (r->indirect && n > 1) {
		size_t at = (size_t)head * SPLIT_RING_MAX_PIECES;
		struct vring_desc *table = r->tables + at;

		for (uint16_t i = 0; i < n; i++) {
			bool more = i + 1 < n;

			table[i] = (struct vring_desc){from[i].addr, from[i].len,
						       (uint16_t)(from[i].flags | (more ? VRING_DESC_F_NEXT : 0)),
						       (uint16_t)(more ? i + 1 : 0)};
		}
		r->desc[head] = (struct vring_desc){r->tables_addr + at * sizeof(*table),
						    (uint32_t)(n * sizeof(*table)), VRING_DESC_F_INDIRECT, 0};
		return;
	}
	for (uint16_t d = head, i = 0; i < n; i++, d = r->link[d]) {
		bool more = i + 1 < n;

		r->desc[d] = (struct vring_desc){from[i].addr, from[i].len,
						 (uint16_t)(from[i].flags | (more ? VRING_DESC_F_NEXT : 0)),
						 more ? r->link[d] : 0};
	}
}

static void publish(struct split_ring *r, uint16_t head)
{
	write_descs(r, head);
	r->avail->ring[r->avail_idx & (r->size - 1)] = head;
	r->avail_idx++;
	__atomic_store_n(&r->avail->idx, r->avail_idx, __ATOMIC_RELEASE);
}

int split_ring_put(struct split_ring *r, const struct vring_desc *descs, unsigned n, const struct split_slot *what)
{
	uint16_t take_n = (uint16_t)(r->indirect ? 1 : n);

	if (n == 0 || n > SPLIT_RING_MAX_PIECES || take_n > r->size)
		return -E2BIG;
	if (take_n > r->nr_free)
		return -ENOSPC;
	uint16_t head = take(r, take_n);
	struct vring_desc *to = shadow_of(r, head);

	for (unsigned i = 0; i < n; i++)
		to[i] = (struct vring_desc){descs[i].addr, descs[i].len, descs[i].flags & VRING_DESC_F_WRITE, 0};
	r->slots[head] = *what;
	r->slots[head].n = (uint16_t)n;
	r->slots[head].order = r->next_order++;
	r->slots[head].busy = true;
	r->nr_busy++;
	publish(r, head);
	return 0;
}

bool split_ring_pending(const struct split_ring *r)
{
	return __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE) != r->last_used;
}

int split_ring_get(struct split_ring *r, struct split_done *done)
{
	uint16_t n = (uint16_t)(__atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE) - r->last_used);

	if (n == 0)
		return 0;
	if (n > r->nr_busy)
		return -EPROTO;
	const struct vring_used_elem *elem = &r->used->ring[r->last_used & (r->size - 1)];
	uint32_t id = __atomic_load_n(&elem->id, __ATOMIC_RELAXED);
	uint32_t len = __atomic_load_n(&elem->len, __ATOMIC_RELAXED);

	if (id >= r->size || !r->slots[id].busy)
		return -EPROTO;
	const struct split_slot *slot = &r->slots[id];

	/* Some back ends count what they have read as written: more than there was room for it cannot be. */
	*done = (struct split_done){slot->id, slot->nr_descs, len < slot->in_len ? len : slot->in_len};
	r->last_used++;
	give_back(r, (uint16_t)id);
	return 1;
}

void split_ring_want_calls(struct split_ring *r, bool want)
{
	__atomic_store_n(&r->avail->flags, want ? 0 : VRING_AVAIL_F_NO_INTERRUPT, __ATOMIC_RELAXED);
	/* Before the used index is looked at again (2.7.7.1). */
	if (want)
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool split_ring_wants_kick(const struct split_ring *r)
{
	/* After the available index was written (2.7.10.1). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !(__atomic_load_n(&r->used->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY);
}

/* Heads of requests, ordered in place: an insertion sort of what is mostly in order. */
static void sort_by_order(const struct split_ring *r, uint16_t *heads, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		uint16_t head = heads[i];
		unsigned at = i;

		for (; at > 0 && r->slots[heads[at - 1]].order > r->slots[head].order; at--)
			heads[at] = heads[at - 1];
		heads[at] = head;
	}
}

unsigned split_ring_again(struct split_ring *r)
{
	uint16_t heads[SPLIT_RING_MAX_SIZE];
	unsigned n = 0;

	begin_anew(r);
	for (uint16_t i = 0; i < r->size; i++)
		if (r->slots[i].busy)
			heads[n++] = i;
	sort_by_order(r, heads, n);
	for (unsigned i = 0; i < n; i++)
		publish(r, heads[i]);
	return n;
}

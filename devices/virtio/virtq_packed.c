/* SPDX-License-Identifier: Apache-2.0 */
/* Packed virtqueues (virtio 1.3, 2.8). */
#include <errno.h>

#include "bits.h"
#include "virtio_priv.h"
#include "virtq_regs.h"

static uint64_t desc_at(const struct virtq *q, uint16_t index)
{
	return q->desc + index * VIRTQ_DESC_SIZE;
}

/* 2.8.1: available when AVAIL equals the wrap counter and USED does not. */
static int packed_look(struct virtq *q)
{
	uint16_t flags;
	int err = virtq_load16(q, desc_at(q, q->next_avail) + VIRTQ_PACKED_AT_FLAGS, &flags);

	if (err)
		return err;
	return !!(flags & VIRTQ_DESC_F_AVAIL) == q->avail_wrap && !!(flags & VIRTQ_DESC_F_USED) != q->avail_wrap;
}

static void advance(const struct virtq *q, uint16_t *at, bool *wrap, uint16_t n)
{
	uint32_t next = *at + (uint32_t)n;

	if (next >= q->size) {
		next -= q->size;
		*wrap = !*wrap;
	}
	*at = (uint16_t)next;
}

/*
 * The list that begins at next_avail. Its first descriptor was made available after the others (2.8.6), so they need
 * not be asked. The buffer id is in the last one.
 */
static int collect(struct virtq *q, struct virtq_chain *chain)
{
	uint16_t at = q->next_avail, n = 0;
	bool wrap = q->avail_wrap, more = true;

	while (more) {
		struct virtq_desc desc;

		if (n == q->size - q->in_flight) {
			virtq_break(q, "a list that does not end");
			return -EPROTO;
		}
		int err = virtq_load_desc(q, desc_at(q, at), true, &desc);

		if (err)
			return err;
		uint32_t len = (uint32_t)field_get(VIRTQ_PACKED_LEN, desc.word);
		uint16_t flags = (uint16_t)field_get(VIRTQ_PACKED_FLAGS, desc.word);

		more = flags & VIRTQ_DESC_F_NEXT;
		if (!(flags & VIRTQ_DESC_F_INDIRECT)) {
			err = virtq_chain_add(q, chain, desc.addr, len, flags);
		} else if (more || n > 0) { /* 2.8.19: a list is of one kind */
			virtq_break(q, "an indirect table in a list of descriptors");
			return -EPROTO;
		} else {
			err = virtq_chain_add_table(q, chain, desc.addr, len);
		}
		if (err)
			return err;
		chain->id = (uint16_t)field_get(VIRTQ_PACKED_ID, desc.word);
		advance(q, &at, &wrap, 1);
		n++;
	}
	chain->nr_descs = n;
	return 0;
}

static int packed_pop(struct virtq *q, struct virtq_chain *chain)
{
	int err = collect(q, chain);

	if (err)
		return err;
	advance(q, &q->next_avail, &q->avail_wrap, chain->nr_descs);
	q->in_flight += chain->nr_descs;
	return 0;
}

/* The descriptor that says that a list is used; its flags release it. */
static int store_used(struct virtq *q, uint16_t index, bool wrap, const struct virtq_used *used)
{
	uint64_t at = desc_at(q, index);
	uint16_t flags = (uint16_t)((wrap ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0) |
				    (used->written > 0 ? VIRTQ_DESC_F_WRITE : 0));
	int err = virtq_store32(q, at + VIRTQ_PACKED_AT_LEN, used->written);

	if (!err)
		err = virtq_store16(q, at + VIRTQ_PACKED_AT_ID, used->id);
	return err ? err : virtq_store16(q, at + VIRTQ_PACKED_AT_FLAGS, flags);
}

/* One used descriptor for each list, in the places of the oldest that were not used yet. The driver goes from one to
 * the next, so it sees none of them before the first. */
static int packed_push(struct virtq *q, const struct virtq_used *used, unsigned n)
{
	uint16_t at = q->next_used;
	bool wrap = q->used_wrap;
	int err = 0;

	advance(q, &at, &wrap, used[0].nr_descs);
	for (unsigned i = 1; i < n && !err; i++) {
		err = store_used(q, at, wrap, &used[i]);
		advance(q, &at, &wrap, used[i].nr_descs);
	}
	if (!err)
		err = store_used(q, q->next_used, q->used_wrap, &used[0]);
	if (err)
		return err;
	q->next_used = at;
	q->used_wrap = wrap;
	return 0;
}

/* 2.8.10: for a single descriptor when its place was passed by the last @n, which may have begun on the lap before. */
static int packed_wants_interrupt(struct virtq *q, uint32_t n)
{
	uint16_t flags, desc;
	int err = virtq_load16(q, q->driver + VIRTQ_EVENT_FLAGS, &flags);

	if (err)
		return err;
	flags &= VIRTQ_EVENT_MASK;
	if (flags != VIRTQ_EVENT_AT_DESC || !q->event_idx)
		return flags != VIRTQ_EVENT_DISABLE;
	err = virtq_load16(q, q->driver + VIRTQ_EVENT_DESC, &desc);
	if (err)
		return err;
	int32_t event = desc & (VIRTQ_EVENT_WRAP - 1u), now = q->next_used;

	if (event >= q->size || n >= q->size)
		return 1;
	if (!!(desc & VIRTQ_EVENT_WRAP) != q->used_wrap)
		event -= q->size;
	return event >= now - (int32_t)n && event < now;
}

static int packed_set_kicks(struct virtq *q, bool want)
{
	uint16_t flags = (uint16_t)(want ? VIRTQ_EVENT_ENABLE : VIRTQ_EVENT_DISABLE);

	if (want && q->event_idx) {
		uint16_t desc = q->next_avail | (q->avail_wrap ? VIRTQ_EVENT_WRAP : 0);
		int err = virtq_store16(q, q->device + VIRTQ_EVENT_DESC, (uint16_t)desc);

		if (err)
			return err;
		flags = VIRTQ_EVENT_AT_DESC;
	}
	return virtq_store16(q, q->device + VIRTQ_EVENT_FLAGS, flags);
}

static void packed_unpop(struct virtq *q, uint16_t n, uint16_t nr_descs)
{
	if (nr_descs > q->next_avail) {
		q->next_avail += q->size;
		q->avail_wrap = !q->avail_wrap;
	}
	q->next_avail -= nr_descs;
}

const struct virtq_layout virtq_packed = {
	.look = packed_look,
	.pop = packed_pop,
	.push = packed_push,
	.wants_interrupt = packed_wants_interrupt,
	.set_kicks = packed_set_kicks,
	.unpop = packed_unpop,
};

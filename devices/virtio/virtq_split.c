/* SPDX-License-Identifier: Apache-2.0 */
/* Split virtqueues (virtio 1.3, 2.7). */
#include <errno.h>

#include "bits.h"
#include "virtio_priv.h"
#include "virtq_regs.h"

static int split_look(struct virtq *q)
{
	if (q->next_avail != q->avail_seen)
		return 1;
	int err = virtq_load16(q, q->driver + VIRTQ_AVAIL_IDX, &q->avail_seen);

	if (err)
		return err;
	if ((uint16_t)(q->avail_seen - q->next_avail) > q->size) {
		virtq_break(q, "available index %u, %u more than there are entries", q->avail_seen,
			    (uint16_t)(q->avail_seen - q->next_avail) - q->size);
		return -EPROTO;
	}
	return q->next_avail != q->avail_seen;
}

/* 2.7.5: at most as many descriptors as the table has, which ends loops. A table may come last (2.7.5.3.2). */
static int collect(struct virtq *q, struct virtq_chain *chain, uint16_t at)
{
	for (unsigned n = 0; n < q->size; n++) {
		struct virtq_desc desc;

		if (at >= q->size) {
			virtq_break(q, "descriptor %u of %u", at, q->size);
			return -EPROTO;
		}
		int err = virtq_load_desc(q, q->desc + at * VIRTQ_DESC_SIZE, true, &desc);

		if (err)
			return err;
		uint32_t len = (uint32_t)field_get(VIRTQ_SPLIT_LEN, desc.word);
		uint16_t flags = (uint16_t)field_get(VIRTQ_SPLIT_FLAGS, desc.word);

		if (flags & VIRTQ_DESC_F_INDIRECT) {
			if (flags & VIRTQ_DESC_F_NEXT) { /* 2.7.5.3.1 */
				virtq_break(q, "an indirect table with a next descriptor");
				return -EPROTO;
			}
			return virtq_chain_add_table(q, chain, desc.addr, len);
		}
		err = virtq_chain_add(q, chain, desc.addr, len, flags);
		if (err || !(flags & VIRTQ_DESC_F_NEXT))
			return err;
		at = (uint16_t)field_get(VIRTQ_SPLIT_NEXT, desc.word);
	}
	virtq_break(q, "a chain that does not end");
	return -EPROTO;
}

static int split_pop(struct virtq *q, struct virtq_chain *chain)
{
	uint16_t head;
	uint64_t slot = q->driver + VIRTQ_AVAIL_RING + 2u * (q->next_avail & (q->size - 1u));
	int err;

	if (q->in_flight >= q->size) {
		virtq_break(q, "more chains than descriptors");
		return -EPROTO;
	}
	err = virtq_load16(q, slot, &head);
	if (!err)
		err = collect(q, chain, head);
	if (err)
		return err;
	chain->id = head;
	chain->nr_descs = 1;
	q->next_avail++;
	q->in_flight++;
	return 0;
}

static int store_elem(struct virtq *q, uint16_t index, const struct virtq_used *used)
{
	uint64_t elem = q->device + VIRTQ_USED_RING + VIRTQ_USED_ELEM * (index & (q->size - 1u));
	int err = virtq_store32(q, elem, used->id);

	return err ? err : virtq_store32(q, elem + 4, used->written);
}

static int split_push(struct virtq *q, const struct virtq_used *used, unsigned n)
{
	int err = 0;

	for (unsigned i = 0; i < n && !err; i++)
		err = store_elem(q, (uint16_t)(q->next_used + i), &used[i]);
	/* The index releases the entries (2.7.8.2). */
	if (!err)
		err = virtq_store16(q, q->device + VIRTQ_USED_IDX, (uint16_t)(q->next_used + n));
	if (!err)
		q->next_used = (uint16_t)(q->next_used + n);
	return err;
}

/* 2.7.7.2: with event indices when the index passes used_event, else unless the driver's flag says no. */
static int split_wants_interrupt(struct virtq *q, uint32_t n)
{
	uint16_t value;
	uint64_t at = q->driver + (q->event_idx ? VIRTQ_AVAIL_RING + 2u * q->size : VIRTQ_AVAIL_FLAGS);
	int err = virtq_load16(q, at, &value);

	if (err)
		return err;
	if (!q->event_idx)
		return !(value & VIRTQ_AVAIL_F_NO_INTERRUPT);
	return n > q->size || (uint16_t)(q->next_used - 1 - value) < n;
}

/* 2.7.10.2: without event indices by the flag, else by moving avail_event, which stays behind when nothing is wanted.
 */
static int split_set_kicks(struct virtq *q, bool want)
{
	if (!q->event_idx)
		return virtq_store16(q, q->device + VIRTQ_USED_FLAGS, (uint16_t)(want ? 0 : VIRTQ_USED_F_NO_NOTIFY));
	if (!want)
		return 0;
	return virtq_store16(q, q->device + VIRTQ_USED_RING + VIRTQ_USED_ELEM * q->size, q->next_avail);
}

static void split_unpop(struct virtq *q, uint16_t n, uint16_t nr_descs)
{
	q->next_avail -= n;
}

const struct virtq_layout virtq_split = {
	.look = split_look,
	.pop = split_pop,
	.push = split_push,
	.wants_interrupt = split_wants_interrupt,
	.set_kicks = split_set_kicks,
	.unpop = split_unpop,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* The pretended back end's data path: every request is echoed. */
#include <string.h>
#include <unistd.h>
#include <linux/virtio_ring.h>

#include "fake_vu_priv.h"

void *fake_vu_at(struct fake_vu *vu, uint64_t addr, uint64_t len, bool user)
{
	for (unsigned i = 0; i < vu->nr_regions; i++) {
		const struct fake_vu_region *r = &vu->regions[i];
		uint64_t at = addr - (user ? r->user : r->addr);

		if (at < r->size && len <= r->size - at)
			return r->map + r->offset + at;
	}
	fake_vu_abort(__FILE__, __LINE__, "an address in the memory table");
}

/* A chain, flat. */
struct chain {
	struct vring_desc descs[2048];
	unsigned n;
};

static void walk(struct fake_vu *vu, struct fake_vu_ring *r, uint16_t head, struct chain *c)
{
	const struct vring_desc *table = r->desc;
	unsigned size = r->size, i = head;

	c->n = 0;
	if (table[i].flags & VRING_DESC_F_INDIRECT) {
		must(vu->acked >> VIRTIO_RING_F_INDIRECT_DESC & 1);
		must(table[i].flags == VRING_DESC_F_INDIRECT && table[i].len % 16 == 0);
		size = table[i].len / 16;
		table = fake_vu_at(vu, table[i].addr, table[i].len, false);
		i = 0;
	}
	for (;;) {
		must(i < size && c->n < size);
		c->descs[c->n] = table[i];
		must(!c->n || !(c->descs[c->n - 1].flags & ~table[i].flags & VRING_DESC_F_WRITE));
		c->n++;
		if (!(table[i].flags & VRING_DESC_F_NEXT))
			return;
		i = table[i].next;
	}
}

/* Copies what can be read into what can be written. Returns bytes written. */
static uint32_t echo(struct fake_vu *vu, struct chain *c)
{
	uint32_t done = 0, in_at = 0;
	unsigned in = 0;

	while (in < c->n && !(c->descs[in].flags & VRING_DESC_F_WRITE))
		in++;
	for (unsigned i = 0; i < c->n && !(c->descs[i].flags & VRING_DESC_F_WRITE); i++) {
		const uint8_t *from = fake_vu_at(vu, c->descs[i].addr, c->descs[i].len, false);

		for (uint32_t k = 0; k < c->descs[i].len; k++) {
			while (in < c->n && in_at == c->descs[in].len) {
				in++;
				in_at = 0;
			}
			if (in == c->n)
				return done;
			uint8_t *to = fake_vu_at(vu, c->descs[in].addr, c->descs[in].len, false);

			to[in_at++] = from[k];
			done++;
		}
	}
	return done;
}

static void put_used(struct fake_vu_ring *r, uint32_t id, uint32_t len)
{
	struct vring_used *used = r->used;

	used->ring[r->next_used % r->size] = (struct vring_used_elem){id, len};
	r->next_used++;
	__atomic_store_n(&used->idx, r->next_used, __ATOMIC_RELEASE);
}

static void scribble(struct fake_vu_ring *r)
{
	memset(r->desc, 0xee, r->size * 16u);
	memset(r->avail, 0xee, 4u + 2u * r->size);
}

static void answer(struct fake_vu *vu, struct fake_vu_ring *r, uint16_t head)
{
	static struct chain c;
	uint64_t one = 1;
	uint32_t len;

	walk(vu, r, head, &c);
	len = echo(vu, &c);
	switch (vu->evil) {
	case FAKE_VU_USED_BEYOND:
		put_used(r, r->size, len);
		break;
	case FAKE_VU_USED_IDLE:
		put_used(r, (head + 1u) % r->size, len);
		break;
	case FAKE_VU_USED_TWICE:
		put_used(r, head, len);
		put_used(r, head, len);
		break;
	case FAKE_VU_USED_JUMP:
		r->next_used += 0x7ff0;
		put_used(r, head, len);
		break;
	case FAKE_VU_USED_LENGTH:
		put_used(r, head, UINT32_MAX);
		break;
	case FAKE_VU_SCRIBBLE:
		scribble(r);
		put_used(r, head, len);
		break;
	default:
		put_used(r, head, len);
	}
	if (!(__atomic_load_n(&((struct vring_avail *)r->avail)->flags, __ATOMIC_SEQ_CST) & VRING_AVAIL_F_NO_INTERRUPT))
		must(write(r->call, &one, sizeof(one)) == sizeof(one));
}

void fake_vu_answer_held(struct fake_vu *vu)
{
	for (unsigned i = 0; i < vu->nr_held; i++)
		answer(vu, &vu->rings[vu->held[i].ring], vu->held[i].head);
	vu->nr_held = 0;
}

static void take(struct fake_vu *vu, unsigned index, uint16_t head)
{
	static struct chain c;
	struct fake_vu_ring *r = &vu->rings[index];

	must(head < r->size && vu->nr_held < 2048);
	walk(vu, r, head, &c);
	must(vu->nr_seen < FAKE_VU_SEEN);
	vu->seen[vu->nr_seen] = 0;
	if (!(c.descs[0].flags & VRING_DESC_F_WRITE) && c.descs[0].len >= 4)
		memcpy(&vu->seen[vu->nr_seen], fake_vu_at(vu, c.descs[0].addr, 4, false), 4);
	vu->nr_seen++;
	vu->held[vu->nr_held].ring = index;
	vu->held[vu->nr_held++].head = head;
}

void fake_vu_serve(struct fake_vu *vu, unsigned index)
{
	struct fake_vu_ring *r = &vu->rings[index];
	struct vring_avail *avail = r->avail;

	while (__atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE) != r->next_avail) {
		take(vu, index, avail->ring[r->next_avail % r->size]);
		r->next_avail++;
		/* The ring is in use by both sides: lying about it goes for the next request, too. */
		if (vu->evil == FAKE_VU_SCRIBBLE)
			break;
	}
}

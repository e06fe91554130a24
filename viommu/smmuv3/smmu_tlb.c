/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Valid entries lie packed at the front, so that what has to look at all of them looks at nothing else. A hash chain
 * holds entries by address, size and tag; a lookup tries each size that is present, of which there are a few.
 */
#include "smmu_tlb.h"

#include <string.h>

#include "bits.h"

#define NIL UINT16_MAX

_Static_assert(SMMU_TLB_ENTRIES < NIL, "indexes");

void smmu_tlb_reset(struct smmu_tlb *tlb)
{
	memset(tlb->heads, 0xff, sizeof(tlb->heads));
	memset(tlb->sizes, 0, sizeof(tlb->sizes));
	memset(tlb->present, 0, sizeof(tlb->present));
	tlb->used = 0;
	tlb->fragments = 0;
	tlb->victim = 0;
	tlb->displaced = false;
}

static uint64_t mask_of(unsigned bits)
{
	return BIT64(bits) - 1;
}

/* The ASID of a global entry is no part of its name. */
static uint32_t bucket_of(uint64_t va, unsigned size_bits, const struct smmu_tlb_tag *tag, bool global)
{
	uint64_t h = (va >> size_bits) * UINT64_C(0x9e3779b97f4a7c15);

	h ^= ((uint64_t)tag->vmid << 32 | (uint64_t)(global ? 0 : tag->asid) << 16 | (uint64_t)size_bits << 8 |
	      (uint64_t)tag->world << 4 | tag->stages) *
	     UINT64_C(0xc2b2ae3d27d4eb4f);
	return (uint32_t)(h >> 40) & (SMMU_TLB_BUCKETS - 1);
}

static uint32_t bucket_of_entry(const struct smmu_tlb_entry *e)
{
	return bucket_of(e->va, e->size_bits, &e->tag, e->global);
}

static bool is_for(const struct smmu_tlb_entry *e, uint64_t va, unsigned size_bits, const struct smmu_tlb_tag *tag,
		   bool global)
{
	return e->va == (va & ~mask_of(size_bits)) && e->size_bits == size_bits && e->global == global &&
	       e->tag.world == tag->world && e->tag.stages == tag->stages && e->tag.vmid == tag->vmid &&
	       (global || e->tag.asid == tag->asid);
}

static uint16_t probe(const struct smmu_tlb *tlb, uint64_t va, unsigned size_bits, const struct smmu_tlb_tag *tag,
		      bool global)
{
	uint16_t i = tlb->heads[bucket_of(va, size_bits, tag, global)];

	while (i != NIL && !is_for(&tlb->entries[i], va, size_bits, tag, global))
		i = tlb->entries[i].next;
	return i;
}

const struct smmu_tlb_entry *smmu_tlb_find(const struct smmu_tlb *tlb, const struct smmu_tlb_tag *tag, uint64_t va)
{
	for (unsigned global = 0; global < 2; global++) {
		for (uint64_t left = tlb->present[global]; left != 0; left &= left - 1) {
			uint16_t i = probe(tlb, va, (unsigned)__builtin_ctzll(left), tag, global);

			if (i != NIL)
				return &tlb->entries[i];
		}
	}
	return NULL;
}

static void count(struct smmu_tlb *tlb, const struct smmu_tlb_entry *e, int by)
{
	unsigned *n = &tlb->sizes[e->global][e->size_bits];

	*n += (unsigned)by;
	if (*n != 0)
		tlb->present[e->global] |= BIT64(e->size_bits);
	else
		tlb->present[e->global] &= ~BIT64(e->size_bits);
	if (e->block_bits > e->size_bits)
		tlb->fragments += (unsigned)by;
}

/* The link that leads to entry @i. */
static uint16_t *link_to(struct smmu_tlb *tlb, unsigned i)
{
	uint16_t *link = &tlb->heads[bucket_of_entry(&tlb->entries[i])];

	while (*link != i)
		link = &tlb->entries[*link].next;
	return link;
}

static void remove_entry(struct smmu_tlb *tlb, unsigned i)
{
	unsigned last = tlb->used - 1;

	count(tlb, &tlb->entries[i], -1);
	*link_to(tlb, i) = tlb->entries[i].next;
	if (i != last) {
		*link_to(tlb, last) = (uint16_t)i;
		tlb->entries[i] = tlb->entries[last];
	}
	tlb->used = last;
}

void smmu_tlb_insert(struct smmu_tlb *tlb, const struct smmu_tlb_entry *entry)
{
	uint16_t old = probe(tlb, entry->va, entry->size_bits, &entry->tag, entry->global);

	if (old != NIL) {
		const struct smmu_tlb_entry *o = &tlb->entries[old];

		/* A command may name the level and the granule that the old one had. */
		tlb->displaced |= o->block_bits != entry->block_bits || o->page_bits != entry->page_bits;
		remove_entry(tlb, old);
	} else if (tlb->used == SMMU_TLB_ENTRIES) {
		remove_entry(tlb, tlb->victim);
		/* A stride that is coprime to the size reaches all of them, in an order that no buffer follows. */
		tlb->victim = (tlb->victim + 1663) % SMMU_TLB_ENTRIES;
		tlb->displaced = true;
	}

	struct smmu_tlb_entry *e = &tlb->entries[tlb->used];
	uint16_t *head = &tlb->heads[bucket_of_entry(entry)];

	*e = *entry;
	e->next = *head;
	*head = (uint16_t)tlb->used++;
	count(tlb, e, 1);
}

static bool in_scope(const struct smmu_tlb_entry *e, const struct smmu_tlb_scope *s)
{
	if (!(s->worlds & BIT32(e->tag.world)) || !(s->stages & e->tag.stages))
		return false;
	if (s->by_vmid && e->tag.vmid != s->vmid)
		return false;
	if (s->by_asid && (e->global ? !s->with_global : e->tag.asid != s->asid))
		return false;
	if (s->page_bits && e->page_bits != s->page_bits)
		return false;
	if (s->level && e->level != s->level)
		return false;
	return !s->by_address ||
	       ((e->va & ~mask_of(e->block_bits)) <= s->last && s->first <= (e->va | mask_of(e->block_bits)));
}

static unsigned scan(struct smmu_tlb *tlb, const struct smmu_tlb_scope *s)
{
	unsigned before = tlb->used;

	for (unsigned i = before; i-- > 0;) {
		if (in_scope(&tlb->entries[i], s))
			remove_entry(tlb, i);
	}
	return before - tlb->used;
}

/* Entries that lie under one name at @va. */
static unsigned remove_named(struct smmu_tlb *tlb, const struct smmu_tlb_scope *s, uint64_t va, unsigned size_bits,
			     bool global)
{
	unsigned removed = 0;

	for (unsigned worlds = s->worlds; worlds != 0; worlds &= worlds - 1) {
		for (unsigned stages = s->stages; stages != 0; stages &= stages - 1) {
			struct smmu_tlb_tag tag = {(uint8_t)__builtin_ctz(worlds), (uint8_t)(stages & -stages), s->vmid,
						   s->asid};
			uint16_t i = probe(tlb, va, size_bits, &tag, global);

			if (i != NIL && in_scope(&tlb->entries[i], s)) {
				remove_entry(tlb, i);
				removed++;
			}
		}
	}
	return removed;
}

/* Number of pages to ask for, over all sizes; the entries in use at most, as looking at those is cheaper then. */
static uint64_t probes(const struct smmu_tlb *tlb, const struct smmu_tlb_scope *s)
{
	uint64_t n = 0;

	for (uint64_t left = tlb->present[0] | tlb->present[1]; left != 0 && n < tlb->used; left &= left - 1) {
		unsigned bits = (unsigned)__builtin_ctzll(left);

		n += (s->last >> bits) - (s->first >> bits) + 1;
	}
	return n;
}

static unsigned remove_by_name(struct smmu_tlb *tlb, const struct smmu_tlb_scope *s)
{
	unsigned removed = 0;

	for (unsigned global = 0; global < 2; global++) {
		for (uint64_t left = tlb->present[global]; left != 0; left &= left - 1) {
			unsigned bits = (unsigned)__builtin_ctzll(left);

			for (uint64_t n = s->first >> bits; n <= s->last >> bits; n++)
				removed += remove_named(tlb, s, n << bits, bits, global);
		}
	}
	return removed;
}

unsigned smmu_tlb_invalidate(struct smmu_tlb *tlb, const struct smmu_tlb_scope *scope)
{
	/* A name is complete with address, VMID and ASID; a fragment is also known by addresses outside it. */
	if (!scope->by_address || !scope->by_vmid || !scope->by_asid || tlb->fragments != 0 ||
	    probes(tlb, scope) >= tlb->used)
		return scan(tlb, scope);
	return remove_by_name(tlb, scope);
}

bool smmu_tlb_forgotten(struct smmu_tlb *tlb)
{
	bool displaced = tlb->displaced;

	tlb->displaced = false;
	return displaced;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IOTLB: final translations of an SMMU's emulated endpoints, shared by all of them. A bounded table with a hash
 * over it, without allocation; what does not fit displaces another entry. Only leaf translations are kept, never
 * pointers to next-level tables, so that the Leaf parameter of a command makes no difference here.
 *
 * An entry stays until a command names it, as in a real TLB: software that forgets an invalidation notices.
 */
#ifndef AERIE_SMMU_TLB_H
#define AERIE_SMMU_TLB_H

#include <stdbool.h>
#include <stdint.h>

#include "smmu_walk.h"

#define SMMU_TLB_ENTRIES 4096u
#define SMMU_TLB_BUCKETS 8192u /* power of two */

/* Which stages an entry stands for, as bits. */
#define SMMU_TLB_S1  1u /* VA to PA, stage 2 bypassed */
#define SMMU_TLB_S12 2u /* VA to PA through both stages */
#define SMMU_TLB_S2  4u /* IPA to PA; world EL1 */
#define SMMU_TLB_ANY (SMMU_TLB_S1 | SMMU_TLB_S12 | SMMU_TLB_S2)

/* What a lookup is for, and under which names an entry is found and invalidated (3.17). */
struct smmu_tlb_tag {
	uint8_t world;	/* enum smmu_world */
	uint8_t stages; /* one of SMMU_TLB_* */
	uint16_t vmid;	/* 0 where the stream has none */
	uint16_t asid;	/* 0 where there is none */
};

struct smmu_tlb_entry {
	uint64_t va; /* first input address; a VA is sign-extended from bit 55 */
	uint64_t pa;
	struct smmu_tlb_tag tag;
	bool global;	    /* matches every ASID */
	uint8_t size_bits;  /* log2 of what is translated */
	uint8_t page_bits;  /* granule of the tables that the entry is named after: stage 1, or 2 for SMMU_TLB_S2 */
	uint8_t block_bits; /* size of that table's entry: an address anywhere in it names this translation */
	uint8_t level;	    /* of it: 1 .. 3 */
	uint8_t perms[2];   /* as struct smmu_mapping */
	uint16_t next;	    /* in the hash chain */
};

/* Which entries to remove: those to which every condition applies. */
struct smmu_tlb_scope {
	unsigned worlds; /* bits 1 << enum smmu_world */
	unsigned stages; /* SMMU_TLB_* */
	bool by_vmid, by_asid, by_address;
	bool with_global; /* by_asid spares no global entry */
	uint16_t vmid, asid;
	uint64_t first, last; /* addresses, inclusive */
	uint8_t page_bits;    /* 0: any granule */
	uint8_t level;	      /* 0: any level */
};

struct smmu_tlb {
	struct smmu_tlb_entry entries[SMMU_TLB_ENTRIES]; /* [0, used) are valid */
	uint16_t heads[SMMU_TLB_BUCKETS];
	unsigned used;
	unsigned sizes[2][64]; /* entries of each size: [global][size_bits] */
	uint64_t present[2];   /* sizes that are not 0, as bits */
	unsigned fragments;    /* entries smaller than their block */
	unsigned victim;
	bool displaced; /* since smmu_tlb_forgotten() */
};

void smmu_tlb_reset(struct smmu_tlb *tlb);

/** The entry for @va, or NULL. Valid until the next call that changes @tlb. */
const struct smmu_tlb_entry *smmu_tlb_find(const struct smmu_tlb *tlb, const struct smmu_tlb_tag *tag, uint64_t va);

/** Adds @entry (va, pa aligned to its size; next is ignored); replaces the one of the same address, size and tag. */
void smmu_tlb_insert(struct smmu_tlb *tlb, const struct smmu_tlb_entry *entry);

/** Returns the number of entries removed. */
unsigned smmu_tlb_invalidate(struct smmu_tlb *tlb, const struct smmu_tlb_scope *scope);

/** A translation that is not in here was given away. */
static inline void smmu_tlb_passed_by(struct smmu_tlb *tlb)
{
	tlb->displaced = true;
}

/** True once after entries were displaced for want of room or by others of the same name, or after
 *  smmu_tlb_passed_by(): caches below may hold translations that no command can find here. */
bool smmu_tlb_forgotten(struct smmu_tlb *tlb);

/** Level of a leaf of 2^@block_bits in tables of granule 2^@page_bits. */
static inline uint8_t smmu_tlb_level(unsigned block_bits, unsigned page_bits)
{
	return (uint8_t)(3 - (block_bits - page_bits) / (page_bits - 3));
}

#endif

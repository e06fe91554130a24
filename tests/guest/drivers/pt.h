/* SPDX-License-Identifier: Apache-2.0 */
/* Builder of VMSAv8-64 translation tables: all granules, levels, both stages. */
#ifndef GUEST_PT_H
#define GUEST_PT_H

#include "rt.h"

struct pt {
	unsigned shift; /* of the granule: 12, 14, 16 */
	unsigned bits;	/* of the input address */
	unsigned start; /* level */
	bool high;	/* TTB1: input addresses begin with ones */
	uint64_t root;	/* address of the table at the start level */
};

/** An empty table. @start: level, or -1 for the one that stage 1 has with this size. */
void pt_init(struct pt *pt, unsigned shift, unsigned bits, int start);
/** Bytes that a leaf at @level maps. */
uint64_t pt_leaf_size(const struct pt *pt, unsigned level);
/** Whether a block or page descriptor may stand at @level (with 48-bit addresses). */
bool pt_leaf_ok(const struct pt *pt, unsigned level);
/** Address of the descriptor of @va at @level, tables on the way made as needed. */
uint64_t *pt_entry(struct pt *pt, uint64_t va, unsigned level);
/** A leaf at @level with the bits @attributes (and valid, and its type). Returns the descriptor. */
uint64_t *pt_map(struct pt *pt, uint64_t va, uint64_t to, unsigned level, uint64_t attributes);
/** An address in the range of the table whose index at each level is different from 0 and the others'. */
uint64_t pt_some_va(const struct pt *pt);

#endif

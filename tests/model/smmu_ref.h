/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second, slow SMMUv3 translation, written from Arm IHI 0070 (5.2, 5.4, 3.4, 3.13) and DDI 0487 (D8) alone, to hold
 * viommu/smmuv3/smmu_walk.h against. It shares no code, no constants and no structure with that one: it works on the
 * raw words of an STE and a CD, checks every bit where the text mentions it, and asks for each descriptor by a
 * callback, which may make it up on the spot.
 *
 * Covered: AArch64 tables of both stages, alone and nested, all granules, start levels and concatenation, TTB0 and
 * TTB1, address sizes, access flag and dirty state with and without hardware update, permissions. The configuration is
 * taken to be legal.
 */
#ifndef AERIE_SMMU_REF_H
#define AERIE_SMMU_REF_H

#include <stdbool.h>
#include <stdint.h>

/* What a descriptor is read for, so that one can be made up that leads somewhere. */
struct ref_fetch {
	uint64_t addr;
	int stage; /* 1 or 2 */
	int level;
	int page_bits;
};

struct ref_memory {
	/** Reads the 8 bytes at fetch->addr (little endian as stored). False: no memory there. */
	bool (*read)(struct ref_memory *mem, const struct ref_fetch *fetch, uint64_t *word);
	bool (*write)(struct ref_memory *mem, uint64_t addr, uint64_t word);
};

struct ref_config {
	uint64_t ste[8], cd[8]; /* Config of the STE says which stages translate */
	int oas;		/* bits */
	bool xnx;		/* IDR3.XNX */
	bool e2h;		/* CR2.E2H */
};

struct ref_access {
	uint64_t iova;
	bool read, write, exec, priv; /* exec: an instruction fetch (and then neither read nor write) */
};

enum ref_event {
	REF_OK = 0,
	REF_WALK_EABT = 0x0b,
	REF_TRANSLATION = 0x10,
	REF_ADDR_SIZE = 0x11,
	REF_ACCESS = 0x12,
	REF_PERMISSION = 0x13,
};

struct ref_result {
	enum ref_event event;
	int class; /* 1: descriptor of stage 1, 2: the input address */
	bool s2;
	bool ttrnw;	/* class 1: the access to the descriptor was a read */
	uint64_t ipa;	/* of a stage 2 fault */
	uint64_t fetch; /* REF_WALK_EABT */
	uint64_t pa;
	int size_bits; /* smaller of the two entries; 64: no table was walked */
	bool global;
	unsigned updates;	   /* descriptors changed by hardware */
	uint64_t s1_leaf, s2_leaf; /* as they were found */
};

void ref_translate(struct ref_memory *mem, const struct ref_config *config, const struct ref_access *access,
		   struct ref_result *result);

/** Memory attributes of a translation that stage 1, and maybe stage 2, made: in the encodings of a byte of MAIR and of
 *  SH. What is UNPREDICTABLE is not to be asked for. */
void ref_attributes(const struct ref_config *config, const struct ref_result *result, unsigned *mair, unsigned *sh);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the cases of the SMMU share: one test endpoint behind one SMMU, and short words for setting up and expecting. */
#ifndef GUEST_SMMU_RIG_H
#define GUEST_SMMU_RIG_H

#include "pt.h"
#include "smmu.h"
#include "tdev.h"

#define MAGIC	0x4d41474943ull
#define S1_RW	(P_AF | P_SH | P_USER | P_NG)
#define S2_RW	(P_AF | P_SH | P_S2_WB | P_S2_READ | P_S2_WRITE)
#define ASID	5u
#define VMID	9u
#define NO_SSID UINT32_MAX

extern struct smmu smmu;
extern struct tdev dev;
extern uint32_t sid;
extern uint64_t *data;	/* 64 KiB of RAM, aligned, the target of most translations */
extern uint64_t *spare; /* the same, another one */

/* The tables of the cases. */
extern const struct guest_case global_cases[], config_cases[], s1_cases[], s2_cases[], fault_cases[], ssid_cases[],
	tlb_cases[], queue_cases[], message_cases[], stream_cases[];
extern const unsigned nr_global, nr_config, nr_s1, nr_s2, nr_fault, nr_ssid, nr_tlb, nr_queue, nr_message, nr_stream;

/** Fresh SMMU, no memory taken, data[0] = MAGIC, spare[0] = ~MAGIC. */
void rig_reset(void);

/* Structures */
uint64_t tg0(unsigned shift);
uint64_t tg1(unsigned shift);
/** A context descriptor (8 double words) for @low (TTB0) or @high (TTB1), either may be NULL; @more is added to double
 * word 0. */
void cd_set(uint64_t *cd, const struct pt *low, const struct pt *high, uint32_t asid, uint64_t more);
/** A page with one CD for @low. */
uint64_t *cd_new(const struct pt *low);
/** STE with stage 1 and one CD. */
void ste_s1(const uint64_t *cd);
/** Double words 2 of an STE with stage 2. */
uint64_t s2_dw2(const struct pt *pt, uint64_t more);
void ste_s2(const struct pt *pt, uint64_t more);
void ste_nested(uint64_t cd, const struct pt *s2, uint64_t more);
/** 4 KiB pages, 48 bits: [@va, +64 KiB) to data. */
struct pt *s1_simple(uint64_t va);
/** After a change of tables: invalidates everything. */
void tlb_clean(void);
/** A stage 2 that maps all RAM 1:1 by 1 GiB blocks, and what @extra blocks say. */
struct pt *s2_identity(void);

/* Expectations; a case that does not meet one has failed. */
/** A read at @iova gives @value, without an event. */
void gives(uint64_t iova, uint64_t value);
void gives_to(uint64_t iova, uint64_t value, uint32_t flags, uint32_t pasid);
/** A write at @iova arrives at @where. */
void takes(uint64_t iova, uint64_t *where, uint32_t flags, uint32_t pasid);

struct want {
	unsigned id;
	bool write;
	bool s2;
	unsigned class; /* E_CLASS_*, for ids that have one */
	uint64_t iova;
	uint32_t flags, pasid; /* of the request */
	uint64_t ipa;	       /* stage 2 faults, fetch addresses: double word 3; 0: not looked at */
};
/** The access faults with exactly this event. */
void faults(const struct want *want);
/** The access is refused, silently. */
void aborts(uint64_t iova, bool write, uint32_t flags, uint32_t pasid);

#define FAULTS(...) faults(&(struct want){__VA_ARGS__})
#define STOP_IF_FAILED()                                                                                               \
	do {                                                                                                           \
		if (failed())                                                                                          \
			return;                                                                                        \
	} while (0)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Driver of the SMMUv3 for payloads: registers, queues, stream table; structures are the caller's. */
#ifndef GUEST_SMMU_H
#define GUEST_SMMU_H

#include "rt.h"
#include "smmu_hw.h"

#define SMMU_SID_BITS 12u /* of the stream table of smmu_reset() */
#define SMMU_QUEUE    8u  /* log2 of entries */

struct smmu {
	uint64_t base;
	uint32_t phandle;
	uint32_t idr0, idr1, idr3, idr5;
	uint64_t strtab, cmdq, evtq, evtq_home;
	unsigned evtq_log2, cmdq_log2;
	uint32_t cmd_prod, evt_cons; /* with wrap bit; evt_cons with OVACKFLG */
};

struct smmu_ev {
	uint64_t dw[4];
};

/** The @n-th SMMU of the device tree. False: there is none. */
bool smmu_find(struct smmu *s, unsigned n);
/** Off, all tables empty, queues empty and on, everything invalidated, SMMUEN set. */
void smmu_reset(struct smmu *s);
void smmu_cr0(struct smmu *s, uint32_t value);
void smmu_gbpa(struct smmu *s, uint32_t value);
/** Event queue of 2^@log2 entries at @base (0: a new one), empty. The queue must be off. */
void smmu_evtq(struct smmu *s, uint64_t base, unsigned log2);

void smmu_cmd(struct smmu *s, uint64_t dw0, uint64_t dw1);
/** CMD_SYNC. False (and the present case fails): it does not complete. */
bool smmu_sync(struct smmu *s);
/** True when all commands have been consumed, without failing. */
bool smmu_drained(struct smmu *s);
/** One command and CMD_SYNC. */
void smmu_do(struct smmu *s, uint64_t dw0, uint64_t dw1);

/** Takes the next event. False: there is none. */
bool smmu_event(struct smmu *s, struct smmu_ev *ev);

/** Double words of the entry of @sid in the linear table. */
uint64_t *smmu_ste(struct smmu *s, uint32_t sid);
/** Writes 4 double words (the others are 0), valid last, and invalidates the entry. */
void smmu_set_ste(struct smmu *s, uint32_t sid, uint64_t dw0, uint64_t dw1, uint64_t dw2, uint64_t dw3);

#endif

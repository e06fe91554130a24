/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stalled transactions (3.12.2): those whose event record is out, by Stall Tag, and those that wait to make one.
 *
 * A transaction is in one of three places:
 *   - it owns a slot: its record has been written, and the guest's answer ends it;
 *   - it hangs on a slot of its like: same stream, page and kind of access. No record of its own is made (3.12.2.1); it
 * is retried when that slot is answered;
 *   - it is parked: all slots are in use, or the event queue is not writable. It is retried when that changes (7.2.1).
 * So only slots need memory of ours, IDR5.STALL_MAX of them; everything else hangs on the requesters' struct dma_stall.
 *
 * A Stall Tag is not used again before it was answered, even if its requester was reset meanwhile. TLB and
 * configuration invalidations leave stalls alone: early retry is an option (3.12.2.2) that is not taken.
 */
#ifndef AERIE_SMMU_STALL_H
#define AERIE_SMMU_STALL_H

#include <stdbool.h>
#include <stdint.h>

#include "dma_stall.h"
#include "smmu_backend.h"

/* IDR5.STALL_MAX. */
#define SMMU_STALL_MAX 256u

struct smmu;
struct smmu_endpoint;

struct smmu_stall {
	bool used;
	bool recorded; /* false: @event is still to be written (host-backed only) */
	uint8_t generation;
	uint32_t sid;
	uint64_t key[2];		/* what makes another transaction its like */
	struct dma_stall *stall;	/* emulated endpoint; NULL: it has forgotten the transaction, or */
	struct smmu_endpoint *endpoint; /* host-backed endpoint; NULL: the host has answered it */
	uint64_t cookie;		/* of the host's */
	struct smmu_event event;
	struct dma_stall *likes;
};

struct smmu_stalls {
	struct smmu_stall slots[SMMU_STALL_MAX];
	unsigned used, next;
	struct dma_stall *parked, **parked_tail;
	bool refused; /* the backend was told -ENOSPC */
};

void smmu_stalls_init(struct smmu *smmu);

/** Stalls a transaction of the emulated endpoint @owner: @event is its record but for Stall and STAG, @access its kind
 *  after the STE's overrides. @stall is pending afterwards. */
void smmu_stall_add(struct smmu *smmu, void *owner, const struct smmu_event *event, unsigned access,
		    struct dma_stall *stall);

/** CMD_RESUME: ends the transaction of @sid with Stall Tag @stag, if there is one. */
void smmu_stall_resume(struct smmu *smmu, uint32_t sid, uint32_t stag, bool retry);

/** CMD_STALL_TERM: terminates all of @sid. */
void smmu_stall_terminate(struct smmu *smmu, uint32_t sid);

/** SMMUEN = 0 or reset: terminates all; no tag is in use afterwards. */
void smmu_stall_terminate_all(struct smmu *smmu);

/** The requester @owner has forgotten @stall, or (NULL) all that it had. */
void smmu_stall_cancel(struct smmu *smmu, void *owner, struct dma_stall *stall);

/** The host has answered what @endpoint had stalled. */
void smmu_stall_forget(struct smmu *smmu, const struct smmu_endpoint *endpoint);

/** The event queue may have become writable: writes what waits, has retried what is parked. */
void smmu_stall_pump(struct smmu *smmu);

#endif

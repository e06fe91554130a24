/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accesses that an IOMMU holds while software mends their translation.
 *
 * A requester that can wait has a struct dma_stall for each access that it may have under way. The IOMMU makes it
 * pending
 * (-EINPROGRESS) and ends it exactly once: by software's answer, or because the requester or the IOMMU was reset. Ended
 * with DMA_RETRY the access is to be repeated as though it were new; it may stall again. Ended with DMA_TERMINATED it
 * has failed.
 *
 * Event-loop devices: dma_translate_or_stall(), and an `ended` that makes the loop go on. Threads: struct dma_waiter.
 * Nobody holds the device lock while a stall is pending. Memory of a pending stall may not go away: dma_stall_cancel()
 * or dma_space_enable(space, false) come first.
 *
 * PCI Express functions must not be stalled (Arm IHI 0070, 3.12.1): emulated ones pass no stall unless their
 * configuration asks for it, and a translator that would stall them terminates instead.
 */
#ifndef AERIE_DMA_STALL_H
#define AERIE_DMA_STALL_H

#include <semaphore.h>

#include "dma.h"

enum dma_outcome {
	DMA_RETRY,
	DMA_TERMINATED,
};

struct dma_stall {
	/** Called once for each time that the stall was pending, with the device lock held, on any thread. It must not
	 * translate. The stall is idle again and may be reused by the next access. */
	void (*ended)(struct dma_stall *stall, enum dma_outcome outcome);
	bool pending;
	/* The translator's while pending. */
	void *owner; /* as in dma_space_set_translator() */
	struct dma_stall *next;
	uint64_t key[2];
};

/** As dma_translate(), for an access that may stall. @stall is idle; -EINPROGRESS: it is pending now. */
int dma_translate_or_stall(struct dma_space *space, uint32_t pasid, uint64_t iova, unsigned access,
			   struct dma_target *out, struct dma_stall *stall);

/** Ends @stall, if it is pending, as DMA_TERMINATED: its requester has forgotten the access. NULL: all of the space, as
 *  the requester was reset. Device lock held. */
void dma_stall_cancel(struct dma_space *space, struct dma_stall *stall);

/** For translators: makes @stall idle and tells its requester. Device lock held. */
void dma_stall_end(struct dma_stall *stall, enum dma_outcome outcome);

/* For a thread: the stall of its struct dma_user (user->stall = &waiter->stall). */
struct dma_waiter {
	struct dma_stall stall;
	enum dma_outcome outcome;
	sem_t ended;
};

void dma_waiter_init(struct dma_waiter *waiter);
void dma_waiter_fini(struct dma_waiter *waiter);

/** After -EINPROGRESS, without the device lock: sleeps until the stall has ended. 0: repeat the access; -EFAULT: it was
 *  terminated. Who wants the thread to stop cancels the space. */
int dma_waiter_wait(struct dma_waiter *waiter);

#endif

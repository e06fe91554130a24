/* SPDX-License-Identifier: Apache-2.0 */
#include "dma_stall.h"

#include <errno.h>

#include "bits.h"

void dma_stall_cancel(struct dma_space *space, struct dma_stall *stall)
{
	if ((!stall || stall->pending) && space->translator && space->translator->cancel)
		space->translator->cancel(space->owner, stall);
}

void dma_stall_end(struct dma_stall *stall, enum dma_outcome outcome)
{
	stall->pending = false;
	stall->owner = NULL;
	stall->next = NULL;
	stall->ended(stall, outcome);
}

static void waiter_ended(struct dma_stall *stall, enum dma_outcome outcome)
{
	struct dma_waiter *waiter = container_of(stall, struct dma_waiter, stall);

	waiter->outcome = outcome;
	sem_post(&waiter->ended);
}

void dma_waiter_init(struct dma_waiter *waiter)
{
	*waiter = (struct dma_waiter){.stall = {.ended = waiter_ended}};
	sem_init(&waiter->ended, 0, 0);
}

void dma_waiter_fini(struct dma_waiter *waiter)
{
	sem_destroy(&waiter->ended);
}

int dma_waiter_wait(struct dma_waiter *waiter)
{
	while (sem_wait(&waiter->ended) != 0)
		;
	return waiter->outcome == DMA_RETRY ? 0 : -EFAULT;
}

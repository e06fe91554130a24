/* SPDX-License-Identifier: Apache-2.0 */
#include "dma_ats.h"

#include <errno.h>

static bool is_enabled(struct dma_space *space)
{
	return atomic_load_explicit(&space->enabled, memory_order_relaxed);
}

int dma_ats_translate(struct dma_space *space, uint32_t pasid, uint64_t iova, unsigned access, struct dma_target *out)
{
	if (!is_enabled(space))
		return -EPERM;
	if (!space->translator || !space->translator->ats_translate)
		return -EOPNOTSUPP;
	return space->translator->ats_translate(space->owner, pasid, iova, access, out);
}

int dma_ats_access(struct dma_space *space, uint64_t addr, unsigned access, struct dma_target *out)
{
	if (!is_enabled(space))
		return -EPERM;
	if (!space->translator || !space->translator->ats_access)
		return -EFAULT;
	return space->translator->ats_access(space->owner, addr, access, out);
}

int dma_ats_page_request(struct dma_space *space, const struct dma_page_request *request)
{
	if (!is_enabled(space))
		return -EPERM;
	if (!space->translator || !space->translator->page_request)
		return -EOPNOTSUPP;
	space->translator->page_request(space->owner, request);
	return 0;
}

void dma_ats_invalidated(struct dma_space *space, uint32_t tag)
{
	if (space->translator && space->translator->ats_invalidated)
		space->translator->ats_invalidated(space->owner, tag);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address Translation Services and page requests (PCI Express Base 6.0, chapter 10): what an endpoint with an address
 * translation cache (ATC) of its own and its IOMMU tell each other. All calls come with the device lock held.
 *
 * The endpoint asks for translations, keeps them, and marks accesses by them as translated. The IOMMU has them
 * invalidated. A missing page is asked for with a page request; the answer comes for the whole group.
 */
#ifndef AERIE_DMA_ATS_H
#define AERIE_DMA_ATS_H

#include "dma.h"

/* 10.4.1.1; without a PASID exec and priv are false. A Stop Marker has last alone, and a PASID. */
struct dma_page_request {
	uint32_t pasid; /* or DMA_NO_PASID */
	uint64_t page;	/* address; bits 11:0 are ignored */
	uint16_t prgi;	/* 0 .. 511 */
	bool read, write, exec, priv, last;
};

/* 10.4.2.1, Response Code */
enum dma_page_answer {
	DMA_PAGE_SUCCESS = 0x0,
	DMA_PAGE_INVALID = 0x1,
	DMA_PAGE_FAILURE = 0xf,
};

struct dma_page_response {
	uint32_t pasid; /* or DMA_NO_PASID */
	uint16_t prgi;
	enum dma_page_answer answer;
};

/* 10.3.1: [first, last] of @pasid, or with @global of all PASIDs. */
struct dma_ats_invalidation {
	uint32_t pasid; /* or DMA_NO_PASID */
	struct range iovas;
	bool global;
	uint32_t tag; /* to be given to dma_ats_invalidated() */
};

/* What the endpoint does. */
struct dma_ats_ops {
	/** 0: done, and no access that was translated by what was invalidated is under way any more (or the request was
	 * answered with UR, which is no error to the IOMMU). -EINPROGRESS: dma_ats_invalidated() follows, or never. */
	int (*invalidate)(void *opaque, const struct dma_ats_invalidation *inv);
	/** A PRG Response; one that matches nothing is the endpoint's to note (10.4.2). */
	void (*page_response)(void *opaque, const struct dma_page_response *response);
};

/**
 * A Translation Request. @access: DMA_READ, with DMA_WRITE unless No Write is set, DMA_EXEC, DMA_PRIV. 0: success,
 * @out->perms has what was granted (0: nothing; then @out->pa means nothing). -EOPNOTSUPP: Unsupported Request, which
 * is also what there is without an IOMMU; -EIO: Completer Abort; -EPERM: bus mastering is off.
 */
int dma_ats_translate(struct dma_space *space, uint32_t pasid, uint64_t iova, unsigned access, struct dma_target *out);

/** An access marked as translated. Where @addr leads to: 0; -EFAULT: aborted; -EPERM. */
int dma_ats_access(struct dma_space *space, uint64_t addr, unsigned access, struct dma_target *out);

/** Sends a page request message. The response may come before the return. 0; -EPERM; -EOPNOTSUPP: nobody takes it. */
int dma_ats_page_request(struct dma_space *space, const struct dma_page_request *request);

/** The Invalidate Completion for one ops->invalidate() that returned -EINPROGRESS. */
void dma_ats_invalidated(struct dma_space *space, uint32_t tag);

#endif

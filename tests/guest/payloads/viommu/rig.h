/* SPDX-License-Identifier: Apache-2.0 */
/* What the cases of virtio-iommu share: one test endpoint behind one virtio-iommu. */
#ifndef GUEST_VIOMMU_RIG_H
#define GUEST_VIOMMU_RIG_H

#include "tdev.h"
#include "viommu.h"

#define MAGIC 0x4d41474943ull
#define D     1u /* the domain of most cases */
#define VA    0x10000ull

extern struct viommu iommu;
extern struct tdev dev;
extern uint32_t endpoint;
extern uint64_t *data; /* 64 KiB, aligned */

extern const struct guest_case request_cases[], dma_cases[], hostile_cases[];
extern const unsigned nr_request, nr_dma, nr_hostile;

/** Device reset, all features, bypass off, data[0] = MAGIC, our endpoint not attached. */
void rig_reset(void);
/** And attached to domain D with 16 pages at VA to data. */
void rig_mapped(uint32_t flags);
void set_bypass(bool on);

void gives(uint64_t iova, uint64_t value);
void takes(uint64_t iova, volatile uint64_t *where);
/** The access faults with one report for @reason. */
void faults(uint64_t iova, bool write, unsigned reason);

#define STATUS(call, want)                                                                                             \
	do {                                                                                                           \
		unsigned got_ = (call);                                                                                \
		if (!failed() && got_ != (want))                                                                       \
			fail("%s: status %u, not %u", #call, got_, (unsigned)(want));                                  \
	} while (0)

#endif

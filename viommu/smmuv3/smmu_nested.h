/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nested backend (viommu/host/nested.h) as a backend of the SMMUv3 model. Of struct smmu_config: ops =
 * &smmu_nested_ops, backend = a struct smmu_nested; the handle of smmu_add_endpoint() is the device's struct
 * nested_dev. Everything is called with the device lock held.
 */
#ifndef AERIE_SMMU_NESTED_H
#define AERIE_SMMU_NESTED_H

#include "nested.h"
#include "smmu.h"

struct smmu_nested {
	struct nested *nested;
	struct smmu *smmu;
	/* Page faults that were read and for which the guest had no Stall Tag left. */
	struct nested_fault backlog[NESTED_FAULT_BATCH];
	unsigned nr_backlog;
};

extern const struct smmu_backend_ops smmu_nested_ops;

/** What the host's SMMU allows the model to offer. */
void smmu_nested_caps(struct smmu_host_caps *caps, const struct nested_info *info);

/** Passes the events that wait at nested_event_fd() on to the guest. Call it when that descriptor is readable. Returns
 *  the number of events, or -errno (logged). */
int smmu_nested_pump(struct smmu_nested *s);

/** Passes the page faults that wait at nested_fault_fd() on to the guest as stalled transactions. Call it when that
 *  descriptor is readable. Returns 0, or 1: the guest takes no more; not to be called until smmu_nested_timer() returns
 *  0. Or -errno (logged). */
int smmu_nested_faults(struct smmu_nested *s);

/** Call it when nested_timer_fd() is readable: lets accesses fail that have waited too long, and passes on what did not
 *  fit before. 0, or 1 as smmu_nested_faults(). */
int smmu_nested_timer(struct smmu_nested *s);

#endif

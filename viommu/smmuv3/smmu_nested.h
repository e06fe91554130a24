/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nested backend (viommu/host/nested.h) as a backend of the SMMUv3 model. Of struct smmu_config: ops =
 * &smmu_nested_ops, backend = the struct nested; the handle of smmu_add_endpoint() is the device's struct nested_dev.
 */
#ifndef AERIE_SMMU_NESTED_H
#define AERIE_SMMU_NESTED_H

#include "nested.h"
#include "smmu.h"

extern const struct smmu_backend_ops smmu_nested_ops;

/** What the host's SMMU allows the model to offer. */
void smmu_nested_caps(struct smmu_host_caps *caps, const struct nested_info *info);

/** Passes the events that wait at nested_event_fd() on to the guest. Call it when that descriptor is readable, with the
 *  device lock held. Returns the number of events, or -errno (logged). */
int smmu_nested_pump(struct nested *nested, struct smmu *smmu);

#endif

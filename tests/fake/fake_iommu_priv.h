/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the pretended iommufd share. */
#ifndef AERIE_FAKE_IOMMU_PRIV_H
#define AERIE_FAKE_IOMMU_PRIV_H

#include <linux/iommufd.h>

#include "fake_books.h"
#include "fake_iommu.h"

#define FAKE_MAX_OBJS 512u

/** The object @id, if it is a @type; else NULL. */
struct fake_obj *fake_iommu_get(uint32_t id, enum fake_obj_type type);
struct fake_obj *fake_iommu_make(enum fake_obj_type type, struct fake_obj *parent, const char *smmu);

/* fake_iommu_queues.c: 0 or -errno */
int fake_veventq_alloc(struct iommu_veventq_alloc *arg);
int fake_fault_alloc(struct iommu_fault_alloc *arg);
void fake_faults_reset(void);

#endif

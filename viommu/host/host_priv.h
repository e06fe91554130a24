/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of viommu/host share. */
#ifndef AERIE_HOST_PRIV_H
#define AERIE_HOST_PRIV_H

#include "host_dev.h"
#include "iommufd.h"

/* Objects come in two steps, so that nothing can fail once the kernel has made its part: memory first, then the ioctl,
 * then iommu_obj_publish() with the kernel's id (or free() when the ioctl failed). */

/** Memory of an object that is not known to anybody yet; NULL without memory (logged). */
struct iommu_obj *iommu_obj_prepare(struct iommufd *iommufd, enum iommu_obj_type type, struct iommu_obj *parent);
/** Makes it count: in the parent's users and the iommufd's objects. */
void iommu_obj_publish(struct iommu_obj *obj, uint32_t id);

/** The one message about memory that cannot be pinned. Returns -ENOMEM. */
int host_memlock_fail(const struct iommufd *iommufd);

/** Logs why the IOMMU objects of @bdf collide with its reserved regions, which are listed. Returns -EADDRINUSE. */
int host_reserved_fail(const char *bdf);

#endif

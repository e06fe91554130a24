/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host PCI device as a function of the guest: config space by policy over VFIO, BARs mapped into the guest, MSI-X
 * table and PBA trapped, interrupts by eventfd and irqfd, function reset.
 */
#ifndef AERIE_ASSIGN_H
#define AERIE_ASSIGN_H

#include <stdbool.h>

#include "host_dev.h"
#include "pci_function.h"

struct vm;
struct assigned;

struct assign_config {
	const char *bdf; /* of the host, full form, borrowed */
	struct iommufd *iommufd;
	bool translated; /* behind a guest IOMMU: MSI addresses are IOVAs */
	bool nested;	 /* ... whose stage 1 is the guest's own tables: they translate the device's MSIs too */
};

/** Opens, binds, resets the device and builds its function (not placed, not attached to any IOMMU object).
 *  0 or -errno (logged with remedy). Freed by its function's destroy. */
int assigned_create(struct assigned **out, struct vm *vm, const struct assign_config *config);

/** Frees one that was never placed. NULL is fine. */
void assigned_destroy(struct assigned *dev);

/** Turns bus mastering and memory decoding of the device off: before what translates for it goes. */
void assigned_stop(struct assigned *dev);

struct pci_function *assigned_function(struct assigned *dev);
struct host_dev *assigned_host_dev(struct assigned *dev);

#endif

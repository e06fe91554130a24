/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ECAM host bridge (pci-host-ecam-generic) and the tree of functions below it: root bus 0, root ports, and one bus
 * below each port. Memory BARs only, wired INTx swizzled to four lines.
 */
#ifndef AERIE_PCI_HOST_H
#define AERIE_PCI_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "device.h"
#include "irq.h"
#include "pci_function.h"
#include "range.h"

struct vm;

#define PCI_ECAM_BUS_SIZE  UINT64_C(0x100000) /* configuration space of a bus, in bytes */
#define PCI_MAX_FUNCTIONS  256u
#define PCI_MAX_IOMMU_MAPS 64u

/* One entry of the `iommu-map` property: RIDs [first_rid, first_rid + count) belong to an IOMMU node. */
struct pci_iommu_map {
	uint16_t first_rid;
	uint32_t iommu_phandle;
	uint32_t first_sid;
	uint32_t count;
};

struct pci_host_config {
	struct range ecam; /* its length says how many buses there are, 1 to 256 */
	struct range mmio32, mmio64;
	uint64_t port_base;	 /* of I/O port 0 on the bus; 0: the machine has no ports */
	struct irq_line intx[4]; /* level lines */
};

/** Creates the bridge, its function 00:00.0 and its ECAM window on vm's bus. 0 or -errno (logged). *@out is a device
 * for the machine's list (struct pci_host begins with struct device) and owns all functions that are placed in it. */
int pci_host_create(struct pci_host **out, struct vm *vm, const struct pci_host_config *config);

struct device *pci_host_device(struct pci_host *host);

/** Places @fn at @devfn on the bus below @parent (NULL: root bus). The host owns it from now on (ops->destroy).
 *  Returns 0; -EEXIST (slot taken), -ENOSPC, -EINVAL (below a root port only device 0 exists). Logged; on failure the
 *  caller still owns @fn. */
int pci_host_place(struct pci_host *host, struct pci_bridge *parent, uint8_t devfn, struct pci_function *fn);

/** Checks that what has been placed is a legal PCI topology: each device that has functions has function 0 (PCI 3.0,
 *  3.2.2.3.4). Called once when all functions are placed. 0 or -EINVAL (logged). */
int pci_host_check(const struct pci_host *host);

/** The function that answers to @rid now; NULL if none. */
struct pci_function *pci_host_find(struct pci_host *host, uint16_t rid);

/** Describes which RIDs an IOMMU translates (device tree only). 0 or -ENOSPC. */
int pci_host_add_iommu_map(struct pci_host *host, const struct pci_iommu_map *map);

/** Brings the bus in line with config space (see pci_bar.h). */
void pci_host_remap(struct pci_host *host);

/** The wired line behind INTx @pin (1..4) of @fn, after the swizzle of the bridges above it; NULL for another pin. */
const struct irq_line *pci_host_intx_line(const struct pci_host *host, const struct pci_function *fn, uint8_t pin);

/** The VM that the bridge belongs to. */
struct vm *pci_host_vm(const struct pci_host *host);

#endif

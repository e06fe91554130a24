/* SPDX-License-Identifier: Apache-2.0 */
/* PCI Express root port: type 1 header, PCIe capability, MSI, AER, ACS; slot with room for hotplug. */
#ifndef AERIE_PCI_BRIDGE_H
#define AERIE_PCI_BRIDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "irq.h"
#include "pci_function.h"
#include "range.h"

struct pci_ide;
struct vm;

struct pci_bridge {
	struct pci_function fn;
	uint8_t slot;	      /* physical slot number, 1 .. */
	bool translated;      /* the port's own MSIs go through a guest IOMMU; default false, set by the machine */
	struct irq_route irq; /* the port's own MSI, connected while the guest has it enabled */
	struct pci_ide *ide;  /* the IDE capability; NULL: none. Owned */
	struct pci_function *children[8]; /* functions of device 0 below, not owned */
};

/** Creates a root port named @name (borrowed). @bus is the secondary bus number that it holds after reset, as firmware
 * would have assigned it. 0 or -errno (logged). Freed by its function's destroy. */
int pci_bridge_create(struct pci_bridge **out, struct vm *vm, const char *name, uint8_t slot, uint8_t bus);

/** Gives the port an IDE capability: a link stream and two selective ones. Before it is placed. 0 or -errno (logged).
 */
int pci_bridge_add_ide(struct pci_bridge *bridge);

/** The bridge that @fn is part of; NULL when it is no bridge. */
struct pci_bridge *pci_bridge_of(struct pci_function *fn);

/** Secondary bus number, as software set it. */
uint8_t pci_bridge_secondary(const struct pci_bridge *bridge);

/** True when configuration requests for @bus reach device 0 below the port: @bus is its secondary bus, inside
 *  [secondary, subordinate], and the link is up. */
bool pci_bridge_reaches(const struct pci_bridge *bridge, uint8_t bus);

/** Tells the port that a function was put into @children: presence detect and link status follow. */
void pci_bridge_occupied(struct pci_bridge *bridge);

/** True when [@r] is inside the bridge's memory or prefetchable memory window. */
bool pci_bridge_forwards(const struct pci_bridge *bridge, struct range r);

#endif

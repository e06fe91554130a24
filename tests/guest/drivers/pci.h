/* SPDX-License-Identifier: Apache-2.0 */
/* PCI for payloads: finding functions, numbering buses, placing BARs, capabilities, MSI-X. */
#ifndef GUEST_PCI_H
#define GUEST_PCI_H

#include "rt.h"

#define PCI_COMMAND_MEMORY 2u
#define PCI_COMMAND_MASTER 4u
#define PCI_MAX_FUNCTIONS  32u

struct pci_fn {
	uint8_t bus, devfn;
	uint16_t vendor, device;
	uint32_t class_code;
	bool bridge;
	struct pci_fn *parent; /* NULL on the root bus */
	uint64_t bar[6], bar_size[6];
	uint32_t bar_flags[6];
	uint16_t msix, pm, exp; /* capabilities, 0: none */
	uint64_t msix_table, msix_pba;
	unsigned vectors;
};

/** Finds all functions and places everything. False: the device tree has no host bridge. */
bool pci_init(void);
struct pci_fn *pci_functions(unsigned *n);
/** The @n-th function with these ids. */
struct pci_fn *pci_find(uint16_t vendor, uint16_t device, unsigned n);
uint32_t pci_rid(const struct pci_fn *fn);

uint32_t pci_get32(const struct pci_fn *fn, unsigned reg);
uint16_t pci_get16(const struct pci_fn *fn, unsigned reg);
uint8_t pci_get8(const struct pci_fn *fn, unsigned reg);
void pci_set32(const struct pci_fn *fn, unsigned reg, uint32_t value);
void pci_set16(const struct pci_fn *fn, unsigned reg, uint16_t value);
void pci_set8(const struct pci_fn *fn, unsigned reg, uint8_t value);
/** Address in ECAM. */
uint64_t pci_cfg_address(const struct pci_fn *fn, unsigned reg);

/** Capability @id, after @from (0: the first); 0: none. */
unsigned pci_cap(const struct pci_fn *fn, uint8_t id, unsigned from);
unsigned pci_ext_cap(const struct pci_fn *fn, uint16_t id);

/** Writes BARs again and switches memory and bus mastering on: after a reset. */
void pci_restore(const struct pci_fn *fn);
void pci_flr(const struct pci_fn *fn);
void pci_power(const struct pci_fn *fn, unsigned state);

/** Whether MSI-X is on, and the mask of all vectors. */
void pci_msix_control(const struct pci_fn *fn, bool on, bool masked);
/** Message of @vector; @masked is its mask bit. */
void pci_msix_set(const struct pci_fn *fn, unsigned vector, uint64_t address, uint32_t data, bool masked);
void pci_msix_mask(const struct pci_fn *fn, unsigned vector, bool masked);
bool pci_msix_pending(const struct pci_fn *fn, unsigned vector);

/** What a map property of the host bridge (iommu-map, msi-map) makes of a requester id; @phandle receives whose. False:
 * nothing. */
bool pci_map_rid(const char *property, uint32_t rid, uint32_t *phandle, uint32_t *id);
/** A window of addresses that no BAR has, 32 bit. */
uint64_t pci_free32(uint64_t size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupt state of a function as the guest has programmed it. This is the "guest state"; the owner of the function
 * holds a host state and reconciles it with this one in ops->irq_changed (design rule 9).
 */
#ifndef AERIE_PCI_MSI_H
#define AERIE_PCI_MSI_H

#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "irq.h"

struct pci_function;

#define PCI_MSI_MAX_VECTORS  32u
#define PCI_MSIX_MAX_VECTORS 2048u

struct pci_msix_entry {
	uint64_t address;
	uint32_t data;
	uint32_t control; /* bit 0: masked */
};

struct pci_irq {
	/* MSI */
	uint16_t msi_cap;     /* offset, 0: none */
	uint16_t msi_vectors; /* 1, 2, 4 .. 32 offered */
	bool msi_64, msi_maskable;
	/* MSI-X */
	uint16_t msix_cap;     /* offset, 0: none */
	uint16_t msix_vectors; /* 1 .. 2048 */
	uint8_t table_bar, pba_bar;
	uint32_t table_offset, pba_offset;
	struct pci_msix_entry *table; /* msix_vectors entries, owned */
	/** Pending bit of @vector; installed by the owner; NULL: never pending. */
	bool (*pending)(struct pci_function *fn, unsigned vector);
	/* INTx */
	uint8_t intx_pin; /* 0 none, 1..4 = A..D */
};

enum pci_irq_mode {
	PCI_IRQ_INTX, /* neither MSI nor MSI-X enabled */
	PCI_IRQ_MSI,
	PCI_IRQ_MSIX,
};

/*
 * ops->irq_changed is called when the answer of one of the pci_irq_*() questions below may have changed: MSI or MSI-X
 * enable, Multiple Message Enable, function mask, mask bits, address or data of a vector that is not masked, bus master
 * (the function's or that of a bridge above), INTx Disable, bus number, reset. Writes to masked or disabled vectors
 * call nothing: unmasking or enabling them does.
 */

/** Adds an MSI capability at @offset with @vectors (power of two <= 32). Returns 0 or -EINVAL. */
int pci_msi_add(struct pci_function *fn, uint16_t offset, uint16_t vectors, bool is_64, bool maskable);

/** Adds an MSI-X capability and the trapped table and PBA. Table and PBA must lie inside their BARs, not overlap each
 *  other, and be 8-byte aligned. Returns 0, -EINVAL or -ENOMEM (logged: a device that lies is refused). */
int pci_msix_add(struct pci_function *fn, uint16_t offset, uint16_t vectors, uint8_t table_bar, uint32_t table_offset,
		 uint8_t pba_bar, uint32_t pba_offset);

/** Which kind of interrupt the guest has enabled; MSI-X wins when both are. */
enum pci_irq_mode pci_irq_mode(const struct pci_function *fn);

/** Vectors that the guest has enabled: MSI 1 .. 32 (MME), MSI-X all of the table, INTx 0. */
unsigned pci_irq_vectors(const struct pci_function *fn);

/** The message of @vector and whether it may be delivered now (enabled, not masked in any way, bus master on).
 *  @msg->requester is the RID of the moment; @msg->translated is left false. */
bool pci_irq_vector(const struct pci_function *fn, unsigned vector, struct msi_msg *msg);

/** True when the INTx pin may be asserted: there is one, mode INTX, and INTx Disable clear. */
bool pci_irq_intx_enabled(const struct pci_function *fn);

/** An access to BAR @index at @access->offset: handles it if it falls into the MSI-X table or PBA.
 *  Returns true when handled. All sizes and alignments are safe; what the specification leaves undefined is ignored. */
bool pci_msix_access(struct pci_function *fn, unsigned index, struct bus_access *access);

/** MSI and MSI-X disabled and as after power-on: MSI-X vectors masked, MSI ones not (7.7.1.7: default 0). Calls no
 * hook. */
void pci_irq_reset(struct pci_function *fn);

#endif

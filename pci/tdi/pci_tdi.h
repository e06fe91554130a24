/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device security of an emulated endpoint: a DOE mailbox with CMA/SPDM and secured CMA/SPDM, behind it aerie's own
 * SPDM responder, IDE key management with the IDE capability, and a TEE device interface (TDISP).
 *
 * The states have effect. From LOCK to START neither DMA nor the reported memory of the BARs work; in ERROR neither
 * again, and DMA stops before whatever broke the lock takes effect; STOP resets the device behind the BARs.
 *
 * SPDM runs in the mailbox's thread; IDE and TDISP are guarded by the device lock.
 */
#ifndef AERIE_PCI_TDI_H
#define AERIE_PCI_TDI_H

#include <stdbool.h>
#include <stdint.h>

#include "tdisp_regs.h"

struct pci_endpoint;
struct pci_tdi;

struct pci_tdi_config {
	const char *certificates; /* PEM file: the chain; NULL: one that is made at start, with a root nobody knows */
	const char *key;	  /* PEM file: the leaf's key; NULL with the other */
	bool ide;		  /* the IDE capability and IDE_KM */
	bool tdisp;		  /* needs ide */
	uint16_t doe_offset;	  /* of the DOE capability, 0x18 bytes */
	uint16_t ide_offset;	  /* of the IDE capability */
	unsigned vector;	  /* of MSI-X, for the mailbox */
	uint8_t heartbeat_s;	  /* a session that is silent for twice as long ends; 0: none does */
};

/** Gives @ep device security. Its BARs and MSI-X are there already; its guard is taken. 0 or -errno (logged). */
int pci_tdi_create(struct pci_tdi **out, struct pci_endpoint *ep, const struct pci_tdi_config *config);

/** Before pci_endpoint_fini(). NULL is fine. */
void pci_tdi_destroy(struct pci_tdi *tdi);

/** The state of the interface. Device lock held. */
enum tdisp_state pci_tdi_state(const struct pci_tdi *tdi);

/** Something in the device breaks the lock: to ERROR. Device lock held. */
void pci_tdi_fail(struct pci_tdi *tdi);

/** The link breaks stream @stream. Device lock held. */
void pci_tdi_break_stream(struct pci_tdi *tdi, uint8_t stream);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Somebody who sees what the guest is about to do to a function before it takes effect: device security, which must
 * stop DMA before a locked device is touched. At most one for each function (fn->guard). The device lock is held in
 * every call. Members may be NULL.
 */
#ifndef AERIE_PCI_GUARD_H
#define AERIE_PCI_GUARD_H

#include <stdbool.h>
#include <stdint.h>

struct bus_access;
struct pci_guard;

enum pci_reset {
	PCI_RESET_CONVENTIONAL, /* of the link or the machine: everything is lost */
	PCI_RESET_FUNCTION, /* function level reset, D3hot to D0: the link and its security stay (PCIe 6.0, 6.6.2) */
};

struct pci_guard_ops {
	/** The config dword at @offset is about to become @now; it is @old. Only when they differ. */
	void (*cfg_write)(struct pci_guard *guard, uint16_t offset, uint32_t old, uint32_t now);
	/** A defined write to the MSI-X table is about to take effect. */
	void (*msix_write)(struct pci_guard *guard);
	/** The function is about to be reset; its state is that of before. */
	void (*reset)(struct pci_guard *guard, enum pci_reset kind);
	/** It has been: config space is as after the reset, the owner has not been told. */
	void (*reset_done)(struct pci_guard *guard, enum pci_reset kind);
	/** Whether an access to BAR @bar may reach what is behind it, MSI-X included. False: as if nothing was there.
	 */
	bool (*access)(struct pci_guard *guard, unsigned bar, const struct bus_access *access);
	/** The requester id is another one now; translations of the old one are void already. */
	void (*renamed)(struct pci_guard *guard);
};

/* Embed in the owner. */
struct pci_guard {
	const struct pci_guard_ops *ops;
};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An emulated PCI Express endpoint: what every device that aerie itself plays has in common. Header, power management,
 * PCIe capability with function level reset, MSI-X with its routes, and DMA by IOVA. The device adds BARs,
 * capabilities, and what happens behind them.
 *
 * Layout of config space: 0x40 power management, 0x48 MSI-X, 0x54 PCIe, 0x90 .. 0xff the device's own capabilities;
 * extended capabilities are the device's. No INTx.
 */
#ifndef AERIE_PCI_ENDPOINT_H
#define AERIE_PCI_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "dma.h"
#include "irq.h"
#include "pci_function.h"

struct fdtw;
struct pci_endpoint;
struct pci_vector;
struct vm;

#define PCI_ENDPOINT_CAP_PM   0x40u
#define PCI_ENDPOINT_CAP_MSIX 0x48u
#define PCI_ENDPOINT_CAP_EXP  0x54u
#define PCI_ENDPOINT_CAP_FREE 0x90u /* first offset for the device's own capabilities */

struct pci_endpoint_ops {
	/** An access to a BAR (never to the MSI-X table or PBA). */
	enum bus_verdict (*bar_access)(struct pci_endpoint *ep, unsigned bar, struct bus_access *access);
	/** BAR @bar begins to decode at @addr / stops; may be NULL. */
	void (*bar_map)(struct pci_endpoint *ep, unsigned bar, gpa_t addr);
	void (*bar_unmap)(struct pci_endpoint *ep, unsigned bar);
	/** The config dwords that the device has given the policy CFG_PASS, as in struct pci_function_ops. May be NULL.
	 */
	int (*cfg_read)(struct pci_endpoint *ep, uint16_t offset, uint8_t size, uint32_t *value);
	int (*cfg_write)(struct pci_endpoint *ep, uint16_t offset, uint8_t size, uint32_t value);
	/** Bus mastering went on or off; ep->dma is switched already. May be NULL. */
	void (*bus_master)(struct pci_endpoint *ep, bool on);
	/** Function level reset, conventional reset, D3hot to D0 (No_Soft_Reset is 0), machine reset: back to power-on
	 * state. Config space, interrupts and DMA are reset already. After the return the device does no DMA and sends
	 * no interrupt by what the guest told it before. */
	void (*reset)(struct pci_endpoint *ep);
	/** Frees the device, which embeds @ep. Calls pci_endpoint_fini(). */
	void (*destroy)(struct pci_endpoint *ep);
	/** More properties for its device tree node; NULL: needs no node. */
	void (*describe)(struct pci_endpoint *ep, struct fdtw *fdt);
};

struct pci_endpoint_config {
	const char *name; /* for messages; borrowed */
	uint16_t vendor, device, subsystem_vendor, subsystem;
	uint32_t class_code; /* 24 bits */
	uint8_t revision;
	uint16_t vectors; /* of MSI-X, 0: none .. 2048 */
	bool integrated;  /* root complex integrated endpoint: placed on the root bus */
};

/* Who opens and closes the gate of a function. */
struct pci_gate {
	/** The function was reset, whereupon the gate has closed by itself. Device lock held: never waits. */
	void (*was_reset)(void *opaque);
	void *opaque;
};

/* First member of each device's own struct, or embedded with container_of(). Guarded by the device lock. */
struct pci_endpoint {
	struct pci_function fn;
	const struct pci_endpoint_ops *ops;
	struct vm *vm;
	struct dma_space dma;
	bool dma_blocked; /* by pci_endpoint_block_dma() */
	bool gated;	  /* by pci_endpoint_gate() */
	const struct pci_gate *gate;
	unsigned resets;	    /* of the function */
	uint16_t rid;		    /* as of the translations that are cached */
	struct pci_vector *vectors; /* of MSI-X, each with its route and an open eventfd; owned */
	unsigned nr_vectors;
};

/** Initialises header, capabilities, DMA and interrupt routes. 0 or -errno (logged), then nothing is left. The MSI-X
 * capability itself comes with pci_endpoint_add_msix(). */
int pci_endpoint_init(struct pci_endpoint *ep, struct vm *vm, const struct pci_endpoint_config *config,
		      const struct pci_endpoint_ops *ops);

/** Room in the BAR for pci_endpoint_add_msix(): table, then PBA on a page of its own. */
uint32_t pci_endpoint_msix_size(unsigned vectors);

/** Adds MSI-X with table and PBA at @offset (page aligned) of BAR @bar, which has been defined. 0 or -errno (logged).
 */
int pci_endpoint_add_msix(struct pci_endpoint *ep, unsigned bar, uint32_t offset);

void pci_endpoint_fini(struct pci_endpoint *ep);

/** The endpoint that @fn is part of; NULL when it is none. */
struct pci_endpoint *pci_endpoint_of(struct pci_function *fn);

/**
 * Sends the message of MSI-X @vector as the guest has programmed it; masked: it stays pending. Beyond the table:
 * nothing happens. Any thread. After translations have changed, and for a message to an address that is no doorbell, it
 * takes the device lock; @quit (NULL: never) is as in bus_lock_unless().
 */
void pci_endpoint_interrupt(struct pci_endpoint *ep, unsigned vector, const _Atomic bool *quit);

/** The eventfd behind @vector, for those who raise it from outside this process (vhost); lives as long as @ep. Its
 * messages are not translated anew: only for functions that have no IOMMU above them. */
int pci_endpoint_vector_fd(const struct pci_endpoint *ep, unsigned vector);

/** Takes DMA away from the function, interrupts included, whatever its bus mastering says; or gives it back. Device
 * lock held. The device learns of it as of bus mastering. */
void pci_endpoint_block_dma(struct pci_endpoint *ep, bool blocked);

/** Closes a gate in front of the function: no DMA, no interrupts, no answers of its BARs, whatever the guest turns on
 * and the device thinks of it; or opens it. A reset of the function closes it again and tells @ep->gate, if there is
 * one. Device lock held. */
void pci_endpoint_gate(struct pci_endpoint *ep, bool closed);

/** True in D0: registers answer and the function may do DMA. */
bool pci_endpoint_powered(const struct pci_endpoint *ep);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* State of an assigned device, shared by the files of pci/assign. Guarded by the device lock. */
#ifndef AERIE_ASSIGN_PRIV_H
#define AERIE_ASSIGN_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "assign.h"
#include "assign_vfio.h"
#include "irq.h"
#include "loop.h"
#include "pci_function.h"

/* A page-aligned part of a BAR that the guest reaches without an exit. */
struct assign_piece {
	struct range range; /* offsets in the BAR */
	void *host;	    /* mapping of the device's descriptor, NULL: none */
	uint32_t slot;	    /* valid while mapped */
	bool mapped;	    /* in the guest's address space */
};

/* Two trapped ranges (MSI-X table, PBA) cut each mappable area into at most two more pieces in all. */
#define ASSIGN_MAX_PIECES (VFIO_MAX_AREAS + 2u)

struct assign_bar {
	struct vfio_region region; /* size 0: the guest has no such BAR */
	bool is_64, prefetchable;
	struct assign_piece pieces[ASSIGN_MAX_PIECES];
	unsigned nr_pieces;
};

struct assign_vector {
	struct irq_route route; /* its eventfd is opened at the first unmask, -1 before */
	bool installed;		/* VFIO signals the eventfd */
	bool pointed;		/* the device's own MSI-X entry holds the guest's address */
};

/* The device's own MSI-X table, see assign_doorbell.c. */
struct assign_doorbell {
	void *host;	    /* mapping of the table's pages, NULL: none */
	struct range pages; /* offsets in the BAR */
};

#define ASSIGN_IRQ_NONE (-1)

/* Host state of the interrupts; the guest's is fn.irq. */
struct assign_irq {
	struct vfio_irqs intx, msi, msix; /* what VFIO offers */
	int active;			  /* VFIO index enabled in the host, or ASSIGN_IRQ_NONE */
	unsigned count;			  /* vectors allocated there (MSI, MSI-X) */
	struct assign_vector *vectors;	  /* nr_vectors, owned */
	unsigned nr_vectors;
	/* INTx */
	int trigger, resample;	     /* eventfds, -1 before the first use */
	const struct irq_line *line; /* attached to these, NULL: not */
};

/* See assign_gate.c. */
struct assign_gate {
	struct assign_gate_config config;
	unsigned resets; /* of the function by the guest */
	bool guarded;	 /* there is a gate at all; what follows means nothing otherwise */
	bool open;
	bool held;    /* COMMAND of the device is ours, not the guest's: a lock stands or is about to */
	bool limited; /* only `ranges` can be reached */
	struct assign_range ranges[ASSIGN_MAX_RANGES];
	unsigned nr_ranges;
	uint64_t bar_addr[PCI_NR_BARS]; /* where each began to decode under the lock; UINT64_MAX: not yet */
};

struct assigned {
	struct pci_function fn; /* first */
	struct vm *vm;
	struct host_dev host;
	bool translated; /* behind a guest IOMMU */
	bool nested;	 /* ... whose tables the host's walks */
	bool can_reset;	 /* the host has a function reset for it */
	uint64_t page;	 /* host page size */
	struct vfio_region config;
	uint8_t snapshot[PCI_CFG_SIZE]; /* config space after the first reset; what config.size does not cover is 0 */
	uint16_t pcie_cap;		/* offset of the PCI Express capability, if it has version 2; 0: none */
	uint16_t hw_command;		/* COMMAND as last written to the device */
	struct assign_bar bars[PCI_NR_BARS];
	struct assign_irq irq;
	struct assign_doorbell doorbell;
	struct assign_gate gate;
	int err_fd, req_fd; /* eventfds, -1: not offered */
	struct loop_source err, req;
};

static inline struct assigned *assigned_of(struct pci_function *fn)
{
	return (struct assigned *)(void *)fn;
}

/* assign_cfg.c, assign_caps.c */

/** Builds the guest's config space from the snapshot, BARs and capabilities included. 0 or -errno (logged). */
int assign_cfg_build(struct assigned *a);
/** Walks the capability lists of the snapshot, which may lie, and adds what the policy lets through. */
int assign_caps_build(struct assigned *a);
/** PCI Express capability at @offset. 0 or -errno. */
int assign_pcie_build(struct assigned *a, uint16_t offset);
/** The PASID capability, if the host has PASIDs for the device; after all others. 0 or -errno (logged). */
int assign_pasid_build(struct assigned *a);
/** ops->cfg_read, cfg_write. */
int assign_cfg_read(struct pci_function *fn, uint16_t offset, uint8_t size, uint32_t *value);
int assign_cfg_write(struct pci_function *fn, uint16_t offset, uint8_t size, uint32_t value);
/** ops->command: brings the device's COMMAND in line, unmapping BARs before memory decoding goes. */
void assign_command(struct pci_function *fn, uint16_t old, uint16_t now);
/** Writes COMMAND of the device. 0 or -errno (not logged). */
int assign_write_command(struct assigned *a, uint16_t command);

/** Little-endian field of the snapshot; 0 beyond its end. */
uint32_t assign_snap(const struct assigned *a, unsigned offset, unsigned size);

/* assign_bar.c */

/** Reads BAR @index from the snapshot and VFIO and defines it. *@next: index of the BAR after it. 0 or -errno (logged).
 */
int assign_bar_define(struct assigned *a, unsigned index, unsigned *next);
/** Maps what the guest may reach directly. After all capabilities are known. 0 or -errno (logged). */
int assign_bars_mmap(struct assigned *a);
void assign_bars_munmap(struct assigned *a);
int assign_bar_map(struct pci_function *fn, unsigned index, gpa_t addr);
void assign_bar_unmap(struct pci_function *fn, unsigned index);
void assign_bars_unmap(struct assigned *a);
enum bus_verdict assign_bar_access(struct pci_function *fn, unsigned index, struct bus_access *access);
/** Cuts @areas into page-aligned pieces that keep clear of the pages with @traps. Returns their number. */
unsigned assign_bar_split(const struct range *areas, unsigned nr_areas, const struct range *traps, unsigned nr_traps,
			  uint64_t page, struct assign_piece pieces[ASSIGN_MAX_PIECES]);

/* assign_irq.c */

int assign_irq_init(struct assigned *a);
/** Reconciles the host with the guest's state, whatever both are; ops->irq_changed. A failure is logged, leaves a
 *  consistent state and is tried again at the next change. */
void assign_irq_reconcile(struct pci_function *fn);
/** Everything off in the host. */
void assign_irq_shutdown(struct assigned *a);
void assign_irq_fini(struct assigned *a);

/* assign_doorbell.c */

/** Maps the device's MSI-X table when it is behind a guest IOMMU and VFIO allows it. 0 or -errno (logged). */
int assign_doorbell_init(struct assigned *a);
void assign_doorbell_fini(struct assigned *a);
/** Lets @vector, which is installed, be sent to the I/O address @address that the guest wrote into its table. Nothing
 * happens where guest and host do not share a doorbell: then the guest must map the host's 1:1. */
void assign_doorbell_point(struct assigned *a, unsigned vector, uint64_t address);

/* assign_gate.c */

/** Whether @bytes at @offset of BAR @index may be reached now. */
bool assign_gate_passes(const struct assigned *a, unsigned index, uint64_t offset, uint64_t bytes);
/** BAR @index decodes at @addr: breaks the lock when it was elsewhere under it. */
void assign_gate_bar(struct assigned *a, unsigned index, uint64_t addr);
/** COMMAND went from @old to @now in the guest's view. Returns what the device's own is to be. */
uint16_t assign_gate_command(struct assigned *a, uint16_t old, uint16_t now);
/** The function is about to be reset: the gate closes. */
void assign_gate_reset(struct assigned *a);

/* assign_events.c: ERR and REQ */

int assign_events_init(struct assigned *a);
void assign_events_fini(struct assigned *a);

/* assign_reset.c */

/** Turns off all that COMMAND can turn off: memory decoding, bus mastering, INTx. 0 or -errno (logged). */
int assign_quiet(struct assigned *a);
/** ops->reset: resets the function, or quiets it when it has no function reset. 0 or -errno (logged). */
int assign_reset(struct pci_function *fn);

#endif

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

/* Why a gate closed by itself. */
enum assign_break {
	ASSIGN_BREAK_LOCK,  /* the guest did what ends the lock of the interface */
	ASSIGN_BREAK_RESET, /* the guest reset the function, which no lock forbade */
};

/*
 * What stands between a device that has to prove itself and its guest. Closed: its DMA is blocked in the host's IOMMU,
 * its BARs answer nothing, its interrupts reach nobody. The device is created with its gate closed.
 */
struct assign_gate_config {
	/** The gate has closed by itself, DMA is blocked already; the device lock is held, often in a vCPU's access:
	 * never waits. @what: a constant, for people. */
	void (*broken)(void *opaque, enum assign_break why, const char *what);
	void *opaque;
};

/* A part of a BAR that the guest may reach. */
struct assign_range {
	unsigned bar;
	struct range range; /* offsets in the BAR */
};
#define ASSIGN_MAX_RANGES 64u

struct assign_config {
	const char *bdf; /* of the host, full form, borrowed */
	struct iommufd *iommufd;
	bool translated; /* behind a guest IOMMU: MSI addresses are IOVAs */
	bool nested;	 /* ... whose stage 1 is the guest's own tables: they translate the device's MSIs too */
	const struct assign_gate_config *gate; /* copied; NULL: none, the device is the guest's from the start */
};

/** Opens, binds, resets the device and builds its function (not placed, not attached to any IOMMU object).
 *  0 or -errno (logged with remedy). Freed by its function's destroy. */
int assigned_create(struct assigned **out, struct vm *vm, const struct assign_config *config);

/** Frees one that was never placed. NULL is fine. */
void assigned_destroy(struct assigned *dev);

/** Turns bus mastering and memory decoding of the device off: before what translates for it goes. */
void assigned_stop(struct assigned *dev);

/* The gate; device lock held, or start-up. */

/** Prepares a device for being locked: DMA stays blocked, but memory decoding and bus mastering are on in the device
 * from here on, since turning them off later ends the lock (PCIe 6.1, 11.4.5). 0 or -errno (logged). */
int assigned_hold(struct assigned *dev);
/**
 * Opens the gate. @ranges: what the guest may reach of its BARs; NULL: all. @locked: from now on the guest breaks the
 * lock when it turns bus mastering or memory decoding off after it had turned them on, moves a BAR that decodes, or
 * resets the function. 0 or -errno (logged): it stays closed.
 */
int assigned_open(struct assigned *dev, const struct assign_range *ranges, unsigned n, bool locked);
/** Closes it: first the DMA, then BARs and interrupts, then bus mastering and memory decoding in the device. */
void assigned_close(struct assigned *dev);
bool assigned_is_open(const struct assigned *dev);
/** How often the function has been reset, gate open or not: what it had proven before is void. */
unsigned assigned_resets(const struct assigned *dev);

/** The device's configuration space over VFIO: @base is its offset in the descriptor. */
int assigned_config_fd(const struct assigned *dev, uint64_t *base);

struct pci_function *assigned_function(struct assigned *dev);
struct host_dev *assigned_host_dev(struct assigned *dev);

#endif

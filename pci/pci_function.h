/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One PCI function as the guest sees it, emulated or assigned: configuration space by policy, BARs, MSI and MSI-X
 * state.
 *
 * The function owns the guest's view only. What happens on the other side (a host device, an emulated one) comes
 * through struct pci_function_ops. Guarded by the device lock.
 */
#ifndef AERIE_PCI_FUNCTION_H
#define AERIE_PCI_FUNCTION_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "bus.h"
#include "pci_bar.h"
#include "pci_cfg.h"
#include "pci_msi.h"

struct fdtw;
struct pci_bridge;
struct pci_doe;
struct pci_function;
struct pci_guard;
struct pci_host;
struct pci_ide;

struct pci_function_ops {
	/** Read or write of a config dword with policy CFG_PASS. @offset is dword aligned + 0..3, @size 1, 2 or 4. NULL
	 * when the function has no such dwords. Return 0 or -errno (a failed read gives the guest all ones). */
	int (*cfg_read)(struct pci_function *fn, uint16_t offset, uint8_t size, uint32_t *value);
	int (*cfg_write)(struct pci_function *fn, uint16_t offset, uint8_t size, uint32_t value);

	/** The COMMAND register changed (bus master, memory enable, INTx disable). May be NULL. */
	void (*command)(struct pci_function *fn, uint16_t old, uint16_t now);

	/** BAR @index began to decode at @addr / stopped decoding. Optional; trapped accesses work without. */
	int (*bar_map)(struct pci_function *fn, unsigned index, gpa_t addr);
	void (*bar_unmap)(struct pci_function *fn, unsigned index);

	/** An access to a part of BAR @index that is not directly mapped and is neither MSI-X table nor PBA. */
	enum bus_verdict (*bar_access)(struct pci_function *fn, unsigned index, struct bus_access *access);

	/** Interrupt state of the guest changed (MSI, MSI-X, INTx disable): reconcile the host side with it.
	 * Idempotent. */
	void (*irq_changed)(struct pci_function *fn);

	/** Back to power-on state (conventional reset of the slot). The config space is reset before. 0 or -errno
	 * (logged). */
	int (*reset)(struct pci_function *fn);

	/** Frees the function. Its BARs are off the bus already. */
	void (*destroy)(struct pci_function *fn);

	/** Adds properties to the function's device tree node, if it has one (dt_phandle). May be NULL. */
	void (*describe)(struct pci_function *fn, struct fdtw *fdt);
};

struct pci_function {
	const char *name; /* for messages: id or host BDF; owned by the creator */
	const struct pci_function_ops *ops;
	struct pci_host *host;	   /* set when placed */
	struct pci_bridge *parent; /* the port above; NULL on the root bus */
	uint8_t devfn;		   /* device << 3 | function, on its bus */
	uint32_t dt_memory_region; /* phandle of a reserved-memory node for its device tree node; 0: none */
	uint32_t dt_phandle;	   /* phandle of its own device tree node; 0: no node needed for that */
	bool dt_can_stall;	   /* dma-can-stall: its accesses wait while the guest mends its translation */
	bool ats;		   /* has an ATS capability, whose requests the host bridge passes on */

	struct pci_cfg cfg;
	struct pci_bar bars[PCI_NR_BARS];
	struct pci_irq irq; /* MSI, MSI-X, INTx */

	struct pci_guard *guard;   /* sees what is about to happen; NULL: nobody does. Not owned */
	struct pci_doe *mailboxes; /* emulated DOE mailboxes, see pci_doe.h; not owned */
	struct pci_ide *ide;	   /* emulated IDE capability; not owned */
};

/** Initialises the common part: no BARs, no interrupts, and all of config space hidden (default deny) but COMMAND,
 * STATUS and the interrupt line, which every function has. COMMAND must stay CFG_EMULATE; its effects come with
 * pci_function_cfg_write(), whatever masks the owner gives it. @ops is kept. */
void pci_function_init(struct pci_function *fn, const char *name, const struct pci_function_ops *ops);

/** Releases what the common part holds (windows on the bus, routes); called by the owner's destroy. */
void pci_function_fini(struct pci_function *fn);

/** The bus number that software has given to the function's bus (0 on the root bus). */
uint8_t pci_function_bus(const struct pci_function *fn);

/** Requester id: bus << 8 | devfn, with the bus number of the moment. */
uint16_t pci_function_rid(const struct pci_function *fn);

/** True when memory decoding is on in the function and in each bridge above it. */
bool pci_function_memory_enabled(const struct pci_function *fn);

/** True when bus mastering is on in the function and in each bridge above it. */
bool pci_function_bus_master(const struct pci_function *fn);

/** Config access by the host bridge; any offset 0..4095, size 1, 2 or 4; an access may not cross a dword. */
uint32_t pci_function_cfg_read(struct pci_function *fn, uint16_t offset, uint8_t size);
void pci_function_cfg_write(struct pci_function *fn, uint16_t offset, uint8_t size, uint32_t value);

/** Conventional reset: config space, BARs and interrupt state, then ops->reset. 0 or -errno (logged). */
int pci_function_reset(struct pci_function *fn);

/** The same for a function level reset or the way from D3hot to D0, which the link's security survives. */
int pci_function_flr(struct pci_function *fn);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this box share with each other and nobody else. */
#ifndef AERIE_PCI_PRIV_H
#define AERIE_PCI_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "device.h"
#include "pci_bridge.h"
#include "pci_endpoint.h"
#include "pci_function.h"
#include "pci_host.h"

#define PCI_VENDOR_REDHAT      0x1b36u
#define PCI_DEVICE_HOST_BRIDGE 0x0008u /* the ids that Linux knows for generic emulated ones: no quirk matches them */
#define PCI_DEVICE_ROOT_PORT   0x000cu

#define PCI_MAX_BARS (PCI_MAX_FUNCTIONS * PCI_NR_BARS)

struct pci_host {
	struct device dev; /* first */
	struct vm *vm;	   /* not owned */
	struct pci_host_config config;
	struct bus_window ecam, ports;
	uint32_t port_address;	  /* address register of mechanism #1 */
	struct pci_function self; /* 00:00.0 */

	struct pci_function *functions[PCI_MAX_FUNCTIONS]; /* in order of placement, owned */
	unsigned nr_functions;
	struct pci_function *root[256]; /* bus 0 by devfn */

	struct pci_iommu_map iommu_maps[PCI_MAX_IOMMU_MAPS];
	unsigned nr_iommu_maps;

	/* pci_host_remap()'s scratch space */
	struct pci_function *by_rid[PCI_MAX_FUNCTIONS];
	struct pci_bar *accepted[PCI_MAX_BARS];
};

/** One access to one dword of configuration space; to a function that does not exist it is an Unsupported Request: all
 *  ones, ignored (PCIe 6.0, 2.3.2). Returns what was read, or @value. */
uint32_t pci_host_cfg(struct pci_host *host, uint16_t rid, uint16_t reg, uint8_t size, bool is_write, uint32_t value);

/** I/O ports of configuration mechanism #1 (pci_ports.c), if the machine has ports. 0 or -errno (not logged). */
#define PCI_PORTS    0xcf8u
#define PCI_NR_PORTS 8u
int pci_host_add_ports(struct pci_host *host, struct bus *bus);

/** Device class's describe (pci_fdt.c). */
void pci_host_describe(struct device *dev, struct fdtw *fdt);
/** True when a function has ATS: the host bridge then says that it forwards such requests. */
bool pci_host_has_ats(const struct pci_host *host);
/** Its describe_acpi (pci_acpi.c). */
void pci_host_describe_acpi(struct device *dev, struct acpi *acpi);

/** Line behind @pin (1 .. 4) of device @slot on bus 0: the swizzle that the device tree repeats (0 .. 3). */
static inline unsigned pci_root_line(unsigned slot, unsigned pin)
{
	return (pin - 1 + slot) & 3u;
}

/** Takes every BAR off the bus; for the end. */
void pci_host_unmap_all(struct pci_host *host);

/** Calls ops->irq_changed if there is one. */
void pci_irq_notify(struct pci_function *fn);

/** The same for the functions below @fn, if it is a bridge, that master the bus themselves. */
void pci_irq_notify_below(struct pci_function *fn);

/* pci_endpoint_irq.c */
/** Opens the eventfds of @vectors vectors. 0 or -errno (logged). */
int pci_endpoint_irq_init(struct pci_endpoint *ep, unsigned vectors);
void pci_endpoint_irq_fini(struct pci_endpoint *ep);
/** Brings every route in line with what the guest has programmed. */
void pci_endpoint_irq_reconcile(struct pci_endpoint *ep);
/** Forgets what is pending. */
void pci_endpoint_irq_clear(struct pci_endpoint *ep);

/** Frees what pci_msix_add() allocated. */
void pci_irq_fini(struct pci_function *fn);

/** When the dword at @offset is the MSI pending register, its present value is put into *@value. */
bool pci_msi_pending_read(struct pci_function *fn, uint16_t offset, uint32_t *value);

/** All ones in @size (1, 2, 4) bytes. */
static inline uint32_t pci_size_mask(uint8_t size)
{
	return size >= 4 ? UINT32_MAX : (UINT32_C(1) << (size * 8)) - 1;
}

#endif

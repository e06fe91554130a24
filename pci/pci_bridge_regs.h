/* SPDX-License-Identifier: Apache-2.0 */
/* Layout of the root port's configuration space. Offsets of capabilities are ours, contents are PCIe 6.0's. */
#ifndef AERIE_PCI_BRIDGE_REGS_H
#define AERIE_PCI_BRIDGE_REGS_H

#include <stdint.h>

struct pci_function;

#define BRIDGE_CAP_PM  0x40u
#define BRIDGE_CAP_SID 0x48u /* subsystem ids */
#define BRIDGE_CAP_MSI 0x50u
#define BRIDGE_CAP_EXP 0x70u
#define BRIDGE_EXT_AER 0x100u
#define BRIDGE_EXT_ACS 0x150u
#define BRIDGE_EXT_SEC 0x160u /* secondary PCI Express: lane equalization of 8 GT/s and more */

#define BRIDGE_EXT_IDE 0x200u

#define BRIDGE_WINDOW_GRANULE 0x100000u
#define BRIDGE_LINK_WIDTH     16u

/** Fills config space as it is after reset; @slot: physical slot and port number, @bus: secondary bus. 0 or -EINVAL. */
int pci_bridge_regs_init(struct pci_function *fn, uint8_t slot, uint8_t bus);

/* Hooks, in pci_bridge.c. */
void pci_bridge_control_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask);
void pci_bridge_link_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask);
void pci_bridge_power_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask);
void pci_bridge_buses_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask);
void pci_bridge_window_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask);

#endif

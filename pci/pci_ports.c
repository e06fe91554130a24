/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration access by I/O ports (PCI Local Bus 3.0, 3.2.2.3.2, mechanism #1), where the machine has ports: the way
 * of kernels that have not read an MCFG table yet, and Linux before 6.8 believes in a memory map's ECAM only beside it.
 * It reaches the first 256 bytes of a function. Guarded by the device lock.
 */
#include "bits.h"
#include "pci_priv.h"
#include "stats.h"

#define ADDRESS_ENABLE	 BIT32(31)
#define ADDRESS_RID	 MASK32(23, 8)
#define ADDRESS_REGISTER MASK32(7, 2) /* its dword */
#define ADDRESS_WRITABLE (ADDRESS_ENABLE | ADDRESS_RID | ADDRESS_REGISTER)
#define ADDRESS		 0u
#define DATA		 4u

/* The port takes whole dwords only; smaller ones are for another device, which there is not. */
static enum bus_verdict address_access(struct pci_host *host, struct bus_access *access)
{
	if (access->size != 4 || access->offset != ADDRESS)
		return BUS_BAD;
	if (access->is_write)
		host->port_address = (uint32_t)access->value & ADDRESS_WRITABLE;
	else
		access->value = host->port_address;
	return BUS_HANDLED;
}

static enum bus_verdict ports_access(struct bus_window *window, struct bus_access *access)
{
	struct pci_host *host = container_of(window, struct pci_host, ports);
	uint32_t address = host->port_address, in_dword = (uint32_t)access->offset % 4;

	if (access->offset < DATA)
		return address_access(host, access);
	if (access->size > 4 || in_dword + access->size > 4)
		return BUS_BAD;
	if (!(address & ADDRESS_ENABLE))
		return BUS_UNHANDLED;
	stats_inc(&stats.pci_cfg_accesses);
	access->value = pci_host_cfg(host, (uint16_t)field_get32(ADDRESS_RID, address),
				     (uint16_t)((address & ADDRESS_REGISTER) + in_dword), access->size,
				     access->is_write, (uint32_t)access->value);
	return BUS_HANDLED;
}

int pci_host_add_ports(struct pci_host *host, struct bus *bus)
{
	host->ports.handler = ports_access;
	host->ports.name = "PCI configuration ports";
	return host->config.port_base ? bus_add(bus, &host->ports, host->config.port_base + PCI_PORTS, PCI_NR_PORTS)
				      : 0;
}

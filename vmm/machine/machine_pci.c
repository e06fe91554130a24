/* SPDX-License-Identifier: Apache-2.0 */
/* The PCIe tree: host bridge, root ports, devices below them. */
#include <errno.h>

#include "bits.h"
#include "log.h"
#include "machine_priv.h"

uint8_t machine_port_bus(const struct config *config, unsigned index)
{
	uint8_t bus = 1;

	for (unsigned i = 0; i < config->pci_count; i++)
		bus = (uint8_t)(bus + (config->pci[i].slot < config->pci[index].slot));
	return bus;
}

/* As many buses as there are: before it believes ACPI, Linux on x86-64 reads the vendor of 32 devices on each bus that
 * MCFG has (pcibios_fixup_peer_bridges()), two exits each. That leaves the requester ids of the last bus to the SMMUs.
 */
static int build_host_bridge(struct machine *m)
{
	_Static_assert(1 + CONFIG_MAX_PORTS <= MACHINE_SMMU_DEVICE_ID >> 8, "a port's bus must not be the SMMUs'");

	struct pci_host_config config = {
		.ecam = arch_pci_ecam(&m->vm),
		.mmio32 = arch_layout.pci_mmio32,
		.mmio64 = arch_pci_mmio64(&m->vm),
		.port_base = arch_layout.port_base,
	};

	config.ecam.last = config.ecam.first + (1 + m->config->pci_count) * PCI_ECAM_BUS_SIZE - 1;
	for (unsigned pin = 0; pin < ARRAY_LEN(config.intx); pin++) {
		int err = irq_line_alloc(m->vm.irqchip, &config.intx[pin], true);

		if (err < 0)
			return err;
	}

	int err = pci_host_create(&m->pci, &m->vm, &config);

	if (err < 0)
		return err;
	return machine_add_device(m, pci_host_device(m->pci));
}

/* config_validate() has given each port a slot of its own. */
static int build_port(struct machine *m, unsigned index)
{
	const struct config_port *port = &m->config->pci[index];
	struct pci_bridge *bridge;
	int err = pci_bridge_create(&bridge, &m->vm, port->root_port, port->slot, machine_port_bus(m->config, index));

	if (err < 0)
		return err;
	if (port->ide)
		err = pci_bridge_add_ide(bridge);
	if (err == 0)
		err = pci_host_place(m->pci, NULL, (uint8_t)(port->slot << 3), &bridge->fn);
	if (err < 0) {
		bridge->fn.ops->destroy(&bridge->fn);
		return err;
	}
	m->ports[index] = bridge;
	return 0;
}

static uint16_t endpoint_rid(void *owner)
{
	const struct machine_endpoint *ep = owner;

	return pci_function_rid(ep->fn);
}

int machine_port_iommu(const struct machine *m, unsigned index)
{
	const char *id = m->config->pci[index].iommu;

	return id ? config_iommu_index(m->config, id) : -1;
}

int machine_make_assigned(struct machine *m, const struct config_device *device, struct pci_function **fn)
{
	struct machine_endpoint *ep = &m->endpoints[m->nr_endpoints];
	int iommu = machine_port_iommu(m, ep->port);
	bool nested = iommu >= 0 && m->config->iommus[iommu].type == IOMMU_TYPE_SMMUV3;
	struct assign_gate_config gate;
	int err = 0;

	if (device->trust)
		err = machine_trust_create(m, ep, device, &gate);
	if (err == 0)
		err = assigned_create(&ep->assigned, &m->vm,
				      &(struct assign_config){
					      .bdf = device->assign,
					      .iommufd = &m->iommufd,
					      .translated = iommu >= 0,
					      .nested = nested,
					      .gate = device->trust ? &gate : NULL,
				      });

	if (err < 0)
		return err;
	*fn = assigned_function(ep->assigned);
	if (nested) {
		(*fn)->dt_phandle = MACHINE_PHANDLE_ENDPOINTS + m->nr_endpoints;
		(*fn)->dt_memory_region = MACHINE_PHANDLE_RESERVED + m->nr_endpoints;
	}
	return 0;
}

/* One that aerie plays itself: blocked from the start. */
static int guard_emulated(struct machine *m, struct machine_endpoint *ep, const struct config_device *device)
{
	struct assign_gate_config unused; /* of an assigned device */
	int err = machine_trust_create(m, ep, device, &unused);

	if (err == 0)
		pci_endpoint_gate(pci_endpoint_of(ep->fn), true);
	return err;
}

static int build_device(struct machine *m, unsigned port, const struct config_device *device)
{
	struct machine_endpoint *ep = &m->endpoints[m->nr_endpoints];
	int err;

	*ep = (struct machine_endpoint){.port = port, .config = device};
	err = machine_make_device(m, device, &ep->fn);
	if (err == 0) {
		if (device->trust && !ep->trust)
			err = guard_emulated(m, ep, device);
		if (err == 0)
			err = pci_host_place(m->pci, m->ports[port], device->function, ep->fn);
		if (err < 0)
			ep->fn->ops->destroy(ep->fn);
	}
	if (err < 0) {
		machine_trust_destroy(&ep->trust);
		return err;
	}
	ep->endpoint = (struct viommu_endpoint){.name = device->id, .rid = endpoint_rid, .owner = ep};
	m->nr_endpoints++;
	return 0;
}

/* All guest RAM at its guest physical addresses: what a device reaches when its guest does not translate, and stage 2
 * when it does. Nothing is ever mapped after this. */
static int map_ram(struct machine *m)
{
	const struct gmem *mem = &m->vm.gmem;
	int err = ioas_create(&m->iommufd, &m->ram_ioas);

	gmem_populate(mem);
	for (unsigned i = 0; err == 0 && i < mem->nr_regions; i++) {
		const struct gmem_region *r = &mem->regions[i];

		err = ioas_map_file(m->ram_ioas, iova(r->base.v), r->fd, 0, r->size);
	}
	return err;
}

int machine_build_pci(struct machine *m)
{
	const struct config *config = m->config;
	int err = build_host_bridge(m);

	for (unsigned i = 0; err == 0 && i < config->pci_count; i++)
		err = build_port(m, i);
	if (err == 0 && config_assigns(config)) {
		err = iommufd_open(&m->iommufd, -1);
		if (err == 0)
			err = vm_create_vfio(&m->vm);
		m->iommufd.kvm_vfio = m->vm.vfio_fd;
		if (err == 0)
			err = map_ram(m);
	}
	for (unsigned i = 0; err == 0 && i < config->pci_count; i++)
		for (unsigned d = 0; err == 0 && d < config->pci[i].devices_count; d++)
			err = build_device(m, i, &config->pci[i].devices[d]);
	return err < 0 ? err : pci_host_check(m->pci);
}

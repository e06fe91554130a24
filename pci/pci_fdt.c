/* SPDX-License-Identifier: Apache-2.0 */
/* The host bridge in the device tree: binding pci-host-ecam-generic, IEEE 1275 PCI binding, Linux' pci-iommu and
 * pci-msi. */
#include "fdtw.h"
#include "pci_priv.h"

/* phys.hi of the PCI binding: space code, prefetchable bit. */
#define PHYS_MEM32	0x02000000u
#define PHYS_MEM64_PREF 0x43000000u
#define PHYS_DEVFN(d)	((uint32_t)(d) << 8)
#define PHYS_SLOT_MOD_4 0x1800u /* the swizzle repeats after four slots */
#define GIC_SPI_BASE	32u
#define PINS		4u
#define MAP_CELLS	10u /* 3 address, pin, GIC, 2 address, 3 interrupt */
#define DEVFN_SLOT(d)	((unsigned)(d) >> 3)

/* One row of interrupt-map: from (@phys_hi, @pin) to line @line. The GIC's #address-cells is 2: it has the ITS as a
 * child. */
static void map_row(const struct pci_host *host, uint32_t *cells, uint32_t phys_hi, unsigned pin, unsigned line)
{
	const uint32_t row[MAP_CELLS] = {
		phys_hi,
		0,
		0,
		pin,
		FDTW_PHANDLE_GIC,
		0,
		0,
		FDTW_GIC_SPI,
		host->config.intx[line].intid - GIC_SPI_BASE,
		FDTW_IRQ_LEVEL,
	};

	for (unsigned i = 0; i < MAP_CELLS; i++)
		cells[i] = row[i];
}

/* For every function on the root bus, and whatever is below ports that have no node of their own. */
static void root_interrupt_map(const struct pci_host *host, struct fdtw *fdt)
{
	uint32_t cells[4 * PINS * MAP_CELLS];
	unsigned n = 0;

	for (unsigned slot = 0; slot < 4; slot++)
		for (unsigned pin = 1; pin <= PINS; pin++, n += MAP_CELLS)
			map_row(host, cells + n, PHYS_DEVFN(slot << 3), pin, pci_root_line(slot, pin));
	fdtw_u32(fdt, "#interrupt-cells", 1);
	fdtw_u32s(fdt, "interrupt-map", cells, n);
	FDTW_CELLS(fdt, "interrupt-map-mask", PHYS_SLOT_MOD_4, 0, 0, 7);
}

/*
 * A port with a node needs its own map: software stops swizzling at the first bridge that has a node, and would look
 * the endpoint's own address up in the root's map. Only device 0 is below, so the port's slot alone turns the pins.
 */
static void port_interrupt_map(const struct pci_host *host, const struct pci_function *port, struct fdtw *fdt)
{
	uint32_t cells[PINS * MAP_CELLS];

	for (unsigned pin = 1; pin <= PINS; pin++)
		map_row(host, cells + (pin - 1) * MAP_CELLS, 0, pin, pci_root_line(DEVFN_SLOT(port->devfn), pin));
	fdtw_u32(fdt, "#interrupt-cells", 1);
	fdtw_u32s(fdt, "interrupt-map", cells, PINS * MAP_CELLS);
	FDTW_CELLS(fdt, "interrupt-map-mask", 0, 0, 0, 7);
}

/*
 * The bus number in `reg` is 0 also for functions below a port: bus numbers are the guest's to assign, and Linux finds
 * the node of a function among the children of its bridge's node by device and function number alone
 * (of_pci_find_child_device()).
 */
static void function_properties(struct pci_function *fn, struct fdtw *fdt)
{
	FDTW_CELLS(fdt, "reg", PHYS_DEVFN(fn->devfn), 0, 0, 0, 0);
	if (fn->dt_memory_region != 0)
		fdtw_u32(fdt, "memory-region", fn->dt_memory_region);
	if (fn->dt_phandle != 0)
		fdtw_u32(fdt, "phandle", fn->dt_phandle);
	if (fn->dt_can_stall)
		fdtw_empty(fdt, "dma-can-stall");
	if (fn->ops->describe)
		fn->ops->describe(fn, fdt);
}

static bool has_node(const struct pci_function *fn)
{
	return fn->dt_phandle != 0 || fn->dt_can_stall;
}

static void describe_endpoint(struct pci_function *fn, struct fdtw *fdt)
{
	fdtw_begin(fdt, "endpoint@%x,%x", DEVFN_SLOT(fn->devfn), fn->devfn & 7u);
	function_properties(fn, fdt);
	fdtw_end(fdt);
}

static void describe_port(const struct pci_host *host, struct pci_bridge *bridge, struct fdtw *fdt)
{
	bool needed = bridge->fn.dt_phandle != 0;

	for (unsigned i = 0; i < 8; i++)
		needed |= bridge->children[i] && has_node(bridge->children[i]);
	if (!needed)
		return;
	fdtw_begin(fdt, "pci@%x,%x", DEVFN_SLOT(bridge->fn.devfn), bridge->fn.devfn & 7u);
	function_properties(&bridge->fn, fdt);
	fdtw_string(fdt, "device_type", "pci");
	fdtw_u32(fdt, "#address-cells", 3);
	fdtw_u32(fdt, "#size-cells", 2);
	fdtw_empty(fdt, "ranges");
	port_interrupt_map(host, &bridge->fn, fdt);
	for (unsigned i = 0; i < 8; i++)
		if (bridge->children[i] && has_node(bridge->children[i]))
			describe_endpoint(bridge->children[i], fdt);
	fdtw_end(fdt);
}

static void describe_windows(const struct pci_host *host, struct fdtw *fdt)
{
	struct range low = host->config.mmio32, high = host->config.mmio64;
	const uint32_t ranges[] = {
		PHYS_MEM32,	 FDTW_U64(low.first),  FDTW_U64(low.first),  FDTW_U64(range_len(low)),
		PHYS_MEM64_PREF, FDTW_U64(high.first), FDTW_U64(high.first), FDTW_U64(range_len(high)),
	};

	fdtw_u32s(fdt, "ranges", ranges, sizeof(ranges) / sizeof(ranges[0]));
}

static void describe_iommu_map(const struct pci_host *host, struct fdtw *fdt)
{
	uint32_t cells[PCI_MAX_IOMMU_MAPS * 4];
	unsigned n = 0;

	for (unsigned i = 0; i < host->nr_iommu_maps; i++) {
		const struct pci_iommu_map *map = &host->iommu_maps[i];

		cells[n++] = map->first_rid;
		cells[n++] = map->iommu_phandle;
		cells[n++] = map->first_sid;
		cells[n++] = map->count;
	}
	if (n > 0)
		fdtw_u32s(fdt, "iommu-map", cells, n);
}

bool pci_host_has_ats(const struct pci_host *host)
{
	for (unsigned devfn = 0; devfn < 256; devfn++) {
		struct pci_function *fn = host->root[devfn];
		struct pci_bridge *bridge = fn ? pci_bridge_of(fn) : NULL;

		if (fn && fn->ats)
			return true;
		for (unsigned i = 0; bridge && i < 8; i++)
			if (bridge->children[i] && bridge->children[i]->ats)
				return true;
	}
	return false;
}

void pci_host_describe(struct device *dev, struct fdtw *fdt)
{
	struct pci_host *host = (struct pci_host *)dev;
	struct range ecam = host->config.ecam;

	fdtw_begin(fdt, "pcie@%llx", (unsigned long long)ecam.first);
	fdtw_string(fdt, "compatible", "pci-host-ecam-generic");
	fdtw_string(fdt, "device_type", "pci");
	fdtw_reg(fdt, ecam.first, range_len(ecam));
	FDTW_CELLS(fdt, "bus-range", 0, (uint32_t)(range_len(ecam) / PCI_ECAM_BUS_SIZE - 1));
	fdtw_u32(fdt, "linux,pci-domain", 0);
	fdtw_u32(fdt, "#address-cells", 3);
	fdtw_u32(fdt, "#size-cells", 2);
	describe_windows(host, fdt);
	fdtw_empty(fdt, "dma-coherent");
	if (pci_host_has_ats(host))
		fdtw_empty(fdt, "ats-supported");
	root_interrupt_map(host, fdt);
	FDTW_CELLS(fdt, "msi-map", 0, FDTW_PHANDLE_MSI, 0, 0x10000);
	describe_iommu_map(host, fdt);

	for (unsigned devfn = 0; devfn < 256; devfn++) {
		struct pci_function *fn = host->root[devfn];
		struct pci_bridge *bridge = fn ? pci_bridge_of(fn) : NULL;

		if (bridge)
			describe_port(host, bridge, fdt);
		else if (fn && has_node(fn))
			describe_endpoint(fn, fdt);
	}
	fdtw_end(fdt);
}

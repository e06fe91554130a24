/* SPDX-License-Identifier: Apache-2.0 */
/* VIOT (ACPI 6.5, 5.2.34): virtio-iommus, and which requester ids each translates. */
#include "acpi.h"
#include "acpi_regs.h"

#define NODE_COUNT     36u
#define IOMMU_PCI_SIZE 16u
#define PCI_RANGE_SIZE 24u

/* Offset of the node of IOMMU @phandle; 0: it is none of VIOT's. */
static uint16_t iommu_node(const struct acpi_iommus *iommus, uint32_t phandle)
{
	for (unsigned i = 0; i < iommus->nr_viommus; i++)
		if (iommus->viommus[i].phandle == phandle)
			return (uint16_t)(ACPI_VIOT_NODES + i * IOMMU_PCI_SIZE);
	return 0;
}

static void write_iommu(struct acpi_buf *b, const struct acpi_viommu *v)
{
	acpi_u8(b, ACPI_VIOT_IOMMU_PCI);
	acpi_u8(b, 0);
	acpi_u16(b, IOMMU_PCI_SIZE);
	acpi_u16(b, 0); /* segment */
	acpi_u16(b, v->bdf);
	acpi_zeros(b, 8);
}

static void write_range(struct acpi_buf *b, const struct acpi_iommu_map *map, uint16_t node)
{
	acpi_u8(b, ACPI_VIOT_PCI_RANGE);
	acpi_u8(b, 0);
	acpi_u16(b, PCI_RANGE_SIZE);
	acpi_u32(b, map->first_sid); /* endpoint id of the first one */
	acpi_u16(b, 0);		     /* segments, from and to */
	acpi_u16(b, 0);
	acpi_u16(b, map->first_rid);
	acpi_u16(b, (uint16_t)(map->first_rid + map->count - 1));
	acpi_u16(b, node);
	acpi_zeros(b, 6);
}

void acpi_write_viot(struct acpi *acpi)
{
	const struct acpi_iommus *iommus = &acpi->iommus;
	uint16_t nodes = (uint16_t)iommus->nr_viommus;
	struct acpi_buf *b;

	if (nodes == 0)
		return;
	b = acpi_table(acpi, "VIOT", ACPI_VIOT_REVISION);
	acpi_u16(b, 0); /* number of nodes, below */
	acpi_u16(b, ACPI_VIOT_NODES);
	acpi_zeros(b, 8);
	for (unsigned i = 0; i < iommus->nr_viommus; i++)
		write_iommu(b, &iommus->viommus[i]);
	for (unsigned i = 0; i < iommus->nr_maps; i++) {
		uint16_t node = iommu_node(iommus, iommus->maps[i].phandle);

		if (node == 0)
			continue;
		write_range(b, &iommus->maps[i], node);
		nodes++;
	}
	acpi_put_u16(b, NODE_COUNT, nodes);
}

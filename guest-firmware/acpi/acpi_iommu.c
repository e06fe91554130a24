/* SPDX-License-Identifier: Apache-2.0 */
#include "acpi_iommu.h"

#include "acpi.h"
#include "acpi_regs.h"
#include "bits.h"

/* Room in a list for one more? */
static bool room(struct acpi *acpi, unsigned used, unsigned max)
{
	if (used == max)
		acpi->iommus.overflow = true;
	return used < max;
}

void acpi_add_smmu(struct acpi *acpi, const struct acpi_smmu *smmu)
{
	struct acpi_iommus *i = &acpi->iommus;

	if (room(acpi, i->nr_smmus, ACPI_MAX_IOMMUS))
		i->smmus[i->nr_smmus++] = *smmu;
}

void acpi_add_viommu(struct acpi *acpi, const struct acpi_viommu *viommu)
{
	struct acpi_iommus *i = &acpi->iommus;

	if (room(acpi, i->nr_viommus, ACPI_MAX_IOMMUS))
		i->viommus[i->nr_viommus++] = *viommu;
}

void acpi_add_iommu_map(struct acpi *acpi, const struct acpi_iommu_map *map)
{
	struct acpi_iommus *i = &acpi->iommus;
	unsigned at = i->nr_maps;

	if (!room(acpi, i->nr_maps, ACPI_MAX_MAPS))
		return;
	for (; at > 0 && i->maps[at - 1].first_rid > map->first_rid; at--)
		i->maps[at] = i->maps[at - 1];
	i->maps[at] = *map;
	i->nr_maps++;
}

void acpi_add_reserved(struct acpi *acpi, const struct acpi_reserved *reserved)
{
	struct acpi_iommus *i = &acpi->iommus;

	if (room(acpi, i->nr_reserved, ACPI_MAX_RESERVED))
		i->reserved[i->nr_reserved++] = *reserved;
}

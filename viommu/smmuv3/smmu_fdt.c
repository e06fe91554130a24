/* SPDX-License-Identifier: Apache-2.0 */
#include "acpi_iommu.h"
#include "fdtw.h"
#include "smmu_priv.h"

#define FIRST_SPI_INTID 32u

/* Binding arm,smmu-v3. A guest that finds msi-parent uses MSIs, others the wired interrupts; `dma-coherent` is what
 * COHACC says. */
void smmu_describe(struct device *dev, struct fdtw *fdt)
{
	static const char names[] = "eventq\0gerror\0cmdq-sync\0priq";
	const struct smmu_config *config = &container_of(dev, struct smmu, dev)->config;

	fdtw_begin(fdt, "iommu@%llx", (unsigned long long)config->base);
	fdtw_string(fdt, "compatible", "arm,smmu-v3");
	fdtw_reg(fdt, config->base, SMMU_MMIO_SIZE);
	FDTW_CELLS(fdt, "interrupts", FDTW_GIC_SPI, config->evtq.intid - FIRST_SPI_INTID, FDTW_IRQ_EDGE, FDTW_GIC_SPI,
		   config->gerror.intid - FIRST_SPI_INTID, FDTW_IRQ_EDGE, FDTW_GIC_SPI,
		   config->sync.intid - FIRST_SPI_INTID, FDTW_IRQ_EDGE, FDTW_GIC_SPI,
		   config->priq.intid - FIRST_SPI_INTID, FDTW_IRQ_EDGE);
	fdtw_strings(fdt, "interrupt-names", names, sizeof(names));
	if (config->msi)
		FDTW_CELLS(fdt, "msi-parent", FDTW_PHANDLE_MSI, config->msi_device_id);
	fdtw_u32(fdt, "#iommu-cells", 1);
	fdtw_empty(fdt, "dma-coherent");
	fdtw_u32(fdt, "phandle", config->phandle);
	fdtw_end(fdt);
}

/* The same for IORT. */
void smmu_describe_acpi(struct device *dev, struct acpi *acpi)
{
	const struct smmu *smmu = container_of(dev, struct smmu, dev);
	const struct smmu_config *config = &smmu->config;
	uint32_t idr[6];

	smmu_id_get(smmu, idr);
	acpi_add_smmu(acpi, &(struct acpi_smmu){
				    .phandle = config->phandle,
				    .base = config->base,
				    .evtq = config->evtq.gsiv,
				    .pri = config->priq.gsiv,
				    .gerror = config->gerror.gsiv,
				    .sync = config->sync.gsiv,
				    .httu = (uint8_t)field_get32(IDR0_HTTU, idr[0]),
				    .msi = config->msi != NULL,
				    .msi_device_id = config->msi_device_id,
			    });
}

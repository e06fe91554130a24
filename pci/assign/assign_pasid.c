/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PASID capability of an assigned function (PCIe 6.0, 7.8.9). VFIO hides the device's (pci_ext_cap_length[] of
 * vfio_pci_config.c), which the host's SMMU driver has enabled already (arm_smmu_enable_pasid()); what the host says of
 * it comes with IOMMU_GET_HW_INFO. The guest sees one of ours with the same abilities, as wide as the SubstreamIDs of
 * the host's SMMU; the control register is the guest's own. Only behind an SMMUv3: the PASIDs are the guest's, in CD
 * tables that the host's SMMU walks.
 */
#include <errno.h>

#include <linux/iommufd.h>
#include <linux/pci_regs.h>

#include "assign_priv.h"
#include "bits.h"
#include "log.h"
#include "nested.h"

#define PASID_LEN	8u
#define PASID_MAX_WIDTH 20u
#define PASID_WIDTH	MASK32(12, 8)

/* Device Capabilities 2: prefixes supported, and how many at most (0: four) */
#define DEVCAP2_PREFIXES   MASK32(23, 21)
#define DEVCAP2_ONE_PREFIX (1u << 22)

/* The last place that no capability of the device takes, hidden ones included: drivers may know those by address. */
static uint16_t find_place(const struct assigned *a)
{
	uint32_t at = PCI_CFG_SIZE - PASID_LEN;

	while (at > PCI_CFG_SPACE_SIZE &&
	       (!pci_cfg_unclaimed(&a->fn.cfg, at, PASID_LEN) || assign_snap(a, at, 4) || assign_snap(a, at + 4, 4)))
		at -= 4;
	return at > PCI_CFG_SPACE_SIZE ? (uint16_t)at : 0;
}

/* Its bits of the PASID Capability register; 0: no PASIDs. */
static uint32_t abilities(const struct nested_info *info)
{
	uint32_t width = info->max_pasid_log2, ssid = nested_ssid_bits(info);

	if (width > ssid)
		width = ssid;
	if (width > PASID_MAX_WIDTH)
		width = PASID_MAX_WIDTH;
	if (width == 0)
		return 0;
	return field_prep32(PASID_WIDTH, width) |
	       (info->capabilities & IOMMU_HW_CAP_PCI_PASID_EXEC ? PCI_PASID_CAP_EXEC : 0u) |
	       (info->capabilities & IOMMU_HW_CAP_PCI_PASID_PRIV ? PCI_PASID_CAP_PRIV : 0u);
}

int assign_pasid_build(struct assigned *a)
{
	struct pci_cfg *cfg = &a->fn.cfg;
	struct nested_info info;
	uint32_t able, control;
	uint16_t at;
	int err;

	if (!a->nested || a->config.size < PCI_CFG_SIZE || !a->pcie_cap)
		return 0;
	err = nested_probe(&a->host, &info);
	if (err)
		return err;
	able = abilities(&info);
	if (!able)
		return 0;
	at = find_place(a);
	if (!at) {
		log_warn("%s: its PASIDs are not offered to the guest: its configuration space has no free place",
			 a->fn.name);
		return 0;
	}
	err = pci_cfg_add_ext_cap(cfg, PCI_EXT_CAP_ID_PASID, 1, at);
	if (err)
		return log_fail(err, "%s: cannot offer a PASID capability at 0x%03x", a->fn.name, at);
	control = PCI_PASID_CTRL_ENABLE | (able & (PCI_PASID_CTRL_EXEC | PCI_PASID_CTRL_PRIV));
	pci_cfg_emulate(cfg, (uint16_t)(at + PCI_PASID_CAP), able, control << 16, 0, NULL);
	/* A PASID travels in an end-to-end TLP prefix (7.5.3.15). */
	pci_cfg_own(cfg, (uint16_t)(a->pcie_cap + PCI_EXP_DEVCAP2), DEVCAP2_PREFIXES,
		    PCI_EXP_DEVCAP2_EE_PREFIX | DEVCAP2_ONE_PREFIX);
	return 0;
}

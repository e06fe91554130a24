/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of ACPI tables (ACPI 6.3, chapter 5, where nothing else is said). */
#ifndef AERIE_ACPI_REGS_H
#define AERIE_ACPI_REGS_H

#include "bits.h"

/* The header of every table: offsets of what is known at the end only. */
#define ACPI_HEADER_LENGTH   4u
#define ACPI_HEADER_CHECKSUM 9u

/* RSDP (5.2.5.3) */
#define ACPI_RSDP_REVISION	 2u
#define ACPI_RSDP_CHECKSUM	 8u
#define ACPI_RSDP_FIRST_PART	 20u /* bytes that the first checksum is for */
#define ACPI_RSDP_XSDT		 24u
#define ACPI_RSDP_CHECKSUM_WHOLE 32u

/* FADT (5.2.9) */
#define ACPI_FADT_REVISION 6u
#define ACPI_FADT_MINOR	   3u
#define ACPI_FADT_SIZE	   276u
#define ACPI_FADT_X_DSDT   140u

#define ACPI_FADT_WBINVD     BIT32(0)
#define ACPI_FADT_PWR_BUTTON BIT32(4) /* no fixed power button */
#define ACPI_FADT_SLP_BUTTON BIT32(5) /* no fixed sleep button */
#define ACPI_FADT_RESET_REG  BIT32(10)
#define ACPI_FADT_HW_REDUCED BIT32(20)

/* IAPC_BOOT_ARCH (5.2.9.3) */
#define ACPI_PC_NO_VGA	BIT32(2)
#define ACPI_PC_NO_ASPM BIT32(4)
#define ACPI_PC_NO_RTC	BIT32(5)

/* ARM_BOOT_ARCH (5.2.9.4) */
#define ACPI_ARM_PSCI	  BIT32(0)
#define ACPI_ARM_PSCI_HVC BIT32(1)

/* Generic address structure (5.2.3.2) */
#define ACPI_GAS_MEMORY	      0u
#define ACPI_GAS_PORTS	      1u
#define ACPI_GAS_ACCESS_BYTE  1u
#define ACPI_GAS_ACCESS_DWORD 3u

/* MADT (5.2.12) */
#define ACPI_MADT_REVISION 5u
enum acpi_madt_type {
	ACPI_MADT_LAPIC = 0,
	ACPI_MADT_IOAPIC = 1,
	ACPI_MADT_X2APIC = 9,
	ACPI_MADT_GICC = 0xb,
	ACPI_MADT_GICD = 0xc,
	ACPI_MADT_GICR = 0xe,
	ACPI_MADT_ITS = 0xf,
};
#define ACPI_MADT_ENABLED BIT32(0)
#define ACPI_MADT_GIC_V3  3u

/* GTDT (5.2.24) */
#define ACPI_GTDT_REVISION  3u
#define ACPI_GTDT_ALWAYS_ON BIT32(2)

/* PPTT (5.2.29) */
#define ACPI_PPTT_REVISION  2u
#define ACPI_PPTT_PROCESSOR 0u
#define ACPI_PPTT_PACKAGE   BIT32(0)
#define ACPI_PPTT_ID_VALID  BIT32(1)
#define ACPI_PPTT_LEAF	    BIT32(3)

/* MCFG (PCI Firmware Specification 3.3, 4.1.2) */
#define ACPI_MCFG_REVISION 1u

/* SPCR and DBG2 (Microsoft: Serial Port Console Redirection Table 1.05; Debug Port Table 2) */
#define ACPI_SPCR_REVISION	   2u
#define ACPI_DBG2_REVISION	   0u
#define ACPI_SERIAL_16550	   0u /* registers of a byte, one after the other */
#define ACPI_SERIAL_PL011	   3u
#define ACPI_SPCR_INTERRUPT_IOAPIC BIT32(1)
#define ACPI_SPCR_INTERRUPT_GIC	   BIT32(3)
#define ACPI_SPCR_115200	   7u
#define ACPI_SPCR_ONE_STOP_BIT	   1u
#define ACPI_SPCR_VT_UTF8	   2u
#define ACPI_SPCR_NO_PCI	   0xffffu
#define ACPI_DBG2_SERIAL	   0x8000u

/* IORT (Arm DEN 0049E.e) */
#define ACPI_IORT_REVISION 6u
#define ACPI_IORT_NODES	   48u /* offset of the first node */
enum acpi_iort_type {
	ACPI_IORT_ITS = 0,
	ACPI_IORT_ROOT_COMPLEX = 2,
	ACPI_IORT_SMMUV3 = 4,
	ACPI_IORT_RMR = 6,
};
#define ACPI_IORT_ITS_REVISION	    1u
#define ACPI_IORT_RC_REVISION	    3u
#define ACPI_IORT_SMMU_REVISION	    5u
#define ACPI_IORT_RMR_REVISION	    3u
#define ACPI_IORT_NODE_HEADER	    16u
#define ACPI_IORT_MAPPING	    20u
#define ACPI_IORT_SINGLE	    BIT32(0)
#define ACPI_IORT_COHERENT	    1u
/* Coherent path, outer-shareable write-back as device attributes, and also for what a device marks otherwise (CANWBS)
 */
#define ACPI_IORT_MEMORY_FLAGS	    (BIT32(0) | BIT32(1) | BIT32(2))
#define ACPI_IORT_SMMU_COHACC	    BIT32(0)
#define ACPI_IORT_SMMU_HTTU	    MASK32(2, 1) /* overrides IDR0.HTTU */
#define ACPI_IORT_SMMU_DEVICEID	    BIT32(4)
#define ACPI_IORT_ATS		    BIT32(0) /* requests that the root complex forwards, and PASIDs */
#define ACPI_IORT_PRI		    BIT32(1)
#define ACPI_IORT_PASID		    BIT32(2)
#define ACPI_IORT_RMR_DEVICE_NGNRNE 0u /* flags: not to be remapped, device memory */

/* VIOT (ACPI 6.5, 5.2.34) */
#define ACPI_VIOT_REVISION 0u
#define ACPI_VIOT_NODES	   48u
enum acpi_viot_type {
	ACPI_VIOT_PCI_RANGE = 1,
	ACPI_VIOT_IOMMU_PCI = 3,
};

#endif

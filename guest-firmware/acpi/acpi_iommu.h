/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who translates whom: facts that IOMMUs and the host bridge state, and from which acpi_finish() writes IORT (Arm DEN
 * 0049E.d; SMMUv3s and the ITS) and VIOT (ACPI 6.5, 5.2.34; virtio-iommu). An IOMMU is named by the phandle of its
 * device tree node, so that both descriptions come from the same numbers.
 */
#ifndef AERIE_ACPI_IOMMU_H
#define AERIE_ACPI_IOMMU_H

#include <stdbool.h>
#include <stdint.h>

#include "range.h"

struct acpi;

#define ACPI_MAX_IOMMUS	  16u
#define ACPI_MAX_MAPS	  64u
#define ACPI_MAX_RESERVED 256u

struct acpi_smmu {
	uint32_t phandle;
	uint64_t base;
	uint32_t evtq, pri, gerror, sync; /* interrupt numbers (GSIV), edge-triggered; 0: none */
	uint8_t httu;			  /* IDR0.HTTU: 0 none, 1 access flag, 2 dirty state too */
	bool msi;			  /* it sends messages of its own ... */
	uint32_t msi_device_id;		  /* ... to the ITS with this DeviceID */
};

struct acpi_viommu {
	uint32_t phandle;
	uint16_t bdf; /* of its PCI function, segment 0 */
};

/* Requester ids [first_rid, first_rid + count) are ids from @first_sid on of the IOMMU. */
struct acpi_iommu_map {
	uint32_t phandle;
	uint16_t first_rid;
	uint32_t first_sid;
	uint32_t count;
};

/* I/O addresses that the OS must map to themselves for @sid. */
struct acpi_reserved {
	uint32_t phandle;
	uint32_t sid;
	struct range window; /* 64 KiB aligned */
};

struct acpi_iommus {
	bool has_its; /* there is an IORT, with one ITS group */
	uint32_t its_id;
	bool has_root_complex;	 /* segment 0 */
	uint32_t ats_attributes; /* ACPI_IORT_ATS ...: what the root complex forwards */
	struct acpi_smmu smmus[ACPI_MAX_IOMMUS];
	unsigned nr_smmus;
	struct acpi_viommu viommus[ACPI_MAX_IOMMUS];
	unsigned nr_viommus;
	struct acpi_iommu_map maps[ACPI_MAX_MAPS];
	unsigned nr_maps;
	struct acpi_reserved reserved[ACPI_MAX_RESERVED];
	unsigned nr_reserved;
	bool overflow; /* one of the lists was too short */
};

/* Each adds a fact; beyond the limits acpi_finish() fails. */
void acpi_add_smmu(struct acpi *acpi, const struct acpi_smmu *smmu);
void acpi_add_viommu(struct acpi *acpi, const struct acpi_viommu *viommu);
void acpi_add_iommu_map(struct acpi *acpi, const struct acpi_iommu_map *map);
void acpi_add_reserved(struct acpi *acpi, const struct acpi_reserved *reserved);

/** Writes IORT and VIOT as far as there is something to say. Called by acpi_finish(). */
void acpi_write_iort(struct acpi *acpi);
void acpi_write_viot(struct acpi *acpi);

#endif

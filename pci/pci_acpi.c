/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host bridge in ACPI tables: MCFG, its device in the DSDT, and which IOMMU translates what. PCI Firmware
 * Specification 3.3, chapter 4. The same facts as in pci_fdt.c.
 */
#include "acpi.h"
#include "acpi_regs.h"
#include "aml_resource.h"
#include "pci_priv.h"

#define SLOTS 32u
#define PINS  4u

/* _PRT (ACPI 6.3, 6.2.13): a device of bus 0 and all its functions. */
#define PRT_ADDRESS(slot) ((uint32_t)(slot) << 16 | 0xffffu)

/* What the OS may control itself (PCI Firmware Specification 3.3, table 4-5): hotplug, PME, AER, the PCI Express
 * capability, DPC. There is no SHPC. */
#define OSC_CONTROL	 (BIT32(0) | BIT32(2) | BIT32(3) | BIT32(4) | BIT32(7))
#define OSC_UUID	 "33db4d5b-1ff7-401c-9657-7441c03dd766"
#define OSC_REVISION	 1u
#define OSC_BAD_UUID	 BIT32(2)
#define OSC_BAD_REVISION BIT32(3)
#define OSC_MASKED	 BIT32(4)

#define DSM_UUID	    "e5c937d0-3553-4d7a-9117-ea4d19c3434d"
#define DSM_FUNCTIONS	    0u
#define DSM_PRESERVE_CONFIG 5u

static uint8_t last_bus(const struct pci_host *host)
{
	return (uint8_t)(range_len(host->config.ecam) / PCI_ECAM_BUS_SIZE - 1);
}

static void write_mcfg(const struct pci_host *host, struct acpi *acpi)
{
	struct acpi_buf *b = acpi_table(acpi, "MCFG", ACPI_MCFG_REVISION);

	acpi_zeros(b, 8);
	acpi_u64(b, host->config.ecam.first);
	acpi_u16(b, 0); /* segment */
	acpi_u8(b, 0);
	acpi_u8(b, last_bus(host));
	acpi_u32(b, 0);
}

/* Operating systems believe in ECAM only if a device of the motherboard has it (PCI Firmware Specification 3.3,
 * 4.1.2). */
static void reserve_ecam(const struct pci_host *host, struct acpi *acpi)
{
	struct aml *a = &acpi->dsdt;

	aml_device(a, "ECAM");
	aml_name_eisaid(a, "_HID", "PNP0C02");
	aml_name_int(a, "_UID", acpi_uid(acpi));
	aml_resources(a, "_CRS");
	aml_memory(a, host->config.ecam);
	aml_resources_end(a);
	aml_end(a);
}

/* Below a port software swizzles the pins itself. */
static void write_prt(const struct pci_host *host, struct aml *a)
{
	aml_name(a, "_PRT");
	aml_package(a, SLOTS * PINS);
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		for (unsigned pin = 0; pin < PINS; pin++) {
			aml_package(a, 4);
			aml_int(a, PRT_ADDRESS(slot));
			aml_int(a, pin);
			aml_int(a, 0); /* no link device: the next one is a GSI */
			aml_int(a, host->config.intx[pci_root_line(slot, pin + 1)].gsiv);
			aml_end(a);
		}
	}
	aml_end(a);
}

/* @name: |= @bits */
static void set_bits(struct aml *a, const char *name, uint32_t bits)
{
	aml_op(a, AML_OR), aml_path(a, name), aml_int(a, bits), aml_path(a, name);
}

/* _OSC (ACPI 6.3, 6.2.11): arguments are UUID, revision, number of dwords, the dwords. */
static void write_osc(struct aml *a)
{
	aml_method(a, "_OSC", 4);
	aml_op(a, AML_DWORD_FIELD), aml_arg(a, 3), aml_int(a, 0), aml_path(a, "CDW1");
	aml_if(a);
	aml_op(a, AML_LEQUAL), aml_arg(a, 0), aml_uuid(a, OSC_UUID);
	{
		aml_op(a, AML_DWORD_FIELD), aml_arg(a, 3), aml_int(a, 8), aml_path(a, "CDW3");
		aml_if(a);
		aml_op(a, AML_LNOT), aml_op(a, AML_LEQUAL), aml_arg(a, 1), aml_int(a, OSC_REVISION);
		set_bits(a, "CDW1", OSC_BAD_REVISION);
		aml_end(a);

		aml_op(a, AML_AND), aml_path(a, "CDW3"), aml_int(a, OSC_CONTROL), aml_local(a, 0);
		aml_if(a);
		aml_op(a, AML_LNOT), aml_op(a, AML_LEQUAL), aml_path(a, "CDW3"), aml_local(a, 0);
		set_bits(a, "CDW1", OSC_MASKED);
		aml_end(a);
		aml_op(a, AML_STORE), aml_local(a, 0), aml_path(a, "CDW3");
	}
	aml_end(a);
	aml_else(a);
	set_bits(a, "CDW1", OSC_BAD_UUID);
	aml_end(a);
	aml_op(a, AML_RETURN), aml_arg(a, 3);
	aml_end(a);
}

/*
 * _DSM function 5 (PCI Firmware Specification 3.3, 4.6.5): 0, the OS is to keep the bus numbers that it finds. IORT and
 * VIOT name devices by them, and Linux takes reserved memory ranges of IORT only then.
 */
static void write_dsm(struct aml *a)
{
	const uint8_t functions[] = {BIT32(DSM_FUNCTIONS) | BIT32(DSM_PRESERVE_CONFIG)}, none[] = {0};

	aml_method(a, "_DSM", 4);
	aml_if(a);
	aml_op(a, AML_LEQUAL), aml_arg(a, 0), aml_uuid(a, DSM_UUID);
	{
		aml_if(a);
		aml_op(a, AML_LEQUAL), aml_arg(a, 2), aml_int(a, DSM_FUNCTIONS);
		aml_op(a, AML_RETURN), aml_bytes(a, functions, sizeof(functions));
		aml_end(a);

		aml_if(a);
		aml_op(a, AML_LEQUAL), aml_arg(a, 2), aml_int(a, DSM_PRESERVE_CONFIG);
		aml_op(a, AML_RETURN), aml_int(a, 0);
		aml_end(a);
	}
	aml_end(a);
	aml_op(a, AML_RETURN), aml_bytes(a, none, sizeof(none));
	aml_end(a);
}

static void write_bridge(const struct pci_host *host, struct acpi *acpi)
{
	struct aml *a = &acpi->dsdt;

	aml_device(a, "PCI0");
	aml_name_eisaid(a, "_HID", "PNP0A08");
	aml_name_eisaid(a, "_CID", "PNP0A03");
	aml_name_int(a, "_UID", 0);
	aml_name_int(a, "_SEG", 0);
	aml_name_int(a, "_BBN", 0);
	aml_name_int(a, "_CCA", 1);
	aml_resources(a, "_CRS");
	aml_bus_numbers(a, 0, last_bus(host));
	if (host->config.port_base)
		aml_ports(a, PCI_PORTS, PCI_NR_PORTS);
	aml_memory_window(a, host->config.mmio32, false);
	aml_memory_window(a, host->config.mmio64, true);
	aml_resources_end(a);
	write_prt(host, a);
	write_osc(a);
	write_dsm(a);
	aml_end(a);
}

void pci_host_describe_acpi(struct device *dev, struct acpi *acpi)
{
	struct pci_host *host = (struct pci_host *)dev;

	write_mcfg(host, acpi);
	write_bridge(host, acpi);
	reserve_ecam(host, acpi);
	acpi->iommus.has_root_complex = true;
	if (pci_host_has_ats(host))
		acpi->iommus.ats_attributes = ACPI_IORT_ATS | ACPI_IORT_PRI | ACPI_IORT_PASID;
	for (unsigned i = 0; i < host->nr_iommu_maps; i++) {
		const struct pci_iommu_map *map = &host->iommu_maps[i];

		acpi_add_iommu_map(acpi, &(struct acpi_iommu_map){
						 .phandle = map->iommu_phandle,
						 .first_rid = map->first_rid,
						 .first_sid = map->first_sid,
						 .count = map->count,
					 });
	}
}

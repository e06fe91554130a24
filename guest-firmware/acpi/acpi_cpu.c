/* SPDX-License-Identifier: Apache-2.0 */
#include "acpi_cpu.h"

#include <stdio.h>

#include "acpi.h"
#include "acpi_regs.h"

#define NO_ADDRESS UINT64_MAX /* of a timer's registers in memory */
#define PPTT_NODE  20u

void acpi_cpu_device(struct acpi *acpi, uint32_t index)
{
	struct aml *a = &acpi->dsdt;
	char name[8];

	snprintf(name, sizeof(name), "C%03X", index & 0xfff);
	aml_device(a, name);
	aml_name_string(a, "_HID", "ACPI0007");
	aml_name_int(a, "_UID", index);
	aml_end(a);
}

static struct acpi_buf *madt(struct acpi *acpi)
{
	return acpi_table(acpi, "APIC", ACPI_MADT_REVISION);
}

static struct acpi_buf *madt_entry(struct acpi *acpi, enum acpi_madt_type type, uint8_t size)
{
	struct acpi_buf *b = madt(acpi);

	acpi_u8(b, (uint8_t)type);
	acpi_u8(b, size);
	return b;
}

void acpi_madt_begin(struct acpi *acpi, uint32_t local_apic)
{
	struct acpi_buf *b = madt(acpi);

	acpi_u32(b, local_apic);
	acpi_u32(b, 0); /* no PICs of a PC */
}

/* Ids from 255 on have no place in the old structure (5.2.12.12). */
void acpi_madt_apic(struct acpi *acpi, uint32_t uid, uint32_t apic_id)
{
	bool old = apic_id < 255 && uid < 255;
	struct acpi_buf *b = madt_entry(acpi, old ? ACPI_MADT_LAPIC : ACPI_MADT_X2APIC, old ? 8 : 16);

	if (old) {
		acpi_u8(b, (uint8_t)uid);
		acpi_u8(b, (uint8_t)apic_id);
		acpi_u32(b, ACPI_MADT_ENABLED);
		return;
	}
	acpi_u16(b, 0);
	acpi_u32(b, apic_id);
	acpi_u32(b, ACPI_MADT_ENABLED);
	acpi_u32(b, uid);
}

void acpi_madt_ioapic(struct acpi *acpi, uint8_t id, uint32_t base, uint32_t first_gsi)
{
	struct acpi_buf *b = madt_entry(acpi, ACPI_MADT_IOAPIC, 12);

	acpi_u8(b, id);
	acpi_u8(b, 0);
	acpi_u32(b, base);
	acpi_u32(b, first_gsi);
	acpi->interrupt_type = ACPI_SPCR_INTERRUPT_IOAPIC;
}

void acpi_madt_gicc(struct acpi *acpi, uint32_t uid, uint64_t mpidr, uint32_t pmu)
{
	struct acpi_buf *b = madt_entry(acpi, ACPI_MADT_GICC, 80);

	acpi_u16(b, 0);
	acpi_u32(b, uid); /* CPU interface number: any that no other has */
	acpi_u32(b, uid);
	acpi_u32(b, ACPI_MADT_ENABLED);
	acpi_u32(b, 0); /* no parking protocol: PSCI */
	acpi_u32(b, pmu);
	acpi_zeros(b, 8);     /* parked address */
	acpi_zeros(b, 3 * 8); /* GICC, GICV, GICH: system registers */
	acpi_u32(b, 0);	      /* maintenance interrupt */
	acpi_u64(b, 0);	      /* GICR: has structures of its own */
	acpi_u64(b, mpidr);
	acpi_u8(b, 0); /* efficiency class */
	acpi_u8(b, 0);
	acpi_u16(b, 0); /* statistical profiling: none */
}

void acpi_madt_gicd(struct acpi *acpi, uint64_t base)
{
	struct acpi_buf *b = madt_entry(acpi, ACPI_MADT_GICD, 24);

	acpi_u16(b, 0);
	acpi_u32(b, 0); /* id */
	acpi_u64(b, base);
	acpi_u32(b, 0);
	acpi_u8(b, ACPI_MADT_GIC_V3);
	acpi_zeros(b, 3);
	acpi->interrupt_type = ACPI_SPCR_INTERRUPT_GIC;
}

void acpi_madt_gicr(struct acpi *acpi, struct range region)
{
	struct acpi_buf *b = madt_entry(acpi, ACPI_MADT_GICR, 16);

	acpi_u16(b, 0);
	acpi_u64(b, region.first);
	acpi_u32(b, (uint32_t)range_len(region));
}

void acpi_madt_its(struct acpi *acpi, uint32_t id, uint64_t base)
{
	struct acpi_buf *b = madt_entry(acpi, ACPI_MADT_ITS, 20);

	acpi_u16(b, 0);
	acpi_u32(b, id);
	acpi_u64(b, base);
	acpi_u32(b, 0);
	acpi->iommus.has_its = true;
	acpi->iommus.its_id = id;
}

void acpi_gtdt(struct acpi *acpi, const struct acpi_timers *timers)
{
	struct acpi_buf *b = acpi_table(acpi, "GTDT", ACPI_GTDT_REVISION);
	const uint32_t lines[] = {timers->secure, timers->phys, timers->virt, timers->hyp};

	acpi_u64(b, NO_ADDRESS); /* CNTControlBase */
	acpi_u32(b, 0);
	for (unsigned i = 0; i < ARRAY_LEN(lines); i++) {
		acpi_u32(b, lines[i]);
		acpi_u32(b, ACPI_GTDT_ALWAYS_ON); /* level-triggered, active high */
	}
	acpi_u64(b, NO_ADDRESS); /* CNTReadBase */
	acpi_u32(b, 0);		 /* platform timers */
	acpi_u32(b, 0);
	acpi_u32(b, 0); /* virtual timer of EL2: none */
	acpi_u32(b, 0);
}

static void pptt_node(struct acpi_buf *b, uint32_t flags, uint32_t parent, uint32_t uid)
{
	acpi_u8(b, ACPI_PPTT_PROCESSOR);
	acpi_u8(b, PPTT_NODE);
	acpi_u16(b, 0);
	acpi_u32(b, flags);
	acpi_u32(b, parent);
	acpi_u32(b, uid);
	acpi_u32(b, 0); /* caches: the CPUs say what they have */
}

void acpi_pptt(struct acpi *acpi, uint32_t cpus)
{
	struct acpi_buf *b = acpi_table(acpi, "PPTT", ACPI_PPTT_REVISION);

	pptt_node(b, ACPI_PPTT_PACKAGE, 0, 0);
	for (uint32_t i = 0; i < cpus; i++)
		pptt_node(b, ACPI_PPTT_ID_VALID | ACPI_PPTT_LEAF, ACPI_HEADER_SIZE, i);
}

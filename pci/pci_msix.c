/* SPDX-License-Identifier: Apache-2.0 */
/* MSI-X capability, table and pending bit array (PCIe 6.0, 7.7.2). */
#include <errno.h>
#include <stdlib.h>
#include <linux/pci_regs.h>

#include "bits.h"
#include "log.h"
#include "pci_guard.h"
#include "pci_msi.h"
#include "pci_priv.h"
#include "range.h"

#define MSIX_ENABLE  ((uint32_t)PCI_MSIX_FLAGS_ENABLE << 16)
#define MSIX_MASKALL ((uint32_t)PCI_MSIX_FLAGS_MASKALL << 16)
#define CAP_LEN	     12u

static struct range table_range(const struct pci_irq *irq)
{
	return (struct range){irq->table_offset,
			      irq->table_offset + (uint64_t)irq->msix_vectors * PCI_MSIX_ENTRY_SIZE - 1};
}

/* The array is made of whole quadwords, as it is read. */
static struct range pba_range(const struct pci_irq *irq)
{
	return (struct range){irq->pba_offset, irq->pba_offset + align_up(irq->msix_vectors, 64) / 8 - 1};
}

static void msix_control_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask)
{
	uint32_t changed = old ^ now;

	if ((changed & MSIX_ENABLE) || ((changed & MSIX_MASKALL) && (now & MSIX_ENABLE)))
		pci_irq_notify(fn);
}

static bool inside_bar(const struct pci_function *fn, uint8_t index, struct range r)
{
	return index < PCI_NR_BARS && r.first % 8 == 0 && r.last < fn->bars[index].size;
}

static int check_layout(const struct pci_function *fn, const struct pci_irq *irq)
{
	struct range table = table_range(irq), pba = pba_range(irq);

	if (irq->msix_vectors == 0 || irq->msix_vectors > PCI_MSIX_MAX_VECTORS)
		return log_fail(-EINVAL, "%s: an MSI-X table of %u vectors is not possible; the device is not usable",
				fn->name, irq->msix_vectors);
	if (!inside_bar(fn, irq->table_bar, table) || !inside_bar(fn, irq->pba_bar, pba))
		return log_fail(
			-EINVAL,
			"%s: MSI-X table (BAR %u + %#x) or pending bits (BAR %u + %#x) outside the device's BARs; "
			"the device is not usable",
			fn->name, irq->table_bar, irq->table_offset, irq->pba_bar, irq->pba_offset);
	if (irq->table_bar == irq->pba_bar && range_overlaps(table, pba))
		return log_fail(-EINVAL, "%s: MSI-X table and pending bits overlap; the device is not usable",
				fn->name);
	return 0;
}

int pci_msix_add(struct pci_function *fn, uint16_t offset, uint16_t vectors, uint8_t table_bar, uint32_t table_offset,
		 uint8_t pba_bar, uint32_t pba_offset)
{
	struct pci_irq irq = fn->irq;

	irq.msix_vectors = vectors;
	irq.table_bar = table_bar;
	irq.table_offset = table_offset;
	irq.pba_bar = pba_bar;
	irq.pba_offset = pba_offset;
	if (check_layout(fn, &irq) != 0)
		return -EINVAL;

	if (irq.msix_cap != 0 || offset % 4 != 0 || offset < PCI_STD_HEADER_SIZEOF || offset + CAP_LEN > 0x100u ||
	    !pci_cfg_unclaimed(&fn->cfg, offset, CAP_LEN))
		return log_fail(-EINVAL, "%s: no place for an MSI-X capability at %#x; the device is not usable",
				fn->name, offset);
	irq.table = calloc(vectors, sizeof(*irq.table));
	if (!irq.table)
		return log_fail(-ENOMEM, "%s: no memory for an MSI-X table of %u vectors", fn->name, vectors);
	pci_cfg_add_cap(&fn->cfg, PCI_CAP_ID_MSIX, offset, (uint16_t)(vectors - 1u),
			PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL, msix_control_written);
	irq.msix_cap = offset;
	fn->irq = irq;
	for (unsigned v = 0; v < vectors; v++)
		fn->irq.table[v].control = PCI_MSIX_ENTRY_CTRL_MASKBIT;
	pci_cfg_emulate(&fn->cfg, (uint16_t)(offset + PCI_MSIX_TABLE), table_offset | table_bar, 0, 0, NULL);
	pci_cfg_emulate(&fn->cfg, (uint16_t)(offset + PCI_MSIX_PBA), pba_offset | pba_bar, 0, 0, NULL);
	return 0;
}

static uint32_t table_dword(const struct pci_irq *irq, uint64_t at)
{
	const struct pci_msix_entry *entry = &irq->table[at / PCI_MSIX_ENTRY_SIZE];

	switch (at % PCI_MSIX_ENTRY_SIZE / 4) {
	case PCI_MSIX_ENTRY_LOWER_ADDR / 4:
		return (uint32_t)entry->address;
	case PCI_MSIX_ENTRY_UPPER_ADDR / 4:
		return (uint32_t)(entry->address >> 32);
	case PCI_MSIX_ENTRY_DATA / 4:
		return entry->data;
	default:
		return entry->control;
	}
}

static void set_table_dword(struct pci_msix_entry *entry, uint64_t at, uint32_t value)
{
	switch (at % PCI_MSIX_ENTRY_SIZE / 4) {
	case PCI_MSIX_ENTRY_LOWER_ADDR / 4:
		entry->address = (entry->address & ~MASK64(31, 0)) | (value & MASK32(31, 2));
		break;
	case PCI_MSIX_ENTRY_UPPER_ADDR / 4:
		entry->address = (entry->address & MASK64(31, 0)) | (uint64_t)value << 32;
		break;
	case PCI_MSIX_ENTRY_DATA / 4:
		entry->data = value;
		break;
	default:
		entry->control = value & PCI_MSIX_ENTRY_CTRL_MASKBIT;
		break;
	}
}

/* One aligned write of 4 or 8 bytes at @at of the table; 8 bytes never leave the entry and count as one change. */
static void write_table(struct pci_function *fn, uint64_t at, uint8_t size, uint64_t value)
{
	struct pci_msix_entry *entry = &fn->irq.table[at / PCI_MSIX_ENTRY_SIZE];
	struct pci_msix_entry old = *entry;
	uint32_t control = pci_cfg_get(&fn->cfg, fn->irq.msix_cap, 4);

	set_table_dword(entry, at, (uint32_t)value);
	if (size == 8)
		set_table_dword(entry, at + 4, (uint32_t)(value >> 32));

	bool live = (control & (MSIX_ENABLE | MSIX_MASKALL)) == MSIX_ENABLE;
	bool masked = old.control & entry->control & PCI_MSIX_ENTRY_CTRL_MASKBIT;
	bool changed = old.address != entry->address || old.data != entry->data || old.control != entry->control;

	/* A change of an unmasked entry is undefined by the specification; we let it take effect. */
	if (live && !masked && changed)
		pci_irq_notify(fn);
}

/* Pending bits 8 * @at .. 8 * @at + 7. */
static uint8_t pba_byte(struct pci_function *fn, uint64_t at)
{
	uint8_t value = 0;

	for (unsigned bit = 0; bit < 8; bit++) {
		unsigned vector = (unsigned)at * 8 + bit;

		if (vector < fn->irq.msix_vectors && fn->irq.pending && fn->irq.pending(fn, vector))
			value = (uint8_t)(value | 1u << bit);
	}
	return value;
}

/* Byte @at of BAR @index; bytes that are neither table nor array read as 0. */
static uint8_t read_byte(struct pci_function *fn, unsigned index, uint64_t at)
{
	const struct pci_irq *irq = &fn->irq;
	struct range table = table_range(irq), pba = pba_range(irq);

	if (index == irq->table_bar && range_has(table, at))
		return (uint8_t)(table_dword(irq, at - table.first) >> ((at - table.first) % 4 * 8));
	if (index == irq->pba_bar && range_has(pba, at))
		return pba_byte(fn, at - pba.first);
	return 0;
}

bool pci_msix_access(struct pci_function *fn, unsigned index, struct bus_access *access)
{
	const struct pci_irq *irq = &fn->irq;
	struct range r;

	if (irq->msix_cap == 0 || !range_make(&r, access->offset, access->size))
		return false;

	struct range table = table_range(irq), pba = pba_range(irq);
	bool in_table = index == irq->table_bar && range_overlaps(table, r);
	bool in_pba = index == irq->pba_bar && range_overlaps(pba, r);

	if (!in_table && !in_pba)
		return false;
	if (access->is_write) {
		/* Only aligned dwords and quadwords are defined (7.7.2); pending bits are read-only. */
		bool defined = (access->size == 4 || access->size == 8) && access->offset % access->size == 0;

		if (in_table && defined && fn->guard && fn->guard->ops->msix_write)
			fn->guard->ops->msix_write(fn->guard);
		if (in_table && defined)
			write_table(fn, access->offset - table.first, access->size, access->value);
		return true;
	}
	access->value = 0;
	for (unsigned i = 0; i < access->size; i++)
		access->value |= (uint64_t)read_byte(fn, index, access->offset + i) << (i * 8);
	return true;
}

void pci_irq_fini(struct pci_function *fn)
{
	free(fn->irq.table);
	fn->irq.table = NULL;
	fn->irq.msix_cap = 0;
}

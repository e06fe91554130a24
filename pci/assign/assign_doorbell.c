/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an assigned device behind a nested guest IOMMU sends its MSI-X messages.
 *
 * The host's kernel programs the device with the I/O address at which stage 2 maps the host's doorbell. The guest's
 * stage 1 knows that address only if it was told to map it 1:1. But it does map its own doorbell, at an address of its
 * choice, which it writes into the MSI-X table; and the machine has placed the guest's doorbell page where stage 2 has
 * the host's (docs/decisions/0004-the-doorbell-in-both-stages.md). So the entry of the device itself gets the guest's
 * address; the data word stays the host's. vfio-pci allows the table's pages to be mapped: interrupts are isolated by
 * the host's remapping.
 */
#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>

#include <linux/pci_regs.h>

#include "arch.h"
#include "assign_priv.h"
#include "bits.h"
#include "log.h"
#include "sigbus.h"
#include "sys.h"

/* The whole pages that hold the table, if VFIO lets them be mapped. */
static bool table_pages(const struct assigned *a, struct range *pages)
{
	const struct pci_irq *irq = &a->fn.irq;
	const struct vfio_region *region = &a->bars[irq->table_bar].region;

	if (!range_make(pages, irq->table_offset, irq->msix_vectors * (uint64_t)PCI_MSIX_ENTRY_SIZE))
		return false;
	pages->first = align_down(pages->first, a->page);
	pages->last |= a->page - 1;
	for (unsigned i = 0; i < region->nr_areas; i++)
		if (range_contains(region->areas[i], *pages))
			return true;
	return false;
}

int assign_doorbell_init(struct assigned *a)
{
	const struct pci_irq *irq = &a->fn.irq;
	struct assign_doorbell *d = &a->doorbell;

	if (!a->nested || !irq->msix_cap || !table_pages(a, &d->pages))
		return 0;

	void *host = sys_mmap(range_len(d->pages), PROT_READ | PROT_WRITE, MAP_SHARED, a->host.fd,
			      (off_t)(a->bars[irq->table_bar].region.offset + d->pages.first));

	if (host == MAP_FAILED)
		return log_fail(-errno, "%s: cannot map its MSI-X table (0x%" PRIx64 "-0x%" PRIx64 " of BAR %u)",
				a->fn.name, d->pages.first, d->pages.last, irq->table_bar);
	d->host = host;
	return 0;
}

void assign_doorbell_fini(struct assigned *a)
{
	if (a->doorbell.host)
		sys_munmap(a->doorbell.host, range_len(a->doorbell.pages));
	a->doorbell.host = NULL;
}

/* Gives the entry @address, if the host's or we have left one there that leads to the doorbell. True when it changed.
 */
static bool point(volatile uint32_t *entry, bool pointed, uint64_t address)
{
	uint64_t now = entry[0] | (uint64_t)entry[1] << 32;
	uint32_t control = entry[3];

	if (now == address || (!pointed && !arch_msi_shares_doorbell(now)))
		return false;
	/* An entry changes only while it is masked (PCIe 6.0, 7.7.2.5). */
	entry[3] = control | PCI_MSIX_ENTRY_CTRL_MASKBIT;
	entry[0] = (uint32_t)address;
	entry[1] = (uint32_t)(address >> 32);
	entry[3] = control;
	(void)entry[3]; /* the write has arrived */
	return true;
}

void assign_doorbell_point(struct assigned *a, unsigned vector, uint64_t address)
{
	struct assign_vector *v = &a->irq.vectors[vector];
	uint64_t offset = a->fn.irq.table_offset - a->doorbell.pages.first + vector * (uint64_t)PCI_MSIX_ENTRY_SIZE;

	/* With memory decoding off an access to the mapping raises SIGBUS. */
	if (!a->doorbell.host || a->irq.active != VFIO_PCI_MSIX_IRQ_INDEX || !(a->hw_command & PCI_COMMAND_MEMORY))
		return;

	volatile uint32_t *entry = (volatile uint32_t *)(void *)((uint8_t *)a->doorbell.host + offset);

	sigbus_touching(a->fn.name);
	bool changed = point(entry, v->pointed, address);
	sigbus_touching(NULL);
	if (!changed)
		return;
	/* A message to the former address may have been lost: one too many does no harm. */
	irq_route_signal(&v->route);
	v->pointed = true;
}

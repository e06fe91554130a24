/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BARs: the parts of a region that can be mapped become memory slots of the guest; the rest, and the whole pages that
 * hold the MSI-X table or PBA, are trapped.
 *
 * VFIO takes the mappings away while memory decoding is off in the device (an access raises SIGBUS, and KVM_RUN fails),
 * so a slot exists only while it is on: on before vm_map_slot(), off after vm_unmap_slot().
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/pci_regs.h>

#include "assign_priv.h"
#include "bits.h"
#include "log.h"
#include "sys.h"
#include "vm.h"

int assign_bar_define(struct assigned *a, unsigned index, unsigned *next)
{
	struct assign_bar *bar = &a->bars[index];
	uint32_t low = assign_snap(a, PCI_BASE_ADDRESS_0 + index * 4, 4);
	struct vfio_region region;
	int err;

	*next = index + 1;
	err = vfio_get_region(a->host.fd, VFIO_PCI_BAR0_REGION_INDEX + index, &region);
	if (err)
		return log_fail(err, "%s: cannot learn about BAR %u from VFIO: %s", a->fn.name, index, strerror(-err));
	if (region.size == 0)
		return 0;
	if (low & PCI_BASE_ADDRESS_SPACE_IO) {
		log_info("%s: BAR %u is in I/O port space, which the guest does not have; it stays hidden", a->fn.name,
			 index);
		return 0;
	}
	bar->is_64 = (low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64;
	bar->prefetchable = low & PCI_BASE_ADDRESS_MEM_PREFETCH;
	if (!is_pow2(region.size) || (bar->is_64 && index + 1 >= PCI_NR_BARS))
		return log_fail(-EINVAL,
				"%s: BAR %u has %" PRIu64
				" bytes%s, which no PCI device can have; the device is refused",
				a->fn.name, index, region.size, bar->is_64 ? " in 64-bit space" : "");
	err = pci_bar_define(&a->fn, index, region.size, bar->is_64, bar->prefetchable);
	if (err)
		return err;
	bar->region = region;
	if (bar->is_64)
		*next = index + 2;
	return 0;
}

static void add_piece(struct assign_piece *pieces, unsigned *n, uint64_t first, uint64_t end)
{
	if (first < end && *n < ASSIGN_MAX_PIECES)
		pieces[(*n)++] = (struct assign_piece){.range = {.first = first, .last = end - 1}};
}

/* The trap that begins lowest among those that touch [from, end), widened to pages; false when there is none. */
static bool next_trap(const struct range *traps, unsigned n, uint64_t page, uint64_t from, uint64_t end,
		      struct range *out)
{
	bool found = false;

	for (unsigned i = 0; i < n; i++) {
		struct range t = {.first = align_down(traps[i].first, page), .last = traps[i].last | (page - 1)};

		if (t.last < from || t.first >= end || (found && t.first >= out->first))
			continue;
		*out = t;
		found = true;
	}
	return found;
}

unsigned assign_bar_split(const struct range *areas, unsigned nr_areas, const struct range *traps, unsigned nr_traps,
			  uint64_t page, struct assign_piece pieces[ASSIGN_MAX_PIECES])
{
	unsigned n = 0;

	for (unsigned i = 0; i < nr_areas; i++) {
		/* Areas end below INT64_MAX (vfio_get_region()), so nothing here wraps. */
		uint64_t from = align_up(areas[i].first, page);
		uint64_t end = align_down(areas[i].last + 1, page);
		struct range trap = {0};

		while (from < end && next_trap(traps, nr_traps, page, from, end, &trap)) {
			add_piece(pieces, &n, from, trap.first);
			from = trap.last + 1;
		}
		add_piece(pieces, &n, from, end);
	}
	return n;
}

static unsigned bar_traps(const struct assigned *a, unsigned index, struct range traps[2])
{
	const struct pci_irq *irq = &a->fn.irq;
	unsigned n = 0;

	if (!irq->msix_cap)
		return 0;
	if (irq->table_bar == index)
		n += range_make(&traps[n], irq->table_offset, irq->msix_vectors * UINT64_C(16));
	if (irq->pba_bar == index)
		n += range_make(&traps[n], irq->pba_offset, (irq->msix_vectors + UINT64_C(63)) / 64 * 8);
	return n;
}

int assign_bars_mmap(struct assigned *a)
{
	for (unsigned i = 0; i < PCI_NR_BARS; i++) {
		struct assign_bar *bar = &a->bars[i];
		struct range traps[2];
		unsigned nr_traps = bar_traps(a, i, traps);

		if (!bar->region.size)
			continue;
		bar->nr_pieces = assign_bar_split(bar->region.areas, bar->region.nr_areas, traps, nr_traps, a->page,
						  bar->pieces);
		for (unsigned p = 0; p < bar->nr_pieces; p++) {
			struct assign_piece *piece = &bar->pieces[p];
			void *host = sys_mmap(range_len(piece->range), PROT_READ | PROT_WRITE, MAP_SHARED, a->host.fd,
					      (off_t)(bar->region.offset + piece->range.first));

			if (host == MAP_FAILED)
				return log_fail(-errno, "%s: cannot map BAR %u (0x%" PRIx64 "-0x%" PRIx64 "): %s",
						a->fn.name, i, piece->range.first, piece->range.last, strerror(errno));
			piece->host = host;
		}
	}
	return 0;
}

void assign_bars_munmap(struct assigned *a)
{
	assign_bars_unmap(a);
	for (unsigned i = 0; i < PCI_NR_BARS; i++) {
		struct assign_bar *bar = &a->bars[i];

		for (unsigned p = 0; p < bar->nr_pieces; p++)
			if (bar->pieces[p].host)
				sys_munmap(bar->pieces[p].host, range_len(bar->pieces[p].range));
		bar->nr_pieces = 0;
	}
}

int assign_bar_map(struct pci_function *fn, unsigned index, gpa_t addr)
{
	struct assigned *a = assigned_of(fn);
	struct assign_bar *bar = &a->bars[index];

	assign_bar_unmap(fn, index);
	assign_gate_bar(a, index, addr.v);
	if (a->gate.guarded && !a->gate.open)
		return 0; /* accesses are trapped, and get no answer */
	if (!(a->hw_command & PCI_COMMAND_MEMORY) && assign_write_command(a, a->hw_command | PCI_COMMAND_MEMORY)) {
		log_guest("%s: memory decoding cannot be turned on in the device; BAR %u is trapped", fn->name, index);
		return 0;
	}
	for (unsigned p = 0; p < bar->nr_pieces; p++) {
		struct assign_piece *piece = &bar->pieces[p];

		if (!assign_gate_passes(a, index, piece->range.first, range_len(piece->range)))
			continue;
		/* Without a slot the accesses are trapped: slower, not wrong. vm_map_slot() has said why. */
		piece->mapped = vm_map_slot(a->vm, gpa(addr.v + piece->range.first), piece->host,
					    range_len(piece->range), &piece->slot) == 0;
	}
	return 0;
}

void assign_bar_unmap(struct pci_function *fn, unsigned index)
{
	struct assigned *a = assigned_of(fn);
	struct assign_bar *bar = &a->bars[index];

	for (unsigned p = 0; p < bar->nr_pieces; p++) {
		if (bar->pieces[p].mapped)
			vm_unmap_slot(a->vm, bar->pieces[p].slot);
		bar->pieces[p].mapped = false;
	}
}

void assign_bars_unmap(struct assigned *a)
{
	for (unsigned i = 0; i < PCI_NR_BARS; i++)
		assign_bar_unmap(&a->fn, i);
}

enum bus_verdict assign_bar_access(struct pci_function *fn, unsigned index, struct bus_access *access)
{
	struct assigned *a = assigned_of(fn);
	const struct vfio_region *region = &a->bars[index].region;
	int err;

	if (region->size < access->size || access->offset > region->size - access->size)
		return BUS_UNHANDLED;
	if (!assign_gate_passes(a, index, access->offset, access->size))
		return BUS_UNHANDLED;
	if (access->is_write)
		err = region->writable
			      ? vfio_write(a->host.fd, region->offset + access->offset, access->size, access->value)
			      : -EPERM;
	else
		err = region->readable
			      ? vfio_read(a->host.fd, region->offset + access->offset, access->size, &access->value)
			      : -EPERM;
	if (err)
		log_guest("%s: %s of %u bytes at 0x%" PRIx64 " of BAR %u failed: %s", fn->name,
			  access->is_write ? "write" : "read", access->size, access->offset, index, strerror(-err));
	return err ? BUS_UNHANDLED : BUS_HANDLED;
}

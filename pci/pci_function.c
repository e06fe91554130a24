/* SPDX-License-Identifier: Apache-2.0 */
#include "pci_function.h"

#include <string.h>
#include <linux/pci_regs.h>

#include "bits.h"
#include "pci_doe.h"
#include "pci_guard.h"
#include "pci_priv.h"
#include "vm.h"

#define COMMAND_WRITABLE                                                                                               \
	(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE)
#define STATUS_W1C                                                                                                     \
	(PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT | PCI_STATUS_REC_TARGET_ABORT | PCI_STATUS_REC_MASTER_ABORT | \
	 PCI_STATUS_SIG_SYSTEM_ERROR | PCI_STATUS_DETECTED_PARITY)

void pci_function_init(struct pci_function *fn, const char *name, const struct pci_function_ops *ops)
{
	memset(fn, 0, sizeof(*fn));
	fn->name = name;
	fn->ops = ops;
	for (unsigned i = 0; i < PCI_NR_BARS; i++) {
		fn->bars[i].fn = fn;
		fn->bars[i].index = i;
	}
	/* PCIe 6.0, 7.5.1.1.3 and 7.5.1.1.4; I/O Space Enable is read-only 0: there is no I/O space. */
	pci_cfg_emulate(&fn->cfg, PCI_COMMAND, 0, COMMAND_WRITABLE, (uint32_t)STATUS_W1C << 16, NULL);
	pci_cfg_emulate(&fn->cfg, PCI_INTERRUPT_LINE, 0, MASK32(7, 0), 0, NULL);
}

void pci_function_fini(struct pci_function *fn)
{
	for (unsigned i = 0; i < PCI_NR_BARS; i++) {
		if (fn->host && fn->bars[i].window.added)
			bus_remove(&pci_host_vm(fn->host)->bus, &fn->bars[i].window);
		fn->bars[i].decoding = false;
	}
	pci_irq_fini(fn);
}

uint8_t pci_function_bus(const struct pci_function *fn)
{
	return fn->parent ? pci_bridge_secondary(fn->parent) : 0;
}

uint16_t pci_function_rid(const struct pci_function *fn)
{
	return (uint16_t)(pci_function_bus(fn) << 8 | fn->devfn);
}

/* True when @bit of COMMAND is set in the function and in each bridge above it. */
static bool command_all_the_way(const struct pci_function *fn, uint16_t bit)
{
	for (; fn; fn = fn->parent ? &fn->parent->fn : NULL)
		if (!(pci_cfg_get(&fn->cfg, PCI_COMMAND, 2) & bit))
			return false;
	return true;
}

bool pci_function_memory_enabled(const struct pci_function *fn)
{
	return command_all_the_way(fn, PCI_COMMAND_MEMORY);
}

bool pci_function_bus_master(const struct pci_function *fn)
{
	return command_all_the_way(fn, PCI_COMMAND_MASTER);
}

static void command_changed(struct pci_function *fn, uint16_t old, uint16_t now)
{
	uint16_t changed = old ^ now;

	if (changed == 0)
		return;
	if (fn->ops->command)
		fn->ops->command(fn, old, now);
	if (changed & (PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE))
		pci_irq_notify(fn);
	if (changed & PCI_COMMAND_MASTER)
		pci_irq_notify_below(fn);
	if ((changed & PCI_COMMAND_MEMORY) && fn->host)
		pci_host_remap(fn->host);
}

static bool access_valid(uint16_t offset, uint8_t size)
{
	return (size == 1 || size == 2 || size == 4) && offset < PCI_CFG_SIZE && offset % 4u + size <= 4;
}

/* The device's register, with our bits laid over it. */
static uint32_t pass_read(struct pci_function *fn, const struct pci_cfg_dword *d, uint16_t offset, uint8_t size)
{
	unsigned shift = offset % 4u * 8;
	uint32_t ours = d->ours >> shift & pci_size_mask(size);
	uint32_t value = 0;

	if (ours != pci_size_mask(size)) {
		if (!fn->ops->cfg_read || fn->ops->cfg_read(fn, offset, size, &value) != 0)
			return pci_size_mask(size);
	}
	return (value & ~ours) | (d->value >> shift & ours);
}

/*
 * Writes the bits that the guest may change. The access is narrowed to the bytes that have such bits, so that a
 * neighbour register with side effects is not written; bits that must stay are read first, and write-1-to-clear ones
 * written as 0.
 */
static void pass_write(struct pci_function *fn, const struct pci_cfg_dword *d, uint16_t offset, uint8_t size,
		       uint32_t data)
{
	uint32_t may = d->write & ~d->ours;
	uint32_t device = 0;

	while (size > 1) {
		uint8_t half = size / 2;
		uint16_t high = (uint16_t)(offset + half);

		if (!(may >> offset % 4u * 8 & pci_size_mask(half)))
			offset = high;
		else if (may >> high % 4u * 8 & pci_size_mask(half))
			break;
		size = half;
	}

	unsigned shift = offset % 4u * 8;
	uint32_t change = may >> shift & pci_size_mask(size);
	uint32_t keep = pci_size_mask(size) & ~change;

	if (change == 0 || !fn->ops->cfg_write)
		return;
	if (keep != 0) {
		if (!fn->ops->cfg_read || fn->ops->cfg_read(fn, offset, size, &device) != 0)
			return;
		device &= keep & ~(d->w1c >> shift);
	}
	fn->ops->cfg_write(fn, offset, size, device | (data >> shift & change));
}

uint32_t pci_function_cfg_read(struct pci_function *fn, uint16_t offset, uint8_t size)
{
	if (!access_valid(offset, size))
		return pci_size_mask(size);

	const struct pci_cfg_dword *d = &fn->cfg.dwords[offset / 4];
	uint32_t value = 0;

	switch (d->policy) {
	case CFG_HIDE:
		return 0;
	case CFG_PASS:
		return pass_read(fn, d, offset, size);
	case CFG_EMULATE:
		value = d->value;
		pci_msi_pending_read(fn, offset & 0xffcu, &value);
		break;
	}
	return value >> (offset % 4u * 8) & pci_size_mask(size);
}

/* What our bytes of @d become by a write of @data to the bits of @mask. */
static uint32_t written_value(const struct pci_cfg_dword *d, uint32_t mask, uint32_t data)
{
	if (d->policy == CFG_PASS)
		return (d->value & ~mask) | data;
	return ((d->value & ~(d->write & mask)) | (data & d->write)) & ~(data & d->w1c);
}

void pci_function_cfg_write(struct pci_function *fn, uint16_t offset, uint8_t size, uint32_t value)
{
	if (!access_valid(offset, size))
		return;

	struct pci_cfg_dword *d = &fn->cfg.dwords[offset / 4];
	unsigned shift = offset % 4u * 8;
	uint32_t mask = pci_size_mask(size) << shift;
	uint32_t data = value << shift & mask;
	uint32_t old = d->value;
	uint32_t now = written_value(d, mask, data);

	if (d->policy == CFG_HIDE)
		return;
	if (fn->guard && fn->guard->ops->cfg_write && now != old)
		fn->guard->ops->cfg_write(fn->guard, offset & 0xffcu, old, now);
	if (d->policy == CFG_PASS)
		pass_write(fn, d, offset, size, data);
	else
		d->value = now;
	if (d->written)
		d->written(fn, offset & 0xffcu, old, now, mask);
	if ((offset & 0xffcu) == PCI_COMMAND)
		command_changed(fn, (uint16_t)old, (uint16_t)d->value);
}

static int reset(struct pci_function *fn, enum pci_reset kind)
{
	const struct pci_guard_ops *guard = fn->guard ? fn->guard->ops : NULL;

	if (guard && guard->reset)
		guard->reset(fn->guard, kind);

	uint16_t command = (uint16_t)pci_cfg_get(&fn->cfg, PCI_COMMAND, 2);

	pci_cfg_reset(&fn->cfg);
	for (struct pci_doe *doe = fn->mailboxes; doe; doe = doe->next)
		pci_doe_reset(doe);
	if (guard && guard->reset_done)
		guard->reset_done(fn->guard, kind);
	pci_irq_reset(fn);
	command_changed(fn, command, (uint16_t)pci_cfg_get(&fn->cfg, PCI_COMMAND, 2));
	if (fn->host)
		pci_host_remap(fn->host);
	pci_irq_notify(fn);
	return fn->ops->reset ? fn->ops->reset(fn) : 0;
}

int pci_function_reset(struct pci_function *fn)
{
	return reset(fn, PCI_RESET_CONVENTIONAL);
}

int pci_function_flr(struct pci_function *fn)
{
	return reset(fn, PCI_RESET_FUNCTION);
}

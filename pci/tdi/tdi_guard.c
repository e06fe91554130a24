/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guest does to the function, seen before it takes effect: whatever changes a locked interface sends it to
 * ERROR, which stops its DMA, and only then happens (PCIe 6.1, 11.4.5 and 11.4.6).
 */
#include <linux/pci_regs.h>

#include "bits.h"
#include "tdi_priv.h"

static struct pci_tdi *tdi_of(struct pci_guard *guard)
{
	return container_of(guard, struct pci_tdi, guard);
}

/* Control registers of extended capabilities that decide how the function does DMA or what it is. */
static const struct {
	uint16_t id, reg;
} watched[] = {
	{PCI_EXT_CAP_ID_PASID, PCI_PASID_CAP}, /* its control is the upper half of the dword */
	{PCI_EXT_CAP_ID_ATS, PCI_ATS_CAP},	 {PCI_EXT_CAP_ID_PRI, PCI_PRI_CTRL},
	{PCI_EXT_CAP_ID_PRI, PCI_PRI_ALLOC_REQ}, {PCI_EXT_CAP_ID_SRIOV, PCI_SRIOV_CTRL},
	{PCI_EXT_CAP_ID_REBAR, PCI_REBAR_CTRL},
};

static bool is_bar(uint16_t offset)
{
	return offset >= PCI_BASE_ADDRESS_0 && offset <= PCI_BASE_ADDRESS_5;
}

/* True when the change of the dword at @offset is one that a locked interface does not survive. */
static bool breaks_lock(const struct pci_tdi *tdi, uint16_t offset, uint32_t old, uint32_t now)
{
	const struct pci_function *fn = &tdi->ep->fn;

	if (offset == PCI_COMMAND)
		return old & ~now & (PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	if (is_bar(offset))
		return true;
	if (fn->irq.msix_cap && offset == fn->irq.msix_cap)
		return tdi->tdisp.lock.flags & TDISP_LOCK_MSIX;
	for (unsigned i = 0; i < ARRAY_LEN(watched); i++) {
		uint16_t cap = tdi_find_ext_cap(fn, watched[i].id);

		if (cap && offset == cap + watched[i].reg)
			return true;
	}
	return false;
}

static void guard_cfg_write(struct pci_guard *guard, uint16_t offset, uint32_t old, uint32_t now)
{
	struct pci_tdi *tdi = tdi_of(guard);

	if (breaks_lock(tdi, offset, old, now))
		tdisp_responder_fail(&tdi->tdisp);
}

static void guard_msix_write(struct pci_guard *guard)
{
	struct pci_tdi *tdi = tdi_of(guard);

	if (tdi->tdisp.lock.flags & TDISP_LOCK_MSIX)
		tdisp_responder_fail(&tdi->tdisp);
}

static void guard_reset(struct pci_guard *guard, enum pci_reset kind)
{
	struct pci_tdi *tdi = tdi_of(guard);

	tdisp_responder_fail(&tdi->tdisp);
	if (tdi->config.ide)
		pci_ide_before_reset(&tdi->ide, kind);
}

static void guard_reset_done(struct pci_guard *guard, enum pci_reset kind)
{
	struct pci_tdi *tdi = tdi_of(guard);

	if (tdi->config.ide)
		pci_ide_after_reset(&tdi->ide, kind);
	if (kind == PCI_RESET_FUNCTION)
		return;
	atomic_store(&tdi->forget, true);
	tdisp_responder_reset(&tdi->tdisp);
}

static bool guard_access(struct pci_guard *guard, unsigned bar, const struct bus_access *access)
{
	const struct pci_tdi *tdi = tdi_of(guard);

	return tdi_reachable(tdi, bar, access->offset) && tdi_reachable(tdi, bar, access->offset + access->size - 1);
}

static void guard_renamed(struct pci_guard *guard)
{
	struct pci_tdi *tdi = tdi_of(guard);

	tdisp_responder_fail(&tdi->tdisp);
}

const struct pci_guard_ops tdi_guard_ops = {
	.cfg_write = guard_cfg_write,
	.msix_write = guard_msix_write,
	.reset = guard_reset,
	.reset_done = guard_reset_done,
	.access = guard_access,
	.renamed = guard_renamed,
};

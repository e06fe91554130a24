/* SPDX-License-Identifier: Apache-2.0 */
/* MSI (PCIe 6.0, 7.7.1) and what MSI, MSI-X and INTx have in common. The MSI-X table is in pci_msix.c. */
#include "pci_msi.h"

#include <errno.h>
#include <linux/pci_regs.h>

#include "bits.h"
#include "log.h"
#include "pci_priv.h"

/* Upper half of the capability's first dword, in its place there. */
#define MSI_ENABLE  ((uint32_t)PCI_MSI_FLAGS_ENABLE << 16)
#define MSI_MMC	    ((uint32_t)PCI_MSI_FLAGS_QMASK << 16)
#define MSI_MME	    ((uint32_t)PCI_MSI_FLAGS_QSIZE << 16)
#define MSIX_ENABLE ((uint32_t)PCI_MSIX_FLAGS_ENABLE << 16)

void pci_irq_notify(struct pci_function *fn)
{
	if (fn->ops->irq_changed)
		fn->ops->irq_changed(fn);
}

void pci_irq_notify_below(struct pci_function *fn)
{
	struct pci_bridge *bridge = pci_bridge_of(fn);

	if (!bridge)
		return;
	for (unsigned i = 0; i < ARRAY_LEN(bridge->children); i++) {
		struct pci_function *child = bridge->children[i];

		if (child && (pci_cfg_get(&child->cfg, PCI_COMMAND, 2) & PCI_COMMAND_MASTER))
			pci_irq_notify(child);
	}
}

static uint16_t data_offset(const struct pci_irq *irq)
{
	return (uint16_t)(irq->msi_cap + (irq->msi_64 ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32));
}

static uint16_t mask_offset(const struct pci_irq *irq)
{
	return (uint16_t)(irq->msi_cap + (irq->msi_64 ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32));
}

static uint16_t pending_offset(const struct pci_irq *irq)
{
	return (uint16_t)(mask_offset(irq) + 4);
}

/* Bytes of the capability, in whole dwords. */
static uint32_t msi_len(bool is_64, bool maskable)
{
	return (is_64 ? 0x10u : 0x0cu) + (maskable ? 8u : 0u);
}

static void msi_control_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask)
{
	uint32_t changed = old ^ now;

	if ((changed & MSI_ENABLE) || ((changed & MSI_MME) && (now & MSI_ENABLE)))
		pci_irq_notify(fn);
}

static void msi_field_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask)
{
	if (old != now && pci_irq_mode(fn) == PCI_IRQ_MSI)
		pci_irq_notify(fn);
}

int pci_msi_add(struct pci_function *fn, uint16_t offset, uint16_t vectors, bool is_64, bool maskable)
{
	struct pci_irq *irq = &fn->irq;
	uint32_t len = msi_len(is_64, maskable);

	if (irq->msi_cap != 0 || !is_pow2(vectors) || vectors > PCI_MSI_MAX_VECTORS || offset + len > 0x100u ||
	    !pci_cfg_unclaimed(&fn->cfg, offset, len))
		return -EINVAL;

	uint16_t flags = (uint16_t)field_prep32(PCI_MSI_FLAGS_QMASK, (uint32_t)__builtin_ctz(vectors));

	flags = (uint16_t)(flags | (is_64 ? PCI_MSI_FLAGS_64BIT : 0) | (maskable ? PCI_MSI_FLAGS_MASKBIT : 0));
	if (pci_cfg_add_cap(&fn->cfg, PCI_CAP_ID_MSI, offset, flags, PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE,
			    msi_control_written) != 0)
		return -EINVAL;

	irq->msi_cap = offset;
	irq->msi_vectors = vectors;
	irq->msi_64 = is_64;
	irq->msi_maskable = maskable;
	pci_cfg_emulate(&fn->cfg, (uint16_t)(offset + PCI_MSI_ADDRESS_LO), 0, MASK32(31, 2), 0, msi_field_written);
	if (is_64)
		pci_cfg_emulate(&fn->cfg, (uint16_t)(offset + PCI_MSI_ADDRESS_HI), 0, UINT32_MAX, 0, msi_field_written);
	pci_cfg_emulate(&fn->cfg, data_offset(irq), 0, MASK32(15, 0), 0, msi_field_written);
	if (maskable) {
		pci_cfg_emulate(&fn->cfg, mask_offset(irq), 0, MASK32(vectors - 1u, 0), 0, msi_field_written);
		pci_cfg_emulate(&fn->cfg, pending_offset(irq), 0, 0, 0, NULL);
	}
	return 0;
}

bool pci_msi_pending_read(struct pci_function *fn, uint16_t offset, uint32_t *value)
{
	const struct pci_irq *irq = &fn->irq;

	if (irq->msi_cap == 0 || !irq->msi_maskable || offset != pending_offset(irq))
		return false;
	*value = 0;
	if (!irq->pending || pci_irq_mode(fn) != PCI_IRQ_MSI)
		return true;
	for (unsigned v = 0; v < pci_irq_vectors(fn); v++)
		if (irq->pending(fn, v))
			*value |= BIT32(v);
	return true;
}

enum pci_irq_mode pci_irq_mode(const struct pci_function *fn)
{
	const struct pci_irq *irq = &fn->irq;

	if (irq->msix_cap != 0 && (pci_cfg_get(&fn->cfg, irq->msix_cap, 4) & MSIX_ENABLE))
		return PCI_IRQ_MSIX;
	if (irq->msi_cap != 0 && (pci_cfg_get(&fn->cfg, irq->msi_cap, 4) & MSI_ENABLE))
		return PCI_IRQ_MSI;
	return PCI_IRQ_INTX;
}

unsigned pci_irq_vectors(const struct pci_function *fn)
{
	const struct pci_irq *irq = &fn->irq;

	switch (pci_irq_mode(fn)) {
	case PCI_IRQ_MSIX:
		return irq->msix_vectors;
	case PCI_IRQ_MSI: {
		/* More than was offered, and the reserved encodings 6 and 7, give what was offered. */
		unsigned nr = 1u << field_get32(MSI_MME, pci_cfg_get(&fn->cfg, irq->msi_cap, 4));

		return nr < irq->msi_vectors ? nr : irq->msi_vectors;
	}
	case PCI_IRQ_INTX:
		break;
	}
	return 0;
}

static bool msi_vector(const struct pci_function *fn, unsigned vector, struct msi_msg *msg)
{
	const struct pci_irq *irq = &fn->irq;
	const struct pci_cfg *cfg = &fn->cfg;
	uint32_t low = pci_irq_vectors(fn) - 1;

	msg->address = pci_cfg_get(cfg, (uint16_t)(irq->msi_cap + PCI_MSI_ADDRESS_LO), 4);
	if (irq->msi_64)
		msg->address |= (uint64_t)pci_cfg_get(cfg, (uint16_t)(irq->msi_cap + PCI_MSI_ADDRESS_HI), 4) << 32;
	/* The function modifies the low bits of the data to tell its vectors apart. */
	msg->data = (pci_cfg_get(cfg, data_offset(irq), 2) & ~low) | vector;
	return !irq->msi_maskable || !(pci_cfg_get(cfg, mask_offset(irq), 4) & BIT32(vector));
}

static bool msix_vector(const struct pci_function *fn, unsigned vector, struct msi_msg *msg)
{
	const struct pci_msix_entry *entry = &fn->irq.table[vector];

	msg->address = entry->address;
	msg->data = entry->data;
	return !(entry->control & PCI_MSIX_ENTRY_CTRL_MASKBIT) &&
	       !(pci_cfg_get(&fn->cfg, (uint16_t)(fn->irq.msix_cap + PCI_MSIX_FLAGS), 2) & PCI_MSIX_FLAGS_MASKALL);
}

bool pci_irq_vector(const struct pci_function *fn, unsigned vector, struct msi_msg *msg)
{
	bool open;

	*msg = (struct msi_msg){.requester = pci_function_rid(fn)};
	if (vector >= pci_irq_vectors(fn))
		return false;
	open = pci_irq_mode(fn) == PCI_IRQ_MSIX ? msix_vector(fn, vector, msg) : msi_vector(fn, vector, msg);
	return open && pci_function_bus_master(fn);
}

bool pci_irq_intx_enabled(const struct pci_function *fn)
{
	return fn->irq.intx_pin != 0 && pci_irq_mode(fn) == PCI_IRQ_INTX &&
	       !(pci_cfg_get(&fn->cfg, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE);
}

void pci_irq_reset(struct pci_function *fn)
{
	struct pci_irq *irq = &fn->irq;
	struct pci_cfg_dword *dwords = fn->cfg.dwords;

	for (unsigned v = 0; irq->table && v < irq->msix_vectors; v++)
		irq->table[v] = (struct pci_msix_entry){.control = PCI_MSIX_ENTRY_CTRL_MASKBIT};
	if (irq->msix_cap != 0)
		dwords[irq->msix_cap / 4].value = dwords[irq->msix_cap / 4].reset;
	if (irq->msi_cap != 0)
		for (uint32_t at = 0; at < msi_len(irq->msi_64, irq->msi_maskable); at += 4)
			dwords[(irq->msi_cap + at) / 4].value = dwords[(irq->msi_cap + at) / 4].reset;
}

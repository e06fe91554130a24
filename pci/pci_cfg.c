/* SPDX-License-Identifier: Apache-2.0 */
#include "pci_cfg.h"

#include <errno.h>
#include <linux/pci_regs.h>

#include "bits.h"

#define CAP_NEXT_MASK	  MASK32(15, 8)
#define EXT_CAP_ID_MASK	  MASK32(15, 0)
#define EXT_CAP_VER_MASK  MASK32(19, 16)
#define EXT_CAP_NEXT_MASK MASK32(31, 20)
#define EXT_CAP_FIRST	  0x100u
#define EXT_CAP_ID_NULL	  0u /* PCIe 6.0, 7.9.28 */
#define CAP_FIRST	  0x40u
#define STATUS_SHIFT	  16u /* STATUS is the upper half of the dword of COMMAND */

static struct pci_cfg_dword *dword_at(struct pci_cfg *cfg, uint16_t offset)
{
	return &cfg->dwords[(offset & (PCI_CFG_SIZE - 1)) / 4];
}

void pci_cfg_emulate(struct pci_cfg *cfg, uint16_t offset, uint32_t reset, uint32_t write, uint32_t w1c,
		     pci_cfg_hook hook)
{
	*dword_at(cfg, offset) = (struct pci_cfg_dword){
		.policy = CFG_EMULATE,
		.value = reset,
		.reset = reset,
		.write = write & ~w1c,
		.w1c = w1c,
		.written = hook,
	};
}

void pci_cfg_pass(struct pci_cfg *cfg, uint16_t offset, uint32_t write, uint32_t ours, uint32_t ours_value)
{
	*dword_at(cfg, offset) = (struct pci_cfg_dword){
		.policy = CFG_PASS,
		.value = ours_value & ours,
		.reset = ours_value & ours,
		.write = write & ~ours,
		.ours = ours,
	};
}

void pci_cfg_own(struct pci_cfg *cfg, uint16_t offset, uint32_t mask, uint32_t bits)
{
	struct pci_cfg_dword *d = dword_at(cfg, offset);

	if (d->policy == CFG_HIDE)
		d->policy = CFG_EMULATE;
	if (d->policy == CFG_PASS)
		d->ours |= mask;
	d->value = (d->value & ~mask) | (bits & mask);
	d->reset = (d->reset & ~mask) | (bits & mask);
	d->write &= ~mask;
	d->w1c &= ~mask;
}

bool pci_cfg_unclaimed(const struct pci_cfg *cfg, uint32_t offset, uint32_t len)
{
	if (offset >= PCI_CFG_SIZE || len > PCI_CFG_SIZE - offset)
		return false;
	for (uint32_t at = offset & ~3u; at < offset + len; at += 4)
		if (cfg->dwords[at / 4].policy != CFG_HIDE)
			return false;
	return true;
}

int pci_cfg_add_cap(struct pci_cfg *cfg, uint8_t id, uint16_t offset, uint16_t upper, uint16_t upper_write,
		    pci_cfg_hook hook)
{
	if (offset % 4 != 0 || offset < CAP_FIRST || offset >= EXT_CAP_FIRST || !pci_cfg_unclaimed(cfg, offset, 4))
		return -EINVAL;

	pci_cfg_emulate(cfg, offset, id | (uint32_t)upper << 16, (uint32_t)upper_write << 16, 0, hook);
	if (cfg->last_cap != 0)
		pci_cfg_own(cfg, cfg->last_cap, CAP_NEXT_MASK, field_prep32(CAP_NEXT_MASK, offset));
	else
		pci_cfg_own(cfg, PCI_CAPABILITY_LIST, MASK32(7, 0), offset);
	pci_cfg_own(cfg, PCI_COMMAND, (uint32_t)PCI_STATUS_CAP_LIST << STATUS_SHIFT,
		    (uint32_t)PCI_STATUS_CAP_LIST << STATUS_SHIFT);
	cfg->last_cap = offset;
	return 0;
}

/* Appends the header at @offset, which is free. */
static void append_ext_cap(struct pci_cfg *cfg, uint16_t id, uint8_t version, uint16_t offset)
{
	pci_cfg_emulate(cfg, offset, field_prep32(EXT_CAP_ID_MASK, id) | field_prep32(EXT_CAP_VER_MASK, version), 0, 0,
			NULL);
	if (cfg->last_ext_cap != 0)
		pci_cfg_own(cfg, cfg->last_ext_cap, EXT_CAP_NEXT_MASK, field_prep32(EXT_CAP_NEXT_MASK, offset));
	cfg->last_ext_cap = offset;
}

int pci_cfg_add_ext_cap(struct pci_cfg *cfg, uint16_t id, uint8_t version, uint16_t offset)
{
	if (offset % 4 != 0 || offset < EXT_CAP_FIRST || offset >= PCI_CFG_SIZE || id == EXT_CAP_ID_NULL ||
	    version > 15)
		return -EINVAL;

	const struct pci_cfg_dword *first = &cfg->dwords[EXT_CAP_FIRST / 4];
	bool null_first = cfg->last_ext_cap != 0 && field_get32(EXT_CAP_ID_MASK, first->value) == EXT_CAP_ID_NULL;

	if (offset == EXT_CAP_FIRST && null_first) {
		pci_cfg_own(cfg, offset, EXT_CAP_ID_MASK | EXT_CAP_VER_MASK,
			    field_prep32(EXT_CAP_ID_MASK, id) | field_prep32(EXT_CAP_VER_MASK, version));
		return 0;
	}
	if (!pci_cfg_unclaimed(cfg, offset, 4))
		return -EINVAL;
	if (cfg->last_ext_cap == 0 && offset != EXT_CAP_FIRST) {
		if (!pci_cfg_unclaimed(cfg, EXT_CAP_FIRST, 4))
			return -EINVAL;
		append_ext_cap(cfg, EXT_CAP_ID_NULL, 1, EXT_CAP_FIRST);
	}
	append_ext_cap(cfg, id, version, offset);
	return 0;
}

uint32_t pci_cfg_get(const struct pci_cfg *cfg, uint16_t offset, uint8_t size)
{
	uint32_t value = cfg->dwords[(offset & (PCI_CFG_SIZE - 1)) / 4].value >> (offset % 4 * 8);

	return size >= 4 ? value : value & ((UINT32_C(1) << (size * 8)) - 1);
}

void pci_cfg_set(struct pci_cfg *cfg, uint16_t offset, uint8_t size, uint32_t value)
{
	struct pci_cfg_dword *d = dword_at(cfg, offset);
	unsigned shift = offset % 4 * 8;
	uint32_t mask = (size >= 4 ? UINT32_MAX : (UINT32_C(1) << (size * 8)) - 1) << shift;

	d->value = (d->value & ~mask) | (value << shift & mask);
}

void pci_cfg_reset(struct pci_cfg *cfg)
{
	for (unsigned i = 0; i < PCI_CFG_DWORDS; i++)
		cfg->dwords[i].value = cfg->dwords[i].reset;
}

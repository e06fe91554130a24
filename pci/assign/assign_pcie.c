/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PCI Express capability of an assigned function (PCIe 6.0, 7.5.3), emulated from the snapshot: the link and the
 * payload sizes belong to the host, whose root port is not the one that the guest sees. The guest's writes are kept, so
 * that it reads back what it wrote, and do nothing; but for Initiate Function Level Reset, which resets the function.
 */
#include <errno.h>

#include <linux/pci_regs.h>

#include "assign_priv.h"
#include "bits.h"
#include "log.h"

#define UPPER(half) ((uint32_t)(half) << 16)
#define PCIE_V1_LEN 0x14u
#define PCIE_V2_LEN 0x3cu

/* Phantom functions (a requester id that nobody translates) and slot power fields go. */
#define DEVCAP_KEEP                                                                                                    \
	(PCI_EXP_DEVCAP_PAYLOAD | PCI_EXP_DEVCAP_EXT_TAG | PCI_EXP_DEVCAP_L0S | PCI_EXP_DEVCAP_L1 | PCI_EXP_DEVCAP_RBER)
/* All but Initiate Function Level Reset, which the hook takes back. */
#define DEVCTL_WRITE MASK32(14, 0)
/* Speed, width, latencies, port number. No ASPM, clock power management, link bandwidth notification: the host's. */
#define LNKCAP_KEEP                                                                                                    \
	(PCI_EXP_LNKCAP_SLS | PCI_EXP_LNKCAP_MLW | PCI_EXP_LNKCAP_L0SEL | PCI_EXP_LNKCAP_L1EL | PCI_EXP_LNKCAP_PN)
#define LNKCTL_WRITE  (PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_CCC | PCI_EXP_LNKCTL_ES)
#define LNKSTA_KEEP   (PCI_EXP_LNKSTA_CLS | PCI_EXP_LNKSTA_NLW | PCI_EXP_LNKSTA_SLC)
/* Completion timeout ranges and disable. No ARI, atomics, LTR, OBFF, TPH, 10-bit tags, prefixes: these need both ends.
 */
#define DEVCAP2_KEEP  MASK32(4, 0)
#define DEVCTL2_WRITE MASK32(4, 0)

#define GEN1_X1_CAP (PCI_EXP_LNKCAP_SLS_2_5GB | 1u << 4)
#define GEN1_X1_STA (PCI_EXP_LNKSTA_CLS_2_5GB | PCI_EXP_LNKSTA_NLW_X1)

static void devctl_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask)
{
	if (!(now & PCI_EXP_DEVCTL_BCR_FLR))
		return;
	pci_cfg_set(&fn->cfg, offset, 4, now & ~(uint32_t)PCI_EXP_DEVCTL_BCR_FLR); /* always reads as 0 */
	if (!assigned_of(fn)->can_reset)
		return;		/* not offered in Device Capabilities */
	pci_function_flr(fn); /* has said why it failed; the guest sees a device in reset state either way */
}

static void build_link(struct assigned *a, uint16_t offset, bool has_link)
{
	uint32_t cap = assign_snap(a, offset + PCI_EXP_LNKCAP, 4) & LNKCAP_KEEP;
	uint32_t ctl = assign_snap(a, offset + PCI_EXP_LNKCTL, 2) & LNKCTL_WRITE;
	uint32_t sta = assign_snap(a, offset + PCI_EXP_LNKSTA, 2) & LNKSTA_KEEP;

	/* A root complex integrated endpoint has no link, but in the guest it sits below a root port and needs one. */
	if (!has_link) {
		cap = GEN1_X1_CAP;
		ctl = 0;
		sta = GEN1_X1_STA;
	}
	pci_cfg_emulate(&a->fn.cfg, (uint16_t)(offset + PCI_EXP_LNKCAP), cap, 0, 0, NULL);
	pci_cfg_emulate(&a->fn.cfg, (uint16_t)(offset + PCI_EXP_LNKCTL), ctl | UPPER(sta), LNKCTL_WRITE, 0, NULL);
}

static void build_v2(struct assigned *a, uint16_t offset)
{
	struct pci_cfg *cfg = &a->fn.cfg;

	pci_cfg_emulate(cfg, (uint16_t)(offset + PCI_EXP_DEVCAP2),
			assign_snap(a, offset + PCI_EXP_DEVCAP2, 4) & DEVCAP2_KEEP, 0, 0, NULL);
	pci_cfg_emulate(cfg, (uint16_t)(offset + PCI_EXP_DEVCTL2),
			assign_snap(a, offset + PCI_EXP_DEVCTL2, 2) & DEVCTL2_WRITE, DEVCTL2_WRITE, 0, NULL);
	pci_cfg_emulate(cfg, (uint16_t)(offset + PCI_EXP_LNKCAP2),
			assign_snap(a, offset + PCI_EXP_LNKCAP2, 4) & PCI_EXP_LNKCAP2_SLS, 0, 0, NULL);
	pci_cfg_emulate(cfg, (uint16_t)(offset + PCI_EXP_LNKCTL2),
			assign_snap(a, offset + PCI_EXP_LNKCTL2, 2) & PCI_EXP_LNKCTL2_TLS, 0, 0, NULL);
}

int assign_pcie_build(struct assigned *a, uint16_t offset)
{
	struct pci_cfg *cfg = &a->fn.cfg;
	uint16_t flags = (uint16_t)assign_snap(a, offset + PCI_EXP_FLAGS, 2);
	uint32_t version = field_get32(PCI_EXP_FLAGS_VERS, flags);
	uint32_t type = field_get32(PCI_EXP_FLAGS_TYPE, flags);
	uint32_t len = version >= 2 ? PCIE_V2_LEN : PCIE_V1_LEN;
	uint32_t devcap;
	int err;

	if (type != PCI_EXP_TYPE_ENDPOINT && type != PCI_EXP_TYPE_LEG_END && type != PCI_EXP_TYPE_RC_END)
		return -EINVAL;
	/* A version 1 integrated endpoint ends before the link registers that it gets from us, see build_link(). */
	if (offset + len > 0x100 || !pci_cfg_unclaimed(cfg, offset, len))
		return -EINVAL;
	flags = (uint16_t)(field_prep32(PCI_EXP_FLAGS_VERS, version >= 2 ? 2 : 1) |
			   field_prep32(PCI_EXP_FLAGS_TYPE,
					type == PCI_EXP_TYPE_LEG_END ? type : PCI_EXP_TYPE_ENDPOINT));
	err = pci_cfg_add_cap(cfg, PCI_CAP_ID_EXP, offset, flags, 0, NULL);
	if (err)
		return err;
	devcap = assign_snap(a, offset + PCI_EXP_DEVCAP, 4) & DEVCAP_KEEP;
	pci_cfg_emulate(cfg, (uint16_t)(offset + PCI_EXP_DEVCAP), devcap | (a->can_reset ? PCI_EXP_DEVCAP_FLR : 0), 0,
			0, NULL);
	pci_cfg_emulate(cfg, (uint16_t)(offset + PCI_EXP_DEVCTL),
			assign_snap(a, offset + PCI_EXP_DEVCTL, 2) & DEVCTL_WRITE,
			DEVCTL_WRITE | PCI_EXP_DEVCTL_BCR_FLR, 0, devctl_written);
	build_link(a, offset, type != PCI_EXP_TYPE_RC_END);
	if (version >= 2) {
		build_v2(a, offset);
		a->pcie_cap = offset;
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities of an assigned function: which exist for the guest, and how. The device's lists are walked once, in a
 * snapshot, and bounded: the device may lie. A capability without a row does not exist for the guest.
 */
#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "assign_priv.h"
#include "bits.h"
#include "log.h"

#define MAX_CAPS     48u /* dwords of 0x40 .. 0xff: no list without a loop is longer */
#define MAX_EXT_CAPS 960u
#define CAP_AREA     0x40u
#define EXT_CAP_AREA 0x100u

#define PM_LEN	     8u
#define DSN_LEN	     12u
#define VNDR_MIN_LEN 4u

struct cap_row {
	uint16_t id;
	const char *name;
	int (*build)(struct assigned *a, uint16_t offset); /* NULL: hidden */
	const char *why;
};

/* States D1 and D2 are not offered; a write of them is discarded (PCI PM 1.2, 3.2.4). The device itself stays in D0:
 * D3hot would take its mappings away, and the host saves what can be saved when the device is closed. */
static void pm_written(struct pci_function *fn, uint16_t offset, uint32_t old, uint32_t now, uint32_t mask)
{
	uint32_t state = now & PCI_PM_CTRL_STATE_MASK;

	if (state == 1 || state == 2)
		pci_cfg_set(&fn->cfg, offset, 4,
			    (now & ~(uint32_t)PCI_PM_CTRL_STATE_MASK) | (old & PCI_PM_CTRL_STATE_MASK));
}

static int build_pm(struct assigned *a, uint16_t offset)
{
	uint16_t pmc = (uint16_t)assign_snap(a, offset + PCI_PM_PMC, 2);

	if (offset + PM_LEN > EXT_CAP_AREA || !pci_cfg_unclaimed(&a->fn.cfg, offset, PM_LEN))
		return -EINVAL;
	/* Version and device-specific initialisation only: no D1, D2, PME, auxiliary current. */
	pci_cfg_emulate(&a->fn.cfg, (uint16_t)(offset + PCI_PM_CTRL), PCI_PM_CTRL_NO_SOFT_RESET, PCI_PM_CTRL_STATE_MASK,
			0, pm_written);
	return pci_cfg_add_cap(&a->fn.cfg, PCI_CAP_ID_PM, offset, pmc & (PCI_PM_CAP_VER_MASK | PCI_PM_CAP_DSI), 0,
			       NULL);
}

static int build_msi(struct assigned *a, uint16_t offset)
{
	uint16_t flags = (uint16_t)assign_snap(a, offset + PCI_MSI_FLAGS, 2);
	uint32_t vectors = 1u << field_get32(PCI_MSI_FLAGS_QMASK, flags);

	if (!a->irq.msi.count || !a->irq.msi.eventfd)
		return -ENOTSUP;
	while (vectors > a->irq.msi.count || vectors > PCI_MSI_MAX_VECTORS)
		vectors /= 2;
	return pci_msi_add(&a->fn, offset, (uint16_t)vectors, flags & PCI_MSI_FLAGS_64BIT,
			   flags & PCI_MSI_FLAGS_MASKBIT);
}

/* The only capability whose lie refuses the device: the trapped places come from it. */
static int build_msix(struct assigned *a, uint16_t offset)
{
	uint32_t vectors = (assign_snap(a, offset + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE) + 1;
	uint32_t table = assign_snap(a, offset + PCI_MSIX_TABLE, 4);
	uint32_t pba = assign_snap(a, offset + PCI_MSIX_PBA, 4);

	if (!a->irq.msix.count || !a->irq.msix.eventfd)
		return -ENOTSUP;
	if (vectors > a->irq.msix.count)
		vectors = a->irq.msix.count;
	return pci_msix_add(&a->fn, offset, (uint16_t)vectors, table & PCI_MSIX_TABLE_BIR,
			    table & PCI_MSIX_TABLE_OFFSET, pba & PCI_MSIX_PBA_BIR, pba & PCI_MSIX_PBA_OFFSET);
}

/* Header ours, contents the device's, read-only: virtio and others describe their BARs there. */
static int build_vendor(struct assigned *a, uint16_t offset)
{
	uint32_t len = assign_snap(a, offset + 2u, 1);
	int err;

	if (len < VNDR_MIN_LEN)
		len = VNDR_MIN_LEN;
	if (offset + len > EXT_CAP_AREA || !pci_cfg_unclaimed(&a->fn.cfg, offset, len))
		return -EINVAL;
	err = pci_cfg_add_cap(&a->fn.cfg, PCI_CAP_ID_VNDR, offset, (uint16_t)assign_snap(a, offset + 2u, 2), 0, NULL);
	for (uint32_t at = 4; !err && at < len; at += 4)
		pci_cfg_pass(&a->fn.cfg, (uint16_t)(offset + at), 0, 0, 0);
	return err;
}

static const struct cap_row cap_rows[] = {
	{PCI_CAP_ID_PM, "power management", build_pm,
	 "emulated: the power state is the guest's, the device stays in D0"},
	{PCI_CAP_ID_VPD, "vital product data", NULL,
	 "reading it takes writes, and writes may change the device for good"},
	{PCI_CAP_ID_MSI, "MSI", build_msi, "emulated: messages are the guest's, the host has its own"},
	{PCI_CAP_ID_VNDR, "vendor specific", build_vendor,
	 "passed read-only: drivers read it, nobody knows what writes do"},
	{PCI_CAP_ID_EXP, "PCI Express", assign_pcie_build,
	 "emulated from the snapshot: links and payload sizes are the host's"},
	{PCI_CAP_ID_MSIX, "MSI-X", build_msix, "emulated: messages are the guest's, table and PBA are trapped"},
	{PCI_CAP_ID_AF, "advanced features", NULL, "its reset is offered through PCI Express or not at all"},
	{PCI_CAP_ID_EA, "enhanced allocation", NULL, "fixed addresses of the host mean nothing in the guest"},
};

static int build_dsn(struct assigned *a, uint16_t offset)
{
	int err;

	if (offset + DSN_LEN > PCI_CFG_SIZE || !pci_cfg_unclaimed(&a->fn.cfg, offset, DSN_LEN))
		return -EINVAL;
	err = pci_cfg_add_ext_cap(&a->fn.cfg, PCI_EXT_CAP_ID_DSN, 1, offset);
	if (err)
		return err;
	pci_cfg_pass(&a->fn.cfg, (uint16_t)(offset + 4u), 0, 0, 0);
	pci_cfg_pass(&a->fn.cfg, (uint16_t)(offset + 8u), 0, 0, 0);
	return 0;
}

static const struct cap_row ext_rows[] = {
	{PCI_EXT_CAP_ID_DSN, "device serial number", build_dsn, "passed read-only: drivers pair ports by it"},
	{PCI_EXT_CAP_ID_ERR, "AER", NULL, "errors are handled by the host; the guest does not see them yet"},
	{PCI_EXT_CAP_ID_ACS, "ACS", NULL, "isolation is the host's"},
	{PCI_EXT_CAP_ID_SRIOV, "SR-IOV", NULL, "virtual functions would appear in the host, not in the guest"},
	{PCI_EXT_CAP_ID_ATS, "ATS", NULL, "its control bit is the host's; needs the vIOMMU's side first"},
	{PCI_EXT_CAP_ID_PRI, "PRI", NULL, "arm-smmu-v3 serves no page requests"},
	{PCI_EXT_CAP_ID_PASID, "PASID", NULL, "enabled by the host; the guest gets one of ours, assign_pasid.c"},
	{PCI_EXT_CAP_ID_REBAR, "resizable BAR", NULL, "the size of a BAR is fixed once the device is open"},
	{PCI_EXT_CAP_ID_LTR, "LTR", NULL, "platform power management is the host's"},
	{PCI_EXT_CAP_ID_L1SS, "L1 PM substates", NULL, "link power management is the host's"},
	{PCI_EXT_CAP_ID_DOE, "DOE", NULL, "mailboxes can reconfigure device security; not without a policy"},
	{PCI_EXT_CAP_ID_IDE, "IDE", NULL, "keys and streams of the link are the host's"},
};

static const struct cap_row *find_row(const struct cap_row *rows, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].id == id)
			return &rows[i];
	return NULL;
}

/* Returns 0 or what refuses the whole device. */
static int build_one(struct assigned *a, const struct cap_row *row, uint32_t id, uint16_t offset, const char *kind)
{
	int err;

	if (!row || !row->build) {
		log_debug("%s: %scapability 0x%02x (%s) at 0x%03x hidden: %s", a->fn.name, kind, id,
			  row ? row->name : "unknown", offset, row ? row->why : "default");
		return 0;
	}
	err = row->build(a, offset);
	if (!err)
		return 0;
	if (row->build == build_msix && err != -ENOTSUP)
		return err;
	log_warn("%s: %scapability %s at 0x%03x cannot be offered to the guest (%s)", a->fn.name, kind, row->name,
		 offset,
		 err == -ENOTSUP ? "the host offers no interrupts for it" : "it overlaps another or leaves its space");
	return 0;
}

static int walk_caps(struct assigned *a)
{
	uint32_t offset = assign_snap(a, PCI_CAPABILITY_LIST, 1) & ~3u;
	uint64_t seen = 0; /* one bit for each dword below EXT_CAP_AREA */
	int err = 0;

	if (!(assign_snap(a, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return 0;
	for (unsigned i = 0; !err && offset && i < MAX_CAPS; i++) {
		uint32_t id = assign_snap(a, offset, 1);

		if (offset < CAP_AREA || seen & BIT64(offset / 4)) {
			log_warn("%s: its capability list %s at 0x%02x; the rest is ignored", a->fn.name,
				 offset < CAP_AREA ? "leaves its space" : "loops", offset);
			return 0;
		}
		seen |= BIT64(offset / 4);
		err = build_one(a, find_row(cap_rows, ARRAY_LEN(cap_rows), id), id, (uint16_t)offset, "");
		offset = assign_snap(a, offset + 1, 1) & ~3u;
	}
	return err;
}

static int walk_ext_caps(struct assigned *a)
{
	uint64_t seen[PCI_CFG_DWORDS / 64] = {0};
	uint32_t offset = EXT_CAP_AREA;
	int err = 0;

	if (a->config.size <= EXT_CAP_AREA)
		return 0;
	for (unsigned i = 0; !err && offset && i < MAX_EXT_CAPS; i++) {
		uint32_t header = assign_snap(a, offset, 4);
		uint32_t id = PCI_EXT_CAP_ID(header);

		if (offset < EXT_CAP_AREA || seen[offset / 256] & BIT64(offset / 4 % 64)) {
			log_warn("%s: its extended capability list %s at 0x%03x; the rest is ignored", a->fn.name,
				 offset < EXT_CAP_AREA ? "leaves its space" : "loops", offset);
			return 0;
		}
		if (header == 0 || header == UINT32_MAX)
			return 0;
		seen[offset / 256] |= BIT64(offset / 4 % 64);
		err = build_one(a, find_row(ext_rows, ARRAY_LEN(ext_rows), id), id, (uint16_t)offset, "extended ");
		offset = PCI_EXT_CAP_NEXT(header);
	}
	return err;
}

int assign_caps_build(struct assigned *a)
{
	int err = walk_caps(a);

	if (!err)
		err = walk_ext_caps(a);
	return err ? err : assign_pasid_build(a);
}

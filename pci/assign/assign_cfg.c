/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of an assigned function, as the guest sees it. What no row names is hidden (pci_cfg.h). Capabilities:
 * assign_caps.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "assign_priv.h"
#include "bits.h"
#include "log.h"

#define HEADER_TYPE_SHIFT 16u /* in the dword at PCI_CACHE_LINE_SIZE */
#define INTX_PIN_SHIFT	  8u  /* in the dword at PCI_INTERRUPT_LINE */

/*
 * Dwords of a type 0 header that the device itself answers, read-only. Not among them:
 *   0x04 COMMAND and STATUS: ours (pci_function_init); COMMAND reaches the device through assign_command(), so that
 * mappings follow it. STATUS shows the capability list only: its error bits are the host's to handle. 0x0c cache line
 * size, latency, header type, BIST: below. 0x10 BARs: ours (pci_bar_define); where they decode in the host is none of
 * the guest's business. 0x28 CardBus CIS: obsolete, hidden. 0x30 expansion ROM: hidden; a direct-booted guest runs no
 * option ROMs, and the ROM may be writable flash. 0x34 capability pointer: ours, the list holds what the policy lets
 * through. 0x3c interrupt line (ours, a scratch register), pin (ours, only with VFIO's INTx), Min_Gnt and Max_Lat (0 on
 * PCIe).
 */
static const struct {
	uint16_t offset;
	const char *why;
} header_pass[] = {
	{PCI_VENDOR_ID, "vendor and device id choose the guest's driver"},
	{PCI_CLASS_REVISION, "revision and class choose the guest's driver"},
	{PCI_SUBSYSTEM_VENDOR_ID, "subsystem ids choose the guest driver's quirks"},
};

uint32_t assign_snap(const struct assigned *a, unsigned offset, unsigned size)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < size && offset + i < PCI_CFG_SIZE; i++)
		value |= (uint32_t)a->snapshot[offset + i] << (i * 8);
	return value;
}

int assign_cfg_read(struct pci_function *fn, uint16_t offset, uint8_t size, uint32_t *value)
{
	struct assigned *a = assigned_of(fn);
	uint64_t wide;
	int err;

	if (offset + (uint64_t)size > a->config.size)
		return -EIO;
	err = vfio_read(a->host.fd, a->config.offset + offset, size, &wide);
	if (err)
		return err;
	*value = (uint32_t)wide;
	return 0;
}

int assign_cfg_write(struct pci_function *fn, uint16_t offset, uint8_t size, uint32_t value)
{
	struct assigned *a = assigned_of(fn);

	if (offset + (uint64_t)size > a->config.size)
		return -EIO;
	return vfio_write(a->host.fd, a->config.offset + offset, size, value);
}

int assign_write_command(struct assigned *a, uint16_t command)
{
	int err = assign_cfg_write(&a->fn, PCI_COMMAND, 2, command);

	if (!err)
		a->hw_command = command;
	return err;
}

void assign_command(struct pci_function *fn, uint16_t old, uint16_t now)
{
	struct assigned *a = assigned_of(fn);
	int err;

	/* The caller takes the BARs off the bus only after this; another vCPU must not hit a mapping that is gone. */
	if (!(now & PCI_COMMAND_MEMORY))
		assign_bars_unmap(a);
	err = assign_write_command(a, assign_gate_command(a, old, now));
	if (err)
		log_guest("%s: COMMAND 0x%04x does not reach the device: %s", fn->name, now, strerror(-err));
	/* INTx is asked of the host only for a device that the guest uses at all. */
	if ((old ^ now) & PCI_COMMAND_MEMORY)
		assign_irq_reconcile(fn);
}

static int build_header(struct assigned *a)
{
	struct pci_cfg *cfg = &a->fn.cfg;
	uint32_t type = assign_snap(a, PCI_HEADER_TYPE, 1);
	uint32_t pin = assign_snap(a, PCI_INTERRUPT_PIN, 1);

	if (assign_snap(a, PCI_VENDOR_ID, 2) == 0xffff)
		return log_fail(-ENODEV, "%s: does not answer to configuration reads; it may have fallen off the bus",
				a->fn.name);
	if ((type & PCI_HEADER_TYPE_MASK) != PCI_HEADER_TYPE_NORMAL)
		return log_fail(-EINVAL, "%s: has a type %u configuration header; only endpoints can be assigned",
				a->fn.name, type & PCI_HEADER_TYPE_MASK);
	for (size_t i = 0; i < ARRAY_LEN(header_pass); i++)
		pci_cfg_pass(cfg, header_pass[i].offset, 0, 0, 0);
	/* Header type: normal; multi-function is a property of the guest's topology, not of the host's. Cache line size
	 * is a scratch register on PCIe (7.5.1.1.7), no BIST. */
	pci_cfg_own(cfg, PCI_CACHE_LINE_SIZE, UINT32_MAX, (uint32_t)PCI_HEADER_TYPE_NORMAL << HEADER_TYPE_SHIFT);
	cfg->dwords[PCI_CACHE_LINE_SIZE / 4].write = MASK32(7, 0);
	if (a->irq.intx.count && pin >= 1 && pin <= 4) {
		pci_cfg_own(cfg, PCI_INTERRUPT_LINE, MASK32(15, 8), pin << INTX_PIN_SHIFT);
		a->fn.irq.intx_pin = (uint8_t)pin;
	}
	return 0;
}

int assign_cfg_build(struct assigned *a)
{
	unsigned index = 0;
	int err = build_header(a);

	while (!err && index < PCI_NR_BARS)
		err = assign_bar_define(a, index, &index);
	return err ? err : assign_caps_build(a);
}

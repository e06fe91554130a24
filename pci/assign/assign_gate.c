/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate in front of a device that has to prove itself.
 *
 * Under a lock (TDISP) the device's own COMMAND stays as it was when it was locked: bus mastering and memory decoding
 * on. What the guest writes takes effect here, in the IOMMU and in its address space, so that a guest may enumerate,
 * size BARs and enable the function when it likes. Once it has enabled something, taking it back is what would end the
 * lock in the device (PCIe 6.1, 11.4.5): then the gate closes first and the device is told afterwards.
 *
 * The order of every closing: DMA, BARs, interrupts, the device.
 */
#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "assign_priv.h"
#include "log.h"

#define ENABLES (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)

/* DMA is open when the gate is and, under a lock, the guest has turned bus mastering on; without one the device's own
 * COMMAND says so. */
static int update_dma(struct assigned *a, uint16_t guest_command)
{
	const struct assign_gate *gate = &a->gate;

	if (gate->open && (!gate->held || guest_command & PCI_COMMAND_MASTER))
		return host_dev_unblock(&a->host);
	return host_dev_block(&a->host);
}

static uint16_t guest_command(const struct assigned *a)
{
	return (uint16_t)pci_cfg_get(&a->fn.cfg, PCI_COMMAND, 2);
}

/* What the device's own COMMAND is to be when the guest's is @now. */
static uint16_t device_command(const struct assigned *a, uint16_t now)
{
	uint16_t rest = now & (uint16_t)~ENABLES;

	if (!a->gate.guarded)
		return now;
	if (a->gate.held)
		return rest | ENABLES;
	return a->gate.open ? now : rest;
}

/* What the IOMMU does not block is stopped in the device, which ends whatever lock there is. */
static void stop_in_device(struct assigned *a)
{
	if (assign_write_command(a, a->hw_command & (uint16_t)~PCI_COMMAND_MASTER) < 0)
		log_error("%s: its bus mastering cannot be turned off either; end the VM", a->fn.name);
}

static void shut(struct assigned *a)
{
	a->gate.open = false;
	if (host_dev_block(&a->host) < 0)
		stop_in_device(a);
	assign_bars_unmap(a);
	assign_irq_shutdown(a);
}

static void close_by_itself(struct assigned *a, enum assign_break why, const char *what)
{
	shut(a);
	a->gate.held = false;
	a->gate.config.broken(a->gate.config.opaque, why, what);
}

bool assign_gate_passes(const struct assigned *a, unsigned index, uint64_t offset, uint64_t bytes)
{
	const struct assign_gate *gate = &a->gate;

	if (!gate->guarded)
		return true;
	for (unsigned i = 0; gate->open && gate->limited && i < gate->nr_ranges; i++) {
		const struct assign_range *r = &gate->ranges[i];

		if (r->bar == index && offset >= r->range.first && offset + (bytes - 1) <= r->range.last)
			return true;
	}
	return gate->open && !gate->limited;
}

void assign_gate_bar(struct assigned *a, unsigned index, uint64_t addr)
{
	struct assign_gate *gate = &a->gate;

	if (!gate->guarded || !gate->open || !gate->held)
		return;
	if (gate->bar_addr[index] != UINT64_MAX && gate->bar_addr[index] != addr)
		close_by_itself(a, ASSIGN_BREAK_LOCK, "a BAR was moved");
	gate->bar_addr[index] = addr;
}

uint16_t assign_gate_command(struct assigned *a, uint16_t old, uint16_t now)
{
	if (!a->gate.guarded)
		return now;
	if (a->gate.open && a->gate.held && (old & ~now & ENABLES))
		close_by_itself(a, ASSIGN_BREAK_LOCK,
				old & ~now & PCI_COMMAND_MASTER ? "bus mastering was turned off"
								: "memory decoding was turned off");
	/* A failure has been logged and leaves the device blocked, which the guest sees as DMA that does not arrive. */
	if (update_dma(a, now) < 0 && !a->host.blocked)
		stop_in_device(a);
	return device_command(a, now);
}

void assign_gate_reset(struct assigned *a)
{
	a->gate.resets++;
	if (!a->gate.guarded || !a->gate.open)
		return;
	close_by_itself(a, a->gate.held ? ASSIGN_BREAK_LOCK : ASSIGN_BREAK_RESET, "the function was reset");
}

int assigned_hold(struct assigned *dev)
{
	int err = host_dev_block(&dev->host);

	if (err < 0)
		return err;
	dev->gate.held = true;
	err = assign_write_command(dev, device_command(dev, guest_command(dev)));
	if (err < 0)
		return log_fail(err, "%s: bus mastering and memory decoding cannot be turned on for its lock: %s",
				dev->fn.name, strerror(-err));
	return 0;
}

int assigned_open(struct assigned *dev, const struct assign_range *ranges, unsigned n, bool locked)
{
	struct assign_gate *gate = &dev->gate;
	int err;

	if (n > ASSIGN_MAX_RANGES)
		return log_fail(-E2BIG, "%s: more than %u ranges", dev->fn.name, ASSIGN_MAX_RANGES);
	gate->limited = ranges != NULL;
	gate->nr_ranges = n;
	if (n)
		memcpy(gate->ranges, ranges, n * sizeof(ranges[0]));
	for (unsigned i = 0; i < PCI_NR_BARS; i++)
		gate->bar_addr[i] = UINT64_MAX;
	gate->held = locked;
	gate->open = true;
	err = update_dma(dev, guest_command(dev));
	if (!err)
		err = assign_write_command(dev, device_command(dev, guest_command(dev)));
	if (err < 0) {
		assigned_close(dev);
		return err;
	}
	for (unsigned i = 0; i < PCI_NR_BARS; i++)
		if (dev->fn.bars[i].decoding)
			assign_bar_map(&dev->fn, i, gpa(dev->fn.bars[i].addr));
	assign_irq_reconcile(&dev->fn);
	return 0;
}

void assigned_close(struct assigned *dev)
{
	if (!dev->gate.guarded)
		return;
	shut(dev);
	dev->gate.held = false;
	if (dev->hw_command & ENABLES)
		assign_write_command(dev, device_command(dev, guest_command(dev)));
}

unsigned assigned_resets(const struct assigned *dev)
{
	return dev->gate.resets;
}

bool assigned_is_open(const struct assigned *dev)
{
	return !dev->gate.guarded || dev->gate.open;
}

int assigned_config_fd(const struct assigned *dev, uint64_t *base)
{
	*base = dev->config.offset;
	return dev->host.fd;
}

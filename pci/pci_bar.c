/* SPDX-License-Identifier: Apache-2.0 */
#include "pci_bar.h"

#include <errno.h>
#include <linux/pci_regs.h>

#include "bits.h"
#include "log.h"
#include "pci_guard.h"
#include "pci_priv.h"
#include "stats.h"

#define BAR_MIN_SIZE   16u
#define BAR_MAX_32     BIT64(31)
#define BAR_MAX_64     BIT64(62)
#define BAR_FLAGS_MASK MASK32(3, 0)

static uint16_t bar_offset(unsigned index)
{
	return (uint16_t)(PCI_BASE_ADDRESS_0 + 4 * index);
}

/* A BAR register was written. Sizing by software happens with decoding off, which makes it free of cost here. */
static void bar_written(struct pci_function *fn, uint16_t dword_offset, uint32_t old, uint32_t now, uint32_t mask)
{
	if (old != now && fn->host && pci_function_memory_enabled(fn))
		pci_host_remap(fn->host);
}

static enum bus_verdict bar_dispatch(struct bus_window *window, struct bus_access *access)
{
	struct pci_bar *bar = container_of(window, struct pci_bar, window);
	struct pci_function *fn = bar->fn;

	stats_inc(&stats.pci_bar_traps);
	if (fn->guard && fn->guard->ops->access && !fn->guard->ops->access(fn->guard, bar->index, access))
		return BUS_UNHANDLED;
	if (pci_msix_access(fn, bar->index, access))
		return BUS_HANDLED;
	return fn->ops->bar_access ? fn->ops->bar_access(fn, bar->index, access) : BUS_UNHANDLED;
}

static uint64_t round_up_pow2(uint64_t size)
{
	return is_pow2(size) ? size : BIT64(64 - __builtin_clzll(size));
}

int pci_bar_define(struct pci_function *fn, unsigned index, uint64_t size, bool is_64, bool prefetchable)
{
	unsigned nr = is_64 ? 2 : 1;

	if (size == 0 || size > (is_64 ? BAR_MAX_64 : BAR_MAX_32))
		return log_fail(-EINVAL, "%s: BAR %u cannot be %#llx bytes; the device is not usable", fn->name, index,
				(unsigned long long)size);
	if (index >= PCI_NR_BARS || nr > PCI_NR_BARS - index || !pci_cfg_unclaimed(&fn->cfg, bar_offset(index), 4 * nr))
		return log_fail(-EINVAL, "%s: BAR %u (%s-bit) does not fit among its BARs; the device is not usable",
				fn->name, index, is_64 ? "64" : "32");

	struct pci_bar *bar = &fn->bars[index];
	uint32_t flags =
		(is_64 ? PCI_BASE_ADDRESS_MEM_TYPE_64 : 0) | (prefetchable ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0);

	size = round_up_pow2(size < BAR_MIN_SIZE ? BAR_MIN_SIZE : size);
	bar->size = size;
	bar->is_64 = is_64;
	bar->prefetchable = prefetchable;
	bar->window.handler = bar_dispatch;
	bar->window.name = fn->name;

	/* Address bits below the size are read-only 0: that is how software finds the size (PCIe 6.0, 7.5.1.2.1). */
	pci_cfg_emulate(&fn->cfg, bar_offset(index), flags, (uint32_t) ~(size - 1) & ~BAR_FLAGS_MASK, 0, bar_written);
	if (is_64)
		pci_cfg_emulate(&fn->cfg, bar_offset(index + 1), 0, (uint32_t)(~(size - 1) >> 32), 0, bar_written);
	return 0;
}

uint64_t pci_bar_programmed(const struct pci_function *fn, unsigned index)
{
	uint64_t addr = pci_cfg_get(&fn->cfg, bar_offset(index), 4) & ~BAR_FLAGS_MASK;

	if (fn->bars[index].is_64)
		addr |= (uint64_t)pci_cfg_get(&fn->cfg, bar_offset(index + 1), 4) << 32;
	return addr;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile vCPU at the ECAM window and in the BAR apertures. The input is a list of accesses:
 *   u8 kind (bits 1..0: size, bit 2: write, bits 5..4: where), u16 place, u32 value.
 * After each access no two decoding windows overlap, all lie inside an aperture and inside their bridge's windows, and
 * the bus, our books and the owners' agree.
 */
#include <stdlib.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "fake_pci.h"
#include "log.h"

#define MAX_ACCESSES 512u
#define RECORD	     7u

static struct fake_pci w;
static struct fake_endpoint *ep[2];

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void build(void)
{
	fake_pci_start(&w);
	for (unsigned i = 0; i < 2; i++) {
		ep[i] = fake_endpoint_new("ep");
		must(pci_bar_define(&ep[i]->fn, 0, 0x4000, true, false) == 0);
		must(pci_bar_define(&ep[i]->fn, 2, 0x100000, false, false) == 0);
		must(pci_bar_define(&ep[i]->fn, 4, 0x40000000, true, true) == 0);
		must(pci_msi_add(&ep[i]->fn, 0x50, 8, true, true) == 0);
		must(pci_msix_add(&ep[i]->fn, 0x70, 33, 0, 0x2000, 0, 0x3000) == 0);
		pci_cfg_pass(&ep[i]->fn.cfg, 0x80, 0x00ff00ff, 0x0f0f0f0f, 0x5a5a5a5a);
		/* Both below port 0, so that their BARs can meet; or one below each, so that buses can. */
		must(fake_pci_place(&w, 0, (uint8_t)(i * 2), ep[i]) == 0);
	}
	must(fake_pci_place(&w, 1, 0, fake_endpoint_new("third")) == 0);
	must(pci_host_check(w.host) == 0);
	/* Decoding from the start, so that the fuzzer need not find the way there. */
	fake_port_open(&w, 0, 0x10000000, 0x1fffffff, FAKE_MMIO64, FAKE_MMIO64 + 0xffffffffff);
	fake_cfg_write(&w, 1, 0, PCI_BASE_ADDRESS_0, 8, 0x10000000);
	fake_cfg_write(&w, 1, 0, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	fake_cfg_write(&w, 1, 2, PCI_BASE_ADDRESS_2, 4, 0x10100000);
	fake_cfg_write(&w, 1, 2, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static bool in_aperture(struct range r)
{
	return (r.first >= FAKE_MMIO32 && r.last < FAKE_MMIO32 + (512u << 20)) ||
	       (r.first >= FAKE_MMIO64 && r.last < FAKE_MMIO64 + (512ull << 30));
}

static void check_bars(void)
{
	unsigned decoding = 0;

	for (unsigned i = 0; i < 2; i++)
		for (unsigned b = 0; b < PCI_NR_BARS; b++) {
			const struct pci_bar *bar = &ep[i]->fn.bars[b];

			must(bar->decoding == ep[i]->bar[b].mapped && bar->decoding == bar->window.added);
			if (!bar->decoding)
				continue;
			decoding++;
			must(ep[i]->bar[b].addr == bar->addr && bar->window.range.first == bar->addr);
			must(bar->addr == pci_bar_programmed(&ep[i]->fn, b));
			must(pci_function_memory_enabled(&ep[i]->fn));
			must(in_aperture(bar->window.range));
			must(pci_bridge_forwards(ep[i]->fn.parent, bar->window.range));
		}
	must(w.vm.bus.nr_windows == decoding + 1);
	for (unsigned i = 1; i < w.vm.bus.nr_windows; i++)
		must(w.vm.bus.windows[i - 1]->range.last < w.vm.bus.windows[i]->range.first);
}

static void check_irqs(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct msi_msg msg;
		unsigned nr = pci_irq_vectors(&ep[i]->fn);

		must(nr <= 33);
		for (unsigned v = 0; v < 40; v++)
			if (pci_irq_vector(&ep[i]->fn, v, &msg))
				must(v < nr && pci_function_bus_master(&ep[i]->fn));
	}
}

/* Places that matter: the functions, by place; absent ones; the apertures. */
static uint64_t address(unsigned where, uint16_t place)
{
	static const uint32_t functions[16] = {
		0x000 << 12, 0x008 << 12,  0x010 << 12, 0x100 << 12,  0x102 << 12, 0x200 << 12,
		0x101 << 12, 0x7f00 << 12, 0x300 << 12, 0xffff << 12, 0x108 << 12, 0x001 << 12,
		0x202 << 12, 0x700 << 12,  0x702 << 12, 0x009 << 12,
	};

	switch (where) {
	case 0: /* all of config space */
		return FAKE_ECAM + functions[place >> 12] + (place & 0xfffu);
	case 1: /* headers and capabilities only, dword aligned most of the time */
		return FAKE_ECAM + functions[place >> 12] + (place & 0xffu);
	case 2:
		return FAKE_MMIO32 + ((uint64_t)place << 4);
	default:
		return FAKE_MMIO64 + ((uint64_t)place << 16) + (place & 0xffu);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	log_set_sink(quiet, NULL);
	build();
	for (unsigned n = 0; n < MAX_ACCESSES && size >= RECORD; n++, data += RECORD, size -= RECORD) {
		uint8_t bytes = (uint8_t)(1u << (data[0] & 3u));
		uint64_t addr, value = (uint64_t)data[3] | (uint64_t)data[4] << 8 | (uint64_t)data[5] << 16 |
				       (uint64_t)data[6] << 24;

		addr = address(data[0] >> 4 & 3u, (uint16_t)(data[1] | data[2] << 8));
		if (bytes == 8)
			value |= value << 36;
		if (data[0] & 4u) {
			bus_write(&w.vm.bus, addr, bytes, value);
			check_bars();
		} else {
			bus_read(&w.vm.bus, addr, bytes, &value);
			must(bytes == 8 || value >> (bytes * 8) == 0);
		}
	}
	check_irqs();
	struct device *dev = pci_host_device(w.host);
	must(dev->class->reset(dev) == 0);
	check_bars();
	must(w.vm.bus.nr_windows == 1);
	fake_pci_stop(&w);
	return 0;
}

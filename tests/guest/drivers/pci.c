/* SPDX-License-Identifier: Apache-2.0 */
#include "pci.h"

#define ROOT	   "pci-host-ecam-generic"
#define CAP_MSIX   0x11u
#define CAP_PM	   0x01u
#define CAP_EXP	   0x10u
#define MEM64_TYPE 4u
#define PREFETCH   8u

static uint64_t ecam;
static struct pci_fn functions[PCI_MAX_FUNCTIONS];
static unsigned nr_functions;
static uint64_t next32, end32, next64, end64;

struct pci_fn *pci_functions(unsigned *n)
{
	*n = nr_functions;
	return functions;
}

struct pci_fn *pci_find(uint16_t vendor, uint16_t device, unsigned n)
{
	for (unsigned i = 0; i < nr_functions; i++)
		if (functions[i].vendor == vendor && functions[i].device == device && n-- == 0)
			return &functions[i];
	return NULL;
}

uint32_t pci_rid(const struct pci_fn *fn)
{
	return (uint32_t)fn->bus << 8 | fn->devfn;
}

uint64_t pci_cfg_address(const struct pci_fn *fn, unsigned reg)
{
	return ecam + ((uint64_t)fn->bus << 20 | (uint64_t)fn->devfn << 12 | reg);
}

uint32_t pci_get32(const struct pci_fn *fn, unsigned reg)
{
	return read32(pci_cfg_address(fn, reg));
}

uint16_t pci_get16(const struct pci_fn *fn, unsigned reg)
{
	return read16(pci_cfg_address(fn, reg));
}

uint8_t pci_get8(const struct pci_fn *fn, unsigned reg)
{
	return read8(pci_cfg_address(fn, reg));
}

void pci_set32(const struct pci_fn *fn, unsigned reg, uint32_t value)
{
	write32(pci_cfg_address(fn, reg), value);
}

void pci_set16(const struct pci_fn *fn, unsigned reg, uint16_t value)
{
	barrier();
	write16(pci_cfg_address(fn, reg), value);
}

void pci_set8(const struct pci_fn *fn, unsigned reg, uint8_t value)
{
	barrier();
	write8(pci_cfg_address(fn, reg), value);
}

unsigned pci_cap(const struct pci_fn *fn, uint8_t id, unsigned from)
{
	unsigned at = from ? pci_get8(fn, from + 1) : pci_get16(fn, 6) & 0x10 ? pci_get8(fn, 0x34) : 0;

	for (unsigned i = 0; i < 48 && at >= 0x40; i++) {
		if (pci_get8(fn, at) == id)
			return at;
		at = pci_get8(fn, at + 1) & 0xfcu;
	}
	return 0;
}

unsigned pci_ext_cap(const struct pci_fn *fn, uint16_t id)
{
	unsigned at = 0x100;

	for (unsigned i = 0; i < 100 && at >= 0x100; i++) {
		uint32_t header = pci_get32(fn, at);

		if (header == UINT32_MAX)
			return 0;
		if ((header & 0xffff) == id)
			return at;
		at = header >> 20;
	}
	return 0;
}

static uint64_t take(uint64_t *next, uint64_t end, uint64_t size)
{
	uint64_t at = (*next + size - 1) & ~(size - 1);

	if (at + size - 1 > end) {
		print("FAIL pci: no room for a BAR of 0x%llx bytes\n", (unsigned long long)size);
		power_off();
	}
	*next = at + size;
	return at;
}

uint64_t pci_free32(uint64_t size)
{
	return take(&next32, end32, size);
}

static void size_bars(struct pci_fn *fn)
{
	for (unsigned i = 0; i < (fn->bridge ? 2u : 6u); i++) {
		unsigned reg = 0x10 + 4 * i;
		bool is_64;
		uint64_t mask;

		pci_set32(fn, reg, UINT32_MAX);
		mask = pci_get32(fn, reg);
		if (mask == 0 || (mask & 1))
			continue;
		fn->bar_flags[i] = mask & 15;
		is_64 = mask & MEM64_TYPE;
		mask &= ~15ull;
		if (is_64) {
			pci_set32(fn, reg + 4, UINT32_MAX);
			mask |= (uint64_t)pci_get32(fn, reg + 4) << 32;
		} else {
			mask |= 0xffffffffull << 32;
		}
		fn->bar_size[i] = ~mask + 1;
		i += is_64;
	}
}

static void write_bars(const struct pci_fn *fn)
{
	for (unsigned i = 0; i < 6; i++) {
		if (!fn->bar_size[i])
			continue;
		pci_set32(fn, 0x10 + 4 * i, (uint32_t)fn->bar[i]);
		if (fn->bar_flags[i] & MEM64_TYPE)
			pci_set32(fn, 0x14 + 4 * i, (uint32_t)(fn->bar[i] >> 32));
	}
}

void pci_restore(const struct pci_fn *fn)
{
	write_bars(fn);
	pci_set16(fn, 4, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/* Below a port, only prefetchable BARs may lie above 4 GiB. */
static void place_bars(struct pci_fn *fn)
{
	for (unsigned i = 0; i < 6; i++)
		if (fn->bar_size[i])
			fn->bar[i] = (fn->bar_flags[i] & (MEM64_TYPE | PREFETCH)) == (MEM64_TYPE | PREFETCH)
					     ? take(&next64, end64, fn->bar_size[i])
					     : take(&next32, end32, fn->bar_size[i]);
}

static void read_capabilities(struct pci_fn *fn)
{
	fn->msix = (uint16_t)pci_cap(fn, CAP_MSIX, 0);
	fn->pm = (uint16_t)pci_cap(fn, CAP_PM, 0);
	fn->exp = (uint16_t)pci_cap(fn, CAP_EXP, 0);
	if (!fn->msix)
		return;
	uint32_t table = pci_get32(fn, fn->msix + 4), pba = pci_get32(fn, fn->msix + 8);

	fn->vectors = (pci_get16(fn, fn->msix + 2) & 0x7ffu) + 1;
	fn->msix_table = fn->bar[table & 7] + (table & ~7u);
	fn->msix_pba = fn->bar[pba & 7] + (pba & ~7u);
}

static uint8_t scan_bus(uint8_t bus, struct pci_fn *parent, uint8_t last);

/* The bridge's windows are what its children took meanwhile. */
static uint8_t scan_bridge(struct pci_fn *fn, uint8_t last)
{
	uint64_t first32, first64;

	last++;
	pci_set32(fn, 0x18, (uint32_t)fn->bus | (uint32_t)last << 8 | 0xffu << 16);
	first32 = next32 = (next32 + 0xfffff) & ~0xfffffull;
	first64 = next64 = (next64 + 0xfffff) & ~0xfffffull;
	last = scan_bus(last, fn, last);
	pci_set8(fn, 0x1a, last);
	next32 = (next32 + 0xfffff) & ~0xfffffull;
	next64 = (next64 + 0xfffff) & ~0xfffffull;
	pci_set32(fn, 0x20, first32 == next32 ? 0xfff0u : (uint32_t)(first32 >> 16 | ((next32 - 1) & 0xfff00000u)));
	if (first64 == next64) {
		pci_set32(fn, 0x24, 0xfff0u);
	} else {
		pci_set32(fn, 0x24, (first64 >> 16 & 0xfff0u) | ((next64 - 1) & 0xfff00000u));
		pci_set32(fn, 0x28, (uint32_t)(first64 >> 32));
		pci_set32(fn, 0x2c, (uint32_t)((next64 - 1) >> 32));
	}
	pci_set16(fn, 4, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return last;
}

static uint8_t scan_function(uint8_t bus, uint8_t devfn, struct pci_fn *parent, uint8_t last, bool *multi)
{
	struct pci_fn *fn = &functions[nr_functions];
	struct pci_fn probe = {.bus = bus, .devfn = devfn};
	uint32_t id = pci_get32(&probe, 0);

	if ((id & 0xffff) == 0xffff || (id & 0xffff) == 0 || nr_functions == PCI_MAX_FUNCTIONS)
		return last;
	nr_functions++;
	*fn = probe;
	fn->parent = parent;
	fn->vendor = (uint16_t)id;
	fn->device = (uint16_t)(id >> 16);
	fn->class_code = pci_get32(fn, 8) >> 8;
	fn->bridge = (pci_get8(fn, 14) & 0x7f) == 1;
	if (devfn % 8 == 0)
		*multi = pci_get8(fn, 14) & 0x80;
	pci_set16(fn, 4, 0);
	size_bars(fn);
	place_bars(fn);
	write_bars(fn);
	if (fn->bridge)
		last = scan_bridge(fn, last);
	read_capabilities(fn);
	pci_set16(fn, 4, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return last;
}

static uint8_t scan_bus(uint8_t bus, struct pci_fn *parent, uint8_t last)
{
	for (unsigned dev = 0; dev < 32; dev++) {
		bool multi = false;

		last = scan_function(bus, (uint8_t)(dev << 3), parent, last, &multi);
		for (unsigned f = 1; multi && f < 8; f++)
			last = scan_function(bus, (uint8_t)(dev << 3 | f), parent, last, &multi);
		if (parent && parent->exp == 0 && dev == 0 && pci_cap(parent, CAP_EXP, 0))
			break; /* one device at the other end of a link */
	}
	return last;
}

bool pci_init(void)
{
	struct fdt_node host = fdt_find(ROOT, 0);
	unsigned cells;
	const uint32_t *ranges = fdt_cells(host, "ranges", &cells);
	uint64_t size;

	if (!ranges || !fdt_reg(host, 0, &ecam, &size))
		return false;
	arch_map_device(ecam, size);
	for (unsigned i = 0; i + 7 <= cells; i += 7) {
		uint32_t space = fdt_cell(ranges, i) >> 24 & 3;
		uint64_t at = (uint64_t)fdt_cell(ranges, i + 3) << 32 | fdt_cell(ranges, i + 4);
		uint64_t len = (uint64_t)fdt_cell(ranges, i + 5) << 32 | fdt_cell(ranges, i + 6);

		if (space == 2) {
			next32 = at;
			end32 = at + len - 1;
		} else if (space == 3) {
			next64 = at;
			end64 = at + len - 1;
			arch_map_device(at, 1u << 30);
		}
	}
	scan_bus(0, NULL, 0);
	return true;
}

void pci_flr(const struct pci_fn *fn)
{
	pci_set16(fn, fn->exp + 8u, pci_get16(fn, fn->exp + 8u) | 0x8000u);
}

void pci_power(const struct pci_fn *fn, unsigned state)
{
	pci_set16(fn, fn->pm + 4u, (uint16_t)state);
}

void pci_msix_control(const struct pci_fn *fn, bool on, bool masked)
{
	pci_set16(fn, fn->msix + 2u, (uint16_t)((on ? 0x8000u : 0) | (masked ? 0x4000u : 0)));
}

void pci_msix_set(const struct pci_fn *fn, unsigned vector, uint64_t address, uint32_t data, bool masked)
{
	uint64_t entry = fn->msix_table + 16 * vector;

	write32(entry, (uint32_t)address);
	write32(entry + 4, (uint32_t)(address >> 32));
	write32(entry + 8, data);
	write32(entry + 12, masked);
}

void pci_msix_mask(const struct pci_fn *fn, unsigned vector, bool masked)
{
	write32(fn->msix_table + 16 * vector + 12, masked);
}

bool pci_msix_pending(const struct pci_fn *fn, unsigned vector)
{
	return read64(fn->msix_pba + vector / 64 * 8) >> vector % 64 & 1;
}

bool pci_map_rid(const char *property, uint32_t rid, uint32_t *phandle, uint32_t *id)
{
	unsigned cells;
	const uint32_t *map = fdt_cells(fdt_find(ROOT, 0), property, &cells);

	for (unsigned i = 0; map && i + 4 <= cells; i += 4) {
		uint32_t first = fdt_cell(map, i), len = fdt_cell(map, i + 3);

		if (rid < first || rid - first >= len)
			continue;
		*phandle = fdt_cell(map, i + 1);
		*id = fdt_cell(map, i + 2) + (rid - first);
		return true;
	}
	return false;
}

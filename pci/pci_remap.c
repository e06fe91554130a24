/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which BARs decode, from config space (the rules stand in pci_bar.h), and the difference brought to the bus.
 *
 * Cost, since a guest can make it happen at will: writes that change nothing, or BARs that do not decode, do not get
 * here; a pass allocates nothing and compares each candidate with those accepted (1536 BARs at most); a BAR that the
 * host refused is not tried again before it moves. So a vCPU that moves BARs in a loop pays for it with its own time.
 */
#include <errno.h>
#include <string.h>

#include "log.h"
#include "pci_priv.h"
#include "vm.h"

static void bar_off(struct pci_host *host, struct pci_bar *bar)
{
	bus_remove(&host->vm->bus, &bar->window);
	bar->decoding = false;
	if (bar->fn->ops->bar_unmap)
		bar->fn->ops->bar_unmap(bar->fn, bar->index);
}

static void bar_on(struct pci_host *host, struct pci_bar *bar)
{
	struct pci_function *fn = bar->fn;
	int err = bus_add(&host->vm->bus, &bar->window, bar->wanted_addr, bar->size);

	if (err == 0 && fn->ops->bar_map) {
		err = fn->ops->bar_map(fn, bar->index, gpa(bar->wanted_addr));
		if (err != 0)
			bus_remove(&host->vm->bus, &bar->window);
	}
	bar->refused = err != 0;
	if (err != 0) {
		log_guest("%s: BAR %u cannot be mapped at %#llx: %s; the guest will not reach it", fn->name, bar->index,
			  (unsigned long long)bar->wanted_addr, strerror(-err));
		return;
	}
	bar->addr = bar->wanted_addr;
	bar->decoding = true;
}

/* Where config space puts @bar, if that is a place where it can decode. */
static bool bar_place(const struct pci_host *host, const struct pci_bar *bar, struct range *r)
{
	const struct pci_function *fn = bar->fn;

	if (!range_make(r, pci_bar_programmed(fn, bar->index), bar->size))
		return false;
	for (const struct pci_bridge *up = fn->parent; up; up = up->fn.parent)
		if (!pci_bridge_forwards(up, *r))
			return false;
	return range_contains(host->config.mmio32, *r) || range_contains(host->config.mmio64, *r);
}

/* The BAR that holds a part of @r already; NULL if none does. */
static const struct pci_bar *find_overlap(const struct pci_host *host, unsigned nr_accepted, struct range r)
{
	for (unsigned i = 0; i < nr_accepted; i++) {
		const struct pci_bar *other = host->accepted[i];
		struct range o = {.first = other->wanted_addr, .last = other->wanted_addr + (other->size - 1)};

		if (range_overlaps(o, r))
			return other;
	}
	return NULL;
}

/* Accepts or refuses @bar, which comes after all that take precedence over it. */
static void decide(struct pci_host *host, struct pci_bar *bar, bool enabled, unsigned *nr_accepted)
{
	struct range r;
	const struct pci_bar *winner = NULL;
	bool candidate = enabled && bar_place(host, bar, &r);

	if (candidate)
		winner = find_overlap(host, *nr_accepted, r);
	if (winner && !bar->overlapped)
		log_guest("%s: BAR %u at %#llx overlaps BAR %u of %s; it does not decode", bar->fn->name, bar->index,
			  (unsigned long long)r.first, winner->index, winner->fn->name);
	bar->overlapped = winner != NULL;

	bool wanted = candidate && !winner;

	if (!wanted || bar->wanted_addr != r.first)
		bar->refused = false;
	bar->wanted = wanted;
	if (!wanted)
		return;
	bar->wanted_addr = r.first;
	host->accepted[(*nr_accepted)++] = bar;
}

/* Order of precedence: the RID of the moment; two buses with the same number by the ports above them. */
static uint32_t rank(const struct pci_function *fn)
{
	return (uint32_t)pci_function_rid(fn) << 8 | (fn->parent ? fn->parent->fn.devfn : 0);
}

static void sort_functions(struct pci_host *host)
{
	/* Insertion sort: the order of the last time is nearly always still right. */
	for (unsigned i = 1; i < host->nr_functions; i++) {
		struct pci_function *fn = host->by_rid[i];
		unsigned at = i;

		for (; at > 0 && rank(host->by_rid[at - 1]) > rank(fn); at--)
			host->by_rid[at] = host->by_rid[at - 1];
		host->by_rid[at] = fn;
	}
}

void pci_host_remap(struct pci_host *host)
{
	unsigned nr_accepted = 0;

	sort_functions(host);
	for (unsigned f = 0; f < host->nr_functions; f++) {
		struct pci_function *fn = host->by_rid[f];
		bool enabled = pci_function_memory_enabled(fn);

		for (unsigned i = 0; i < PCI_NR_BARS; i++)
			if (fn->bars[i].size != 0)
				decide(host, &fn->bars[i], enabled, &nr_accepted);
	}

	/* First everything that goes away, so that BARs can swap places. */
	for (unsigned f = 0; f < host->nr_functions; f++)
		for (unsigned i = 0; i < PCI_NR_BARS; i++) {
			struct pci_bar *bar = &host->by_rid[f]->bars[i];

			if (bar->decoding && (!bar->wanted || bar->addr != bar->wanted_addr))
				bar_off(host, bar);
		}
	for (unsigned i = 0; i < nr_accepted; i++)
		if (!host->accepted[i]->decoding && !host->accepted[i]->refused)
			bar_on(host, host->accepted[i]);
}

void pci_host_unmap_all(struct pci_host *host)
{
	for (unsigned f = 0; f < host->nr_functions; f++)
		for (unsigned i = 0; i < PCI_NR_BARS; i++)
			if (host->functions[f]->bars[i].decoding)
				bar_off(host, &host->functions[f]->bars[i]);
}

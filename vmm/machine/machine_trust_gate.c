/* SPDX-License-Identifier: Apache-2.0 */
/* What of a device that has to prove itself is opened, and when. */
#include <errno.h>

#include "bits.h"
#include "machine_trust.h"

static bool locks(const struct machine_trust *t)
{
	return t->config->requires & ATTEST_TDISP;
}

int trust_hold(struct machine_trust *t)
{
	int err;

	if (!locks(t) || !t->ep->assigned)
		return 0;
	bus_lock(&t->m->vm.bus);
	err = assigned_hold(t->ep->assigned);
	bus_unlock(&t->m->vm.bus);
	return err;
}

/* The reported ranges, checked against the BARs already, as offsets in them. */
static unsigned reported(const struct machine_trust *t, struct assign_range out[ASSIGN_MAX_RANGES])
{
	const struct tdisp_report *report = attest_report(t->attest);
	unsigned n = 0;

	for (unsigned i = 0; report && i < report->nr_ranges && n < ASSIGN_MAX_RANGES; i++) {
		const struct tdisp_range *r = &report->ranges[i];
		struct range bytes;

		if (r->id >= PCI_NR_BARS || !tdisp_range_bytes(r, 0, &bytes))
			continue;
		out[n].bar = r->id;
		out[n].range.first = bytes.first - t->bars[r->id].addr;
		out[n++].range.last = bytes.last - t->bars[r->id].addr;
	}
	return n;
}

/* The device lock is held. */
static unsigned resets(const struct machine_trust *t)
{
	return t->ep->assigned ? assigned_resets(t->ep->assigned) : pci_endpoint_of(t->ep->fn)->resets;
}

unsigned trust_resets(const struct machine_trust *t)
{
	unsigned n;

	bus_lock(&t->m->vm.bus);
	n = resets(t);
	bus_unlock(&t->m->vm.bus);
	return n;
}

int trust_open(struct machine_trust *t)
{
	struct assign_range ranges[ASSIGN_MAX_RANGES];
	unsigned n = locks(t) ? reported(t, ranges) : 0;
	int err = 0;

	bus_lock(&t->m->vm.bus);
	if (resets(t) != t->resets)
		err = -ESTALE;
	else if (t->ep->assigned)
		err = assigned_open(t->ep->assigned, locks(t) ? ranges : NULL, n, locks(t));
	else
		pci_endpoint_gate(pci_endpoint_of(t->ep->fn), false);
	bus_unlock(&t->m->vm.bus);
	return err;
}

void trust_close(struct machine_trust *t)
{
	bus_lock(&t->m->vm.bus);
	if (t->ep->assigned)
		assigned_close(t->ep->assigned);
	else
		pci_endpoint_gate(pci_endpoint_of(t->ep->fn), true);
	bus_unlock(&t->m->vm.bus);
}

bool trust_is_open(const struct machine_trust *t)
{
	bool open;

	bus_lock(&t->m->vm.bus);
	open = t->ep->assigned ? assigned_is_open(t->ep->assigned) : !pci_endpoint_of(t->ep->fn)->gated;
	bus_unlock(&t->m->vm.bus);
	return open;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MSI-X vectors of an emulated endpoint.
 *
 * A vector's message is a memory write of the endpoint, so its address is translated like any other. The result is
 * kept as a route from an eventfd into KVM, which is good for as long as the DMA space's translations are: a message
 * that is sent later has its address translated anew, and faults, goes elsewhere or finds its way as that says.
 */
#include <errno.h>
#include <stdlib.h>

#include "bits.h"
#include "log.h"
#include "pci_priv.h"
#include "vm.h"

#define PBA_ALIGN UINT32_C(4096)

struct pci_vector {
	struct pci_endpoint *ep;
	struct irq_route route;
	bool programmed;	/* the guest has the vector enabled with ... */
	struct msi_msg msg;	/* ... this message, its address not translated */
	_Atomic uint64_t fresh; /* generation of the DMA space up to which the route is right; 0: there is none */
};

static bool same_message(const struct msi_msg *a, const struct msi_msg *b)
{
	return a->address == b->address && a->data == b->data && a->requester == b->requester;
}

/* A message to RAM is what any write there is. */
static void write_memory(struct pci_vector *v, gpa_t pa)
{
	if (gmem_write_le32(&v->ep->vm->gmem, pa, v->msg.data) != 0)
		log_guest("%s: the MSI-X message to %#llx (%#llx after translation) goes nowhere: that is no doorbell",
			  v->ep->fn.name, (unsigned long long)v->msg.address, (unsigned long long)pa.v);
}

/*
 * Brings the route in line with the translation of the moment. @sending: a message is on its way, which faults with a
 * record for the guest when its address does not translate. True: the route leads to a doorbell.
 */
static bool vector_connect(struct pci_vector *v, bool sending)
{
	struct dma_space *dma = &v->ep->dma;
	uint64_t generation = atomic_load_explicit(&dma->generation, memory_order_acquire);
	struct msi_msg msg = v->msg;
	struct dma_target target;

	atomic_store_explicit(&v->fresh, 0, memory_order_relaxed);
	if (dma_translate(dma, DMA_NO_PASID, msg.address, DMA_WRITE | (sending ? 0 : DMA_PROBE), &target)) {
		irq_route_disconnect(&v->route);
		return false;
	}
	msg.address = target.pa.v + (msg.address - target.iovas.first);
	if (irq_route_connect(&v->route, &msg) != 0) {
		if (sending)
			write_memory(v, gpa(msg.address));
		return false;
	}
	atomic_store_explicit(&v->fresh, generation, memory_order_relaxed);
	return true;
}

static void vector_reconcile(struct pci_vector *v, unsigned index)
{
	struct pci_endpoint *ep = v->ep;
	struct msi_msg msg;
	bool programmed =
		!ep->gated && !ep->dma_blocked && pci_endpoint_powered(ep) && pci_irq_vector(&ep->fn, index, &msg);

	if (programmed == v->programmed && (!programmed || same_message(&msg, &v->msg)))
		return;
	v->programmed = programmed;
	if (!programmed) {
		atomic_store_explicit(&v->fresh, 0, memory_order_relaxed);
		irq_route_disconnect(&v->route);
		return;
	}
	v->msg = msg;
	/* What waited for the unmasking is sent now, also if it leads nowhere. */
	bool waiting = irq_route_pending(&v->route);

	if (!vector_connect(v, waiting) && waiting)
		irq_route_clear(&v->route);
}

void pci_endpoint_irq_reconcile(struct pci_endpoint *ep)
{
	for (unsigned i = 0; i < ep->nr_vectors; i++)
		vector_reconcile(&ep->vectors[i], i);
}

void pci_endpoint_irq_clear(struct pci_endpoint *ep)
{
	for (unsigned i = 0; i < ep->nr_vectors; i++)
		irq_route_clear(&ep->vectors[i].route);
}

static bool vector_pending(struct pci_function *fn, unsigned index)
{
	const struct pci_endpoint *ep = container_of(fn, struct pci_endpoint, fn);

	return index < ep->nr_vectors && irq_route_pending(&ep->vectors[index].route);
}

int pci_endpoint_irq_init(struct pci_endpoint *ep, unsigned vectors)
{
	ep->vectors = calloc(vectors ? vectors : 1, sizeof(*ep->vectors));
	if (!ep->vectors)
		return log_fail(-ENOMEM, "%s: no memory for %u interrupt vectors", ep->fn.name, vectors);
	ep->fn.irq.pending = vector_pending;
	for (; ep->nr_vectors < vectors; ep->nr_vectors++) {
		struct pci_vector *v = &ep->vectors[ep->nr_vectors];
		int err = irq_route_init(&v->route, ep->vm->irqchip);

		if (err)
			return err;
		v->ep = ep;
	}
	return 0;
}

void pci_endpoint_irq_fini(struct pci_endpoint *ep)
{
	for (unsigned i = 0; i < ep->nr_vectors; i++) {
		irq_route_fini(&ep->vectors[i].route);
	}
	ep->nr_vectors = 0;
	free(ep->vectors);
	ep->vectors = NULL;
}

static uint32_t table_size(unsigned vectors)
{
	return (uint32_t)align_up(vectors * 16u, PBA_ALIGN);
}

uint32_t pci_endpoint_msix_size(unsigned vectors)
{
	return table_size(vectors) + (uint32_t)align_up((vectors + 63) / 64 * 8, PBA_ALIGN);
}

int pci_endpoint_add_msix(struct pci_endpoint *ep, unsigned bar, uint32_t offset)
{
	return pci_msix_add(&ep->fn, PCI_ENDPOINT_CAP_MSIX, (uint16_t)ep->nr_vectors, (uint8_t)bar, offset,
			    (uint8_t)bar, offset + table_size(ep->nr_vectors));
}

static bool is_fresh(struct pci_vector *v)
{
	return atomic_load_explicit(&v->fresh, memory_order_acquire) ==
	       atomic_load_explicit(&v->ep->dma.generation, memory_order_acquire);
}

void pci_endpoint_interrupt(struct pci_endpoint *ep, unsigned vector, const _Atomic bool *quit)
{
	struct pci_vector *v = vector < ep->nr_vectors ? &ep->vectors[vector] : NULL;
	bool lost = false;

	if (!v)
		return;
	if (!is_fresh(v)) {
		/* Whoever waits for this thread resets the function, and its vectors with it. */
		if (!bus_lock_unless(&ep->vm->bus, quit))
			return;
		lost = v->programmed && !vector_connect(v, true);
		bus_unlock(&ep->vm->bus);
	}
	if (!lost)
		irq_route_signal(&v->route);
}

int pci_endpoint_vector_fd(const struct pci_endpoint *ep, unsigned vector)
{
	return ep->vectors[vector].route.eventfd;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MSI-X vectors of an emulated endpoint.
 *
 * A vector's message is a memory write of the endpoint, so its address is translated like any other. That is done when
 * the guest programs the vector, and the route then leads from the eventfd into KVM. If the address does not translate
 * at that moment the eventfd is watched instead: a signal that comes is a write that is translated then, and that
 * faults with a record for the guest, or finds its way and connects the route.
 */
#include <errno.h>
#include <stdlib.h>

#include "bits.h"
#include "fd.h"
#include "log.h"
#include "loop.h"
#include "pci_priv.h"
#include "vm.h"

#define PBA_ALIGN UINT32_C(4096)

struct pci_vector {
	struct pci_endpoint *ep;
	struct irq_route route;
	bool programmed;	   /* the guest has the vector enabled with ... */
	struct msi_msg msg;	   /* ... this message, its address not translated */
	struct loop_source signal; /* in the loop while the address does not translate */
};

static bool same_message(const struct msi_msg *a, const struct msi_msg *b)
{
	return a->address == b->address && a->data == b->data && a->requester == b->requester;
}

/* Translates and connects. -EFAULT: no translation; 0 also for a message that leads nowhere. */
static int vector_connect(struct pci_vector *v, unsigned access)
{
	struct pci_endpoint *ep = v->ep;
	struct msi_msg msg = v->msg;
	struct dma_target target;
	int err = dma_translate(&ep->dma, DMA_NO_PASID, msg.address, access, &target);

	if (err)
		return err;
	msg.address = target.pa.v + (msg.address - target.iovas.first);
	if (irq_route_connect(&v->route, &msg) != 0)
		log_guest("%s: the MSI-X message to %#llx (%#llx after translation) goes nowhere: that is no doorbell",
			  ep->fn.name, (unsigned long long)v->msg.address, (unsigned long long)msg.address);
	return 0;
}

/* A signal of a vector whose address did not translate. */
static void signal_waits(struct loop_source *src)
{
	struct pci_vector *v = container_of(src, struct pci_vector, signal);
	struct vm *vm = v->ep->vm;

	bus_lock(&vm->bus);
	if (v->signal.added) {
		if (vector_connect(v, DMA_WRITE) == 0)
			loop_del(vm->loop, &v->signal);
		else
			irq_route_clear(&v->route);
	}
	bus_unlock(&vm->bus);
}

static void vector_reconcile(struct pci_vector *v, unsigned index)
{
	struct pci_endpoint *ep = v->ep;
	struct msi_msg msg;
	bool programmed = pci_endpoint_powered(ep) && pci_irq_vector(&ep->fn, index, &msg);

	if (programmed == v->programmed && (!programmed || same_message(&msg, &v->msg)))
		return;
	v->programmed = programmed;
	loop_del(ep->vm->loop, &v->signal);
	if (!programmed) {
		irq_route_disconnect(&v->route);
		return;
	}
	v->msg = msg;
	if (vector_connect(v, DMA_WRITE | DMA_PROBE) == 0)
		return;
	irq_route_disconnect(&v->route);
	loop_add(ep->vm->loop, &v->signal, v->route.eventfd, signal_waits);
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
		loop_del(ep->vm->loop, &ep->vectors[i].signal);
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

void pci_endpoint_interrupt(struct pci_endpoint *ep, unsigned vector)
{
	if (vector < ep->nr_vectors)
		irq_route_signal(&ep->vectors[vector].route);
}

int pci_endpoint_vector_fd(const struct pci_endpoint *ep, unsigned vector)
{
	return ep->vectors[vector].route.eventfd;
}

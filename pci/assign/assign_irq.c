/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupts of an assigned device: guest state (fn.irq, what the guest has programmed), host state (struct assign_irq,
 * what VFIO and KVM have been told) and one function that brings the second in line with the first.
 *
 * Rules of vfio-pci that shape it: one of INTx, MSI, MSI-X is enabled at a time; the first SET_IRQS allocates vectors,
 * and where NORESIZE is reported (arm64's ITS; always for MSI) no more can be had later without disabling all. So
 * everything is allocated at enable, without eventfds; a vector's eventfd is installed when the guest first unmasks it
 * and stays until disable. Masking only disconnects the eventfd from KVM: what arrives meanwhile waits in it, as in the
 * pending bit.
 *
 * The guest can make this fail as often as it likes, so messages are capped.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "assign_priv.h"
#include "fd.h"
#include "log.h"
#include "pci_host.h"
#include "vm.h"

static const char *index_name(int index)
{
	switch (index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		return "INTx";
	case VFIO_PCI_MSI_IRQ_INDEX:
		return "MSI";
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return "MSI-X";
	default:
		return "no interrupt";
	}
}

static bool irq_pending(struct pci_function *fn, unsigned vector)
{
	struct assigned *a = assigned_of(fn);

	return vector < a->irq.nr_vectors && a->irq.vectors[vector].route.eventfd >= 0 &&
	       irq_route_pending(&a->irq.vectors[vector].route);
}

int assign_irq_init(struct assigned *a)
{
	struct assign_irq *irq = &a->irq;
	int err = vfio_get_irqs(a->host.fd, VFIO_PCI_INTX_IRQ_INDEX, &irq->intx);

	if (!err)
		err = vfio_get_irqs(a->host.fd, VFIO_PCI_MSI_IRQ_INDEX, &irq->msi);
	if (!err)
		err = vfio_get_irqs(a->host.fd, VFIO_PCI_MSIX_IRQ_INDEX, &irq->msix);
	if (err)
		return log_fail(err, "%s: cannot learn about its interrupts from VFIO: %s", a->fn.name, strerror(-err));
	irq->nr_vectors = irq->msi.count > irq->msix.count ? irq->msi.count : irq->msix.count;
	if (irq->nr_vectors > PCI_MSIX_MAX_VECTORS)
		irq->nr_vectors = PCI_MSIX_MAX_VECTORS;
	irq->vectors = calloc(irq->nr_vectors ? irq->nr_vectors : 1, sizeof(*irq->vectors));
	if (!irq->vectors)
		return log_fail(-ENOMEM, "%s: out of memory for %u interrupt vectors", a->fn.name, irq->nr_vectors);
	for (unsigned i = 0; i < irq->nr_vectors; i++)
		irq->vectors[i].route.eventfd = -1;
	a->fn.irq.pending = irq_pending;
	return 0;
}

/* Which index the guest's state asks for, and how many vectors. */
static int wanted_index(const struct assigned *a, unsigned *vectors)
{
	const struct pci_function *fn = &a->fn;

	/* A blocked device interrupts nobody: neither INTx nor, on every IOMMU, an MSI is DMA that blocking stops. */
	*vectors = 0;
	if (a->gate.guarded && !a->gate.open)
		return ASSIGN_IRQ_NONE;
	*vectors = pci_irq_vectors(fn);
	if (*vectors > a->irq.nr_vectors)
		*vectors = a->irq.nr_vectors;
	switch (pci_irq_mode(fn)) {
	case PCI_IRQ_MSIX:
		return VFIO_PCI_MSIX_IRQ_INDEX;
	case PCI_IRQ_MSI:
		return VFIO_PCI_MSI_IRQ_INDEX;
	case PCI_IRQ_INTX:
		break;
	}
	*vectors = 0;
	/* A device whose memory is off has no driver yet, which would choose MSI-X in the end: spare the host the INTx.
	 */
	if (fn->irq.intx_pin && fn->host && pci_irq_intx_enabled(fn) &&
	    pci_cfg_get(&fn->cfg, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY)
		return VFIO_PCI_INTX_IRQ_INDEX;
	return ASSIGN_IRQ_NONE;
}

static void intx_detach(struct assigned *a)
{
	if (a->irq.line)
		irq_line_detach(a->irq.line, a->irq.trigger);
	a->irq.line = NULL;
}

/* Guest side first, so that nothing is delivered while and after the host side goes. On failure the host keeps what it
 * has, with nobody listening, and is asked again at the next change. */
static int disable(struct assigned *a)
{
	struct assign_irq *irq = &a->irq;
	int err;

	for (unsigned i = 0; i < irq->nr_vectors; i++)
		if (irq->vectors[i].route.eventfd >= 0)
			irq_route_disconnect(&irq->vectors[i].route);
	intx_detach(a);
	err = vfio_disable_irqs(a->host.fd, (uint32_t)irq->active);
	if (err) {
		log_guest("%s: the host does not disable its %s: %s", a->fn.name, index_name(irq->active),
			  strerror(-err));
		return err;
	}
	irq->active = ASSIGN_IRQ_NONE;
	irq->count = 0;
	for (unsigned i = 0; i < irq->nr_vectors; i++) {
		if (irq->vectors[i].route.eventfd >= 0)
			irq_route_clear(&irq->vectors[i].route);
		irq->vectors[i].installed = false;
		irq->vectors[i].pointed = false;
	}
	if (irq->trigger >= 0)
		fd_drain(irq->trigger);
	if (irq->resample >= 0)
		fd_drain(irq->resample);
	return 0;
}

static int open_intx(struct assign_irq *irq)
{
	if (irq->trigger < 0)
		irq->trigger = fd_eventfd();
	if (irq->trigger < 0)
		return irq->trigger;
	if (irq->resample < 0)
		irq->resample = fd_eventfd();
	return irq->resample < 0 ? irq->resample : 0;
}

/* Level-triggered: VFIO masks the line when it fires, the guest's EOI comes back through the resample eventfd and
 * unmasks. */
static int enable_intx(struct assigned *a)
{
	const struct irq_line *line = pci_host_intx_line(a->fn.host, &a->fn, a->fn.irq.intx_pin);
	struct assign_irq *irq = &a->irq;
	int32_t trigger;
	int err;

	if (!line)
		return 0;
	err = open_intx(irq);
	if (err)
		return err;
	err = irq_line_attach(line, irq->trigger, irq->resample);
	if (err)
		return err;
	irq->line = line;
	trigger = irq->trigger;
	err = vfio_set_trigger(a->host.fd, VFIO_PCI_INTX_IRQ_INDEX, 0, &trigger, 1);
	if (err) {
		intx_detach(a);
		log_guest("%s: the host does not enable its INTx: %s", a->fn.name, strerror(-err));
		return err;
	}
	irq->active = VFIO_PCI_INTX_IRQ_INDEX;
	err = vfio_set_unmask(a->host.fd, irq->resample);
	if (err) {
		log_guest("%s: the host does not let the guest unmask its INTx: %s", a->fn.name, strerror(-err));
		disable(a);
	}
	return err;
}

static int enable_vectors(struct assigned *a, int index, unsigned vectors)
{
	struct assign_irq *irq = &a->irq;
	bool noresize = index == VFIO_PCI_MSI_IRQ_INDEX || irq->msix.noresize;
	unsigned n = noresize ? vectors : 1; /* otherwise each is allocated when it is installed */
	int32_t *none;
	int err;

	if (vectors == 0)
		return -EINVAL;
	none = malloc(n * sizeof(*none));
	if (!none)
		return log_fail(-ENOMEM, "%s: out of memory for %u interrupt vectors", a->fn.name, n);
	for (unsigned i = 0; i < n; i++)
		none[i] = -1;
	err = vfio_set_trigger(a->host.fd, (uint32_t)index, 0, none, n);
	free(none);
	if (err) {
		log_guest("%s: the host does not enable its %s with %u vectors: %s", a->fn.name, index_name(index), n,
			  err == -ENOSPC ? "it has not that many left" : strerror(-err));
		return err;
	}
	irq->active = index;
	irq->count = vectors;
	return 0;
}

static int install(struct assigned *a, unsigned vector)
{
	struct assign_vector *v = &a->irq.vectors[vector];
	int32_t eventfd;
	int err = 0;

	if (v->route.eventfd < 0)
		err = irq_route_init(&v->route, a->vm->irqchip);
	if (err)
		return err;
	eventfd = v->route.eventfd;
	err = vfio_set_trigger(a->host.fd, (uint32_t)a->irq.active, vector, &eventfd, 1);
	if (err)
		log_guest("%s: the host does not connect vector %u of its %s: %s", a->fn.name, vector,
			  index_name(a->irq.active), strerror(-err));
	else
		v->installed = true;
	return err;
}

static void sync_vector(struct assigned *a, unsigned vector)
{
	struct assign_vector *v = &a->irq.vectors[vector];
	struct msi_msg msg;

	if (!pci_irq_vector(&a->fn, vector, &msg)) {
		if (v->route.eventfd >= 0)
			irq_route_disconnect(&v->route);
		return;
	}
	msg.translated = a->translated;
	if (!v->installed && install(a, vector))
		return;
	assign_doorbell_point(a, vector, msg.address);
	if (irq_route_connect(&v->route, &msg) == -EINVAL)
		log_guest("%s: vector %u cannot be delivered: 0x%llx is no MSI address of this machine", a->fn.name,
			  vector, (unsigned long long)msg.address);
}

void assign_irq_reconcile(struct pci_function *fn)
{
	struct assigned *a = assigned_of(fn);
	struct assign_irq *irq = &a->irq;
	unsigned vectors;
	int want = wanted_index(a, &vectors);

	if (irq->active != ASSIGN_IRQ_NONE && (irq->active != want || irq->count != vectors) && disable(a))
		return;
	if (irq->active == ASSIGN_IRQ_NONE) {
		if (want == VFIO_PCI_INTX_IRQ_INDEX)
			enable_intx(a);
		else if (want != ASSIGN_IRQ_NONE && enable_vectors(a, want, vectors))
			return;
	}
	for (unsigned i = 0; i < irq->count; i++)
		sync_vector(a, i);
}

void assign_irq_shutdown(struct assigned *a)
{
	if (a->irq.active != ASSIGN_IRQ_NONE)
		disable(a);
}

void assign_irq_fini(struct assigned *a)
{
	struct assign_irq *irq = &a->irq;

	for (unsigned i = 0; irq->vectors && i < irq->nr_vectors; i++)
		irq_route_fini(&irq->vectors[i].route);
	free(irq->vectors);
	irq->vectors = NULL;
	irq->nr_vectors = 0;
	fd_close(&irq->trigger);
	fd_close(&irq->resample);
}

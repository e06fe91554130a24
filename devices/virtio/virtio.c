/* SPDX-License-Identifier: Apache-2.0 */
/* A device's construction, and what it and its queues ask of the transport. */
#include "virtio.h"

#include <errno.h>
#include <stdlib.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "bits.h"
#include "fd.h"
#include "log.h"
#include "virtio_pci_regs.h"
#include "virtio_priv.h"
#include "vm.h"

#define MUST_OFFER (BIT64(VIRTIO_F_VERSION_1) | BIT64(VIRTIO_F_ACCESS_PLATFORM))
#define OFFERED                                                                                                        \
	(MUST_OFFER | BIT64(VIRTIO_F_RING_PACKED) | BIT64(VIRTIO_RING_F_INDIRECT_DESC) |                               \
	 BIT64(VIRTIO_RING_F_EVENT_IDX) | BIT64(VIRTIO_F_ORDER_PLATFORM) | BIT64(VIRTIO_F_RING_RESET))
#define DEVICE_BITS (MASK64(23, 0) | MASK64(63, 50)) /* 2.2 */

/* Main loop: the driver notified queue @slot->index. */
static void kicked(struct loop_source *src)
{
	struct virtio_slot *slot = container_of(src, struct virtio_slot, kicked);
	struct virtio_device *dev = slot->dev;
	struct bus *bus = &dev->ep.vm->bus;

	bus_lock(bus);
	fd_drain(dev->queues[slot->index].kick);
	dev->queues[slot->index].turn = 0;
	if (virtio_queue_runs(dev, slot->index))
		dev->ops->kick(dev, slot->index);
	bus_unlock(bus);
}

static int init_queues(struct virtio_device *dev)
{
	for (unsigned i = 0; i < dev->config.nr_queues; i++) {
		struct virtio_slot *slot = &dev->pci->slots[i];
		int err = virtq_init(&dev->queues[i], dev, i, dev->config.queue_size);

		slot->dev = dev;
		slot->index = i;
		if (!err && dev->config.kicks == VIRTIO_KICKS_LOOP)
			err = loop_add(dev->loop, &slot->kicked, dev->queues[i].kick, kicked);
		if (err)
			return err;
	}
	return 0;
}

static int allocate(struct virtio_device *dev)
{
	unsigned n = dev->config.nr_queues;

	dev->queues = calloc(n, sizeof(*dev->queues));
	dev->pci = calloc(1, sizeof(*dev->pci));
	if (dev->pci)
		dev->pci->slots = calloc(n, sizeof(*dev->pci->slots));
	if (!dev->queues || !dev->pci || !dev->pci->slots)
		return log_fail(-ENOMEM, "%s: no memory for %u virtqueues", dev->config.name, n);
	for (unsigned i = 0; i < n; i++)
		dev->queues[i].kick = -1;
	dev->pci->config_vector = VIRTIO_NO_VECTOR;
	dev->pci->offered = (dev->config.features | OFFERED) & ~(dev->config.without & ~MUST_OFFER);
	return 0;
}

static bool config_ok(const struct virtio_config *config)
{
	return config->nr_queues >= 1 && config->nr_queues <= VIRTIO_MAX_QUEUES && is_pow2(config->queue_size) &&
	       config->queue_size <= VIRTQ_MAX_SIZE && config->config_size <= VIRTIO_MAX_CONFIG &&
	       !(config->features & ~DEVICE_BITS);
}

int virtio_init(struct virtio_device *dev, struct vm *vm, const struct virtio_config *config,
		const struct virtio_ops *ops)
{
	struct pci_endpoint_config endpoint = {
		.name = config->name,
		.vendor = VIRTIO_VENDOR,
		.device = (uint16_t)(VIRTIO_DEVICE_BASE + config->type),
		.subsystem_vendor = VIRTIO_VENDOR,
		.subsystem = (uint16_t)(VIRTIO_DEVICE_BASE + config->type),
		.class_code = config->class_code,
		.revision = VIRTIO_REVISION,
		.vectors = (uint16_t)(config->nr_queues + 1),
		.integrated = config->integrated,
	};

	if (!config_ok(config))
		return log_fail(-EINVAL, "%s: %u virtqueues of %u entries are not possible; this is a bug of aerie",
				config->name, config->nr_queues, config->queue_size);
	dev->config = *config;
	dev->ops = ops;
	dev->loop = vm->loop;
	int err = pci_endpoint_init(&dev->ep, vm, &endpoint, &virtio_pci_ops);

	if (err)
		return err;
	dma_space_init(&dev->untranslated, config->name, &vm->gmem, &vm->bus);
	err = allocate(dev);
	if (!err)
		err = init_queues(dev);
	if (!err)
		err = virtio_pci_add(dev);
	if (err)
		virtio_fini(dev);
	return err;
}

void virtio_fini(struct virtio_device *dev)
{
	virtio_pci_unmap(dev);
	for (unsigned i = 0; dev->queues && dev->pci && dev->pci->slots && i < dev->config.nr_queues; i++) {
		if (dev->pci->slots[i].kicked.added)
			loop_del(dev->loop, &dev->pci->slots[i].kicked);
		virtq_fini(&dev->queues[i]);
	}
	pci_endpoint_fini(&dev->ep);
	if (dev->pci)
		free(dev->pci->slots);
	free(dev->pci);
	free(dev->queues);
	dev->pci = NULL;
	dev->queues = NULL;
}

struct virtio_device *virtio_of(struct pci_function *fn)
{
	struct pci_endpoint *ep = pci_endpoint_of(fn);

	return ep && ep->ops == &virtio_pci_ops ? container_of(ep, struct virtio_device, ep) : NULL;
}

/* 4.1.4.5.1: without a vector the driver can still see the ISR status. */
static void interrupt(struct virtio_device *dev, int vector, uint8_t isr, const _Atomic bool *quit)
{
	if (vector >= 0)
		pci_endpoint_interrupt(&dev->ep, (unsigned)vector, quit);
	else if (!(atomic_load_explicit(&dev->pci->isr, memory_order_relaxed) & isr))
		atomic_fetch_or(&dev->pci->isr, isr);
}

void virtio_queue_interrupt(struct virtq *q)
{
	interrupt(q->dev, atomic_load_explicit(&q->vector, memory_order_relaxed), VIRTIO_ISR_QUEUE, &q->quit);
}

/* 2.1.2, 2.3: not before DRIVER_OK. */
static void config_interrupt(struct virtio_device *dev)
{
	if (!atomic_load(&dev->pci->live))
		return;
	atomic_fetch_or(&dev->pci->isr, VIRTIO_ISR_CONFIG);
	interrupt(dev, atomic_load(&dev->pci->config_vector), VIRTIO_ISR_CONFIG, &dev->quit);
}

void virtio_config_changed(struct virtio_device *dev)
{
	atomic_store(&dev->pci->config_dirty, true);
	config_interrupt(dev);
}

void virtio_needs_reset(struct virtio_device *dev)
{
	if (!atomic_exchange(&dev->pci->needs_reset, true))
		config_interrupt(dev);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Feature negotiation, device status, and how devices and queues start, stop and are reset (virtio 1.3, 2 and 3). */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "bits.h"
#include "fd.h"
#include "log.h"
#include "virtio_priv.h"

#define ACKNOWLEDGE VIRTIO_CONFIG_S_ACKNOWLEDGE
#define DRIVER	    VIRTIO_CONFIG_S_DRIVER
#define FEATURES_OK VIRTIO_CONFIG_S_FEATURES_OK
#define DRIVER_OK   VIRTIO_CONFIG_S_DRIVER_OK
#define FAILED	    VIRTIO_CONFIG_S_FAILED

bool virtio_queue_runs(const struct virtio_device *dev, unsigned index)
{
	const struct virtq *q = &dev->queues[index];

	return dev->running && q->running && !atomic_load(&q->quit);
}

void virtio_kick(struct virtio_device *dev, unsigned index)
{
	if (!virtio_queue_runs(dev, index))
		return;
	if (dev->config.kicks == VIRTIO_KICKS_SYNC)
		dev->ops->kick(dev, index);
	else
		fd_signal(dev->queues[index].kick);
}

void virtio_kick_all(struct virtio_device *dev)
{
	for (unsigned i = 0; i < dev->config.nr_queues; i++)
		virtio_kick(dev, i);
}

/* 2.2.1, 6.1: what the driver accepted, or why that cannot be. */
static const char *refuse_features(struct virtio_device *dev)
{
	uint64_t features = dev->pci->accepted;

	if (features & ~dev->pci->offered)
		return "it accepts features that were not offered";
	if (!(features & BIT64(VIRTIO_F_VERSION_1)))
		return "it does not accept VIRTIO_F_VERSION_1";
	if (!(features & BIT64(VIRTIO_F_ACCESS_PLATFORM)) && !dev->config.physical)
		return "it does not accept VIRTIO_F_ACCESS_PLATFORM";
	if (dev->ops->features && dev->ops->features(dev, features) != 0)
		return "the device cannot work with this choice";
	dev->features = features;
	for (unsigned i = 0; i < dev->config.nr_queues; i++)
		virtq_reach(&dev->queues[i],
			    virtio_has(dev, VIRTIO_F_ACCESS_PLATFORM) ? &dev->ep.dma : &dev->untranslated);
	return NULL;
}

static void start(struct virtio_device *dev)
{
	int err = 0;

	for (unsigned i = 0; i < dev->config.nr_queues; i++)
		if (dev->queues[i].enabled)
			virtq_start(&dev->queues[i]);
	dev->running = true;
	atomic_store(&dev->pci->live, true);
	if (dev->ops->start)
		err = dev->ops->start(dev);
	if (!err) {
		virtio_kick_all(dev);
		return;
	}
	dev->running = false;
	for (unsigned i = 0; i < dev->config.nr_queues; i++)
		dev->queues[i].running = false;
	virtio_needs_reset(dev);
}

/* 3.1.1: each bit, and those that must have been set before. In this order, when several come at once. */
static const struct {
	uint8_t bit, after;
} status_bits[] = {
	{FAILED, 0},
	{ACKNOWLEDGE, 0},
	{DRIVER, ACKNOWLEDGE},
	{FEATURES_OK, ACKNOWLEDGE | DRIVER},
	{DRIVER_OK, ACKNOWLEDGE | DRIVER | FEATURES_OK},
};

static void set_status(struct virtio_device *dev, uint8_t bit)
{
	if (bit == FEATURES_OK) {
		const char *why = refuse_features(dev);

		if (why) {
			log_guest("%s: FEATURES_OK is refused to the guest's driver: %s", dev->config.name, why);
			return;
		}
	}
	dev->status |= bit;
	if (bit == DRIVER_OK)
		start(dev);
}

/* Asks the device to stop; it may answer at once. */
static void stop(struct virtio_device *dev)
{
	dev->running = false;
	dev->stopping = true;
	atomic_store(&dev->quit, true);
	for (unsigned i = 0; i < dev->config.nr_queues; i++)
		atomic_store(&dev->queues[i].quit, true);
	if (dev->ops->stop)
		dev->ops->stop(dev);
	else
		virtio_stopped(dev);
}

void virtio_stopped(struct virtio_device *dev)
{
	if (!dev->stopping)
		return;
	dev->stopping = false;
	if (!dev->pci->hard)
		virtio_reset(dev, false);
}

void virtio_write_status(struct virtio_device *dev, uint8_t value)
{
	if (dev->stopping) /* until the reset is done the driver waits (4.1.4.3.2) */
		return;
	if (value == 0) {
		if (dev->running)
			stop(dev);
		else
			virtio_reset(dev, false);
		return;
	}
	if (dev->status & ~value)
		log_guest("%s: the guest's driver clears bits %#x of the device status, which only a reset does",
			  dev->config.name, dev->status & ~value);
	for (unsigned i = 0; i < ARRAY_LEN(status_bits); i++) {
		uint8_t bit = status_bits[i].bit;

		if (!(value & ~dev->status & bit))
			continue;
		if (status_bits[i].after & ~dev->status)
			log_guest("%s: device status %#x comes before %#x", dev->config.name, bit,
				  status_bits[i].after);
		else
			set_status(dev, bit);
	}
}

static const char *refuse_queue(struct virtio_device *dev, struct virtq *q)
{
	if (!(dev->status & FEATURES_OK))
		return "features have not been negotiated";
	if ((dev->status & DRIVER_OK) && !(dev->running && virtio_has(dev, VIRTIO_F_RING_RESET)))
		return "the device is running already";
	q->packed = virtio_has(dev, VIRTIO_F_RING_PACKED);
	q->event_idx = virtio_has(dev, VIRTIO_RING_F_EVENT_IDX);
	q->indirect = virtio_has(dev, VIRTIO_RING_F_INDIRECT_DESC);
	return virtq_refused(q);
}

void virtio_enable_queue(struct virtio_device *dev, unsigned index)
{
	struct virtq *q = &dev->queues[index];

	if (q->enabled || dev->stopping)
		return;
	const char *why = refuse_queue(dev, q);

	if (why) {
		log_guest("%s: queue %u cannot be enabled: %s", dev->config.name, index, why);
		virtio_needs_reset(dev);
		return;
	}
	q->enabled = true;
	if (!dev->running)
		return;
	virtq_start(q);
	if (dev->ops->start_queue && dev->ops->start_queue(dev, index) != 0) {
		q->enabled = q->running = false;
		virtio_needs_reset(dev);
		return;
	}
	virtio_kick(dev, index);
}

void virtio_reset_queue(struct virtio_device *dev, unsigned index)
{
	struct virtio_slot *slot = &dev->pci->slots[index];
	struct virtq *q = &dev->queues[index];

	if (!virtio_has(dev, VIRTIO_F_RING_RESET) || !q->enabled || slot->resetting || dev->stopping)
		return;
	slot->resetting = true;
	atomic_store(&q->quit, true);
	if (dev->running && dev->ops->stop_queue)
		dev->ops->stop_queue(dev, index);
	else
		virtio_queue_stopped(dev, index);
}

/* 2.6.1: the queue is as after a reset of the device. */
void virtio_queue_stopped(struct virtio_device *dev, unsigned index)
{
	struct virtio_slot *slot = &dev->pci->slots[index];

	if (!slot->resetting || dev->stopping)
		return;
	slot->resetting = false;
	virtq_reset(&dev->queues[index]);
}

void virtio_rest(struct virtio_device *dev)
{
	if (!dev->running && !dev->stopping)
		return;
	dev->pci->hard = true;
	if (dev->running)
		stop(dev);
	if (dev->ops->quiesce)
		dev->ops->quiesce(dev);
	dev->pci->hard = false;
	dev->stopping = false;
}

void virtio_reset(struct virtio_device *dev, bool whole)
{
	struct virtio_pci *pci = dev->pci;

	dev->status = 0;
	dev->features = 0;
	dev->running = false;
	pci->accepted = 0;
	pci->device_feature_select = pci->driver_feature_select = 0;
	pci->queue_select = 0;
	for (unsigned i = 0; i < dev->config.nr_queues; i++) {
		pci->slots[i].resetting = false;
		virtq_reset(&dev->queues[i]);
	}
	atomic_store(&pci->config_vector, VIRTIO_NO_VECTOR);
	atomic_store(&pci->live, false);
	atomic_store(&pci->needs_reset, false);
	atomic_store(&pci->isr, 0);
	atomic_store(&dev->quit, false);
	if (whole)
		pci->window_data = 0;
	if (dev->ops->reset)
		dev->ops->reset(dev, whole);
}

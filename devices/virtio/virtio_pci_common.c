/* SPDX-License-Identifier: Apache-2.0 */
/* The common configuration structure as a table of its fields (virtio 1.3, 4.1.4.3). */
#include <linux/virtio_config.h>

#include "bits.h"
#include "log.h"
#include "virtio_pci_regs.h"
#include "virtio_priv.h"

/* @q: the selected queue, NULL when there is no such queue. */
struct field {
	uint8_t offset, width; /* bytes; 8: also in halves */
	enum {
		OF_DEVICE,
		OF_QUEUE, /* reads 0 and ignores writes without a queue */
		OF_SETUP, /* the same, and read-only while the queue is enabled */
	} scope;
	uint64_t (*read)(struct virtio_device *dev, struct virtq *q);
	void (*write)(struct virtio_device *dev, struct virtq *q, uint64_t value); /* NULL: read-only */
};

/* Half of a feature word; 4.1.4.3.1: 0 beyond the last. */
static uint64_t feature_word(uint64_t features, uint32_t select)
{
	return select < 2 ? features >> (32 * select) & UINT32_MAX : 0;
}

static uint64_t get_device_feature_select(struct virtio_device *dev, struct virtq *q)
{
	return dev->pci->device_feature_select;
}

static void set_device_feature_select(struct virtio_device *dev, struct virtq *q, uint64_t value)
{
	dev->pci->device_feature_select = (uint32_t)value;
}

static uint64_t get_device_feature(struct virtio_device *dev, struct virtq *q)
{
	return feature_word(dev->pci->offered, dev->pci->device_feature_select);
}

static uint64_t get_driver_feature_select(struct virtio_device *dev, struct virtq *q)
{
	return dev->pci->driver_feature_select;
}

static void set_driver_feature_select(struct virtio_device *dev, struct virtq *q, uint64_t value)
{
	dev->pci->driver_feature_select = (uint32_t)value;
}

static uint64_t get_driver_feature(struct virtio_device *dev, struct virtq *q)
{
	return feature_word(dev->pci->accepted, dev->pci->driver_feature_select);
}

/* 3.1.1: not after FEATURES_OK. */
static void set_driver_feature(struct virtio_device *dev, struct virtq *q, uint64_t value)
{
	unsigned shift = 32 * (dev->pci->driver_feature_select & 1);

	if (dev->pci->driver_feature_select > 1 || (dev->status & VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	dev->pci->accepted = (dev->pci->accepted & ~(UINT64_C(0xffffffff) << shift)) | value << shift;
}

/* 4.1.5.1.2.1: a vector beyond the table becomes NO_VECTOR. */
static int vector_of(const struct virtio_device *dev, uint64_t value)
{
	return value < dev->ep.nr_vectors ? (int)value : VIRTIO_NO_VECTOR;
}

static uint64_t get_config_vector(struct virtio_device *dev, struct virtq *q)
{
	return (uint16_t)atomic_load(&dev->pci->config_vector);
}

static void set_config_vector(struct virtio_device *dev, struct virtq *q, uint64_t value)
{
	atomic_store(&dev->pci->config_vector, vector_of(dev, value));
}

static uint64_t get_num_queues(struct virtio_device *dev, struct virtq *q)
{
	return dev->config.nr_queues;
}

static uint64_t get_status(struct virtio_device *dev, struct virtq *q)
{
	return dev->status | (atomic_load(&dev->pci->needs_reset) ? VIRTIO_CONFIG_S_NEEDS_RESET : 0);
}

static void set_status(struct virtio_device *dev, struct virtq *q, uint64_t value)
{
	virtio_write_status(dev, (uint8_t)value);
}

static uint64_t get_generation(struct virtio_device *dev, struct virtq *q)
{
	return dev->pci->generation;
}

static uint64_t get_queue_select(struct virtio_device *dev, struct virtq *q)
{
	return dev->pci->queue_select;
}

static void set_queue_select(struct virtio_device *dev, struct virtq *q, uint64_t value)
{
	dev->pci->queue_select = (uint16_t)value;
}

static uint64_t get_queue_size(struct virtio_device *dev, struct virtq *q)
{
	return q->size;
}

/* 4.1.4.3.1: what is read is a power of two unless rings are packed. */
static void set_queue_size(struct virtio_device *dev, struct virtq *q, uint64_t value)
{
	bool packed = dev->pci->accepted >> VIRTIO_F_RING_PACKED & 1;

	if (value == 0 || value > q->max_size || (!packed && !is_pow2(value)))
		log_guest("%s: queue %u cannot have %u entries", dev->config.name, q->index, (unsigned)value);
	else
		q->size = (uint16_t)value;
}

static uint64_t get_queue_vector(struct virtio_device *dev, struct virtq *q)
{
	return (uint16_t)atomic_load(&q->vector);
}

static void set_queue_vector(struct virtio_device *dev, struct virtq *q, uint64_t value)
{
	int now = vector_of(dev, value);

	if (atomic_exchange(&q->vector, now) != now && dev->ops->vector && virtio_queue_runs(dev, q->index))
		dev->ops->vector(dev, q->index);
}

static uint64_t get_queue_enable(struct virtio_device *dev, struct virtq *q)
{
	return q->enabled;
}

static void set_queue_enable(struct virtio_device *dev, struct virtq *q, uint64_t value)
{
	if (value == 1)
		virtio_enable_queue(dev, q->index);
}

static uint64_t get_notify_off(struct virtio_device *dev, struct virtq *q)
{
	return q->index;
}

static uint64_t get_desc(struct virtio_device *dev, struct virtq *q)
{
	return q->desc;
}

static void set_desc(struct virtio_device *dev, struct virtq *q, uint64_t value)
{
	q->desc = value;
}

static uint64_t get_driver(struct virtio_device *dev, struct virtq *q)
{
	return q->driver;
}

static void set_driver(struct virtio_device *dev, struct virtq *q, uint64_t value)
{
	q->driver = value;
}

static uint64_t get_device(struct virtio_device *dev, struct virtq *q)
{
	return q->device;
}

static void set_device(struct virtio_device *dev, struct virtq *q, uint64_t value)
{
	q->device = value;
}

static uint64_t get_queue_reset(struct virtio_device *dev, struct virtq *q)
{
	return dev->pci->slots[q->index].resetting;
}

static void set_queue_reset(struct virtio_device *dev, struct virtq *q, uint64_t value)
{
	if (value == 1)
		virtio_reset_queue(dev, q->index);
}

/* Sorted. queue_notify_data and the administration queue's fields are not offered: the rest reads 0. */
static const struct field fields[] = {
	{VIRTIO_PCI_COMMON_DFSELECT, 4, OF_DEVICE, get_device_feature_select, set_device_feature_select},
	{VIRTIO_PCI_COMMON_DF, 4, OF_DEVICE, get_device_feature, NULL},
	{VIRTIO_PCI_COMMON_GFSELECT, 4, OF_DEVICE, get_driver_feature_select, set_driver_feature_select},
	{VIRTIO_PCI_COMMON_GF, 4, OF_DEVICE, get_driver_feature, set_driver_feature},
	{VIRTIO_PCI_COMMON_MSIX, 2, OF_DEVICE, get_config_vector, set_config_vector},
	{VIRTIO_PCI_COMMON_NUMQ, 2, OF_DEVICE, get_num_queues, NULL},
	{VIRTIO_PCI_COMMON_STATUS, 1, OF_DEVICE, get_status, set_status},
	{VIRTIO_PCI_COMMON_CFGGENERATION, 1, OF_DEVICE, get_generation, NULL},
	{VIRTIO_PCI_COMMON_Q_SELECT, 2, OF_DEVICE, get_queue_select, set_queue_select},
	{VIRTIO_PCI_COMMON_Q_SIZE, 2, OF_SETUP, get_queue_size, set_queue_size},
	{VIRTIO_PCI_COMMON_Q_MSIX, 2, OF_QUEUE, get_queue_vector, set_queue_vector},
	{VIRTIO_PCI_COMMON_Q_ENABLE, 2, OF_QUEUE, get_queue_enable, set_queue_enable},
	{VIRTIO_PCI_COMMON_Q_NOFF, 2, OF_QUEUE, get_notify_off, NULL},
	{VIRTIO_PCI_COMMON_Q_DESCLO, 8, OF_SETUP, get_desc, set_desc},
	{VIRTIO_PCI_COMMON_Q_AVAILLO, 8, OF_SETUP, get_driver, set_driver},
	{VIRTIO_PCI_COMMON_Q_USEDLO, 8, OF_SETUP, get_device, set_device},
	{VIRTIO_PCI_COMMON_Q_RESET, 2, OF_QUEUE, get_queue_reset, set_queue_reset},
};

static const struct field *find(uint64_t offset)
{
	for (unsigned i = 0; i < ARRAY_LEN(fields); i++)
		if (offset >= fields[i].offset && offset < (uint64_t)fields[i].offset + fields[i].width)
			return &fields[i];
	return NULL;
}

/* 4.1.3.1: each field in its own width; those of 64 bits as two of 32 (or whole, which does no harm). */
static bool width_ok(const struct field *f, const struct bus_access *access)
{
	if (access->offset % access->size != 0)
		return false;
	return access->size == f->width || (f->width == 8 && access->size == 4);
}

enum bus_verdict virtio_common_access(struct virtio_device *dev, struct bus_access *access)
{
	const struct field *f = find(access->offset);
	unsigned select = dev->pci->queue_select;
	struct virtq *q = select < dev->config.nr_queues ? &dev->queues[select] : NULL;

	if (!f) {
		access->value = 0;
		return access->offset < VIRTIO_COMMON_LEN ? BUS_HANDLED : BUS_UNHANDLED;
	}
	if (!width_ok(f, access))
		return BUS_BAD;
	bool exists = f->scope == OF_DEVICE || q;
	uint64_t now = exists ? f->read(dev, q) : 0;
	unsigned shift = (unsigned)(access->offset - f->offset) * 8;
	uint64_t lane = (access->size == 8 ? UINT64_MAX : BIT64(access->size * 8) - 1) << shift;

	if (!access->is_write)
		access->value = (now & lane) >> shift;
	else if (exists && f->write && !(f->scope == OF_SETUP && q->enabled))
		f->write(dev, q, (now & ~lane) | (access->value << shift & lane));
	return BUS_HANDLED;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* virtio 1.3: 4.1 (PCI), 2.7 (split virtqueues), 3.1 (initialization). */
#include "vio.h"

#define CAP_VENDOR 9u
#define TIMEOUT_US 5000000u

/* struct virtio_pci_common_cfg (4.1.4.3) */
#define C_DEVICE_SELECT 0u
#define C_DEVICE	4u
#define C_DRIVER_SELECT 8u
#define C_DRIVER	12u
#define C_STATUS	20u
#define C_QUEUE_SELECT	22u
#define C_QUEUE_SIZE	24u
#define C_QUEUE_ENABLE	28u
#define C_QUEUE_NOTIFY	30u
#define C_QUEUE_DESC	32u
#define C_QUEUE_DRIVER	40u
#define C_QUEUE_DEVICE	48u

enum {
	CFG_COMMON = 1,
	CFG_NOTIFY = 2,
	CFG_ISR = 3,
	CFG_DEVICE = 4,
};

bool vio_find(struct vio *dev, unsigned type, unsigned n)
{
	*dev = (struct vio){.fn = pci_find(VIO_VENDOR, (uint16_t)(0x1040 + type), n)};
	if (!dev->fn)
		return false;
	for (unsigned at = pci_cap(dev->fn, CAP_VENDOR, 0); at; at = pci_cap(dev->fn, CAP_VENDOR, at)) {
		uint64_t where = dev->fn->bar[pci_get8(dev->fn, at + 4) % 6] + pci_get32(dev->fn, at + 8);

		switch (pci_get8(dev->fn, at + 3)) {
		case CFG_COMMON:
			dev->common = where;
			break;
		case CFG_NOTIFY:
			dev->notify = where;
			dev->notify_multiplier = pci_get32(dev->fn, at + 16);
			break;
		case CFG_ISR:
			dev->isr = where;
			break;
		case CFG_DEVICE:
			dev->config = where;
			break;
		default:
			break;
		}
	}
	return dev->common && dev->notify && dev->isr;
}

uint8_t vio_status(const struct vio *dev)
{
	return read8(dev->common + C_STATUS);
}

static void add_status(struct vio *dev, uint8_t bit)
{
	write8(dev->common + C_STATUS, vio_status(dev) | bit);
}

bool vio_begin(struct vio *dev, uint64_t features)
{
	write8(dev->common + C_STATUS, 0);
	if (!WAIT_FOR(vio_status(dev) == 0, TIMEOUT_US))
		return false;
	add_status(dev, VIO_S_ACKNOWLEDGE);
	add_status(dev, VIO_S_DRIVER);
	write32(dev->common + C_DEVICE_SELECT, 0);
	dev->offered = read32(dev->common + C_DEVICE);
	write32(dev->common + C_DEVICE_SELECT, 1);
	dev->offered |= (uint64_t)read32(dev->common + C_DEVICE) << 32;
	dev->features = dev->offered & (features | VIO_VERSION1 | VIO_PLATFORM);
	for (unsigned i = 0; i < 2; i++) {
		write32(dev->common + C_DRIVER_SELECT, i);
		write32(dev->common + C_DRIVER, (uint32_t)(dev->features >> 32 * i));
	}
	add_status(dev, VIO_S_FEATURES_OK);
	return vio_status(dev) & VIO_S_FEATURES_OK;
}

bool vio_queue(struct vio *dev, unsigned index, struct vio_queue *q)
{
	write16(dev->common + C_QUEUE_SELECT, (uint16_t)index);
	if (read16(dev->common + C_QUEUE_SIZE) < VIO_QUEUE)
		return false;
	*q = (struct vio_queue){
		.desc = pages(1),
		.avail = pages(1),
		.used = pages(1),
		.index = (uint16_t)index,
	};
	write16(dev->common + C_QUEUE_SIZE, VIO_QUEUE);
	write32(dev->common + C_QUEUE_DESC, (uint32_t)pa(q->desc));
	write32(dev->common + C_QUEUE_DESC + 4, (uint32_t)(pa(q->desc) >> 32));
	write32(dev->common + C_QUEUE_DRIVER, (uint32_t)(uintptr_t)q->avail);
	write32(dev->common + C_QUEUE_DRIVER + 4, (uint32_t)((uint64_t)(uintptr_t)q->avail >> 32));
	write32(dev->common + C_QUEUE_DEVICE, (uint32_t)(uintptr_t)q->used);
	write32(dev->common + C_QUEUE_DEVICE + 4, (uint32_t)((uint64_t)(uintptr_t)q->used >> 32));
	q->notify = dev->notify + (uint64_t)read16(dev->common + C_QUEUE_NOTIFY) * dev->notify_multiplier;
	write16(dev->common + C_QUEUE_ENABLE, 1);
	return true;
}

void vio_ok(struct vio *dev)
{
	add_status(dev, VIO_S_DRIVER_OK);
}

void vio_kick(struct vio_queue *q, uint16_t head)
{
	q->avail[2 + q->next_avail % VIO_QUEUE] = head;
	barrier();
	q->avail[1] = ++q->next_avail;
	barrier();
	write16(q->notify, q->index);
}

bool vio_used(struct vio_queue *q, uint32_t *id, uint32_t *len)
{
	if (!WAIT_FOR((uint16_t)(q->used[0] >> 16) != q->next_used, TIMEOUT_US))
		return false;
	barrier();
	*id = q->used[1 + 2 * (q->next_used % VIO_QUEUE)];
	*len = q->used[2 + 2 * (q->next_used % VIO_QUEUE)];
	q->next_used++;
	return true;
}

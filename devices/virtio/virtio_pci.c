/* SPDX-License-Identifier: Apache-2.0 */
/* BARs, capabilities and notifications of virtio over PCI (virtio 1.3, 4.1.4). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "bits.h"
#include "log.h"
#include "virtio_pci_regs.h"
#include "virtio_priv.h"
#include "vm.h"

#define CAP(n) (uint16_t)(PCI_ENDPOINT_CAP_FREE + (n)*VIRTIO_PCI_CAP_STRIDE)
#define WINDOW CAP(0) /* VIRTIO_PCI_CAP_PCI_CFG */

static struct virtio_device *to_device(struct pci_endpoint *ep)
{
	return container_of(ep, struct virtio_device, ep);
}

/* 4.1.4.5: reading clears. */
static enum bus_verdict isr_access(struct virtio_device *dev, struct bus_access *access)
{
	if (access->offset != 0 || access->size != 1)
		return BUS_BAD;
	if (!access->is_write)
		access->value = atomic_exchange(&dev->pci->isr, 0);
	return BUS_HANDLED;
}

/* 4.1.4.3.1: the generation changes when the driver reads something that has changed. */
static enum bus_verdict config_access(struct virtio_device *dev, struct bus_access *access)
{
	uint32_t offset = (uint32_t)access->offset;

	if (offset >= dev->config.config_size)
		return BUS_UNHANDLED;
	if (offset % access->size != 0 || access->size > dev->config.config_size - offset)
		return BUS_BAD;
	if (access->is_write) {
		if (dev->ops->config_write)
			dev->ops->config_write(dev, offset, &access->value, access->size);
		return BUS_HANDLED;
	}
	if (atomic_exchange(&dev->pci->config_dirty, false))
		dev->pci->generation++;
	access->value = 0;
	dev->ops->config_read(dev, offset, &access->value, access->size);
	return BUS_HANDLED;
}

/* What KVM does not signal by itself. The address names the queue, as there. */
static enum bus_verdict notify_access(struct virtio_device *dev, struct bus_access *access)
{
	if (access->offset >= (uint64_t)dev->config.nr_queues * VIRTIO_NOTIFY_MUL || !access->is_write)
		return BUS_UNHANDLED;
	if (access->offset % VIRTIO_NOTIFY_MUL != 0)
		return BUS_BAD;
	virtio_kick(dev, (unsigned)(access->offset / VIRTIO_NOTIFY_MUL));
	return BUS_HANDLED;
}

static enum bus_verdict virtio_bar_access(struct pci_endpoint *ep, unsigned bar, struct bus_access *access)
{
	static enum bus_verdict (*const pages[])(struct virtio_device *, struct bus_access *) = {
		virtio_common_access,
		isr_access,
		config_access,
		notify_access,
	};
	uint64_t page = access->offset / 4096;

	if (bar != VIRTIO_BAR || page >= ARRAY_LEN(pages))
		return BUS_UNHANDLED;
	access->offset %= 4096;
	return pages[page](to_device(ep), access);
}

static gpa_t notify_addr(const struct virtio_device *dev, unsigned index)
{
	return gpa(dev->pci->mapped_at + VIRTIO_AT_NOTIFY + index * VIRTIO_NOTIFY_MUL);
}

/* Without an ioeventfd the write comes here, which costs only time. */
static void virtio_bar_map(struct pci_endpoint *ep, unsigned bar, gpa_t addr)
{
	struct virtio_device *dev = to_device(ep);

	if (bar != VIRTIO_BAR || dev->config.kicks == VIRTIO_KICKS_SYNC)
		return;
	dev->pci->mapped_at = addr.v;
	for (unsigned i = 0; i < dev->config.nr_queues; i++)
		dev->pci->slots[i].notifies = vm_notify_add(ep->vm, notify_addr(dev, i), dev->queues[i].kick) == 0;
}

void virtio_pci_unmap(struct virtio_device *dev)
{
	for (unsigned i = 0; dev->pci && dev->pci->slots && i < dev->config.nr_queues; i++) {
		if (dev->pci->slots[i].notifies)
			vm_notify_remove(dev->ep.vm, notify_addr(dev, i), dev->queues[i].kick);
		dev->pci->slots[i].notifies = false;
	}
}

static void virtio_bar_unmap(struct pci_endpoint *ep, unsigned bar)
{
	if (bar == VIRTIO_BAR)
		virtio_pci_unmap(to_device(ep));
}

static void virtio_bus_master(struct pci_endpoint *ep, bool on)
{
	struct virtio_device *dev = to_device(ep);

	dma_space_enable(&dev->untranslated, on);
	if (dev->running && dev->ops->bus_master)
		dev->ops->bus_master(dev, on);
	if (on)
		virtio_kick_all(dev);
}

static void virtio_function_reset(struct pci_endpoint *ep)
{
	struct virtio_device *dev = to_device(ep);

	virtio_rest(dev);
	virtio_reset(dev, true);
}

static void virtio_destroy(struct pci_endpoint *ep)
{
	struct virtio_device *dev = to_device(ep);
	struct bus *bus = &ep->vm->bus;

	bus_lock(bus);
	virtio_rest(dev);
	bus_unlock(bus);
	if (dev->ops->destroy)
		dev->ops->destroy(dev);
	virtio_fini(dev);
	free(dev);
}

static void virtio_describe(struct pci_endpoint *ep, struct fdtw *fdt)
{
	struct virtio_device *dev = to_device(ep);

	if (dev->ops->describe)
		dev->ops->describe(dev, fdt);
}

/* The access that the window (4.1.4.9) is set up for, with @access->size and ->offset filled in; false: none. */
static bool window_access(struct pci_endpoint *ep, struct bus_access *access)
{
	const struct pci_cfg *cfg = &ep->fn.cfg;
	uint32_t offset = pci_cfg_get(cfg, WINDOW + VIRTIO_CAP_OFFSET, 4);
	uint32_t length = pci_cfg_get(cfg, WINDOW + VIRTIO_CAP_LENGTH, 4);

	if (pci_cfg_get(cfg, WINDOW + VIRTIO_CAP_BAR, 1) != VIRTIO_BAR || !pci_endpoint_powered(ep))
		return false;
	if ((length != 1 && length != 2 && length != 4) || offset % length != 0)
		return false;
	access->offset = offset;
	access->size = (uint8_t)length;
	return true;
}

/* Config read of pci_cfg_data: does the access, and keeps its bytes there. */
static int virtio_cfg_read(struct pci_endpoint *ep, uint16_t offset, uint8_t size, uint32_t *value)
{
	struct virtio_device *dev = to_device(ep);
	struct bus_access access = {.value = UINT64_MAX};

	if (window_access(ep, &access)) {
		uint64_t read = virtio_bar_access(ep, VIRTIO_BAR, &access) == BUS_HANDLED ? access.value : UINT64_MAX;

		memcpy(&dev->pci->window_data, &read, access.size);
	}
	*value = 0;
	memcpy(value, (uint8_t *)&dev->pci->window_data + offset % 4, size);
	return 0;
}

static int virtio_cfg_write(struct pci_endpoint *ep, uint16_t offset, uint8_t size, uint32_t value)
{
	struct virtio_device *dev = to_device(ep);
	struct bus_access access = {.is_write = true};

	memcpy((uint8_t *)&dev->pci->window_data + offset % 4, &value, size);
	if (window_access(ep, &access)) {
		memcpy(&access.value, &dev->pci->window_data, access.size);
		virtio_bar_access(ep, VIRTIO_BAR, &access);
	}
	return 0;
}

const struct pci_endpoint_ops virtio_pci_ops = {
	.bar_access = virtio_bar_access,
	.bar_map = virtio_bar_map,
	.bar_unmap = virtio_bar_unmap,
	.cfg_read = virtio_cfg_read,
	.cfg_write = virtio_cfg_write,
	.bus_master = virtio_bus_master,
	.reset = virtio_function_reset,
	.destroy = virtio_destroy,
	.describe = virtio_describe,
};

/* One vendor capability: struct virtio_pci_cap, and @extra bytes after it. */
static int add_cap(struct pci_cfg *cfg, unsigned n, uint8_t type, uint32_t at, uint32_t len, uint8_t extra)
{
	uint16_t cap = CAP(n);
	int err = pci_cfg_add_cap(cfg, PCI_CAP_ID_VNDR, cap, (uint16_t)((VIRTIO_CAP_LEN + extra) | type << 8), 0, NULL);

	pci_cfg_emulate(cfg, (uint16_t)(cap + VIRTIO_CAP_BAR), VIRTIO_BAR, 0, 0, NULL);
	pci_cfg_emulate(cfg, (uint16_t)(cap + VIRTIO_CAP_OFFSET), at, 0, 0, NULL);
	pci_cfg_emulate(cfg, (uint16_t)(cap + VIRTIO_CAP_LENGTH), len, 0, 0, NULL);
	return err;
}

static int add_caps(struct virtio_device *dev)
{
	struct pci_cfg *cfg = &dev->ep.fn.cfg;
	uint32_t notify = dev->config.nr_queues * VIRTIO_NOTIFY_MUL;
	int err = add_cap(cfg, 0, VIRTIO_PCI_CAP_PCI_CFG, 0, 0, 4);

	pci_cfg_emulate(cfg, WINDOW + VIRTIO_CAP_BAR, 0, MASK32(7, 0), 0, NULL);
	pci_cfg_emulate(cfg, WINDOW + VIRTIO_CAP_OFFSET, 0, UINT32_MAX, 0, NULL);
	pci_cfg_emulate(cfg, WINDOW + VIRTIO_CAP_LENGTH, 0, UINT32_MAX, 0, NULL);
	pci_cfg_pass(cfg, WINDOW + VIRTIO_CAP_EXTRA, UINT32_MAX, 0, 0);
	if (!err)
		err = add_cap(cfg, 1, VIRTIO_PCI_CAP_COMMON_CFG, VIRTIO_AT_COMMON, VIRTIO_COMMON_LEN, 0);
	if (!err)
		err = add_cap(cfg, 2, VIRTIO_PCI_CAP_ISR_CFG, VIRTIO_AT_ISR, VIRTIO_ISR_LEN, 0);
	if (!err)
		err = add_cap(cfg, 3, VIRTIO_PCI_CAP_NOTIFY_CFG, VIRTIO_AT_NOTIFY, notify, 4);
	pci_cfg_emulate(cfg, CAP(3) + VIRTIO_CAP_EXTRA, VIRTIO_NOTIFY_MUL, 0, 0, NULL);
	if (!err && dev->config.config_size > 0)
		err = add_cap(cfg, 4, VIRTIO_PCI_CAP_DEVICE_CFG, VIRTIO_AT_DEVICE, dev->config.config_size, 0);
	return err;
}

int virtio_pci_add(struct virtio_device *dev)
{
	struct pci_endpoint *ep = &dev->ep;
	int err = pci_bar_define(&ep->fn, VIRTIO_BAR, VIRTIO_BAR_SIZE, true, true);

	if (!err)
		err = pci_bar_define(&ep->fn, VIRTIO_MSIX_BAR, pci_endpoint_msix_size(ep->nr_vectors), true, true);
	if (!err)
		err = pci_endpoint_add_msix(ep, VIRTIO_MSIX_BAR, 0);
	if (!err && add_caps(dev) != 0)
		err = log_fail(-EINVAL, "%s: its capabilities do not fit; this is a bug of aerie", dev->config.name);
	return err;
}

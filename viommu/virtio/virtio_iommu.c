/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-iommu as a virtio device: configuration space, queues, resets. */
#include "virtio_iommu.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_ids.h>

#include "acpi_iommu.h"
#include "bits.h"
#include "bus.h"
#include "fd.h"
#include "fdtw.h"
#include "log.h"
#include "virtio_iommu_priv.h"
#include "vm.h"

/* PCI class: base system peripheral, IOMMU. */
#define CLASS_IOMMU 0x080600u

/* Emulated endpoints are translated by pages of this size at least (struct dma_target). */
#define MIN_GRANULE 4096u

static struct virtio_iommu *of(struct virtio_device *dev)
{
	return container_of(dev, struct virtio_iommu, dev);
}

/* All features are offered, so all fields are there, whatever the driver accepts (5.13.4). */
static void config_read(struct virtio_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	struct virtio_iommu *v = of(dev);
	struct virtio_iommu_config_space space = {
		.page_size_mask = htole64(v->page_sizes),
		.input_range = {htole64(v->input.first), htole64(v->input.last)},
		.domain_range = {0, htole32(VIRTIO_IOMMU_MAX_DOMAINS - 1)},
		.probe_size = htole32(VIOMMU_PROBE_SIZE),
		.bypass = v->bypass,
	};

	v->frozen = true;
	memcpy(buf, (const uint8_t *)&space + offset, len);
}

/* 5.13.4.1: the driver may write `bypass`, when BYPASS_CONFIG is negotiated, with 0 or 1, and nothing else. */
static void config_write(struct virtio_device *dev, uint32_t offset, const void *buf, uint32_t len)
{
	const uint32_t at = offsetof(struct virtio_iommu_config_space, bypass);
	struct virtio_iommu *v = of(dev);
	uint8_t value;

	if (!virtio_has(dev, VIRTIO_IOMMU_F_BYPASS_CONFIG) || at < offset || at - offset >= len)
		return;
	value = ((const uint8_t *)buf)[at - offset];
	if (value > 1)
		log_guest("%s: the guest wrote %u to the bypass field, which takes 0 or 1; ignored", v->config.id,
			  value);
	else if (value != v->bypass)
		viommu_set_bypass(v, value);
}

/*
 * What one notification may cost, in mappings that requests make, copy or remove: the device lock is held all the time,
 * a guest with several CPUs could add requests without end, and there are some that go through all mappings of a
 * domain.
 */
#define REQUEST_COST 16u
#define MAX_COST     (4u * VIOMMU_QUEUE_SIZE * REQUEST_COST)

static void serve(struct virtio_iommu *v)
{
	struct virtq *q = &v->dev.queues[VIOMMU_REQUESTQ];

	v->cost = 0;
	while (v->cost < MAX_COST) {
		int got = virtq_pop(q, &v->chain);

		v->cost += REQUEST_COST;
		if (got > 0) {
			uint32_t used = viommu_request(v, &v->chain);

			virtq_push(q, v->chain.id, v->chain.nr_descs, used);
			continue;
		}
		virtq_want_kicks(q, true);
		if (got < 0 || !virtq_available(q))
			break;
	}
	virtq_notify(q);
	if (v->cost >= MAX_COST)
		fd_signal(v->more.fd);
}

static void kick(struct virtio_device *dev, unsigned index)
{
	if (index == VIOMMU_REQUESTQ)
		serve(of(dev));
}

static void serve_more(struct loop_source *src)
{
	struct virtio_iommu *v = container_of(src, struct virtio_iommu, more);

	fd_drain(src->fd);
	bus_lock(&v->dev.ep.vm->bus);
	if (v->dev.running && v->dev.queues[VIOMMU_REQUESTQ].running)
		serve(v);
	bus_unlock(&v->dev.ep.vm->bus);
}

/* 5.13.5: "When the device is reset, endpoints are not attached to any domain." 5.13.4.2: `bypass` "SHOULD NOT change
 * on device reset, but SHOULD be restored to its initial value on system reset". */
static void reset(struct virtio_device *dev, bool whole)
{
	struct virtio_iommu *v = of(dev);

	for (struct viommu_ep *ep = v->endpoints; ep; ep = ep->next)
		if (ep->domain)
			viommu_force_detach(v, ep);
	if (whole && v->bypass != v->config.boot_bypass)
		viommu_set_bypass(v, v->config.boot_bypass);
}

static void destroy(struct virtio_device *dev)
{
	struct virtio_iommu *v = of(dev);

	virtio_iommu_remove_all(v);
	loop_del(v->dev.loop, &v->more);
	fd_close(&v->more.fd);
}

static void describe(struct virtio_device *dev, struct fdtw *fdt)
{
	/* Linux' binding virtio/pci-iommu; the node's address and phandle come with the function. */
	fdtw_string(fdt, "compatible", "virtio,pci-iommu");
	fdtw_u32(fdt, "#iommu-cells", 1);
}

void virtio_iommu_describe_acpi(struct virtio_iommu *viommu, struct acpi *acpi)
{
	struct pci_function *fn = virtio_iommu_function(viommu);

	acpi_add_viommu(acpi, &(struct acpi_viommu){.phandle = fn->dt_phandle, .bdf = pci_function_rid(fn)});
}

static const struct virtio_ops ops = {
	.config_read = config_read,
	.config_write = config_write,
	.kick = kick,
	.reset = reset,
	.destroy = destroy,
	.describe = describe,
};

static int check(const struct virtio_iommu_config *c)
{
	uint64_t granule = c->page_sizes & -c->page_sizes;

	if (granule < MIN_GRANULE)
		return log_fail(-EINVAL, "%s: page sizes 0x%" PRIx64 " are none, or some below %u bytes", c->id,
				c->page_sizes, MIN_GRANULE);
	if (c->input.last < c->input.first || (c->input.first | (c->input.last + 1)) & (granule - 1))
		return log_fail(-EINVAL, "%s: input range 0x%" PRIx64 "-0x%" PRIx64 " is not of whole pages", c->id,
				c->input.first, c->input.last);
	if (c->nr_reserved + c->has_msi > VIRTIO_IOMMU_MAX_REGIONS)
		return log_fail(-EINVAL, "%s: more than %u reserved regions", c->id, VIRTIO_IOMMU_MAX_REGIONS);
	return 0;
}

static int build_regions(struct virtio_iommu *v)
{
	const struct virtio_iommu_config *c = &v->config;
	int err = 0;

	for (unsigned i = 0; err == 0 && i < c->nr_reserved; i++)
		err = viommu_regions_add(&v->reserved, c->reserved[i]);
	if (err == 0 && c->has_msi)
		err = viommu_regions_sub(&v->reserved, c->msi);
	if (err == 0 && v->reserved.n + c->has_msi > VIRTIO_IOMMU_MAX_REGIONS)
		err = -ENOSPC;
	v->host_reserved = v->reserved;
	return err ? log_fail(err, "%s: too many reserved regions", c->id) : 0;
}

static int init(struct virtio_iommu *v, struct vm *vm)
{
	const struct virtio_config config = {
		.name = v->config.id,
		.type = VIRTIO_ID_IOMMU,
		.class_code = CLASS_IOMMU,
		.features = BIT64(VIRTIO_IOMMU_F_INPUT_RANGE) | BIT64(VIRTIO_IOMMU_F_DOMAIN_RANGE) |
			    BIT64(VIRTIO_IOMMU_F_MAP_UNMAP) | BIT64(VIRTIO_IOMMU_F_PROBE) | BIT64(VIRTIO_IOMMU_F_MMIO) |
			    BIT64(VIRTIO_IOMMU_F_BYPASS_CONFIG),
		.nr_queues = VIOMMU_NR_QUEUES,
		.queue_size = VIOMMU_QUEUE_SIZE,
		.config_size = sizeof(struct virtio_iommu_config_space),
		.kicks = VIRTIO_KICKS_SYNC,
		.integrated = true,
	};
	int err = build_regions(v);

	if (err)
		return err;
	err = fd_eventfd();
	if (err < 0)
		return err;
	v->more.fd = err;
	err = loop_add(vm->loop, &v->more, v->more.fd, serve_more);
	if (err == 0) {
		err = virtio_init(&v->dev, vm, &config, &ops);
		if (err)
			loop_del(vm->loop, &v->more);
	}
	if (err)
		fd_close(&v->more.fd);
	return err;
}

int virtio_iommu_create(struct virtio_iommu **out, struct vm *vm, const struct virtio_iommu_config *config)
{
	struct virtio_iommu *v;
	int err = check(config);

	*out = NULL;
	if (err)
		return err;
	v = calloc(1, sizeof(*v));
	if (!v)
		return log_fail(-ENOMEM, "%s: out of memory", config->id);
	v->gmem = &vm->gmem;
	v->config = *config;
	v->input = config->input;
	v->page_sizes = config->page_sizes;
	v->bypass = config->boot_bypass;
	err = init(v, vm);
	if (err) {
		free(v);
		return err;
	}
	v->dev.ep.fn.dt_phandle = config->phandle;
	*out = v;
	return 0;
}

struct pci_function *virtio_iommu_function(struct virtio_iommu *viommu)
{
	return &viommu->dev.ep.fn;
}

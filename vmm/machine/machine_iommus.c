/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's IOMMUs, joined to the host's where devices of the host are behind them, and what translates each device.
 */
#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>

#include "bits.h"
#include "fd.h"
#include "log.h"
#include "machine_priv.h"
#include "smmu_nested.h"

/* A record of the host's SMMU for one of our streams: becomes an event of the guest's. A queue that cannot be read any
 * more stays readable for ever. */
static void host_events(struct loop_source *src)
{
	struct machine_iommu *s = container_of(src, struct machine_iommu, events);

	bus_lock(&s->machine->vm.bus);
	if (smmu_nested_pump(&s->smmu) < 0) {
		log_error("iommu \"%s\": the guest is not told of the host's faults from now on",
			  s->machine->config->iommus[s - s->machine->iommus].id);
		loop_del(&s->machine->loop, src);
	}
	bus_unlock(&s->machine->vm.bus);
}

/* A device of the host waits for a page of the guest's. While the guest takes no more, the queue is left alone. */
static void host_faults(struct loop_source *src)
{
	struct machine_iommu *s = container_of(src, struct machine_iommu, faults);
	int ret;

	bus_lock(&s->machine->vm.bus);
	ret = smmu_nested_faults(&s->smmu);
	bus_unlock(&s->machine->vm.bus);
	if (ret < 0)
		log_error("iommu \"%s\": page faults of devices of the host are not served from now on; their accesses "
			  "fail when the guest changes their translation",
			  s->machine->config->iommus[s - s->machine->iommus].id);
	if (ret)
		loop_del(&s->machine->loop, src);
}

static void host_timer(struct loop_source *src)
{
	struct machine_iommu *s = container_of(src, struct machine_iommu, timer);
	int ret;

	bus_lock(&s->machine->vm.bus);
	ret = smmu_nested_timer(&s->smmu);
	bus_unlock(&s->machine->vm.bus);
	if (ret == 0 && !s->faults.added)
		loop_add(&s->machine->loop, &s->faults, nested_fault_fd(s->smmu.nested), host_faults);
}

/* The SMMU's own MSIs: it is a requester of its own to the ITS (`msi-parent` in its node). */
static void smmu_msi(void *opaque, uint64_t addr, uint32_t data)
{
	struct machine_iommu *s = opaque;
	unsigned index = (unsigned)(s - s->machine->iommus);
	const struct msi_msg msg = {.address = addr, .data = data, .requester = MACHINE_SMMU_DEVICE_ID + index};

	if (!irq_msi_send(s->machine->vm.irqchip, &msg))
		log_guest("iommu \"%s\": its own MSI to %#llx goes nowhere: that is no doorbell",
			  s->machine->config->iommus[index].id, (unsigned long long)addr);
}

/* How long a CMD_SYNC waits for devices. */
static void smmu_timer_set(void *opaque, unsigned ms)
{
	struct machine_iommu *s = opaque;
	const struct itimerspec in = {.it_value = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000}};

	timerfd_settime(s->sync_timer.fd, 0, &in, NULL);
}

static void smmu_timer_expired(struct loop_source *src)
{
	struct machine_iommu *s = container_of(src, struct machine_iommu, sync_timer);

	fd_drain(src->fd);
	bus_lock(&s->machine->vm.bus);
	smmu_timeout(s->smmu.smmu);
	bus_unlock(&s->machine->vm.bus);
}

static int add_timer(struct machine_iommu *s)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return log_fail(-errno, "iommu: cannot create a timer: %s", strerror(errno));
	int err = loop_add(&s->machine->loop, &s->sync_timer, fd, smmu_timer_expired);

	if (err < 0)
		fd_close(&fd);
	return err;
}

/* The first device of the host behind IOMMU @index; NULL: all behind it is emulated. */
static struct host_dev *first_assigned(const struct machine *m, unsigned index)
{
	for (unsigned i = 0; i < m->nr_endpoints; i++) {
		const struct machine_endpoint *ep = &m->endpoints[i];

		if (ep->assigned && machine_port_iommu(m, ep->port) == (int)index)
			return assigned_host_dev(ep->assigned);
	}
	return NULL;
}

/* Finds out what the host's SMMU allows and builds stage 2 there. */
static int nest(struct machine *m, struct machine_iommu *s, struct host_dev *first)
{
	struct nested_info info;
	int err = nested_probe(first, &info);

	if (err < 0)
		return err;
	smmu_nested_caps(&s->caps, &info);
	err = nested_create(&s->smmu.nested, m->ram_ioas, first);
	if (err == 0)
		err = loop_add(&m->loop, &s->events, nested_event_fd(s->smmu.nested), host_events);
	if (err == 0 && nested_fault_fd(s->smmu.nested) >= 0)
		err = loop_add(&m->loop, &s->faults, nested_fault_fd(s->smmu.nested), host_faults);
	if (err == 0 && nested_timer_fd(s->smmu.nested) >= 0)
		err = loop_add(&m->loop, &s->timer, nested_timer_fd(s->smmu.nested), host_timer);
	return err;
}

/* Puts the host's devices behind IOMMU @index below its nested backend; *@stalls: one of them can stall. */
static int nest_devices(struct machine *m, unsigned index, bool *stalls)
{
	int err = 0;

	for (unsigned i = 0; err == 0 && i < m->nr_endpoints; i++) {
		struct machine_endpoint *ep = &m->endpoints[i];

		if (!ep->assigned || machine_port_iommu(m, ep->port) != (int)index)
			continue;
		err = nested_add(&ep->nested, m->iommus[index].smmu.nested, assigned_host_dev(ep->assigned));
		if (err == 0 && nested_can_stall(ep->nested))
			*stalls = ep->endpoint.stalls = ep->fn->dt_can_stall = true;
	}
	return err;
}

static int build_smmu(struct machine *m, unsigned index)
{
	struct machine_iommu *s = &m->iommus[index];
	struct host_dev *first = first_assigned(m, index);
	struct smmu_config config = {
		.id = m->config->iommus[index].id,
		.base = arch_layout.smmu_base + index * arch_layout.smmu_stride,
		.phandle = MACHINE_PHANDLE_IOMMUS + index,
		.msi = smmu_msi,
		.msi_opaque = s,
		.timer = smmu_timer_set,
		.timer_opaque = s,
		.msi_device_id = MACHINE_SMMU_DEVICE_ID + index,
	};
	struct irq_line *lines[] = {&config.evtq, &config.gerror, &config.sync, &config.priq};
	int err = 0;

	if (index >= arch_layout.smmu_max)
		return log_fail(-ENOSPC, "iommu \"%s\": machine %s has room for %u SMMUs", config.id,
				arch_layout.machine, arch_layout.smmu_max);
	if (first) {
		err = nest(m, s, first);
		if (err == 0)
			err = nest_devices(m, index, &config.host_stalls);
		config.host = &s->caps;
		config.ops = &smmu_nested_ops;
		config.backend = &s->smmu;
	}
	for (unsigned i = 0; err == 0 && i < ARRAY_LEN(lines); i++)
		err = irq_line_alloc(m->vm.irqchip, lines[i], false);
	if (err == 0)
		err = add_timer(s);
	if (err == 0)
		err = smmu_create(&s->smmu.smmu, &m->vm.gmem, &m->vm.bus, &config);
	return err < 0 ? err : machine_add_device(m, smmu_device(s->smmu.smmu));
}

static int add_to_smmu(struct machine_iommu *s, struct machine_endpoint *ep)
{
	if (!ep->assigned)
		return smmu_add_emulated(s->smmu.smmu, &ep->endpoint, &pci_endpoint_of(ep->fn)->dma);
	return smmu_add_endpoint(s->smmu.smmu, &ep->endpoint, ep->nested);
}

/* A device number of the root bus that neither a port nor another virtio-iommu has; 0: none left. */
static uint8_t free_slot(const struct machine *m)
{
	for (unsigned slot = 1; slot < 32; slot++)
		if (!pci_host_find(m->pci, (uint16_t)(slot << 3)))
			return (uint8_t)slot;
	return 0;
}

static int build_virtio(struct machine *m, unsigned index)
{
	const struct config_iommu *iommu = &m->config->iommus[index];
	struct machine_iommu *v = &m->iommus[index];
	uint8_t slot = free_slot(m);
	struct virtio_iommu_config config = {
		.id = iommu->id,
		.phandle = MACHINE_PHANDLE_IOMMUS + index,
		.boot_bypass = iommu->boot_bypass,
		.input = {0, MACHINE_VIRTIO_IOMMU_LAST},
		.page_sizes = ~UINT64_C(0xfff),
		.has_msi = true,
		.msi = arch_layout.msi_doorbell,
		.iommufd = m->ram_ioas ? &m->iommufd : NULL,
		.ram_ioas = m->ram_ioas,
	};
	struct virtio_iommu *viommu;
	int err;

	if (slot == 0)
		return log_fail(-ENOSPC,
				"iommu \"%s\": a virtio-iommu is a device of bus 0, and all 31 places there are taken; "
				"use fewer root ports",
				iommu->id);
	err = virtio_iommu_create(&viommu, &m->vm, &config);
	if (err < 0)
		return err;

	struct pci_function *fn = virtio_iommu_function(viommu);

	err = pci_host_place(m->pci, NULL, (uint8_t)(slot << 3), fn);
	if (err < 0)
		fn->ops->destroy(fn);
	else
		v->virtio = viommu;
	return err;
}

static int add_to_virtio(struct machine_iommu *v, struct machine_endpoint *ep)
{
	if (ep->assigned)
		return virtio_iommu_add_assigned(v->virtio, &ep->endpoint, assigned_host_dev(ep->assigned));
	return virtio_iommu_add_emulated(v->virtio, &ep->endpoint, &pci_endpoint_of(ep->fn)->dma);
}

static int build_iommu(struct machine *m, unsigned index)
{
	struct machine_iommu *iommu = &m->iommus[index];
	bool is_smmu = m->config->iommus[index].type == IOMMU_TYPE_SMMUV3;
	int err;

	iommu->machine = m;
	err = is_smmu ? build_smmu(m, index) : build_virtio(m, index);
	for (unsigned i = 0; err == 0 && i < m->nr_endpoints; i++) {
		struct machine_endpoint *ep = &m->endpoints[i];

		if (machine_port_iommu(m, ep->port) == (int)index)
			err = is_smmu ? add_to_smmu(iommu, ep) : add_to_virtio(iommu, ep);
	}
	return err;
}

/* Requester ids of a port's secondary bus go to its IOMMU, StreamID = RID (viommu_endpoint.h). The node is static, the
 * numbers are those that the ports hold after reset and that Linux assigns again in the same order. */
static int map_port(struct machine *m, unsigned index)
{
	const struct config_port *port = &m->config->pci[index];
	uint16_t rid = (uint16_t)(machine_port_bus(m->config, index) << 8);

	if (!port->iommu)
		return 0;
	return pci_host_add_iommu_map(
		m->pci,
		&(struct pci_iommu_map){
			.first_rid = rid,
			.iommu_phandle = MACHINE_PHANDLE_IOMMUS + (uint32_t)config_iommu_index(m->config, port->iommu),
			.first_sid = viommu_rid_to_sid(rid),
			.count = 256,
		});
}

int machine_build_iommus(struct machine *m)
{
	int err = 0;

	m->nr_before_iommus = m->nr_devices;
	for (unsigned i = 0; err == 0 && i < m->config->iommus_count; i++)
		err = build_iommu(m, i);
	for (unsigned i = 0; err == 0 && i < m->config->pci_count; i++)
		err = map_port(m, i);
	for (unsigned i = 0; err == 0 && i < m->nr_endpoints; i++)
		if (m->endpoints[i].assigned && machine_port_iommu(m, m->endpoints[i].port) < 0)
			err = host_dev_attach(assigned_host_dev(m->endpoints[i].assigned), m->ram_ioas);
	return err;
}

void machine_drop_iommus(struct machine *m)
{
	for (unsigned i = 0; i < m->nr_endpoints; i++)
		nested_remove(&m->endpoints[i].nested);
	for (unsigned i = 0; i < m->config->iommus_count; i++) {
		if (m->iommus[i].virtio)
			virtio_iommu_remove_all(m->iommus[i].virtio);
		loop_del(&m->loop, &m->iommus[i].events);
		loop_del(&m->loop, &m->iommus[i].faults);
		loop_del(&m->loop, &m->iommus[i].timer);
		if (m->iommus[i].sync_timer.added) {
			loop_del(&m->loop, &m->iommus[i].sync_timer);
			fd_close(&m->iommus[i].sync_timer.fd);
		}
		nested_destroy(&m->iommus[i].smmu.nested);
	}
}

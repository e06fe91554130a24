/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's IOMMUs, each joined to the host's, and what translates each host device. */
#include <errno.h>
#include <string.h>

#include "bits.h"
#include "log.h"
#include "machine_priv.h"
#include "smmu_nested.h"

/* Index of the guest IOMMU above @ep, -1 when its DMA is not translated by the guest. */
static int endpoint_iommu(const struct machine *m, const struct machine_endpoint *ep)
{
	const char *id = m->config->pci[ep->port].iommu;

	return id ? config_iommu_index(m->config, id) : -1;
}

/* A record of the host's SMMU for one of our streams: becomes an event of the guest's. */
static void host_events(struct loop_source *src)
{
	struct machine_smmu *s = container_of(src, struct machine_smmu, events);

	bus_lock(&s->machine->vm.bus);
	smmu_nested_pump(s->nested, s->smmu);
	bus_unlock(&s->machine->vm.bus);
}

/* The SMMU's own MSIs: it is a requester of its own to the ITS (`msi-parent` in its node). */
static void smmu_msi(void *opaque, uint64_t addr, uint32_t data)
{
	struct machine_smmu *s = opaque;
	unsigned index = (unsigned)(s - s->machine->smmus);
	const struct msi_msg msg = {.address = addr, .data = data, .requester = MACHINE_SMMU_DEVICE_ID + index};

	if (!irq_msi_send(s->machine->vm.irqchip, &msg))
		log_guest("iommu \"%s\": its own MSI to %#llx goes nowhere: that is no doorbell",
			  s->machine->config->iommus[index].id, (unsigned long long)addr);
}

static int create_smmu(struct machine *m, unsigned index, struct host_dev *first)
{
	struct machine_smmu *s = &m->smmus[index];
	struct nested_info info;
	int err = nested_probe(first, &info);

	if (err < 0)
		return err;
	smmu_nested_caps(&s->caps, &info);
	err = nested_create(&s->nested, m->ram_ioas, first);
	if (err < 0)
		return err;

	struct smmu_config config = {
		.id = m->config->iommus[index].id,
		.base = arch_layout.smmu_base + index * arch_layout.smmu_stride,
		.phandle = MACHINE_PHANDLE_IOMMUS + index,
		.host = &s->caps,
		.ops = &smmu_nested_ops,
		.backend = s->nested,
		.msi = smmu_msi,
		.msi_opaque = s,
		.msi_device_id = MACHINE_SMMU_DEVICE_ID + index,
	};
	struct irq_line *lines[] = {&config.evtq, &config.gerror, &config.sync};

	for (unsigned i = 0; err == 0 && i < ARRAY_LEN(lines); i++)
		err = irq_line_alloc(m->vm.irqchip, lines[i], false);
	if (err == 0)
		err = smmu_create(&s->smmu, &m->vm.gmem, &m->vm.bus, &config);
	if (err == 0)
		err = machine_add_device(m, smmu_device(s->smmu));
	if (err == 0)
		err = loop_add(&m->loop, &s->events, nested_event_fd(s->nested), host_events);
	return err;
}

static int build_smmu(struct machine *m, unsigned index)
{
	struct machine_smmu *s = &m->smmus[index];
	const char *id = m->config->iommus[index].id;

	s->machine = m;
	for (unsigned i = 0; i < m->nr_endpoints; i++) {
		struct machine_endpoint *ep = &m->endpoints[i];
		struct host_dev *dev = assigned_host_dev(ep->assigned);
		int err = 0;

		if (endpoint_iommu(m, ep) != (int)index)
			continue;
		if (!s->smmu)
			err = create_smmu(m, index, dev);
		if (err == 0)
			err = nested_add(&ep->nested, s->nested, dev);
		if (err == 0)
			err = smmu_add_endpoint(s->smmu, &ep->endpoint, ep->nested);
		if (err < 0)
			return err;
	}
	if (!s->smmu)
		return log_fail(
			-EINVAL,
			"iommu \"%s\": no device is behind it, and an SMMUv3 is nested in the host SMMU of its devices; "
			"assign a device below a root port with `iommu: %s`, or remove the entry",
			id, id);
	return 0;
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
		err = build_smmu(m, i);
	for (unsigned i = 0; err == 0 && i < m->config->pci_count; i++)
		err = map_port(m, i);
	for (unsigned i = 0; err == 0 && i < m->nr_endpoints; i++)
		if (!m->endpoints[i].nested)
			err = host_dev_attach(assigned_host_dev(m->endpoints[i].assigned), m->ram_ioas);
	return err;
}

void machine_drop_iommus(struct machine *m)
{
	for (unsigned i = 0; i < m->nr_endpoints; i++)
		nested_remove(&m->endpoints[i].nested);
	for (unsigned i = 0; i < m->config->iommus_count; i++) {
		loop_del(&m->loop, &m->smmus[i].events);
		nested_destroy(&m->smmus[i].nested);
	}
}

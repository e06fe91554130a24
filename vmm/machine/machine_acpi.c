/* SPDX-License-Identifier: Apache-2.0 */
/* The ACPI tables of the machine: what belongs to no single device, and the order of the rest. */
#include "acpi.h"
#include "machine_priv.h"

/* The same as describe_reserved() of the device tree: the window that the host uses for the doorbells of assigned
 * devices must be mapped 1:1 in the guest's stage 1. IORT names a device by the StreamID of its static bus number. */
static void describe_reserved(const struct machine *m, struct acpi *acpi)
{
	for (unsigned i = 0; i < m->nr_endpoints; i++) {
		const struct machine_endpoint *ep = &m->endpoints[i];
		unsigned bus = machine_port_bus(m->config, ep->port);

		if (!ep->fn->dt_memory_region)
			continue;
		acpi_add_reserved(acpi,
				  &(struct acpi_reserved){
					  .phandle = MACHINE_PHANDLE_IOMMUS + (uint32_t)machine_port_iommu(m, ep->port),
					  .sid = viommu_rid_to_sid((uint16_t)(bus << 8 | ep->fn->devfn)),
					  .window = arch_layout.msi_window,
				  });
	}
}

int machine_acpi(struct machine *m, struct acpi_blobs *out)
{
	struct acpi acpi;
	int err;

	acpi_start(&acpi);
	arch_describe_acpi(&m->vm, &acpi);
	for (unsigned i = 0; i < m->nr_devices; i++)
		if (m->devices[i]->class->describe_acpi)
			m->devices[i]->class->describe_acpi(m->devices[i], &acpi);
	for (unsigned i = 0; i < m->config->iommus_count; i++)
		if (m->iommus[i].virtio)
			virtio_iommu_describe_acpi(m->iommus[i].virtio, &acpi);
	describe_reserved(m, &acpi);
	err = acpi_finish(&acpi, out);
	acpi_free(&acpi);
	return err;
}

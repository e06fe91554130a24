/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-iommu, clause by clause of virtio 1.3, 5.13, driven by a test endpoint. */
#include "rig.h"

void payload_main(void)
{
	uint32_t phandle;

	if (!pci_init() || !tdev_init(&dev, 0) || !viommu_find(&iommu, 0)) {
		print("FAIL prepare: no test endpoint, or no virtio-iommu\n");
		return;
	}
	if (!pci_map_rid("iommu-map", pci_rid(dev.fn), &phandle, &endpoint)) {
		print("FAIL prepare: the test endpoint is not behind an IOMMU\n");
		return;
	}
	tdev_enable(&dev);
	data = aligned(65536);
	irq_init();
	run_cases(request_cases, nr_request);
	run_cases(dma_cases, nr_dma);
	run_cases(hostile_cases, nr_hostile);
}

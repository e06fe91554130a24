/* SPDX-License-Identifier: Apache-2.0 */
/* The SMMUv3, clause by clause of Arm IHI 0070, driven by a test endpoint. */
#include "waits.h"

static bool prepare(void)
{
	uint32_t phandle;

	if (!pci_init() || !tdev_init(&dev, 0)) {
		print("FAIL prepare: no test endpoint\n");
		return false;
	}
	tdev_enable(&dev);
	if (!smmu_find(&smmu, 0) || !pci_map_rid("iommu-map", pci_rid(dev.fn), &phandle, &sid) ||
	    phandle != smmu.phandle) {
		print("FAIL prepare: the test endpoint is not behind an SMMU\n");
		return false;
	}
	if (!irq_init()) {
		print("FAIL prepare: no ITS\n");
		return false;
	}
	data = aligned(65536);
	spare = aligned(65536);
	print("SMMU at 0x%llx, IDR 0x%x 0x%x 0x%x 0x%x, StreamID 0x%x\n", (unsigned long long)smmu.base, smmu.idr0,
	      smmu.idr1, smmu.idr3, smmu.idr5, sid);
	return true;
}

void payload_main(void)
{
	if (!prepare())
		return;
	run_cases(global_cases, nr_global);
	run_cases(config_cases, nr_config);
	run_cases(s1_cases, nr_s1);
	run_cases(s2_cases, nr_s2);
	run_cases(fault_cases, nr_fault);
	run_cases(ssid_cases, nr_ssid);
	run_cases(tlb_cases, nr_tlb);
	run_cases(queue_cases, nr_queue);
	run_cases(message_cases, nr_message);
	run_cases(stream_cases, nr_stream);
	run_cases(stall_cases, nr_stall);
	run_cases(ats_cases, nr_ats);
	run_cases(pri_cases, nr_pri);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Each request with each status that the specification names (5.13.6). */
#include "rig.h"

#define NOBODY 0xff00u

static uint32_t domain_last(void)
{
	return read32(iommu.vio.config + VC_DOMAINS + 4);
}

static uint64_t input_last(void)
{
	return read32(iommu.vio.config + VC_INPUT + 8) | (uint64_t)read32(iommu.vio.config + VC_INPUT + 12) << 32;
}

static uint64_t granule(void)
{
	return iommu.page_sizes & -iommu.page_sizes;
}

static void configuration(void)
{
	rig_reset();
	CHECK(iommu.page_sizes != 0 && granule() >= 4096 && granule() <= 65536, "page_size_mask 0x%llx",
	      (unsigned long long)iommu.page_sizes);
	CHECK_EQ(iommu.vio.features & VF_ALL, VF_ALL);
	CHECK(input_last() >= 0xffffffff, "input range ends at 0x%llx", (unsigned long long)input_last());
	CHECK(domain_last() >= D, "domain range ends at %u", domain_last());
	CHECK(iommu.probe_size >= 24, "probe_size %u", iommu.probe_size);
	CHECK(!(iommu.vio.offered & VF_BYPASS) || (iommu.vio.offered & VF_BYPASS_CONFIG),
	      "BYPASS without BYPASS_CONFIG");
}

/* 5.13.6.3.2 */
static void attach(void)
{
	rig_reset();
	STATUS(viommu_attach(&iommu, D, NOBODY, 0), VS_NOENT);
	STATUS(viommu_attach(&iommu, D, endpoint, BIT32(31)), VS_INVAL);
	STATUS(viommu_attach(&iommu, D, endpoint, 0), VS_OK);
	STATUS(viommu_attach(&iommu, D, endpoint, 0), VS_OK);
	STATUS(viommu_attach(&iommu, D + 1, endpoint, 0), VS_OK);
	if (domain_last() != UINT32_MAX)
		STATUS(viommu_attach(&iommu, domain_last() + 1, endpoint, 0), VS_RANGE);
	STATUS(viommu_attach(&iommu, domain_last(), endpoint, 0), VS_OK);
}

/* 5.13.6.4.2 */
static void detach(void)
{
	rig_reset();
	STATUS(viommu_detach(&iommu, D, NOBODY), VS_NOENT);
	STATUS(viommu_detach(&iommu, D, endpoint), VS_INVAL);
	STATUS(viommu_attach(&iommu, D, endpoint, 0), VS_OK);
	STATUS(viommu_detach(&iommu, D + 1, endpoint), VS_INVAL);
	STATUS(viommu_detach(&iommu, D, endpoint), VS_OK);
	STATUS(viommu_detach(&iommu, D, endpoint), VS_INVAL);
}

/* A domain goes with its last endpoint, and its mappings with it (5.13.6.4). */
static void domain_ends(void)
{
	rig_mapped(VM_READ);
	STATUS(viommu_detach(&iommu, D, endpoint), VS_OK);
	STATUS(viommu_map(&iommu, D, 0x100000, 0x100fff, pa(data), VM_READ), VS_NOENT);
	STATUS(viommu_unmap(&iommu, D, 0, input_last()), VS_NOENT);
	STATUS(viommu_attach(&iommu, D, endpoint, 0), VS_OK);
	faults(VA, false, VFR_MAPPING);
	STATUS(viommu_map(&iommu, D, VA, VA + 0xfff, pa(data), VM_READ), VS_OK);
}

/* 5.13.6.5.2 */
static void map(void)
{
	uint64_t g;

	rig_reset();
	g = granule();
	STATUS(viommu_map(&iommu, D, VA, VA + g - 1, pa(data), VM_READ), VS_NOENT);
	STATUS(viommu_attach(&iommu, D, endpoint, 0), VS_OK);
	STATUS(viommu_map(&iommu, D, VA, VA + g - 1, pa(data), BIT32(31)), VS_INVAL);
	STATUS(viommu_map(&iommu, D, VA, VA - 1, pa(data), VM_READ), VS_INVAL);
	STATUS(viommu_map(&iommu, D, VA + 1, VA + g - 1, pa(data), VM_READ), VS_RANGE);
	STATUS(viommu_map(&iommu, D, VA, VA + g - 2, pa(data), VM_READ), VS_RANGE);
	STATUS(viommu_map(&iommu, D, VA, VA + g - 1, pa(data) + 1, VM_READ), VS_RANGE);
	STATUS(viommu_map(&iommu, D, VA, VA + g - 1, pa(data), VM_READ), VS_OK);
	STATUS(viommu_map(&iommu, D, VA, VA + g - 1, pa(data), VM_READ), VS_INVAL);
	STATUS(viommu_map(&iommu, D, VA - g, VA + 2 * g - 1, pa(data), VM_READ), VS_INVAL);
	STATUS(viommu_map(&iommu, D, VA + g, VA + 2 * g - 1, pa(data), VM_READ | VM_WRITE), VS_OK);
	if (input_last() != UINT64_MAX)
		STATUS(viommu_map(&iommu, D, input_last() + 1, input_last() + g, pa(data), VM_READ), VS_RANGE);
	STATUS(viommu_map(&iommu, D, input_last() - g + 1, input_last(), pa(data), VM_READ), VS_OK);
	gives(input_last() - g + 1, MAGIC);
	gives(VA, MAGIC);
}

/* 5.13.6.6: the table of examples. Units of one granule. */
static void unmap(void)
{
	static const struct {
		unsigned maps; /* 1: [0,9]; 2: [0,4] and [5,9]; 3: [0,4] and [10,14] */
		uint64_t first, last;
		unsigned status;
		bool a, b; /* what is left at 0 and at 5 (or 10) */
	} cases[] = {
		{0, 0, 4, VS_OK, false, false},	  {1, 0, 9, VS_OK, false, false}, {2, 0, 9, VS_OK, false, false},
		{1, 0, 4, VS_RANGE, true, true},  {2, 0, 4, VS_OK, false, true},  {3, 0, 14, VS_OK, false, false},
		{1, 5, 20, VS_RANGE, true, true}, {2, 5, 20, VS_OK, true, false}, {1, 10, 20, VS_OK, true, true},
	};

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t g, second = cases[i].maps == 3 ? 10 : 5;

		step("example %u", i);
		rig_reset();
		g = granule();
		STATUS(viommu_attach(&iommu, D, endpoint, 0), VS_OK);
		if (cases[i].maps == 1)
			STATUS(viommu_map(&iommu, D, 0, 10 * g - 1, pa(data), VM_READ), VS_OK);
		if (cases[i].maps >= 2) {
			STATUS(viommu_map(&iommu, D, 0, 5 * g - 1, pa(data), VM_READ), VS_OK);
			STATUS(viommu_map(&iommu, D, second * g, (second + 5) * g - 1, pa(data) + 5 * g, VM_READ),
			       VS_OK);
		}
		data[5 * g / 8] = 5;
		STATUS(viommu_unmap(&iommu, D, cases[i].first * g, (cases[i].last + 1) * g - 1), cases[i].status);
		if (cases[i].a)
			gives(0, MAGIC);
		else
			faults(0, false, VFR_MAPPING);
		if (cases[i].b)
			gives(second * g, 5);
		else
			faults(second * g, false, VFR_MAPPING);
		if (failed())
			return;
	}
}

/* 5.13.6.7; the properties are well formed and end with type 0 or at probe_size. */
static void probe(void)
{
	bool msi = false;

	rig_reset();
	STATUS(viommu_probe(&iommu, NOBODY), VS_NOENT);
	STATUS(viommu_probe(&iommu, endpoint), VS_OK);
	for (unsigned at = 0; at + 4 <= iommu.probe_size;) {
		unsigned type = iommu.in[at] | (iommu.in[at + 1] & 0x0f) << 8;
		unsigned len = iommu.in[at + 2] | iommu.in[at + 3] << 8;
		uint64_t first, last;

		if (type == 0)
			break;
		CHECK_EQ(type, 1);
		CHECK_EQ(len, 20);
		memcpy(&first, iommu.in + at + 8, 8);
		memcpy(&last, iommu.in + at + 16, 8);
		CHECK(first < last, "region from 0x%llx to 0x%llx", (unsigned long long)first,
		      (unsigned long long)last);
		if (iommu.in[at + 4] == 1 && first <= irq_doorbell() && irq_doorbell() <= last)
			msi = true;
		at += 4 + len;
	}
	CHECK(msi, "the doorbell is in no MSI region");
}

/* 5.13.6.8.1.2 */
static void reserved_region(void)
{
	uint64_t at = irq_doorbell() & ~0xffffull;

	rig_reset();
	STATUS(viommu_attach(&iommu, D, endpoint, 0), VS_OK);
	STATUS(viommu_map(&iommu, D, at, at + 0xffff, pa(data), VM_READ | VM_WRITE), VS_INVAL);
	STATUS(viommu_map(&iommu, D, 0, 0xffffffff, 0, VM_READ | VM_WRITE), VS_INVAL);
}

/* ATTACH_F_BYPASS: a domain without mappings (5.13.6.3.2). */
static void bypass_domain(void)
{
	rig_reset();
	STATUS(viommu_attach(&iommu, D, endpoint, VA_BYPASS), VS_OK);
	gives(pa(data), MAGIC);
	takes(pa(data) + 8, data + 1);
	STATUS(viommu_map(&iommu, D, VA, VA + 0xffff, pa(data), VM_READ), VS_INVAL);
	STATUS(viommu_unmap(&iommu, D, VA, VA + 0xffff), VS_INVAL);
	STATUS(viommu_attach(&iommu, D, endpoint, 0), VS_INVAL);
	gives(pa(data), MAGIC);
	STATUS(viommu_attach(&iommu, D + 1, endpoint, 0), VS_OK);
	STATUS(viommu_attach(&iommu, D + 1, endpoint, VA_BYPASS), VS_INVAL);
	faults(pa(data), false, VFR_MAPPING);
}

/* Features that were not negotiated are not there. */
static void without_features(void)
{
	rig_reset();
	CHECK(viommu_start(&iommu, VF_MAP_UNMAP | VF_INPUT_RANGE | VF_DOMAIN_RANGE), "does not start");
	STATUS(viommu_attach(&iommu, D, endpoint, VA_BYPASS), VS_INVAL);
	STATUS(viommu_attach(&iommu, D, endpoint, 0), VS_OK);
	STATUS(viommu_map(&iommu, D, VA, VA + 0xffff, pa(data), VM_READ | VM_MMIO), VS_INVAL);
	STATUS(viommu_map(&iommu, D, VA, VA + 0xffff, pa(data), VM_READ), VS_OK);
	STATUS(viommu_probe(&iommu, endpoint), VS_NONE);
}

const struct guest_case request_cases[] = {
	{"viommu configuration", configuration},
	{"viommu ATTACH", attach},
	{"viommu DETACH", detach},
	{"viommu end of a domain", domain_ends},
	{"viommu MAP", map},
	{"viommu UNMAP", unmap},
	{"viommu PROBE", probe},
	{"viommu reserved region", reserved_region},
	{"viommu bypass domain", bypass_domain},
	{"viommu features not negotiated", without_features},
};
const unsigned nr_request = ARRAY_LEN(request_cases);

/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and queues that no driver would make. */
#include "rig.h"

/* 5.13.6: what cannot be parsed comes back unwritten, used length 0. */
static void types(void)
{
	static const uint8_t unknown[] = {0, 6, 7, 0x80, 0xff};

	rig_reset();
	for (unsigned i = 0; i < ARRAY_LEN(unknown); i++) {
		step("type %u", unknown[i]);
		memset(iommu.out, 0, 64);
		iommu.out[0] = unknown[i];
		CHECK_EQ((unsigned)viommu_raw(&iommu, 64, 4), 0);
		CHECK_EQ(iommu.in[0], 0xee);
	}
}

static void lengths(void)
{
	rig_mapped(VM_READ);
	for (unsigned out = 1; out < 40; out++)
		for (unsigned in = 0; in < 6; in++) {
			step("%u bytes out, %u in", out, in);
			memset(iommu.out, 0, 64);
			iommu.out[0] = 4; /* UNMAP of nothing in domain 0 */
			CHECK(viommu_raw(&iommu, out, in) >= 0, "nothing came back");
		}
	gives(VA, MAGIC);
}

static void reserved_fields(void)
{
	rig_reset();
	memset(iommu.out, 0, 64);
	iommu.out[0] = 1;
	iommu.out[4] = D;
	memcpy(iommu.out + 8, &endpoint, 4);
	iommu.out[16] = 1; /* reserved of ATTACH */
	CHECK_EQ((unsigned)viommu_raw(&iommu, 20, 4), 4);
	CHECK_EQ(iommu.in[0], VS_INVAL);
}

static void short_probe(void)
{
	int len;

	rig_reset();
	memset(iommu.out, 0, 128);
	iommu.out[0] = 5;
	memcpy(iommu.out + 4, &endpoint, 4);
	len = viommu_raw(&iommu, 72, 4 + 8);
	CHECK_EQ((unsigned)len, 12);
	CHECK_EQ(iommu.in[8], VS_INVAL);
}

/* Split over descriptors of one byte each, in both directions. */
static void crumbs(void)
{
	struct vio_queue *q = &iommu.requests;
	uint32_t id, len;

	rig_reset();
	STATUS(viommu_attach(&iommu, D, endpoint, 0), VS_OK);
	memset(iommu.out, 0, 64);
	iommu.out[0] = 2;
	iommu.out[4] = D;
	memcpy(iommu.out + 8, &endpoint, 4);
	for (unsigned i = 0; i < 12; i++)
		q->desc[i] = (struct vio_desc){pa(iommu.out) + i, 1, VIO_D_NEXT, (uint16_t)(i + 1)};
	q->desc[12] = (struct vio_desc){pa(iommu.out) + 12, 8, VIO_D_NEXT, 13};
	q->desc[13] = (struct vio_desc){pa(iommu.in), 1, VIO_D_WRITE | VIO_D_NEXT, 14};
	q->desc[14] = (struct vio_desc){pa(iommu.in) + 1, 1, VIO_D_WRITE | VIO_D_NEXT, 15};
	q->desc[15] = (struct vio_desc){pa(iommu.in) + 2, 2, VIO_D_WRITE, 0};
	memset(iommu.in, 0xee, 4);
	vio_kick(q, 0);
	CHECK(vio_used(q, &id, &len), "nothing came back");
	CHECK_EQ(len, 4);
	CHECK_EQ(iommu.in[0], VS_OK);
	CHECK_EQ(iommu.in[3], 0);
}

/* Broken rings stop the device (NEEDS_RESET), not more; after a reset it works. */
static void broken_rings(void)
{
	static const struct {
		const char *name;
		struct vio_desc desc;
		uint16_t head;
	} bad[] = {
		{"loop", {0, 16, VIO_D_NEXT, 0}, 0},
		{"next out of range", {0, 16, VIO_D_NEXT, 999}, 0},
		{"head out of range", {0, 16, 0, 0}, 77},
		{"out of RAM", {NOWHERE, 16, 0, 0}, 0},
		{"beyond the address space", {~0ull - 3, 16, 0, 0}, 0},
		{"endless", {0x40000000, UINT32_MAX, 0, 0}, 0},
		{"empty", {0x40000000, 0, 0, 0}, 0},
	};

	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		step("%s", bad[i].name);
		rig_mapped(VM_READ);
		iommu.requests.desc[0] = bad[i].desc;
		if (bad[i].desc.addr == 0)
			iommu.requests.desc[0].addr = pa(iommu.out);
		vio_kick(&iommu.requests, bad[i].head);
		gives(VA, MAGIC);
		rig_mapped(VM_READ);
		gives(VA, MAGIC);
		if (failed())
			return;
	}
}

static void available_index(void)
{
	rig_mapped(VM_READ);
	iommu.requests.avail[1] = 0x8000;
	write16(iommu.requests.notify, 0);
	gives(VA, MAGIC);
	rig_mapped(VM_READ);
	gives(VA, MAGIC);
}

/* Many mappings, and all gone by one UNMAP. */
static void many(void)
{
	rig_reset();
	STATUS(viommu_attach(&iommu, D, endpoint, 0), VS_OK);
	for (uint64_t i = 0; i < 1000; i++)
		STATUS(viommu_map(&iommu, D, i * 2 * PAGE, i * 2 * PAGE + 0xfff, pa(data), VM_READ), VS_OK);
	gives(998 * PAGE, MAGIC);
	faults(999 * PAGE, false, VFR_MAPPING);
	STATUS(viommu_unmap(&iommu, D, 0, 0xffffffff), VS_OK);
	faults(998 * PAGE, false, VFR_MAPPING);
}

const struct guest_case hostile_cases[] = {
	{"viommu unknown requests", types},	     {"viommu short requests", lengths},
	{"viommu reserved fields", reserved_fields}, {"viommu short PROBE", short_probe},
	{"viommu scattered request", crumbs},	     {"viommu broken rings", broken_rings},
	{"viommu available index", available_index}, {"viommu many mappings", many},
};
const unsigned nr_hostile = ARRAY_LEN(hostile_cases);

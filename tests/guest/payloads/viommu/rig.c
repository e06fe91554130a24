/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

struct viommu iommu;
struct tdev dev;
uint32_t endpoint;
uint64_t *data;

static uint64_t mark;

void set_bypass(bool on)
{
	write8(iommu.vio.config + VC_BYPASS, on);
}

void rig_reset(void)
{
	if (mark)
		memory_release(mark);
	else
		mark = memory_mark();
	if (!viommu_start(&iommu, VF_ALL))
		fail("the device does not start: status 0x%x", vio_status(&iommu.vio));
	set_bypass(false);
	memset(data, 0, 65536);
	data[0] = MAGIC;
	barrier();
}

void rig_mapped(uint32_t flags)
{
	rig_reset();
	STATUS(viommu_attach(&iommu, D, endpoint, 0), VS_OK);
	STATUS(viommu_map(&iommu, D, VA, VA + 0xffff, pa(data), flags), VS_OK);
}

static void no_event(void)
{
	struct viommu_fault f;

	if (viommu_event(&iommu, &f))
		fail("unexpected fault: reason %u flags 0x%x address 0x%llx", f.reason, f.flags,
		     (unsigned long long)f.address);
}

void gives(uint64_t iova, uint64_t value)
{
	if (failed())
		return;
	if (tdev_read8(&dev, iova, 0, 0) != TESTDEV_KIND_OK)
		fail("read of 0x%llx: code 0x%x", (unsigned long long)iova, dev.code);
	else if (dev.result != value)
		fail("read of 0x%llx gives 0x%llx, not 0x%llx", (unsigned long long)iova,
		     (unsigned long long)dev.result, (unsigned long long)value);
	no_event();
}

void takes(uint64_t iova, volatile uint64_t *where)
{
	static uint64_t value = 0x1234500;

	if (failed())
		return;
	value++;
	if (tdev_write8(&dev, iova, value, 0, 0) != TESTDEV_KIND_OK)
		fail("write to 0x%llx: code 0x%x", (unsigned long long)iova, dev.code);
	else if (*where != value)
		fail("write to 0x%llx did not arrive", (unsigned long long)iova);
	no_event();
}

void faults(uint64_t iova, bool write, unsigned reason)
{
	uint32_t flags = (write ? VFF_WRITE : VFF_READ) | VFF_ADDRESS;
	enum testdev_kind kind;
	struct viommu_fault f;

	if (failed())
		return;
	kind = write ? tdev_write8(&dev, iova, 1, 0, 0) : tdev_read8(&dev, iova, 0, 0);
	if (kind != TESTDEV_KIND_FAULT)
		fail("no fault at 0x%llx: code 0x%x", (unsigned long long)iova, dev.code);
	else if (!viommu_event(&iommu, &f))
		fail("no report of the fault at 0x%llx", (unsigned long long)iova);
	else if (f.reason != reason || f.flags != flags || f.endpoint != endpoint || f.address != iova)
		fail("fault at 0x%llx: reason %u flags 0x%x endpoint 0x%x address 0x%llx", (unsigned long long)iova,
		     f.reason, f.flags, f.endpoint, (unsigned long long)f.address);
	no_event();
}

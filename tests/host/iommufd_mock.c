/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aerie's viommu/host on the kernel's own mock device: what the pretended iommufd of the unit tests promises, the real
 * one must keep. Needs CONFIG_IOMMUFD_TEST; prints a verdict for each case.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host_ioctl.h"
#include "log.h"
#include "mock.h"
#include "nested.h"
#include "nested_priv.h"
#include "report.h"
#include "stats.h"

#define RAM_SIZE     (UINT64_C(16) << 20)
#define SID	     0x108u
#define IOTLB	     0xbadbeefu
#define BENCH_ROUNDS 10000u
#define MANY	     2000u

static const uint64_t ste_one[2] = {0xb, IOTLB}, ste_two[2] = {0xb, IOTLB + 1};

static struct iommufd iommufd;
static struct iommu_obj *ioas;
static struct host_dev dev;
static struct nested *nested;
static struct nested_dev *nd;
static struct nested_fault faults[NESTED_FAULT_BATCH];

static bool fault(uint32_t group, uint64_t addr)
{
	return mock_fault(&dev, 0, group, IOMMU_PGFAULT_PERM_READ | IOMMU_PGFAULT_PERM_WRITE, addr) == 0;
}

static bool readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) == 1;
}

static void nested_attach(void)
{
	CHECK(nested_can_stall(nd));
	CHECK(nested_attach_s1(nd, SID, ste_one) == 0);
	for (uint32_t i = 0; i < MOCK_CACHE_LINES; i++)
		CHECK(mock_iotlb_is(&iommufd, nd->s1->id, i, IOTLB));
	CHECK(nested_attach_s1(nd, SID, ste_two) == 0);
	CHECK(mock_iotlb_is(&iommufd, nd->s1->id, 0, IOTLB + 1));
	CHECK(!mock_iotlb_is(&iommufd, nd->s1->id, 0, IOTLB));
	CHECK(nested_attach_abort(nd) == 0);
	CHECK(!nd->s1);
	CHECK(nested_attach_s1(nd, SID, ste_one) == 0);
}

static void invalidations(void)
{
	const uint64_t cmds[3][2] = {{(uint64_t)SID << 32, 0}, {(uint64_t)SID << 32, 2}, {(uint64_t)SID << 32, 3}};
	const uint64_t bad[3][2] = {{(uint64_t)SID << 32, 1}, {(uint64_t)(SID + 1) << 32, 1}, {(uint64_t)SID << 32, 1}};
	uint32_t done;

	CHECK(mock_cache_is(&dev, 0, MOCK_CACHE_DEFAULT));
	CHECK(nested_invalidate(nested, cmds, 3, &done) == 0 && done == 3);
	CHECK(mock_cache_is(&dev, 0, 0));
	CHECK(mock_cache_is(&dev, 1, MOCK_CACHE_DEFAULT));
	CHECK(mock_cache_is(&dev, 2, 0) && mock_cache_is(&dev, 3, 0));
	/* The first is carried out, the second names a stream that does not exist. */
	CHECK(nested_invalidate(nested, bad, 3, &done) == -EINVAL && done == 1);
	CHECK(mock_cache_is(&dev, 1, 0));
	/* A cache of the device's own is not the stage-1 table's IOTLB. */
	CHECK(mock_iotlb_is(&iommufd, nd->s1->id, 1, IOTLB));
}

static void iotlb(void)
{
	struct {
		uint32_t flags, index;
	} inv = {0, 1};
	struct iommu_hwpt_invalidate arg = {
		.size = sizeof(arg),
		.hwpt_id = nd->s1->id,
		.data_uptr = (uintptr_t)&inv,
		.data_type = MOCK_INVALIDATE_DATA,
		.entry_len = sizeof(inv),
		.entry_num = 1,
	};

	CHECK(ioctl(iommufd.fd, IOMMU_HWPT_INVALIDATE, &arg) == 0);
	CHECK(mock_iotlb_is(&iommufd, nd->s1->id, 1, 0));
	CHECK(mock_iotlb_is(&iommufd, nd->s1->id, 0, IOTLB));
}

static void events(void)
{
	struct nested_event got[NESTED_EVENT_BATCH];
	uint32_t lost = 0;

	CHECK(nested_read_events(nested, got, &lost) == 0);
	CHECK(mock_event(&dev) == 0 && mock_event(&dev) == 0);
	mock_pump();
	CHECK(nested_read_events(nested, got, &lost) == 2 && lost == 0);
	CHECK(got[0].dw[0] >> 32 == SID);
}

/* More than the queue holds: the kernel says how many are missing, and what comes then is in sequence. */
static void events_lost(void)
{
	struct nested_event got[NESTED_EVENT_BATCH];
	uint32_t lost, all_lost = 0, n = 0;
	int more;

	for (unsigned i = 0; i < NESTED_EVENTQ_DEPTH + 7; i++)
		mock_event(&dev);
	mock_pump();
	while ((more = nested_read_events(nested, got, &lost)) > 0 || lost) {
		n += (uint32_t)more;
		all_lost += lost;
	}
	CHECK(n == NESTED_EVENTQ_DEPTH);
	CHECK(all_lost == 7);
	CHECK(mock_event(&dev) == 0);
	mock_pump();
	CHECK(nested_read_events(nested, got, &lost) == 1 && lost == 0);
}

static void fault_answers(void)
{
	CHECK(nested_read_faults(nested, faults) == 0);
	CHECK(mock_fault(&dev, 0, 7, IOMMU_PGFAULT_PERM_READ, 0x5000) == 0);
	CHECK(mock_fault(&dev, 42, 8, IOMMU_PGFAULT_PERM_WRITE | IOMMU_PGFAULT_PERM_PRIV, 0x6000) == 0);
	CHECK(readable(nested_fault_fd(nested), 1000));
	CHECK(nested_read_faults(nested, faults) == 2);
	CHECK(faults[0].dev == nd && faults[0].last && faults[0].group == 7 && faults[0].addr == 0x5000);
	CHECK(faults[0].pasid == NESTED_NO_PASID && faults[0].read && !faults[0].write && !faults[0].priv);
	/* a PASID that is not attached is the nested table's (user_pasid_table) */
	CHECK(faults[1].pasid == 42 && faults[1].write && !faults[1].read && faults[1].priv);
	CHECK(nested_answer(nd, faults[0].handle, true) == 0);
	CHECK(nested_answer(nd, faults[1].handle, false) == 0);
	CHECK(nested_answer(nd, faults[1].handle, false) == -ENOENT);
	CHECK(nested_pending(nested) == 0);
	CHECK(!readable(nested_fault_fd(nested), 0));
}

/* The kernel answers what is open when the table is replaced, and gives the cookies to others. */
static void fault_and_replace(void)
{
	uint32_t old;

	CHECK(fault(1, 0x1000) && fault(2, 0x2000));
	CHECK(nested_read_faults(nested, faults) == 2);
	old = faults[0].handle;
	CHECK(fault(3, 0x3000)); /* not read */
	CHECK(nested_attach_s1(nd, SID, ste_two) == 0);
	CHECK(nested_pending(nested) == 0);
	CHECK(nested_read_faults(nested, faults) == 0);
	CHECK(fault(4, 0x4000) && nested_read_faults(nested, faults) == 1);
	CHECK(nested_answer(nd, old, true) == -ENOENT);
	CHECK(nested_answer(nd, faults[0].handle, true) == 0);
}

static void fault_on_abort(void)
{
	CHECK(nested_attach_abort(nd) == 0);
	CHECK(fault(1, 0x1000)); /* the mock drops it: its HWPT has no queue */
	CHECK(!readable(nested_fault_fd(nested), 0));
	CHECK(nested_attach_s1(nd, SID, ste_one) == 0);
}

static void fault_expires(void)
{
	CHECK(fault(1, 0x1000) && nested_read_faults(nested, faults) == 1);
	CHECK(nested_expire(nested, nested_now(), faults) == 0);
	CHECK(nested_expire(nested, UINT64_MAX, faults) == 1);
	CHECK(nested_pending(nested) == 0);
}

/* An answer that the kernel does not know is EINVAL there: were one of ours such, the test above would not see it. */
static void cookies(void)
{
	const struct iommu_hwpt_page_response unknown = {.cookie = 12345, .code = IOMMUFD_PAGE_RESP_SUCCESS};

	CHECK(write(nested_fault_fd(nested), &unknown, sizeof(unknown)) == -1 && errno == EINVAL);
}

static void many_faults(void)
{
	uint64_t before = stats.host_faults_retried + stats.host_faults_refused;
	unsigned told = 0;
	int n;

	for (unsigned i = 0; i < MANY; i++) {
		CHECK(fault(i & 0x1ff, UINT64_C(0x1000) * i));
		if (i % 17)
			continue;
		while ((n = nested_read_faults(nested, faults)) > 0)
			for (int k = 0; k < n; k++, told++)
				CHECK(nested_answer(nd, faults[k].handle, told % 3 != 0) == 0);
	}
	while ((n = nested_read_faults(nested, faults)) > 0)
		for (int k = 0; k < n; k++, told++)
			CHECK(nested_answer(nd, faults[k].handle, true) == 0);
	CHECK(told == MANY);
	CHECK(stats.host_faults_retried + stats.host_faults_refused - before == MANY);
	CHECK(nested_pending(nested) == 0);
}

/* From the device's access to its retry, with nobody between: what the path through iommufd and viommu/host costs. */
static void bench(void)
{
	static uint64_t ns[BENCH_ROUNDS];

	for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
		uint64_t begin = report_now();

		CHECK(fault(1, UINT64_C(0x1000) * i));
		CHECK(readable(nested_fault_fd(nested), 1000));
		CHECK(nested_read_faults(nested, faults) == 1);
		CHECK(nested_answer(nd, faults[0].handle, true) == 0);
		ns[i] = report_now() - begin;
	}
	report_times("fault through iommufd, mock device", ns, BENCH_ROUNDS);
}

/* PASIDs beside the guest's tables: not what aerie does with SMMUv3, but the ground that it stands on. */
static void pasids(void)
{
	struct iommu_test_cmd cmd = {.id = (uint32_t)dev.fd, .pasid = {.pasid = 100}};
	uint32_t hwpt, other;

	CHECK(ioc_hwpt_alloc(iommufd.fd, dev.devid, ioas->id, IOMMU_HWPT_ALLOC_PASID, &hwpt) == 0);
	CHECK(ioc_hwpt_alloc(iommufd.fd, dev.devid, ioas->id, IOMMU_HWPT_ALLOC_PASID, &other) == 0);
	/* not beside a table without ALLOC_PASID */
	CHECK(nested_attach_abort(nd) == 0);
	cmd.op = MOCK_OP_PASID_ATTACH;
	cmd.pasid.pt = hwpt;
	CHECK(mock_op(&iommufd, &cmd) == -EINVAL);
	CHECK(ioc_attach(dev.fd, other) == 0);
	CHECK(mock_op(&iommufd, &cmd) == 0);
	CHECK(mock_op(&iommufd, &cmd) == -EINVAL || mock_op(&iommufd, &cmd) == -EBUSY);
	cmd.op = MOCK_OP_PASID_CHECK;
	CHECK(mock_op(&iommufd, &cmd) == 0);
	cmd.op = MOCK_OP_PASID_REPLACE;
	cmd.pasid.pt = other;
	CHECK(mock_op(&iommufd, &cmd) == 0);
	cmd.op = MOCK_OP_PASID_DETACH;
	CHECK(mock_op(&iommufd, &cmd) == 0);
	CHECK(ioc_attach(dev.fd, nested->abort->id) == 0);
	CHECK(ioc_destroy(iommufd.fd, hwpt) == 0 && ioc_destroy(iommufd.fd, other) == 0);
}

static void dirty_bitmap(void)
{
	uint64_t set = 0x5, seen = 0;
	uint32_t hwpt;
	struct iommu_test_cmd cmd = {.op = MOCK_OP_DIRTY,
				     .dirty = {.iova = MOCK_APERTURE,
					       .length = 64 * MOCK_PAGE,
					       .page_size = MOCK_PAGE,
					       .bitmap = (uintptr_t)&set}};
	struct iommu_hwpt_set_dirty_tracking on = {.size = sizeof(on), .flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE};
	struct iommu_hwpt_get_dirty_bitmap get = {.size = sizeof(get),
						  .iova = MOCK_APERTURE,
						  .length = 64 * MOCK_PAGE,
						  .page_size = MOCK_PAGE,
						  .data = (uintptr_t)&seen};

	CHECK(ioc_hwpt_alloc(iommufd.fd, dev.devid, ioas->id, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt) == 0);
	on.hwpt_id = get.hwpt_id = cmd.id = hwpt;
	CHECK(ioctl(iommufd.fd, IOMMU_HWPT_SET_DIRTY_TRACKING, &on) == 0);
	CHECK(mock_op(&iommufd, &cmd) == 0 && cmd.dirty.out_dirty == 2);
	CHECK(ioctl(iommufd.fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &get) == 0 && seen == set);
	seen = 0;
	CHECK(ioctl(iommufd.fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &get) == 0 && seen == 0); /* reading clears */
	CHECK(ioc_destroy(iommufd.fd, hwpt) == 0);
}

/* A BAR of another device as a target of DMA: revoked, its mapping is dead and must be made again. */
static void dma_buf(void)
{
	struct iommu_test_cmd get = {.op = MOCK_OP_DMABUF_GET, .dmabuf = {.length = 0x4000}};
	struct iommu_test_cmd revoke = {.op = MOCK_OP_DMABUF_REVOKE};
	iova_t at = iova(MOCK_APERTURE + 2 * RAM_SIZE);
	int fd = mock_op(&iommufd, &get);

	CHECK(fd >= 0);
	revoke.revoke.fd = fd;
	CHECK(ioas_map_file(ioas, at, fd, 0, 0x4000) == 0);
	revoke.revoke.revoked = 1;
	CHECK(mock_op(&iommufd, &revoke) == 0);
	CHECK(ioas_map_file(ioas, iova(at.v + 0x10000), fd, 0, 0x4000) < 0);
	revoke.revoke.revoked = 0;
	CHECK(mock_op(&iommufd, &revoke) == 0);
	CHECK(ioas_map_file(ioas, at, fd, 0, 0x4000) < 0); /* the dead one is still in its place */
	CHECK(ioas_unmap(ioas, at, 0x4000) == 0);
	CHECK(ioas_map_file(ioas, at, fd, 0, 0x4000) == 0);
	CHECK(ioas_unmap(ioas, at, 0x4000) == 0);
	close(fd);
}

/* Everything goes in the order in which viommu/host lets it go, with a fault open. */
static void the_end(void)
{
	CHECK(nested_attach_s1(nd, SID, ste_one) == 0);
	CHECK(fault(1, 0x1000) && nested_read_faults(nested, faults) == 1);
	nested_remove(&nd);
	CHECK(nested_pending(nested) == 0);
	nested_destroy(&nested);
	mock_close(&dev);
	iommu_obj_destroy(&ioas);
	CHECK(iommufd.objects == 0);
	iommufd_close(&iommufd);
}

static int begin(void)
{
	int ram = memfd_create("ram", MFD_CLOEXEC), err;

	if (ram < 0 || ftruncate(ram, (off_t)RAM_SIZE) < 0)
		return -errno;
	err = iommufd_open(&iommufd, -1);
	if (!err)
		err = ioas_create(&iommufd, &ioas);
	if (!err)
		err = ioas_map_file(ioas, iova(MOCK_APERTURE), ram, 0, RAM_SIZE);
	if (err)
		return err;
	err = mock_open(&dev, &iommufd, ioas, MOCK_DEVICE_PASID);
	if (err)
		return log_fail(err, "no mock device: %s; the kernel needs CONFIG_IOMMUFD_TEST", strerror(-err));
	err = nested_create(&nested, ioas, &dev);
	return err ? err : nested_add(&nd, nested, &dev);
}

int main(void)
{
	if (begin())
		return 1;
	report_case("nested-attach", nested_attach);
	report_case("invalidations", invalidations);
	report_case("iotlb", iotlb);
	report_case("events", events);
	report_case("events-lost", events_lost);
	report_case("fault-answers", fault_answers);
	report_case("fault-and-replace", fault_and_replace);
	report_case("fault-on-abort", fault_on_abort);
	report_case("fault-expires", fault_expires);
	report_case("cookies", cookies);
	report_case("many-faults", many_faults);
	report_case("bench", bench);
	report_case("pasids", pasids);
	report_case("dirty-bitmap", dirty_bitmap);
	report_case("dma-buf", dma_buf);
	report_case("the-end", the_end);
	return report_end();
}

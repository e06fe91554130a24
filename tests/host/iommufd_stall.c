/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aerie's viommu/host on an SMMUv3 that stalls: the program is the machine monitor of a guest that is only memory
 * (stall_guest.h). Its device is aerie's test endpoint, one level below: aerie is the hardware here, and Linux' own
 * arm-smmu-v3 and iommufd carry the faults. Argument: the endpoint's PCI address, bound to vfio-pci.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "nested.h"
#include "report.h"
#include "stall_dev.h"
#include "stall_guest.h"
#include "stats.h"

#define SID	     0x777u /* the guest's; nobody below knows it by that number */
#define PAGE	     4096u
#define WAIT_MS	     20000u
#define PATTERN	     UINT64_C(0x5a5a1234deadbeef)
#define BENCH_ROUNDS 300u
#define SOAK_ROUNDS  600u

#define CMD_TLBI_NH_ALL UINT64_C(0x10)
#define CMD_CFGI_CD_ALL (UINT64_C(0x06) | (uint64_t)SID << 32)
#define CMD_ALL_CDS	UINT64_C(31)
#define EVT_TRANSLATION 0x10u

static struct iommufd iommufd;
static struct iommu_obj *ioas;
static struct host_dev host;
static struct nested *nested;
static struct nested_dev *nd;
static struct guest guest;
static struct stall_dev dev;
static struct nested_fault faults[NESTED_FAULT_BATCH];

static uint64_t at(unsigned page)
{
	return GUEST_IOVA + page * (uint64_t)PAGE;
}

static bool invalidate(void)
{
	const uint64_t cmds[2][2] = {{CMD_TLBI_NH_ALL, 0}, {CMD_CFGI_CD_ALL, CMD_ALL_CDS}};
	uint32_t done;

	return nested_invalidate(nested, cmds, 2, &done) == 0 && done == 2;
}

static bool readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) == 1;
}

/* The faults that come next, one or more; 0: none in time. */
static int next_faults(void)
{
	return readable(nested_fault_fd(nested), WAIT_MS) ? nested_read_faults(nested, faults) : 0;
}

static bool is_filled(unsigned page, uint64_t with)
{
	for (unsigned i = 0; i < PAGE; i += 8)
		if (memcmp(guest_page(&guest, page) + i, &with, 8))
			return false;
	return true;
}

static void no_fault(void)
{
	guest_map(&guest, 0, true);
	stall_dev_go(&dev, 0, TESTDEV_OP_FILL, 0, at(0), PAGE, PATTERN, STALL_NO_PASID);
	CHECK(stall_dev_wait(&dev, 0, WAIT_MS) == TESTDEV_KIND_OK);
	CHECK(is_filled(0, PATTERN));
	CHECK(nested_read_faults(nested, faults) == 0);
}

static void write_fault(void)
{
	stall_dev_go(&dev, 0, TESTDEV_OP_FILL, 0, at(1), PAGE, PATTERN, STALL_NO_PASID);
	CHECK(next_faults() == 1);
	CHECK(faults[0].dev == nd && faults[0].last && faults[0].write && !faults[0].read);
	CHECK(faults[0].pasid == NESTED_NO_PASID && (faults[0].addr & ~UINT64_C(0xfff)) == at(1));
	CHECK(stall_dev_wait(&dev, 0, 50) == TESTDEV_KIND_NONE); /* it waits */
	CHECK(!is_filled(1, PATTERN));
	guest_map(&guest, 1, true);
	CHECK(nested_answer(nd, faults[0].handle, true) == 0);
	CHECK(stall_dev_wait(&dev, 0, WAIT_MS) == TESTDEV_KIND_OK);
	CHECK(is_filled(1, PATTERN));
}

static void read_fault_with_pasid(void)
{
	memset(guest_page(&guest, 2), 0x77, PAGE);
	stall_dev_go(&dev, 0, TESTDEV_OP_COPY, at(2), at(0), PAGE, 0, 2);
	CHECK(next_faults() == 1);
	CHECK(faults[0].read && !faults[0].write && faults[0].pasid == 2 && faults[0].addr == at(2));
	guest_map(&guest, 2, false);
	CHECK(nested_answer(nd, faults[0].handle, true) == 0);
	CHECK(stall_dev_wait(&dev, 0, WAIT_MS) == TESTDEV_KIND_OK);
	CHECK(!memcmp(guest_page(&guest, 0), guest_page(&guest, 2), PAGE));
}

/* "Retry" without a page: the same fault again, until there is one. */
static void retry_in_vain(void)
{
	stall_dev_go(&dev, 0, TESTDEV_OP_FILL, 0, at(3), PAGE, PATTERN, STALL_NO_PASID);
	for (unsigned i = 0; i < 3; i++) {
		CHECK(next_faults() == 1 && faults[0].addr == at(3));
		CHECK(nested_answer(nd, faults[0].handle, true) == 0);
	}
	CHECK(next_faults() == 1);
	guest_map(&guest, 3, true);
	CHECK(nested_answer(nd, faults[0].handle, true) == 0);
	CHECK(stall_dev_wait(&dev, 0, WAIT_MS) == TESTDEV_KIND_OK);
}

static void invalid(void)
{
	stall_dev_go(&dev, 0, TESTDEV_OP_FILL, 0, at(4), PAGE, PATTERN, STALL_NO_PASID);
	CHECK(next_faults() == 1);
	CHECK(nested_answer(nd, faults[0].handle, false) == 0);
	CHECK(stall_dev_wait(&dev, 0, WAIT_MS) == TESTDEV_KIND_FAULT);
	CHECK(stall_dev_read64(&dev, TESTDEV_CHAN(0) + TESTDEV_CH_FAULT) == at(4));
}

/* All channels wait at the same time, and are answered in another order. */
static void at_the_same_time(void)
{
	int n = 0;

	for (unsigned i = 0; i < TESTDEV_CHANNELS; i++)
		stall_dev_go(&dev, i, TESTDEV_OP_FILL, 0, at(8 + i), PAGE, PATTERN + i, STALL_NO_PASID);
	while (nested_pending(nested) < TESTDEV_CHANNELS) {
		CHECK(readable(nested_fault_fd(nested), WAIT_MS));
		struct nested_fault more[NESTED_FAULT_BATCH];
		int got = nested_read_faults(nested, more);

		CHECK(got > 0 && n + got <= (int)TESTDEV_CHANNELS);
		memcpy(&faults[n], more, (size_t)got * sizeof(more[0]));
		n += got;
	}
	for (int i = n - 1; i >= 0; i--) {
		guest_map(&guest, (unsigned)((faults[i].addr - GUEST_IOVA) / PAGE), true);
		CHECK(nested_answer(nd, faults[i].handle, true) == 0);
	}
	for (unsigned i = 0; i < TESTDEV_CHANNELS; i++) {
		CHECK(stall_dev_wait(&dev, i, WAIT_MS) == TESTDEV_KIND_OK);
		CHECK(is_filled(8 + i, PATTERN + i));
	}
}

/* The guest takes its table away while the device waits: the kernel answers, the device gets on. */
static void replaced(void)
{
	uint32_t handle;

	stall_dev_go(&dev, 0, TESTDEV_OP_FILL, 0, at(20), PAGE, PATTERN, STALL_NO_PASID);
	CHECK(next_faults() == 1);
	handle = faults[0].handle;
	CHECK(nested_attach_abort(nd) == 0);
	CHECK(stall_dev_wait(&dev, 0, WAIT_MS) == TESTDEV_KIND_FAULT);
	CHECK(nested_answer(nd, handle, true) == -ENOENT);
	CHECK(nested_attach_s1(nd, SID, guest.ste) == 0);
}

static void expired(void)
{
	stall_dev_go(&dev, 0, TESTDEV_OP_FILL, 0, at(21), PAGE, PATTERN, STALL_NO_PASID);
	CHECK(next_faults() == 1);
	CHECK(nested_expire(nested, UINT64_MAX, faults) == 1);
	CHECK(stall_dev_wait(&dev, 0, WAIT_MS) == TESTDEV_KIND_FAULT);
}

/* The device forgets; whoever answers later does no harm. */
static void device_reset(void)
{
	stall_dev_go(&dev, 0, TESTDEV_OP_FILL, 0, at(22), PAGE, PATTERN, STALL_NO_PASID);
	CHECK(next_faults() == 1);
	CHECK(stall_dev_reset(&dev) == 0);
	nested_answer(nd, faults[0].handle, true);
	CHECK(nested_pending(nested) == 0);
	guest_map(&guest, 22, true);
	stall_dev_go(&dev, 0, TESTDEV_OP_FILL, 0, at(22), PAGE, PATTERN, STALL_NO_PASID);
	CHECK(stall_dev_wait(&dev, 0, WAIT_MS) == TESTDEV_KIND_OK);
	CHECK(is_filled(22, PATTERN));
}

/* CD.S = 0: the access fails at once, and the vEVENTQ tells of it with the guest's StreamID. */
static void terminated(void)
{
	struct nested_event events[NESTED_EVENT_BATCH];
	uint32_t lost;

	guest_cds(&guest, false);
	CHECK(invalidate());
	stall_dev_go(&dev, 0, TESTDEV_OP_FILL, 0, at(30), PAGE, PATTERN, STALL_NO_PASID);
	CHECK(stall_dev_wait(&dev, 0, WAIT_MS) == TESTDEV_KIND_FAULT);
	CHECK(readable(nested_event_fd(nested), WAIT_MS));
	CHECK(nested_read_events(nested, events, &lost) == 1 && lost == 0);
	CHECK((events[0].dw[0] & 0xff) == EVT_TRANSLATION && events[0].dw[0] >> 32 == SID && events[0].dw[2] == at(30));
	CHECK(nested_read_faults(nested, faults) == 0);
	guest_cds(&guest, true);
	CHECK(invalidate());
}

static uint32_t rnd(uint32_t below)
{
	static uint32_t seed = 1;

	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

/* Every answer, changes of the table and resets, in random order; each request ends, each page that was written has
 * what the device wrote. */
static void soak(void)
{
	uint64_t before = stats.host_faults;

	for (unsigned i = 0; i < SOAK_ROUNDS; i++) {
		unsigned page = 64 + rnd(128), how = rnd(16);
		bool mapped = guest_is_mapped(&guest, page);
		uint32_t kind;

		stall_dev_go(&dev, 0, TESTDEV_OP_FILL, 0, at(page), PAGE, PATTERN + i,
			     rnd(2) ? STALL_NO_PASID : 1 + rnd(GUEST_CDS - 1));
		if (!mapped) {
			CHECK(next_faults() == 1 && faults[0].addr == at(page));
			if (how == 0) {
				CHECK(nested_attach_abort(nd) == 0 && nested_attach_s1(nd, SID, guest.ste) == 0);
			} else if (how == 1) {
				CHECK(nested_answer(nd, faults[0].handle, false) == 0);
			} else {
				guest_map(&guest, page, true);
				CHECK(nested_answer(nd, faults[0].handle, true) == 0);
			}
		}
		kind = stall_dev_wait(&dev, 0, WAIT_MS);
		CHECK(kind == (!mapped && how < 2 ? TESTDEV_KIND_FAULT : TESTDEV_KIND_OK));
		CHECK(kind != TESTDEV_KIND_OK || is_filled(page, PATTERN + i));
		if (rnd(3) == 0) {
			guest_unmap(&guest, page);
			CHECK(invalidate());
		}
	}
	CHECK(nested_pending(nested) == 0);
	printf("LAB: soak %u requests, %llu faults\n", SOAK_ROUNDS, (unsigned long long)(stats.host_faults - before));
}

/* From the word that starts the device to the end of its access, and of that the part of the fault. */
static void bench(void)
{
	static uint64_t with[BENCH_ROUNDS], without[BENCH_ROUNDS], handling[BENCH_ROUNDS];

	for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
		unsigned page = 256 + i % 128;
		uint64_t begin = report_now(), seen;

		stall_dev_go(&dev, 0, TESTDEV_OP_FILL, 0, at(page), 64, PATTERN, STALL_NO_PASID);
		CHECK(next_faults() == 1);
		seen = report_now();
		guest_map(&guest, page, true);
		CHECK(nested_answer(nd, faults[0].handle, true) == 0);
		CHECK(stall_dev_wait(&dev, 0, WAIT_MS) == TESTDEV_KIND_OK);
		with[i] = report_now() - begin;
		handling[i] = report_now() - seen;
		begin = report_now();
		stall_dev_go(&dev, 0, TESTDEV_OP_FILL, 0, at(page), 64, PATTERN, STALL_NO_PASID);
		CHECK(stall_dev_wait(&dev, 0, WAIT_MS) == TESTDEV_KIND_OK);
		without[i] = report_now() - begin;
		guest_unmap(&guest, page);
		CHECK(invalidate());
	}
	report_times("request with a fault, aerie as the hardware", with, BENCH_ROUNDS);
	report_times("the same without", without, BENCH_ROUNDS);
	report_times("from the record to the end of the access", handling, BENCH_ROUNDS);
}

static int begin(const char *bdf)
{
	int err = guest_make(&guest, true);

	if (!err)
		err = iommufd_open(&iommufd, -1);
	if (!err)
		err = ioas_create(&iommufd, &ioas);
	if (!err)
		err = ioas_map_file(ioas, iova(GUEST_IPA), guest.memfd, 0, GUEST_SIZE);
	if (!err)
		err = host_dev_open(&host, bdf, &iommufd);
	if (!err)
		err = nested_create(&nested, ioas, &host);
	if (!err)
		err = nested_add(&nd, nested, &host);
	if (!err && !nested_can_stall(nd))
		err = log_fail(-ENOTSUP, "%s cannot stall here: no dma-can-stall, or an SMMU that does not stall", bdf);
	if (!err)
		err = stall_dev_open(&dev, &host);
	return err ? err : nested_attach_s1(nd, SID, guest.ste);
}

int main(int argc, char **argv)
{
	if (argc != 2 || begin(argv[1]))
		return 1;
	report_case("no-fault", no_fault);
	report_case("write-fault", write_fault);
	report_case("read-fault-with-pasid", read_fault_with_pasid);
	report_case("retry-in-vain", retry_in_vain);
	report_case("invalid", invalid);
	report_case("at-the-same-time", at_the_same_time);
	report_case("replaced", replaced);
	report_case("expired", expired);
	report_case("device-reset", device_reset);
	report_case("terminated", terminated);
	report_case("soak", soak);
	report_case("bench", bench);
	nested_remove(&nd);
	nested_destroy(&nested);
	host_dev_close(&host);
	iommu_obj_destroy(&ioas);
	iommufd_close(&iommufd);
	return report_end();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-iommu with assigned endpoints behind the shadow backend: what they reach, what it costs, what the guest is
 * told. */
#include <errno.h>

#include "run_suite.h"
#include "virtio_iommu_rig.h"

#define PAGE(n) (UINT64_C(0x1000) * (n))
#define END(n)	(PAGE((n) + 1) - 1)
#define PA(n)	(VD_RAM + PAGE(n))
#define UART	UINT64_C(0x9000000)

enum {
	UNSUPP = VIRTIO_IOMMU_S_UNSUPP,
	DEVERR = VIRTIO_IOMMU_S_DEVERR,
	INVAL = VIRTIO_IOMMU_S_INVAL,
	NOENT = VIRTIO_IOMMU_S_NOENT,
	FAULT = VIRTIO_IOMMU_S_FAULT,
	NOMEM = VIRTIO_IOMMU_S_NOMEM,
};

static void setup(void)
{
	rig_defaults();
	rig_start(true);
	ck_assert(vd_init(&d, VD_ALL, 0));
	fake_iommu_seen.nr_attached = 0;
}

static void setup_boot_bypass(void)
{
	rig_defaults();
	rig_config.boot_bypass = true;
	rig_start(true);
}

static void teardown(void)
{
	rig_stop();
}

/* No device was put in front of RAM's IOAS since the count was cleared. */
static void never_in_front_of_ram(void)
{
	for (unsigned i = 0; i < fake_iommu_seen.nr_attached; i++)
		ck_assert_uint_ne(fake_iommu_seen.attached[i], ram->id);
}

START_TEST(blocked_until_attached)
{
	ck_assert_ptr_nonnull(host[0].fake->attached);
	ck_assert_uint_eq(host_goes(0, PA(0), DMA_READ), NOWHERE);
	ck_assert_int_eq(attach(1, HOST0, 0), OK);
	ck_assert_uint_eq(host_goes(0, PA(0), DMA_READ), NOWHERE);
	ck_assert_int_eq(map(1, 0, END(3), PA(8), R), OK);
	ck_assert_uint_eq(host_goes(0, PAGE(2), DMA_READ), PA(10));
	ck_assert_uint_eq(host_goes(0, PAGE(2), DMA_WRITE), NOWHERE);
	ck_assert_uint_eq(host_goes(1, PAGE(2), DMA_READ), NOWHERE);
	ck_assert_int_eq(detach(1, HOST0), OK);
	ck_assert_ptr_nonnull(host[0].fake->attached); /* the host's MSI page stays mapped */
	ck_assert_uint_eq(host_goes(0, PAGE(2), DMA_READ), NOWHERE);
	never_in_front_of_ram();
	ck_assert_uint_eq(fake_iommu_seen.nr_attached, 2);
	ck_silent();
}
END_TEST

/* One ioctl for each MAP and UNMAP of a domain with assigned endpoints, none without. */
START_TEST(cost)
{
	unsigned calls;

	ck_assert_int_eq(attach(1, HOST0, 0), OK);
	ck_assert_int_eq(attach(1, HOST1, 0), OK);
	ck_assert_int_eq(attach(1, EMU0, 0), OK);
	ck_assert_int_eq(attach(2, EMU1, 0), OK);
	calls = fake_calls();
	ck_assert_int_eq(map(1, 0, END(0), PA(0), R | W), OK);
	ck_assert_uint_eq(fake_calls() - calls, 1);
	ck_assert_int_eq(map(1, PAGE(1), END(7), PA(20), R | W), OK);
	ck_assert_int_eq(map(1, PAGE(9), END(9), UART, R | W | MMIO), OK);
	ck_assert_int_eq(map(1, PAGE(10), END(10), UART, 0), OK);
	ck_assert_uint_eq(fake_calls() - calls, 2);
	calls = fake_calls();
	ck_assert_int_eq(unmap(1, 0, UINT64_MAX), OK);
	ck_assert_uint_eq(fake_calls() - calls, 1);
	ck_assert_uint_eq(host_goes(0, PAGE(1), DMA_READ), NOWHERE);
	ck_assert_int_eq(map(1, PAGE(9), END(9), UART, R | W | MMIO), OK);
	ck_assert_int_eq(unmap(1, PAGE(9), END(9)), OK);
	ck_assert_int_eq(unmap(1, 0, UINT64_MAX), OK); /* nothing there */
	for (unsigned i = 0; i < 100; i++)
		ck_assert_int_eq(map(2, PAGE(i), END(i), PA(i), R), OK);
	ck_assert_int_eq(unmap(2, 0, UINT64_MAX), OK);
	ck_assert_uint_eq(fake_calls() - calls, 1);
	ck_silent();
}
END_TEST

/* Each of these ATTACHs copies the domain's mappings, each DETACH drops the copies. One notification does not hold the
 * device lock for as many as the guest likes to queue. */
START_TEST(costly_requests)
{
	enum { MAPPINGS = 500, PAIRS = 60 };
	struct virtio_iommu_req_attach attaching = {.head.type = VIRTIO_IOMMU_T_ATTACH, .domain = 1, .endpoint = HOST0};
	struct virtio_iommu_req_detach detaching = {.head.type = VIRTIO_IOMMU_T_DETACH, .domain = 1, .endpoint = HOST0};
	uint64_t at, tails;
	unsigned before, n = 0;
	uint32_t used;
	uint16_t id;

	ck_assert_int_eq(attach(1, EMU0, 0), OK);
	for (unsigned i = 0; i < MAPPINGS; i++)
		ck_assert_int_eq(map(1, PAGE(2 * i), END(2 * i), PA(i % 8), R), OK);
	at = vd_alloc(&w, 128, 64);
	tails = vd_alloc(&w, 8 * PAIRS, 8);
	memcpy(vd_mem(&w, at, sizeof(attaching)), &attaching, sizeof(attaching));
	memcpy(vd_mem(&w, at + 64, sizeof(detaching)), &detaching, sizeof(detaching));
	memset(vd_mem(&w, tails, 8 * PAIRS), 0xee, 8 * PAIRS);
	for (unsigned i = 0; i < 2 * PAIRS; i++) {
		struct vr_buf bufs[] = {{at + i % 2 * 64, i % 2 ? sizeof(detaching) - 4 : sizeof(attaching) - 4, false},
					{tails + 4 * i, 4, true}};

		ck_assert_int_ge(vd_add(&d, 0, bufs, 2), 0);
	}
	before = fake_iommu_seen.copies;
	vd_kick(&d, 0);
	ck_assert_uint_gt(fake_iommu_seen.copies, before);
	ck_assert_uint_lt(fake_iommu_seen.copies - before, 20 * MAPPINGS);
	vd_pump(&w);
	while (vd_used(&d, 0, &id, &used))
		n++;
	ck_assert_uint_eq(n, 2 * PAIRS);
	for (unsigned i = 0; i < 2 * PAIRS; i++)
		ck_assert_uint_eq(*(uint8_t *)vd_mem(&w, tails + 4 * i, 1), OK);
	ck_assert_uint_eq(fake_iommu_seen.copies - before, PAIRS * MAPPINGS);
}
END_TEST

START_TEST(both_kinds_in_one_domain)
{
	ck_assert_int_eq(attach(1, EMU0, 0), OK);
	ck_assert_int_eq(map(1, 0, END(0), PA(5), R | W), OK);
	ck_assert_int_eq(map(1, PAGE(1), END(1), UART, R | W | MMIO), OK);
	ck_assert_int_eq(map(1, PAGE(2), END(2), PA(6), W), OK);
	/* An endpoint that comes late finds all of it, from the first moment. */
	fake_iommu_seen.nr_attached = 0;
	ck_assert_int_eq(attach(1, HOST0, 0), OK);
	ck_assert_uint_eq(fake_iommu_seen.nr_attached, 1);
	ck_assert_uint_eq(host_goes(0, 5, DMA_WRITE), PA(5) + 5);
	ck_assert_uint_eq(host_goes(0, PAGE(1), DMA_READ), NOWHERE); /* other devices: for emulated ones */
	ck_assert_uint_eq(host_goes(0, PAGE(2), DMA_WRITE), PA(6));
	ck_assert_uint_eq(emu_goes(0, PAGE(1) + 8, DMA_WRITE), UART + 8);
	ck_assert_int_eq(detach(1, EMU0), OK);
	ck_assert_uint_eq(host_goes(0, 5, DMA_WRITE), PA(5) + 5);
	ck_assert_int_eq(attach(1, EMU0, 0), OK);
	ck_assert_int_eq(detach(1, HOST0), OK);
	ck_assert_uint_eq(emu_goes(0, 5, DMA_WRITE), PA(5) + 5);
	ck_assert_uint_eq(fake_iommu_seen.maps, 1); /* RAM: the domain's copy has gone with the last assigned one */
	ck_silent();
}
END_TEST

START_TEST(what_the_host_cannot_map)
{
	const uint64_t top = VD_RAM + VD_RAM_SIZE;

	ck_assert_int_eq(attach(1, HOST0, 0), OK);
	ck_assert_int_eq(map(1, 0, END(0), UART, R | W), FAULT);
	ck_assert_int_eq(map(1, 0, END(1), top - 0x1000, R), FAULT);
	ck_assert_int_eq(map(1, 0, END(1), VD_RAM - 0x1000, R), FAULT);
	ck_assert_int_eq(map(1, 0, END(0), ~UINT64_C(0xfff), R), FAULT);
	ck_assert_int_eq(map(1, 0, END(0), top - 0x1000, R), OK);
	ck_assert_int_eq(map(1, 0x8010000, 0x8010fff, PA(0), R), INVAL); /* the host's window */
	ck_assert_int_eq(map(1, 0x80ff000, 0x8100fff, PA(0), R), INVAL);
	ck_assert_int_eq(map(1, 0x8100000, 0x8100fff, PA(0), R), OK);
	ck_assert_int_eq(map(1, (UINT64_C(1) << 44) - 0x1000, (UINT64_C(1) << 44) - 1, PA(0), R), OK);
	ck_assert_int_eq(map(1, UINT64_C(1) << 44, (UINT64_C(1) << 44) + 0xfff, PA(0), R), VIRTIO_IOMMU_S_RANGE);
	/* What emulated endpoints may have keeps an assigned one out: UNSUPP, and it stays where it was. */
	ck_assert_int_eq(attach(2, EMU0, 0), OK);
	ck_assert_int_eq(map(2, 0, END(0), UART, R | W), OK);
	ck_assert_int_eq(attach(2, HOST0, 0), UNSUPP);
	ck_assert_uint_eq(host_goes(0, 0, DMA_READ), top - 0x1000);
	ck_assert_int_eq(detach(2, HOST0), INVAL);
	ck_assert_int_eq(unmap(2, 0, END(0)), OK);
	ck_assert_int_eq(map(2, 0x8010000, 0x8010fff, PA(0), R), OK);
	ck_assert_int_eq(attach(2, HOST0, 0), UNSUPP);
	ck_assert_int_eq(unmap(2, 0x8010000, 0x8010fff), OK);
	ck_assert_int_eq(attach(2, HOST0, 0), OK);
	ck_silent();
}
END_TEST

START_TEST(bypass_modes)
{
	vd_write(&d, d.config + 36, 1, 1);
	ck_assert_uint_eq(host_goes(0, PA(3), DMA_WRITE), PA(3));
	ck_assert_uint_eq(host_goes(1, PA(3), DMA_WRITE), PA(3));
	ck_assert_int_eq(attach(1, HOST0, 0), OK);
	ck_assert_uint_eq(host_goes(0, PA(3), DMA_WRITE), NOWHERE);
	vd_write(&d, d.config + 36, 1, 0);
	ck_assert_uint_eq(host_goes(1, PA(3), DMA_WRITE), NOWHERE);
	ck_assert_int_eq(attach(2, HOST1, BYPASS), OK);
	ck_assert_uint_eq(host_goes(1, PA(3), DMA_WRITE), PA(3));
	ck_assert_int_eq(attach(2, HOST0, BYPASS), OK);
	ck_assert_int_eq(map(1, 0, END(0), PA(0), R), NOENT);
	ck_assert_int_eq(detach(2, HOST1), OK);
	ck_assert_uint_eq(host_goes(1, PA(3), DMA_WRITE), NOWHERE);
	vd_reset(&d);
	ck_assert_uint_eq(host_goes(0, PA(3), DMA_WRITE), NOWHERE);
	ck_silent();
}
END_TEST

START_TEST(resets)
{
	ck_assert_int_eq(attach(1, HOST0, 0), OK);
	ck_assert_int_eq(map(1, 0, END(0), PA(0), R), OK);
	vd_reset(&d);
	ck_assert_uint_eq(host_goes(0, 0, DMA_READ), NOWHERE);
	ck_assert_ptr_nonnull(host[0].fake->attached);
	ck_assert_uint_eq(fake_iommu_seen.maps, 1);
	never_in_front_of_ram();
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_int_eq(attach(1, HOST0, 0), OK);
	ck_assert_int_eq(map(1, 0, END(0), PA(0), R), OK);
	/* A host that refuses everything: the device ends detached, never where the guest had it. */
	host[0].fake->attach_err = EIO;
	vd_reset(&d);
	ck_assert_uint_eq(host_goes(0, 0, DMA_READ), NOWHERE);
	host[0].fake->attach_err = 0;
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_int_eq(attach(1, HOST0, 0), OK);
	ck_assert_int_eq(map(1, 0, END(0), PA(0), R), OK);
	host[0].fake->attach_err = host[0].fake->detach_err = EIO;
	ck_assert_int_eq(detach(1, HOST0), DEVERR);
	ck_assert_uint_eq(host_goes(0, 0, DMA_READ), PA(0)); /* the guest has been told */
	vd_reset(&d);
	rig_leaked = 1; /* the domain's IOAS, which is empty */
	ck_assert_uint_eq(host_goes(0, 0, DMA_READ), NOWHERE);
	host[0].fake->attach_err = host[0].fake->detach_err = 0;
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_int_eq(attach(1, HOST0, 0), OK);
}
END_TEST

START_TEST(boot_bypass)
{
	ck_assert_uint_eq(host_goes(0, PA(3), DMA_WRITE), PA(3));
	ck_assert(vd_init(&d, VD_ALL, 0));
	vd_write(&d, d.config + 36, 1, 0);
	ck_assert_uint_eq(host_goes(0, PA(3), DMA_WRITE), NOWHERE);
	vd_reset(&d);
	ck_assert_uint_eq(host_goes(0, PA(3), DMA_WRITE), NOWHERE);
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_int_eq(attach(1, HOST0, 0), OK);
	rig_lock();
	ck_assert_int_eq(pci_function_reset(virtio_iommu_function(viommu)), 0);
	rig_unlock();
	ck_assert_uint_eq(host_goes(0, PA(3), DMA_WRITE), PA(3));
	vd_enable_pci(&d);
	/* Bypass that the host refuses to one device is given to none. */
	ck_assert(vd_init(&d, VD_ALL, 0));
	vd_write(&d, d.config + 36, 1, 0);
	host[1].fake->attach_err = EIO;
	vd_write(&d, d.config + 36, 1, 1);
	ck_assert_uint_eq(vd_config(&d, 36, 1), 0);
	ck_assert_uint_eq(host_goes(0, PA(3), DMA_WRITE), NOWHERE);
	ck_assert_uint_eq(host_goes(1, PA(3), DMA_WRITE), NOWHERE);
	ck_assert_uint_eq(emu_goes(0, PA(3), DMA_WRITE), NOWHERE);
	host[1].fake->attach_err = 0;
}
END_TEST

static struct virtio_iommu_probe_resv_mem region(const uint8_t *answer, unsigned i)
{
	struct virtio_iommu_probe_resv_mem p;

	memcpy(&p, answer + i * sizeof(p), sizeof(p));
	return p;
}

START_TEST(probe_tells_of_the_host)
{
	uint8_t out[72] = {VIRTIO_IOMMU_T_PROBE}, in[388];
	const uint32_t rids[] = {HOST0, EMU0};

	for (unsigned i = 0; i < 2; i++) {
		memcpy(out + 4, &rids[i], 4);
		ck_assert_int_eq(rig_call(out, 72, in, 388), 388);
		ck_assert_uint_eq(in[384], OK);
		ck_assert_uint_eq(region(in, 0).subtype, VIRTIO_IOMMU_RESV_MEM_T_MSI);
		ck_assert_uint_eq(region(in, 0).start, 0x8000000);
		ck_assert_uint_eq(region(in, 0).end, 0x800ffff);
		ck_assert_uint_eq(region(in, 1).head.type, i ? 0 : VIRTIO_IOMMU_PROBE_T_RESV_MEM);
		ck_assert_uint_eq(region(in, 2).head.type, 0);
	}
	memcpy(out + 4, &rids[0], 4);
	rig_call(out, 72, in, 388);
	ck_assert_uint_eq(region(in, 1).subtype, VIRTIO_IOMMU_RESV_MEM_T_RESERVED);
	ck_assert_uint_eq(region(in, 1).start, 0x8010000);
	ck_assert_uint_eq(region(in, 1).end, 0x80fffff);
	ck_assert_uint_eq(vd_config(&d, 16, 8), (UINT64_C(1) << 44) - 1);
}
END_TEST

START_TEST(limits_of_the_host)
{
	rig_defaults();
	rig_start(true);
	/* Until a driver looks, the offer shrinks with the hosts' devices. */
	rig_lock();
	virtio_iommu_remove(viommu, &host[0].rid);
	virtio_iommu_remove(viommu, &host[1].rid);
	rig_unlock();
	fake_iommu.align = 0x10000;
	fake_iommu.aperture_last = UINT32_MAX;
	ck_assert_int_eq(rig_add_assigned(0), 0);
	ck_assert_uint_eq(vd_config(&d, 0, 8), ~UINT64_C(0xffff));
	ck_assert_uint_eq(vd_config(&d, 16, 8), UINT32_MAX);
	/* Now it has: a smaller aperture is a reserved region, a larger granule is refused. */
	fake_iommu.aperture_last = 0x7fffffff;
	ck_assert_int_eq(rig_add_assigned(1), 0);
	ck_assert_uint_eq(vd_config(&d, 16, 8), UINT32_MAX);
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_int_eq(attach(1, HOST1, 0), OK);
	ck_assert_int_eq(map(1, 0x80000000, 0x8000ffff, PA(0), R), INVAL);
	ck_assert_int_eq(detach(1, HOST1), OK);
	rig_lock();
	virtio_iommu_remove(viommu, &host[1].rid);
	rig_unlock();
	fake_iommu.align = 0x20000;
	ck_assert_int_eq(rig_add_assigned(1), -EINVAL);
	ck_said("pages of 131072 bytes");
	ck_assert_ptr_null(host[1].fake->attached);
}
END_TEST

START_TEST(without_a_host_side)
{
	struct assigned_ep h = {.rid = 1, .ep = {.name = "x", .rid = rig_rid}};

	rig_defaults();
	rig_start(false);
	rig_lock();
	ck_assert_int_eq(virtio_iommu_add_assigned(viommu, &h.ep, &h.dev), -EINVAL);
	rig_unlock();
}
END_TEST

/* Adding fails at each of its calls: the device is detached, and all is given back. */
START_TEST(adding_fails)
{
	for (unsigned nth = 1;; nth++) {
		int err;

		rig_lock();
		virtio_iommu_remove_all(viommu);
		rig_unlock();
		captured[0] = '\0';
		fake_fail_nth(nth, EIO);
		err = rig_add_assigned(0);
		fake_fail_nth(0, 0);
		if (!err)
			break;
		ck_assert(captured[0]);
		ck_assert_ptr_null(host[0].fake->attached);
		ck_assert_uint_lt(nth, 20);
	}
	ck_assert_int_eq(attach(1, HOST0, 0), OK);
}
END_TEST

/* Each call of each request fails: the status says so, and nothing has changed. */
START_TEST(requests_fail_with_the_host)
{
	static const int errors[] = {EIO, ENOMEM};
	unsigned tried = 0;

	for (unsigned e = 0; e < 2; e++)
		for (unsigned op = 0; op < 4; op++)
			for (unsigned nth = 1;; nth++, tried++) {
				int status;
				bool failed;

				ck_assert_int_eq(attach(1, HOST0, 0), OK);
				ck_assert_int_eq(map(1, 0, END(0), PA(0), R), OK);
				ck_assert_int_eq(attach(2, EMU0, 0), OK);
				ck_assert_int_eq(map(2, 0, END(0), PA(5), R), OK);
				fake_fail_nth(nth, errors[e]);
				switch (op) {
				case 0:
					status = map(1, PAGE(1), END(1), PA(1), R);
					break;
				case 1:
					status = unmap(1, 0, END(0));
					break;
				case 2:
					status = attach(2, HOST0, 0);
					break;
				default:
					status = attach(3, HOST0, BYPASS);
				}
				failed = fake_failed() && strcmp(fake_failed_call(), "ioctl IOMMU_DESTROY");
				rig_leaked += fake_failed() && !failed;
				fake_fail_nth(0, 0);
				if (failed) {
					ck_assert_int_ne(status, OK);
					ck_assert_int_eq(status, e == 1 && (op == 0 || op == 2) ? NOMEM : DEVERR);
					ck_assert_uint_eq(host_goes(0, 0, DMA_READ), PA(0));
					ck_assert_uint_eq(host_goes(0, PAGE(1), DMA_READ), NOWHERE);
					ck_assert_int_eq(map(1, 0, END(0), PA(0), R), INVAL);
					ck_assert_int_eq(unmap(1, 0, UINT64_MAX), OK);
				} else {
					ck_assert_int_eq(status, OK);
				}
				w.next_free = VD_RAM + 0x100000;
				ck_assert(vd_init(&d, VD_ALL, 0));
				if (!failed)
					break;
			}
	ck_assert_uint_ge(tried, 10);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("virtio_iommu_assigned");
	TCase *tc = tcase_create("assigned"), *boot = tcase_create("boot bypass"), *own = tcase_create("own start");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, blocked_until_attached);
	tcase_add_test(tc, cost);
	tcase_add_test(tc, costly_requests);
	tcase_add_test(tc, both_kinds_in_one_domain);
	tcase_add_test(tc, what_the_host_cannot_map);
	tcase_add_test(tc, bypass_modes);
	tcase_add_test(tc, resets);
	tcase_add_test(tc, probe_tells_of_the_host);
	tcase_add_test(tc, adding_fails);
	tcase_add_test(tc, requests_fail_with_the_host);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(boot, setup_boot_bypass, teardown);
	tcase_add_test(boot, boot_bypass);
	suite_add_tcase(suite, boot);
	tcase_add_checked_fixture(own, NULL, teardown);
	tcase_add_test(own, limits_of_the_host);
	tcase_add_test(own, without_a_host_side);
	suite_add_tcase(suite, own);
	return run_suite(suite);
}

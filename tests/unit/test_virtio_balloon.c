/* SPDX-License-Identifier: Apache-2.0 */
/* The balloon, driven as a guest does (virtio 1.3, 5.5). */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "balloon.h"
#include "balloon_regs.h"
#include "bits.h"
#include "capture.h"
#include "run_suite.h"
#include "virtio_driver.h"

#define PAGE 4096u

static struct vd_world w;
static struct vd d;
static struct virtio_device *dev;
static struct virtio_balloon_config config;

static void setup(void)
{
	capture_begin();
	vd_world_start(&w);
	config = (struct virtio_balloon_config){.name = "balloon0", .reporting = true, .deflate_on_oom = true};
}

static void teardown(void)
{
	vd_world_stop(&w);
	log_set_sink(NULL, NULL);
}

static void balloon(void)
{
	ck_assert_int_eq(virtio_balloon_create(&dev, &w.pci.vm, &config), 0);
	vd_probe(&d, &w, dev, 0);
}

/* A page of guest memory with something in it. */
static uint64_t page_with(uint8_t value)
{
	uint64_t at = vd_alloc(&w, PAGE, PAGE);

	memset(vd_mem(&w, at, PAGE), value, PAGE);
	return at;
}

/* What every byte of the page is, -1: not the same. */
static int page_is(uint64_t at)
{
	const uint8_t *p = vd_mem(&w, at, PAGE);

	return memcmp(p, p + 1, PAGE - 1) == 0 ? p[0] : -1;
}

static uint64_t host_bytes(void)
{
	struct stat st;

	ck_assert_int_eq(fstat(w.pci.vm.gmem.regions[0].fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static int64_t send_pfns(unsigned queue, const uint32_t *pfns, unsigned n)
{
	return vd_call(&d, queue, pfns, n * 4, NULL, 0);
}

START_TEST(identity)
{
	balloon();
	ck_assert_uint_eq(vd_cfg_read(&d, PCI_VENDOR_ID, 4), 0x10451af4);
	ck_assert_uint_eq(d.config_len, 16);
	uint64_t f = vd_offered(&d);

	ck_assert(f >> BALLOON_F_STATS_VQ & 1);
	ck_assert(f >> BALLOON_F_REPORTING & 1);
	ck_assert(f >> BALLOON_F_DEFLATE_ON_OOM & 1);
	ck_assert(!(f >> 3 & 1)); /* free page hints */
	config.reporting = config.deflate_on_oom = false;
	ck_assert_int_eq(virtio_balloon_create(&dev, &w.pci.vm, &config), 0);
	vd_probe(&d, &w, dev, 1);
	f = vd_offered(&d);
	ck_assert(!(f >> BALLOON_F_REPORTING & 1));
	ck_assert(!(f >> BALLOON_F_DEFLATE_ON_OOM & 1));
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_NUMQ, 2), 3);
}
END_TEST

START_TEST(target)
{
	balloon();
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_uint_eq(vd_config(&d, 0, 4), 0);
	uint64_t generation = vd_get(&d, VIRTIO_PCI_COMMON_CFGGENERATION, 1);

	vd_interrupts(&d, 0);
	ck_assert_int_eq(virtio_balloon_set_target(dev, 10 * PAGE + 17), 0);
	ck_assert_uint_eq(vd_interrupts(&d, 0), 1);
	ck_assert_uint_eq(vd_config(&d, 0, 4), 10);
	ck_assert_uint_ne(vd_get(&d, VIRTIO_PCI_COMMON_CFGGENERATION, 1), generation);
	ck_assert_int_eq(virtio_balloon_set_target(dev, VD_RAM_SIZE), 0);
	ck_assert_int_eq(virtio_balloon_set_target(dev, VD_RAM_SIZE + 1), -EINVAL);
	ck_assert_uint_eq(vd_config(&d, 0, 4), VD_RAM_SIZE / PAGE);
	vd_write(&d, d.config + 4, 4, 7); /* actual */
	ck_assert_uint_eq(virtio_balloon_actual(dev), 7 * PAGE);
	vd_write(&d, d.config + 0, 4, 99); /* ours */
	ck_assert_uint_eq(vd_config(&d, 0, 4), VD_RAM_SIZE / PAGE);
	vd_write(&d, d.config + 0, 8, UINT64_MAX);
	ck_assert_uint_eq(vd_config(&d, 0, 4), VD_RAM_SIZE / PAGE);
	/* A guest that starts again has all its memory, and is asked again. */
	vd_reset(&d);
	ck_assert_uint_eq(virtio_balloon_actual(dev), 0);
	ck_assert_uint_eq(vd_config(&d, 0, 4), VD_RAM_SIZE / PAGE);
}
END_TEST

/* _i: behind a translator or not. PFNs are physical all the same. */
START_TEST(inflate)
{
	uint64_t a = page_with(0x11), b = page_with(0x22), c = page_with(0x33), kept = page_with(0x44);
	uint32_t pfns[] = {(uint32_t)(a / PAGE), (uint32_t)(b / PAGE)};

	balloon();
	if (_i)
		vd_translate(&d);
	ck_assert(vd_init(&d, VD_ALL, 0));
	uint64_t before = host_bytes();

	ck_assert_int_eq(send_pfns(0, pfns, 2), 0);
	ck_assert_uint_eq(before - host_bytes(), 2 * PAGE);
	ck_assert_int_eq(page_is(a), 0);
	ck_assert_int_eq(page_is(b), 0);
	ck_assert_int_eq(page_is(c), 0x33);
	pfns[0] = (uint32_t)(c / PAGE); /* downwards, and not next to each other */
	pfns[1] = (uint32_t)(a / PAGE);
	ck_assert_int_eq(send_pfns(0, pfns, 2), 0);
	ck_assert_int_eq(page_is(c), 0);
	ck_assert_int_eq(page_is(kept), 0x44);
	ck_assert_int_eq(send_pfns(1, pfns, 2), 0); /* deflate */
	memset(vd_mem(&w, a, PAGE), 0x55, PAGE);
	ck_assert_int_eq(page_is(a), 0x55);
	ck_silent();
}
END_TEST

/* Many in one buffer, more than one turn of the loop takes. */
/* Linux' driver never accepts ACCESS_PLATFORM: behind an IOMMU it goes on with guest physical addresses. */
START_TEST(untranslated)
{
	uint64_t page = page_with(0x5a);
	uint32_t pfn = (uint32_t)(page / PAGE);

	balloon();
	vd_translate(&d);
	d.shift = 0;
	d.hole = VD_RAM; /* nothing of RAM is mapped */
	d.hole_len = VD_RAM_SIZE;
	dma_space_invalidate(&dev->ep.dma);
	ck_assert(vd_init(&d, VD_ALL & ~BIT64(VIRTIO_F_ACCESS_PLATFORM), 16));
	ck_assert_int_eq(send_pfns(0, &pfn, 1), 0);
	ck_assert_int_eq(page_is(page), 0);
	ck_assert_uint_eq(d.faults, 0);
	ck_assert(vd_init(&d, VD_ALL, 16)); /* this one's are translated */
	ck_assert_int_eq(send_pfns(0, &pfn, 1), -1);
}
END_TEST

START_TEST(inflate_many)
{
	enum { N = 1000 };
	static uint32_t pfns[N];
	uint64_t at = vd_alloc(&w, N * PAGE, PAGE);

	memset(vd_mem(&w, at, N * PAGE), 0x77, N * PAGE);
	for (unsigned i = 0; i < N; i++)
		pfns[i] = (uint32_t)(at / PAGE) + (_i ? N - 1 - i : (i * 7) % N);
	balloon();
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_int_eq(send_pfns(0, pfns, N), 0);
	for (unsigned i = 0; i < N; i++)
		ck_assert_int_eq(page_is(at + i * PAGE), 0);
}
END_TEST

START_TEST(hostile)
{
	uint64_t kept = page_with(0x44);
	uint32_t pfns[] = {0, 1, UINT32_MAX, UINT32_MAX, (VD_RAM + VD_RAM_SIZE) / PAGE, VD_RAM / PAGE - 1};

	balloon();
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_int_eq(send_pfns(0, pfns, ARRAY_LEN(pfns)), 0);
	ck_said("no memory");
	ck_assert_int_eq(vd_call(&d, 0, "abc", 3, NULL, 0), 0); /* no whole PFN */
	ck_assert_int_ge(vd_call(&d, 0, NULL, 0, pfns, 4), 0);	/* nothing to read */
	ck_assert_int_ge(vd_call(&d, 1, NULL, 0, pfns, 4), 0);
	ck_assert_int_eq(page_is(kept), 0x44);
	/* A reset while a long list is under way. */
	static uint32_t many[4000];

	for (unsigned i = 0; i < ARRAY_LEN(many); i++)
		many[i] = 1;
	uint64_t at = vd_alloc(&w, sizeof(many), 16);

	memcpy(vd_mem(&w, at, sizeof(many)), many, sizeof(many));
	vd_add(&d, 0, &(struct vr_buf){at, sizeof(many), false}, 1);
	vd_kick(&d, 0);
	vd_reset(&d);
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_int_eq(send_pfns(0, pfns, 1), 0);
}
END_TEST

/* 5.5.6.7; _i: which of the two queues, and whether there is a translator. */
START_TEST(reporting)
{
	unsigned queue = 3 + (_i & 1);
	uint64_t at = vd_alloc(&w, 16 * PAGE, PAGE);
	uint16_t id;
	uint32_t len;

	balloon();
	if (_i & 2)
		vd_translate(&d);
	ck_assert(vd_init(&d, VD_ALL, 0));
	memset(vd_mem(&w, at, 16 * PAGE), 0x66, 16 * PAGE);
	/* Pages 0 and 1, and of 4 to 7 all but the first and last bytes. */
	const struct vr_buf bufs[] = {{at, 2 * PAGE, true}, {at + 4 * PAGE + 1, 4 * PAGE - 2, true}};

	ck_assert_int_ge(vd_add(&d, queue, bufs, 2), 0);
	vd_kick(&d, queue);
	ck_assert(vd_wait(&d, queue, &id, &len, 1000));
	static const int want[] = {0, 0, 0x66, 0x66, 0x66, 0, 0, 0x66, 0x66};

	for (unsigned i = 0; i < ARRAY_LEN(want); i++)
		ck_assert_msg(page_is(at + i * PAGE) == want[i], "page %u", i);
	/* A guest that wants its pages full of something else keeps them. */
	vd_write(&d, d.config + 12, 4, 0xaaaaaaaa);
	ck_assert_int_ge(vd_add(&d, queue, &(struct vr_buf){at + 8 * PAGE, PAGE, true}, 1), 0);
	vd_kick(&d, queue);
	ck_assert(vd_wait(&d, queue, &id, &len, 1000));
	ck_assert_int_eq(page_is(at + 8 * PAGE), 0x66);
	/* After a reset it has said nothing yet. */
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_int_ge(vd_add(&d, queue, &(struct vr_buf){at + 8 * PAGE, PAGE, true}, 1), 0);
	vd_kick(&d, queue);
	ck_assert(vd_wait(&d, queue, &id, &len, 1000));
	ck_assert_int_eq(page_is(at + 8 * PAGE), 0);
}
END_TEST

/* RAM that an assigned device may reach stays where it is; said once. */
START_TEST(pinned)
{
	uint64_t a = page_with(0x11);
	uint32_t pfn = (uint32_t)(a / PAGE);
	uint8_t in[PAGE];

	config.pinned = true;
	balloon();
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_silent();
	ck_assert_int_eq(send_pfns(0, &pfn, 1), 0);
	ck_said("pinned");
	ck_assert_int_eq(page_is(a), 0x11);
	capture_begin();
	ck_assert_int_eq(send_pfns(0, &pfn, 1), 0);
	ck_assert_int_ge(vd_call(&d, 3, NULL, 0, in, sizeof(in)), 0);
	ck_silent();
}
END_TEST

START_TEST(statistics)
{
	const struct balloon_stat stats[] = {{4, 1000}, {5, 4000}, {4, 1001}, {999, 5}, {15, UINT64_MAX - 1}};
	uint64_t at = vd_alloc(&w, sizeof(stats) + 5, 16);
	uint16_t id;
	uint32_t len;

	memcpy(vd_mem(&w, at, sizeof(stats)), stats, sizeof(stats));
	balloon();
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert(!virtio_balloon_ask_stats(dev));
	ck_assert_uint_eq(virtio_balloon_stats(dev)->updates, 0);
	ck_assert_int_ge(vd_add(&d, 2, &(struct vr_buf){at, sizeof(stats) + 5, false}, 1), 0);
	vd_kick(&d, 2);
	vd_pump(&w);
	ck_assert(!vd_used(&d, 2, &id, &len)); /* kept for the next question */
	const struct virtio_balloon_stats *s = virtio_balloon_stats(dev);

	ck_assert_uint_eq(s->updates, 1);
	ck_assert_uint_eq(s->values[4], 1001);
	ck_assert_uint_eq(s->values[5], 4000);
	ck_assert_uint_eq(s->values[15], UINT64_MAX - 1);
	ck_assert_uint_eq(s->values[0], UINT64_MAX); /* not reported */
	ck_assert(virtio_balloon_ask_stats(dev));
	ck_assert(vd_used(&d, 2, &id, &len));
	ck_assert(!virtio_balloon_ask_stats(dev));
	/* Two at once: one comes back, none is lost. */
	vd_add(&d, 2, &(struct vr_buf){at, 10, false}, 1);
	vd_add(&d, 2, &(struct vr_buf){at, 20, false}, 1);
	vd_kick(&d, 2);
	vd_pump(&w);
	ck_assert(vd_used(&d, 2, &id, &len));
	ck_assert(!vd_used(&d, 2, &id, &len));
	ck_assert(virtio_balloon_ask_stats(dev));
	ck_assert(vd_used(&d, 2, &id, &len));
	/* A reset forgets the buffer. */
	vd_add(&d, 2, &(struct vr_buf){at, 20, false}, 1);
	vd_kick(&d, 2);
	vd_pump(&w);
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert(!virtio_balloon_ask_stats(dev));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("virtio_balloon");
	TCase *tc = tcase_create("balloon");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, identity);
	tcase_add_test(tc, target);
	tcase_add_loop_test(tc, inflate, 0, 2);
	tcase_add_test(tc, untranslated);
	tcase_add_loop_test(tc, inflate_many, 0, 2);
	tcase_add_test(tc, hostile);
	tcase_add_loop_test(tc, reporting, 0, 4);
	tcase_add_test(tc, pinned);
	tcase_add_test(tc, statistics);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

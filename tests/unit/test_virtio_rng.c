/* SPDX-License-Identifier: Apache-2.0 */
/* The entropy device, driven as a guest does (virtio 1.3, 5.4). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/virtio_ids.h>

#include "bits.h"
#include "log.h"
#include "rng.h"
#include "run_suite.h"
#include "virtio_driver.h"

static struct vd_world w;
static struct vd d;
static char last_line[512];

static void sink(enum log_level level, const char *line, void *opaque)
{
	snprintf(last_line, sizeof(last_line), "%s", line);
}

static void setup(void)
{
	struct virtio_device *dev;

	log_set_sink(sink, NULL);
	vd_world_start(&w);
	ck_assert_int_eq(virtio_rng_create(&dev, &w.pci.vm, "rng0"), 0);
	vd_probe(&d, &w, dev, 0);
}

static void teardown(void)
{
	vd_world_stop(&w);
	log_set_sink(NULL, NULL);
}

static bool all_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

START_TEST(identity)
{
	ck_assert_uint_eq(vd_cfg_read(&d, PCI_VENDOR_ID, 4), 0x10441af4);
	ck_assert_uint_ge(vd_cfg_read(&d, PCI_REVISION_ID, 1), 1);
	ck_assert_uint_ge(vd_cfg_read(&d, PCI_SUBSYSTEM_ID, 2), 0x40);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_NUMQ, 2), 1);
	ck_assert_uint_eq(d.config, 0);
}
END_TEST

/* Ring layouts and features with which the rest is tried. */
static const uint64_t feature_sets[] = {
	BIT64(VIRTIO_F_VERSION_1) | BIT64(VIRTIO_F_ACCESS_PLATFORM),
	VD_ALL & ~BIT64(VIRTIO_F_RING_PACKED),
	VD_ALL,
	VD_ALL & ~BIT64(VIRTIO_RING_F_EVENT_IDX),
};

START_TEST(random_bytes)
{
	uint8_t a[64] = {0}, b[64] = {0};

	if (_i & 1)
		vd_translate(&d);
	ck_assert(vd_init(&d, feature_sets[_i / 2], 4));
	for (unsigned i = 0; i < 50; i++) {
		ck_assert_int_eq(vd_call(&d, 0, NULL, 0, a, sizeof(a)), sizeof(a));
		ck_assert(!all_zero(a, sizeof(a)));
		ck_assert_mem_ne(a, b, sizeof(a));
		memcpy(b, a, sizeof(a));
		ck_assert_uint_ge(vd_interrupts(&d, 1), 1);
		vr_interrupts(&d.q[0].ring, true);
	}
	ck_assert_uint_eq(vd_interrupts(&d, 0), 0);
}
END_TEST

/* Large requests come back short or over several turns, in order, each with an honest length, and all are answered. */
START_TEST(large)
{
	const uint32_t len = 48u << 10;
	uint64_t at[8];
	uint16_t id;
	uint32_t used;

	ck_assert(vd_init(&d, VD_ALL, 16));
	for (unsigned i = 0; i < ARRAY_LEN(at); i++) {
		at[i] = vd_alloc(&w, len, 4096);
		ck_assert_int_ge(vd_add(&d, 0, &(struct vr_buf){at[i], len, true}, 1), 0);
	}
	vd_kick(&d, 0);
	ck_assert_uint_gt(vd_pump(&w), 2);
	for (unsigned i = 0; i < ARRAY_LEN(at); i++) {
		ck_assert(vd_used(&d, 0, &id, &used));
		ck_assert_uint_gt(used, 0);
		ck_assert_uint_le(used, len);
		const uint8_t *p = vd_mem(&w, at[i], len);
		ck_assert(!all_zero(p + used - (used > 16 ? 16 : used), used > 16 ? 16 : used));
		ck_assert(all_zero(p + used, len - used));
	}
	ck_assert(!vd_used(&d, 0, &id, &used));
}
END_TEST

/* A readable buffer is not touched; it is given back empty. */
START_TEST(readable)
{
	uint8_t out[32] = {1, 2, 3};

	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_int_eq(vd_call(&d, 0, out, sizeof(out), NULL, 0), 0);
	ck_assert_int_eq(vd_call(&d, 0, out, sizeof(out), out, sizeof(out)), sizeof(out));
}
END_TEST

/* A buffer outside of RAM or of what the IOMMU allows: DEVICE_NEEDS_RESET and a configuration interrupt; a reset
 * makes it work again. */
START_TEST(unreachable)
{
	uint64_t at = vd_alloc(&w, 8192, 4096);
	uint8_t a[16];

	if (_i)
		vd_translate(&d);
	ck_assert(vd_init(&d, VD_ALL, 0));
	if (_i)
		vd_hole(&d, at + 4096, 4096);
	else
		at = VD_RAM + VD_RAM_SIZE - 4096;
	vd_add(&d, 0, &(struct vr_buf){at, 8192, true}, 1);
	vd_kick(&d, 0);
	vd_pump(&w);
	ck_assert_uint_eq(d.faults, _i);
	ck_assert_ptr_nonnull(strstr(last_line, "rng0: queue 0"));
	ck_assert_uint_eq(vd_status(&d) & VIRTIO_CONFIG_S_NEEDS_RESET, VIRTIO_CONFIG_S_NEEDS_RESET);
	ck_assert_uint_eq(vd_interrupts(&d, 0), 1);
	ck_assert_uint_eq(vd_interrupts(&d, 1), 0);
	vd_kick(&d, 0);
	vd_pump(&w);
	ck_assert_uint_eq(vd_interrupts(&d, 0), 0);
	ck_assert(vd_init(&d, VD_ALL, 0));
	ck_assert_int_eq(vd_call(&d, 0, NULL, 0, a, sizeof(a)), sizeof(a));
}
END_TEST

/* Huge requests behind an IOMMU, without room for a single byte: one turn of the event loop, with the device lock held,
 * translates no more than the first of them, and all are answered in the end. */
START_TEST(short_turns)
{
	enum { N = 8, PIECE = 16 << 20, PIECES = 6 };
	struct vr_buf bufs[PIECES];
	struct epoll_event ev;
	unsigned turns = 0;
	uint32_t len;
	uint16_t id;

	vd_translate(&d);
	ck_assert(vd_init(&d, feature_sets[_i], 64));
	for (unsigned i = 0; i < PIECES; i++)
		bufs[i] = (struct vr_buf){VD_RAM, PIECE, false};
	for (unsigned n = 0; n < N; n++)
		ck_assert_int_ge(vd_add(&d, 0, bufs, PIECES), 0);
	d.translations = 0;
	vd_kick(&d, 0);
	while (epoll_wait(w.loop.epoll_fd, &ev, 1, 0) == 1) {
		struct loop_source *src = ev.data.ptr;

		src->handler(src);
		ck_assert_uint_le(d.translations, PIECES * (PIECE / 4096) + 64);
		d.translations = 0;
		turns++;
	}
	ck_assert_uint_ge(turns, N);
	for (unsigned n = 0; n < N; n++)
		ck_assert(vd_used(&d, 0, &id, &len));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("virtio_rng");
	TCase *tc = tcase_create("rng");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, identity);
	tcase_add_loop_test(tc, random_bytes, 0, 2 * ARRAY_LEN(feature_sets));
	tcase_add_test(tc, large);
	tcase_add_test(tc, readable);
	tcase_add_loop_test(tc, unreachable, 0, 2);
	tcase_add_loop_test(tc, short_turns, 0, ARRAY_LEN(feature_sets));
	suite_add_tcase(s, tc);
	return run_suite(s);
}

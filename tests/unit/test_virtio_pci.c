/* SPDX-License-Identifier: Apache-2.0 */
/* Registers and capabilities of virtio over PCI (virtio 1.3, 4.1). */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "log.h"
#include "run_suite.h"
#include "virtio_driver.h"
#include "virtio_toy.h"

#define QUEUES 3u
#define SIZE   64u
#define MUST   (BIT64(VIRTIO_F_VERSION_1) | BIT64(VIRTIO_F_ACCESS_PLATFORM))
#define S_ACK  VIRTIO_CONFIG_S_ACKNOWLEDGE
#define S_DRV  VIRTIO_CONFIG_S_DRIVER
#define S_FEAT VIRTIO_CONFIG_S_FEATURES_OK
#define S_OK   VIRTIO_CONFIG_S_DRIVER_OK
#define S_FAIL VIRTIO_CONFIG_S_FAILED
#define S_NEED VIRTIO_CONFIG_S_NEEDS_RESET
#define NONE   0xffffu

static struct vd_world w;
static struct vd d;
static struct toy *toy;

static void sink(enum log_level level, const char *line, void *opaque)
{
}

static void setup(void)
{
	log_set_sink(sink, NULL);
	vd_world_start(&w);
	toy = toy_new(&w.pci.vm, VIRTIO_KICKS_LOOP, QUEUES, SIZE);
	ck_assert_ptr_nonnull(toy);
	vd_probe(&d, &w, &toy->dev, 0);
	toy_told(toy);
}

static void teardown(void)
{
	vd_world_stop(&w);
	log_set_sink(NULL, NULL);
}

/* 4.1.4: each structure inside the BAR that its capability names, on a page of its own. */
START_TEST(capabilities)
{
	unsigned seen = 0;
	uint32_t pages[6] = {0};

	ck_assert_uint_eq(vd_cfg_read(&d, PCI_VENDOR_ID, 4), 0x1af4 | (0x1040 + TOY_TYPE) << 16);
	ck_assert_uint_eq(vd_cfg_read(&d, PCI_BASE_ADDRESS_0, 4) & 0xf,
			  PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH);
	ck_assert_uint_eq((vd_cfg_read(&d, d.msix + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE) + 1, QUEUES + 1);
	ck_assert_uint_ne(vd_cfg_read(&d, d.msix + PCI_MSIX_TABLE, 4) & 7, 0);
	for (unsigned cap = vd_cfg_read(&d, PCI_CAPABILITY_LIST, 1); cap; cap = vd_cfg_read(&d, cap + 1, 1)) {
		if (vd_cfg_read(&d, cap, 1) != PCI_CAP_ID_VNDR)
			continue;
		unsigned type = vd_cfg_read(&d, cap + 3, 1), len = vd_cfg_read(&d, cap + 2, 1);
		uint32_t offset = vd_cfg_read(&d, cap + 8, 4), size = vd_cfg_read(&d, cap + 12, 4);

		ck_assert_uint_ge(type, 1);
		ck_assert_uint_le(type, 5);
		ck_assert(!(seen & BIT32(type)));
		seen |= BIT32(type);
		ck_assert_uint_eq(len, type == VIRTIO_PCI_CAP_NOTIFY_CFG || type == VIRTIO_PCI_CAP_PCI_CFG ? 20 : 16);
		if (type == VIRTIO_PCI_CAP_PCI_CFG)
			continue;
		ck_assert_uint_eq(vd_cfg_read(&d, cap + 4, 1), 0);
		ck_assert_uint_le(offset + size, toy->dev.ep.fn.bars[0].size);
		ck_assert_uint_eq(offset % 4, 0);
		ck_assert_uint_eq(offset / 4096, (offset + size - 1) / 4096);
		for (unsigned t = 1; t < type; t++)
			ck_assert(!(seen & BIT32(t)) || pages[t] != offset / 4096);
		pages[type] = offset / 4096;
		/* Read-only (4.1.4.1). */
		vd_cfg_write(&d, cap + 8, 4, ~offset);
		vd_cfg_write(&d, cap + 2, 2, 0);
		ck_assert_uint_eq(vd_cfg_read(&d, cap + 8, 4), offset);
		ck_assert_uint_eq(vd_cfg_read(&d, cap + 2, 1), len);
	}
	ck_assert_uint_eq(seen, 0x3e);
	ck_assert_uint_eq(d.config_len, TOY_CONFIG);
	ck_assert_uint_eq(d.multiplier, 4);
}
END_TEST

/* 4.1.3.1: each field in its own width; 64-bit ones as halves too. */
START_TEST(widths)
{
	static const struct {
		uint8_t offset, width;
	} f[] = {{0, 4},  {4, 4},  {8, 4},  {12, 4}, {16, 2}, {18, 2}, {20, 1}, {21, 1}, {22, 2},
		 {24, 2}, {26, 2}, {28, 2}, {30, 2}, {32, 8}, {40, 8}, {48, 8}, {58, 2}};
	static const uint8_t sizes[] = {1, 2, 4, 8};

	vd_negotiate(&d, MUST);
	for (unsigned i = 0; i < ARRAY_LEN(f); i++) {
		for (unsigned s = 0; s < ARRAY_LEN(sizes); s++) {
			for (unsigned at = 0; at < f[i].width; at++) {
				uint8_t size = sizes[s];
				bool ok = at % size == 0 && (size == f[i].width || (f[i].width == 8 && size == 4));
				struct bus_access a = {.offset = f[i].offset + at, .value = 0x5a, .size = size};
				enum bus_verdict v = toy->dev.ep.ops->bar_access(&toy->dev.ep, 0, &a);

				ck_assert_msg((v == BUS_HANDLED) == ok, "read %u+%u size %u", f[i].offset, at, size);
				if (ok)
					continue;
				a = (struct bus_access){f[i].offset + at, 0, size, true};
				ck_assert(toy->dev.ep.ops->bar_access(&toy->dev.ep, 0, &a) != BUS_HANDLED);
			}
		}
	}
	ck_assert_uint_eq(vd_status(&d), S_ACK | S_DRV | S_FEAT); /* no bad write of 0 was a reset */
	vd_set(&d, VIRTIO_PCI_COMMON_Q_DESCLO, 4, 0x11223344);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_DESCHI, 4, 0x55667788);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_DESCLO, 8), 0x5566778811223344);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_DESCHI, 4), 0x55667788);
	ck_assert_uint_eq(vd_get(&d, 56, 2), 0); /* queue_notify_data: not offered */
	ck_assert_uint_eq(vd_get(&d, 62, 2), 0); /* admin_queue_num */
	ck_assert_uint_eq(vd_get(&d, 64, 4), UINT32_MAX);
}
END_TEST

/* 2.2, 4.1.4.3.1, 6.1 */
START_TEST(features)
{
	uint64_t offered = vd_offered(&d);
	static const struct {
		uint64_t with, without;
		int device;
		bool ok;
	} cases[] = {
		{0, 0, 0, true},
		{0, UINT64_MAX & ~MUST, 0, true},
		{0, BIT64(VIRTIO_F_VERSION_1), 0, false},
		{0, BIT64(VIRTIO_F_ACCESS_PLATFORM), 0, false},
		{0, UINT64_MAX, 0, false},
		{BIT64(1), 0, 0, false},
		{BIT64(63), 0, 0, false},
		{BIT64(VIRTIO_F_IN_ORDER), 0, 0, false},
		{BIT64(VIRTIO_F_NOTIFICATION_DATA), 0, 0, false},
		{BIT64(VIRTIO_F_NOTIF_CONFIG_DATA), 0, 0, false},
		{BIT64(VIRTIO_F_ADMIN_VQ), 0, 0, false},
		{0, 0, -EINVAL, false},
	};

	ck_assert_uint_eq(offered, 0xa5 | MUST | BIT64(VIRTIO_F_RING_PACKED) | BIT64(VIRTIO_RING_F_INDIRECT_DESC) |
					   BIT64(VIRTIO_RING_F_EVENT_IDX) | BIT64(VIRTIO_F_ORDER_PLATFORM) |
					   BIT64(VIRTIO_F_RING_RESET));
	for (uint64_t select = 2; select <= UINT32_MAX; select = select * 2 + 1) {
		vd_set(&d, VIRTIO_PCI_COMMON_DFSELECT, 4, select);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_DFSELECT, 4), select);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_DF, 4), 0);
		vd_set(&d, VIRTIO_PCI_COMMON_GFSELECT, 4, select);
		vd_set(&d, VIRTIO_PCI_COMMON_GF, 4, UINT32_MAX);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_GF, 4), 0);
	}
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t want = (offered | cases[i].with) & ~cases[i].without;

		toy->features_result = cases[i].device;
		ck_assert_msg(vd_negotiate(&d, want) == cases[i].ok, "case %u", i);
		ck_assert_uint_eq(toy->dev.features, cases[i].ok ? want : 0);
		if (!cases[i].ok)
			continue;
		ck_assert_uint_eq(toy->features, want);
		vd_accept(&d, 0); /* too late */
		vd_set(&d, VIRTIO_PCI_COMMON_GFSELECT, 4, 1);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_GF, 4), want >> 32);
	}
}
END_TEST

/* 2.1.1, 3.1.1: bits come in order, go only by a reset. */
START_TEST(status)
{
	static const struct {
		uint8_t write[6], read[6];
	} cases[] = {
		{{S_ACK, S_ACK | S_DRV, 3 | S_FEAT, 3 | S_FEAT | S_OK, 0}, {1, 3, 11, 15, 0}},
		{{S_DRV}, {0}},
		{{S_ACK | S_DRV | S_FEAT | S_OK}, {15}},
		{{S_ACK, S_ACK | S_FEAT}, {1, 1}},
		{{3, 3 | S_OK}, {3, 3}},
		{{3, 1, 11, 8, 15}, {3, 3, 11, 11, 15}},
		{{3, 0, 2}, {3, 0, 0}},
		{{S_FAIL, 3 | S_FAIL}, {S_FAIL, 3 | S_FAIL}},
		{{11, 11 | S_FAIL, S_FAIL}, {11, 11 | S_FAIL, 11 | S_FAIL}},
		{{0x30 | S_NEED, 0x31}, {0, 1}},
	};

	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		vd_reset(&d);
		vd_accept(&d, MUST);
		for (unsigned n = 0; n < 6 && (cases[i].write[n] || cases[i].read[n] || n == 0); n++) {
			vd_set(&d, VIRTIO_PCI_COMMON_STATUS, 1, cases[i].write[n]);
			ck_assert_msg(vd_status(&d) == cases[i].read[n], "case %u, write %u: %#x", i, n, vd_status(&d));
		}
	}
}
END_TEST

START_TEST(queues)
{
	ck_assert(vd_negotiate(&d, vd_offered(&d) & ~(_i ? 0 : BIT64(VIRTIO_F_RING_PACKED))));
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_NUMQ, 2), QUEUES);
	for (unsigned i = 0; i < QUEUES; i++) {
		vd_set(&d, VIRTIO_PCI_COMMON_Q_SELECT, 2, i);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_SIZE, 2), SIZE);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_MSIX, 2), NONE);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_NOFF, 2), i);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_RESET, 2), 0);
	}
	static const uint16_t beyond[] = {QUEUES, 64, 0xffff};

	for (unsigned i = 0; i < ARRAY_LEN(beyond); i++) {
		vd_set(&d, VIRTIO_PCI_COMMON_Q_SELECT, 2, beyond[i]);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_SELECT, 2), beyond[i]);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_SIZE, 2), 0);
		vd_set(&d, VIRTIO_PCI_COMMON_Q_SIZE, 2, 4);
		vd_set(&d, VIRTIO_PCI_COMMON_Q_DESCLO, 8, 0x1000);
		vd_set(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
		vd_set(&d, VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_DESCLO, 8), 0);
	}
	static const struct {
		uint16_t write;
		bool split, packed;
	} sizes[] = {{1, 1, 1}, {0, 0, 0}, {SIZE, 1, 1}, {SIZE + 1, 0, 0}, {2 * SIZE, 0, 0}, {7, 0, 1}, {0xffff, 0, 0}};

	vd_set(&d, VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
		vd_set(&d, VIRTIO_PCI_COMMON_Q_SIZE, 2, 8);
		vd_set(&d, VIRTIO_PCI_COMMON_Q_SIZE, 2, sizes[i].write);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_SIZE, 2),
				  (_i ? sizes[i].packed : sizes[i].split) ? sizes[i].write : 8);
	}
	/* Read-only while enabled, but for the vector. */
	vd_queue(&d, 1, 16);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 1);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_SIZE, 2, 4);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_DESCLO, 8, 0x1000);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_AVAILLO, 4, 0x1000);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_USEDHI, 4, 0x1000);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 0);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_NOFF, 2, 7);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_MSIX, 2, 0);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_SIZE, 2), 16);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_DESCLO, 8), d.q[1].ring.desc);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_AVAILLO, 8), d.q[1].ring.driver);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_USEDLO, 8), d.q[1].ring.device);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 1);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_NOFF, 2), 1);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_MSIX, 2), 0);
	vd_reset(&d);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_SIZE, 2), SIZE);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_DESCLO, 8), 0);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_MSIX, 2), NONE);
}
END_TEST

/* A queue cannot be enabled before features are negotiated. */
START_TEST(enable_early)
{
	vd_set(&d, VIRTIO_PCI_COMMON_STATUS, 1, S_ACK | S_DRV);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	ck_assert(vd_status(&d) & S_NEED);
}
END_TEST

/* 4.1.5.1.2.1: the table has QUEUES + 1 entries. */
START_TEST(vectors)
{
	static const uint16_t v[][2] = {{0, 0},		{QUEUES, QUEUES}, {QUEUES + 1, NONE},
					{0x7fff, NONE}, {0x8000, NONE},	  {NONE, NONE}};

	for (unsigned i = 0; i < ARRAY_LEN(v); i++) {
		vd_set(&d, VIRTIO_PCI_COMMON_MSIX, 2, v[i][0]);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_MSIX, 2), v[i][1]);
		vd_set(&d, VIRTIO_PCI_COMMON_Q_MSIX, 2, v[i][0]);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_Q_MSIX, 2), v[i][1]);
	}
	/* A device that gave the descriptor away hears of changes while it runs, and of nothing else. */
	vd_init(&d, VD_ALL, 0);
	toy_told(toy);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_MSIX, 2, 1);
	ck_assert_str_eq(toy_told(toy), "V");
	vd_set(&d, VIRTIO_PCI_COMMON_Q_MSIX, 2, 1);
	ck_assert_str_eq(toy_told(toy), "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("virtio_pci");
	TCase *tc = tcase_create("virtio_pci");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, capabilities);
	tcase_add_test(tc, widths);
	tcase_add_test(tc, features);
	tcase_add_test(tc, status);
	tcase_add_loop_test(tc, queues, 0, 2);
	tcase_add_test(tc, enable_early);
	tcase_add_test(tc, vectors);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

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

static void begin(enum virtio_kicks kicks)
{
	log_set_sink(sink, NULL);
	vd_world_start(&w);
	toy = toy_new(&w.pci.vm, kicks, QUEUES, SIZE);
	ck_assert_ptr_nonnull(toy);
	vd_probe(&d, &w, &toy->dev, 0);
	toy_told(toy);
}

static void setup(void)
{
	begin(VIRTIO_KICKS_LOOP);
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

/* 4.1.4.5, and 2.3 / 4.1.5.4: changes of the configuration. */
START_TEST(config_change)
{
	vd_negotiate(&d, MUST);
	vd_set(&d, VIRTIO_PCI_COMMON_MSIX, 2, 2);
	virtio_config_changed(&toy->dev);
	ck_assert_uint_eq(vd_interrupts(&d, 2), 0); /* not before DRIVER_OK */
	vd_driver_ok(&d);
	ck_assert_uint_eq(vd_read(&d, d.isr, 1), 0);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t generation = vd_get(&d, VIRTIO_PCI_COMMON_CFGGENERATION, 1);

		vd_config(&d, 0, 4);
		toy->config[0]++;
		for (unsigned n = 0; n < (i == 0 ? 256 : 1); n++)
			virtio_config_changed(&toy->dev);
		ck_assert_uint_ge(vd_interrupts(&d, 2), 1);
		ck_assert_uint_eq(vd_config(&d, 0, 1), toy->config[0]);
		uint64_t now = vd_get(&d, VIRTIO_PCI_COMMON_CFGGENERATION, 1);

		ck_assert(now != generation || i == 0);
		ck_assert(i > 0 || now != generation);
		vd_config(&d, 0, 1);
		ck_assert_uint_eq(vd_get(&d, VIRTIO_PCI_COMMON_CFGGENERATION, 1), now);
	}
	ck_assert_uint_eq(vd_read(&d, d.isr, 1), 2);
	ck_assert_uint_eq(vd_read(&d, d.isr, 1), 0);
	ck_assert_uint_eq(vd_read(&d, d.isr, 4), UINT32_MAX);
	/* Without a vector: the bit alone. */
	vd_set(&d, VIRTIO_PCI_COMMON_MSIX, 2, NONE);
	virtio_needs_reset(&toy->dev);
	ck_assert_uint_eq(vd_interrupts(&d, 2), 0);
	ck_assert_uint_eq(vd_read(&d, d.isr, 1), 2);
	ck_assert(vd_status(&d) & S_NEED);
	vd_reset(&d);
	ck_assert_uint_eq(vd_read(&d, d.isr, 1), 0);
}
END_TEST

/* A used buffer notification without a vector sets bit 0. */
START_TEST(isr_queue)
{
	vd_init(&d, MUST, 0);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	vd_set(&d, VIRTIO_PCI_COMMON_Q_MSIX, 2, NONE);
	vd_add(&d, 0, &(struct vr_buf){vd_alloc(&w, 16, 16), 16, true}, 1);
	ck_assert_int_eq(virtq_pop(&toy->dev.queues[0], &toy->chain), 1);
	virtq_push(&toy->dev.queues[0], toy->chain.id, toy->chain.nr_descs, 1);
	virtq_notify(&toy->dev.queues[0]);
	ck_assert_uint_eq(vd_read(&d, d.isr, 1), 1);
	ck_assert_uint_eq(vd_read(&d, d.isr, 1), 0);
}
END_TEST

START_TEST(device_config)
{
	static const uint8_t sizes[] = {1, 2, 4, 8};

	for (unsigned i = 0; i < TOY_CONFIG; i++)
		toy->config[i] = (uint8_t)(0x10 + i);
	for (unsigned s = 0; s < ARRAY_LEN(sizes); s++) {
		for (unsigned at = 0; at < TOY_CONFIG + 9; at++) {
			uint64_t want = UINT64_MAX, ones = sizes[s] == 8 ? UINT64_MAX : BIT64(8 * sizes[s]) - 1;

			if (at % sizes[s] == 0 && at + sizes[s] <= TOY_CONFIG) {
				want = 0;
				memcpy(&want, toy->config + at, sizes[s]);
			}
			ck_assert_uint_eq(vd_config(&d, at, sizes[s]), want & ones);
		}
	}
	vd_write(&d, d.config + 4, 4, 0xaabbccdd);
	vd_write(&d, d.config + 18, 4, 0); /* beyond the end */
	vd_write(&d, d.config + 19, 2, 0); /* misaligned */
	ck_assert_uint_eq(vd_config(&d, 4, 4), 0xaabbccdd);
	ck_assert_uint_eq(vd_config(&d, 16, 4), 0x23222120);
	ck_assert_str_eq(toy_told(toy), "W");
}
END_TEST

static void window(uint32_t bar, uint32_t offset, uint32_t len)
{
	vd_cfg_write(&d, d.window + 4, 1, bar);
	vd_cfg_write(&d, d.window + 8, 4, offset);
	vd_cfg_write(&d, d.window + 12, 4, len);
}

/* 4.1.4.9: everything can be reached through config space, also while the BAR does not decode. */
START_TEST(cfg_window)
{
	uint32_t common = (uint32_t)(d.common - VD_BARS), config = (uint32_t)(d.config - VD_BARS);

	vd_cfg_write(&d, PCI_COMMAND, 2, 0);
	window(0, common + VIRTIO_PCI_COMMON_NUMQ, 2);
	ck_assert_uint_eq(vd_cfg_read(&d, d.window + 16, 2), QUEUES);
	window(0, common + VIRTIO_PCI_COMMON_STATUS, 1);
	vd_cfg_write(&d, d.window + 16, 1, S_ACK);
	vd_cfg_write(&d, d.window + 16, 1, S_ACK | S_DRV);
	ck_assert_uint_eq(vd_cfg_read(&d, d.window + 16, 1), S_ACK | S_DRV);
	window(0, common + VIRTIO_PCI_COMMON_DFSELECT, 4);
	vd_cfg_write(&d, d.window + 16, 4, 1);
	window(0, common + VIRTIO_PCI_COMMON_DF, 4);
	ck_assert_uint_eq(vd_cfg_read(&d, d.window + 16, 4) & 3, 3);
	toy->config[5] = 0x77;
	window(0, config + 5, 1);
	ck_assert_uint_eq(vd_cfg_read(&d, d.window + 16, 1), 0x77);
	vd_cfg_write(&d, d.window + 16, 1, 0x78);
	ck_assert_uint_eq(toy->config[5], 0x78);

	/* What is no access: wrong length, misaligned, another BAR, beyond the BAR. */
	static const struct {
		uint32_t bar, offset, len;
	} bad[] = {{0, 0x2000, 3}, {0, 0x2000, 0}, {0, 0x2000, 8},     {0, 0x2001, 2},
		   {1, 0x2000, 4}, {6, 0x2000, 4}, {0, 0xfffffffc, 4}, {2, 0, 4}};

	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		toy_told(toy);
		window(bad[i].bar, bad[i].offset, bad[i].len);
		vd_cfg_write(&d, d.window + 16, 4, 0x12345678);
		vd_cfg_read(&d, d.window + 16, 4);
		ck_assert_str_eq(toy_told(toy), "");
	}
	/* Every access counts: the ISR is cleared by a read. */
	vd_cfg_write(&d, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	vd_init(&d, MUST, 0);
	virtio_config_changed(&toy->dev);
	window(0, (uint32_t)(d.isr - VD_BARS), 1);
	ck_assert_uint_eq(vd_cfg_read(&d, d.window + 16, 1), 2);
	ck_assert_uint_eq(vd_cfg_read(&d, d.window + 16, 1), 0);
	/* Asleep in D3hot nothing answers. */
	vd_cfg_write(&d, PCI_ENDPOINT_CAP_PM + PCI_PM_CTRL, 2, 3);
	toy_told(toy);
	window(0, config, 4);
	vd_cfg_write(&d, d.window + 16, 4, 1);
	ck_assert_str_eq(toy_told(toy), "");
}
END_TEST

/* Who hears notifications, and when. */
START_TEST(notifications)
{
	teardown();
	begin((enum virtio_kicks)_i);
	bool sync = _i == VIRTIO_KICKS_SYNC, loop = _i == VIRTIO_KICKS_LOOP;
	struct virtq *q = toy->dev.queues;

	/* Not before DRIVER_OK, and not for a queue that is not enabled. */
	vd_negotiate(&d, MUST);
	vd_queue(&d, 1, 0);
	vd_kick(&d, 1);
	vd_pump(&w);
	ck_assert_uint_eq(toy->kicks[1] + fd_drain(q[1].kick), 0);
	vd_driver_ok(&d);
	vd_pump(&w);
	ck_assert_uint_eq(toy->kicks[1], !!(sync || loop)); /* the one after start */
	ck_assert_uint_eq(fd_drain(q[1].kick), !(sync || loop));
	vd_kick(&d, 1);
	ck_assert_uint_eq(toy->kicks[1], sync ? 2 : loop);
	vd_pump(&w);
	ck_assert_uint_eq(toy->kicks[1], sync || loop ? 2 : 0);
	ck_assert_uint_eq(fd_drain(q[1].kick), !(sync || loop));
	/* Wherever and whatever is written. */
	vd_write(&d, d.notify + 0, 2, 1);
	vd_write(&d, d.notify + 8, 4, 1);
	vd_write(&d, d.notify + 12, 2, 1);
	vd_write(&d, d.notify + 5, 1, 1);
	vd_write(&d, d.notify + 6, 2, 1);
	ck_assert_uint_eq(vd_read(&d, d.notify + 4, 2), 0xffff);
	vd_pump(&w);
	ck_assert_uint_eq(toy->kicks[0] + toy->kicks[1] + toy->kicks[2], sync || loop ? 2 : 0);
	ck_assert_uint_eq(fd_drain(q[0].kick) + fd_drain(q[1].kick) + fd_drain(q[2].kick), 0);
	vd_write(&d, d.notify + 4, 4, 0xffffffff);
	vd_pump(&w);
	ck_assert_uint_eq(toy->kicks[1] + fd_drain(q[1].kick), sync || loop ? 3 : 1);
	vd_reset(&d);
	vd_kick(&d, 1);
	vd_pump(&w);
	ck_assert_uint_eq(toy->kicks[1] + fd_drain(q[1].kick), sync || loop ? 3 : 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("virtio_pci");
	TCase *tc = tcase_create("registers");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, capabilities);
	tcase_add_test(tc, widths);
	tcase_add_test(tc, features);
	tcase_add_test(tc, status);
	tcase_add_loop_test(tc, queues, 0, 2);
	tcase_add_test(tc, enable_early);
	tcase_add_test(tc, vectors);
	tcase_add_test(tc, config_change);
	tcase_add_test(tc, isr_queue);
	tcase_add_test(tc, device_config);
	tcase_add_test(tc, cfg_window);
	tcase_add_loop_test(tc, notifications, VIRTIO_KICKS_LOOP, VIRTIO_KICKS_SYNC + 1);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

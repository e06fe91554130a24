/* SPDX-License-Identifier: Apache-2.0 */
/* Device-specific configuration, its changes, the window in config space, and notifications (virtio 1.3, 4.1). */
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
	virtio_needs_reset(&toy->dev);
	ck_assert_uint_eq(vd_interrupts(&d, 2), 1);
	virtio_needs_reset(&toy->dev); /* that is known */
	ck_assert_uint_eq(vd_interrupts(&d, 2), 0);
	vd_init(&d, MUST, 0);
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
	Suite *s = suite_create("virtio_pci_config");
	TCase *tc = tcase_create("virtio_pci_config");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, config_change);
	tcase_add_test(tc, isr_queue);
	tcase_add_test(tc, device_config);
	tcase_add_test(tc, cfg_window);
	tcase_add_loop_test(tc, notifications, VIRTIO_KICKS_LOOP, VIRTIO_KICKS_SYNC + 1);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

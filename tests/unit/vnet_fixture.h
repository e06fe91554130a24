/* SPDX-License-Identifier: Apache-2.0 */
/* A guest with a network device on the pretended tap0. */
#ifndef AERIE_VNET_FIXTURE_H
#define AERIE_VNET_FIXTURE_H

#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <sys/socket.h>

#include "capture.h"
#include "fake.h"
#include "fake_vhost.h"
#include "virtio_driver.h"
#include "vnet.h"

#define BIT(n) (UINT64_C(1) << (n))
#define HDR    12u

static struct vd_world world;
static struct vd drv;

static inline void fixture_setup(void)
{
	fake_reset();
	fake_vhost_install();
	vd_world_start(&world);
	capture_begin();
}

static inline void fixture_teardown(void)
{
	vd_world_stop(&world);
	fake_vhost_uninstall();
	ck_assert_uint_eq(fake_leaks(), 0);
}

static inline struct vnet_config tap_config(enum vhost_use vhost, unsigned pairs)
{
	return (struct vnet_config){.name = "net0", .tap = "tap0", .vhost = vhost, .queue_pairs = pairs};
}

static inline void begin(enum vhost_use vhost, unsigned pairs, uint64_t features, bool translated)
{
	struct vnet_config config = tap_config(vhost, pairs);
	struct virtio_device *dev;

	if (pairs > 1)
		fake_vhost.tun_flags |= IFF_MULTI_QUEUE;
	ck_assert_int_eq(virtio_net_create(&dev, &world.pci.vm, &config), 0);
	vd_probe(&drv, &world, dev, 0);
	if (translated)
		vd_translate(&drv);
	ck_assert(vd_init(&drv, features, 64));
}

#define eventually(cond)                                                                                               \
	do {                                                                                                           \
		for (unsigned tries_ = 0; !(cond); tries_++) {                                                         \
			ck_assert_msg(tries_ < 20000, "never: %s\n%s", #cond, captured);                               \
			if (vd_pump(&world) == 0)                                                                      \
				usleep(500);                                                                           \
		}                                                                                                      \
	} while (0)

/* A buffer of @len bytes for queue @queue. */
static inline uint64_t add_buffer(unsigned queue, uint32_t len, bool write)
{
	uint64_t at = vd_alloc(&world, len, 8);
	struct vr_buf buf = {at, len, write};

	ck_assert_int_ge(vd_add(&drv, queue, &buf, 1), 0);
	return at;
}

static inline void fill(uint8_t *frame, uint32_t len, unsigned seed)
{
	for (uint32_t i = 0; i < len; i++)
		frame[i] = i < HDR ? 0 : (uint8_t)(seed + i * 7 + i / 256);
}

/* The guest sends a frame (with header) on @queue. */
static inline void guest_sends(unsigned queue, const uint8_t *frame, uint32_t len)
{
	uint64_t at = vd_alloc(&world, len, 8);
	struct vr_buf buf = {at, len, false};

	memcpy(vd_mem(&world, at, len), frame, len);
	ck_assert_int_ge(vd_add(&drv, queue, &buf, 1), 0);
	vd_kick_if_wanted(&drv, queue);
}

/* A command for the control queue; the acknowledgement. */
static inline uint8_t command(unsigned queue, uint8_t class, uint8_t cmd, const void *data, uint32_t len)
{
	uint8_t out[64] = {class, cmd}, ack = 0xff;

	memcpy(out + 2, data, len);
	ck_assert_int_eq(vd_call(&drv, queue, out, 2 + len, &ack, 1), 1);
	return ack;
}

#endif

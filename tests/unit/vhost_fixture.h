/* SPDX-License-Identifier: Apache-2.0 */
/* A guest with a vhost-user device, and the back end in a thread of this process. */
#ifndef AERIE_VHOST_FIXTURE_H
#define AERIE_VHOST_FIXTURE_H

#include <linux/virtio_ids.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "capture.h"
#include "fake_vu.h"
#include "vhost_user.h"
#include "vhost_user_regs.h"
#include "virtio_driver.h"

#define BIT(n) (UINT64_C(1) << (n))

#define VU_FEATURES                                                                                                    \
	(BIT(VIRTIO_F_VERSION_1) | BIT(VU_F_PROTOCOL_FEATURES) | BIT(VIRTIO_RING_F_INDIRECT_DESC) |                    \
	 BIT(VIRTIO_RING_F_EVENT_IDX) | BIT(26) | BIT(3) | BIT(55))
#define VU_DEVICE_BITS (BIT(3) | BIT(55)) /* of VU_FEATURES those that the guest may see */
#define VU_PROTOCOL                                                                                                    \
	(BIT(VU_PROTOCOL_F_MQ) | BIT(VU_PROTOCOL_F_REPLY_ACK) | BIT(VU_PROTOCOL_F_CONFIG) |                            \
	 BIT(VU_PROTOCOL_F_RESET_DEVICE) | BIT(15))

static struct vd_world world;
static struct vd drv;
static struct fake_vu *vu;
static struct fake_vu_options options;
static char dir[] = "/tmp/aerie-vhost-XXXXXX", path[64];

/* Messages come from threads, too. */
static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;

static inline void locked_line(enum log_level level, const char *line, void *opaque)
{
	pthread_mutex_lock(&said_lock);
	capture_line(level, line, opaque);
	pthread_mutex_unlock(&said_lock);
}

static inline bool said(const char *text)
{
	pthread_mutex_lock(&said_lock);
	bool yes = strstr(captured, text);

	pthread_mutex_unlock(&said_lock);
	return yes;
}

static inline void fixture_setup(void)
{
	strcpy(dir, "/tmp/aerie-vhost-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	options = (struct fake_vu_options){
		.features = VU_FEATURES,
		.protocol = VU_PROTOCOL,
		.queue_num = 2,
		.config_size = 16,
	};
	for (unsigned i = 0; i < 16; i++)
		options.config[i] = (uint8_t)(0x40 + i);
	vd_world_start(&world);
	capture_begin();
	log_set_sink(locked_line, NULL);
}

static inline void fixture_teardown(void)
{
	vd_world_stop(&world);
	if (vu)
		fake_vu_stop(vu);
	vu = NULL;
	rmdir(dir);
}

static inline int create_device(struct virtio_device **dev)
{
	struct vhost_user_config config = {
		.name = "vu0",
		.socket = path,
		.device_id = VIRTIO_ID_SCMI,
		.queues = 2,
		.queue_size = 64,
		.config_size = options.config_size,
	};

	return vhost_user_create(dev, &world.pci.vm, &config);
}

/* Back end, device, guest; up to DRIVER_OK with those of @features that are offered. */
static inline void begin(uint64_t features, bool translated)
{
	struct virtio_device *dev;

	vu = fake_vu_start(path, &options);
	ck_assert_int_eq(create_device(&dev), 0);
	vd_probe(&drv, &world, dev, 0);
	if (translated)
		vd_translate(&drv);
	ck_assert(vd_init(&drv, features, 64));
}

/* A request whose first bytes are @tag; the answer goes to *@to. Its id. */
static inline int send_tag(unsigned queue, uint32_t tag, uint64_t *to)
{
	uint64_t from = vd_alloc(&world, 16, 8);
	struct vr_buf bufs[2];

	*to = vd_alloc(&world, 16, 8);
	memcpy(vd_mem(&world, from, 4), &tag, 4);
	bufs[0] = (struct vr_buf){from, 16, false};
	bufs[1] = (struct vr_buf){*to, 16, true};
	int id = vd_add(&drv, queue, bufs, 2);

	ck_assert_int_ge(id, 0);
	vd_kick(&drv, queue);
	return id;
}

static inline uint32_t tag_at(uint64_t at)
{
	uint32_t tag;

	memcpy(&tag, vd_mem(&world, at, 4), 4);
	return tag;
}

/* Waits until @cond, with the event loop running. */
#define eventually(cond)                                                                                               \
	do {                                                                                                           \
		for (unsigned tries_ = 0; !(cond); tries_++) {                                                         \
			ck_assert_msg(tries_ < 20000, "never: %s\n%s", #cond, captured);                               \
			if (vd_pump(&world) == 0)                                                                      \
				usleep(500);                                                                           \
		}                                                                                                      \
	} while (0)

/* One request after the other works on both queues. */
static inline void check_works(void)
{
	for (unsigned i = 0; i < 20; i++) {
		char out[40], in[40] = {0};

		snprintf(out, sizeof(out), "request %u", i);
		ck_assert_int_eq(vd_call(&drv, i % 2, out, sizeof(out), in, sizeof(in)), sizeof(in));
		ck_assert_str_eq(in, out);
	}
}

#endif

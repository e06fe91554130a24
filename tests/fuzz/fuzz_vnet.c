/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-net on a pretended tap, with threads of our own, under any buffers on any of its queues and any frames from
 * the host. Input: 1 byte of options, then records of u8 queue, u8 layout and 8 bytes of data (a header or a command as
 * it may be). Whatever a guest does, after a reset a frame gets through.
 */
#include <linux/if_tun.h>
#include <string.h>
#include <sys/socket.h>

#include "bits.h"
#include "fake.h"
#include "fake_vhost.h"
#include "log.h"
#include "virtio_driver.h"
#include "vnet.h"

#define RECORD	    10u
#define MAX_RECORDS 48u
#define RINGS	    65536u
#define FRAME	    72u /* with its header */
#define TX	    1u

static struct vd_world w;
static struct vd d;
static uint64_t first_free;

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static void begin(void)
{
	static const struct vnet_config config = {.name = "net0", .tap = "tap0", .vhost = VHOST_OFF, .queue_pairs = 2};
	struct virtio_device *dev;

	if (first_free)
		return;
	log_set_sink(quiet, NULL);
	fake_reset();
	fake_vhost_install();
	fake_vhost.tun_flags |= IFF_MULTI_QUEUE;
	vd_world_start(&w);
	vd_must(virtio_net_create(&dev, &w.pci.vm, &config) == 0);
	vd_probe(&d, &w, dev, 0);
	vd_translate(&d);
	first_free = w.next_free;
}

static void one(const uint8_t *rec)
{
	unsigned queue = rec[0] % d.dev->config.nr_queues;
	uint64_t at = vd_alloc(&w, 4096, 4096);
	struct vr_buf bufs[3];
	unsigned n = 0;
	uint16_t id;
	uint32_t len;

	memset(vd_mem(&w, at, 4096), 0, 4096);
	memcpy(vd_mem(&w, at, 8), rec + 2, 8);
	if (rec[0] & 0x20)
		vd_must(send(fake_vhost.tap[rec[0] >> 6 & 1], vd_mem(&w, at, 4096), 12u + rec[1] * 8u,
			     MSG_DONTWAIT | MSG_NOSIGNAL) != 0);
	if (rec[1] & 1)
		bufs[n++] = (struct vr_buf){at, 1u + (rec[1] >> 2), false};
	if (rec[1] & 2)
		bufs[n++] = (struct vr_buf){at + 1024, 1u + (rec[1] >> 2) * 24u, queue % 2 == 0};
	if (rec[0] & 0x10)
		bufs[n++] = (struct vr_buf){at + 2048, 1u + rec[2] * 16u, true};
	if (n > 0)
		vd_add(&d, queue, bufs, n);
	if (rec[0] & 0x80) {
		vd_kick(&d, queue);
		vd_pump(&w);
	}
	while (vd_used(&d, queue, &id, &len))
		;
}

/* Forgets the frames that have arrived at the host. */
static void drain(void)
{
	static uint8_t frame[70000];

	for (unsigned i = 0; i < fake_vhost.nr_taps; i++)
		while (recv(fake_vhost.tap[i], frame, sizeof(frame), MSG_DONTWAIT) > 0)
			;
}

static void a_frame_gets_through(void)
{
	uint8_t frame[FRAME] = {0}, got[FRAME + 1];

	drain();
	for (unsigned i = 12; i < FRAME; i++)
		frame[i] = (uint8_t)i;
	vd_must(vd_call(&d, TX, frame, sizeof(frame), NULL, 0) == 0);
	vd_must(recv(fake_vhost.tap[0], got, sizeof(got), 0) == FRAME);
	vd_must(memcmp(got, frame, FRAME) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t features = VD_ALL;

	if (size < 1)
		return 0;
	begin();
	vd_reset(&d);
	w.next_free = first_free;
	memset(vd_mem(&w, first_free, RINGS), 0, RINGS);
	if (data[0] & 1)
		features &= ~BIT64(VIRTIO_F_RING_PACKED);
	if (data[0] & 2)
		features &= ~BIT64(15); /* VIRTIO_NET_F_MRG_RXBUF */
	vd_must(vd_init(&d, features, 32));
	for (size_t at = 1; at + RECORD <= size && at / RECORD < MAX_RECORDS; at += RECORD)
		one(data + at);

	vd_reset(&d);
	w.next_free = first_free;
	memset(vd_mem(&w, first_free, RINGS), 0, RINGS);
	vd_must(vd_init(&d, VD_ALL, 32));
	a_frame_gets_through();
	return 0;
}

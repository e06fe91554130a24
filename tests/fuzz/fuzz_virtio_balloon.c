/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-balloon and virtio-rng under any buffers on any of their queues. Input: 1 byte of options, then records of u8
 * queue, u8 layout and 8 bytes of data (page numbers, statistics). Whatever a guest does, after a reset both devices
 * work.
 */
#include <string.h>

#include "balloon.h"
#include "bits.h"
#include "log.h"
#include "rng.h"
#include "virtio_driver.h"

#define RECORD	    10u
#define MAX_RECORDS 64u
#define RINGS	    65536u		       /* more than the rings of both take */
#define OTHERS	    (VD_RAM + VD_RAM_SIZE / 2) /* RAM in which nothing of the driver's lies */

static struct vd_world w;
static struct vd balloon, rng;
static uint64_t first_free;

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static void begin(void)
{
	static const struct virtio_balloon_config config = {
		.name = "balloon0", .reporting = true, .deflate_on_oom = true};
	struct virtio_device *dev;

	if (first_free)
		return;
	log_set_sink(quiet, NULL);
	vd_world_start(&w);
	vd_must(virtio_balloon_create(&dev, &w.pci.vm, &config) == 0);
	vd_probe(&balloon, &w, dev, 0);
	vd_must(virtio_rng_create(&dev, &w.pci.vm, "rng0") == 0);
	vd_probe(&rng, &w, dev, 1);
	first_free = w.next_free;
}

static void one(struct vd *d, const uint8_t *rec)
{
	unsigned queue = rec[0] % d->dev->config.nr_queues;
	uint64_t at = vd_alloc(&w, 8192, 4096);
	uint64_t far = OTHERS + (((uint64_t)rec[2] << 8 | rec[3]) << 9);
	struct vr_buf bufs[3];
	unsigned n = 0;
	uint16_t id;
	uint32_t len;

	/* Page numbers up to the end of RAM and beyond, and nothing that was left there by another input. */
	memset(vd_mem(&w, at, 4096), 0, 4096);
	for (unsigned i = 0; i < 8; i++) {
		uint32_t pfn = (uint32_t)(OTHERS >> 12) + (uint32_t)rec[2 + i] * 37u;

		memcpy(vd_mem(&w, at + i * 4, 4), &pfn, 4);
	}
	if (rec[1] & 1)
		bufs[n++] = (struct vr_buf){at, 1u + (rec[1] >> 2), false};
	if (rec[1] & 2)
		bufs[n++] = (struct vr_buf){at + 4096, 1u + (rec[1] >> 2), true};
	if (rec[0] & 0x20)
		bufs[n++] = (struct vr_buf){far, 4096u << (rec[4] & 7), true};
	if (n > 0)
		vd_add(d, queue, bufs, n);
	if (rec[0] & 0x80) {
		vd_kick(d, queue);
		vd_must(vd_pump(&w) < 10000);
	}
	if (rec[0] & 0x40)
		virtio_balloon_set_target(balloon.dev, (uint64_t)rec[5] << 17);
	while (vd_used(d, queue, &id, &len))
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t features = VD_ALL;
	struct vd *d = &balloon;
	uint8_t random[64];
	uint32_t pfn;

	if (size < 1)
		return 0;
	begin();
	vd_reset(&balloon); /* what the last input left running has its rings where this one puts its own */
	vd_reset(&rng);
	w.next_free = first_free;
	memset(vd_mem(&w, first_free, RINGS), 0, RINGS); /* a driver's rings begin as zeroes */
	if (data[0] & 1)
		features &= ~BIT64(VIRTIO_F_RING_PACKED);
	if (data[0] & 2)
		features &= ~BIT64(5); /* no free page reporting */
	if (data[0] & 4)
		d = &rng;
	vd_must(vd_init(d, features, 32));
	for (size_t at = 1; at + RECORD <= size && at / RECORD < MAX_RECORDS; at += RECORD)
		one(d, data + at);

	vd_must(vd_init(&rng, VD_ALL, 32));
	vd_must(vd_call(&rng, 0, NULL, 0, random, sizeof(random)) > 0);
	vd_must(vd_init(&balloon, VD_ALL, 32));
	pfn = (uint32_t)((VD_RAM + VD_RAM_SIZE) >> 12) - 1;
	vd_must(vd_call(&balloon, 0, &pfn, sizeof(pfn), NULL, 0) == 0);
	return 0;
}

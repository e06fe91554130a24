/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of virtio-blk with any header, any layout and any data. Input: 1 byte of options, then records of u8 what,
 * u8 pieces and 16 bytes of header; each record is one request. Whatever comes, each is answered (or the device asks
 * for a reset), with a status of the specification, and the device works afterwards.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bits.h"
#include "blk.h"
#include "blk_priv.h"
#include "log.h"
#include "virtio_driver.h"

#define IMAGE_BYTES (256u << 10)
#define RECORD	    18u
#define MAX_RECORDS 48u
#define DATA_BYTES  8192u

static struct vd_world w;
static struct vd d;
static struct virtio_device *dev;
static uint64_t first_free;
static char path[64];

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static void begin(void)
{
	static int image = -1;

	if (image >= 0)
		return;
	log_set_sink(quiet, NULL);
	image = memfd_create("disk", 0);
	vd_must(image >= 0 && ftruncate(image, IMAGE_BYTES) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", image);
	vd_world_start(&w);
	const struct virtio_blk_config config = {.name = "disk0", .path = path, .serial = "fuzz"};

	vd_must(virtio_blk_create(&dev, &w.pci.vm, &config) == 0);
	vd_probe(&d, &w, dev, 0);
	first_free = w.next_free;
}

static bool broken(void)
{
	return vd_status(&d) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

/* Lays one request out in pieces: readable ones, then writable ones, the status somewhere in the last. */
static int add(const uint8_t *rec)
{
	uint64_t at = vd_alloc(&w, DATA_BYTES + 64, 4096);
	struct vr_buf bufs[8];
	unsigned outs = rec[0] & 3, ins = rec[0] >> 2 & 3, n = 0;
	uint32_t header = rec[0] & 0x80 ? 16 : rec[1] % 24u;

	memcpy(vd_mem(&w, at, 16), rec + 2, 16);
	if (header > 0)
		bufs[n++] = (struct vr_buf){at, header, false};
	for (unsigned i = 0; i < outs; i++)
		bufs[n++] =
			(struct vr_buf){at + rec[1], 16u * ((rec[1] >> i) % 64u) + (rec[0] & 0x40 ? 512 : 1), false};
	for (unsigned i = 0; i < ins; i++)
		bufs[n++] = (struct vr_buf){at + 512 + rec[1] % 5u, rec[0] & 0x20 ? 512u : 1u + rec[1] * 3u, true};
	if (rec[0] & 0x10)
		bufs[n++] = (struct vr_buf){at + DATA_BYTES, 1, true};
	return n > 0 ? vd_add(&d, 0, bufs, n) : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned waiting = 0, turns = 0;
	uint16_t id;
	uint32_t len;

	if (size < 1)
		return 0;
	begin();
	w.next_free = first_free;
	struct blk *blk = container_of(dev, struct blk, dev);
	bool coarse = data[0] & 4;

	vd_must(vd_init(&d, data[0] & 1 ? VD_ALL : VD_ALL & ~BIT64(VIRTIO_F_RING_PACKED), 64));
	/* At rest until the first notification; direct I/O in blocks, with memfd standing in for a disk. */
	blk->image.direct = coarse;
	blk->image.offset_align = coarse ? 4096 : 1;
	blk->image.mem_align = coarse ? 512 : 1;
	vd_write(&d, d.config + 32, 1, data[0] >> 1 & 1);
	for (size_t at = 1; at + RECORD <= size && at / RECORD < MAX_RECORDS; at += RECORD)
		waiting += add(data + at) >= 0;
	vd_kick(&d, 0);
	while (waiting > 0 && !broken()) {
		vd_pump(&w);
		while (waiting > 0 && vd_used(&d, 0, &id, &len))
			waiting--;
		vd_must(turns++ < 1000000);
	}
	vd_reset(&d);
	vd_must(blk->queues[0]->in_flight == 0);
	return 0;
}

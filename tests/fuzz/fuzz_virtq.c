/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's side of a virtqueue in hostile memory. Input: a byte of layout and features, then records of 12 bytes:
 * what to do, and with which numbers. The device looks at every byte that it is shown, gives chains back in any order,
 * and must never see anything outside of guest RAM, nor more than a ring can hold.
 */
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "log.h"
#include "virtio_driver.h"
#include "virtio_toy.h"

#define RECORD	    12u
#define MAX_RECORDS 512u
#define TABLE_DESCS 16u
#define MAX_HELD    64u

static struct vd_world w;
static struct vd d;
static struct toy *toy;
static uint64_t arena, table;
static uint8_t *table_mem;
static struct {
	uint16_t id, nr_descs;
} held[MAX_HELD];
static unsigned nr_held;
static unsigned sum; /* keeps the reads alive */

static void quiet(enum log_level level, const char *line, void *opaque)
{
}

static void once(void)
{
	log_set_sink(quiet, NULL);
	vd_world_start(&w);
	toy = toy_new(&w.pci.vm, VIRTIO_KICKS_DEVICE, 1, 32);
	vd_probe(&d, &w, &toy->dev, 0);
	arena = vd_alloc(&w, 0x10000, 4096);
	table = vd_alloc(&w, TABLE_DESCS * 16, 4096);
	table_mem = vd_mem(&w, table, TABLE_DESCS * 16);
}

/* Addresses that matter: guest RAM here and there, its edges, and anything. */
static uint64_t address(uint8_t kind, uint16_t n)
{
	switch (kind & 7) {
	case 0:
		return VD_RAM + VD_RAM_SIZE - n % 64 + d.shift;
	case 1:
		return VD_RAM - n % 64 + d.shift;
	case 2:
		return UINT64_MAX - n % 64;
	case 3:
		return table + n % 4 * 16 + d.shift;
	case 4:
		return (uint64_t)n << 48 | n;
	default:
		return arena + n + d.shift;
	}
}

static void put_desc(const uint8_t *r, uint8_t *mem, unsigned n)
{
	uint16_t a, b, at;
	uint32_t len = (uint32_t)r[4] << (r[5] & 15);

	memcpy(&at, r + 2, 2);
	memcpy(&a, r + 6, 2);
	memcpy(&b, r + 8, 2);
	if (r[5] & 0x80)
		len = len / 16 * 16;
	vr_put_desc(mem + 16 * (r[1] % n), address(r[10], at), len, a, b);
}

/* All of the chain's memory is guest RAM, as long as it says. */
static void look_at(const struct virtq_chain *c)
{
	const uint8_t *ram = vd_mem(&w, VD_RAM, VD_RAM_SIZE);
	uint64_t out = 0, in = 0;

	vd_must(c->nr_out + c->nr_in > 0 && c->nr_out + c->nr_in <= VIRTQ_MAX_IOV);
	for (unsigned i = 0; i < c->nr_out + c->nr_in; i++) {
		const uint8_t *base = c->iov[i].iov_base;

		vd_must(base >= ram && c->iov[i].iov_len > 0 && c->iov[i].iov_len <= VD_RAM_SIZE);
		vd_must(base + c->iov[i].iov_len <= ram + VD_RAM_SIZE);
		*(i < c->nr_out ? &out : &in) += c->iov[i].iov_len;
		sum += base[c->iov[i].iov_len - 1];
	}
	vd_must(out == c->out_len && in == c->in_len && out + in <= UINT32_MAX);
	vd_must(c->nr_descs > 0 && c->nr_descs <= toy->dev.queues[0].size);
}

static void pop(struct virtq *q)
{
	static uint8_t buf[256];
	bool was_broken = q->broken;
	int ret = virtq_pop(q, &toy->chain);

	vd_must(ret == 1 || ret == 0 || ret == -EPROTO);
	vd_must(q->broken == (ret == -EPROTO) && (!was_broken || q->broken));
	vd_must(!q->broken || (vd_status(&d) & VIRTIO_CONFIG_S_NEEDS_RESET));
	vd_must(q->in_flight <= q->size);
	if (ret != 1)
		return;
	look_at(&toy->chain);
	virtq_read(&toy->chain, 0, buf, sizeof(buf));
	virtq_write(&toy->chain, 3, buf, sizeof(buf));
	vd_must(nr_held < MAX_HELD);
	held[nr_held].id = toy->chain.id;
	held[nr_held++].nr_descs = toy->chain.nr_descs;
}

static void push(struct virtq *q, unsigned which, uint32_t written)
{
	which %= nr_held;
	virtq_push(q, held[which].id, held[which].nr_descs, written);
	held[which] = held[--nr_held];
}

static void one(const uint8_t *r)
{
	struct virtq *q = &toy->dev.queues[0];
	struct vr *ring = &d.q[0].ring;
	uint16_t n;

	memcpy(&n, r + 2, 2);
	switch (r[0] % 12) {
	case 0:
	case 1:
		put_desc(r, ring->desc_mem, ring->size);
		break;
	case 2:
		put_desc(r, table_mem, TABLE_DESCS);
		break;
	case 3:
		n %= ring->packed ? 4 : (uint16_t)virtq_avail_size(ring->size) - 1;
		memcpy(ring->driver_mem + n / 2 * 2, r + 4, 2);
		break;
	case 4: /* the next entry of the available ring, as a driver would */
		if (!ring->packed) {
			vr_put16(ring->driver_mem + 4 + 2 * (ring->next_avail++ % ring->size),
				 r[4] % (ring->size + 1u));
			vr_put16(ring->driver_mem + 2, ring->next_avail);
		}
		break;
	case 5:
		ring->desc_mem[16 * (r[1] % ring->size) + 14] ^= VIRTQ_DESC_F_AVAIL;
		break;
	case 6:
	case 7:
		pop(q);
		break;
	case 8:
		if (nr_held > 0)
			push(q, r[1], r[4]);
		break;
	case 9:
		virtq_notify(q);
		virtq_want_kicks(q, r[1] & 1);
		break;
	case 10:
		if (nr_held > 0 && !q->broken) {
			virtq_unpop(q, 1, held[nr_held - 1].nr_descs);
			nr_held--;
		}
		break;
	default:
		vd_must(virtq_available(q) || virtq_pop(q, &toy->chain) == 0);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t features = VD_ALL;
	static uint64_t after;

	if (size < 1)
		return 0;
	if (!toy) {
		once();
		after = w.next_free;
	}
	w.next_free = after;
	memset(table_mem, 0, TABLE_DESCS * 16);
	nr_held = 0;
	features &= ~(data[0] & 1 ? 0 : BIT64(VIRTIO_F_RING_PACKED));
	features &= ~(data[0] & 2 ? 0 : BIT64(VIRTIO_RING_F_EVENT_IDX));
	features &= ~(data[0] & 4 ? 0 : BIT64(VIRTIO_RING_F_INDIRECT_DESC));
	if (!!(data[0] & 8) != (d.shift != 0)) {
		dma_space_set_translator(&toy->dev.ep.dma, NULL, NULL);
		d.shift = 0;
		if (data[0] & 8)
			vd_translate(&d);
	}
	vd_must(vd_init(&d, features, (uint16_t)(1u << (data[0] >> 5 & 3) << 1)));
	data++;
	size--;
	for (unsigned n = 0; n < MAX_RECORDS && size >= RECORD; n++, data += RECORD, size -= RECORD)
		one(data);
	vd_interrupts(&d, 0);
	vd_interrupts(&d, 1);
	return 0;
}

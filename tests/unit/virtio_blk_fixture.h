/* SPDX-License-Identifier: Apache-2.0 */
/* A disk on a file in a directory of its own, driven as a guest does. One test program, one disk. */
#ifndef AERIE_VIRTIO_BLK_FIXTURE_H
#define AERIE_VIRTIO_BLK_FIXTURE_H

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bits.h"
#include "blk.h"
#include "blk_priv.h"
#include "capture.h"
#include "virtio_driver.h"

#define IMAGE_BYTES (UINT32_C(1) << 20)
#define SECTORS	    (IMAGE_BYTES / BLK_SECTOR)

static struct vd_world w;
static struct vd d;
static char dir[64], path[80];
static struct virtio_blk_config config;

static inline void make_image(uint64_t size)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);

	ck_assert_int_ge(fd, 0);
	for (uint64_t at = 0; at < size && at < IMAGE_BYTES; at += BLK_SECTOR) {
		uint8_t sector[BLK_SECTOR];

		memset(sector, (int)(at / BLK_SECTOR * 7 + 1), sizeof(sector));
		ck_assert_int_eq(pwrite(fd, sector, sizeof(sector), (off_t)at), sizeof(sector));
	}
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

/* Byte that make_image() has put into @sector. */
static inline uint8_t fresh(uint64_t sector)
{
	return (uint8_t)(sector * 7 + 1);
}

static inline void image_begin(void)
{
	capture_begin();
	strcpy(dir, "/tmp/aerie-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/disk", dir);
	make_image(IMAGE_BYTES);
	config = (struct virtio_blk_config){.name = "disk0", .path = path, .serial = "AERIE-0123456789-XYZ"};
	vd_world_start(&w);
}

static inline void image_end(void)
{
	vd_world_stop(&w);
	unlink(path);
	rmdir(dir);
	log_set_sink(NULL, NULL);
}

/* The device of `config`, found but not initialised. */
static inline struct blk *disk(void)
{
	struct virtio_device *dev;

	ck_assert_msg(virtio_blk_create(&dev, &w.pci.vm, &config) == 0, "%s", captured);
	vd_probe(&d, &w, dev, 0);
	return container_of(dev, struct blk, dev);
}

/* Sector @sector of the file as the host sees it: all of its bytes, or -1 when they differ. */
static inline int on_disk(uint64_t sector)
{
	uint8_t buf[BLK_SECTOR];
	int fd = open(path, O_RDONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, buf, sizeof(buf), (off_t)(sector * BLK_SECTOR)), sizeof(buf));
	close(fd);
	for (unsigned i = 1; i < sizeof(buf); i++)
		if (buf[i] != buf[0])
			return -1;
	return buf[0];
}

/* ---- requests ---- */

/* How the bytes of a request are laid out in descriptors. */
struct shape {
	const char *name;
	uint32_t header_cut; /* the header in two pieces: this much in the first; 0: whole */
	uint32_t cut;	     /* data in pieces of this much; 0: one */
	uint32_t shift;	     /* of the data in memory */
};

struct op {
	uint32_t type;
	uint64_t sector;
	uint64_t data; /* gpa */
	uint32_t len;
};

struct asked {
	uint64_t status; /* gpa */
	int id;
};

static inline unsigned add_data(struct vr_buf *bufs, unsigned n, uint64_t at, uint32_t len, uint32_t cut, bool write)
{
	while (len > 0) {
		uint32_t piece = cut && cut < len ? cut : len;

		bufs[n++] = (struct vr_buf){at, piece, write};
		at += piece;
		len -= piece;
	}
	return n;
}

/* Puts a request into the ring, without a notification. */
static inline struct asked ask(unsigned queue, const struct op *op, const struct shape *shape)
{
	bool read = op->type == BLK_T_IN || op->type == BLK_T_GET_ID;
	uint64_t header = vd_alloc(&w, sizeof(struct blk_request_header), 16);
	struct asked a = {.status = vd_alloc(&w, 1, 1)};
	struct vr_buf bufs[64];
	unsigned n = 0;

	*(struct blk_request_header *)vd_mem(&w, header, sizeof(struct blk_request_header)) =
		(struct blk_request_header){.type = op->type, .sector = op->sector};
	*(uint8_t *)vd_mem(&w, a.status, 1) = 0xee;
	n = add_data(bufs, n, header, 16, shape ? shape->header_cut : 0, false);
	n = add_data(bufs, n, op->data, op->len, shape ? shape->cut : 0, read);
	bufs[n++] = (struct vr_buf){a.status, 1, true};
	a.id = vd_add(&d, queue, bufs, n);
	ck_assert_int_ge(a.id, 0);
	return a;
}

static inline uint8_t status_of(const struct asked *a)
{
	return *(uint8_t *)vd_mem(&w, a->status, 1);
}

/* One request from beginning to end. Returns its status. */
static inline uint8_t request(const struct op *op, const struct shape *shape)
{
	struct asked a = ask(0, op, shape);
	uint16_t id;
	uint32_t len;

	vd_kick_if_wanted(&d, 0);
	ck_assert_msg(vd_wait(&d, 0, &id, &len, 10000), "no answer");
	ck_assert_int_eq(id, a.id);
	return status_of(&a);
}

static inline uint8_t simple(uint32_t type, uint64_t sector, uint64_t data, uint32_t len)
{
	return request(&(struct op){type, sector, data, len}, NULL);
}

/* DISCARD or WRITE_ZEROES of @n segments. */
static inline uint8_t segments(uint32_t type, const struct blk_segment *segs, unsigned n)
{
	uint32_t len = n * (uint32_t)sizeof(*segs);
	uint64_t at = vd_alloc(&w, len + 1, 16);

	memcpy(vd_mem(&w, at, len + 1), segs, len);
	return simple(type, 0, at, len);
}

static inline void fill(uint64_t at, uint32_t len, unsigned seed)
{
	uint8_t *p = vd_mem(&w, at, len);

	for (uint32_t i = 0; i < len; i++)
		p[i] = (uint8_t)(seed + i / BLK_SECTOR * 31 + i);
}

static inline void ck_same(uint64_t a, uint64_t b, uint32_t len)
{
	ck_assert_mem_eq(vd_mem(&w, a, len), vd_mem(&w, b, len), len);
}

#endif

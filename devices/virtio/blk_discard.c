/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DISCARD and WRITE_ZEROES (virtio 1.3, 5.2.6): holes in the file where it can have them. A discard that the host
 * cannot do is done, because it promises nothing; zeroes that it cannot make otherwise are written.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>

#include "blk_priv.h"
#include "log.h"
#include "sys.h"

#define HOLE (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define ZERO (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE)

static bool discards(const struct blk_request *req)
{
	return req->type == BLK_T_DISCARD;
}

static uint64_t segment_offset(const struct blk_request *req)
{
	return req->segments[req->segment].sector * BLK_SECTOR;
}

static uint64_t segment_len(const struct blk_request *req)
{
	return (uint64_t)req->segments[req->segment].num_sectors * BLK_SECTOR;
}

/* ---- checks ---- */

static uint8_t check_segment(const struct blk_request *req, const struct blk_segment *seg)
{
	uint64_t sectors = req->queue->blk->image.size / BLK_SECTOR;
	uint32_t flags = discards(req) ? 0 : BLK_SEGMENT_UNMAP;

	/* 5.2.6.2: unknown flags, and unmap in a discard, are not supported. */
	if (seg->flags & ~flags)
		return BLK_S_UNSUPP;
	if (seg->num_sectors > (discards(req) ? BLK_MAX_DISCARD : BLK_MAX_ZEROES))
		return BLK_S_IOERR;
	if (seg->sector > sectors || seg->num_sectors > sectors - seg->sector)
		return BLK_S_IOERR;
	return BLK_S_OK;
}

/* All segments, before any of them is touched. */
static uint8_t take_segments(struct blk_request *req, uint64_t len)
{
	uint8_t status = BLK_S_OK;

	if (len == 0 || len % sizeof(struct blk_segment) != 0 || len / sizeof(struct blk_segment) > BLK_MAX_SEGMENTS)
		return BLK_S_IOERR;
	req->segments = malloc((size_t)len);
	if (!req->segments) {
		log_error("%s: out of memory for a request", req->queue->blk->image.name);
		return BLK_S_IOERR;
	}
	virtq_read(&req->queue->chain, sizeof(struct blk_request_header), req->segments, (size_t)len);
	req->nr_segments = (unsigned)(len / sizeof(struct blk_segment));
	for (unsigned i = 0; i < req->nr_segments && status == BLK_S_OK; i++) {
		struct blk_segment *seg = &req->segments[i];

		seg->sector = le64toh(seg->sector);
		seg->num_sectors = le32toh(seg->num_sectors);
		seg->flags = le32toh(seg->flags);
		status = check_segment(req, seg);
	}
	return status;
}

/* ---- one segment ---- */

/* The next part of the segment as a write of zeroes. */
static void write_zeroes(struct blk_request *req)
{
	void *zeroes = req->queue->blk->image.zeroes;

	if (!req->zeroing) {
		req->zeroing = true;
		req->zero_offset = segment_offset(req);
		req->zero_left = segment_len(req);
		/* The pieces of the last round; taken anew, because they are used up as data moves. */
		if (req->iov == req->pieces)
			req->iov = malloc(BLK_ZERO_PIECES * sizeof(*req->iov));
		if (!req->iov) {
			log_error("%s: out of memory for a request", req->queue->blk->image.name);
			blk_request_finish(req, BLK_S_IOERR);
			return;
		}
	}
	uint64_t len = 0;

	req->first = req->nr_iov = 0;
	while (req->nr_iov < BLK_ZERO_PIECES && len < req->zero_left) {
		uint64_t n = req->zero_left - len < BLK_ZERO_BYTES ? req->zero_left - len : BLK_ZERO_BYTES;

		req->iov[req->nr_iov++] = (struct iovec){zeroes, n};
		len += n;
	}
	req->offset = req->zero_offset;
	req->left = len;
	req->zero_offset += len;
	req->zero_left -= len;
	blk_io_issue(req);
}

/* How the file makes the present segment zero (or gives it up); 0: by writing. */
static int method(struct blk_request *req)
{
	struct blk_image *image = &req->queue->blk->image;

	if ((discards(req) || (req->segments[req->segment].flags & BLK_SEGMENT_UNMAP)) &&
	    !atomic_load_explicit(&image->no_punch, memory_order_relaxed))
		return HOLE;
	if (!discards(req) && !atomic_load_explicit(&image->no_zero_range, memory_order_relaxed))
		return ZERO;
	return 0;
}

static void begin_segment(struct blk_request *req);

static void next_segment(struct blk_request *req)
{
	req->segment++;
	begin_segment(req);
}

/* A device that cannot make zeroes of sectors may still forget them. In this thread: rare, and only a hint. */
static void discard_device(struct blk_request *req)
{
	const struct blk_image *image = &req->queue->blk->image;
	uint64_t range[2] = {segment_offset(req), segment_len(req)};

	if (image->block)
		sys_ioctl(image->fd, BLKDISCARD, range);
	next_segment(req);
}

static void begin_segment(struct blk_request *req)
{
	if (blk_queue_stopping(req->queue)) {
		blk_request_finish(req, BLK_S_IOERR);
		return;
	}
	while (req->segment < req->nr_segments && req->segments[req->segment].num_sectors == 0)
		req->segment++;
	if (req->segment == req->nr_segments) {
		req->sync_after = req->durable;
		blk_request_settle(req);
		return;
	}
	req->method = method(req);
	if (req->method) {
		struct io_uring_sqe *sqe = blk_queue_sqe(req->queue);

		req->step = BLK_STEP_SEGMENT;
		req->offset = segment_offset(req);
		io_uring_prep_fallocate(sqe, 0, req->method, (off_t)req->offset, (off_t)segment_len(req));
		blk_queue_launch(req, sqe, true);
	} else if (discards(req)) {
		discard_device(req);
	} else {
		write_zeroes(req);
	}
}

/* ---- from outside ---- */

void blk_discard_begin(struct blk_request *req, uint64_t len)
{
	uint8_t status = req->queue->blk->image.readonly ? BLK_S_IOERR : take_segments(req, len);

	if (status == BLK_S_OK)
		begin_segment(req);
	else
		blk_request_finish(req, status);
}

void blk_discard_completed(struct blk_request *req, int res)
{
	struct blk_image *image = &req->queue->blk->image;

	if (res == -EOPNOTSUPP || res == -ENOSYS || res == -ENODEV) {
		_Atomic bool *no = req->method == HOLE ? &image->no_punch : &image->no_zero_range;

		atomic_store_explicit(no, true, memory_order_relaxed);
		begin_segment(req);
	} else if (res == -EINTR || res == -EAGAIN) {
		begin_segment(req);
	} else if (res == -EINVAL && discards(req)) {
		next_segment(req); /* finer than the device's blocks */
	} else if (res == -EINVAL) {
		write_zeroes(req);
	} else if (res < 0) {
		blk_request_finish(req, blk_io_failed(req, discards(req) ? "discard" : "zero", res));
	} else {
		next_segment(req);
	}
}

void blk_discard_zeroed(struct blk_request *req)
{
	if (req->zero_left > 0 && !blk_queue_stopping(req->queue)) {
		write_zeroes(req);
		return;
	}
	req->zeroing = false;
	next_segment(req);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Data between the pieces of a request and the file: as it lies there, or through a buffer of ours. */
#include <errno.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "blk_priv.h"
#include "log.h"

static bool is_write(const struct blk_request *req)
{
	return req->type != BLK_T_IN;
}

uint8_t blk_io_failed(struct blk_request *req, const char *what, int err)
{
	const struct blk_image *image = &req->queue->blk->image;

	log_error("%s: cannot %s %s at byte %" PRIu64 ": %s%s", image->name, what, image->path, req->offset,
		  strerror(-err),
		  err == -ENOSPC ? "; make room on the host's file system, the guest sees an I/O error" : "");
	return BLK_S_IOERR;
}

/*
 * The kernel reports a page of its cache that it could not write out once, to one sync of this file, and takes it for
 * clean from then on (errseq_t). That page may be of any write since the last sync that succeeded, so no later one can
 * vouch for those. Direct I/O has no such pages.
 */
uint8_t blk_io_sync_failed(struct blk_request *req, const char *what, int err)
{
	struct blk_image *image = &req->queue->blk->image;

	if (!image->direct && !atomic_exchange(&image->lost, true))
		log_error("%s: writes to %s may be lost, which the host says only once: no FLUSH of the guest can "
			  "succeed any more; see what is wrong with the host's disk, and start the VM again",
			  image->name, image->path);
	return blk_io_failed(req, what, err);
}

bool blk_io_need_bounce(struct blk_request *req)
{
	if (!req->bounce)
		req->bounce = aligned_alloc(BLK_MAX_OFFSET_ALIGN, BLK_BOUNCE_BYTES);
	if (!req->bounce)
		log_error("%s: out of memory for a buffer of direct I/O", req->queue->blk->image.name);
	return req->bounce != NULL;
}

void blk_io_advance(struct blk_request *req, uint64_t done)
{
	req->offset += done;
	req->left -= done;
	while (done > 0) {
		struct iovec *iov = &req->iov[req->first];
		uint64_t n = done < iov->iov_len ? done : iov->iov_len;

		iov->iov_base = (uint8_t *)iov->iov_base + n;
		iov->iov_len -= n;
		done -= n;
		if (iov->iov_len == 0)
			req->first++;
	}
}

void blk_io_copy(struct blk_request *req, uint8_t *buf, uint32_t len, bool to_pieces)
{
	for (unsigned i = req->first; len > 0 && i < req->nr_iov; i++) {
		uint32_t n = req->iov[i].iov_len < len ? (uint32_t)req->iov[i].iov_len : len;

		if (to_pieces)
			memcpy(req->iov[i].iov_base, buf, n);
		else
			memcpy(buf, req->iov[i].iov_base, n);
		buf += n;
		len -= n;
	}
}

/* As direct I/O wants it: what open(2) says of O_DIRECT holds for each piece. */
static bool aligned(const struct blk_request *req)
{
	const struct blk_image *image = &req->queue->blk->image;
	uint64_t mem = image->mem_align - 1, file = image->offset_align - 1;
	uint64_t bits = (req->offset | req->left) & file;

	if (!image->direct)
		return true;
	for (unsigned i = req->first; i < req->nr_iov; i++)
		bits |= ((uintptr_t)req->iov[i].iov_base & mem) | (req->iov[i].iov_len & file);
	return bits == 0;
}

static void launch(struct blk_request *req, struct io_uring_sqe *sqe)
{
	if (is_write(req) && req->durable)
		sqe->rw_flags = RWF_DSYNC;
	blk_queue_launch(req, sqe, is_write(req));
}

static void issue_pieces(struct blk_request *req)
{
	struct io_uring_sqe *sqe = blk_queue_sqe(req->queue);
	const struct iovec *iov = &req->iov[req->first];
	uint64_t all = iov->iov_len;
	unsigned n = 1;

	while (n < req->nr_iov - req->first && all + iov[n].iov_len <= BLK_MAX_OPERATION)
		all += iov[n++].iov_len;
	uint32_t len = all < BLK_MAX_OPERATION ? (uint32_t)all : BLK_MAX_OPERATION; /* less than all: of one piece */

	req->step = BLK_STEP_DATA;
	if (n == 1 && is_write(req))
		io_uring_prep_write(sqe, 0, iov->iov_base, len, req->offset);
	else if (n == 1)
		io_uring_prep_read(sqe, 0, iov->iov_base, len, req->offset);
	else if (is_write(req))
		io_uring_prep_writev(sqe, 0, iov, n, req->offset);
	else
		io_uring_prep_readv(sqe, 0, iov, n, req->offset);
	launch(req, sqe);
}

/* A part that fits the buffer. Reads cover the blocks around it; writes are whole blocks here. */
static void issue_bounce(struct blk_request *req)
{
	uint32_t align = req->queue->blk->image.offset_align;
	uint64_t start = align_down(req->offset, align);
	uint32_t room = BLK_BOUNCE_BYTES - align;
	struct io_uring_sqe *sqe = blk_queue_sqe(req->queue);

	req->step = BLK_STEP_BOUNCE;
	req->bounce_skip = (uint32_t)(req->offset - start);
	req->bounce_len = req->left < room ? (uint32_t)req->left : room;
	if (is_write(req)) {
		req->bounce_len = (uint32_t)align_down(req->bounce_len, align);
		blk_io_copy(req, req->bounce, req->bounce_len, false);
		io_uring_prep_write(sqe, 0, req->bounce, req->bounce_len, req->offset);
	} else {
		uint32_t len = (uint32_t)align_up(req->bounce_skip + req->bounce_len, align);

		io_uring_prep_read(sqe, 0, req->bounce, len, start);
	}
	launch(req, sqe);
}

void blk_io_issue(struct blk_request *req)
{
	const struct blk_image *image = &req->queue->blk->image;

	if (req->left == 0) {
		blk_request_data_done(req);
		return;
	}
	if (aligned(req)) {
		issue_pieces(req);
		return;
	}
	if (is_write(req) && ((req->offset & (image->offset_align - 1)) || req->left < image->offset_align)) {
		blk_gate_queue(req);
		return;
	}
	if (blk_io_need_bounce(req))
		issue_bounce(req);
	else
		blk_request_finish(req, BLK_S_IOERR);
}

/* Bytes of the data that an operation with result @res has moved; 0: none, which is the end of the file. */
static uint64_t moved(struct blk_request *req, uint32_t res)
{
	if (req->step == BLK_STEP_DATA || is_write(req))
		return res;
	uint32_t n = res > req->bounce_skip ? res - req->bounce_skip : 0;

	if (n > req->bounce_len)
		n = req->bounce_len;
	blk_io_copy(req, req->bounce + req->bounce_skip, n, true);
	return n;
}

void blk_io_completed(struct blk_request *req, int res)
{
	const struct blk_image *image = &req->queue->blk->image;

	if (res == -EAGAIN || res == -EINTR) {
		blk_io_issue(req);
		return;
	}
	if (res < 0) {
		blk_request_finish(req, is_write(req) && req->durable
						? blk_io_sync_failed(req, "write", res)
						: blk_io_failed(req, is_write(req) ? "write" : "read", res));
		return;
	}
	uint64_t n = moved(req, (uint32_t)res);

	if (n == 0 && !is_write(req)) {
		log_error("%s: the image %s ends before byte %" PRIu64 ", at %" PRIu64
			  " when the VM was started; it was shortened since",
			  image->name, image->path, req->offset, image->size);
		blk_request_finish(req, BLK_S_IOERR);
		return;
	}
	if (n == 0) {
		blk_request_finish(req, blk_io_failed(req, "write", -EIO));
		return;
	}
	blk_io_advance(req, n);
	if (blk_queue_stopping(req->queue))
		blk_request_finish(req, BLK_S_IOERR);
	else
		blk_io_issue(req);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One request: read from the ring, checked, begun, answered (virtio 1.3, 5.2.6). */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "blk_priv.h"
#include "log.h"

/* ---- the end ---- */

static void free_slot(struct blk_request *req)
{
	struct blk_queue *q = req->queue;

	if (req->iov != req->pieces)
		free(req->iov);
	free(req->bounce);
	free(req->segments);
	req->iov = NULL;
	req->bounce = NULL;
	req->segments = NULL;
	req->next = q->free;
	q->free = req;
	q->in_flight--;
}

void blk_request_finish(struct blk_request *req, uint8_t status)
{
	struct blk_queue *q = req->queue;

	if (!blk_queue_stopping(q)) {
		*req->status = status;
		virtq_push(q->vq, req->id, req->nr_descs, req->written);
		q->pushed = true;
	}
	free_slot(req);
}

void blk_request_settle(struct blk_request *req)
{
	if (!req->sync_after) {
		blk_request_finish(req, BLK_S_OK);
		return;
	}
	struct io_uring_sqe *sqe = blk_queue_sqe(req->queue);

	req->step = BLK_STEP_SYNC;
	io_uring_prep_fsync(sqe, 0, IORING_FSYNC_DATASYNC);
	blk_queue_launch(req, sqe, false);
}

void blk_request_data_done(struct blk_request *req)
{
	if (req->zeroing)
		blk_discard_zeroed(req);
	else
		blk_request_settle(req);
}

static void synced(struct blk_request *req, int res)
{
	if (res == -EINTR || res == -EAGAIN)
		blk_request_settle(req);
	else if (res < 0)
		blk_request_finish(req, blk_io_sync_failed(req, "make durable", res));
	else
		blk_request_finish(req, atomic_load(&req->queue->blk->image.lost) ? BLK_S_IOERR : BLK_S_OK);
}

void blk_request_completed(struct blk_request *req, int res)
{
	blk_gate_leave(req);
	switch (req->step) {
	case BLK_STEP_DATA:
	case BLK_STEP_BOUNCE:
		blk_io_completed(req, res);
		break;
	case BLK_STEP_SEGMENT:
		blk_discard_completed(req, res);
		break;
	case BLK_STEP_SYNC:
		synced(req, res);
		break;
	}
}

/* ---- the beginning ---- */

/* The @len bytes at @skip of @n pieces, neighbours joined. False: out of memory. */
static bool take_pieces(struct blk_request *req, const struct iovec *iov, unsigned n, uint64_t skip, uint64_t len)
{
	struct iovec *to = req->pieces;

	if (n > BLK_INLINE_PIECES)
		to = malloc(n * sizeof(*to));
	if (!to)
		return false;
	req->iov = to;
	for (unsigned i = 0; i < n && len > 0; i++) {
		uint8_t *base = iov[i].iov_base;
		uint64_t size = iov[i].iov_len;

		if (skip >= size) {
			skip -= size;
			continue;
		}
		base += skip;
		size -= skip;
		skip = 0;
		if (size > len)
			size = len;
		len -= size;
		if (req->nr_iov > 0 && (uint8_t *)to[req->nr_iov - 1].iov_base + to[req->nr_iov - 1].iov_len == base)
			to[req->nr_iov - 1].iov_len += size;
		else
			to[req->nr_iov++] = (struct iovec){base, size};
	}
	return true;
}

static void begin_data(struct blk_request *req, uint64_t sector)
{
	const struct blk_image *image = &req->queue->blk->image;
	const struct virtq_chain *chain = &req->queue->chain;
	bool write = req->type == BLK_T_OUT;
	uint64_t len = write ? chain->out_len - sizeof(struct blk_request_header) : chain->in_len - 1;
	uint64_t sectors = image->size / BLK_SECTOR;
	bool taken;

	/* 5.2.6.1: whole sectors; 5.2.6.2: a read-only device fails every write and changes nothing. */
	if ((write && image->readonly) || len % BLK_SECTOR != 0 || sector > sectors ||
	    len / BLK_SECTOR > sectors - sector) {
		blk_request_finish(req, BLK_S_IOERR);
		return;
	}
	if (write)
		taken = take_pieces(req, chain->iov, chain->nr_out, sizeof(struct blk_request_header), len);
	else
		taken = take_pieces(req, chain->iov + chain->nr_out, chain->nr_in, 0, len);
	if (!taken) {
		log_error("%s: out of memory for a request", image->name);
		blk_request_finish(req, BLK_S_IOERR);
		return;
	}
	req->offset = sector * BLK_SECTOR;
	req->left = len;
	blk_io_issue(req);
}

/* 5.2.6.2: 20 bytes, filled up with zeroes, without an end if the serial has that many. */
static void give_id(struct blk_request *req)
{
	const struct blk *blk = req->queue->blk;
	struct virtq_chain *chain = &req->queue->chain;
	size_t room = chain->in_len - 1 < BLK_ID_BYTES ? (size_t)chain->in_len - 1 : BLK_ID_BYTES;

	virtq_write(chain, 0, blk->serial, room);
	blk_request_finish(req, BLK_S_OK);
}

static void begin(struct blk_request *req, const struct blk_request_header *header)
{
	const struct blk *blk = req->queue->blk;
	const struct virtq_chain *chain = &req->queue->chain;

	req->type = le32toh(header->type);
	switch (req->type) {
	case BLK_T_OUT:
		req->durable = atomic_load_explicit(&blk->writethrough, memory_order_relaxed);
		begin_data(req, le64toh(header->sector));
		return;
	case BLK_T_IN:
		begin_data(req, le64toh(header->sector));
		return;
	case BLK_T_FLUSH:
		req->sync_after = true;
		blk_request_settle(req);
		return;
	case BLK_T_GET_ID:
		give_id(req);
		return;
	case BLK_T_DISCARD:
	case BLK_T_WRITE_ZEROES:
		if (!virtio_has(&blk->dev, req->type == BLK_T_DISCARD ? BLK_F_DISCARD : BLK_F_WRITE_ZEROES))
			break;
		req->durable = atomic_load_explicit(&blk->writethrough, memory_order_relaxed);
		blk_discard_begin(req, chain->out_len - sizeof(*header));
		return;
	}
	blk_request_finish(req, BLK_S_UNSUPP);
}

void blk_request_begin(struct blk_queue *q)
{
	const struct virtq_chain *chain = &q->chain;
	struct blk_request *req = q->free;
	struct blk_request_header header;

	if (chain->nr_in == 0) {
		virtq_break(q->vq, "a request has no room for its status");
		q->dead = true;
		return;
	}
	const struct iovec *last = &chain->iov[chain->nr_out + chain->nr_in - 1];

	q->free = req->next;
	q->in_flight++;
	*req = (struct blk_request){
		.queue = q,
		.id = chain->id,
		.nr_descs = chain->nr_descs,
		.written = (uint32_t)chain->in_len,
		.status = (uint8_t *)last->iov_base + last->iov_len - 1,
		.iov = req->pieces,
	};
	if (virtq_read(chain, 0, &header, sizeof(header)) < sizeof(header))
		blk_request_finish(req, BLK_S_IOERR);
	else
		begin(req, &header);
}

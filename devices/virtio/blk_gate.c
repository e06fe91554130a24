/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes of less than a block on files whose direct I/O knows only whole blocks: read the block, change it, write it,
 * while no other write is under way. Each thread holds the gate shared as long as it has writes in its ring. One that
 * wants it alone says so, waits for its own writes, and takes it exclusively; the others see gate_wanted, begin nothing
 * new, and let go as soon as their last write is done. Nobody waits for the device lock while it holds the gate.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "blk_priv.h"
#include "sys.h"

static bool needed(const struct blk_image *image)
{
	return image->offset_align > BLK_SECTOR;
}

void blk_gate_enter(struct blk_request *req)
{
	struct blk_queue *q = req->queue;

	if (!needed(&q->blk->image))
		return;
	if (q->writes++ == 0)
		pthread_rwlock_rdlock(&q->blk->image.gate);
	req->counted = true;
}

void blk_gate_leave(struct blk_request *req)
{
	struct blk_queue *q = req->queue;

	if (!req->counted)
		return;
	req->counted = false;
	if (--q->writes == 0)
		pthread_rwlock_unlock(&q->blk->image.gate);
}

bool blk_gate_closed(struct blk_queue *q)
{
	return q->writes > 0 && atomic_load_explicit(&q->blk->image.gate_wanted, memory_order_relaxed) > 0;
}

void blk_gate_queue(struct blk_request *req)
{
	req->next = req->queue->gated;
	req->queue->gated = req;
}

static int whole(ssize_t n, uint32_t len)
{
	return n < 0 ? -errno : (uint32_t)n == len ? 0 : -EIO;
}

/* The block that the next byte lies in, as far as the data reaches. The gate is ours. */
static int change_block(struct blk_request *req)
{
	const struct blk_image *image = &req->queue->blk->image;
	uint32_t align = image->offset_align;
	uint64_t block = align_down(req->offset, align);
	uint32_t skip = (uint32_t)(req->offset - block);
	uint32_t len = req->left < align - skip ? (uint32_t)req->left : align - skip;
	int err = whole(sys_pread(image->fd, req->bounce, align, (off_t)block), align);

	if (err)
		return err;
	blk_io_copy(req, req->bounce + skip, len, false);
	err = whole(sys_pwrite(image->fd, req->bounce, align, (off_t)block), align);
	if (err)
		return err;
	req->sync_after |= req->durable;
	blk_io_advance(req, len);
	return 0;
}

static void serve(struct blk_request *req)
{
	struct blk_queue *q = req->queue;
	struct blk_image *image = &q->blk->image;

	if (blk_queue_stopping(q) || !blk_io_need_bounce(req)) {
		blk_request_finish(req, BLK_S_IOERR);
		return;
	}
	atomic_fetch_add_explicit(&image->gate_wanted, 1, memory_order_relaxed);
	while (q->writes > 0)
		blk_queue_turn(q, 1);
	pthread_rwlock_wrlock(&image->gate);
	int err = change_block(req);

	pthread_rwlock_unlock(&image->gate);
	atomic_fetch_sub_explicit(&image->gate_wanted, 1, memory_order_relaxed);
	if (err)
		blk_request_finish(req, blk_io_failed(req, "write", err));
	else
		blk_io_issue(req);
}

void blk_gate_run(struct blk_queue *q)
{
	while (q->gated) {
		struct blk_request *req = q->gated;

		q->gated = req->next;
		serve(req);
	}
}

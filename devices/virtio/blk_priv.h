/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of virtio-blk share; nobody else includes it.
 *
 * struct blk_image   - the open file: immutable after blk_image_open() but for the gate and what was found unsupported.
 * struct blk_queue   - one virtqueue with its thread and ring. Below "of the thread" only the thread touches it; the
 *                      others command it by an atomic word and an eventfd, and see by another word that it rests.
 * struct blk_request - one request of the driver; belongs to its queue's thread. It has at most one operation in its
 *                      ring at any time: whatever needs several (a short read, a bounce buffer, segments, a sync at the
 *                      end) does them one after the other, by `step`.
 */
#ifndef AERIE_VIRTIO_BLK_PRIV_H
#define AERIE_VIRTIO_BLK_PRIV_H

#include <liburing.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "blk.h"
#include "blk_regs.h"
#include "loop.h"
#include "virtio.h"
#include "virtq.h"

#define BLK_QUEUE_SIZE	     256u
#define BLK_SEG_MAX	     (BLK_QUEUE_SIZE - 2u) /* header and status take one descriptor each */
#define BLK_SIZE_MAX	     (UINT32_C(1) << 20)
#define BLK_MAX_SEGMENTS     32u		   /* of one DISCARD or WRITE_ZEROES */
#define BLK_MAX_DISCARD	     (UINT32_C(8) << 20)   /* sectors of one segment: 4 GiB */
#define BLK_MAX_ZEROES	     (UINT32_C(2) << 20)   /* 1 GiB */
#define BLK_BOUNCE_BYTES     (UINT32_C(128) << 10) /* of one request at a time */
#define BLK_MAX_OFFSET_ALIGN 4096u		   /* coarser direct I/O is not worth its trouble */
#define BLK_ZERO_BYTES	     (UINT32_C(128) << 10)
#define BLK_ZERO_PIECES	     64u
#define BLK_INLINE_PIECES    8u
#define BLK_MAX_OPERATION    (UINT32_C(4) << 20) /* bytes; a reset waits for all that are under way */
#define BLK_POLL_MAX_NS	     32000u
#define BLK_POLL_FIRST_NS    4000u
#define BLK_RING_ENTRIES     512u /* one operation of each request, and the two polls */
static_assert(BLK_RING_ENTRIES >= BLK_QUEUE_SIZE + 2, "io_uring_get_sqe() never fails");

struct blk_image {
	const char *name; /* of the device, for messages; borrowed */
	const char *path; /* borrowed */
	int fd;		  /* owned */
	uint64_t size;	  /* bytes, a multiple of BLK_SECTOR and not 0 */
	bool readonly, block, direct;
	bool can_discard;
	uint32_t offset_align;			    /* of file offsets and lengths, power of two; 1 without direct */
	uint32_t mem_align;			    /* of buffers' addresses, power of two */
	uint32_t logical, physical, io_min, io_opt; /* bytes, for the guest; io_* 0: unknown */
	void *zeroes;				    /* BLK_ZERO_BYTES of them, owned */

	/* What the file turned out not to do. */
	_Atomic bool no_punch, no_zero_range;
	_Atomic bool lost; /* a write that the guest was told of may never reach the disk: no FLUSH succeeds any more */

	/*
	 * The gate: where direct I/O is coarser than a sector (offset_align > 512), a smaller write reads, changes and
	 * writes a whole block, during which no other write of any queue may be under way. A thread holds the gate
	 * shared while writes of its own are in its ring; see blk_gate.c.
	 */
	pthread_rwlock_t gate;
	_Atomic unsigned gate_wanted;
};

enum blk_step {
	BLK_STEP_DATA,	 /* between guest memory (or zeroes) and the file */
	BLK_STEP_BOUNCE, /* the same through the bounce buffer */
	BLK_STEP_SEGMENT,
	BLK_STEP_SYNC,
};

struct blk_request {
	struct blk_queue *queue;
	struct blk_request *next; /* in the queue's list of free ones, or of those that wait for the gate */
	uint16_t id, nr_descs;
	uint32_t type;
	uint32_t written; /* for the used ring */
	uint8_t *status;  /* in guest memory */
	enum blk_step step;
	bool durable;	 /* must be on stable storage when it completes */
	bool sync_after; /* not by RWF_DSYNC, so by an fdatasync at the end */
	bool counted;	 /* among the queue's writes */

	uint64_t offset, left;	/* bytes: where the data goes on, and how much of it */
	struct iovec *iov;	/* pieces of what is left; pieces or owned */
	unsigned nr_iov, first; /* iov[first .. nr_iov) is what is left */
	struct iovec pieces[BLK_INLINE_PIECES];
	uint8_t *bounce;     /* owned */
	uint32_t bounce_len; /* bytes of data under way in it */
	uint32_t bounce_skip;

	struct blk_segment *segments; /* owned, in host byte order */
	unsigned nr_segments, segment;
	int method;			 /* by which the present segment is being made zero: a mode of fallocate(2) */
	uint64_t zero_offset, zero_left; /* of the present segment, when it is written */
	bool zeroing;
};

enum blk_command {
	BLK_REST,
	BLK_RUN,
	BLK_EXIT,
};
#define BLK_COMMAND_MASK 3u /* above: a number that makes each command unlike the one before */

struct blk_queue {
	struct blk *blk;
	struct virtq *vq;
	unsigned index;
	pthread_t thread;
	bool has_thread, has_ring;
	bool resetting;		  /* virtio_queue_stopped() is to be called; device lock */
	int wake;		  /* eventfd: look at command; owned */
	_Atomic unsigned command; /* written with the device lock held */
	_Atomic unsigned rested;  /* the last command BLK_REST that the thread has come to rest for */
	struct io_uring ring;

	/* Of the thread. */
	bool dead;    /* the virtqueue gives nothing more until the next start */
	bool no_kick; /* virtq_want_kicks(false) was the last */
	bool pushed;  /* since the last virtq_notify() */
	unsigned in_flight, writes;
	unsigned poll_ns;
	struct blk_request *requests; /* BLK_QUEUE_SIZE of them, owned */
	struct blk_request *free, *gated;
	struct virtq_chain chain;
};

struct blk {
	struct virtio_device dev;
	struct blk_image image;
	struct blk_queue *queues[BLK_MAX_QUEUES]; /* each owned */
	unsigned nr_queues;
	struct loop_source rested; /* eventfd, owned: a queue has come to rest */
	bool stopping;		   /* virtio_stopped() is to be called */
	_Atomic bool writethrough;
	char serial[BLK_ID_BYTES];
	struct blk_config_space config;
};

/* ---- blk_image.c ---- */

/** Opens, checks and locks. 0 or -errno (logged), then nothing is left. */
int blk_image_open(struct blk_image *image, const struct virtio_blk_config *config);
void blk_image_close(struct blk_image *image);

/* ---- blk_align.c ---- */

/** Decides between direct and buffered I/O, and what alignment it needs. 0 or -errno (logged). */
int blk_image_align(struct blk_image *image, enum virtio_blk_cache cache);

/* ---- blk_queue.c: the thread ---- */

/** 0 or -errno (logged); *@out rests. */
int blk_queue_create(struct blk_queue **out, struct blk *blk, unsigned index);
/** Ends the thread, which rests, and frees. NULL is allowed. */
void blk_queue_destroy(struct blk_queue *q);
/** Gives a command; device lock held. */
void blk_queue_command(struct blk_queue *q, enum blk_command command);
/** True when the last command was BLK_REST and the thread obeyed it. */
bool blk_queue_rests(struct blk_queue *q);

/* ---- for the thread's own parts ---- */

/** The queue is to rest: nothing new is begun, and nothing is answered any more. */
static inline bool blk_queue_stopping(struct blk_queue *q)
{
	return (atomic_load_explicit(&q->command, memory_order_relaxed) & BLK_COMMAND_MASK) != BLK_RUN;
}

/** A place in the ring for an operation on fixed file 0, and, after it was filled in: that it is @req's. It stays its
 *  only one until blk_request_completed(). @changes: the file. */
struct io_uring_sqe *blk_queue_sqe(struct blk_queue *q);
void blk_queue_launch(struct blk_request *req, struct io_uring_sqe *sqe, bool changes);
/** Submits, waits for at least @wait completions, and deals with all there are. */
void blk_queue_turn(struct blk_queue *q, unsigned wait);

/* ---- blk_request.c ---- */

/** Begins the request in q->chain, for which a slot is free. */
void blk_request_begin(struct blk_queue *q);
/** The operation of @req came back with @res. */
void blk_request_completed(struct blk_request *req, int res);
/** Answers (not when the queue is to rest) and frees the slot. */
void blk_request_finish(struct blk_request *req, uint8_t status);
/** All data has moved: goes on with what comes after it. */
void blk_request_data_done(struct blk_request *req);
/** The work is done but for making it durable, if that is asked for. */
void blk_request_settle(struct blk_request *req);

/* ---- blk_io.c ---- */

/** Moves what is left of the request's data. */
void blk_io_issue(struct blk_request *req);
void blk_io_completed(struct blk_request *req, int res);
/** @done bytes of what is left have moved. */
void blk_io_advance(struct blk_request *req, uint64_t done);
/** Copies @len of the bytes that come next between the pieces and @buf. */
void blk_io_copy(struct blk_request *req, uint8_t *buf, uint32_t len, bool to_pieces);
/** A buffer fit for direct I/O; false: -ENOMEM (logged). */
bool blk_io_need_bounce(struct blk_request *req);
/** Says what the host did to @req. Returns BLK_S_IOERR. */
uint8_t blk_io_failed(struct blk_request *req, const char *what, int err);
/** The same for what was to be durable. */
uint8_t blk_io_sync_failed(struct blk_request *req, const char *what, int err);

/* ---- blk_gate.c ---- */

/** Around each operation that changes the file. */
void blk_gate_enter(struct blk_request *req);
void blk_gate_leave(struct blk_request *req);
/** A thread wants the gate for itself, and this one has writes under way: it begins nothing new. */
bool blk_gate_closed(struct blk_queue *q);
/** Puts @req, whose next bytes are less than a block, in line; blk_gate_run() serves the line. */
void blk_gate_queue(struct blk_request *req);
void blk_gate_run(struct blk_queue *q);

/* ---- blk_discard.c ---- */

/** Begins DISCARD or WRITE_ZEROES with @len bytes of segments in q->chain. */
void blk_discard_begin(struct blk_request *req, uint64_t len);
void blk_discard_completed(struct blk_request *req, int res);
/** A part of a segment has been written with zeroes. */
void blk_discard_zeroed(struct blk_request *req);

#endif

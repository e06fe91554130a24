/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread of one queue. Everything that it waits for comes through its ring: completions, the driver's kicks and our
 * commands (polls of two eventfds that stay armed and need no reading). One turn takes all requests there are, hands
 * them to the kernel in one call, and answers all that are done with one interrupt. Under load that is far less than a
 * system call for each request.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bits.h"
#include "blk_priv.h"
#include "fd.h"
#include "log.h"
#include "sys.h"

/* user_data of the polls; all else are requests. */
#define TAG_KICK 1u
#define TAG_WAKE 2u

/* ---- the ring ---- */

struct io_uring_sqe *blk_queue_sqe(struct blk_queue *q)
{
	return io_uring_get_sqe(&q->ring);
}

void blk_queue_launch(struct blk_request *req, struct io_uring_sqe *sqe, bool changes)
{
	sqe->flags = IOSQE_FIXED_FILE;
	io_uring_sqe_set_data(sqe, req);
	if (changes)
		blk_gate_enter(req);
}

/* Its eventfd is never read: an edge is enough, and the count does not come near its end. */
static void arm(struct blk_queue *q, int fd, uintptr_t tag)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&q->ring);

	io_uring_prep_poll_multishot(sqe, fd, POLLIN);
	io_uring_sqe_set_data(sqe, (void *)tag);
}

static void completed(struct blk_queue *q, const struct io_uring_cqe *cqe)
{
	uintptr_t tag = (uintptr_t)io_uring_cqe_get_data(cqe);

	if (tag != TAG_KICK && tag != TAG_WAKE)
		blk_request_completed((struct blk_request *)tag, cqe->res);
	else if (!(cqe->flags & IORING_CQE_F_MORE))
		arm(q, tag == TAG_KICK ? q->vq->kick : q->wake, tag);
}

/* Each completion leaves the ring before it is dealt with, because that may take a turn of its own (blk_gate.c). */
static void reap(struct blk_queue *q)
{
	struct io_uring_cqe *cqe;

	while (io_uring_cq_ready(&q->ring) > 0 && io_uring_peek_cqe(&q->ring, &cqe) == 0) {
		struct io_uring_cqe copy = *cqe;

		io_uring_cqe_seen(&q->ring, cqe);
		completed(q, &copy);
	}
}

static void submit(struct blk_queue *q, unsigned wait)
{
	static const struct timespec pause = {.tv_nsec = 1000000};

	if (sys_uring_submit(&q->ring, wait) >= 0 || errno == EINTR)
		return;
	/* The kernel is short of something for a moment; what was not taken stays in the ring. */
	if (errno != EAGAIN && errno != EBUSY)
		log_error("%s: cannot submit I/O: %s; it is tried again", q->blk->image.name, strerror(errno));
	nanosleep(&pause, NULL);
}

void blk_queue_turn(struct blk_queue *q, unsigned wait)
{
	submit(q, io_uring_cq_ready(&q->ring) > 0 ? 0 : wait);
	reap(q);
}

/* ---- requests ---- */

static void want_kicks(struct blk_queue *q, bool want)
{
	if (q->no_kick == !want)
		return;
	q->no_kick = !want;
	virtq_want_kicks(q->vq, want);
}

static bool takes(struct blk_queue *q)
{
	return !q->dead && q->free && !blk_gate_closed(q);
}

static void take_requests(struct blk_queue *q)
{
	int ret = 1;

	want_kicks(q, false);
	while (takes(q) && (ret = virtq_pop(q->vq, &q->chain)) == 1)
		blk_request_begin(q);
	if (ret < 0)
		q->dead = true;
}

static void notify(struct blk_queue *q)
{
	if (!q->pushed)
		return;
	q->pushed = false;
	virtq_notify(q->vq);
}

/* ---- waiting ---- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Completions that only a system call brings into the ring. */
static bool kernel_has_news(struct blk_queue *q)
{
	return __atomic_load_n(q->ring.sq.kflags, __ATOMIC_RELAXED) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

static bool has_news(struct blk_queue *q, unsigned command)
{
	return io_uring_cq_ready(&q->ring) > 0 || kernel_has_news(q) || (takes(q) && virtq_available(q->vq)) ||
	       atomic_load_explicit(&q->command, memory_order_relaxed) != command;
}

/*
 * Looks around for a while before it sleeps, if that would have helped the last times: grows while what comes, comes
 * within BLK_POLL_MAX_NS, and is given up when it does not.
 */
static bool look_around(struct blk_queue *q, unsigned command, uint64_t start)
{
	if (q->poll_ns == 0)
		return false;
	if (io_uring_sq_ready(&q->ring) > 0)
		submit(q, 0);
	do {
		if (has_news(q, command))
			return true;
	} while (now_ns() - start < q->poll_ns);
	return false;
}

static void adapt(struct blk_queue *q, uint64_t waited)
{
	if (waited > BLK_POLL_MAX_NS)
		q->poll_ns = 0;
	else if (waited > q->poll_ns)
		q->poll_ns = q->poll_ns ? 2 * q->poll_ns : BLK_POLL_FIRST_NS;
	if (q->poll_ns > BLK_POLL_MAX_NS)
		q->poll_ns = BLK_POLL_MAX_NS;
}

/* Passes on what there is in both directions, with a system call only if it needs one. */
static void turn_without_waiting(struct blk_queue *q)
{
	if (io_uring_sq_ready(&q->ring) > 0 || kernel_has_news(q))
		submit(q, 0);
	reap(q);
}

/* Returns when there is something to do. */
static void wait_running(struct blk_queue *q, unsigned command)
{
	uint64_t start = now_ns();

	if (look_around(q, command, start)) {
		turn_without_waiting(q);
		return;
	}
	if (!q->dead) {
		want_kicks(q, true);
		if (takes(q) && virtq_available(q->vq)) {
			turn_without_waiting(q);
			return;
		}
	}
	submit(q, 1);
	adapt(q, now_ns() - start);
	reap(q);
}

/* ---- the thread ---- */

static void begin_run(struct blk_queue *q)
{
	q->dead = q->no_kick = q->pushed = false;
	q->poll_ns = 0;
}

static void come_to_rest(struct blk_queue *q, unsigned command)
{
	if (atomic_load_explicit(&q->rested, memory_order_relaxed) == command)
		return;
	atomic_store_explicit(&q->rested, command, memory_order_release);
	fd_signal(q->blk->rested.fd);
}

static void *queue_thread(void *arg)
{
	struct blk_queue *q = arg;
	unsigned command = BLK_REST;

	if (sys_uring_enable(&q->ring) < 0)
		log_error("%s: cannot start io_uring: %s", q->blk->image.name, strerror(errno));
	arm(q, q->wake, TAG_WAKE);
	arm(q, q->vq->kick, TAG_KICK);
	for (;;) {
		unsigned last = command;

		command = atomic_load_explicit(&q->command, memory_order_acquire);
		if (command != last && (command & BLK_COMMAND_MASK) == BLK_RUN)
			begin_run(q);
		blk_gate_run(q);
		if ((command & BLK_COMMAND_MASK) == BLK_RUN) {
			take_requests(q);
			notify(q);
			if (!q->gated)
				wait_running(q, command);
			notify(q);
			continue;
		}
		if (q->in_flight == 0 && (command & BLK_COMMAND_MASK) == BLK_EXIT)
			break;
		if (q->in_flight == 0)
			come_to_rest(q, command);
		blk_queue_turn(q, 1);
	}
	/* The kernel takes a ring apart at leisure; the image shall be free when we are gone. */
	sys_uring_unregister_fd(&q->ring);
	return NULL;
}

void blk_queue_command(struct blk_queue *q, enum blk_command command)
{
	unsigned now = atomic_load_explicit(&q->command, memory_order_relaxed);

	atomic_store_explicit(&q->command, (now & ~BLK_COMMAND_MASK) + (BLK_COMMAND_MASK + 1) + command,
			      memory_order_release);
	fd_signal(q->wake);
}

bool blk_queue_rests(struct blk_queue *q)
{
	return atomic_load_explicit(&q->rested, memory_order_acquire) ==
	       atomic_load_explicit(&q->command, memory_order_relaxed);
}

/* ---- life ---- */

/* The best that the kernel has: completions without interrupts of this thread (6.1), or at least without IPIs. */
static int setup_ring(struct blk_queue *q)
{
	static const unsigned modes[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		0,
	};
	int err = -EINVAL;

	for (unsigned i = 0; i < ARRAY_LEN(modes) && err == -EINVAL; i++) {
		/* Disabled until the thread takes it over: the single issuer is who enables it. */
		struct io_uring_params params = {.flags = modes[i] | IORING_SETUP_R_DISABLED};

		err = sys_uring_init(BLK_RING_ENTRIES, &q->ring, &params) < 0 ? -errno : 0;
	}
	q->has_ring = !err;
	if (!err && sys_uring_register_fd(&q->ring, q->blk->image.fd) < 0)
		err = -errno;
	if (err == -EPERM || err == -ENOSYS)
		return log_fail(err,
				"%s: this host does not let aerie use io_uring (%s); set the sysctl "
				"kernel.io_uring_disabled to 0, and allow it in the container's system call filter",
				q->blk->image.name, strerror(-err));
	if (err == -ENOMEM)
		return log_fail(err,
				"%s: not enough memory for io_uring; raise the limit on locked memory (ulimit -l) or "
				"lower `queues`",
				q->blk->image.name);
	if (err)
		return log_fail(err, "%s: cannot set up io_uring: %s", q->blk->image.name, strerror(-err));
	return 0;
}

static int setup_requests(struct blk_queue *q)
{
	q->requests = calloc(BLK_QUEUE_SIZE, sizeof(*q->requests));
	if (!q->requests)
		return log_fail(-ENOMEM, "%s: out of memory for the disk", q->blk->image.name);
	for (unsigned i = 0; i < BLK_QUEUE_SIZE; i++) {
		q->requests[i].next = q->free;
		q->free = &q->requests[i];
	}
	return 0;
}

static int start_thread(struct blk_queue *q)
{
	char name[16];
	sigset_t all, old;

	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGFPE);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int err = pthread_create(&q->thread, NULL, queue_thread, q);

	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return log_fail(-err,
				"%s: cannot start an I/O thread: %s; the limit on processes may be too low (ulimit -u)",
				q->blk->image.name, strerror(err));
	q->has_thread = true;
	snprintf(name, sizeof(name), "io-%.9s", q->blk->image.name);
	pthread_setname_np(q->thread, name);
	return 0;
}

int blk_queue_create(struct blk_queue **out, struct blk *blk, unsigned index)
{
	struct blk_queue *q = calloc(1, sizeof(*q));

	if (!q)
		return log_fail(-ENOMEM, "%s: out of memory for the disk", blk->image.name);
	*q = (struct blk_queue){.blk = blk, .vq = &blk->dev.queues[index], .index = index, .wake = fd_eventfd()};
	int err = q->wake < 0 ? q->wake : setup_requests(q);

	if (!err)
		err = setup_ring(q);
	if (!err)
		err = start_thread(q);
	if (err) {
		blk_queue_destroy(q);
		return err;
	}
	*out = q;
	return 0;
}

void blk_queue_destroy(struct blk_queue *q)
{
	if (!q)
		return;
	if (q->has_thread) {
		blk_queue_command(q, BLK_EXIT);
		pthread_join(q->thread, NULL);
	}
	if (q->has_ring)
		sys_uring_exit(&q->ring);
	if (q->wake >= 0)
		fd_close(&q->wake);
	free(q->requests);
	free(q);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "fd.h"
#include "log.h"
#include "vm.h"

/* lock is a leaf: nothing is called with it held. */
struct worker {
	const char *name;
	struct vm *vm;
	const struct worker_ops *ops;
	void *owner;
	pthread_t thread;
	int control;		 /* eventfd that wakes the thread */
	struct loop_source rest; /* eventfd that tells the loop; watched fd owned */
	_Atomic bool wanted;	 /* want, wake or exit changed since the thread looked */
	pthread_mutex_t lock;
	pthread_cond_t at_rest;
	uint64_t want, have; /* bit n: queue n */
	bool exit;
};

_Static_assert(WORKER_MAX_FDS > 3 * 64 + 2, "room for kick, call and error of each queue");

static void signal_control(struct worker *w)
{
	atomic_store(&w->wanted, true);
	fd_signal(w->control);
}

static void set_want(struct worker *w, uint64_t clear, uint64_t set)
{
	pthread_mutex_lock(&w->lock);
	w->want = (w->want & ~clear) | set;
	pthread_mutex_unlock(&w->lock);
	signal_control(w);
}

void worker_start(struct worker *w, unsigned index)
{
	set_want(w, 0, BIT64(index));
}

void worker_stop(struct worker *w, unsigned index)
{
	set_want(w, BIT64(index), 0);
}

void worker_stop_all(struct worker *w)
{
	set_want(w, UINT64_MAX, 0);
}

/* A queue that is wished for is not at rest either: the thread takes it at any moment. */
static uint64_t busy(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	uint64_t queues = w->have | w->want;

	pthread_mutex_unlock(&w->lock);
	return queues;
}

bool worker_rests(struct worker *w, unsigned index)
{
	return !(busy(w) & BIT64(index));
}

bool worker_idle(struct worker *w)
{
	return busy(w) == 0;
}

void worker_quiesce(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	while (w->have & ~w->want)
		pthread_cond_wait(&w->at_rest, &w->lock);
	pthread_mutex_unlock(&w->lock);
	fd_drain(w->rest.fd);
}

bool worker_wanted(const struct worker *w)
{
	return atomic_load_explicit(&w->wanted, memory_order_relaxed);
}

void worker_wake(struct worker *w)
{
	signal_control(w);
}

static void rested(struct loop_source *src)
{
	struct worker *w = container_of(src, struct worker, rest);

	fd_drain(src->fd);
	bus_lock(&w->vm->bus);
	w->ops->rested(w->owner);
	bus_unlock(&w->vm->bus);
}

/* Makes wishes come true. Returns false when the thread is to end. */
static bool reconcile(struct worker *w)
{
	fd_drain(w->control);
	if (!atomic_exchange(&w->wanted, false))
		return true;
	pthread_mutex_lock(&w->lock);
	uint64_t want = w->want, have = w->have;
	bool end = w->exit;

	w->have |= want;
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < 64; i++) {
		if (have & ~want & BIT64(i))
			w->ops->end(w->owner, i);
		else if (want & ~have & BIT64(i))
			w->ops->begin(w->owner, i);
	}
	if (have & ~want) {
		pthread_mutex_lock(&w->lock);
		w->have &= ~(have & ~want);
		pthread_cond_broadcast(&w->at_rest);
		pthread_mutex_unlock(&w->lock);
		fd_signal(w->rest.fd);
	}
	return !end;
}

static void *run(void *arg)
{
	struct worker *w = arg;
	struct pollfd fds[1 + WORKER_MAX_FDS] = {{.fd = w->control, .events = POLLIN}};

	while (reconcile(w)) {
		int timeout = -1;
		unsigned n = 1 + w->ops->poll(w->owner, fds + 1, &timeout);

		if (poll(fds, n, timeout) >= 0 && !worker_wanted(w))
			w->ops->work(w->owner, fds + 1);
	}
	return NULL;
}

/* Signals are for the main thread. */
static int start_thread(struct worker *w)
{
	sigset_t all, old;

	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGSEGV);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int err = pthread_create(&w->thread, NULL, run, w);

	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err ? log_fail(-err, "%s: cannot start a thread: %s", w->name, strerror(err)) : 0;
}

int worker_create(struct worker **out, struct vm *vm, const char *name, const struct worker_ops *ops, void *owner)
{
	struct worker *w = calloc(1, sizeof(*w));
	int err;

	*out = NULL;
	if (!w)
		return log_fail(-ENOMEM, "%s: out of memory", name);
	*w = (struct worker){.name = name, .vm = vm, .ops = ops, .owner = owner, .control = -1, .rest.fd = -1};
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->at_rest, NULL);
	int rest = fd_eventfd();
	w->control = rest < 0 ? rest : fd_eventfd();
	err = w->control < 0 ? w->control : loop_add(vm->loop, &w->rest, rest, rested);
	if (!err)
		err = start_thread(w);
	if (!err) {
		*out = w;
		return 0;
	}
	loop_del(vm->loop, &w->rest);
	if (rest >= 0)
		fd_close(&rest);
	fd_close(&w->control);
	pthread_cond_destroy(&w->at_rest);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return err;
}

void worker_destroy(struct worker *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->exit = true;
	pthread_mutex_unlock(&w->lock);
	signal_control(w);
	pthread_join(w->thread, NULL);
	loop_del(w->vm->loop, &w->rest);
	fd_close(&w->rest.fd);
	fd_close(&w->control);
	pthread_cond_destroy(&w->at_rest);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread of a DOE mailbox: answers that take CPU time (a signature takes milliseconds) are worked out here, while
 * vCPUs and the device lock are free.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bus.h"
#include "log.h"
#include "pci_doe_priv.h"
#include "pci_function.h"

#define NS_PER_S 1000000000L

static struct timespec in_ms(unsigned ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += (time_t)(ms / 1000);
	at.tv_nsec += (long)(ms % 1000) * 1000000;
	if (at.tv_nsec >= NS_PER_S) {
		at.tv_sec++;
		at.tv_nsec -= NS_PER_S;
	}
	return at;
}

/* The next request; NULL: @ms (0: none) are over, or it is the end. */
static const struct pci_doe_protocol *wait_for_job(struct pci_doe *doe, unsigned ms)
{
	const struct timespec end = in_ms(ms);
	const struct pci_doe_protocol *job;
	int err = 0;

	pthread_mutex_lock(&doe->mutex);
	while (!doe->job && !atomic_load(&doe->quit) && err != ETIMEDOUT)
		err = ms ? pthread_cond_timedwait(&doe->wake, &doe->mutex, &end)
			 : pthread_cond_wait(&doe->wake, &doe->mutex);
	job = doe->job;
	doe->job = NULL;
	pthread_mutex_unlock(&doe->mutex);
	return job;
}

/* One request. False: the mailbox is going away. */
static bool work(struct pci_doe *doe, const struct pci_doe_protocol *job, uint64_t epoch)
{
	uint8_t type = job->type;
	int len = job->handle(job->opaque, &type, doe->request + DOE_OBJECT_HEADER_BYTES,
			      doe->request_len - DOE_OBJECT_HEADER_BYTES, doe->response + DOE_OBJECT_HEADER_BYTES,
			      doe->config.max_object - DOE_OBJECT_HEADER_BYTES);

	if (!bus_lock_unless(doe->bus, &doe->quit))
		return false;
	pci_doe_worked(doe, epoch, job->vendor, type, len);
	bus_unlock(doe->bus);
	return true;
}

static void *run(void *opaque)
{
	struct pci_doe *doe = opaque;
	unsigned ms = 0;

	while (!atomic_load(&doe->quit)) {
		const struct pci_doe_protocol *job = wait_for_job(doe, ms);

		if (atomic_load(&doe->quit) || (job && !work(doe, job, doe->job_epoch)))
			break;
		ms = doe->config.tick ? doe->config.tick(doe->config.tick_opaque) : 0;
	}
	return NULL;
}

void pci_doe_work(struct pci_doe *doe, const struct pci_doe_protocol *protocol)
{
	pthread_mutex_lock(&doe->mutex);
	doe->job = protocol;
	doe->job_epoch = doe->epoch;
	pthread_cond_signal(&doe->wake);
	pthread_mutex_unlock(&doe->mutex);
}

bool pci_doe_lock(struct pci_doe *doe, bool *wanted)
{
	if (!doe->bus || !bus_lock_unless(doe->bus, &doe->quit))
		return false;
	*wanted = doe->working && doe->job_epoch == doe->epoch;
	return true;
}

void pci_doe_unlock(struct pci_doe *doe)
{
	bus_unlock(doe->bus);
}

int pci_doe_start(struct pci_doe *doe)
{
	pthread_condattr_t attr;
	sigset_t all, old;
	bool needed = false;
	char name[16];

	for (unsigned i = 0; i < doe->config.nr_protocols; i++)
		needed = needed || doe->config.protocols[i].slow;
	if (!needed)
		return 0;
	pthread_mutex_init(&doe->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&doe->wake, &attr);
	pthread_condattr_destroy(&attr);
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGFPE);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int err = pthread_create(&doe->thread, NULL, run, doe);

	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		pthread_cond_destroy(&doe->wake);
		pthread_mutex_destroy(&doe->mutex);
		return log_fail(-err,
				"%s: cannot start a thread for its DOE mailbox: %s; the limit on processes may "
				"be too low (ulimit -u)",
				doe->fn->name, strerror(err));
	}
	doe->has_thread = true;
	snprintf(name, sizeof(name), "doe-%.11s", doe->fn->name);
	pthread_setname_np(doe->thread, name);
	return 0;
}

void pci_doe_stop(struct pci_doe *doe)
{
	if (!doe->has_thread)
		return;
	pthread_mutex_lock(&doe->mutex);
	atomic_store(&doe->quit, true);
	pthread_cond_signal(&doe->wake);
	pthread_mutex_unlock(&doe->mutex);
	pthread_join(doe->thread, NULL);
	pthread_cond_destroy(&doe->wake);
	pthread_mutex_destroy(&doe->mutex);
	doe->has_thread = false;
}

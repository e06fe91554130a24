/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that watches a device which has to prove itself. A device may take seconds for each answer; neither the
 * machine's event loop nor another device's watch waits for it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "machine_trust.h"

static void *run(void *opaque)
{
	struct machine_trust *t = opaque;

	/* Unwatched it must not go on. */
	if (loop_run(&t->loop) < 0) {
		pthread_mutex_lock(&t->mutex);
		attest_condemn(t->attest, "local", "the host does not let it be watched");
		trust_blocked(t);
		pthread_mutex_unlock(&t->mutex);
	}
	return NULL;
}

static int start(struct machine_trust *t)
{
	char name[16];
	int err;

	if (t->has_thread)
		return 0;
	err = pthread_create(&t->thread, NULL, run, t);
	if (err)
		return log_fail(
			-err,
			"%s: cannot start the thread that watches it: %s; the limit on processes may be too low (ulimit -u)",
			t->name, strerror(err));
	t->has_thread = true;
	snprintf(name, sizeof(name), "trust-%.9s", t->name);
	pthread_setname_np(t->thread, name);
	return 0;
}

int machine_start_trust(struct machine *m)
{
	int err = 0;

	for (unsigned i = 0; err == 0 && i < m->nr_endpoints; i++)
		if (m->endpoints[i].trust)
			err = start(m->endpoints[i].trust);
	return err;
}

void trust_thread_stop(struct machine_trust *t)
{
	bool was;

	if (!t->has_thread)
		return;
	was = trust_cancel(t);
	loop_stop(&t->loop, 1);
	pthread_join(t->thread, NULL);
	if (!was)
		trust_resume(t);
	t->has_thread = false;
}

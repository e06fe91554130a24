/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AERIE_CONTROL_PRIV_H
#define AERIE_CONTROL_PRIV_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "control.h"
#include "loop.h"

struct control_peer {
	struct control *control;
	struct loop_source source; /* source.fd: the connection, -1: this slot is free */
	struct loop_source room;   /* ... becomes writable again, on a descriptor of its own */
	char line[CONTROL_MAX_LINE];
	size_t len;
	char *out; /* what it has not taken yet */
	size_t out_len;
	bool events; /* wants to hear of them */
};

struct control {
	struct loop *loop;
	char *path;
	const struct control_request *requests;
	void *opaque;
	struct loop_source listener;
	struct control_peer peers[CONTROL_MAX_PEERS];

	struct loop_source wake; /* eventfd: events wait */
	pthread_mutex_t lock;	 /* guards what follows; innermost */
	char *waiting[CONTROL_MAX_EVENTS];
	unsigned nr_waiting;
	uint64_t seq, lost;
};

/** The answer to the request in @line: one line of JSON, to be freed; NULL: no memory. *@events becomes true when
 * events are asked for. */
char *control_answer(const struct control *control, const char *line, size_t len, bool *events);

#endif

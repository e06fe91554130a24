/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: a Unix stream socket on which other programs ask a running VM and are told what happens
 * (docs/control.md). Requests and answers are JSON, one object in a line. This box knows sockets, lines, JSON and who
 * may connect; what can be asked is a table of the machine's.
 *
 * Everything runs in the event loop's thread, without the device lock, but control_event(), which may come from any
 * thread.
 */
#ifndef AERIE_CONTROL_H
#define AERIE_CONTROL_H

#include <stddef.h>

struct control;
struct json_object;
struct loop;

#define CONTROL_MAX_PEERS  8u
#define CONTROL_MAX_LINE   4096u      /* bytes of a request */
#define CONTROL_MAX_OUTPUT (1u << 20) /* bytes that a peer may leave unread; then it is let go */
#define CONTROL_MAX_DEPTH  4
#define CONTROL_MAX_EVENTS 64u /* that wait for the loop's thread; the oldest is dropped then, and counted */
#define CONTROL_ERROR	   256u

struct control_request {
	const char *name; /* NULL ends the table */
	const char *arg;  /* the one further key that the request takes, a text; NULL: none */
	/** Puts the answer into *@result (owned by the caller; NULL becomes {}), or returns -errno with the reason in
	 * @error. @arg: NULL when the request had none. */
	int (*call)(void *opaque, const char *arg, struct json_object **result, char error[CONTROL_ERROR]);
};

/** Listens at @path, which may hold the socket of a VM that has died. 0 or -errno (logged). */
int control_create(struct control **out, struct loop *loop, const char *path, const struct control_request *requests,
		   void *opaque);
/** Tells the peers what is still waiting, lets them go and removes the socket. NULL inside is fine. */
void control_destroy(struct control **control);

/**
 * Tells all who asked for events: {"event": @name, "device": @device, "verdict": ..., "text": ...}; NULL leaves a key
 * out. Never waits. Thread-safe. @control may be NULL.
 */
void control_event(struct control *control, const char *name, const char *device, const char *verdict,
		   const char *text);

#endif

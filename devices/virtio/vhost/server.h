/* SPDX-License-Identifier: Apache-2.0 */
/* A vhost-user server that aerie starts itself, talks to over a socket that nobody else can reach, and ends. */
#ifndef AERIE_SERVER_H
#define AERIE_SERVER_H

#include <stdbool.h>

#define SERVER_MAX_ARGS 24u

struct server_config {
	const char *name;	    /* of the device, for messages; borrowed */
	const char *program;	    /* looked for in $PATH and in the folders below */
	const char *const *folders; /* absolute, ends with NULL; may be NULL */
	const char *package;	    /* ends the message when it is missing: where one gets it */
	/* Arguments after argv[0], ends with NULL; copied. SERVER_FD stands for the number of its descriptor. */
	const char *const *args;
	bool listens; /* its descriptor is a socket that listens, not one that is connected */
};

#define SERVER_FD "{fd}"

struct server;

/** Finds the program. 0 or -errno (logged, with the remedy). */
int server_create(struct server **out, const struct server_config *config);

/** Starts the program (ends it first if it runs). Returns a connected, non-blocking socket, or -errno (logged). It
 *  ends with the calling thread at the latest. */
int server_start(struct server *s);

/** Ends the program, by force if it does not want to, and reaps it. Idempotent. */
void server_stop(struct server *s);

/** Stops and frees. NULL is fine. */
void server_destroy(struct server *s);

/** Folder in which sockets are made: $XDG_RUNTIME_DIR, else the one for temporary files. */
const char *server_folder(void);

#endif

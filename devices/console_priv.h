/* SPDX-License-Identifier: Apache-2.0 */
/* What console.c (flow of bytes) and console_open.c (kinds of consoles) share; nobody else includes it. */
#ifndef AERIE_CONSOLE_PRIV_H
#define AERIE_CONSOLE_PRIV_H

#include "console.h"
#include "loop.h"

struct console {
	struct console_env env;
	const struct console_client *client; /* NULL: no device */
	void *client_dev;

	int in_fd;	    /* owned, -1: no (more) input */
	int out_fd;	    /* owned, -1: output is discarded */
	int keep_fd;	    /* owned: our end of a pty's slave, so that its master never hangs up; -1: none */
	bool in_tty;	    /* the escape key works */
	bool in_no_poll;    /* always readable and not watched: a regular file */
	bool out_sock;	    /* needs send(2) not to block */
	bool out_may_block; /* has no O_NONBLOCK: ask poll(2) before each write */
	bool raw;	    /* the terminal is in raw mode by our hand */
	bool escaped;	    /* the last byte was the escape key */
	char *link;	    /* owned; NULL: none */

	struct loop_source in_src;
	struct loop_source out_src;
	struct loop_source kick; /* eventfd: another thread asks the loop's thread to look at the sources */
	struct loop_source stuck_timer;

	size_t in_len;	 /* bytes in in_buf, from its start */
	size_t out_head; /* ring: next byte to go out */
	size_t out_len;
	bool out_waiting;  /* the device waits for output_ready() */
	bool out_progress; /* bytes went out since the timer was armed */
	bool out_stuck;	   /* the reader is given up for now */
	bool drop_said;

	uint8_t in_buf[CONSOLE_IN_CAP];
	uint8_t out_buf[CONSOLE_OUT_CAP];
};

/** Allocates a console without descriptors, with its sources in the loop. 0 or -errno (logged). */
int console_new(struct console **out, const struct console_env *env);

/** Starts watching in_fd. 0 or -errno (logged). */
int console_start_input(struct console *console);

/** Last try to write what waits, for at most @ms milliseconds. */
void console_flush(struct console *console, int ms);

/** Takes the console out of the loop, closes and frees. */
void console_free(struct console *console);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's side of a serial port: where the guest's output goes and its input comes from.
 *
 * Input waits in a small buffer until the device has room; while that is full nothing more is read, so that the sender
 * feels it. Output goes out at once as long as the reader takes it and else into a bounded buffer. While that is full
 * the device shows its guest a full transmit FIFO; a reader that takes nothing for CONSOLE_STUCK_MS is given up: bytes
 * are dropped (said once) until it reads again. No call blocks.
 *
 * On a terminal the escape key is Ctrl-A: Ctrl-A x quits, Ctrl-A h shows help, Ctrl-A Ctrl-A sends one Ctrl-A.
 *
 * All state is guarded by the device lock. The handlers in the event loop take it.
 */
#ifndef AERIE_CONSOLE_H
#define AERIE_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bus;
struct console;
struct loop;

#define CONSOLE_IN_CAP	 4096u	/* bytes of input that wait for the guest */
#define CONSOLE_OUT_CAP	 65536u /* bytes of output that wait for the reader */
#define CONSOLE_STUCK_MS 1000	/* a reader without progress for so long is stuck */
#define CONSOLE_ESCAPE	 0x01	/* Ctrl-A */

/* What every console needs. Both objects outlive it. */
struct console_env {
	struct loop *loop;
	struct bus *bus;
	int quit_reason; /* given to loop_stop() by Ctrl-A x */
};

/* The device at the other end. Called with the device lock held. */
struct console_client {
	/** Bytes that the device takes now. */
	size_t (*room)(void *dev);
	/** @len (1 .. room) bytes of input. */
	void (*input)(void *dev, const uint8_t *data, size_t len);
	/** console_can_write() has become true again. */
	void (*output_ready)(void *dev);
};

/**
 * Console on two open descriptors (0 and 1), which stay the caller's. A terminal is put into raw mode and restored by
 * console_close(), exit() and deadly signals. @in may be anything, also closed, at its end, or not a terminal.
 * Returns 0 or -errno (logged).
 */
int console_open_stdio(struct console **out, const struct console_env *env, int in, int out_fd);

/** Output into the file @path, emptied first, or into a FIFO or character device. No input. 0 or -errno (logged). */
int console_open_file(struct console **out, const struct console_env *env, const char *path);

/** A new pseudo terminal; its name is logged. @link: path of a symbolic link to it, made new (an old link is replaced,
 *  anything else is an error) and removed by console_close(); NULL: none. 0 or -errno (logged). */
int console_open_pty(struct console **out, const struct console_env *env, const char *link);

/** Output is discarded, there is no input. 0 or -errno (logged). */
int console_open_none(struct console **out, const struct console_env *env);

/** Gives a reader that lags behind a last short time, then frees everything. NULL is allowed. */
void console_close(struct console *console);

/** Connects the device; NULL disconnects. Device lock held. */
void console_attach(struct console *console, const struct console_client *client, void *dev);

/** False while the device shall show a full transmitter; output_ready() follows. Device lock held. */
bool console_can_write(struct console *console);

/** Sends one byte; dropped when console_can_write() is false. Device lock held. */
void console_write(struct console *console, uint8_t byte);

/** The device has room again: takes input that waits. May call input() before it returns. Device lock held. */
void console_pull(struct console *console);

#endif

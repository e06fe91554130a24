/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw mode of the user's terminal and its return to what it was. A process has one such terminal; its saved state is
 * the one piece of global state of this box, because atexit(3) and signal handlers must reach it.
 */
#ifndef AERIE_CONSOLE_TTY_H
#define AERIE_CONSOLE_TTY_H

#include <stdbool.h>

/**
 * Puts the terminal @fd into raw mode and arranges that exit() and deadly signals (those without a handler of their
 * own) restore it. Returns 0; -ENOTTY (no terminal), -EBUSY (we are a background job, or a terminal is raw already):
 * neither is logged; other -errno (logged).
 */
int console_tty_raw(int fd);

/** Restores the terminal. Idempotent, async-signal-safe. */
void console_tty_restore(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Owned file descriptors. -1 means "none"; 0 is a valid descriptor. */
#ifndef AERIE_FD_H
#define AERIE_FD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Closes *@fd if there is one and sets it to -1. errno is preserved. */
void fd_close(int *fd);

/** Non-blocking, close-on-exec eventfd with count 0. Returns the descriptor or -errno (logged). */
int fd_eventfd(void);

/** Adds 1 to an eventfd. Never blocks. */
void fd_signal(int eventfd);

/** Takes the count out of an eventfd. Returns the count, 0 when there was none. */
uint64_t fd_drain(int eventfd);

/** Reads at most @cap - 1 bytes of a small text file (sysfs), strips trailing white space and terminates it.
 *  Returns the length or -errno (not logged: absence is often an answer). */
ssize_t fd_read_text(const char *path, char *buf, size_t cap);

/** Writes @text to an existing file (sysfs). Returns 0 or -errno (not logged). */
int fd_write_text(const char *path, const char *text);

/** Raises the soft limit on open files to the hard one: a device with many vectors has an eventfd for each. Failure
 * leaves the limit as it is, which shows where it matters. */
void fd_raise_limit(void);

#define OWNED_FD __attribute__((cleanup(fd_close)))

#endif

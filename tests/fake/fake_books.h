/* SPDX-License-Identifier: Apache-2.0 */
/* What the pretended kernel remembers: open descriptors, mappings, the planned failure. Thread-safe. */
#ifndef AERIE_FAKE_BOOKS_H
#define AERIE_FAKE_BOOKS_H

#include "fake.h"

/** Counts one call named @name. Returns true when this is the one that must fail; errno is set then. */
bool fake_call(const char *name);

/** Name of an ioctl for messages: as given to fake_name(), else its number. Valid for the calling thread's next call.
 */
const char *fake_ioctl_name(unsigned long request);

/** "@call NAME" for a call on @fd, NAME as given to fake_track(). Valid for the calling thread's next call. */
const char *fake_fd_call(const char *call, int fd);

/** The registered type with the longest prefix of @path, or NULL. */
const struct fake_type *fake_type_of(const char *path);

/** Remembers @fd, made by @what; @type NULL for real descriptors. Returns @fd. */
int fake_track(int fd, const char *what, const struct fake_type *type, void *state);

/** Forgets @fd: calls its type's close() and frees the record. The caller closes the descriptor. */
void fake_untrack(int fd);

/** Remembers a mapping; @lent: the memory belongs to the type and is not unmapped. */
void fake_track_map(void *addr, size_t len, bool lent);

/** Forgets a mapping. Returns true when the memory must be unmapped. Complains about ranges that were never mapped. */
bool fake_untrack_map(void *addr, size_t len);

#endif

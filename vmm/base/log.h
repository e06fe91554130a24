/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages for the user, one line each on stderr: "aerie: error: TEXT", "aerie: warning: TEXT", "aerie: TEXT". Control
 * characters in TEXT become blanks; a line that is too long ends in "[...]".
 *
 * Error convention of the whole tree: a function that can fail returns 0 or -errno. The message is written once, where
 * the error is born, and says what failed, on what, why, and what to do about it; callers pass the code up silently.
 * Thread-safe: a line is written by a single write(2).
 */
#ifndef AERIE_LOG_H
#define AERIE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum log_level {
	LOG_ERROR,
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG,
};

/** Messages above @level are dropped. Default: LOG_INFO. */
void log_set_level(enum log_level level);

/** While the terminal behind stderr is in raw mode, lines end in "\r\n". Default: false. */
void log_set_raw(bool raw);

/** Sends complete lines (without prefix or newline) to @sink instead of stderr; NULL restores stderr. For tests. */
void log_set_sink(void (*sink)(enum log_level level, const char *line, void *opaque), void *opaque);

/**
 * While a guest runs it decides how often the host's errors come about, whoever is to blame for them. With @capped true
 * each call site of the macros below falls silent after LOG_SITE_CAP messages (its last one says so), counted over the
 * life of the process; messages while @capped is false do not count. Default: false.
 */
void log_set_capped(bool capped);
#define LOG_SITE_CAP 32u

__attribute__((format(printf, 3, 4))) void log_site(unsigned *count, enum log_level level, const char *fmt, ...);
__attribute__((format(printf, 3, 4))) int log_fail_site(unsigned *count, int err, const char *fmt, ...);

#define LOG_AT_SITE(level, ...)                                                                                        \
	do {                                                                                                           \
		static unsigned log_site_count_;                                                                       \
		log_site(&log_site_count_, level, __VA_ARGS__);                                                        \
	} while (0)
#define log_error(...) LOG_AT_SITE(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  LOG_AT_SITE(LOG_WARN, __VA_ARGS__)
#define log_info(...)  LOG_AT_SITE(LOG_INFO, __VA_ARGS__)
#define log_debug(...) LOG_AT_SITE(LOG_DEBUG, __VA_ARGS__)

/** Logs an error and returns @err (a negative errno) unchanged: `return log_fail(-EINVAL, "cannot ...: ...")`. */
#define log_fail(err, ...)                                                                                             \
	({                                                                                                             \
		static unsigned log_site_count_;                                                                       \
		log_fail_site(&log_site_count_, err, __VA_ARGS__);                                                     \
	})

/*
 * A guest (or an assigned device) did something wrong. Reported at most LOG_GUEST_CAP times for each call site, so that
 * no guest can fill the host's disk with messages; the last one says that the site falls silent.
 */
#define LOG_GUEST_CAP 16u
#define log_guest(...)                                                                                                 \
	do {                                                                                                           \
		static unsigned log_guest_count_;                                                                      \
		log_guest_site(&log_guest_count_, __VA_ARGS__);                                                        \
	} while (0)
__attribute__((format(printf, 2, 3))) void log_guest_site(unsigned *count, const char *fmt, ...);

#endif

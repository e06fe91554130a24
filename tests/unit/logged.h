/* SPDX-License-Identifier: Apache-2.0 */
/* The last log line of the code under test and how many there were, for tests that want one message at a time. */
#ifndef AERIE_LOGGED_H
#define AERIE_LOGGED_H

#include <check.h>
#include <regex.h>
#include <stdio.h>

#include "log.h"

static char logged[4096];
static enum log_level logged_level; /* of that line */
static unsigned nr_logged;

static inline void logged_sink(enum log_level level, const char *line, void *opaque)
{
	nr_logged++;
	logged_level = level;
	snprintf(logged, sizeof(logged), "%s", line);
}

/** Counts from here on; log_set_sink(NULL, NULL) ends it. */
static inline void logged_begin(void)
{
	nr_logged = 0;
	logged[0] = '\0';
	log_set_sink(logged_sink, NULL);
}

/** There was one message, which matches @pattern. */
static inline void said(const char *pattern)
{
	regex_t re;

	ck_assert_int_eq(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	ck_assert_msg(regexec(&re, logged, 0, NULL, 0) == 0, "\"%s\" does not match %s", logged, pattern);
	regfree(&re);
	ck_assert_uint_eq(nr_logged, 1);
}

#endif

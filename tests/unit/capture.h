/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines of the code under test, for assertions about messages. */
#ifndef AERIE_TEST_CAPTURE_H
#define AERIE_TEST_CAPTURE_H

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

static char captured[16384];
static unsigned captured_errors;

static void capture_line(enum log_level level, const char *line, void *opaque)
{
	size_t used = strlen(captured);

	(void)opaque;
	captured_errors += level == LOG_ERROR;
	snprintf(captured + used, sizeof(captured) - used, "%s\n", line);
}

static inline void capture_begin(void)
{
	captured[0] = '\0';
	captured_errors = 0;
	log_set_sink(capture_line, NULL);
}

/* Some line said all of these words. */
#define ck_said(text) ck_assert_msg(strstr(captured, (text)), "nothing said '%s'; there was:\n%s", (text), captured)
#define ck_silent()   ck_assert_msg(!captured[0], "unexpected messages:\n%s", captured)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_LINE_MAX 2048u

static _Atomic int log_level = LOG_INFO;
static atomic_bool log_raw;
static atomic_bool log_capped;

/* Guards the pair; taken only to install or call a sink, so tests alone pay for it. */
static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*_Atomic log_sink)(enum log_level level, const char *line, void *opaque);
static void *log_sink_opaque;

void log_set_level(enum log_level level)
{
	log_level = (int)level;
}

void log_set_raw(bool raw)
{
	log_raw = raw;
}

void log_set_capped(bool capped)
{
	log_capped = capped;
}

void log_set_sink(void (*sink)(enum log_level level, const char *line, void *opaque), void *opaque)
{
	pthread_mutex_lock(&sink_lock);
	log_sink = sink;
	log_sink_opaque = opaque;
	pthread_mutex_unlock(&sink_lock);
}

static bool give_to_sink(enum log_level level, const char *line)
{
	if (!log_sink)
		return false;
	pthread_mutex_lock(&sink_lock);
	void (*sink)(enum log_level, const char *, void *) = log_sink;
	if (sink)
		sink(level, line, log_sink_opaque);
	pthread_mutex_unlock(&sink_lock);
	return sink != NULL;
}

/* A message may hold names from files or from the guest: nothing in it may move the cursor or start a second line. */
static void make_one_line(char *text)
{
	size_t len = strlen(text);

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		text[--len] = '\0';
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < 0x20 || c == 0x7f)
			*text = ' ';
	}
}

static void write_line(enum log_level level, const char *text)
{
	static const char *const kind[] = {"error: ", "warning: ", "", "debug: "};
	char line[LOG_LINE_MAX + 32];
	int n = snprintf(line, sizeof(line), "aerie: %s%s%s", kind[level], text, log_raw ? "\r\n" : "\n");

	/* Nothing can be done about a stderr that does not take the line. */
	ssize_t done = write(STDERR_FILENO, line, (size_t)n);
	(void)done;
}

static void emit(enum log_level level, const char *prefix, const char *suffix, const char *fmt, va_list args)
{
	static const char cut[] = " [...]";
	char text[LOG_LINE_MAX];
	int saved = errno;

	if ((int)level > log_level)
		return;
	/* Room stays for the suffix, and for the mark of a line that had to be cut. */
	size_t room = sizeof(text) - strlen(suffix) - sizeof(cut);
	size_t len = strlen(prefix);
	memcpy(text, prefix, len);
	errno = saved; /* for %m */
	int n = vsnprintf(text + len, room - len, fmt, args);
	if (n < 0)
		text[len] = '\0';
	bool long_line = n >= 0 && (size_t)n >= room - len;
	make_one_line(text);
	if (long_line)
		strcat(text, cut);
	strcat(text, suffix);
	if (!give_to_sink(level, text))
		write_line(level, text);
	errno = saved;
}

/* Takes one message out of a site's allowance. False when it is used up; *@suffix: what the last one says. */
static bool allowed(unsigned *count, unsigned cap, const char **suffix)
{
	*suffix = "";
	/* Tested before the increment, so that the count of a noisy guest never wraps back below the cap. */
	if (__atomic_load_n(count, __ATOMIC_RELAXED) >= cap)
		return false;
	unsigned before = __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
	if (before + 1 == cap)
		*suffix = " (no more messages of this kind)";
	return before < cap;
}

static void emit_at_site(unsigned *count, enum log_level level, const char *fmt, va_list args)
{
	const char *suffix = "";

	/* What is not shown does not count. */
	if ((int)level > log_level)
		return;
	if (!log_capped || allowed(count, LOG_SITE_CAP, &suffix))
		emit(level, "", suffix, fmt, args);
}

void log_site(unsigned *count, enum log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	emit_at_site(count, level, fmt, args);
	va_end(args);
}

int log_fail_site(unsigned *count, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	emit_at_site(count, LOG_ERROR, fmt, args);
	va_end(args);
	return err;
}

void log_guest_site(unsigned *count, const char *fmt, ...)
{
	const char *suffix;
	va_list args;

	if (!allowed(count, LOG_GUEST_CAP, &suffix))
		return;
	va_start(args, fmt);
	emit(LOG_WARN, "guest: ", suffix, fmt, args);
	va_end(args);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_books.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_FDS	  4096
#define MAX_MAPS  1024
#define MAX_TYPES 32
#define MAX_NAMES 256

struct fd_record {
	bool used;
	char what[48];
	struct fake_file file;
};

struct map_record {
	void *addr;
	size_t len;
	bool lent;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fd_record fds[MAX_FDS];
static struct map_record maps[MAX_MAPS];
static const struct fake_type *types[MAX_TYPES];
static unsigned nr_types;
static struct {
	unsigned long request;
	const char *name;
} names[MAX_NAMES];
static unsigned nr_names;

static unsigned calls;
static unsigned fail_at; /* number of the call that fails, 0: none */
static int fail_errno;
static bool failed;
static char failed_call[64];

static void oops(const char *what)
{
	fprintf(stderr, "fake kernel: %s\n", what);
	abort();
}

void fake_reset(void)
{
	pthread_mutex_lock(&lock);
	for (int fd = 0; fd < MAX_FDS; fd++)
		if (fds[fd].used)
			close(fd);
	for (unsigned i = 0; i < MAX_MAPS; i++)
		if (maps[i].addr && !maps[i].lent)
			munmap(maps[i].addr, maps[i].len);
	memset(fds, 0, sizeof(fds));
	memset(maps, 0, sizeof(maps));
	nr_types = 0;
	nr_names = 0;
	calls = 0;
	fail_at = 0;
	failed = false;
	failed_call[0] = '\0';
	pthread_mutex_unlock(&lock);
}

void fake_register(const struct fake_type *type)
{
	if (nr_types == MAX_TYPES)
		oops("too many types");
	types[nr_types++] = type;
}

void fake_name(unsigned long request, const char *name)
{
	if (nr_names == MAX_NAMES)
		oops("too many ioctl names");
	names[nr_names].request = request;
	names[nr_names++].name = name;
}

const char *fake_ioctl_name(unsigned long request)
{
	static _Thread_local char text[64];

	/* The direction and number bits of a command fit 32 bits; callers may have passed it as a negative int. */
	for (unsigned i = 0; i < nr_names; i++) {
		if ((uint32_t)names[i].request == (uint32_t)request) {
			snprintf(text, sizeof(text), "ioctl %s", names[i].name);
			return text;
		}
	}
	snprintf(text, sizeof(text), "ioctl %#lx", request);
	return text;
}

const char *fake_fd_call(const char *call, int fd)
{
	static _Thread_local char text[64];
	bool known = fd >= 0 && fd < MAX_FDS && fds[fd].used;

	snprintf(text, sizeof(text), "%s%s%s", call, known ? " " : "", known ? fds[fd].what : "");
	return text;
}

const struct fake_type *fake_type_of(const char *path)
{
	const struct fake_type *best = NULL;

	for (unsigned i = 0; i < nr_types; i++) {
		const char *prefix = types[i]->prefix;

		if (prefix && strncmp(path, prefix, strlen(prefix)) == 0 &&
		    (!best || strlen(prefix) > strlen(best->prefix)))
			best = types[i];
	}
	return best;
}

bool fake_call(const char *name)
{
	bool fail;

	pthread_mutex_lock(&lock);
	calls++;
	fail = fail_at != 0 && calls == fail_at;
	if (fail) {
		failed = true;
		snprintf(failed_call, sizeof(failed_call), "%s", name);
		errno = fail_errno;
	}
	pthread_mutex_unlock(&lock);
	return fail;
}

int fake_track(int fd, const char *what, const struct fake_type *type, void *state)
{
	if (fd < 0)
		return fd;
	if (fd >= MAX_FDS)
		oops("descriptor number too large");
	pthread_mutex_lock(&lock);
	fds[fd] = (struct fd_record){.used = true, .file = {.type = type, .fd = fd, .state = state}};
	snprintf(fds[fd].what, sizeof(fds[fd].what), "%s", what);
	pthread_mutex_unlock(&lock);
	return fd;
}

void fake_untrack(int fd)
{
	if (fd < 0 || fd >= MAX_FDS)
		return;
	if (fds[fd].used && fds[fd].file.type && fds[fd].file.type->close)
		fds[fd].file.type->close(&fds[fd].file);
	pthread_mutex_lock(&lock);
	fds[fd].used = false;
	pthread_mutex_unlock(&lock);
}

struct fake_file *fake_file_of(int fd)
{
	if (fd < 0 || fd >= MAX_FDS || !fds[fd].used || !fds[fd].file.type)
		return NULL;
	return &fds[fd].file;
}

int fake_fd(const struct fake_type *type, void *state)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	return fake_track(fd, type->prefix ? type->prefix : "descriptor from an ioctl", type, state);
}

void fake_track_map(void *addr, size_t len, bool lent)
{
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < MAX_MAPS; i++) {
		if (!maps[i].addr) {
			maps[i] = (struct map_record){.addr = addr, .len = len, .lent = lent};
			pthread_mutex_unlock(&lock);
			return;
		}
	}
	oops("too many mappings");
}

bool fake_untrack_map(void *addr, size_t len)
{
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < MAX_MAPS; i++) {
		if (maps[i].addr == addr && maps[i].len == len) {
			bool lent = maps[i].lent;

			maps[i].addr = NULL;
			pthread_mutex_unlock(&lock);
			return !lent;
		}
	}
	oops("munmap of a range that was not mapped as such");
	return false;
}

void fake_fail_nth(unsigned nth, int err)
{
	pthread_mutex_lock(&lock);
	fail_at = nth ? calls + nth : 0;
	fail_errno = err < 0 ? -err : err;
	failed = false;
	failed_call[0] = '\0';
	pthread_mutex_unlock(&lock);
}

bool fake_failed(void)
{
	bool yes;

	pthread_mutex_lock(&lock);
	yes = failed;
	pthread_mutex_unlock(&lock);
	return yes;
}

const char *fake_failed_call(void)
{
	return failed_call;
}

unsigned fake_calls(void)
{
	return calls;
}

unsigned fake_leaks(void)
{
	unsigned n = 0;

	pthread_mutex_lock(&lock);
	for (int fd = 0; fd < MAX_FDS; fd++) {
		if (!fds[fd].used)
			continue;
		fprintf(stderr, "fake kernel: descriptor %d left open: %s\n", fd, fds[fd].what);
		n++;
	}
	for (unsigned i = 0; i < MAX_MAPS; i++) {
		if (!maps[i].addr)
			continue;
		fprintf(stderr, "fake kernel: %zu bytes left mapped\n", maps[i].len);
		n++;
	}
	pthread_mutex_unlock(&lock);
	return n;
}

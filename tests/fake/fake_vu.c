/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_vu_priv.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

_Noreturn void fake_vu_abort(const char *file, int line, const char *what)
{
	fprintf(stderr, "fake_vu: %s:%d: %s\n", file, line, what);
	abort();
}

/* Forgets the front end. */
void fake_vu_forget(struct fake_vu *vu)
{
	for (unsigned i = 0; i < vu->nr_regions; i++)
		munmap(vu->regions[i].map, vu->regions[i].map_size);
	vu->nr_regions = 0;
	for (unsigned i = 0; i < FAKE_VU_RINGS; i++) {
		struct fake_vu_ring *r = &vu->rings[i];
		int fds[] = {r->kick, r->call, r->err};

		for (unsigned n = 0; n < 3; n++)
			if (fds[n] >= 0)
				close(fds[n]);
		*r = (struct fake_vu_ring){.kick = -1, .call = -1, .err = -1};
	}
	vu->nr_held = 0;
	vu->acked = vu->protocol_acked = 0;
	if (vu->conn >= 0)
		close(vu->conn);
	vu->conn = -1;
}

static void turn(struct fake_vu *vu, const struct pollfd *fds, const unsigned *ring_of, unsigned n)
{
	uint64_t count;

	if (fds[0].revents && read(vu->wake, &count, sizeof(count)) < 0)
		must(errno == EAGAIN);
	if (fds[1].revents && vu->conn < 0) {
		vu->conn = accept(vu->listener, NULL, NULL);
		must(vu->conn >= 0);
		vu->connections++;
		return;
	}
	if (fds[2].revents && vu->conn >= 0 && !fake_vu_message(vu)) {
		fake_vu_forget(vu);
		return;
	}
	for (unsigned i = 3; i < n; i++) {
		struct fake_vu_ring *r = &vu->rings[ring_of[i]];

		if (!fds[i].revents || r->kick != fds[i].fd)
			continue;
		if (read(r->kick, &count, sizeof(count)) == sizeof(count))
			fake_vu_serve(vu, ring_of[i]);
	}
	if (!vu->hold)
		fake_vu_answer_held(vu);
}

static void *run(void *arg)
{
	struct fake_vu *vu = arg;

	for (;;) {
		struct pollfd fds[3 + FAKE_VU_RINGS];
		unsigned ring_of[3 + FAKE_VU_RINGS] = {0}, n = 3;

		pthread_mutex_lock(&vu->lock);
		bool stop = vu->stop;

		fds[0] = (struct pollfd){.fd = vu->wake, .events = POLLIN};
		fds[1] = (struct pollfd){.fd = vu->conn < 0 ? vu->listener : -1, .events = POLLIN};
		fds[2] = (struct pollfd){.fd = vu->conn, .events = POLLIN};
		for (unsigned i = 0; i < FAKE_VU_RINGS; i++) {
			if (!vu->rings[i].started || !vu->rings[i].enabled)
				continue;
			ring_of[n] = i;
			fds[n++] = (struct pollfd){.fd = vu->rings[i].kick, .events = POLLIN};
		}
		pthread_mutex_unlock(&vu->lock);
		if (stop)
			return NULL;
		poll(fds, n, -1);
		pthread_mutex_lock(&vu->lock);
		turn(vu, fds, ring_of, n);
		pthread_mutex_unlock(&vu->lock);
	}
}

static void wake(struct fake_vu *vu)
{
	uint64_t one = 1;

	must(write(vu->wake, &one, sizeof(one)) == sizeof(one));
}

struct fake_vu *fake_vu_start(const char *path, const struct fake_vu_options *options)
{
	struct fake_vu *vu = calloc(1, sizeof(*vu));
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	must(vu && strlen(path) < sizeof(vu->path) && strlen(path) < sizeof(addr.sun_path));
	strcpy(vu->path, path);
	strcpy(addr.sun_path, path);
	vu->options = *options;
	vu->conn = -1;
	fake_vu_forget(vu);
	pthread_mutex_init(&vu->lock, NULL);
	vu->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	vu->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unlink(path);
	must(vu->wake >= 0 && vu->listener >= 0);
	must(bind(vu->listener, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(vu->listener, 4) == 0);
	must(pthread_create(&vu->thread, NULL, run, vu) == 0);
	return vu;
}

_Noreturn void fake_vu_serve_fd(int fd, bool listens, const struct fake_vu_options *options)
{
	struct fake_vu *vu = calloc(1, sizeof(*vu));

	must(vu);
	vu->options = *options;
	vu->conn = -1;
	fake_vu_forget(vu);
	pthread_mutex_init(&vu->lock, NULL);
	vu->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	vu->listener = listens ? fd : -1;
	vu->conn = listens ? -1 : fd;
	run(vu);
	abort();
}

void fake_vu_stop(struct fake_vu *vu)
{
	pthread_mutex_lock(&vu->lock);
	vu->stop = true;
	pthread_mutex_unlock(&vu->lock);
	wake(vu);
	pthread_join(vu->thread, NULL);
	close(vu->listener);
	unlink(vu->path);
	fake_vu_forget(vu);
	close(vu->wake);
	pthread_mutex_destroy(&vu->lock);
	free(vu);
}

void fake_vu_drop(struct fake_vu *vu)
{
	pthread_mutex_lock(&vu->lock);
	fake_vu_forget(vu);
	pthread_mutex_unlock(&vu->lock);
	wake(vu);
}

void fake_vu_hold(struct fake_vu *vu, bool on)
{
	pthread_mutex_lock(&vu->lock);
	vu->hold = on;
	pthread_mutex_unlock(&vu->lock);
	wake(vu);
}

void fake_vu_be_evil(struct fake_vu *vu, enum fake_vu_evil how, unsigned request)
{
	pthread_mutex_lock(&vu->lock);
	vu->evil = how;
	vu->evil_at = request;
	pthread_mutex_unlock(&vu->lock);
}

void fake_vu_options_set(struct fake_vu *vu, const struct fake_vu_options *options)
{
	pthread_mutex_lock(&vu->lock);
	vu->options = *options;
	pthread_mutex_unlock(&vu->lock);
}

#define OBSERVE(type, name, expr)                                                                                      \
	type name                                                                                                      \
	{                                                                                                              \
		pthread_mutex_lock(&vu->lock);                                                                         \
		type value = (expr);                                                                                   \
                                                                                                                       \
		pthread_mutex_unlock(&vu->lock);                                                                       \
		return value;                                                                                          \
	}

OBSERVE(unsigned, fake_vu_connections(struct fake_vu *vu), vu->connections)
OBSERVE(uint64_t, fake_vu_acked(struct fake_vu *vu), vu->acked)
OBSERVE(unsigned, fake_vu_requests(struct fake_vu *vu, unsigned request), vu->counts[request])
OBSERVE(unsigned, fake_vu_seen(struct fake_vu *vu), vu->nr_seen)
OBSERVE(uint32_t, fake_vu_tag(struct fake_vu *vu, unsigned n), vu->seen[n])
OBSERVE(unsigned, fake_vu_in_flight(struct fake_vu *vu), vu->nr_held)
OBSERVE(uint8_t, fake_vu_config_byte(struct fake_vu *vu, unsigned at), vu->options.config[at])
OBSERVE(bool, fake_vu_ring_runs(struct fake_vu *vu, unsigned index),
	vu->rings[index].started && vu->rings[index].enabled)

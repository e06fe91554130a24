/* SPDX-License-Identifier: Apache-2.0 */
/* Connections, lines and events of the control socket. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <json-c/json.h>

#include "bits.h"
#include "control_priv.h"
#include "fd.h"
#include "log.h"

static void drop(struct control_peer *peer)
{
	if (peer->source.fd < 0)
		return;
	loop_del(peer->control->loop, &peer->source);
	loop_del(peer->control->loop, &peer->room);
	fd_close(&peer->room.fd);
	fd_close(&peer->source.fd);
	free(peer->out);
	peer->out = NULL;
	peer->out_len = peer->len = 0;
	peer->events = false;
}

static void on_room(struct loop_source *src);

/* Sends what it takes now, and the rest when there is room. */
static void flush(struct control_peer *peer)
{
	ssize_t n = peer->out_len ? send(peer->source.fd, peer->out, peer->out_len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		drop(peer);
		return;
	}
	if (n > 0) {
		peer->out_len -= (size_t)n;
		memmove(peer->out, peer->out + n, peer->out_len);
	}
	if (peer->out_len == 0)
		loop_del(peer->control->loop, &peer->room);
	else if (!peer->room.added && loop_add_output(peer->control->loop, &peer->room, peer->room.fd, on_room) < 0)
		drop(peer);
}

static void on_room(struct loop_source *src)
{
	flush(container_of(src, struct control_peer, room));
}

/* Adds a line, and gives up on a peer that does not read. */
static void say(struct control_peer *peer, const char *text)
{
	size_t len = strlen(text);
	char *out;

	if (peer->source.fd < 0)
		return;
	if (peer->out_len + len + 1 > CONTROL_MAX_OUTPUT) {
		log_warn("control socket: a peer does not read what it asked for; it is let go");
		drop(peer);
		return;
	}
	out = realloc(peer->out, peer->out_len + len + 1);
	if (!out) {
		drop(peer);
		return;
	}
	memcpy(out + peer->out_len, text, len);
	out[peer->out_len + len] = '\n';
	peer->out = out;
	peer->out_len += len + 1;
	flush(peer);
}

static void take_line(struct control_peer *peer, const char *line, size_t len)
{
	char *answer = control_answer(peer->control, line, len, &peer->events);

	if (answer)
		say(peer, answer);
	else
		drop(peer);
	free(answer);
}

static void on_input(struct loop_source *src)
{
	struct control_peer *peer = container_of(src, struct control_peer, source);
	ssize_t n = recv(src->fd, peer->line + peer->len, sizeof(peer->line) - peer->len, MSG_DONTWAIT);
	size_t start = 0;
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(peer);
		return;
	}
	peer->len += (size_t)n;
	while (peer->source.fd >= 0 && (end = memchr(peer->line + start, '\n', peer->len - start))) {
		take_line(peer, peer->line + start, (size_t)(end - peer->line) - start);
		start = (size_t)(end - peer->line) + 1;
	}
	if (peer->source.fd < 0)
		return;
	peer->len -= start;
	memmove(peer->line, peer->line + start, peer->len);
	if (peer->len == sizeof(peer->line)) {
		say(peer, "{\"error\":\"a request has at most 4095 bytes\"}");
		drop(peer);
	}
}
_Static_assert(CONTROL_MAX_LINE == 4096, "the message says so");

/* The socket's mode keeps others out already; a socket that was handed on is looked at, too. */
static bool may_connect(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	log_warn("control socket: user %u may not control this VM", peer.uid);
	return false;
}

static void on_connect(struct loop_source *src)
{
	struct control *control = container_of(src, struct control, listener);
	int fd = accept4(src->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct control_peer *peer = NULL;

	for (unsigned i = 0; i < CONTROL_MAX_PEERS && !peer; i++)
		if (control->peers[i].source.fd < 0)
			peer = &control->peers[i];
	if (fd < 0)
		return;
	if (!peer || !may_connect(fd)) {
		if (!peer)
			log_warn("control socket: %u peers are connected; another one is turned away",
				 CONTROL_MAX_PEERS);
		close(fd);
		return;
	}
	/* epoll knows a descriptor once: output is watched by a duplicate. */
	peer->room.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	peer->source.fd = fd;
	if (peer->room.fd < 0 || loop_add(control->loop, &peer->source, fd, on_input) < 0)
		drop(peer);
}

static void on_wake(struct loop_source *src)
{
	struct control *control = container_of(src, struct control, wake);
	char *events[CONTROL_MAX_EVENTS];
	unsigned n;

	fd_drain(src->fd);
	pthread_mutex_lock(&control->lock);
	n = control->nr_waiting;
	memcpy(events, control->waiting, n * sizeof(events[0]));
	control->nr_waiting = 0;
	pthread_mutex_unlock(&control->lock);
	for (unsigned i = 0; i < n; i++) {
		for (unsigned p = 0; p < CONTROL_MAX_PEERS; p++)
			if (control->peers[p].events)
				say(&control->peers[p], events[i]);
		free(events[i]);
	}
}

static void add_text(struct json_object *object, const char *key, const char *text)
{
	if (text)
		json_object_object_add(object, key, json_object_new_string(text));
}

void control_event(struct control *control, const char *name, const char *device, const char *verdict, const char *text)
{
	struct json_object *object;
	char *line;

	if (!control)
		return;
	object = json_object_new_object();
	pthread_mutex_lock(&control->lock);
	json_object_object_add(object, "seq", json_object_new_uint64(++control->seq));
	add_text(object, "event", name);
	add_text(object, "device", device);
	add_text(object, "verdict", verdict);
	add_text(object, "text", text);
	line = strdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	if (line && control->nr_waiting == CONTROL_MAX_EVENTS) {
		/* The gap in "seq" tells the peers. */
		free(control->waiting[0]);
		memmove(control->waiting, control->waiting + 1, (CONTROL_MAX_EVENTS - 1) * sizeof(control->waiting[0]));
		control->nr_waiting--;
		control->lost++;
	}
	if (line)
		control->waiting[control->nr_waiting++] = line;
	pthread_mutex_unlock(&control->lock);
	fd_signal(control->wake.fd);
}

/* A socket file outlives its process; a live one accepts a connection. */
static void remove_stale(const struct sockaddr_un *addr)
{
	OWNED_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	if (fd >= 0 && lstat(addr->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 && errno == ECONNREFUSED)
		unlink(addr->sun_path);
}

static int listen_at(struct control *control, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int err;

	if (fd < 0)
		return log_fail(-errno, "cannot make the control socket %s: %s", path, strerror(errno));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	remove_stale(&addr);
	mask = umask(0177);
	err = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, CONTROL_MAX_PEERS) < 0 ? -errno : 0;
	umask(mask);
	if (err < 0) {
		close(fd);
		return log_fail(err, "cannot make the control socket %s: %s%s", path, strerror(-err),
				err == -EADDRINUSE ? "; another VM may have it" : "");
	}
	control->path = strdup(path);
	control->listener.fd = fd;
	return loop_add(control->loop, &control->listener, fd, on_connect);
}

int control_create(struct control **out, struct loop *loop, const char *path, const struct control_request *requests,
		   void *opaque)
{
	struct control *control = calloc(1, sizeof(*control));
	int err;

	*out = NULL;
	if (!control)
		return log_fail(-ENOMEM, "cannot make the control socket %s: out of memory", path);
	control->loop = loop;
	control->requests = requests;
	control->opaque = opaque;
	control->listener.fd = -1;
	pthread_mutex_init(&control->lock, NULL);
	for (unsigned i = 0; i < CONTROL_MAX_PEERS; i++) {
		control->peers[i].control = control;
		control->peers[i].source.fd = control->peers[i].room.fd = -1;
	}
	control->wake.fd = fd_eventfd();
	err = control->wake.fd < 0 ? control->wake.fd : loop_add(loop, &control->wake, control->wake.fd, on_wake);
	if (err == 0)
		err = listen_at(control, path);
	if (err < 0) {
		control_destroy(&control);
		return err;
	}
	*out = control;
	return 0;
}

void control_destroy(struct control **control)
{
	struct control *c = *control;

	if (!c)
		return;
	*control = NULL;
	if (c->wake.fd >= 0)
		on_wake(&c->wake);
	for (unsigned i = 0; i < CONTROL_MAX_PEERS; i++)
		drop(&c->peers[i]);
	loop_del(c->loop, &c->listener);
	loop_del(c->loop, &c->wake);
	fd_close(&c->listener.fd);
	fd_close(&c->wake.fd);
	if (c->path)
		unlink(c->path);
	free(c->path);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

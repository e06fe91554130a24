/* SPDX-License-Identifier: Apache-2.0 */
#include "console_priv.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "bits.h"
#include "bus.h"
#include "fd.h"
#include "log.h"

/* Without O_NONBLOCK (a descriptor that could not be opened again) poll(2) promises room for one small write. */
#define WRITE_CHUNK 512u

/* "Full" leaves room for what a device sends without asking in between: one hardware FIFO. */
#define OUT_FULL (CONSOLE_OUT_CAP - 64u)

static void say_dropped(struct console *c, const char *why)
{
	if (c->drop_said)
		return;
	c->drop_said = true;
	log_warn("console: guest output is lost: %s; this is said once", why);
}

/* ---- output ---- */

/* Bytes taken, 0 when the reader takes none now, -errno. */
static ssize_t write_some(struct console *c, const uint8_t *data, size_t len)
{
	struct pollfd p = {.fd = c->out_fd, .events = POLLOUT};
	ssize_t n;

	if (len > WRITE_CHUNK)
		len = WRITE_CHUNK;
	if (c->out_sock) {
		n = send(c->out_fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	} else {
		if (c->out_may_block && poll(&p, 1, 0) == 0)
			return 0;
		n = write(c->out_fd, data, len);
	}
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -errno;
}

static void drain_ring(struct console *c)
{
	while (c->out_len > 0) {
		size_t len = CONSOLE_OUT_CAP - c->out_head;
		ssize_t n = write_some(c, c->out_buf + c->out_head, len < c->out_len ? len : c->out_len);
		if (n == 0)
			return;
		if (n < 0) {
			say_dropped(c, strerror((int)-n));
			n = (ssize_t)c->out_len;
		}
		c->out_head = (c->out_head + (size_t)n) % CONSOLE_OUT_CAP;
		c->out_len -= (size_t)n;
		c->out_progress = true;
		c->out_stuck = false;
	}
}

/* Half empty before the device goes on, so that it is not woken for each byte. */
static void tell_output_ready(struct console *c)
{
	if (!c->out_waiting || (!c->out_stuck && c->out_len > CONSOLE_OUT_CAP / 2))
		return;
	c->out_waiting = false;
	if (c->client)
		c->client->output_ready(c->client_dev);
}

static void arm_stuck_timer(struct console *c)
{
	const struct itimerspec in = {
		.it_value = {.tv_sec = CONSOLE_STUCK_MS / 1000, .tv_nsec = CONSOLE_STUCK_MS % 1000 * 1000000L}};

	c->out_progress = false;
	timerfd_settime(c->stuck_timer.fd, 0, &in, NULL);
}

bool console_can_write(struct console *c)
{
	if (c->out_len < OUT_FULL || c->out_stuck)
		return true;
	if (!c->out_waiting) {
		c->out_waiting = true;
		arm_stuck_timer(c);
	}
	return false;
}

void console_write(struct console *c, uint8_t byte)
{
	if (c->out_fd < 0)
		return;
	if (c->out_len == 0) {
		ssize_t n = write_some(c, &byte, 1);
		if (n < 0)
			say_dropped(c, strerror((int)-n));
		if (n != 0)
			return;
	}
	if (c->out_len == CONSOLE_OUT_CAP) {
		if (c->out_stuck)
			say_dropped(c, "nobody reads it");
		return;
	}
	c->out_buf[(c->out_head + c->out_len++) % CONSOLE_OUT_CAP] = byte;
	if (!c->out_src.added)
		fd_signal(c->kick.fd);
}

/* ---- input ---- */

static void end_input(struct console *c)
{
	loop_del(c->env.loop, &c->in_src);
	fd_close(&c->in_fd);
}

/* Handles the escape key in @data; what remains is for the guest. Returns its length. */
static size_t filter_escape(struct console *c, uint8_t *data, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < len; i++) {
		uint8_t byte = data[i];
		if (!c->escaped) {
			c->escaped = byte == CONSOLE_ESCAPE;
			if (!c->escaped)
				data[kept++] = byte;
			continue;
		}
		c->escaped = false;
		if (byte == CONSOLE_ESCAPE)
			data[kept++] = byte;
		else if (byte == 'x')
			loop_stop(c->env.loop, c->env.quit_reason);
		else if (byte == 'h')
			log_info("Ctrl-A x quits, Ctrl-A h shows this help, Ctrl-A Ctrl-A sends one Ctrl-A");
	}
	return kept;
}

/* True when more could come at once. */
static bool fill(struct console *c)
{
	uint8_t *to = c->in_buf + c->in_len;

	if (c->in_fd < 0 || c->in_len == CONSOLE_IN_CAP)
		return false;
	ssize_t n = read(c->in_fd, to, CONSOLE_IN_CAP - c->in_len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) { /* the end, or a terminal that has hung up (EIO): the guest goes on without input */
		end_input(c);
		return false;
	}
	c->in_len += c->in_tty ? filter_escape(c, to, (size_t)n) : (size_t)n;
	return true;
}

static void deliver(struct console *c)
{
	uint8_t data[64];

	while (c->client && c->in_len > 0) {
		size_t n = c->client->room(c->client_dev);
		n = n < c->in_len ? n : c->in_len;
		n = n < sizeof(data) ? n : sizeof(data);
		if (n == 0)
			return;
		/* Out of the buffer first: the device may pull again from within input(). */
		memcpy(data, c->in_buf, n);
		c->in_len -= n;
		memmove(c->in_buf, c->in_buf + n, c->in_len);
		c->client->input(c->client_dev, data, n);
	}
}

void console_pull(struct console *c)
{
	bool was_full = c->in_len == CONSOLE_IN_CAP;

	deliver(c);
	/* Only the loop's thread may touch the sources and read. A file that cannot be watched is read when we run low.
	 */
	if (was_full || (c->in_no_poll && c->in_fd >= 0 && c->in_len < CONSOLE_IN_CAP / 2))
		fd_signal(c->kick.fd);
}

/* ---- event loop ---- */

/* Brings the watched sources in line with the state. Loop's thread, device lock held. */
static void update_sources(struct console *c)
{
	bool want_in = c->in_fd >= 0 && !c->in_no_poll && c->in_len < CONSOLE_IN_CAP;

	if (!want_in)
		loop_del(c->env.loop, &c->in_src);
	else if (!c->in_src.added && loop_add(c->env.loop, &c->in_src, c->in_fd, c->in_src.handler))
		end_input(c);

	if (c->out_len == 0)
		loop_del(c->env.loop, &c->out_src);
	else if (!c->out_src.added && loop_add_output(c->env.loop, &c->out_src, c->out_fd, c->out_src.handler))
		c->out_len = 0;
}

static void on_input(struct loop_source *src)
{
	struct console *c = container_of(src, struct console, in_src);
	struct bus *bus = c->env.bus;

	bus_lock(bus);
	fill(c);
	deliver(c);
	update_sources(c);
	bus_unlock(bus);
}

static void on_output(struct loop_source *src)
{
	struct console *c = container_of(src, struct console, out_src);
	struct bus *bus = c->env.bus;

	bus_lock(bus);
	drain_ring(c);
	tell_output_ready(c);
	update_sources(c);
	bus_unlock(bus);
}

static void on_kick(struct loop_source *src)
{
	struct console *c = container_of(src, struct console, kick);
	struct bus *bus = c->env.bus;

	fd_drain(src->fd);
	bus_lock(bus);
	while (c->in_no_poll && fill(c))
		;
	deliver(c);
	update_sources(c);
	bus_unlock(bus);
}

static void on_stuck_timer(struct loop_source *src)
{
	struct console *c = container_of(src, struct console, stuck_timer);
	struct bus *bus = c->env.bus;

	fd_drain(src->fd);
	bus_lock(bus);
	if (c->out_waiting && c->out_len >= OUT_FULL && !c->out_progress) {
		c->out_stuck = true;
		tell_output_ready(c);
	} else if (c->out_waiting) {
		arm_stuck_timer(c);
	}
	bus_unlock(bus);
}

/* ---- life ---- */

void console_attach(struct console *c, const struct console_client *client, void *dev)
{
	c->client = client;
	c->client_dev = dev;
	c->out_waiting = false;
	if (client)
		fd_signal(c->kick.fd);
}

int console_new(struct console **out, const struct console_env *env)
{
	struct console *c = calloc(1, sizeof(*c));

	if (!c)
		return log_fail(-ENOMEM, "out of memory for the console");
	*c = (struct console){.env = *env, .in_fd = -1, .out_fd = -1, .keep_fd = -1};
	c->kick.fd = c->stuck_timer.fd = -1;
	c->in_src.handler = on_input;
	c->out_src.handler = on_output;
	int kick = fd_eventfd();
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int err = kick < 0 ? kick : 0;
	if (!err && timer < 0)
		err = log_fail(-errno, "cannot create a timer for the console: %s", strerror(errno));
	if (!err)
		err = loop_add(env->loop, &c->kick, kick, on_kick);
	if (!err)
		err = loop_add(env->loop, &c->stuck_timer, timer, on_stuck_timer);
	if (err) {
		c->kick.fd = kick < 0 ? -1 : kick;
		c->stuck_timer.fd = timer;
		console_free(c);
		return err;
	}
	*out = c;
	return 0;
}

int console_start_input(struct console *c)
{
	int err = loop_add(c->env.loop, &c->in_src, c->in_fd, on_input);

	if (err == -EPERM) {
		c->in_no_poll = true;
		fd_signal(c->kick.fd);
		return 0;
	}
	return err;
}

void console_flush(struct console *c, int ms)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	drain_ring(c);
	while (c->out_len > 0) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		int64_t gone = (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000;
		struct pollfd p = {.fd = c->out_fd, .events = POLLOUT};
		if (gone >= ms || poll(&p, 1, (int)(ms - gone)) <= 0)
			return;
		drain_ring(c);
	}
}

void console_free(struct console *c)
{
	loop_del(c->env.loop, &c->in_src);
	loop_del(c->env.loop, &c->out_src);
	loop_del(c->env.loop, &c->kick);
	loop_del(c->env.loop, &c->stuck_timer);
	fd_close(&c->kick.fd);
	fd_close(&c->stuck_timer.fd);
	fd_close(&c->in_fd);
	fd_close(&c->out_fd);
	fd_close(&c->keep_fd);
	free(c->link);
	free(c);
}

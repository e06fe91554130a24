/* SPDX-License-Identifier: Apache-2.0 */
#include "soft_serve.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "spdm_sock.h"

#define OBJECT_MAX 0x20000u /* what a peer's message and our answer may have, DOE header included */
#define TICK_MS	   500

struct server {
	struct soft_device *dev;
	int fd, listener; /* -1: nobody else can come */
	struct spdm_pcap *pcap;
	uint8_t *in, *out; /* OBJECT_MAX each */
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int reply(const struct server *s, const struct spdm_sock_frame *to, uint32_t command, size_t len)
{
	const struct spdm_sock_frame frame = {command, to->transport, (uint32_t)len};

	return spdm_sock_send(s->fd, &frame, s->out, SPDM_SOCK_PATIENCE_MS);
}

/* DSP0275: the type of the message, then the message. */
static int serve_mctp(const struct server *s, const struct spdm_sock_frame *frame)
{
	bool secured = frame->size > 0 && s->in[0] == SPDM_MCTP_TYPE_SECURED;
	int n;

	if (frame->size == 0 || (!secured && s->in[0] != SPDM_MCTP_TYPE_SPDM)) {
		log_warn("an MCTP message that is not of SPDM; not answered");
		return 0;
	}
	n = soft_device_message(s->dev, SPDM_BINDING_MCTP, &secured, s->in + 1, frame->size - 1, s->out + 1,
				OBJECT_MAX - 1);
	if (n <= 0)
		return n;
	s->out[0] = secured ? SPDM_MCTP_TYPE_SECURED : SPDM_MCTP_TYPE_SPDM;
	return reply(s, frame, SPDM_SOCK_NORMAL, (size_t)n + 1);
}

static int serve_object(const struct server *s, const struct spdm_sock_frame *frame)
{
	int n;

	spdm_pcap_write(s->pcap, s->in, frame->size);
	n = soft_device_handle(s->dev, s->in, frame->size, s->out, OBJECT_MAX);
	if (n == -EBADMSG) {
		log_warn("a message that is no DOE object of SPDM or discovery; not answered");
		return 0;
	}
	if (n <= 0)
		return n;
	spdm_pcap_write(s->pcap, s->out, (size_t)n);
	return reply(s, frame, SPDM_SOCK_NORMAL, (size_t)n);
}

static int serve_message(const struct server *s, const struct spdm_sock_frame *frame)
{
	switch (frame->transport) {
	case SPDM_SOCK_TRANSPORT_DOE:
		return serve_object(s, frame);
	case SPDM_SOCK_TRANSPORT_MCTP:
		return serve_mctp(s, frame);
	default:
		log_warn("a message over transport %u: only MCTP (1) and PCI_DOE (2) are spoken here",
			 frame->transport);
		return reply(s, frame, SPDM_SOCK_UNKNOWN, 0);
	}
}

static int serve_frame(const struct server *s, const struct spdm_sock_frame *frame)
{
	static const char hello[] = "aerie spdm-responder";
	int err;

	switch (frame->command) {
	case SPDM_SOCK_NORMAL:
		return serve_message(s, frame);
	case SPDM_SOCK_TEST:
		memcpy(s->out, hello, sizeof(hello));
		return reply(s, frame, SPDM_SOCK_TEST, sizeof(hello));
	case SPDM_SOCK_CONTINUE:
	case SPDM_SOCK_SHUTDOWN:
		err = reply(s, frame, frame->command, 0);
		if (err < 0)
			return err;
		return frame->command == SPDM_SOCK_SHUTDOWN ? 1 : -EPIPE;
	default:
		return reply(s, frame, SPDM_SOCK_UNKNOWN, 0);
	}
}

/* A device has one mailbox. Better no answer at all than one that comes when the first has left, minutes later. False:
 * the peer could not be taken (too many open files), and waits. */
static bool turn_away(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0) {
		log_warn("a second peer waits: it cannot be turned away: %s", strerror(errno));
		return false;
	}
	close(fd);
	log_warn("a second peer is turned away: one is served at a time");
	return true;
}

/* Lets time pass for the device until the peer says something. One that has left is noticed before another comes. */
static int await(const struct server *s)
{
	struct pollfd p[] = {{.fd = s->fd, .events = POLLIN}, {.fd = s->listener, .events = POLLIN}};
	int n;

	do {
		soft_device_tick(s->dev, now_ms());
		n = poll(p, 2, TICK_MS);
		if (n > 0 && !p[0].revents && p[1].revents && !turn_away(s->listener))
			p[1].fd = -1; /* else poll would come back at once, for ever */
	} while (n == 0 || (n > 0 && !p[0].revents));
	return n < 0 ? -errno : 0;
}

static int serve(const struct server *s)
{
	struct spdm_sock_frame frame;
	int err;

	do {
		err = await(s);
		if (err == 0)
			err = spdm_sock_recv(s->fd, &frame, s->in, OBJECT_MAX, SPDM_SOCK_PATIENCE_MS);
		if (err == 0)
			err = serve_frame(s, &frame);
	} while (err == 0);
	return err;
}

int soft_serve(struct soft_device *dev, int fd, int listener, struct spdm_pcap *pcap)
{
	struct server s = {.dev = dev,
			   .fd = fd,
			   .listener = listener,
			   .pcap = pcap,
			   .in = malloc(OBJECT_MAX),
			   .out = malloc(OBJECT_MAX)};
	int err = s.in && s.out ? serve(&s) : log_fail(-ENOMEM, "out of memory");

	free(s.in);
	free(s.out);
	soft_device_reset(dev);
	if (err == -EPIPE || err == -ECONNRESET || err == -EINTR)
		return 0;
	if (err == -EMSGSIZE)
		log_error("the peer's message is longer than %u bytes; the connection is closed", OBJECT_MAX);
	else if (err < 0 && err != -ENOMEM)
		log_error("the connection is closed: %s", strerror(-err));
	return err;
}

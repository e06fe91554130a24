/* SPDX-License-Identifier: Apache-2.0 */
#include "spdm_sock.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Waits until @fd is ready or @deadline (ms of the monotonic clock; -1: for ever). */
static int wait_for(int fd, short events, int64_t deadline)
{
	for (;;) {
		int64_t left = deadline < 0 ? -1 : deadline - now_ms();
		struct pollfd p = {.fd = fd, .events = events};
		int n;

		if (deadline >= 0 && left <= 0)
			return -ETIMEDOUT;
		n = poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

static uint32_t get_be32(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return be32toh(value);
}

static void put_be32(uint8_t *p, uint32_t value)
{
	value = htobe32(value);
	memcpy(p, &value, sizeof(value));
}

int spdm_sock_decode(struct spdm_sock_frame *frame, const uint8_t header[SPDM_SOCK_HEADER])
{
	frame->command = get_be32(header + SPDM_SOCK_COMMAND);
	frame->transport = get_be32(header + SPDM_SOCK_TRANSPORT);
	frame->size = get_be32(header + SPDM_SOCK_SIZE);
	return frame->size > SPDM_SOCK_MAX_PAYLOAD ? -EMSGSIZE : 0;
}

int spdm_sock_send(int fd, const struct spdm_sock_frame *frame, const void *payload, int timeout_ms)
{
	int64_t deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	uint8_t header[SPDM_SOCK_HEADER];
	struct iovec iov[2] = {{header, sizeof(header)}, {(void *)(uintptr_t)payload, frame->size}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	put_be32(header + SPDM_SOCK_COMMAND, frame->command);
	put_be32(header + SPDM_SOCK_TRANSPORT, frame->transport);
	put_be32(header + SPDM_SOCK_SIZE, frame->size);
	while (iov[0].iov_len + iov[1].iov_len > 0) {
		ssize_t n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		int err;

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n < 0) {
			err = wait_for(fd, POLLOUT, deadline);
			if (err < 0)
				return err;
			continue;
		}
		for (unsigned i = 0; i < 2; i++) {
			size_t part = (size_t)n < iov[i].iov_len ? (size_t)n : iov[i].iov_len;

			iov[i].iov_base = (uint8_t *)iov[i].iov_base + part;
			iov[i].iov_len -= part;
			n -= (ssize_t)part;
		}
	}
	return 0;
}

/* Fills @buf; *@started: whether any byte of the frame has come, which is where patience begins to count. */
static int recv_all(int fd, uint8_t *buf, size_t len, int64_t *deadline, bool *started)
{
	while (len > 0) {
		int err = wait_for(fd, POLLIN, *deadline);
		ssize_t n;

		if (err < 0)
			return err;
		n = recv(fd, buf, len, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return *started ? -EPROTO : -EPIPE;
		if (!*started && *deadline < 0)
			*deadline = now_ms() + SPDM_SOCK_PATIENCE_MS;
		*started = true;
		buf += n;
		len -= (size_t)n;
	}
	return 0;
}

int spdm_sock_recv(int fd, struct spdm_sock_frame *frame, void *buf, size_t cap, int timeout_ms)
{
	int64_t deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	uint8_t header[SPDM_SOCK_HEADER];
	bool started = false;
	int err = recv_all(fd, header, sizeof(header), &deadline, &started);

	if (err < 0)
		return err;
	err = spdm_sock_decode(frame, header);
	if (err < 0)
		return err;
	if (frame->size > cap)
		return -EMSGSIZE;
	return recv_all(fd, buf, frame->size, &deadline, &started);
}

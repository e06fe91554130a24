/* SPDX-License-Identifier: Apache-2.0 */
#include "vu_conn.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "bits.h"
#include "fd.h"
#include "log.h"
#include "sys.h"

#define SLICE_MS 20 /* how often a wait looks up */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int vu_connect(struct vu_conn *conn, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path));
	OWNED_FD int fd = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK);
	if (fd < 0)
		return -errno;
	/* EAGAIN: the server's backlog is full. */
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	conn->fd = fd;
	conn->reply_ack = false;
	fd = -1;
	return 0;
}

void vu_allow(struct vu_conn *conn, int ms)
{
	conn->allowed_ms = ms;
	conn->deadline = now_ms() + ms;
}

bool vu_alive(const struct vu_conn *conn)
{
	char byte;

	return conn->fd >= 0 && recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       (errno == EAGAIN || errno == EINTR);
}

/* Waits until the socket is ready. 0 or -ETIMEDOUT (logged). */
static int wait_for(const struct vu_conn *conn, short events, enum vu_request request)
{
	for (;;) {
		struct pollfd pfd = {.fd = conn->fd, .events = events};
		int64_t left = conn->deadline - now_ms();

		if (left <= 0)
			return log_fail(-ETIMEDOUT, "%s: the vhost-user back end does not %s request %u within %d ms",
					conn->name, events & POLLIN ? "answer" : "take", (unsigned)request,
					conn->allowed_ms);
		if (poll(&pfd, 1, left < SLICE_MS ? (int)left : SLICE_MS) > 0)
			return 0;
		if (conn->cancelled && conn->cancelled(conn->owner))
			return -ECANCELED;
	}
}

/* What sendmsg() and recvmsg() say when the other end is gone. */
static int socket_error(const struct vu_conn *conn, int err)
{
	if (err == EPIPE || err == ECONNRESET || err == ENOTCONN || err == EBADF)
		return -EPIPE;
	return log_fail(-err, "%s: the connection to the vhost-user back end failed: %s", conn->name, strerror(err));
}

static int send_message(struct vu_conn *conn, const struct vu_header *header, const void *payload, const int *fds,
			unsigned nr_fds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(VU_MAX_REGIONS * sizeof(int))];
	} control = {0};
	struct iovec iov[2] = {{(void *)header, sizeof(*header)}, {(void *)payload, header->size}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	size_t left = sizeof(*header) + header->size;

	if (nr_fds) {
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, nr_fds * sizeof(int));
	}
	while (left) {
		ssize_t n = sendmsg(conn->fd, &msg, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return socket_error(conn, errno);
		if (n < 0) {
			int err = wait_for(conn, POLLOUT, header->request);
			if (err)
				return err;
			continue;
		}
		left -= (size_t)n;
		msg.msg_control = NULL; /* descriptors go with the first byte */
		msg.msg_controllen = 0;
		for (size_t i = 0; i < ARRAY_LEN(iov); i++) {
			size_t part = (size_t)n < iov[i].iov_len ? (size_t)n : iov[i].iov_len;

			iov[i].iov_base = (char *)iov[i].iov_base + part;
			iov[i].iov_len -= part;
			n -= (ssize_t)part;
		}
	}
	return 0;
}

/* Nothing that a back end answers to us comes with descriptors: they are closed, and the answer does not count. */
static int refuse_fds(const struct vu_conn *conn, struct msghdr *msg)
{
	int err = msg->msg_flags & MSG_CTRUNC ? -EPROTO : 0;

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= cmsg->cmsg_len; at += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + at, sizeof(fd));
			sys_close(fd);
		}
		err = -EPROTO;
	}
	if (err)
		log_error("%s: the vhost-user back end sent file descriptors that nobody asked for", conn->name);
	return err;
}

static int receive(struct vu_conn *conn, enum vu_request request, void *buf, size_t len)
{
	for (size_t at = 0; at < len;) {
		union {
			struct cmsghdr align;
			char buf[CMSG_SPACE(VU_MAX_REGIONS * sizeof(int))];
		} control;
		struct iovec iov = {(char *)buf + at, len - at};
		struct msghdr msg = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.buf,
			.msg_controllen = sizeof(control.buf),
		};
		ssize_t n = recvmsg(conn->fd, &msg, MSG_CMSG_CLOEXEC);
		int err = 0;

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return socket_error(conn, errno);
		if (n == 0)
			return -EPIPE;
		if (n < 0) {
			err = wait_for(conn, POLLIN, request);
		} else {
			at += (size_t)n;
			err = refuse_fds(conn, &msg);
		}
		if (err)
			return err;
	}
	return 0;
}

/* Takes the reply to @request: exactly @len bytes of payload; with @may_be_empty also none (*@empty says so). */
static int receive_reply(struct vu_conn *conn, enum vu_request request, void *payload, uint32_t len, bool *empty)
{
	struct vu_header header;
	int err = receive(conn, request, &header, sizeof(header));

	if (err)
		return err;
	if (header.request != request || (header.flags & VU_FLAG_VERSION_MASK) != VU_FLAG_VERSION ||
	    !(header.flags & VU_FLAG_REPLY))
		return log_fail(-EPROTO, "%s: the vhost-user back end answers request %u with request %u, flags %#x",
				conn->name, (unsigned)request, header.request, header.flags);
	if (empty)
		*empty = header.size == 0;
	if (empty && header.size == 0)
		return 0;
	if (header.size != len)
		return log_fail(-EPROTO, "%s: the vhost-user back end answers request %u with %u bytes, it must be %u",
				conn->name, (unsigned)request, header.size, len);
	return receive(conn, request, payload, len);
}

int vu_set(struct vu_conn *conn, enum vu_request request, const void *payload, uint32_t len, const int *fds,
	   unsigned nr_fds)
{
	struct vu_header header = {request, VU_FLAG_VERSION | (conn->reply_ack ? VU_FLAG_NEED_REPLY : 0), len};
	uint64_t result = 0;

	if (nr_fds > VU_MAX_REGIONS)
		return -EINVAL;
	int err = send_message(conn, &header, payload, fds, nr_fds);
	if (!err && conn->reply_ack)
		err = receive_reply(conn, request, &result, sizeof(result), NULL);
	if (err || result == 0)
		return err;
	return log_fail(-EREMOTEIO, "%s: the vhost-user back end refuses request %u", conn->name, (unsigned)request);
}

int vu_command(struct vu_conn *conn, enum vu_request request)
{
	return vu_set(conn, request, NULL, 0, NULL, 0);
}

int vu_set_u64(struct vu_conn *conn, enum vu_request request, uint64_t value)
{
	return vu_set(conn, request, &value, sizeof(value), NULL, 0);
}

int vu_get(struct vu_conn *conn, enum vu_request request, const void *payload, uint32_t len, void *reply,
	   uint32_t reply_len)
{
	struct vu_header header = {request, VU_FLAG_VERSION, len};
	int err = send_message(conn, &header, payload, NULL, 0);

	return err ? err : receive_reply(conn, request, reply, reply_len, NULL);
}

int vu_get_u64(struct vu_conn *conn, enum vu_request request, uint64_t *value)
{
	return vu_get(conn, request, NULL, 0, value, sizeof(*value));
}

int vu_get_config(struct vu_conn *conn, uint32_t offset, void *buf, uint32_t len)
{
	struct vu_config ask = {.offset = offset, .size = len}, reply = {0};
	uint32_t size = (uint32_t)offsetof(struct vu_config, data) + len;
	struct vu_header header = {VU_GET_CONFIG, VU_FLAG_VERSION, size};
	bool refused = false;

	if (len > VU_MAX_CONFIG)
		return -EINVAL;
	int err = send_message(conn, &header, &ask, NULL, 0);
	if (!err)
		err = receive_reply(conn, VU_GET_CONFIG, &reply, size, &refused);
	if (err)
		return err;
	if (refused || reply.offset != offset || reply.size != len)
		return log_fail(-EREMOTEIO,
				"%s: the vhost-user back end does not tell bytes %u to %u of its configuration space",
				conn->name, offset, offset + len - 1);
	memcpy(buf, reply.data, len);
	return 0;
}

int vu_set_config(struct vu_conn *conn, uint32_t offset, const void *buf, uint32_t len)
{
	struct vu_config set = {.offset = offset, .size = len};

	if (len > VU_MAX_CONFIG)
		return -EINVAL;
	memcpy(set.data, buf, len);
	return vu_set(conn, VU_SET_CONFIG, &set, (uint32_t)offsetof(struct vu_config, data) + len, NULL, 0);
}

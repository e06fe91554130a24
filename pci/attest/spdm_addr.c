/* SPDX-License-Identifier: Apache-2.0 */
#include "spdm_addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"

#define BACKLOG	  4
#define CONNECT_S 5 /* seconds that a peer may take to accept */

bool spdm_addr_looks_like(const char *text)
{
	const char *colon = strrchr(text, ':');

	if (strchr(text, '/') || text[0] == '[')
		return true;
	/* A PCI address has a dot after its last colon ("01:00.0"); a port is digits to the end. */
	return colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1);
}

static int parse_unix(struct spdm_addr *addr, const char *path)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)&addr->sa;

	if (strlen(path) >= sizeof(sun->sun_path))
		return log_fail(-ENAMETOOLONG, "%s: the path of a socket has at most %zu bytes", path,
				sizeof(sun->sun_path) - 1);
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, path, strlen(path) + 1);
	addr->len = sizeof(*sun);
	return 0;
}

static bool is_loopback(const struct spdm_addr *addr)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)&addr->sa;
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)&addr->sa;

	if (addr->sa.ss_family == AF_INET)
		return ntohl(sin->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return addr->sa.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr);
}

/* Splits "HOST:PORT" and "[HOST]:PORT". */
static bool split(const char *text, char host[256], char port[8])
{
	const char *colon = strrchr(text, ':');
	size_t len;

	if (!colon)
		return false;
	len = (size_t)(colon - text);
	if (text[0] == '[') {
		if (len < 3 || text[len - 1] != ']')
			return false;
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return false; /* an IPv6 address without brackets is ambiguous */
	}
	if (len == 0 || len > 255 || strlen(colon + 1) > 5 || !colon[1] ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1) || atoi(colon + 1) > 65535)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	snprintf(port, 8, "%s", colon + 1);
	return true;
}

/* Numeric only: a static binary has no resolver to rely on. */
static bool parse_inet(struct spdm_addr *addr, const char *host, const char *port)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&addr->sa;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&addr->sa;

	if (inet_pton(AF_INET, host, &sin->sin_addr) == 1) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons((uint16_t)atoi(port));
		addr->len = sizeof(*sin);
		return true;
	}
	if (inet_pton(AF_INET6, host, &sin6->sin6_addr) != 1)
		return false;
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons((uint16_t)atoi(port));
	addr->len = sizeof(*sin6);
	return true;
}

int spdm_addr_parse(struct spdm_addr *addr, const char *text, bool anywhere)
{
	char host[256], port[8];

	*addr = (struct spdm_addr){.len = 0};
	if (strchr(text, '/'))
		return parse_unix(addr, text);
	if (!split(text, host, port))
		return log_fail(-EINVAL, "\"%s\" is no address of a peer; write 127.0.0.1:2323, [::1]:2323 or a path",
				text);
	if (strcmp(host, "localhost") == 0)
		snprintf(host, sizeof(host), "127.0.0.1");
	if (!parse_inet(addr, host, port))
		return log_fail(-EINVAL, "\"%s\": %s is no numeric address; names are not looked up", text, host);
	if (!anywhere && !is_loopback(addr))
		return log_fail(
			-EPERM,
			"%s is not a loopback address; SPDM over a network shows the exchange to everybody on it: "
			"use an SSH tunnel, or give --anywhere where that does not matter",
			text);
	return 0;
}

static int tune(int fd)
{
	int on = 1;

	/* A request is one small segment and waits for its answer: Nagle's algorithm would add the peer's delayed
	 * acknowledgement to each. Not for Unix sockets. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 && errno != EOPNOTSUPP &&
	    errno != ENOPROTOOPT)
		return -errno;
	return 0;
}

/* connect(2) obeys the time limit of sending: EINPROGRESS behind TCP, EAGAIN behind a Unix socket. */
static int connect_in_time(int fd, const struct spdm_addr *addr)
{
	const struct timeval limit = {.tv_sec = CONNECT_S}, none = {0};

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
	    connect(fd, (const struct sockaddr *)&addr->sa, addr->len) < 0)
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof(none));
}

int spdm_addr_connect(const char *text, bool anywhere)
{
	struct spdm_addr addr;
	int err = spdm_addr_parse(&addr, text, anywhere);
	int fd;

	if (err < 0)
		return err;
	fd = socket(addr.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return log_fail(-errno, "cannot connect to %s: %s", text, strerror(errno));
	if (connect_in_time(fd, &addr) < 0 || tune(fd) < 0) {
		err = errno == EINPROGRESS || errno == EAGAIN ? -ETIMEDOUT : -errno;
		close(fd);
		return log_fail(err, "cannot connect to %s: %s; is a responder listening there (aerie spdm-responder)?",
				text, strerror(-err));
	}
	return fd;
}

/* A socket file outlives its process; a live one accepts a connection, or (EAGAIN) has others waiting. */
static void remove_stale(const struct spdm_addr *addr)
{
	const char *path = ((const struct sockaddr_un *)&addr->sa)->sun_path;
	OWNED_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (fd >= 0 && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    connect(fd, (const struct sockaddr *)&addr->sa, addr->len) < 0 && errno == ECONNREFUSED)
		unlink(path);
}

int spdm_addr_listen(const char *text, bool anywhere)
{
	struct spdm_addr addr;
	int err = spdm_addr_parse(&addr, text, anywhere);
	int fd, on = 1;

	if (err < 0)
		return err;
	fd = socket(addr.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return log_fail(-errno, "cannot listen on %s: %s", text, strerror(errno));
	if (addr.sa.ss_family == AF_UNIX)
		remove_stale(&addr);
	else
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&addr.sa, addr.len) < 0 || listen(fd, BACKLOG) < 0) {
		err = -errno;
		close(fd);
		return log_fail(err, "cannot listen on %s: %s", text, strerror(-err));
	}
	return fd;
}

int spdm_addr_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = tune(fd);
	if (err < 0) {
		close(fd);
		return err;
	}
	return fd;
}

unsigned spdm_addr_port(int listener)
{
	struct spdm_addr addr = {.len = sizeof(addr.sa)};

	if (getsockname(listener, (struct sockaddr *)&addr.sa, &addr.len) < 0)
		return 0;
	if (addr.sa.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&addr.sa)->sin_port);
	if (addr.sa.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&addr.sa)->sin6_port);
	return 0;
}

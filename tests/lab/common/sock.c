// SPDX-License-Identifier: Apache-2.0
/*
 * Streams between L1 and L2, in either direction:
 *
 *   sock listen ADDRESS PROGRAM [ARGUMENT...]   run the program on each connection
 *   sock connect ADDRESS                        send standard input, print what comes back
 *
 * ADDRESS is vsock:CID:PORT (CID -1: any, for listening) or tcp:HOST:PORT.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

union address {
	struct sockaddr any;
	struct sockaddr_in tcp;
	struct sockaddr_vm vsock;
};

static socklen_t parse(const char *text, union address *address)
{
	char host[64];
	unsigned port;
	int cid;

	memset(address, 0, sizeof(*address));
	if (sscanf(text, "vsock:%d:%u", &cid, &port) == 2) {
		address->vsock.svm_family = AF_VSOCK;
		address->vsock.svm_cid = (unsigned)cid;
		address->vsock.svm_port = port;
		return sizeof(address->vsock);
	}
	if (sscanf(text, "tcp:%63[^:]:%u", host, &port) == 2 && inet_aton(host, &address->tcp.sin_addr)) {
		address->tcp.sin_family = AF_INET;
		address->tcp.sin_port = htons((unsigned short)port);
		return sizeof(address->tcp);
	}
	fprintf(stderr, "sock: '%s' is no address\n", text);
	exit(2);
}

static bool copy(int from, int to)
{
	char buffer[16384];
	ssize_t got = read(from, buffer, sizeof(buffer));

	for (ssize_t done = 0; done < got;) {
		ssize_t put = write(to, buffer + done, (size_t)(got - done));
		if (put < 0) {
			perror("sock: write");
			exit(1);
		}
		done += put;
	}
	if (got < 0) {
		perror("sock: read");
		exit(1);
	}
	return got > 0;
}

/* Both directions at once, or a peer that echoes could never end what it sends. */
static int client(int fd)
{
	struct pollfd wait[2] = {{.fd = fd, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};

	for (;;) {
		if (poll(wait, 2, -1) < 0)
			return 1;
		if (wait[0].revents && !copy(fd, STDOUT_FILENO))
			return 0;
		if (wait[1].revents && !copy(STDIN_FILENO, fd)) {
			shutdown(fd, SHUT_WR);
			wait[1].fd = -1;
		}
	}
}

static int serve(int listener, char **program)
{
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			return 1;
		if (fork() == 0) {
			signal(SIGCHLD, SIG_DFL);
			dup2(fd, STDIN_FILENO);
			dup2(fd, STDOUT_FILENO);
			close(fd);
			close(listener);
			execvp(program[0], program);
			perror(program[0]);
			_exit(127);
		}
		close(fd);
	}
}

int main(int argc, char **argv)
{
	union address address;
	bool listening = argc >= 4 && strcmp(argv[1], "listen") == 0;

	if (!listening && !(argc == 3 && strcmp(argv[1], "connect") == 0)) {
		fprintf(stderr, "usage: sock listen ADDRESS PROGRAM... | sock connect ADDRESS\n");
		return 2;
	}
	socklen_t length = parse(argv[2], &address);
	int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;
	if (fd < 0 ||
	    (address.any.sa_family == AF_INET && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)) {
		perror("sock: socket");
		return 1;
	}
	if (listening) {
		if (bind(fd, &address.any, length) < 0 || listen(fd, 8) < 0) {
			perror(argv[2]);
			return 1;
		}
		return serve(fd, argv + 3);
	}
	if (connect(fd, &address.any, length) < 0) {
		perror(argv[2]);
		return 1;
	}
	return client(fd);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"
#include "sys.h"

#define STOP_MS 2000

struct server {
	struct server_config config;
	char path[PATH_MAX];		 /* of the program */
	char *args[SERVER_MAX_ARGS + 1]; /* owned, ends with NULL */
	int pidfd;			 /* owned; -1: does not run */
};

static bool is_there(char *out, const char *dir, size_t dir_len, const char *program)
{
	int n = snprintf(out, PATH_MAX, "%.*s/%s", (int)dir_len, dir, program);

	return n > 0 && n < PATH_MAX && dir_len > 0 && dir[0] == '/' && access(out, X_OK) == 0;
}

static int find_program(struct server *s)
{
	const char *path = getenv("PATH");

	while (path && *path) {
		size_t len = strcspn(path, ":");

		if (is_there(s->path, path, len, s->config.program))
			return 0;
		path += len + (path[len] == ':');
	}
	for (const char *const *dir = s->config.folders; dir && *dir; dir++)
		if (is_there(s->path, *dir, strlen(*dir), s->config.program))
			return 0;
	return log_fail(-ENOENT, "%s: cannot find the program %s: %s", s->config.name, s->config.program,
			s->config.package);
}

int server_create(struct server **out, const struct server_config *config)
{
	struct server *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (!s)
		return log_fail(-ENOMEM, "%s: out of memory", config->name);
	s->config = *config;
	s->pidfd = -1;
	int err = find_program(s);
	for (unsigned i = 0; !err && i < SERVER_MAX_ARGS && config->args[i]; i++) {
		s->args[i] = strdup(config->args[i]);
		if (!s->args[i])
			err = log_fail(-ENOMEM, "%s: out of memory", config->name);
	}
	if (err) {
		server_destroy(s);
		return err;
	}
	*out = s;
	return 0;
}

const char *server_folder(void)
{
	static const char *const names[] = {"XDG_RUNTIME_DIR", "TMPDIR"};

	for (unsigned i = 0; i < 2; i++) {
		const char *dir = getenv(names[i]);

		if (dir && dir[0] == '/' && access(dir, W_OK) == 0)
			return dir;
	}
	return "/tmp";
}

/* A listening socket and one that is connected to it. Their name lives in a folder of our own, and only until both are
 * there. */
static int make_listener(const struct server *s, int *theirs, int *ours)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char dir[sizeof(addr.sun_path) - 8];
	int err = 0;

	if (snprintf(dir, sizeof(dir), "%s/aerie-XXXXXX", server_folder()) >= (int)sizeof(dir) || !mkdtemp(dir))
		return log_fail(-ENOENT, "%s: cannot make a folder for a socket below %s", s->config.name,
				server_folder());
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/socket", dir);
	*theirs = sys_socket(AF_UNIX, SOCK_STREAM);
	*ours = sys_socket(AF_UNIX, SOCK_STREAM);
	if (*theirs < 0 || *ours < 0 || bind(*theirs, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(*theirs, 1) < 0 || connect(*ours, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		err = log_fail(-errno, "%s: cannot make the socket %s: %s", s->config.name, addr.sun_path,
			       strerror(errno));
	unlink(addr.sun_path);
	rmdir(dir);
	return err;
}

static int make_pair(const struct server *s, int *theirs, int *ours)
{
	int fds[2];

	if (sys_socketpair(fds) < 0)
		return log_fail(-errno, "%s: cannot make a pair of sockets: %s", s->config.name, strerror(errno));
	*theirs = fds[0];
	*ours = fds[1];
	return 0;
}

int server_start(struct server *s)
{
	OWNED_FD int theirs = -1;
	OWNED_FD int ours = -1;
	const char *argv[SERVER_MAX_ARGS + 2] = {s->path};
	char number[16];

	server_stop(s);
	int err = s->config.listens ? make_listener(s, &theirs, &ours) : make_pair(s, &theirs, &ours);
	if (err)
		return err;
	fcntl(ours, F_SETFL, O_NONBLOCK);
	snprintf(number, sizeof(number), "%d", theirs);
	for (unsigned i = 0; s->args[i]; i++)
		argv[i + 1] = strcmp(s->args[i], SERVER_FD) == 0 ? number : s->args[i];
	s->pidfd = sys_spawn((char *const *)argv, theirs);
	if (s->pidfd < 0)
		return log_fail(-errno, "%s: cannot start %s: %s", s->config.name, s->path, strerror(errno));
	int fd = ours;

	ours = -1;
	return fd;
}

void server_stop(struct server *s)
{
	struct pollfd pfd = {.fd = s->pidfd, .events = POLLIN};
	siginfo_t info;

	if (s->pidfd < 0)
		return;
	syscall(SYS_pidfd_send_signal, s->pidfd, SIGTERM, NULL, 0);
	if (poll(&pfd, 1, STOP_MS) <= 0)
		syscall(SYS_pidfd_send_signal, s->pidfd, SIGKILL, NULL, 0);
	while (waitid(P_PIDFD, (id_t)s->pidfd, &info, WEXITED) < 0 && errno == EINTR)
		continue;
	fd_close(&s->pidfd);
}

void server_destroy(struct server *s)
{
	if (!s)
		return;
	server_stop(s);
	for (unsigned i = 0; s->args[i]; i++)
		free(s->args[i]);
	free(s);
}

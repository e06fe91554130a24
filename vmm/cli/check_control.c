/* SPDX-License-Identifier: Apache-2.0 */
/* aerie check: the place of the control socket. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"
#include "host_check.h"

#define WHAT "control"

/* Connecting says nothing to the VM behind it, which lets go of a peer that leaves again. */
static int try_connect(const char *path)
{
	OWNED_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (fd < 0)
		return -errno;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	return connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
}

/* What is there already: only a socket that nobody listens on is replaced. */
static void check_existing(struct check *check, const char *path, mode_t mode)
{
	int err = S_ISSOCK(mode) ? try_connect(path) : 0;

	if (!S_ISSOCK(mode))
		check_add(check, CHECK_ERROR, WHAT, "%s exists and is no socket; remove it, or choose another place",
			  path);
	else if (err == -ECONNREFUSED)
		check_add(check, CHECK_OK, WHAT, "%s is left over from a process that is gone, and will be replaced",
			  path);
	else if (err == 0 || err == -EAGAIN)
		check_add(check, CHECK_ERROR, WHAT,
			  "%s is in use: somebody listens on it; end that VM, or choose another place", path);
	else
		check_add(check, CHECK_ERROR, WHAT, "%s exists and cannot be looked at: %s; choose another place", path,
			  strerror(-err));
}

void check_control(struct check *check)
{
	const char *path = check->config ? check->config->control : NULL;
	char copy[PATH_MAX];
	struct stat folder, there;

	if (!path)
		return;
	snprintf(copy, sizeof(copy), "%s", path);
	const char *parent = dirname(copy);

	if (stat(parent, &folder) < 0)
		check_add(check, CHECK_ERROR, WHAT, "cannot make %s: %s: %s; make the folder first", path, parent,
			  strerror(errno));
	else if (!S_ISDIR(folder.st_mode))
		check_add(check, CHECK_ERROR, WHAT, "cannot make %s: %s is no folder; choose another place", path,
			  parent);
	else if (access(parent, W_OK | X_OK) < 0)
		check_add(check, CHECK_ERROR, WHAT,
			  "cannot make %s: %s: %s; give your user the right to write there, or choose another place",
			  path, parent, strerror(errno));
	else if (lstat(path, &there) == 0)
		check_existing(check, path, there.st_mode);
	else
		check_add(check, CHECK_OK, WHAT, "%s, for aerie ctl", path);
}

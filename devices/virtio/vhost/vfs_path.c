/* SPDX-License-Identifier: Apache-2.0 */
/* Which folders of the host may be shared. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bits.h"
#include "log.h"
#include "server.h"
#include "vfs.h"

/* @path is @dir or something in it. */
static bool is_within(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static int check_resolved(const char *name, const char *path)
{
	static const char *const forbidden[] = {"/proc", "/sys", "/dev"};
	char *sockets = realpath(server_folder(), NULL);
	bool has_sockets = sockets && is_within(sockets, path);
	struct stat st;

	free(sockets);
	if (path[0] != '/' || stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return log_fail(-ENOTDIR, "%s: cannot share %s: it is not a folder; name one", name, path);
	if (strcmp(path, "/") == 0)
		return log_fail(-EPERM, "%s: cannot share /: name the folder that the guest needs", name);
	for (size_t i = 0; i < ARRAY_LEN(forbidden); i++)
		if (is_within(path, forbidden[i]))
			return log_fail(-EPERM, "%s: cannot share %s: %s is the host's own, no folder for a guest",
					name, path, forbidden[i]);
	if (has_sockets)
		return log_fail(-EPERM,
				"%s: cannot share %s: aerie's own sockets are in there (%s); share a folder in it",
				name, path, server_folder());
	return 0;
}

int vfs_check_path(const char *name, const char *path, char **resolved)
{
	*resolved = NULL;
	if (path[0] != '/')
		return log_fail(-EINVAL, "%s: cannot share %s: name the folder by its whole path, from / on", name,
				path);
	char *real = realpath(path, NULL);

	if (!real)
		return log_fail(-errno, "%s: cannot share %s: %s; %s", name, path, strerror(errno),
				errno == ENOENT ? "make the folder, or name another"
						: "name a folder that aerie may enter");
	int err = check_resolved(name, real);
	if (err) {
		free(real);
		return err;
	}
	*resolved = real;
	return 0;
}

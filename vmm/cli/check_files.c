/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host_check.h"
#include "fd.h"

/* Whether it is a kernel at all is found out by the loader. */
static void check_readable(struct check *check, const char *key, const char *path)
{
	OWNED_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		check_add(check, CHECK_ERROR, key, "cannot open %s: %s; the path is relative to the working directory",
			  path, strerror(errno));
	else if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		check_add(check, CHECK_ERROR, key, "%s is no file; give the path of a file", path);
	else if (st.st_size == 0)
		check_add(check, CHECK_ERROR, key, "%s is empty; give the path of a file with contents", path);
	else
		check_add(check, CHECK_OK, key, "%s, %lld KiB", path, (long long)(st.st_size + 1023) / 1024);
}

/* The path is written (file) or becomes a link (pty). */
static void check_console(struct check *check, const struct config_console *console)
{
	bool writes = console->type == CONSOLE_FILE && access(console->path ? console->path : "", F_OK) == 0;
	char copy[PATH_MAX];
	const char *target;

	if (!console->path)
		return;
	snprintf(copy, sizeof(copy), "%s", console->path);
	target = writes ? console->path : dirname(copy);
	if (access(target, W_OK) < 0)
		check_add(check, CHECK_ERROR, "console.path", "cannot write %s: %s: %s; choose another place",
			  console->path, target, strerror(errno));
	else
		check_add(check, CHECK_OK, "console.path", "%s", console->path);
}

void check_files(struct check *check)
{
	if (!check->config)
		return;
	check_readable(check, "boot.kernel", check->config->boot.kernel);
	if (check->config->boot.initrd)
		check_readable(check, "boot.initrd", check->config->boot.initrd);
	check_console(check, &check->config->console);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check_emulated.h"
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

void check_files(struct check *check)
{
	if (!check->config)
		return;
	check_readable(check, "boot.kernel", check->config->boot.kernel);
	if (check->config->boot.initrd)
		check_readable(check, "boot.initrd", check->config->boot.initrd);
	check_console_path(check, "console.path", check->config->console.type, check->config->console.path);
}

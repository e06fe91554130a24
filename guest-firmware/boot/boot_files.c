/* SPDX-License-Identifier: Apache-2.0 */
#include "boot_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "fd.h"
#include "log.h"
#include "sys.h"

void boot_files_init(struct boot_files *files)
{
	*files = (struct boot_files){.kernel = {.fd = -1}, .initrd = {.fd = -1}};
}

static const char *remedy(int err)
{
	switch (err) {
	case -ENOENT:
		return "check the path; it is relative to the directory in which aerie was started";
	case -EACCES:
		return "give the user who runs aerie permission to read it";
	default:
		return "check the file";
	}
}

static int open_file(struct boot_file *file, const char *what, const char *path)
{
	struct stat st;

	file->path = path;
	/* Non-blocking, so that a FIFO in place of the file is refused below instead of waited for. */
	file->fd = sys_open(path, O_RDONLY | O_NONBLOCK);
	if (file->fd < 0) {
		int err = -errno;

		return log_fail(err, "cannot open the %s \"%s\": %s; %s", what, path, strerror(-err), remedy(err));
	}
	if (fstat(file->fd, &st) < 0)
		return log_fail(-errno, "cannot examine the %s \"%s\": %s; check the file", what, path,
				strerror(errno));
	if (!S_ISREG(st.st_mode))
		return log_fail(-EINVAL, "cannot use \"%s\" as %s: it is not a regular file; name the file itself",
				path, what);
	if (st.st_size == 0)
		return log_fail(-EINVAL, "cannot use \"%s\" as %s: the file is empty; copy it again", path, what);
	file->size = (uint64_t)st.st_size;
	return 0;
}

int boot_files_open(struct boot_files *files, const char *kernel, const char *initrd)
{
	int err = kernel ? open_file(&files->kernel, "kernel", kernel) : 0;

	if (err == 0 && initrd)
		err = open_file(&files->initrd, "initrd", initrd);
	if (err < 0)
		boot_files_close(files);
	return err;
}

void boot_files_close(struct boot_files *files)
{
	fd_close(&files->kernel.fd);
	fd_close(&files->initrd.fd);
}

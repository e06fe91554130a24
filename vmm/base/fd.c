/* SPDX-License-Identifier: Apache-2.0 */
#include "fd.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "log.h"
#include "sys.h"

void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		sys_close(*fd);
	*fd = -1;
	errno = saved;
}

int fd_eventfd(void)
{
	int fd = sys_eventfd();

	if (fd < 0)
		return log_fail(-errno, "cannot create an eventfd: %s%s", strerror(errno),
				errno == EMFILE ? "; raise the limit on open files (ulimit -n)" : "");
	return fd;
}

void fd_signal(int eventfd)
{
	const uint64_t one = 1;
	int saved = errno;
	/* EAGAIN means that the count is at its maximum: the reader is going to wake anyway. */
	ssize_t n = write(eventfd, &one, sizeof(one));

	(void)n;
	errno = saved;
}

uint64_t fd_drain(int eventfd)
{
	uint64_t count = 0;

	if (read(eventfd, &count, sizeof(count)) != (ssize_t)sizeof(count))
		return 0;
	return count;
}

ssize_t fd_read_text(const char *path, char *buf, size_t cap)
{
	if (cap == 0)
		return -EINVAL;
	buf[0] = '\0';
	OWNED_FD int fd = sys_open(path, O_RDONLY);
	if (fd < 0)
		return -errno;
	ssize_t n = sys_pread(fd, buf, cap - 1, 0);
	if (n < 0)
		return -errno;
	while (n > 0 && isspace((unsigned char)buf[n - 1]))
		n--;
	buf[n] = '\0';
	return n;
}

int fd_write_text(const char *path, const char *text)
{
	size_t len = strlen(text);
	OWNED_FD int fd = sys_open(path, O_WRONLY);

	if (fd < 0)
		return -errno;
	ssize_t n = sys_pwrite(fd, text, len, 0);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

void fd_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

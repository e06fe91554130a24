/* SPDX-License-Identifier: Apache-2.0 */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

const char *sys_root = "";

static bool below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

int sys_open(const char *path, int flags)
{
	char full[PATH_MAX];

	if (*sys_root == '\0' || (!below(path, "/sys") && !below(path, "/dev") && !below(path, "/proc")))
		return open(path, flags | O_CLOEXEC, 0666);
	int n = snprintf(full, sizeof(full), "%s%s", sys_root, path);
	if (n < 0 || (size_t)n >= sizeof(full)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(full, flags | O_CLOEXEC, 0666);
}

int sys_close(int fd)
{
	return close(fd);
}

int sys_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

int sys_ioctl_n(int fd, unsigned long request, unsigned long arg)
{
	return ioctl(fd, request, arg);
}

void *sys_mmap(size_t len, int prot, int flags, int fd, off_t offset)
{
	return mmap(NULL, len, prot, flags, fd, offset);
}

int sys_munmap(void *addr, size_t len)
{
	return munmap(addr, len);
}

int sys_populate(void *addr, size_t len)
{
	return madvise(addr, len, MADV_POPULATE_WRITE);
}

int sys_eventfd(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

int sys_memfd(const char *name, unsigned flags)
{
	return memfd_create(name, flags | MFD_CLOEXEC);
}

int sys_ftruncate(int fd, off_t len)
{
	return ftruncate(fd, len);
}

int sys_socket(int domain, int type)
{
	return socket(domain, type | SOCK_CLOEXEC, 0);
}

int sys_socketpair(int fds[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
}

/* Between fork() and execv(): async-signal-safe calls only. */
static _Noreturn void become(char *const argv[], int keep_fd, pid_t parent)
{
	sigset_t none;
	int null;

	/* The parent may be gone before the wish for a signal was known. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
		_exit(127);
	setsid();
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		_exit(127);
	if (keep_fd >= 0 && fcntl(keep_fd, F_SETFD, 0) < 0)
		_exit(127);
	execv(argv[0], argv);
	_exit(127);
}

int sys_spawn(char *const argv[], int keep_fd)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0)
		become(argv, keep_fd, parent);
	if (pid < 0)
		return -1;
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		int saved = errno;

		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		errno = saved;
	}
	return pidfd;
}

int sys_punch_hole(int fd, off_t offset, off_t len)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, len);
}

ssize_t sys_pread(int fd, void *buf, size_t len, off_t offset)
{
	return pread(fd, buf, len, offset);
}

ssize_t sys_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	return pwrite(fd, buf, len, offset);
}

ssize_t sys_read(int fd, void *buf, size_t len)
{
	return read(fd, buf, len);
}

ssize_t sys_write(int fd, const void *buf, size_t len)
{
	return write(fd, buf, len);
}

int sys_lock_file(int fd, bool exclusive)
{
	struct flock lock = {.l_type = exclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_SETLK, &lock);
}

/* liburing returns -errno. */
static int as_errno(int ret)
{
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

int sys_unlock_file(int fd)
{
	struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_SETLK, &lock);
}

int sys_uring_init(unsigned entries, struct io_uring *ring, struct io_uring_params *params)
{
	return as_errno(io_uring_queue_init_params(entries, ring, params));
}

int sys_uring_register_fd(struct io_uring *ring, int fd)
{
	return as_errno(io_uring_register_files(ring, &fd, 1));
}

int sys_uring_unregister_fd(struct io_uring *ring)
{
	return as_errno(io_uring_unregister_files(ring));
}

void sys_uring_exit(struct io_uring *ring)
{
	io_uring_queue_exit(ring);
}

/* Not io_uring_enable_rings(): shared liburing 2.3 (Debian 12) does not export it. */
int sys_uring_enable(struct io_uring *ring)
{
	return (int)syscall(SYS_io_uring_register, ring->ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

int sys_uring_submit(struct io_uring *ring, unsigned wait)
{
	return as_errno(wait ? io_uring_submit_and_wait(ring, wait) : io_uring_submit_and_get_events(ring));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* vmm/base/sys.h for tests: fake descriptors answer by their type, all others are real but accounted for. */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <liburing.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_books.h"

const char *sys_root = "";

/* An ioctl-style result (>= 0 or -errno) as system calls report it. */
static int as_errno(int ret)
{
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

static int open_fake(const struct fake_type *type, const char *path)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return -1;
	fake_track(fd, path, type, NULL);
	int ret = type->open ? type->open(fake_file_of(fd), path) : 0;
	if (ret < 0) {
		fake_untrack(fd);
		close(fd);
		return as_errno(ret);
	}
	return fd;
}

static bool below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

int sys_open(const char *path, int flags)
{
	char full[PATH_MAX];
	const struct fake_type *type = fake_type_of(path);
	bool whole = *sys_root && below(path, sys_root); /* the caller has put the root in front */
	bool rooted = !whole && (below(path, "/sys") || below(path, "/dev") || below(path, "/proc"));

	snprintf(full, sizeof(full), "open %s", path);
	if (fake_call(full))
		return -1;
	if (type)
		return open_fake(type, path);
	snprintf(full, sizeof(full), "%s%s", rooted ? sys_root : "", path);
	return fake_track(open(full, flags | O_CLOEXEC, 0666), path, NULL, NULL);
}

int sys_close(int fd)
{
	fake_untrack(fd);
	return close(fd);
}

int sys_ioctl(int fd, unsigned long request, void *arg)
{
	struct fake_file *file = fake_file_of(fd);

	if (fake_call(fake_ioctl_name(request)))
		return -1;
	if (!file)
		return ioctl(fd, request, arg);
	if (!file->type->ioctl)
		return as_errno(-ENOTTY);
	return as_errno(file->type->ioctl(file, request, arg));
}

int sys_ioctl_n(int fd, unsigned long request, unsigned long arg)
{
	return sys_ioctl(fd, request, (void *)arg);
}

void *sys_mmap(size_t len, int prot, int flags, int fd, off_t offset)
{
	struct fake_file *file = fake_file_of(fd);
	void *addr;

	if (fake_call(fake_fd_call("mmap", fd)))
		return MAP_FAILED;
	if (file && file->type->mmap) {
		addr = file->type->mmap(file, len, offset);
		if (!addr) {
			errno = EINVAL;
			return MAP_FAILED;
		}
		fake_track_map(addr, len, true);
		return addr;
	}
	if (file)
		addr = mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	else
		addr = mmap(NULL, len, prot, flags, fd, offset);
	if (addr != MAP_FAILED)
		fake_track_map(addr, len, false);
	return addr;
}

int sys_munmap(void *addr, size_t len)
{
	return fake_untrack_map(addr, len) ? munmap(addr, len) : 0;
}

/* Not at once: pretended guests touch few pages of their memory, and are built very often. */
int sys_populate(void *addr, size_t len)
{
	return 0;
}

int sys_eventfd(void)
{
	if (fake_call("eventfd"))
		return -1;
	return fake_track(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd", NULL, NULL);
}

int sys_memfd(const char *name, unsigned flags)
{
	if (fake_call("memfd_create"))
		return -1;
	return fake_track(memfd_create(name, flags | MFD_CLOEXEC), name, NULL, NULL);
}

int sys_ftruncate(int fd, off_t len)
{
	return fake_call("ftruncate") ? -1 : ftruncate(fd, len);
}

int sys_socket(int domain, int type)
{
	if (fake_call("socket"))
		return -1;
	return fake_track(socket(domain, type | SOCK_CLOEXEC, 0), "socket", NULL, NULL);
}

int sys_socketpair(int fds[2])
{
	if (fake_call("socketpair") || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -1;
	fake_track(fds[0], "socketpair", NULL, NULL);
	fake_track(fds[1], "socketpair", NULL, NULL);
	return 0;
}

/* A program that never ends and does nothing. */
int sys_spawn(char *const argv[], int keep_fd)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "spawn %s", argv[0]);
	if (fake_call(name))
		return -1;
	return fake_track(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), name, NULL, NULL);
}

int sys_punch_hole(int fd, off_t offset, off_t len)
{
	if (fake_call("fallocate"))
		return -1;
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, len);
}

ssize_t sys_pread(int fd, void *buf, size_t len, off_t offset)
{
	struct fake_file *file = fake_file_of(fd);

	if (fake_call(fake_fd_call("pread", fd)))
		return -1;
	if (!file)
		return pread(fd, buf, len, offset);
	ssize_t n = file->type->pread ? file->type->pread(file, buf, len, offset) : -EINVAL;
	return n >= 0 ? n : as_errno((int)n);
}

ssize_t sys_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	struct fake_file *file = fake_file_of(fd);

	if (fake_call(fake_fd_call("pwrite", fd)))
		return -1;
	if (!file)
		return pwrite(fd, buf, len, offset);
	ssize_t n = file->type->pwrite ? file->type->pwrite(file, buf, len, offset) : -EINVAL;
	return n >= 0 ? n : as_errno((int)n);
}

ssize_t sys_read(int fd, void *buf, size_t len)
{
	struct fake_file *file = fake_file_of(fd);

	if (fake_call(fake_fd_call("read", fd)))
		return -1;
	if (!file || !file->type->read)
		return read(fd, buf, len);
	ssize_t n = file->type->read(file, buf, len);
	return n >= 0 ? n : as_errno((int)n);
}

ssize_t sys_write(int fd, const void *buf, size_t len)
{
	struct fake_file *file = fake_file_of(fd);

	if (fake_call(fake_fd_call("write", fd)))
		return -1;
	if (!file || !file->type->write)
		return write(fd, buf, len);
	ssize_t n = file->type->write(file, buf, len);
	return n >= 0 ? n : as_errno((int)n);
}

int sys_lock_file(int fd, bool exclusive)
{
	struct flock lock = {.l_type = exclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET};

	return fake_call("lock file") ? -1 : fcntl(fd, F_OFD_SETLK, &lock);
}

int sys_unlock_file(int fd)
{
	struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_SETLK, &lock);
}

int sys_uring_init(unsigned entries, struct io_uring *ring, struct io_uring_params *params)
{
	if (fake_call("io_uring_setup"))
		return -1;
	if (as_errno(io_uring_queue_init_params(entries, ring, params)) < 0)
		return -1;
	fake_track(ring->ring_fd, "io_uring", NULL, NULL);
	return 0;
}

int sys_uring_register_fd(struct io_uring *ring, int fd)
{
	return fake_call("io_uring_register") ? -1 : as_errno(io_uring_register_files(ring, &fd, 1));
}

int sys_uring_unregister_fd(struct io_uring *ring)
{
	return as_errno(io_uring_unregister_files(ring));
}

void sys_uring_exit(struct io_uring *ring)
{
	fake_untrack(ring->ring_fd);
	io_uring_queue_exit(ring);
}

int sys_uring_enable(struct io_uring *ring)
{
	return (int)syscall(SYS_io_uring_register, ring->ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

int sys_uring_submit(struct io_uring *ring, unsigned wait)
{
	if (fake_call("io_uring_enter"))
		return -1;
	return as_errno(wait ? io_uring_submit_and_wait(ring, wait) : io_uring_submit_and_get_events(ring));
}

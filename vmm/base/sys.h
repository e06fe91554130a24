/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam between aerie and the kernel. Every call by which aerie takes or gives back something of the host
 * (descriptors, memory, threads' vCPUs, devices) goes through these functions; sys.c passes them on. Tests link
 * tests/fake/fake_sys.c instead: a pretended kernel with KVM, iommufd and VFIO that can make the n-th call fail and
 * counts what was not given back.
 *
 * All return -1 and set errno on failure, like the calls that they stand for.
 */
#ifndef AERIE_SYS_H
#define AERIE_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Prefix of all absolute paths below /sys, /dev and /proc that aerie opens; "" but in tests. */
extern const char *sys_root;

/** open(2) of @path (of sys_root + @path below /sys, /dev and /proc) with O_CLOEXEC added; mode 0666 for O_CREAT. */
int sys_open(const char *path, int flags);
int sys_close(int fd);
int sys_ioctl(int fd, unsigned long request, void *arg);
/** As sys_ioctl() for requests whose argument is a number. */
int sys_ioctl_n(int fd, unsigned long request, unsigned long arg);
void *sys_mmap(size_t len, int prot, int flags, int fd, off_t offset);
int sys_munmap(void *addr, size_t len);
/** MADV_POPULATE_WRITE: has the pages of the range now, not at their first use. */
int sys_populate(void *addr, size_t len);
/** Non-blocking, count 0. */
int sys_eventfd(void);
/** MFD_CLOEXEC is added to @flags. */
int sys_memfd(const char *name, unsigned flags);
int sys_ftruncate(int fd, off_t len);
/** fallocate(2): the range gives its memory or blocks back and reads as zeroes. */
int sys_punch_hole(int fd, off_t offset, off_t len);
/** SOCK_CLOEXEC is added to @type. */
int sys_socket(int domain, int type);
/** Two Unix stream sockets that are connected to each other; close-on-exec. */
int sys_socketpair(int fds[2]);
/**
 * Runs the program @argv[0] (a path) in a session of its own, without standard input, with no descriptors of ours but
 * stdout, stderr and @keep_fd (-1: none), which has the same number there. It gets SIGTERM when the calling thread
 * ends. Returns a pidfd; the caller reaps it with waitid(P_PIDFD). A program that cannot be executed exits with status
 * 127.
 */
int sys_spawn(char *const argv[], int keep_fd);
ssize_t sys_pread(int fd, void *buf, size_t len, off_t offset);
ssize_t sys_pwrite(int fd, const void *buf, size_t len, off_t offset);
/** For descriptors without a position. */
ssize_t sys_read(int fd, void *buf, size_t len);
ssize_t sys_write(int fd, const void *buf, size_t len);
/** A lock of the whole file that belongs to the open file (F_OFD_SETLK); EAGAIN: another one has it. */
int sys_lock_file(int fd, bool exclusive);
int sys_unlock_file(int fd);

/* io_uring, by liburing: set-up, end, and submission with waiting for at least @wait completions (0: only looks for
 * them, on behalf of deferred task work too). @fd becomes fixed file 0. */
struct io_uring;
struct io_uring_params;
int sys_uring_init(unsigned entries, struct io_uring *ring, struct io_uring_params *params);
int sys_uring_register_fd(struct io_uring *ring, int fd);
int sys_uring_unregister_fd(struct io_uring *ring);
void sys_uring_exit(struct io_uring *ring);
/** A ring that began disabled; the calling thread becomes its single issuer. */
int sys_uring_enable(struct io_uring *ring);
int sys_uring_submit(struct io_uring *ring, unsigned wait);

#endif

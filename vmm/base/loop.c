/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>

#include "fd.h"
#include "log.h"
#include "sys.h"

static void wake_handler(struct loop_source *src)
{
	fd_drain(src->fd);
}

int loop_init(struct loop *loop)
{
	*loop = (struct loop){.epoll_fd = -1, .wake = {.fd = -1}};
	int wake = fd_eventfd();
	if (wake < 0)
		return wake;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		int err = -errno;
		fd_close(&wake);
		return log_fail(err, "cannot create the event loop (epoll): %s", strerror(-err));
	}
	int err = loop_add(loop, &loop->wake, wake, wake_handler);
	if (err) {
		fd_close(&wake);
		fd_close(&loop->epoll_fd);
	}
	return err;
}

void loop_fini(struct loop *loop)
{
	loop_del(loop, &loop->wake);
	fd_close(&loop->wake.fd);
	fd_close(&loop->epoll_fd);
}

static int add(struct loop *loop, struct loop_source *src, int fd, uint32_t events, loop_handler handler)
{
	struct epoll_event ev = {.events = events, .data.ptr = src};

	if (src->added)
		loop_del(loop, src);
	src->fd = fd;
	src->handler = handler;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		if (errno == EPERM)
			return -EPERM;
		return log_fail(-errno, "cannot watch file descriptor %d in the event loop: %s", fd, strerror(errno));
	}
	src->added = true;
	return 0;
}

int loop_add(struct loop *loop, struct loop_source *src, int fd, loop_handler handler)
{
	return add(loop, src, fd, EPOLLIN, handler);
}

int loop_add_output(struct loop *loop, struct loop_source *src, int fd, loop_handler handler)
{
	return add(loop, src, fd, EPOLLOUT, handler);
}

void loop_del(struct loop *loop, struct loop_source *src)
{
	if (!src->added)
		return;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, src->fd, NULL);
	src->added = false;
}

int loop_run(struct loop *loop)
{
	for (;;) {
		int reason = atomic_exchange(&loop->stop_reason, 0);
		if (reason)
			return reason;
		/* One event at a time: a handler may free any source, also one that would come later in a batch.
		 * epoll puts level-triggered sources back at the end of its list, so none starves. */
		struct epoll_event ev;
		int n = epoll_wait(loop->epoll_fd, &ev, 1, -1);
		if (n < 0 && errno != EINTR)
			return log_fail(-errno, "the event loop failed: %s", strerror(errno));
		if (n == 1) {
			struct loop_source *src = ev.data.ptr;
			src->handler(src);
		}
	}
}

bool loop_is_stopping(const struct loop *loop)
{
	return atomic_load(&loop->stop_reason) != 0;
}

void loop_stop(struct loop *loop, int reason)
{
	int none = 0;

	atomic_compare_exchange_strong(&loop->stop_reason, &none, reason);
	fd_signal(loop->wake.fd);
}

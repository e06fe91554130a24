/* SPDX-License-Identifier: Apache-2.0 */
#include "console_tty.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "bits.h"
#include "fd.h"
#include "log.h"

static struct {
	atomic_bool active; /* fd and saved are valid */
	int fd;		    /* own duplicate, kept open so that the handlers always have it */
	struct termios saved;
	bool hooks_set;
} tty = {.fd = -1};

void console_tty_restore(void)
{
	int saved_errno = errno;

	if (atomic_exchange(&tty.active, false)) {
		tcsetattr(tty.fd, TCSANOW, &tty.saved);
		log_set_raw(false);
	}
	errno = saved_errno;
}

static void on_deadly_signal(int sig)
{
	console_tty_restore();
	raise(sig); /* SA_RESETHAND: now with its default action */
}

static void set_hooks(void)
{
	static const int deadly[] = {SIGHUP, SIGINT,  SIGQUIT, SIGILL,	SIGTRAP, SIGABRT, SIGBUS,  SIGFPE,
				     SIGSYS, SIGSEGV, SIGALRM, SIGTERM, SIGXCPU, SIGXFSZ, SIGUSR1, SIGUSR2};
	struct sigaction mine = {.sa_handler = on_deadly_signal, .sa_flags = SA_RESETHAND | SA_NODEFER};
	struct sigaction present;

	if (tty.hooks_set)
		return;
	tty.hooks_set = true;
	atexit(console_tty_restore);
	for (size_t i = 0; i < ARRAY_LEN(deadly); i++)
		if (sigaction(deadly[i], NULL, &present) == 0 && !(present.sa_flags & SA_SIGINFO) &&
		    present.sa_handler == SIG_DFL)
			sigaction(deadly[i], &mine, NULL);
}

/* A background job that touches its terminal's modes is stopped by SIGTTOU. */
static bool in_background(int fd)
{
	pid_t foreground = tcgetpgrp(fd);

	return foreground >= 0 && foreground != getpgrp();
}

int console_tty_raw(int fd)
{
	struct termios raw;

	if (!isatty(fd))
		return -ENOTTY;
	if (tty.active || in_background(fd))
		return -EBUSY;
	fd_close(&tty.fd);
	tty.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (tty.fd < 0 || tcgetattr(tty.fd, &tty.saved) < 0)
		return log_fail(-errno, "cannot read the terminal's modes: %s", strerror(errno));
	raw = tty.saved;
	cfmakeraw(&raw);
	set_hooks();
	/* Active before the change: a signal in between restores what is there anyway. */
	tty.active = true;
	if (tcsetattr(tty.fd, TCSANOW, &raw) < 0) {
		int err = -errno;
		tty.active = false;
		return log_fail(err, "cannot put the terminal into raw mode: %s", strerror(-err));
	}
	if (isatty(STDERR_FILENO))
		log_set_raw(true);
	return 0;
}

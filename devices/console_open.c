/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "console_priv.h"
#include "console_tty.h"
#include "fd.h"
#include "log.h"
#include "sys.h"

#define FLUSH_MS 300 /* what a slow reader gets at the end */

/*
 * O_NONBLOCK belongs to the open file description, which we share with the shell: so terminals and pipes are opened
 * once more for ourselves. What cannot be (no /proc, other owner) is used as it is.
 */
static int own_fd(int fd, int access_mode, const struct stat *st)
{
	char path[32];

	if (S_ISFIFO(st->st_mode) || (S_ISCHR(st->st_mode) && isatty(fd))) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		int again = sys_open(path, access_mode | O_NONBLOCK | O_NOCTTY);
		if (again >= 0)
			return again;
	}
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static void take_output(struct console *c, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return; /* a closed descriptor: output is discarded */
	c->out_fd = own_fd(fd, O_WRONLY, &st);
	if (c->out_fd < 0)
		return;
	c->out_sock = S_ISSOCK(st.st_mode);
	c->out_may_block = !S_ISREG(st.st_mode) && !(fcntl(c->out_fd, F_GETFL) & O_NONBLOCK);
}

static void take_input(struct console *c, int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0)
		c->in_fd = own_fd(fd, O_RDONLY, &st);
}

static int start(struct console **out, struct console *c, int err)
{
	if (!err && c->in_fd >= 0)
		err = console_start_input(c);
	if (err) {
		console_close(c);
		return err;
	}
	*out = c;
	return 0;
}

int console_open_stdio(struct console **out, const struct console_env *env, int in, int out_fd)
{
	struct console *c;
	int err = console_new(&c, env);

	if (err)
		return err;
	/* A reader that goes away is an error of write(2), not the end of the VM. */
	signal(SIGPIPE, SIG_IGN);
	take_output(c, out_fd);
	err = console_tty_raw(in);
	c->raw = c->in_tty = err == 0;
	if (err == -EBUSY) {
		log_info("console: in the background, so the terminal gives no input");
		err = 0;
	} else if (err == 0 || err == -ENOTTY) {
		take_input(c, in);
		err = 0;
	}
	return start(out, c, err);
}

int console_open_file(struct console **out, const struct console_env *env, const char *path)
{
	struct console *c;
	int err = console_new(&c, env);

	if (err)
		return err;
	signal(SIGPIPE, SIG_IGN);
	c->out_fd = sys_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY);
	if (c->out_fd < 0)
		err = log_fail(-errno, "cannot open the console file %s: %s", path,
			       errno == ENXIO ? "a FIFO that nobody reads; start the reader first" : strerror(errno));
	return start(out, c, err);
}

static int make_link(struct console *c, const char *link, const char *name)
{
	struct stat st;

	if (lstat(link, &st) == 0) {
		if (!S_ISLNK(st.st_mode))
			return log_fail(-EEXIST,
					"cannot link the console to %s: it exists and is no symbolic link; "
					"remove it or choose another `console.path`",
					link);
		unlink(link);
	}
	if (symlink(name, link) < 0)
		return log_fail(-errno, "cannot link the console to %s: %s", link, strerror(errno));
	c->link = strdup(link);
	return c->link ? 0 : log_fail(-ENOMEM, "out of memory for the console");
}

/* The master of a new pseudo terminal; *@slave its other end, raw, so that nothing is echoed before a reader comes. */
static int open_pty(int *slave, char *name, size_t name_cap)
{
	struct termios mode;
	int unlock = 0;
	int number;
	OWNED_FD int master = sys_open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);

	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0 || ioctl(master, TIOCGPTN, &number) < 0)
		return log_fail(-errno, "cannot make a pseudo terminal for the console: /dev/ptmx: %s",
				strerror(errno));
	snprintf(name, name_cap, "/dev/pts/%d", number);
	*slave = sys_open(name, O_RDWR | O_NOCTTY);
	if (*slave < 0 || tcgetattr(*slave, &mode) < 0)
		return log_fail(-errno, "cannot make a pseudo terminal for the console: %s: %s", name, strerror(errno));
	cfmakeraw(&mode);
	tcsetattr(*slave, TCSANOW, &mode);
	int fd = master;
	master = -1;
	return fd;
}

int console_open_pty(struct console **out, const struct console_env *env, const char *link)
{
	struct console *c;
	char name[32];
	int err = console_new(&c, env);

	if (err)
		return err;
	c->out_fd = open_pty(&c->keep_fd, name, sizeof(name));
	if (c->out_fd < 0) {
		err = c->out_fd;
		c->out_fd = -1;
		return start(out, c, err);
	}
	c->in_fd = fcntl(c->out_fd, F_DUPFD_CLOEXEC, 3);
	if (c->in_fd < 0)
		err = log_fail(-errno, "cannot duplicate the console's descriptor: %s", strerror(errno));
	if (!err && link)
		err = make_link(c, link, name);
	if (!err)
		log_info("console: %s%s%s", name, link ? ", linked from " : "", link ? link : "");
	return start(out, c, err);
}

int console_open_none(struct console **out, const struct console_env *env)
{
	return console_new(out, env);
}

void console_close(struct console *c)
{
	if (!c)
		return;
	if (c->out_fd >= 0)
		console_flush(c, c->keep_fd >= 0 ? 0 : FLUSH_MS);
	if (c->raw)
		console_tty_restore();
	if (c->link)
		unlink(c->link);
	console_free(c);
}

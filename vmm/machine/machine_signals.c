/* SPDX-License-Identifier: Apache-2.0 */
/* Signals of the user, taken in the event loop: quit on INT, TERM and HUP, print statistics on USR1, press the power
 * button on USR2. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "bits.h"
#include "fd.h"
#include "log.h"
#include "machine_priv.h"
#include "sigbus.h"
#include "stats.h"

static void signal_arrived(struct loop_source *src)
{
	struct machine *m = container_of(src, struct machine, signals);
	struct signalfd_siginfo info;

	if (read(src->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGUSR1) {
		stats_print(stderr);
		return;
	}
	if (info.ssi_signo == SIGUSR2) {
		machine_power_button(m);
		return;
	}
	log_info("%s: the VM is stopped", strsignal((int)info.ssi_signo));
	vm_stop(&m->vm, VM_STOP_QUIT);
}

int machine_build_signals(struct machine *m)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	/* Blocked before any thread exists, so that every thread inherits it and only the loop sees them. */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);

	int err = sigbus_init();

	if (err < 0)
		return err;

	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);

	if (fd < 0)
		return log_fail(-errno,
				"cannot create a signal descriptor: %s; the process may have too many open files "
				"(`ulimit -n`)",
				strerror(errno));

	err = loop_add(&m->loop, &m->signals, fd, signal_arrived);

	if (err < 0)
		close(fd);
	return err;
}

bool machine_hear_signal(struct machine *m)
{
	signal_arrived(&m->signals);
	return loop_is_stopping(&m->loop);
}

void machine_drop_signals(struct machine *m)
{
	if (!m->signals.added)
		return;
	loop_del(&m->loop, &m->signals);
	fd_close(&m->signals.fd);
}

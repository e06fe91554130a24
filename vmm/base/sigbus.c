/* SPDX-License-Identifier: Apache-2.0 */
#include "sigbus.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

static _Thread_local const char *volatile touching;

struct text {
	char buf[512];
	size_t len;
};

static void add(struct text *t, const char *s)
{
	size_t len = strlen(s), room = sizeof(t->buf) - t->len;

	if (len > room)
		len = room;
	memcpy(t->buf + t->len, s, len);
	t->len += len;
}

static void add_hex(struct text *t, uintptr_t value)
{
	char digits[2 * sizeof(value) + 1] = {0};

	for (unsigned i = sizeof(digits) - 1; i-- > 0; value >>= 4)
		digits[i] = "0123456789abcdef"[value & 0xf];
	add(t, digits);
}

/* Only what is allowed in a signal handler (signal-safety(7)). */
static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	struct text t = {.len = 0};
	const char *what = touching;

	/* Somebody sent it: that ends us as it always does. */
	if (info->si_code <= 0) {
		signal(sig, SIG_DFL);
		raise(sig);
		return;
	}
	add(&t, "aerie: error: ");
	add(&t, what ? what : "memory that is mapped");
	add(&t, info->si_code == BUS_MCEERR_AR || info->si_code == BUS_MCEERR_AO
			? ": the host's memory failed"
			: ": the host has taken it away (device unplugged or switched off, or huge pages ran out)");
	add(&t, ", at 0x");
	add_hex(&t, (uintptr_t)info->si_addr);
	add(&t, "; the VM ends; the host's kernel log may say more\r\n");

	ssize_t done = write(STDERR_FILENO, t.buf, t.len);
	(void)done;
	_exit(1);
}

int sigbus_init(void)
{
	struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};

	sigemptyset(&action.sa_mask);
	if (sigaction(SIGBUS, &action, NULL) < 0)
		return log_fail(-errno, "cannot install the SIGBUS handler: %s", strerror(errno));
	return 0;
}

void sigbus_touching(const char *what)
{
	touching = what;
}
